//! Whatever is wrong with certificates or passwords: said in the log, no storm of connections, reading
//! goes on, and everything is delivered once they are right.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bench::certificates::{Authority, Pair};
use bench::ledger::Ledger;
use bench::mosquitto::{self, Mosquitto, Setup};
use bench::proxy::{Mode, Proxy};
use bench::service::{self, Service};
use bench::site::Site;
use bench::{DEADLINE, figure, long, turn, within};
use rustix::process::Signal;

/// Most connections while something is wrong: see `fault_broker.rs`.
const CONNECTS_MAX: usize = 12;

/// Certificates of one test: ours, and those of an authority that nobody trusts.
struct Papers {
    ours: Authority,
    theirs: Authority,
    server: Pair,
    client: Pair,
}

impl Papers {
    fn new(folder: &Path) -> Self {
        let (ours, theirs) = (Authority::new(folder, "ours"), Authority::new(folder, "theirs"));
        let (server, client) = (ours.issue("127.0.0.1", false), ours.issue("t", false));
        Self { ours, theirs, server, client }
    }

    fn broker(&self, server: &Pair, wants_clients: bool) -> Setup {
        let tls = (self.ours.file.clone(), server.certificate.clone(), server.key.clone(), wants_clients);
        Setup { tls: Some(tls), ..Setup::default() }
    }
}

/// What a device is given: authority, certificate, user and password file.
#[derive(Default)]
struct Given {
    authority: PathBuf,
    client: Option<Pair>,
    user: Option<(String, PathBuf)>,
}

impl Given {
    fn configure(&self, site: &Site, port: u16) {
        let quoted = |path: &Path| format!("\"{}\"", path.display());
        let mut settings = vec![("mqtt.ca-file", quoted(&self.authority))];
        if let Some(Pair { certificate, key }) = &self.client {
            settings.extend([("mqtt.client-cert-file", quoted(certificate)), ("mqtt.client-key-file", quoted(key))]);
        }
        if let Some((user, file)) = &self.user {
            settings.extend([("mqtt.username", format!("\"{user}\"")), ("mqtt.password-file", quoted(file))]);
        }
        let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
        site.configure(&format!("mqtts://127.0.0.1:{port}"), &settings);
    }
}

/// A device with `bad` papers, or at a `broker` with bad ones, until both have `good` ones.
struct Case {
    what: &'static str,
    broker: Setup,
    bad: Given,
    good_broker: Setup,
    good: Given,
}

fn play(case: Case) -> Result<(), String> {
    let watch = Duration::from_secs(if long() { 120 } else { 15 });
    let mut broker = Mosquitto::start(case.broker).expect("asked for before");
    let ledger = Ledger::default();
    ledger.listen(broker.ledger_port);
    let proxy = Proxy::start(broker.port);
    let mut site = Site::new("t", "mqtt://127.0.0.1:1", &[]);
    site.study_arrives(1);
    case.bad.configure(&site, proxy.port);
    let service = Service::start(&site, &[]);
    let begun = Instant::now();
    let read = within(watch, || site.journal_reports().is_some_and(|r| r.len() == 1));
    std::thread::sleep(watch.saturating_sub(begun.elapsed()));
    let connects = proxy.connects();
    let told = |why: String| Err(format!("{}: {why}\n{}", case.what, site.evidence()));
    if !read {
        return told("the study is not read".to_owned());
    }
    if connects > CONNECTS_MAX {
        return told(format!("{connects} connections in {} s", watch.as_secs()));
    }
    if !ledger.entries().is_empty() {
        return told("a message got through".to_owned());
    }
    let said = site.log().lines().find(|l| l.contains("WARN") && l.contains("broker 127.0.0.1")).map(str::to_owned);
    let Some(said) = said else { return told("the log does not say why".to_owned()) };
    if !service::status(&site).contains("ALARM     broker") {
        return told(format!("`status` does not name it:\n{}", service::status(&site)));
    }
    let Some(took) = service.stop() else { return told("does not end within 5 s".to_owned()) };
    figure(
        &format!("{}: connections in {} s; end; word", case.what, watch.as_secs()),
        &format!("{connects}; {} ms; {said}", took.as_millis()),
    );

    let service = Service::start(&site, &[]);
    within(Duration::from_secs(2), || proxy.connects() > 0);
    // The ledger listens before the appliance gets through: what nobody subscribed to is acknowledged and gone.
    proxy.set(Mode::DropOnConnect);
    ledger.catch_up(broker.ledger_port);
    *broker.setup() = case.good_broker;
    assert!(broker.start_again(), "it starts on its port");
    ledger.listen(broker.ledger_port);
    proxy.set(Mode::Pass);
    case.good.configure(&site, proxy.port);
    service.signal(Signal::HUP);
    if !within(DEADLINE, || ledger.has_all("t", &site.study_keys())) {
        return told("nothing is delivered with good papers after SIGHUP".to_owned());
    }
    match ledger.check("t", &site.study_keys()) {
        Ok(_) if service.stop().is_some() => Ok(()),
        Ok(_) => told("does not end within 5 s".to_owned()),
        Err(why) => told(why),
    }
}

