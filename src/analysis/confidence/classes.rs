//! Which grades the calibration can tell apart.

use super::{ConfidenceError, GRADES_MAX};
use std::ops::RangeInclusive;

/// The calibration class of each grade, mildest first: `[0, 0, 1, 2]` where no truth tells normal from mild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GradeClasses {
    of_grade: Vec<usize>,
}

impl GradeClasses {
    /// From the class of each grade: a class is a run of neighbouring grades.
    ///
    /// # Errors
    /// [`ConfidenceError::Classes`] where the numbers don't begin with 0, or skip or repeat a class.
    pub fn new(of_grade: Vec<usize>) -> Result<Self, ConfidenceError> {
        let begins = of_grade.first() == Some(&0);
        let rises = of_grade.iter().zip(of_grade.iter().skip(1)).all(|(a, b)| b == a || *b == a + 1);
        if begins && rises && (2..=GRADES_MAX).contains(&of_grade.len()) {
            Ok(Self { of_grade })
        } else {
            Err(ConfidenceError::Classes { found: of_grade })
        }
    }

    /// Number of grades, G.
    #[must_use]
    pub fn grades(&self) -> usize {
        self.of_grade.len()
    }

    /// Number of calibration classes, at most G.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.of_grade.last().map_or(0, |last| last + 1)
    }

    /// The class of a grade; the worst class for what is worse than every grade.
    #[must_use]
    pub fn class_of(&self, grade: usize) -> usize {
        self.of_grade.get(grade).or(self.of_grade.last()).copied().unwrap_or(0)
    }

    /// The mildest and the worst grade of a run of classes.
    #[must_use]
    pub fn grades_of(&self, classes: RangeInclusive<usize>) -> RangeInclusive<usize> {
        let mildest = self.of_grade.partition_point(|class| class < classes.start());
        let past_worst = self.of_grade.partition_point(|class| class <= classes.end());
        mildest..=past_worst.saturating_sub(1).max(mildest)
    }

    /// Whether threshold k, "worse than grade k", lies between two classes, so that truths could calibrate it.
    #[must_use]
    pub fn divides(&self, threshold: usize) -> bool {
        self.class_of(threshold) != self.class_of(threshold + 1)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_a_run_of_neighbouring_grades() {
        let coarse = GradeClasses::new(vec![0, 0, 1, 2]).unwrap();
        assert_eq!((coarse.grades(), coarse.classes()), (4, 3));
        assert_eq!(coarse.grades_of(0..=0), 0..=1);
        assert_eq!(coarse.grades_of(0..=1), 0..=2);
        assert_eq!(coarse.grades_of(2..=2), 3..=3);
        assert_eq!((0..3).map(|k| coarse.divides(k)).collect::<Vec<_>>(), [false, true, true]);
    }

    #[test]
    fn what_is_no_scale_is_refused() {
        for wrong in [vec![], vec![0], vec![1, 2], vec![0, 2], vec![0, 1, 0], vec![0; GRADES_MAX + 1]] {
            assert!(matches!(GradeClasses::new(wrong), Err(ConfidenceError::Classes { .. })));
        }
    }
}
