//! The two passes: every slice whole, then the surroundings of the spine on finer pixels.

use super::canvas::{Canvas, Nudged, Window, grid_rows_columns};
use super::certainty::certainty;
use super::{Certainty, Nudge, Resize};
use crate::analysis::spread::spread;
use crate::analysis::volume::Volume;
use crate::inference::{InferenceError, SIDE_MAX, SegmentationNetwork};
use crate::spine::Structure;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Edge of the finer pixels as a share of the network's. Chosen on the validation subjects among 1, 0.8 and 0.67.
const FINE: f64 = 0.8;
/// How far the surroundings of the spine reach, mm.
const MARGIN_MM: f64 = 15.0;
/// How far to the front and back the surroundings reach in which a slice is read again, mm. It is shown its whole height: what lies
/// above and below a vertebra says which it is.
const FIRST_MARGIN_MM: f64 = 25.0;
/// A row or column of the grid belongs to the spine where the slices show at least so many of its pixels in it: specks widen nothing.
const PIXELS_MIN: usize = 3;
/// A slice that shows less of the spine than this is not read again, mm².
const SHOWN_MM2_MIN: f64 = 100.0;
/// The probability 1, as it is kept: a byte each, because a long series has a hundred slices.
const CERTAIN: f32 = 255.0;

/// Class probabilities about the spine, on a window of the finer grid.
pub(super) struct Fields {
    grid: [usize; 2],
    window: Window,
    /// For each slice `Structure::COUNT * rows * columns` of the window, channel by channel, [`CERTAIN`] for 1.
    pub(super) slices: Vec<Vec<u8>>,
    /// Where the spine lies; `None` where no slice shows one.
    pub(super) surroundings: Option<Surroundings>,
    /// How sure the network is of each slice in the first pass.
    pub(super) certainties: Vec<Certainty>,
}

/// Where the slices show the spine: what is read of them when they are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surroundings {
    /// Of the grid of the first pass.
    coarse: Window,
    /// Of the finer grid.
    fine: Window,
}

impl Surroundings {
    /// What is read of a slice in the first pass.
    pub(super) fn coarse(&self) -> Window {
        self.coarse
    }
}

/// Both passes over every slice. `on_slice` hears how many slices are done. Where the spine lies is looked for unless it is
/// `known`.
pub(super) fn probabilities(
    volume: &Volume,
    nudge: Nudge,
    known: Option<&Surroundings>,
    network: &SegmentationNetwork,
    threads: NonZeroUsize,
    on_slice: &(dyn Fn(usize) + Sync),
) -> Result<Fields, InferenceError> {
    let input = network.input();
    let First { slices: first, certainties, whole } = first_pass(volume, nudge, known, network, threads)?;
    let fine_mm = input.pixel_mm * FINE;
    let grid = grid_rows_columns(volume, fine_mm);
    let seen: Vec<Seen> = first.iter().map(|p| Seen::of(p, whole.rows_columns())).collect();
    let surroundings = known.copied().or_else(|| {
        let on = |grid: [usize; 2], margin_mm: f64, pixel_mm: f64| {
            surroundings(&seen, whole.rows_columns(), grid, margin_mm / pixel_mm)
        };
        let coarse = on(whole.rows_columns(), FIRST_MARGIN_MM, input.pixel_mm)?.full_height(whole.rows_columns());
        Some(Surroundings { coarse, fine: on(grid, MARGIN_MM, fine_mm)? })
    });
    let Some(Surroundings { fine: window, .. }) = surroundings else {
        let slices = first.iter().map(|_| Vec::new()).collect();
        return Ok(Fields { grid, window: Window::whole([0, 0]), slices, surroundings, certainties });
    };
    let fine = Canvas::within(volume, input, fine_mm, window, nudge);
    // A field so large that it does not fit is read once.
    let fine_plan = (fine.padded_rows.max(fine.padded_columns) <= SIDE_MAX)
        .then(|| network.plan(fine.padded_rows, fine.padded_columns))
        .transpose()?;
    let pixels_min = SHOWN_MM2_MIN / input.pixel_mm.powi(2);
    let coarse_to_grid = Nudged::of(grid_rows_columns(volume, input.pixel_mm), nudge).taken_back(grid);
    let fine_to_grid = Nudged::of(grid, nudge).taken_back(grid);
    let done = AtomicUsize::new(0);
    let first = Mutex::new(first);
    let slices = spread(volume.slices.len(), threads, |i| {
        // Each is let go as it is used: a long series' first pass and second pass together would be its largest need of memory.
        let coarse =
            first.lock().unwrap_or_else(PoisonError::into_inner).get_mut(i).map(std::mem::take).unwrap_or_default();
        let as_shares: Vec<f32> = coarse.iter().map(|p| f32::from(*p) / CERTAIN).collect();
        drop(coarse);
        let mut mean = cut(&as_shares, &coarse_to_grid, window);
        if let Some(plan) = fine_plan.as_ref().filter(|_| seen[i].pixels as f64 >= pixels_min) {
            let logits = plan.run(&fine.network_input(&volume.slices[i]))?;
            let finer = cut(&fine.class_probabilities(&logits), &fine_to_grid, window);
            mean.iter_mut().zip(finer).for_each(|(m, f)| *m = (*m + f) / 2.0);
        }
        on_slice(done.fetch_add(1, Ordering::Relaxed) + 1);
        Ok(kept(&mean))
    })?;
    Ok(Fields { grid, window, slices, surroundings, certainties })
}

