//! A whole clinical study whose headers lack the physics: its series take their roles, its slices their places.

#![expect(clippy::expect_used, reason = "what fails to hold fails the test")]

mod common;

use deepspine::dicom::{self, Plane};
use deepspine::spine::{QualityCode, Role};

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
