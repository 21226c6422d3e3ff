//! Separable resampling with a triangle filter, antialiased when it shrinks.
//!
//! The filter is bilinear interpolation with half-pixel centres; where the output is coarser, the
//! triangle widens by the ratio, so that every input pixel is heard. This is what Pillow calls
//! `BILINEAR` and PyTorch `interpolate(mode="bilinear", antialias=True)`: training prepares its
//! images with those, and the two must agree.

use std::ops::Range;

/// A prepared resampling of slices from one size to another.
#[derive(Debug, Clone)]
pub struct Resize {
    rows: Axis,
    columns: Axis,
}

/// For each output pixel along one axis: the first input pixel that is heard, and the weights of as many from it on as any output
/// pixel hears; the last ones may weigh nothing.
#[derive(Debug, Clone)]
struct Axis {
    from: usize,
    heard: usize,
    first: Vec<usize>,
    /// `heard` for each output pixel.
    weights: Vec<f32>,
}

impl Axis {
    /// The middle of each output pixel is heard `shift` input pixels further on; beyond the ends, at the end.
    fn new(from: usize, to: usize, shift: f64) -> Self {
        let ratio = from as f64 / to as f64;
        let support = ratio.max(1.0);
        let of_pixel = |i: usize| {
            let centre = ((i as f64 + 0.5) * ratio + shift).clamp(0.0, from as f64);
            let first = (centre - support + 0.5).floor().max(0.0) as usize;
            let end = ((centre + support + 0.5).floor() as usize).min(from);
            let weight = |j: usize| (1.0 - ((j as f64 + 0.5 - centre) / support).abs()).max(0.0);
            let weights: Vec<f64> = (first..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            let weights: Vec<f32> = weights.into_iter().map(|w| (w / sum) as f32).collect();
            let silent = |w: &f32| *w == 0.0;
            let (before, after) = (weights.iter().take_while(|w| silent(w)).count(), weights.iter().rev());
            let end = weights.len() - after.take_while(|w| silent(w)).count();
            (first + before, weights[before..end].to_vec())
        };
        let pixels: Vec<(usize, Vec<f32>)> = (0..to).map(of_pixel).collect();
        let heard = pixels.iter().map(|(_, weights)| weights.len()).max().unwrap_or(0);
        let mut axis = Self { from, heard, first: Vec::new(), weights: vec![0.0; to * heard] };
        for (to, (first, weights)) in axis.weights.chunks_exact_mut(heard).zip(pixels) {
            // Near the end those that weigh nothing lie before.
            let begins = first.min(from - heard);
            to[first - begins..][..weights.len()].copy_from_slice(&weights);
            axis.first.push(begins);
        }
        axis
    }

    /// Whether these output pixels are input pixels, one after the other.
    fn copies(&self, outputs: &Range<usize>) -> bool {
        let (first, weights) = (&self.first[outputs.clone()], &self.weights[outputs.start * self.heard..]);
        self.heard == 1
            && first.windows(2).all(|w| w[1] == w[0] + 1)
            && weights[..first.len()].iter().all(|w| *w == 1.0)
    }

    /// The weights of these output pixels, each with its first input pixel.
    fn taps(&self, outputs: Range<usize>) -> impl Iterator<Item = (usize, &[f32])> {
        let weights = self.weights[outputs.start * self.heard..outputs.end * self.heard].chunks_exact(self.heard);
        self.first[outputs].iter().copied().zip(weights)
    }

    fn hearing(&self, inputs: Range<usize>) -> Range<usize> {
        let hears = |(first, weights): (usize, &[f32])| {
            weights.iter().enumerate().any(|(i, weight)| *weight != 0.0 && inputs.contains(&(first + i)))
        };
        let all = 0..self.first.len();
        let first = self.taps(all.clone()).position(hears).unwrap_or(0);
        let hearing = self.taps(all).skip(first).enumerate().filter(|(_, tap)| hears(*tap)).last();
        first..hearing.map_or(first, |(last, _)| first + last + 1)
    }

    /// The input pixels that any of these output pixels hears.
    fn heard_by(&self, outputs: Range<usize>) -> Range<usize> {
        let first = &self.first[outputs];
        let start = first.iter().copied().min().unwrap_or(0);
        start..first.iter().max().map_or(start, |last| last + self.heard)
    }

    /// The output pixels of one row.
    fn resample(&self, row: &[f32], outputs: Range<usize>, out: &mut [f32]) {
        match self.heard {
            1 => self.resample_by::<1>(row, outputs, out),
            2 => self.resample_by::<2>(row, outputs, out),
            3 => self.resample_by::<3>(row, outputs, out),
            4 => self.resample_by::<4>(row, outputs, out),
            _ => {
                for ((first, weights), o) in self.taps(outputs).zip(out) {
                    *o = row[first..].iter().zip(weights).map(|(v, w)| v * w).sum();
                }
            }
        }
    }

    /// As many products a pixel as the compiler is told: no loop within the loop.
    fn resample_by<const HEARD: usize>(&self, row: &[f32], outputs: Range<usize>, out: &mut [f32]) {
        let (weights, _) = self.weights.as_chunks::<HEARD>();
        for ((first, weights), o) in self.first[outputs.clone()].iter().zip(&weights[outputs]).zip(out) {
            let heard = &row[*first..][..HEARD];
            let mut sum = 0.0;
            for i in 0..HEARD {
                sum += heard[i] * weights[i];
            }
            *o = sum;
        }
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
        [self.rows.first.len(), self.columns.first.len()]
    }

    /// Resamples one slice, row by row.
    #[must_use]
    pub fn apply(&self, slice: &[f32]) -> Vec<f32> {
        let [to_rows, to_columns] = self.to_rows_columns();
        self.apply_within(slice, 0..to_rows, 0..to_columns)
    }

    /// Resamples one slice, and gives these rows and columns of the result, row by row.
    #[must_use]
    pub fn apply_within(&self, slice: &[f32], rows: Range<usize>, columns: Range<usize>) -> Vec<f32> {
        let heard = self.rows.heard_by(rows.clone());
        let width = columns.len();
        if self.rows.copies(&rows) && self.columns.copies(&columns) {
            let from = self.columns.heard_by(columns);
            let rows: Vec<&[f32]> = heard.map(|row| &slice[row * self.columns.from..][from.clone()]).collect();
            return rows.concat();
        }
        let mut narrow = vec![0.0; heard.len() * width];
        let heard_rows = slice.chunks(self.columns.from).skip(heard.start);
        for (row, out) in heard_rows.zip(narrow.chunks_mut(width.max(1))) {
            self.columns.resample(row, columns.clone(), out);
        }
        let mut resized = vec![0.0; rows.len() * width];
        for ((first, weights), out) in self.rows.taps(rows).zip(resized.chunks_mut(width.max(1))) {
            for (row, w) in narrow[(first - heard.start) * width..].chunks(width.max(1)).zip(weights) {
                if *w == 0.0 {
                    continue;
                }
                for (o, v) in out.iter_mut().zip(row) {
                    *o += v * w;
                }
            }
        }
        resized
    }

    /// The rows and columns of the result that hear any of these rows and columns.
    pub(super) fn hearing(&self, rows: Range<usize>, columns: Range<usize>) -> [Range<usize>; 2] {
        [self.rows.hearing(rows), self.columns.hearing(columns)]
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
    fn a_part_of_the_result_is_the_same_part_and_nothing_else_hears_what_it_hears() {
        let slice: Vec<f32> = (0..99).map(|i| ((i * 37) % 11) as f32).collect();
        for to in [[5, 4], [9, 11], [23, 31]] {
            let resize = Resize::shifted([9, 11], to, [0.5, -0.25]);
            let whole = resize.apply(&slice);
            let part = resize.apply_within(&slice, 2..4, 1..4);
            let expected: Vec<f32> = (2..4).flat_map(|r| whole[r * to[1] + 1..r * to[1] + 4].to_vec()).collect();
            assert_eq!(part, expected);
            let [rows, columns] = resize.hearing(3..5, 6..7);
            let mut changed = slice.clone();
            (3..5).for_each(|row| changed[row * 11 + 6] += 100.0);
            let differs = |i: usize| (resize.apply(&changed)[i] - whole[i]).abs() > 0.0;
            for i in (0..whole.len()).filter(|i| differs(*i)) {
                assert!(rows.contains(&(i / to[1])) && columns.contains(&(i % to[1])), "{to:?}: {i}");
            }
        }
    }

    #[test]
    fn a_constant_stays_constant_at_any_ratio() {
        for to in [1, 3, 7, 20] {
            let out = Resize::new([9, 9], [to, 2 * to]).apply(&[2.5; 81]);
            assert!(out.iter().all(|v| (v - 2.5).abs() < 1e-5), "{to}");
        }
    }
}
