//! The whole reading of one study, in order.

use super::confidence::Alpha;
use super::grading::canal::find_canal_centres;
use super::grading::conflict::{canal_conflict, slip_conflict, strange_pictures};
use super::grading::{Grader, LevelPicture, SlicePixels};
use super::level;
use super::measure::reference::stand_canals;
use super::plausibility::{self, Lie};
use super::second_looks;
use super::segmentation::segment;
use super::spine_reading::read_spine;
use super::volume::{PartMask, SemanticMask, Volume};
use crate::inference::{InferenceError, Networks};
use crate::spine::{
    Disc, QualityCode, QualityFinding, Refusal, Report, Role, RoleAssignment, SeriesUse, Severity, Structure, Vertebra,
};
use std::num::NonZeroUsize;

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
    /// The middle slices of [`StudyImages::second_series`] with their pixels, where there is one: a second opinion on the names.
    pub second_opinion: Option<Volume>,
}

/// Roles of a series that can be segmented, the best first.
const TO_SEGMENT: [Role; 3] = [Role::SagittalT2, Role::SagittalT1, Role::SagittalFatSuppressed];

impl StudyImages {
    /// Index of the series to segment: the surest sagittal T2, else the surest sagittal T1, else
    /// fat-suppressed sagittal; among equals the one with more slices.
    #[must_use]
    pub fn segmentation_series(&self) -> Option<usize> {
        TO_SEGMENT.into_iter().find_map(|role| self.surest(role))
    }

    /// Index of the series that is asked for a second opinion: the surest of the next role after that of the series to segment.
    #[must_use]
    pub fn second_series(&self) -> Option<usize> {
        let mut roles = TO_SEGMENT.into_iter().skip_while(|role| self.surest(*role).is_none()).skip(1);
        roles.find_map(|role| self.surest(role))
    }

