//! The appliance's metrics. Numbers, and labels out of fixed sets or of the machine's own names: no identity, no study.

use super::look::Look;
use crate::appliance::alarms::{Alarm, Severity};
use crate::appliance::clock;
use crate::appliance::health::counters::{Counters, Histogram};
use crate::appliance::journal::{LaneDepth, StudyState};
use crate::appliance::mqtt::payload::Health;
use crate::appliance::self_test_trend::Tested;
use crate::appliance::shared::Shared;
use crate::http::openmetrics::Exposition;

/// All of it, as OpenMetrics text.
pub(super) fn text(look: &Look, shared: &Shared, tests: &[Tested]) -> String {
    let mut out = Exposition::default();
    let overview = &look.overview;
    out.family("deepspine_build", "info", "", "What runs here.");
    out.sample("deepspine_build_info", &[("version", &overview.version), ("device", &overview.device)], 1.0);
    out.gauge(
        "deepspine_up",
        "",
        "1 where no alarm says that something does not work, else 0.",
        yes(look.health == Health::Up),
    );
    out.gauge("deepspine_uptime_seconds", "seconds", "Since the appliance started.", overview.uptime_s as f64);
    of_studies(look, shared, &mut out);
    of_delivery(look, shared, &mut out);
    alarms(shared, &mut out);
    of_machine(look, &mut out);
    of_self_tests(shared, tests, &mut out);
    out.end()
}

fn of_studies(look: &Look, shared: &Shared, out: &mut Exposition) {
    out.family("deepspine_studies", "gauge", "", "Studies in the journal by their state.");
    for state in StudyState::ALL {
        out.sample("deepspine_studies", &[("state", state.name())], look.count(state.name()) as f64);
    }
    let counters = &shared.counters;
    out.counter("deepspine_reports", "Reports committed since the start.", Counters::so_far(&counters.reports));
    out.counter("deepspine_reports_on_gpu", "Of them those read on a GPU.", Counters::so_far(&counters.on_gpu));
    let failed = Counters::so_far(&counters.failed_attempts);
    out.counter("deepspine_failed_attempts", "Attempts at a reading that failed since the start.", failed);
    durations("deepspine_reading_seconds", "From a study's claim to its report's commit.", &look.reading, out);
    out.gauge("deepspine_reading_threads", "", "Threads of the last reading.", shared.threads.get() as f64);
    out.gauge("deepspine_intake_open", "", "1 where new studies are taken in.", yes(look.overview.intake_open));
}

fn of_delivery(look: &Look, shared: &Shared, out: &mut Exposition) {
    let outbox = &look.overview.outbox;
    let lanes: [(&str, &LaneDepth); 2] = [("live", &outbox.live), ("backlog", &outbox.backlog)];
    out.family(
        "deepspine_outbox_messages",
        "gauge",
        "",
        "Messages that wait for the broker, by lane; refused ones are set aside.",
    );
    for (lane, depth) in lanes {
        out.sample("deepspine_outbox_messages", &[("lane", lane)], depth.waiting as f64);
    }
    out.sample("deepspine_outbox_messages", &[("lane", "set-aside")], outbox.set_aside as f64);
    out.family(
        "deepspine_outbox_oldest_age_seconds",
        "gauge",
        "seconds",
        "Age of the oldest message of a lane, where there is one and the clock is set.",
    );
    for (lane, depth) in lanes {
        if let Some(age_s) = depth.oldest_at.and_then(clock::age_secs) {
            out.sample("deepspine_outbox_oldest_age_seconds", &[("lane", lane)], age_s as f64);
        }
    }
    of_archive(look, out);
    let counters = &shared.counters;
    out.gauge(
        "deepspine_broker_connected",
        "",
        "1 where there is a connection to the broker.",
        yes(look.overview.connected),
    );
    out.counter(
        "deepspine_broker_connections",
        "Connections made since the start.",
        Counters::so_far(&counters.connections),
    );
    out.counter(
        "deepspine_messages_delivered",
        "Messages that a broker accepted since the start.",
        Counters::so_far(&counters.delivered),
    );
    out.counter(
        "deepspine_messages_refused",
        "Messages that a broker refused since the start.",
        Counters::so_far(&counters.refused),
    );
    let help = "From a message's handing over to its acknowledgement.";
    durations("deepspine_acknowledgement_seconds", help, &look.acknowledged, out);
}

/// Of the clinic's archive, where there is one.
fn of_archive(look: &Look, out: &mut Exposition) {
    let Some(sendings) = &look.overview.sendings else { return };
    let help = "Objects for the clinic's archive that wait, and that it refused.";
    out.family("deepspine_archive_objects", "gauge", "", help);
    for (state, count) in [("waiting", sendings.waiting), ("set-aside", sendings.set_aside)] {
        out.sample("deepspine_archive_objects", &[("state", state)], count as f64);
    }
    if let Some(age_s) = sendings.oldest_at.and_then(clock::age_secs) {
        let help = "Age of the oldest object that waits.";
        out.gauge("deepspine_archive_oldest_age_seconds", "seconds", help, age_s as f64);
    }
}

