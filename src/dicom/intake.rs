//! From paths to studies at once.

use std::path::{Path, PathBuf};

use super::error::{DicomError, RefusedFile};
use super::find::{FoundFiles, find_files, find_files_unpacked_into};
use super::header::scan;
use super::study::{Study, assemble};

/// What was found below some paths.
#[derive(Debug)]
pub struct Intake {
    /// The studies, ordered by Study Instance UID.
    pub studies: Vec<Study>,
    /// Files that look like DICOM images and can't be read, of no known study.
    pub refused: Vec<RefusedFile>,
    /// Files that are no DICOM images: skipped.
    pub skipped: usize,
    /// The files; those of an archive last as long as this value.
    pub files: FoundFiles,
}

/// Finds, scans and assembles all studies below `paths`, their roles settled by pixels where
/// headers don't tell.
///
/// # Errors
/// Where a path can't be read or a limit of the search is reached; a single bad file is refused, not
/// an error.
pub fn read_studies(paths: &[PathBuf]) -> Result<Intake, DicomError> {
    Ok(assembled(find_files(paths)?))
}

/// [`read_studies`], archives unpacked into the folder `scratch`, which the caller removes.
///
/// # Errors
/// As [`read_studies`].
pub fn read_studies_unpacked_into(paths: &[PathBuf], scratch: &Path) -> Result<Intake, DicomError> {
    Ok(assembled(find_files_unpacked_into(paths, scratch)?))
}

fn assembled(files: FoundFiles) -> Intake {
    let (mut headers, mut refused, mut skipped) = (Vec::new(), Vec::new(), 0);
    for path in &files.files {
        match scan(path) {
            Ok(header) => headers.push(header),
            Err(error) if error.reason.is_junk() => skipped += 1,
            Err(error) => refused.push(RefusedFile::from(error)),
        }
    }
    let mut studies = assemble(headers);
    studies.iter_mut().for_each(Study::settle_roles);
    Intake { studies, refused, skipped, files }
}
