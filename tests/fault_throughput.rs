//! How fast what waited gets out, how long a fresh report takes, and what both cost.
//!
//! These say figures; they fail only where something hangs or is lost.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod wire;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bench::mosquitto::{Mosquitto, Setup};
use bench::{count, figure, turn, within};
use deepspine::appliance::identity::DeviceKey;
use deepspine::appliance::journal::Journal;
use deepspine::appliance::mqtt::payload;
use deepspine::appliance::mqtt::subscriber::Subscriber;
use serde_json::{Value, json};
use wire::{ROOT, Wire};

/// Rows that wait: 500 results a day over 30 days, in the long form.
const BACKLOG: (usize, usize) = (1000, 15_000);
/// Reports whose way is timed.
const TIMED: (usize, usize) = (200, 1000);
/// How long a row may take on average before the drain counts as hung.
const ROW_LIMIT: Duration = Duration::from_millis(100);

/// A report as large as one of five levels is, with numbers that differ from report to report.
fn report(n: usize) -> Value {
    let level = |level: usize| {
        let mm = |k: usize| f64::from(u32::try_from((n * 7919 + level * 131 + k * 17) % 100_000).unwrap_or(0)) / 1000.0;
        json!({
            "name": format!("L{level}-L{}", level + 1), "confidence": mm(1) / 100.0,
            "plane": { "centre_lps_mm": [mm(2), mm(3), mm(4)], "normal_lps": [mm(5), mm(6), mm(7)] },
            "measurements": (0..12).map(|k| json!({ "what": format!("measurement_{k}_mm"), "value": mm(8 + k), "unit": "mm" })).collect::<Vec<_>>(),
            "evidence": ["sacrum in view", "counted from S1"],
        })
    };
    json!({ "revision": 1, "levels": (1..=5).map(level).collect::<Vec<_>>(), "vertebrae": (1..=6).map(level).collect::<Vec<_>>() })
}

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

fn size_on_disk(state_dir: &Path) -> u64 {
    let sizes = ["journal.db", "journal.db-wal", "journal.db-shm"]
        .map(|name| std::fs::metadata(state_dir.join(name)).map_or(0, |m| m.len()));
    sizes.iter().sum()
}

#[test]
fn what_waited_for_weeks_gets_out() {
    let _turn = turn();
    let Some(broker) = Mosquitto::start(Setup { lines: vec!["max_queued_messages 0".to_owned()], ..Setup::default() })
    else {
        return common::skipped("what_waited_for_weeks_gets_out", "mosquitto is not installed");
    };
    let rows = count(BACKLOG.0, BACKLOG.1);
    let dir = tempfile::tempdir().expect("a folder");
    let state_dir = dir.path().join("state");
    std::fs::create_dir(&state_dir).expect("the test's folder can be written");
    let key = DeviceKey::new([1; DeviceKey::BYTES]);
    let journal = Journal::open(&state_dir).expect("a journal opens");
    let filled = Instant::now();
    for n in 0..rows {
        let message = payload::report_message(&key, "study", &format!("r{n}"), "2026-01-01T00:00:00.000Z", report(n));
        journal.enqueue(message).expect("the journal works");
    }
    let filled = filled.elapsed();
    let payload_bytes = report(0).to_string().len();
    drop(journal);

    let subscriber =
        Subscriber::connect("127.0.0.1", broker.ledger_port, "ledger", &format!("{ROOT}/e/report"), ROW_LIMIT * 100)
            .expect("a subscription");
    let received = AtomicUsize::new(0);
    let mut memory = Vec::new();
    let before_kib = rss_kib();
    let on_disk = size_on_disk(&state_dir);
    let begun = Instant::now();
    let wire = Wire::start(dir.path(), &format!("mqtt://127.0.0.1:{}", broker.port));
    let limit = ROW_LIMIT * u32::try_from(rows).expect("not that many") + Duration::from_secs(10);
    let received = &received;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while received.load(Ordering::SeqCst) < rows && begun.elapsed() < limit {
                if let Ok(Some(_)) = subscriber.next(Duration::from_secs(1)) {
                    received.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let drained = within(limit, || {
            memory.push(rss_kib());
            wire.depth() == (0, 0)
        });
        assert!(drained, "the drain hangs: {:?} left, {} received", wire.depth(), received.load(Ordering::SeqCst));
    });
    let took = begun.elapsed();
    assert!(received.load(Ordering::SeqCst) >= rows, "every row is received");
    let (middle, most) =
        (memory.get(memory.len() / 2).copied().unwrap_or(0), memory.iter().max().copied().unwrap_or(0));
    figure(
        &format!("{rows} reports of {payload_bytes} bytes that waited, drained to mosquitto on loopback"),
        &format!(
            "{:.0} reports/s; journal {:.1} MiB on disk full, {:.1} MiB drained; RSS of test and appliance {before_kib} KiB before, {middle} in the middle, {most} most; filled one by one at {:.0}/s",
            rows as f64 / took.as_secs_f64(),
            on_disk as f64 / 1_048_576.0,
            size_on_disk(&state_dir) as f64 / 1_048_576.0,
            rows as f64 / filled.as_secs_f64()
        ),
    );
    wire.stop();
}

#[test]
fn a_fresh_report_gets_out_at_once() {
    let _turn = turn();
    let Some(broker) = Mosquitto::start(Setup::default()) else {
        return common::skipped("a_fresh_report_gets_out_at_once", "mosquitto is not installed");
    };
    let dir = tempfile::tempdir().expect("a folder");
    let wire = Wire::start(dir.path(), &format!("mqtt://127.0.0.1:{}", broker.port));
    wire.report("first", report(0));
    assert!(within(ROW_LIMIT * 100, || wire.depth() == (0, 0)), "the connection stands");
    let mut times_ms = Vec::new();
    for n in 0..count(TIMED.0, TIMED.1) {
        let begun = Instant::now();
        wire.report(&format!("r{n}"), report(n));
        // Looked at without a pause: the journal answers in far less than a millisecond.
        while wire.depth() != (0, 0) {
            assert!(begun.elapsed() < ROW_LIMIT * 100, "report {n} hangs");
        }
        times_ms.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times_ms.sort_by(f64::total_cmp);
    let at = |share: f64| times_ms[((times_ms.len() - 1) as f64 * share) as usize];
    figure(
        &format!("commit begun to PUBACK noted in the journal, loopback, {} reports", times_ms.len()),
        &format!("p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(0.5), at(0.99), at(1.0)),
    );
    wire.stop();
}
