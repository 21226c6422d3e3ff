//! What lies between neighbouring bodies of the chain: one disc, or a vertebra that was lost.

use super::{ChainBody, ChainGap};
use crate::analysis::curve::median;

/// Centre distance over body height in a healthy lumbar spine, where too few distances are known to compare with.
const PITCH_PER_HEIGHT: f64 = 1.28;
/// Up to this share of the usual centre distance two bodies are neighbours.
const NEIGHBOURS: f64 = 1.38;
/// Within these shares one vertebra is missing between them.
const ONE_MISSING: std::ops::RangeInclusive<f64> = 1.62..=2.45;
/// Below this share the two may be halves of one body.
const TOO_CLOSE: f64 = 0.55;
/// One disc that fills the space between two bodies leaves less than this of it free, mm.
const DISC_FILLS_WITHIN_MM: f64 = 9.0;

/// What a gap of the chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GapKind {
    /// The two bodies are neighbours.
    Neighbours,
    /// One vertebra is missing between them.
    OneMissing,
    /// It can't be told how many are missing.
    Unclear,
}

/// The usual distance between neighbouring centres of this spine, mm.
pub(crate) fn usual_pitch_mm(bodies: &[ChainBody], gaps: &[ChainGap]) -> Option<f64> {
    let whole: Vec<f64> = bodies.iter().filter(|b| !b.at_edge && !b.is_sacrum()).map(|b| b.height_mm).collect();
    let by_height = median(&whole).map(|h| h * PITCH_PER_HEIGHT);
    let by_distance = median(&gaps.iter().map(|g| g.distance_mm).collect::<Vec<_>>());
    match (by_height, by_distance) {
        // With few bodies a lost one may rule the median.
        (Some(h), Some(d)) if d > NEIGHBOURS * h => Some(h),
        (h, d) => d.or(h),
    }
}

/// What the gap between `lower` and `upper` is, given the usual distance.
pub(crate) fn kind(lower: &ChainBody, upper: &ChainBody, gap: &ChainGap, pitch_mm: f64, discs_seen: bool) -> GapKind {
    let share = gap.distance_mm / pitch_mm;
    let free_mm = gap.distance_mm - (lower.height_mm + upper.height_mm) / 2.0;
    let one_disc_fills = gap.discs == 1 && free_mm - gap.disc_thickness_mm <= DISC_FILLS_WITHIN_MM;
    if share < TOO_CLOSE {
        let cut_short = upper.at_edge || lower.at_edge;
        return if gap.discs == 1 || cut_short { GapKind::Neighbours } else { GapKind::Unclear };
    }
    if share <= NEIGHBOURS || one_disc_fills {
        return GapKind::Neighbours;
    }
    let discs_fit = gap.discs == 2 || (gap.discs == 0 && !discs_seen) || (gap.discs == 0 && free_mm > pitch_mm);
    if ONE_MISSING.contains(&share) && discs_fit { GapKind::OneMissing } else { GapKind::Unclear }
}
