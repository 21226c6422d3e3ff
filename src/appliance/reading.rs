//! The thread `reading`: owns the children, and commits what they read.
//!
//! It lives as long as the process, because a child ends with the thread that started it. Whatever a
//! study does to its child, the attempt was counted before, and this thread goes on.

mod exporting;
mod scanning;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Instant;

use super::accelerator;
use super::bundles;
use super::fitness;
use super::health::counters::Counters;
use super::health::heat::Heat;
use super::health::machine::Machine;
use super::health::{Heartbeats, IDLE_BEAT, Stage};
use super::identity::{DeviceKey, INPUT};
use super::ingest::asks::{Ask, ReadEnd, Told};
use super::ingest::listing;
use super::journal::{Beginning, Claim, FileRow, Journal, JournalError, StudyState};
use super::mqtt::payload::{self, About};
use super::mqtt::session::LinkEvent;
use super::one_line::one_line;
use super::pacs;
use super::pass::Pass;
use super::reader::child::{self, ChildError, Program};
use super::reader::protocol::{ReadOutcome, ReadReply, ReadRequest, STUDY_FILES_MAX};
use super::reader::threads::{self, Given};
use super::restore;
use super::shared::Shared;
use crate::inference::{Device, InferenceError, ModelSet, ModelSource};

/// Attempts at a study that the end of the appliance may interrupt without counting.
const INTERRUPTIONS_MAX: u32 = 10;
/// Longest reason that is kept of a failure, bytes.
const REASON_BYTES_MAX: usize = 300;

/// What the thread needs.
pub struct ReadingRoom {
    /// Settings, and the sign to stop.
    pub shared: Arc<Shared>,
    /// Where results are committed.
    pub journal: Journal,
    /// For keyed hashes.
    pub key: DeviceKey,
    /// Where the models are.
    pub models: ModelSource,
    /// How children are started; tests start others.
    pub programs: Programs,
    /// To `delivery`.
    pub delivery: SyncSender<LinkEvent>,
    /// To `upkeep`, which looks whether there is still room.
    pub upkeep: SyncSender<()>,
    /// To `pacs`, which sends the objects of what was committed.
    pub pacs: SyncSender<()>,
    /// How the journal began: what it does not know is restored from the bundles first.
    pub beginning: Beginning,
}

/// Starts a child under a limit of memory (MiB) and of CPU time (seconds).
pub type Starter = Box<dyn Fn(u64, u64) -> Program + Send>;

/// How the kinds of children are started.
pub struct Programs {
    /// A child that scans.
    pub scan: Starter,
    /// A child that reads.
    pub read: Starter,
    /// A child that tests the installation before the first reading; `None` where none is asked for.
    pub self_test: Option<Starter>,
    /// A child that makes the clinic's files of one report.
    pub export: Starter,
}

impl Default for Programs {
    fn default() -> Self {
        let starter = |verb| -> Starter { Box::new(move |memory, cpu| Program::this_binary(verb, memory, cpu)) };
        Self {
            scan: starter("child-scan"),
            read: starter("child-read"),
            self_test: Some(starter("child-self-test")),
            export: starter("child-export"),
        }
    }
}

