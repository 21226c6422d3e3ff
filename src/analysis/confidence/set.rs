//! A set of neighbouring grades, and what it promises.

use super::table::{Alpha, ClassThreshold, SetTable};
use std::ops::RangeInclusive;

/// What stands behind a prediction set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// Every class had enough subjects: whichever grade is true, the set holds it with probability 1 - alpha.
    Calibrated,
    /// The calibration has too few subjects of these classes (fewer than [`super::FEWEST_SUBJECTS`], or too few for this alpha):
    /// nothing is promised where one of them is true.
    Thin {
        /// The classes, mildest first.
        classes: Vec<usize>,
    },
}

/// A run of neighbouring grades.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionSet {
    /// The grades, mildest to worst; never empty, and never one grade of a class without the others.
    pub grades: RangeInclusive<usize>,
    /// The error rate that was asked for.
    pub alpha: Alpha,
    /// What stands behind it.
    pub coverage: Coverage,
}

impl PredictionSet {
    /// Number of grades, at least one.
    #[must_use]
    pub fn size(&self) -> usize {
        self.grades.clone().count()
    }

    /// Whether a grade is in the set.
    #[must_use]
    pub fn contains(&self, grade: usize) -> bool {
        self.grades.contains(&grade)
    }
}

/// The classes of a set: those that are likely enough, `decided`, and all that lies between them; then thin classes that adjoin.
///
/// A thin class has no threshold to trust. Its least probability seen still lets it in, and beyond that only its neighbours can
/// keep it out: it is in whenever the class beside it is. So where severe is thin, a set that holds moderate holds severe, and
/// one that ends at mild does not.
pub(super) fn run_of_classes(
    table: &SetTable,
    alpha: Alpha,
    of_class: &[f64],
    decided: usize,
) -> (RangeInclusive<usize>, Coverage) {
    let thresholds = table.at(alpha);
    let (mut first, mut last) = (decided, decided);
    for (class, (p, threshold)) in of_class.iter().zip(&thresholds).enumerate() {
        if *p >= threshold.least_probability {
            first = first.min(class);
            last = last.max(class);
        }
    }
    let thin = |class: usize| thresholds.get(class).is_some_and(|t: &ClassThreshold| t.thin);
    while first > 0 && thin(first - 1) {
        first -= 1;
    }
    while thin(last + 1) {
        last += 1;
    }
    let classes: Vec<usize> = (0..thresholds.len()).filter(|class| thin(*class)).collect();
    let coverage = if classes.is_empty() { Coverage::Calibrated } else { Coverage::Thin { classes } };
    (first..=last, coverage)
}
