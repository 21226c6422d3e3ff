//! Crops: grids of square pixels laid into one slice, in a frame of patient space.

use crate::analysis::volume::Volume;
use crate::spine::{Vec3, add, dot, normalised, scaled, sub};

/// A grid of square pixels. Its middle lies off the anchor by [`Grid::offset_mm`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Rows and columns.
    pub rows_columns: [usize; 2],
    /// Edge of a pixel, mm.
    pub pixel_mm: f64,
    /// Down and to the right, mm.
    pub offset_mm: [f64; 2],
}

impl Grid {
    /// Its number of pixels.
    #[must_use]
    pub const fn pixels(&self) -> usize {
        self.rows_columns[0] * self.rows_columns[1]
    }
}

/// Where a grid lies: its anchor and the directions of its axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// LPS mm.
    pub anchor_lps_mm: Vec3,
    /// The direction in which columns count.
    pub right_lps: Vec3,
    /// The direction in which rows count.
    pub down_lps: Vec3,
}

/// One slice as grey values, smoothed for grids of one pixel size, with where it lies.
#[derive(Debug, Clone)]
pub struct SlicePicture {
    values: Vec<f32>,
    /// The slice alone, so that index 0 is it.
    geometry: Volume,
}

/// A crop, and which of its pixels lie in the slice.
#[derive(Debug, Clone, PartialEq)]
pub struct Crop {
    /// Row by row; 0 where nothing was imaged.
    pub values: Vec<f32>,
    /// Share of the pixels that lie in the slice.
    pub covered: f64,
}

impl SlicePicture {
    /// Slice `slice` of `volume`, which has its pixels, for grids whose pixels are `pixel_mm`. `None` where it has none.
    #[must_use]
    pub fn new(volume: &Volume, slice: usize, pixel_mm: f64) -> Option<Self> {
        let one = volume.slices.get(slice).filter(|s| s.stored.len() == volume.slice_len())?;
        let mut values: Vec<f32> = one.stored.iter().map(|v| f32::from(*v).mul_add(one.slope, one.intercept)).collect();
        let geometry = Volume {
            slices: vec![crate::analysis::volume::Slice { stored: Vec::new(), ..one.clone() }],
            ..volume.without_slices()
        };
        smooth(&mut values, [volume.rows, volume.columns], [volume.row_spacing_mm, volume.column_spacing_mm], pixel_mm);
        Some(Self { values, geometry })
    }

    /// The slice alone, without pixels.
    pub(super) const fn geometry(&self) -> &Volume {
        &self.geometry
    }

    /// All grey values, to be windowed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The crop of `grid` at `pose`, whose axes are laid flat into the slice's plane: millimetres stay millimetres however oblique
    /// the slice. Bilinear. `None` where an axis stands upright on the slice.
    #[must_use]
    pub fn crop(&self, grid: &Grid, pose: &Pose) -> Option<Crop> {
        let normal = self.geometry.normal_lps();
        let flat = |d: Vec3| normalised(sub(d, scaled(normal, dot(d, normal))));
        let down = flat(pose.down_lps)?;
        let right = flat(pose.right_lps)?;
        // Square, the rows' direction leading.
        let right = normalised(sub(right, scaled(down, dot(right, down))))?;
        let [rows, columns] = grid.rows_columns;
        let at = |i: usize, count: usize, offset_mm: f64| {
            ((i as f64) - (count as f64 - 1.0) / 2.0) * grid.pixel_mm + offset_mm
        };
        let mut values = Vec::with_capacity(grid.pixels());
        let mut inside = 0_usize;
        for row in 0..rows {
            let line = add(pose.anchor_lps_mm, scaled(down, at(row, rows, grid.offset_mm[0])));
            for column in 0..columns {
                let place = add(line, scaled(right, at(column, columns, grid.offset_mm[1])));
                let (x, y) = self.geometry.column_row(place, 0);
                let value = self.bilinear(x, y);
                inside += usize::from(value.is_some());
                values.push(value.unwrap_or(0.0));
            }
        }
        Some(Crop { values, covered: inside as f64 / grid.pixels().max(1) as f64 })
    }

