//! How a slice lies on the network's pixels.

use super::resize::Resize;
use super::{Nudge, Turned};
use crate::analysis::grey::scale_between_percentiles;
use crate::analysis::volume::{Slice, Volume};
use crate::inference::SegmentationInput;
use crate::spine::Structure;
use std::ops::Range;

/// A stretch of rows and columns of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Window {
    pub(super) fn whole([rows, columns]: [usize; 2]) -> Self {
        Self { top: 0, left: 0, rows, columns }
    }

    pub(super) fn len(&self) -> usize {
        self.rows * self.columns
    }

    pub(super) fn row_range(&self) -> Range<usize> {
        self.top..self.top + self.rows
    }

    pub(super) fn column_range(&self) -> Range<usize> {
        self.left..self.left + self.columns
    }

    /// The same columns, all rows.
    pub(super) fn full_height(self, [grid_rows, _]: [usize; 2]) -> Self {
        Self { top: 0, rows: grid_rows, ..self }
    }

    /// The same place where the pixels of the grid are turned.
    pub(super) fn turned(self, [grid_rows, grid_columns]: [usize; 2], turn: Turned) -> Self {
        let top = if turn.rows { grid_rows - self.top - self.rows } else { self.top };
        let left = if turn.columns { grid_columns - self.left - self.columns } else { self.left };
        Self { top, left, ..self }
    }

    /// The first pixel of each of its rows in a grid of so many columns.
    pub(super) fn row_starts(self, grid_columns: usize) -> impl Iterator<Item = usize> {
        (self.top..self.top + self.rows).map(move |row| row * grid_columns + self.left)
    }
}

/// The grid of the network's pixels over a slice, the stretch of it that the network is shown, and the zeros around that.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    to_grid: Resize,
    shown: Window,
    pub(super) padded_rows: usize,
    pub(super) padded_columns: usize,
    top: usize,
    left: usize,
    percentiles: [f64; 2],
}

/// Rows and columns of the grid of square pixels over a slice of `volume`.
pub(super) fn grid_rows_columns(volume: &Volume, pixel_mm: f64) -> [usize; 2] {
    let pixels = |n: usize, spacing_mm: f64| ((n as f64 * spacing_mm / pixel_mm).round() as usize).max(1);
    [pixels(volume.rows, volume.row_spacing_mm), pixels(volume.columns, volume.column_spacing_mm)]
}

impl Canvas {
    /// The whole slice, shrunk and shifted; padded as though it were not, so that one plan serves both.
    pub(super) fn nudged(volume: &Volume, input: &SegmentationInput, nudge: Nudge) -> Self {
        let grid = Nudged::of(grid_rows_columns(volume, input.pixel_mm), nudge);
        let padded = grid.whole.map(|n| n.next_multiple_of(input.size_multiple));
        Self::laid(volume, input, &grid, Window::whole(grid.rows_columns), padded)
    }

    /// A window of the grid of finer pixels, which `input` no longer speaks of: it is widened to what the network can take,
    /// where the grid goes on, and padded where it does not.
    pub(super) fn within(
        volume: &Volume,
        input: &SegmentationInput,
        pixel_mm: f64,
        window: Window,
        nudge: Nudge,
    ) -> Self {
        let grid = Nudged::of(grid_rows_columns(volume, pixel_mm), nudge);
        let padded = [window.rows, window.columns].map(|n| n.next_multiple_of(input.size_multiple));
        let along = |first: usize, padded: usize, end: usize| {
            let first = first.min(end.saturating_sub(padded));
            (first, padded.min(end - first))
        };
        let (top, rows) = along(window.top, padded[0], grid.rows_columns[0]);
        let (left, columns) = along(window.left, padded[1], grid.rows_columns[1]);
        Self::laid(volume, input, &grid, Window { top, left, rows, columns }, padded)
    }

    fn laid(volume: &Volume, input: &SegmentationInput, grid: &Nudged, shown: Window, padded: [usize; 2]) -> Self {
        let stored = [volume.rows, volume.columns];
        Self {
            to_grid: Resize::shifted(stored, grid.rows_columns, grid.shift_of(stored)),
            shown,
            padded_rows: padded[0],
            padded_columns: padded[1],
            top: (padded[0] - shown.rows) / 2,
            left: (padded[1] - shown.columns) / 2,
            percentiles: input.percentiles,
        }
    }

    /// Rows and columns of the whole grid.
    pub(super) fn rows_columns(&self) -> [usize; 2] {
        self.to_grid.to_rows_columns()
    }

    /// A slice as the network is shown it: resampled, scaled and padded.
    pub(super) fn network_input(&self, slice: &Slice) -> Vec<f32> {
        let values: Vec<f32> = slice.stored.iter().map(|v| f32::from(*v) * slice.slope + slice.intercept).collect();
        let mut small = self.to_grid.apply(&values);
        scale_between_percentiles(&mut small, self.percentiles, [0.0, 1.0]);
        let mut padded = vec![0.0; self.padded_rows * self.padded_columns];
        let [_, columns] = self.rows_columns();
        for (r, from) in self.shown.row_starts(columns).enumerate() {
            let to = (self.top + r) * self.padded_columns + self.left;
            padded[to..to + self.shown.columns].copy_from_slice(&small[from..from + self.shown.columns]);
        }
        padded
    }

