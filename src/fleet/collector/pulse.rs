//! How collecting goes, as numbers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::appliance::health::counters::Histogram;
use crate::fleet::store::Taken;

/// A lag longer than this is the appliance's clock or its backlog, and none of ours.
const LAG_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Pulse {
    state_connected: AtomicBool,
    events_connected: AtomicBool,
    stored: AtomicU64,
    repeats: AtomicU64,
    malformed: AtomicU64,
    dropped: AtomicU64,
    store_failures: AtomicU64,
    batches: AtomicU64,
    lag: Mutex<Histogram>,
}

/// The pulse at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Beat {
    /// Whether retained state is received.
    pub state_connected: bool,
    /// Whether events are received.
    pub events_connected: bool,
    /// Events stored.
    pub stored: u64,
    /// Events that were stored before.
    pub repeats: u64,
    /// Messages that made no sense.
    pub malformed: u64,
    /// Numbers that were thrown away because they came too fast.
    pub dropped: u64,
    /// Batches that could not be committed and were tried again.
    pub store_failures: u64,
    /// Batches committed.
    pub batches: u64,
    /// Half of the events were committed within this time after they were made, milliseconds.
    pub lag_p50_ms: u64,
    /// 99 of 100 were.
    pub lag_p99_ms: u64,
    /// All were.
    pub lag_max_ms: u64,
}

impl Pulse {
    pub(super) fn state_connected(&self, is: bool) {
        self.state_connected.store(is, Ordering::Relaxed);
    }

    pub(super) fn events_connected(&self, is: bool) {
        self.events_connected.store(is, Ordering::Relaxed);
    }

    pub(super) fn malformed(&self, count: u64) {
        self.malformed.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, so_far: u64) {
        self.dropped.store(so_far, Ordering::Relaxed);
    }

    pub(super) fn store_failed(&self) {
        self.store_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// A batch is committed at `now_ms`, whose events were made at `made_ms` by their appliances' clocks.
    pub(super) fn committed(&self, taken: Taken, made_ms: &[i64], now_ms: i64) {
        self.stored.fetch_add(taken.stored, Ordering::Relaxed);
        self.repeats.fetch_add(taken.repeats, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        for made_ms in made_ms {
            let took = u64::try_from(now_ms.saturating_sub(*made_ms)).map(Duration::from_millis);
            if let Some(took) = took.ok().filter(|took| *took <= LAG_MAX) {
                lag.add(took);
            }
        }
    }

    /// The numbers now.
    #[must_use]
    pub fn beat(&self) -> Beat {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        Beat {
            state_connected: self.state_connected.load(Ordering::Relaxed),
            events_connected: self.events_connected.load(Ordering::Relaxed),
            stored: count(&self.stored),
            repeats: count(&self.repeats),
            malformed: count(&self.malformed),
            dropped: count(&self.dropped),
            store_failures: count(&self.store_failures),
            batches: count(&self.batches),
            lag_p50_ms: lag.quantile_ms(0.5),
            lag_p99_ms: lag.quantile_ms(0.99),
            lag_max_ms: lag.max_ms,
        }
    }
}
