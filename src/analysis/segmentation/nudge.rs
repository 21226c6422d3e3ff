//! The same slices segmented again, shifted and shrunk by less than anyone would notice: what then
//! changes in the masks is the network's doubt about them.

use super::{Canvas, segment_slice, spread};
use crate::analysis::volume::Volume;
use crate::inference::{InferenceError, SegmentationNetwork};
use std::num::NonZeroUsize;
use std::ops::Range;

/// How a slice lies otherwise on the network's pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nudge {
    /// Rows by which it is shifted, network pixels, less than one.
    pub rows: f64,
    /// Columns, likewise.
    pub columns: f64,
    /// Its size there as a share of the true one, at most 1.
    pub scale: f64,
}

impl Nudge {
    /// None: as every slice is segmented.
    pub const NONE: Self = Self { rows: 0.0, columns: 0.0, scale: 1.0 };
}

/// Segments some slices of a sagittal volume once for each nudge. Each result holds the slices' classes on their own
/// pixels (see [`crate::analysis::volume::SemanticMask::channels`]), the nudge taken back. One plan serves all.
///
/// # Errors
/// [`InferenceError::Network`] where the slices are too large for the network or a run fails.
pub fn segment_nudged(
    volume: &Volume,
    slices: Range<usize>,
    nudges: &[Nudge],
    network: &SegmentationNetwork,
    threads: NonZeroUsize,
) -> Result<Vec<Vec<u8>>, InferenceError> {
    let canvases: Vec<Canvas> = nudges.iter().map(|n| Canvas::nudged(volume, network.input(), *n)).collect();
    let Some(first) = canvases.first() else { return Ok(Vec::new()) };
    let plan = network.plan(first.padded_rows, first.padded_columns)?;
    let count = slices.len().max(1);
    let masks = spread(canvases.len() * slices.len(), threads, |run| {
        let mut mask = vec![0; volume.slice_len()];
        segment_slice(volume, slices.start + run % count, &canvases[run / count], &plan, &mut mask)?;
        Ok(mask)
    })?;
    Ok(masks.chunks(count).map(<[Vec<u8>]>::concat).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::volume::Slice;
    use crate::inference::SegmentationInput;

    /// A slope along the rows: its value is the place.
    fn slope() -> Volume {
        let stored = (0..40_u16).flat_map(|row| [row * 100; 30]).collect();
        Volume {
            rows: 40,
            columns: 30,
            row_spacing_mm: 1.5,
            column_spacing_mm: 1.5,
            row_direction_lps: [0.0, 1.0, 0.0],
            column_direction_lps: [0.0, 0.0, -1.0],
            slices: vec![Slice { origin_lps_mm: [0.0; 3], stored, slope: 1.0, intercept: 0.0, source: 0 }],
        }
    }

    #[test]
    fn a_nudge_moves_the_slice_on_the_canvas_and_is_taken_back() {
        let input = SegmentationInput { pixel_mm: 0.9, size_multiple: 32, percentiles: [0.0, 100.0] };
        let volume = slope();
        let values: Vec<f32> = volume.slices[0].stored.iter().map(|v| f32::from(*v)).collect();
        let still = Canvas::new(&volume, &input);
        for nudge in [
            Nudge { rows: 0.5, columns: 0.0, scale: 1.0 },
            Nudge { rows: -0.5, columns: 0.5, scale: 1.0 },
            Nudge { rows: 0.5, columns: 0.5, scale: 0.98 },
        ] {
            let canvas = Canvas::nudged(&volume, &input, nudge);
            assert_eq!((canvas.padded_rows, canvas.padded_columns), (still.padded_rows, still.padded_columns));
            let there = canvas.to_network.apply(&values);
            assert_ne!(there, still.to_network.apply(&values));
            let back = canvas.to_slice.apply(&there);
            let middle = 30 * 5..30 * 35;
            let away = values[middle.clone()].iter().zip(&back[middle]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(away < 10.0, "{nudge:?}: {away} hundredths of a pixel");
        }
    }
}
