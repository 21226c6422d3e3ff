//! Segmentations: binary frames, one for each segment on each slice that shows it (DICOM PS3.3 A.51).

use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::super::uid_from;
use super::code::Code;
use super::derived::{DerivedObject, Referenced, by_series};
use super::put::{decimal, decimals, encode_object, item, put_sequence, put_unless_empty, put_unsigned};
use crate::spine::Vec3;

/// What is segmented (DICOM PS3.16 CID 7150).
const ANATOMICAL_STRUCTURE: Code = Code::snomed("91723000", "Anatomical Structure");
const SEGMENTATION: Code = Code::dicom("113076", "Segmentation");
const SOURCE_IMAGE: Code = Code::dicom("121322", "Source image for image processing operation");

/// Frames take no more than this; a segmentation that would is not written.
pub const FRAMES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Segment Label, at most 64 characters.
    pub label: String,
    /// What it is a segment of (PS3.16 CID 7151).
    pub property: Code,
    /// Recommended Display CIELab Value (PS3.3 C.10.7.1.1).
    pub cielab: [u16; 3],
}

/// A segmentation of a block of parallel slices.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation<'a> {
    /// Patient, study, series, device.
    pub object: DerivedObject<'a>,
    /// Frame of Reference UID of the slices; empty where they have none.
    pub frame_of_reference_uid: &'a str,
    /// The algorithm's name and version.
    pub algorithm: String,
    /// The segments; the first is number 1.
    pub segments: Vec<Segment>,
    /// Pixels in a column.
    pub rows: u16,
    /// Pixels in a row.
    pub columns: u16,
    /// Distance between rows and between columns, mm.
    pub pixel_spacing_mm: [f64; 2],
    /// Distance between slices, mm.
    pub slice_spacing_mm: f64,
    /// Directions in which column and row index grow, LPS.
    pub directions_lps: [Vec3; 2],
    /// Each slice.
    pub slices: Vec<SegmentedSlice>,
}

/// A slice that was segmented.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentedSlice {
    /// Centre of its first pixel, LPS mm.
    pub origin_lps_mm: Vec3,
    /// The image that it is.
    pub source: Referenced,
}

/// One frame: a segment on a slice, both counted from 0.
struct Frame {
    segment: usize,
    slice: usize,
}

/// The segmentation as a file; `None` where nothing is segmented, or the frames would take more than
/// [`FRAMES_BYTES_MAX`]. `next_slice` puts, for each slice in turn, the number of the segment of each pixel into the
/// vector, 0 for none.
///
/// # Errors
/// What `next_slice` or the encoder says.
pub fn encode<E: ToString>(
    segmentation: &Segmentation<'_>,
    mut next_slice: impl FnMut(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Option<Vec<u8>>, String> {
    let mut frames = Vec::new();
    let (mut bits, mut numbers) = (Bits::default(), Vec::new());
    for slice in 0..segmentation.slices.len() {
        next_slice(&mut numbers).map_err(|e| e.to_string())?;
        let mut shown = [false; 256];
        numbers.iter().for_each(|n| shown[usize::from(*n)] = true);
        for segment in (0..segmentation.segments.len()).filter(|s| shown.get(s + 1).copied().unwrap_or(false)) {
            frames.push(Frame { segment, slice });
            numbers.iter().for_each(|n| bits.push(usize::from(*n) == segment + 1));
            if bits.bytes.len() > FRAMES_BYTES_MAX {
                return Ok(None);
            }
        }
    }
    if frames.is_empty() {
        return Ok(None);
    }
    let mut object = InMemDicomObject::new_empty();
    segmentation.object.put_common(&mut object, uids::SEGMENTATION_STORAGE, "SEG");
    put_image(&mut object, segmentation, frames.len());
    put_segments(&mut object, segmentation);
    put_dimensions(&mut object, &segmentation.object.sop_instance_uid);
    put_sequence(&mut object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared(segmentation)]);
    let per_frame = frames.iter().map(|frame| of_frame(segmentation, frame)).collect();
    put_sequence(&mut object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, per_frame);
    let sources: Vec<Referenced> = segmentation.slices.iter().map(|s| s.source.clone()).collect();
    let series = by_series(&sources, tags::REFERENCED_INSTANCE_SEQUENCE);
    put_sequence(&mut object, tags::REFERENCED_SERIES_SEQUENCE, series);
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bits.finish().into())));
    encode_object(
        uids::SEGMENTATION_STORAGE,
        &segmentation.object.sop_instance_uid,
        object,
        segmentation.object.packing,
    )
    .map(Some)
}

