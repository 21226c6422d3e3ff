//! Asking from outside: a running appliance over its socket, a stopped one by opening its journal.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::answer::{Caller, answer};
use super::socket_path;
use super::words::{Reply, Request};
use crate::appliance::actions::Actions;
use crate::appliance::config::Settings;
use crate::appliance::frame::{read_frame, write_frame};
use crate::appliance::identity;
use crate::appliance::journal::{Journal, JournalError};
use crate::appliance::shared::Shared;
use crate::appliance::supervisor::lock_state_dir;

/// How long an appliance may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why nobody answers.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// It runs, but its socket can't be used.
    #[error(
        "a deepspine is running or starting, but {path} can't be used: {source}; ask again as root or as a member of deepspine-admin"
    )]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It broke off.
    #[error("the appliance does not answer: {0}")]
    Silent(io::Error),
    /// There is no state to look into.
    #[error("{path}: {source}; no appliance has worked here, or it belongs to another user (storage.state-dir)")]
    NoState {
        /// The state folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The journal can't be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A way to ask: it stays open, so that a stopped appliance's journal is opened once.
pub enum Look {
    /// A running appliance, by its socket.
    Running(PathBuf),
    /// A stopped one; the lock keeps it from being started meanwhile.
    Stopped(Box<Actions>, std::fs::File),
}

impl Look {
    /// Finds out whether the appliance of `settings` runs.
    ///
    /// # Errors
    /// See [`LookError`].
    pub fn begin(settings: Settings) -> Result<Self, LookError> {
        let path = socket_path(&settings.storage.runtime_dir);
        let no_socket = match UnixStream::connect(&path) {
            Ok(_) => return Ok(Self::Running(path)),
            Err(error) => error,
        };
        let state_dir = settings.storage.state_dir.clone();
        let no_state = |source| LookError::NoState { path: state_dir.clone(), source };
        std::fs::metadata(&state_dir).map_err(no_state)?;
        let lock = match lock_state_dir(&state_dir) {
            Ok(Some(lock)) => lock,
            Ok(None) => return Err(LookError::Socket { path, source: no_socket }),
            Err(source) => return Err(no_state(source)),
        };
        let key = identity::load_or_create_key(&state_dir, settings.study_key_file.as_deref()).map_err(no_state)?;
        let journal = Journal::open(&state_dir)?;
        let shared = Arc::new(Shared::new(settings, Duration::ZERO));
        Ok(Self::Stopped(Box::new(Actions { shared, journal, key, threads: None }), lock))
    }

    /// Asks.
    ///
    /// # Errors
    /// [`LookError::Silent`]; that something is refused is a [`Reply`].
    pub fn ask(&self, request: &Request) -> Result<Reply, LookError> {
        match self {
            Self::Running(path) => ask_at(path, request).map_err(LookError::Silent),
            Self::Stopped(actions, _) => {
                let uid = rustix::process::geteuid().as_raw();
                let pid = rustix::process::getpid().as_raw_pid();
                // Whoever can open the journal and the key has them anyway.
                Ok(answer(actions, request, Caller { uid, pid, trusted: true }))
            }
        }
    }
}

fn ask_at(path: &Path, request: &Request) -> io::Result<Reply> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write_frame(&mut &stream, request)?;
    read_frame(&mut &stream)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
