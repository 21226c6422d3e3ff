//! How well a reading repeats: the slices that its numbers hang on, read again slightly shifted.
//!
//! Nobody would measure otherwise on images that lie half a pixel further on. A network does, a little, and more where
//! it is in doubt. So the middle slices, where the canal is, are segmented again under [`NUDGES`], set among the other
//! slices' masks, and the whole way from the mask to the numbers is gone again. The spread of each number is
//! reported beside it ([`Measurement::sd`]): its repeatability, in which no bias shows that all repeats share. Vertebrae and discs
//! are matched by their places, so that a name which changes is seen as one: it is withheld, and where repeats give none,
//! its confidence falls.
//!
//! An area hangs on more slices than are repeated and gets no spread; neither does what a curved spine has beside them.

use super::curve::median;
use super::segmentation::{Nudge, Segmentation, Surroundings, segment_nudged};
use super::spine_reading::{SpineReading, read_spine};
use super::volume::{PartMask, SemanticMask, Volume};
use crate::inference::{InferenceError, SegmentationNetwork};
use crate::spine::{
    Designation, Evidence, Measurement, QualityCode, QualityFinding, Severity, Structure, Vec3, Vertebra, length, sub,
};
use std::fmt::Display;
use std::ops::Range;

/// Slices that are read again: what makes a third of a usual reading's time.
const SLICES: usize = 3;
/// The repeats: half a network pixel along rows and columns, and both at 98 % of the size. The reading itself is one more.
const NUDGES: [Nudge; 3] = [
    Nudge { rows: 0.5, columns: 0.0, scale: 1.0 },
    Nudge { rows: 0.0, columns: 0.5, scale: 1.0 },
    Nudge { rows: -0.5, columns: -0.5, scale: 0.98 },
];
/// What lies within this distance in two repeats is the same vertebra or disc, mm: neighbours are further apart.
const SAME_MM: f64 = 10.0;
/// Fewer values than this have no spread: the reading's own, and those of at least half the repeats.
const VALUES_MIN: usize = 1 + NUDGES.len().div_ceil(2);
/// A median absolute deviation times this estimates a normal standard deviation.
const MAD_TO_SD: f64 = 1.4826;

/// How many repeats there are.
pub(super) const REPEATS: usize = NUDGES.len();

/// The slices that are read again, and what they are read from.
pub(super) struct Repeats<'a> {
    volume: &'a Volume,
    mask: &'a SemanticMask,
    surroundings: &'a Surroundings,
    middle: Range<usize>,
}

impl<'a> Repeats<'a> {
    /// `None` where no slice shows a spine.
    pub(super) fn of(volume: &'a Volume, segmentation: &'a Segmentation) -> Option<Self> {
        let surroundings = segmentation.surroundings.as_ref()?;
        let middle = middle_slices(&segmentation.mask, volume.slice_len())?;
        Some(Self { volume, mask: &segmentation.mask, surroundings, middle })
    }

    /// The middle slices' classes in a repeat, from 0 on.
    pub(super) fn segment(&self, repeat: usize, network: &SegmentationNetwork) -> Result<Vec<u8>, InferenceError> {
        segment_nudged(self.volume, self.middle.clone(), NUDGES[repeat], self.surroundings, network)
    }

    /// The reading with the middle slices' classes exchanged; `None` where they then show no spine.
    pub(super) fn read(&self, slices: &[u8]) -> Option<SpineReading> {
        let mut again = self.mask.clone();
        let from = self.middle.start * self.volume.slice_len();
        again.channels.get_mut(from..from + slices.len())?.copy_from_slice(slices);
        let read = read_spine(self.volume, again).ok()?;
        // Only its numbers and names are wanted, not the masks of all repeats together.
        let (semantic, part_of) = (SemanticMask { channels: Vec::new() }, PartMask { parts: Vec::new() });
        Some(SpineReading { semantic, part_of, ..read })
    }

    /// Notes in `spine` how well it repeats.
    pub(super) fn judge(&self, spine: &mut SpineReading, repeats: &[Option<SpineReading>]) {
        // Slices are half of their distance wide to either side.
        let span = self.middle.start as f64 - 0.5..=self.middle.end as f64 - 0.5;
        weigh(spine, repeats, |place_lps_mm| span.contains(&self.volume.slice_index(place_lps_mm)));
    }
}

