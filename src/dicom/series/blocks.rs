//! Frames to blocks of parallel slices, ordered along their normal; what is odd about their
//! spacing becomes findings.

use super::finding;
use super::orientation::{Plane, Reorientation, Turned};
use crate::analysis::volume::{Slice, Volume};
use crate::dicom::header::FrameGeometry;
use crate::spine::{QualityCode, QualityFinding, Severity, Vec3, dot, length, sub};

/// Largest difference of two unit directions that are parallel but for rounding (0.2 degrees).
const PARALLEL_TOLERANCE: f64 = 0.0035;
/// Slices nearer than this along the normal stand at the same place, mm.
const SAME_PLACE_MM: f64 = 0.1;
/// How far the first pixels of neighbouring slices of one block may be apart across the normal, mm,
/// and per mm along it: a block may lean, but not jump.
const LATERAL_JUMP_MM: f64 = 2.0;
const LATERAL_LEAN: f64 = 0.25;
/// A distance of more than this many usual ones is a gap.
const GAP_FACTOR: f64 = 1.5;
/// Axial slices farther apart than this many usual distances are two blocks, not one with a gap.
const AXIAL_BLOCK_FACTOR: f64 = 2.5;
/// Distances differ where they deviate by more than this share of the usual one, and this many mm.
const UNEVEN_SHARE: f64 = 0.1;
const UNEVEN_MM: f64 = 0.1;
/// Field of view that is assumed where the header has no pixel spacing, mm.
const ASSUMED_FIELD_MM: f64 = 280.0;

/// A frame with a place in the patient, not yet in a block.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::dicom) struct Placed {
    pub(in crate::dicom) source: usize,
    pub(in crate::dicom) geometry: FrameGeometry,
    pub(in crate::dicom) rows: usize,
    pub(in crate::dicom) columns: usize,
    /// Breaks ties between frames at the same place.
    pub(in crate::dicom) order: (i32, usize),
}

/// A slice of a block: which source it is and how its pixels are turned when they are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedSlice {
    /// Index into [`crate::dicom::Study::instances`].
    pub source: usize,
    /// How its pixels are moved.
    pub turn: Reorientation,
}

/// Parallel slices of equal size, ordered along the normal.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The plane it is nearest to.
    pub plane: Plane,
    /// Its geometry, without pixels.
    pub volume: Volume,
    /// The slices, in the order of the volume's.
    pub slices: Vec<PlacedSlice>,
}

impl Block {
    /// Degrees between the slices' normal and the axis of their plane.
    #[must_use]
    pub fn obliqueness_deg(&self) -> f64 {
        self.plane.obliqueness_deg(self.volume.normal_lps())
    }
}

/// What [`sort`] makes of frames.
pub(super) struct Sorted {
    pub(super) blocks: Vec<Block>,
    pub(super) missing_slices: usize,
}

/// A frame turned into its plane's orientation.
#[derive(Debug, Clone)]
struct Candidate {
    plane: Plane,
    turned: Turned,
    slice: PlacedSlice,
    order: (i32, usize),
}

/// Sorts frames into blocks; the largest block comes first, then from foot to head or along the normal.
pub(super) fn sort(frames: Vec<Placed>, findings: &mut Vec<QualityFinding>) -> Sorted {
    let unknown_spacing = frames.iter().filter(|frame| frame.geometry.pixel_spacing_mm.is_none()).count();
    if unknown_spacing > 0 {
        let text = format!(
            "{unknown_spacing} slices have no pixel spacing; a field of {ASSUMED_FIELD_MM} mm is assumed, so that lengths are rough"
        );
        findings.push(finding(QualityCode::SpacingUnknown, Severity::Warning, text));
    }
    let mut oddities = Oddities::default();
    let mut blocks = Vec::new();
    for parallel in group_parallel(frames.into_iter().map(candidate).collect()) {
        for stack in split_stacks(parallel) {
            blocks.extend(make_blocks(stack, &mut oddities));
        }
    }
    blocks.sort_by(|a: &Block, b: &Block| {
        let first = |block: &Block| block.volume.slice_positions_mm().first().copied().unwrap_or(0.0);
        a.plane.cmp(&b.plane).then(first(a).total_cmp(&first(b)))
    });
    let missing_slices = oddities.missing_slices;
    oddities.report(findings);
    Sorted { blocks, missing_slices }
}

fn candidate(frame: Placed) -> Candidate {
    let geometry = &frame.geometry;
    let plane = Plane::of_normal(crate::spine::cross(geometry.row_direction_lps, geometry.column_direction_lps));
    let assumed_mm = ASSUMED_FIELD_MM / frame.rows.max(frame.columns) as f64;
    let spacing_mm = geometry.pixel_spacing_mm.unwrap_or([assumed_mm; 2]);
    let (turn, turned) = Reorientation::of(geometry, plane, [frame.rows, frame.columns], spacing_mm);
    Candidate { plane, turned, slice: PlacedSlice { source: frame.source, turn }, order: frame.order }
}

fn near(a: Vec3, b: Vec3) -> bool {
    length(sub(a, b)) <= PARALLEL_TOLERANCE
}

fn parallel_and_alike(a: &Turned, b: &Turned) -> bool {
    let same_mm = |x: f64, y: f64| (x - y).abs() <= 1e-3 * x.abs();
    (a.rows, a.columns) == (b.rows, b.columns)
        && same_mm(a.row_spacing_mm, b.row_spacing_mm)
        && same_mm(a.column_spacing_mm, b.column_spacing_mm)
        && near(a.row_direction_lps, b.row_direction_lps)
        && near(a.column_direction_lps, b.column_direction_lps)
}

