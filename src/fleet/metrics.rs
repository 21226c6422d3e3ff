//! The fleet as OpenMetrics text, for Prometheus.
//!
//! Series of the fleet as a whole are few and always there. Series of single appliances are many: they are given where
//! they are asked for, of the worst appliances first, and never of more than [`APPLIANCES_MAX`].

use std::collections::BTreeMap;
use std::fmt::Write;

use super::collector::Beat;
use super::roll::Roll;
use super::view::{self, Filter, Row};

/// The media type of what [`text`] gives.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Most appliances of which there are series.
pub const APPLIANCES_MAX: usize = 5000;
/// Most names of alarms of which there are series.
const ALARMS_MAX: usize = 64;

/// All metrics at `now_ms`; with those of single appliances where `of_each`.
#[must_use]
pub fn text(roll: &Roll, beat: &Beat, of_each: bool, now_ms: i64) -> String {
    let ordered = view::order(roll, &Filter::default(), now_ms);
    let totals = &ordered.totals;
    let mut page = Page::default();
    page.family("deepspine_fleet_appliances", "gauge", "Appliances by how they stand.");
    for (standing, count) in &totals.standings {
        page.sample("deepspine_fleet_appliances", &[("standing", standing)], *count as f64);
    }
    page.family("deepspine_fleet_versions", "gauge", "Appliances by version of their program.");
    for (version, count) in &totals.versions {
        page.sample("deepspine_fleet_versions", &[("version", version)], *count as f64);
    }
    page.alarms(roll);
    page.one("deepspine_fleet_alarmed", "Appliances that have an alarm.", totals.alarmed as f64);
    page.one("deepspine_fleet_with_gaps", "Appliances that miss messages for good.", totals.with_gaps as f64);
    page.one("deepspine_fleet_missing_messages", "Messages that are missing for good.", totals.missing as f64);
    page.one("deepspine_fleet_drifted", "Appliances with grades that drifted.", totals.drifted as f64);
    page.queues(roll);
    page.beat(beat);
    page.counter("deepspine_fleet_strange", "Messages on topics that are no appliance's.", totals.strange);
    page.counter("deepspine_fleet_turned_away", "Messages of appliances without room.", totals.turned_away);
    if of_each {
        page.appliances(&ordered.rows(0, APPLIANCES_MAX));
    }
    page.text.push_str("# EOF\n");
    page.text
}

