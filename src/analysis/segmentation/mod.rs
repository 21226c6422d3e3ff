//! Volume to masks: each sagittal slice through the segmentation network.
//!
//! A slice is resampled to the network's square pixels, its intensities are scaled between two
//! percentiles, and the class probabilities are brought back to the slice's own pixels, where the
//! likeliest class is taken. Slices are independent and are spread over threads. Training and
//! judging in `models/training` repeat exactly these steps.

mod certainty;
mod nudge;
mod resize;

pub use certainty::{Certainty, certainties};
pub use nudge::{Nudge, segment_nudged};
pub use resize::Resize;

use super::volume::{SemanticMask, Volume};
use crate::inference::{InferenceError, SegmentationInput, SegmentationNetwork, SegmentationPlan};
use crate::spine::Structure;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `of` for every number below `count`, in as many threads, and gives the results in order.
pub(super) fn spread<T: Send>(
    count: usize,
    threads: NonZeroUsize,
    of: impl Fn(usize) -> Result<T, InferenceError> + Sync,
) -> Result<Vec<T>, InferenceError> {
    let mut found: Vec<Option<Result<T, InferenceError>>> = (0..count).map(|_| None).collect();
    let share = count.div_ceil(threads.get()).max(1);
    std::thread::scope(|scope| {
        for (part, places) in found.chunks_mut(share).enumerate() {
            let of = &of;
            scope.spawn(move || {
                for (i, place) in places.iter_mut().enumerate() {
                    *place = Some(of(part * share + i));
                }
            });
        }
    });
    found.into_iter().flatten().collect()
}

/// Segments every slice of a sagittal volume whose columns grow to the posterior and whose rows
/// grow to the feet. `on_slice` hears how many slices are done, from any thread.
///
/// # Errors
/// [`InferenceError::Network`] where the slice is too large for the network or a run fails.
pub fn segment(
    volume: &Volume,
    network: &SegmentationNetwork,
    threads: NonZeroUsize,
    on_slice: &(dyn Fn(usize) + Sync),
) -> Result<SemanticMask, InferenceError> {
    let canvas = Canvas::new(volume, network.input());
    let plan = network.plan(canvas.padded_rows, canvas.padded_columns)?;
    let mut channels = vec![0_u8; volume.slices.len() * volume.slice_len()];
    let queue = Mutex::new(channels.chunks_mut(volume.slice_len().max(1)).enumerate());
    let done = AtomicUsize::new(0);
    let work = || -> Result<(), InferenceError> {
        loop {
            // The lock only guards the iterator: a poisoned one is still in order.
            let next = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
            let Some((slice, mask)) = next else { return Ok(()) };
            segment_slice(volume, slice, &canvas, &plan, mask)?;
            on_slice(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    let helpers = threads.get().min(volume.slices.len()).saturating_sub(1);
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
        let own = work();
        helpers
            .into_iter()
            .map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .fold(own, Result::and)
    })?;
    Ok(SemanticMask { channels })
}

/// How a slice of the volume lies on the network's canvas.
struct Canvas {
    to_network: Resize,
    to_slice: Resize,
    padded_rows: usize,
    padded_columns: usize,
    top: usize,
    left: usize,
    percentiles: [f64; 2],
}

impl Canvas {
    fn new(volume: &Volume, input: &SegmentationInput) -> Self {
        Self::nudged(volume, input, Nudge::NONE)
    }

    /// The slice shrunk and shifted; padded as though it were not, so that one plan serves both.
    fn nudged(volume: &Volume, input: &SegmentationInput, nudge: Nudge) -> Self {
        let pixels = |n: usize, spacing_mm: f64| ((n as f64 * spacing_mm / input.pixel_mm).round() as usize).max(1);
        let whole = [pixels(volume.rows, volume.row_spacing_mm), pixels(volume.columns, volume.column_spacing_mm)];
        let [padded_rows, padded_columns] = whole.map(|n| n.next_multiple_of(input.size_multiple));
        let scale = nudge.scale.min(1.0);
        let [rows, columns] = whole.map(|n| ((n as f64 * scale).round() as usize).max(1));
        let stored = [volume.rows, volume.columns];
        let there =
            [nudge.rows * volume.rows as f64 / rows as f64, nudge.columns * volume.columns as f64 / columns as f64];
        Self {
            to_network: Resize::shifted(stored, [rows, columns], there),
            to_slice: Resize::shifted([rows, columns], stored, [-nudge.rows, -nudge.columns]),
            padded_rows,
            padded_columns,
            top: (padded_rows - rows) / 2,
            left: (padded_columns - columns) / 2,
            percentiles: input.percentiles,
        }
    }

    fn rows_columns(&self) -> [usize; 2] {
        self.to_network.to_rows_columns()
    }
}

fn segment_slice(
    volume: &Volume,
    slice: usize,
    canvas: &Canvas,
    plan: &SegmentationPlan,
    mask: &mut [u8],
) -> Result<(), InferenceError> {
    let logits = plan.run(&network_input(volume, slice, canvas))?;
    let probabilities = class_probabilities(&logits, canvas);
    likeliest(&probabilities, canvas, mask);
    Ok(())
}

/// A slice on the network's canvas: resampled, scaled and padded.
fn network_input(volume: &Volume, slice: usize, canvas: &Canvas) -> Vec<f32> {
    let source = &volume.slices[slice];
    let values: Vec<f32> = source.stored.iter().map(|v| f32::from(*v) * source.slope + source.intercept).collect();
    let mut small = canvas.to_network.apply(&values);
    scale_between_percentiles(&mut small, canvas.percentiles);
    pad(&small, canvas)
}

/// Clips to two percentiles of the values themselves and scales them to 0 and 1; a constant slice becomes zeros.
fn scale_between_percentiles(values: &mut [f32], percentiles: [f64; 2]) {
    let mut sorted = values.to_vec();
    let [low, high] = percentiles.map(|p| percentile(&mut sorted, p));
    let range = high - low;
    if range.is_nan() || range <= 0.0 {
        values.fill(0.0);
        return;
    }
    for v in values {
        *v = ((*v - low) / range).clamp(0.0, 1.0);
    }
}

/// The percentile `p` (0 to 100) with linear interpolation between ranks; reorders its input.
fn percentile(values: &mut [f32], p: f64) -> f32 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let rank = p / 100.0 * last as f64;
    let below = (rank.floor() as usize).min(last);
    let (_, low, above) = values.select_nth_unstable_by(below, f32::total_cmp);
    let low = *low;
    let high = above.iter().copied().min_by(f32::total_cmp).unwrap_or(low);
    low + (high - low) * (rank - rank.floor()) as f32
}

