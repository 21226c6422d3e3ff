//! What a person sees of the fleet: the broken ones first, what is wrong with each, and totals.
//!
//! Ordering looks at all appliances; rows are made only of those that are shown, so that a screen of a few thousand
//! appliances costs what its height costs.

mod table;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::appliance::{Appliance, Standing};
use super::drift::Verdict;
use super::roll::Roll;
use super::store::Drift;
use super::wire::{Alarm, Numbers};
use crate::appliance::clock;
pub use table::{COLUMNS, cells, lines};

/// Most gaps of an appliance that are listed in a row.
const GAPS_LISTED: usize = 64;

/// Which appliances are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words that must all stand in an appliance's name, state, version, models or alarms; in lower case.
    words: Vec<String>,
}

impl Filter {
    /// The words of `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { words: text.split_whitespace().map(str::to_lowercase).collect() }
    }

    fn takes(&self, device: &str, appliance: &Appliance, standing: Standing) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let mut text = format!("{device} {} {}", standing.name(), appliance.models());
        if let Some(identity) = appliance.identity() {
            text = format!("{text} {} {}", identity.version, identity.board);
        }
        for name in appliance.alarms().keys() {
            text = format!("{text} {name}");
        }
        let text = text.to_lowercase();
        self.words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// The fleet as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many are known.
    pub appliances: usize,
    /// How many of them stand how.
    pub standings: BTreeMap<&'static str, usize>,
    /// How many have an alarm.
    pub alarmed: usize,
    /// How many miss messages for good.
    pub with_gaps: usize,
    /// Messages that are missing for good.
    pub missing: i64,
    /// How many sent something that made no sense.
    pub with_malformed: usize,
    /// How many have grades that drifted.
    pub drifted: usize,
    /// How many run which version.
    pub versions: BTreeMap<String, usize>,
    /// Messages of appliances for which there was no room.
    pub turned_away: u64,
    /// Messages on topics that are no appliance's.
    pub strange: u64,
}

/// Most versions that are told apart.
const VERSIONS_MAX: usize = 32;

/// One appliance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its id.
    pub device: Box<str>,
    /// How it stands.
    pub standing: Standing,
    /// What is wrong, in a sentence; empty where nothing is.
    pub why: String,
    /// How old its last status is, seconds.
    pub age_s: Option<u64>,
    /// Version of its program.
    pub version: Box<str>,
    /// Its board.
    pub board: Box<str>,
    /// Commands that it obeys.
    pub commands: Box<[Box<str>]>,
    /// Its models.
    pub models: String,
    /// Alarms that stand.
    pub alarms: BTreeMap<Box<str>, Alarm>,
    /// Its numbers.
    pub numbers: Numbers,
    /// Messages that are missing for good.
    pub missing: i64,
    /// Of which sequence numbers, first and last; the latest.
    pub gaps: Vec<(i64, i64)>,
    /// Events that came again.
    pub repeats: u64,
    /// Messages that made no sense.
    pub malformed: u64,
    /// How far its clock is off, seconds, where that is far.
    pub clock_off_s: Option<i64>,
    /// How its grades are spread.
    pub drifts: Vec<Drift>,
}

/// What makes one appliance stand before another: the worst first.
type Rank = (Standing, Reverse<Option<u8>>, Reverse<bool>, Reverse<bool>, Reverse<u64>);

/// The fleet in order, at one moment.
pub struct Ordered<'a> {
    found: Vec<(Rank, &'a str, &'a Appliance)>,
    /// Totals of all, whether they are wanted or not.
    pub totals: Totals,
    now_ms: i64,
}

/// Puts `roll` in order at `now_ms`.
#[must_use]
pub fn order<'a>(roll: &'a Roll, filter: &Filter, now_ms: i64) -> Ordered<'a> {
    let mut totals = Totals { turned_away: roll.turned_away(), strange: roll.strange(), ..Totals::default() };
    totals.standings = Standing::ALL.map(|standing| (standing.name(), 0)).into();
    let mut found = Vec::new();
    for (device, appliance) in roll.appliances() {
        let standing = appliance.standing(now_ms);
        totals.count(appliance, standing);
        if filter.takes(device, appliance, standing) {
            found.push((rank(appliance, standing), &**device, appliance));
        }
    }
    // By name where all else is alike, so that rows do not jump about.
    found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    Ordered { found, totals, now_ms }
}

fn rank(appliance: &Appliance, standing: Standing) -> Rank {
    let alarm = appliance.alarms().values().map(|alarm| alarm.rank).max();
    let missing = !appliance.kept().gaps.is_empty();
    let odd = appliance.malformed() > 0 || appliance.clock_off_s().is_some() || has_drifted(appliance);
    let waits_s = appliance.numbers().live_oldest_s.unwrap_or(0.0) as u64;
    (standing, Reverse(alarm), Reverse(missing), Reverse(odd), Reverse(waits_s))
}

fn has_drifted(appliance: &Appliance) -> bool {
    appliance.drifts().iter().any(|drift| drift.verdict == Verdict::Drifted)
}

