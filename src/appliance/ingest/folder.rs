//! What is in the export folder, and which of its files have settled.
//!
//! A file may be looked at once two rescans in a row found it unchanged. What was looked at is
//! remembered by path, size, time and inode, and is looked at again only when one of them changes.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::appliance::journal::{FileState, Fingerprint};

/// Deepest folder below the export folder that is looked into.
const DEPTH_MAX: usize = 12;
/// Most files that are watched; what lies beyond is left alone until others are gone, and a log line says so.
pub const WATCHED_MAX: usize = 100_000;

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Seen once, or changed since.
    Settling,
    /// Unchanged over a rescan: may be looked at.
    Settled,
    /// Given out to be looked at.
    Asked,
    /// Looked at.
    Known(FileState),
}

#[derive(Debug, Clone, Copy)]
struct Watched {
    print: Fingerprint,
    stage: Stage,
    /// When it was first seen, or first changed after it was looked at.
    since: Duration,
}

/// The files of the export folder. Moments are durations since one fixed moment.
#[derive(Debug, Default)]
pub struct Watch {
    files: HashMap<PathBuf, Watched>,
    overfull: bool,
}

impl Watch {
    /// Starts with what the journal remembers; suspects are looked at again.
    #[must_use]
    pub fn remembering(known: Vec<(PathBuf, Fingerprint, FileState)>) -> Self {
        let stage = |state| if state == FileState::Suspect { Stage::Settled } else { Stage::Known(state) };
        let watched = |print, state| Watched { print, stage: stage(state), since: Duration::ZERO };
        let files = known.into_iter().map(|(path, print, state)| (path, watched(print, state))).collect();
        Self { files, overfull: false }
    }

    /// Compares with what is in the folder at `now`; gives the files that are gone.
    pub fn rescanned(&mut self, listing: &Listing, now: Duration) -> Vec<PathBuf> {
        if listing.overfull && !self.overfull {
            log::warn!(
                "the export folder holds more than {WATCHED_MAX} files; the rest waits until others are removed"
            );
        }
        self.overfull = listing.overfull;
        for (path, print) in &listing.files {
            match self.files.get_mut(path) {
                Some(known) if known.print == *print => {
                    if known.stage == Stage::Settling {
                        known.stage = Stage::Settled;
                    }
                }
                Some(known) => {
                    let since = if matches!(known.stage, Stage::Known(_)) { now } else { known.since };
                    *known = Watched { print: *print, stage: Stage::Settling, since };
                }
                None => {
                    self.files.insert(path.clone(), Watched { print: *print, stage: Stage::Settling, since: now });
                }
            }
        }
        if listing.overfull {
            // What a partial listing does not hold is not gone.
            return Vec::new();
        }
        let gone: Vec<PathBuf> = self.files.keys().filter(|p| !listing.files.contains_key(*p)).cloned().collect();
        for path in &gone {
            self.files.remove(path);
        }
        gone
    }

    /// Up to `limit` settled files, which count as asked from now on; in the order of their paths.
    pub fn take_settled(&mut self, limit: usize) -> Vec<(PathBuf, Fingerprint)> {
        let mut settled: Vec<(PathBuf, Fingerprint)> = self
            .files
            .iter()
            .filter(|(_, watched)| watched.stage == Stage::Settled)
            .map(|(path, watched)| (path.clone(), watched.print))
            .collect();
        settled.sort_by(|a, b| a.0.cmp(&b.0));
        settled.truncate(limit);
        for (path, _) in &settled {
            self.set(path, Stage::Asked);
        }
        settled
    }

    /// Notes what looking at a file told; one that changed meanwhile settles afresh.
    pub fn looked_at(&mut self, path: &Path, print: Fingerprint, state: FileState) {
        if self.files.get(path).is_some_and(|w| w.print == print && w.stage == Stage::Asked) {
            self.set(path, if state == FileState::Suspect { Stage::Settled } else { Stage::Known(state) });
        }
    }

    /// Gives files back that could not be looked at.
    pub fn not_looked_at(&mut self, paths: &[PathBuf]) {
        for path in paths {
            if self.files.get(path).is_some_and(|w| w.stage == Stage::Asked) {
                self.set(path, Stage::Settled);
            }
        }
    }

    /// Since when there are files that nobody has looked at; `None` where there are none.
    #[must_use]
    pub fn unseen_since(&self) -> Option<Duration> {
        self.files.values().filter(|w| !matches!(w.stage, Stage::Known(_))).map(|w| w.since).min()
    }

