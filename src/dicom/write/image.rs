//! MR images: one object is one slice, MONOCHROME2, 16 bits allocated, 12 stored, with the modules that the MR Image
//! IOD asks for (DICOM PS3.3 A.4.3).

use std::fs;
use std::path::{Path, PathBuf};

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::put::{Packing, decimal, decimals, encode_object, put_unless_empty, put_unsigned};
use crate::spine::Vec3;

/// Bits in which a pixel is stored.
const BITS_STORED: u16 = 12;
/// Largest pixel value that can be written.
pub const STORED_MAX: u16 = (1 << BITS_STORED) - 1;

/// What the objects of one study have in common: patient, study, equipment.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyToWrite {
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Frame of Reference UID, one for all series: they are aligned to each other.
    pub frame_of_reference_uid: String,
    /// Study ID, at most 16 characters.
    pub study_id: String,
    /// Accession Number, at most 16 characters.
    pub accession_number: String,
    /// Study, series, acquisition and content date, `YYYYMMDD`.
    pub date: String,
    /// Study, series, acquisition and content time, `HHMMSS`.
    pub time: String,
    /// Study Description.
    pub description: String,
    /// Patient's Name, components separated by `^`.
    pub patient_name: String,
    /// Patient ID.
    pub patient_id: String,
    /// Patient's Birth Date, `YYYYMMDD`; may be empty.
    pub patient_birth_date: String,
    /// Patient's Sex: `F`, `M`, `O` or empty.
    pub patient_sex: String,
    /// Manufacturer.
    pub manufacturer: String,
    /// Manufacturer's Model Name.
    pub model_name: String,
    /// Software Versions.
    pub software_versions: String,
    /// Station Name, at most 16 characters.
    pub station_name: String,
    /// Magnetic Field Strength, tesla.
    pub field_strength_t: f64,
}

/// What the objects of one series have in common: how it was acquired.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesToWrite {
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// Series Number.
    pub number: u32,
    /// Series Description; may be empty.
    pub description: String,
    /// Protocol Name; may be empty.
    pub protocol_name: String,
    /// Image Type from its third value on, such as `OTHER`; `ORIGINAL\PRIMARY` goes before it. A
    /// localizer has `["OTHER", "LOCALIZER"]` here, or whatever its vendor would write.
    pub image_type_tail: Vec<String>,
    /// Scanning Sequence: `SE`, `GR`, `IR`, `EP`, `RM`, several separated by `\`.
    pub scanning_sequence: String,
    /// Sequence Variant: `SK`, `SP`, `SS`, `OSP`, `MP`, … or `NONE`, several separated by `\`.
    pub sequence_variant: String,
    /// Scan Options, such as `FS`; may be empty.
    pub scan_options: String,
    /// Sequence Name; may be empty, at most 16 characters.
    pub sequence_name: String,
    /// MR Acquisition Type: whether slices come from a volume (`3D`) or one by one (`2D`).
    pub acquisition_3d: bool,
    /// Repetition Time, ms.
    pub repetition_time_ms: f64,
    /// Echo Time, ms.
    pub echo_time_ms: f64,
    /// Inversion Time, ms, for inversion recovery.
    pub inversion_time_ms: Option<f64>,
    /// Flip Angle, degrees.
    pub flip_angle_deg: f64,
    /// Echo Train Length.
    pub echo_train_length: u32,
    /// Slice Thickness, mm.
    pub slice_thickness_mm: f64,
    /// Spacing Between Slices, centre to centre, mm; `None` for planes that are not parallel.
    pub slice_spacing_mm: Option<f64>,
}

/// One slice, to be written as one object.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceToWrite<'a> {
    /// Its study.
    pub study: &'a StudyToWrite,
    /// Its series.
    pub series: &'a SeriesToWrite,
    /// SOP Instance UID.
    pub sop_instance_uid: String,
    /// Instance Number.
    pub number: u32,
    /// Pixels in a column.
    pub rows: u16,
    /// Pixels in a row.
    pub columns: u16,
    /// Distance between the centres of neighbouring rows, mm.
    pub row_spacing_mm: f64,
    /// Distance between the centres of neighbouring columns, mm.
    pub column_spacing_mm: f64,
    /// Centre of the first pixel, LPS mm.
    pub origin_lps_mm: Vec3,
    /// Unit direction in which the column index grows, LPS.
    pub row_direction_lps: Vec3,
    /// Unit direction in which the row index grows, LPS.
    pub column_direction_lps: Vec3,
    /// `rows * columns` values of at most [`STORED_MAX`], row by row.
    pub pixels: &'a [u16],
    /// Window Center and Width; none where absent.
    pub window: Option<(f64, f64)>,
}

