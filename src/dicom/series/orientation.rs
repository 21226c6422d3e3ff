//! Planes, and the turning of slices into the one orientation in which the rest of the crate sees them.

use crate::dicom::header::FrameGeometry;
use crate::spine::{Vec3, add, cross, dot, scaled};

/// The anatomical plane a slice is nearest to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plane {
    /// Normal to the left-right axis.
    Sagittal,
    /// Normal to the front-back axis.
    Coronal,
    /// Normal to the foot-head axis.
    Axial,
}

impl Plane {
    /// The plane whose axis is nearest to `normal`.
    #[must_use]
    pub fn of_normal(normal: Vec3) -> Self {
        let [x, y, z] = normal.map(f64::abs);
        if x >= y && x >= z {
            Self::Sagittal
        } else if y >= z {
            Self::Coronal
        } else {
            Self::Axial
        }
    }

    /// `sagittal`, `coronal` or `axial`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sagittal => "sagittal",
            Self::Coronal => "coronal",
            Self::Axial => "axial",
        }
    }

    /// The directions in which column and row index grow once a slice of this plane is turned:
    /// sagittal anterior left and head up, coronal and axial patient's right on the left.
    const fn axes(self) -> (Vec3, Vec3) {
        match self {
            Self::Sagittal => ([0.0, 1.0, 0.0], [0.0, 0.0, -1.0]),
            Self::Coronal => ([1.0, 0.0, 0.0], [0.0, 0.0, -1.0]),
            Self::Axial => ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
        }
    }

    /// Degrees between `normal` and the plane's axis.
    pub(super) fn obliqueness_deg(self, normal: Vec3) -> f64 {
        let (row, column) = self.axes();
        dot(normal, cross(row, column)).abs().clamp(0.0, 1.0).acos().to_degrees()
    }
}

/// How a slice's pixels are moved so that sagittal slices have anterior left and head up, coronal and
/// axial ones the patient's right on the left: rows and columns exchanged first, then each reversed.
/// No pixel is interpolated; the geometry moves along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reorientation {
    /// Rows become columns.
    pub transposed: bool,
    /// Columns run the other way (after transposing).
    pub columns_reversed: bool,
    /// Rows run the other way (after transposing).
    pub rows_reversed: bool,
}

impl Reorientation {
    /// The turn that brings a slice of `geometry`, `rows` by `columns`, into its plane's orientation,
    /// with the size and the geometry after it. `spacing_mm` is the distance of rows and of columns.
    pub(super) fn of(geometry: &FrameGeometry, plane: Plane, size: [usize; 2], spacing_mm: [f64; 2]) -> (Self, Turned) {
        let (right, down) = plane.axes();
        let transposed = dot(geometry.row_direction_lps, right).abs() < dot(geometry.column_direction_lps, right).abs();
        let mut turned = Turned {
            rows: size[0],
            columns: size[1],
            row_spacing_mm: spacing_mm[0],
            column_spacing_mm: spacing_mm[1],
            origin_lps_mm: geometry.origin_lps_mm,
            row_direction_lps: geometry.row_direction_lps,
            column_direction_lps: geometry.column_direction_lps,
        };
        if transposed {
            turned.transpose();
        }
        let columns_reversed = dot(turned.row_direction_lps, right) < 0.0;
        if columns_reversed {
            turned.reverse_columns();
        }
        let rows_reversed = dot(turned.column_direction_lps, down) < 0.0;
        if rows_reversed {
            turned.reverse_rows();
        }
        (Self { transposed, columns_reversed, rows_reversed }, turned)
    }

    /// Moves the pixels of a slice that is `rows` by `columns` as stored. A slice of another size
    /// comes back as it is.
    #[must_use]
    pub fn apply(self, stored: Vec<u16>, rows: usize, columns: usize) -> Vec<u16> {
        if self == Self::default() || stored.len() != rows * columns || rows == 0 || columns == 0 {
            return stored;
        }
        let (turned_rows, turned_columns) = if self.transposed { (columns, rows) } else { (rows, columns) };
        let mut turned = Vec::with_capacity(stored.len());
        for row in 0..turned_rows {
            let row = if self.rows_reversed { turned_rows - 1 - row } else { row };
            for column in 0..turned_columns {
                let column = if self.columns_reversed { turned_columns - 1 - column } else { column };
                let (from_row, from_column) = if self.transposed { (column, row) } else { (row, column) };
                turned.push(stored[from_row * columns + from_column]);
            }
        }
        turned
    }
}

