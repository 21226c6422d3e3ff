//! The role of a series: geometry and physics first, words second, pixels last.

use dicom_dictionary_std::uids;

use super::orientation::Plane;
use super::words::{self, Words};
use crate::dicom::contrast::Csf;
use crate::dicom::header::Physics;
use crate::spine::{Role, RoleAssignment};

/// What a series' contrast rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dicom) enum Weighting {
    T1,
    T2,
    /// T2 or STIR with fat dark.
    FatSuppressed,
    /// T1 with fat dark: after contrast medium.
    T1FatSuppressed,
    ProtonDensity,
    /// Gradient echo.
    T2Star,
}

impl Weighting {
    const fn name(self) -> &'static str {
        match self {
            Self::T1 => "T1-weighted",
            Self::T2 => "T2-weighted",
            Self::FatSuppressed => "T2-weighted or STIR with fat suppressed",
            Self::T1FatSuppressed => "T1-weighted with fat suppressed",
            Self::ProtonDensity => "proton density weighted",
            Self::T2Star => "T2*-weighted",
        }
    }
}

/// Shortest echo time of a T2-weighted spin echo, ms.
const T2_ECHO_MS_MIN: f64 = 60.0;
/// Shortest repetition time of one (SPACE, CUBE and VISTA repeat after about 1000 ms), ms.
const T2_REPETITION_MS_MIN: f64 = 900.0;
/// Longest echo and repetition time of a T1-weighted spin echo, ms.
const T1_ECHO_MS_MAX: f64 = 40.0;
const T1_REPETITION_MS_MAX: f64 = 1300.0;
/// Inversion times that null fat (STIR), ms; longer ones make a T1-weighted FLAIR.
const STIR_INVERSION_MS_MAX: f64 = 350.0;
/// Largest flip angle of a T2*-weighted gradient echo, degrees.
const T2_STAR_FLIP_DEG_MAX: f64 = 45.0;
/// Repetition time below which a gradient echo is a survey, ms.
const SURVEY_REPETITION_MS_MAX: f64 = 25.0;

const SURE: f64 = 0.97;
const BY_PHYSICS: f64 = 0.9;
const AGAINST_WORDS: f64 = 0.7;
const BY_WORDS: f64 = 0.75;
const BY_WORDS_AND_PIXELS: f64 = 0.9;
const WORDS_AGAINST_PIXELS: f64 = 0.5;
const BY_PIXELS: f64 = 0.6;
const BY_UNCLEAR_PIXELS: f64 = 0.3;
/// A slice this far from its plane's axis, in degrees, makes the plane itself less sure.
const OBLIQUE_DEG: f64 = 30.0;

/// What is known of a series when its role is decided.
pub(super) struct Facts<'a> {
    pub(super) physics: &'a Physics,
    pub(super) modality: Option<&'a str>,
    pub(super) sop_class_uid: &'a str,
    pub(super) plane: Option<Plane>,
    pub(super) obliqueness_deg: f64,
    pub(super) looks_like_localizer: bool,
}

/// A role, and what it rests on.
pub(super) struct Decided {
    pub(super) assignment: RoleAssignment,
    pub(super) weighting: Option<Weighting>,
    pub(super) has_physics: bool,
}

