//! Names for the vertebrae and discs of a chain, with the evidence for each.
//!
//! S1 is found first ([`anchor`]); the names are counted upwards from it along the chain, over gaps
//! only where the spacing clearly says that one vertebra was lost ([`gaps`]). Where there is no
//! sacrum, or the evidence disagrees, vertebrae keep their places from below and no name: a refusal
//! costs less than a silent shift. Six or four lumbar vertebrae can't be told without the ribs.
//!
//! A confidence is the probability that S1 is the body it was taken for ([`identity`]), times the share of people who have
//! five lumbar vertebrae, times a factor for each thing lacking on the way up from it.

mod anchor;
mod axial;
mod gaps;
mod identity;
mod identity_table;

pub use axial::{AXIAL_ANGLE_DEG, AXIAL_MARGIN_MM, UNKNOWN_HALF_HEIGHT_MM, axial_slices};

use crate::spine::{Designation, Disc, Evidence, QualityCode, QualityFinding, Severity, Vertebra};
use anchor::Anchor;
use gaps::GapKind;

/// That S1 is S1 is no surer than this.
const MOST_CONFIDENT: f64 = 0.99;
/// Share of people with five lumbar vertebrae: 1,799 of 1,985 whose whole spine was counted (Rabau et al. 2021, Skeletal
/// Radiology 50:2503). No name that hangs on the number is surer than that.
const FIVE_LUMBAR: f64 = 0.906;
/// None is surer than this where the junction looks transitional.
const TRANSITIONAL: f64 = 0.6;
/// None is surer than this where the image ends in S1 or just below it: what is left of S1 is little to know it by.
const CUT_BELOW: f64 = 0.75;
const CUT_TEXT: &str = "the image ends in S1 or just below it: all names rest on the part of it that is in view";
/// What every reader of a name is told: some people have four or six, and it takes the ribs, or the whole spine, to see it.
const FIVE_ASSUMED: &str =
    "levels are counted from S1 on the assumption of five lumbar vertebrae: no ribs are looked at";
/// None is surer than this where fewer vertebrae than these are in view, S1 among them: a lumbar field shows at least six, and an
/// image that is no spine may hold a few in a row.
const FEW_IN_VIEW: f64 = 0.75;
const ENOUGH_IN_VIEW: usize = 4;
/// Factors for what is lacking.
const NO_CANAL: f64 = 0.9;
const CANAL_ASTRAY: f64 = 0.7;
const GAP_BRIDGED: f64 = 0.6;
/// Factor for every vertebra counted.
const COUNTED: f64 = 0.995;
/// More than this share of sacrum pixels makes a body the sacrum.
const SACRUM_SHARE: f64 = crate::analysis::parts::SACRUM_SHARE;

/// What the names need to know of a body of the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainBody {
    /// Extent along the curve, mm.
    pub height_mm: f64,
    /// Antero-posterior extent, mm.
    pub depth_mm: f64,
    /// Area in the sagittal plane, mm².
    pub area_mm2: f64,
    /// Natural logarithm of the area of its front half over that of its back half.
    pub front_to_back: f64,
    /// The same of its upper half over its lower half.
    pub upper_to_lower: f64,
    /// Share of its pixels that the network called sacrum.
    pub sacrum_share: f64,
    /// Whether the image's edge cuts it.
    pub at_edge: bool,
    /// How far the image goes on below it, mm.
    pub room_below_mm: f64,
    /// Whether the canal runs behind it; `None` where no canal was segmented.
    pub canal_alongside: Option<bool>,
}

impl ChainBody {
    pub(crate) fn is_sacrum(&self) -> bool {
        self.sacrum_share > SACRUM_SHARE
    }
}

/// What lies between two neighbouring bodies of the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainGap {
    /// Distance of the two centres, mm.
    pub distance_mm: f64,
    /// Lean of the way from the lower centre to the upper one, against the image's vertical, to the back positive, degrees.
    pub lean_deg: f64,
    /// Discs found between them.
    pub discs: usize,
    /// Thickness of the thickest of them, mm.
    pub disc_thickness_mm: f64,
}

/// The chain, named.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Naming {
    /// Index of the lowest body that belongs to the reading: what lies below S1 does not.
    pub(crate) first: usize,
    /// A designation for each body from `first` on.
    pub(crate) vertebrae: Vec<Designation<Vertebra>>,
    /// For each gap above a body from `first` on: whether one vertebra is missing in it.
    pub(crate) bridged: Vec<bool>,
    /// What a reader must know.
    pub(crate) quality: Vec<QualityFinding>,
}

