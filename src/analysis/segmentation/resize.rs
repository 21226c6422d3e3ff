//! Separable resampling with a triangle filter, antialiased when it shrinks.
//!
//! The filter is bilinear interpolation with half-pixel centres; where the output is coarser, the
//! triangle widens by the ratio, so that every input pixel is heard. This is what Pillow calls
//! `BILINEAR` and PyTorch `interpolate(mode="bilinear", antialias=True)`: training prepares its
//! images with those, and the two must agree.

/// A prepared resampling of slices from one size to another.
#[derive(Debug, Clone)]
pub struct Resize {
    rows: Axis,
    columns: Axis,
}

/// For each output pixel along one axis: the first input pixel that is heard, and the weights from it on.
#[derive(Debug, Clone)]
struct Axis {
    from: usize,
    taps: Vec<(usize, Vec<f32>)>,
}

impl Axis {
    /// The middle of each output pixel is heard `shift` input pixels further on; beyond the ends, at the end.
    fn new(from: usize, to: usize, shift: f64) -> Self {
        let ratio = from as f64 / to as f64;
        let support = ratio.max(1.0);
        let taps = (0..to)
            .map(|i| {
                let centre = ((i as f64 + 0.5) * ratio + shift).clamp(0.0, from as f64);
                let first = (centre - support + 0.5).floor().max(0.0) as usize;
                let end = ((centre + support + 0.5).floor() as usize).min(from);
                let weight = |j: usize| (1.0 - ((j as f64 + 0.5 - centre) / support).abs()).max(0.0);
                let weights: Vec<f64> = (first..end).map(weight).collect();
                let sum: f64 = weights.iter().sum();
                (first, weights.into_iter().map(|w| (w / sum) as f32).collect())
            })
            .collect();
        Self { from, taps }
    }
}

impl Resize {
    /// A resampling from one `[rows, columns]` to another, both at least one pixel.
    #[must_use]
    pub fn new(from_rows_columns: [usize; 2], to_rows_columns: [usize; 2]) -> Self {
        Self::shifted(from_rows_columns, to_rows_columns, [0.0; 2])
    }

    /// The same, hearing every place so many input pixels (rows, columns) further on.
    #[must_use]
    pub fn shifted(from_rows_columns: [usize; 2], to_rows_columns: [usize; 2], shift: [f64; 2]) -> Self {
        let [rows, columns] = from_rows_columns;
        let [to_rows, to_columns] = to_rows_columns;
        Self { rows: Axis::new(rows, to_rows, shift[0]), columns: Axis::new(columns, to_columns, shift[1]) }
    }

    /// The size it makes.
    #[must_use]
    pub fn to_rows_columns(&self) -> [usize; 2] {
        [self.rows.taps.len(), self.columns.taps.len()]
    }

    /// Resamples one slice, row by row.
    #[must_use]
    pub fn apply(&self, slice: &[f32]) -> Vec<f32> {
        let [to_rows, to_columns] = self.to_rows_columns();
        let mut narrow = vec![0.0; self.rows.from * to_columns];
        for (row, out) in slice.chunks(self.columns.from).zip(narrow.chunks_mut(to_columns)) {
            for ((first, weights), o) in self.columns.taps.iter().zip(out) {
                *o = row[*first..].iter().zip(weights).map(|(v, w)| v * w).sum();
            }
        }
        let mut resized = vec![0.0; to_rows * to_columns];
        for ((first, weights), out) in self.rows.taps.iter().zip(resized.chunks_mut(to_columns)) {
            for (row, w) in narrow[first * to_columns..].chunks(to_columns).zip(weights) {
                for (o, v) in out.iter_mut().zip(row) {
                    *o += v * w;
                }
            }
        }
        resized
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_size_changes_nothing() {
        let slice = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(Resize::new([2, 3], [2, 3]).apply(&slice), slice);
    }

    #[test]
    fn halving_hears_every_pixel() {
        // Pillow 13: Image.fromarray(float32 [[0,0,0,8,0,0,0,0]]).resize((4, 1), BILINEAR)
        let halved = Resize::new([1, 8], [1, 4]).apply(&[0.0, 0.0, 0.0, 8.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(halved, [0.0, 3.0, 1.0, 0.0]);
    }

    #[test]
    fn doubling_is_bilinear_with_half_pixel_centres() {
        let doubled = Resize::new([1, 2], [1, 4]).apply(&[0.0, 4.0]);
        assert_eq!(doubled, [0.0, 1.0, 3.0, 4.0]);
    }

    #[test]
    fn a_shift_by_a_whole_pixel_moves_the_slice_and_keeps_its_end() {
        let moved = Resize::shifted([1, 4], [1, 4], [0.0, 1.0]).apply(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(moved, [2.0, 3.0, 4.0, 4.0]);
        let back = Resize::shifted([1, 4], [1, 4], [0.0, -0.5]).apply(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(back, [1.0, 1.5, 2.5, 3.5]);
    }

    #[test]
    fn a_constant_stays_constant_at_any_ratio() {
        for to in [1, 3, 7, 20] {
            let out = Resize::new([9, 9], [to, 2 * to]).apply(&[2.5; 81]);
            assert!(out.iter().all(|v| (v - 2.5).abs() < 1e-5), "{to}");
        }
    }
}
