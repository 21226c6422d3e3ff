//! What the journal promises: together or not at all, and still there afterwards.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;

use deepspine::appliance::journal::{
    Claim, Durable, FileRow, FileState, Fingerprint, Journal, Lane, NewReport, OutboxMessage, StudyState,
};

fn message(topic: &'static str, text: &str) -> OutboxMessage {
    OutboxMessage {
        topic,
        study_key: "s".into(),
        report_id: None,
        payload: text.as_bytes().to_vec(),
        replaces: topic == "e/study",
    }
}

fn report(report_id: &str, revision: u32) -> NewReport {
    NewReport {
        report_id: report_id.into(),
        study_key: "s".into(),
        revision,
        produced_at: "2026-01-01T00:00:00Z".into(),
        bundle: format!("{report_id}.bundle"),
        objects: Vec::new(),
    }
}

fn claimed(journal: &Journal, input: &str) {
    journal.study_arrives("s").expect("the journal works");
    let claim = journal.claim("s", input, 3, |_| Vec::new()).expect("the journal works");
    assert_eq!(claim, Claim::Attempt { attempt: 1 });
}

fn waiting(journal: &Journal) -> Vec<String> {
    let rows = journal.outbox_after(Lane::Live, 0, 100).expect("the journal works");
    rows.into_iter().map(|row| String::from_utf8(row.payload).expect("text went in")).collect()
}

#[test]
fn report_messages_and_state_survive_together() {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(dir.path()).expect("a journal");
    claimed(&journal, "input");
    journal.commit_report(report("r1", 1), vec![message("e/report", "one")]).expect("a commit");
    drop(journal);

    let journal = Journal::open(dir.path()).expect("it opens again");
    let study = journal.study("s").expect("the journal works").expect("the study is known");
    assert_eq!((study.state, study.revision), (StudyState::Done, 1));
    assert_eq!(waiting(&journal), ["one"]);
    assert_eq!(journal.same_reading("s", "r1").expect("the journal works"), Some(1));
    let next = journal.next_to_export(None).expect("the journal works").expect("its files are not written");
    assert_eq!((next.report_id.as_str(), next.bundle.as_str()), ("r1", "r1.bundle"));
    assert_eq!(journal.next_to_export(Some(next)).expect("the journal works"), None, "it is the only one");
}

#[test]
fn a_commit_that_fails_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(dir.path()).expect("a journal");
    claimed(&journal, "input");
    journal.commit_report(report("r1", 1), vec![message("e/report", "one")]).expect("a commit");
    claimed(&journal, "other input");
    assert!(journal.commit_report(report("r2", 1), vec![message("e/report", "two")]).is_err(), "a revision twice");
    let study = journal.study("s").expect("the journal works").expect("the study is known");
    assert_eq!((study.state, study.revision), (StudyState::Claimed, 1));
    assert_eq!(waiting(&journal), ["one"]);
    assert_eq!(journal.next_revision("s").expect("the journal works"), 2);
}

#[test]
fn attempts_are_counted_before_they_begin_and_end_in_quarantine() {
    let dir = tempfile::tempdir().expect("a folder");
    for attempt in 1..=3 {
        // Each time the process ends without a word in the middle of its attempt.
        let journal = Journal::open(dir.path()).expect("a journal");
        let claim = journal.claim("s", "input", 3, |_| Vec::new()).expect("the journal works");
        assert_eq!(claim, Claim::Attempt { attempt });
    }
    let journal = Journal::open(dir.path()).expect("a journal");
    assert_eq!(journal.claim("s", "input", 3, |_| Vec::new()).expect("the journal works"), Claim::Quarantined);
    let study = journal.study("s").expect("the journal works").expect("the study is known");
    assert_eq!(study.state, StudyState::Quarantined);
    let other = journal.claim("s", "more files", 3, |_| Vec::new()).expect("the journal works");
    assert_eq!(other, Claim::Attempt { attempt: 1 }, "new files are a new chance");
}

#[test]
fn the_same_input_is_not_read_twice_and_late_files_are() {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(dir.path()).expect("a journal");
    claimed(&journal, "input");
    journal.commit_report(report("r1", 1), Vec::new()).expect("a commit");
    journal.study_arrives("s").expect("the journal works");
    assert_eq!(journal.open_studies().expect("the journal works"), ["s"]);
    assert_eq!(journal.claim("s", "input", 3, |_| Vec::new()).expect("the journal works"), Claim::AlreadyDone);
    assert!(journal.open_studies().expect("the journal works").is_empty());
    claimed(&journal, "input and late slices");
}

