//! From logits to probabilities of grades, and to the grade.
//!
//! A cumulative link: P(worse than grade k) is the logistic function of that threshold's own slope and offset (Platt's scaling,
//! one a threshold). Fitted apart, thresholds may cross; what is worse than moderate is worse than mild, so each is held
//! below the milder ones.

use super::{ConfidenceError, GradeClasses};

/// Probabilities of grades may miss a sum of 1 by this, as single precision does.
const SUM_TOLERANCE: f64 = 1e-4;

/// How the logit of one threshold, "worse than grade k", is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Multiplies the logit; above 0.
    pub slope: f64,
    /// Added to it.
    pub offset: f64,
    /// From this P(worse than k) on the grade is decided to be worse than k; 0 to 1.
    pub cut: f64,
}

/// The thresholds of a head, mildest first: G - 1 for G grades.
#[derive(Debug, Clone, PartialEq)]
pub struct OrdinalLink {
    classes: GradeClasses,
    thresholds: Vec<Threshold>,
}

/// What a head says of one place, as probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct GradeProbabilities {
    /// P(worse than grade k), [G - 1], never rising.
    worse: Vec<f64>,
    /// P(grade), [G].
    of_grade: Vec<f64>,
}

impl OrdinalLink {
    /// The link of a head whose thresholds are these.
    ///
    /// # Errors
    /// [`ConfidenceError::Length`] unless there is one threshold fewer than grades; [`ConfidenceError::Scaling`] where a slope is
    /// not above 0, an offset not finite, or a cut no probability.
    pub fn new(classes: GradeClasses, thresholds: Vec<Threshold>) -> Result<Self, ConfidenceError> {
        same_length("thresholds", classes.grades() - 1, thresholds.len())?;
        let usable = |t: &Threshold| {
            t.slope > 0.0 && t.slope.is_finite() && t.offset.is_finite() && (0.0..=1.0).contains(&t.cut)
        };
        match thresholds.iter().position(|t| !usable(t)) {
            Some(at) => Err(ConfidenceError::Scaling { at }),
            None => Ok(Self { classes, thresholds }),
        }
    }

    /// Which grades the truths of the calibration told apart.
    #[must_use]
    pub fn classes(&self) -> &GradeClasses {
        &self.classes
    }

    /// Probabilities from logits [G - 1]. Thresholds inside a class are held between those around it, which truths have
    /// calibrated, and never move them.
    ///
    /// # Errors
    /// [`ConfidenceError::Length`]; [`ConfidenceError::NotFinite`] where a logit is NaN or infinite.
    pub fn probabilities(&self, logits: &[f64]) -> Result<GradeProbabilities, ConfidenceError> {
        same_length("logits", self.thresholds.len(), logits.len())?;
        finite("logit", logits)?;
        let logistic = |(t, logit): (&Threshold, &f64)| 1.0 / (1.0 + (-(t.slope * logit + t.offset)).exp());
        let worse = self.thresholds.iter().zip(logits).map(logistic).collect();
        Ok(GradeProbabilities::from_worse(ordered(worse, &self.classes)))
    }

    /// The grade: the class by the thresholds between classes that are passed from the mildest on, then the grade in it likewise.
    /// So a threshold that no truth has calibrated never hides a worse class.
    ///
    /// # Errors
    /// [`ConfidenceError::Length`] where the probabilities are of another scale.
    pub fn decide(&self, probabilities: &GradeProbabilities) -> Result<usize, ConfidenceError> {
        same_length("thresholds", self.thresholds.len(), probabilities.worse.len())?;
        let passed: Vec<bool> = self.thresholds.iter().zip(&probabilities.worse).map(|(t, p)| *p >= t.cut).collect();
        let between = passed.iter().enumerate().filter(|(k, _)| self.classes.divides(*k));
        let class = between.take_while(|(_, passed)| **passed).count();
        let grades = self.classes.grades_of(class..=class);
        let inside = passed.iter().skip(*grades.start()).take(grades.end() - grades.start());
        Ok(grades.start() + inside.take_while(|passed| **passed).count())
    }
}

