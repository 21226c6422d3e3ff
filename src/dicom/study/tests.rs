//! Objects made in memory, written in every encoding and read back.

use std::path::Path;

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::TransferSyntaxIndex;
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::*;
use crate::dicom::{Plane, read_frame, scan, uid_from};
use crate::spine::Vec3;

const ROWS: u16 = 4;
const COLUMNS: u16 = 3;

fn item(elements: Vec<(Tag, VR, &str)>) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    for (tag, vr, value) in elements {
        item.put_str(tag, vr, value);
    }
    item
}

fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::SQ, DataSetSequence::from(items))
}

/// A grey image of 16 bits allocated, without a place.
fn image(pixels: &[u16], bits_stored: u16, signed: bool) -> InMemDicomObject {
    let mut image = item(vec![
        (tags::SOP_CLASS_UID, VR::UI, uids::MR_IMAGE_STORAGE),
        (tags::SOP_INSTANCE_UID, VR::UI, "2.25.1"),
        (tags::STUDY_INSTANCE_UID, VR::UI, "2.25.2"),
        (tags::SERIES_INSTANCE_UID, VR::UI, "2.25.3"),
        (tags::MODALITY, VR::CS, "MR"),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
    ]);
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, ROWS),
        (tags::COLUMNS, COLUMNS),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, bits_stored),
        (tags::HIGH_BIT, bits_stored - 1),
        (tags::PIXEL_REPRESENTATION, u16::from(signed)),
    ] {
        image.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
    image.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels.into())));
    image
}

fn save(path: &Path, object: InMemDicomObject, syntax_uid: &str) {
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(uids::MR_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("2.25.1")
        .implementation_class_uid(uid_from(b"tests"))
        .transfer_syntax(syntax_uid)
        .build()
        .unwrap();
    object.with_exact_meta(meta).write_to_file(path).unwrap();
}

fn read_back(object: InMemDicomObject, syntax_uid: &str) -> (InstanceHeader, Vec<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("object.dcm");
    save(&path, object, syntax_uid);
    let header = scan(&path).unwrap();
    let values = (0..header.frames.len()).flat_map(|frame| read_frame(&header, frame).unwrap()).collect();
    (header, values)
}

fn ramp() -> Vec<u16> {
    (0..ROWS * COLUMNS).map(|i| i * 300).collect()
}

#[test]
fn every_uncompressed_encoding_gives_the_same_values() {
    let expected: Vec<f32> = ramp().into_iter().map(f32::from).collect();
    for uid in [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"] {
        assert_eq!(read_back(image(&ramp(), 12, false), uid).1, expected, "{uid}");
    }
}

#[test]
fn a_bare_data_set_is_read_in_the_encoding_that_its_bytes_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare");
    for uid in [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"] {
        let mut bytes = Vec::new();
        let syntax = TransferSyntaxRegistry.get(uid).unwrap();
        image(&ramp(), 12, false).write_dataset_with_ts(&mut bytes, syntax).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let header = scan(&path).unwrap();
        assert_eq!(header.transfer_syntax_uid, uid);
        assert_eq!(read_frame(&header, 0).unwrap()[5], 1500.0);
    }
}

#[test]
fn a_deflated_data_set_is_inflated_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deflated.dcm");
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    bytes.extend([2, 0, 0x10, 0, b'U', b'I', 22, 0]);
    bytes.extend(b"1.2.840.10008.1.2.1.99");
    let mut deflater = flate2::write::DeflateEncoder::new(bytes, flate2::Compression::default());
    let syntax = TransferSyntaxRegistry.get(uids::EXPLICIT_VR_LITTLE_ENDIAN).unwrap();
    image(&ramp(), 12, false).write_dataset_with_ts(&mut deflater, syntax).unwrap();
    let bytes = deflater.finish().unwrap();
    std::fs::write(&path, &bytes).unwrap();
    let header = scan(&path).unwrap();
    assert!(header.complete);
    assert_eq!(read_frame(&header, 0).unwrap()[11], 3300.0);
    std::fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
    assert_eq!(scan(&path).unwrap_err().reason.code(), "truncated");
}

