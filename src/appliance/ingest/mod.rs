//! The export folder: what is in it, when a file may be looked at, when a study is complete.
//!
//! The folder is only ever read. [`listing`] walks it, [`watch`] tells settled files from growing and
//! known ones, [`completeness`] decides when a study is ready, [`desk`] keeps the open studies and asks
//! the `reading` thread, which owns the children, for what needs a child. Files are found by rescans
//! alone, which work on every file system; [`bell`] only makes the next one come early, and [`pace`]
//! says when that is.

pub mod asks;
pub mod bell;
pub mod completeness;
pub mod desk;
pub mod listing;
mod open;
pub mod pace;
mod rescan;
mod said;
pub mod watch;