#[test]
fn files_that_come_during_a_reading_keep_the_study_open() {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(dir.path()).expect("a journal");
    claimed(&journal, "input");
    journal.study_arrives("s").expect("the journal works");
    journal.commit_report(report("r1", 1), Vec::new()).expect("a commit");
    assert_eq!(journal.open_studies().expect("the journal works"), ["s"]);
}

#[test]
fn an_attempt_that_is_taken_back_does_not_count() {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(dir.path()).expect("a journal");
    for _ in 0..5 {
        claimed(&journal, "input");
        journal.attempt_withdrawn("s").expect("the journal works");
    }
}

#[test]
fn sequence_numbers_are_never_given_twice() {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(dir.path()).expect("a journal");
    journal.enqueue(message("e/report", "one")).expect("the journal works");
    journal.outbox_delivered(vec![1], Durable::Now).expect("the journal works");
    drop(journal);
    let journal = Journal::open(dir.path()).expect("it opens again");
    journal.enqueue(message("e/report", "two")).expect("the journal works");
    let rows = journal.outbox_after(Lane::Live, 0, 10).expect("the journal works");
    assert_eq!(rows.iter().map(|r| r.seq).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_state_replaces_older_ones_that_were_not_sent() {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(dir.path()).expect("a journal");
    for text in ["claimed", "failed", "done"] {
        journal.enqueue(message("e/study", text)).expect("the journal works");
    }
    assert_eq!(waiting(&journal), ["done"]);
    let seq = journal.outbox_after(Lane::Live, 0, 1).expect("the journal works")[0].seq;
    journal.outbox_attempted(vec![seq]).expect("the journal works");
    journal.enqueue(message("e/study", "later")).expect("the journal works");
    assert_eq!(waiting(&journal), ["done", "later"], "what may have arrived stays until it is acknowledged");
}

#[test]
fn files_are_remembered_with_their_headers_and_attempts() {
    let dir = tempfile::tempdir().expect("a folder");
    let print = Fingerprint { size: u64::MAX, mtime_ns: -1, inode: u64::MAX };
    let journal = Journal::open(dir.path()).expect("a journal");
    assert_eq!(journal.count_file_attempt("/in/a".as_ref(), print).expect("the journal works"), 1);
    assert_eq!(journal.count_file_attempt("/in/a".as_ref(), print).expect("the journal works"), 2);
    let changed = Fingerprint { size: 1, ..print };
    assert_eq!(journal.count_file_attempt("/in/a".as_ref(), changed).expect("the journal works"), 1);
    let accepted = FileRow {
        study_key: Some("s".into()),
        header: Some(b"{\"h\":1}".repeat(100)),
        ..FileRow::bare("/in/b".into(), print, FileState::Accepted, None)
    };
    journal.remember_files(vec![accepted.clone()]).expect("the journal works");
    drop(journal);
    let journal = Journal::open(dir.path()).expect("it opens again");
    assert_eq!(journal.files_of("s").expect("the journal works"), [accepted]);
    assert_eq!(journal.known_files_after(Path::new(""), 100).expect("the journal works").len(), 2);
    journal.forget_files(vec!["/in/a".into(), "/in/b".into()]).expect("the journal works");
    assert!(journal.known_files_after(Path::new(""), 100).expect("the journal works").is_empty());
}

#[test]
fn what_was_set_aside_is_carried_away_with_the_rest() {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(dir.path()).expect("a journal");
    journal.enqueue(message("e/report", "refused")).expect("the journal works");
    journal.enqueue(message("e/report", "next")).expect("the journal works");
    journal.outbox_set_aside(1, "not authorised").expect("the journal works");
    assert_eq!(waiting(&journal), ["next"]);
    let whole = journal.outbox_whole_after(0, 10).expect("the journal works");
    assert_eq!(whole.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_message_that_rotted_on_the_disk_does_not_hold_up_the_next() {
    let dir = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(dir.path()).expect("a journal");
    journal.enqueue(message("e/report", "one")).expect("the journal works");
    journal.enqueue(message("e/report", "two")).expect("the journal works");
    drop(journal);
    let raw = rusqlite::Connection::open(dir.path().join("journal.db")).expect("it is a database");
    raw.execute("UPDATE outbox SET payload = x'ffff' WHERE seq = 1", []).expect("it can be written");
    drop(raw);
    let journal = Journal::open(dir.path()).expect("it opens again");
    assert_eq!(waiting(&journal), ["", "two"]);
}