/// What the first pass gives.
struct First {
    /// For each slice its class probabilities on the whole grid, as [`Fields::slices`] keeps them.
    slices: Vec<Vec<u8>>,
    certainties: Vec<Certainty>,
    /// How a whole slice lies on the grid.
    whole: Canvas,
}

/// Reads every slice on the network's pixels: whole, or in surroundings that are known. Not in those that a few slices show: where
/// the junction to the sacrum is unusual, what lies far in front and behind decides what is called S1.
fn first_pass(
    volume: &Volume,
    nudge: Nudge,
    known: Option<&Surroundings>,
    network: &SegmentationNetwork,
    threads: NonZeroUsize,
) -> Result<First, InferenceError> {
    let input = network.input();
    let whole = Canvas::nudged(volume, input, nudge);
    let within = known.map(|known| Canvas::within(volume, input, input.pixel_mm, known.coarse, nudge));
    let canvas = within.as_ref().unwrap_or(&whole);
    let plan = network.plan(canvas.padded_rows, canvas.padded_columns)?;
    let read = spread(volume.slices.len(), threads, |i| {
        let probabilities = canvas.class_probabilities(&plan.run(&canvas.network_input(&volume.slices[i]))?);
        Ok((kept(&probabilities), certainty(&probabilities, input.pixel_mm.powi(2))))
    })?;
    let (slices, certainties) = read.into_iter().unzip();
    Ok(First { slices, certainties, whole })
}

fn kept(probabilities: &[f32]) -> Vec<u8> {
    // To the nearest: `round` is a call for each.
    probabilities.iter().map(|p| (p * CERTAIN + 0.5) as u8).collect()
}

/// Each channel resampled to another grid, and the window cut from it.
fn cut(channels: &[f32], to_grid: &Resize, window: Window) -> Vec<f32> {
    let mut found = Vec::with_capacity(Structure::COUNT * window.len());
    for channel in channels.chunks(channels.len() / Structure::COUNT) {
        found.extend_from_slice(&to_grid.apply_within(channel, window.row_range(), window.column_range()));
    }
    found
}

/// How much of the spine a slice shows in the first pass, and where.
struct Seen {
    pixels: usize,
    in_row: Vec<usize>,
    in_column: Vec<usize>,
}

impl Seen {
    fn of(probabilities: &[u8], [rows, columns]: [usize; 2]) -> Self {
        let plane = rows * columns;
        let mut seen = Self { pixels: 0, in_row: vec![0; rows], in_column: vec![0; columns] };
        for at in 0..plane {
            if (1..Structure::COUNT).any(|k| probabilities[k * plane + at] > probabilities[at]) {
                seen.pixels += 1;
                seen.in_row[at / columns] += 1;
                seen.in_column[at % columns] += 1;
            }
        }
        seen
    }
}

