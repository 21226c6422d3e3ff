//! What simulated appliances published.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Sequence numbers that were never sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TalliedGap {
    /// By whom.
    pub device: String,
    /// The first of them.
    pub first_seq: i64,
    /// The last of them.
    pub last_seq: i64,
}

/// Counts of what was published, and who has which fault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Appliances that were born.
    pub appliances: u64,
    /// Events, each counted once.
    pub events: u64,
    /// Of them reports.
    pub reports: u64,
    /// Events that were sent again.
    pub repeats: u64,
    /// Messages that make no sense, by device.
    pub malformed: BTreeMap<String, u64>,
    /// Messages of numbers.
    pub numbers: u64,
    /// Statuses, wills left out.
    pub statuses: u64,
    /// Numbers that were left out for good, those at the end of all left out, which nobody can miss.
    pub gaps: Vec<TalliedGap>,
    /// Alarms that stand at the end, by device.
    pub alarms: BTreeMap<String, Vec<String>>,
    /// Appliances by the name of their fault.
    pub faults: BTreeMap<String, Vec<String>>,
}

impl Tally {
    /// Adds what another connection published.
    pub(super) fn add(&mut self, other: Self) {
        self.appliances += other.appliances;
        self.events += other.events;
        self.reports += other.reports;
        self.repeats += other.repeats;
        self.numbers += other.numbers;
        self.statuses += other.statuses;
        self.gaps.extend(other.gaps);
        self.malformed.extend(other.malformed);
        self.alarms.extend(other.alarms);
        for (fault, devices) in other.faults {
            self.faults.entry(fault).or_default().extend(devices);
        }
    }

    /// Lists in order, whichever connection came first.
    pub(super) fn in_order(mut self) -> Self {
        self.gaps.sort();
        self.faults.values_mut().for_each(|devices| devices.sort());
        self
    }
}
