//! The two halves of one pipe: starting and limiting a child, and what a child does.
//!
//! Every DICOM byte is parsed in a child, never in the supervisor: a hostile or broken file costs at
//! most its child. [`child`] is the supervisor's half, [`role`] the child's, who shuts itself in by
//! [`limits`] and [`sandbox`]; [`protocol`] is what they say to each other, [`work`] what a child does with a request, [`archived`] with a study of an archive, [`sending`] with objects for the clinic's archive, [`pipeline`] the reading itself,
//! which `deepspine analyze` does alike.

mod accelerator;
pub mod archived;
pub mod child;
pub mod last_words;
pub mod limits;
pub mod path_bytes;
pub mod pipeline;
pub mod protocol;
pub mod role;
pub mod sandbox;
pub mod sending;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod system_calls;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "system_calls_absent.rs"]
mod system_calls;
pub mod threads;
pub mod work;
