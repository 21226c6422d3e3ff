//! Whatever the broker or the way to it does: no livelock, nothing stuck behind it, an end in time, and
//! everything delivered once it is good again.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::time::{Duration, Instant};

use bench::ledger::Ledger;
use bench::mosquitto::{Mosquitto, Setup};
use bench::proxy::{Mode, Proxy};
use bench::random::Random;
use bench::service::{self, Service};
use bench::site::{Site, query};
use bench::stand::{Stand, Verdict};
use bench::{DEADLINE, figure, long, turn, until, within};
use deepspine::appliance::mqtt::subscriber::Subscriber;
use rustix::process::Signal;

/// How long a bad broker is watched: connections are counted over it.
fn watch() -> Duration {
    Duration::from_secs(if long() { 120 } else { 12 })
}

/// Most connections while a bad broker is watched: waits double from 1 s, each with full jitter, so the
/// twelfth comes after more than a thousand seconds on average.
const CONNECTS_MAX: usize = 12;
/// How long delivery may take once the broker is good: a publish that was never acknowledged is given up after 60 s.
const DELIVERY: Duration = Duration::from_secs(100);

/// What gets through, if late, or is found out only after the acknowledgement's deadline of 60 s: no alarm yet.
const AT_LEAST_SLOW: [&str; 3] = ["never acknowledges", "acknowledges after 5 s", "slow, 1 kB/s"];

fn mode_of(label: &str) -> Mode {
    match label {
        "drops on connect" => Mode::DropOnConnect,
        "drops at the first byte" => Mode::DropOnHello,
        "half-open: accepts, never answers" => Mode::Silent,
        "never acknowledges" => Mode::NoAck,
        "acknowledges after 5 s" => Mode::LateAck(Duration::from_secs(5)),
        "slow, 1 kB/s" => Mode::Slow(1000),
        "speaks only 3.1.1" => Mode::OnlyOld,
        other => panic!("no such mode: {other}"),
    }
}

/// Rows that wait in the outbox of `site`, and those set aside.
fn outbox(site: &Site) -> (usize, usize) {
    let rows = query(&site.state_dir(), "SELECT CASE WHEN set_aside IS NULL THEN 'waits' ELSE 'aside' END FROM outbox");
    let rows = rows.unwrap_or_default();
    let aside = rows.iter().filter(|state| *state == "aside").count();
    (rows.len() - aside, aside)
}

fn is_read(site: &Site) -> bool {
    site.journal_reports().is_some_and(|reports| reports.len() == site.studies.len())
}

/// Everything arrived as one report a study, and nothing waits any more.
fn is_delivered(ledger: &Ledger, broker: &Mosquitto, site: &Site, service: &Service) -> Result<usize, String> {
    // An operator's SIGHUP ends a wait for the next connection.
    service.signal(Signal::HUP);
    let paid = || ledger.has_all(&site.device, &site.study_keys()) && outbox(site).0 == 0;
    if !within(DELIVERY, paid) {
        return Err(format!("not everything is delivered once the broker is good; waiting, aside: {:?}", outbox(site)));
    }
    ledger.catch_up(broker.ledger_port);
    ledger.check(&site.device, &site.study_keys())
}

fn weathers(stand: &Stand, label: &str, site: &Site) -> Verdict {
    let proxy = Proxy::start(stand.broker.port);
    proxy.set(mode_of(label));
    site.configure(&proxy.url(), &[]);
    let mut service = Service::start(site, &[]);
    if !service.is_ready() {
        return Err(format!("does not start: {:?}", service.ended()));
    }
    let begun = Instant::now();
    if !within(watch(), || is_read(site)) {
        return Err("the study is not read while the broker is bad".to_owned());
    }
    std::thread::sleep(watch().saturating_sub(begun.elapsed()));
    let connects = proxy.connects();
    if connects > CONNECTS_MAX {
        return Err(format!("{connects} connections in {} s", watch().as_secs()));
    }
    let status = service::status(site);
    if !AT_LEAST_SLOW.contains(&label) && !status.contains("ALARM     broker") {
        return Err(format!("`status` does not name it:\n{status}"));
    }
    if let Some(took) = service.stop() {
        figure(
            &format!("{label}: connections in {} s; SIGTERM to end", watch().as_secs()),
            &format!("{connects}; {} ms", took.as_millis()),
        );
    } else {
        return Err("does not end within 5 s of SIGTERM".to_owned());
    }
    let service = Service::start(site, &[]);
    within(Duration::from_secs(3), || proxy.connects() > 0);
    proxy.set(Mode::Pass);
    if label == "never acknowledges" {
        proxy.sever();
    }
    is_delivered(&stand.ledger, &stand.broker, site, &service)?;
    Ok("weathered")
}

