//! Slices in patient space: the geometry that every later stage computes in.
//!
//! A [`Volume`] is one block of parallel slices of equal size, ordered along its normal. It is the
//! only picture of the image data inside the crate: `dicom` and `phantom` make them, everything
//! else reads them. It knows nothing of files, roles or identity.

use crate::spine::{Vec3, add, cross, dot, scaled, sub};

/// One slice: where its first pixel's centre is, and its stored values.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// Centre of the first pixel (row 0, column 0), LPS mm.
    pub origin_lps_mm: Vec3,
    /// Stored values, row by row, `rows * columns` of them; empty where pixels were not loaded.
    pub stored: Vec<u16>,
    /// Real value = `stored * slope + intercept`.
    pub slope: f32,
    /// See `slope`.
    pub intercept: f32,
    /// Index of the instance it came from in the study's own list of sources.
    pub source: usize,
}

/// A block of parallel slices of equal size, ordered by position along the normal.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    /// Pixels in a column.
    pub rows: usize,
    /// Pixels in a row.
    pub columns: usize,
    /// Distance between the centres of neighbouring rows (DICOM PixelSpacing[0], vertical), mm.
    pub row_spacing_mm: f64,
    /// Distance between the centres of neighbouring columns (DICOM PixelSpacing[1], horizontal), mm.
    pub column_spacing_mm: f64,
    /// Unit direction in which the column index grows (ImageOrientationPatient[0..3]), LPS.
    pub row_direction_lps: Vec3,
    /// Unit direction in which the row index grows (ImageOrientationPatient[3..6]), LPS.
    pub column_direction_lps: Vec3,
    /// The slices, in ascending order of position along [`Volume::normal_lps`].
    pub slices: Vec<Slice>,
}

impl Volume {
    /// The normal, `row_direction x column_direction` (DICOM PS3.3 C.7.6.2.1.1).
    #[must_use]
    pub fn normal_lps(&self) -> Vec3 {
        cross(self.row_direction_lps, self.column_direction_lps)
    }

    /// The same raster and directions, without slices.
    #[must_use]
    pub fn without_slices(&self) -> Self {
        Self { slices: Vec::new(), ..*self }
    }

    /// Pixels in a slice.
    #[must_use]
    pub fn slice_len(&self) -> usize {
        self.rows * self.columns
    }

    /// Whether pixel values were loaded for every slice.
    #[must_use]
    pub fn has_pixels(&self) -> bool {
        !self.slices.is_empty() && self.slices.iter().all(|s| s.stored.len() == self.slice_len())
    }

    /// Patient position of a place given in (fractional) pixels of slice `slice`; pixel centres are whole numbers.
    #[must_use]
    pub fn position_lps_mm(&self, column: f64, row: f64, slice: usize) -> Vec3 {
        let in_row = scaled(self.row_direction_lps, column * self.column_spacing_mm);
        let in_column = scaled(self.column_direction_lps, row * self.row_spacing_mm);
        add(self.slices[slice].origin_lps_mm, add(in_row, in_column))
    }

    /// (column, row) in fractional pixels of slice `slice` onto which a patient position projects along the normal.
    #[must_use]
    pub fn column_row(&self, position_lps_mm: Vec3, slice: usize) -> (f64, f64) {
        let d = sub(position_lps_mm, self.slices[slice].origin_lps_mm);
        (
            dot(d, self.row_direction_lps) / self.column_spacing_mm,
            dot(d, self.column_direction_lps) / self.row_spacing_mm,
        )
    }

    /// Positions of the slices along the normal, mm, ascending.
    #[must_use]
    pub fn slice_positions_mm(&self) -> Vec<f64> {
        let n = self.normal_lps();
        self.slices.iter().map(|s| dot(s.origin_lps_mm, n)).collect()
    }

    /// Median distance between neighbouring slices, mm; `None` for fewer than two.
    #[must_use]
    pub fn slice_spacing_mm(&self) -> Option<f64> {
        let positions = self.slice_positions_mm();
        let mut gaps: Vec<f64> = positions.windows(2).map(|w| w[1] - w[0]).collect();
        gaps.sort_by(f64::total_cmp);
        gaps.get(gaps.len() / 2).copied()
    }

    /// Fractional slice index of a patient position, by linear interpolation between the slices'
    /// positions and extrapolated by the median spacing outside; 0 where there is one slice.
    #[must_use]
    pub fn slice_index(&self, position_lps_mm: Vec3) -> f64 {
        let positions = self.slice_positions_mm();
        let (Some(spacing), [first, .., last]) = (self.slice_spacing_mm(), positions.as_slice()) else {
            return 0.0;
        };
        let p = dot(position_lps_mm, self.normal_lps());
        if p <= *first {
            return (p - first) / spacing;
        }
        if p >= *last {
            return (positions.len() - 1) as f64 + (p - last) / spacing;
        }
        let above = positions.partition_point(|q| *q <= p);
        let (low, high) = (positions[above - 1], positions[above]);
        (above - 1) as f64 + (p - low) / (high - low).max(f64::EPSILON)
    }

    /// Real value at a pixel.
    #[must_use]
    pub fn value(&self, column: usize, row: usize, slice: usize) -> f32 {
        let s = &self.slices[slice];
        f32::from(s.stored[row * self.columns + column]) * s.slope + s.intercept
    }
}

/// A volume's worth of [`crate::spine::Structure`] discriminants, slice by slice, row by row: the
/// semantic segmentation on the volume's own grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemanticMask {
    /// `slices * rows * columns` discriminants.
    pub channels: Vec<u8>,
}

/// Which part each voxel belongs to, on the volume's own grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartMask {
    /// `slices * rows * columns` part numbers: 0 none, otherwise 1 + index into the list of parts.
    pub parts: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sagittal(positions_mm: &[f64]) -> Volume {
        Volume {
            rows: 4,
            columns: 3,
            row_spacing_mm: 2.0,
            column_spacing_mm: 1.0,
            row_direction_lps: [0.0, 1.0, 0.0],
            column_direction_lps: [0.0, 0.0, -1.0],
            slices: positions_mm
                .iter()
                .enumerate()
                .map(|(source, p)| Slice {
                    origin_lps_mm: [-p, 10.0, 20.0],
                    stored: vec![0; 12],
                    slope: 1.0,
                    intercept: 0.0,
                    source,
                })
                .collect(),
        }
    }

    #[test]
    fn the_normal_of_a_sagittal_slice_points_to_the_right() {
        assert_eq!(sagittal(&[0.0]).normal_lps(), [-1.0, 0.0, 0.0]);
    }

    #[test]
    fn pixels_go_to_patient_space_and_back() {
        let v = sagittal(&[0.0, 4.0, 9.0]);
        let p = v.position_lps_mm(2.0, 3.0, 1);
        assert_eq!(p, [-4.0, 12.0, 14.0]);
        assert_eq!(v.column_row(p, 1), (2.0, 3.0));
        assert!((v.slice_index(p) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn uneven_slices_keep_their_places() {
        let v = sagittal(&[0.0, 4.0, 9.0]);
        assert!((v.slice_index([-6.5, 0.0, 0.0]) - 1.5).abs() < 1e-9);
        assert!((v.slice_index([2.5, 0.0, 0.0]) + 0.5).abs() < 1e-9);
        assert_eq!(sagittal(&[0.0]).slice_index([5.0, 0.0, 0.0]), 0.0);
    }
}
