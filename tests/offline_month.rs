//! Thirty days without a broker at 500 results a day: everything is kept, the age alarm is raised, and once a
//! broker comes new results get through while the old ones drain, each lane in its order.
//!
//! `DEEPSPINE_BENCH_KEEP_STATE` names a folder to which the full state is copied, for `tests/judges/idle.py`.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use bench::clock::{self, Clock};
use bench::ledger::{Entry, Ledger};
use bench::mosquitto::{Mosquitto, Setup};
use bench::proxy::{Mode, Proxy};
use bench::random::Random;
use bench::service::{self, Service};
use bench::site::Site;
use bench::{count, figure, gauge, long, turn, until, within};
use deepspine::appliance::bundles;
use deepspine::appliance::identity::{self, DeviceKey};
use deepspine::appliance::journal::{Claim, Journal, Lane, NewReport, StudyState};
use deepspine::appliance::mqtt::payload::{self, About};
use deepspine::phantom::{Parameters, Phantom, StudyPlan, write_study};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use rustix::process::Signal;
use serde_json::Value;

/// Results of the month: in the short form a tenth of them.
const RESULTS: (usize, usize) = (1_500, 15_000);
/// What the journal may take on disk with all of them.
const BYTES_MAX: f64 = 96.0 * 1024.0 * 1024.0;
/// What a journal takes whatever it holds: its log before a checkpoint, free pages.
const BYTES_FIXED: f64 = 4.0 * 1024.0 * 1024.0;
const DAY_SECS: i64 = 24 * 60 * 60;
const DAYS: i64 = 30;
/// New studies that come while the old ones drain.
const LIVE: usize = 3;
/// In the short form the way is slow, so that there is time for a study to come and be read meanwhile.
const ACK_DELAY: Duration = Duration::from_millis(200);
/// How long a drain may take.
const DRAIN_LIMIT: Duration = Duration::from_secs(600);
/// Digits of the keyed hashes in a report, at least.
const KEY_DIGITS: usize = 32;

/// A real report, from a whole phantom study that the appliance read: its message, and the size of its bundle.
fn real_report() -> (Value, u64) {
    let site = Site::new("once", "mqtt://127.0.0.1:1", &[]);
    let phantom = Phantom::new(&Parameters::default()).expect("the usual phantom");
    write_study(&phantom, &StudyPlan::default(), &site.in_dir()).expect("the test's folder can be written");
    let service = Service::start(&site, &[]);
    until("the phantom is read", || site.committed().len() == 1);
    assert!(service.stop().is_some(), "it ends in time");
    let journal = Journal::open(&site.state_dir()).expect("a journal opens");
    let rows = journal.outbox_after(Lane::Live, 0, 10).expect("the journal works");
    let row = rows.iter().find(|r| r.topic == "e/report").expect("its report waits");
    let message = serde_json::from_slice(&row.payload).expect("it is JSON");
    (message, gauge::bytes_below(&bundles::kept_dir(&site.state_dir())))
}

/// The same report of another study: every measured number and every keyed hash is another, so that nothing
/// packs better than it would.
fn another(value: &Value, random: &mut Random) -> Value {
    match value {
        Value::Number(n) if n.is_f64() => {
            let text = n.to_string();
            let decimals = text.split_once('.').map_or(0, |(_, d)| d.len());
            let x = n.as_f64().unwrap_or(0.0) * (0.9 + random.below(2000) as f64 / 10_000.0);
            format!("{x:.decimals$}").parse::<f64>().map_or(Value::Null, Value::from)
        }
        Value::String(s) if s.len() >= KEY_DIGITS && s.bytes().all(|b| b.is_ascii_hexdigit()) => {
            let digits = std::iter::repeat_with(|| format!("{:016x}", random.next())).take(s.len().div_ceil(16));
            Value::from(digits.collect::<String>()[..s.len()].to_owned())
        }
        Value::Array(all) => all.iter().map(|v| another(v, random)).collect(),
        // Models are the same for every study.
        Value::Object(all) => {
            let of =
                |(k, v): (&String, &Value)| (k.clone(), if k == "models" { v.clone() } else { another(v, random) });
            Value::Object(all.iter().map(of).collect())
        }
        other => other.clone(),
    }
}