/// Size and geometry of a slice after it was turned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turned {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_spacing_mm: f64,
    pub(super) column_spacing_mm: f64,
    pub(super) origin_lps_mm: Vec3,
    pub(super) row_direction_lps: Vec3,
    pub(super) column_direction_lps: Vec3,
}

impl Turned {
    pub(super) fn normal_lps(&self) -> Vec3 {
        cross(self.row_direction_lps, self.column_direction_lps)
    }

    fn transpose(&mut self) {
        std::mem::swap(&mut self.rows, &mut self.columns);
        std::mem::swap(&mut self.row_spacing_mm, &mut self.column_spacing_mm);
        std::mem::swap(&mut self.row_direction_lps, &mut self.column_direction_lps);
    }

    fn reverse_columns(&mut self) {
        let width_mm = (self.columns - 1) as f64 * self.column_spacing_mm;
        self.origin_lps_mm = add(self.origin_lps_mm, scaled(self.row_direction_lps, width_mm));
        self.row_direction_lps = scaled(self.row_direction_lps, -1.0);
    }

    fn reverse_rows(&mut self) {
        let height_mm = (self.rows - 1) as f64 * self.row_spacing_mm;
        self.origin_lps_mm = add(self.origin_lps_mm, scaled(self.column_direction_lps, height_mm));
        self.column_direction_lps = scaled(self.column_direction_lps, -1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spine::sub;

    fn place(t: &Turned, row: usize, column: usize) -> Vec3 {
        let down = scaled(t.column_direction_lps, row as f64 * t.row_spacing_mm);
        add(t.origin_lps_mm, add(scaled(t.row_direction_lps, column as f64 * t.column_spacing_mm), down))
    }

    /// Each of the eight ways to store a sagittal slice.
    fn stored_ways() -> Vec<(Vec3, Vec3)> {
        let (y, z) = ([0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
        let mut ways = Vec::new();
        for (a, b) in [(y, z), (z, y)] {
            for (s, t) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
                ways.push((scaled(a, s), scaled(b, t)));
            }
        }
        ways
    }

    #[test]
    fn every_way_to_store_a_sagittal_slice_is_turned_anterior_left_and_head_up_and_no_pixel_moves_in_the_patient() {
        let (rows, columns, spacing_mm) = (3, 2, [0.5, 2.0]);
        for (row_direction_lps, column_direction_lps) in stored_ways() {
            let geometry = FrameGeometry {
                origin_lps_mm: [7.0, -3.0, 11.0],
                row_direction_lps,
                column_direction_lps,
                pixel_spacing_mm: Some(spacing_mm),
            };
            let as_stored = Turned {
                rows,
                columns,
                row_spacing_mm: spacing_mm[0],
                column_spacing_mm: spacing_mm[1],
                origin_lps_mm: geometry.origin_lps_mm,
                row_direction_lps,
                column_direction_lps,
            };
            let (turn, turned) = Reorientation::of(&geometry, Plane::Sagittal, [rows, columns], spacing_mm);
            assert_eq!(turned.row_direction_lps, [0.0, 1.0, 0.0]);
            assert_eq!(turned.column_direction_lps, [0.0, 0.0, -1.0]);
            let pixels: Vec<u16> = (0..6).collect();
            for (i, value) in turn.apply(pixels, rows, columns).into_iter().enumerate() {
                let there = place(&turned, i / turned.columns, i % turned.columns);
                let here = place(&as_stored, usize::from(value) / columns, usize::from(value) % columns);
                assert!(sub(there, here).iter().all(|d| d.abs() < 1e-12), "{there:?} {here:?}");
            }
        }
    }

    #[test]
    fn an_oblique_slice_keeps_its_angle() {
        let (s, c) = 20.0_f64.to_radians().sin_cos();
        assert_eq!(Plane::of_normal([-c, s, 0.0]), Plane::Sagittal);
        assert!((Plane::Sagittal.obliqueness_deg([-c, s, 0.0]) - 20.0).abs() < 1e-9);
    }
}
