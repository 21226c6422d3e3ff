//! Archives: a list of studies, read one after the other, a result each.
//!
//! [`list`] says which studies a shard has, [`folder`] where results are and which are there already, [`reading`] has one study read in
//! a child, [`run()`] several side by side. Each study costs at most its child, as in the appliance. A result holds no moment but the
//! archive's own ([`folder::Terms`]), so that whoever reads a study, and however often, makes the same bytes. What this
//! process keeps in memory grows with the list alone.

pub mod folder;
pub mod list;
mod reading;
pub mod row;
mod run;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::inference::{InferenceError, ModelSource};
use list::{ListError, Shard};

pub use run::{Summary, run};

/// How an archive is read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The part of the list that is this run's.
    pub shard: Shard,
    /// Folder of the results; without one nothing is kept.
    pub out: Option<PathBuf>,
    /// Where the models are.
    pub models: ModelSource,
    /// Error rate of prediction sets, %.
    pub alpha_percent: u8,
    /// Studies read side by side.
    pub jobs: NonZeroUsize,
    /// Threads of each.
    pub threads: NonZeroUsize,
    /// Memory of each, MiB.
    pub memory_mib: u64,
    /// Wall time of each.
    pub time_limit: Duration,
    /// Whether reports are the only files that are wanted.
    pub reports_only: bool,
    /// Whether studies that could not be read are tried again.
    pub retry_failed: bool,
    /// The moment that stands in the reports, RFC 3339; the beginning of the archive's first run where none is given.
    pub produced_at: Option<String>,
    /// Whether rows bring the reports.
    pub reports_in_rows: bool,
}

/// Why a run ended early. None of them is about a study.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The list can't be used.
    #[error(transparent)]
    List(#[from] ListError),
    /// The models can't be used.
    #[error(transparent)]
    Models(#[from] InferenceError),
    /// A child can't use them.
    #[error("the models can't be used: {0}")]
    Unusable(String),
    /// Another set was installed meanwhile.
    #[error("another model set was installed meanwhile: run it again with --models and a folder that stays")]
    ModelsMoved,
    /// The folder holds the results of something else.
    #[error("{} holds results with {key} {there}, and this run would make them with {here}: name another folder", path.display())]
    Otherwise {
        /// The folder's terms.
        path: PathBuf,
        /// What differs.
        key: &'static str,
        /// As it is there.
        there: String,
        /// As it would be.
        here: String,
    },
    /// The folder's terms can't be understood.
    #[error("{} is not the beginning of an archive's results: {reason}; name another folder", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else reads the same shard into the same folder.
    #[error("another run reads shard {0} into this folder: wait for it, or end it")]
    InUse(Shard),
    /// A file of the results can't be made.
    #[error("{}: {source}; make room or another folder, then run it again: it goes on where it was", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A child can't write its result.
    #[error("a result can't be written to {}: {reason}; make room, then run it again: it goes on where it was", path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// No child can be started.
    #[error("{0}")]
    Start(String),
    /// Nobody takes the rows any more.
    #[error("standard output: {0}")]
    Output(io::Error),
}

impl ArchiveError {
    fn folder(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { path, source }
    }
}

/// The sign to stop, which SIGTERM, SIGINT and SIGHUP give from now on.
///
/// # Errors
/// Where the operating system does not let a signal be taken up.
pub fn stop_on_signals() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
