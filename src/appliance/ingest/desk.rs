//! The thread `ingest`: keeps the open studies, and asks `reading` for what needs a child.
//!
//! Files and the journal are the queue. What is held here can be made again from them: a start
//! rebuilds the open studies from the journal. The thread sleeps until the next rescan, the next
//! decision, or a word from somebody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

pub use super::asks::{Ask, LookResult, Looked, ReadEnd, Told};
use super::bell::Bell;
use super::completeness::Decision;
use super::open::Open;
use super::pace::Pace;
use super::said::Said;
use super::watch::{Unseen, Watch};
use crate::appliance::health::{Heartbeats, Stage};
use crate::appliance::identity::{DeviceKey, INSTANCE};
use crate::appliance::journal::{FileRow, FileState, Fingerprint, Journal, JournalError, WaitingStudy};
use crate::appliance::reader::protocol::{FileOutcome, StudySummary};
use crate::appliance::shared::Shared;

/// Most studies open at a time; beyond that, new files wait in the folder.
const OPEN_STUDIES_MAX: usize = 4096;
/// Wait before a study whose reading failed is read again.
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// How often it is noted how long the open studies have waited.
const NOTE_PERIOD: Duration = Duration::from_secs(60);
/// Longest sleep: the thread says that it is alive.
const SLEEP_MAX: Duration = Duration::from_secs(15);
/// Files of the journal that are gone through at a time.
pub(super) const PAGE_FILES: usize = 1024;

/// Time since one fixed moment, which no setting of a wall clock changes.
pub type Clock = Box<dyn Fn() -> Duration + Send>;

/// The state of the thread `ingest`.
pub struct Desk {
    pub(super) shared: Arc<Shared>,
    pub(super) journal: Journal,
    key: DeviceKey,
    clock: Clock,
    pub(super) watch: Watch,
    pub(super) bell: Option<Bell>,
    pub(super) pace: Pace,
    pub(super) said: Said,
    /// Why the export folder can't be believed now.
    pub(super) folder_problem: Option<String>,
    /// File system and inode of the export folder when it last held files.
    pub(super) root: Option<(u64, u64)>,
    pub(super) open: BTreeMap<String, Open>,
    note_at: Duration,
    asks: SyncSender<Ask>,
    told: Receiver<Told>,
    pub(super) wake: SyncSender<Told>,
}

