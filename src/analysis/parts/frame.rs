//! The slice frame: millimetres along the slices' own axes, in which the spine is found and measured.
//!
//! x grows with the column (to the posterior), y with the row (to the feet), z along the normal;
//! the origin is the first pixel of the first slice. A rotation and a shift away from LPS, so
//! lengths and angles are the same in both. It samples masks between voxels; it holds no masks.

use crate::analysis::volume::Volume;
use crate::spine::{Vec3, add, dot, scaled, sub};

/// A value of the mask that counts as inside, where half of a sample's surroundings have it.
pub(crate) const EDGE_OCCUPANCY: f64 = 0.5;

/// No image of a spine is larger than this in any direction, mm; whatever is, has a wrong header.
pub(crate) const MAX_FIELD_MM: f64 = 2500.0;

/// Where a slice's first pixel lies in the slice frame, mm.
type SlicePlace = Vec3;

/// The geometry of a volume with everything at hand that sampling needs.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_spacing_mm: f64,
    pub(crate) column_spacing_mm: f64,
    axes_lps: [Vec3; 3],
    origin_lps_mm: Vec3,
    places_mm: Vec<SlicePlace>,
}

impl Frame {
    /// The frame of `volume`; `None` where it has no pixels or no finite geometry, or more of it than a scanner covers.
    pub(crate) fn of(volume: &Volume) -> Option<Self> {
        let axes_lps = [volume.row_direction_lps, volume.column_direction_lps, volume.normal_lps()];
        let origin_lps_mm = volume.slices.first()?.origin_lps_mm;
        let places_mm: Vec<SlicePlace> = volume
            .slices
            .iter()
            .map(|s| {
                let d = sub(s.origin_lps_mm, origin_lps_mm);
                axes_lps.map(|axis| dot(d, axis))
            })
            .collect();
        let finite = places_mm.iter().chain(&axes_lps).chain([&origin_lps_mm]).flatten().all(|v| v.is_finite());
        let spaced = [volume.row_spacing_mm, volume.column_spacing_mm].iter().all(|s| s.is_finite() && *s > 0.0);
        let ordered = places_mm.windows(2).all(|w| w[0][2] < w[1][2]);
        let depth_mm = places_mm.last()?[2] - places_mm[0][2];
        let field_mm =
            [volume.rows as f64 * volume.row_spacing_mm, volume.columns as f64 * volume.column_spacing_mm, depth_mm];
        let sized = field_mm.iter().all(|f| *f <= MAX_FIELD_MM);
        (finite && spaced && ordered && sized && volume.slice_len() > 0).then_some(Self {
            rows: volume.rows,
            columns: volume.columns,
            row_spacing_mm: volume.row_spacing_mm,
            column_spacing_mm: volume.column_spacing_mm,
            axes_lps,
            origin_lps_mm,
            places_mm,
        })
    }

    pub(crate) fn slices(&self) -> usize {
        self.places_mm.len()
    }

    pub(crate) fn slice_len(&self) -> usize {
        self.rows * self.columns
    }

    pub(crate) fn pixel_area_mm2(&self) -> f64 {
        self.row_spacing_mm * self.column_spacing_mm
    }

    /// Position of slice `slice` along z, mm.
    pub(crate) fn slice_z_mm(&self, slice: usize) -> f64 {
        self.places_mm[slice][2]
    }

    /// Distance from slice `slice` to its nearest neighbour, mm; infinite where there is none.
    pub(crate) fn slice_gap_mm(&self, slice: usize) -> f64 {
        let z = self.slice_z_mm(slice);
        let below = slice.checked_sub(1).map_or(f64::INFINITY, |k| z - self.slice_z_mm(k));
        let above = self.places_mm.get(slice + 1).map_or(f64::INFINITY, |p| p[2] - z);
        below.min(above)
    }

    /// The place of a pixel, mm.
    pub(crate) fn at_pixel(&self, column: f64, row: f64, slice: usize) -> Vec3 {
        let [x, y, z] = self.places_mm[slice];
        [x + column * self.column_spacing_mm, y + row * self.row_spacing_mm, z]
    }

    /// The patient position of a place of this frame.
    pub(crate) fn to_lps(&self, at_mm: Vec3) -> Vec3 {
        add(self.origin_lps_mm, self.direction_to_lps(at_mm))
    }

    /// A direction of this frame in patient space.
    pub(crate) fn direction_to_lps(&self, direction: Vec3) -> Vec3 {
        let [x, y, z] = self.axes_lps;
        add(scaled(x, direction[0]), add(scaled(y, direction[1]), scaled(z, direction[2])))
    }

