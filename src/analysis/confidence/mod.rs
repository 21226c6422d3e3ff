//! From a network's logits to a grade that says how sure it is: probabilities, a grade, a calibrated set of grades.
//!
//! A head gives one logit a threshold, "worse than grade k". Its calibration ([`GradeCalibration`]) turns them into
//! probabilities ([`OrdinalLink`]), decides a grade by the cuts, and makes the prediction set ([`SetTable`]): the run of
//! neighbouring grades that holds the true one with probability 1 - alpha *whichever grade is true*, because every class has
//! its own threshold. `docs/confidence.md` says what is guaranteed, and what is not.
//!
//! All numbers come from `models/training/confidence`, which computes the same; nothing is fitted here but the thresholds of the
//! sets ([`SetTable::measured`]), where readings with a truth are at hand. What is not here: the networks, and whether the images
//! are fit for them.
//!
//! Sources: Lu, Angelopoulos and Pomerantz, MICCAI 2022 (sets for disease grades); Angelopoulos and Bates, *A gentle introduction
//! to conformal prediction*, 2021; Sadinle, Lei and Wasserman, J Am Stat Assoc 2019;114:223 (smallest sets with a coverage for each
//! class); Lee, Barber and Willett, *Distribution-free inference with hierarchical data*, 2023 (several levels of one subject).

mod calibration;
mod classes;
mod probabilities;
mod set;
mod table;

pub use calibration::{CalibratedGrade, GradeCalibration};
pub use classes::GradeClasses;
pub use probabilities::{GradeProbabilities, OrdinalLink, Threshold};
pub use set::{Coverage, PredictionSet};
pub use table::{Alpha, ClassCurve, Graded, SetTable};

/// More grades than this has no scale of the field (Pfirrmann's has five, Griffith's eight).
pub const GRADES_MAX: usize = 8;
/// The least error rate that a deployment may ask for.
pub const ALPHA_MIN: f64 = 0.01;
/// The largest.
pub const ALPHA_MAX: f64 = 0.5;
/// A class that fewer subjects of the calibration have is thin: from 30 on, what 90 % sets cover of the class varies by no more
/// than 5.5 points (standard deviation) from one calibration to the next.
pub const FEWEST_SUBJECTS: usize = 30;

/// What is wrong with a calibration, or with what it is asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfidenceError {
    /// A row has another length than the calibration.
    #[error("{what}: {found} where the calibration has {expected}")]
    Length {
        /// Of what.
        what: &'static str,
        /// How many the calibration has.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// A logit or a probability is NaN or infinite: the network's output can't be used.
    #[error("{what} {at} is not a finite number")]
    NotFinite {
        /// What kind of number.
        what: &'static str,
        /// Its place in the row.
        at: usize,
    },
    /// Probabilities of grades that are none.
    #[error("probabilities of the grades must lie between 0 and 1 and sum to 1; their sum is {sum}")]
    NotProbabilities {
        /// What they sum to.
        sum: f64,
    },
    /// The map of grades to calibration classes is none.
    #[error(
        "classes of the grades must begin with 0, rise by at most 1, and be of 2 to {GRADES_MAX} grades: {found:?}"
    )]
    Classes {
        /// The map that was given.
        found: Vec<usize>,
    },
    /// A scaling that turns the order of a head round, or that is no number.
    #[error("threshold {at}: its slope must be above 0, its offset finite, its cut between 0 and 1")]
    Scaling {
        /// Which threshold.
        at: usize,
    },
    /// An error rate that no deployment may ask for.
    #[error("alpha {found} lies outside {ALPHA_MIN} to {ALPHA_MAX}")]
    Alpha {
        /// The rate.
        found: f64,
    },
    /// The error rates of a table don't rise from [`ALPHA_MIN`].
    #[error("the table's alphas must rise from {ALPHA_MIN} (or less)")]
    Alphas,
    /// A curve that is no curve.
    #[error(
        "class {class}: its curve must be of probabilities that rise with alpha, and have no more subjects than levels"
    )]
    Curve {
        /// Which class.
        class: usize,
    },
}

#[cfg(test)]
mod tests;
