//! The thread `ingest`: keeps the open studies, and asks `reading` for what needs a child.
//!
//! Files and the journal are the queue. What is held here can be made again from them: a start
//! rebuilds the open studies from the journal.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use super::completeness::{Arrival, Decision};
use super::folder::{self, Watch};
use crate::appliance::alarms::{Alarm, Severity};
use crate::appliance::config::Ingest;
use crate::appliance::health::{Heartbeats, Stage};
use crate::appliance::identity::{DeviceKey, INSTANCE};
use crate::appliance::journal::{FileRow, FileState, Fingerprint, Journal, JournalError};
use crate::appliance::reader::protocol::{FileOutcome, SCAN_PATHS_MAX, StudySummary};
use crate::appliance::shared::Shared;

/// Most studies open at a time; beyond that, new files wait in the folder.
const OPEN_STUDIES_MAX: usize = 4096;
/// Wait before a study whose reading failed is read again.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Asked of the thread `reading`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Look at these files.
    Scan(Vec<(PathBuf, Fingerprint)>),
    /// Find out which roles a study's series take.
    Summarise(String),
    /// Read a study.
    Read(String),
    /// Test the installation, although a result may be known.
    SelfTest,
    /// Nothing: look whether it is time to stop.
    Wake,
}

/// Told by the thread `reading`, one for each [`Ask`], and by whoever else has a word for `ingest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// What the files were.
    Scanned(Vec<Looked>),
    /// The roles; `None` where they could not be found out this time.
    Summary(String, Option<StudySummary>),
    /// A reading ended: whether the study needs no further attempt.
    ReadEnded(String, bool),
    /// Look at the export folder now.
    Rescan,
    /// A study has its attempts back.
    Reopen(String),
    /// A study is not to be read.
    Close(String),
    /// Nothing: look whether it is time to stop.
    Wake,
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

struct Open {
    arrival: Arrival,
    /// Something about it is being done; no further decision before that ends.
    busy: bool,
    /// No reading before this moment.
    not_before: Duration,
    /// Files came while it was being read.
    again: bool,
}

/// The state of the thread `ingest`.
pub struct Desk {
    shared: Arc<Shared>,
    journal: Journal,
    key: DeviceKey,
    watch: Watch,
    open: BTreeMap<String, Open>,
    scan_asked: bool,
    rescan_now: bool,
    begun: Instant,
    asks: SyncSender<Ask>,
    told: Receiver<Told>,
}

