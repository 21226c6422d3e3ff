//! The chain of bodies: of all candidates, those that follow one another from the sacrum upwards
//! along one smooth line beside one canal.
//!
//! A best path over the candidates, ordered from foot to head: every body is worth its size and its
//! place in front of the canal, every step costs what is odd about its length and its bend, and a
//! disc on the way speaks for it. What is not on the best path is no part of the spine.

use super::canal::CanalOutline;
use super::components::Component;
use super::frame::Frame;
use super::link::Candidate;
use crate::spine::{Structure, Vec3, dot, length, sub};

/// At most this many candidates are weighed, the largest first.
const MAX_CANDIDATES: usize = 64;
/// Areas in the sagittal plane that a body, or what the field leaves of it, can have, mm².
const BODY_AREA_MM2: std::ops::RangeInclusive<f64> = 90.0..=3000.0;
/// A candidate is the sacrum where more than this share of it was called so.
pub(crate) const SACRUM_SHARE: f64 = 0.5;

/// From this area on a candidate has the full worth of a body, mm².
const FULL_AREA_MM2: f64 = 500.0;
/// What any candidate must be worth to be better left in.
const NODE_COST: f64 = 0.15;
const CANAL_ALONGSIDE: f64 = 0.4;
const CANAL_ASTRAY: f64 = -0.8;
const DISC_BETWEEN: f64 = 0.3;
const SACRUM_LOWEST: f64 = 0.3;
const SACRUM_ABOVE_BODY: f64 = -1.0;
const SHORT_STEP: f64 = -0.6;
const LONG_STEP: f64 = -0.7;

/// Distances between neighbouring centres that are possible at all, and without a cost, mm.
const STEP_MM: std::ops::RangeInclusive<f64> = 13.0..=95.0;
const USUAL_STEP_MM: std::ops::RangeInclusive<f64> = 18.0..=50.0;
/// Cosine of the steepest tilt of a step against the image's vertical: 72 degrees.
const MIN_RISE: f64 = 0.31;
/// Sideways distance of neighbouring centres, mm: thick slices and partial width make it a rough figure.
const MAX_SIDEWAYS_MM: f64 = 28.0;
/// A bend of this many degrees costs [`BEND_COST`], and more as the square; the lumbosacral one is freer.
const BEND_DEG: f64 = 28.0;
const SACRAL_BEND_DEG: f64 = 45.0;
const BEND_COST: f64 = 0.6;
const MAX_BEND_DEG: f64 = 68.0;

/// How far from the middle of a step a disc may lie along it (share) and across it (mm) to count as between.
const DISC_ALONG: f64 = 0.28;
const DISC_ACROSS_MM: f64 = 18.0;
/// A smaller piece of disc is none, mm².
const MIN_DISC_MM2: f64 = 30.0;

/// Indices of the candidates (largest first) on the best path, from foot to head.
pub(crate) fn best(
    frame: &Frame,
    candidates: &[Candidate],
    components: &[Component],
    canal: &CanalOutline,
) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..candidates.len()).filter(|i| may_be_body(&candidates[*i])).take(MAX_CANDIDATES).collect();
    order.sort_by(|a, b| candidates[*b].centre_mm[1].total_cmp(&candidates[*a].centre_mm[1]));
    let nodes: Vec<&Candidate> = order.iter().map(|i| &candidates[*i]).collect();
    let discs: Vec<Vec3> = components
        .iter()
        .filter(|c| c.structure == Structure::Disc && c.area_mm2 >= MIN_DISC_MM2)
        .map(|c| [c.centre_mm[0], c.centre_mm[1], frame.slice_z_mm(c.slice)])
        .collect();
    let worth: Vec<f64> = nodes.iter().map(|n| node_worth(n, canal)).collect();
    let steps = |i: usize, j: usize| step_worth(nodes[i], nodes[j], &discs);
    longest_path(&nodes, &worth, steps).into_iter().map(|n| order[n]).collect()
}

fn may_be_body(candidate: &Candidate) -> bool {
    candidate.structure == Structure::VertebralBody && BODY_AREA_MM2.contains(&candidate.area_mm2)
}

fn node_worth(node: &Candidate, canal: &CanalOutline) -> f64 {
    let beside = match canal.alongside(node.centre_mm) {
        Some(true) => CANAL_ALONGSIDE,
        Some(false) => CANAL_ASTRAY,
        None => 0.0,
    };
    (node.area_mm2 / FULL_AREA_MM2).min(1.0) + beside - NODE_COST
}

