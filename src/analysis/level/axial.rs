//! Axial slices to disc levels, by geometry alone.

use crate::analysis::study::StudyImages;
use crate::analysis::volume::Volume;
use crate::spine::{AxialAssignment, LevelReport, Role, dot};

/// A slice shows a disc where its plane passes within half the disc's height and this of the centre, mm.
pub const AXIAL_MARGIN_MM: f64 = 3.0;
/// Half height of a disc whose height could not be measured, mm.
pub const UNKNOWN_HALF_HEIGHT_MM: f64 = 4.0;
/// And where it lies at less than this angle to the disc's plane, degrees: one straight block leaves
/// L5-S1 of a steep sacrum at 40 degrees, and is still what a radiologist looks at. Every assignment
/// carries its angle.
pub const AXIAL_ANGLE_DEG: f64 = 45.0;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::study::SeriesImages;
    use crate::analysis::volume::Slice;
    use crate::spine::{CanalStanding, Designation, DiscPlane, LevelMeasurements, Measurement, RoleAssignment, Vec3};

    fn level(centre_lps_mm: Vec3) -> LevelReport {
        LevelReport {
            designation: Designation { name: None, ordinal_from_below: 1, confidence: 0.0, evidence: Vec::new() },
            plane: DiscPlane {
                centre_lps_mm,
                normal_lps: [0.0, 0.0, 1.0],
                anterior_lps: [0.0, -1.0, 0.0],
                depth_mm: 34.0,
            },
            measurements: LevelMeasurements {
                disc_height_middle_mm: Measurement::taken(8.0, "mm", "none"),
                ..LevelMeasurements::missing("not taken")
            },
            canal: CanalStanding::default(),
            canal_centre_lps_mm: None,
            axial: Vec::new(),
            grades: Vec::new(),
            ungraded: Vec::new(),
        }
    }

    /// Nine slices 4 mm apart, the middle one through the origin, tilted about the left-right axis.
    fn block(tilt_deg: f64) -> Volume {
        let (sin, cos) = tilt_deg.to_radians().sin_cos();
        let slice = |k: usize| {
            let along = (k as f64 - 4.0) * 4.0;
            let at = |up: f64, back: f64| [-60.0, back * cos - up * sin, back * sin + up * cos];
            Slice { origin_lps_mm: at(along, -60.0), stored: Vec::new(), slope: 1.0, intercept: 0.0, source: k }
        };
        Volume {
            rows: 120,
            columns: 120,
            row_spacing_mm: 1.0,
            column_spacing_mm: 1.0,
            row_direction_lps: [1.0, 0.0, 0.0],
            column_direction_lps: [0.0, cos, sin],
            slices: (0..9).map(slice).collect(),
        }
    }

    fn study(role: Role, blocks: Vec<Volume>) -> StudyImages {
        let assignment = RoleAssignment { role, reason: String::new(), confidence: 1.0 };
        StudyImages { series: vec![SeriesImages { assignment, blocks }], quality: Vec::new(), second_opinion: None }
    }

    #[test]
    fn slices_through_a_disc_are_its_slices() {
        let mut levels = [level([0.0, 0.0, 0.5])];
        axial_slices(&mut levels, &study(Role::AxialT2, vec![block(0.0)]));
        let slices: Vec<_> = levels[0].axial.iter().map(|a| (a.slice, a.distance_mm)).collect();
        assert_eq!(slices, [(3, 4.5), (4, 0.5), (5, -3.5)]);
    }

    #[test]
    fn slices_at_a_steep_angle_or_beside_the_disc_are_not() {
        let images = study(Role::AxialT2, vec![block(50.0), block(10.0)]);
        let mut levels = [level([0.0, 0.0, 0.0]), level([0.0, 75.0, 0.0])];
        axial_slices(&mut levels, &images);
        assert!(levels[0].axial.iter().all(|a| a.block == 1 && (a.angle_deg - 10.0).abs() < 1e-6));
        assert_eq!(levels[0].axial.len(), 3);
        assert!(levels[1].axial.is_empty());
    }

    #[test]
    fn sagittal_series_are_no_axial_ones() {
        let mut levels = [level([0.0, 0.0, 0.0])];
        axial_slices(&mut levels, &study(Role::SagittalT2, vec![block(0.0)]));
        assert!(levels[0].axial.is_empty());
    }
}