/// One result, as a reading ends: the study arrives, is claimed, its report is committed, its files are written.
fn one_result(journal: &Journal, key: &DeviceKey, template: &Value, random: &mut Random) {
    let report = another(template, random);
    let text = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
    let (study, report_id, produced_at) = (text("study_key"), text("report_id"), text("produced_at"));
    journal.study_arrives(&study).expect("the journal works");
    let (about, with) = (study.clone(), key.clone());
    let claimed = move |n| vec![payload::study_message(&with, &about, StudyState::Claimed, About::Attempt(n))];
    let claim = journal.claim(&study, &report_id, 3, claimed).expect("the journal works");
    assert_eq!(claim, Claim::Attempt { attempt: 1 });
    let about = About::Report { report_id: &report_id, revision: 1 };
    let messages = vec![
        payload::report_message(key, &study, &report_id, &produced_at, report.clone()),
        payload::study_message(key, &study, StudyState::Done, about),
    ];
    let bundle = format!("{report_id}.bundle");
    let objects = Vec::new();
    let new =
        NewReport { report_id: report_id.clone(), study_key: study.clone(), revision: 1, produced_at, bundle, objects };
    journal.commit_report(new, messages).expect("the journal works");
    journal.report_exported(&report_id).expect("the journal works");
}

fn deflated_bytes(message: &Value) -> usize {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut encoder, message.to_string().as_bytes()).expect("memory takes it");
    encoder.finish().expect("memory takes it").len()
}

/// Fills the journal of `site` with a month of results; says what they take.
fn a_month(site: &Site, results: usize, random: &mut Random) {
    let (template, bundle_bytes) = real_report();
    let key = identity::load_or_create_key(&site.state_dir(), None).expect("the test's folder can be written");
    let journal = Journal::open(&site.state_dir()).expect("a journal opens");
    journal.rebuilt().expect("the journal works");
    let begun = Instant::now();
    for _ in 0..results {
        one_result(&journal, &key, &template, random);
    }
    let took = begun.elapsed();
    let depth = journal.outbox_depth().expect("the journal works");
    assert_eq!(
        depth.live.waiting + depth.backlog.waiting,
        2 * results as u64,
        "a report and a study's last state each"
    );
    let bytes = gauge::journal_bytes(&site.state_dir()) as f64;
    let packed = deflated_bytes(&another(&template, random));
    figure(
        &format!("{results} results without a broker, a real phantom report each"),
        &format!(
            "report {} bytes, {packed} deflated, its bundle {bundle_bytes} bytes beside the journal; journal {:.1} MiB on disk with its log, {:.0} bytes a result; committed at {:.0} results/s",
            template.to_string().len(),
            bytes / 1_048_576.0,
            bytes / results as f64,
            results as f64 / took.as_secs_f64()
        ),
    );
    let limit = BYTES_MAX * results as f64 / RESULTS.1 as f64 + if results < RESULTS.1 { BYTES_FIXED } else { 0.0 };
    assert!(bytes <= limit, "{bytes} bytes on disk; {limit} are allowed");
    drop(journal);
    if let Some(folder) = std::env::var_os("DEEPSPINE_BENCH_KEEP_STATE") {
        copy_files(&site.state_dir(), Path::new(&folder));
    }
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be made");
    for entry in std::fs::read_dir(from).expect("the state is there").flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("the folder can be written");
        }
    }
}

/// Order, completeness and singleness of what came: `live` are the keys of the studies that came while the others
/// drained. How many old messages came after the last new report, and how many came again: those in flight
/// when the reload made the connection anew.
fn check(entries: &[Entry], results: usize, live: &[String]) -> (usize, usize) {
    let mut seen = BTreeSet::new();
    let (first, again): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|e| seen.insert(seq(e)));
    assert!(again.iter().all(|e| e.content["replayed"] == true), "what comes again says so");
    let is_live = |e: &&Entry| live.contains(&e.text("study_key"));
    for wanted in [true, false] {
        let of_lane: Vec<u64> = first.iter().filter(|e| is_live(e) == wanted).map(|e| seq(e)).collect();
        let wrong = of_lane.windows(2).find(|pair| pair[0] > pair[1]);
        assert_eq!(wrong, None, "each lane comes in the order of its commits");
    }
    let reports: Vec<String> =
        first.iter().filter(|e| e.topic.ends_with("/e/report")).map(|e| e.text("report_id")).collect();
    assert_eq!(reports.len(), results + live.len(), "no report is lost");
    assert_eq!(reports.iter().collect::<BTreeSet<_>>().len(), reports.len(), "each report is one");
    let last_live = first.iter().rposition(|e| is_live(e) && e.topic.ends_with("/e/report")).expect("they came");
    (first[last_live..].iter().filter(|e| !is_live(e)).count(), again.len())
}