/// Image pixel, frame of reference and segmentation image modules (PS3.3 C.8.20.2).
fn put_image(object: &mut InMemDicomObject, segmentation: &Segmentation<'_>, frames: usize) {
    put_unless_empty(object, tags::FRAME_OF_REFERENCE_UID, VR::UI, segmentation.frame_of_reference_uid);
    object.put_str(tags::BODY_PART_EXAMINED, VR::CS, "LSPINE");
    object.put_str(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "");
    object.put_str(tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY");
    object.put_str(tags::CONTENT_LABEL, VR::CS, "LUMBAR_SPINE");
    object.put_str(tags::CONTENT_DESCRIPTION, VR::LO, "Vertebrae, discs and canal. Not for diagnosis.");
    object.put_str(tags::CONTENT_CREATOR_NAME, VR::PN, "deepspine");
    object.put_str(tags::NUMBER_OF_FRAMES, VR::IS, frames.to_string());
    put_unsigned(object, tags::SAMPLES_PER_PIXEL, 1);
    object.put_str(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    put_unsigned(object, tags::ROWS, segmentation.rows);
    put_unsigned(object, tags::COLUMNS, segmentation.columns);
    put_unsigned(object, tags::BITS_ALLOCATED, 1);
    put_unsigned(object, tags::BITS_STORED, 1);
    put_unsigned(object, tags::HIGH_BIT, 0);
    put_unsigned(object, tags::PIXEL_REPRESENTATION, 0);
    object.put_str(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
    object.put_str(tags::SEGMENTATION_TYPE, VR::CS, "BINARY");
    object.put_str(tags::SEGMENTS_OVERLAP, VR::CS, "NO");
}

fn put_segments(object: &mut InMemDicomObject, segmentation: &Segmentation<'_>) {
    let items = segmentation.segments.iter().enumerate().map(|(k, segment)| {
        item(|item| {
            put_unsigned(item, tags::SEGMENT_NUMBER, k as u16 + 1);
            item.put_str(tags::SEGMENT_LABEL, VR::LO, &*segment.label);
            item.put_str(tags::SEGMENT_ALGORITHM_TYPE, VR::CS, "AUTOMATIC");
            item.put_str(tags::SEGMENT_ALGORITHM_NAME, VR::LO, &*segmentation.algorithm);
            ANATOMICAL_STRUCTURE.put(item, tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE);
            segment.property.put(item, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE);
            let lab = PrimitiveValue::U16(segment.cielab.as_slice().into());
            item.put(DataElement::new(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, VR::US, lab));
        })
    });
    put_sequence(object, tags::SEGMENT_SEQUENCE, items.collect());
}

/// Frames are sorted by segment, then by place (PS3.3 C.7.6.17).
fn put_dimensions(object: &mut InMemDicomObject, sop_instance_uid: &str) {
    let organization = uid_from(format!("dimensions of {sop_instance_uid}").as_bytes());
    let index = |pointer: Tag, group: Tag, label: &str| {
        item(|item| {
            item.put_str(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &*organization);
            put_tag(item, tags::DIMENSION_INDEX_POINTER, pointer);
            put_tag(item, tags::FUNCTIONAL_GROUP_POINTER, group);
            item.put_str(tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, label);
        })
    };
    let by_segment = index(tags::REFERENCED_SEGMENT_NUMBER, tags::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment");
    let by_place = index(tags::IMAGE_POSITION_PATIENT, tags::PLANE_POSITION_SEQUENCE, "Slice");
    put_sequence(object, tags::DIMENSION_INDEX_SEQUENCE, vec![by_segment, by_place]);
    let uid = item(|item| {
        item.put_str(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &*organization);
    });
    put_sequence(object, tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![uid]);
}

fn put_tag(object: &mut InMemDicomObject, tag: Tag, value: Tag) {
    object.put(DataElement::new(tag, VR::AT, PrimitiveValue::Tags([value].as_slice().into())));
}

/// What all frames have in common.
fn shared(segmentation: &Segmentation<'_>) -> InMemDicomObject {
    item(|groups| {
        let measures = item(|item| {
            item.put_str(tags::SLICE_THICKNESS, VR::DS, decimal(segmentation.slice_spacing_mm));
            item.put_str(tags::SPACING_BETWEEN_SLICES, VR::DS, decimal(segmentation.slice_spacing_mm));
            item.put_str(tags::PIXEL_SPACING, VR::DS, decimals(&segmentation.pixel_spacing_mm));
        });
        put_sequence(groups, tags::PIXEL_MEASURES_SEQUENCE, vec![measures]);
        let orientation = item(|item| {
            let [[rx, ry, rz], [cx, cy, cz]] = segmentation.directions_lps;
            item.put_str(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, decimals(&[rx, ry, rz, cx, cy, cz]));
        });
        put_sequence(groups, tags::PLANE_ORIENTATION_SEQUENCE, vec![orientation]);
    })
}

fn of_frame(segmentation: &Segmentation<'_>, frame: &Frame) -> InMemDicomObject {
    item(|groups| {
        let content = item(|item| {
            let indices = [frame.segment as u32 + 1, frame.slice as u32 + 1];
            let values = PrimitiveValue::U32(indices.as_slice().into());
            item.put(DataElement::new(tags::DIMENSION_INDEX_VALUES, VR::UL, values));
        });
        put_sequence(groups, tags::FRAME_CONTENT_SEQUENCE, vec![content]);
        let identified = item(|item| put_unsigned(item, tags::REFERENCED_SEGMENT_NUMBER, frame.segment as u16 + 1));
        put_sequence(groups, tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![identified]);
        let Some(slice) = segmentation.slices.get(frame.slice) else { return };
        let position = item(|item| {
            item.put_str(tags::IMAGE_POSITION_PATIENT, VR::DS, decimals(&slice.origin_lps_mm));
        });
        put_sequence(groups, tags::PLANE_POSITION_SEQUENCE, vec![position]);
        let derivation = item(|item| {
            let mut source = slice.source.to_item();
            SOURCE_IMAGE.put(&mut source, tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE);
            put_sequence(item, tags::SOURCE_IMAGE_SEQUENCE, vec![source]);
            SEGMENTATION.put(item, tags::DERIVATION_CODE_SEQUENCE);
        });
        put_sequence(groups, tags::DERIVATION_IMAGE_SEQUENCE, vec![derivation]);
    })
}

/// Bits, the first the lowest of its byte; frames follow each other without a gap (PS3.5 8.1.1).
#[derive(Debug, Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.count.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (self.count % 8);
        }
        self.count += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        if !self.bytes.len().is_multiple_of(2) {
            self.bytes.push(0);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn bits_fill_bytes_from_the_lowest_and_run_on_across_frames() {
        let mut bits = Bits::default();
        for bit in [true, false, false, false, false, false, false, false, false, true, true] {
            bits.push(bit);
        }
        assert_eq!(bits.finish(), [0b1, 0b110]);
    }
}
