//! What the header of one object says: identity, geometry of its frames, physics, pixel format.
//!
//! An [`InstanceHeader`] is plain data, so that the process that parses DICOM can hand it to one that
//! does not. It holds the patient's identity and stays on the device.

mod frames;
mod physics;
mod values;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use dicom_dictionary_std::tags;
use dicom_encoding::TransferSyntaxIndex;
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use serde::{Deserialize, Serialize};

pub use frames::{FrameGeometry, FrameHeader};
pub use physics::Physics;
use values::{number, text, text_list, whole};

use super::error::{DicomError, Limit, Reason, RefusedFile};
use super::limits::{FRAMES_MAX, SIDE_PIXELS_MAX};
use super::object::{Object, PixelPlace};
use super::syntax;

/// Who and what a study is about. Identity: never leaves the device but in the clinic's own files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyIdentity {
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Accession Number; empty where absent.
    pub accession_number: String,
    /// Study ID; empty where absent.
    pub study_id: String,
    /// Study Date, `YYYYMMDD`; empty where absent.
    pub study_date: String,
    /// Study Time; empty where absent.
    pub study_time: String,
    /// Study Description; empty where absent.
    pub study_description: String,
    /// Referring Physician's Name; empty where absent.
    #[serde(alias = "referring_physician")]
    pub referring_physician_name: String,
    /// Patient ID; empty where absent.
    pub patient_id: String,
    /// Patient's Name; empty where absent.
    pub patient_name: String,
    /// Patient's Birth Date, `YYYYMMDD`; empty where absent.
    pub patient_birth_date: String,
    /// Patient's Sex; empty where absent.
    pub patient_sex: String,
}

impl StudyIdentity {
    /// Every value that must not leave the device.
    #[must_use]
    pub fn identifiers(&self) -> [&str; 8] {
        [
            &self.study_instance_uid,
            &self.accession_number,
            &self.patient_id,
            &self.patient_name,
            &self.patient_birth_date,
            &self.study_id,
            &self.study_description,
            &self.referring_physician_name,
        ]
    }
}

/// How pixels are stored (DICOM PS3.3 C.7.6.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PixelFormat {
    /// Pixels in a column.
    pub rows: usize,
    /// Pixels in a row.
    pub columns: usize,
    /// Samples per Pixel.
    pub samples: u16,
    /// Bits Allocated: 8 or 16 where pixels are read.
    pub bits_allocated: u16,
    /// Bits Stored.
    pub bits_stored: u16,
    /// High Bit.
    pub high_bit: u16,
    /// Whether values are in two's complement.
    pub signed: bool,
    /// Whether small values are bright (MONOCHROME1).
    pub inverted: bool,
    /// Photometric Interpretation.
    pub photometric: String,
    /// First and last value of Pixel Padding Value and its range limit.
    pub padding: Option<(i32, i32)>,
}

impl PixelFormat {
    /// Bytes of one frame, uncompressed.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        self.rows * self.columns * usize::from(self.samples) * usize::from(self.bits_allocated.div_ceil(8))
    }

    /// Whether pixels of this format are read.
    pub(super) fn check(&self) -> Result<(), Reason> {
        let refused = |what: String| Err(Reason::PixelFormat(what));
        if self.samples != 1 || !self.photometric.starts_with("MONOCHROME") {
            return refused("they are not grey".to_owned());
        }
        if !matches!(self.bits_allocated, 8 | 16) {
            return refused(format!("{} bits are allocated for each; 8 and 16 are read", self.bits_allocated));
        }
        if self.bits_stored == 0 || self.high_bit >= self.bits_allocated || self.bits_stored > self.high_bit + 1 {
            return Err(Reason::Malformed("bits stored and high bit don't fit the bits allocated"));
        }
        Ok(())
    }
}