/// Why an object was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The number of pixels is not rows times columns.
    #[error("{path}: {found} pixels given where {rows} x {columns} are needed")]
    PixelCount {
        /// The file that was to be written.
        path: PathBuf,
        /// Rows.
        rows: u16,
        /// Columns.
        columns: u16,
        /// Pixels given.
        found: usize,
    },
    /// A pixel does not fit into the bits stored.
    #[error("{path}: pixel value {found} is above {STORED_MAX}, the largest of 12 bits; scale the image down")]
    PixelValue {
        /// The file that was to be written.
        path: PathBuf,
        /// The value.
        found: u16,
    },
    /// The object could not be encoded.
    #[error("{path}: could not be encoded as DICOM: {reason}")]
    Encode {
        /// The file that was to be written.
        path: PathBuf,
        /// What the encoder said.
        reason: String,
    },
    /// The file could not be written.
    #[error("{path}: could not be written: {source}; check the folder's permissions and free space")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Writes one slice as a Part 10 file (DICOM PS3.10 7), under a temporary name first, so that a
/// watcher of the folder never sees half of it under its own name.
///
/// # Errors
/// Where the pixels don't fit the geometry or the bits stored, or the file can't be written.
pub fn write_instance(path: &Path, instance: &InstanceToWrite<'_>) -> Result<(), WriteError> {
    let bytes = encode(path, instance)?;
    let temporary = path.with_extension("part");
    let io = |source| WriteError::Io { path: path.to_owned(), source };
    fs::write(&temporary, bytes).map_err(io)?;
    fs::rename(&temporary, path).map_err(io)
}

fn encode(path: &Path, instance: &InstanceToWrite<'_>) -> Result<Vec<u8>, WriteError> {
    if instance.pixels.len() != usize::from(instance.rows) * usize::from(instance.columns) {
        return Err(WriteError::PixelCount {
            path: path.to_owned(),
            rows: instance.rows,
            columns: instance.columns,
            found: instance.pixels.len(),
        });
    }
    if let Some(found) = instance.pixels.iter().copied().find(|p| *p > STORED_MAX) {
        return Err(WriteError::PixelValue { path: path.to_owned(), found });
    }
    encode_object(uids::MR_IMAGE_STORAGE, &instance.sop_instance_uid, data_set(instance), Packing::Plain)
        .map_err(|reason| WriteError::Encode { path: path.to_owned(), reason })
}

fn data_set(instance: &InstanceToWrite<'_>) -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    put_patient_and_study(&mut object, instance.study);
    put_series_and_equipment(&mut object, instance.study, instance.series);
    put_acquisition(&mut object, instance.study, instance.series);
    put_image(&mut object, instance);
    object
}

