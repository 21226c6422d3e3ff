//! How an image was acquired, from classic attributes (DICOM PS3.3 C.8.3.1) or the functional groups
//! of enhanced objects (C.8.13.5).

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use serde::{Deserialize, Serialize};

use super::values::{first_item, number, text, text_list};

/// Physics and description of an acquisition; what the header lacks is absent here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Physics {
    /// Image Type, upper case.
    pub image_type: Vec<String>,
    /// Scanning Sequence, upper case: `SE`, `GR`, `IR`, …; of enhanced objects derived from Echo Pulse Sequence.
    pub scanning_sequence: Vec<String>,
    /// Sequence Variant, upper case.
    pub sequence_variant: Vec<String>,
    /// Scan Options, upper case.
    pub scan_options: Vec<String>,
    /// Sequence Name, upper case.
    pub sequence_name: String,
    /// Series Description. May hold identity: stays on the device.
    pub series_description: String,
    /// Protocol Name. May hold identity: stays on the device.
    pub protocol_name: String,
    /// Acquisition Contrast of enhanced objects, upper case: `T1`, `T2`, `STIR`, ….
    pub acquisition_contrast: String,
    /// Repetition Time, ms.
    pub repetition_time_ms: Option<f64>,
    /// Echo Time, ms.
    pub echo_time_ms: Option<f64>,
    /// Inversion Time, ms.
    pub inversion_time_ms: Option<f64>,
    /// Flip Angle, degrees.
    pub flip_angle_deg: Option<f64>,
    /// Magnetic Field Strength, tesla.
    pub field_strength_t: Option<f64>,
    /// Slice Thickness, mm.
    pub slice_thickness_mm: Option<f64>,
    /// Whether the header says that fat was suppressed by its spectrum.
    pub fat_suppressed: bool,
}

/// Reads the physics of an object; of an enhanced one, from its shared groups and its first frame.
pub(super) fn read(data: &InMemDicomObject) -> Physics {
    let groups = Groups {
        shared: first_item(data, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE),
        first_frame: first_item(data, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE),
    };
    let scan_options = text_list(data, tags::SCAN_OPTIONS);
    let suppression = groups.text(tags::MR_MODIFIER_SEQUENCE, tags::SPECTRALLY_SELECTED_SUPPRESSION);
    let fat_options = ["FS", "FAT_SAT", "FATSAT", "SPIR", "SPAIR"];
    Physics {
        image_type: super::image_type(data),
        scanning_sequence: scanning_sequence(data, &groups),
        sequence_variant: text_list(data, tags::SEQUENCE_VARIANT),
        fat_suppressed: scan_options.iter().any(|option| fat_options.contains(&option.as_str()))
            || suppression.is_some_and(|kind| kind.contains("FAT")),
        scan_options,
        sequence_name: text(data, tags::SEQUENCE_NAME).unwrap_or_default().to_uppercase(),
        series_description: text(data, tags::SERIES_DESCRIPTION).unwrap_or_default(),
        protocol_name: text(data, tags::PROTOCOL_NAME).unwrap_or_default(),
        acquisition_contrast: text(data, tags::ACQUISITION_CONTRAST)
            .or_else(|| groups.text(tags::MR_IMAGE_FRAME_TYPE_SEQUENCE, tags::ACQUISITION_CONTRAST))
            .unwrap_or_default()
            .to_uppercase(),
        repetition_time_ms: groups.number(
            data,
            tags::MR_TIMING_AND_RELATED_PARAMETERS_SEQUENCE,
            tags::REPETITION_TIME,
            tags::REPETITION_TIME,
        ),
        echo_time_ms: groups.number(data, tags::MR_ECHO_SEQUENCE, tags::EFFECTIVE_ECHO_TIME, tags::ECHO_TIME),
        inversion_time_ms: groups.number(data, tags::MR_MODIFIER_SEQUENCE, tags::INVERSION_TIMES, tags::INVERSION_TIME),
        flip_angle_deg: groups.number(
            data,
            tags::MR_TIMING_AND_RELATED_PARAMETERS_SEQUENCE,
            tags::FLIP_ANGLE,
            tags::FLIP_ANGLE,
        ),
        field_strength_t: number(data, tags::MAGNETIC_FIELD_STRENGTH).filter(|tesla| *tesla > 0.0),
        slice_thickness_mm: groups.number(
            data,
            tags::PIXEL_MEASURES_SEQUENCE,
            tags::SLICE_THICKNESS,
            tags::SLICE_THICKNESS,
        ),
    }
}

/// The functional groups of an enhanced object, shared and of its first frame.
struct Groups<'a> {
    shared: Option<&'a InMemDicomObject>,
    first_frame: Option<&'a InMemDicomObject>,
}

impl<'a> Groups<'a> {
    fn item(&self, group: Tag) -> Option<&'a InMemDicomObject> {
        let in_frame = self.first_frame.and_then(|frame| first_item(frame, group));
        in_frame.or_else(|| self.shared.and_then(|shared| first_item(shared, group)))
    }

    fn text(&self, group: Tag, tag: Tag) -> Option<String> {
        text(self.item(group)?, tag)
    }

    /// A positive number: `tag` of `group`, else the classic attribute.
    fn number(&self, data: &InMemDicomObject, group: Tag, tag: Tag, classic: Tag) -> Option<f64> {
        let value = self.item(group).and_then(|item| number(item, tag)).or_else(|| number(data, classic));
        value.filter(|value| *value > 0.0)
    }
}

fn scanning_sequence(data: &InMemDicomObject, groups: &Groups<'_>) -> Vec<String> {
    let classic = text_list(data, tags::SCANNING_SEQUENCE);
    if !classic.is_empty() {
        return classic;
    }
    let mut sequence = Vec::new();
    match text(data, tags::ECHO_PULSE_SEQUENCE).as_deref() {
        Some("SPIN") => sequence.push("SE".to_owned()),
        Some("GRADIENT") => sequence.push("GR".to_owned()),
        Some("BOTH") => sequence.extend(["SE".to_owned(), "GR".to_owned()]),
        _ => {}
    }
    if groups.text(tags::MR_MODIFIER_SEQUENCE, tags::INVERSION_RECOVERY).as_deref() == Some("YES") {
        sequence.push("IR".to_owned());
    }
    sequence
}
