//! What a phantom is asked to be, checked: nothing here draws or builds.

use super::random::Random;
use crate::spine::{Disc, Vertebra};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Why there is no phantom, or no study of it.
#[derive(Debug, thiserror::Error)]
pub enum PhantomError {
    /// A parameter is outside what can be built.
    #[error("phantom parameter `{name}` is {value}: {expected}")]
    Parameter {
        /// The parameter's own name.
        name: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// A file of the study could not be made.
    #[error("phantom study: {path}: {source}", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An object could not be encoded.
    #[error("phantom study: {path}: {reason}", path = path.display())]
    Encode {
        /// The file that was to be written.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl PhantomError {
    pub(super) fn parameter(name: &'static str, value: impl ToString, expected: impl Into<String>) -> Self {
        Self::Parameter { name, value: value.to_string(), expected: expected.into() }
    }
}

/// The four grades of narrowing: of the central canal after Lee 2011 (AJR 196:W379; 0 no, 1 roots
/// separate, 2 some aggregated, 3 none separate), of a foramen after Lee 2010 (AJR 194:1095; 1 fat
/// lost in two opposing directions, 2 in four, 3 the root collapsed or changed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Narrowing {
    /// Grade 0.
    #[default]
    Normal,
    /// Grade 1.
    Mild,
    /// Grade 2.
    Moderate,
    /// Grade 3.
    Severe,
}

impl Narrowing {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Mild, Self::Moderate, Self::Severe];

    /// The grade's name, such as `moderate`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Mild => "mild",
            Self::Moderate => "moderate",
            Self::Severe => "severe",
        }
    }

    /// The grade called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.name() == name)
    }

    pub(super) fn choose<T: Copy>(self, of: [T; 4]) -> T {
        of[self as usize]
    }
}

/// What is asked of one disc level; what is `None` is drawn from the seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelParameters {
    /// The level.
    pub disc: Disc,
    /// Slip of the upper vertebra on the lower, forwards positive, mm, -12 to 16.
    pub slip_mm: f64,
    /// Pfirrmann's grade of degeneration (Spine 2001;26:1873), 1 to 5.
    pub pfirrmann: Option<u8>,
    /// Central canal.
    pub central: Narrowing,
    /// Left foramen.
    pub left_foramen: Narrowing,
    /// Right foramen.
    pub right_foramen: Narrowing,
}

impl LevelParameters {
    /// A level of which nothing is asked.
    #[must_use]
    pub const fn unremarkable(disc: Disc) -> Self {
        Self {
            disc,
            slip_mm: 0.0,
            pfirrmann: None,
            central: Narrowing::Normal,
            left_foramen: Narrowing::Normal,
            right_foramen: Narrowing::Normal,
        }
    }
}

/// What a phantom's anatomy is asked to be. Sizes, shapes and textures that are not named here are
/// drawn from the seed within human ranges. How it is imaged is in [`super::StudyPlan`].
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Lumbar vertebrae: 4, 5 or 6.
    pub lumbar_count: u8,
    /// Lumbarised first sacral segment: square, with a larger S1-S2 disc.
    pub transitional: bool,
    /// Cobb angle of a lateral lumbar curve, convex to the left positive, -45 to 45 degrees.
    pub scoliosis_deg: f64,
    /// Angle between the upper endplates of L1 and S1, 15 to 80 degrees; drawn (about 40 to 60) where absent.
    pub lordosis_deg: Option<f64>,
    /// Angle between the upper endplate of S1 and the horizontal, 15 to 60 degrees; drawn (about 33 to 47) where absent.
    pub sacral_slope_deg: Option<f64>,
    /// How the patient lies askew: leaning to the left and turned to the left, -20 to 20 degrees each.
    pub leaning_turned_deg: [f64; 2],
    /// Levels of which something is asked.
    pub levels: Vec<LevelParameters>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            seed: 1,
            lumbar_count: 5,
            transitional: false,
            scoliosis_deg: 0.0,
            lordosis_deg: None,
            sacral_slope_deg: None,
            leaning_turned_deg: [0.0; 2],
            levels: Vec::new(),
        }
    }
}