fn pad(small: &[f32], canvas: &Canvas) -> Vec<f32> {
    let [_, columns] = canvas.rows_columns();
    let mut padded = vec![0.0; canvas.padded_rows * canvas.padded_columns];
    for (r, row) in small.chunks(columns).enumerate() {
        let start = (canvas.top + r) * canvas.padded_columns + canvas.left;
        padded[start..start + columns].copy_from_slice(row);
    }
    padded
}

/// Softmax over the channels, padding cut off: `Structure::COUNT * rows * columns`, channel by channel.
fn class_probabilities(logits: &[f32], canvas: &Canvas) -> Vec<f32> {
    let [rows, columns] = canvas.rows_columns();
    let plane = canvas.padded_rows * canvas.padded_columns;
    let mut probabilities = vec![0.0; Structure::COUNT * rows * columns];
    for r in 0..rows {
        for c in 0..columns {
            let at = (canvas.top + r) * canvas.padded_columns + canvas.left + c;
            let pixel: [f32; Structure::COUNT] = std::array::from_fn(|k| logits[k * plane + at]);
            let top = pixel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exponentials = pixel.map(|v| (v - top).exp());
            let sum: f32 = exponentials.iter().sum();
            for (k, e) in exponentials.into_iter().enumerate() {
                probabilities[(k * rows + r) * columns + c] = e / sum;
            }
        }
    }
    probabilities
}

/// The likeliest class of each pixel of the slice, from probabilities on the network's pixels.
fn likeliest(probabilities: &[f32], canvas: &Canvas, mask: &mut [u8]) {
    let [rows, columns] = canvas.rows_columns();
    let mut best = vec![f32::NEG_INFINITY; mask.len()];
    for (k, channel) in probabilities.chunks(rows * columns).enumerate() {
        let at_slice = canvas.to_slice.apply(channel);
        for ((b, m), p) in best.iter_mut().zip(mask.iter_mut()).zip(at_slice) {
            if p > *b {
                *b = p;
                *m = k as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_between_ranks() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(percentile(&mut values, 0.0), 1.0);
        assert_eq!(percentile(&mut values, 50.0), 2.5);
        assert_eq!(percentile(&mut values, 100.0), 4.0);
    }

    #[test]
    fn a_constant_slice_becomes_zeros() {
        let mut values = [7.0; 5];
        scale_between_percentiles(&mut values, [0.5, 99.5]);
        assert_eq!(values, [0.0; 5]);
    }

    #[test]
    fn values_that_are_no_numbers_do_not_spread() {
        let mut values = [0.0, 1.0, 2.0, f32::NAN];
        scale_between_percentiles(&mut values, [0.0, 50.0]);
        assert_eq!(&values[..2], [0.0, 1.0 / 1.5]);
    }
}
