//! What all threads of the supervisor look at: the settings in force, and whether it is time to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::config::Settings;

/// The settings in force, and the sign to stop.
#[derive(Debug)]
pub struct Shared {
    settings: Mutex<Arc<Settings>>,
    stopping: AtomicBool,
    rescan_period: Duration,
}

impl Shared {
    /// Begins with `settings`; the export folder is looked at every `rescan_period`.
    #[must_use]
    pub fn new(settings: Settings, rescan_period: Duration) -> Self {
        Self { settings: Mutex::new(Arc::new(settings)), stopping: AtomicBool::new(false), rescan_period }
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

    /// How often the export folder is looked at.
    #[must_use]
    pub fn rescan_period(&self) -> Duration {
        self.rescan_period
    }
}
