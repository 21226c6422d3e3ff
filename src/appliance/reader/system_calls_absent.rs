//! Stands for the filter of system calls where nobody has listed them: it says that it is absent.

use std::io;

use crate::inference::Device;

/// Not on this architecture.
pub(super) fn available() -> bool {
    false
}

/// Never called, because [`available`] says so; lays nothing on.
pub(super) fn restrict(_device: Device, _connects: bool) -> io::Result<()> {
    Ok(())
}