    /// Softmax over the channels of what the network gave: `Structure::COUNT * rows * columns` of the whole grid, channel by
    /// channel. What it was not shown is background.
    pub(super) fn class_probabilities(&self, logits: &[f32]) -> Vec<f32> {
        let [rows, columns] = self.rows_columns();
        let (plane, padded_plane) = (rows * columns, self.padded_rows * self.padded_columns);
        let mut probabilities = vec![0.0; Structure::COUNT * plane];
        if self.shown.len() < plane {
            probabilities[..plane].fill(1.0);
        }
        for (r, to) in self.shown.row_starts(columns).enumerate() {
            let from = (self.top + r) * self.padded_columns + self.left;
            for c in 0..self.shown.columns {
                let pixel: [f32; Structure::COUNT] = std::array::from_fn(|k| logits[k * padded_plane + from + c]);
                let top = pixel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let exponentials = pixel.map(|v| (v - top).exp());
                let sum: f32 = exponentials.iter().sum();
                for (k, e) in exponentials.into_iter().enumerate() {
                    probabilities[k * plane + to + c] = e / sum;
                }
            }
        }
        probabilities
    }
}

/// A grid that is shrunk and shifted against the slice.
pub(super) struct Nudged {
    whole: [usize; 2],
    pub(super) rows_columns: [usize; 2],
    nudge: Nudge,
}

impl Nudged {
    /// `whole`: rows and columns where it is not.
    pub(super) fn of(whole: [usize; 2], nudge: Nudge) -> Self {
        let scale = nudge.scale.min(1.0);
        Self { whole, rows_columns: whole.map(|n| ((n as f64 * scale).round() as usize).max(1)), nudge }
    }

    /// By how many pixels of a raster of so many rows and columns it is shifted.
    fn shift_of(&self, raster: [usize; 2]) -> [f64; 2] {
        let [rows, columns] = self.rows_columns;
        [self.nudge.rows * raster[0] as f64 / rows as f64, self.nudge.columns * raster[1] as f64 / columns as f64]
    }

    /// From it to a raster over the same slice that is not shifted.
    pub(super) fn taken_back(&self, raster: [usize; 2]) -> Resize {
        Resize::shifted(self.rows_columns, raster, [-self.nudge.rows, -self.nudge.columns])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: SegmentationInput = SegmentationInput { pixel_mm: 1.0, size_multiple: 4, percentiles: [0.0, 100.0] };

    /// Ten rows of thirteen pixels of 1 mm, their values their places.
    fn raster() -> (Volume, Slice) {
        let slice =
            Slice { origin_lps_mm: [0.0; 3], stored: (0..130).collect(), slope: 1.0, intercept: 0.0, source: 0 };
        let volume = Volume {
            rows: 10,
            columns: 13,
            row_spacing_mm: 1.0,
            column_spacing_mm: 1.0,
            row_direction_lps: [0.0, 1.0, 0.0],
            column_direction_lps: [0.0, 0.0, -1.0],
            slices: vec![slice.clone()],
        };
        (volume, slice)
    }

    #[test]
    fn a_whole_slice_lies_in_the_middle_of_its_zeros() {
        let (volume, slice) = raster();
        let canvas = Canvas::nudged(&volume, &INPUT, Nudge::NONE);
        assert_eq!((canvas.padded_rows, canvas.padded_columns), (12, 16));
        let shown = canvas.network_input(&slice);
        assert_eq!(shown[16 + 2], 1.0 / 129.0, "the second pixel, one row and one column in");
        assert_eq!(shown[..17], [0.0; 17]);
    }

    #[test]
    fn a_window_is_widened_where_the_grid_goes_on_and_padded_where_it_ends() {
        let (volume, slice) = raster();
        let window = Window { top: 5, left: 9, rows: 5, columns: 3 };
        let canvas = Canvas::within(&volume, &INPUT, 1.0, window, Nudge::NONE);
        assert_eq!(canvas.shown, Window { top: 2, left: 9, rows: 8, columns: 4 });
        let shown = canvas.network_input(&slice);
        assert_eq!(shown[0], (2.0 * 13.0 + 9.0) / 129.0);
        let tall = Window { top: 0, left: 0, rows: 10, columns: 4 };
        let canvas = Canvas::within(&volume, &INPUT, 1.0, tall, Nudge::NONE);
        assert_eq!((canvas.padded_rows, canvas.shown.rows, canvas.top), (12, 10, 1));
    }

    #[test]
    fn what_was_not_shown_is_background() {
        let (volume, _) = raster();
        let window = Window { top: 0, left: 0, rows: 4, columns: 4 };
        let canvas = Canvas::within(&volume, &INPUT, 1.0, window, Nudge::NONE);
        let mut logits = vec![0.0; Structure::COUNT * 16];
        logits[Structure::Disc as usize * 16..][..16].fill(20.0);
        let p = canvas.class_probabilities(&logits);
        let of = |class: Structure, row: usize, column: usize| p[class as usize * 130 + row * 13 + column];
        assert!(of(Structure::Disc, 3, 3) > 0.99 && of(Structure::Background, 3, 3) < 0.01);
        assert_eq!((of(Structure::Disc, 4, 3), of(Structure::Background, 4, 3)), (0.0, 1.0));
    }
}
