//! Both stores keep the same promises: everything once, gaps decided in time, filled ones gone.
#![cfg(feature = "fleet")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod fleet_bench;

use std::collections::BTreeMap;

use bench::random::Random;
use deepspine::fleet::drift::{BASELINE_REPORTS, RECENT_REPORTS};
use deepspine::fleet::store::{self, Batch, EventRow, NumbersRow, Store, Taken};
use deepspine::fleet::wire::{Event, Numbers, Reported};
use fleet_bench::postgresql::Postgresql;

/// Every promise is held against both stores; PostgreSQL where it is installed.
fn with_both(name: &str, promise: impl Fn(&mut dyn Store)) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("fleet.db").display().to_string();
    promise(&mut *store::open(&file).expect("a file"));
    drop(store::open(&file).expect("it opens again"));
    match Postgresql::start() {
        Some(postgresql) => {
            promise(&mut *store::open(&postgresql.url()).expect("a database"));
            drop(store::open(&postgresql.url()).expect("it opens again"));
        }
        None => common::skipped(name, "PostgreSQL is not installed"),
    }
}

fn event(device: &str, seq: i64, superseded: i64, received_ms: i64) -> EventRow {
    let msg_id = format!("{seq:032x}").into();
    let event = Event { kind: "study", seq, msg_id, superseded, made_ms: received_ms, report: None };
    EventRow { device: device.into(), event, received_ms }
}

fn events(device: &str, seqs: &[i64], received_ms: i64) -> Batch {
    Batch { events: seqs.iter().map(|seq| event(device, *seq, 0, received_ms)).collect(), ..Batch::default() }
}

/// `device` says that its backlog is empty, or how much waits.
fn queue(device: &str, backlog: f64, received_ms: i64) -> Batch {
    let numbers = Numbers { backlog_depth: Some(backlog), ..Numbers::default() };
    let row = NumbersRow { device: device.into(), kind: "queue".into(), numbers, received_ms };
    Batch { numbers: BTreeMap::from([((device.into(), "queue"), row)]), ..Batch::default() }
}

fn gaps(store: &mut dyn Store) -> Vec<(String, i64, i64)> {
    let gaps = store.standings().expect("the store works").gaps.into_iter();
    let mut gaps: Vec<_> = gaps.map(|gap| (gap.device.to_string(), gap.first_seq, gap.last_seq)).collect();
    gaps.sort();
    gaps
}

fn gap(device: &str, first_seq: i64, last_seq: i64) -> (String, i64, i64) {
    (device.to_owned(), first_seq, last_seq)
}

#[test]
fn an_event_counts_once_however_often_it_comes() {
    with_both("an_event_counts_once_however_often_it_comes", |store| {
        let mut batch = events("a", &[1, 2, 2, 3], 1000);
        batch.malformed.insert("a".into(), 2);
        assert_eq!(store.take(&batch).expect("the store works"), Taken { stored: 3, repeats: 1 });
        assert_eq!(store.take(&events("a", &[3, 4], 2000)).expect("the store works"), Taken { stored: 1, repeats: 1 });
        let counts = store.standings().expect("the store works").counts;
        assert_eq!(counts.len(), 1);
        assert_eq!((counts[0].repeats, counts[0].malformed), (2, 2));
        // A device that began anew gives the same numbers to other messages.
        let mut other = event("a", 3, 0, 3000);
        other.event.msg_id = "f".repeat(32).into();
        let batch = Batch { events: vec![other], ..Batch::default() };
        assert_eq!(store.take(&batch).expect("the store works"), Taken { stored: 1, repeats: 0 });
        assert_eq!(store.take(&Batch::default()).expect("the store works"), Taken::default());
    });
}

