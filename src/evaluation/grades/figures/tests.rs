//! Figures of grades against values computed by hand.

use super::*;
use crate::evaluation::grades::Answer;
use crate::evaluation::truth::grades::{GradeRange, LevelPlace};
use crate::spine::GradedFinding;

/// Probability of the grade that is answered in these tests.
const MOST: f64 = 0.7;

fn answer(grade: u8, set: u8) -> Answer {
    let mut probabilities = vec![(1.0 - MOST) / 3.0; 4];
    probabilities[usize::from(grade)] = MOST;
    Answer { grade, probabilities, set, is_thin: false }
}

fn pair(subject: usize, truth: (u8, u8), answer: Result<Answer, String>) -> Pair {
    Pair {
        study: format!("study-{subject}"),
        subject: format!("subject-{subject}"),
        group: String::new(),
        level: Some(LevelPlace::FromBelow(1)),
        finding: GradedFinding::CentralCanalStenosis,
        side: None,
        truth: GradeRange { from: truth.0, to: truth.1 },
        weight: 1.0,
        answer,
    }
}

/// Pairs of (truth, grade), each five times, a subject a pair.
fn five_each(cells: &[((u8, u8), u8)]) -> Vec<Pair> {
    let all = cells.iter().cycle().take(5 * cells.len()).enumerate();
    all.map(|(i, (truth, grade))| pair(i, *truth, Ok(answer(*grade, 1 << grade)))).collect()
}

fn one(pairs: &[Pair]) -> GradeFigures {
    GradeFigures::of(pairs, false).remove(0)
}

fn is(value: &Value, wanted: f64) -> bool {
    value.value.is_some_and(|value| (value - wanted).abs() < 1e-12)
}

#[test]
fn agreement_is_as_by_hand() {
    // The table of statistics/kappa.rs, five times: of each class two of ten.
    let cells =
        [((0, 0), 0), ((0, 0), 1), ((1, 1), 1), ((1, 1), 1), ((2, 2), 0), ((2, 2), 2), ((3, 3), 2), ((3, 3), 3)];
    let found = one(&five_each(&cells));
    let values = &found.figures;
    assert_eq!(found.confusion[2].counts, [5, 0, 5, 0]);
    assert!(is(&values.class_average, (0.5 + 1.0 + 0.5 + 0.5) / 4.0), "{:?}", values.class_average);
    assert!(is(&values.exact, 5.0 / 8.0) && is(values.within_one.as_ref().unwrap(), 7.0 / 8.0));
    assert!(is(&values.linear_kappa, 11.0 / 19.0) && is(values.quadratic_kappa.as_ref().unwrap(), 2.0 / 3.0));
    let [low, high] = values.exact.interval.unwrap();
    assert!(low > 0.4 && low < 0.625 && high > 0.625 && high < 0.8, "{low} {high}");
}

#[test]
fn a_range_is_right_at_either_end_and_is_a_class_where_truths_never_part_it() {
    let cells = [((0, 1), 0), ((0, 1), 1), ((2, 2), 2), ((3, 3), 2)];
    let found = one(&five_each(&[cells, cells].concat()));
    assert_eq!(found.classes, ["normal/mild", "moderate", "severe"]);
    assert_eq!(found.confusion[0].counts, [20, 0, 0]);
    assert!(is(&found.figures.class_average, (1.0 + 1.0 + 0.0) / 3.0));
    // Beside single grades a range stays a range: it is no class of the average, and right where it holds the answer.
    let mixed = [((0, 1), 1), ((0, 0), 0), ((1, 1), 2), ((2, 3), 1)];
    let found = one(&five_each(&mixed));
    assert_eq!(found.classes, ["normal", "mild", "moderate/severe"]);
    assert_eq!((found.confusion[1].truth.as_str(), found.confusion[1].right), ("normal/mild", (0, 1)));
    assert!(is(&found.figures.exact, 0.5) && is(found.figures.within_one.as_ref().unwrap(), 1.0));
    // Worse than normal: 10 are, 5 are not, 5 may be either.
    let first = &found.figures.thresholds[0];
    assert_eq!((first.positives, first.negatives), (10, 5));
}

