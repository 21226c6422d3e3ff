//! Which slice each pixel of the picture is taken from: where the spine runs at its height.
//!
//! At each height the bodies' depth comes from the spine curve and the canal's from its mask. Where
//! the spine is bent it is turned about its own axis too, so that the canal lies in another slice than
//! the body before it: the body is shown undistorted, between its posterior wall and the canal the depth
//! changes evenly, and behind that it stays. A canal mask that wanders off is followed no further
//! than a turned spine takes it.

use super::Axis;
use crate::analysis::study::Labels;
use crate::analysis::volume::Volume;
use crate::spine::{Structure, Vec3};

/// How far, in slices, bodies and canal may be from one slice for that slice to be shown alone.
const ONE_SLICE_REACH: f64 = 0.75;
/// The same in millimetres, for thin slices: less than half the width of a canal.
const ONE_SLICE_REACH_MM: f64 = 3.0;
/// Height over which the bodies' depth is smoothed to each side, mm.
const BODY_SMOOTHED_MM: f64 = 8.0;
/// The same for the canal, whose mask is less steady than the fitted curve.
const CANAL_SMOOTHED_MM: f64 = 20.0;
/// How far to the side of the bodies the canal is followed, mm.
const CANAL_ASIDE_MM_MAX: f64 = 10.0;
/// From the curve to a body's posterior wall, mm.
const BODY_HALF_DEPTH_MM: f64 = 15.0;
/// Canal voxels at a height from which its middle is taken.
const CANAL_VOXELS_MIN: usize = 4;
/// The depth changes over no less than this from body to canal, mm.
const TURN_MM_MIN: f64 = 4.0;

/// A place at some height: how far from the picture's left edge, and in which (fractional) slice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    across_mm: f64,
    depth: f64,
}

/// The depth of every pixel.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Course {
    /// One slice for all.
    Flat(f64),
    /// For each row of the picture the middle of the body and of the canal.
    Curved { body: Vec<Place>, canal: Vec<Place> },
}

impl Course {
    /// The course through `volume` for a picture of `height` rows of `pixel_mm`.
    pub(super) fn new(
        volume: &Volume,
        [across, down]: [Axis; 2],
        (height, pixel_mm): (usize, f64),
        curve_lps_mm: &[Vec3],
        labels: Option<&Labels>,
    ) -> Self {
        let middle_slice = (volume.slices.len() / 2) as f64;
        let row_mm = |y: usize| (y as f64 + 0.5) * pixel_mm;
        let rows_of = |mm: f64| (mm / pixel_mm) as usize;
        let curve = along_curve(volume, [across, down], curve_lps_mm);
        let body: Vec<Place> = (0..height).filter_map(|y| interpolated(&curve, row_mm(y))).collect();
        let body = smoothed(&body, rows_of(BODY_SMOOTHED_MM));
        let mask = labels.map_or_else(Vec::new, |l| along_canal(volume, [across, down], l));
        // Far from any canal in the mask there is nothing to follow but the bodies.
        let near = |y: usize| mask.iter().any(|(mm, _)| (mm - row_mm(y)).abs() <= CANAL_SMOOTHED_MM);
        let canal =
            body.iter().enumerate().map(|(y, b)| interpolated(&mask, row_mm(y)).filter(|_| near(y)).unwrap_or(*b));
        let mut canal = smoothed(&canal.collect::<Vec<_>>(), rows_of(CANAL_SMOOTHED_MM));
        let aside = volume.slice_spacing_mm().map_or(0.0, |mm| CANAL_ASIDE_MM_MAX / mm);
        for (c, b) in canal.iter_mut().zip(&body) {
            c.depth = c.depth.clamp(b.depth - aside, b.depth + aside);
        }
        let depths = || body.iter().chain(&canal).map(|p| p.depth);
        let (least, most) = depths().fold((f64::INFINITY, 0.0_f64), |(l, m), d| (l.min(d), m.max(d)));
        if body.is_empty() {
            return Self::Flat(middle_slice);
        }
        let one = ((least + most) / 2.0).round();
        let reach = ONE_SLICE_REACH.max(volume.slice_spacing_mm().map_or(0.0, |mm| ONE_SLICE_REACH_MM / mm));
        if most - one <= reach && one - least <= reach {
            return Self::Flat(one);
        }
        Self::Curved { body, canal }
    }

