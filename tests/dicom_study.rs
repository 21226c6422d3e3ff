//! A whole clinical study whose headers lack the physics: its series take their roles, its slices their places.

#![expect(clippy::expect_used, reason = "what fails to hold fails the test")]

mod common;

use deepspine::dicom::{self, Plane};
use deepspine::spine::{QualityCode, Role, length, sub};

#[test]
fn the_series_of_a_clinical_study_take_their_roles_without_physics() {
    let Some(data) = common::shared_data() else {
        return common::skipped("the_series_of_a_clinical_study_take_their_roles_without_physics", "no shared data");
    };
    let intake = dicom::read_studies(&[data.join("rsna/study")]).expect("the study is readable");
    assert_eq!((intake.studies.len(), intake.refused.len(), intake.skipped), (1, 0, 0));
    let study = &intake.studies[0];
    for (role, slices, plane) in [
        (Role::SagittalT1, 25, Plane::Sagittal),
        (Role::SagittalT2, 25, Plane::Sagittal),
        (Role::AxialT2, 47, Plane::Axial),
    ] {
        let found = study.in_role(role);
        assert_eq!(found.len(), 1, "{}", role.name());
        assert_eq!((found[0].slice_count(), found[0].plane), (slices, Some(plane)));
        assert!(found[0].assignment.confidence >= 0.75, "{}", found[0].assignment.reason);
        assert!(study.has_whole(role));
    }
    assert!(study.quality.iter().all(|finding| finding.code == QualityCode::RoleWithoutPhysics));
    let images = study.images().expect("pixels decode");
    let chosen = images.segmentation_series().expect("there is a sagittal series");
    assert_eq!(images.series[chosen].assignment.role, Role::SagittalT2);
    assert!(images.series[chosen].blocks.iter().all(|block| block.has_pixels()));
}

#[test]
fn slices_of_a_clinical_study_keep_their_places() {
    let Some(data) = common::shared_data() else {
        return common::skipped("slices_of_a_clinical_study_keep_their_places", "no shared data");
    };
    let intake = dicom::read_studies(&[data.join("rsna/study")]).expect("the study is readable");
    let study = &intake.studies[0];
    for (role, spacing_mm, pixel_mm, end_lps_mm) in [
        (Role::SagittalT2, 3.0, 0.3125, [50.3217, -81.2502, 156.63]),
        (Role::SagittalT1, 3.0, 0.375, [50.3217, -81.2502, 156.63]),
        (Role::AxialT2, 4.4, 0.625, [-71.8733, -19.0887, 159.008]),
    ] {
        let volume = &study.in_role(role)[0].blocks[0].volume;
        assert!((volume.slice_spacing_mm().expect("many slices") - spacing_mm).abs() < 1e-3, "{}", role.name());
        assert_eq!((volume.row_spacing_mm, volume.column_spacing_mm), (pixel_mm, pixel_mm));
        let found = volume.slices.iter().any(|slice| length(sub(slice.origin_lps_mm, end_lps_mm)) < 1e-6);
        assert!(found, "{}: the slice that the header puts there", role.name());
        assert!(length(volume.normal_lps()) > 1.0 - 1e-6);
    }
}

#[test]
fn pixels_tell_the_weighting_where_every_word_is_missing() {
    let Some(data) = common::shared_data() else {
        return common::skipped("pixels_tell_the_weighting_where_every_word_is_missing", "no shared data");
    };
    let found = dicom::find_files(&[data.join("rsna/study")]).expect("the folder is readable");
    let headers = found.files.iter().map(|path| {
        let mut header = dicom::scan(path).expect("the object is readable");
        header.physics.series_description.clear();
        header
    });
    let mut study = dicom::assemble(headers.collect()).remove(0);
    assert!(study.in_role(Role::SagittalT2).is_empty() && study.in_role(Role::SagittalT1).is_empty());
    study.settle_roles();
    for (role, rows) in [(Role::SagittalT2, 768), (Role::SagittalT1, 640)] {
        let series = study.in_role(role);
        assert_eq!(series.len(), 1, "{}", role.name());
        assert_eq!(series[0].blocks[0].volume.rows, rows);
        assert!(series[0].assignment.reason.contains("pixels") && series[0].assignment.confidence <= 0.6);
    }
}