/// The neighbouring slices that show most of the canal, or where there is none, most of the spine.
fn middle_slices(mask: &SemanticMask, slice_len: usize) -> Option<Range<usize>> {
    let shown = |slice: &[u8]| {
        let count = |wanted: &dyn Fn(u8) -> bool| slice.iter().filter(|c| wanted(**c)).count();
        (count(&|c| c == Structure::Canal as u8), count(&|c| c != Structure::Background as u8))
    };
    let shown: Vec<(usize, usize)> = mask.channels.chunks_exact(slice_len.max(1)).map(shown).collect();
    let several = SLICES.min(shown.len());
    let of_window = |window: &[(usize, usize)]| window.iter().fold((0, 0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
    let windows = shown.windows(several.max(1)).map(of_window).enumerate();
    windows.max_by_key(|(_, shown)| *shown).map(|(start, _)| start..start + several)
}

/// Notes in `spine` what the repeats say of it; only what is `covered` by the slices that were repeated gets a spread.
fn weigh(spine: &mut SpineReading, repeats: &[Option<SpineReading>], covered: impl Fn(Vec3) -> bool) {
    let found = || repeats.iter().flatten();
    let mut doubts = Doubts::default();
    for own in &mut spine.vertebrae {
        let place = own.centre_lps_mm;
        let echoes: Vec<_> = found().filter_map(|r| nearest(&r.vertebrae, |v| v.centre_lps_mm, place)).collect();
        if covered(place) {
            note_spread(own.measurements.all_mut(), echoes.iter().map(|e| e.measurements.all()));
        }
        doubts.weigh_name("body", &mut own.designation, echoes.iter().map(|e| e.designation.name));
    }
    for own in &mut spine.levels {
        let place = own.plane.centre_lps_mm;
        let echoes: Vec<_> = found().filter_map(|r| nearest(&r.levels, |l| l.plane.centre_lps_mm, place)).collect();
        if covered(place) {
            note_spread(own.measurements.all_mut(), echoes.iter().map(|e| e.measurements.all()));
        }
        doubts.weigh_name("disc", &mut own.designation, echoes.iter().map(|e| e.designation.name));
    }
    let ends = spine.vertebrae.iter().filter(|v| matches!(v.designation.name, Some(Vertebra::L1 | Vertebra::S1)));
    if ends.map(|v| v.centre_lps_mm).all(covered) {
        note_spread(spine.lumbar.all_mut(), found().map(|r| r.lumbar.all()));
    }
    spine.take_back_names();
    spine.quality.extend(doubts.findings());
}

/// The thing nearest to `place_lps_mm`, where it is near enough to be the same.
fn nearest<T>(things: &[T], at_lps_mm: impl Fn(&T) -> Vec3, place_lps_mm: Vec3) -> Option<&T> {
    let away = |thing: &T| length(sub(at_lps_mm(thing), place_lps_mm));
    things.iter().min_by(|a, b| away(a).total_cmp(&away(b))).filter(|thing| away(thing) <= SAME_MM)
}

/// Gives each measurement the spread of itself and its echoes.
fn note_spread<'a, const N: usize>(
    own: [&mut Measurement; N],
    echoes: impl Iterator<Item = [&'a Measurement; N]> + Clone,
) {
    for (i, own) in own.into_iter().enumerate().filter(|(_, own)| own.unit != "mm2") {
        let Some(value) = own.get() else { continue };
        let values: Vec<f64> = echoes.clone().filter_map(|e| e[i].get()).chain([value]).collect();
        own.sd = robust_sd(&values);
    }
}

/// Standard deviation by the median absolute deviation, free of bias for so few values (Croux and Rousseeuw 1992,
/// "Time-efficient algorithms for two highly robust estimators of scale"); `None` below [`VALUES_MIN`].
fn robust_sd(values: &[f64]) -> Option<f64> {
    const {
        assert!(VALUES_MIN >= 3 && NUDGES.len() < 5, "the factors below are for three to five values");
    }
    let factor = match values.len() {
        n if n < VALUES_MIN => return None,
        3 => 1.495,
        4 => 1.363,
        _ => 1.206,
    };
    let middle = median(values)?;
    let away: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    median(&away).map(|mad| factor * MAD_TO_SD * mad)
}

/// What did not repeat, by what a person calls it.
#[derive(Debug, Default)]
struct Doubts {
    renamed: Vec<String>,
    lost: Vec<String>,
    unnamed: Vec<String>,
}

impl Doubts {
    /// Weighs a name by the names, or none, that the echoes of the thing have. It is as sure as the share of readings, this
    /// one and the repeats, that gave it; where one gave another, there is none.
    fn weigh_name<T: Copy + PartialEq + Display>(
        &mut self,
        what: &str,
        own: &mut Designation<T>,
        echoes: impl Iterator<Item = Option<T>> + Clone,
    ) {
        let place = format!("{what} no. {} from below", own.ordinal_from_below);
        let called = own.name.map_or(place, |name| name.to_string());
        if echoes.clone().count() + 1 < VALUES_MIN {
            self.lost.push(called.clone());
        }
        let Some(name) = own.name else { return };
        if echoes.clone().flatten().any(|other| other != name) {
            *own = Designation { name: None, confidence: 0.0, evidence: vec![renamed(&called)], ..own.clone() };
            self.renamed.push(called);
            return;
        }
        let agreeing = 1 + echoes.clone().flatten().count();
        if agreeing < VALUES_MIN && echoes.count() + 1 >= VALUES_MIN {
            self.unnamed.push(called);
        }
        own.confidence *= agreeing as f64 / (1 + NUDGES.len()) as f64;
    }

    fn findings(&self) -> impl Iterator<Item = QualityFinding> {
        let said = [
            (&self.renamed, "had another name, which is withheld"),
            (&self.lost, "did not show up again: check its place"),
            (&self.unnamed, "could mostly not be named again: check its name"),
        ];
        said.into_iter().filter(|(which, _)| !which.is_empty()).map(|(which, what)| QualityFinding {
            code: QualityCode::ReadingUnstable,
            severity: Severity::Warning,
            text: format!("with the middle slices shifted by half a pixel, {} {what}", which.join(", ")),
            series: None,
        })
    }
}

fn renamed(called: &str) -> Evidence {
    let text =
        format!("{called} by its place, but another name where the middle slices were read again, slightly shifted");
    Evidence { code: "reading-unstable", text }
}

#[cfg(test)]
#[path = "repeatability_tests.rs"]
mod tests;
