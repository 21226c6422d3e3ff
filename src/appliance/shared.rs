//! What all threads of the supervisor look at: the settings in force, whether it is time to stop, whether
//! there is room for more; and where they tell how things are: alarms and counts.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::accelerator::Accelerator;
use super::alarms::Alarms;
use super::config::Settings;
use super::health::counters::Counters;
use super::model_watch::ModelWatch;
use super::one_line::one_line;
use super::reader::threads::LastChoice;

/// Longest word on what is being done, bytes.
const ACTIVITY_BYTES_MAX: usize = 96;

/// The settings in force, and the sign to stop.
#[derive(Debug)]
pub struct Shared {
    settings: Mutex<Arc<Settings>>,
    stopping: AtomicBool,
    intake_closed: AtomicBool,
    connected: AtomicBool,
    begun: Instant,
    activity: Mutex<heapless::String<ACTIVITY_BYTES_MAX>>,
    connection_epoch: AtomicU32,
    rescan_period: Duration,
    /// What a person should know of.
    pub alarms: Alarms,
    /// What happened since the start.
    pub counters: Counters,
    /// The model set in force.
    pub models: ModelWatch,
    /// Whether readings are made on the GPU.
    pub accelerator: Accelerator,
    /// Threads of readings.
    pub threads: LastChoice,
}

impl Shared {
    /// Begins with `settings`; the export folder is looked at every `rescan_period`.
    #[must_use]
    pub fn new(settings: Settings, rescan_period: Duration) -> Self {
        Self {
            settings: Mutex::new(Arc::new(settings)),
            stopping: AtomicBool::new(false),
            intake_closed: AtomicBool::new(false),
            connected: AtomicBool::new(false),
            begun: Instant::now(),
            activity: Mutex::default(),
            connection_epoch: AtomicU32::new(0),
            rescan_period,
            alarms: Alarms::default(),
            counters: Counters::default(),
            models: ModelWatch::default(),
            accelerator: Accelerator::default(),
            threads: LastChoice::default(),
        }
    }

    /// The settings in force now.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other settings in force; every thread sees them in its next round.
    pub fn replace_settings(&self, settings: Settings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Asks every thread to end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether every thread is asked to end.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Opens or closes the intake: with too little room nothing is looked at and nothing is read.
    pub fn set_intake_open(&self, open: bool) {
        self.intake_closed.store(!open, Ordering::Release);
    }

    /// Whether there is room for more results.
    #[must_use]
    pub fn intake_open(&self) -> bool {
        !self.intake_closed.load(Ordering::Acquire)
    }

    /// Notes whether there is a connection to the broker.
    pub fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Release);
    }

    /// Whether there is a connection to the broker.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// Has the connection be made anew: certificates or keys may have changed.
    pub fn renew_connection(&self) {
        self.connection_epoch.fetch_add(1, Ordering::Release);
    }

    /// Counts the calls of [`Shared::renew_connection`].
    #[must_use]
    pub fn connection_epoch(&self) -> u32 {
        self.connection_epoch.load(Ordering::Acquire)
    }

    /// Says in words what is being done; without identity.
    pub fn say_activity(&self, text: &str) {
        *self.activity.lock().unwrap_or_else(PoisonError::into_inner) = one_line(text);
    }

    /// What is being done, in words.
    #[must_use]
    pub fn activity(&self) -> String {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner).to_string()
    }

    /// How long the appliance has been running.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    /// How often the export folder is looked at.
    #[must_use]
    pub fn rescan_period(&self) -> Duration {
        self.rescan_period
    }
}
