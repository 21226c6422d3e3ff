//! A fleet is known from what its appliances publish: every event once, every gap, and who is lost.
#![cfg(feature = "fleet")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod fleet_bench;

use bench::mosquitto::{Mosquitto, Setup};
use bench::random::Random;
use bench::{turn, until};
use deepspine::appliance::config::Broker;
use deepspine::appliance::mqtt::talker::Talker;
use fleet_bench::{collector, gaps, gaps_made, look, patient, simulation, standing, tally, until_subscribed};

/// Everything that goes wrong.
const FAULTS: &str = "lost,late,late-will,doubled,missing,malformed,alarms,clock,backlog";

fn rows(store: &std::path::Path, sql: &str) -> i64 {
    let connection = rusqlite::Connection::open(store).expect("the store is a database");
    connection.query_row(sql, [], |row| row.get(0)).expect("the store has its tables")
}

#[test]
fn a_fleet_with_every_fault_is_told_as_it_is() {
    const NAME: &str = "a_fleet_with_every_fault_is_told_as_it_is";
    let _turn = turn();
    let Some(broker) = Mosquitto::start(patient()) else {
        return common::skipped(NAME, "mosquitto is not installed");
    };
    let seed = Random::seeded(NAME).next() % 1_000_000;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("fleet.db");
    let store = file.display().to_string();
    let collecting = collector(broker.port, &store, "one", &[]);
    until_subscribed(&broker, "one");
    let simulated = simulation(
        broker.port,
        &["--appliances", "60", "--rate-hz", "4", "--secs", "16", "--interval-secs", "2", "--faults", FAULTS]
            .into_iter()
            .chain(["--seed", &seed.to_string()])
            .collect::<Vec<_>>(),
    );
    let mut seen = serde_json::Value::Null;
    until("the lost and the late are told while the others are up", || {
        seen = look(broker.port, &store, &[]);
        seen["totals"]["standings"]["lost"] == 2 && seen["totals"]["standings"]["late"] == 2
    });
    let tally = tally(simulated.end());
    assert_eq!(standing(&seen, "lost"), tally.faults["lost"]);
    assert_eq!(standing(&seen, "late"), tally.faults["late"]);
    assert_eq!(standing(&seen, "degraded"), tally.faults["alarms"]);
    let first: Vec<&str> = seen["appliances"]
        .as_array()
        .expect("a list")
        .iter()
        .take(4)
        .filter_map(|one| one["standing"].as_str())
        .collect();
    assert_eq!(first, ["lost", "lost", "late", "late"], "the broken ones come first");

    let stored = || rows(&file, "SELECT count(*) FROM messages");
    until("every event is stored", || stored() >= tally.events as i64);
    assert_eq!(stored(), tally.events as i64, "0 missed, 0 doubled");
    assert_eq!(rows(&file, "SELECT count(*) FROM reports"), tally.reports as i64);
    until("every gap that stays is told, and no other", || gaps(&look(broker.port, &store, &[])) == gaps_made(&tally));
    let malformed: u64 = tally.malformed.values().sum();
    assert_eq!(rows(&file, "SELECT sum(malformed) FROM devices"), malformed as i64);
    assert_eq!(rows(&file, "SELECT sum(repeats) FROM devices"), tally.repeats as i64);
    let alarmed = look(broker.port, &store, &["--filter", "disk"]);
    assert_eq!(alarmed["appliances"].as_array().map(Vec::len), Some(tally.alarms.len()));
    let beat = collecting.stop();
    assert_eq!((&beat["stored"], &beat["malformed"]), (&tally.events.into(), &malformed.into()));
}

#[test]
fn a_collector_that_is_killed_misses_nothing() {
    const NAME: &str = "a_collector_that_is_killed_misses_nothing";
    let _turn = turn();
    let Some(broker) = Mosquitto::start(patient()) else {
        return common::skipped(NAME, "mosquitto is not installed");
    };
    let mut random = Random::seeded(NAME);
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("fleet.db");
    let store = file.display().to_string();
    let mut collecting = collector(broker.port, &store, "one", &[]);
    until_subscribed(&broker, "one");
    let simulated =
        simulation(broker.port, &["--appliances", "40", "--rate-hz", "10", "--secs", "6", "--interval-secs", "2"]);
    for _ in 0..4 {
        let before = rows(&file, "SELECT count(*) FROM messages");
        let more = random.below(300) as i64;
        until("some more is stored", || rows(&file, "SELECT count(*) FROM messages") > before + more);
        collecting.kill();
        collecting = collector(broker.port, &store, "one", &[]);
    }
    let tally = tally(simulated.end());
    let stored = || rows(&file, "SELECT count(*) FROM messages");
    until("every event is stored", || stored() >= tally.events as i64);
    assert_eq!(stored(), tally.events as i64);
    until("there is no gap", || gaps(&look(broker.port, &store, &[])).is_empty());
    drop(collecting);
}

#[test]
fn appliances_below_another_root_are_known_as_well() {
    const NAME: &str = "appliances_below_another_root_are_known_as_well";
    const ROOT: &str = "te/device/+/service/deepspine";
    let _turn = turn();
    let Some(broker) = Mosquitto::start(Setup::default()) else {
        return common::skipped(NAME, "mosquitto is not installed");
    };
    let at = Broker::at(&format!("mqtt://127.0.0.1:{}", broker.port), None).expect("an address");
    let mut talker = Talker::connect(&at, "mapper", None, bench::DEADLINE).expect("a connection");
    let health = r#"{"schema":"deepspine.health/1","session":"0123456789abcdef","status":"up","interval_s":60,
        "time":"2099-01-01T00:00:00Z","clock_synced":true,"alarms":0,"replayed":false}"#;
    for (topic, payload) in [
        ("te/device/mr1/service/deepspine/status/health", health),
        ("te/device/mr1/service/other/status/health", health),
        ("te/device/mr2///status/health", health),
        ("deepspine/mr3/status/health", health),
    ] {
        talker.say(topic, true, true, payload.as_bytes().to_vec()).expect("the broker takes it");
    }
    talker.settle(bench::DEADLINE).expect("the broker answers");
    let dir = tempfile::tempdir().expect("a folder");
    let seen = look(broker.port, &dir.path().join("none").display().to_string(), &["--root", ROOT]);
    assert_eq!(standing(&seen, "up"), ["mr1"]);
    assert_eq!(seen["totals"]["appliances"], 1);
}