    /// The slices on both sides of `z_mm` and the share of the upper one; `None` more than half a
    /// slice distance outside. In a block of one slice every z lies in that slice.
    pub(crate) fn slices_at(&self, z_mm: f64) -> Option<(usize, usize, f64)> {
        let last = self.slices() - 1;
        let above = self.places_mm.partition_point(|p| p[2] <= z_mm);
        if last == 0 {
            return Some((0, 0, 0.0));
        }
        if above == 0 || above > last {
            let end = if above == 0 { 0 } else { last };
            let near = (z_mm - self.slice_z_mm(end)).abs() <= 0.5 * self.slice_gap_mm(end);
            return near.then_some((end, end, 0.0));
        }
        let (low, high) = (self.slice_z_mm(above - 1), self.slice_z_mm(above));
        Some((above - 1, above, (z_mm - low) / (high - low)))
    }

    /// How much of what surrounds `at_mm` has the value `part` in `values` (0 to 1): bilinear within
    /// a slice, linear between slices. Outside the image there is none.
    pub(crate) fn occupancy(&self, values: &[u8], at_mm: Vec3, part: u8) -> f64 {
        let Some((low, high, share)) = self.slices_at(at_mm[2]) else { return 0.0 };
        let in_low = if share < 1.0 { self.occupancy_in_slice(values, at_mm, low, part) } else { 0.0 };
        let in_high = if share > 0.0 { self.occupancy_in_slice(values, at_mm, high, part) } else { 0.0 };
        in_low * (1.0 - share) + in_high * share
    }

    fn occupancy_in_slice(&self, values: &[u8], at_mm: Vec3, slice: usize, part: u8) -> f64 {
        let [x, y, _] = self.places_mm[slice];
        let (column, row) = ((at_mm[0] - x) / self.column_spacing_mm, (at_mm[1] - y) / self.row_spacing_mm);
        // Also where it is no number.
        if !(column > -1.0 && row > -1.0 && column < self.columns as f64 && row < self.rows as f64) {
            return 0.0;
        }
        // The pixel to the upper left, counted from 1: cutting off is `floor` without its call where nothing is negative.
        let (left, top) = ((column + 1.0) as usize, (row + 1.0) as usize);
        let (to_right, to_bottom) = (column + 1.0 - left as f64, row + 1.0 - top as f64);
        let inside = |left: usize, top: usize| -> f64 {
            let (Some(column), Some(row)) = (left.checked_sub(1), top.checked_sub(1)) else { return 0.0 };
            if column >= self.columns || row >= self.rows {
                return 0.0;
            }
            let index = slice * self.slice_len() + row * self.columns + column;
            f64::from(u8::from(values.get(index) == Some(&part)))
        };
        let upper = inside(left, top) * (1.0 - to_right) + inside(left + 1, top) * to_right;
        let lower = inside(left, top + 1) * (1.0 - to_right) + inside(left + 1, top + 1) * to_right;
        upper * (1.0 - to_bottom) + lower * to_bottom
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]
mod tests {
    use super::*;
    use crate::analysis::volume::Slice;

    fn oblique(slices: usize) -> Volume {
        let (sin, cos) = 0.3_f64.sin_cos();
        let volume = Volume {
            rows: 8,
            columns: 6,
            row_spacing_mm: 0.5,
            column_spacing_mm: 0.7,
            row_direction_lps: [sin, cos, 0.0],
            column_direction_lps: [0.0, 0.0, -1.0],
            slices: Vec::new(),
        };
        let normal = volume.normal_lps();
        let slice = |k: usize| Slice {
            origin_lps_mm: add([3.0, -20.0, 40.0], scaled(normal, 4.0 * k as f64)),
            stored: Vec::new(),
            slope: 1.0,
            intercept: 0.0,
            source: k,
        };
        Volume { slices: (0..slices).map(slice).collect(), ..volume }
    }

    #[test]
    fn frame_and_volume_agree_on_where_a_pixel_lies() {
        let volume = oblique(3);
        let frame = Frame::of(&volume).unwrap();
        let (a, b) = (frame.to_lps(frame.at_pixel(2.5, 3.0, 2)), volume.position_lps_mm(2.5, 3.0, 2));
        assert!(crate::spine::length(sub(a, b)) < 1e-9, "{a:?} {b:?}");
    }

    #[test]
    fn occupancy_falls_to_one_half_on_the_border_between_two_pixels() {
        let frame = Frame::of(&oblique(2)).unwrap();
        let mut values = vec![0; 2 * 48];
        values[3 * 6 + 2] = 7;
        let at = |column: f64, z: f64| frame.occupancy(&values, [column * 0.7, 1.5, z], 7);
        assert!((at(2.0, 0.0) - 1.0).abs() < 1e-9);
        assert!((at(2.5, 0.0) - 0.5).abs() < 1e-9);
        assert!((at(2.0, 1.0) - 0.75).abs() < 1e-9);
        assert!(at(2.0, -5.0).abs() < 1e-9);
        assert!(at(-9.0, 0.0).abs() < 1e-9);
    }

    #[test]
    fn a_volume_without_slices_has_no_frame() {
        assert!(Frame::of(&oblique(0)).is_none());
    }
}
