//! The calibration table of prediction sets: for each class, how unlikely the network thought it where it was true.

use super::probabilities::same_length;
use super::{ALPHA_MAX, ALPHA_MIN, ConfidenceError, FEWEST_SUBJECTS, GradeClasses, GradeProbabilities};
use std::collections::BTreeMap;

/// The error rates at which [`SetTable::measured`] keeps a class's threshold.
const ALPHAS: [f64; 13] = [0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5];
/// What sums of weights and products of small numbers may miss by.
const ROUNDING: f64 = 1e-9;

/// The error rate that a deployment allows its sets, [`ALPHA_MIN`] to [`ALPHA_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Alpha(f64);

impl Alpha {
    /// # Errors
    /// [`ConfidenceError::Alpha`] outside the range, or NaN.
    pub fn new(rate: f64) -> Result<Self, ConfidenceError> {
        if (ALPHA_MIN..=ALPHA_MAX).contains(&rate) {
            Ok(Self(rate))
        } else {
            Err(ConfidenceError::Alpha { found: rate })
        }
    }

    /// So many per cent, held within the range.
    #[must_use]
    pub fn of_percent(percent: u8) -> Self {
        Self((f64::from(percent) / 100.0).clamp(ALPHA_MIN, ALPHA_MAX))
    }

    /// The rate.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.0
    }
}

/// What the calibration knows of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCurve {
    /// Levels of the class in the calibration.
    pub levels: usize,
    /// Subjects that have such a level.
    pub subjects: usize,
    /// From this P(class) on a set holds the class, one an alpha of the table, rising with it.
    pub least_probability: Vec<f64>,
}

/// One level whose class is known.
#[derive(Debug, Clone, Copy)]
pub struct Graded<'a> {
    /// What the head says.
    pub probabilities: &'a GradeProbabilities,
    /// The true calibration class.
    pub class: usize,
    /// Whose level: levels of one subject count as one subject.
    pub subject: u64,
}

/// A curve for each class, over a grid of alphas.
#[derive(Debug, Clone, PartialEq)]
pub struct SetTable {
    alphas: Vec<f64>,
    curves: Vec<ClassCurve>,
}

/// A column of the table: what a set needs at one alpha.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClassThreshold {
    /// From this P(class) on the class is in.
    pub least_probability: f64,
    /// Too few subjects for a promise at this alpha.
    pub thin: bool,
}

impl SetTable {
    /// A table as it stands in a manifest: alphas [A], rising from [`ALPHA_MIN`]; a curve of A values for each class.
    ///
    /// # Errors
    /// [`ConfidenceError::Alphas`], [`ConfidenceError::Curve`], [`ConfidenceError::Length`].
    pub fn new(alphas: Vec<f64>, curves: Vec<ClassCurve>) -> Result<Self, ConfidenceError> {
        let from_least = alphas.first().is_some_and(|a| *a > 0.0 && *a <= ALPHA_MIN + ROUNDING);
        let rise = alphas.iter().zip(alphas.iter().skip(1)).all(|(a, b)| a < b);
        if !from_least || !rise || !alphas.iter().all(|a| *a < 1.0) {
            return Err(ConfidenceError::Alphas);
        }
        for (class, curve) in curves.iter().enumerate() {
            same_length("values of a class's curve", alphas.len(), curve.least_probability.len())?;
            let values = &curve.least_probability;
            let monotone = values.iter().zip(values.iter().skip(1)).all(|(a, b)| a <= b);
            if !monotone || !values.iter().all(|p| (0.0..=1.0).contains(p)) || curve.subjects > curve.levels {
                return Err(ConfidenceError::Curve { class });
            }
        }
        Ok(Self { alphas, curves })
    }

