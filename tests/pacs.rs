//! The clinic's archive gets every object of every report, whatever it is like: away, full, picky, broken, or no archive at all.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod pacs_peer;
mod wire;

use std::collections::BTreeSet;

use bench::mosquitto::{Mosquitto, Setup};
use bench::service::Service;
use bench::site::{self, Site};
use bench::{DEADLINE, turn, until};
use deepspine::appliance::mqtt::subscriber::Subscriber;
use pacs_peer::{CAPTURE, Manner, Peer, REPORT, SEGMENTATION, read_object};

/// A broker that is not there: nothing of this needs one.
const NO_BROKER: &str = "mqtt://127.0.0.1:1";

/// A site whose reports go to an archive on `port`.
fn site(port: u16, broker: &str) -> Site {
    let address = format!("\"127.0.0.1:{port}\"");
    Site::new(
        "p",
        broker,
        &[("pacs.address", &address), ("pacs.ae-title", "\"ARCHIVE\""), ("ingest.force-after-secs", "600")],
    )
}

/// SOP Instance UIDs of the objects in the folders of the site's reports.
fn written(site: &Site) -> BTreeSet<String> {
    let mut uids = BTreeSet::new();
    for report in std::fs::read_dir(site.out_dir()).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(report.path()).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|e| e == "dcm") {
                uids.insert(read_object(&file.path()).0);
            }
        }
    }
    uids
}

fn sendings(site: &Site) -> Vec<String> {
    let sql = "SELECT object || ' ' || attempts || ' ' || coalesce(set_aside, '') FROM sendings ORDER BY object";
    site::query(&site.state_dir(), sql).unwrap_or_default()
}

/// Until the files of `reports` reports are written, so that it is known what an archive must have.
fn exported(site: &Site, reports: usize) -> BTreeSet<String> {
    let done = "SELECT report_id FROM reports WHERE exported = 1";
    until("the clinic's files are written", || {
        site::query(&site.state_dir(), done).is_some_and(|ids| ids.len() == reports)
    });
    written(site)
}

#[test]
fn what_waited_for_an_archive_that_was_away_arrives_once_it_is_back_and_the_alarm_ends() {
    const NAME: &str = "what_waited_for_an_archive_that_was_away_arrives_once_it_is_back_and_the_alarm_ends";
    let _turn = turn();
    let Some(broker) = Mosquitto::start(Setup::default()) else {
        return common::skipped(NAME, "mosquitto is not installed");
    };
    let port = wire::free_port();
    let mut site = site(port, &format!("mqtt://127.0.0.1:{}", broker.port));
    let alarms = Subscriber::connect("127.0.0.1", broker.port, "listener", "deepspine/p/a/pacs", DEADLINE)
        .expect("a subscription");
    for number in 0..3 {
        site.study_arrives(number);
    }
    // Two lives in which nothing can be sent.
    for _ in 0..2 {
        let mut service = Service::start(&site, &[]);
        assert!(service.is_ready());
        until("every study is read", || site.journal_reports().is_some_and(|reports| reports.len() == 3));
        until("it is said that the archive is away", || site.log().matches("alarm pacs: ").count() > 0);
        service.stop();
    }
    let alarm = alarms.next(DEADLINE).expect("the broker is there").expect("an alarm in time");
    let text = String::from_utf8_lossy(&alarm.payload).into_owned();
    assert!(text.contains("can't be reached") && text.contains("objects wait"), "{text}");

    let service = Service::start(&site, &[]);
    let wanted = exported(&site, 3);
    assert!(wanted.len() >= 3, "a report each at least: {wanted:?}");
    assert!(!sendings(&site).is_empty(), "they wait");
    let peer = Peer::start(port, Manner::Takes);
    // One more study has the archive be asked at once, not at the end of a rest.
    site.study_arrives(3);
    let wanted: BTreeSet<String> = exported(&site, 4).union(&wanted).cloned().collect();
    until("the archive has everything", || peer.kept().keys().cloned().collect::<BTreeSet<_>>() == wanted);
    until("nothing waits", || sendings(&site).is_empty());
    until("the alarm is over", || site.log().contains("alarm pacs: over"));
    service.stop();
    assert!(peer.kept().values().all(|sent| sent.len() == 1), "each came once");
}

