//! Whatever is killed, whenever: every study's report arrives, and it is one report.
#![expect(clippy::panic, clippy::print_stdout, reason = "a test fails by panicking, and says how far it is")]

mod bench;
mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bench::line::Line;
use bench::random::Random;
use bench::service::{Service, kill_hard, orphans_of};
use bench::shim::Fault;
use bench::site::Site;
use bench::stand::Stand;
use bench::{DEADLINE, count, figure, long, turn, until, within};

/// Kills of the short form and of the long one.
const KILLS: (usize, usize) = (25, 1000);
/// Studies that may be on their way at a time, so that each has a chance between two kills.
const ON_THEIR_WAY_MAX: usize = 8;
/// Longest life of a supervisor that is killed.
const LONGEST_LIFE: Duration = Duration::from_millis(4500);
/// Every so many lives get time to catch up first: a study is quarantined after its attempts, and a kill costs one.
const CATCHING_UP: usize = 10;
/// How long that may take.
const LONGEST_CATCHING_UP: Duration = Duration::from_secs(20);
/// Longest wait for a child to kill.
const CHILD_WAIT: Duration = Duration::from_secs(4);

#[test]
fn whatever_is_killed_every_study_is_reported_and_as_one_report() {
    let _turn = turn();
    let name = "whatever_is_killed_every_study_is_reported_and_as_one_report";
    let Some(mut line) = Line::start() else { return common::skipped(name, "mosquitto is not installed") };
    let mut random = Random::seeded(name);
    let mut site = Site::new("t", &line.proxy.url(), &[]);
    let kills = count(KILLS.0, KILLS.1);
    let (mut of_children, mut done) = (0, 0);
    let mut supervisors = Vec::new();
    while done < kills {
        while site.studies.len() - line.ledger.reports("t").len() < ON_THEIR_WAY_MAX && random.once_in(2) {
            site.study_arrives(site.studies.len());
        }
        if random.once_in(5) {
            line.toggle();
        }
        let mut service = Service::start(&site, &[]);
        supervisors.push(service.id());
        if supervisors.len() % CATCHING_UP == 0 && line.is_up {
            within(LONGEST_CATCHING_UP, || line.ledger.has_all("t", &site.study_keys()));
        }
        if random.once_in(2) {
            if kill_a_child(&service, &mut random) {
                (of_children, done) = (of_children + 1, done + 1);
            }
            std::thread::sleep(random.wait(Duration::from_millis(300)));
        } else {
            let longest = if random.once_in(3) { Duration::from_millis(400) } else { LONGEST_LIFE };
            std::thread::sleep(random.wait(longest));
        }
        assert_eq!(service.ended(), None, "the supervisor ended by itself after {done} kills");
        service.kill();
        done += 1;
        if done % 100 == 0 {
            println!("{done} kills, {} studies, {} outages of the broker", site.studies.len(), line.outages);
        }
    }
    if !line.is_up {
        line.toggle();
    }
    finish(&line, &site, supervisors);
    let repeats = line.ledger.check("t", &site.study_keys()).unwrap_or_else(|e| panic!("{e}"));
    figure(
        "SIGKILL of supervisor or child at random times, studies arriving, broker up and down",
        &format!(
            "{done} kills ({of_children} of children), {} outages of the broker: {} of {} studies reported, one report_id each, {repeats} repeats",
            line.outages,
            line.ledger.reports("t").len(),
            site.studies.len()
        ),
    );
}

/// One life without a kill: everything that is left arrives, no child is left over, and the end is in order.
fn finish(line: &Line, site: &Site, supervisors: Vec<u32>) {
    let mut service = Service::start(site, &[]);
    let begun = Instant::now();
    until("every study's report arrived", || {
        assert_eq!(service.ended(), None, "the supervisor ended by itself");
        line.ledger.has_all(&site.device, &site.study_keys()) || begun.elapsed() > DEADLINE
    });
    assert!(service.stop().is_some(), "the end takes too long");
    line.ledger.catch_up(line.broker.ledger_port);
    let gone = |id: &u32| orphans_of(*id).is_empty();
    assert!(within(DEADLINE, || supervisors.iter().all(gone)), "children outlive their supervisor");
}

/// Kills a child of `service` a random moment after it began; whether there was one.
fn kill_a_child(service: &Service, random: &mut Random) -> bool {
    let mut children = Vec::new();
    within(CHILD_WAIT, || {
        children = service.children();
        !children.is_empty()
    });
    std::thread::sleep(random.wait(Duration::from_millis(250)));
    children.into_iter().any(kill_hard)
}

/// What a call is on, without what differs from run to run: temporary names, report ids.
fn named(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.ends_with(".part") {
        ".part"
    } else if name.len() >= 32 && name.chars().all(|c| c.is_ascii_hexdigit()) {
        "/out/"
    } else if name.ends_with(".bundle") {
        ".bundle"
    } else {
        name
    }
}

/// Points at which a life is killed: in the short form one call of each kind on each thing, in the long form
/// every call; before it or after it.
fn points(calls: &[(String, String)], random: &mut Random) -> Vec<String> {
    if long() {
        return (1..=calls.len()).flat_map(|n| ["before", "after"].map(|when| format!("any:*:{n}:{when}"))).collect();
    }
    let things: BTreeSet<(&str, &str)> = calls.iter().map(|(kind, path)| (kind.as_str(), named(path))).collect();
    let point = |(kind, part): (&str, &str)| {
        let times = calls.iter().filter(|(k, path)| k == kind && format!("/{path}").contains(part)).count();
        let when = if random.once_in(2) { "before" } else { "after" };
        format!("{kind}:{part}:{}:{when}", random.below(times) + 1)
    };
    things.into_iter().map(point).collect()
}

#[test]
fn at_every_named_point_a_kill_loses_nothing() {
    let _turn = turn();
    let name = "at_every_named_point_a_kill_loses_nothing";
    let Some(stand) = Stand::start() else { return common::skipped(name, "mosquitto or cc is not installed") };
    let mut random = Random::seeded(name);
    let calls = stand.calls_of_a_life();
    let labels = points(&calls, &mut random);
    let line = format!("SIGKILL of the supervisor before or after its file calls ({} in a life)", calls.len());
    stand.try_all(&line, labels, &random, |stand, label, _, site| {
        let kill = Some(label.to_owned());
        let was_killed = stand.faulty_life(site, &Fault { kill, ..Fault::default() }).is_some();
        let was_committed = !site.committed().is_empty();
        stand.recovers(site)?;
        Ok(match (was_killed, was_committed) {
            (false, _) => "not reached",
            (true, false) => "before the commit",
            (true, true) => "after the commit",
        })
    });
}