/// What one file says of itself, pixels apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceHeader {
    /// The file.
    pub path: PathBuf,
    /// The study it belongs to, and the patient.
    pub identity: StudyIdentity,
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// SOP Class UID.
    pub sop_class_uid: String,
    /// The same of the file meta information: what there is where an anonymiser took the other away.
    pub media_class_uid: String,
    /// SOP Instance UID. Some exports repeat it from series to series.
    pub sop_instance_uid: String,
    /// Instance Number; used only to break ties.
    pub instance_number: Option<i32>,
    /// Series Number.
    pub series_number: Option<i32>,
    /// Frame of Reference UID.
    pub frame_of_reference_uid: Option<String>,
    /// Modality.
    pub modality: Option<String>,
    /// Transfer Syntax UID, declared or guessed.
    pub transfer_syntax_uid: String,
    /// Whether the pixel data have their full length or, encapsulated, end with their delimiter.
    pub complete: bool,
    /// How the images were acquired.
    pub physics: Physics,
    /// How pixels are stored.
    pub pixels: PixelFormat,
    /// The frames, one for a classic object.
    pub frames: Vec<FrameHeader>,
    /// Why the pixels can't be used although the header is readable; the study reports it.
    pub refused: Option<RefusedFile>,
}

/// Reads the header of one file; the pixels stay where they are.
///
/// A file whose header is whole but whose pixels are cut off, or in a transfer syntax or format that
/// is not read, is no error: [`InstanceHeader::complete`] and [`InstanceHeader::refused`] say so, so
/// that its study can report it.
///
/// # Errors
/// Where the file can't be read, is no DICOM object, has no image, or contradicts itself.
pub fn scan(path: &Path) -> Result<InstanceHeader, DicomError> {
    Object::open(path).and_then(|object| read_header(path, &object)).map_err(|reason| reason.at(path))
}

/// The header of an open object.
pub(super) fn read_header(path: &Path, object: &Object) -> Result<InstanceHeader, Reason> {
    if object.is_directory {
        return Err(Reason::NotAnImage);
    }
    let data = parse(object)?;
    let pixels = pixel_format(&data)?;
    if object.pixels.is_none() {
        return Err(Reason::Truncated("the pixel data"));
    }
    let frame_count = frame_count(&data)?;
    let text_or_empty = |tag| text(&data, tag).unwrap_or_default();
    let mut header = InstanceHeader {
        path: path.to_owned(),
        identity: identity(&data),
        series_instance_uid: text_or_empty(tags::SERIES_INSTANCE_UID),
        sop_class_uid: text_or_empty(tags::SOP_CLASS_UID),
        media_class_uid: object.media_class_uid.clone(),
        sop_instance_uid: text_or_empty(tags::SOP_INSTANCE_UID),
        instance_number: whole(&data, tags::INSTANCE_NUMBER),
        series_number: whole(&data, tags::SERIES_NUMBER),
        frame_of_reference_uid: text(&data, tags::FRAME_OF_REFERENCE_UID),
        modality: text(&data, tags::MODALITY),
        transfer_syntax_uid: object.syntax_uid.clone(),
        complete: is_complete(object, &pixels, frame_count),
        physics: physics::read(&data),
        frames: frames::read(&data, frame_count),
        pixels,
        refused: None,
    };
    header.refused = refusal(&header, object).map(|reason| reason.at(path).into());
    Ok(header)
}

/// Hands the kept elements to dicom-rs. They were walked over first; should the library still
/// panic on something hostile, only this file is lost.
pub(super) fn parse(object: &Object) -> Result<InMemDicomObject, Reason> {
    let syntax =
        TransferSyntaxRegistry.get(object.encoding.uid()).ok_or(Reason::Malformed("its encoding is unknown"))?;
    catch_unwind(AssertUnwindSafe(|| InMemDicomObject::read_dataset_with_ts(object.header.as_slice(), syntax)))
        .map_err(|_| Reason::Parse)?
        .map_err(|_| Reason::Parse)
}

