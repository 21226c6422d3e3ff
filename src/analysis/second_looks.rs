//! What is read a second time: the middle slices slightly shifted ([`super::repeatability`]), and those of a second series
//! ([`super::agreement`]). None of these looks waits for another, so they are taken side by side.

use super::agreement;
use super::repeatability::{REPEATS, Repeats};
use super::segmentation::{Segmentation, segment};
use super::spine_reading::{SpineReading, read_spine};
use super::spread::spread;
use super::volume::{SemanticMask, Volume};
use crate::inference::{InferenceError, SegmentationNetwork};
use std::num::NonZeroUsize;

/// Above so many voxels readings are made one after the other: side by side they would be a long series' largest need of memory,
/// and they are quick beside the network.
const SIDE_BY_SIDE_VOXELS_MAX: usize = 6_000_000;

/// The classes that a second look gave, or none where there was nothing to look at.
enum Look {
    Repeat(Vec<u8>),
    Second(SemanticMask),
}

/// Takes the second looks at `volume` and at `second`, a few middle slices of another series, and notes in `spine`, which was
/// read from `segmentation`, what they say of it.
///
/// # Errors
/// [`InferenceError::Network`] where the network can't run.
pub(super) fn judge(
    spine: &mut SpineReading,
    volume: &Volume,
    segmentation: &Segmentation,
    second: Option<&Volume>,
    network: &SegmentationNetwork,
    threads: NonZeroUsize,
) -> Result<(), InferenceError> {
    let repeats = Repeats::of(volume, segmentation);
    let of_repeats = if repeats.is_some() { REPEATS } else { 0 };
    let looks = spread(of_repeats + usize::from(second.is_some()), threads, |i| {
        Ok(match (&repeats, second) {
            (Some(repeats), _) if i < of_repeats => Some(Look::Repeat(repeats.segment(i, network)?)),
            (_, Some(second)) => Some(Look::Second(segment(second, network, NonZeroUsize::MIN, &|_| ())?.mask)),
            _ => None,
        })
    })?;
    let voxels = volume.slices.len() * volume.slice_len();
    let threads = if voxels > SIDE_BY_SIDE_VOXELS_MAX { NonZeroUsize::MIN } else { threads };
    let mut readings = spread(looks.len(), threads, |i| {
        Ok(match (&looks[i], &repeats, second) {
            (Some(Look::Repeat(slices)), Some(repeats), _) => repeats.read(slices),
            (Some(Look::Second(mask)), _, Some(second)) => read_spine(second, mask.clone()).ok(),
            _ => None,
        })
    })?;
    let of_second = readings.split_off(of_repeats).pop().flatten();
    if let Some(repeats) = repeats {
        repeats.judge(spine, &readings);
    }
    agreement::judge(spine, of_second.as_ref());
    Ok(())
}
