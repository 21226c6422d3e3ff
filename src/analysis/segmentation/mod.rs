//! Volume to masks: sagittal slices through the segmentation network.
//!
//! Each slice is read twice. First whole, on the pixels that the network was trained for, which says where the spine
//! is; then, where there is one, the spine's surroundings again on finer pixels, which draws its edges better. The class
//! probabilities of the two are averaged ([`passes`]), then those of neighbouring slices, as far as they lie so near that they
//! show the same anatomy ([`across`]), and the likeliest class is taken on the slice's own pixels.
//! On subjects that the network has not seen, finer pixels and neighbours each take a twentieth off the voxels that are wrong.
//!
//! Slices are spread over threads. Training and judging in `models/training` repeat the first pass of a whole slice exactly.

mod across;
mod canvas;
mod certainty;
mod nudge;
mod passes;
mod resize;

pub use certainty::{Certainty, Turned, certainties_turned};
pub use nudge::{Nudge, segment_nudged};
pub use passes::Surroundings;
pub use resize::Resize;

use super::spread::spread;
use super::volume::{SemanticMask, Volume};
use crate::inference::{InferenceError, SegmentationNetwork};
use std::num::NonZeroUsize;

/// The masks of a series, and what else its slices told.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    /// The classes.
    pub mask: SemanticMask,
    /// Where the slices show the spine; `None` where they show none.
    pub surroundings: Option<Surroundings>,
    /// How sure the network is of each slice.
    pub certainties: Vec<Certainty>,
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
) -> Result<Segmentation, InferenceError> {
    segment_as(volume, Nudge::NONE, None, network, threads, on_slice)
}

/// Segments a volume whose slices lie otherwise on the network's pixels, within surroundings that may be known.
fn segment_as(
    volume: &Volume,
    nudge: Nudge,
    known: Option<&Surroundings>,
    network: &SegmentationNetwork,
    threads: NonZeroUsize,
    on_slice: &(dyn Fn(usize) + Sync),
) -> Result<Segmentation, InferenceError> {
    let fields = passes::probabilities(volume, nudge, known, network, threads, on_slice)?;
    let positions_mm = volume.slice_positions_mm();
    let masks = spread(volume.slices.len(), threads, |slice| {
        Ok(fields.likeliest(&across::average(&fields.slices, &positions_mm, slice), volume))
    })?;
    let passes::Fields { surroundings, certainties, .. } = fields;
    Ok(Segmentation { mask: SemanticMask { channels: masks.concat() }, surroundings, certainties })
}
