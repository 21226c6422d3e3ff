//! From one semantic mask to the designated, measured spine.
//!
//! [`read_spine`] is the whole way in order: parts, names, curve, measurements. It sees masks and
//! geometry only, no grey values, and it never fails on a mask's content: what can't be found is
//! refused by name.

use thiserror::Error;

use super::level::{self, ChainBody, ChainGap, Naming};
use super::measure::{self, Shapes};
use super::parts::frame::Frame;
use super::parts::{self, PartKind, SpineParts};
use super::plausibility::{self, Size};
use super::study::Part;
use super::volume::{PartMask, SemanticMask, Volume};
use crate::spine::{
    CanalStanding, CurveFit, Designation, Disc, Evidence, LevelReport, LumbarMeasurements, Measurement, QualityCode,
    QualityFinding, Severity, Vec3, Vertebra, VertebraReport,
};

/// Share of a vertebra's height that must have room above the highest one, or the field is said to end there.
const ROOM_ABOVE: f64 = 0.75;

/// Why a mask has no spine in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoSpine {
    /// The volume has no pixels, or its geometry is not finite, not ordered or larger than any scanner's.
    #[error("the volume has no slices, or no usable geometry: check pixel spacing and slice positions")]
    NoGeometry,
    /// The mask belongs to another volume.
    #[error("the mask holds {found} voxels where the volume has {expected}: segment this very volume")]
    MaskSize {
        /// Voxels of the volume.
        expected: usize,
        /// Voxels of the mask.
        found: usize,
    },
    /// Too few vertebral bodies follow one another.
    #[error(
        "fewer than {} vertebral bodies follow one another along one line: no spine in the images",
        parts::MIN_BODIES
    )]
    TooFewBodies,
    /// The bodies have a size that no person's have.
    #[error("vertebral bodies of a size that nobody's have: the header's pixel spacing must be wrong")]
    ImpossibleSize,
}

impl NoSpine {
    /// The stable reason code of the refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ImpossibleSize => "size-impossible",
            Self::NoGeometry | Self::MaskSize { .. } | Self::TooFewBodies => "no-spine",
        }
    }
}

/// The spine that a mask shows.
#[derive(Debug, Clone, PartialEq)]
pub struct SpineReading {
    /// The fitted curve.
    pub curve: CurveFit,
    /// Vertebrae from foot to head.
    pub vertebrae: Vec<VertebraReport>,
    /// Disc levels from foot to head; axial slices are assigned by [`level::axial_slices`].
    pub levels: Vec<LevelReport>,
    /// Measurements of the lumbar spine as a whole.
    pub lumbar: LumbarMeasurements,
    /// The mask with rejected parts set to background and each part in one class.
    pub semantic: SemanticMask,
    /// Which part each voxel belongs to.
    pub part_of: PartMask,
    /// The parts; the first has number 1 in `part_of`.
    pub parts: Vec<Part>,
    /// What a reader must know.
    pub quality: Vec<QualityFinding>,
}

impl SpineReading {
    /// Takes all names away, for a reason that a person is told: places from below remain, and what hangs on no name.
    pub(crate) fn withhold_names(&mut self, reason: &'static str) {
        let evidence = || vec![Evidence { code: "level-conflict", text: reason.to_owned() }];
        for vertebra in &mut self.vertebrae {
            let ordinal_from_below = vertebra.designation.ordinal_from_below;
            vertebra.designation =
                Designation { name: None, ordinal_from_below, confidence: 0.0, evidence: evidence() };
        }
        for level in &mut self.levels {
            let ordinal_from_below = level.designation.ordinal_from_below;
            level.designation = Designation { name: None, ordinal_from_below, confidence: 0.0, evidence: evidence() };
        }
        self.take_back_names();
    }

    /// Takes the names that no vertebra or level has any more from the parts, and what hangs on them from the lumbar spine.
    pub(crate) fn take_back_names(&mut self) {
        let vertebrae: Vec<_> = self.vertebrae.iter().filter_map(|v| v.designation.name).collect();
        let discs: Vec<_> = self.levels.iter().filter_map(|l| l.designation.name).collect();
        for part in &mut self.parts {
            part.vertebra = part.vertebra.filter(|v| vertebrae.contains(v));
            part.disc = part.disc.filter(|d| discs.contains(d));
        }
        let without = |names: &[Vertebra]| !names.iter().all(|n| vertebrae.contains(n));
        let lumbar = &mut self.lumbar;
        for (m, ends) in [
            (&mut lumbar.lumbar_lordosis_deg, &[Vertebra::L1, Vertebra::S1][..]),
            (&mut lumbar.sacral_slope_deg, &[Vertebra::S1]),
        ] {
            if m.value.is_ok() && without(ends) {
                *m = Measurement::missing("the name of a vertebra that it hangs on is withheld", m.unit, m.method);
            }
        }
    }
}

/// Finds, names and measures the spine in `mask`, which lies on the grid of `volume`: a sagittal
/// block whose columns run to the posterior and whose rows run to the feet, of one slice or many.
///
/// # Errors
/// [`NoSpine`] where volume and mask don't fit, no [`parts::MIN_BODIES`] bodies follow one another, or they have
/// nobody's size.
pub fn read_spine(volume: &Volume, mask: SemanticMask) -> Result<SpineReading, NoSpine> {
    let frame = Frame::of(volume).ok_or(NoSpine::NoGeometry)?;
    let expected = frame.slices() * frame.slice_len();
    if mask.channels.len() != expected {
        return Err(NoSpine::MaskSize { expected, found: mask.channels.len() });
    }
    let chain = parts::find(frame, &mask).ok_or(NoSpine::TooFewBodies)?;
    let bodies = chain.bodies();
    let size = match plausibility::size(&bodies) {
        Size::Usual => None,
        Size::Unusual(finding) => Some(finding),
        Size::Impossible => return Err(NoSpine::ImpossibleSize),
    };
    let naming = level::designate(&bodies, &chain.gaps());
    if naming.vertebrae.len() < parts::MIN_BODIES {
        return Err(NoSpine::TooFewBodies);
    }
    let anchored = naming.vertebrae.first().is_some_and(|v| v.name.is_some());
    let spine = chain.assemble(naming.first, &naming.bridged, !anchored, mask).ok_or(NoSpine::TooFewBodies)?;
    let mut reading = report(spine, naming);
    reading.quality.extend(size);
    Ok(reading)
}