impl Naming {
    /// Names of the discs between body `index` (from `first` on) and the next one up: one, or two around a lost vertebra.
    pub(crate) fn discs_above(&self, index: usize) -> Vec<Designation<Disc>> {
        let lower = self.vertebrae.get(index);
        let upper = self.vertebrae.get(index + 1);
        let Some(lower) = lower else { return vec![unnamed_disc()] };
        let above = |d: &Designation<Vertebra>| Designation { name: d.name.and_then(Vertebra::above), ..d.clone() };
        match upper {
            None => vec![disc(&above(lower), lower)],
            Some(upper) if self.bridged.get(index) == Some(&true) => {
                let lost =
                    Designation { confidence: upper.confidence, evidence: upper.evidence.clone(), ..above(lower) };
                vec![disc(&lost, lower), disc(upper, &lost)]
            }
            Some(upper) => vec![disc(upper, lower)],
        }
    }
}

/// A disc that no vertebra names.
pub(crate) fn unnamed_disc() -> Designation<Disc> {
    let text = "the vertebra below this disc is not in view".to_owned();
    Designation {
        name: None,
        ordinal_from_below: 0,
        confidence: 0.0,
        evidence: vec![Evidence { code: "no-sacrum", text }],
    }
}

/// The disc between two vertebrae is as sure as the less sure of them; its place is set by the reading.
fn disc(upper: &Designation<Vertebra>, lower: &Designation<Vertebra>) -> Designation<Disc> {
    let less_sure = if upper.confidence <= lower.confidence { upper } else { lower };
    let name = upper.name.zip(lower.name).map(|(upper, lower)| Disc::new(upper, lower));
    Designation {
        name,
        ordinal_from_below: 0,
        confidence: if name.is_some() { less_sure.confidence } else { 0.0 },
        evidence: less_sure.evidence.clone(),
    }
}

/// Names a chain of bodies, given from foot to head with the gaps between them.
pub(crate) fn designate(bodies: &[ChainBody], gaps: &[ChainGap]) -> Naming {
    let discs_seen = 2 * gaps.iter().filter(|g| g.discs > 0).count() >= gaps.len() && !gaps.is_empty();
    let pitch_mm = gaps::usual_pitch_mm(bodies, gaps).unwrap_or(f64::INFINITY);
    let kinds: Vec<GapKind> =
        bodies.windows(2).zip(gaps).map(|(b, g)| gaps::kind(&b[0], &b[1], g, pitch_mm, discs_seen)).collect();
    match anchor::find(bodies, gaps, &kinds, discs_seen) {
        Anchor::Absent => unnamed(bodies, &kinds, QualityCode::NoAnchor, "no-sacrum", "the sacrum is not in view"),
        Anchor::Conflict(reason) => unnamed(bodies, &kinds, QualityCode::LevelConflict, "level-conflict", reason),
        Anchor::Found { index, probability, s2_below, cut_below, transitional } => {
            let mut base = vec![evidence("sacrum-in-view", "S1 was found at the lower end of the chain")];
            if s2_below {
                base.push(evidence("s2-below", "a smaller part of the sacrum was found below S1"));
            }
            let mut most = if transitional.is_some() { TRANSITIONAL } else { MOST_CONFIDENT };
            if cut_below {
                base.push(evidence("s1-at-edge", "the image ends in S1 or just below it"));
                most = most.min(CUT_BELOW);
            }
            if bodies.len() - index < ENOUGH_IN_VIEW {
                base.push(evidence("few-in-view", "few vertebrae are in view above S1"));
                most = most.min(FEW_IN_VIEW);
            }
            let shape = format!("by its shape it is S1 with a probability of {probability:.2}");
            base.push(Evidence { code: "s1-shape", text: shape });
            let start = probability.min(most);
            let mut naming = count_up(&bodies[index..], &gaps[index..], &kinds[index..], &base, start);
            naming.first = index;
            naming.quality.extend(cut_below.then(|| finding(QualityCode::FieldOfView, CUT_TEXT)));
            naming.quality.extend(transitional.map(|text| finding(QualityCode::TransitionalAnatomy, text)));
            naming.quality.push(QualityFinding {
                severity: Severity::Info,
                ..finding(QualityCode::LumbarCountAssumed, FIVE_ASSUMED)
            });
            naming
        }
    }
}

