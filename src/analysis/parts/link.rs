//! Pieces of neighbouring slices joined to candidates: what might be one body, disc or canal in space.
//!
//! Two pieces are joined where each is the other's best overlap, so that one slice in which two
//! bodies run together does not fuse them in all the others.

use super::components::Component;
use super::frame::Frame;
use crate::spine::{Structure, Vec3};

/// The least share of the smaller piece that must overlap.
const MIN_OVERLAP: f64 = 0.3;
/// A candidate's area is that of the piece at the upper quarter: the very largest may be two run together.
const TYPICAL_RANK: usize = 4;
/// Pieces of these shares of it tell the centre and the shape: the lateral ones, with pedicles, are
/// smaller and lie off centre.
const CENTRAL: std::ops::RangeInclusive<f64> = 0.6..=1.45;

/// A candidate is cut by the image's edge where more than this share of its central pieces is.
const EDGE_SHARE: f64 = 0.2;

/// Pieces of one structure that belong together across slices.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Their structure; body and sacrum are both `VertebralBody`.
    pub(crate) structure: Structure,
    /// Indices of its components.
    pub(crate) components: Vec<usize>,
    /// Area of a large piece of it, mm².
    pub(crate) area_mm2: f64,
    /// Centre of its central pieces, slice frame, mm.
    pub(crate) centre_mm: Vec3,
    /// Variances xx, xy, yy of its central pieces, mm².
    pub(crate) variance_mm2: [f64; 3],
    /// Share of sacrum pixels among all of them.
    pub(crate) sacrum_share: f64,
    /// Whether its central pieces reach the image's edge.
    pub(crate) at_edge: bool,
}

impl Candidate {
    /// Its extent along a direction of the slice plane, mm: that of a rectangle with the same variance.
    pub(crate) fn extent_mm(&self, direction: [f64; 2]) -> f64 {
        extent_mm(self.variance_mm2, direction)
    }

    fn of(members: Vec<usize>, components: &[Component], frame: &Frame) -> Self {
        let mut areas: Vec<f64> = members.iter().map(|i| components[*i].area_mm2).collect();
        areas.sort_by(|a, b| b.total_cmp(a));
        let area_mm2 = areas.get(areas.len() / TYPICAL_RANK).copied().unwrap_or(0.0);
        let total: f64 = members.iter().map(|i| components[*i].area_mm2).sum();
        let sacrum = members.iter().map(|i| components[*i].area_mm2 * components[*i].sacrum_share).sum::<f64>();
        let central: Vec<&Component> =
            members.iter().map(|i| &components[*i]).filter(|c| CENTRAL.contains(&(c.area_mm2 / area_mm2))).collect();
        let weight: f64 = central.iter().map(|c| c.area_mm2).sum();
        let mean =
            |value: &dyn Fn(&Component) -> f64| central.iter().map(|c| c.area_mm2 * value(c)).sum::<f64>() / weight;
        Self {
            structure: members.first().map_or(Structure::Background, |i| components[*i].structure),
            area_mm2,
            centre_mm: [mean(&|c| c.centre_mm[0]), mean(&|c| c.centre_mm[1]), mean(&|c| frame.slice_z_mm(c.slice))],
            variance_mm2: [mean(&|c| c.variance_mm2[0]), mean(&|c| c.variance_mm2[1]), mean(&|c| c.variance_mm2[2])],
            sacrum_share: sacrum / total,
            at_edge: mean(&|c| f64::from(u8::from(c.at_edge))) >= EDGE_SHARE,
            components: members,
        }
    }
}

/// The extent along `direction` of a rectangle with these variances (xx, xy, yy), mm.
pub(crate) fn extent_mm(variance_mm2: [f64; 3], direction: [f64; 2]) -> f64 {
    let [xx, xy, yy] = variance_mm2;
    let [x, y] = direction;
    (12.0 * (xx * x * x + 2.0 * xy * x * y + yy * y * y).max(0.0)).sqrt()
}

/// The candidates of every structure, the largest first.
pub(crate) fn candidates(frame: &Frame, components: &[Component], labels: &[u8]) -> Vec<Candidate> {
    let mut parents: Vec<usize> = (0..components.len()).collect();
    for (a, b) in best_partners(frame, components, labels) {
        let (a, b) = (root(&mut parents, a), root(&mut parents, b));
        parents[a.max(b)] = a.min(b);
    }
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); components.len()];
    for i in 0..components.len() {
        members[root(&mut parents, i)].push(i);
    }
    let joined = members.into_iter().filter(|m| !m.is_empty());
    let mut found: Vec<Candidate> = joined.map(|m| Candidate::of(m, components, frame)).collect();
    found.sort_by(|a, b| b.area_mm2.total_cmp(&a.area_mm2));
    found
}

fn root(parents: &mut [usize], mut i: usize) -> usize {
    while parents[i] != i {
        parents[i] = parents[parents[i]];
        i = parents[i];
    }
    i
}

/// Pairs of pieces of one structure in neighbouring slices of which each overlaps the other most.
fn best_partners(frame: &Frame, components: &[Component], labels: &[u8]) -> Vec<(usize, usize)> {
    let mut by_slice: Vec<Vec<Option<usize>>> = vec![Vec::new(); frame.slices()];
    for (i, c) in components.iter().enumerate() {
        let slots = &mut by_slice[c.slice];
        slots.resize(slots.len().max(usize::from(c.label) + 1), None);
        slots[usize::from(c.label)] = Some(i);
    }
    let mut pairs = Vec::new();
    let slices: Vec<&[u8]> = labels.chunks_exact(frame.slice_len()).collect();
    let mut overlap = vec![0_u32; 256 * 256];
    for k in 1..slices.len() {
        overlap.fill(0);
        for (a, b) in slices[k - 1].iter().zip(slices[k]) {
            if *a != 0 && *b != 0 {
                overlap[usize::from(*a) * 256 + usize::from(*b)] += 1;
            }
        }
        let shared = |i: usize, j: usize| {
            let (a, b) = (&components[i], &components[j]);
            let pixels = overlap[usize::from(a.label) * 256 + usize::from(b.label)];
            if a.structure == b.structure { pixels } else { 0 }
        };
        pairs.extend(mutual_best(shared, &by_slice[k - 1], &by_slice[k]).into_iter().filter(|(i, j)| {
            let smaller = components[*i].area_mm2.min(components[*j].area_mm2);
            f64::from(shared(*i, *j)) * frame.pixel_area_mm2() >= MIN_OVERLAP * smaller
        }));
    }
    pairs
}

fn mutual_best(
    shared: impl Fn(usize, usize) -> u32,
    first: &[Option<usize>],
    second: &[Option<usize>],
) -> Vec<(usize, usize)> {
    let best_of_second = |i: usize| second.iter().flatten().copied().max_by_key(|j| shared(i, *j));
    let best_of_first = |j: usize| first.iter().flatten().copied().max_by_key(|i| shared(*i, j));
    let pair = |i: usize| best_of_second(i).filter(|j| best_of_first(*j) == Some(i)).map(|j| (i, j));
    first.iter().flatten().copied().filter_map(pair).collect()
}