/// Why an attempt at reading failed.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error("{0}")]
    Refused(String),
    #[error("files of it changed while it was read")]
    Moved,
    #[error("another model set was installed while it was read")]
    ModelsMoved,
    #[error(transparent)]
    Bundle(#[from] bundles::BundleProblem),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl ReadingRoom {
    /// Works until the supervisor stops it or `ingest` is gone.
    ///
    /// # Errors
    /// As the journal gives them: without it nothing can be done safely.
    pub fn run(
        self,
        asks: &Receiver<Ask>,
        told: &SyncSender<Told>,
        heartbeats: &Heartbeats,
    ) -> Result<(), JournalError> {
        let go_on = || {
            heartbeats.beat(Stage::Reading);
            !self.shared.stopping()
        };
        let forgiven = self.journal.forgive_interrupted(INTERRUPTIONS_MAX)?;
        if forgiven > 0 {
            log::warn!("{forgiven} readings were interrupted by the end of the appliance; they begin again");
        }
        restore::restore(&self.shared, &self.journal, &self.key, &self.beginning, &go_on)?;
        self.wake_delivery();
        let mut exports = Pass::new(exporting::REST_MIN, exporting::REST_MAX);
        while !self.shared.stopping() {
            heartbeats.beat(Stage::Reading);
            self.export_one(&mut exports, &go_on)?;
            let answer = match asks.recv_timeout(exports.patience(IDLE_BEAT)) {
                Ok(Ask::Scan(files)) => Told::Scanned(self.scan(files, &go_on)?),
                Ok(Ask::Summarise(study_key)) => {
                    let summary = self.summarise(&study_key, &go_on)?;
                    Told::Summary(study_key, summary)
                }
                Ok(Ask::Read { study_key, as_it_is }) => {
                    let end = self.read(&study_key, as_it_is, &go_on)?;
                    exports.begin();
                    Told::ReadEnded(study_key, end)
                }
                Ok(Ask::SelfTest) => {
                    let models = self.models_now().map_err(|error| error.to_string());
                    let result =
                        models.and_then(|models| fitness::test_now(&self.programs, &models, &self.shared, &go_on));
                    // Without a connection nobody waits for it.
                    let _ = self.delivery.try_send(LinkEvent::SelfTested(result));
                    continue;
                }
                Ok(Ask::Wake) | Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            if told.send(answer).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn wake_delivery(&self) {
        // A full channel means that it has enough to wake up for.
        let _ = self.delivery.try_send(LinkEvent::Wake);
    }

    /// What a child may see of the machine's files, models apart.
    fn exports(&self) -> Vec<PathBuf> {
        vec![self.shared.settings().ingest.folder.clone()]
    }

    /// One attempt at a study. Files that have changed since they were looked at are waited for, or left out where
    /// it is to be read `as_it_is`.
    fn read(&self, study_key: &str, as_it_is: bool, go_on: &dyn Fn() -> bool) -> Result<ReadEnd, JournalError> {
        let models = self.models_now().ok();
        let may_read = match &models {
            Some(models) => fitness::may_read(&self.programs, models, &self.shared, go_on),
            None => self.programs.self_test.is_none(),
        };
        if !may_read {
            return Ok(ReadEnd::Again);
        }
        let fit_for = models.as_ref().map(|models| fitness::device(&self.programs, models, &self.shared, go_on));
        let mut files = one_path_an_instance(self.journal.files_of(study_key)?);
        if as_it_is {
            files.retain(is_as_looked_at);
        } else if !files.iter().all(is_as_looked_at) {
            log::info!("study {study_key}: files of it have changed since they were looked at; it waits for them");
            return Ok(ReadEnd::Moved);
        }
        let max_attempts = self.shared.settings().reader.max_attempts;
        let Some(attempt) = self.claim(study_key, &files, max_attempts)? else { return Ok(ReadEnd::Finished) };
        self.wake_delivery();
        self.shared.say_activity(&format!("reads study {study_key}, attempt {attempt}"));
        let begun = Instant::now();
        let device = accelerator::of_attempt(fit_for.unwrap_or_default(), attempt, max_attempts);
        let attempted = self.attempt(study_key, files, models.as_ref(), device, go_on);
        self.shared.say_activity("waits for studies");
        let end = match attempted {
            Ok(()) => {
                self.shared.counters.reading_took(begun.elapsed());
                self.shared.accelerator.read(study_key, device, &self.shared.alarms);
                ReadEnd::Finished
            }
            Err(AttemptError::Journal(error)) => return Err(error),
            // That the appliance stops, or can start no child, says nothing about the study.
            Err(
                error @ (AttemptError::ModelsMoved | AttemptError::Child(ChildError::Start(_) | ChildError::Stopped)),
            ) => {
                log::warn!("study {study_key}: {error}; the attempt does not count");
                self.journal.attempt_withdrawn(study_key)?;
                ReadEnd::Again
            }
            Err(AttemptError::Moved) if !as_it_is => {
                log::info!("study {study_key}: {}; the attempt does not count", AttemptError::Moved);
                self.journal.attempt_withdrawn(study_key)?;
                ReadEnd::Moved
            }
            Err(error) => self.failed(study_key, attempt, device, &error)?,
        };
        self.wake_delivery();
        Ok(end)
    }

    /// The number of the attempt that begins; `None` where there is nothing to read.
    fn claim(&self, study_key: &str, files: &[FileRow], max_attempts: u32) -> Result<Option<u32>, JournalError> {
        let input_key = self.input_key(files);
        let (key, about) = (self.key.clone(), study_key.to_owned());
        let claimed = move |n| vec![payload::study_message(&key, &about, StudyState::Claimed, About::Attempt(n))];
        match self.journal.claim(study_key, &input_key, max_attempts, claimed)? {
            Claim::Attempt { attempt } => return Ok(Some(attempt)),
            Claim::AlreadyDone => log::info!("study {study_key}: nothing new in it"),
            Claim::Quarantined => log::error!("study {study_key} is quarantined: its attempts are used up"),
        }
        Ok(None)
    }

    fn failed(
        &self,
        study_key: &str,
        attempt: u32,
        device: Device,
        error: &AttemptError,
    ) -> Result<ReadEnd, JournalError> {
        if device != Device::Cpu {
            log::warn!("study {study_key}: attempt {attempt} was made on {device}, the next is made on the processor");
            self.shared.accelerator.failed(study_key);
        }
        let max_attempts = self.shared.settings().reader.max_attempts;
        let reason = shortened(&error.to_string());
        let (key, about, why) = (self.key.clone(), study_key.to_owned(), reason.clone());
        let state = self.journal.attempt_failed(study_key, &reason, max_attempts, move |state| {
            vec![payload::study_message(&key, &about, state, About::Failure { attempt, reason: &why })]
        })?;
        let text = format!("study {study_key}: attempt {attempt} of {max_attempts} failed: {reason}");
        log::error!(study_key = study_key, attempt = attempt; "{text}");
        self.shared.counters.keep_error(&text);
        Counters::one(&self.shared.counters.failed_attempts);
        if state == StudyState::Quarantined {
            log::error!(study_key = study_key; "study {study_key} is quarantined; its files stay where they are");
            let _ = self.upkeep.try_send(());
        }
        Ok(if state == StudyState::Quarantined { ReadEnd::Finished } else { ReadEnd::Again })
    }

    /// The set to read with, and to the end of the reading: what is installed meanwhile is for the next.
    fn models_now(&self) -> Result<ModelSet, InferenceError> {
        self.shared.models.look(&self.models, &self.shared.alarms)
    }

    fn attempt(
        &self,
        study_key: &str,
        files: Vec<FileRow>,
        models: Option<&ModelSet>,
        device: Device,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), AttemptError> {
        if files.len() > STUDY_FILES_MAX {
            return Err(AttemptError::Refused(format!("has {} files; {STUDY_FILES_MAX} are read", files.len())));
        }
        if files.is_empty() {
            return Err(AttemptError::Refused("none of its files is in the export folder as it was".to_owned()));
        }
        let settings = self.shared.settings();
        let reader = &settings.reader;
        let heat = Heat::of(&Machine::default().zones());
        let (asked, cores, memory_mib) = (reader.threads, threads::cores(), reader.memory_mib);
        let threads = Given { asked, cores, memory_mib, heat, device };
        let request = ReadRequest {
            paths: files.iter().map(|f| f.path.clone()).collect(),
            readable: [self.exports(), models.map_or_else(|| self.models.folders(), ModelSet::readable_folders)]
                .concat(),
            spool_dir: bundles::incoming_dir(&settings.storage.state_dir),
            models_dir: models.map_or_else(|| self.models.folder(), |models| models.source().folder()),
            threads: self.shared.threads.choose(threads),
            alpha_percent: reader.alpha_percent,
        };
        let program = (self.programs.read)(reader.memory_mib, reader.cpu_secs()).on(device);
        let answer = child::ask(&program, &request, reader.time_limit, go_on);
        // What was read is the claimed input only where no file was swapped meanwhile; and where one was, it may
        // be what the child stumbled over.
        let result = match answer {
            Err(error @ (ChildError::Start(_) | ChildError::Stopped)) => Err(error.into()),
            _ if !files.iter().all(is_as_looked_at) => Err(AttemptError::Moved),
            Ok(ReadReply::Failed { .. }) | Err(_) if models.is_some_and(|models| !models.is_still_there()) => {
                Err(AttemptError::ModelsMoved)
            }
            Ok(ReadReply::Done(ReadOutcome { bundle })) => self.commit(study_key, &bundle, device),
            Ok(ReadReply::Failed { reason }) => Err(AttemptError::Refused(reason)),
            Err(error) => Err(error.into()),
        };
        bundles::clear_incoming(&settings.storage.state_dir);
        result
    }

    /// Makes the bundle the study's next report, durably, then commits it.
    fn commit(&self, study_key: &str, incoming: &Path, device: Device) -> Result<(), AttemptError> {
        let state_dir = self.shared.settings().storage.state_dir.clone();
        let bundle = bundles::open_incoming(incoming, study_key, &self.key)?;
        if let Some(revision) = self.journal.same_reading(study_key, bundle.report_id())? {
            log::info!("study {study_key}: the same reading as revision {revision}; nothing is sent again");
            return Ok(());
        }
        let revision = self.journal.next_revision(study_key)?;
        let (mut report, messages) = bundles::keep(bundle, &state_dir, revision, &self.key)?;
        report.objects = pacs::wanted(&self.shared.settings());
        let report_id = report.report_id.clone();
        self.journal.commit_report(report, messages)?;
        log::info!(
            study_key = study_key, report_id = report_id.as_str(), revision = revision;
            "study {study_key}: report {report_id}, revision {revision}"
        );
        Counters::one(&self.shared.counters.reports);
        if device != Device::Cpu {
            Counters::one(&self.shared.counters.on_gpu);
        }
        let _ = self.upkeep.try_send(());
        let _ = self.pacs.try_send(());
        self.wake_delivery();
        Ok(())
    }

    /// The same for the same instances with the same contents, wherever their files lie.
    fn input_key(&self, files: &[FileRow]) -> String {
        let mut lines: Vec<String> = files
            .iter()
            .map(|f| format!("{} {}", f.instance_key.as_deref().unwrap_or(""), f.digest.as_deref().unwrap_or("")))
            .collect();
        lines.sort();
        self.key.keyed_hash(INPUT, &lines.join("\n"))
    }
}

/// Whether a file is still the one that was looked at.
fn is_as_looked_at(file: &FileRow) -> bool {
    listing::fingerprint_of(&file.path) == Some(file.fingerprint)
}

/// A copied or re-sent instance stands in the folder more than once: the newest file of each is kept.
fn one_path_an_instance(files: Vec<FileRow>) -> Vec<FileRow> {
    let mut newest: BTreeMap<Option<String>, FileRow> = BTreeMap::new();
    for file in files {
        match newest.get(&file.instance_key) {
            Some(known) if known.fingerprint.mtime_ns >= file.fingerprint.mtime_ns => {}
            _ => {
                newest.insert(file.instance_key.clone(), file);
            }
        }
    }
    let mut files: Vec<FileRow> = newest.into_values().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// A child's words are its own: only so many of them are kept, on one line.
fn shortened(reason: &str) -> String {
    one_line::<REASON_BYTES_MAX>(reason).to_string()
}
