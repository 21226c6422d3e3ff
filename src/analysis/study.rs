//! The whole reading of one study, in order.

use super::volume::{PartMask, SemanticMask, Volume};
use crate::spine::{Disc, QualityFinding, Report, RoleAssignment, Structure, Vertebra};

/// One series of a study, in its role.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesImages {
    /// Its role and the reason.
    pub assignment: RoleAssignment,
    /// Blocks of parallel slices; several for angled axial stacks. Pixels may be unloaded (see [`super::volume::Slice::stored`]).
    pub blocks: Vec<Volume>,
}

/// All images of one study, without identity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StudyImages {
    /// The series, in a stable order.
    pub series: Vec<SeriesImages>,
    /// What was found while the series were put together.
    pub quality: Vec<QualityFinding>,
}

impl StudyImages {
    /// Index of the series to segment: the surest sagittal T2, else the surest sagittal T1, else
    /// fat-suppressed sagittal; among equals the one with more slices.
    #[must_use]
    pub fn segmentation_series(&self) -> Option<usize> {
        use crate::spine::Role;
        [Role::SagittalT2, Role::SagittalT1, Role::SagittalFatSuppressed].into_iter().find_map(|role| {
            self.series
                .iter()
                .enumerate()
                .filter(|(_, s)| s.assignment.role == role && s.blocks.iter().any(|b| !b.slices.is_empty()))
                .max_by(|(_, a), (_, b)| {
                    let slices = |s: &SeriesImages| s.blocks.iter().map(|b| b.slices.len()).max();
                    a.assignment.confidence.total_cmp(&b.assignment.confidence).then(slices(a).cmp(&slices(b)))
                })
                .map(|(i, _)| i)
        })
    }
}

/// What a part of the segmentation is.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its structure.
    pub structure: Structure,
    /// For a body, its posterior elements or the sacrum: the vertebra, where designated.
    pub vertebra: Option<Vertebra>,
    /// For a disc: the disc, where designated.
    pub disc: Option<Disc>,
    /// Place from below among the parts of its structure, 1 first (see `undesignated.nii.gz` in the contracts).
    pub ordinal_from_below: usize,
}

/// The masks of the series that was segmented, on the grid of one of its blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// Index of the series in [`StudyImages::series`].
    pub series: usize,
    /// Index of the block within it.
    pub block: usize,
    /// The semantic mask, rejected parts removed.
    pub semantic: SemanticMask,
    /// Which part each voxel belongs to.
    pub part_of: PartMask,
    /// The parts.
    pub parts: Vec<Part>,
}

/// What a reading yields: the report and the masks under it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The findings.
    pub report: Report,
    /// The masks, where a spine was found.
    pub labels: Option<Labels>,
}
