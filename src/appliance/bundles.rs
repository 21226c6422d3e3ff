//! Reading bundles on the device: taken in from a child, kept, and removed.
//!
//! A child makes its bundle under no key of ours; taking it in puts our keyed hashes and the revision
//! into it. What is kept is whole or absent.

use std::io;
use std::path::{Path, PathBuf};

use super::identity::DeviceKey;
use super::journal::{NewReport, OutboxMessage, StudyState};
use super::mqtt::payload::{self, About};
use crate::export::{Bundle, BundleError};

/// Why a bundle can't be taken in.
#[derive(Debug, thiserror::Error)]
pub enum BundleProblem {
    /// It can't be read.
    #[error(transparent)]
    Unreadable(#[from] BundleError),
    /// It is about another study than the one that was asked for.
    #[error("the reading is of another study than the one asked for")]
    OtherStudy,
    /// It can't be kept.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Where bundles are kept.
#[must_use]
pub fn kept_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("bundles")
}

/// Where those are kept whose report a broker has.
#[must_use]
pub fn delivered_dir(state_dir: &Path) -> PathBuf {
    kept_dir(state_dir).join("delivered")
}

/// Where the bundle called `file` is kept.
#[must_use]
pub fn find(state_dir: &Path, file: &str) -> PathBuf {
    let delivered = delivered_dir(state_dir).join(file);
    if delivered.exists() { delivered } else { kept_dir(state_dir).join(file) }
}

/// Notes, outside of the journal, that a broker has the report of the bundle called `file`. Not durable on
/// return: a power cut may take it back, and then a lost journal sends the report once more.
pub fn mark_delivered(state_dir: &Path, file: &str) {
    let from = kept_dir(state_dir).join(file);
    match std::fs::rename(&from, delivered_dir(state_dir).join(file)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::warn!("a bundle can't be put with those delivered: {error}");
        }
        _ => {}
    }
}

/// Removes the bundle called `file`; the bytes that are free by that.
pub fn remove(state_dir: &Path, file: &str) -> u64 {
    let path = find(state_dir, file);
    let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::warn!("a bundle can't be removed: {error}");
            0
        }
        _ => bytes,
    }
}

/// Size of all bundles kept, bytes.
#[must_use]
pub fn bytes_on_disk(state_dir: &Path) -> u64 {
    let of = |dir: PathBuf| {
        let listing = std::fs::read_dir(dir).into_iter().flatten().flatten();
        listing
            .filter_map(|entry| entry.metadata().ok())
            .filter(std::fs::Metadata::is_file)
            .map(|m| m.len())
            .sum::<u64>()
    };
    of(kept_dir(state_dir)) + of(delivered_dir(state_dir))
}

/// Where children put theirs.
#[must_use]
pub fn incoming_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("incoming")
}

/// Opens the bundle that a child left at `incoming`, under our key.
///
/// # Errors
/// Where it can't be read, or is about another study than `study_key`.
pub fn open_incoming(incoming: &Path, study_key: &str, key: &DeviceKey) -> Result<Bundle, BundleProblem> {
    let bundle = Bundle::read(incoming)?.keyed_with(key);
    if bundle.study_key() == study_key { Ok(bundle) } else { Err(BundleProblem::OtherStudy) }
}

/// Keeps `bundle` as the `revision`-th report of its study, durable when this returns; what is to be committed of
/// it, see [`to_commit`].
///
/// # Errors
/// What the file system says.
pub fn keep(
    bundle: Bundle,
    state_dir: &Path,
    revision: u32,
    key: &DeviceKey,
) -> Result<(NewReport, Vec<OutboxMessage>), BundleProblem> {
    let bundle = bundle.with_revision(revision);
    let path = bundle.write_atomically(&kept_dir(state_dir))?;
    Ok(to_commit(&bundle, &path, key))
}

/// What is committed of the bundle kept at `path`: its report, and the messages that carry it.
#[must_use]
pub fn to_commit(bundle: &Bundle, path: &Path, key: &DeviceKey) -> (NewReport, Vec<OutboxMessage>) {
    let report = NewReport {
        report_id: bundle.report_id().to_owned(),
        study_key: bundle.study_key().to_owned(),
        revision: bundle.report.revision,
        produced_at: bundle.report.produced_at.clone(),
        bundle: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        objects: Vec::new(),
    };
    let about = About::Report { report_id: &report.report_id, revision: report.revision };
    let messages = vec![
        payload::report_message(key, &report.study_key, &report.report_id, &report.produced_at, bundle.report_value()),
        payload::study_message(key, &report.study_key, StudyState::Done, about),
    ];
    (report, messages)
}

/// Removes a bundle that a child left, and those that earlier children left half-way.
pub fn clear_incoming(state_dir: &Path) {
    let Ok(listing) = std::fs::read_dir(incoming_dir(state_dir)) else { return };
    for entry in listing.flatten() {
        if let Err(error) = std::fs::remove_file(entry.path()) {
            log::warn!("a bundle that is not needed stays in the way: {error}");
        }
    }
}
