//! How sure the network is of what it sees in a slice, as it is or turned: the segmentation's first pass, without the mask.

use super::canvas::{Canvas, grid_rows_columns};
use super::{Nudge, Surroundings};
use crate::analysis::spread::spread;
use crate::analysis::volume::{Slice, Volume};
use crate::inference::{InferenceError, SegmentationNetwork};
use crate::spine::Structure;
use std::num::NonZeroUsize;

/// From this probability on the network is sure of a pixel.
const SURE: f32 = 0.95;

/// How sure the network is of the structures that it sees in one slice.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Certainty {
    /// Mean probability of the likeliest class where that is a structure, 0 to 1; 0 where there is none.
    pub mean_probability: f64,
    /// Area of the structures of which it is sure, mm².
    pub sure_mm2: f64,
}

/// How sure the network is of one slice of a sagittal volume once its pixels are `turned`, each way within the surroundings, which
/// turn with it.
///
/// # Errors
/// [`InferenceError::Network`] where the slice is too large for the network or a run fails.
pub fn certainties_turned(
    volume: &Volume,
    slice: &Slice,
    turns: &[Turned],
    surroundings: &Surroundings,
    network: &SegmentationNetwork,
    threads: NonZeroUsize,
) -> Result<Vec<Certainty>, InferenceError> {
    let input = network.input();
    let grid = grid_rows_columns(volume, input.pixel_mm);
    spread(turns.len(), threads, |i| {
        let turn = turns[i];
        let window = surroundings.coarse().turned(grid, turn);
        let canvas = Canvas::within(volume, input, input.pixel_mm, window, Nudge::NONE);
        let plan = network.plan(canvas.padded_rows, canvas.padded_columns)?;
        let logits = plan.run(&canvas.network_input(&turn.of(slice, volume.columns)))?;
        Ok(certainty(&canvas.class_probabilities(&logits), input.pixel_mm.powi(2)))
    })
}

/// Which way a slice's pixels are turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turned {
    /// The last row first.
    pub rows: bool,
    /// The last column first.
    pub columns: bool,
}

impl Turned {
    /// A slice of so many columns with its pixels turned.
    fn of(self, slice: &Slice, columns: usize) -> Slice {
        let mut rows: Vec<Vec<u16>> = slice.stored.chunks(columns.max(1)).map(<[u16]>::to_vec).collect();
        if self.rows {
            rows.reverse();
        }
        if self.columns {
            rows.iter_mut().for_each(|row| row.reverse());
        }
        Slice { stored: rows.concat(), ..slice.clone() }
    }
}

/// From class probabilities, channel by channel on the network's pixels.
pub(super) fn certainty(probabilities: &[f32], pixel_mm2: f64) -> Certainty {
    let plane = probabilities.len() / Structure::COUNT;
    let (mut pixels, mut sum, mut sure) = (0_usize, 0.0, 0_usize);
    for at in 0..plane {
        let of_structures = (1..Structure::COUNT).map(|k| probabilities[k * plane + at]);
        let likeliest = of_structures.fold(0.0, f32::max);
        if likeliest > probabilities[at] {
            pixels += 1;
            sum += f64::from(likeliest);
            sure += usize::from(likeliest >= SURE);
        }
    }
    Certainty { mean_probability: sum / pixels.max(1) as f64, sure_mm2: sure as f64 * pixel_mm2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pixels_that_are_likelier_a_structure_count() {
        // Three pixels: background, a body with 0.6, a disc with 0.98.
        let mut probabilities = vec![0.0; Structure::COUNT * 3];
        let mut set = |class: Structure, pixel: usize, p: f32| probabilities[class as usize * 3 + pixel] = p;
        set(Structure::Background, 0, 0.9);
        set(Structure::Disc, 0, 0.1);
        set(Structure::Background, 1, 0.4);
        set(Structure::VertebralBody, 1, 0.6);
        set(Structure::Disc, 2, 0.98);
        set(Structure::Background, 2, 0.02);
        let found = certainty(&probabilities, 0.5);
        assert!((found.mean_probability - 0.79).abs() < 1e-6 && (found.sure_mm2 - 0.5).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_slice_is_turned_about_its_middle() {
        let slice = Slice { origin_lps_mm: [0.0; 3], stored: (0..6).collect(), slope: 1.0, intercept: 0.0, source: 0 };
        let stored = |rows, columns| Turned { rows, columns }.of(&slice, 3).stored;
        assert_eq!(stored(true, false), [3, 4, 5, 0, 1, 2]);
        assert_eq!(stored(false, true), [2, 1, 0, 5, 4, 3]);
        assert_eq!(stored(true, true), [5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn nothing_seen_is_no_certainty() {
        let mut probabilities = vec![0.0; Structure::COUNT * 2];
        probabilities[..2].fill(1.0);
        assert_eq!(certainty(&probabilities, 1.0), Certainty::default());
    }
}