/// Decides the role of a series from its header.
pub(super) fn assign(facts: &Facts<'_>) -> Decided {
    let words = words::read(facts.physics);
    if let Some(assignment) = no_stack(facts, words) {
        return Decided { assignment, weighting: None, has_physics: true };
    }
    let Some(plane) = facts.plane else {
        let assignment = because(Role::Other, 0.5, "no image says where in the patient it lies");
        return Decided { assignment, weighting: None, has_physics: true };
    };
    let by_physics = by_physics(facts.physics);
    let (weighting, confidence, why) = match (by_physics, words.weighting) {
        (Some(p), Some(w)) if p == w || fat_known_by_words(p, w) => (Some(w), SURE, "by timing and description"),
        (Some(p), Some(_)) => (Some(p), AGAINST_WORDS, "by timing, against the description"),
        (Some(p), None) => (Some(p), BY_PHYSICS, "by timing"),
        (None, Some(w)) => (Some(w), BY_WORDS, "by description; the header has no timing"),
        (None, None) => (None, 0.0, "nothing in the header tells its weighting"),
    };
    let oblique = if facts.obliqueness_deg > OBLIQUE_DEG { 0.8 } else { 1.0 };
    let assignment = in_plane(plane, weighting, confidence * oblique, why);
    Decided { assignment, weighting, has_physics: by_physics.is_some() }
}

/// Fat suppression is often written in the description alone.
fn fat_known_by_words(physics: Weighting, words: Weighting) -> bool {
    matches!((physics, words), (Weighting::T2, Weighting::FatSuppressed) | (Weighting::T1, Weighting::T1FatSuppressed))
}

/// The role of a series whose header has no physics, with what its pixels say of CSF: they settle what
/// nothing else tells, and make a role by words surer or less sure. `None` where they change nothing.
pub(in crate::dicom) fn settled_by_pixels(
    plane: Plane,
    by_words: Option<Weighting>,
    csf: Csf,
) -> Option<RoleAssignment> {
    let (seen, what) = match csf {
        Csf::Bright => (Weighting::T2, "CSF is bright"),
        Csf::Dark => (Weighting::T1, "CSF is dark"),
        Csf::Unclear { leaning_bright: true } => (Weighting::T2, "CSF is rather bright"),
        Csf::Unclear { leaning_bright: false } => (Weighting::T1, "CSF is rather dark"),
    };
    let unclear = matches!(csf, Csf::Unclear { .. });
    let (weighting, confidence, why) = match by_words {
        None => (seen, if unclear { BY_UNCLEAR_PIXELS } else { BY_PIXELS }, "by pixels alone"),
        Some(_) if unclear => return None,
        Some(words) if words == seen => (words, BY_WORDS_AND_PIXELS, "by description and pixels"),
        Some(words @ (Weighting::T1 | Weighting::T2)) => {
            (words, WORDS_AGAINST_PIXELS, "by description, against the pixels")
        }
        Some(_) => return None,
    };
    Some(in_plane(plane, Some(weighting), confidence, &format!("{why}: {what}; the header has no timing")))
}

fn because(role: Role, confidence: f64, reason: impl Into<String>) -> RoleAssignment {
    RoleAssignment { role, reason: reason.into(), confidence }
}

/// Localizers, derived images and other modalities, which are no stacks to read.
fn no_stack(facts: &Facts<'_>, words: Words) -> Option<RoleAssignment> {
    let physics = facts.physics;
    let says = |values: &[&str]| physics.image_type.iter().any(|v| values.contains(&v.as_str()));
    if matches!(facts.modality, Some(modality) if modality != "MR") {
        return Some(because(Role::Other, SURE, "not magnetic resonance"));
    }
    if facts.sop_class_uid == uids::SECONDARY_CAPTURE_IMAGE_STORAGE || says(&["SCREEN SAVE"]) {
        return Some(because(Role::Derived, SURE, "a secondary capture"));
    }
    if says(&["LOCALIZER", "SCOUT"]) {
        return Some(because(Role::Localizer, SURE, "the image type says so"));
    }
    if words.localizer {
        return Some(because(Role::Localizer, 0.85, "the description says so"));
    }
    let survey = physics.scanning_sequence.iter().any(|s| s == "GR")
        && physics.repetition_time_ms.is_some_and(|ms| ms < SURVEY_REPETITION_MS_MAX);
    if facts.looks_like_localizer {
        let confidence = if survey { 0.9 } else { 0.7 };
        return Some(because(Role::Localizer, confidence, "few slices in each of several planes"));
    }
    if says(&["FAT", "F"]) {
        return Some(because(Role::Other, BY_PHYSICS, "the fat image of a Dixon acquisition"));
    }
    let reformatted = says(&["MPR", "MIP", "PROJECTION IMAGE", "REFORMATTED", "RESAMPLED", "SUBTRACT", "ADC"]);
    let secondary = physics.image_type.get(1).is_some_and(|v| v == "SECONDARY");
    if reformatted || secondary {
        return Some(because(Role::Derived, BY_PHYSICS, "the image type says that it was made from other images"));
    }
    words.derived.then(|| because(Role::Derived, BY_WORDS, "the description says that it was made from other images"))
}

