//! Composition root: threads, channels, shutdown.
//!
//! [`Appliance::start`] puts the machine room together: the journal and threads that know each other only
//! by channels. [`super::service`] is the thread `main` around it. Whatever thread ends by itself ends the
//! appliance: the next start goes on from the journal.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::actions::{Actions, Threads};
use super::alarms::{Alarm, Severity};
use super::bundles;
use super::config::Settings;
use super::control::Control;
use super::health::{Heartbeats, Stage};
use super::identity::{self, DeviceKey, create_private_dir};
use super::ingest::desk::{Ask, Desk, Told};
use super::journal::{Journal, JournalError, Patience};
use super::mqtt::delivery::Delivery;
use super::mqtt::session::{LinkEvent, Session};
use super::pacs::ArchiveRoom;
use super::reading::{Programs, ReadingRoom};
use super::shared::Shared;
use super::upkeep::Upkeep;
use super::web::Web;
use crate::export::clear_half_written;
use crate::inference::ModelSource;

/// How often the export folder is looked at.
pub const RESCAN_PERIOD: Duration = Duration::from_secs(2);
/// Asks that wait for `reading`, and answers that wait for `ingest`.
const ASKS_MAX: usize = 4;
/// Events that wait for `delivery`.
const LINK_EVENTS_MAX: usize = 64;
/// How long a thread waits before it asks a journal again that can't be written.
const JOURNAL_REST: Duration = Duration::from_secs(2);
/// How often it says meanwhile that it is alive.
const JOURNAL_REST_SLICE: Duration = Duration::from_millis(250);
/// How long the threads may take to end.
const FAREWELL: Duration = Duration::from_secs(4);
/// How long the first thread's end waits for the others', one of which may be its cause.
const CAUSE_WAIT: Duration = Duration::from_millis(500);
/// Why a thread ended that was not asked to and has no error to tell.
pub(super) const NOTHING_MORE: &str = "it had nothing more to do";
/// How long a start waits for somebody who looks into the stopped appliance.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// How often it looks meanwhile whether they are gone.
const LOCK_LOOK: Duration = Duration::from_millis(20);
/// Name of the lock file in the state folder.
const LOCK_FILE: &str = "lock";

/// What the appliance is started with.
pub struct Options {
    /// The settings to begin with.
    pub settings: Settings,
    /// Where the models are.
    pub models: ModelSource,
    /// How often the export folder is looked at.
    pub rescan_period: Duration,
    /// How children are started.
    pub programs: Programs,
}

