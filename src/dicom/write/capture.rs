//! Secondary captures: a picture in colour (DICOM PS3.3 A.8).

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::derived::{DerivedObject, Referenced};
use super::put::{encode_object, put_sequence, put_unsigned};

/// A picture to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondaryCapture<'a> {
    /// Patient, study, series, device.
    pub object: DerivedObject<'a>,
    /// Pixels in a column.
    pub rows: u16,
    /// Pixels in a row.
    pub columns: u16,
    /// Red, green and blue of each pixel, row by row.
    pub rgb: Vec<u8>,
    /// The images that it was drawn from.
    pub sources: Vec<Referenced>,
}

/// The picture as a file.
///
/// # Errors
/// Where the pixels are not as many as rows and columns say, or what the encoder says.
pub fn encode(capture: SecondaryCapture<'_>) -> Result<Vec<u8>, String> {
    let wanted = usize::from(capture.rows) * usize::from(capture.columns) * 3;
    if capture.rgb.len() != wanted {
        return Err(format!("{} bytes of pixels where {wanted} are needed", capture.rgb.len()));
    }
    let mut object = InMemDicomObject::new_empty();
    capture.object.put_common(&mut object, uids::SECONDARY_CAPTURE_IMAGE_STORAGE, "OT");
    object.put_str(tags::BODY_PART_EXAMINED, VR::CS, "LSPINE");
    object.put_str(tags::CONVERSION_TYPE, VR::CS, "WSD");
    object.put_str(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY");
    object.put_str(tags::PATIENT_ORIENTATION, VR::CS, "");
    // Nothing that names the patient is drawn.
    object.put_str(tags::BURNED_IN_ANNOTATION, VR::CS, "NO");
    object.put_str(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
    if !capture.sources.is_empty() {
        let sources = capture.sources.iter().map(Referenced::to_item).collect();
        put_sequence(&mut object, tags::SOURCE_IMAGE_SEQUENCE, sources);
    }
    put_unsigned(&mut object, tags::SAMPLES_PER_PIXEL, 3);
    object.put_str(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB");
    put_unsigned(&mut object, tags::PLANAR_CONFIGURATION, 0);
    put_unsigned(&mut object, tags::ROWS, capture.rows);
    put_unsigned(&mut object, tags::COLUMNS, capture.columns);
    put_unsigned(&mut object, tags::BITS_ALLOCATED, 8);
    put_unsigned(&mut object, tags::BITS_STORED, 8);
    put_unsigned(&mut object, tags::HIGH_BIT, 7);
    put_unsigned(&mut object, tags::PIXEL_REPRESENTATION, 0);
    let mut pixels = capture.rgb;
    // A value has an even length (PS3.5 7.1.1).
    if pixels.len() % 2 == 1 {
        pixels.push(0);
    }
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(pixels.into())));
    encode_object(
        uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
        &capture.object.sop_instance_uid,
        object,
        capture.object.packing,
    )
}