/// The weighting that sequence and timing make.
fn by_physics(physics: &Physics) -> Option<Weighting> {
    let sequence = |name: &str| physics.scanning_sequence.iter().any(|s| s == name);
    let water = physics.image_type.iter().any(|value| value == "WATER" || value == "W");
    let fat = physics.fat_suppressed || water;
    let (te, tr) = (physics.echo_time_ms, physics.repetition_time_ms);
    if let Some(ms) = physics.inversion_time_ms.filter(|_| sequence("IR") || physics.scanning_sequence.is_empty()) {
        return Some(if ms <= STIR_INVERSION_MS_MAX { Weighting::FatSuppressed } else { Weighting::T1 });
    }
    if sequence("GR") && !sequence("SE") {
        let small_flip = physics.flip_angle_deg.is_some_and(|deg| deg <= T2_STAR_FLIP_DEG_MAX);
        return Some(if small_flip { Weighting::T2Star } else { Weighting::T1 });
    }
    match (te, tr) {
        (Some(te), Some(tr)) if te >= T2_ECHO_MS_MIN && tr >= T2_REPETITION_MS_MIN => {
            Some(if fat { Weighting::FatSuppressed } else { Weighting::T2 })
        }
        (Some(te), Some(tr)) if te <= T1_ECHO_MS_MAX && tr <= T1_REPETITION_MS_MAX => {
            Some(if fat { Weighting::T1FatSuppressed } else { Weighting::T1 })
        }
        (Some(te), Some(_)) if te <= T1_ECHO_MS_MAX => Some(Weighting::ProtonDensity),
        _ => by_contrast_name(&physics.acquisition_contrast),
    }
}

/// Acquisition Contrast of enhanced objects (DICOM PS3.3 C.8.13.3.1.2).
fn by_contrast_name(contrast: &str) -> Option<Weighting> {
    match contrast {
        "T1" => Some(Weighting::T1),
        "T2" => Some(Weighting::T2),
        "T2_STAR" => Some(Weighting::T2Star),
        "STIR" => Some(Weighting::FatSuppressed),
        "PROTON_DENSITY" => Some(Weighting::ProtonDensity),
        _ => None,
    }
}

