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

/// Height of the bands in which the canal's way sideways is followed, mm.
const BAND_MM: f64 = 8.0;
/// Half the width of a canal, mm, and how much further from its middle a piece of it may lie.
const HALF_WIDTH_MM: f64 = 10.0;
const PATH_MARGIN_MM: f64 = 4.0;
/// What a step sideways from band to band costs, and being away from where the search begins, in mm² of canal for each mm².
const JUMP_COST: f64 = 2.0;
const ASTRAY_COST: f64 = 0.1;

/// One row of the canal in one slice.
#[derive(Debug, Clone, Copy)]
struct Crossing {
    front_mm: Vec3,
    width_mm: f64,
    slice: usize,
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
                    slice: c.slice,
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

    /// The way of the canal sideways, beginning the search at `z_mm`; `None` where there is no canal.
    ///
    /// Lateral slices show foramina that a network takes for canal: of all ways from the highest piece
    /// to the lowest, the one with most canal on it and the fewest jumps.
    pub(crate) fn path(&self, frame: &Frame, z_mm: f64) -> Option<CanalPath> {
        let heights = || self.crossings.iter().map(|c| c.front_mm[1]);
        let (top_mm, bottom_mm) = (heights().min_by(f64::total_cmp)?, heights().max_by(f64::total_cmp)?);
        let bands = ((bottom_mm - top_mm) / BAND_MM) as usize + 1;
        let slices: Vec<f64> = (0..frame.slices()).map(|k| frame.slice_z_mm(k)).collect();
        let mut areas = vec![vec![0.0; slices.len()]; bands];
        for crossing in &self.crossings {
            let band = ((crossing.front_mm[1] - top_mm) / BAND_MM) as usize;
            let gap = frame.slice_gap_mm(crossing.slice);
            // What the canal's cross-section gains by this row, mm².
            areas[band][crossing.slice] +=
                crossing.width_mm * STEP_MM / BAND_MM * if gap.is_finite() { gap } else { 1.0 };
        }
        let near = |k: usize, j: &usize| (slices[*j] - slices[k]).abs() <= HALF_WIDTH_MM;
        let score = |band: &Vec<f64>, k: usize| -> f64 {
            let covered: f64 = (0..slices.len()).filter(|j| near(k, j)).map(|j| band[j]).sum();
            covered - ASTRAY_COST * (slices[k] - z_mm).powi(2)
        };
        let scores: Vec<Vec<f64>> = areas.iter().map(|b| (0..slices.len()).map(|k| score(b, k)).collect()).collect();
        let way = best_way(&scores, |j, k| -JUMP_COST * (slices[j] - slices[k]).powi(2));
        let middle = |(band, k): (&Vec<f64>, &usize)| {
            let (sum, weight) = (0..slices.len())
                .filter(|j| near(*k, j))
                .fold((0.0, 0.0), |(sum, weight), j| (sum + band[j] * slices[j], weight + band[j]));
            if weight > 0.0 { sum / weight } else { slices[*k] }
        };
        Some(CanalPath { top_mm, middles_mm: areas.iter().zip(&way).map(middle).collect() })
    }

    /// Whether most of a piece lies on the way of the canal.
    pub(crate) fn on_path(&self, component: usize, path: &CanalPath) -> bool {
        let rows = self.crossings.iter().filter(|c| c.component == component);
        let (near, all) = rows.fold((0, 0), |(near, all), c| {
            let away_mm = (c.front_mm[2] - path.lateral_mm(c.front_mm[1])).abs();
            (near + usize::from(away_mm <= HALF_WIDTH_MM + PATH_MARGIN_MM), all + 1)
        });
        2 * near > all
    }
}

/// The canal's middle sideways, by height.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CanalPath {
    top_mm: f64,
    middles_mm: Vec<f64>,
}

impl CanalPath {
    /// Sideways place of the canal's middle at a height, mm; beyond its ends that of the nearest end.
    pub(crate) fn lateral_mm(&self, y_mm: f64) -> f64 {
        let last = self.middles_mm.len() - 1;
        let place = ((y_mm - self.top_mm) / BAND_MM - 0.5).clamp(0.0, last as f64);
        let (band, share) = (place as usize, place.fract());
        self.middles_mm[band] * (1.0 - share) + self.middles_mm[(band + 1).min(last)] * share
    }
}

/// The way through rows of scores that collects most, with a gain (or cost) for each step.
fn best_way(scores: &[Vec<f64>], step: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let Some(first) = scores.first() else { return Vec::new() };
    let mut best = first.clone();
    let mut before: Vec<Vec<usize>> = Vec::new();
    for row in &scores[1..] {
        let from: Vec<usize> = (0..row.len())
            .map(|k| {
                (0..row.len()).max_by(|a, b| (best[*a] + step(*a, k)).total_cmp(&(best[*b] + step(*b, k)))).unwrap_or(k)
            })
            .collect();
        best = (0..row.len()).map(|k| row[k] + best[from[k]] + step(from[k], k)).collect();
        before.push(from);
    }
    let mut way = vec![(0..best.len()).max_by(|a, b| best[*a].total_cmp(&best[*b])).unwrap_or(0)];
    for from in before.iter().rev() {
        way.push(from[way[way.len() - 1]]);
    }
    way.reverse();
    way
}