fn group_parallel(candidates: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    let mut groups: Vec<Vec<Candidate>> = Vec::new();
    for candidate in candidates {
        let fits = |group: &&mut Vec<Candidate>| {
            group.first().is_some_and(|first| parallel_and_alike(&first.turned, &candidate.turned))
        };
        match groups.iter_mut().rev().find(fits) {
            Some(group) => group.push(candidate),
            None => groups.push(vec![candidate]),
        }
    }
    groups
}

/// Parallel slices with their positions along the common normal, in order.
type Stack = Vec<(f64, Candidate)>;

/// Splits parallel slices where their first pixels jump sideways: stacks that are parallel by chance.
fn split_stacks(parallel: Vec<Candidate>) -> Vec<Stack> {
    let Some(first) = parallel.first().map(|candidate| candidate.turned) else { return Vec::new() };
    let normal = first.normal_lps();
    let mut ordered: Stack =
        parallel.into_iter().map(|candidate| (dot(candidate.turned.origin_lps_mm, normal), candidate)).collect();
    ordered.sort_by(|(a, x), (b, y)| a.total_cmp(b).then(x.order.cmp(&y.order)));
    let across = |candidate: &Candidate| {
        let origin = candidate.turned.origin_lps_mm;
        [dot(origin, first.row_direction_lps), dot(origin, first.column_direction_lps)]
    };
    let mut stacks: Vec<Stack> = Vec::new();
    for (position, candidate) in ordered {
        let [u, v] = across(&candidate);
        let fits = |stack: &&mut Stack| {
            stack.last().is_some_and(|(last_position, last)| {
                let [last_u, last_v] = across(last);
                (u - last_u).hypot(v - last_v) <= LATERAL_JUMP_MM + LATERAL_LEAN * (position - last_position)
            })
        };
        match stacks.iter_mut().rev().find(fits) {
            Some(stack) => stack.push((position, candidate)),
            None => stacks.push(vec![(position, candidate)]),
        }
    }
    stacks
}

/// Takes out duplicates, splits axial stacks at wide gaps, and notes what is odd.
fn make_blocks(mut stack: Stack, oddities: &mut Oddities) -> Vec<Block> {
    let before = stack.len();
    stack.dedup_by(|(position, _), (kept, _)| (*position - *kept).abs() < SAME_PLACE_MM);
    oddities.duplicates += before - stack.len();
    let gaps: Vec<f64> = stack.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    let usual_mm = median(&gaps);
    let is_axial = stack.first().is_some_and(|(_, candidate)| candidate.plane == Plane::Axial);
    let mut blocks = Vec::new();
    let mut rest = stack.into_iter();
    let mut current: Vec<Candidate> = rest.next().map(|(_, candidate)| candidate).into_iter().collect();
    for (gap_mm, (_, candidate)) in gaps.into_iter().zip(rest) {
        if is_axial && gap_mm > AXIAL_BLOCK_FACTOR * usual_mm {
            blocks.extend(block(std::mem::take(&mut current)));
        } else {
            oddities.note_gap(gap_mm, usual_mm);
        }
        current.push(candidate);
    }
    blocks.extend(block(current));
    blocks
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn block(candidates: Vec<Candidate>) -> Option<Block> {
    let first = candidates.first()?;
    let turned = first.turned;
    let slice = |candidate: &Candidate| Slice {
        origin_lps_mm: candidate.turned.origin_lps_mm,
        stored: Vec::new(),
        slope: 1.0,
        intercept: 0.0,
        source: candidate.slice.source,
    };
    Some(Block {
        plane: first.plane,
        volume: Volume {
            rows: turned.rows,
            columns: turned.columns,
            row_spacing_mm: turned.row_spacing_mm,
            column_spacing_mm: turned.column_spacing_mm,
            row_direction_lps: turned.row_direction_lps,
            column_direction_lps: turned.column_direction_lps,
            slices: candidates.iter().map(slice).collect(),
        },
        slices: candidates.iter().map(|candidate| candidate.slice).collect(),
    })
}

/// What is odd about the distances in one series, gathered into one finding a kind.
#[derive(Debug, Default)]
struct Oddities {
    duplicates: usize,
    missing_slices: usize,
    widest_gap_mm: f64,
    usual_mm: f64,
    uneven: usize,
}

impl Oddities {
    fn note_gap(&mut self, gap_mm: f64, usual_mm: f64) {
        self.usual_mm = usual_mm;
        if gap_mm > GAP_FACTOR * usual_mm {
            self.missing_slices += ((gap_mm / usual_mm).round() as usize).saturating_sub(1).max(1);
            self.widest_gap_mm = self.widest_gap_mm.max(gap_mm);
        } else if (gap_mm - usual_mm).abs() > (UNEVEN_SHARE * usual_mm).max(UNEVEN_MM) {
            self.uneven += 1;
        }
    }

    fn report(self, findings: &mut Vec<QualityFinding>) {
        let usual = format!("{:.2} mm are usual", self.usual_mm);
        if self.duplicates > 0 {
            let text = format!("{} slices stand where another slice stands already and are left out", self.duplicates);
            findings.push(finding(QualityCode::DuplicateSlice, Severity::Warning, text));
        }
        if self.missing_slices > 0 {
            let text = format!(
                "{} slices are missing inside the series: up to {:.2} mm between neighbours where {usual}",
                self.missing_slices, self.widest_gap_mm
            );
            findings.push(finding(QualityCode::SliceGap, Severity::Warning, text));
        }
        if self.uneven > 0 {
            let text = format!("{} distances between neighbouring slices differ where {usual}", self.uneven);
            findings.push(finding(QualityCode::UnevenSpacing, Severity::Info, text));
        }
    }
}

#[cfg(test)]
mod tests;