fn put_patient_and_study(object: &mut InMemDicomObject, study: &StudyToWrite) {
    object.put_str(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    object.put_str(tags::PATIENT_NAME, VR::PN, &*study.patient_name);
    object.put_str(tags::PATIENT_ID, VR::LO, &*study.patient_id);
    object.put_str(tags::PATIENT_BIRTH_DATE, VR::DA, &*study.patient_birth_date);
    object.put_str(tags::PATIENT_SEX, VR::CS, &*study.patient_sex);
    object.put_str(tags::STUDY_INSTANCE_UID, VR::UI, &*study.study_instance_uid);
    object.put_str(tags::STUDY_DATE, VR::DA, &*study.date);
    object.put_str(tags::STUDY_TIME, VR::TM, &*study.time);
    object.put_str(tags::REFERRING_PHYSICIAN_NAME, VR::PN, "");
    object.put_str(tags::STUDY_ID, VR::SH, &*study.study_id);
    object.put_str(tags::ACCESSION_NUMBER, VR::SH, &*study.accession_number);
    put_unless_empty(object, tags::STUDY_DESCRIPTION, VR::LO, &study.description);
}

fn put_series_and_equipment(object: &mut InMemDicomObject, study: &StudyToWrite, series: &SeriesToWrite) {
    object.put_str(tags::MODALITY, VR::CS, "MR");
    object.put_str(tags::SERIES_INSTANCE_UID, VR::UI, &*series.series_instance_uid);
    object.put_str(tags::SERIES_NUMBER, VR::IS, series.number.to_string());
    object.put_str(tags::SERIES_DATE, VR::DA, &*study.date);
    object.put_str(tags::SERIES_TIME, VR::TM, &*study.time);
    put_unless_empty(object, tags::SERIES_DESCRIPTION, VR::LO, &series.description);
    put_unless_empty(object, tags::PROTOCOL_NAME, VR::LO, &series.protocol_name);
    object.put_str(tags::BODY_PART_EXAMINED, VR::CS, "LSPINE");
    object.put_str(tags::PATIENT_POSITION, VR::CS, "HFS");
    object.put_str(tags::FRAME_OF_REFERENCE_UID, VR::UI, &*study.frame_of_reference_uid);
    object.put_str(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "");
    object.put_str(tags::MANUFACTURER, VR::LO, &*study.manufacturer);
    put_unless_empty(object, tags::MANUFACTURER_MODEL_NAME, VR::LO, &study.model_name);
    put_unless_empty(object, tags::SOFTWARE_VERSIONS, VR::LO, &study.software_versions);
    put_unless_empty(object, tags::STATION_NAME, VR::SH, &study.station_name);
}

fn put_acquisition(object: &mut InMemDicomObject, study: &StudyToWrite, series: &SeriesToWrite) {
    let mut image_type = String::from("ORIGINAL\\PRIMARY");
    for value in &series.image_type_tail {
        image_type.push('\\');
        image_type.push_str(value);
    }
    object.put_str(tags::IMAGE_TYPE, VR::CS, image_type);
    object.put_str(tags::ACQUISITION_DATE, VR::DA, &*study.date);
    object.put_str(tags::ACQUISITION_TIME, VR::TM, &*study.time);
    object.put_str(tags::CONTENT_DATE, VR::DA, &*study.date);
    object.put_str(tags::CONTENT_TIME, VR::TM, &*study.time);
    object.put_str(tags::SCANNING_SEQUENCE, VR::CS, &*series.scanning_sequence);
    object.put_str(tags::SEQUENCE_VARIANT, VR::CS, &*series.sequence_variant);
    object.put_str(tags::SCAN_OPTIONS, VR::CS, &*series.scan_options);
    put_unless_empty(object, tags::SEQUENCE_NAME, VR::SH, &series.sequence_name);
    object.put_str(tags::MR_ACQUISITION_TYPE, VR::CS, if series.acquisition_3d { "3D" } else { "2D" });
    object.put_str(tags::REPETITION_TIME, VR::DS, decimal(series.repetition_time_ms));
    object.put_str(tags::ECHO_TIME, VR::DS, decimal(series.echo_time_ms));
    if let Some(inversion_time_ms) = series.inversion_time_ms {
        object.put_str(tags::INVERSION_TIME, VR::DS, decimal(inversion_time_ms));
    }
    object.put_str(tags::FLIP_ANGLE, VR::DS, decimal(series.flip_angle_deg));
    object.put_str(tags::ECHO_TRAIN_LENGTH, VR::IS, series.echo_train_length.to_string());
    object.put_str(tags::MAGNETIC_FIELD_STRENGTH, VR::DS, decimal(study.field_strength_t));
    object.put_str(tags::SLICE_THICKNESS, VR::DS, decimal(series.slice_thickness_mm));
    if let Some(slice_spacing_mm) = series.slice_spacing_mm {
        object.put_str(tags::SPACING_BETWEEN_SLICES, VR::DS, decimal(slice_spacing_mm));
    }
}

fn put_image(object: &mut InMemDicomObject, instance: &InstanceToWrite<'_>) {
    object.put_str(tags::SOP_CLASS_UID, VR::UI, uids::MR_IMAGE_STORAGE);
    object.put_str(tags::SOP_INSTANCE_UID, VR::UI, &*instance.sop_instance_uid);
    object.put_str(tags::INSTANCE_NUMBER, VR::IS, instance.number.to_string());
    object.put_str(tags::PIXEL_SPACING, VR::DS, decimals(&[instance.row_spacing_mm, instance.column_spacing_mm]));
    object.put_str(tags::IMAGE_POSITION_PATIENT, VR::DS, decimals(&instance.origin_lps_mm));
    let [rx, ry, rz] = instance.row_direction_lps;
    let [cx, cy, cz] = instance.column_direction_lps;
    object.put_str(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, decimals(&[rx, ry, rz, cx, cy, cz]));
    object.put_str(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    put_unsigned(object, tags::SAMPLES_PER_PIXEL, 1);
    put_unsigned(object, tags::ROWS, instance.rows);
    put_unsigned(object, tags::COLUMNS, instance.columns);
    put_unsigned(object, tags::BITS_ALLOCATED, 16);
    put_unsigned(object, tags::BITS_STORED, BITS_STORED);
    put_unsigned(object, tags::HIGH_BIT, BITS_STORED - 1);
    put_unsigned(object, tags::PIXEL_REPRESENTATION, 0);
    if let Some((center, width)) = instance.window {
        object.put_str(tags::WINDOW_CENTER, VR::DS, decimal(center));
        object.put_str(tags::WINDOW_WIDTH, VR::DS, decimal(width));
    }
    let pixels = PrimitiveValue::U16(instance.pixels.into());
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OW, pixels));
}