    /// The value at a place in fractional pixels; `None` outside the pixels' centres.
    fn bilinear(&self, column: f64, row: f64) -> Option<f32> {
        let (rows, columns) = (self.geometry.rows, self.geometry.columns);
        let within = |at: f64, count: usize| at >= 0.0 && at <= count as f64 - 1.0;
        if !(within(column, columns) && within(row, rows)) {
            return None;
        }
        let (c, r) = (column.floor() as usize, row.floor() as usize);
        let (fc, fr) = ((column - c as f64) as f32, (row - r as f64) as f32);
        let (c1, r1) = ((c + 1).min(columns - 1), (r + 1).min(rows - 1));
        let value = |r: usize, c: usize| self.values.get(r * columns + c).copied();
        let above = value(r, c)? * (1.0 - fc) + value(r, c1)? * fc;
        let below = value(r1, c)? * (1.0 - fc) + value(r1, c1)? * fc;
        Some(above * (1.0 - fr) + below * fr)
    }
}

/// Where pixels are finer than the grid's, what lies between is averaged first: a Gaussian by axis, as training does it.
fn smooth(values: &mut [f32], rows_columns: [usize; 2], spacing_mm: [f64; 2], pixel_mm: f64) {
    let sigma = spacing_mm.map(|mm| (0.5 * pixel_mm / mm - 0.5).max(0.0));
    if sigma.iter().any(|s| *s > SIGMA_LEAST && s.is_finite()) {
        down(values, &kernel(sigma[0]), rows_columns);
        across(values, &kernel(sigma[1]), rows_columns);
    }
}

/// Less smoothing than this, in pixels, is none.
const SIGMA_LEAST: f64 = 0.1;
/// A kernel ends after so many standard deviations, and has at most so many taps on either side.
const KERNEL_SIGMAS: f64 = 4.0;
const KERNEL_RADIUS_MAX: usize = 64;

/// Weights from the middle outwards, the sum of both sides 1.
fn kernel(sigma: f64) -> Vec<f32> {
    if sigma <= 0.0 || !sigma.is_finite() {
        return vec![1.0];
    }
    let radius = ((KERNEL_SIGMAS * sigma + 0.5) as usize).min(KERNEL_RADIUS_MAX);
    let weights: Vec<f64> = (0..=radius).map(|k| (-0.5 * (k as f64 / sigma).powi(2)).exp()).collect();
    let total = weights.iter().sum::<f64>() * 2.0 - 1.0;
    weights.iter().map(|w| (w / total) as f32).collect()
}

/// The place at which a line of `count` values, mirrored at its ends without end, has its value number `i`.
fn mirrored(i: i64, count: usize) -> usize {
    let period = 2 * count as i64;
    let i = i.rem_euclid(period.max(1));
    (if i < count as i64 { i } else { period - 1 - i }) as usize
}

/// Folds every column, whole rows at a time.
fn down(values: &mut [f32], kernel: &[f32], [rows, columns]: [usize; 2]) {
    if kernel.len() < 2 || columns == 0 {
        return;
    }
    let source = values.to_vec();
    let row_of = |i: i64| {
        let first = mirrored(i, rows) * columns;
        source.get(first..first + columns).unwrap_or_default()
    };
    for (row, out) in (0_i64..).zip(values.chunks_exact_mut(columns)) {
        out.fill(0.0);
        for (k, weight) in (0_i64..).zip(kernel) {
            if k == 0 {
                out.iter_mut().zip(row_of(row)).for_each(|(o, v)| *o += weight * v);
            } else {
                let both = row_of(row - k).iter().zip(row_of(row + k));
                out.iter_mut().zip(both).for_each(|(o, (a, b))| *o += weight * (a + b));
            }
        }
    }
}

