//! Which files of the export folder are known, which are new, and which of the new ones have settled.
//!
//! A file may be looked at once two rescans in a row found it unchanged. What was looked at is
//! remembered by path, size, time and inode, and is looked at again only when one of them changes.
//! Of a known file only two hashes are kept here; its path is in the journal. Paths are held of the
//! newest [`PENDING_MAX`] files that are to be looked at: what has just arrived goes before an old archive.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::listing::Found;
use crate::appliance::journal::{FileState, Fingerprint};
use crate::appliance::reader::protocol::SCAN_PATHS_MAX;

/// Most files that are known; what comes beyond is left alone until others are gone.
pub const KNOWN_MAX: usize = 500_000;
/// Most files that wait to be looked at; older ones come into sight as these are done.
pub const PENDING_MAX: usize = 4096;

/// Says that a known file was told by the listing of this rescan.
const SEEN: u64 = 1;
/// Stands for a fingerprint that no file has.
const NO_PRINT: u64 = 0;

/// A file that waits to be looked at.
#[derive(Debug, Clone, Copy)]
struct Pending {
    print: Fingerprint,
    changed_ns: i64,
    /// Unchanged over a rescan: may be looked at.
    settled: bool,
    /// When it was first seen, or first changed after it was looked at.
    since: Duration,
}

/// A file given out to be looked at.
#[derive(Debug, Clone, Copy)]
struct Asked {
    pending: Pending,
    /// It changed since.
    stale: bool,
}

/// Ordered by their last change, so that the oldest of too many can be left for later.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    changed_ns: i64,
    path: PathBuf,
    print: (u64, i64, u64),
}

/// The files of the export folder. Moments are durations since one fixed moment.
///
/// Two paths with one 64-bit keyed hash would be taken for one file: among the most that are known this
/// happens to one appliance in a hundred million.
#[derive(Debug, Default)]
pub struct Watch {
    hasher: RandomState,
    /// Hash of the path to hash of the fingerprint, whose lowest bit is [`SEEN`].
    known: HashMap<u64, u64>,
    pending: HashMap<PathBuf, Pending>,
    asked: HashMap<PathBuf, Asked>,
    /// The newest of this rescan's candidates.
    candidates: BinaryHeap<Reverse<Candidate>>,
    /// Last change of the newest file that found no place among the pending, and since when there are such.
    overflow: Option<(i64, Duration)>,
    overflowing: Option<i64>,
    /// Known files that no listing tells and that are kept all the same.
    kept_unseen: usize,
}

impl Watch {
    /// Takes in what the journal remembers of a file; suspects are looked at again.
    pub fn remember(&mut self, path: &Path, print: Fingerprint, state: FileState) {
        if self.known.len() < KNOWN_MAX {
            let mark = if state == FileState::Suspect { NO_PRINT } else { self.mark(print) };
            self.known.insert(self.key(path), mark);
        }
    }

    /// How many files are known.
    #[must_use]
    pub fn known(&self) -> usize {
        self.known.len()
    }

