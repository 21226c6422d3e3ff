//! Finished readings that texts and truths are held against: files and folders to a [`Shelf`]. A file that is no reading is told, and the
//! rest goes on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::analyze::PUBLIC_KEY;
use super::exit::{CliError, Exit};
use crate::appliance::identity;
use crate::evaluation::concordance::{Put, READING_BYTES_MAX, READINGS_MAX, Reading, Shelf};
use crate::export::{DeviceKey, REPORT_FILE};

/// Deepest folder that is followed.
pub(super) const FOLDER_DEPTH_MAX: usize = 16;

/// What could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bad {
    /// File, and line or row.
    pub(super) place: String,
    /// Why, and what to do.
    pub(super) reason: String,
}

/// The readings that were found.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// One a study.
    pub(super) shelf: Shelf,
    /// Files that are none.
    pub(super) unreadable: usize,
    /// By report id and revision, where it is.
    files: BTreeMap<(Box<str>, u32), PathBuf>,
}

impl Readings {
    /// The file of a reading.
    pub(super) fn file(&self, reading: &Reading) -> Option<&Path> {
        self.files.get(&(reading.report_id.clone(), reading.revision)).map(PathBuf::as_path)
    }
}

/// The key of the readings' study and accession keys: that of the file, or the public one of `analyze`.
///
/// # Errors
/// 65 where the file holds none, 66 where it is not there.
pub(super) fn key(file: Option<&Path>) -> Result<DeviceKey, CliError> {
    file.map_or(Ok(PUBLIC_KEY), identity::read_key).map_err(|error| {
        // A file that is there and holds no key.
        let exit =
            if error.kind() == io::ErrorKind::Other { Exit::BadInput } else { CliError::for_input(error.kind()) };
        CliError::new(exit, error)
    })
}

/// The readings below `paths`, which were given as `option`.
///
/// # Errors
/// 65 or 66 where there is no reading at all.
pub(super) fn find(paths: &[PathBuf], option: &str) -> Result<Readings, CliError> {
    let mut readings = Readings::default();
    let mut open: Vec<(PathBuf, usize)> = paths.iter().rev().map(|path| (path.clone(), 0)).collect();
    while let Some((path, depth)) = open.pop() {
        let done = if path.is_dir() {
            below(&path, depth).map(|found| open.extend(found))
        } else {
            text(&path).and_then(|text| parsed(&text, &path)).and_then(|reading| readings.put(reading, &path))
        };
        if let Err(Bad { place, reason }) = done {
            readings.unreadable += 1;
            eprintln!("deepspine: {place}: {reason}");
        }
    }
    match (readings.shelf.readings().is_empty(), readings.unreadable) {
        (false, _) => Ok(readings),
        (true, 0) => Err(CliError::new(Exit::NoInput, format!("there is no reading below {option}"))),
        (true, bad) => Err(CliError::new(Exit::BadInput, format!("none of {bad} files below {option} is a reading"))),
    }
}

/// What a folder holds, the last first; a link to a folder is not followed.
fn below(folder: &Path, depth: usize) -> Result<Vec<(PathBuf, usize)>, Bad> {
    let bad = |reason: String| Bad { place: folder.display().to_string(), reason };
    if depth >= FOLDER_DEPTH_MAX {
        return Err(bad(format!("lies deeper than {FOLDER_DEPTH_MAX} folders and is left out")));
    }
    let listing = std::fs::read_dir(folder).map_err(|error| bad(error.to_string()))?;
    let mut found: Vec<PathBuf> = listing
        .filter_map(Result::ok)
        .filter(|entry| {
            let (kind, path) = (entry.file_type(), entry.path());
            kind.is_ok_and(|kind| kind.is_dir())
                || (path.extension().is_some_and(|end| end == "json") && path.is_file())
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    Ok(found.into_iter().rev().map(|path| (path, depth + 1)).collect())
}

/// What stands in a file that may be a report.
pub(super) fn text(path: &Path) -> Result<String, Bad> {
    let bad = |reason: String| Bad { place: path.display().to_string(), reason };
    let mut bytes = Vec::new();
    let read = |file: File| file.take(READING_BYTES_MAX + 1).read_to_end(&mut bytes);
    File::open(path).and_then(read).map_err(|error: io::Error| bad(error.to_string()))?;
    if bytes.len() as u64 > READING_BYTES_MAX {
        return Err(bad(format!("is no deepspine report: it has more than {READING_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| bad("is no deepspine report: it is not UTF-8".to_owned()))
}

fn parsed(text: &str, path: &Path) -> Result<Reading, Bad> {
    text.parse().map_err(|error| Bad { place: path.display().to_string(), reason: format!("{error}") })
}

impl Readings {
    fn put(&mut self, reading: Reading, path: &Path) -> Result<(), Bad> {
        let name = name(path);
        let id = (reading.report_id.clone(), reading.revision);
        match self.shelf.put(reading, name.as_deref()) {
            Put::First | Put::Copy => {}
            Put::Chosen { counts, left } => eprintln!(
                "deepspine: {}: a study was read twice: report {} (revision {}) counts, {} (revision {}) does not",
                path.display(),
                counts.0,
                counts.1,
                left.0,
                left.1
            ),
            Put::Full => {
                let reason = format!("is left out: there are {READINGS_MAX} readings already");
                return Err(Bad { place: path.display().to_string(), reason });
            }
        }
        self.files.entry(id).or_insert_with(|| path.to_owned());
        Ok(())
    }
}

/// The name by which a text may know a reading: that of its folder, or the file's where it is called otherwise than `analyze --out` calls it.
fn name(path: &Path) -> Option<String> {
    let whole = std::path::absolute(path).ok()?;
    let named = if whole.file_name()? == REPORT_FILE { whole.parent()?.file_name()? } else { whole.file_stem()? };
    named.to_str().map(str::to_owned)
}