#[test]
fn a_gap_is_one_after_its_grace_and_an_empty_backlog_and_goes_when_it_is_filled() {
    with_both("a_gap_is_one_after_its_grace", |store| {
        store.take(&events("a", &[5, 6, 10], 1000)).expect("the store works");
        store.decide_gaps(100_000, 500).expect("the store works");
        assert_eq!(gaps(store), [], "the device has not said that its backlog is empty");
        store.take(&queue("a", 3.0, 2000)).expect("the store works");
        store.decide_gaps(100_000, 500).expect("the store works");
        assert_eq!(gaps(store), [], "nor now");
        store.take(&queue("a", 0.0, 3000)).expect("the store works");
        store.decide_gaps(1400, 500).expect("the store works");
        assert_eq!(gaps(store), [], "its grace is not over");
        store.decide_gaps(1500, 500).expect("the store works");
        assert_eq!(gaps(store), [gap("a", 7, 9)]);
        store.take(&events("a", &[8], 4000)).expect("the store works");
        store.decide_gaps(4000, 500).expect("the store works");
        assert_eq!(gaps(store), [gap("a", 7, 7), gap("a", 9, 9)]);
        store.take(&events("a", &[7, 9, 11, 13], 5000)).expect("the store works");
        store.take(&queue("a", 0.0, 6000)).expect("the store works");
        store.decide_gaps(100_000, 500).expect("the store works");
        assert_eq!(gaps(store), [gap("a", 12, 12)]);
        store.decide_gaps(200_000, 500).expect("the store works");
        assert_eq!(gaps(store), [gap("a", 12, 12)], "once is enough");
    });
}

#[test]
fn a_number_that_a_later_message_stands_for_is_not_missing() {
    with_both("a_number_that_a_later_message_stands_for_is_not_missing", |store| {
        let stands_for = |seq, superseded| event("a", seq, superseded, 1000);
        let first = vec![stands_for(1, 0), stands_for(4, 2), stands_for(6, 0)];
        store.take(&Batch { events: first, ..Batch::default() }).expect("the store works");
        store.take(&queue("a", 0.0, 2000)).expect("the store works");
        store.decide_gaps(9000, 500).expect("the store works");
        assert_eq!(gaps(store), [gap("a", 5, 5)]);
        // What the last of before stood for is not counted again.
        store.take(&events("a", &[8], 3000)).expect("the store works");
        store.take(&queue("a", 0.0, 4000)).expect("the store works");
        store.decide_gaps(9000, 500).expect("the store works");
        assert_eq!(gaps(store), [gap("a", 5, 5), gap("a", 7, 7)]);
    });
}

/// Numbers come in any order, in any batches, twice, while gaps are decided in between: in the end exactly the numbers
/// that never came are missing.
#[test]
fn whatever_the_order_exactly_what_never_came_is_missing() {
    const NAME: &str = "whatever_the_order_exactly_what_never_came_is_missing";
    let random = Random::seeded(NAME);
    with_both(NAME, |store| {
        let mut random = random.clone();
        let devices = ["a", "b", "c"];
        let mut wanted = Vec::new();
        let mut waiting: Vec<(&str, i64)> = Vec::new();
        for device in devices {
            // The first is received first: what lies before it is nobody's.
            store.take(&events(device, &[1], 1)).expect("the store works");
            let mut seq = 2;
            while seq < 200 {
                let length = 1 + random.below(3) as i64;
                if random.once_in(10) {
                    wanted.push(gap(device, seq, seq + length - 1));
                    seq += length;
                }
                waiting.push((device, seq));
                seq += 1;
            }
        }
        let mut now_ms = 1000;
        while !waiting.is_empty() {
            let mut batch = Batch::default();
            for _ in 0..=random.below(20) {
                let place = random.below(waiting.len());
                let Some((device, seq)) = waiting.get(place).copied() else { break };
                batch.events.push(event(device, seq, 0, now_ms));
                if !random.once_in(4) {
                    waiting.swap_remove(place);
                }
            }
            store.take(&batch).expect("the store works");
            for device in devices {
                let batch = queue(device, if random.once_in(2) { 0.0 } else { 1.0 }, now_ms);
                store.take(&batch).expect("the store works");
            }
            if random.once_in(3) {
                store.decide_gaps(now_ms, 20).expect("the store works");
            }
            now_ms += 10;
        }
        for device in devices {
            store.take(&queue(device, 0.0, now_ms)).expect("the store works");
        }
        store.decide_gaps(now_ms + 1000, 20).expect("the store works");
        wanted.sort();
        assert_eq!(gaps(store), wanted);
    });
}