fn identity(data: &InMemDicomObject) -> StudyIdentity {
    let text = |tag| text(data, tag).unwrap_or_default();
    StudyIdentity {
        study_instance_uid: text(tags::STUDY_INSTANCE_UID),
        accession_number: text(tags::ACCESSION_NUMBER),
        study_id: text(tags::STUDY_ID),
        study_date: text(tags::STUDY_DATE),
        study_time: text(tags::STUDY_TIME),
        study_description: text(tags::STUDY_DESCRIPTION),
        referring_physician_name: text(tags::REFERRING_PHYSICIAN_NAME),
        patient_id: text(tags::PATIENT_ID),
        patient_name: text(tags::PATIENT_NAME),
        patient_birth_date: text(tags::PATIENT_BIRTH_DATE),
        patient_sex: text(tags::PATIENT_SEX),
    }
}

fn pixel_format(data: &InMemDicomObject) -> Result<PixelFormat, Reason> {
    let unsigned = |tag| whole(data, tag).and_then(|value| u16::try_from(value).ok());
    let (Some(rows), Some(columns)) = (unsigned(tags::ROWS), unsigned(tags::COLUMNS)) else {
        return Err(Reason::NotAnImage);
    };
    let (rows, columns) = (usize::from(rows), usize::from(columns));
    if rows == 0 || columns == 0 {
        return Err(Reason::Malformed("an image has no rows or no columns"));
    }
    if rows > SIDE_PIXELS_MAX {
        return Err(Limit::Rows(rows as u64).into());
    }
    if columns > SIDE_PIXELS_MAX {
        return Err(Limit::Columns(columns as u64).into());
    }
    let bits_allocated = unsigned(tags::BITS_ALLOCATED).unwrap_or(16);
    let bits_stored = unsigned(tags::BITS_STORED).unwrap_or(bits_allocated);
    let photometric = text(data, tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_else(|| "MONOCHROME2".to_owned());
    let padding = whole(data, tags::PIXEL_PADDING_VALUE).map(|first| {
        let last = whole(data, tags::PIXEL_PADDING_RANGE_LIMIT).unwrap_or(first);
        (first.min(last), first.max(last))
    });
    Ok(PixelFormat {
        rows,
        columns,
        samples: unsigned(tags::SAMPLES_PER_PIXEL).unwrap_or(1),
        bits_allocated,
        bits_stored,
        high_bit: unsigned(tags::HIGH_BIT).unwrap_or(bits_stored.saturating_sub(1)),
        signed: unsigned(tags::PIXEL_REPRESENTATION) == Some(1),
        inverted: photometric == "MONOCHROME1",
        photometric,
        padding,
    })
}

fn frame_count(data: &InMemDicomObject) -> Result<usize, Reason> {
    let declared = number(data, tags::NUMBER_OF_FRAMES).unwrap_or(1.0).max(1.0);
    if declared > FRAMES_MAX as f64 {
        return Err(Limit::Frames(declared as u64).into());
    }
    Ok(declared as usize)
}

fn is_complete(object: &Object, format: &PixelFormat, frame_count: usize) -> bool {
    match &object.pixels {
        None => false,
        Some(PixelPlace::Native { length, present, .. }) => {
            present == length && *present >= (format.frame_bytes() * frame_count) as u64
        }
        Some(PixelPlace::Encapsulated(fragments)) => fragments.delimited && !fragments.spans.is_empty(),
    }
}

/// Why the pixels of an object with a readable header can't be used.
fn refusal(header: &InstanceHeader, object: &Object) -> Option<Reason> {
    let complete = || if header.complete { Ok(()) } else { Err(Reason::Truncated("the pixel data")) };
    syntax::codec(&object.syntax_uid).and_then(|_| header.pixels.check()).and_then(|()| complete()).err()
}

/// The values of Image Type, upper case.
fn image_type(data: &InMemDicomObject) -> Vec<String> {
    text_list(data, tags::IMAGE_TYPE)
}