    /// Calibrates on levels whose class is known, none of which may have taught the network. Levels of other classes than the
    /// calibration has are left out.
    ///
    /// Every subject weighs the same, however many levels of the class it has, and the next subject is given the weight of one more:
    /// so a level of the class drawn from a new subject is covered with probability 1 - alpha at least, where subjects are
    /// exchangeable (Lee, Barber and Willett 2023).
    ///
    /// # Errors
    /// [`ConfidenceError::Length`] where a head's probabilities are of another scale.
    pub fn measured(classes: &GradeClasses, graded: &[Graded<'_>]) -> Result<Self, ConfidenceError> {
        let mut of_class = vec![BTreeMap::<u64, Vec<f64>>::new(); classes.classes()];
        for one in graded {
            same_length("grades", classes.grades(), one.probabilities.of_grade().len())?;
            let said = one.probabilities.of_class(classes).get(one.class).copied();
            if let (Some(p), Some(subjects)) = (said, of_class.get_mut(one.class)) {
                subjects.entry(one.subject).or_default().push(p.clamp(0.0, 1.0));
            }
        }
        Self::new(ALPHAS.to_vec(), of_class.iter().map(curve).collect())
    }

    /// The curves, one a class.
    #[must_use]
    pub fn curves(&self) -> &[ClassCurve] {
        &self.curves
    }

    /// The alphas of the curves' values.
    #[must_use]
    pub fn alphas(&self) -> &[f64] {
        &self.alphas
    }

    /// What each class needs to be in a set at this alpha; between two alphas of the table the smaller one counts.
    pub(super) fn at(&self, alpha: Alpha) -> Vec<ClassThreshold> {
        let column = self.alphas.partition_point(|a| *a <= alpha.rate() + ROUNDING).saturating_sub(1);
        let rate = self.alphas.get(column).copied().unwrap_or(0.0);
        let of_class = |curve: &ClassCurve| ClassThreshold {
            least_probability: curve.least_probability.get(column).copied().unwrap_or(0.0),
            thin: curve.subjects < FEWEST_SUBJECTS || !reachable(curve.subjects, rate),
        };
        self.curves.iter().map(of_class).collect()
    }
}

/// Whether so many subjects can bound an error rate at all.
fn reachable(subjects: usize, rate: f64) -> bool {
    (subjects + 1) as f64 * rate >= 1.0 - ROUNDING
}

/// The curve of a class from P(class) at its levels, by subject. Where the subjects are too few for an alpha the least
/// probability that was seen stands, and [`SetTable::at`] calls the class thin; 1 where none was seen.
fn curve(subjects: &BTreeMap<u64, Vec<f64>>) -> ClassCurve {
    let weight = |levels: usize| 1.0 / ((subjects.len() + 1) as f64 * levels as f64);
    let mut weighted: Vec<(f64, f64)> =
        subjects.values().flat_map(|levels| levels.iter().map(move |p| (*p, weight(levels.len())))).collect();
    weighted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let least = weighted.last().map_or(1.0, |(p, _)| *p);
    let at = |alpha: &f64| {
        let mut covered = 0.0;
        let reaches = |(_, weight): &&(f64, f64)| {
            covered += weight;
            covered >= 1.0 - alpha - ROUNDING
        };
        weighted.iter().find(reaches).map_or(least, |(p, _)| *p)
    };
    ClassCurve { levels: weighted.len(), subjects: subjects.len(), least_probability: ALPHAS.iter().map(at).collect() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]
mod tests {
    use super::*;

    fn of(values: &[(u64, f64)]) -> ClassCurve {
        let mut subjects = BTreeMap::<u64, Vec<f64>>::new();
        values.iter().for_each(|(subject, p)| subjects.entry(*subject).or_default().push(*p));
        curve(&subjects)
    }

    fn value_at(curve: &ClassCurve, alpha: f64) -> f64 {
        curve.least_probability[ALPHAS.iter().position(|a| *a == alpha).unwrap()]
    }

    #[test]
    fn a_curve_is_the_conformal_quantile_where_each_subject_has_one_level() {
        // 19 subjects, p = 0.05 to 0.95: at alpha .10 the 2nd smallest of 20 places, at .05 the 1st, below none.
        let values: Vec<_> = (1..20).map(|i| (i, 0.05 * i as f64)).collect();
        let curve = of(&values);
        assert!((value_at(&curve, 0.1) - 0.10).abs() < 1e-12 && (value_at(&curve, 0.05) - 0.05).abs() < 1e-12);
        assert!((value_at(&curve, 0.01) - 0.05).abs() < 1e-12 && (value_at(&curve, 0.5) - 0.5).abs() < 1e-12);
        assert!(reachable(19, 0.05) && !reachable(19, 0.03));
        assert_eq!((curve.levels, curve.subjects), (19, 19));
    }

    #[test]
    fn a_subject_with_many_levels_weighs_no_more_than_another() {
        let mut values: Vec<_> = (1..20).map(|i| (i, 0.05 * i as f64)).collect();
        values.extend((0..50).map(|_| (1, 0.05)));
        assert_eq!(of(&values).least_probability, of(&values[..19]).least_probability);
    }

    #[test]
    fn a_class_that_was_never_seen_has_no_probability_that_would_do() {
        let curve = of(&[]);
        assert!(curve.least_probability.iter().all(|p| *p == 1.0) && curve.levels == 0);
    }

    #[test]
    fn between_two_alphas_the_smaller_one_counts() {
        let curve = |values: &[f64]| ClassCurve { levels: 90, subjects: 60, least_probability: values.to_vec() };
        let table = SetTable::new(vec![0.01, 0.1, 0.2], vec![curve(&[0.1, 0.2, 0.3])]).unwrap();
        let least = |alpha: f64| table.at(Alpha::new(alpha).unwrap())[0].least_probability;
        assert_eq!([0.01, 0.099, 0.1, 0.15, 0.2, 0.5].map(least), [0.1, 0.1, 0.2, 0.2, 0.3, 0.3]);
        // 60 subjects bound an error rate of 1/61, not one of .01.
        let thin = |alpha: f64| table.at(Alpha::new(alpha).unwrap())[0].thin;
        assert_eq!([0.05, 0.1].map(thin), [true, false]);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let curve = |values: &[f64]| ClassCurve { levels: 9, subjects: 9, least_probability: values.to_vec() };
        let good = vec![0.01, 0.1];
        for alphas in [vec![], vec![0.05, 0.1], vec![0.01, 0.01], vec![0.01, 1.0], vec![f64::NAN, 0.1]] {
            assert_eq!(SetTable::new(alphas, vec![curve(&[0.1, 0.2])]), Err(ConfidenceError::Alphas));
        }
        for values in [[0.2, 0.1], [0.1, 1.1], [-0.1, 0.1], [0.1, f64::NAN]] {
            let wrong = SetTable::new(good.clone(), vec![curve(&[0.1, 0.2]), curve(&values)]);
            assert_eq!(wrong, Err(ConfidenceError::Curve { class: 1 }));
        }
        assert!(SetTable::new(good.clone(), vec![curve(&[0.1])]).is_err());
        let more_subjects = ClassCurve { levels: 3, subjects: 4, least_probability: vec![0.1, 0.2] };
        assert!(SetTable::new(good, vec![more_subjects]).is_err());
        assert!([0.009, 0.51, f64::NAN].into_iter().all(|alpha| Alpha::new(alpha).is_err()));
    }
}