impl Totals {
    fn count(&mut self, appliance: &Appliance, standing: Standing) {
        self.appliances += 1;
        *self.standings.entry(standing.name()).or_default() += 1;
        self.alarmed += usize::from(!appliance.alarms().is_empty());
        self.with_gaps += usize::from(!appliance.kept().gaps.is_empty());
        self.missing = self.missing.saturating_add(appliance.kept().missing());
        self.with_malformed += usize::from(appliance.malformed() > 0);
        self.drifted += usize::from(has_drifted(appliance));
        let version = appliance.identity().map_or("", |identity| &*identity.version);
        let is_told_apart = self.versions.len() < VERSIONS_MAX || self.versions.contains_key(version);
        let version = if is_told_apart { version } else { "others" };
        match self.versions.get_mut(version) {
            Some(count) => *count += 1,
            None => drop(self.versions.insert(version.to_owned(), 1)),
        }
    }
}

impl Ordered<'_> {
    /// How many are wanted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// `count` rows from number `first` on.
    #[must_use]
    pub fn rows(&self, first: usize, count: usize) -> Vec<Row> {
        let shown = self.found.iter().skip(first).take(count);
        shown.map(|(_, device, appliance)| row(device, appliance, self.now_ms)).collect()
    }
}

/// The row of one appliance at `now_ms`.
#[must_use]
pub fn row(device: &str, appliance: &Appliance, now_ms: i64) -> Row {
    let standing = appliance.standing(now_ms);
    let identity = appliance.identity();
    let kept = appliance.kept();
    let missing = kept.missing();
    Row {
        device: device.into(),
        standing,
        why: why(appliance, standing, now_ms),
        age_s: appliance.age_s(now_ms),
        version: identity.map(|identity| identity.version.clone()).unwrap_or_default(),
        board: identity.map(|identity| identity.board.clone()).unwrap_or_default(),
        commands: identity.map(|identity| identity.commands.clone()).unwrap_or_default(),
        models: appliance.models(),
        alarms: appliance.alarms().clone(),
        numbers: *appliance.numbers(),
        missing,
        gaps: kept.gaps.iter().take(GAPS_LISTED).map(|gap| (gap.first_seq, gap.last_seq)).collect(),
        repeats: kept.repeats,
        malformed: appliance.malformed(),
        clock_off_s: appliance.clock_off_s(),
        drifts: appliance.drifts().to_vec(),
    }
}

/// What is wrong, the worst first.
fn why(appliance: &Appliance, standing: Standing, now_ms: i64) -> String {
    let age = appliance.age_s(now_ms).map(ago).unwrap_or_default();
    let mut reasons = Vec::new();
    match standing {
        Standing::Lost if appliance.has_ended() => reasons.push(format!("gone for {age}")),
        Standing::Lost | Standing::Late => reasons.push(format!("no status for {age}")),
        Standing::Silent => reasons.push("has not said how it is".to_owned()),
        Standing::Degraded | Standing::Up => {}
    }
    let mut alarms: Vec<_> = appliance.alarms().iter().collect();
    alarms.sort_by_key(|(name, alarm)| (Reverse(alarm.rank), *name));
    reasons.extend(alarms.into_iter().map(|(name, alarm)| format!("{name} ({}): {}", alarm.severity, alarm.text)));
    let missing = appliance.kept().missing();
    if missing > 0 {
        reasons.push(format!("{missing} messages missing"));
    }
    if let Some(off) = appliance.clock_off_s() {
        let direction = if off < 0 { "behind" } else { "ahead" };
        reasons.push(format!("its clock is {} {direction}", ago(off.unsigned_abs())));
    }
    if appliance.malformed() > 0 {
        let last = appliance.last_malformed().map(|what| format!(": {what}")).unwrap_or_default();
        reasons.push(format!("{} messages made no sense{last}", appliance.malformed()));
    }
    let drifted = appliance.drifts().iter().filter(|drift| drift.verdict == Verdict::Drifted);
    reasons.extend(drifted.map(|drift| format!("{} drifted", drift.finding)));
    reasons.join("; ")
}

/// Numbers that are known, with their units.
#[must_use]
pub fn numbers(row: &Row) -> Vec<(&'static str, String)> {
    let n = &row.numbers;
    [
        ("Hottest zone", n.hottest_celsius, "°C"),
        ("Memory that is free", n.memory_available_mib, "MiB"),
        ("Disk that is free", n.disk_free_mib, "MiB"),
        ("New messages that wait", n.live_depth, ""),
        ("The oldest of them for", n.live_oldest_s, "s"),
        ("Older messages that wait", n.backlog_depth, ""),
        ("The oldest of those for", n.backlog_oldest_s, "s"),
        ("Messages that the broker refused", n.set_aside, ""),
        ("Reports since the start", n.reports, ""),
        ("Failed attempts since the start", n.failed_attempts, ""),
        ("99 of 100 readings within", n.reading_p99_ms, "ms"),
    ]
    .into_iter()
    .filter_map(|(name, number, unit)| Some((name, format!("{:.0} {unit}", number?).trim_end().to_owned())))
    .collect()
}

/// How long in words: `3 d`, `5 h`, `12 min`, `40 s`.
#[must_use]
pub fn ago(secs: u64) -> String {
    match secs {
        0..=119 => format!("{secs} s"),
        120..=7199 => format!("{} min", secs / 60),
        7200..=172_799 => format!("{} h", secs / 3600),
        _ => format!("{} d", secs / 86_400),
    }
}

/// Now, milliseconds since the epoch.
#[must_use]
pub fn now_ms() -> i64 {
    clock::now_unix_ms()
}
