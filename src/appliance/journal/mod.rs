//! Durable state: files seen, studies with their attempts and revisions, reports, outbox, objects for the archive.
//!
//! SQLite in WAL mode with `synchronous=FULL`, one connection, owned by one thread named `journal`;
//! everybody else holds a [`Journal`], which sends that thread closures over a bounded channel and
//! waits for their answers. A full disk or an I/O error may pass: a [`Journal::patient`] handle asks
//! again until it does. Nothing here knows folders, children or brokers. What must happen
//! together happens in one transaction: see [`Journal::commit_report`].

mod files;
mod looks;
mod mark;
mod outbox;
mod patience;
mod reports;
mod schema;
mod sendings;
mod studies;
mod upkeep;
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use rusqlite::{Connection, ErrorCode};

pub use files::{FileRow, FileState, Fingerprint, common_folder};
pub use looks::{LaneDepth, OutboxDepth, OutboxLook, ReportLook, StudyLook};
use mark::SeqMark;
pub use outbox::{Delivered, Durable, Lane, OutboxMessage, OutboxRow};
pub use patience::Patience;
pub use reports::{NewReport, ToExport};
pub use schema::Beginning;
pub use sendings::{SendingLook, SendingsDepth, ToSend};
pub use studies::{Claim, StudyRow, StudyState};
pub use upkeep::Size;
pub use waiting::WaitingStudy;

/// Requests that may wait for the owner thread; a sender beyond that waits too.
const REQUESTS_MAX: usize = 16;

/// Why the journal could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder or file can't be used.
    #[error("journal {path}: {source}")]
    Open {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The integrity check failed: the file is damaged.
    #[error("journal {path} is damaged ({detail}); move it aside to start with an empty one")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// The first complaint of the check.
        detail: String,
    },
    /// The file was written by a newer version.
    #[error("journal {path} has schema {found}, this version knows up to {known}; run the newer version")]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The schema found.
        found: i64,
        /// The newest schema known.
        known: i64,
    },
    /// A statement failed: disk full, I/O error, or our own mistake.
    #[error("journal: {0}")]
    Sql(#[from] rusqlite::Error),
    /// A payload could not be inflated or deflated.
    #[error("journal: payload of message {seq} can't be unpacked: {source}")]
    Payload {
        /// Its sequence number.
        seq: i64,
        /// What the codec said.
        source: std::io::Error,
    },
    /// The mark of sequence numbers can't be written.
    #[error("journal: the mark of sequence numbers can't be kept: {0}")]
    Mark(std::io::Error),
    /// The owner thread is gone.
    #[error("journal: its thread has ended")]
    Closed,
}

impl JournalError {
    /// Whether it is the machine's fault and may pass: no room, a read-only file system, an I/O error.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        use ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, ReadOnly, SystemIoFailure};
        match self {
            Self::Sql(source) | Self::Open { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(DiskFull | SystemIoFailure | ReadOnly | DatabaseBusy | DatabaseLocked | CannotOpen | OutOfMemory)
            ),
            Self::Mark(_) => true,
            _ => false,
        }
    }
}

type Request = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the journal; clones share the one owner thread, which ends when the last is dropped.
#[derive(Clone)]
pub struct Journal {
    requests: SyncSender<Request>,
    mark: Arc<SeqMark>,
    patience: Option<Arc<dyn Patience>>,
}

impl Journal {
    /// Opens `journal.db` in `state_dir`, makes or migrates it, checks its integrity and starts its thread.
    ///
    /// # Errors
    /// [`JournalError::Open`], [`JournalError::Damaged`] or [`JournalError::Newer`].
    pub fn open(state_dir: &Path) -> Result<Self, JournalError> {
        let mark = SeqMark::load(state_dir).map_err(JournalError::Mark)?;
        Self::started(schema::open(&state_dir.join(schema::FILE_NAME), mark.covered())?, mark)
    }

    /// As [`Journal::open`], but a damaged file is set aside and an empty journal begun in its place, which
    /// is to be filled from the bundles; how the journal began is told beside it.
    ///
    /// # Errors
    /// [`JournalError::Open`] or [`JournalError::Newer`].
    pub fn open_or_replace(state_dir: &Path) -> Result<(Self, Beginning), JournalError> {
        let mark = SeqMark::load(state_dir).map_err(JournalError::Mark)?;
        let (connection, beginning) = schema::open_or_replace(state_dir, mark.covered())?;
        Ok((Self::started(connection, mark)?, beginning))
    }

    fn started(mut connection: Connection, mark: SeqMark) -> Result<Self, JournalError> {
        let (requests, inbox) = sync_channel::<Request>(REQUESTS_MAX);
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                for request in inbox {
                    request(&mut connection);
                }
            })
            .map_err(|_| JournalError::Closed)?;
        Ok(Self { requests, mark: Arc::new(mark), patience: None })
    }

    /// A handle that asks again, as long as `patience` says so, where the machine is at fault.
    #[must_use]
    pub fn patient(&self, patience: Arc<dyn Patience>) -> Self {
        Self { patience: Some(patience), ..self.clone() }
    }

    /// Runs `work` on the owner thread and waits for its answer. `work` may be run again after an error
    /// that may pass, whose transaction left nothing behind.
    fn call<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Connection) -> Result<T, JournalError> + Send + Sync + 'static,
    ) -> Result<T, JournalError> {
        let work = Arc::new(work);
        let mut failed_before = false;
        loop {
            let (answer, wait) = sync_channel(1);
            let this_time = Arc::clone(&work);
            let request: Request = Box::new(move |connection| {
                // A caller that no longer waits has no use for the answer.
                let _ = answer.send(this_time(connection));
            });
            self.requests.send(request).map_err(|_| JournalError::Closed)?;
            let answer = wait.recv().map_err(|_| JournalError::Closed)?;
            match (answer, &self.patience) {
                (Err(error), Some(patience)) if error.is_passing() && patience.go_on_after(&error) => {
                    failed_before = true;
                }
                (answer, patience) => {
                    if let Some(patience) = patience
                        && failed_before
                        && answer.is_ok()
                    {
                        patience.over();
                    }
                    return answer;
                }
            }
        }
    }
}
