//! Finds the files of an export: in folders, given one by one, or in a zip archive.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zip::ZipArchive;

use super::error::{DicomError, Limit, Reason};
use super::limits::{FILE_BYTES_MAX, FILES_MAX, FOLDER_DEPTH_MAX, ZIP_BYTES_MAX, ZIP_ENTRIES_MAX};

/// Start of a zip archive with at least one entry.
const ZIP_MAGIC: [u8; 4] = *b"PK\x03\x04";

/// Files that were found. Those of a zip archive lie in a temporary folder that is removed with this
/// value: keep it as long as they are read.
#[derive(Debug, Default)]
pub struct FoundFiles {
    /// The files, sorted by path, archives unpacked.
    pub files: Vec<PathBuf>,
    unpacked: Vec<TempDir>,
    archives: usize,
}

impl FoundFiles {
    /// Whether some files were unpacked from an archive.
    #[must_use]
    pub fn from_archive(&self) -> bool {
        self.archives > 0
    }
}

/// All files at and below `paths`: folders are followed to [`FOLDER_DEPTH_MAX`], zip archives are
/// unpacked entry by entry, links to folders are not followed.
///
/// # Errors
/// Where a path does not exist or can't be read, or a limit is reached.
pub fn find_files(paths: &[PathBuf]) -> Result<FoundFiles, DicomError> {
    find(paths, None)
}

/// [`find_files`], archives unpacked into the folder `scratch`, which is there and which the caller removes: for a process that may
/// make no folder.
///
/// # Errors
/// As [`find_files`].
pub fn find_files_unpacked_into(paths: &[PathBuf], scratch: &Path) -> Result<FoundFiles, DicomError> {
    find(paths, Some(scratch))
}

fn find(paths: &[PathBuf], scratch: Option<&Path>) -> Result<FoundFiles, DicomError> {
    let mut found = FoundFiles::default();
    for path in paths {
        visit(path, 0, scratch, &mut found)?;
    }
    found.files.sort();
    found.files.dedup();
    Ok(found)
}

fn visit(path: &Path, depth: usize, scratch: Option<&Path>, found: &mut FoundFiles) -> Result<(), DicomError> {
    let at = |reason: Reason| reason.at(path);
    if depth > FOLDER_DEPTH_MAX {
        return Err(at(Limit::FolderDepth.into()));
    }
    let kind = fs::metadata(path).map_err(|error| at(error.into()))?;
    if kind.is_file() {
        if is_zip(path).map_err(|error| at(error.into()))? {
            return unpack(path, scratch, found).map_err(at);
        }
        if found.files.len() >= FILES_MAX {
            return Err(at(Limit::Files.into()));
        }
        found.files.push(path.to_owned());
    }
    if !kind.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|error| at(error.into()))? {
        let entry = entry.map_err(|error| at(error.into()))?;
        let child = entry.path();
        let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if !(link && child.is_dir()) && child.exists() {
            visit(&child, depth + 1, scratch, found)?;
        }
    }
    Ok(())
}

fn is_zip(path: &Path) -> io::Result<bool> {
    let mut magic = Vec::new();
    File::open(path)?.take(ZIP_MAGIC.len() as u64).read_to_end(&mut magic)?;
    Ok(magic == ZIP_MAGIC)
}

/// Unpacks the entries of an archive under numbers for names: what they are called inside never
/// becomes a path.
fn unpack(path: &Path, scratch: Option<&Path>, found: &mut FoundFiles) -> Result<(), Reason> {
    let zip_error = |error: zip::result::ZipError| Reason::Zip(error.to_string());
    let mut archive = ZipArchive::new(File::open(path)?).map_err(zip_error)?;
    if archive.len() > ZIP_ENTRIES_MAX {
        return Err(Limit::ZipEntries(archive.len() as u64).into());
    }
    let own = if scratch.is_none() { Some(TempDir::new()?) } else { None };
    let folder = scratch.or(own.as_ref().map(TempDir::path)).unwrap_or(Path::new("."));
    let number = found.archives;
    found.archives += 1;
    let mut bytes_left = ZIP_BYTES_MAX;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(zip_error)?;
        if !entry.is_file() {
            continue;
        }
        if found.files.len() >= FILES_MAX {
            return Err(Limit::Files.into());
        }
        let target = folder.join(format!("{number:05}-{index:06}"));
        let bytes_max = FILE_BYTES_MAX.min(bytes_left) + 1;
        let bytes = io::copy(&mut entry.take(bytes_max), &mut File::create_new(&target)?)?;
        if bytes > FILE_BYTES_MAX {
            return Err(Limit::FileBytes(bytes).into());
        }
        bytes_left = bytes_left.checked_sub(bytes).ok_or(Limit::ZipBytes)?;
        found.files.push(target);
    }
    found.unpacked.extend(own);
    Ok(())
}
