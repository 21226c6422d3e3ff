//! Centres of bodies and discs, taken where the curve runs.
//!
//! Lateral slices hold pedicles and bulging rims, and thick slices are few: so the side-to-side place
//! comes first, from the whole width, is smoothed along the curve, and the centre within the
//! sagittal plane is then taken from the slices nearest to it.

use super::canal::CanalPath;
use super::components::Component;
use super::frame::Frame;
use crate::spine::Vec3;

/// A part is seen in its whole width where its area in both outer slices is below this share of its largest.
const CUT_SHARE: f64 = 0.3;
/// Slices up to this far from the curve's plane count for the centre, or one slice distance, mm.
const REACH_MM: f64 = 5.0;
/// The middle of a body lies at most this far beside that of the canal, even in a turned spine, mm.
const BESIDE_CANAL_MM: f64 = 6.0;
/// The centre of the pieces, weighted towards the sagittal plane at `z_mm`; `None` where none is near.
pub(crate) fn in_plane(frame: &Frame, pieces: &[&Component], z_mm: f64) -> Option<Vec3> {
    let mut sum = [0.0; 2];
    let mut total = 0.0;
    for piece in pieces {
        let gap = frame.slice_gap_mm(piece.slice);
        let reach = if gap.is_finite() { gap.max(REACH_MM) } else { f64::INFINITY };
        let nearness = 1.0 - (frame.slice_z_mm(piece.slice) - z_mm).abs() / reach;
        let weight = nearness.max(0.0) * piece.area_mm2;
        sum = [sum[0] + weight * piece.centre_mm[0], sum[1] + weight * piece.centre_mm[1]];
        total += weight;
    }
    (total > 0.0).then(|| [sum[0] / total, sum[1] / total, z_mm])
}

/// Where the pieces' middle lies sideways, mm: from their own width where all of it is in view, but
/// never far from the canal behind them; else from that canal.
pub(crate) fn lateral_mm(frame: &Frame, pieces: &[&Component], canal: Option<&CanalPath>) -> Option<f64> {
    let mut areas = vec![0.0; frame.slices()];
    for piece in pieces {
        areas[piece.slice] += piece.area_mm2;
    }
    let largest = areas.iter().copied().fold(0.0, f64::max);
    let total: f64 = areas.iter().sum();
    if total <= 0.0 {
        return None;
    }
    let own = areas.iter().enumerate().map(|(k, a)| a * frame.slice_z_mm(k)).sum::<f64>() / total;
    let y = pieces.iter().map(|p| p.area_mm2 * p.centre_mm[1]).sum::<f64>() / total;
    let Some(behind) = canal.map(|c| c.lateral_mm(y)) else { return Some(own) };
    let outer = areas.first().copied().unwrap_or(0.0).max(areas.last().copied().unwrap_or(0.0));
    let whole = outer < CUT_SHARE * largest;
    Some(if whole { own.clamp(behind - BESIDE_CANAL_MM, behind + BESIDE_CANAL_MM) } else { behind })
}