#[test]
fn what_is_not_answered_is_counted_by_its_reason() {
    let mut pairs = five_each(&[((0, 0), 0)]);
    pairs.push(pair(90, (3, 3), Err("refused: no-spine".to_owned())));
    pairs.push(pair(91, (3, 3), Err("refused: no-spine".to_owned())));
    let found = one(&pairs);
    assert_eq!((found.truths, found.answered, found.subjects), (7, 5, 5));
    assert_eq!(found.unanswered, BTreeMap::from([("refused: no-spine".to_owned(), 2)]));
    // Five of five: drawing again shows nothing, and the bound is that of five subjects.
    let [low, high] = found.figures.exact.interval.unwrap();
    assert!((low - 0.05_f64.powf(0.2)).abs() < 1e-12 && high == 1.0);
    assert_eq!(found.figures.linear_kappa.note.as_deref(), Some("5 truths of one class, fewer than 20"));
    assert_eq!(found.figures.class_average.value, None, "five truths of a class are too few");
}

#[test]
fn an_area_of_few_is_an_interval_and_of_fewer_nothing() {
    let of = |severe: usize| {
        let rows = (0..60).map(|i| pair(i, (0, 0), Ok(answer(u8::from(i % 4 == 0) * 3, 0))));
        let all: Vec<_> = rows.chain((0..severe).map(|i| pair(100 + i, (3, 3), Ok(answer(3, 0))))).collect();
        one(&all).figures.thresholds[2].auroc.clone()
    };
    let few = of(7);
    assert_eq!((few.value, few.interval), (None, None));
    assert_eq!(few.note.as_deref(), Some("7 worse and 60 not, fewer than 8 of either"));
    let some = of(8);
    assert!(some.value.is_none() && some.interval.is_some_and(|[low, high]| low < 0.875 && high > 0.875), "{some:?}");
}

#[test]
fn the_area_is_as_by_hand() {
    // Positives always say .7 to be severe; a quarter of the negatives do, the others .1: 3/4 + 1/4 * 1/2.
    let rows = (0..120).map(|i| pair(i, (0, 0), Ok(answer(u8::from(i % 4 == 0) * 3, 0))));
    let all: Vec<_> = rows.chain((0..120).map(|i| pair(200 + i, (3, 3), Ok(answer(3, 0))))).collect();
    assert!(is(&one(&all).figures.thresholds[2].auroc, 0.875));
}

#[test]
fn coverage_and_size_are_by_truth_and_thin_sets_apart() {
    let mut pairs = Vec::new();
    for i in 0..10 {
        pairs.push(pair(i, (0, 0), Ok(answer(0, if i < 8 { 0b0011 } else { 0b0110 }))));
        pairs.push(pair(i, (3, 3), Ok(answer(3, 0b1000))));
        let thin = Answer { is_thin: true, ..answer(3, 0b1111) };
        pairs.push(pair(i, (3, 3), Ok(thin)));
    }
    let found = one(&pairs);
    let sets = found.figures.sets.as_ref().unwrap();
    assert!(is(&sets.coverage, 0.9) && is(&sets.mean_size, 1.5));
    assert!(is(&sets.by_truth[0].coverage, 0.8) && sets.by_truth[0].mean_size == Some(2.0));
    assert!(is(&sets.by_truth[1].coverage, 1.0) && sets.by_truth[1].mean_size == Some(1.0));
    let thin = found.figures.thin_sets.as_ref().unwrap();
    assert_eq!((thin.coverage.of, thin.by_truth[0].coverage.of, thin.mean_size.value), (10, 0, Some(4.0)));
}

#[test]
fn weights_make_a_second_row_of_figures() {
    let mut pairs = five_each(&[((0, 0), 0), ((3, 3), 0)]);
    assert_eq!(one(&pairs).reweighted, None);
    pairs.iter_mut().filter(|p| p.truth.from == 0).for_each(|p| p.weight = 3.0);
    let found = one(&pairs);
    assert!(is(&found.figures.exact, 0.5));
    assert!(is(&found.reweighted.unwrap().exact, 0.75));
}

#[test]
fn sides_and_groups_are_apart_and_sides_together_too() {
    let mut pairs = five_each(&[((0, 0), 0), ((3, 3), 0)]);
    for (i, pair) in pairs.iter_mut().enumerate() {
        pair.finding = GradedFinding::ForaminalStenosis;
        pair.side = Some(if i % 2 == 0 { crate::spine::BodySide::Left } else { crate::spine::BodySide::Right });
        pair.group = if i < 6 { "a".into() } else { "b".into() };
    }
    let keys = |all| {
        let found = GradeFigures::of(&pairs, all);
        found.iter().map(|f| format!("{} {} {}", f.group, f.side.unwrap_or_default(), f.truths)).collect::<Vec<_>>()
    };
    assert_eq!(keys(false), ["a both 6", "a left 3", "a right 3", "b both 4", "b left 2", "b right 2"]);
    assert_eq!(keys(true)[3..6], ["all both 10", "all left 5", "all right 5"].map(str::to_owned));
}
