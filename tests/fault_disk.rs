//! Whatever the disk does, no committed report is lost, and the appliance goes on when the disk does.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use bench::random::Random;
use bench::service::{self, Service};
use bench::shim::{self, Fault};
use bench::site::Site;
use bench::stand::{FAULTY_LIFE, GOOD_LIFE, Stand, Verdict};
use bench::{count, turn, within};

/// Power cuts at a random moment, beside those at every fsync: of the short form and of the long one.
const RANDOM_CUTS: (usize, usize) = (8, 300);
/// How often each fsync is the last one, each time with another part of what was not durable.
const CUTS_EACH: (usize, usize) = (1, 20);
/// Every how many calls one fails in the short form; the long one has every call fail.
const STRIDE: usize = 12;
/// Words of a log line that says what is wrong with the disk.
const COMPLAINTS: [&str; 6] = [
    "disk",
    "No space left",
    "Input/output error",
    "Read-only file system",
    "readonly",
    "unable to open database file",
];

/// How long an appliance that complained is left in its trouble.
const TROUBLE: Duration = Duration::from_secs(3);

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
    let complained = || COMPLAINTS.iter().any(|c| site.log().contains(c));
    let mut service = Service::start(site, &fault.environment(site));
    let mut ended = None;
    within(FAULTY_LIFE, || {
        ended = service.ended();
        ended.is_some() || stand.is_done(site) || complained()
    });
    // It is left in its trouble for a while.
    let until_it_ends = if complained() { TROUBLE } else { Duration::ZERO };
    ended = ended.or_else(|| service.ends_within(until_it_ends));
    let was_paid = stand.is_paid(site);
    if !was_paid && !complained() {
        return Err(format!("says nothing of a disk that fails (ended: {ended:?})"));
    }
    std::fs::remove_file(shim::flag(site)).expect("it was there");
    if ended.is_none() && !within(GOOD_LIFE, || stand.is_paid(site) || service.ended().is_some()) {
        return Err("does not go on when the disk is good again".to_owned());
    }
    ended = ended.or_else(|| service.ended());
    service.kill();
    stand.recovers(site)?;
    Ok(match (was_paid, ended) {
        (true, None) => "did not matter",
        (true, Some(_)) => "ended after the report",
        (false, Some(_)) => "ended and said so",
        (false, None) => "said so and went on by itself",
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

/// A small file system of memory, unmounted with its owner.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount one.
    fn mount(at: std::path::PathBuf) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs"]).arg(&at).stderr(Stdio::null());
        command.status().is_ok_and(|s| s.success()).then_some(Self(at))
    }

    /// Fills it to its last byte; the file that does.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).expect("it is mounted");
        for size in [65_536, 4096, 512, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_really_full_is_said_and_waited_out() {
    let _turn = turn();
    let name = "a_disk_that_is_really_full_is_said_and_waited_out";
    let Some(stand) = Stand::start() else { return common::skipped(name, "mosquitto or cc is not installed") };
    for full_from_the_start in [true, false] {
        let mut site =
            Site::new(&format!("full-{full_from_the_start}"), &stand.url(), &[("storage.headroom-mib", "0")]);
        let Some(disk) = SmallDisk::mount(site.state_dir()) else {
            return common::skipped(name, "this user may not mount a file system");
        };
        service::install_self_test(&site.state_dir());
        let mut filler = full_from_the_start.then(|| disk.fill());
        let mut service = Service::start(&site, &[]);
        if !full_from_the_start {
            assert!(service.is_ready(), "it starts");
            filler = Some(disk.fill());
        }
        site.study_arrives(usize::from(full_from_the_start));
        let complained = || COMPLAINTS.iter().any(|c| site.log().contains(c));
        assert!(within(GOOD_LIFE, complained), "it says that the disk is full");
        std::fs::remove_file(filler.expect("it was filled")).expect("it is there");
        if service.ends_within(TROUBLE).is_some() {
            service = Service::start(&site, &[]);
        }
        assert!(within(GOOD_LIFE, || stand.is_paid(&site)), "it goes on when there is room");
        drop(service);
        stand.recovers(&site).expect("nothing is lost");
        drop(disk);
    }
}