/// Allowed range of each parameter that is a number: name, low, high.
const SLIP_MM: (&str, f64, f64) = ("slip_mm", -12.0, 16.0);
const SCOLIOSIS_DEG: (&str, f64, f64) = ("scoliosis_deg", -45.0, 45.0);
const LORDOSIS_DEG: (&str, f64, f64) = ("lordosis_deg", 15.0, 80.0);
const SACRAL_SLOPE_DEG: (&str, f64, f64) = ("sacral_slope_deg", 15.0, 60.0);
const LEANING_TURNED_DEG: (&str, f64, f64) = ("leaning_turned_deg", -20.0, 20.0);

pub(super) fn within(range: (&'static str, f64, f64), value: f64) -> Result<(), PhantomError> {
    let (name, low, high) = range;
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(PhantomError::parameter(name, value, format!("a number from {low} to {high}")))
    }
}

impl Parameters {
    /// Whether they can be built.
    ///
    /// # Errors
    /// [`PhantomError::Parameter`] names the first one that can't, and what it may be.
    pub fn validate(&self) -> Result<(), PhantomError> {
        if !(4..=6).contains(&self.lumbar_count) {
            return Err(PhantomError::parameter("lumbar_count", self.lumbar_count, "4, 5 or 6"));
        }
        within(SCOLIOSIS_DEG, self.scoliosis_deg)?;
        self.lordosis_deg.map_or(Ok(()), |v| within(LORDOSIS_DEG, v))?;
        self.sacral_slope_deg.map_or(Ok(()), |v| within(SACRAL_SLOPE_DEG, v))?;
        self.leaning_turned_deg.iter().try_for_each(|v| within(LEANING_TURNED_DEG, *v))?;
        let known = self.discs();
        for (i, level) in self.levels.iter().enumerate() {
            if !known.contains(&level.disc) {
                let names: Vec<_> = known.iter().map(ToString::to_string).collect();
                return Err(PhantomError::parameter("levels", level.disc, format!("one of {}", names.join(", "))));
            }
            if self.levels[..i].iter().any(|other| other.disc == level.disc) {
                return Err(PhantomError::parameter("levels", level.disc, "each level once"));
            }
            within(SLIP_MM, level.slip_mm)?;
            if level.pfirrmann.is_some_and(|grade| !(1..=5).contains(&grade)) {
                let given = level.pfirrmann.unwrap_or_default();
                return Err(PhantomError::parameter("pfirrmann", given, "a grade from 1 to 5"));
            }
        }
        Ok(())
    }

    /// The vertebrae of such a spine from foot to head, S1 first.
    #[must_use]
    pub fn vertebrae(&self) -> Vec<Vertebra> {
        use Vertebra::{L1, L2, L3, L4, L5, L6, S1, T4, T5, T6, T7, T8, T9, T10, T11, T12};
        let lumbar = [L1, L2, L3, L4, L5, L6];
        let thoracic = [T12, T11, T10, T9, T8, T7, T6, T5, T4];
        let lowest_first = lumbar.into_iter().take(usize::from(self.lumbar_count)).rev();
        std::iter::once(S1).chain(lowest_first).chain(thoracic).collect()
    }

    /// The discs of such a spine from foot to head.
    #[must_use]
    pub fn discs(&self) -> Vec<Disc> {
        self.vertebrae().windows(2).map(|pair| Disc::new(pair[1], pair[0])).collect()
    }

    /// What is asked of `disc`.
    pub(super) fn level(&self, disc: Disc) -> LevelParameters {
        self.levels
            .iter()
            .find(|level| level.disc == disc)
            .copied()
            .unwrap_or_else(|| LevelParameters::unremarkable(disc))
    }