impl Desk {
    /// A desk that asks by `asks`, is answered by `told`, and wakes itself by `wake`, the other end of `told`.
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        journal: Journal,
        key: DeviceKey,
        asks: SyncSender<Ask>,
        told: Receiver<Told>,
        wake: SyncSender<Told>,
    ) -> Self {
        let begun = Instant::now();
        Self {
            shared,
            journal,
            key,
            clock: Box::new(move || begun.elapsed()),
            watch: Watch::default(),
            bell: None,
            pace: Pace::default(),
            said: Said::default(),
            folder_problem: None,
            root: None,
            open: BTreeMap::new(),
            note_at: NOTE_PERIOD,
            asks,
            told,
            wake,
        }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { note_at: clock() + NOTE_PERIOD, clock, ..self }
    }

    /// Works until the supervisor stops it.
    ///
    /// # Errors
    /// As the journal gives them: without it nothing can be done safely.
    pub fn run(mut self, heartbeats: &Heartbeats) -> Result<(), JournalError> {
        let beat = || heartbeats.beat(Stage::Ingest);
        self.recall(&beat)?;
        while !self.shared.stopping() {
            beat();
            let sleep = self.step(&beat)?;
            match self.told.recv_timeout(sleep) {
                Ok(told) => self.hear(told)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        self.note_waiting()
    }

    /// Rebuilds from the journal which files are known and which studies are open.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn recall(&mut self, beat: &dyn Fn()) -> Result<(), JournalError> {
        let mut after = PathBuf::new();
        while !self.shared.stopping() {
            beat();
            let page = self.journal.known_files_after(&after, PAGE_FILES)?;
            for (path, print, state) in &page {
                self.watch.remember(path, *print, *state);
            }
            let Some((last, _, _)) = page.into_iter().last() else { break };
            after = last;
        }
        for study in self.journal.waiting_studies()? {
            self.reopen(&study)?;
        }
        Ok(())
    }

    /// One round: looks into the folder where that is due, and asks for what is due. How long to sleep then, unless
    /// somebody has a word.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn step(&mut self, beat: &dyn Fn()) -> Result<Duration, JournalError> {
        if self.bell.as_ref().is_some_and(Bell::rang) {
            self.pace.hurry();
        }
        if self.now() >= self.pace.due() {
            self.rescan(beat)?;
        }
        if self.now() >= self.note_at {
            self.note_waiting()?;
        }
        let unseen = if self.open.is_empty() { Unseen::default() } else { self.watch.unseen() };
        self.ask_for_what_is_due(&unseen);
        Ok(self.sleep(&unseen))
    }

    /// Acts on a word.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn hear(&mut self, told: Told) -> Result<(), JournalError> {
        match told {
            Told::Scanned(looked) => self.scanned(looked)?,
            Told::Summary(study_key, summary) => self.summarised(&study_key, summary),
            Told::ReadEnded(study_key, end) => self.read_ended(&study_key, end)?,
            Told::Reopen(study_key) => {
                let waiting = self.journal.waiting_studies()?;
                if let Some(study) = waiting.iter().find(|study| study.study_key == study_key) {
                    self.reopen(study)?;
                }
            }
            Told::Close(study_key) => {
                self.open.remove(&study_key);
            }
            Told::Wake => self.pace.hurry(),
        }
        Ok(())
    }

    /// Files that are known, and studies that are open.
    #[must_use]
    pub fn depth(&self) -> (usize, usize) {
        (self.watch.known(), self.open.len())
    }

    pub(super) fn now(&self) -> Duration {
        (self.clock)()
    }

    /// Until the next rescan, note or decision. What is due and could not be asked is asked when an answer comes.
    fn sleep(&self, unseen: &Unseen) -> Duration {
        let (settings, now) = (self.shared.settings(), self.now());
        let decision = |study: &Open| match study.decide(&settings.ingest, now, unseen) {
            Decision::Wait(until) => Some(until),
            _ if study.not_before > now => Some(study.not_before),
            _ => None,
        };
        let decisions = self.open.values().filter(|study| !study.busy).filter_map(decision);
        let note = (!self.open.is_empty()).then_some(self.note_at);
        let next = decisions.chain(note).chain([self.pace.due()]).min().unwrap_or(now);
        next.saturating_sub(now).min(SLEEP_MAX)
    }

    /// Asks for the next scan and for what a study is due. One of each at a time: `reading` does one thing at a time,
    /// and what is not yet asked can still change. Nothing is asked while the folder can't be believed.
    fn ask_for_what_is_due(&mut self, unseen: &Unseen) {
        if self.folder_problem.is_some() || !self.shared.intake_open() {
            return;
        }
        if self.open.len() < OPEN_STUDIES_MAX {
            let files = self.watch.take_settled();
            let paths: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
            if !files.is_empty() && self.asks.try_send(Ask::Scan(files)).is_err() {
                self.watch.not_looked_at(&paths);
            }
        }
        if self.open.values().any(|study| study.busy) {
            return;
        }
        let Some((study_key, decision)) = self.most_urgent(unseen) else { return };
        let Some(study) = self.open.get_mut(&study_key) else { return };
        let ask = match decision {
            Decision::Ready(why) => {
                log::info!(study_key = study_key.as_str(); "study {study_key} is to be read: {}", why.name());
                Ask::Read { study_key, as_it_is: study.as_it_is(why) }
            }
            Decision::Summarise | Decision::Wait(_) => Ask::Summarise(study_key),
        };
        study.busy = self.asks.try_send(ask).is_ok();
    }

    /// Of the studies for which something is due, the one whose files came last: somebody waits for it.
    fn most_urgent(&self, unseen: &Unseen) -> Option<(String, Decision)> {
        let (settings, now) = (self.shared.settings(), self.now());
        let due = self.open.iter().filter(|(_, study)| now >= study.not_before).filter_map(|(key, study)| {
            let decision = study.decide(&settings.ingest, now, unseen);
            (!matches!(decision, Decision::Wait(_))).then_some((study.newest_change_ns(), key, decision))
        });
        due.max_by_key(|(newest_ns, key, _)| (*newest_ns, *key)).map(|(_, key, decision)| (key.clone(), decision))
    }

    fn summarised(&mut self, study_key: &str, summary: Option<StudySummary>) {
        let now = self.now();
        let Some(study) = self.open.get_mut(study_key) else { return };
        study.busy = false;
        match summary {
            Some(summary) if !study.again => study.arrival.summarised(summary),
            Some(_) => study.again = false,
            None => study.not_before = now + RETRY_DELAY,
        }
    }

    fn read_ended(&mut self, study_key: &str, end: ReadEnd) -> Result<(), JournalError> {
        let now = self.now();
        let Some(study) = self.open.get_mut(study_key) else { return Ok(()) };
        study.busy = false;
        study.not_before = now + RETRY_DELAY;
        if study.again {
            study.again = false;
            study.not_before = Duration::ZERO;
            return self.journal.study_arrives(study_key);
        }
        match end {
            ReadEnd::Finished => {
                self.open.remove(study_key);
            }
            ReadEnd::Again => self.pace.hurry(),
            ReadEnd::Moved => {
                study.moved();
                self.pace.hurry();
            }
        }
        Ok(())
    }

    /// Remembers what was looked at and which studies it opens, durably, before anything is concluded from it.
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
                    self.watch.looked_at(&path, FileState::Suspect);
                    continue;
                }
                LookResult::Condemned(reason) => FileRow::bare(path, fingerprint, FileState::Refused, Some(reason)),
                LookResult::Seen(outcome) => self.row(path, fingerprint, outcome),
            };
            verdicts.push((row.path.clone(), row.state, row.study_key.clone()));
            rows.push(row);
        }
        self.journal.remember_files(rows)?;
        for (path, state, study_key) in verdicts {
            let changed_ns = self.watch.looked_at(&path, state);
            if let Some(study_key) = study_key {
                self.file_came(study_key, &path, changed_ns)?;
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

    fn file_came(&mut self, study_key: String, path: &Path, changed_ns: Option<i64>) -> Result<(), JournalError> {
        let now = self.now();
        if !self.open.contains_key(&study_key) {
            log::info!(study_key = study_key.as_str(); "study {study_key} arrives");
            self.reopen(&WaitingStudy {
                study_key: study_key.clone(),
                waited_secs: 0,
                quiet_secs: 0,
                changes_ns: None,
            })?;
        }
        let Some(study) = self.open.get_mut(&study_key) else { return Ok(()) };
        if study.arrival.waited(now).since_last >= NOTE_PERIOD {
            // A restart must not take the file for one that was waited for.
            self.note_at = now;
        }
        study.file_came(path, changed_ns, now);
        Ok(())
    }

    fn reopen(&mut self, study: &WaitingStudy) -> Result<(), JournalError> {
        let folder = self.journal.common_folder_of(&study.study_key)?;
        self.open.insert(study.study_key.clone(), Open::new(study, folder, self.now()));
        Ok(())
    }

    fn note_waiting(&mut self) -> Result<(), JournalError> {
        let now = self.now();
        self.note_at = now + NOTE_PERIOD;
        let studies: Vec<WaitingStudy> = self.open.iter().map(|(key, study)| study.waiting(key, now)).collect();
        if studies.is_empty() { Ok(()) } else { self.journal.note_waiting(studies) }
    }
}
