//! Prediction sets hold what radiologists said equally often whichever grade that is, and stay small, on predictions of real
//! examinations (Lu, Angelopoulos and Pomerantz, MICCAI 2022).
//!
//! A hundred times the examinations are split at random: one half calibrates, the other is judged. The scores are taken as they
//! are and nothing is tuned: all that is fitted is the table of the sets, on the calibrating half.
#![expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]

mod common;

use common::{shared_data, skipped};
use deepspine::analysis::confidence::{
    Alpha, Coverage, GradeCalibration, GradeClasses, GradeProbabilities, Graded, OrdinalLink, SetTable, Threshold,
};
use std::collections::BTreeSet;
use std::path::Path;

const GRADES: usize = 4;
const SPLITS: usize = 100;
const SEED: u64 = 20_261_126;
/// Each class is to be covered this often at alpha .10, by sets no larger than the next on average.
const LEAST_COVERAGE: f64 = 0.88;
const LARGEST_MEAN_SIZE: f64 = 1.8;

struct Level {
    exam: u64,
    truth: usize,
    said: GradeProbabilities,
}

/// Figures of one split.
struct Judged {
    coverage: [f64; GRADES],
    size: [f64; GRADES],
    mean_size: f64,
}

fn levels(file: &Path) -> Vec<Level> {
    let mut table = csv::Reader::from_path(file).unwrap();
    let header = table.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let places = header.iter().filter_map(|h| h.strip_prefix("true_"));
    let columns: Vec<_> = places.map(|p| (column(&format!("true_{p}")), column(&format!("score_{p}")))).collect();
    let mut levels = Vec::new();
    for row in table.records().map(Result::unwrap) {
        for (truth, score) in columns.iter().map(|(t, s)| (&row[*t], &row[*s])) {
            // An empty cell and the label -1 say that nothing is known.
            let Some(truth) = truth.parse::<f64>().ok().filter(|t| *t >= 0.0 && !score.is_empty()) else { continue };
            let said: [f64; GRADES] = serde_json::from_str(score).unwrap();
            let said = GradeProbabilities::new(&said).unwrap();
            levels.push(Level { exam: row[0].parse().unwrap(), truth: truth as usize, said });
        }
    }
    levels
}

/// Half of the examinations, by Fisher and Yates with SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
fn half(exams: &[u64], state: &mut u64) -> BTreeSet<u64> {
    let mut exams = exams.to_vec();
    let count = exams.len() / 2;
    for at in 0..count {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let left = (exams.len() - at) as u64;
        exams.swap(at, at + (z % left) as usize);
    }
    exams.into_iter().take(count).collect()
}

fn calibrated(known: &[&Level]) -> GradeCalibration {
    let classes = GradeClasses::new((0..GRADES).collect()).unwrap();
    let graded: Vec<_> =
        known.iter().map(|l| Graded { probabilities: &l.said, class: l.truth, subject: l.exam }).collect();
    let sets = SetTable::measured(&classes, &graded).unwrap();
    let plain = Threshold { slope: 1.0, offset: 0.0, cut: 0.5 };
    GradeCalibration::new(OrdinalLink::new(classes, vec![plain; GRADES - 1]).unwrap(), sets).unwrap()
}

fn judge(calibration: &GradeCalibration, unseen: &[&Level], alpha: Alpha) -> Judged {
    let (mut n, mut held, mut size) = ([0.0; GRADES], [0.0; GRADES], [0.0; GRADES]);
    for level in unseen {
        let set = calibration.judge(level.said.clone(), alpha).unwrap().set;
        assert_eq!(set.coverage, Coverage::Calibrated, "every class has enough examinations");
        n[level.truth] += 1.0;
        held[level.truth] += f64::from(set.contains(level.truth));
        size[level.truth] += set.size() as f64;
    }
    let mean_size = size.iter().sum::<f64>() / unseen.len() as f64;
    let by_class = |sums: [f64; GRADES]| std::array::from_fn(|c| sums[c] / n[c]);
    Judged { coverage: by_class(held), size: by_class(size), mean_size }
}

/// Mean and standard deviation.
fn over(splits: &[Judged], of: impl Fn(&Judged) -> f64) -> (f64, f64) {
    let n = splits.len() as f64;
    let mean = splits.iter().map(&of).sum::<f64>() / n;
    (mean, (splits.iter().map(|s| (of(s) - mean).powi(2)).sum::<f64>() / n).sqrt())
}

fn print(alpha: f64, splits: &[Judged]) {
    eprintln!("alpha {alpha:.2}    coverage (sd)    size (sd)");
    for (c, name) in ["normal", "mild", "moderate", "severe"].into_iter().enumerate() {
        let (covered, covered_sd) = over(splits, |s| s.coverage[c]);
        let (size, size_sd) = over(splits, |s| s.size[c]);
        eprintln!("  {name:9}   {covered:.3} ({covered_sd:.3})   {size:.2} ({size_sd:.2})");
    }
    let (size, sd) = over(splits, |s| s.mean_size);
    eprintln!("  all                         {size:.2} ({sd:.2})");
}

#[test]
fn sets_cover_every_grade_alike_and_stay_small_on_real_predictions() {
    let file = shared_data().map(|data| data.join("conformal/lumbar_predictions.csv"));
    let Some(file) = file.filter(|file| file.is_file()) else {
        return skipped(
            "sets_cover_every_grade_alike_and_stay_small_on_real_predictions",
            "no ../shared/data/conformal",
        );
    };
    let levels = levels(&file);
    let exams: Vec<u64> = levels.iter().map(|l| l.exam).collect::<BTreeSet<_>>().into_iter().collect();
    eprintln!("{} levels of {} examinations, {SPLITS} splits, seed {SEED}", levels.len(), exams.len());
    let alphas = [0.05, 0.10, 0.20];
    let mut found: [Vec<Judged>; 3] = Default::default();
    let mut state = SEED;
    for _ in 0..SPLITS {
        let calibrating = half(&exams, &mut state);
        let (known, unseen): (Vec<_>, Vec<_>) = levels.iter().partition(|l| calibrating.contains(&l.exam));
        let calibration = calibrated(&known);
        for (found, alpha) in found.iter_mut().zip(alphas) {
            found.push(judge(&calibration, &unseen, Alpha::new(alpha).unwrap()));
        }
    }
    for (alpha, splits) in alphas.into_iter().zip(&found) {
        print(alpha, splits);
        for c in 0..GRADES {
            let (covered, _) = over(splits, |s| s.coverage[c]);
            assert!(
                covered >= 1.0 - alpha - (0.90 - LEAST_COVERAGE),
                "class {c} is covered {covered} at alpha {alpha}"
            );
        }
    }
    let (mean_size, _) = over(&found[1], |s| s.mean_size);
    assert!(mean_size <= LARGEST_MEAN_SIZE, "mean size {mean_size}");
}