/// Why the appliance did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ApplianceError {
    /// A folder or file of ours can't be made or used.
    #[error("{path}: {source}; check that the folder exists and belongs to the service's user")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another supervisor works in the same state folder.
    #[error("{0} is in use: another deepspine works in this state folder")]
    InUse(PathBuf),
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The operating system gave no thread or signal.
    #[error("the operating system refuses a thread or signal: {0}")]
    System(#[from] io::Error),
    /// A thread ended although nobody asked it to.
    #[error("the thread {0} ended: {1}")]
    Ended(&'static str, String),
}

/// A running appliance.
pub struct Appliance {
    /// Settings, alarms, and the sign to stop.
    pub(super) shared: Arc<Shared>,
    actions: Actions,
    web: Web,
    heartbeats: Arc<Heartbeats>,
    threads: Vec<JoinHandle<()>>,
    ended: Receiver<(Stage, String)>,
    hurry: SyncSender<()>,
    // Held, not read: the lock ends with the file.
    _lock: std::fs::File,
}

impl Appliance {
    /// Opens the journal and starts every thread.
    ///
    /// # Errors
    /// See [`ApplianceError`].
    pub fn start(options: Options) -> Result<Self, ApplianceError> {
        let Options { settings, models, rescan_period, programs } = options;
        let state_dir = settings.storage.state_dir.clone();
        let lock = prepare(&state_dir)?;
        let key = key_of(&settings)?;
        let (journal, beginning) = Journal::open_or_replace(&state_dir)?;
        let shared = Arc::new(Shared::new(settings, rescan_period));
        let heartbeats = Arc::new(Heartbeats::default());
        let (asks_in, asks) = sync_channel::<Ask>(ASKS_MAX);
        let (told_in, told) = sync_channel::<Told>(ASKS_MAX);
        let (events_in, events) = sync_channel::<LinkEvent>(LINK_EVENTS_MAX);
        let (hurry, hurried) = sync_channel(1);
        let (upkeep_in, upkeep_hurried) = sync_channel(1);
        let (pacs_in, pacs_hurried) = sync_channel(1);
        wake_on_alarms(&shared, events_in.clone());
        let threads = Threads {
            ingest: told_in.clone(),
            reading: asks_in.clone(),
            delivery: events_in.clone(),
            upkeep: upkeep_in.clone(),
            pacs: pacs_in.clone(),
        };
        let actions =
            Actions { shared: Arc::clone(&shared), journal: journal.clone(), key: key.clone(), threads: Some(threads) };
        let patience = Arc::new(UntilItPasses { shared: Arc::clone(&shared), heartbeats: Arc::clone(&heartbeats) });
        let patient = journal.patient(patience);
        let desk = Desk::new(Arc::clone(&shared), patient.clone(), key.clone(), asks_in, told, told_in.clone());
        let archive = ArchiveRoom { shared: Arc::clone(&shared), journal: patient.clone() };
        let reading = ReadingRoom {
            shared: Arc::clone(&shared),
            journal: patient,
            key: key.clone(),
            models: models.clone(),
            programs,
            delivery: events_in.clone(),
            upkeep: upkeep_in.clone(),
            pacs: pacs_in,
            beginning,
        };
        let session = Session { shared: Arc::clone(&shared), key, events: events_in, hurry: hurried };
        // Whether there is one is said by an alarm; an appliance without models starts, and waits for them.
        let _ = shared.models.look(&models, &shared.alarms);
        let delivery = Delivery { actions: actions.clone(), events };
        let upkeep = Upkeep::new(actions.clone(), models, upkeep_hurried);
        let control = Control::open(actions.clone());
        let mut crew = Crew::new(Arc::clone(&heartbeats));
        crew.start(Stage::Ingest, move |beats| desk.run(beats).map_err(|e| e.to_string()))?;
        crew.start(Stage::Reading, move |beats| reading.run(&asks, &told_in, beats).map_err(|e| e.to_string()))?;
        crew.start(Stage::Delivery, move |beats| delivery.run(beats).map_err(|e| e.to_string()))?;
        crew.start(Stage::Upkeep, move |beats| upkeep.run(beats).map_err(|e| e.to_string()))?;
        crew.start(Stage::Pacs, move |beats| archive.run(&pacs_hurried, beats).map_err(|e| e.to_string()))?;
        crew.start(Stage::MqttIo, move |beats| {
            session.run(beats);
            Ok(())
        })?;
        control.start()?;
        let web = Web::new(actions.clone());
        web.follow_settings();
        Ok(Self { shared, actions, web, heartbeats, threads: crew.threads, ended: crew.ended, hurry, _lock: lock })
    }

    /// Whether every thread still works.
    ///
    /// # Errors
    /// [`ApplianceError::Ended`] where one does not.
    pub fn check(&self) -> Result<(), ApplianceError> {
        let Ok(first) = self.ended.try_recv() else { return Ok(()) };
        // One thread's end closes the others' channels, and they may tell first that they have nothing more to do.
        let until = Instant::now() + CAUSE_WAIT;
        let others =
            std::iter::from_fn(|| self.ended.recv_timeout(until.saturating_duration_since(Instant::now())).ok());
        let told: Vec<_> = std::iter::once(first).chain(others.take(Stage::ALL.len())).collect();
        let cause = told.iter().find(|(_, why)| why != NOTHING_MORE).or(told.first());
        cause.map_or(Ok(()), |(stage, why)| Err(ApplianceError::Ended(stage.name(), why.clone())))
    }

    /// Threads that have not been heard of for too long.
    #[must_use]
    pub fn stale(&self) -> Vec<Stage> {
        self.heartbeats.stale(self.shared.settings().mqtt.keep_alive)
    }

    /// Puts other settings in force. The state folder stays the one that was begun with.
    pub fn reload(&self, mut settings: Settings) {
        let now = self.shared.settings();
        if settings.storage.state_dir != now.storage.state_dir {
            log::warn!("storage.state-dir changes only with a restart");
            settings.storage.state_dir.clone_from(&now.storage.state_dir);
        }
        self.shared.replace_settings(settings);
        self.web.follow_settings();
        // Certificates are read again by a new connection.
        self.shared.renew_connection();
        self.wake();
    }

    /// Wakes every thread; a full channel means that its thread is about to wake up anyway.
    fn wake(&self) {
        if let Some(threads) = &self.actions.threads {
            let _ = threads.ingest.try_send(Told::Wake);
            let _ = threads.reading.try_send(Ask::Wake);
            let _ = threads.delivery.try_send(LinkEvent::Wake);
            let _ = threads.upkeep.try_send(());
            let _ = threads.pacs.try_send(());
        }
        let _ = self.hurry.try_send(());
    }

    /// Ends every thread in order; what does not end in time ends with the process.
    pub fn stop(self) {
        self.shared.stop();
        self.web.end();
        self.wake();
        let until = Instant::now() + FAREWELL;
        let mut told = Vec::new();
        while told.len() < self.threads.len() {
            match self.ended.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok((stage, _)) => told.push(stage.name()),
                Err(_) => break,
            }
        }
        for thread in self.threads {
            let name = thread.thread().name().unwrap_or("?").to_owned();
            // One that has told its end only has to return.
            if told.contains(&name.as_str()) || thread.is_finished() {
                // A panic was caught and told already.
                let _ = thread.join();
            } else {
                log::warn!("the thread {name} does not end in time");
            }
        }
    }
}

