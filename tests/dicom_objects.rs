//! Every real MR object gives a result or a clear, named error, and its pixels are those that pydicom reads.

#![expect(clippy::expect_used, reason = "what fails to hold fails the test")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use deepspine::dicom::{self, InstanceHeader};
use deepspine::spine::Role;
use sha2::{Digest, Sha256};

/// What pydicom made of an object's pixels; see `fixtures/pydicom_digests.py`.
#[derive(serde::Deserialize)]
struct Expected {
    frames: usize,
    sha256: String,
    min: f32,
    max: f32,
    sum: f64,
    lossy: bool,
}

/// The objects whose pixels can't be had, and the code of the reason.
const REFUSED: [(&str, &str); 9] = [
    ("MR_small_jpeg_ls_lossless.dcm", "transfer-syntax"),
    ("emri_small_jpeg_ls_lossless.dcm", "transfer-syntax"),
    ("MR_truncated.dcm", "truncated"),
    ("emri_small_jpeg_2k_lossless_too_short.dcm", "truncated"),
    ("empty_charset_LEI.dcm", "not-an-image"),
    ("meta_missing_tsyntax.dcm", "not-an-image"),
    ("nested_priv_SQ.dcm", "not-an-image"),
    ("no_meta_group_length.dcm", "not-an-image"),
    ("priv_SQ.dcm", "not-an-image"),
];
/// Largest difference of a sum over a lossy image from pydicom's, as a share: decoders may round differently.
const LOSSY_SHARE: f64 = 1e-4;

fn expected() -> BTreeMap<String, Expected> {
    serde_json::from_str(include_str!("fixtures/pydicom_digests.json")).expect("the fixture is JSON")
}

fn outcome(path: &Path) -> Result<InstanceHeader, String> {
    let header = dicom::scan(path).map_err(|error| error.reason.code().to_owned())?;
    match &header.refused {
        Some(refused) => Err(refused.code.clone()),
        None => Ok(header),
    }
}

fn values(header: &InstanceHeader) -> Vec<f32> {
    (0..header.frames.len()).flat_map(|frame| dicom::read_frame(header, frame).expect("the frame decodes")).collect()
}

#[test]
fn every_object_is_read_or_refused_for_its_own_reason() {
    let Some(data) = common::shared_data() else {
        return common::skipped("every_object_is_read_or_refused_for_its_own_reason", "no shared data");
    };
    let mut objects = 0;
    for entry in std::fs::read_dir(data.join("dicom")).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("the name is text").to_owned();
        let refused = REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, code)| (*code).to_owned());
        assert_eq!(outcome(&path).err(), refused, "{name}");
        objects += 1;
    }
    assert_eq!(objects, 24);
}

#[test]
fn pixel_values_agree_with_pydicom() {
    let Some(data) = common::shared_data() else {
        return common::skipped("pixel_values_agree_with_pydicom", "no shared data");
    };
    let expected = expected();
    assert_eq!(expected.len() + REFUSED.len(), 24);
    for (name, expected) in expected {
        let header = outcome(&data.join("dicom").join(&name)).expect("the object is readable");
        let values = values(&header);
        assert_eq!(values.len(), expected.frames * header.pixels.rows * header.pixels.columns, "{name}");
        let sum: f64 = values.iter().copied().map(f64::from).sum();
        let (min, max) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        if expected.lossy {
            assert!((sum - expected.sum).abs() <= LOSSY_SHARE * expected.sum, "{name}: {sum} is not {}", expected.sum);
            continue;
        }
        assert_eq!((min, max), (expected.min, expected.max), "{name}");
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected.sha256, "{name}");
    }
}

#[test]
fn an_object_that_does_not_say_where_it_lies_is_in_no_stack() {
    let Some(data) = common::shared_data() else {
        return common::skipped("an_object_that_does_not_say_where_it_lies_is_in_no_stack", "no shared data");
    };
    let header = outcome(&data.join("dicom/emri_small.dcm")).expect("the object is readable");
    assert_eq!(header.frames.len(), 10);
    let study = dicom::assemble(vec![header]).remove(0);
    assert_eq!(study.series.len(), 1);
    assert_eq!((study.series[0].assignment.role, study.series[0].slice_count()), (Role::Other, 0));
    assert!(study.images().is_ok_and(|images| images.segmentation_series().is_none()));
}
