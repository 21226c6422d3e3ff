//! Where S1 is: a choice among the bodies of a chain, with a probability for each.
//!
//! S1 differs from the lumbar bodies in more than what the network calls it: it narrows to the foot, its front stands
//! lower than its back, it is shallower than L5, and the spine bends back most above it. Every body of the
//! chain is a candidate with a score linear in these, and that S1 is not in the chain has the score 0 (a conditional
//! logit; McFadden 1974). All names of a chain follow from the one choice, so none can come twice or be left out.
//! `models/training/levels/fit.py` fits the weights, on chains of training patients whole and cut, and repeats these lines.

use super::identity_table::{PRECISION, USUAL, WEIGHTS};
use super::{ChainBody, ChainGap};
use crate::analysis::curve::median;

/// Number of features of a candidate.
pub(super) const FEATURES: usize = 14;
/// Number of those that describe the shape of a first sacral body, and the place of the first of them.
pub(super) const SHAPE: usize = 5;
const FIRST_OF_SHAPE: usize = 3;
/// Limits of the features that have none of their own, and the unit of the bend, degrees.
const AREA_LIMIT: f64 = 0.7;
const DEPTH_LIMIT: f64 = 0.5;
const FRONT_LIMIT: f64 = 0.8;
const UPPER_LIMIT: f64 = 0.6;
const BEND_LIMIT: f64 = 1.5;
const BEND_UNIT_DEG: f64 = 30.0;
/// Gaps above the candidate's that the bend is measured against.
const BENT_OVER: usize = 3;
const BELOW_LIMIT: f64 = 1.0;
const ROOM_LIMIT: f64 = 1.0;

/// How likely S1 is where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Identity {
    /// For each body that has one above it, foot to head, the probability that it is S1.
    pub(crate) s1: Vec<f64>,
    /// The probability that S1 is not in the chain.
    pub(crate) absent: f64,
}

impl Identity {
    /// The likeliest body, with its probability; `None` where it is likelier that S1 is not there.
    pub(crate) fn likeliest(&self) -> Option<(usize, f64)> {
        let best = self.s1.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        (best.1 > self.absent).then_some(best)
    }
}

/// Weighs the bodies of a chain, given from foot to head with the gaps between them.
pub(crate) fn weigh(bodies: &[ChainBody], gaps: &[ChainGap]) -> Identity {
    let scores: Vec<f64> = (0..gaps.len().min(bodies.len().saturating_sub(1)))
        .map(|i| features(bodies, gaps, i).iter().zip(WEIGHTS).map(|(f, w)| f * w).sum())
        .collect();
    let highest = scores.iter().copied().fold(0.0, f64::max);
    let total: f64 = (-highest).exp() + scores.iter().map(|s| (s - highest).exp()).sum::<f64>();
    Identity { s1: scores.iter().map(|s| (s - highest).exp() / total).collect(), absent: (-highest).exp() / total }
}

/// How far the shape of body `i` lies from that of a usual S1: the square of the Mahalanobis distance, which has the
/// mean [`SHAPE`] over usual ones. `None` where too little of the spine above it is in view.
pub(crate) fn oddness(bodies: &[ChainBody], gaps: &[ChainGap], i: usize) -> Option<f64> {
    if i + 1 >= gaps.len() || i + 1 >= bodies.len() {
        return None;
    }
    let found = features(bodies, gaps, i);
    let away: [f64; SHAPE] = std::array::from_fn(|k| found[FIRST_OF_SHAPE + k] - USUAL[k]);
    Some(PRECISION.iter().zip(away).map(|(row, a)| a * row.iter().zip(away).map(|(p, b)| p * b).sum::<f64>()).sum())
}

/// What speaks for body `i` being S1; it has a body and a gap above it.
fn features(bodies: &[ChainBody], gaps: &[ChainGap], i: usize) -> [f64; FEATURES] {
    let (body, above, gap) = (&bodies[i], &bodies[i + 1], &gaps[i]);
    let below = i.checked_sub(1).map(|j| &bodies[j]);
    let flag = |is: bool| f64::from(u8::from(is));
    // Where discs weren't segmented at all, that one is not there says nothing.
    let discs_seen = 2 * gaps.iter().filter(|g| g.discs > 0).count() >= gaps.len();
    [
        1.0,
        body.sacrum_share,
        above.sacrum_share,
        log_ratio(body.area_mm2, above.area_mm2, AREA_LIMIT),
        log_ratio(body.depth_mm, above.depth_mm, DEPTH_LIMIT),
        body.front_to_back.clamp(-FRONT_LIMIT, FRONT_LIMIT),
        body.upper_to_lower.clamp(-UPPER_LIMIT, UPPER_LIMIT),
        bend(gaps, i),
        flag(discs_seen && gap.discs == 0),
        flag(below.is_none()),
        flag(body.at_edge),
        room_below(body).clamp(-ROOM_LIMIT, ROOM_LIMIT),
        below.map_or(0.0, |b| log_ratio(b.area_mm2, body.area_mm2, BELOW_LIMIT)),
        below.map_or(0.0, |b| b.sacrum_share),
    ]
}

/// How far the image goes on below a body, in its own heights; 0 where it has none.
pub(super) fn room_below(body: &ChainBody) -> f64 {
    let heights = body.room_below_mm / body.height_mm;
    if heights.is_nan() { 0.0 } else { heights }
}

/// How far the spine bends back above gap `i`: its lean less the usual one of the next few gaps, because a slip leans one of them.
fn bend(gaps: &[ChainGap], i: usize) -> f64 {
    let above: Vec<f64> = gaps.iter().skip(i + 1).take(BENT_OVER).map(|g| g.lean_deg).collect();
    median(&above).map_or(0.0, |usual| ((gaps[i].lean_deg - usual) / BEND_UNIT_DEG).clamp(-BEND_LIMIT, BEND_LIMIT))
}

/// Logarithm of a ratio of two sizes, within `limit`; 0 where there is none.
fn log_ratio(of: f64, to: f64, limit: f64) -> f64 {
    let ratio = (of / to).ln();
    if ratio.is_nan() { 0.0 } else { ratio.clamp(-limit, limit) }
}
