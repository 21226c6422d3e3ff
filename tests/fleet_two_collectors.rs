//! Two collectors share the load on one database: nothing is missed, nothing doubled, and one of them may die.
//!
//! The long form is the load of 2,000 appliances: `DEEPSPINE_BENCH=long cargo test --release --test fleet_two_collectors`.
#![cfg(feature = "fleet")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod fleet_bench;

use bench::mosquitto::Mosquitto;
use bench::random::Random;
use bench::{count, figure, long, turn, until, within};
use fleet_bench::postgresql::Postgresql;
use fleet_bench::{Running, collector, gaps, gaps_made, look, patient, simulation, standing, tally, until_subscribed};
use std::time::Duration;

/// The processor's time that a process took so far, seconds, and the most memory that it had, MiB.
fn taken(process: &Running) -> (f64, f64) {
    let id = process.id();
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields.iter().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: f64 = peak.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0.0);
    (ticks / 100.0, kib / 1024.0)
}

#[test]
fn two_collectors_miss_nothing_though_one_is_killed() {
    const NAME: &str = "two_collectors_miss_nothing_though_one_is_killed";
    let _turn = turn();
    let Some(broker) = Mosquitto::start(patient()) else {
        return common::skipped(NAME, "mosquitto is not installed");
    };
    let Some(postgresql) = Postgresql::start() else {
        return common::skipped(NAME, "PostgreSQL is not installed");
    };
    let mut random = Random::seeded(NAME);
    let store = postgresql.url();
    let group = ["--group", "fleet"];
    let one = collector(broker.port, &store, "one", &group);
    let mut two = collector(broker.port, &store, "two", &group);
    ["one", "two"].iter().for_each(|name| until_subscribed(&broker, name));
    let mut client = postgres::Client::connect(&store, postgres::NoTls).expect("it answers");
    let mut number = |sql: &str| -> i64 { client.query_one(sql, &[]).map_or(0, |row| row.get(0)) };
    let appliances = count(100, 2000).to_string();
    let (secs, interval) = if long() { ("60", "15") } else { ("8", "2") };
    let seed = (random.next() % 1_000_000).to_string();
    let faults = ["--faults", "missing,doubled,lost", "--seed", &seed];
    let load = ["--appliances", &appliances, "--rate-hz", "1", "--secs", secs, "--interval-secs", interval];
    let simulated = simulation(broker.port, &[&load[..], &faults[..]].concat());
    // A moment after the birth of all, so that both are in the middle of it.
    let before = count(100, 2000) as i64 * 2;
    until("the load has begun", || number("SELECT count(*) FROM messages") > before);
    two.kill();
    let meanwhile = number("SELECT count(*) FROM messages") + count(100, 2000) as i64;
    until("the other goes on alone", || number("SELECT count(*) FROM messages") > meanwhile);
    two = collector(broker.port, &store, "two", &group);

    let mut lost = Vec::new();
    let tally = tally(simulated.end());
    let stored = |number: &mut dyn FnMut(&str) -> i64| number("SELECT count(*) FROM messages");
    let limit = if long() { Duration::from_secs(180) } else { bench::DEADLINE };
    within(limit, || stored(&mut number) >= tally.events as i64);
    let found = stored(&mut number);
    let distinct = number("SELECT count(*) FROM (SELECT DISTINCT device, seq FROM messages) AS once");
    until("the gaps that stay are told, and no other", || {
        let seen = look(broker.port, &store, &[]);
        lost = standing(&seen, "lost");
        gaps(&seen) == gaps_made(&tally)
    });
    let (of_one, of_two) = (taken(&one), taken(&two));
    let (beat_one, beat_two) = (one.stop(), two.stop());
    figure(
        "appliances, events, repeats of the appliances",
        &format!("{appliances}, {}, {}", tally.events, tally.repeats),
    );
    figure("missed", &(tally.events as i64 - distinct).to_string());
    figure("doubled", &(found - distinct).to_string());
    figure("gaps made, told", &format!("{0}, {0}", tally.gaps.len()));
    for (name, beat, (cpu_s, mib)) in [("one", &beat_one, of_one), ("two, since its restart", &beat_two, of_two)] {
        let lag = format!("{} / {} / {} ms", beat["lag_p50_ms"], beat["lag_p99_ms"], beat["lag_max_ms"]);
        figure(&format!("collector {name}: stored, lag p50 / p99 / max"), &format!("{}, {lag}", beat["stored"]));
        figure(&format!("collector {name}: CPU, memory at most"), &format!("{cpu_s:.1} s, {mib:.0} MiB"));
    }
    assert_eq!((found, distinct), (tally.events as i64, tally.events as i64), "0 missed, 0 doubled");
    for device in &tally.faults["lost"] {
        assert!(lost.contains(device), "{device} is lost");
    }
    assert!(beat_one["stored"].as_u64() > Some(0) && beat_two["stored"].as_u64() > Some(0), "both worked");
}

#[test]
fn a_database_that_goes_away_costs_nothing() {
    const NAME: &str = "a_database_that_goes_away_costs_nothing";
    let _turn = turn();
    let Some(broker) = Mosquitto::start(patient()) else {
        return common::skipped(NAME, "mosquitto is not installed");
    };
    let Some(mut postgresql) = Postgresql::start() else {
        return common::skipped(NAME, "PostgreSQL is not installed");
    };
    let store = postgresql.url();
    let one = collector(broker.port, &store, "one", &[]);
    until_subscribed(&broker, "one");
    let simulated = simulation(broker.port, &["--appliances", "20", "--rate-hz", "10", "--secs", "5"]);
    let stored = || -> i64 {
        let client = postgres::Client::connect(&store, postgres::NoTls);
        client
            .map_or(0, |mut client| client.query_one("SELECT count(*) FROM messages", &[]).map_or(0, |row| row.get(0)))
    };
    until("some is stored", || stored() > 100);
    postgresql.kill();
    postgresql.start_again();
    let tally = tally(simulated.end());
    until("every event is stored", || stored() >= tally.events as i64);
    assert_eq!(stored(), tally.events as i64);
    drop(one);
}