    fn set(&mut self, path: &Path, to: Stage) {
        if let Some(watched) = self.files.get_mut(path) {
            watched.stage = to;
        }
    }
}

/// What one rescan found.
#[derive(Debug, Default)]
pub struct Listing {
    /// Regular files by path.
    pub files: HashMap<PathBuf, Fingerprint>,
    /// Whether there was more than [`WATCHED_MAX`].
    pub overfull: bool,
}

/// Lists the regular files below `folder`; links are not followed, names that begin with a dot are
/// left out, because copying tools write there before they rename.
///
/// # Errors
/// Where `folder` itself can't be read. A folder below it that can't be read is an error as well, so
/// that its files are not taken for removed.
pub fn list(folder: &Path) -> std::io::Result<Listing> {
    let mut listing = Listing::default();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((dir, depth)) = open.pop() {
        for entry in std::fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // A file that vanishes between listing and looking is simply gone.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() && depth < DEPTH_MAX {
                open.push((entry.path(), depth + 1));
            } else if metadata.is_file() {
                if listing.files.len() >= WATCHED_MAX {
                    listing.overfull = true;
                    return Ok(listing);
                }
                listing.files.insert(entry.path(), fingerprint(&metadata));
            }
        }
    }
    Ok(listing)
}

fn fingerprint(metadata: &std::fs::Metadata) -> Fingerprint {
    Fingerprint {
        size: metadata.len(),
        mtime_ns: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
        inode: metadata.ino(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn listing(files: &[(&str, u64)]) -> Listing {
        let print = |size| Fingerprint { size, mtime_ns: 1, inode: 1 };
        Listing { files: files.iter().map(|(p, s)| (PathBuf::from(p), print(*s))).collect(), overfull: false }
    }

    #[test]
    fn a_file_is_given_out_once_it_stopped_growing_and_only_once() {
        let mut watch = Watch::default();
        watch.rescanned(&listing(&[("a", 1)]), NOW);
        assert!(watch.take_settled(10).is_empty());
        watch.rescanned(&listing(&[("a", 2)]), NOW);
        assert!(watch.take_settled(10).is_empty());
        watch.rescanned(&listing(&[("a", 2)]), NOW);
        assert_eq!(watch.take_settled(10).len(), 1);
        assert!(watch.take_settled(10).is_empty());
        assert_eq!(watch.unseen_since(), Some(NOW));
        watch.looked_at(Path::new("a"), Fingerprint { size: 2, mtime_ns: 1, inode: 1 }, FileState::Accepted);
        assert_eq!(watch.unseen_since(), None);
    }

    #[test]
    fn a_file_that_changed_while_it_was_looked_at_is_looked_at_again() {
        let mut watch = Watch::default();
        watch.rescanned(&listing(&[("a", 1)]), NOW);
        watch.rescanned(&listing(&[("a", 1)]), NOW);
        let (path, print) = watch.take_settled(1).remove(0);
        watch.rescanned(&listing(&[("a", 5)]), NOW);
        watch.looked_at(&path, print, FileState::Incomplete);
        watch.rescanned(&listing(&[("a", 5)]), NOW);
        assert_eq!(watch.take_settled(1).len(), 1);
    }

    #[test]
    fn files_that_are_gone_are_told() {
        let mut watch = Watch::default();
        watch.rescanned(&listing(&[("a", 1), ("b", 1)]), NOW);
        assert_eq!(watch.rescanned(&listing(&[("b", 1)]), NOW), vec![PathBuf::from("a")]);
    }

    #[test]
    fn what_the_journal_remembers_is_not_looked_at_again() {
        let print = Fingerprint { size: 1, mtime_ns: 1, inode: 1 };
        let mut watch =
            Watch::remembering(vec![("a".into(), print, FileState::Accepted), ("b".into(), print, FileState::Suspect)]);
        watch.rescanned(&listing(&[("a", 1), ("b", 1)]), NOW);
        assert_eq!(watch.take_settled(10), vec![(PathBuf::from("b"), print)]);
    }

    #[test]
    fn hidden_files_and_links_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("series")).unwrap();
        std::fs::write(dir.path().join("series/1.dcm"), b"x").unwrap();
        std::fs::write(dir.path().join(".1.dcm.part"), b"x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        let listing = list(dir.path()).unwrap();
        assert_eq!(listing.files.into_keys().collect::<Vec<_>>(), vec![dir.path().join("series/1.dcm")]);
    }
}
