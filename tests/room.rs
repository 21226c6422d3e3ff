//! Where there is no room nothing new is read, and nothing is thrown away; what was delivered long ago makes room.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod export_case;
mod wire;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use bench::ledger::Ledger;
use bench::mosquitto::{self, Mosquitto, Setup};
use bench::service::{Service, status};
use bench::site::{Site, query};
use bench::{turn, until};
use deepspine::appliance::actions::Actions;
use deepspine::appliance::alarms::Alarm;
use deepspine::appliance::bundles;
use deepspine::appliance::health::Heartbeats;
use deepspine::appliance::identity::DeviceKey;
use deepspine::appliance::journal::{Durable, Journal, NewReport, OutboxMessage};
use deepspine::appliance::shared::Shared;
use deepspine::appliance::upkeep::Upkeep;
use deepspine::inference::ModelSource;
use export_case::case;

/// The smallest quota of messages that a configuration takes.
const QUOTA_ROWS: u64 = 100;

fn fill_outbox(site: &Site) {
    let journal = Journal::open(&site.state_dir()).expect("a journal");
    for n in 0..QUOTA_ROWS {
        let payload = format!("{{\"schema\":\"x\",\"msg_id\":\"{n}\"}}").into_bytes();
        let message =
            OutboxMessage { topic: "e/study", study_key: format!("old{n}"), report_id: None, payload, replaces: false };
        journal.enqueue(message).expect("the journal works");
    }
}

#[test]
fn a_full_outbox_closes_the_intake_until_the_broker_has_taken_some() {
    const NAME: &str = "a_full_outbox_closes_the_intake_until_the_broker_has_taken_some";
    let _turn = turn();
    if !mosquitto::is_installed() {
        return common::skipped(NAME, "mosquitto is not installed");
    }
    let mut broker = Mosquitto::start(Setup::default()).expect("it is installed");
    let (port, ledger_port) = (broker.port, broker.ledger_port);
    broker.kill();
    let rows = QUOTA_ROWS.to_string();
    let settings = [("storage.headroom-mib", "0"), ("storage.quota-rows", rows.as_str())];
    let mut site = Site::new("room", &format!("mqtt://127.0.0.1:{port}"), &settings);
    fill_outbox(&site);
    let service = Service::start(&site, &[]);
    until("the intake is closed", || status(&site).contains("CLOSED"));
    site.study_arrives(1);
    until("an alarm says why", || status(&site).contains("ALARM     quota"));
    assert_eq!(query(&site.state_dir(), "SELECT study_key FROM studies"), Some(Vec::new()), "nothing new is taken in");

    assert!(broker.start_again());
    let ledger = Ledger::default();
    ledger.listen(ledger_port);
    until("the study is read after all", || ledger.has_all("room", &site.study_keys()));
    until("the intake is open again", || status(&site).contains("intake    open"));
    service.stop().expect("it ends in order");
}

#[test]
fn too_little_disk_closes_the_intake() {
    let mut site = Site::new("room", "mqtt://127.0.0.1:9", &[("storage.headroom-mib", "1048576")]);
    let service = Service::start(&site, &[]);
    until("the intake is closed", || status(&site).contains("CLOSED"));
    assert!(status(&site).contains("ALARM     disk"));
    site.study_arrives(1);
    site.configure("mqtt://127.0.0.1:9", &[("storage.headroom-mib", "0")]);
    service.signal(rustix::process::Signal::HUP);
    until("the study is read once there is room", || site.committed().len() == 1);
    service.stop().expect("it ends in order");
}

#[test]
fn only_what_was_delivered_is_removed_to_make_room() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = wire::settings(dir.path(), &["exports.max-mib=16".to_owned()]);
    let (state_dir, out_dir) = (settings.storage.state_dir.clone(), settings.storage.out_dir.clone());
    std::fs::create_dir_all(bundles::delivered_dir(&state_dir)).expect("the test's folder can be written");
    let journal = Journal::open(&state_dir).expect("a journal");
    let reports: Vec<String> = [5, 6].into_iter().map(|levels| commit(&journal, &state_dir, levels)).collect();
    for report_id in &reports {
        std::fs::create_dir_all(out_dir.join(report_id)).expect("the test's folder can be written");
        std::fs::write(out_dir.join(report_id).join("report.json"), "{}").expect("the test's folder can be written");
        journal.report_exported(report_id).expect("the journal works");
    }
    for delivered in journal.outbox_delivered(vec![1], Durable::Now).expect("the journal works") {
        bundles::mark_delivered(&state_dir, &delivered.bundle);
    }
    // More than may lie there, of which nothing is ours to remove.
    std::fs::write(bundles::kept_dir(&state_dir).join("large"), vec![0; 17 << 20]).expect("the test's folder");

    let shared = Arc::new(Shared::new(settings, Duration::from_secs(1)));
    let key = DeviceKey::new([1; DeviceKey::BYTES]);
    let actions = Actions { shared: Arc::clone(&shared), journal: journal.clone(), key, threads: None };
    let (hurry, hurried) = sync_channel(1);
    let upkeep = Upkeep::new(actions, ModelSource::Standard, hurried);
    let thread = std::thread::spawn(move || upkeep.run(&Heartbeats::default()).expect("the journal works"));
    until("the delivered one is removed", || !out_dir.join(&reports[0]).exists());
    shared.stop();
    let _ = hurry.try_send(());
    thread.join().expect("upkeep ends well");
    assert!(!bundles::find(&state_dir, &format!("{}.bundle", reports[0])).exists());
    assert!(bundles::find(&state_dir, &format!("{}.bundle", reports[1])).exists(), "it was not delivered");
    assert!(out_dir.join(&reports[1]).join("report.json").exists());
    assert_eq!(journal.same_reading("s5", &reports[0]).expect("the journal works"), Some(1), "it is still known");
    assert_eq!(shared.alarms.get(Alarm::Disk).0, None);
}

fn commit(journal: &Journal, state_dir: &std::path::Path, levels: usize) -> String {
    let mut bundle = case(levels, true).bundle();
    bundle.instances[0].sop_instance_uid = format!("1.2.{levels}");
    let bundle = bundle.keyed_with(&DeviceKey::new([1; DeviceKey::BYTES])).with_revision(1);
    bundle.write_atomically(&bundles::kept_dir(state_dir)).expect("the test's folder can be written");
    let (report_id, study_key) = (bundle.report_id().to_owned(), format!("s{levels}"));
    journal.study_arrives(&study_key).expect("the journal works");
    let message = OutboxMessage {
        topic: "e/report",
        study_key: study_key.clone(),
        report_id: Some(report_id.clone()),
        payload: b"{}".to_vec(),
        replaces: false,
    };
    let report = NewReport {
        report_id: report_id.clone(),
        study_key,
        revision: 1,
        produced_at: "2026-01-01T00:00:00Z".to_owned(),
        bundle: format!("{report_id}.bundle"),
        objects: Vec::new(),
    };
    journal.commit_report(report, vec![message]).expect("a commit");
    report_id
}