impl GradeProbabilities {
    /// From P(grade), [G], of a head that gives them itself.
    ///
    /// # Errors
    /// [`ConfidenceError::NotFinite`]; [`ConfidenceError::NotProbabilities`] where one is negative or their sum is not 1.
    pub fn new(of_grade: &[f64]) -> Result<Self, ConfidenceError> {
        finite("probability", of_grade)?;
        let sum: f64 = of_grade.iter().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE || of_grade.iter().any(|p| *p < 0.0) {
            return Err(ConfidenceError::NotProbabilities { sum });
        }
        let of_grade: Vec<f64> = of_grade.iter().map(|p| p / sum).collect();
        // Summed from the worst: so the small ones, which tell severe from none, keep their digits.
        let from_worst = of_grade.iter().rev().scan(0.0, |sum, p| {
            *sum += p;
            Some(*sum)
        });
        let mut worse: Vec<f64> = from_worst.take(of_grade.len().saturating_sub(1)).collect();
        worse.reverse();
        Ok(Self { worse, of_grade })
    }

    /// From P(worse than k) that never rise.
    fn from_worse(worse: Vec<f64>) -> Self {
        let above = std::iter::once(1.0).chain(worse.iter().copied());
        let below = worse.iter().copied().chain(std::iter::once(0.0));
        let of_grade = above.zip(below).map(|(a, b)| a - b).collect();
        Self { worse, of_grade }
    }

    /// P(worse than grade k), [G - 1].
    #[must_use]
    pub fn worse(&self) -> &[f64] {
        &self.worse
    }

    /// P(grade), [G].
    #[must_use]
    pub fn of_grade(&self) -> &[f64] {
        &self.of_grade
    }

    /// P(class), one a class of the calibration: the sum of its grades'.
    #[must_use]
    pub fn of_class(&self, classes: &GradeClasses) -> Vec<f64> {
        let mut sums = vec![0.0; classes.classes()];
        for (grade, p) in self.of_grade.iter().enumerate() {
            if let Some(sum) = sums.get_mut(classes.class_of(grade)) {
                *sum += p;
            }
        }
        sums
    }
}

/// P(worse than k) that never rise with k: first those between classes, each held below the milder ones; then those inside a
/// class, held between the two around them.
fn ordered(mut worse: Vec<f64>, classes: &GradeClasses) -> Vec<f64> {
    let mut ceiling = 1.0_f64;
    for (_, p) in worse.iter_mut().enumerate().filter(|(k, _)| classes.divides(*k)) {
        ceiling = p.min(ceiling);
        *p = ceiling;
    }
    let mut floor = 0.0;
    for (k, p) in worse.iter_mut().enumerate().rev() {
        if classes.divides(k) {
            floor = *p;
        }
        *p = p.max(floor);
    }
    ceiling = 1.0;
    for p in &mut worse {
        ceiling = p.min(ceiling);
        *p = ceiling;
    }
    worse
}

/// Refuses a row of another length than the calibration's.
pub(super) fn same_length(what: &'static str, expected: usize, found: usize) -> Result<(), ConfidenceError> {
    if expected == found { Ok(()) } else { Err(ConfidenceError::Length { what, expected, found }) }
}

