//! Which body of the chain is S1, and whether that can be believed.
//!
//! Every name hangs on this. A network takes S2 for the sacrum, calls S1 a lumbar body, or lets the
//! sacrum leak onto L5; each would shift all names by one without a word. So three judges must agree: what the network
//! calls the sacrum, what the shapes along the chain say ([`identity`]), and the plain rules below. Where they
//! don't, no name is given; where they do but S1 looks unlike most first sacral bodies, as a transitional one does, the
//! names are given and the doubt is said.

use super::gaps::GapKind;
use super::{ChainBody, ChainGap, identity};

/// Below this probability the body called sacrum is not believed to be S1.
const LEAST_PROBABILITY: f64 = 0.5;
/// The same, where the image ends in it or just below it, or its shape is very odd: the probability knows of both. On chains of
/// training and validation patients it was right in 287 of 288 cut ones and in all odd ones from here on.
const LEAST_PROBABILITY_AGAINST_ODDS: f64 = 0.98;
/// Below this one a reader is told. Of 172 patients, whole and cut, judged by weights fitted to others, all names above it
/// were right but those of one whose L5 is half a sacrum.
const SURE_PROBABILITY: f64 = 0.95;
/// Squared distances from the usual S1 from which on a reader is told, and from which on it is very odd.
const ODD: f64 = 12.0;
const VERY_ODD: f64 = 30.0;
/// The image should go on below S1 by this share of its height: an L5 was taken for S1 only where less than 0.2 were left,
/// on 1,592 images of training and validation patients, whole and cut.
const ROOM_BELOW: f64 = 0.3;
/// S2 is this much smaller than S1 at most (area in the sagittal plane).
const S2_OF_S1_AREA: f64 = 0.9;
/// The same, where no disc was segmented that could confirm it.
const S2_OF_S1_AREA_ALONE: f64 = 0.6;
/// The same, where what lies between the two is as thick as a disc: of 172 patients with outlined vertebrae
/// (Sudirman, training part) the smallest S1 had 0.58 of the area of L5, so a smaller part below a
/// sacrum is S2 with its remnant disc, and no S1 below an L5 that was taken for the sacrum.
const S2_OF_S1_AREA_ACROSS_A_DISC: f64 = 0.58;
/// From this thickness on, what lies between S1 and S2 is a disc and no remnant, mm.
const TRUE_DISC_MM: f64 = 4.0;

/// S1 as found in the chain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Anchor {
    /// The body with this index is S1.
    Found {
        /// Index in the chain.
        index: usize,
        /// How likely it is S1, from the shapes along the chain.
        probability: f64,
        /// Whether a part of the sacrum below it was found as well.
        s2_below: bool,
        /// Whether the image ends in it or just below it.
        cut_below: bool,
        /// What makes the junction look transitional, for a person.
        transitional: Option<&'static str>,
    },
    /// No sacrum in view.
    Absent,
    /// There is one, but the evidence disagrees; why, for a person.
    Conflict(&'static str),
}

/// Finds S1 among `bodies` (foot to head); `kinds` says what each gap is, `discs_seen` whether the
/// spine's discs were segmented at all.
pub(crate) fn find(bodies: &[ChainBody], gaps: &[ChainGap], kinds: &[GapKind], discs_seen: bool) -> Anchor {
    let Some(lowest) = bodies.iter().position(ChainBody::is_sacrum) else { return Anchor::Absent };
    let index = lowest + bodies[lowest..].iter().take_while(|b| b.is_sacrum()).count() - 1;
    let s1 = &bodies[index];
    if bodies[index + 1..].iter().any(ChainBody::is_sacrum) {
        return Anchor::Conflict("two separate parts of the spine look like the sacrum");
    }
    // A network that sees the upper half of L5 at the foot of the image, or L5 and nothing below it, calls it the sacrum.
    let cut_below = s1.at_edge || identity::room_below(s1) < ROOM_BELOW;
    if index + 1 >= bodies.len() || index >= gaps.len() {
        return Anchor::Conflict("no vertebra was found above the sacrum");
    }
    if let Some(reason) = below_is_no_s2(bodies, gaps, index, discs_seen) {
        return Anchor::Conflict(reason);
    }
    if kinds.get(index) != Some(&GapKind::Neighbours) {
        return Anchor::Conflict("the space between the sacrum and the vertebra above does not fit one disc");
    }
    // What is left of a cut body is odd, and says nothing of the whole.
    let odd = identity::oddness(bodies, gaps, index).filter(|_| !cut_below).unwrap_or(0.0);
    let probability = match identity::weigh(bodies, gaps).likeliest() {
        Some((likeliest, probability)) if likeliest == index => probability,
        Some(_) => return Anchor::Conflict("another vertebra is shaped more like S1 than what looks like the sacrum"),
        None => 0.0,
    };
    if cut_below && probability < LEAST_PROBABILITY_AGAINST_ODDS {
        return Anchor::Conflict(
            "the image ends in or just below what looks like the sacrum: it may be the last lumbar vertebra",
        );
    }
    let least = if odd > VERY_ODD { LEAST_PROBABILITY_AGAINST_ODDS } else { LEAST_PROBABILITY };
    if probability < least {
        return Anchor::Conflict(
            "what looks like the sacrum is not shaped like S1: it may be S2, or the last lumbar vertebra",
        );
    }
    let disc_below = index > 0 && gaps[index - 1].discs > 0 && gaps[index - 1].disc_thickness_mm >= TRUE_DISC_MM;
    let transitional = if disc_below {
        Some("a disc lies below S1: the lumbosacral junction may be transitional, and all names one too high or low")
    } else if probability < SURE_PROBABILITY || odd > ODD {
        Some("S1 has an unusual shape: the lumbosacral junction may be transitional, and all names one too high or low")
    } else {
        None
    };
    Anchor::Found { index, probability, s2_below: index > 0, cut_below, transitional }
}

/// Why the part below the one taken for S1 can't be S2; `None` where it can, or there is none.
fn below_is_no_s2(bodies: &[ChainBody], gaps: &[ChainGap], index: usize, discs_seen: bool) -> Option<&'static str> {
    let below = &bodies[index.checked_sub(1)?];
    let gap = &gaps[index - 1];
    let ratio = below.area_mm2 / bodies[index].area_mm2;
    let thick_disc = gap.discs > 0 && gap.disc_thickness_mm >= TRUE_DISC_MM;
    let limit = if discs_seen { S2_OF_S1_AREA } else { S2_OF_S1_AREA_ALONE };
    if below.is_sacrum() && thick_disc && ratio >= S2_OF_S1_AREA_ACROSS_A_DISC {
        return Some("two parts look like the sacrum, with a disc between them");
    }
    (ratio > limit && !below.at_edge).then_some("the part below the sacrum is too large for S2")
}