    /// Parameters drawn from the seed over the whole range: counts, transitional anatomy, scoliosis,
    /// lordosis, slips, degeneration and narrowing in roughly the mix of a clinic, the rare more often.
    #[must_use]
    pub fn varied(seed: u64) -> Self {
        let mut random = Random::stream(seed, 1);
        let lumbar_count = [5, 5, 5, 5, 5, 5, 5, 4, 6, 6][random.below(10)];
        let age = random.unit();
        let mut parameters = Self {
            seed,
            lumbar_count,
            transitional: random.chance(0.12),
            scoliosis_deg: if random.chance(0.35) { random.between(-30.0, 30.0) } else { random.about(0.0, 2.0) },
            lordosis_deg: None,
            sacral_slope_deg: None,
            leaning_turned_deg: [random.about(0.0, 2.0), random.about(0.0, 3.0)],
            levels: Vec::new(),
        };
        // Who has a steep sacrum has a deep lordosis, or could not stand upright.
        let slope = random.about(38.0, 6.0);
        parameters.sacral_slope_deg = Some(slope);
        parameters.lordosis_deg = Some((slope + random.about(11.0, 5.0)).clamp(20.0, 70.0));
        for (from_below, disc) in parameters.discs().into_iter().take(usize::from(lumbar_count)).enumerate() {
            parameters.levels.push(varied_level(disc, from_below, age, &mut random));
        }
        parameters
    }
}

fn varied_level(disc: Disc, from_below: usize, age: f64, random: &mut Random) -> LevelParameters {
    let load = if from_below < 2 { 0.25 } else { 0.0 };
    let wear = (age + load + random.about(0.0, 0.2)).clamp(0.0, 1.2);
    let pfirrmann = (1.0 + wear * 3.6).round().clamp(1.0, 5.0) as u8;
    let narrowing = |random: &mut Random| {
        let severity = wear * 1.2 + random.about(-0.75, 0.45);
        Narrowing::ALL[(severity * 4.0).clamp(0.0, 3.0) as usize]
    };
    let slips = from_below < 3 && random.chance(0.12);
    LevelParameters {
        disc,
        slip_mm: if slips { random.between(2.5, 9.0) * if random.chance(0.25) { -0.6 } else { 1.0 } } else { 0.0 },
        pfirrmann: Some(pfirrmann),
        central: narrowing(random),
        left_foramen: narrowing(random),
        right_foramen: narrowing(random),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(parameters: &Parameters) -> String {
        parameters.validate().map_or_else(|e| e.to_string(), |()| String::new())
    }

    #[test]
    fn an_error_names_the_parameter_and_what_it_may_be() {
        let of = |change: fn(&mut Parameters)| {
            let mut p = Parameters::default();
            change(&mut p);
            refused(&p)
        };
        assert!(of(|p| p.lumbar_count = 7).contains("`lumbar_count` is 7: 4, 5 or 6"));
        assert!(of(|p| p.scoliosis_deg = 90.0).contains("`scoliosis_deg` is 90"));
        assert!(of(|p| p.lordosis_deg = Some(f64::NAN)).contains("`lordosis_deg` is NaN"));
        assert!(of(|p| p.leaning_turned_deg[1] = 30.0).contains("`leaning_turned_deg` is 30"));
        let six = Disc::new(Vertebra::L6, Vertebra::S1);
        let mut p = Parameters { levels: vec![LevelParameters::unremarkable(six)], ..Parameters::default() };
        assert!(refused(&p).contains("`levels` is L6-S1: one of L5-S1, L4-L5"));
        p.lumbar_count = 6;
        assert_eq!(refused(&p), "");
        p.levels[0].slip_mm = 40.0;
        assert!(refused(&p).contains("`slip_mm` is 40"));
        p.levels[0] = LevelParameters { pfirrmann: Some(6), ..LevelParameters::unremarkable(six) };
        assert!(refused(&p).contains("`pfirrmann` is 6"));
    }

    #[test]
    fn four_and_six_lumbar_vertebrae_keep_their_names_from_above() {
        let names = |lumbar_count| {
            let p = Parameters { lumbar_count, ..Parameters::default() };
            p.discs().iter().take(2).map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(4), ["L4-S1", "L3-L4"]);
        assert_eq!(names(6), ["L6-S1", "L5-L6"]);
    }

    #[test]
    fn varied_parameters_can_always_be_built() {
        for seed in 0..200 {
            assert_eq!(refused(&Parameters::varied(seed)), "", "seed {seed}");
        }
    }
}
