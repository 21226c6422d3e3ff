//! What outlives the process: events by sequence number, gaps among them, the last numbers, grades of reports.
//!
//! Two stores do the same: SQLite in a file, for one collector, and PostgreSQL, for several. Everything is written
//! idempotently: an event is known again by device, sequence number and message id, a report by its id. Gaps are decided
//! here and not in a collector, because none of several sees all of an appliance: see [`holes`].

pub mod holes;
mod postgres;
mod rows;
mod sqlite;

use std::collections::BTreeMap;
use std::path::Path;

pub use super::drift::Drift;
use super::wire::{Event, Numbers};
pub use rows::{Facts, facts};

/// Most gaps that are read at a time, the latest first.
pub const GAPS_MAX: i64 = 10_000;
/// Version of the tables of either store.
const SCHEMA_VERSION: i64 = 1;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or the database can't be opened.
    #[error("store {name}: {reason}")]
    Open {
        /// File or address, without a password.
        name: String,
        /// What it said.
        reason: String,
    },
    /// The tables are of a newer version.
    #[error("store {name} has schema {found}, this version knows {SCHEMA_VERSION}; run the newer version")]
    Newer {
        /// File or address.
        name: String,
        /// The version found.
        found: i64,
    },
    /// A statement failed; the collector tries again.
    #[error("store: {0}")]
    Statement(String),
}

/// An event of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Whose.
    pub device: Box<str>,
    /// What.
    pub event: Event,
    /// When it was received, milliseconds since the epoch.
    pub received_ms: i64,
}

/// The last numbers of a device and group.
#[derive(Debug, Clone, PartialEq)]
pub struct NumbersRow {
    /// Whose.
    pub device: Box<str>,
    /// `system`, `inference` or `queue`.
    pub kind: Box<str>,
    /// What.
    pub numbers: Numbers,
    /// When they were received, milliseconds since the epoch.
    pub received_ms: i64,
}

/// What is committed together, and only then acknowledged.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Events, in the order in which they came.
    pub events: Vec<EventRow>,
    /// The last numbers by device and group.
    pub numbers: BTreeMap<(Box<str>, &'static str), NumbersRow>,
    /// Messages that made no sense, by device.
    pub malformed: BTreeMap<Box<str>, u64>,
}

impl Batch {
    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.numbers.is_empty() && self.malformed.is_empty()
    }
}

/// What became of a batch's events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Stored now.
    pub stored: u64,
    /// Stored before.
    pub repeats: u64,
}

/// Sequence numbers of a device that never came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Whose.
    pub device: Box<str>,
    /// The first of them.
    pub first_seq: i64,
    /// The last of them.
    pub last_seq: i64,
    /// When that was decided, milliseconds since the epoch.
    pub decided_ms: i64,
}

impl Gap {
    /// How many they are.
    #[must_use]
    pub fn missing(&self) -> i64 {
        self.last_seq.saturating_sub(self.first_seq).saturating_add(1)
    }
}

/// What is counted of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Whose.
    pub device: Box<str>,
    /// Events that came again.
    pub repeats: u64,
    /// Messages that made no sense.
    pub malformed: u64,
}

/// Gaps and counts of all devices.
#[derive(Debug, Clone, Default)]
pub struct Standings {
    /// Gaps that stand, at most [`GAPS_MAX`].
    pub gaps: Vec<Gap>,
    /// Counts of the devices that have any.
    pub counts: Vec<Counts>,
}

/// What the store knows of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Gaps that stand.
    pub gaps: Vec<Gap>,
    /// Events that came again.
    pub repeats: u64,
    /// Messages that made no sense.
    pub malformed: u64,
}

impl Kept {
    /// How many messages are missing.
    #[must_use]
    pub fn missing(&self) -> i64 {
        self.gaps.iter().fold(0, |sum, gap| sum.saturating_add(gap.missing()))
    }
}

/// Counts of grades of one report, by finding.
pub type Grades = BTreeMap<Box<str>, Vec<u32>>;

/// Reports of one device by one set of models: its first, and the last of those that follow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows {
    /// The first, at most [`super::drift::BASELINE_REPORTS`].
    pub baseline: Vec<Grades>,
    /// The last behind them, at most [`super::drift::RECENT_REPORTS`].
    pub recent: Vec<Grades>,
}

/// Where collectors keep what they received.
pub trait Store: Send {
    /// Commits a batch; when this returns it survives whatever the store survives.
    ///
    /// # Errors
    /// As the store gives them; nothing of the batch was kept then.
    fn take(&mut self, batch: &Batch) -> Result<Taken, StoreError>;

    /// Decides on gaps among what is older than `grace_ms` at `now_ms`, and takes those off that were filled.
    ///
    /// # Errors
    /// As the store gives them.
    fn decide_gaps(&mut self, now_ms: i64, grace_ms: i64) -> Result<(), StoreError>;

    /// Gaps and counts.
    ///
    /// # Errors
    /// As the store gives them.
    fn standings(&mut self) -> Result<Standings, StoreError>;

    /// Numbers received at `since_ms` or later, by whichever collector.
    ///
    /// # Errors
    /// As the store gives them.
    fn numbers_since(&mut self, since_ms: i64) -> Result<Vec<NumbersRow>, StoreError>;

    /// Devices and sets of models of which a report was received at `since_ms` or later.
    ///
    /// # Errors
    /// As the store gives them.
    fn reported_since(&mut self, since_ms: i64) -> Result<Vec<(Box<str>, String)>, StoreError>;

    /// The grades of `device` by `models`.
    ///
    /// # Errors
    /// As the store gives them.
    fn windows(&mut self, device: &str, models: &str) -> Result<Windows, StoreError>;

    /// Forgets events, reports behind the baseline and gaps of before `before_ms`; how many events.
    ///
    /// # Errors
    /// As the store gives them.
    fn prune(&mut self, before_ms: i64) -> Result<u64, StoreError>;
}

/// Whether `name` is a PostgreSQL database rather than a file.
#[must_use]
pub fn is_postgres(name: &str) -> bool {
    name.starts_with("postgres://") || name.starts_with("postgresql://")
}

/// Opens the store called `name`, a file or `postgres://…`, and makes its tables where there are none.
///
/// # Errors
/// [`StoreError::Open`] or [`StoreError::Newer`].
pub fn open(name: &str) -> Result<Box<dyn Store>, StoreError> {
    Ok(if is_postgres(name) {
        Box::new(postgres::Postgres::open(name)?)
    } else {
        Box::new(sqlite::Sqlite::open(Path::new(name))?)
    })
}