    /// The surest series of a role; among equals the one with more slices.
    pub(super) fn surest(&self, role: Role) -> Option<usize> {
        self.series
            .iter()
            .enumerate()
            .filter(|(_, s)| s.assignment.role == role && s.blocks.iter().any(|b| !b.slices.is_empty()))
            .max_by(|(_, a), (_, b)| {
                let slices = |s: &SeriesImages| s.blocks.iter().map(|b| b.slices.len()).max();
                a.assignment.confidence.total_cmp(&b.assignment.confidence).then(slices(a).cmp(&slices(b)))
            })
            .map(|(i, _)| i)
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
    /// The pictures that its levels were graded from.
    pub pictures: Vec<LevelPicture>,
}

/// What a reading is doing, for whoever waits or keeps time: this module has no clock.
pub trait Progress: Sync {
    /// A stage begins; the one before it, if any, is over.
    fn stage(&self, stage: &'static str);
    /// So many slices of the series are segmented; called from several threads.
    fn slices_segmented(&self, done: usize, total: usize);
}

/// Name of the stage that segments, in timings and progress.
pub const STAGE_SEGMENTATION: &str = "segmentation";
/// Name of the stage that fits the curve, names and measures.
pub const STAGE_SPINE: &str = "curve-levels-measurements";
/// Name of the stage that asks whether the spine lies as the header claims.
pub const STAGE_ORIENTATION: &str = "orientation";
/// Name of the stage that reads the middle slices again, slightly shifted, and those of a second series.
pub const STAGE_SECOND_LOOKS: &str = "second-looks";
/// Name of the stage that assigns axial slices to levels.
pub const STAGE_AXIAL: &str = "axial-slices";
/// Name of the stage that grades.
pub const STAGE_GRADING: &str = "grading";

/// What a study is read with.
#[derive(Clone, Copy)]
pub struct ReadingMeans<'a> {
    /// The networks.
    pub networks: &'a Networks,
    /// Threads over which slices are spread.
    pub threads: NonZeroUsize,
    /// The error rate of prediction sets.
    pub alpha: Alpha,
    /// Pixels that are not loaded with the study.
    pub pixels: &'a dyn SlicePixels,
}

/// Reads one study: picks the sagittal series, segments it, fits the curve, names and measures the
/// levels, asks whether the spine lies as the header claims, reads its middle slices again to see how well they repeat and those
/// of a second series to see whether it agrees, finds each level's axial slices, and grades the levels. The series that is segmented must have its
/// pixels loaded. A study without a usable series or without a spine is not an error: its report says so.
///
/// # Errors
/// [`InferenceError`] where the network can't run.
pub fn read(images: &StudyImages, means: ReadingMeans<'_>, progress: &dyn Progress) -> Result<Reading, InferenceError> {
    let ReadingMeans { networks, threads, alpha, pixels } = means;
    let network = &networks.segmentation;
    let grader = Grader::of(networks, alpha)?;
    let mut report = empty_report(images, networks);
    let Some((series, block, volume)) = volume_to_segment(images) else {
        return Ok(refused(report, "no-sagittal-series", "no sagittal T2, T1 or fat-suppressed series to segment"));
    };
    report.segmented_series = Some(series);
    if let [_] = volume.slices.as_slice() {
        report.quality.push(QualityFinding {
            code: QualityCode::SingleSlice,
            severity: Severity::Warning,
            text: "one slice only: nothing is known beside it, and no area can be measured".into(),
            series: Some(series),
        });
    }

    progress.stage(STAGE_SEGMENTATION);
    let total = volume.slices.len();
    let segmentation = segment(volume, network, threads, &|done| progress.slices_segmented(done, total))?;

    progress.stage(STAGE_SPINE);
    let mut spine = match read_spine(volume, segmentation.mask.clone()) {
        Ok(spine) => spine,
        Err(no_spine) => return Ok(refused(report, no_spine.code(), &no_spine.to_string())),
    };

    progress.stage(STAGE_ORIENTATION);
    match plausibility::lie(volume, &spine.semantic, &segmentation, network, threads)? {
        Lie::AsClaimed => {}
        Lie::Turned(turn) => return Ok(refused(report, "orientation-conflict", turn.text())),
        Lie::Unlike => return Ok(refused(report, "no-spine", "what was segmented does not look like a spine")),
    }

    progress.stage(STAGE_SECOND_LOOKS);
    second_looks::judge(&mut spine, volume, &segmentation, images.second_opinion.as_ref(), network, threads)?;
    drop(segmentation);

    report.curve = Some(spine.curve);
    report.vertebrae = spine.vertebrae;
    report.levels = spine.levels;
    report.lumbar = Some(spine.lumbar);
    if let Some(segmented) = images.series.get(series) {
        stand_canals(&mut report.levels, &report.vertebrae, segmented.assignment.role);
    }
    report.quality.extend(spine.quality.into_iter().map(|q| QualityFinding { series: q.series.or(Some(series)), ..q }));

    progress.stage(STAGE_AXIAL);
    level::axial_slices(&mut report.levels, images);

    // Also where nothing is graded: whoever trains a first network cuts its views here.
    find_canal_centres(&mut report.levels, volume, &spine.semantic);
    let mut pictures = Vec::new();
    if !grader.is_idle() {
        progress.stage(STAGE_GRADING);
        pictures = grader.grade(&mut report.levels, images, pixels, threads)?;
        let said = [slip_conflict, canal_conflict, strange_pictures].map(|of_levels| of_levels(&report.levels));
        report.quality.extend(said.into_iter().flatten());
    }

    let labels = Labels { series, block, semantic: spine.semantic, part_of: spine.part_of, parts: spine.parts };
    Ok(Reading { report, labels: Some(labels), pictures })
}

/// The series to segment and its largest block.
fn volume_to_segment(images: &StudyImages) -> Option<(usize, usize, &Volume)> {
    let series = images.segmentation_series()?;
    let (block, volume) = images.series.get(series)?.blocks.iter().enumerate().max_by_key(|(_, b)| b.slices.len())?;
    volume.has_pixels().then_some((series, block, volume))
}

fn empty_report(images: &StudyImages, networks: &Networks) -> Report {
    Report {
        series: images.series.iter().map(series_use).collect(),
        segmented_series: None,
        refusal: None,
        curve: None,
        vertebrae: Vec::new(),
        levels: Vec::new(),
        lumbar: None,
        quality: images.quality.clone(),
        models: networks.model_uses(),
    }
}

fn series_use(series: &SeriesImages) -> SeriesUse {
    let largest = series.blocks.iter().max_by_key(|b| b.slices.len());
    SeriesUse {
        assignment: series.assignment.clone(),
        slices: series.blocks.iter().map(|b| b.slices.len()).sum(),
        blocks: series.blocks.len(),
        rows_columns: largest.map_or([0, 0], |b| [b.rows, b.columns]),
        pixel_spacing_mm: largest.map_or([0.0, 0.0], |b| [b.row_spacing_mm, b.column_spacing_mm]),
        slice_spacing_mm: largest.and_then(Volume::slice_spacing_mm),
    }
}

fn refused(mut report: Report, code: &'static str, text: &str) -> Reading {
    let finding = match code {
        "no-spine" => Some(QualityCode::NoSpine),
        "orientation-conflict" => Some(QualityCode::OrientationConflict),
        "size-impossible" => Some(QualityCode::SizeUnusual),
        _ => None,
    };
    report.quality.extend(finding.map(|code| QualityFinding {
        code,
        severity: Severity::Error,
        text: text.to_string(),
        series: report.segmented_series,
    }));
    report.refusal = Some(Refusal { code, text: text.to_string() });
    Reading { report, labels: None, pictures: Vec::new() }
}
