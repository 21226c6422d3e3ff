//! The classes that truths tell apart: a scale's grades, or several of them in one where every truth has them together.
//!
//! RSNA's `Normal/Mild` is the sum of two grades of ours: nobody's truth tells them apart, so they are one class, and a reading that says
//! either is right.

use crate::evaluation::truth::grades::GradeRange;
use crate::spine::GradeScale;

/// Classes of neighbouring grades, the best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Classes {
    scale: GradeScale,
    /// The class of each grade.
    of_grade: Vec<usize>,
}

impl Classes {
    /// Two neighbouring grades are one class where a truth holds both, and none holds one of them only.
    pub(super) fn of(scale: GradeScale, truths: &[GradeRange]) -> Self {
        let mut of_grade = vec![0];
        for grade in 1..scale.grades().len() {
            let next = u8::try_from(grade).unwrap_or(u8::MAX);
            let both = |t: &&GradeRange| t.holds(next - 1) && t.holds(next);
            let is_told_apart = truths.iter().any(|t| t.holds(next - 1) != t.holds(next));
            let is_one = truths.iter().any(|t| both(&t)) && !is_told_apart;
            let class = of_grade.last().copied().unwrap_or_default() + usize::from(!is_one);
            of_grade.push(class);
        }
        Self { scale, of_grade }
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.of_grade.last().map_or(0, |last| last + 1)
    }

    /// The class of a grade.
    pub(super) fn class(&self, grade: u8) -> usize {
        self.of_grade.get(usize::from(grade)).copied().unwrap_or_default()
    }

    /// The first and the last class of a truth.
    pub(super) fn range(&self, truth: GradeRange) -> (usize, usize) {
        (self.class(truth.from), self.class(truth.to))
    }

    /// The classes of a prediction set, as bits.
    pub(super) fn set(&self, grades: u8) -> u32 {
        let bits = self.of_grade.iter().enumerate().filter(|(grade, _)| grades >> grade & 1 == 1);
        bits.fold(0, |set, (_, class)| set | 1 << class)
    }

    /// How probable it is to be worse than `class`.
    pub(super) fn worse_than(&self, class: usize, probabilities: &[f64]) -> f64 {
        probabilities.iter().zip(&self.of_grade).filter(|(_, of)| **of > class).map(|(p, _)| p).sum()
    }

    /// The names.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |class: usize| {
            let grades = self.scale.grades().iter().zip(&self.of_grade).filter(|(_, of)| **of == class);
            grades.map(|(name, _)| *name).collect::<Vec<_>>().join("/")
        };
        (0..self.len()).map(name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(truths: &[(u8, u8)]) -> Vec<String> {
        let truths: Vec<_> = truths.iter().map(|(from, to)| GradeRange { from: *from, to: *to }).collect();
        Classes::of(GradeScale::Stenosis, &truths).names()
    }

    #[test]
    fn grades_that_no_truth_tells_apart_are_one_class() {
        assert_eq!(names(&[(0, 1), (2, 2), (3, 3)]), ["normal/mild", "moderate", "severe"]);
        assert_eq!(names(&[(0, 0), (1, 3)]), ["normal", "mild/moderate/severe"]);
        assert_eq!(names(&[(0, 1), (0, 0), (2, 2)]), ["normal", "mild", "moderate", "severe"]);
        // What no truth names stays as it is on the scale.
        assert_eq!(names(&[(0, 1)]), ["normal/mild", "moderate", "severe"]);
        assert_eq!(names(&[]), ["normal", "mild", "moderate", "severe"]);
    }

    #[test]
    fn grades_sets_and_probabilities_are_put_together() {
        let truths = [GradeRange { from: 0, to: 1 }, GradeRange { from: 2, to: 2 }];
        let classes = Classes::of(GradeScale::Stenosis, &truths);
        assert_eq!((classes.class(1), classes.class(3), classes.range(truths[1])), (0, 2, (1, 1)));
        assert_eq!((classes.set(0b0011), classes.set(0b0110), classes.set(0)), (0b001, 0b011, 0));
        assert!((classes.worse_than(0, &[0.1, 0.2, 0.3, 0.4]) - 0.7).abs() < 1e-12);
    }
}
