//! What is decided in the store from time to time, and what comes from there into the roll.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Drifts, LOOK_PERIOD, Options, Shared, millis};
use crate::appliance::clock;
use crate::fleet::drift;
use crate::fleet::store::{Store, StoreError};

/// How often gaps are decided and the roll is brought up to date.
const GAPS_PERIOD: Duration = Duration::from_secs(2);
/// How often drift is looked at.
const DRIFT_PERIOD: Duration = Duration::from_secs(30);
/// How often what is too old is forgotten.
const PRUNE_PERIOD: Duration = Duration::from_secs(60 * 60);
/// What is read anew overlaps what was read by this much, for what was received before it was committed.
const OVERLAP: Duration = Duration::from_secs(30);

/// The thread of upkeep.
pub(super) struct Upkeep {
    store: Box<dyn Store>,
    shared: Arc<Shared>,
    gap_grace_ms: i64,
    keep_ms: i64,
    /// Numbers of other collectors are read from here on.
    numbers_since_ms: i64,
    drift_since_ms: i64,
    drift_due: Instant,
    prune_due: Instant,
}

impl Upkeep {
    pub(super) fn new(store: Box<dyn Store>, options: &Options, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            store,
            shared,
            gap_grace_ms: millis(options.gap_grace),
            keep_ms: millis(options.keep),
            numbers_since_ms: 0,
            drift_since_ms: 0,
            drift_due: now,
            prune_due: now + PRUNE_PERIOD,
        }
    }

    pub(super) fn run(mut self) {
        let mut has_failed = false;
        while !self.shared.is_stopping() {
            let begun = Instant::now();
            match self.once() {
                Ok(()) => has_failed = false,
                Err(error) => {
                    if !has_failed {
                        log::warn!("{error}; gaps are decided later");
                    }
                    has_failed = true;
                    self.shared.pulse.store_failed();
                }
            }
            while begun.elapsed() < GAPS_PERIOD && !self.shared.is_stopping() {
                std::thread::sleep(LOOK_PERIOD);
            }
        }
    }

    fn once(&mut self) -> Result<(), StoreError> {
        let now_ms = clock::now_unix_ms();
        self.store.decide_gaps(now_ms, self.gap_grace_ms)?;
        let standings = self.store.standings()?;
        let numbers = self.store.numbers_since(self.numbers_since_ms)?;
        self.numbers_since_ms = now_ms - millis(OVERLAP);
        self.shared.roll().refresh(standings, &numbers);
        if Instant::now() >= self.drift_due {
            let drifts = drifts_since(&mut *self.store, self.drift_since_ms)?;
            self.drift_since_ms = now_ms - millis(OVERLAP);
            self.drift_due = Instant::now() + DRIFT_PERIOD;
            self.shared.roll().drift(drifts);
        }
        if Instant::now() >= self.prune_due {
            self.prune_due = Instant::now() + PRUNE_PERIOD;
            let forgotten = self.store.prune(now_ms.saturating_sub(self.keep_ms))?;
            log::info!("{forgotten} events are older than they are kept");
        }
        Ok(())
    }
}

/// How the grades of those appliances drift of which a report was received since `since_ms`: by the models of its last
/// reports.
pub(super) fn drifts_since(store: &mut dyn Store, since_ms: i64) -> Result<Drifts, StoreError> {
    let mut drifts = Drifts::new();
    for (device, models) in store.reported_since(since_ms)? {
        let windows = store.windows(&device, &models)?;
        drifts.entry(device).or_default().extend(drift::drifts(&models, &windows));
    }
    Ok(drifts)
}