#[test]
fn a_bad_broker_costs_neither_reports_nor_a_storm_of_connections() {
    let _turn = turn();
    let name = "a_bad_broker_costs_neither_reports_nor_a_storm_of_connections";
    let Some(stand) = Stand::start() else { return common::skipped(name, "mosquitto or cc is not installed") };
    let labels = [
        "drops on connect",
        "drops at the first byte",
        "half-open: accepts, never answers",
        "never acknowledges",
        "acknowledges after 5 s",
        "slow, 1 kB/s",
        "speaks only 3.1.1",
    ];
    let labels = labels.map(str::to_owned).to_vec();
    stand.try_all("bad brokers and ways", labels, &Random::seeded(name), |stand, label, _, site| {
        weathers(stand, label, site)
    });
}

#[test]
fn a_broker_that_speaks_only_3_1_1_gets_everything_where_that_is_selected() {
    let _turn = turn();
    let name = "a_broker_that_speaks_only_3_1_1_gets_everything_where_that_is_selected";
    let Some(mut scene) = Scene::start(Setup::default()) else {
        return common::skipped(name, "mosquitto is not installed");
    };
    scene.proxy.set(Mode::OnlyOld);
    scene.site.configure(&scene.proxy.url(), &[("mqtt.protocol", "\"3.1.1\"")]);
    scene.site.study_arrives(1);
    let mut service = Service::start(&scene.site, &[]);
    assert!(service.is_ready(), "it starts");
    is_delivered(&scene.ledger, &scene.broker, &scene.site, &service).unwrap_or_else(|e| panic!("{e}"));
    assert!(service.stop().is_some(), "it ends in time");
}

/// One appliance, its broker, its ledger and the way between them.
struct Scene {
    broker: Mosquitto,
    ledger: Ledger,
    proxy: Proxy,
    site: Site,
}

impl Scene {
    fn start(setup: Setup) -> Option<Self> {
        let broker = Mosquitto::start(setup)?;
        let ledger = Ledger::default();
        ledger.listen(broker.ledger_port);
        let proxy = Proxy::start(broker.port);
        let site = Site::new("t", &proxy.url(), &[]);
        Some(Self { broker, ledger, proxy, site })
    }

    /// Waits until study `key`'s state was told as done.
    fn is_told_done(&self, key: &str) -> bool {
        self.ledger.of("t", "e/study").iter().any(|e| e.text("study_key") == key && e.text("state") == "done")
    }
}

/// The broker refuses reports, and nothing else: they are set aside, what comes after them goes on, and the
/// reports of a broker that takes them again go out.
fn refused_reports_hold_up_nothing(mut scene: Scene, make_good: impl FnOnce(&mut Scene)) {
    scene.site.study_arrives(1);
    let service = Service::start(&scene.site, &[]);
    until("the refused report is set aside", || outbox(&scene.site).1 == 1);
    let first = scene.site.study_keys()[0].clone();
    until("the next row goes out", || scene.is_told_done(&first) && outbox(&scene.site).0 == 0);
    assert!(scene.ledger.reports("t").is_empty(), "the broker refused it");
    assert!(scene.site.log().contains("set aside"), "the log says so");
    until("the broker has the alarm", || !scene.ledger.of("t", "a/refused").is_empty());
    let status = service::status(&scene.site);
    assert!(status.contains("ALARM     refused"), "`status` names it:\n{status}");
    make_good(&mut scene);
    scene.site.study_arrives(2);
    service.signal(Signal::HUP);
    let second = scene.site.study_keys()[1].clone();
    until("the next report goes out", || scene.ledger.reports("t").contains_key(&second));
    assert_eq!(outbox(&scene.site).1, 1, "what was set aside is kept");
    assert!(service.stop().is_some(), "it ends in time");
}

#[test]
fn a_report_that_the_access_list_refuses_holds_up_nothing() {
    let _turn = turn();
    let rules = |rule: &str| Some(format!("topic {rule} deepspine/t/e/report\ntopic readwrite #\n"));
    let Some(scene) = Scene::start(Setup { acl: rules("deny"), ..Setup::default() }) else {
        return common::skipped("a_report_that_the_access_list_refuses_holds_up_nothing", "mosquitto is not installed");
    };
    refused_reports_hold_up_nothing(scene, |scene| {
        scene.broker.setup().acl = rules("readwrite");
        scene.broker.reload();
    });
}