/// Counts names up from S1, the first of `bodies`.
fn count_up(bodies: &[ChainBody], gaps: &[ChainGap], kinds: &[GapKind], base: &[Evidence], start: f64) -> Naming {
    let mut naming = Naming { first: 0, vertebrae: Vec::new(), bridged: Vec::new(), quality: Vec::new() };
    let (mut name, mut trust, mut counted, mut lost) = (Some(Vertebra::S1), start, 0, false);
    for (i, body) in bodies.iter().enumerate() {
        let below = i.checked_sub(1).map(|j| (&gaps[j], kinds[j]));
        match below.map(|b| b.1) {
            None => {}
            Some(GapKind::Neighbours) => (name, counted) = (name.and_then(Vertebra::above), counted + 1),
            Some(GapKind::OneMissing) => {
                name = name.and_then(Vertebra::above).and_then(Vertebra::above);
                (counted, trust, lost) = (counted + 2, trust * GAP_BRIDGED, true);
            }
            Some(GapKind::Unclear) if name.is_some() => {
                name = None;
                let text = "the distance between two vertebrae fits no whole number of levels: none is named above it";
                naming.quality.push(finding(QualityCode::LevelConflict, text));
            }
            Some(GapKind::Unclear) => {}
        }
        if i > 0 {
            naming.bridged.push(below.is_some_and(|b| b.1 == GapKind::OneMissing));
        }
        let mut found = base.to_vec();
        // The canal often ends, or thins out, behind S1.
        let astray = if i > 0 { CANAL_ASTRAY } else { NO_CANAL };
        let own = body_evidence(body, below.map(|b| b.0), astray, &mut found);
        // Every name hangs on S1: what speaks against it speaks against all of them.
        trust *= match i {
            0 => own,
            1 => FIVE_LUMBAR * COUNTED,
            _ => COUNTED,
        };
        let own = if i > 0 { own } else { 1.0 };
        let designation = match name {
            Some(_) => {
                found.extend(count_evidence(counted, lost));
                Designation { name, ordinal_from_below: i + 1, confidence: trust * own, evidence: found }
            }
            None => {
                let text = "counting up from S1, a gap in the chain can't be bridged for sure";
                let evidence = vec![evidence("level-conflict", text)];
                Designation { name: None, ordinal_from_below: i + 1, confidence: 0.0, evidence }
            }
        };
        naming.vertebrae.push(designation);
    }
    naming
}

/// Adds what a body's own surroundings say for its name; returns the factor for what they lack.
fn body_evidence(body: &ChainBody, below: Option<&ChainGap>, astray: f64, found: &mut Vec<Evidence>) -> f64 {
    let mut factor = 1.0;
    match body.canal_alongside {
        Some(true) => found.push(evidence("canal-alongside", "the canal runs behind it")),
        Some(false) => {
            found.push(evidence("canal-astray", "the canal was not found behind it"));
            factor *= astray;
        }
        None => {
            found.push(evidence("no-canal", "no canal was segmented"));
            factor *= NO_CANAL;
        }
    }
    match below {
        Some(gap) if gap.discs > 0 => found.push(evidence("disc-between", "a disc lies between it and the one below")),
        Some(_) => found.push(evidence("no-disc-below", "no disc was found between it and the one below")),
        None => {}
    }
    factor
}

fn count_evidence(counted: usize, lost: bool) -> Vec<Evidence> {
    let chain = if lost {
        evidence("gap-bridged", "one vertebra was not found on the way; the spacing says that it is one")
    } else {
        evidence("chain-unbroken", "no vertebra is missing on the way")
    };
    match counted {
        0 => Vec::new(),
        1 => vec![evidence("counted-from-s1", "it is the first above S1"), chain],
        n => vec![Evidence { code: "counted-from-s1", text: format!("it is number {n} above S1") }, chain],
    }
}

/// A chain that gets places, but no names.
fn unnamed(bodies: &[ChainBody], kinds: &[GapKind], code: QualityCode, reason: &'static str, text: &str) -> Naming {
    let vertebrae = (1..=bodies.len()).map(|ordinal_from_below| Designation {
        name: None,
        ordinal_from_below,
        confidence: 0.0,
        evidence: vec![evidence(reason, text)],
    });
    let sentence = format!("{text}: vertebrae and discs are numbered from below and not named");
    Naming {
        first: 0,
        vertebrae: vertebrae.collect(),
        bridged: kinds.iter().map(|k| *k == GapKind::OneMissing).collect(),
        quality: vec![finding(code, &sentence)],
    }
}

fn evidence(code: &'static str, text: &str) -> Evidence {
    Evidence { code, text: text.to_owned() }
}

fn finding(code: QualityCode, text: &str) -> QualityFinding {
    QualityFinding { code, severity: Severity::Warning, text: text.to_owned(), series: None }
}

#[cfg(test)]
mod tests;
