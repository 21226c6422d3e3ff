//! The spinal canal as a line: what a body must lie in front of.

use super::components::Component;
use super::frame::Frame;
use crate::spine::{Structure, Vec3};

/// Pieces of canal smaller than this say nothing about where the canal runs, mm².
const MIN_PIECE_MM2: f64 = 40.0;
/// Distance between the rows at which the canal's outline is taken, mm.
const STEP_MM: f64 = 2.0;
/// How far in front of the canal's front wall the middle of a body lies, mm.
const ALONGSIDE_MM: std::ops::RangeInclusive<f64> = 7.0..=33.0;
/// How far to the side canal and body may lie apart, mm.
const LATERAL_MM: f64 = 15.0;

/// One row of the canal in one slice.
#[derive(Debug, Clone, Copy)]
struct Crossing {
    front_mm: Vec3,
    width_mm: f64,
    component: usize,
}

/// The outline of the canal, row by row and slice by slice, in the slice frame.
#[derive(Debug, Clone, Default)]
pub(crate) struct CanalOutline {
    crossings: Vec<Crossing>,
}

impl CanalOutline {
    /// The outline of every piece of canal that is large enough to be one.
    pub(crate) fn of(frame: &Frame, components: &[Component], labels: &[u8]) -> Self {
        let step = ((STEP_MM / frame.row_spacing_mm).round() as usize).max(1);
        let mut crossings = Vec::new();
        let pieces = components.iter().enumerate();
        for (i, c) in pieces.filter(|(_, c)| c.structure == Structure::Canal && c.area_mm2 >= MIN_PIECE_MM2) {
            for row in (c.rows[0]..=c.rows[1]).step_by(step) {
                let start = (c.slice * frame.rows + row) * frame.columns;
                let line = &labels[start + c.columns[0]..=start + c.columns[1]];
                let first = line.iter().position(|l| *l == c.label);
                let last = line.iter().rposition(|l| *l == c.label);
                let (Some(first), Some(last)) = (first, last) else { continue };
                let column = (c.columns[0] + first) as f64 - 0.5;
                crossings.push(Crossing {
                    front_mm: frame.at_pixel(column, row as f64, c.slice),
                    width_mm: (last - first + 1) as f64 * frame.column_spacing_mm,
                    component: i,
                });
            }
        }
        Self { crossings }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.crossings.is_empty()
    }

    /// Whether a place lies in front of the canal at a body's distance; `None` where no canal was segmented at all.
    pub(crate) fn alongside(&self, at_mm: Vec3) -> Option<bool> {
        if self.is_empty() {
            return None;
        }
        let nearest = self
            .crossings
            .iter()
            .filter(|c| (c.front_mm[2] - at_mm[2]).abs() <= LATERAL_MM && c.front_mm[0] > at_mm[0])
            .map(|c| (c.front_mm[0] - at_mm[0]).hypot(c.front_mm[1] - at_mm[1]))
            .min_by(f64::total_cmp);
        Some(nearest.is_some_and(|distance| ALONGSIDE_MM.contains(&distance)))
    }

    /// Where the canal's middle lies sideways within `reach_mm` of a height, weighted by its width, among `accepted` pieces.
    pub(crate) fn lateral_centre_mm(&self, y_mm: f64, reach_mm: f64, accepted: &dyn Fn(usize) -> bool) -> Option<f64> {
        let near = self.crossings.iter().filter(|c| (c.front_mm[1] - y_mm).abs() <= reach_mm && accepted(c.component));
        let (sum, weight) =
            near.fold((0.0, 0.0), |(sum, weight), c| (sum + c.front_mm[2] * c.width_mm, weight + c.width_mm));
        (weight > 0.0).then(|| sum / weight)
    }
}
