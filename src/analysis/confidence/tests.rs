//! What holds of every set, whatever the network says.
#![expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]

use super::*;

const SEED: u64 = 20_261_126;
const TRIALS: usize = 2000;
const ALPHAS: [f64; 7] = [0.01, 0.02, 0.05, 0.1, 0.17, 0.3, 0.5];

/// Steele, Lea and Flood, OOPSLA 2014.
struct SplitMix64(u64);

impl SplitMix64 {
    /// 0 to 1.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    /// Any probabilities of four grades, likely ones and absurd ones (two modes, zeros).
    fn probabilities(&mut self) -> GradeProbabilities {
        let sharp = 1.0 + 8.0 * self.uniform();
        let drawn: [f64; 4] = std::array::from_fn(|_| self.uniform().powf(sharp));
        let sum: f64 = drawn.iter().sum();
        GradeProbabilities::new(&drawn.map(|p| p / sum)).unwrap()
    }

    /// A calibration in which the classes have between 0 and `subjects` subjects.
    fn calibration(&mut self, classes: &[usize], subjects: usize) -> GradeCalibration {
        let classes = GradeClasses::new(classes.to_vec()).unwrap();
        let mut levels = Vec::new();
        for class in 0..classes.classes() {
            let of_class = self.below(subjects + 1);
            levels.extend((0..of_class).map(|subject| (self.probabilities(), class, subject as u64)));
        }
        calibrated(classes, &levels)
    }
}

fn calibrated(classes: GradeClasses, levels: &[(GradeProbabilities, usize, u64)]) -> GradeCalibration {
    let graded: Vec<_> = levels
        .iter()
        .map(|(probabilities, class, subject)| Graded { probabilities, class: *class, subject: *subject })
        .collect();
    let sets = SetTable::measured(&classes, &graded).unwrap();
    let thresholds = vec![Threshold { slope: 1.0, offset: 0.0, cut: 0.4 }; classes.grades() - 1];
    GradeCalibration::new(OrdinalLink::new(classes, thresholds).unwrap(), sets).unwrap()
}

/// A table at all of whose alphas the classes need this probability.
fn flat(of_grade: &[usize], curves: &[(usize, f64)]) -> GradeCalibration {
    let classes = GradeClasses::new(of_grade.to_vec()).unwrap();
    let thresholds = vec![Threshold { slope: 1.0, offset: 0.0, cut: 0.5 }; classes.grades() - 1];
    let curve = |(n, p): &(usize, f64)| ClassCurve { levels: *n, subjects: *n, least_probability: vec![*p] };
    let sets = SetTable::new(vec![0.01], curves.iter().map(curve).collect()).unwrap();
    GradeCalibration::new(OrdinalLink::new(classes, thresholds).unwrap(), sets).unwrap()
}

fn set(calibration: &GradeCalibration, of_grade: &[f64]) -> PredictionSet {
    let probabilities = GradeProbabilities::new(of_grade).unwrap();
    calibration.judge(probabilities, Alpha::new(0.1).unwrap()).unwrap().set
}

#[test]
fn every_set_is_a_run_that_holds_its_grade_and_grows_as_alpha_falls() {
    eprintln!("seed {SEED}");
    let mut random = SplitMix64(SEED);
    for trial in 0..TRIALS {
        let classes = [[0, 1, 2, 3], [0, 0, 1, 2], [0, 1, 1, 2], [0, 0, 1, 1]][trial % 4];
        let calibration = random.calibration(&classes, 120);
        let said = random.probabilities();
        let mut inner: Option<PredictionSet> = None;
        for alpha in ALPHAS.into_iter().rev() {
            let read = calibration.judge(said.clone(), Alpha::new(alpha).unwrap()).unwrap();
            assert!(read.grade < 4 && read.set.contains(read.grade), "{read:?}");
            assert!((1..=4).contains(&read.set.size()) && *read.set.grades.end() < 4, "{read:?}");
            for (a, b) in (0..3).zip(1..4).filter(|(a, b)| classes[*a] == classes[*b]) {
                assert_eq!(read.set.contains(a), read.set.contains(b), "one of a class without the other: {read:?}");
            }
            if let Some(inner) = inner {
                assert!(inner.grades.clone().all(|g| read.set.contains(g)), "{inner:?} is not inside {:?}", read.set);
            }
            inner = Some(read.set);
        }
    }
}

#[test]
fn a_set_holds_what_is_likely_enough_and_all_between() {
    let calibration = flat(&[0, 1, 2, 3], &[(100, 0.3), (100, 0.2), (100, 0.1), (100, 0.05)]);
    assert_eq!(set(&calibration, &[0.9, 0.06, 0.03, 0.01]).grades, 0..=0);
    assert_eq!(set(&calibration, &[0.6, 0.2, 0.15, 0.05]).grades, 0..=3);
    // Moderate alone is unlikely, but lies between.
    assert_eq!(set(&calibration, &[0.1, 0.82, 0.02, 0.06]).grades, 1..=3);
    assert_eq!(set(&calibration, &[0.6, 0.2, 0.15, 0.05]).coverage, Coverage::Calibrated);
}

