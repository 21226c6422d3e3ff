//! A study is read once, after the right wait, however its files come: the real desk on a clock of the test.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod simulated;
mod wire;

use deepspine::appliance::ingest::listing::changed_ns_of;
use simulated::{Reported, Simulation};

/// From a file's arrival until it has been looked at: two rescans and the step between.
const LOOK_SECS: u64 = 6;

/// Who was reported when and how often; each within `LOOK_SECS` after the moment expected.
#[track_caller]
fn expect(reports: &[Reported], expected: &[(&str, u32, usize, u64)]) {
    let told: Vec<_> = reports.iter().map(|r| (r.study.as_str(), r.revision, r.files)).collect();
    let wanted: Vec<_> = expected.iter().map(|e| (e.0, e.1, e.2)).collect();
    assert_eq!(told, wanted, "{reports:?}");
    for (report, (_, _, _, at_secs)) in reports.iter().zip(expected) {
        let late = report.at_secs.checked_sub(*at_secs);
        assert!(late.is_some_and(|late| late <= LOOK_SECS), "{report:?} was due at {at_secs} s");
    }
}

#[test]
fn three_series_five_minutes_apart_make_one_report_after_the_last() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut at = Simulation::start(dir.path(), &[]);
    at.export("a", "1.1", "sag-t2", 0..15);
    at.until_secs(300);
    at.export("a", "1.1", "sag-t1", 0..15);
    at.until_secs(600);
    at.export("a", "1.1", "ax-t2", 0..30);
    at.until_secs(8000);
    expect(&at.reports, &[("1.1", 1, 60, 615)]);
}

#[test]
fn two_interleaved_studies_make_one_report_each() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut at = Simulation::start(dir.path(), &[]);
    for round in 0..30_u64 {
        let number = round as u32 / 3;
        let role = ["sag-t2", "sag-t1", "ax-t2"][round as usize % 3];
        at.export("x", "1.1", role, number..number + 1);
        at.pass_secs(4);
        at.export("x", "1.2", role, number..number + 1);
        at.pass_secs(4);
    }
    at.until_secs(8000);
    expect(&at.reports, &[("1.1", 1, 30, 29 * 8 + 15), ("1.2", 1, 30, 29 * 8 + 4 + 15)]);
}

#[test]
fn a_wanted_series_that_never_comes_is_given_up_half_an_hour_after_the_last_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut at = Simulation::start(dir.path(), &[]);
    at.export("a", "1.1", "sag-t2", 0..15);
    at.until_secs(400);
    at.export("a", "1.1", "ax-t2", 0..15);
    at.until_secs(9000);
    expect(&at.reports, &[("1.1", 1, 30, 2200)]);
}

#[test]
fn a_required_series_that_never_comes_is_given_up_after_an_hour_and_a_half() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut at = Simulation::start(dir.path(), &[]);
    for minute in 0..100 {
        at.export("a", "1.1", "ax-t2", minute..minute + 1);
        at.pass_secs(60);
    }
    let first = at.reports.first().expect("a report").clone();
    expect(std::slice::from_ref(&first), &[("1.1", 1, first.files, 5400)]);
    assert!((88..=91).contains(&first.files), "with what was there: {first:?}");
}

#[test]
fn late_slices_make_a_revision_and_copies_make_none() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut at = Simulation::start(dir.path(), &[]);
    for role in ["sag-t2", "sag-t1", "ax-t2"] {
        at.export("a", "1.1", role, 0..10);
    }
    at.until_secs(1000);
    at.export("a", "1.1", "ax-t2", 10..11);
    at.until_secs(2000);
    let expected = [("1.1", 1, 30, 15), ("1.1", 2, 31, 1015)];
    expect(&at.reports, &expected);
    for role in ["sag-t2", "sag-t1", "ax-t2"] {
        at.export("again", "1.1", role, 0..10);
    }
    at.until_secs(9000);
    expect(&at.reports, &expected);
    assert_eq!((at.looked_at, at.desk.depth()), (61, (61, 0)), "the copies were looked at, and nothing is open");
}

#[test]
fn a_board_that_restarts_every_twenty_minutes_still_gives_up_what_never_comes() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut at = Simulation::start(dir.path(), &[]);
    at.export("a", "1.1", "ax-t2", 0..10);
    at.export("b", "1.2", "sag-t2", 0..10);
    for restart in 1..=6 {
        at.until_secs(restart * 1200);
        at.restart();
    }
    at.until_secs(9000);
    let due = [("1.2", 1800), ("1.1", 5400)];
    assert_eq!(at.reports.len(), due.len(), "{:?}", at.reports);
    for (report, (study, at_secs)) in at.reports.iter().zip(due) {
        // Up to a minute of each run is not noted before the power goes, and files that came meanwhile get their time.
        let late = report.at_secs.checked_sub(at_secs);
        assert!(report.study == study && late.is_some_and(|late| late <= 5 * 60), "{report:?}");
    }
}

#[test]
fn a_sentinel_file_ends_the_wait_and_an_old_one_does_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut at = Simulation::start(dir.path(), &["ingest.sentinel=export.done"]);
    at.export("p/sag", "1.1", "sag-t2", 0..10);
    at.export("p/ax", "1.1", "ax-t2", 0..10);
    at.export("other", "1.2", "sag-t2", 0..10);
    at.until_secs(100);
    assert!(at.reports.is_empty());
    std::fs::write(at.folder().join("p/export.done"), "").expect("the test's folder can be written");
    at.wake();
    at.until_secs(200);
    expect(&at.reports, &[("1.1", 1, 20, 100)]);
    // Files younger than the sentinel wait like any others.
    at.export("p/sag", "1.1", "sag-t2", 10..11);
    at.until_secs(1900);
    assert_eq!(at.reports.len(), 2, "{:?}", at.reports);
    at.until_secs(2100);
    expect(&at.reports[1..], &[("1.2", 1, 10, 1800), ("1.1", 2, 21, 2000)]);
}

#[test]
fn a_new_study_does_not_wait_behind_an_old_archive() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut at = Simulation::start(dir.path(), &[]);
    let archive = at.folder().join("archive");
    std::fs::create_dir(&archive).expect("the test's folder can be written");
    for number in 0..6000 {
        std::fs::write(archive.join(number.to_string()), "junk").expect("the test's folder can be written");
    }
    let oldest_ns = changed_ns_of(&archive.join("5999"));
    wire::until("the clock of the file system ticks", || {
        std::fs::write(dir.path().join("tick"), "").expect("the test's folder can be written");
        changed_ns_of(&dir.path().join("tick")) > oldest_ns
    });
    for role in ["sag-t2", "sag-t1", "ax-t2"] {
        at.export("new", "1.1", role, 0..10);
    }
    at.until_secs(3);
    assert_eq!(at.desk.depth().1, 1, "its files were among the first that were looked at");
    at.until_secs(300);
    assert_eq!(at.looked_at, 6030);
    assert_eq!(at.reports.len(), 1);
}