fn cases(papers: &Papers, folder: &Path) -> Vec<Case> {
    let password = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::write(&file, format!("{text}\n")).expect("the test's folder can be written");
        Some(("t".to_owned(), file))
    };
    let trusting = || Given { authority: papers.ours.file.clone(), ..Given::default() };
    let known = || Given { client: Some(papers.client.clone()), ..trusting() };
    let open = || papers.broker(&papers.server, false);
    let strict = || papers.broker(&papers.server, true);
    let with_password = || Setup { user: Some(("t".to_owned(), "right".to_owned())), ..open() };
    let (stranger, expired) = (papers.theirs.issue("t", false), papers.ours.issue("t", true));
    let case = |what, broker, bad, good_broker, good| Case { what, broker, bad, good_broker, good };
    vec![
        case(
            "the broker's certificate is of an unknown authority",
            papers.broker(&papers.theirs.issue("127.0.0.1", false), false),
            trusting(),
            open(),
            trusting(),
        ),
        case(
            "the broker's certificate has expired",
            papers.broker(&papers.ours.issue("127.0.0.1", true), false),
            trusting(),
            open(),
            trusting(),
        ),
        case(
            "the broker's certificate is for another name",
            papers.broker(&papers.ours.issue("127.0.0.2", false), false),
            trusting(),
            open(),
            trusting(),
        ),
        case("the device has no certificate and needs one", strict(), trusting(), strict(), known()),
        case(
            "the device's certificate is of an unknown authority",
            strict(),
            Given { client: Some(stranger), ..trusting() },
            strict(),
            known(),
        ),
        case(
            "the device's certificate has expired",
            strict(),
            Given { client: Some(expired), ..trusting() },
            strict(),
            known(),
        ),
        case(
            "the device's certificate file is missing",
            strict(),
            Given { client: Some(Pair { certificate: folder.join("none"), key: folder.join("none") }), ..trusting() },
            strict(),
            known(),
        ),
        case(
            "the password is wrong",
            with_password(),
            Given { user: password("wrong", "wrong"), ..trusting() },
            with_password(),
            Given { user: password("right", "right"), ..trusting() },
        ),
    ]
}

#[test]
fn wrong_papers_are_said_and_right_ones_deliver_everything() {
    let _turn = turn();
    if !mosquitto::is_installed() {
        return common::skipped(
            "wrong_papers_are_said_and_right_ones_deliver_everything",
            "mosquitto is not installed",
        );
    }
    let dir = tempfile::tempdir().expect("a folder");
    let papers = Papers::new(dir.path());
    let broken: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = cases(&papers, dir.path()).into_iter().map(|case| scope.spawn(|| play(case))).collect();
        let ended = running.into_iter().map(|thread| thread.join().expect("a case ends well"));
        ended.filter_map(Result::err).collect()
    });
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
