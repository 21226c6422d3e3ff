//! The shape of a body beyond its extents: how it narrows to the front or to the foot.

use super::components::Component;
use super::frame::Frame;
use super::link::Candidate;

/// What of a body lies in front and above.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Profile {
    /// Natural logarithm of the area in the front half over that in the back half: below 0 wedged as a thoracolumbar body is.
    pub(crate) front_to_back: f64,
    /// The same of the upper half over the lower one: a first sacral body narrows to the foot.
    pub(crate) upper_to_lower: f64,
}

/// A half of a body has at least this share of it, however it is cut: logarithms stay small.
const LEAST_HALF: f64 = 0.02;

impl Profile {
    /// The profile of `body`, whose head lies along `up` in the slice plane; halves are those of its extent along and across.
    pub(crate) fn of(body: &Candidate, up: [f64; 2], components: &[Component], labels: &[u8], frame: &Frame) -> Self {
        let largest = body.components.iter().map(|i| &components[*i]).max_by(|a, b| a.area_mm2.total_cmp(&b.area_mm2));
        let Some(piece) = largest else { return Self::default() };
        let places = places(piece, up, labels, frame);
        let half = |axis: usize| {
            let values = || places.iter().map(|p| p[axis]);
            let (least, most) = values().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
            let share = values().filter(|v| *v > (least + most) / 2.0).count() as f64 / places.len().max(1) as f64;
            let share = share.clamp(LEAST_HALF, 1.0 - LEAST_HALF);
            (share / (1.0 - share)).ln()
        };
        Self { front_to_back: -half(0), upper_to_lower: half(1) }
    }
}

/// The pixels of a piece, as mm to the back and to the head.
fn places(piece: &Component, up: [f64; 2], labels: &[u8], frame: &Frame) -> Vec<[f64; 2]> {
    let mut found = Vec::new();
    for row in piece.rows[0]..=piece.rows[1] {
        let start = (piece.slice * frame.rows + row) * frame.columns;
        for column in piece.columns[0]..=piece.columns[1] {
            if labels[start + column] == piece.label {
                let (x, y) = (column as f64 * frame.column_spacing_mm, row as f64 * frame.row_spacing_mm);
                found.push([-x * up[1] + y * up[0], x * up[0] + y * up[1]]);
            }
        }
    }
    found
}
