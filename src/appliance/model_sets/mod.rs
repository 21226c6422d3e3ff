//! Model sets as they are installed: bundles in, one set in force, the former ones kept.
//!
//! The set in force is what the folder of the models leads to. That folder, such as `/var/lib/deepspine/models`, is a link into
//! `models.sets` beside it, where each set has a folder of its own, named by its hash and never written again; so at each moment
//! whoever opens it finds one whole set. [`install()`] and [`rollback`] are the two ways to another one, [`Bundle`] is what may come
//! in, [`Shelf`] the folders and the switch, [`trial`] the test in a child before it; [`list`] and [`verify`] change nothing. A set
//! that adds to another is installed as one set with it.
//!
//! A bundle comes from outside: nothing but the files that its manifest names and its cards is taken, no link is followed, every
//! size has a limit, and no network is loaded in this process.

mod bundle;
mod inspect;
mod install;
mod shelf;
pub mod trial;

pub use bundle::Bundle;
pub use inspect::{FormerSet, Listing, LookedInto, NetworkSeen, SetSeen, list, verify};
pub use install::{Order, install, rollback};
pub use shelf::{FORMER_SETS_KEPT, Shelf};

use std::io;
use std::path::{Path, PathBuf};

use super::reader::child::ChildError;
use crate::inference::{InferenceError, ModelSet};

/// Longest text of a manifest that is repeated, characters.
const TEXT_CHARS_MAX: usize = 400;
/// Digits of a hash that are shown.
const SHORT_HASH_DIGITS: usize = 12;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ModelSetError {
    /// The bundle is not there, or can't be read.
    #[error("can't read {path}: {source}; name the folder that holds the bundle's manifest.toml")]
    Source {
        /// Which file or folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The bundle, or a set, is not one that can be used.
    #[error("{path}: {what}")]
    Wrong {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A set can't be opened, or its files are not those of its manifest.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The child that tests could not be started.
    #[error("the networks could not be tested: {0}; try again")]
    Untested(ChildError),
    /// Nobody accepted the terms.
    #[error("the terms were not accepted; read them above, and install with --accept-terms where you do")]
    Terms,
    /// Another process changes the same folder.
    #[error("{0}: another install or rollback is under way; try again when it is done")]
    Busy(PathBuf),
    /// A file or folder of the place can't be made or changed.
    #[error("{path}: {doing}: {source}")]
    Place {
        /// Which.
        path: PathBuf,
        /// What was tried, and what may help.
        doing: &'static str,
        /// What the file system said.
        source: io::Error,
    },
    /// What stands in the place is not ours to replace.
    #[error("{path}: {what}")]
    Occupied {
        /// The place.
        path: PathBuf,
        /// What stands there, and what to do.
        what: String,
    },
    /// There is no former set.
    #[error("{0}: no former set is kept there, so there is nothing to go back to; install the set that you want")]
    NothingBefore(PathBuf),
    /// An addition came where there is nothing that it could add to.
    #[error("{path}: adds to another set, and none is in force in {place}; install a whole set first")]
    NoBase {
        /// The addition.
        path: PathBuf,
        /// Where it was to be installed.
        place: PathBuf,
    },
}

/// Text of somebody else's, on one line, without control characters and not too long.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_CHARS_MAX).collect()
}

/// The beginning of a hash.
fn short(sha256: &str) -> String {
    sha256.chars().take(SHORT_HASH_DIGITS).collect()
}

/// The networks of a set, in words.
fn names(set: &ModelSet) -> String {
    let names = set.manifest().model.iter().map(|m| format!("{} {}", m.name, plain(&m.version)));
    names.collect::<Vec<_>>().join(", ")
}

/// Whether the set adds to another one.
fn adds(set: &ModelSet) -> bool {
    set.folder() != set.base_folder()
}

fn place_error(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> ModelSetError {
    let path = path.to_path_buf();
    move |source| ModelSetError::Place { path, doing, source }
}
