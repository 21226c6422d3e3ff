//! Looking in: a socket on which `deepspine status`, `studies` and `outbox` ask a running appliance.
//!
//! [`words`] is what is said, [`answer`] what is answered, alike by a running appliance and by a look into a
//! stopped one ([`look`]). Who may ask is decided by the socket's group; who may learn an identity by the
//! kernel's word on the caller: root, or the appliance's own user. That is audited.

pub mod answer;
pub mod look;
mod server;
pub mod words;

pub use server::Control;

use std::path::{Path, PathBuf};

/// The socket in its folder.
#[must_use]
pub fn socket_path(runtime_dir: &Path) -> PathBuf {
    runtime_dir.join("control.sock")
}
