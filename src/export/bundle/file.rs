//! The bundle on disk: one line of text, a checksum, a JSON document, and blobs.
//!
//! ```text
//! deepspine.bundle/1\n
//! SHA-256 of everything after it, 32 bytes
//! length of the JSON document, u64 little-endian; the document
//! for each blob in the order in which the document's `blobs` names them: its bytes
//! ```
//! The document says how long each blob is. Masks and images are deflated, the document is plain,
//! so that a person can look into a bundle with `strings`.

use super::super::atomic;
use super::super::display::Display;
use super::super::report::ReportDocument;
use super::{BUNDLE_SCHEMA, Bundle, BundleError, BundlePicture, RunMask, SegmentedBlock, SourceInstance, SourceSeries};
use crate::dicom::StudyIdentity;
use crate::spine::Vec3;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A bundle larger than this is refused unread.
pub const BUNDLE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What a bundle's file name ends with, after its report id.
pub const BUNDLE_SUFFIX: &str = ".bundle";

/// Voxels of a segmented block: 1024 slices of 1024 x 512.
const VOXELS_MAX: usize = 512 * 1024 * 1024;
/// Pixels of a picture that a level is graded from.
const PICTURE_PIXELS_MAX: usize = 512 * 512;
const MAGIC: &[u8] = b"deepspine.bundle/1\n";
const DIGEST_BYTES: usize = 32;
const LENGTH_BYTES: usize = 8;
const HEAD_BYTES: usize = MAGIC.len() + DIGEST_BYTES + LENGTH_BYTES;

/// The JSON document of a bundle.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    report: ReportDocument,
    identity: StudyIdentity,
    instances: Vec<SourceInstance>,
    #[serde(default)]
    source_series: Vec<SourceSeries>,
    settings: Vec<(String, String)>,
    curve_lps_mm: Vec<Vec3>,
    segmented: Option<SegmentedBlock>,
    display: Option<Display>,
    #[serde(default)]
    pictures: Vec<BundlePicture>,
    blobs: BlobLengths,
}

/// Bytes of each blob, in the order in which they follow.
#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct BlobLengths {
    semantic: usize,
    part_of: usize,
    display: usize,
    #[serde(default)]
    pictures: usize,
}