/// Folds every row.
fn across(values: &mut [f32], kernel: &[f32], [_, columns]: [usize; 2]) {
    let Some(radius) = kernel.len().checked_sub(1).filter(|r| *r > 0) else { return };
    if columns == 0 {
        return;
    }
    let mut line = vec![0.0; columns + 2 * radius];
    for row in values.chunks_exact_mut(columns) {
        for (i, value) in (-(radius as i64)..).zip(line.iter_mut()) {
            *value = row.get(mirrored(i, columns)).copied().unwrap_or(0.0);
        }
        row.fill(0.0);
        for (k, weight) in kernel.iter().enumerate() {
            let (before, after) =
                (line.get(radius - k..).unwrap_or_default(), line.get(radius + k..).unwrap_or_default());
            let weight = if k == 0 { weight / 2.0 } else { *weight };
            row.iter_mut().zip(before.iter().zip(after)).for_each(|(o, (a, b))| *o += weight * (a + b));
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "what fails to hold fails the test")]
mod tests {
    use super::*;
    use crate::analysis::volume::Slice;

    /// A sagittal slice whose grey value is ten times the row plus the column, 1 mm pixels, turned about the head-foot axis.
    fn slice(turn_deg: f64) -> Volume {
        let (sin, cos) = turn_deg.to_radians().sin_cos();
        Volume {
            rows: 40,
            columns: 40,
            row_spacing_mm: 1.0,
            column_spacing_mm: 1.0,
            row_direction_lps: [sin, cos, 0.0],
            column_direction_lps: [0.0, 0.0, -1.0],
            slices: vec![Slice {
                origin_lps_mm: [0.0; 3],
                stored: (0..1600).map(|i| 10 * (i / 40) + i % 40).collect(),
                slope: 1.0,
                intercept: 0.0,
                source: 0,
            }],
        }
    }

    const GRID: Grid = Grid { rows_columns: [3, 5], pixel_mm: 1.0, offset_mm: [0.0, 0.0] };

    fn at(volume: &Volume, column: f64, row: f64) -> Vec<f32> {
        let picture = SlicePicture::new(volume, 0, 1.0).unwrap();
        let anchor_lps_mm = volume.position_lps_mm(column, row, 0);
        let pose = Pose { anchor_lps_mm, right_lps: [0.0, 1.0, 0.0], down_lps: [0.0, 0.0, -1.0] };
        picture.crop(&GRID, &pose).unwrap().values
    }

    #[test]
    fn a_crop_on_the_pixels_is_the_pixels() {
        let expected = [108.0, 109.0, 110.0, 111.0, 112.0];
        assert_eq!(at(&slice(0.0), 10.0, 11.0)[..5], expected.map(|v| v - 0.0));
    }

    #[test]
    fn millimetres_stay_millimetres_in_an_oblique_slice() {
        let straight = at(&slice(0.0), 20.5, 9.25);
        for turn in [-30.0, 12.0, 55.0] {
            for (a, b) in at(&slice(turn), 20.5, 9.25).iter().zip(&straight) {
                assert!((a - b).abs() < 1e-3, "{turn}: {a} {b}");
            }
        }
    }

    #[test]
    fn what_was_not_imaged_is_nought_and_counted() {
        let volume = slice(0.0);
        let picture = SlicePicture::new(&volume, 0, 1.0).unwrap();
        let pose = Pose { anchor_lps_mm: [0.0, 0.0, -20.0], right_lps: [0.0, 1.0, 0.0], down_lps: [0.0, 0.0, -1.0] };
        let crop = picture.crop(&GRID, &pose).unwrap();
        assert_eq!((crop.values[0], crop.values[1], crop.values[2]), (0.0, 0.0, 190.0));
        assert!((crop.covered - 0.6).abs() < 1e-9);
        let upright = Pose { right_lps: [1.0, 0.0, 0.0], ..pose };
        assert_eq!(picture.crop(&GRID, &upright), None);
    }

    #[test]
    fn fine_pixels_are_averaged_and_keep_their_mean() {
        let mut values: Vec<f32> = (0..400).map(|i| if i % 2 == 0 { 0.0 } else { 2.0 }).collect();
        smooth(&mut values, [20, 20], [0.25, 0.25], 1.0);
        // At an edge the pattern is mirrored and no longer even.
        let inner: Vec<f32> = values.chunks(20).flat_map(|row| row[4..16].iter().copied()).collect();
        assert!(inner.iter().all(|v| (v - 1.0).abs() < 0.02), "{inner:?}");
        assert!((values.iter().sum::<f32>() / 400.0 - 1.0).abs() < 1e-3);
    }
}