/// The chain of bodies in a mask before it is named, foot to head, and each body's centre in LPS mm: what the
/// appearance of the levels is learnt from (`models/training/levels`). `None` where there is no spine.
#[must_use]
pub fn describe_chain(volume: &Volume, mask: &SemanticMask) -> Option<(Vec<ChainBody>, Vec<ChainGap>, Vec<Vec3>)> {
    let chain = parts::find(Frame::of(volume)?, mask)?;
    Some((chain.bodies(), chain.gaps(), chain.centres_lps_mm()))
}

fn report(spine: SpineParts, naming: Naming) -> SpineReading {
    let shapes = Shapes::of(&spine);
    let discs = name_discs(&spine, &naming);
    let vertebrae: Vec<VertebraReport> = naming
        .vertebrae
        .iter()
        .enumerate()
        .map(|(i, designation)| VertebraReport {
            designation: designation.clone(),
            centre_lps_mm: spine.frame.to_lps(spine.bodies[i].centre_mm),
            measurements: measure::vertebra(&spine, &shapes, i),
        })
        .collect();
    let levels = discs
        .iter()
        .enumerate()
        .map(|(i, designation)| LevelReport {
            designation: designation.clone(),
            plane: measure::disc_plane(&spine, &shapes, i),
            measurements: measure::level(&spine, &shapes, i),
            canal: CanalStanding::default(),
            canal_centre_lps_mm: None,
            axial: Vec::new(),
            grades: Vec::new(),
            ungraded: Vec::new(),
        })
        .collect();
    let names: Vec<_> = naming.vertebrae.iter().map(|v| v.name).collect();
    SpineReading {
        curve: spine.curve.report(&spine.frame, spine.rejected),
        lumbar: measure::lumbar(&spine, &shapes, &names),
        parts: list_parts(&spine, &naming, &discs),
        quality: quality(&spine, naming.quality),
        vertebrae,
        levels,
        semantic: spine.semantic,
        part_of: spine.part_of,
    }
}

/// A designation for every disc, counted from below.
fn name_discs(spine: &SpineParts, naming: &Naming) -> Vec<Designation<Disc>> {
    let name = |(i, disc): (usize, &parts::DiscPart)| {
        let named = disc.lower.and_then(|lower| naming.discs_above(lower).into_iter().nth(disc.place));
        Designation { ordinal_from_below: i + 1, ..named.unwrap_or_else(level::unnamed_disc) }
    };
    spine.discs.iter().enumerate().map(name).collect()
}

fn list_parts(spine: &SpineParts, naming: &Naming, discs: &[Designation<Disc>]) -> Vec<Part> {
    let part = |(kind, structure): &(PartKind, _)| {
        let (vertebra, disc, index) = match *kind {
            PartKind::Body(i) | PartKind::Posterior(i) => (naming.vertebrae.get(i).and_then(|v| v.name), None, i),
            PartKind::Disc(i) => (None, discs.get(i).and_then(|d| d.name), i),
            PartKind::Canal => (None, None, 0),
            PartKind::Cut => (None, None, spine.bodies.len()),
        };
        Part { structure: *structure, vertebra, disc, ordinal_from_below: index + 1 }
    };
    spine.kinds.iter().map(part).collect()
}

fn quality(spine: &SpineParts, mut quality: Vec<QualityFinding>) -> Vec<QualityFinding> {
    let mut add =
        |code, text: String| quality.push(QualityFinding { code, severity: Severity::Info, text, series: None });
    if spine.rejected > 0 {
        let text = format!("{} segmented parts do not belong to the spine's curve and were rejected", spine.rejected);
        add(QualityCode::PartsRejected, text);
    }
    if spine.frame.slices() == 1 {
        add(QualityCode::SingleSlice, "one slice only: areas and sideways places can't be measured".to_owned());
    }
    if let Some(end) = cut_end(spine) {
        add(
            QualityCode::FieldOfView,
            format!(
                "the field ends at a vertebra or close to one {end}: what is in view of the next is not reported or not measured"
            ),
        );
    }
    quality
}

/// At which ends the field cuts the spine, for a person; `None` where it goes on beyond what was found. Above, it also does where
/// less than [`ROOM_ABOVE`] of a vertebra has room: a part of the next one, or of its disc, may then be in view and not reported.
fn cut_end(spine: &SpineParts) -> Option<&'static str> {
    let (lowest, highest) = (spine.bodies.first()?, spine.bodies.last()?);
    let room_above_mm = highest.centre_mm[1] - highest.height_mm / 2.0;
    let cut_above = spine.kinds.iter().any(|(kind, _)| *kind == PartKind::Cut);
    let above = highest.at_edge || cut_above || room_above_mm < ROOM_ABOVE * highest.height_mm;
    match (lowest.at_edge, above) {
        (true, true) => Some("below and above"),
        (true, false) => Some("below"),
        (false, true) => Some("above"),
        (false, false) => spine.bodies.iter().any(|b| b.at_edge).then_some("at its side"),
    }
}

#[cfg(test)]
#[path = "spine_reading_tests.rs"]
mod tests;