#[test]
fn a_thin_class_is_said_and_is_in_where_its_neighbour_is() {
    let few = FEWEST_SUBJECTS - 1;
    let severe_thin = flat(&[0, 1, 2, 3], &[(100, 0.3), (100, 0.2), (100, 0.1), (few, 0.5)]);
    let moderate = set(&severe_thin, &[0.1, 0.7, 0.2, 0.0]);
    assert_eq!((moderate.grades, moderate.coverage), (1..=3, Coverage::Thin { classes: vec![3] }));
    let mild = set(&severe_thin, &[0.31, 0.6, 0.09, 0.0]);
    assert_eq!((mild.grades, mild.coverage), (0..=1, Coverage::Thin { classes: vec![3] }));
    // Likely enough by the few that were seen.
    assert_eq!(set(&severe_thin, &[0.0, 0.45, 0.05, 0.5]).grades, 1..=3);
    // Two that adjoin, and all.
    let two = flat(&[0, 1, 2, 3], &[(100, 0.3), (100, 0.2), (few, 0.1), (0, 1.0)]);
    assert_eq!(set(&two, &[0.1, 0.9, 0.0, 0.0]).grades, 1..=3);
    assert_eq!(set(&two, &[0.95, 0.05, 0.0, 0.0]).grades, 0..=0);
    let all = flat(&[0, 1, 2, 3], &[(0, 1.0), (0, 1.0), (0, 1.0), (0, 1.0)]);
    assert_eq!(set(&all, &[0.95, 0.05, 0.0, 0.0]).grades, 0..=3);
}

#[test]
fn grades_of_one_class_come_and_go_together() {
    let coarse = flat(&[0, 0, 1, 2], &[(100, 0.3), (100, 0.2), (100, 0.1)]);
    // Neither normal nor mild alone reaches 0.3; together they do.
    assert_eq!(set(&coarse, &[0.2, 0.2, 0.6, 0.0]).grades, 0..=2);
    assert_eq!(set(&coarse, &[0.1, 0.1, 0.5, 0.3]).grades, 2..=3);
    assert_eq!(set(&coarse, &[0.8, 0.2, 0.0, 0.0]).grades, 0..=1);
}

#[test]
fn logits_that_are_no_numbers_give_an_error_and_no_set() {
    let calibration = flat(&[0, 1, 2, 3], &[(100, 0.3), (100, 0.2), (100, 0.1), (100, 0.05)]);
    let alpha = Alpha::new(0.1).unwrap();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = calibration.read(&[bad, 0.0, 0.0], alpha);
        assert_eq!(refused, Err(ConfidenceError::NotFinite { what: "logit", at: 0 }));
    }
    for far in [f64::MAX, f64::MIN] {
        assert!(calibration.read(&[far; 3], alpha).is_ok());
    }
    assert!(calibration.read(&[0.0; 2], alpha).is_err());
    let of_three = GradeProbabilities::new(&[0.2, 0.3, 0.5]).unwrap();
    assert!(calibration.judge(of_three, alpha).is_err());
}

#[test]
fn whichever_class_is_true_a_new_subject_is_covered_as_often_as_promised() {
    // Exchangeable by construction, levels of one subject alike and of differing number; mild ones a tenth as frequent.
    eprintln!("seed {SEED}");
    let mut random = SplitMix64(SEED);
    let classes = GradeClasses::new(vec![0, 1, 2]).unwrap();
    let level = |subject: u64, class: usize, shift: f64| {
        let logit = |k: f64| 2.0 * (class as f64 - k) + shift;
        let said = [0.5, 1.5].map(|k| 1.0 / (1.0 + (-logit(k)).exp()));
        (GradeProbabilities::new(&[1.0 - said[0], said[0] - said[1], said[1]]).unwrap(), class, subject)
    };
    let (mut covered, mut judged) = ([0.0_f64; 3], [0.0_f64; 3]);
    for _ in 0..60 {
        let mut levels = Vec::new();
        for subject in 0..400 {
            let shift = 6.0 * (random.uniform() + random.uniform() + random.uniform() - 1.5);
            for _ in 0..=random.below(6) {
                let class = if random.uniform() < 0.1 { 1 } else { 2 * random.below(2) };
                levels.push(level(subject, class, shift + random.uniform()));
            }
        }
        let (known, new): (Vec<_>, Vec<_>) = levels.into_iter().partition(|(_, _, subject)| subject % 2 == 0);
        let calibration = calibrated(classes.clone(), &known);
        for levels_of_one in new.chunk_by(|a, b| a.2 == b.2) {
            for class in 0..3 {
                let of_class = levels_of_one.iter().filter(|(_, c, _)| *c == class);
                let held: Vec<_> = of_class
                    .map(|(said, _, _)| calibration.judge(said.clone(), Alpha::new(0.1).unwrap()).unwrap().set)
                    .map(|set| f64::from(set.contains(class)))
                    .collect();
                if !held.is_empty() {
                    covered[class] += held.iter().sum::<f64>() / held.len() as f64;
                    judged[class] += 1.0;
                }
            }
        }
    }
    // 60 calibrations of 60 to 170 subjects a class: their mean varies by less than half a point.
    let coverage: Vec<_> = covered.iter().zip(judged).map(|(c, n)| c / n).collect();
    assert!(coverage.iter().all(|c| (0.89..0.925).contains(c)), "{coverage:?}");
}
