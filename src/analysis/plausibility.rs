//! Whether what was found can be an upright spine seen from the side, as the header claims.
//!
//! A network that has only learnt spines with the head up and the front on the left is surest of
//! itself when it sees one. So the slice that shows most of the spine, and where it objects two more, are shown to it in four ways, as
//! the header has it, upside down, front to back and turned by half: where it is surer of another way,
//! the header lies, and nothing that hangs on it may be said ([`Lie::Turned`]). Where it is sure of none,
//! what was found is no spine ([`Lie::Unlike`]). Both are refusals: a wrong name costs more.
//!
//! Left and right can't be judged: a spine looks the same from both sides, and what differs (aorta,
//! vena cava, liver) is not segmented. A header that takes left for right is believed.
//!
//! The size of the bodies is weighed apart ([`size`]): it needs the masks alone.

use super::curve::median;
use super::level::ChainBody;
use super::segmentation::{Certainty, Segmentation, Turned, certainties_turned};
use super::volume::{SemanticMask, Slice, Volume};
use crate::inference::{InferenceError, SegmentationNetwork};
use crate::spine::{QualityCode, QualityFinding, Severity, Structure};
use std::num::NonZeroUsize;

/// Below this mean probability what the network calls a spine is none. On one-slice studies of training and
/// validation subjects, whole or cut, the least was 0.85; noise and spines lying on their side
/// stayed below 0.8.
const LEAST_PROBABILITY: f64 = 0.8;

/// Slices that are asked, where the first says that the header lies.
const VOTERS: usize = 3;

/// Median height and depth of bodies that some person's may have, from a small child's to the largest, mm.
const POSSIBLE_HEIGHT_MM: std::ops::RangeInclusive<f64> = 8.0..=46.0;
const POSSIBLE_DEPTH_MM: std::ops::RangeInclusive<f64> = 10.0..=62.0;
/// What most adults' have, mm.
const USUAL_HEIGHT_MM: std::ops::RangeInclusive<f64> = 17.0..=36.0;
const USUAL_DEPTH_MM: std::ops::RangeInclusive<f64> = 21.0..=48.0;

/// How an image would have to be turned for its spine to stand upright with the front on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Head and feet are exchanged.
    UpsideDown,
    /// Front and back are exchanged.
    FrontToBack,
    /// Both are.
    Half,
}

impl Turn {
    const ALL: [Self; 3] = [Self::UpsideDown, Self::FrontToBack, Self::Half];

    const fn pixels(self) -> Turned {
        match self {
            Self::UpsideDown => Turned { rows: true, columns: false },
            Self::FrontToBack => Turned { rows: false, columns: true },
            Self::Half => Turned { rows: true, columns: true },
        }
    }

    /// What a person is told.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::UpsideDown => {
                "the images show a spine that is upside down by their header: head and feet may be exchanged"
            }
            Self::FrontToBack => {
                "the images show a spine whose canal lies in front by their header: front and back may be exchanged"
            }
            Self::Half => "the images show a spine that is turned by half a turn against their header",
        }
    }
}

/// How the spine lies, compared with what the header claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Nothing speaks against the header.
    AsClaimed,
    /// The images look like a spine once they are turned.
    Turned(Turn),
    /// What was found does not look like a spine, however it is turned.
    Unlike,
}

/// How the spine in `mask`, what is left of the segmentation's, lies, by the slice that shows most of it. That it is turned, most of [`VOTERS`] slices must say: one
/// alone is now and then surer of a spine on its head.
///
/// # Errors
/// [`InferenceError::Network`] where the network can't run.
pub fn lie(
    volume: &Volume,
    mask: &SemanticMask,
    segmentation: &Segmentation,
    network: &SegmentationNetwork,
    threads: NonZeroUsize,
) -> Result<Lie, InferenceError> {
    let Some(surroundings) = &segmentation.surroundings else { return Ok(Lie::Unlike) };
    let turns = Turn::ALL.map(Turn::pixels);
    let one_slice = |(slice, claimed): (&Slice, Certainty)| -> Result<Lie, InferenceError> {
        Ok(weigh(claimed, &certainties_turned(volume, slice, &turns, surroundings, network, threads)?))
    };
    // The middle of the spine is where the canal is; lateral slices show as much bone and tell less.
    let shown = |slice: &[u8]| {
        let canal = slice.iter().filter(|c| **c == Structure::Canal as u8).count();
        (canal, slice.iter().filter(|c| **c != Structure::Background as u8).count())
    };
    let shown = mask.channels.chunks_exact(volume.slice_len().max(1)).map(shown);
    let claimed = volume.slices.iter().zip(segmentation.certainties.iter().copied());
    let mut slices: Vec<_> = shown.zip(claimed).collect();
    slices.sort_by_key(|(shown, _)| std::cmp::Reverse(*shown));
    slices.truncate(VOTERS);
    let Some(((_, first), others)) = slices.split_first() else { return Ok(Lie::Unlike) };
    let verdict = one_slice(*first)?;
    if !matches!(verdict, Lie::Turned(_)) {
        return Ok(verdict);
    }
    let mut agreeing = 1;
    for (_, slice) in others {
        agreeing += usize::from(one_slice(*slice)? == verdict);
    }
    Ok(if 2 * agreeing > slices.len() { verdict } else { Lie::AsClaimed })
}

