//! The highest sequence number that may have been given, kept outside the database.
//!
//! A journal that is lost must not give a number twice: what is written here covers every number given,
//! ahead of time and in steps, so that it is written seldom. After a loss the numbers go on behind it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use crate::export::write_private;

/// Name of the file in the state folder.
const FILE_NAME: &str = "seq";
/// How many numbers are covered at a time.
const STEP: i64 = 256;

/// The mark: a file that holds a number.
#[derive(Debug)]
pub(super) struct SeqMark {
    path: PathBuf,
    covered: AtomicI64,
}

impl SeqMark {
    /// Reads the mark in `state_dir`; where there is none, nothing is covered.
    pub(super) fn load(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(FILE_NAME);
        let covered = match std::fs::read_to_string(&path) {
            // A mark that can't be read any more is as good as none: the database has its own.
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { path, covered: AtomicI64::new(covered) })
    }

    /// The highest number covered.
    pub(super) fn covered(&self) -> i64 {
        self.covered.load(Ordering::Acquire)
    }

    /// Makes sure, durably, that `seq` is covered. Called on the journal's thread alone, before the commit.
    pub(super) fn cover(&self, seq: i64) -> io::Result<()> {
        if seq <= self.covered() {
            return Ok(());
        }
        let covered = seq.saturating_add(STEP);
        write_private(&self.path, format!("{covered}\n").as_bytes())?;
        self.covered.store(covered, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_number_given_is_covered_after_a_loss() {
        let dir = tempfile::tempdir().unwrap();
        let mark = SeqMark::load(dir.path()).unwrap();
        assert_eq!(mark.covered(), 0);
        mark.cover(1).unwrap();
        mark.cover(200).unwrap();
        assert!(SeqMark::load(dir.path()).unwrap().covered() >= 200);
        mark.cover(1000).unwrap();
        assert!(SeqMark::load(dir.path()).unwrap().covered() >= 1000);
    }
}
