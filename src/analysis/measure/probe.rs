//! Lines through a part: where they enter and leave it, finer than a pixel.

use crate::analysis::curve::offset;
use crate::analysis::parts::frame::{EDGE_OCCUPANCY, Frame};
use crate::spine::Vec3;

/// Distance between samples along a line, mm.
const STEP_MM: f64 = 0.3;
/// Holes shorter than this are closed, mm.
const CLOSED_MM: f64 = 2.0;

/// One part of the part mask, to be probed.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    pub(super) frame: &'a Frame,
    pub(super) parts: &'a [u8],
    pub(super) number: u8,
}

/// A stretch of a line inside the part: distances from the line's origin, mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    pub(super) from_mm: f64,
    pub(super) to_mm: f64,
}

impl Run {
    pub(super) fn length_mm(self) -> f64 {
        self.to_mm - self.from_mm
    }

    pub(super) fn middle_mm(self) -> f64 {
        (self.from_mm + self.to_mm) / 2.0
    }
}

impl Probe<'_> {
    /// The stretches inside the part between two distances from `origin_mm` along a unit direction.
    /// An edge lies where the occupancy, linear between samples, passes one half.
    pub(super) fn runs(&self, origin_mm: Vec3, direction: Vec3, from_mm: f64, to_mm: f64) -> Vec<Run> {
        let steps = ((to_mm - from_mm) / STEP_MM).ceil().max(1.0) as usize;
        let step = (to_mm - from_mm) / steps as f64;
        let at = |i: usize| {
            let distance = from_mm + step * i as f64;
            (distance, self.frame.occupancy(self.parts, offset(origin_mm, direction, distance), self.number))
        };
        let mut runs: Vec<Run> = Vec::new();
        let mut before = at(0);
        let mut entered = (before.1 >= EDGE_OCCUPANCY).then_some(before.0);
        for here in (1..=steps).map(at) {
            let crossing = || before.0 + step * (EDGE_OCCUPANCY - before.1) / (here.1 - before.1);
            match (entered, here.1 >= EDGE_OCCUPANCY) {
                (None, true) => entered = Some(crossing()),
                (Some(start), false) => {
                    runs.push(Run { from_mm: start, to_mm: crossing() });
                    entered = None;
                }
                _ => {}
            }
            before = here;
        }
        runs.extend(entered.map(|start| Run { from_mm: start, to_mm }));
        closed(runs)
    }

    /// The longest of the stretches.
    pub(super) fn longest(&self, origin_mm: Vec3, direction: Vec3, from_mm: f64, to_mm: f64) -> Option<Run> {
        let runs = self.runs(origin_mm, direction, from_mm, to_mm);
        runs.into_iter().max_by(|a, b| a.length_mm().total_cmp(&b.length_mm()))
    }
}

/// Runs with the small holes between them closed.
fn closed(runs: Vec<Run>) -> Vec<Run> {
    let mut joined: Vec<Run> = Vec::new();
    for run in runs {
        match joined.last_mut() {
            Some(last) if run.from_mm - last.to_mm < CLOSED_MM => last.to_mm = run.to_mm,
            _ => joined.push(run),
        }
    }
    joined
}
