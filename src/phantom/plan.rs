//! How a phantom is imaged: planes, pixels, contrast, coil and noise, series by series.

use super::Phantom;
use super::parameters::{PhantomError, within};
use super::tissue::Contrast;
use crate::spine::{Vec3, add, cross, dot, scaled, sub};

/// What coil and receiver do to a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Imaging {
    /// Standard deviation of the noise in each channel, as a share of the signal of fat.
    pub noise: f64,
    /// How much of a bare surface coil's shading is left, 0 (normalised) to 1.
    pub coil: f64,
    /// How strong a saturation band before the spine is, 0 to 1.
    pub saturation: f64,
    /// Varies the noise where everything else is the same.
    pub noise_seed: u64,
}

impl Default for Imaging {
    fn default() -> Self {
        Self { noise: 0.022, coil: 0.6, saturation: 0.0, noise_seed: 0 }
    }
}

/// The planes of a series (or of one block of it) and how they are imaged.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesPlan {
    /// Pixels in a column.
    pub rows: usize,
    /// Pixels in a row.
    pub columns: usize,
    /// Distance between the centres of neighbouring rows, mm.
    pub row_spacing_mm: f64,
    /// Distance between the centres of neighbouring columns, mm.
    pub column_spacing_mm: f64,
    /// Unit direction in which the column index grows, LPS.
    pub row_direction_lps: Vec3,
    /// Unit direction in which the row index grows, LPS.
    pub column_direction_lps: Vec3,
    /// Centre of the first pixel of each slice, in ascending order along the normal, LPS mm.
    pub origins_lps_mm: Vec<Vec3>,
    /// Slice thickness, mm.
    pub thickness_mm: f64,
    /// Weighting.
    pub contrast: Contrast,
    /// Coil and noise.
    pub imaging: Imaging,
}

/// Square field, matrix and stack of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stack {
    /// Side of the field of view, mm, 80 to 500.
    pub fov_mm: f64,
    /// Rows and columns, 32 to 1024.
    pub matrix: usize,
    /// Slices, 1 to 256.
    pub slices: usize,
    /// Slice thickness, mm, 0.4 to 12.
    pub thickness_mm: f64,
    /// Distance between slice centres, mm, 0.4 to 15.
    pub spacing_mm: f64,
}

impl Stack {
    pub(super) fn validate(&self) -> Result<(), PhantomError> {
        within(("fov_mm", 80.0, 500.0), self.fov_mm)?;
        within(("matrix", 32.0, 1024.0), self.matrix as f64)?;
        within(("slices", 1.0, 256.0), self.slices as f64)?;
        within(("thickness_mm", 0.4, 12.0), self.thickness_mm)?;
        within(("spacing_mm", 0.4, 15.0), self.spacing_mm)
    }

    fn planes(&self, centre: Vec3, row: Vec3, column: Vec3, contrast: Contrast, imaging: Imaging) -> SeriesPlan {
        let pixel_mm = self.fov_mm / self.matrix as f64;
        let half = (self.matrix as f64 - 1.0) / 2.0 * pixel_mm;
        let corner = sub(centre, add(scaled(row, half), scaled(column, half)));
        let normal = cross(row, column);
        let along = |i: usize| (i as f64 - (self.slices as f64 - 1.0) / 2.0) * self.spacing_mm;
        SeriesPlan {
            rows: self.matrix,
            columns: self.matrix,
            row_spacing_mm: pixel_mm,
            column_spacing_mm: pixel_mm,
            row_direction_lps: row,
            column_direction_lps: column,
            origins_lps_mm: (0..self.slices).map(|i| add(corner, scaled(normal, along(i)))).collect(),
            thickness_mm: self.thickness_mm,
            contrast,
            imaging,
        }
    }
}

impl SeriesPlan {
    /// Whether a place lies inside the stack's field.
    #[must_use]
    pub fn shows(&self, position_lps_mm: Vec3) -> bool {
        let normal = cross(self.row_direction_lps, self.column_direction_lps);
        let [first, .., last] = self.origins_lps_mm.as_slice() else { return false };
        let inside = |origin: Vec3, direction: Vec3, extent_mm: f64, margin_mm: f64| {
            (-margin_mm..=extent_mm + margin_mm).contains(&dot(sub(position_lps_mm, origin), direction))
        };
        inside(*first, self.row_direction_lps, (self.columns as f64 - 1.0) * self.column_spacing_mm, 0.0)
            && inside(*first, self.column_direction_lps, (self.rows as f64 - 1.0) * self.row_spacing_mm, 0.0)
            && inside(*first, normal, dot(sub(*last, *first), normal), self.thickness_mm / 2.0)
    }

    /// Sagittal slices about `centre_lps_mm`, turned with the patient; rows run to the back.
    #[must_use]
    pub fn sagittal(
        phantom: &Phantom,
        stack: Stack,
        centre_lps_mm: Vec3,
        contrast: Contrast,
        imaging: Imaging,
    ) -> Self {
        let patient = phantom.patient();
        stack.planes(centre_lps_mm, patient.posterior, scaled(patient.up, -1.0), contrast, imaging)
    }

    /// Axial slices about `centre_lps_mm`, perpendicular to `normal_lps` (towards the head); rows run to the left.
    #[must_use]
    pub fn axial(
        phantom: &Phantom,
        stack: Stack,
        centre_lps_mm: Vec3,
        normal_lps: Vec3,
        contrast: Contrast,
        imaging: Imaging,
    ) -> Self {
        let patient = phantom.patient();
        let plane = super::frame::Frame::facing(centre_lps_mm, normal_lps, patient.posterior);
        stack.planes(centre_lps_mm, plane.left, plane.posterior, contrast, imaging)
    }

    /// Coronal slices about `centre_lps_mm`; rows run to the left.
    #[must_use]
    pub fn coronal(phantom: &Phantom, stack: Stack, centre_lps_mm: Vec3, contrast: Contrast, imaging: Imaging) -> Self {
        let patient = phantom.patient();
        stack.planes(centre_lps_mm, patient.left, scaled(patient.up, -1.0), contrast, imaging)
    }
}
