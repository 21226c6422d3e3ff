//! Durable state: files seen, studies with their attempts and revisions, reports, outbox.
//!
//! SQLite in WAL mode with `synchronous=FULL`, one connection, owned by one thread named `journal`;
//! everybody else holds a [`Journal`], which sends that thread closures over a bounded channel and
//! waits for their answers. Nothing here knows folders, children or brokers. What must happen
//! together happens in one transaction: see [`Journal::commit_report`].

mod files;
mod outbox;
mod schema;
mod studies;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

use rusqlite::Connection;

pub use files::{FileRow, FileState, Fingerprint};
pub use outbox::{Lane, OutboxMessage, OutboxRow};
pub use studies::{Claim, NewReport, StudyRow, StudyState};

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
    /// The owner thread is gone.
    #[error("journal: its thread has ended")]
    Closed,
}

type Request = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the journal; clones share the one owner thread, which ends when the last is dropped.
#[derive(Clone)]
pub struct Journal {
    requests: SyncSender<Request>,
}

impl Journal {
    /// Opens `journal.db` in `state_dir`, makes or migrates it, checks its integrity and starts its thread.
    ///
    /// # Errors
    /// [`JournalError::Open`], [`JournalError::Damaged`] or [`JournalError::Newer`].
    pub fn open(state_dir: &Path) -> Result<Self, JournalError> {
        let mut connection = schema::open(&state_dir.join("journal.db"))?;
        let (requests, inbox) = sync_channel::<Request>(REQUESTS_MAX);
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                for request in inbox {
                    request(&mut connection);
                }
            })
            .map_err(|_| JournalError::Closed)?;
        Ok(Self { requests })
    }

    /// Runs `work` on the owner thread and waits for its answer.
    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (answer, wait) = sync_channel(1);
        let request: Request = Box::new(move |connection| {
            // A caller that no longer waits has no use for the answer.
            let _ = answer.send(work(connection));
        });
        self.requests.send(request).map_err(|_| JournalError::Closed)?;
        wait.recv().map_err(|_| JournalError::Closed)?
    }
}
