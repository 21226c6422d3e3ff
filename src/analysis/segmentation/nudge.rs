//! The same slices segmented again, shifted and shrunk by less than anyone would notice: what then
//! changes in the masks is the network's doubt about them.

use super::{Surroundings, segment_as};
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

/// Segments some slices of a sagittal volume under a nudge, heedless of the others, within `surroundings`, in one thread. Gives the
/// slices' classes on their own pixels (see [`crate::analysis::volume::SemanticMask::channels`]), the nudge taken back.
///
/// # Errors
/// [`InferenceError::Network`] where the slices are too large for the network or a run fails.
pub fn segment_nudged(
    volume: &Volume,
    slices: Range<usize>,
    nudge: Nudge,
    surroundings: &Surroundings,
    network: &SegmentationNetwork,
) -> Result<Vec<u8>, InferenceError> {
    let part = Volume { slices: volume.slices[slices].to_vec(), ..volume.without_slices() };
    let again = segment_as(&part, nudge, Some(surroundings), network, NonZeroUsize::MIN, &|_| ())?;
    Ok(again.mask.channels)
}

#[cfg(test)]
mod tests {
    use super::super::canvas::{Canvas, Nudged};
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
        let input = SegmentationInput { pixel_mm: 0.9, size_multiple: 1, percentiles: [0.0, 100.0] };
        let volume = slope();
        let still = Canvas::nudged(&volume, &input, Nudge::NONE);
        let whole = still.rows_columns();
        for nudge in [
            Nudge { rows: 0.5, columns: 0.0, scale: 1.0 },
            Nudge { rows: -0.5, columns: 0.5, scale: 1.0 },
            Nudge { rows: 0.5, columns: 0.5, scale: 0.98 },
        ] {
            let canvas = Canvas::nudged(&volume, &input, nudge);
            assert_eq!((canvas.padded_rows, canvas.padded_columns), (still.padded_rows, still.padded_columns));
            let there = canvas.network_input(&volume.slices[0]);
            assert_ne!(there, still.network_input(&volume.slices[0]));
            if nudge.scale < 1.0 {
                continue; // its zeros lie around it
            }
            let back = Nudged::of(whole, nudge).taken_back([40, 30]).apply(&there);
            let middle = 30 * 5..30 * 35;
            let away = |at: usize| (f32::from(volume.slices[0].stored[at]) / 3900.0 - back[at]).abs();
            let worst = middle.map(away).fold(0.0, f32::max);
            // The grey values are stretched a little by their own range.
            assert!(worst < 20.0 / 3900.0, "{nudge:?}: {} hundredths of a pixel", worst * 3900.0);
        }
    }
}
