//! The work inside the children. Identity is at hand here, and leaves only in a bundle.

use std::path::PathBuf;

use super::protocol::{FileOutcome, ReadOutcome, ReadRequest, StudySummary};

/// Looks at files, one outcome each.
#[must_use]
pub fn scan_batch(paths: &[PathBuf]) -> Vec<FileOutcome> {
    paths.iter().map(|_| FileOutcome::Refused { reason: "nothing reads it yet".into() }).collect()
}

/// Which roles the series of a study take, from its headers.
#[must_use]
pub fn summarise(_headers: &[String]) -> StudySummary {
    StudySummary::default()
}

/// Reads one study and leaves its bundle in the spool folder.
///
/// # Errors
/// Why there is no reading, without identity.
pub fn read_study(_request: &ReadRequest) -> Result<ReadOutcome, String> {
    Err("nothing reads it yet".into())
}
