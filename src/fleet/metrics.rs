//! The fleet as OpenMetrics text, for Prometheus.
//!
//! Series of the fleet as a whole are few and always there. Series of single appliances are many: they are given where
//! they are asked for, of the worst appliances first, and never of more than [`APPLIANCES_MAX`].

use std::collections::BTreeMap;

use super::collector::Beat;
use super::roll::Roll;
use super::view::{self, Filter, Row};
use crate::http::openmetrics::Exposition;

/// Most appliances of which there are series.
pub const APPLIANCES_MAX: usize = 5000;
/// Most names of alarms of which there are series.
const ALARMS_MAX: usize = 64;

/// All metrics at `now_ms`; with those of single appliances where `of_each`.
#[must_use]
pub fn text(roll: &Roll, beat: &Beat, of_each: bool, now_ms: i64) -> String {
    let ordered = view::order(roll, &Filter::default(), now_ms);
    let totals = &ordered.totals;
    let mut out = Exposition::default();
    out.family("deepspine_fleet_appliances", "gauge", "", "Appliances by how they stand.");
    for (standing, count) in &totals.standings {
        out.sample("deepspine_fleet_appliances", &[("standing", standing)], *count as f64);
    }
    out.family("deepspine_fleet_versions", "gauge", "", "Appliances by version of their program.");
    for (version, count) in &totals.versions {
        out.sample("deepspine_fleet_versions", &[("version", version)], *count as f64);
    }
    of_alarms(roll, &mut out);
    out.gauge("deepspine_fleet_alarmed", "", "Appliances that have an alarm.", totals.alarmed as f64);
    out.gauge("deepspine_fleet_with_gaps", "", "Appliances that miss messages for good.", totals.with_gaps as f64);
    out.gauge("deepspine_fleet_missing_messages", "", "Messages that are missing for good.", totals.missing as f64);
    out.gauge("deepspine_fleet_drifted", "", "Appliances with grades that drifted.", totals.drifted as f64);
    of_queues(roll, &mut out);
    of_collector(beat, &mut out);
    out.counter("deepspine_fleet_strange", "Messages on topics that are no appliance's.", totals.strange);
    out.counter("deepspine_fleet_turned_away", "Messages of appliances without room.", totals.turned_away);
    if of_each {
        of_appliances(&ordered.rows(0, APPLIANCES_MAX), &mut out);
    }
    out.end()
}

/// A number of an appliance, where it is known.
type OfRow = fn(&Row) -> Option<f64>;

fn of_alarms(roll: &Roll, out: &mut Exposition) {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (name, alarm) in roll.appliances().values().flat_map(|one| one.alarms()) {
        if counts.len() < ALARMS_MAX || counts.contains_key(&(&**name, alarm.severity)) {
            *counts.entry((name, alarm.severity)).or_default() += 1;
        }
    }
    out.family("deepspine_fleet_alarms", "gauge", "", "Appliances by alarm that stands and its severity.");
    for ((alarm, severity), count) in counts {
        out.sample("deepspine_fleet_alarms", &[("alarm", alarm), ("severity", severity)], count as f64);
    }
}

fn of_queues(roll: &Roll, out: &mut Exposition) {
    let numbers = || roll.appliances().values().map(|one| one.numbers());
    out.family("deepspine_fleet_queue_depth", "gauge", "", "Messages that wait in the appliances, by lane.");
    let (live, backlog) = (numbers().filter_map(|n| n.live_depth), numbers().filter_map(|n| n.backlog_depth));
    out.sample("deepspine_fleet_queue_depth", &[("lane", "live")], live.sum());
    out.sample("deepspine_fleet_queue_depth", &[("lane", "backlog")], backlog.sum());
    let oldest = numbers().flat_map(|n| [n.live_oldest_s, n.backlog_oldest_s]).flatten().fold(0.0, f64::max);
    out.gauge("deepspine_fleet_queue_oldest_seconds", "", "Age of the oldest message that waits.", oldest);
    if let Some(hottest) = numbers().filter_map(|n| n.hottest_celsius).reduce(f64::max) {
        out.gauge("deepspine_fleet_hottest_celsius", "", "The hottest zone of all appliances.", hottest);
    }
}

fn of_collector(beat: &Beat, out: &mut Exposition) {
    out.family("deepspine_fleet_connected", "gauge", "", "1 while the collector is connected to the broker.");
    for (name, is) in [("state", beat.state_connected), ("events", beat.events_connected)] {
        out.sample("deepspine_fleet_connected", &[("connection", name)], f64::from(u8::from(is)));
    }
    out.counter("deepspine_fleet_events_stored", "Events that this collector stored.", beat.stored);
    out.counter("deepspine_fleet_events_repeated", "Events that were stored before.", beat.repeats);
    out.counter("deepspine_fleet_malformed", "Messages that made no sense.", beat.malformed);
    out.counter("deepspine_fleet_numbers_dropped", "Numbers that came too fast.", beat.dropped);
    out.counter(
        "deepspine_fleet_store_failures",
        "What the store failed to do, and was tried again.",
        beat.store_failures,
    );
    out.family("deepspine_fleet_lag_seconds", "gauge", "", "From an event's making to its commit, by quantile.");
    for (quantile, ms) in [("0.5", beat.lag_p50_ms), ("0.99", beat.lag_p99_ms), ("1", beat.lag_max_ms)] {
        out.sample("deepspine_fleet_lag_seconds", &[("quantile", quantile)], ms as f64 / 1000.0);
    }
}

fn of_appliances(rows: &[Row], out: &mut Exposition) {
    out.family("deepspine_appliance_standing", "gauge", "", "1 for how the appliance stands.");
    for row in rows {
        let labels = [("device", &*row.device), ("standing", row.standing.name()), ("version", &*row.version)];
        out.sample("deepspine_appliance_standing", &labels, 1.0);
    }
    let families: [(&str, &str, OfRow); 7] = [
        ("deepspine_appliance_status_age_seconds", "Age of its last status.", |row| row.age_s.map(|age| age as f64)),
        ("deepspine_appliance_alarms", "Alarms that stand.", |row| Some(row.alarms.len() as f64)),
        ("deepspine_appliance_missing_messages", "Messages that are missing for good.", |row| Some(row.missing as f64)),
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
        out.family(name, "gauge", "", help);
        for row in rows {
            if let Some(value) = value(row) {
                out.sample(name, &[("device", &row.device)], value);
            }
        }
    }
    of_drifts(rows, out);
}

fn of_drifts(rows: &[Row], out: &mut Exposition) {
    out.family(
        "deepspine_appliance_drift_psi",
        "gauge",
        "",
        "How far a finding's grades are from the site's own baseline.",
    );
    for row in rows {
        for drift in &row.drifts {
            let labels = [("device", &*row.device), ("models", &drift.models), ("finding", &drift.finding)];
            if let Some(psi) = drift.psi {
                out.sample("deepspine_appliance_drift_psi", &labels, psi);
            }
        }
    }
}