/// A number of an appliance, where it is known.
type OfRow = fn(&Row) -> Option<f64>;

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into memory does not fail.
        let _ = writeln!(self.text, "# TYPE {name} {kind}\n# HELP {name} {help}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(&format!("{name}_total"), &[], value as f64);
    }

    fn alarms(&mut self, roll: &Roll) {
        let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (name, alarm) in roll.appliances().values().flat_map(|one| one.alarms()) {
            if counts.len() < ALARMS_MAX || counts.contains_key(&(&**name, alarm.severity)) {
                *counts.entry((name, alarm.severity)).or_default() += 1;
            }
        }
        self.family("deepspine_fleet_alarms", "gauge", "Appliances by alarm that stands and its severity.");
        for ((alarm, severity), count) in counts {
            self.sample("deepspine_fleet_alarms", &[("alarm", alarm), ("severity", severity)], count as f64);
        }
    }

    fn queues(&mut self, roll: &Roll) {
        let numbers = || roll.appliances().values().map(|one| one.numbers());
        self.family("deepspine_fleet_queue_depth", "gauge", "Messages that wait in the appliances, by lane.");
        let (live, backlog) = (numbers().filter_map(|n| n.live_depth), numbers().filter_map(|n| n.backlog_depth));
        self.sample("deepspine_fleet_queue_depth", &[("lane", "live")], live.sum());
        self.sample("deepspine_fleet_queue_depth", &[("lane", "backlog")], backlog.sum());
        let oldest = numbers().flat_map(|n| [n.live_oldest_s, n.backlog_oldest_s]).flatten().fold(0.0, f64::max);
        self.one("deepspine_fleet_queue_oldest_seconds", "Age of the oldest message that waits.", oldest);
        if let Some(hottest) = numbers().filter_map(|n| n.hottest_celsius).reduce(f64::max) {
            self.one("deepspine_fleet_hottest_celsius", "The hottest zone of all appliances.", hottest);
        }
    }

    fn beat(&mut self, beat: &Beat) {
        self.family("deepspine_fleet_connected", "gauge", "1 while the collector is connected to the broker.");
        for (name, is) in [("state", beat.state_connected), ("events", beat.events_connected)] {
            self.sample("deepspine_fleet_connected", &[("connection", name)], f64::from(u8::from(is)));
        }
        self.counter("deepspine_fleet_events_stored", "Events that this collector stored.", beat.stored);
        self.counter("deepspine_fleet_events_repeated", "Events that were stored before.", beat.repeats);
        self.counter("deepspine_fleet_malformed", "Messages that made no sense.", beat.malformed);
        self.counter("deepspine_fleet_numbers_dropped", "Numbers that came too fast.", beat.dropped);
        self.counter(
            "deepspine_fleet_store_failures",
            "What the store failed to do, and was tried again.",
            beat.store_failures,
        );
        self.family("deepspine_fleet_lag_seconds", "gauge", "From an event's making to its commit, by quantile.");
        for (quantile, ms) in [("0.5", beat.lag_p50_ms), ("0.99", beat.lag_p99_ms), ("1", beat.lag_max_ms)] {
            self.sample("deepspine_fleet_lag_seconds", &[("quantile", quantile)], ms as f64 / 1000.0);
        }
    }

    fn appliances(&mut self, rows: &[Row]) {
        self.family("deepspine_appliance_standing", "gauge", "1 for how the appliance stands.");
        for row in rows {
            let labels = [("device", &*row.device), ("standing", row.standing.name()), ("version", &*row.version)];
            self.sample("deepspine_appliance_standing", &labels, 1.0);
        }
        let families: [(&str, &str, OfRow); 7] = [
            ("deepspine_appliance_status_age_seconds", "Age of its last status.", |row| {
                row.age_s.map(|age| age as f64)
            }),
            ("deepspine_appliance_alarms", "Alarms that stand.", |row| Some(row.alarms.len() as f64)),
            ("deepspine_appliance_missing_messages", "Messages that are missing for good.", |row| {
                Some(row.missing as f64)
            }),
            ("deepspine_appliance_queue_depth", "Messages that wait in it.", |row| {
                Some(row.numbers.live_depth? + row.numbers.backlog_depth.unwrap_or(0.0))
            }),
            ("deepspine_appliance_queue_oldest_seconds", "Age of the oldest of them.", |row| {
                Some(row.numbers.live_oldest_s?.max(row.numbers.backlog_oldest_s.unwrap_or(0.0)))
            }),
            ("deepspine_appliance_hottest_celsius", "Its hottest zone.", |row| row.numbers.hottest_celsius),
            ("deepspine_appliance_malformed_messages", "Messages of it that made no sense.", |row| {
                Some(row.malformed as f64)
            }),
        ];
        for (name, help, value) in families {
            self.family(name, "gauge", help);
            for row in rows {
                if let Some(value) = value(row) {
                    self.sample(name, &[("device", &row.device)], value);
                }
            }
        }
        self.drifts(rows);
    }

    fn drifts(&mut self, rows: &[Row]) {
        self.family(
            "deepspine_appliance_drift_psi",
            "gauge",
            "How far a finding's grades are from the site's own baseline.",
        );
        for row in rows {
            for drift in &row.drifts {
                let labels = [("device", &*row.device), ("models", &drift.models), ("finding", &drift.finding)];
                if let Some(psi) = drift.psi {
                    self.sample("deepspine_appliance_drift_psi", &labels, psi);
                }
            }
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
