//! Pieces that run together in one slice, cut as the slice beside it shows them apart.
//!
//! Towards the sides, and most of all in a scoliotic spine, partial volume joins what the middle
//! slices tell apart. So from the slice with the most bodies outwards, a piece that covers two pieces
//! of the slice before is divided between them, each pixel going to the nearest.

use super::components::{Component, describe, neighbours};
use super::frame::Frame;
use crate::spine::Structure;

/// A piece counts as seen again where this share of it is covered.
const COVERED_SHARE: f64 = 0.4;
/// And where this much of it is, mm²: less may be a spur or a pedicle.
const COVERED_BONE_MM2: f64 = 130.0;
const COVERED_DISC_MM2: f64 = 50.0;
/// What runs together is this much larger than the larger of the two.
const JOINED_OVER_LARGER: f64 = 1.3;
/// Areas of a body that make a slice a good one to start from, mm².
const WHOLE_BODY_MM2: std::ops::RangeInclusive<f64> = 350.0..=1900.0;

/// Cuts pieces of bone and disc that run together, slice by slice; the descriptions follow.
pub(crate) fn cut_joined(frame: &Frame, channels: &[u8], labels: &mut [u8], slices: &mut [Vec<Component>]) {
    let whole = |components: &Vec<Component>| components.iter().filter(|c| is_whole_body(c)).count();
    let Some(best) = slices.iter().map(whole).max() else { return };
    let middle = slices.len() / 2;
    let fullest = (0..slices.len()).filter(|k| whole(&slices[*k]) == best).min_by_key(|k| k.abs_diff(middle));
    let Some(start) = fullest else { return };
    for k in start + 1..slices.len() {
        cut_slice(frame, channels, labels, slices, k, k - 1);
    }
    for k in (0..start).rev() {
        cut_slice(frame, channels, labels, slices, k, k + 1);
    }
}

fn is_whole_body(component: &Component) -> bool {
    component.structure == Structure::VertebralBody && WHOLE_BODY_MM2.contains(&component.area_mm2)
}

/// Cuts the joined pieces of slice `k` as slice `beside` has them.
fn cut_slice(
    frame: &Frame,
    channels: &[u8],
    labels: &mut [u8],
    slices: &mut [Vec<Component>],
    k: usize,
    beside: usize,
) {
    let length = frame.slice_len();
    let (low, high) = labels.split_at_mut(k.max(beside) * length);
    let (own, other) = if k < beside {
        (&mut low[k * length..][..length], &high[..length])
    } else {
        (&mut high[..length], &low[beside * length..][..length])
    };
    let mut next = slices[k].iter().map(|c| c.label).max().unwrap_or(0);
    let mut cut_any = false;
    for piece in &slices[k] {
        let seeds = covered(frame, piece, own, other, &slices[beside]);
        let Some(last) = u8::try_from(seeds.len().saturating_sub(1)).ok().and_then(|more| next.checked_add(more))
        else {
            continue;
        };
        if seeds.len() < 2 || last == u8::MAX {
            continue;
        }
        let given: Vec<(u8, u8)> = seeds
            .iter()
            .enumerate()
            .map(|(i, seed)| (*seed, if i == 0 { piece.label } else { next + i as u8 }))
            .collect();
        divide(frame.columns, piece.label, &given, own, other);
        (next, cut_any) = (last, true);
    }
    if cut_any {
        slices[k] = describe(frame, k, &channels[k * length..][..length], own);
    }
}

/// Labels of the pieces of the slice beside that `piece` covers, where it looks like several run together.
fn covered(frame: &Frame, piece: &Component, own: &[u8], other: &[u8], beside: &[Component]) -> Vec<u8> {
    let least_mm2 = match piece.structure {
        Structure::VertebralBody => COVERED_BONE_MM2,
        Structure::Disc => COVERED_DISC_MM2,
        _ => return Vec::new(),
    };
    if piece.area_mm2 < 2.0 * least_mm2 {
        return Vec::new();
    }
    let mut shared = [0_u32; 256];
    for row in piece.rows[0]..=piece.rows[1] {
        for i in row * frame.columns + piece.columns[0]..=row * frame.columns + piece.columns[1] {
            if own[i] == piece.label {
                shared[usize::from(other[i])] += 1;
            }
        }
    }
    let seen_again = |c: &&Component| {
        let covered_mm2 = f64::from(shared[usize::from(c.label)]) * frame.pixel_area_mm2();
        c.structure == piece.structure && covered_mm2 >= least_mm2.max(COVERED_SHARE * c.area_mm2)
    };
    let seeds: Vec<&Component> = beside.iter().filter(seen_again).collect();
    let larger = seeds.iter().map(|c| c.area_mm2).fold(0.0, f64::max);
    if piece.area_mm2 < JOINED_OVER_LARGER * larger { Vec::new() } else { seeds.iter().map(|c| c.label).collect() }
}

/// Gives each pixel labelled `label` the label of the nearest of the pieces in `given` (theirs, ours).
fn divide(columns: usize, label: u8, given: &[(u8, u8)], own: &mut [u8], other: &[u8]) {
    const WAITING: u8 = u8::MAX;
    let mut queue = Vec::new();
    for i in (0..own.len()).filter(|i| own[*i] == label).collect::<Vec<_>>() {
        own[i] = WAITING;
        if let Some((_, ours)) = given.iter().find(|(theirs, _)| *theirs == other[i]) {
            own[i] = *ours;
            queue.push(i);
        }
    }
    let mut head = 0;
    while head < queue.len() {
        let from = queue[head];
        head += 1;
        for to in neighbours(from, columns, own.len()).into_iter().flatten() {
            if own[to] == WAITING {
                own[to] = own[from];
                queue.push(to);
            }
        }
    }
    own.iter_mut().filter(|l| **l == WAITING).for_each(|l| *l = label);
}
