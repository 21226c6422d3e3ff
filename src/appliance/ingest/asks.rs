//! What the threads `ingest` and `reading` say to each other.

use std::path::PathBuf;

use crate::appliance::journal::Fingerprint;
use crate::appliance::reader::protocol::{FileOutcome, StudySummary};

/// Asked of the thread `reading`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Look at these files.
    Scan(Vec<(PathBuf, Fingerprint)>),
    /// Find out which roles a study's series take.
    Summarise(String),
    /// Read a study.
    Read {
        /// The study.
        study_key: String,
        /// Without those of its files that have changed since they were looked at; else they are waited for.
        as_it_is: bool,
    },
    /// Test the installation, although a result may be known.
    SelfTest,
    /// Look whether it is time to stop.
    Wake,
}

/// Told to the thread `ingest`: one for each [`Ask`] about files and studies, and what a person decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// What the files were.
    Scanned(Vec<Looked>),
    /// The roles; `None` where they could not be found out this time.
    Summary(String, Option<StudySummary>),
    /// A reading ended.
    ReadEnded(String, ReadEnd),
    /// A study has its attempts back.
    Reopen(String),
    /// A study is not to be read.
    Close(String),
    /// Look whether it is time to stop, and into the folder soon.
    Wake,
}

/// How a reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEnd {
    /// The study needs no further attempt.
    Finished,
    /// It needs another attempt.
    Again,
    /// Files of it changed since they were looked at, and nothing was read.
    Moved,
}

/// One file that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Where it is.
    pub path: PathBuf,
    /// How it looked when it was given out.
    pub fingerprint: Fingerprint,
    /// What it is.
    pub result: LookResult,
}

/// What came of looking at a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookResult {
    /// The child answered.
    Seen(FileOutcome),
    /// It ended its child, and has attempts left.
    Suspect,
    /// It ended its child as often as it may.
    Condemned(String),
    /// The machine could not look.
    NotLooked,
}
