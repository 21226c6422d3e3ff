//! The export folder: what is in it, when a file may be looked at, when a study is complete.
//!
//! The folder is only ever read. [`folder`] lists it and tells settled files from growing ones,
//! [`completeness`] decides when a study is ready, [`desk`] keeps the open studies and asks the
//! `reading` thread, which owns the children, for what needs a child. Files are looked at by rescans
//! alone, which work on every file system.

pub mod completeness;
pub mod desk;
pub mod folder;
