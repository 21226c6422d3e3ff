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
/// How far the surroundings reach that the first pass is shown: with less around it, the spine's own edge is read worse.
const FIRST_MARGIN_MM: f64 = 25.0;
/// How far apart the slices lie that are read whole, mm: a spine that bends does not leave the surroundings of its neighbours within
/// that.
const SCOUTS_APART_MM: f64 = 16.0;
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

/// Where the slices show the spine: what is read of them once that is known.
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
        let coarse = on(whole.rows_columns(), FIRST_MARGIN_MM, input.pixel_mm)?;
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

/// Reads every slice on the network's pixels. A few [`scouts`] are read whole; the others, a third of whose pixels are belly and
/// back, where the scouts show the spine, or whole where they show none.
fn first_pass(
    volume: &Volume,
    nudge: Nudge,
    known: Option<&Surroundings>,
    network: &SegmentationNetwork,
    threads: NonZeroUsize,
) -> Result<First, InferenceError> {
    let input = network.input();
    let whole = Canvas::nudged(volume, input, nudge);
    let pixel_mm2 = input.pixel_mm.powi(2);
    let read = |canvas: &Canvas, slices: &[usize]| -> Result<Vec<(Vec<u8>, Certainty)>, InferenceError> {
        let plan = network.plan(canvas.padded_rows, canvas.padded_columns)?;
        spread(slices.len(), threads, |i| {
            let logits = plan.run(&canvas.network_input(&volume.slices[slices[i]]))?;
            let probabilities = canvas.class_probabilities(&logits);
            Ok((kept(&probabilities), certainty(&probabilities, pixel_mm2)))
        })
    };
    let mut found: Vec<Option<(Vec<u8>, Certainty)>> = vec![None; volume.slices.len()];
    let mut window = known.map(|known| known.coarse);
    if window.is_none() {
        let scouts = scouts(&volume.slice_positions_mm());
        for (i, read) in scouts.iter().zip(read(&whole, &scouts)?) {
            found[*i] = Some(read);
        }
        let seen: Vec<Seen> = found.iter().flatten().map(|(p, _)| Seen::of(p, whole.rows_columns())).collect();
        let grid = whole.rows_columns();
        window = surroundings(&seen, grid, grid, FIRST_MARGIN_MM / input.pixel_mm);
    }
    let others: Vec<usize> = (0..found.len()).filter(|i| found[*i].is_none()).collect();
    let canvas = window.map(|window| Canvas::within(volume, input, input.pixel_mm, window, nudge));
    for (i, read) in others.iter().zip(read(canvas.as_ref().unwrap_or(&whole), &others)?) {
        found[*i] = Some(read);
    }
    let (slices, certainties) = found.into_iter().map(Option::unwrap_or_default).unzip();
    Ok(First { slices, certainties, whole })
}

/// The slices that are read whole: none is further than [`SCOUTS_APART_MM`] from the next, nor the first and last slice from the
/// first and last of them than half of that.
fn scouts(positions_mm: &[f64]) -> Vec<usize> {
    let mut scouts = Vec::new();
    let mut from = 0;
    while from < positions_mm.len() {
        let reach_mm = |i: usize| (positions_mm[i] - positions_mm[from]).abs();
        let scout = (from..positions_mm.len()).take_while(|i| reach_mm(*i) <= SCOUTS_APART_MM / 2.0).last();
        let scout = scout.unwrap_or(from);
        scouts.push(scout);
        let away_mm = |i: usize| (positions_mm[i] - positions_mm[scout]).abs();
        from =
            (scout + 1..positions_mm.len()).find(|i| away_mm(*i) > SCOUTS_APART_MM / 2.0).unwrap_or(positions_mm.len());
    }
    scouts
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
        let mut whole = vec![0.0; self.grid[0] * self.grid[1]];
        for (k, channel) in values.chunks(self.window.len()).enumerate() {
            whole.fill(if k == Structure::Background as usize { CERTAIN } else { 0.0 });
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
    fn scouts_stand_near_every_slice() {
        let every = |n: usize, mm: f64| (0..n).map(|i| i as f64 * mm).collect::<Vec<f64>>();
        assert_eq!(scouts(&every(17, 4.0)), [2, 7, 12, 16]);
        assert_eq!(scouts(&every(3, 4.0)), [2]);
        assert_eq!(scouts(&every(3, 20.0)), [0, 1, 2]);
        assert_eq!(scouts(&[]), [0; 0]);
        for (n, mm) in [(100, 1.0), (25, 3.3), (7, 9.0)] {
            let positions = every(n, mm);
            let scouts = scouts(&positions);
            let near = |p: &f64| scouts.iter().any(|s| (positions[*s] - p).abs() <= SCOUTS_APART_MM / 2.0);
            assert!(positions.iter().all(near), "{n} slices of {mm} mm: {scouts:?}");
        }
    }

    #[test]
    fn specks_and_nothing_are_no_spine() {
        assert_eq!(seen(5..9, 3..6).pixels, 12);
        assert_eq!(surroundings(&[seen(5..6, 3..5)], [20, 10], [40, 20], 3.0), None);
        assert_eq!(surroundings(&[seen(0..0, 0..0)], [20, 10], [40, 20], 3.0), None);
    }
}
