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
#[path = "watch_tests.rs"]
mod tests;
