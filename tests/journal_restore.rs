//! A journal that is lost or lacks its last transactions is made true again from the bundles, under the same ids.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod export_case;
mod wire;

use std::path::{Path, PathBuf};
use std::time::Duration;

use deepspine::appliance::alarms::Alarm;
use deepspine::appliance::bundles;
use deepspine::appliance::identity::DeviceKey;
use deepspine::appliance::journal::{Beginning, Durable, Journal, Lane, OutboxMessage, StudyState};
use deepspine::appliance::restore::{Restored, restore};
use deepspine::appliance::shared::Shared;
use deepspine::export::Bundle;
use export_case::case;

const KEY: DeviceKey = DeviceKey::new([1; DeviceKey::BYTES]);

/// A state folder with bundles, and the journal that begins there.
struct State {
    dir: tempfile::TempDir,
    shared: Shared,
}

impl State {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let shared = Shared::new(wire::settings(dir.path(), &[]), Duration::from_secs(1));
        std::fs::create_dir_all(bundles::delivered_dir(&dir.path().join("state"))).expect("the test's folder");
        Self { dir, shared }
    }

    fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn restored(&self, journal: &Journal, beginning: &Beginning) -> Restored {
        restore(&self.shared, journal, &KEY, beginning, &|| true).expect("the journal works")
    }
}

/// A reading of the study called `uid`, told apart by its number of levels.
fn bundle(uid: &str, levels: usize, revision: u32) -> Bundle {
    let mut case = case(levels, true);
    case.identity.study_instance_uid = uid.to_owned();
    let mut bundle = case.bundle();
    bundle.instances[0].sop_instance_uid = format!("{uid}.{revision}");
    bundle.keyed_with(&KEY).with_revision(revision)
}

fn keep(bundle: &Bundle, dir: &Path) -> String {
    bundle.write_atomically(dir).expect("the test's folder can be written");
    bundle.report_id().to_owned()
}

#[test]
fn a_lost_journal_is_filled_from_the_bundles_and_what_was_delivered_is_not_sent_again() {
    let state = State::new();
    let (kept, delivered) = (bundles::kept_dir(&state.state_dir()), bundles::delivered_dir(&state.state_dir()));
    let first = keep(&bundle("1.2", 5, 1), &delivered);
    let second = keep(&bundle("1.2", 6, 2), &kept);
    let other = keep(&bundle("1.3", 7, 1), &kept);
    std::fs::write(state.state_dir().join("seq"), "512\n").expect("the test's folder can be written");

    let (journal, beginning) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    assert_eq!(beginning, Beginning::ToRebuild(None));
    assert_eq!(state.restored(&journal, &beginning), Restored { reports: 3, undelivered: 2, unreadable: 0 });
    assert_eq!(journal.report_delivered(&first).expect("the journal works"), Some(true));
    for report_id in [&second, &other] {
        assert_eq!(journal.report_delivered(report_id).expect("the journal works"), Some(false));
    }
    let study = journal.study(&KEY.study_key("1.2")).expect("the journal works").expect("it is known again");
    assert_eq!((study.state, study.revision), (StudyState::Done, 2));
    let rows = journal.outbox_after(Lane::Live, 0, 10).expect("the journal works");
    assert_eq!(rows.len(), 4, "a report and a state of each that was not delivered");
    assert!(rows.iter().all(|row| row.attempts == 1 && row.seq > 512), "repeats, behind all numbers given");
    let raised = state.shared.alarms.get(Alarm::Journal).0.expect("an alarm says so");
    assert!(raised.text.contains("3 reports were restored"), "{}", raised.text);

    let (again, beginning) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    assert_eq!(beginning, Beginning::Whole);
    assert_eq!(state.restored(&again, &beginning), Restored::default());
}

#[test]
fn a_damaged_journal_is_set_aside_and_filled_again() {
    let state = State::new();
    let report_id = keep(&bundle("1.2", 5, 1), &bundles::kept_dir(&state.state_dir()));
    std::fs::write(state.state_dir().join("journal.db"), vec![b'x'; 65_536]).expect("the test's folder");
    let (journal, beginning) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    assert!(matches!(beginning, Beginning::ToRebuild(Some(_))));
    assert_eq!(state.restored(&journal, &beginning).undelivered, 1);
    assert_eq!(journal.report_delivered(&report_id).expect("the journal works"), Some(false));
    assert!(state.state_dir().join("journal.damaged-1/journal.db").is_file());
    assert!(state.shared.alarms.get(Alarm::Journal).0.is_some_and(|raised| raised.text.contains("damaged")));
}

