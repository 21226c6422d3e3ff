//! The real desk on a real folder and a real journal, with a clock that is set by the test and a reading room
//! that takes no time. A file says in words what it is: study, role, instance.
#![allow(dead_code, clippy::expect_used, clippy::allow_attributes, reason = "each promise uses its part of this")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use deepspine::appliance::identity::DeviceKey;
use deepspine::appliance::ingest::asks::{Ask, LookResult, Looked, ReadEnd, Told};
use deepspine::appliance::ingest::desk::Desk;
use deepspine::appliance::journal::{Claim, FileRow, Journal, NewReport};
use deepspine::appliance::reader::protocol::{FileOutcome, StudySummary};
use deepspine::appliance::shared::Shared;

use super::wire;

/// How often the folder is looked at while something is going on.
pub(crate) const RESCAN_PERIOD: Duration = Duration::from_secs(2);

/// A report as the simulated reading room commits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reported {
    /// When, s since the beginning.
    pub(crate) at_secs: u64,
    /// The study's UID.
    pub(crate) study: String,
    /// Its revision.
    pub(crate) revision: u32,
    /// Files read.
    pub(crate) files: usize,
}

pub(crate) struct Simulation {
    dir: PathBuf,
    overrides: Vec<String>,
    pub(crate) journal: Journal,
    pub(crate) desk: Desk,
    asks: Receiver<Ask>,
    clock_ms: Arc<AtomicU64>,
    key: DeviceKey,
    /// Every report so far.
    pub(crate) reports: Vec<Reported>,
    /// How many files were looked at so far.
    pub(crate) looked_at: usize,
}

impl Simulation {
    pub(crate) fn start(dir: &Path, overrides: &[&str]) -> Self {
        std::fs::create_dir_all(dir.join("in")).expect("the test's folder can be written");
        std::fs::create_dir_all(dir.join("state")).expect("the test's folder can be written");
        let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
        let journal = Journal::open(&dir.join("state")).expect("a journal opens");
        let clock_ms = Arc::new(AtomicU64::new(0));
        let (desk, asks) = desk(dir, &overrides, &journal, &clock_ms);
        let key = DeviceKey::new([1; DeviceKey::BYTES]);
        Self { dir: dir.to_owned(), overrides, journal, desk, asks, clock_ms, key, reports: Vec::new(), looked_at: 0 }
    }

    /// The power is cut and comes back.
    pub(crate) fn restart(&mut self) {
        (self.desk, self.asks) = desk(&self.dir, &self.overrides, &self.journal, &self.clock_ms);
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.join("in")
    }

    /// Writes the instances `numbers` of a series of `study` that takes `role`.
    pub(crate) fn export(&mut self, folder: &str, study: &str, role: &str, numbers: std::ops::Range<u32>) {
        let folder = self.folder().join(folder);
        std::fs::create_dir_all(&folder).expect("the test's folder can be written");
        for number in numbers {
            let file = folder.join(format!("{study}-{role}-{number}.dcm"));
            std::fs::write(file, format!("{study} {role} {number}")).expect("the test's folder can be written");
        }
        self.wake();
    }

    /// What the bell does when something happens, without waiting for its thread.
    pub(crate) fn wake(&mut self) {
        self.desk.hear(Told::Wake).expect("the journal works");
    }

    pub(crate) fn now_secs(&self) -> u64 {
        self.clock_ms.load(Ordering::Relaxed) / 1000
    }

