//! Whatever the disk does, no committed report is lost, and the appliance goes on when the disk does.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;

use bench::random::Random;
use bench::shim::{self, Fault};
use bench::site::Site;
use bench::stand::{Stand, Verdict};
use bench::{count, turn};

/// Power cuts at a random moment, beside those at every fsync: of the short form and of the long one.
const RANDOM_CUTS: (usize, usize) = (8, 300);
/// How often each fsync is the last one, each time with another part of what was not durable.
const CUTS_EACH: (usize, usize) = (1, 20);
/// Every how many calls one fails in the short form; the long one has every call fail.
const STRIDE: usize = 6;
/// Words of a log line that says what is wrong with the disk.
const COMPLAINTS: [&str; 6] = [
    "disk",
    "No space left",
    "Input/output error",
    "Read-only file system",
    "readonly",
    "unable to open database file",
];

fn is_sync(kind: &str) -> bool {
    kind == "fsync" || kind == "fdatasync"
}

/// A life that is cut off at `kill`, what the cut leaves, and the life after it.
fn power_cut(stand: &Stand, kill: Option<String>, mut random: Random, site: &Site) -> Verdict {
    let was_cut = stand.faulty_life(site, &Fault { kill, shadow: true, ..Fault::default() }).is_some();
    let committed = site.committed();
    let lost = shim::cut_power(site, &mut random);
    let told = |why: String| format!("{why}; lost in the cut: {lost:#?}");
    let reports = site.journal_reports().unwrap_or_default();
    if let Some(id) = committed.iter().find(|id| !reports.contains(id)) {
        return Err(told(format!("report {id} was committed and the cut took it")));
    }
    stand.recovers(site).map_err(told)?;
    Ok(if !was_cut {
        "after the end of the work"
    } else if committed.is_empty() {
        "before the commit"
    } else {
        "after the commit"
    })
}

#[test]
fn a_power_cut_at_any_fsync_loses_no_committed_report() {
    let _turn = turn();
    let name = "a_power_cut_at_any_fsync_loses_no_committed_report";
    let Some(stand) = Stand::start() else { return common::skipped(name, "mosquitto or cc is not installed") };
    let random = Random::seeded(name);
    let syncs = stand.calls_of_a_life().iter().filter(|(kind, _)| is_sync(kind)).count();
    assert!(syncs > 5, "a life has its fsyncs: {syncs}");
    let mut labels = Vec::new();
    for _ in 0..count(CUTS_EACH.0, CUTS_EACH.1) {
        labels.extend((1..=syncs).flat_map(|n| ["before", "after"].map(|when| format!("sync:*:{n}:{when}"))));
    }
    let line = format!("power cut before and after each of the {syncs} fsyncs of a life; torn, short, lost writes");
    stand.try_all(&line, labels, &random, |stand, label, random, site| {
        power_cut(stand, Some(label.to_owned()), random, site)
    });
}

#[test]
fn a_power_cut_at_any_moment_loses_no_committed_report() {
    let _turn = turn();
    let name = "a_power_cut_at_any_moment_loses_no_committed_report";
    let Some(stand) = Stand::start() else { return common::skipped(name, "mosquitto or cc is not installed") };
    let random = Random::seeded(name);
    let calls = stand.calls_of_a_life().len();
    let mut draw = random.clone();
    let moments = (0..count(RANDOM_CUTS.0, RANDOM_CUTS.1)).map(|_| draw.below(calls) + 1);
    let labels = moments.map(|n| format!("any:*:{n}:after")).collect();
    let line = format!("power cut after random ones of the {calls} file calls of a life");
    stand.try_all(&line, labels, &random, |stand, label, random, site| {
        power_cut(stand, Some(label.to_owned()), random, site)
    });
}

/// A life in which calls fail, until the fault is over; it goes on by itself or after a restart.
fn disk_fails(stand: &Stand, label: &str, site: &Site) -> Verdict {
    let mut parts = label.split(':');
    let error = match parts.next() {
        Some("ENOSPC") => "ENOSPC",
        Some("EIO") => "EIO",
        _ => "EROFS",
    };
    let mut number = || parts.next().and_then(|text| text.parse().ok()).expect("a label of ours");
    let (first, last) = (number(), number());
    let fault = Fault { fail: Some((error, first, last)), ..Fault::default() };
    let ended = stand.faulty_life(site, &fault);
    let was_paid = stand.is_paid(site);
    let complained = COMPLAINTS.iter().any(|c| site.log().contains(c));
    if !was_paid && !complained {
        return Err(format!("says nothing of a disk that fails (ended: {ended:?})"));
    }
    std::fs::remove_file(shim::flag(site)).expect("it was there");
    stand.recovers(site)?;
    Ok(match (was_paid, ended) {
        (true, None) => "did not matter",
        (true, Some(_)) => "ended after the report",
        (false, Some(_)) => "ended and said so",
        (false, None) => "stopped work and said so",
    })
}

fn every_call_fails(name: &str, line: &str, error: &str, can_fail: impl Fn(&str) -> bool) {
    let _turn = turn();
    let Some(stand) = Stand::start() else { return common::skipped(name, "mosquitto or cc is not installed") };
    let mut random = Random::seeded(name);
    let calls = stand.calls_of_a_life().iter().filter(|(kind, _)| can_fail(kind)).count();
    let stride = count(STRIDE, 1);
    let first = if stride == 1 { 1 } else { random.below(stride) + 1 };
    let numbers: Vec<usize> = (first..=calls).step_by(stride).collect();
    let mut labels: Vec<String> = numbers.iter().map(|n| format!("{error}:{n}:0")).collect();
    if stride == 1 {
        labels.extend(numbers.iter().map(|n| format!("{error}:{n}:{n}")));
    }
    let line = format!("{line} ({calls} calls)");
    stand.try_all(&line, labels, &random, |stand, label, _, site| disk_fails(stand, label, site));
}

#[test]
fn a_full_disk_at_any_write_stops_work_and_loses_nothing() {
    let name = "a_full_disk_at_any_write_stops_work_and_loses_nothing";
    let grows = |kind: &str| matches!(kind, "write" | "create" | "fallocate" | "mkdir");
    every_call_fails(name, "ENOSPC at each write of a life", "ENOSPC", grows);
}

#[test]
fn a_broken_disk_at_any_write_or_fsync_loses_nothing() {
    let name = "a_broken_disk_at_any_write_or_fsync_loses_nothing";
    every_call_fails(name, "EIO at each write and fsync of a life", "EIO", |kind| kind == "write" || is_sync(kind));
}

#[test]
fn a_disk_that_becomes_read_only_at_any_change_loses_nothing() {
    let name = "a_disk_that_becomes_read_only_at_any_change_loses_nothing";
    every_call_fails(name, "EROFS at each change of a life", "EROFS", |kind| !is_sync(kind));
}
