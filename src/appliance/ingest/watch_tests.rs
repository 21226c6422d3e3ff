//! Which files are given out over several rescans, and which are forgotten.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

const NOW: Duration = Duration::from_secs(1);

fn print(size: u64) -> Fingerprint {
    Fingerprint { size, mtime_ns: 1, inode: 1 }
}

fn rescan(watch: &mut Watch, files: &[(&str, u64)]) {
    watch.rescan_begins();
    for (path, size) in files {
        watch.sees(Found { path: path.into(), print: print(*size), changed_ns: 7 });
    }
    watch.rescan_ended(NOW);
}

#[test]
fn a_file_is_given_out_once_it_stopped_growing_and_only_once() {
    let mut watch = Watch::default();
    rescan(&mut watch, &[("a", 1)]);
    assert!(watch.take_settled().is_empty());
    rescan(&mut watch, &[("a", 2)]);
    assert!(watch.take_settled().is_empty());
    rescan(&mut watch, &[("a", 2)]);
    assert_eq!(watch.take_settled(), vec![("a".into(), print(2))]);
    assert!(watch.take_settled().is_empty());
    assert_eq!(watch.unseen().since(i64::MIN), Some(NOW));
    assert_eq!(watch.looked_at(Path::new("a"), FileState::Accepted), Some(7));
    assert_eq!(watch.unseen().since(i64::MIN), None);
    rescan(&mut watch, &[("a", 2)]);
    assert!(!watch.is_busy());
}

#[test]
fn a_file_that_changed_while_it_was_looked_at_is_looked_at_again() {
    let mut watch = Watch::default();
    rescan(&mut watch, &[("a", 1)]);
    rescan(&mut watch, &[("a", 1)]);
    let (path, _) = watch.take_settled().remove(0);
    rescan(&mut watch, &[("a", 5)]);
    watch.looked_at(&path, FileState::Incomplete);
    rescan(&mut watch, &[("a", 5)]);
    assert_eq!(watch.take_settled(), vec![("a".into(), print(5))]);
}

#[test]
fn a_known_file_that_changes_is_looked_at_again() {
    let mut watch = Watch::default();
    watch.remember(Path::new("a"), print(1), FileState::Accepted);
    rescan(&mut watch, &[("a", 2)]);
    rescan(&mut watch, &[("a", 2)]);
    assert_eq!(watch.take_settled(), vec![("a".into(), print(2))]);
    assert_eq!(watch.unseen_known(), 0);
}

#[test]
fn files_that_are_gone_are_told_and_what_is_kept_is_not_looked_for_again() {
    let mut watch = Watch::default();
    for path in ["a", "b", "c"] {
        watch.remember(Path::new(path), print(1), FileState::Accepted);
    }
    rescan(&mut watch, &[("b", 1)]);
    assert!(watch.must_sweep() && watch.is_gone(Path::new("a")) && !watch.is_gone(Path::new("b")));
    watch.forget(Path::new("a"));
    watch.swept();
    rescan(&mut watch, &[("b", 1)]);
    assert!(!watch.must_sweep(), "c is kept");
    rescan(&mut watch, &[("b", 1), ("c", 1)]);
    assert_eq!((watch.known(), watch.unseen_known()), (2, 0));
}

#[test]
fn what_the_journal_remembers_is_not_looked_at_again_but_for_suspects() {
    let mut watch = Watch::default();
    watch.remember(Path::new("a"), print(1), FileState::Accepted);
    watch.remember(Path::new("b"), print(1), FileState::Suspect);
    rescan(&mut watch, &[("a", 1), ("b", 1)]);
    rescan(&mut watch, &[("a", 1), ("b", 1)]);
    assert_eq!(watch.take_settled(), vec![(PathBuf::from("b"), print(1))]);
}

#[test]
fn the_newest_of_too_many_files_go_first_and_the_rest_is_not_forgotten() {
    let mut watch = Watch::default();
    let total = PENDING_MAX + 100;
    let found = |n: usize| Found { path: n.to_string().into(), print: print(1), changed_ns: n as i64 };
    for round in 1..3 {
        watch.rescan_begins();
        (0..total).for_each(|n| watch.sees(found(n)));
        watch.rescan_ended(NOW * round);
    }
    let first = watch.take_settled();
    assert_eq!(first.len(), SCAN_PATHS_MAX);
    assert_eq!(first.first().unwrap().0, PathBuf::from((total - 1).to_string()));
    assert_eq!(watch.unseen().since(total as i64), None);
    assert_eq!(watch.unseen().since(0), Some(NOW));
    for (path, _) in &first {
        watch.looked_at(path, FileState::Refused);
    }
    watch.rescan_begins();
    (0..total).for_each(|n| watch.sees(found(n)));
    watch.rescan_ended(NOW * 3);
    assert_eq!(watch.pending.len(), PENDING_MAX, "older ones take the places that became free");
}

#[test]
fn only_files_that_changed_late_enough_hold_a_study_back() {
    let mut watch = Watch::default();
    watch.rescan_begins();
    watch.sees(Found { path: "old".into(), print: print(1), changed_ns: 5 });
    watch.rescan_ended(NOW);
    watch.rescan_begins();
    watch.sees(Found { path: "old".into(), print: print(1), changed_ns: 5 });
    watch.sees(Found { path: "new".into(), print: print(1), changed_ns: 50 });
    watch.rescan_ended(NOW * 2);
    let unseen = watch.unseen();
    assert_eq!(
        [0, 5, 6, 50, 51].map(|floor| unseen.since(floor)),
        [Some(NOW), Some(NOW), Some(NOW * 2), Some(NOW * 2), None]
    );
}