/// The role of a stack in `plane`, its reason put together.
fn in_plane(plane: Plane, weighting: Option<Weighting>, confidence: f64, why: &str) -> RoleAssignment {
    let role = match (plane, weighting) {
        (Plane::Sagittal, Some(Weighting::T2)) => Role::SagittalT2,
        (Plane::Sagittal, Some(Weighting::T1)) => Role::SagittalT1,
        (Plane::Sagittal, Some(Weighting::FatSuppressed)) => Role::SagittalFatSuppressed,
        (Plane::Axial, Some(Weighting::T2 | Weighting::T2Star)) => Role::AxialT2,
        (Plane::Axial, Some(Weighting::T1)) => Role::AxialT1,
        (Plane::Coronal, _) => Role::Coronal,
        _ => Role::Other,
    };
    let what = weighting.map_or(String::new(), |w| format!(", {}", w.name()));
    because(role, confidence, format!("{} by geometry{what} {why}", plane.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spin_echo(te: f64, tr: f64) -> Physics {
        Physics {
            scanning_sequence: vec!["SE".to_owned()],
            echo_time_ms: Some(te),
            repetition_time_ms: Some(tr),
            ..Physics::default()
        }
    }

    fn role(physics: &Physics, plane: Plane) -> RoleAssignment {
        assign(&Facts {
            physics,
            modality: Some("MR"),
            sop_class_uid: uids::MR_IMAGE_STORAGE,
            plane: Some(plane),
            obliqueness_deg: 3.0,
            looks_like_localizer: false,
        })
        .assignment
    }

    #[test]
    fn timing_tells_t1_from_t2_without_a_word() {
        assert_eq!(role(&spin_echo(120.0, 3563.0), Plane::Sagittal).role, Role::SagittalT2);
        assert_eq!(role(&spin_echo(124.0, 1000.0), Plane::Sagittal).role, Role::SagittalT2);
        assert_eq!(role(&spin_echo(11.0, 600.0), Plane::Sagittal).role, Role::SagittalT1);
        assert_eq!(role(&spin_echo(100.0, 4000.0), Plane::Axial).role, Role::AxialT2);
        assert_eq!(role(&spin_echo(12.0, 3000.0), Plane::Sagittal).role, Role::Other);
    }

    #[test]
    fn a_short_inversion_suppresses_fat_and_a_long_one_makes_t1() {
        let mut stir = spin_echo(60.0, 4000.0);
        stir.scanning_sequence.push("IR".to_owned());
        stir.inversion_time_ms = Some(160.0);
        assert_eq!(role(&stir, Plane::Sagittal).role, Role::SagittalFatSuppressed);
        stir.inversion_time_ms = Some(860.0);
        assert_eq!(role(&stir, Plane::Sagittal).role, Role::SagittalT1);
    }

    #[test]
    fn physics_win_over_words_and_the_doubt_is_said() {
        let mut physics = spin_echo(120.0, 3500.0);
        physics.series_description = "T1 SAG".to_owned();
        let given = role(&physics, Plane::Sagittal);
        assert_eq!(given.role, Role::SagittalT2);
        assert!(given.confidence < BY_PHYSICS && given.reason.contains("against the description"));
        assert!(!given.reason.contains("T1 SAG"));
    }

    #[test]
    fn pixels_settle_what_the_header_leaves_open() {
        let alone = settled_by_pixels(Plane::Sagittal, None, Csf::Bright);
        assert!(alone.is_some_and(|a| a.role == Role::SagittalT2 && a.confidence == BY_PIXELS));
        let doubt = settled_by_pixels(Plane::Sagittal, Some(Weighting::T1), Csf::Bright);
        assert!(doubt.is_some_and(|a| a.role == Role::SagittalT1 && a.confidence < BY_PIXELS));
        let unclear = Csf::Unclear { leaning_bright: false };
        assert!(settled_by_pixels(Plane::Sagittal, Some(Weighting::T1), unclear).is_none());
        let guess = settled_by_pixels(Plane::Sagittal, None, unclear);
        assert!(guess.is_some_and(|a| a.role == Role::SagittalT1 && a.confidence < WORDS_AGAINST_PIXELS));
    }

    #[test]
    fn localizers_and_reformats_are_no_stacks() {
        let mut physics = spin_echo(100.0, 4000.0);
        physics.image_type = ["ORIGINAL", "PRIMARY", "LOCALIZER"].map(str::to_owned).to_vec();
        assert_eq!(role(&physics, Plane::Sagittal).role, Role::Localizer);
        physics.image_type = ["DERIVED", "SECONDARY", "MPR"].map(str::to_owned).to_vec();
        assert_eq!(role(&physics, Plane::Sagittal).role, Role::Derived);
        physics.image_type = ["DERIVED", "PRIMARY", "OTHER"].map(str::to_owned).to_vec();
        assert_eq!(role(&physics, Plane::Sagittal).role, Role::SagittalT2);
    }
}