/// Weighs the image as claimed against its turns, given in the order of [`Turn::ALL`]: another way must be
/// surer pixel by pixel, and of more pixels.
fn weigh(claimed: Certainty, turned: &[Certainty]) -> Lie {
    let surer = |c: &Certainty| c.mean_probability > claimed.mean_probability && c.sure_mm2 > claimed.sure_mm2;
    let best = Turn::ALL
        .into_iter()
        .zip(turned)
        .filter(|(_, c)| surer(c) && c.mean_probability >= LEAST_PROBABILITY)
        .max_by(|(_, a), (_, b)| a.mean_probability.total_cmp(&b.mean_probability));
    match best {
        Some((turn, _)) => Lie::Turned(turn),
        None if claimed.mean_probability < LEAST_PROBABILITY => Lie::Unlike,
        None => Lie::AsClaimed,
    }
}

/// What the size of the bodies says of the header's pixel spacing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Size {
    /// They are as large as an adult's.
    Usual,
    /// A child's, or a giant's: a reader is told.
    Unusual(QualityFinding),
    /// Nobody's.
    Impossible,
}

/// Weighs the size of the bodies of a chain by the medians of those that are whole; where none is, nothing is said.
pub(crate) fn size(bodies: &[ChainBody]) -> Size {
    let of = |extent_mm: fn(&ChainBody) -> f64| {
        let whole = bodies.iter().filter(|b| !b.at_edge && !b.is_sacrum());
        median(&whole.map(extent_mm).collect::<Vec<_>>())
    };
    of(|b| b.height_mm)
        .zip(of(|b| b.depth_mm))
        .map_or(Size::Usual, |(height_mm, depth_mm)| weigh_size(height_mm, depth_mm))
}

fn weigh_size(height_mm: f64, depth_mm: f64) -> Size {
    if !POSSIBLE_HEIGHT_MM.contains(&height_mm) || !POSSIBLE_DEPTH_MM.contains(&depth_mm) {
        return Size::Impossible;
    }
    if USUAL_HEIGHT_MM.contains(&height_mm) && USUAL_DEPTH_MM.contains(&depth_mm) {
        return Size::Usual;
    }
    let text = format!(
        "vertebral bodies are {height_mm:.0} mm high and {depth_mm:.0} mm deep, unusual in an adult: check the pixel spacing before a length is believed"
    );
    Size::Unusual(QualityFinding { code: QualityCode::SizeUnusual, severity: Severity::Warning, text, series: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sure(mean_probability: f64, sure_mm2: f64) -> Certainty {
        Certainty { mean_probability, sure_mm2 }
    }

    const NOTHING: Certainty = Certainty { mean_probability: 0.0, sure_mm2: 0.0 };

    #[test]
    fn the_surest_way_wins_where_it_is_sure_of_more_as_well() {
        let others = [sure(0.93, 9000.0), sure(0.8, 2000.0), sure(0.82, 2500.0)];
        assert_eq!(weigh(sure(0.95, 10_000.0), &others), Lie::AsClaimed);
        assert_eq!(weigh(sure(0.90, 7000.0), &others), Lie::Turned(Turn::UpsideDown));
        assert_eq!(weigh(sure(0.90, 9500.0), &others), Lie::AsClaimed);
    }

    #[test]
    fn what_no_way_makes_a_spine_is_none() {
        assert_eq!(weigh(sure(0.6, 40.0), &[sure(0.7, 60.0), NOTHING, NOTHING]), Lie::Unlike);
        assert_eq!(weigh(NOTHING, &[NOTHING; 3]), Lie::Unlike);
    }

    #[test]
    fn sizes_that_nobody_has_are_impossible_and_a_childs_are_said() {
        assert_eq!(weigh_size(27.0, 34.0), Size::Usual);
        assert!(matches!(weigh_size(14.0, 18.0), Size::Unusual(_)));
        assert_eq!(weigh_size(55.0, 70.0), Size::Impossible);
        assert_eq!(weigh_size(f64::NAN, 34.0), Size::Impossible);
    }
}
