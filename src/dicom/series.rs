//! Series: frames that were acquired alike, put in order in space.
//!
//! A [`Series`] is what the report calls one. It is usually a DICOM series; where a DICOM series
//! holds several echoes or several Dixon images, each is one of its own. It knows its role, its
//! blocks of parallel slices and where each slice came from, and holds no pixels.

mod blocks;
mod orientation;
mod role;
mod words;

pub(super) use blocks::Placed;
pub use blocks::{Block, PlacedSlice};
pub use orientation::{Plane, Reorientation};
pub(super) use role::{Weighting, settled_by_pixels};

use super::header::{InstanceHeader, Physics};
use crate::spine::{QualityCode, QualityFinding, Role, RoleAssignment, Severity};

/// Most slices of one orientation in a localizer of several planes.
const LOCALIZER_SLICES_MAX: usize = 15;

/// Frames acquired alike, in their role and in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Series Instance UID. Identity: stays on the device.
    pub series_instance_uid: String,
    /// The role, why, and how sure.
    pub assignment: RoleAssignment,
    /// Blocks of parallel slices.
    pub blocks: Vec<Block>,
    /// Slices missing inside blocks: the series is not all there.
    pub missing_slices: usize,
    /// The plane of most slices; `None` where no frame says where it lies.
    pub plane: Option<Plane>,
    /// Weighting as far as the header tells it.
    pub(super) weighting: Option<Weighting>,
    /// Whether the weighting rests on physics rather than words.
    pub(super) has_physics: bool,
}

/// Puts the frames of one series in order and gives it a role. Findings carry no series index yet.
pub(super) fn build(header: &InstanceHeader, frames: Vec<Placed>, unplaced: usize) -> (Series, Vec<QualityFinding>) {
    let mut findings = Vec::new();
    let sorted = blocks::sort(frames, &mut findings);
    let planes = planes_by_size(&sorted.blocks);
    let facts = role::Facts {
        physics: &header.physics,
        modality: header.modality.as_deref(),
        sop_class_uid: &header.sop_class_uid,
        plane: planes.first().map(|(plane, _)| *plane),
        obliqueness_deg: sorted.blocks.first().map_or(0.0, Block::obliqueness_deg),
        looks_like_localizer: planes.len() > 1 && planes.iter().all(|(_, slices)| *slices <= LOCALIZER_SLICES_MAX),
    };
    let decided = role::assign(&facts);
    let mut series = Series {
        series_instance_uid: header.series_instance_uid.clone(),
        assignment: decided.assignment,
        blocks: sorted.blocks,
        missing_slices: sorted.missing_slices,
        plane: facts.plane,
        weighting: decided.weighting,
        has_physics: decided.has_physics,
    };
    if series.is_spatial() {
        keep_main_plane(&mut series, &planes, &mut findings);
    } else {
        // what is no stack by intent is not blamed for not being one
        findings.clear();
        series.missing_slices = 0;
    }
    if unplaced > 0 && series.is_spatial() {
        findings.push(finding(
            QualityCode::UnreadableFile,
            Severity::Warning,
            format!("{unplaced} images don't say where in the patient they lie and are left out"),
        ));
    }
    (series, findings)
}

impl Series {
    /// Whether the series is a stack in a plane of its own, so that gaps in it matter.
    #[must_use]
    pub const fn is_spatial(&self) -> bool {
        !matches!(self.assignment.role, Role::Localizer | Role::Derived)
    }

    /// Slices in all blocks.
    #[must_use]
    pub fn slice_count(&self) -> usize {
        self.blocks.iter().map(|block| block.slices.len()).sum()
    }
}

/// The planes in which slices lie, the one with most slices first.
fn planes_by_size(blocks: &[Block]) -> Vec<(Plane, usize)> {
    let mut planes: Vec<(Plane, usize)> = Vec::new();
    for block in blocks {
        match planes.iter_mut().find(|(plane, _)| *plane == block.plane) {
            Some((_, slices)) => *slices += block.slices.len(),
            None => planes.push((block.plane, block.slices.len())),
        }
    }
    planes.sort_by_key(|(_, slices)| std::cmp::Reverse(*slices));
    planes
}

/// Leaves out blocks that don't lie in the plane of the series, with a finding.
fn keep_main_plane(series: &mut Series, planes: &[(Plane, usize)], findings: &mut Vec<QualityFinding>) {
    let others: usize = planes.iter().skip(1).map(|(_, slices)| slices).sum();
    let Some(((main, _), true)) = planes.first().map(|first| (first, others > 0)) else { return };
    series.blocks.retain(|block| block.plane == *main);
    findings.push(finding(
        QualityCode::MixedOrientations,
        Severity::Warning,
        format!("{others} slices lie in another plane than the {} ones of the series and are left out", main.name()),
    ));
}

fn finding(code: QualityCode, severity: Severity, text: String) -> QualityFinding {
    QualityFinding { code, severity, text, series: None }
}

/// What tells frames of one DICOM series apart that were not acquired alike: the echo time in
/// whole milliseconds, and the kind of image among several made from the same echoes.
pub(super) fn kind_of_frame(physics: &Physics, echo_time_ms: Option<f64>, frame_type: &[String]) -> (i64, String) {
    const KINDS: [&str; 10] =
        ["WATER", "FAT", "IN_PHASE", "OUT_PHASE", "OPP_PHASE", "OUT_OF_PHASE", "W", "F", "IN", "OPP"];
    let echo_ms = echo_time_ms.or(physics.echo_time_ms).map_or(-1, |ms| ms.clamp(0.0, 1.0e6).round() as i64);
    let image_type = if frame_type.is_empty() { &physics.image_type } else { frame_type };
    let kind = image_type.iter().skip(2).find(|value| KINDS.contains(&value.as_str()));
    (echo_ms, kind.cloned().unwrap_or_default())
}
