//! Axial slices to disc levels, by geometry alone.

use crate::analysis::study::StudyImages;
use crate::analysis::volume::Volume;
use crate::spine::{AxialAssignment, LevelReport, Role, dot};

/// A slice shows a disc where its plane passes within half the disc's height and this of the centre, mm.
pub const AXIAL_MARGIN_MM: f64 = 3.0;
/// Half height of a disc whose height could not be measured, mm.
pub const UNKNOWN_HALF_HEIGHT_MM: f64 = 4.0;
/// And where it lies at less than this angle to the disc's plane, degrees.
pub const AXIAL_ANGLE_DEG: f64 = 30.0;

/// Fills [`LevelReport::axial`] from the axial series: slices that pass near the disc's centre
/// ([`AXIAL_MARGIN_MM`]), nearly in its plane ([`AXIAL_ANGLE_DEG`]), and hold it in their field.
pub fn axial_slices(levels: &mut [LevelReport], images: &StudyImages) {
    for level in levels {
        level.axial = images
            .series
            .iter()
            .enumerate()
            .filter(|(_, s)| matches!(s.assignment.role, Role::AxialT2 | Role::AxialT1))
            .flat_map(|(series, s)| s.blocks.iter().enumerate().map(move |(block, volume)| (series, block, volume)))
            .flat_map(|(series, block, volume)| block_slices(level, series, block, volume))
            .collect();
    }
}

fn block_slices(level: &LevelReport, series: usize, block: usize, volume: &Volume) -> Vec<AxialAssignment> {
    let normal = volume.normal_lps();
    let angle_deg = dot(normal, level.plane.normal_lps).abs().clamp(0.0, 1.0).acos().to_degrees();
    if !angle_deg.is_finite() || angle_deg >= AXIAL_ANGLE_DEG {
        return Vec::new();
    }
    let half_height_mm =
        level.measurements.disc_height_middle_mm.get().map_or(UNKNOWN_HALF_HEIGHT_MM, |height| height / 2.0);
    let centre = dot(level.plane.centre_lps_mm, normal);
    let slices = volume.slice_positions_mm().into_iter().enumerate().filter_map(|(slice, position)| {
        let distance_mm = centre - position;
        let (column, row) = volume.column_row(level.plane.centre_lps_mm, slice);
        let within = |at: f64, count: usize| at >= -0.5 && at <= count as f64 - 0.5;
        let shows = distance_mm.abs() <= half_height_mm + AXIAL_MARGIN_MM
            && within(column, volume.columns)
            && within(row, volume.rows);
        shows.then_some(AxialAssignment { series, block, slice, distance_mm, angle_deg })
    });
    slices.collect()
}