fn seq(entry: &Entry) -> u64 {
    entry.content["seq"].as_u64().expect("a number")
}

#[test]
fn a_month_without_a_broker_is_kept_and_drains_behind_what_is_new() {
    let _turn = turn();
    let name = "a_month_without_a_broker_is_kept_and_drains_behind_what_is_new";
    let (Some(_), Some(mut broker)) = (clock::library(), Mosquitto::start(queueing())) else {
        return common::skipped(name, "mosquitto or cc is not installed");
    };
    broker.kill();
    let mut random = Random::seeded(name);
    let results = count(RESULTS.0, RESULTS.1);
    let proxy = Proxy::start(broker.port);
    let port = if long() { broker.port } else { proxy.port };
    proxy.set(Mode::LateAck(ACK_DELAY));
    let settings = [("storage.quota-rows", "1000000"), ("storage.headroom-mib", "0")];
    let mut site = Site::new("t", &format!("mqtt://127.0.0.1:{port}"), &settings);
    a_month(&site, results, &mut random);

    let clock = Clock::new(&site);
    clock.set_ahead(DAYS * DAY_SECS);
    let mut service = Service::start(&site, &clock.environment());
    assert!(service.is_ready(), "it starts on a month of results");
    until("the age is alarmed", || {
        site.log().contains("alarm backlog: results have waited for the broker for 30 days")
    });
    let status = service::status_json(&site);
    assert!(status["oldest_s"].as_u64().is_some_and(|age| age.abs_diff((DAYS * DAY_SECS).unsigned_abs()) < 3600));
    let waiting = gauge::read(service.id());

    let ledger = Ledger::default();
    assert!(broker.start_again(), "mosquitto starts again on its port");
    ledger.listen(broker.ledger_port);
    service.signal(Signal::HUP);
    until("it drains", || !ledger.of("t", "e/report").is_empty());
    let begun = Instant::now();
    for number in 0..LIVE {
        site.study_arrives(number);
    }
    let mut most = waiting;
    let expected = 2 * results + LIVE;
    let messages = || ledger.entries().iter().filter(|e| e.topic.contains("/e/")).count();
    let drained = within(DRAIN_LIMIT, || {
        assert_eq!(service.ended(), None, "it ended by itself");
        let now = gauge::read(service.id());
        most.rss_kib = most.rss_kib.max(now.rss_kib);
        most.pss_kib = most.pss_kib.max(now.pss_kib);
        messages() >= expected
    });
    assert!(drained, "{} of {expected} messages came", messages());
    let took = begun.elapsed();
    until("the live studies are reported", || ledger.has_all("t", &site.study_keys()));
    until("nothing waits", || service::status_json(&site)["outbox"]["backlog"]["waiting"] == 0);
    ledger.catch_up(broker.ledger_port);
    let entries: Vec<Entry> = ledger.entries().iter().filter(|e| e.topic.contains("/e/")).cloned().collect();
    let (behind, again) = check(&entries, results, &site.study_keys());
    assert!(behind > 0, "what is new gets through before the old ones are drained");
    let after = gauge::read(service.id());
    assert!(service.stop().is_some(), "it ends in time");
    figure(
        "their drain, studies arriving meanwhile",
        &format!(
            "{:.0} reports/s ({:.0} messages/s{}); {LIVE} new studies reported with {behind} old messages still to come, {again} messages twice; RSS {} KiB before, {} most, {} after (PSS {}, {}, {})",
            results as f64 / took.as_secs_f64(),
            entries.len() as f64 / took.as_secs_f64(),
            if long() { "" } else { ", a slowed way" },
            waiting.rss_kib,
            most.rss_kib,
            after.rss_kib,
            waiting.pss_kib,
            most.pss_kib,
            after.pss_kib
        ),
    );
}

fn queueing() -> Setup {
    Setup { lines: vec!["max_queued_messages 0".to_owned()], ..Setup::default() }
}
