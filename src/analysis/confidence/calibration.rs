//! All that a head's calibration knows, in one: from its logits to a grade with its set.

use super::probabilities::same_length;
use super::set::run_of_classes;
use super::{Alpha, ConfidenceError, GradeProbabilities, OrdinalLink, PredictionSet, SetTable};

/// The calibration of one head, as a manifest carries it.
#[derive(Debug, Clone, PartialEq)]
pub struct GradeCalibration {
    link: OrdinalLink,
    sets: SetTable,
}

/// What a head says of one place, calibrated.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibratedGrade {
    /// P(grade).
    pub probabilities: GradeProbabilities,
    /// The grade that was decided, 0 the mildest. The set holds it.
    pub grade: usize,
    /// The grades that can't be excluded.
    pub set: PredictionSet,
}

impl GradeCalibration {
    /// Puts a link and its table together.
    ///
    /// # Errors
    /// [`ConfidenceError::Length`] where the table has another number of classes.
    pub fn new(link: OrdinalLink, sets: SetTable) -> Result<Self, ConfidenceError> {
        same_length("classes of the table", link.classes().classes(), sets.curves().len())?;
        Ok(Self { link, sets })
    }

    /// From logits [G - 1], "worse than grade k", of one place.
    ///
    /// # Errors
    /// [`ConfidenceError::Length`]; [`ConfidenceError::NotFinite`]: then nothing can be said, and the caller refuses.
    pub fn read(&self, logits: &[f64], alpha: Alpha) -> Result<CalibratedGrade, ConfidenceError> {
        self.judge(self.link.probabilities(logits)?, alpha)
    }

    /// From probabilities, of a head that gives them itself.
    ///
    /// # Errors
    /// [`ConfidenceError::Length`] where they are of another scale.
    pub fn judge(&self, probabilities: GradeProbabilities, alpha: Alpha) -> Result<CalibratedGrade, ConfidenceError> {
        let classes = self.link.classes();
        let grade = self.link.decide(&probabilities)?;
        let of_class = probabilities.of_class(classes);
        let (run, coverage) = run_of_classes(&self.sets, alpha, &of_class, classes.class_of(grade));
        let set = PredictionSet { grades: classes.grades_of(run), alpha, coverage };
        Ok(CalibratedGrade { probabilities, grade, set })
    }
}