impl Bundle {
    /// Writes `<report_id>.bundle` into the folder `spool`, whole or not at all, durable on return.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_atomically(&self, spool: &Path) -> io::Result<PathBuf> {
        let path = spool.join(format!("{}{BUNDLE_SUFFIX}", self.report_id()));
        let bytes = self.to_bytes()?;
        atomic::write(&path, atomic::PRIVATE_FILE_MODE, |w| w.write_all(&bytes))?;
        Ok(path)
    }

    /// Reads a bundle that [`Bundle::write_atomically`] wrote.
    ///
    /// # Errors
    /// A [`BundleError`] that names the file: not there, too large, or damaged.
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        let io_error = |source| BundleError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io_error)?;
        let mut bytes = Vec::new();
        file.take(BUNDLE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io_error)?;
        if bytes.len() as u64 > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLarge { path: path.to_owned(), bytes: bytes.len() as u64 });
        }
        Self::from_bytes(&bytes).map_err(|reason| BundleError::Damaged { path: path.to_owned(), reason })
    }

    fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let empty = RunMask::default();
        let (semantic, part_of) = self.segmented.as_ref().map_or((&empty, &empty), |s| (&s.semantic, &s.part_of));
        let display = self.display.as_ref().map(Display::deflated_planes).transpose()?.unwrap_or_default();
        let pictures = deflated_pictures(&self.pictures)?;
        let document = serde_json::to_vec(&Document {
            schema: BUNDLE_SCHEMA.to_owned(),
            report: self.report.clone(),
            identity: self.identity.clone(),
            instances: self.instances.clone(),
            source_series: self.source_series.clone(),
            settings: self.settings.clone(),
            curve_lps_mm: self.curve_lps_mm.clone(),
            segmented: self.segmented.clone(),
            display: self.display.clone(),
            pictures: self.pictures.clone(),
            blobs: BlobLengths {
                semantic: semantic.deflated.len(),
                part_of: part_of.deflated.len(),
                display: display.len(),
                pictures: pictures.len(),
            },
        })?;
        let mut body = (document.len() as u64).to_le_bytes().to_vec();
        for part in [&document, &semantic.deflated, &part_of.deflated, &display, &pictures] {
            body.extend_from_slice(part);
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&Sha256::digest(&body));
        bytes.append(&mut body);
        Ok(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let body = checked_body(bytes)?;
        let (length, rest) = body.split_at_checked(LENGTH_BYTES).ok_or("it ends early")?;
        let length = u64::from_le_bytes(length.try_into().map_err(|_| "it ends early")?);
        let (json, rest) =
            usize::try_from(length).ok().and_then(|n| rest.split_at_checked(n)).ok_or("its document ends early")?;
        let document: Document = serde_json::from_slice(json).map_err(|e| format!("its document: {e}"))?;
        if document.schema != BUNDLE_SCHEMA {
            return Err(format!("its schema is {:?}", document.schema));
        }
        let blobs = document.blobs;
        let (semantic, rest) = rest.split_at_checked(blobs.semantic).ok_or("its masks end early")?;
        let (part_of, rest) = rest.split_at_checked(blobs.part_of).ok_or("its masks end early")?;
        let segmented = match document.segmented {
            Some(block) => Some(checked_block(SegmentedBlock {
                semantic: RunMask { deflated: semantic.to_vec() },
                part_of: RunMask { deflated: part_of.to_vec() },
                ..block
            })?),
            None => None,
        };
        let (planes, rest) = rest.split_at_checked(blobs.display).ok_or("its image ends early")?;
        let display = document.display.map(|d| d.with_planes(planes)).transpose()?;
        let pictures = with_grey(document.pictures, rest)?;
        Ok(Self {
            report: document.report,
            identity: document.identity,
            instances: document.instances,
            source_series: document.source_series,
            settings: document.settings,
            curve_lps_mm: document.curve_lps_mm,
            segmented,
            display,
            pictures,
        })
    }
}

/// All pictures' grey values, one after the other.
fn deflated_pictures(pictures: &[BundlePicture]) -> io::Result<Vec<u8>> {
    let mut out = DeflateEncoder::new(Vec::new(), Compression::default());
    for picture in pictures {
        out.write_all(&picture.grey)?;
    }
    out.finish()
}

/// The pictures with their grey values, where their sizes are such as a reading makes.
fn with_grey(mut pictures: Vec<BundlePicture>, deflated: &[u8]) -> Result<Vec<BundlePicture>, String> {
    let mut grey = DeflateDecoder::new(deflated);
    for picture in &mut pictures {
        let pixels = picture.rows.saturating_mul(picture.columns);
        if pixels == 0 || pixels > PICTURE_PIXELS_MAX {
            return Err(format!("a picture of {} x {} pixels", picture.rows, picture.columns));
        }
        picture.grey = vec![0; pixels];
        grey.read_exact(&mut picture.grey).map_err(|e| format!("its pictures: {e}"))?;
    }
    Ok(pictures)
}

/// What follows the checksum, where the checksum is right.
fn checked_body(bytes: &[u8]) -> Result<&[u8], String> {
    if bytes.len() < HEAD_BYTES {
        return Err("it ends early".to_owned());
    }
    let rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin as one")?;
    let (digest, body) = rest.split_at(DIGEST_BYTES);
    if Sha256::digest(body).as_slice() != digest {
        return Err("its checksum is wrong".to_owned());
    }
    Ok(body)
}

/// The block, where its sizes are such as a reading makes.
fn checked_block(block: SegmentedBlock) -> Result<SegmentedBlock, String> {
    let slices = block.origins_lps_mm.len();
    let voxels = block.slice_len().saturating_mul(slices);
    if voxels == 0 || voxels > VOXELS_MAX || block.rows > u16::MAX.into() || block.columns > u16::MAX.into() {
        return Err(format!("{slices} slices of {} x {} pixels", block.rows, block.columns));
    }
    Ok(block)
}
