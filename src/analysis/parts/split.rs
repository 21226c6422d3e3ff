//! Bodies that the erosion left joined: a piece much longer than wide is more than one vertebra.

use super::components::{Component, describe};
use super::frame::Frame;
use crate::spine::Structure;

/// A single body is never longer than this in a sagittal slice, mm.
const LONG_MM: f64 = 47.0;
/// Nor this many times longer than wide.
const LONG_RATIO: f64 = 1.45;
/// Nor is it a chain of bodies where it lies flatter than this (rise over length): a large body is as deep as a chain is long.
const MIN_RISE: f64 = 0.64;
/// The height of one vertebra with its disc, mm: tells how many a long piece holds.
const PITCH_MM: f64 = 35.0;
/// Where a cut may lie, as shares of the way between two vertebrae of a long piece.
const CUT_WINDOW: f64 = 0.3;
/// How much wider a waist at the window's edge looks than one in its middle.
const OFF_MIDDLE_COST: f64 = 0.2;
/// The shares of sacrum pixels between which a long piece is taken for a body and the sacrum joined.
const MIXED: std::ops::Range<f64> = 0.2..0.8;
/// Width of a step along the piece when looking for its waist, mm.
const STEP_MM: f64 = 1.0;
/// A piece is cut into at most this many.
const MAX_PIECES: usize = 8;

/// Cuts long pieces of bone across their waists and describes the slice anew where it did.
pub(crate) fn long_bodies(frame: &Frame, found: Vec<Component>, channels: &[u8], labels: &mut [u8]) -> Vec<Component> {
    let mut next = found.iter().map(|c| c.label).max().unwrap_or(0);
    let mut cut_any = false;
    for piece in found.iter().filter(|c| c.structure == Structure::VertebralBody) {
        let Some(axis) = long_axis(piece) else { continue };
        let mut from = piece.label;
        for offset_mm in cuts(frame, piece, &axis, channels, labels) {
            let Some(label) = next.checked_add(1).filter(|l| *l < u8::MAX) else { break };
            relabel_beyond(frame, piece, &axis, offset_mm, [from, label], labels);
            (from, next, cut_any) = (label, label, true);
        }
    }
    let slice = found.first().map(|c| c.slice);
    match slice {
        Some(slice) if cut_any => describe(frame, slice, channels, labels),
        _ => found,
    }
}

/// The direction of a long piece, towards its foot end, with its length.
struct Axis {
    direction: [f64; 2],
    length_mm: f64,
}

impl Axis {
    fn offset_mm(&self, piece: &Component, at_mm: [f64; 2]) -> f64 {
        (at_mm[0] - piece.centre_mm[0]) * self.direction[0] + (at_mm[1] - piece.centre_mm[1]) * self.direction[1]
    }
}

/// The axis of a piece that is too long for one body. Lengths are those of a rectangle with the same variances.
fn long_axis(piece: &Component) -> Option<Axis> {
    let [xx, xy, yy] = piece.variance_mm2;
    let (mean, difference) = ((xx + yy) / 2.0, (xx - yy) / 2.0);
    let spread = difference.hypot(xy);
    let (long, short) = ((12.0 * (mean + spread)).sqrt(), (12.0 * (mean - spread).max(0.0)).sqrt());
    let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
    let direction = if angle.sin() < 0.0 { [-angle.cos(), -angle.sin()] } else { [angle.cos(), angle.sin()] };
    (long > LONG_MM && long > LONG_RATIO * short && direction[1] >= MIN_RISE)
        .then_some(Axis { direction, length_mm: long })
}

/// Places of the cuts along the axis, ascending: one less than the vertebrae that fit.
fn cuts(frame: &Frame, piece: &Component, axis: &Axis, channels: &[u8], labels: &[u8]) -> Vec<f64> {
    let count = ((axis.length_mm / PITCH_MM).round() as usize).clamp(2, MAX_PIECES);
    let pitch_mm = axis.length_mm / count as f64;
    let steps = (axis.length_mm / STEP_MM).ceil() as usize + 1;
    let step_of = |offset_mm: f64| ((offset_mm + axis.length_mm / 2.0) / STEP_MM).round();
    let mut widths = vec![[0.0_f64; 2]; steps];
    for_each_pixel(frame, piece, labels, |index, at_mm| {
        if let Some(w) = widths.get_mut(step_of(axis.offset_mm(piece, at_mm)) as usize) {
            w[usize::from(channels[index] == Structure::Sacrum as u8)] += 1.0;
        }
    });
    if count == 2 && MIXED.contains(&piece.sacrum_share) {
        return vec![class_border(&widths) as f64 * STEP_MM - axis.length_mm / 2.0];
    }
    let cut = |k: usize| {
        let (middle, window) = (k as f64 * pitch_mm / STEP_MM, CUT_WINDOW * pitch_mm / STEP_MM);
        // A waist counts for more the nearer it is to where a cut is expected.
        let cost = |step: &usize| {
            let away = (*step as f64 - middle) / window;
            (widths[*step][0] + widths[*step][1]) * (1.0 + OFF_MIDDLE_COST * away * away)
        };
        let near = ((middle - window) as usize..=(middle + window) as usize).filter(|s| *s < steps);
        let waist = near.min_by(|a, b| cost(a).total_cmp(&cost(b)))?;
        Some(waist as f64 * STEP_MM - axis.length_mm / 2.0)
    };
    (1..count).filter_map(cut).collect()
}

/// The step below which most sacrum pixels lie and above which most body pixels.
fn class_border(widths: &[[f64; 2]]) -> usize {
    let sacrum: f64 = widths.iter().map(|w| w[1]).sum();
    let mut wrong = sacrum;
    let mut best = (f64::INFINITY, 0);
    for (step, w) in widths.iter().enumerate() {
        // Everything up to `step` is body: its sacrum pixels, and body pixels beyond, are wrong.
        let beyond: f64 = widths[step..].iter().map(|w| w[0]).sum();
        let fault = (sacrum - wrong) + beyond;
        if fault < best.0 {
            best = (fault, step);
        }
        wrong -= w[1];
    }
    best.1
}

/// Gives the pixels labelled `from` beyond `offset_mm` the label `to`: cuts ascend, so
/// each takes what lies beyond it from the one before.
fn relabel_beyond(
    frame: &Frame,
    piece: &Component,
    axis: &Axis,
    offset_mm: f64,
    [from, to]: [u8; 2],
    labels: &mut [u8],
) {
    for row in piece.rows[0]..=piece.rows[1] {
        for column in piece.columns[0]..=piece.columns[1] {
            let at = frame.at_pixel(column as f64, row as f64, piece.slice);
            let label = &mut labels[row * frame.columns + column];
            if *label == from && axis.offset_mm(piece, [at[0], at[1]]) > offset_mm {
                *label = to;
            }
        }
    }
}

fn for_each_pixel(frame: &Frame, piece: &Component, labels: &[u8], mut visit: impl FnMut(usize, [f64; 2])) {
    for row in piece.rows[0]..=piece.rows[1] {
        for column in piece.columns[0]..=piece.columns[1] {
            let index = row * frame.columns + column;
            if labels[index] == piece.label {
                let at = frame.at_pixel(column as f64, row as f64, piece.slice);
                visit(index, [at[0], at[1]]);
            }
        }
    }
}