    /// Lets time go by until so many seconds since the beginning.
    pub(crate) fn until_secs(&mut self, end_secs: u64) {
        let end_ms = end_secs * 1000;
        while self.clock_ms.load(Ordering::Relaxed) < end_ms {
            let sleep = self.desk.step(&|| {}).expect("the journal works");
            let mut answered = false;
            while let Ok(ask) = self.asks.try_recv() {
                let told = self.answer(ask);
                self.desk.hear(told).expect("the journal works");
                answered = true;
            }
            if !answered {
                let sleep_ms = u64::try_from(sleep.as_millis()).expect("a short sleep").max(1);
                let now_ms = self.clock_ms.load(Ordering::Relaxed);
                self.clock_ms.store((now_ms + sleep_ms).min(end_ms), Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn pass_secs(&mut self, secs: u64) {
        self.until_secs(self.now_secs() + secs);
    }

    fn answer(&mut self, ask: Ask) -> Told {
        match ask {
            Ask::Scan(files) => {
                self.looked_at += files.len();
                let looked = files.into_iter().map(|(path, fingerprint)| {
                    let result = LookResult::Seen(outcome(&path));
                    Looked { path, fingerprint, result }
                });
                Told::Scanned(looked.collect())
            }
            Ask::Summarise(study_key) => {
                let files = self.journal.files_of(&study_key).expect("the journal works");
                let roles = files.into_iter().filter_map(|f| f.header).filter_map(|h| String::from_utf8(h).ok());
                let summary = StudySummary { whole_roles: roles.collect(), gapped_roles: Vec::new() };
                Told::Summary(study_key, Some(summary))
            }
            Ask::Read { study_key, .. } => {
                self.read(&study_key);
                Told::ReadEnded(study_key, ReadEnd::Finished)
            }
            Ask::SelfTest | Ask::Wake => Told::Wake,
        }
    }

    /// What the reading room does with the journal, without a child.
    fn read(&mut self, study_key: &str) {
        let files = self.journal.files_of(study_key).expect("the journal works");
        let mut input: Vec<String> = files.iter().filter_map(|f| f.digest.clone()).collect();
        input.sort();
        input.dedup();
        let input_key = self.key.keyed_hash("input", &input.join("\n"));
        let claim = self.journal.claim(study_key, &input_key, 3, |_| Vec::new()).expect("the journal works");
        if claim == Claim::AlreadyDone {
            return;
        }
        assert_eq!(claim, Claim::Attempt { attempt: 1 }, "nothing fails here");
        let revision = self.journal.next_revision(study_key).expect("the journal works");
        let report = NewReport {
            report_id: input_key,
            study_key: study_key.to_owned(),
            revision,
            produced_at: "2026-01-01T00:00:00.000Z".to_owned(),
            bundle: "none".to_owned(),
            objects: Vec::new(),
        };
        self.journal.commit_report(report, Vec::new()).expect("the journal works");
        let study = study_of(&files);
        self.reports.push(Reported { at_secs: self.now_secs(), study, revision, files: files.len() });
    }
}

fn desk(dir: &Path, overrides: &[String], journal: &Journal, clock_ms: &Arc<AtomicU64>) -> (Desk, Receiver<Ask>) {
    let (asks_in, asks) = sync_channel(4);
    let (told_in, told) = sync_channel(4);
    let shared = Arc::new(Shared::new(wire::settings(dir, overrides), RESCAN_PERIOD));
    let key = DeviceKey::new([1; DeviceKey::BYTES]);
    let clock = Arc::clone(clock_ms);
    let mut desk = Desk::new(shared, journal.clone(), key, asks_in, told, told_in)
        .with_clock(Box::new(move || Duration::from_millis(clock.load(Ordering::Relaxed))));
    desk.recall(&|| {}).expect("the journal works");
    (desk, asks)
}

fn outcome(path: &Path) -> FileOutcome {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [study, role, number] => FileOutcome::Instance {
            study_uid: (*study).to_owned(),
            series_uid: format!("{study}.{role}"),
            instance_uid: format!("{study}.{role}.{number}"),
            digest: text.clone(),
            header: (*role).to_owned(),
        },
        _ => FileOutcome::Refused { reason: "is not a DICOM object".to_owned() },
    }
}

/// The digest of a simulated file is what it says.
fn study_of(files: &[FileRow]) -> String {
    let first = files.first().and_then(|f| f.digest.clone()).unwrap_or_default();
    first.split_whitespace().next().unwrap_or_default().to_owned()
}