#[test]
fn an_object_that_is_refused_is_set_aside_and_alarmed_and_everything_else_arrives() {
    let _turn = turn();
    let peer = Peer::start(0, Manner::Answers(REPORT, 0xA900));
    let mut site = site(peer.port, NO_BROKER);
    site.study_arrives(0);
    let mut service = Service::start(&site, &[]);
    assert!(service.is_ready());
    let wanted = exported(&site, 1);
    until("the rest has arrived", || peer.kept().len() == wanted.len() - 1);
    until("the refused one is set aside", || matches!(sendings(&site).as_slice(), [one] if one.contains("A900H")));
    assert!(site.log().contains("alarm pacs-refused: report "), "{}", site.log());
    assert!(!site.log().contains("DOE"), "the archive's words stay where they are heard");

    // The archive is put right, and somebody says so.
    peer.becomes(Manner::Takes);
    let retried = std::process::Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .args(["outbox", "retry", "--config"])
        .arg(site.config())
        .output()
        .expect("the binary runs");
    assert!(retried.status.success(), "{}", String::from_utf8_lossy(&retried.stderr));
    until("it has arrived too", || peer.kept().keys().cloned().collect::<BTreeSet<_>>() == wanted);
    until("the alarm is over", || site.log().contains("alarm pacs-refused: over"));
    service.stop();
}

#[test]
fn an_object_at_which_the_archive_breaks_off_holds_up_no_other() {
    let _turn = turn();
    let peer = Peer::start(0, Manner::AbortsAt(SEGMENTATION));
    let site = site(peer.port, NO_BROKER);
    wire::small_study(&site.in_dir());
    let mut service = Service::start(&site, &[]);
    assert!(service.is_ready());
    let wanted = exported(&site, 1);
    assert_eq!(wanted.len(), 3);
    until("the others have arrived", || peer.kept().len() == 2);
    let classes = "SELECT object FROM sendings";
    until("one waits", || site::query(&site.state_dir(), classes).is_some_and(|w| w == ["segmentation"]));
    peer.becomes(Manner::Takes);
    until("it has arrived too", || peer.kept().keys().cloned().collect::<BTreeSet<_>>() == wanted);
    service.stop();
}

#[test]
fn an_archive_without_room_is_asked_again_and_no_object_is_given_up() {
    let _turn = turn();
    let peer = Peer::start(0, Manner::Answers(CAPTURE, 0xA700));
    let site = site(peer.port, NO_BROKER);
    wire::small_study(&site.in_dir());
    let mut service = Service::start(&site, &[]);
    assert!(service.is_ready());
    let wanted = exported(&site, 1);
    until("it was asked more than once", || peer.associations() > 1);
    assert_eq!(sendings(&site), ["overlay 0 "]);
    peer.becomes(Manner::Takes);
    until("it has arrived", || peer.kept().keys().cloned().collect::<BTreeSet<_>>() == wanted);
    service.stop();
}

/// Whatever it says, nothing is lost by it, and a reading does not wait for it.
#[test]
fn what_is_no_archive_is_alarmed_and_nothing_is_given_up() {
    let _turn = turn();
    for (manner, said) in [
        (Manner::NoDicom, "does not keep to the protocol"),
        (Manner::TinyMessages, "a length of messages that nothing fits into"),
    ] {
        let peer = Peer::start(0, manner.clone());
        let mut site = site(peer.port, NO_BROKER);
        site.study_arrives(0);
        let mut service = Service::start(&site, &[]);
        assert!(service.is_ready());
        let wanted = exported(&site, 1);
        until("it is alarmed", || site.log().contains("alarm pacs: "));
        assert!(site.log().contains(said), "{manner:?}: {}", site.log());
        assert_eq!(sendings(&site).len(), wanted.len(), "{manner:?}: all that there is waits");
        peer.becomes(Manner::Takes);
        until("all has arrived", || peer.kept().keys().cloned().collect::<BTreeSet<_>>() == wanted);
        service.stop();
    }
}

#[test]
fn an_archive_that_says_nothing_holds_up_no_reading() {
    let _turn = turn();
    let peer = Peer::start(0, Manner::Silent);
    let mut site = site(peer.port, NO_BROKER);
    site.study_arrives(0);
    let mut service = Service::start(&site, &[]);
    assert!(service.is_ready());
    until("it was asked", || peer.associations() > 0);
    site.study_arrives(1);
    exported(&site, 2);
    assert_eq!(peer.kept().len(), 0);
    assert!(service.stop().is_some(), "nor the end");
}

#[test]
fn a_study_is_sent_again_where_somebody_asks_for_it_and_arrives_as_the_same_objects() {
    let _turn = turn();
    let peer = Peer::start(0, Manner::Takes);
    let mut site = site(peer.port, NO_BROKER);
    site.study_arrives(0);
    let mut service = Service::start(&site, &[]);
    assert!(service.is_ready());
    let wanted = exported(&site, 1);
    until("all has arrived", || peer.kept().len() == wanted.len() && sendings(&site).is_empty());
    let key = site.study_keys().remove(0);
    let sent = std::process::Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .args(["studies", "send", &key, "--config"])
        .arg(site.config())
        .output()
        .expect("the binary runs");
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    until("all has arrived twice", || peer.kept().values().all(|sent| sent.len() == 2));
    service.stop();
    for (uid, sent) in peer.kept() {
        assert!(wanted.contains(&uid) && sent[0] == sent[1], "{uid}");
    }
}
