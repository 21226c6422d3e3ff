//! Elements and sequences, and how an object becomes a file.

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN;
use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::super::uid_from;

/// Most characters of a decimal string (DICOM PS3.5 6.2, DS).
const DECIMAL_STRING_CHARS_MAX: usize = 16;
/// What a file begins with (PS3.10 7.1).
const PREAMBLE_BYTES: usize = 128;
const MAGIC: [u8; 4] = *b"DICM";
/// Names this writer in the file meta information (DICOM PS3.10 7.1).
const IMPLEMENTATION_VERSION_NAME: &str = "DEEPSPINE";

/// How the data set of a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Explicit VR little endian.
    Plain,
    /// The same, deflated (DICOM PS3.5 A.5): masks take a hundredth of the room, and few archives take it over the wire.
    Deflated,
}

/// The object as a Part 10 file (DICOM PS3.10 7).
pub(super) fn encode_object(
    sop_class_uid: &str,
    sop_instance_uid: &str,
    object: InMemDicomObject,
    packing: Packing,
) -> Result<Vec<u8>, String> {
    let transfer_syntax = match packing {
        Packing::Plain => uids::EXPLICIT_VR_LITTLE_ENDIAN,
        Packing::Deflated => uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    };
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(sop_class_uid)
        .media_storage_sop_instance_uid(sop_instance_uid)
        .transfer_syntax(transfer_syntax)
        .implementation_class_uid(uid_from(IMPLEMENTATION_VERSION_NAME.as_bytes()))
        .implementation_version_name(IMPLEMENTATION_VERSION_NAME)
        .build()
        .map_err(|e| e.to_string())?;
    let mut bytes = [&[0; PREAMBLE_BYTES], MAGIC.as_slice()].concat();
    meta.write(&mut bytes).map_err(|e| e.to_string())?;
    let plain = EXPLICIT_VR_LITTLE_ENDIAN.erased();
    match packing {
        Packing::Plain => object.write_dataset_with_ts(&mut bytes, &plain).map_err(|e| e.to_string())?,
        Packing::Deflated => {
            let before = bytes.len();
            let mut deflating = DeflateEncoder::new(bytes, Compression::default());
            object.write_dataset_with_ts(&mut deflating, &plain).map_err(|e| e.to_string())?;
            bytes = deflating.finish().map_err(|e| e.to_string())?;
            // It is padded to an even length.
            if (bytes.len() - before) % 2 == 1 {
                bytes.push(0);
            }
        }
    }
    Ok(bytes)
}

/// Puts a sequence of `items`.
pub(super) fn put_sequence(object: &mut InMemDicomObject, tag: Tag, items: Vec<InMemDicomObject>) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
}

/// An item of the elements that `fill` puts.
pub(super) fn item(fill: impl FnOnce(&mut InMemDicomObject)) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    fill(&mut item);
    item
}

/// An item that refers to an object (DICOM PS3.3 10.8).
pub(super) fn reference(sop_class_uid: &str, sop_instance_uid: &str) -> InMemDicomObject {
    item(|item| {
        item.put_str(tags::REFERENCED_SOP_CLASS_UID, VR::UI, sop_class_uid);
        item.put_str(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, sop_instance_uid);
    })
}

pub(super) fn put_unless_empty(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: &str) {
    if !value.is_empty() {
        object.put_str(tag, vr, value);
    }
}

pub(super) fn put_unsigned(object: &mut InMemDicomObject, tag: Tag, value: u16) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
}

pub(super) fn decimals(values: &[f64]) -> String {
    values.iter().map(|v| decimal(*v)).collect::<Vec<_>>().join("\\")
}

/// The most exact decimal string of at most 16 characters, without an exponent.
pub(super) fn decimal(value: f64) -> String {
    let shortest = format!("{value}");
    if shortest.len() <= DECIMAL_STRING_CHARS_MAX {
        return shortest;
    }
    let digits = (0..DECIMAL_STRING_CHARS_MAX).rev();
    digits
        .map(|digits| format!("{value:.digits$}"))
        .find(|text| text.len() <= DECIMAL_STRING_CHARS_MAX)
        .unwrap_or_else(|| format!("{value:.7e}"))
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimal_strings_fit_sixteen_characters_and_lose_nothing_that_matters() {
        assert_eq!(decimal(0.46875), "0.46875");
        assert_eq!(decimal(-1.0), "-1");
        for value in [1.0 / 3.0, -0.998_974_123_456_789_1, 1e-17, -123.456_789_012_345_67, 1e300] {
            let text = decimal(value);
            assert!(text.len() <= 16, "{text}");
            let read: f64 = text.parse().unwrap_or(f64::NAN);
            assert!((read - value).abs() <= 1e-9 * value.abs().max(1.0), "{value} became {text}");
        }
    }
}