/// The way between two centres as the slices show it.
fn in_slice(from: &Candidate, to: &Candidate) -> Vec3 {
    let [x, y, _] = sub(to.centre_mm, from.centre_mm);
    [x, y, 0.0]
}

/// What speaks for the step from `lower` to `upper`; `None` where it can't be one.
fn step_worth(lower: &Candidate, upper: &Candidate, discs: &[Vec3]) -> Option<f64> {
    let step = in_slice(lower, upper);
    let length_mm = length(step);
    let possible = STEP_MM.contains(&length_mm)
        && -step[1] >= MIN_RISE * length_mm
        && (upper.centre_mm[2] - lower.centre_mm[2]).abs() <= MAX_SIDEWAYS_MM;
    if !possible {
        return None;
    }
    let mut worth = 0.0;
    if length_mm < *USUAL_STEP_MM.start() {
        worth += SHORT_STEP;
    } else if length_mm > *USUAL_STEP_MM.end() {
        worth += LONG_STEP;
    }
    if upper.sacrum_share > SACRUM_SHARE && lower.sacrum_share <= SACRUM_SHARE {
        worth += SACRUM_ABOVE_BODY;
    }
    if disc_between(lower.centre_mm, upper.centre_mm, discs) {
        worth += DISC_BETWEEN;
    }
    Some(worth)
}

/// Whether one of `discs` lies between two bodies, in the slice plane.
fn disc_between(lower_mm: Vec3, upper_mm: Vec3, discs: &[Vec3]) -> bool {
    let step = [upper_mm[0] - lower_mm[0], upper_mm[1] - lower_mm[1]];
    let squared = step[0] * step[0] + step[1] * step[1];
    discs.iter().any(|disc| {
        let away = [disc[0] - lower_mm[0], disc[1] - lower_mm[1]];
        let along = (away[0] * step[0] + away[1] * step[1]) / squared;
        let across = (away[0] * step[1] - away[1] * step[0]).abs() / squared.sqrt();
        (along - 0.5).abs() <= DISC_ALONG && across <= DISC_ACROSS_MM
    })
}

/// Cost of the bend between two steps; `None` where a spine doesn't bend so.
fn bend_worth(a: &Candidate, b: &Candidate, c: &Candidate) -> Option<f64> {
    let (first, second) = (in_slice(a, b), in_slice(b, c));
    let bend_deg = (dot(first, second) / (length(first) * length(second))).clamp(-1.0, 1.0).acos().to_degrees();
    let free_deg = if a.sacrum_share > SACRUM_SHARE { SACRAL_BEND_DEG } else { BEND_DEG };
    (bend_deg <= MAX_BEND_DEG).then(|| -BEND_COST * (bend_deg / free_deg).powi(2))
}

/// A path that ends with one step: its worth and the node before that step.
#[derive(Clone, Copy)]
struct Ending {
    worth: f64,
    before: Option<usize>,
}

/// The worthiest path; nodes are in the order from foot to head, and steps only lead upwards.
fn longest_path(nodes: &[&Candidate], worth: &[f64], step: impl Fn(usize, usize) -> Option<f64>) -> Vec<usize> {
    let count = nodes.len();
    let mut endings: Vec<Option<Ending>> = vec![None; count * count];
    let start = |i: usize| worth[i] + if nodes[i].sacrum_share > SACRUM_SHARE { SACRUM_LOWEST } else { 0.0 };
    for j in 0..count {
        for i in 0..j {
            let Some(step_worth) = step(i, j) else { continue };
            let mut best = Ending { worth: start(i), before: None };
            for h in 0..i {
                let Some(ending) = endings[h * count + i] else { continue };
                let Some(bend) = bend_worth(nodes[h], nodes[i], nodes[j]) else { continue };
                if ending.worth + bend > best.worth {
                    best = Ending { worth: ending.worth + bend, before: Some(h) };
                }
            }
            endings[i * count + j] = Some(Ending { worth: best.worth + step_worth + worth[j], ..best });
        }
    }
    let last = (0..count * count)
        .filter_map(|k| endings[k].map(|e| (k, e.worth)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(k, _)| (k / count, k % count));
    let Some((mut i, mut j)) = last else { return Vec::new() };
    let mut path = vec![j, i];
    while let Some(h) = endings[i * count + j].and_then(|e| e.before) {
        path.push(h);
        (i, j) = (h, i);
    }
    path.reverse();
    path
}