#[test]
fn a_report_that_is_too_large_for_the_broker_holds_up_nothing() {
    let _turn = turn();
    for limit in ["message_size_limit", "max_packet_size"] {
        let setup = Setup { lines: vec![format!("{limit} 1200")], ..Setup::default() };
        let Some(scene) = Scene::start(setup) else {
            return common::skipped(
                "a_report_that_is_too_large_for_the_broker_holds_up_nothing",
                "mosquitto is not installed",
            );
        };
        refused_reports_hold_up_nothing(scene, |scene| {
            scene.proxy.set(Mode::DropOnConnect);
            scene.proxy.sever();
            scene.ledger.catch_up(scene.broker.ledger_port);
            scene.broker.setup().lines.clear();
            assert!(scene.broker.start_again(), "it starts on its port");
            scene.ledger.listen(scene.broker.ledger_port);
            scene.proxy.set(Mode::Pass);
        });
    }
}

#[test]
fn a_report_that_the_brokers_quota_refuses_holds_up_nothing() {
    let _turn = turn();
    let Some(mut scene) = Scene::start(Setup::default()) else {
        return common::skipped(
            "a_report_that_the_brokers_quota_refuses_holds_up_nothing",
            "mosquitto is not installed",
        );
    };
    scene.site.study_arrives(1);
    scene.proxy.set(Mode::Quota);
    let service = Service::start(&scene.site, &[]);
    until("the study is read", || is_read(&scene.site));
    until("the broker's quota refuses it", || outbox(&scene.site).1 > 0 || scene.site.log().contains("QuotaExceeded"));
    scene.proxy.set(Mode::Pass);
    scene.site.study_arrives(2);
    let second = scene.site.study_keys()[1].clone();
    until("the next report goes out", || scene.ledger.reports("t").contains_key(&second));
    until("nothing waits", || outbox(&scene.site).0 == 0);
    assert!(service.stop().is_some(), "it ends in time");
}

#[test]
fn a_broker_that_restarts_empty_learns_everything_again() {
    let _turn = turn();
    let Some(mut scene) = Scene::start(Setup::default()) else {
        return common::skipped("a_broker_that_restarts_empty_learns_everything_again", "mosquitto is not installed");
    };
    scene.site.study_arrives(1);
    let service = Service::start(&scene.site, &[]);
    until("the first report is there", || scene.ledger.has_all("t", &scene.site.study_keys()));
    // The ledger listens before the appliance comes back: what nobody subscribed to is acknowledged and gone.
    scene.proxy.set(Mode::DropOnConnect);
    scene.proxy.sever();
    scene.broker.kill();
    scene.site.study_arrives(2);
    until("the second study is read", || is_read(&scene.site));
    assert!(scene.broker.start_again(), "it starts on its port");
    scene.ledger.listen(scene.broker.ledger_port);
    scene.proxy.set(Mode::Pass);
    is_delivered(&scene.ledger, &scene.broker, &scene.site, &service).unwrap_or_else(|e| panic!("{e}"));
    let late = Subscriber::connect("127.0.0.1", scene.broker.ledger_port, "late", "#", DEADLINE).expect("granted");
    let mut retained = Vec::new();
    while let Ok(Some(message)) = late.next(Duration::from_secs(1)) {
        if message.retained {
            retained.push(message.topic);
        }
    }
    for suffix in ["status/health", "twin/identity", "twin/models"] {
        assert!(retained.contains(&format!("deepspine/t/{suffix}")), "{suffix} is retained again: {retained:?}");
    }
    assert!(service.stop().is_some(), "it ends in time");
}

#[test]
fn a_connection_that_falls_silent_is_given_up_and_nothing_is_lost() {
    let _turn = turn();
    let Some(mut scene) = Scene::start(Setup::default()) else {
        return common::skipped(
            "a_connection_that_falls_silent_is_given_up_and_nothing_is_lost",
            "mosquitto is not installed",
        );
    };
    let service = Service::start(&scene.site, &[]);
    until("it is connected", || !scene.ledger.of("t", "twin/models").is_empty());
    scene.proxy.connects();
    scene.proxy.set(Mode::Silent);
    scene.site.study_arrives(1);
    until("the study is read", || is_read(&scene.site));
    let begun = Instant::now();
    until("the silent connection is given up", || scene.proxy.connects() > 0);
    figure(
        "a connection falls silent: given up after the report was committed (keep-alive 5 s)",
        &format!("{:.0} s", begun.elapsed().as_secs_f64()),
    );
    scene.proxy.set(Mode::Pass);
    is_delivered(&scene.ledger, &scene.broker, &scene.site, &service).unwrap_or_else(|e| panic!("{e}"));
    assert!(service.stop().is_some(), "it ends in time");
}
