//! What every object that is made from a reading says of patient, study, series and the device that made it.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::put::{Packing, item, put_sequence, put_unless_empty, reference};
use crate::dicom::StudyIdentity;

/// The device's name in Manufacturer and Manufacturer's Model Name.
const DEVICE: &str = "deepspine";

/// One object that is made from a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedObject<'a> {
    /// Whose study it joins.
    pub identity: &'a StudyIdentity,
    /// Its SOP Instance UID.
    pub sop_instance_uid: String,
    /// Series Instance UID of its series.
    pub series_instance_uid: String,
    /// Series Number.
    pub series_number: u32,
    /// Series Description.
    pub series_description: &'a str,
    /// When its content was made, UTC: `YYYYMMDD` and `HHMMSS`.
    pub content_date_time: [String; 2],
    /// Software Versions: of the analysis.
    pub software_versions: &'a str,
    /// How its file is packed.
    pub packing: Packing,
    /// Device Serial Number; a reading keeps none, so that this is a word.
    pub device_serial_number: &'a str,
}

/// An object that another was made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Referenced {
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// SOP Class UID.
    pub sop_class_uid: String,
    /// SOP Instance UID.
    pub sop_instance_uid: String,
    /// The frame, 1 first, where it has several.
    pub frame_number: Option<u32>,
}

impl Referenced {
    /// A reference to it, or to its frame (DICOM PS3.3 10.3).
    pub(super) fn to_item(&self) -> InMemDicomObject {
        let mut item = reference(&self.sop_class_uid, &self.sop_instance_uid);
        if let Some(frame) = self.frame_number {
            item.put_str(tags::REFERENCED_FRAME_NUMBER, VR::IS, frame.to_string());
        }
        item
    }
}

impl DerivedObject<'_> {
    /// Patient, study, series, equipment and SOP common modules.
    pub(super) fn put_common(&self, object: &mut InMemDicomObject, sop_class_uid: &str, modality: &str) {
        let identity = self.identity;
        object.put_str(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
        object.put_str(tags::SOP_CLASS_UID, VR::UI, sop_class_uid);
        object.put_str(tags::SOP_INSTANCE_UID, VR::UI, &*self.sop_instance_uid);
        object.put_str(tags::PATIENT_NAME, VR::PN, &*identity.patient_name);
        object.put_str(tags::PATIENT_ID, VR::LO, &*identity.patient_id);
        object.put_str(tags::PATIENT_BIRTH_DATE, VR::DA, &*identity.patient_birth_date);
        object.put_str(tags::PATIENT_SEX, VR::CS, &*identity.patient_sex);
        object.put_str(tags::STUDY_INSTANCE_UID, VR::UI, &*identity.study_instance_uid);
        object.put_str(tags::STUDY_DATE, VR::DA, &*identity.study_date);
        object.put_str(tags::STUDY_TIME, VR::TM, &*identity.study_time);
        object.put_str(tags::REFERRING_PHYSICIAN_NAME, VR::PN, &*identity.referring_physician_name);
        object.put_str(tags::STUDY_ID, VR::SH, &*identity.study_id);
        object.put_str(tags::ACCESSION_NUMBER, VR::SH, &*identity.accession_number);
        put_unless_empty(object, tags::STUDY_DESCRIPTION, VR::LO, &identity.study_description);
        object.put_str(tags::MODALITY, VR::CS, modality);
        object.put_str(tags::SERIES_INSTANCE_UID, VR::UI, &*self.series_instance_uid);
        object.put_str(tags::SERIES_NUMBER, VR::IS, self.series_number.to_string());
        object.put_str(tags::SERIES_DESCRIPTION, VR::LO, self.series_description);
        object.put_str(tags::INSTANCE_NUMBER, VR::IS, "1");
        object.put_str(tags::MANUFACTURER, VR::LO, DEVICE);
        object.put_str(tags::MANUFACTURER_MODEL_NAME, VR::LO, DEVICE);
        object.put_str(tags::DEVICE_SERIAL_NUMBER, VR::LO, self.device_serial_number);
        object.put_str(tags::SOFTWARE_VERSIONS, VR::LO, self.software_versions);
        let [date, time] = &self.content_date_time;
        object.put_str(tags::CONTENT_DATE, VR::DA, &**date);
        object.put_str(tags::CONTENT_TIME, VR::TM, &**time);
        object.put_str(tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, "+0000");
    }
}

/// Items of a sequence of series, each with its instances, once each (DICOM PS3.3 10.3, C.12.4).
pub(super) fn by_series(referenced: &[Referenced], instances: dicom_core::Tag) -> Vec<InMemDicomObject> {
    let mut sorted: Vec<&Referenced> = referenced.iter().collect();
    sorted.sort();
    sorted.dedup_by(|a, b| a.sop_instance_uid == b.sop_instance_uid && a.series_instance_uid == b.series_instance_uid);
    let of_series = sorted.chunk_by(|a, b| a.series_instance_uid == b.series_instance_uid);
    of_series
        .map(|chunk| {
            item(|item| {
                item.put_str(tags::SERIES_INSTANCE_UID, VR::UI, &*chunk[0].series_instance_uid);
                let references = chunk.iter().map(|r| reference(&r.sop_class_uid, &r.sop_instance_uid)).collect();
                put_sequence(item, instances, references);
            })
        })
        .collect()
}
