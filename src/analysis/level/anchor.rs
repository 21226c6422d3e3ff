//! Which body of the chain is S1, and whether that can be believed.
//!
//! Every name hangs on this. A network takes S2 for the sacrum, calls S1 a lumbar body, or lets the
//! sacrum leak onto L5; each would shift all names by one without a word. So the choice is refused
//! unless size, disc and order agree.

use super::gaps::GapKind;
use super::{ChainBody, ChainGap};

/// S2 is this much smaller than S1 at most (area in the sagittal plane).
const S2_OF_S1_AREA: f64 = 0.9;
/// The same, where no disc was segmented that could confirm it.
const S2_OF_S1_AREA_ALONE: f64 = 0.6;
/// The same, where what lies between the two is as thick as a disc: of 172 patients with outlined vertebrae
/// (Sudirman, training part) the smallest S1 had 0.58 of the area of L5, so a smaller part below a
/// sacrum is S2 with its remnant disc, and no S1 below an L5 that was taken for the sacrum.
const S2_OF_S1_AREA_ACROSS_A_DISC: f64 = 0.58;
/// Below these shares of the body above, in area and depth, what was called sacrum looks like S2.
const S1_OF_L5_AREA: f64 = 0.5;
const S1_OF_L5_DEPTH: f64 = 0.72;
/// The same, where no disc was segmented anywhere.
const S1_OF_L5_AREA_ALONE: f64 = 0.36;
/// From this thickness on, what lies between S1 and S2 is a disc and no remnant, mm.
const TRUE_DISC_MM: f64 = 4.0;

/// S1 as found in the chain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Anchor {
    /// The body with this index is S1.
    Found {
        /// Index in the chain.
        index: usize,
        /// Whether a disc lies between it and the body above.
        disc_above: bool,
        /// Whether a part of the sacrum below it was found as well.
        s2_below: bool,
        /// Whether a real disc lies between it and that part.
        disc_below: bool,
        /// Whether it is so small that only the disc above speaks against S2.
        small: bool,
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
    // A network that sees the upper half of L5 at the foot of the image calls it the sacrum.
    if s1.at_edge {
        return Anchor::Conflict(
            "the image's edge cuts what looks like the sacrum: it may be the last lumbar vertebra",
        );
    }
    let (Some(l5), Some(gap)) = (bodies.get(index + 1), gaps.get(index)) else {
        return Anchor::Conflict("no vertebra was found above the sacrum");
    };
    if let Some(reason) = below_is_no_s2(bodies, gaps, index, discs_seen) {
        return Anchor::Conflict(reason);
    }
    if kinds.get(index) != Some(&GapKind::Neighbours) {
        return Anchor::Conflict("the space between the sacrum and the vertebra above does not fit one disc");
    }
    let (area, depth) = (s1.area_mm2 / l5.area_mm2, s1.depth_mm / l5.depth_mm);
    let small = area < S1_OF_L5_AREA_ALONE || (discs_seen && (area < S1_OF_L5_AREA || depth < S1_OF_L5_DEPTH));
    if small && gap.discs == 0 {
        return Anchor::Conflict("what looks like the sacrum is as small as S2 and has no disc above it");
    }
    Anchor::Found {
        index,
        disc_above: gap.discs > 0,
        small,
        s2_below: index > 0,
        disc_below: index > 0 && gaps[index - 1].discs > 0 && gaps[index - 1].disc_thickness_mm >= TRUE_DISC_MM,
    }
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