impl Desk {
    /// Rebuilds the open studies from the journal.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn open(
        shared: Arc<Shared>,
        journal: Journal,
        key: DeviceKey,
        asks: SyncSender<Ask>,
        told: Receiver<Told>,
    ) -> Result<Self, JournalError> {
        let watch = Watch::remembering(journal.known_files()?);
        let studies = journal.open_studies()?;
        let mut desk = Self {
            shared,
            journal,
            key,
            watch,
            open: BTreeMap::new(),
            scan_asked: false,
            rescan_now: false,
            begun: Instant::now(),
            asks,
            told,
        };
        for study_key in studies {
            desk.reopen(study_key);
        }
        Ok(desk)
    }

    /// Works until the supervisor stops it.
    ///
    /// # Errors
    /// As the journal gives them: without it nothing can be done safely.
    pub fn run(mut self, heartbeats: &Heartbeats) -> Result<(), JournalError> {
        let mut next_rescan = Duration::ZERO;
        while !self.shared.stopping() {
            heartbeats.beat(Stage::Ingest);
            let period = self.shared.rescan_period();
            if self.now() >= next_rescan || self.rescan_now {
                self.rescan_now = false;
                self.rescan()?;
                next_rescan = self.now() + period;
            }
            self.ask_for_what_is_due();
            match self.told.recv_timeout(next_rescan.saturating_sub(self.now()).min(period)) {
                Ok(told) => self.hear(told)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn rescan(&mut self) -> Result<(), JournalError> {
        let settings = self.shared.settings();
        match folder::list(&settings.ingest.folder) {
            Ok(listing) => {
                self.shared.alarms.clear(Alarm::ExportFolder);
                let gone = self.watch.rescanned(&listing, self.begun.elapsed());
                if !gone.is_empty() {
                    self.journal.forget_files(gone)?;
                }
            }
            Err(error) => {
                let text = format!("{} can't be read: {error}", settings.ingest.folder.display());
                self.shared.alarms.raise(Alarm::ExportFolder, Severity::Major, &text);
            }
        }
        Ok(())
    }

    /// Asks for the next scan and for what each open study is due; a full channel means later.
    fn ask_for_what_is_due(&mut self) {
        if !self.shared.intake_open() {
            return;
        }
        if !self.scan_asked && self.open.len() < OPEN_STUDIES_MAX {
            let files = self.watch.take_settled(SCAN_PATHS_MAX);
            if !files.is_empty() {
                let paths: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
                self.scan_asked = self.ask(Ask::Scan(files));
                if !self.scan_asked {
                    self.watch.not_looked_at(&paths);
                }
            }
        }
        let settings = self.shared.settings();
        let (now, unseen) = (self.now(), self.watch.unseen_since());
        for study_key in self.due(&settings.ingest, now, unseen) {
            let Some(study) = self.open.get(&study_key) else { continue };
            let ask = match study.arrival.decide(&settings.ingest, now, unseen) {
                Decision::Summarise => Ask::Summarise(study_key.clone()),
                Decision::Ready(why) => {
                    log::info!("study {study_key} is to be read: {}", why.name());
                    Ask::Read(study_key.clone())
                }
                Decision::Wait(_) => continue,
            };
            let busy = self.ask(ask);
            if let Some(study) = self.open.get_mut(&study_key) {
                study.busy = busy;
            }
        }
    }

    fn due(&self, rules: &Ingest, now: Duration, unseen: Option<Duration>) -> Vec<String> {
        let due = |study: &Open| {
            !study.busy
                && now >= study.not_before
                && !matches!(study.arrival.decide(rules, now, unseen), Decision::Wait(_))
        };
        // One at a time: `reading` does one thing at a time, and what is not yet asked can still change.
        self.open.iter().filter(|(_, study)| due(study)).map(|(key, _)| key.clone()).take(1).collect()
    }

    fn ask(&self, ask: Ask) -> bool {
        match self.asks.try_send(ask) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    fn hear(&mut self, told: Told) -> Result<(), JournalError> {
        match told {
            Told::Scanned(looked) => {
                self.scan_asked = false;
                self.scanned(looked)
            }
            Told::Summary(study_key, summary) => {
                let now = self.now();
                if let Some(study) = self.open.get_mut(&study_key) {
                    study.busy = false;
                    match summary {
                        Some(summary) if !study.again => study.arrival.summarised(summary),
                        Some(_) => study.again = false,
                        None => study.not_before = now + RETRY_DELAY,
                    }
                }
                Ok(())
            }
            Told::ReadEnded(study_key, finished) => self.read_ended(&study_key, finished),
            Told::Rescan => {
                self.rescan_now = true;
                Ok(())
            }
            Told::Reopen(study_key) => {
                self.reopen(study_key);
                Ok(())
            }
            Told::Close(study_key) => {
                self.open.remove(&study_key);
                Ok(())
            }
            Told::Wake => Ok(()),
        }
    }

    fn read_ended(&mut self, study_key: &str, finished: bool) -> Result<(), JournalError> {
        let now = self.now();
        let Some(study) = self.open.get_mut(study_key) else { return Ok(()) };
        study.busy = false;
        if study.again {
            self.journal.study_arrives(study_key)?;
            study.again = false;
        } else if finished {
            self.open.remove(study_key);
        } else {
            study.not_before = now + RETRY_DELAY;
        }
        Ok(())
    }

    /// Remembers what was looked at, durably, before anything is concluded from it.
    fn scanned(&mut self, looked: Vec<Looked>) -> Result<(), JournalError> {
        let mut rows = Vec::new();
        let mut verdicts = Vec::new();
        for Looked { path, fingerprint, result } in looked {
            let row = match result {
                LookResult::NotLooked => {
                    self.watch.not_looked_at(&[path]);
                    continue;
                }
                // Its attempt is in the journal already.
                LookResult::Suspect => {
                    self.watch.looked_at(&path, fingerprint, FileState::Suspect);
                    continue;
                }
                LookResult::Condemned(reason) => FileRow::bare(path, fingerprint, FileState::Refused, Some(reason)),
                LookResult::Seen(outcome) => self.row(path, fingerprint, outcome),
            };
            verdicts.push((row.path.clone(), fingerprint, row.state, row.study_key.clone()));
            rows.push(row);
        }
        self.journal.remember_files(rows)?;
        for (path, fingerprint, state, study_key) in verdicts {
            self.watch.looked_at(&path, fingerprint, state);
            if let Some(study_key) = study_key {
                self.file_came(study_key)?;
            }
        }
        Ok(())
    }

    fn row(&self, path: PathBuf, fingerprint: Fingerprint, outcome: FileOutcome) -> FileRow {
        match outcome {
            FileOutcome::Instance { study_uid, series_uid, instance_uid, digest, header } => FileRow {
                study_key: Some(self.key.study_key(&study_uid)),
                instance_key: Some(self.key.keyed_hash(INSTANCE, &format!("{series_uid}\n{instance_uid}"))),
                digest: Some(digest),
                header: Some(header.into_bytes()),
                ..FileRow::bare(path, fingerprint, FileState::Accepted, None)
            },
            FileOutcome::Incomplete { reason } => FileRow::bare(path, fingerprint, FileState::Incomplete, Some(reason)),
            FileOutcome::Refused { reason } => FileRow::bare(path, fingerprint, FileState::Refused, Some(reason)),
        }
    }

    fn file_came(&mut self, study_key: String) -> Result<(), JournalError> {
        let now = self.now();
        match self.open.get_mut(&study_key) {
            Some(study) => {
                study.arrival.file_came(now);
                study.again |= study.busy;
                if study.busy {
                    self.journal.study_arrives(&study_key)?;
                }
            }
            None => {
                self.journal.study_arrives(&study_key)?;
                log::info!("study {study_key} arrives");
                self.reopen(study_key);
            }
        }
        Ok(())
    }

    fn reopen(&mut self, study_key: String) {
        let arrival = Arrival::begun(self.now());
        self.open.insert(study_key, Open { arrival, busy: false, not_before: Duration::ZERO, again: false });
    }
}
