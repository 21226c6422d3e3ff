//! The files of a folder: everything that one bundle gives.

use super::bundle::Bundle;
use super::label_maps::{self, LabelMap};
use super::objects::ViewerObject;
use super::page::{self, Language};
use super::{atomic, overlay};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// File name of the report.
pub const REPORT_FILE: &str = "report.json";
/// File name of the picture.
pub const OVERLAY_FILE: &str = "overlay.png";

/// File name of the page.
pub const PAGE_FILE: &str = "page.html";

/// A file that could not be made.
#[derive(Debug, Error)]
#[error("cannot write {}: {source}; check that the folder exists, may be written and has room", path.display())]
pub struct ExportError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Writes everything: the files of [`write_nameless`], the DICOM objects ([`ViewerObject`]) and last `page.html` in `language`,
/// which say whose study it is, into `dir`; gives their paths. Each file is whole or absent; repeated, it makes the same files
/// again.
///
/// # Errors
/// The first file that could not be written; those before it stay.
pub fn write_all(bundle: &Bundle, dir: &Path, language: Language) -> Result<Vec<PathBuf>, ExportError> {
    let mut written = write_nameless(bundle, dir)?;
    for object in ViewerObject::ALL {
        let encoded = object.encode(bundle, object.packing()).map_err(|reason| ExportError {
            path: dir.join(object.file_name()),
            source: io::Error::new(io::ErrorKind::InvalidData, reason),
        })?;
        if let Some(bytes) = encoded {
            written.push(write_one(dir, object.file_name(), &mut |out| out.write_all(&bytes))?);
        }
    }
    let mut page = |out: &mut dyn Write| out.write_all(page::page(bundle, language)?.as_bytes());
    written.push(write_one(dir, PAGE_FILE, &mut page)?);
    Ok(written)
}

/// Writes what does not say whose study it is: `report.json`, `overlay.png` where there is an image, and the label maps where
/// something was segmented; gives their paths.
///
/// # Errors
/// As [`write_all`].
pub fn write_nameless(bundle: &Bundle, dir: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let mut written = vec![write_report(bundle, dir)?];
    let mut write = |name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>| {
        written.push(write_one(dir, name, fill)?);
        Ok(())
    };
    if let Some(display) = &bundle.display {
        write(OVERLAY_FILE, &mut |out| overlay::write(bundle, display, out))?;
    }
    if let Some(block) = &bundle.segmented {
        for map in [LabelMap::Instances, LabelMap::Semantic, LabelMap::Undesignated] {
            if map != LabelMap::Undesignated || label_maps::has_undesignated(block) {
                write(map.file_name(), &mut |out| label_maps::write(map, block, out))?;
            }
        }
    }
    Ok(written)
}

/// Writes `report.json` alone into `dir`; gives its path.
///
/// # Errors
/// Where it can't be written.
pub fn write_report(bundle: &Bundle, dir: &Path) -> Result<PathBuf, ExportError> {
    write_one(dir, REPORT_FILE, &mut |out| {
        serde_json::to_writer_pretty(&mut *out, &bundle.report)?;
        out.write_all(b"\n")
    })
}

fn write_one(
    dir: &Path,
    name: &str,
    fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> Result<PathBuf, ExportError> {
    let path = dir.join(name);
    match atomic::write(&path, atomic::CLINIC_FILE_MODE, |out| fill(out)) {
        Ok(()) => Ok(path),
        Err(source) => Err(ExportError { path, source }),
    }
}