/// The threads while they are started, and the channel on which each tells its end.
struct Crew {
    heartbeats: Arc<Heartbeats>,
    threads: Vec<JoinHandle<()>>,
    tell: SyncSender<(Stage, String)>,
    ended: Receiver<(Stage, String)>,
}

impl Crew {
    fn new(heartbeats: Arc<Heartbeats>) -> Self {
        let (tell, ended) = sync_channel(Stage::ALL.len());
        Self { heartbeats, threads: Vec::new(), tell, ended }
    }

    fn start(
        &mut self,
        stage: Stage,
        work: impl FnOnce(&Heartbeats) -> Result<(), String> + Send + 'static,
    ) -> io::Result<()> {
        let (heartbeats, tell) = (Arc::clone(&self.heartbeats), self.tell.clone());
        let thread = std::thread::Builder::new().name(stage.name().to_owned()).spawn(move || {
            let why = match catch_unwind(AssertUnwindSafe(|| work(&heartbeats))) {
                Ok(Ok(())) => NOTHING_MORE.to_owned(),
                Ok(Err(error)) => error,
                Err(_) => "a fault of the program".to_owned(),
            };
            let _ = tell.send((stage, why));
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

/// Makes the folders and takes the lock, which says that this supervisor is the only one.
fn prepare(state_dir: &Path) -> Result<std::fs::File, ApplianceError> {
    let folders = [state_dir.to_owned(), bundles::delivered_dir(state_dir), bundles::incoming_dir(state_dir)];
    for path in folders {
        create_private_dir(&path).map_err(|source| ApplianceError::Folder { path, source })?;
    }
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match lock_state_dir(state_dir) {
            Ok(Some(lock)) => {
                for folder in [state_dir.to_owned(), bundles::kept_dir(state_dir)] {
                    clear_half_written(&folder);
                }
                return Ok(lock);
            }
            Ok(None) if Instant::now() < until => std::thread::sleep(LOCK_LOOK),
            Ok(None) => return Err(ApplianceError::InUse(state_dir.join(LOCK_FILE))),
            Err(source) => return Err(ApplianceError::Folder { path: state_dir.join(LOCK_FILE), source }),
        }
    }
}

/// The key that studies are named with.
fn key_of(settings: &Settings) -> Result<DeviceKey, ApplianceError> {
    let state_dir = &settings.storage.state_dir;
    identity::load_or_create_key(state_dir, settings.study_key_file.as_deref())
        .map_err(|source| ApplianceError::Folder { path: state_dir.clone(), source })
}

/// An alarm that is raised or cleared is told at once.
fn wake_on_alarms(shared: &Shared, delivery: SyncSender<LinkEvent>) {
    shared.alarms.on_change(move || {
        // A full channel means that delivery has enough to wake up for.
        let _ = delivery.try_send(LinkEvent::Wake);
    });
}

/// Takes the state folder's lock; `None` where another has it. It ends with the file.
///
/// # Errors
/// Where the lock file can't be opened or made.
pub fn lock_state_dir(state_dir: &Path) -> io::Result<Option<std::fs::File>> {
    let lock = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(state_dir.join(LOCK_FILE))?;
    match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(lock)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Threads whose work can't be done without the journal wait until it can be written again.
struct UntilItPasses {
    shared: Arc<Shared>,
    heartbeats: Arc<Heartbeats>,
}

impl Patience for UntilItPasses {
    fn go_on_after(&self, error: &JournalError) -> bool {
        let text = format!("{error}; nothing new is read until it can be written again");
        self.shared.alarms.raise(Alarm::Disk, Severity::Critical, &text);
        let until = Instant::now() + JOURNAL_REST;
        while Instant::now() < until && !self.shared.stopping() {
            if let Some(stage) = Stage::of_this_thread() {
                self.heartbeats.beat(stage);
            }
            std::thread::sleep(JOURNAL_REST_SLICE);
        }
        !self.shared.stopping()
    }

    fn over(&self) {
        self.shared.alarms.clear(Alarm::Disk);
    }
}