#[test]
fn negative_values_rescale_and_monochrome1_come_out_right() {
    let pixels: Vec<u16> = (0..12).map(|i: i16| (i - 6) as u16).collect();
    let mut signed = image(&pixels, 16, true);
    signed.put_str(tags::RESCALE_SLOPE, VR::DS, "2");
    signed.put_str(tags::RESCALE_INTERCEPT, VR::DS, "-10");
    let (_, values) = read_back(signed, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!((values[0], values[6], values[11]), (-22.0, -10.0, 0.0));
    let mut inverted = image(&ramp(), 12, false);
    inverted.put_str(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    let (_, values) = read_back(inverted, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!((values[0], values[11]), (4095.0, 795.0));
}

#[test]
fn colour_and_wide_pixels_are_refused_with_a_reason() {
    let mut colour = image(&ramp().repeat(3), 16, false);
    colour.put(DataElement::new(tags::SAMPLES_PER_PIXEL, VR::US, PrimitiveValue::from(3_u16)));
    colour.put_str(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB");
    let mut wide = image(&ramp().repeat(2), 16, false);
    wide.put(DataElement::new(tags::BITS_ALLOCATED, VR::US, PrimitiveValue::from(32_u16)));
    for (object, said) in [(colour, "not grey"), (wide, "32 bits")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("object.dcm");
        save(&path, object, uids::EXPLICIT_VR_LITTLE_ENDIAN);
        let study = assemble(vec![scan(&path).unwrap()]).remove(0);
        assert_eq!((study.series.len(), study.refused.len()), (0, 1));
        assert_eq!(study.refused[0].code, "pixel-format");
        assert!(study.refused[0].text.contains(said) && study.quality[0].text.contains(said));
    }
}

/// An enhanced object of three sagittal frames, stored out of order, with a rescale of each one's own.
fn enhanced() -> InMemDicomObject {
    let positions_mm = [8.0, 0.0, 4.0];
    let frames = positions_mm.iter().enumerate().map(|(index, mm)| {
        let position = format!("{}\\-50\\60", -mm);
        let slope = (index + 1).to_string();
        let mut frame = InMemDicomObject::new_empty();
        let place = item(vec![(tags::IMAGE_POSITION_PATIENT, VR::DS, &position)]);
        frame.put(sequence(tags::PLANE_POSITION_SEQUENCE, vec![place]));
        let rescale = vec![(tags::RESCALE_SLOPE, VR::DS, slope.as_str()), (tags::RESCALE_INTERCEPT, VR::DS, "0")];
        frame.put(sequence(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, vec![item(rescale)]));
        frame
    });
    let mut shared = InMemDicomObject::new_empty();
    let orientation = item(vec![(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "0\\1\\0\\0\\0\\-1")]);
    shared.put(sequence(tags::PLANE_ORIENTATION_SEQUENCE, vec![orientation]));
    let measures = item(vec![(tags::PIXEL_SPACING, VR::DS, "2\\1.5"), (tags::SLICE_THICKNESS, VR::DS, "4")]);
    shared.put(sequence(tags::PIXEL_MEASURES_SEQUENCE, vec![measures]));
    let mut echo = InMemDicomObject::new_empty();
    echo.put(DataElement::new(tags::EFFECTIVE_ECHO_TIME, VR::FD, PrimitiveValue::from(102.0_f64)));
    shared.put(sequence(tags::MR_ECHO_SEQUENCE, vec![echo]));
    let timing = item(vec![(tags::REPETITION_TIME, VR::DS, "4000"), (tags::FLIP_ANGLE, VR::DS, "90")]);
    shared.put(sequence(tags::MR_TIMING_AND_RELATED_PARAMETERS_SEQUENCE, vec![timing]));
    let pixels: Vec<u16> = (0..3).flat_map(|frame| vec![100 + frame; 12]).collect();
    let mut object = image(&pixels, 12, false);
    object.put_str(tags::SOP_CLASS_UID, VR::UI, uids::ENHANCED_MR_IMAGE_STORAGE);
    object.put_str(tags::NUMBER_OF_FRAMES, VR::IS, "3");
    object.put_str(tags::ECHO_PULSE_SEQUENCE, VR::CS, "SPIN");
    object.put(sequence(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared]));
    object.put(sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames.collect()));
    object
}

#[test]
fn an_enhanced_object_is_a_stack_whose_frames_have_their_own_places_and_rescales() {
    for uid in [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("enhanced.dcm");
        save(&path, enhanced(), uid);
        let study = assemble(vec![scan(&path).unwrap()]).remove(0);
        assert_eq!((study.series.len(), study.series[0].plane), (1, Some(Plane::Sagittal)));
        assert_eq!(study.series[0].assignment.role, Role::SagittalT2);
        let images = study.images().unwrap();
        let volume = &images.series[0].blocks[0];
        let frames: Vec<_> = volume.slices.iter().map(|slice| study.instances[slice.source].frame).collect();
        assert_eq!(frames, [1, 2, 0]);
        let centres: Vec<Vec3> = volume.slices.iter().map(|slice| slice.origin_lps_mm).collect();
        assert_eq!(centres, [[0.0, -50.0, 60.0], [-4.0, -50.0, 60.0], [-8.0, -50.0, 60.0]]);
        assert_eq!((volume.row_spacing_mm, volume.column_spacing_mm), (2.0, 1.5));
        assert_eq!([volume.value(0, 0, 0), volume.value(1, 1, 1), volume.value(2, 3, 2)], [202.0, 306.0, 100.0]);
        let digests = study.pixel_digests().unwrap();
        assert!(digests.len() == 3 && digests.iter().all(|digest| *digest == digests[0]), "frames of one object");
    }
}

#[test]
fn a_study_without_pixel_spacing_says_that_lengths_are_rough() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("object.dcm");
    let mut object = image(&ramp(), 12, false);
    object.put_str(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "0\\1\\0\\0\\0\\-1");
    object.put_str(tags::IMAGE_POSITION_PATIENT, VR::DS, "0\\0\\0");
    object.put_str(tags::SERIES_DESCRIPTION, VR::LO, "SAG T2");
    save(&path, object, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let study = assemble(vec![scan(&path).unwrap()]).remove(0);
    let codes: Vec<_> = study.quality.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [QualityCode::SpacingUnknown, QualityCode::RoleWithoutPhysics]);
    assert_eq!(study.series[0].blocks[0].volume.row_spacing_mm, 70.0);
}
