//! The readings that texts are held against: files and folders to a [`Shelf`]. A file that is no reading is told, and the rest goes on.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::records::{Bad, FOLDER_DEPTH_MAX};
use crate::cli::exit::{CliError, Exit};
use crate::evaluation::concordance::{Put, READING_BYTES_MAX, READINGS_MAX, Reading, Shelf};
use crate::export::REPORT_FILE;

/// The readings below `paths`, and how many files are none.
///
/// # Errors
/// 65 or 66 where there is no reading at all.
pub(super) fn shelf(paths: &[PathBuf]) -> Result<(Shelf, usize), CliError> {
    let (mut shelf, mut bad) = (Shelf::default(), 0);
    let mut open: Vec<(PathBuf, usize)> = paths.iter().rev().map(|path| (path.clone(), 0)).collect();
    while let Some((path, depth)) = open.pop() {
        let done = if path.is_dir() {
            below(&path, depth).map(|found| open.extend(found))
        } else {
            read(&path).and_then(|reading| put(&mut shelf, reading, &path))
        };
        if let Err(Bad { place, reason }) = done {
            bad += 1;
            eprintln!("deepspine: {place}: {reason}");
        }
    }
    match (shelf.readings().is_empty(), bad) {
        (false, bad) => Ok((shelf, bad)),
        (true, 0) => Err(CliError::new(Exit::NoInput, "there is no reading below --against")),
        (true, bad) => Err(CliError::new(Exit::BadInput, format!("none of {bad} files below --against is a reading"))),
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

fn read(path: &Path) -> Result<Reading, Bad> {
    let bad = |reason: String| Bad { place: path.display().to_string(), reason };
    let mut bytes = Vec::new();
    let read = |file: File| file.take(READING_BYTES_MAX + 1).read_to_end(&mut bytes);
    File::open(path).and_then(read).map_err(|error: io::Error| bad(error.to_string()))?;
    if bytes.len() as u64 > READING_BYTES_MAX {
        return Err(bad(format!("is no deepspine report: it has more than {READING_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("is no deepspine report: it is not UTF-8".to_owned()))?;
    text.parse().map_err(|error| bad(format!("{error}")))
}

fn put(shelf: &mut Shelf, reading: Reading, path: &Path) -> Result<(), Bad> {
    let name = name(path);
    match shelf.put(reading, name.as_deref()) {
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
    Ok(())
}

/// The name by which a text may know a reading: that of its folder, or the file's where it is called otherwise than `analyze --out` calls it.
fn name(path: &Path) -> Option<String> {
    let whole = std::path::absolute(path).ok()?;
    let named = if whole.file_name()? == REPORT_FILE { whole.parent()?.file_name()? } else { whole.file_stem()? };
    named.to_str().map(str::to_owned)
}
