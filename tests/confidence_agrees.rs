//! What the training computes and what the appliance computes from logits is the same: probabilities, grades, sets, tables.
//!
//! The cases are made up by `python -m confidence.vectors` (models/training), which says what it holds true of each.
#![expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]

use deepspine::analysis::confidence::{
    Alpha, ClassCurve, Coverage, GradeCalibration, GradeClasses, GradeProbabilities, Graded, OrdinalLink, SetTable,
    Threshold,
};
use serde::Deserialize;

const VECTORS: &str = include_str!("confidence_case/vectors.json");
/// Probabilities are written with nine decimals.
const SAME: f64 = 1e-9;
/// A table's probabilities are cut to six digits.
const SAME_DIGITS: f64 = 1.1e-5;

#[derive(Deserialize)]
struct Case {
    class_of_grade: Vec<usize>,
    alphas: Vec<f64>,
    thresholds: Vec<WrittenThreshold>,
    classes: Vec<WrittenCurve>,
    logits: Vec<Vec<f64>>,
    truth: Vec<usize>,
    subject: Vec<u64>,
    unseen: Vec<Vec<f64>>,
    probabilities: Vec<Vec<f64>>,
    grade: Vec<usize>,
    sets: Vec<WrittenSets>,
}

#[derive(Deserialize)]
struct WrittenThreshold {
    slope: f64,
    offset: f64,
    cut: f64,
}

#[derive(Deserialize)]
struct WrittenCurve {
    levels: usize,
    subjects: usize,
    least_probability: Vec<f64>,
}

#[derive(Deserialize)]
struct WrittenSets {
    alpha: f64,
    thin: Vec<usize>,
    first: Vec<usize>,
    last: Vec<usize>,
}

impl Case {
    fn link(&self) -> OrdinalLink {
        let thresholds =
            self.thresholds.iter().map(|t| Threshold { slope: t.slope, offset: t.offset, cut: t.cut }).collect();
        OrdinalLink::new(GradeClasses::new(self.class_of_grade.clone()).unwrap(), thresholds).unwrap()
    }

    fn curves(&self) -> Vec<ClassCurve> {
        let curve = |c: &WrittenCurve| ClassCurve {
            levels: c.levels,
            subjects: c.subjects,
            least_probability: c.least_probability.clone(),
        };
        self.classes.iter().map(curve).collect()
    }
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = serde_json::from_str(VECTORS).unwrap();
    assert!(cases.len() >= 5 && cases.iter().all(|c| !c.unseen.is_empty() && !c.sets.is_empty()));
    cases
}

#[test]
fn probabilities_grades_and_sets_are_those_of_the_training() {
    let mut thin_seen = 0;
    for case in cases() {
        let table = SetTable::new(case.alphas.clone(), case.curves()).unwrap();
        let calibration = GradeCalibration::new(case.link(), table).unwrap();
        for sets in &case.sets {
            let alpha = Alpha::new(sets.alpha).unwrap();
            let coverage = match sets.thin.as_slice() {
                [] => Coverage::Calibrated,
                classes => Coverage::Thin { classes: classes.to_vec() },
            };
            thin_seen += sets.thin.len();
            for (row, logits) in case.unseen.iter().enumerate() {
                let read = calibration.read(logits, alpha).unwrap();
                for (found, written) in read.probabilities.of_grade().iter().zip(&case.probabilities[row]) {
                    assert!((found - written).abs() < SAME, "row {row}: {read:?}");
                }
                assert_eq!(read.grade, case.grade[row], "row {row}: {read:?}");
                assert_eq!(read.set.grades, sets.first[row]..=sets.last[row], "row {row}: {read:?}");
                assert_eq!(read.set.coverage, coverage, "row {row}");
            }
        }
    }
    assert!(thin_seen > 0, "a case has a thin class");
}

#[test]
fn tables_measured_here_are_those_of_the_training() {
    for case in cases() {
        let link = case.link();
        let said: Vec<GradeProbabilities> = case.logits.iter().map(|row| link.probabilities(row).unwrap()).collect();
        let levels = said.iter().zip(&case.truth).zip(&case.subject);
        let graded: Vec<_> = levels
            .map(|((probabilities, class), subject)| Graded { probabilities, class: *class, subject: *subject })
            .collect();
        let table = SetTable::measured(link.classes(), &graded).unwrap();
        assert_eq!(table.alphas(), case.alphas);
        for (found, written) in table.curves().iter().zip(case.curves()) {
            assert_eq!((found.levels, found.subjects), (written.levels, written.subjects));
            for (p, cut_short) in found.least_probability.iter().zip(&written.least_probability) {
                assert!(*p >= cut_short - SAME && *p <= cut_short * (1.0 + SAME_DIGITS), "{found:?} {written:?}");
            }
        }
    }
}