fn alarms(shared: &Shared, out: &mut Exposition) {
    out.family(
        "deepspine_alarm",
        "gauge",
        "",
        "How bad an alarm is: 0 where it does not stand, 1 warning, 2 minor, 3 major, 4 critical.",
    );
    for alarm in Alarm::ALL {
        let level = match shared.alarms.get(alarm).0.map(|raised| raised.severity) {
            None => 0.0,
            Some(Severity::Warning) => 1.0,
            Some(Severity::Minor) => 2.0,
            Some(Severity::Major) => 3.0,
            Some(Severity::Critical) => 4.0,
        };
        out.sample("deepspine_alarm", &[("alarm", alarm.name())], level);
    }
}

fn of_machine(look: &Look, out: &mut Exposition) {
    out.family("deepspine_temperature_celsius", "gauge", "celsius", "Thermal zones by their type.");
    for (kind, zone) in &look.zones {
        out.sample("deepspine_temperature_celsius", &[("zone", kind)], zone.celsius);
    }
    out.gauge(
        "deepspine_slowed_down",
        "",
        "1 where heat or power slows the board down right now.",
        yes(look.slowing.is_active()),
    );
    if let Some(count) = look.slowing.count {
        out.counter(
            "deepspine_slowed_down_times",
            "How often the kernel slowed the processor down because of heat.",
            count,
        );
    }
    let bytes = [
        (
            "deepspine_memory_resident_bytes",
            "Memory of the appliance that is in RAM.",
            Some(look.memory.resident_kib << 10),
        ),
        (
            "deepspine_memory_available_bytes",
            "Memory that programs can still get.",
            Some(look.memory.available_kib << 10),
        ),
        ("deepspine_disk_free_bytes", "Room beside the journal.", look.room.map(|room| room.free_bytes)),
        (
            "deepspine_disk_total_bytes",
            "Size of the file system that holds the journal.",
            look.room.map(|room| room.total_bytes),
        ),
        ("deepspine_journal_used_bytes", "Size of the journal.", Some(look.overview.journal_used_bytes)),
    ];
    for (name, help, value) in bytes {
        if let Some(value) = value {
            out.gauge(name, "bytes", help, value as f64);
        }
    }
    if let Some(load) = look.load {
        out.gauge("deepspine_load1", "", "The machine's load over one minute.", load);
    }
    out.family("deepspine_wear_percent", "gauge", "percent", "How much of a disk's life is used up, in steps of ten.");
    for (disk, percent) in &look.wear_percent {
        out.sample("deepspine_wear_percent", &[("disk", disk)], *percent as f64);
    }
    if let Some(synced) = look.overview.clock_synced {
        out.gauge(
            "deepspine_clock_synced",
            "",
            "1 where the clock is synchronised; absent where nobody says.",
            yes(synced),
        );
    }
}

fn of_self_tests(shared: &Shared, tests: &[Tested], out: &mut Exposition) {
    out.counter("deepspine_self_tests", "Self-tests since the start.", Counters::so_far(&shared.counters.self_tests));
    let Some(last) = tests.last() else { return };
    out.gauge("deepspine_self_test_passed", "", "1 where the last self-test passed.", yes(last.passed));
    if let Ok(moment) = last.time.parse::<jiff::Timestamp>() {
        out.gauge(
            "deepspine_self_test_time_seconds",
            "seconds",
            "When it ended, since the epoch.",
            moment.as_second() as f64,
        );
    }
    out.family("deepspine_self_test_found", "gauge", "", "What it found, by check.");
    for check in &last.checks {
        out.sample("deepspine_self_test_found", &[("check", &check.name)], check.value);
    }
    out.family("deepspine_self_test_allowed", "gauge", "", "What is allowed, by check.");
    for check in &last.checks {
        out.sample("deepspine_self_test_allowed", &[("check", &check.name)], check.max);
    }
}

const fn yes(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

fn durations(name: &str, help: &str, took: &Histogram, out: &mut Exposition) {
    let secs = |ms: u64| ms as f64 / 1e3;
    let up_to = took.up_to_ms().map(|(bound_ms, count)| (secs(bound_ms), count));
    out.histogram(name, help, up_to, took.count, secs(took.sum_ms));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_histogram_counts_up_and_ends_with_all() {
        let (mut out, mut histogram) = (Exposition::default(), Histogram::default());
        for ms in [3, 30_000, 900_000] {
            histogram.add(Duration::from_millis(ms));
        }
        durations("x_seconds", "h", &histogram, &mut out);
        let text = out.end();
        for line in [
            "# UNIT x_seconds seconds\n",
            "x_seconds_bucket{le=\"0.001\"} 0\n",
            "x_seconds_bucket{le=\"0.005\"} 1\n",
            "x_seconds_bucket{le=\"300.0\"} 2\n",
            "x_seconds_bucket{le=\"+Inf\"} 3\n",
            "x_seconds_count 3\n",
            "x_seconds_sum 930.003\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