    /// Whether no more files can be known.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.known.len() >= KNOWN_MAX
    }

    /// Whether any file is new, growing or being looked at.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.pending.is_empty() || !self.asked.is_empty()
    }

    /// Whether a file below `folder` has not been looked at.
    #[must_use]
    pub fn has_unseen_below(&self, folder: &Path) -> bool {
        self.pending.keys().chain(self.asked.keys()).any(|path| path.starts_with(folder))
    }

    /// A listing begins.
    pub fn rescan_begins(&mut self) {
        self.candidates.clear();
        self.overflowing = None;
        for mark in self.known.values_mut() {
            *mark &= !SEEN;
        }
    }

    /// The listing tells a file.
    pub fn sees(&mut self, found: Found) {
        let Found { path, print, changed_ns } = found;
        let expected = self.mark(print);
        let key = self.key(&path);
        if let Some(mark) = self.known.get_mut(&key) {
            let unchanged = *mark == expected;
            *mark |= SEEN;
            if unchanged {
                return;
            }
        }
        if let Some(asked) = self.asked.get_mut(&path) {
            if asked.pending.print == print {
                return;
            }
            asked.stale = true;
        }
        let Fingerprint { size, mtime_ns, inode } = print;
        self.candidates.push(Reverse(Candidate { changed_ns, path, print: (size, mtime_ns, inode) }));
        if self.candidates.len() > PENDING_MAX
            && let Some(Reverse(oldest)) = self.candidates.pop()
        {
            self.overflowing = self.overflowing.max(Some(oldest.changed_ns));
        }
    }

    /// The listing ended at `now`.
    pub fn rescan_ended(&mut self, now: Duration) {
        let mut before = std::mem::take(&mut self.pending);
        for Reverse(Candidate { changed_ns, path, print }) in std::mem::take(&mut self.candidates) {
            let print = Fingerprint { size: print.0, mtime_ns: print.1, inode: print.2 };
            let known = before.remove(&path);
            let settled = known.is_some_and(|pending| pending.print == print);
            let since = known.map_or(now, |pending| pending.since);
            self.pending.insert(path, Pending { print, changed_ns, settled, since });
        }
        self.overflow = self.overflowing.map(|newest| (newest, self.overflow.map_or(now, |(_, since)| since)));
    }

    /// How many known files the listing did not tell.
    #[must_use]
    pub fn unseen_known(&self) -> usize {
        self.known.values().filter(|mark| *mark & SEEN == 0).count()
    }

    /// Whether the journal's paths must be gone through for files that are gone: the listing lacks others than
    /// those that were kept last time.
    #[must_use]
    pub fn must_sweep(&self) -> bool {
        self.unseen_known() != self.kept_unseen
    }

    /// Whether `path` is known and the listing did not tell it.
    #[must_use]
    pub fn is_gone(&self, path: &Path) -> bool {
        self.known.get(&self.key(path)).is_some_and(|mark| mark & SEEN == 0)
    }

    /// Forgets a file that is gone.
    pub fn forget(&mut self, path: &Path) {
        let key = self.key(path);
        self.known.remove(&key);
    }

    /// The journal was gone through; what is unseen now is kept.
    pub fn swept(&mut self) {
        self.kept_unseen = self.unseen_known();
        // What many removed files took is given back; a table that only breathes stays.
        if self.known.capacity() / 4 > self.known.len() {
            self.known.shrink_to_fit();
        }
    }

    /// Up to [`SCAN_PATHS_MAX`] settled files, the last changed first, which count as asked from now on; none
    /// while others are asked, or where no more can be known.
    pub fn take_settled(&mut self) -> Vec<(PathBuf, Fingerprint)> {
        if !self.asked.is_empty() || self.is_full() {
            return Vec::new();
        }
        let mut newest = BinaryHeap::new();
        for (path, pending) in self.pending.iter().filter(|(_, pending)| pending.settled) {
            newest.push(Reverse((pending.changed_ns, Reverse(path))));
            if newest.len() > SCAN_PATHS_MAX {
                newest.pop();
            }
        }
        let paths: Vec<PathBuf> =
            newest.into_sorted_vec().into_iter().map(|Reverse((_, Reverse(path)))| path.clone()).collect();
        let mut given = Vec::with_capacity(paths.len());
        for path in paths {
            if let Some(pending) = self.pending.remove(&path) {
                given.push((path.clone(), pending.print));
                self.asked.insert(path, Asked { pending, stale: false });
            }
        }
        given
    }

    /// Notes what looking at a file told, and gives when it last changed; one that changed meanwhile settles
    /// afresh.
    pub fn looked_at(&mut self, path: &Path, state: FileState) -> Option<i64> {
        let Asked { pending, stale } = self.asked.remove(path)?;
        if !stale && state == FileState::Suspect {
            self.pending.insert(path.to_owned(), pending);
        } else if !stale {
            let (key, mark) = (self.key(path), self.mark(pending.print));
            self.known.insert(key, mark);
        }
        Some(pending.changed_ns)
    }

    /// Gives files back that could not be looked at.
    pub fn not_looked_at(&mut self, paths: &[PathBuf]) {
        for path in paths {
            if let Some(Asked { pending, stale: false }) = self.asked.remove(path) {
                self.pending.insert(path.clone(), pending);
            }
        }
    }

    /// Since when there are files that nobody has looked at, by when they changed.
    #[must_use]
    pub fn unseen(&self) -> Unseen {
        let waiting = self.pending.values().chain(self.asked.values().map(|asked| &asked.pending));
        let mut by_change: Vec<(i64, Duration)> =
            waiting.map(|pending| (pending.changed_ns, pending.since)).chain(self.overflow).collect();
        by_change.sort_unstable_by_key(|(changed_ns, _)| Reverse(*changed_ns));
        let mut earliest = Duration::MAX;
        for (_, since) in &mut by_change {
            earliest = earliest.min(*since);
            *since = earliest;
        }
        Unseen(by_change)
    }

    fn key(&self, path: &Path) -> u64 {
        self.hasher.hash_one(path.as_os_str().as_bytes())
    }

    fn mark(&self, Fingerprint { size, mtime_ns, inode }: Fingerprint) -> u64 {
        (self.hasher.hash_one((size, mtime_ns, inode)) & !SEEN).max(SEEN << 1)
    }
}

/// The files that nobody has looked at: their last change, newest first, and since when the first of those
/// that changed no earlier waits.
#[derive(Debug, Default)]
pub struct Unseen(Vec<(i64, Duration)>);

impl Unseen {
    /// Since when there are such files that changed at `floor_ns` or later; `None` where there are none.
    #[must_use]
    pub fn since(&self, floor_ns: i64) -> Option<Duration> {
        let later = self.0.partition_point(|(changed_ns, _)| *changed_ns >= floor_ns);
        self.0.get(later.checked_sub(1)?).map(|(_, since)| *since)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
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
}
