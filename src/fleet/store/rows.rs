//! What a batch says of its devices, alike for both stores.

use std::collections::BTreeMap;

use super::Batch;

/// Name of the group of numbers that says how much waits.
const QUEUE: &str = "queue";

/// What a batch says of one device, beside its events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// The earliest moment in the batch, milliseconds since the epoch; the device is known since.
    pub first_ms: i64,
    /// When it said that its backlog is empty; 0: it did not.
    pub queue_empty_ms: i64,
    /// Events that came again.
    pub repeats: i64,
    /// Messages that made no sense.
    pub malformed: i64,
}

impl Facts {
    /// Whether there is anything but that the device exists.
    #[must_use]
    pub fn is_news(&self) -> bool {
        (self.queue_empty_ms, self.repeats, self.malformed) != (0, 0, 0)
    }
}

/// The facts of a batch by device, before it is known which events came again: each event counts as a repeat, from
/// which those that were stored are to be taken off.
#[must_use]
pub fn facts(batch: &Batch) -> BTreeMap<&str, Facts> {
    let mut facts: BTreeMap<&str, Facts> = BTreeMap::new();
    for row in &batch.events {
        let of_device = facts.entry(&row.device).or_default();
        of_device.first_ms = row.received_ms;
        of_device.repeats += 1;
    }
    for ((device, kind), row) in &batch.numbers {
        let of_device = facts.entry(device).or_default();
        of_device.first_ms = row.received_ms;
        if *kind == QUEUE && row.numbers.backlog_is_empty() {
            of_device.queue_empty_ms = row.received_ms;
        }
    }
    for (device, count) in &batch.malformed {
        facts.entry(device).or_default().malformed = i64::try_from(*count).unwrap_or(i64::MAX);
    }
    facts
}