fn finite(what: &'static str, row: &[f64]) -> Result<(), ConfidenceError> {
    match row.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(ConfidenceError::NotFinite { what, at }),
        None => Ok(()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]
mod tests {
    use super::*;

    const PLAIN: Threshold = Threshold { slope: 1.0, offset: 0.0, cut: 0.5 };

    fn link(classes: &[usize], cuts: &[f64]) -> OrdinalLink {
        let thresholds = cuts.iter().map(|cut| Threshold { cut: *cut, ..PLAIN }).collect();
        OrdinalLink::new(GradeClasses::new(classes.to_vec()).unwrap(), thresholds).unwrap()
    }

    fn logit(p: f64) -> f64 {
        (p / (1.0 - p)).ln()
    }

    #[test]
    fn thresholds_that_cross_are_held_below_the_milder_ones() {
        let p = link(&[0, 1, 2, 3], &[0.5; 3]).probabilities(&[logit(0.6), logit(0.7), logit(0.1)]).unwrap();
        for (found, expected) in p.of_grade().iter().zip([0.4, 0.0, 0.5, 0.1]) {
            assert!((found - expected).abs() < 1e-12, "{p:?}");
        }
    }

    #[test]
    fn a_threshold_that_no_truth_has_calibrated_moves_no_other() {
        // Normal and mild are one class: the first threshold says little, and says it below the second.
        let p = link(&[0, 0, 1, 2], &[0.5; 3]).probabilities(&[logit(0.1), logit(0.7), logit(0.2)]).unwrap();
        for (found, expected) in p.worse().iter().zip([0.7, 0.7, 0.2]) {
            assert!((found - expected).abs() < 1e-12, "{p:?}");
        }
        let last = link(&[0, 1, 1], &[0.5; 2]).probabilities(&[logit(0.3), logit(0.8)]).unwrap();
        assert!(last.worse().iter().all(|p| (p - 0.3).abs() < 1e-12), "{last:?}");
    }

    #[test]
    fn a_grade_is_the_number_of_cuts_passed_from_the_mildest_on() {
        let cuts = link(&[0, 1, 2, 3], &[0.5, 0.3, 0.2]);
        let decided = |of_grade: [f64; 4]| cuts.decide(&GradeProbabilities::new(&of_grade).unwrap()).unwrap();
        assert_eq!(decided([0.8, 0.1, 0.05, 0.05]), 0);
        assert_eq!(decided([0.4, 0.35, 0.2, 0.05]), 1);
        assert_eq!(decided([0.4, 0.2, 0.25, 0.15]), 2);
        // The first cut is not passed: the last, which is, does not count.
        assert_eq!(decided([0.55, 0.0, 0.0, 0.45]), 0);
    }

    #[test]
    fn a_cut_inside_a_class_hides_no_worse_class() {
        let coarse = link(&[0, 0, 1, 2], &[0.5, 0.2, 0.5]);
        let decided = |of_grade: [f64; 4]| coarse.decide(&GradeProbabilities::new(&of_grade).unwrap()).unwrap();
        assert_eq!(decided([0.6, 0.1, 0.3, 0.0]), 2);
        assert_eq!(decided([0.6, 0.3, 0.1, 0.0]), 0);
        assert_eq!(decided([0.3, 0.6, 0.1, 0.0]), 1);
    }

    #[test]
    fn logits_that_are_no_numbers_are_refused() {
        let plain = link(&[0, 1, 2, 3], &[0.5; 3]);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let refused = plain.probabilities(&[0.0, bad, 0.0]);
            assert_eq!(refused, Err(ConfidenceError::NotFinite { what: "logit", at: 1 }));
            assert!(GradeProbabilities::new(&[0.5, bad]).is_err());
        }
        assert!(plain.probabilities(&[0.0; 2]).is_err() && plain.probabilities(&[0.0; 4]).is_err());
        let extreme = plain.probabilities(&[f64::MAX, 0.0, f64::MIN]).unwrap();
        assert_eq!(extreme.worse(), [1.0, 0.5, 0.0]);
    }

    #[test]
    fn a_scaling_that_turns_the_order_round_is_refused() {
        let classes = GradeClasses::new(vec![0, 1, 2]).unwrap();
        let wrong = [
            Threshold { slope: -1.0, ..PLAIN },
            Threshold { slope: 0.0, ..PLAIN },
            Threshold { offset: f64::NAN, ..PLAIN },
            Threshold { cut: 1.5, ..PLAIN },
        ];
        for threshold in wrong {
            let refused = OrdinalLink::new(classes.clone(), vec![PLAIN, threshold]);
            assert_eq!(refused, Err(ConfidenceError::Scaling { at: 1 }));
        }
        assert!(OrdinalLink::new(classes, vec![PLAIN]).is_err());
    }

    #[test]
    fn the_probability_of_a_class_is_the_sum_of_its_grades() {
        let p = GradeProbabilities::new(&[0.5, 0.25, 0.125, 0.125]).unwrap();
        assert_eq!(p.of_class(&GradeClasses::new(vec![0, 0, 1, 2]).unwrap()), [0.75, 0.125, 0.125]);
        assert_eq!(p.worse(), [0.5, 0.25, 0.125]);
    }
}