#[test]
fn the_last_numbers_are_kept_and_read_from_a_moment_on() {
    with_both("the_last_numbers_are_kept_and_read_from_a_moment_on", |store| {
        store.take(&queue("a", 4.0, 1000)).expect("the store works");
        store.take(&queue("a", 3.0, 2000)).expect("the store works");
        store.take(&queue("b", 2.0, 3000)).expect("the store works");
        let depths = |store: &mut dyn Store, since_ms| -> Vec<(String, Option<f64>)> {
            let rows = store.numbers_since(since_ms).expect("the store works").into_iter();
            let mut depths: Vec<_> = rows.map(|row| (row.device.to_string(), row.numbers.backlog_depth)).collect();
            depths.sort_by(|a, b| a.0.cmp(&b.0));
            depths
        };
        assert_eq!(depths(store, 0), [("a".to_owned(), Some(3.0)), ("b".to_owned(), Some(2.0))]);
        assert_eq!(depths(store, 2500), [("b".to_owned(), Some(2.0))]);
    });
}

fn report(device: &str, seq: i64, models: &str, present: u32, received_ms: i64) -> EventRow {
    let report = Reported {
        report_id: format!("{seq:032x}").into(),
        models: models.to_owned(),
        grades: BTreeMap::from([("disc-bulge", vec![5 - present, present])]),
    };
    let mut row = event(device, seq, 0, received_ms);
    row.event.report = Some(report);
    row
}

#[test]
fn the_first_and_the_last_reports_are_found_and_survive_the_rest() {
    with_both("the_first_and_the_last_reports_are_found_and_survive_the_rest", |store| {
        let all = BASELINE_REPORTS + RECENT_REPORTS + 10;
        let rows = (1..=all).map(|seq| report("a", seq, "m 1", u32::from(seq > BASELINE_REPORTS), seq)).collect();
        store.take(&Batch { events: rows, ..Batch::default() }).expect("the store works");
        let rows = vec![report("a", all + 1, "m 2", 0, 10_000)];
        store.take(&Batch { events: rows, ..Batch::default() }).expect("the store works");
        let windows = store.windows("a", "m 1").expect("the store works");
        assert_eq!(windows.baseline.len() as i64, BASELINE_REPORTS);
        assert_eq!(windows.recent.len() as i64, RECENT_REPORTS);
        assert!(windows.baseline.iter().all(|grades| grades["disc-bulge"] == [5, 0]));
        assert!(windows.recent.iter().all(|grades| grades["disc-bulge"] == [4, 1]));
        assert_eq!(store.reported_since(5000).expect("the store works"), [("a".into(), "m 2".to_owned())]);
        assert_eq!(store.windows("a", "m 2").expect("the store works").baseline.len(), 1);

        store.take(&queue("a", 0.0, 20_000)).expect("the store works");
        store.decide_gaps(30_000, 0).expect("the store works");
        assert_eq!(store.prune(5000).expect("the store works"), all as u64);
        let windows = store.windows("a", "m 1").expect("the store works");
        assert_eq!((windows.baseline.len() as i64, windows.recent.len()), (BASELINE_REPORTS, 0));
        store.take(&events("a", &[all + 3], 21_000)).expect("the store works");
        store.take(&queue("a", 0.0, 22_000)).expect("the store works");
        store.decide_gaps(30_000, 0).expect("the store works");
        assert_eq!(gaps(store), [gap("a", all + 2, all + 2)], "what was forgotten is not missing");
    });
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("fleet.db");
    drop(store::open(&file.display().to_string()).expect("a file"));
    let connection = rusqlite::Connection::open(&file).expect("it is a database");
    connection.pragma_update(None, "user_version", 99).expect("it can be written");
    let refused = store::open(&file.display().to_string()).err().map(|error| error.to_string());
    assert!(refused.is_some_and(|text| text.contains("newer version")));
}