#[test]
fn a_report_that_a_whole_journal_lacks_is_committed_and_one_overtaken_is_removed() {
    let state = State::new();
    let kept = bundles::kept_dir(&state.state_dir());
    let (journal, beginning) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    assert_eq!(state.restored(&journal, &beginning), Restored::default());
    assert_eq!(state.shared.alarms.get(Alarm::Journal).0, None, "a first start is no loss");

    let second = keep(&bundle("1.2", 6, 2), &kept);
    assert_eq!(state.restored(&journal, &Beginning::Whole).reports, 1);
    let overtaken = keep(&bundle("1.2", 5, 1), &kept);
    assert_eq!(state.restored(&journal, &Beginning::Whole).reports, 0);
    assert_eq!(journal.report_delivered(&second).expect("the journal works"), Some(false));
    assert!(!kept.join(format!("{overtaken}.bundle")).exists());
}

#[test]
fn a_bundle_that_cannot_be_read_stays_and_holds_nothing_up() {
    let state = State::new();
    let kept = bundles::kept_dir(&state.state_dir());
    std::fs::write(kept.join("0123.bundle"), "half of a b").expect("the test's folder can be written");
    keep(&bundle("1.2", 5, 1), &kept);
    let (journal, beginning) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    assert_eq!(state.restored(&journal, &beginning), Restored { reports: 1, undelivered: 1, unreadable: 1 });
    assert!(kept.join("0123.bundle").exists());
}

#[test]
fn a_rebuild_that_was_broken_off_is_gone_on_with() {
    let state = State::new();
    let kept = bundles::kept_dir(&state.state_dir());
    for n in 0..3 {
        keep(&bundle(&format!("1.{n}"), 5, 1), &kept);
    }
    let (journal, beginning) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    let calls = std::cell::Cell::new(0);
    let broken_off = restore(&state.shared, &journal, &KEY, &beginning, &|| {
        calls.set(calls.get() + 1);
        calls.get() < 5
    });
    assert_eq!(broken_off.expect("the journal works").reports, 1);
    drop(journal);
    let (journal, beginning) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    assert!(matches!(beginning, Beginning::ToRebuild(_)));
    assert_eq!(state.restored(&journal, &beginning).reports, 2);
}

#[test]
fn a_rebuild_that_ends_before_it_found_anything_is_gone_on_with_too() {
    let state = State::new();
    keep(&bundle("1.2", 5, 1), &bundles::delivered_dir(&state.state_dir()));
    let (journal, beginning) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    let broken_off = restore(&state.shared, &journal, &KEY, &beginning, &|| false).expect("the journal works");
    assert_eq!(broken_off, Restored::default());
    drop(journal);
    let (journal, beginning) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    assert_eq!(beginning, Beginning::ToRebuild(None));
    assert_eq!(state.restored(&journal, &beginning).reports, 1);
}

#[test]
fn a_delivered_report_moves_its_bundle_outside_of_the_journal_too() {
    let state = State::new();
    let report_id = keep(&bundle("1.2", 5, 1), &bundles::kept_dir(&state.state_dir()));
    let (journal, beginning) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    state.restored(&journal, &beginning);
    let rows = journal.outbox_after(Lane::Live, 0, 10).expect("the journal works");
    let delivered =
        journal.outbox_delivered(rows.iter().map(|row| row.seq).collect(), Durable::Now).expect("the journal works");
    assert_eq!(delivered.len(), 1);
    // The power went before the bundle was moved: the next start does it.
    state.restored(&journal, &Beginning::Whole);
    assert!(bundles::delivered_dir(&state.state_dir()).join(format!("{report_id}.bundle")).is_file());
}

#[test]
fn a_state_that_replaces_others_says_how_many() {
    let state = State::new();
    let (journal, _) = Journal::open_or_replace(&state.state_dir()).expect("a journal");
    for n in 0..4 {
        let message = OutboxMessage {
            topic: "e/study",
            study_key: "s".into(),
            report_id: None,
            payload: format!("{{\"n\":{n}}}").into_bytes(),
            replaces: true,
        };
        journal.enqueue(message).expect("the journal works");
    }
    let rows = journal.outbox_after(Lane::Live, 0, 10).expect("the journal works");
    assert_eq!(rows.iter().map(|row| (row.seq, row.superseded)).collect::<Vec<_>>(), [(4, 3)]);
}