    /// The fractional slice in which a pixel lies.
    pub(super) fn depth(&self, row: usize, across_mm: f64) -> f64 {
        match self {
            Self::Flat(depth) => *depth,
            Self::Curved { body, canal } => match (body.get(row), canal.get(row)) {
                (Some(b), Some(c)) => {
                    let wall_mm = b.across_mm + BODY_HALF_DEPTH_MM;
                    let way = (c.across_mm - wall_mm).max(TURN_MM_MIN);
                    let share = ((across_mm - wall_mm) / way).clamp(0.0, 1.0);
                    b.depth + share * (c.depth - b.depth)
                }
                _ => 0.0,
            },
        }
    }

    /// First and last slice that are looked at.
    pub(super) fn slices(&self) -> [usize; 2] {
        let (least, most) = match self {
            Self::Flat(depth) => (*depth, *depth),
            Self::Curved { body, canal } => body
                .iter()
                .chain(canal)
                .fold((f64::INFINITY, 0.0_f64), |(least, most), p| (least.min(p.depth), most.max(p.depth))),
        };
        [least.floor().max(0.0) as usize, most.ceil() as usize]
    }
}

/// The curve's places by height, mm from the picture's upper edge, ascending.
fn along_curve(volume: &Volume, [across, down]: [Axis; 2], curve_lps_mm: &[Vec3]) -> Vec<(f64, Place)> {
    let last = (volume.slices.len() - 1) as f64;
    let mut places: Vec<(f64, Place)> = (curve_lps_mm.iter())
        .map(|p| {
            let (column, row) = volume.column_row(*p, volume.slices.len() / 2);
            let index = |axis: Axis| axis.mm(if axis.along_row { column } else { row });
            (index(down), Place { across_mm: index(across), depth: volume.slice_index(*p).clamp(0.0, last) })
        })
        .filter(|(height, place)| height.is_finite() && place.across_mm.is_finite() && place.depth.is_finite())
        .collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    places
}

/// The middle of the canal's mask by height, mm from the picture's upper edge, ascending.
fn along_canal(volume: &Volume, [across, down]: [Axis; 2], labels: &Labels) -> Vec<(f64, Place)> {
    // For each index along the height: sum of indices across, of slices, and number of voxels.
    let mut sums = vec![[0_usize; 3]; down.pixels];
    for (i, _) in labels.semantic.channels.iter().enumerate().filter(|(_, s)| **s == Structure::Canal as u8) {
        let (slice, pixel) = (i / volume.slice_len(), i % volume.slice_len());
        let (row, column) = (pixel / volume.columns, pixel % volume.columns);
        let (a, d) = if across.along_row { (column, row) } else { (row, column) };
        if let Some(sum) = sums.get_mut(d) {
            *sum = [sum[0] + a, sum[1] + slice, sum[2] + 1];
        }
    }
    let enough = sums.iter().enumerate().filter(|(_, sum)| sum[2] >= CANAL_VOXELS_MIN);
    let mut places: Vec<(f64, Place)> = enough
        .map(|(d, [a, slice, n])| {
            let mean = |sum: usize| sum as f64 / *n as f64;
            (down.mm(d as f64), Place { across_mm: across.mm(mean(*a)), depth: mean(*slice) })
        })
        .collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    places
}

/// The place at `height_mm` of places sorted by height, the nearest one's outside of them.
fn interpolated(places: &[(f64, Place)], height_mm: f64) -> Option<Place> {
    let above = places.partition_point(|p| p.0 <= height_mm);
    match (above.checked_sub(1).and_then(|i| places.get(i)), places.get(above)) {
        (Some((from, a)), Some((to, b))) => {
            let share = (height_mm - from) / (to - from).max(f64::EPSILON);
            let between = |a: f64, b: f64| a + (b - a) * share;
            Some(Place { across_mm: between(a.across_mm, b.across_mm), depth: between(a.depth, b.depth) })
        }
        (Some((_, only)), None) | (None, Some((_, only))) => Some(*only),
        (None, None) => None,
    }
}

/// Running mean over `reach` places to each side.
fn smoothed(places: &[Place], reach: usize) -> Vec<Place> {
    (0..places.len())
        .map(|i| {
            let near = &places[i.saturating_sub(reach)..(i + reach + 1).min(places.len())];
            let mean = |value: fn(&Place) -> f64| near.iter().map(value).sum::<f64>() / near.len() as f64;
            Place { across_mm: mean(|p| p.across_mm), depth: mean(|p| p.depth) }
        })
        .collect()
}