/// The window of `grid` that holds what the slices show of the spine on the grid of the first pass, and `margin` pixels
/// around it; `None` where they show none.
fn surroundings(seen: &[Seen], first: [usize; 2], grid: [usize; 2], margin: f64) -> Option<Window> {
    let along = |axis: usize, counts: fn(&Seen) -> &Vec<usize>| {
        let shown = |i: &usize| seen.iter().map(|s| counts(s)[*i]).sum::<usize>() >= PIXELS_MIN;
        let (from, to) = ((0..first[axis]).find(shown)?, (0..first[axis]).rfind(shown)?);
        let ratio = grid[axis] as f64 / first[axis] as f64;
        let start = (from as f64 * ratio - margin).floor().max(0.0) as usize;
        let end = (((to + 1) as f64 * ratio + margin).ceil() as usize).min(grid[axis]);
        Some((start, end - start))
    };
    let ((top, rows), (left, columns)) = (along(0, |s| &s.in_row)?, along(1, |s| &s.in_column)?);
    Some(Window { top, left, rows, columns })
}

impl Fields {
    /// The likeliest class of each pixel of a slice of `volume`, from values on the window; around it there is background.
    pub(super) fn likeliest(&self, values: &[f32], volume: &Volume) -> Vec<u8> {
        let mut mask = vec![Structure::Background as u8; volume.slice_len()];
        if values.is_empty() {
            return mask;
        }
        let to_slice = Resize::new(self.grid, [volume.rows, volume.columns]);
        // Whatever hears nothing of the window is background.
        let [rows, columns] = to_slice.hearing(self.window.row_range(), self.window.column_range());
        let mut best = vec![f32::NEG_INFINITY; rows.len() * columns.len()];
        let mut classes = vec![Structure::Background as u8; best.len()];
        let mut whole = vec![CERTAIN; self.grid[0] * self.grid[1]];
        const { assert!(Structure::Background as usize == 0, "around the window the first channel is certain") };
        for (k, channel) in values.chunks(self.window.len()).enumerate() {
            if k == 1 {
                whole.fill(0.0);
            }
            for (start, row) in self.window.row_starts(self.grid[1]).zip(channel.chunks(self.window.columns)) {
                whole[start..start + row.len()].copy_from_slice(row);
            }
            let probabilities = to_slice.apply_within(&whole, rows.clone(), columns.clone());
            for ((b, m), p) in best.iter_mut().zip(classes.iter_mut()).zip(probabilities) {
                if p > *b {
                    *b = p;
                    *m = k as u8;
                }
            }
        }
        for (row, classes) in rows.zip(classes.chunks(columns.len().max(1))) {
            mask[row * volume.columns..][columns.clone()].copy_from_slice(classes);
        }
        mask
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]
mod tests {
    use super::*;

    /// A slice of 20 x 10 pixels that is disc in these rows and columns.
    fn seen(rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> Seen {
        let mut p = vec![0; Structure::COUNT * 200];
        p[..200].fill(100);
        for row in rows {
            columns.clone().for_each(|column| p[Structure::Disc as usize * 200 + row * 10 + column] = 150);
        }
        Seen::of(&p, [20, 10])
    }

    #[test]
    fn the_surroundings_hold_the_spine_of_all_slices_and_end_with_the_grid() {
        let slices = [seen(5..9, 3..6), seen(8..12, 4..7)];
        let window = surroundings(&slices, [20, 10], [40, 20], 3.0).unwrap();
        assert_eq!(window, Window { top: 7, left: 3, rows: 20, columns: 14 });
        let window = surroundings(&slices, [20, 10], [40, 20], 100.0).unwrap();
        assert_eq!(window, Window::whole([40, 20]));
    }

    #[test]
    fn specks_and_nothing_are_no_spine() {
        assert_eq!(seen(5..9, 3..6).pixels, 12);
        assert_eq!(surroundings(&[seen(5..6, 3..5)], [20, 10], [40, 20], 3.0), None);
        assert_eq!(surroundings(&[seen(0..0, 0..0)], [20, 10], [40, 20], 3.0), None);
    }
}
