//! The pairs of a stratum, counted: every figure of them, with its interval by subject.

use super::figures::{
    CLASS_SETS_MIN, KAPPA_TRUTHS_MIN, OF_EACH_MIN, POINT_OF_EACH_MIN, SetRow, Sets, Threshold, Value, Values,
};
use super::stratum::{Row, Stratum};
use super::sums::{SetKind, Share, Sums};
use crate::evaluation::statistics::{Ranked, bins, bootstrap, expected_error};
use std::collections::BTreeMap;

/// Fewest answers of which a calibration error is given.
const CALIBRATION_MIN: usize = 50;
/// Points that are kept of a curve.
const CURVE_POINTS_MAX: usize = 200;
/// How far a share may be from none or all and still be that.
const ROUNDING: f64 = 1e-12;

/// Which figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Figure {
    ClassAverage,
    Within(usize),
    Kappa(i32),
    Holding(SetKind, Option<usize>),
    Size(SetKind),
    Area(usize),
}

/// A stratum whose rows count one, or their weight.
pub(super) struct Counted<'a> {
    stratum: &'a Stratum,
    is_weighted: bool,
    by_subject: Vec<Sums>,
    all: Sums,
    /// How many rows each truth has.
    of_truth: Vec<usize>,
    /// By class but the last, the rows that are worse or not, and their places.
    ranked: Vec<(Vec<&'a Row>, Ranked)>,
}

impl<'a> Counted<'a> {
    pub(super) fn new(stratum: &'a Stratum, is_weighted: bool) -> Self {
        let shape = &stratum.shape;
        let mut by_subject = vec![Sums::new(shape); stratum.subjects];
        let mut of_truth = vec![0; shape.truths.len()];
        for row in &stratum.rows {
            let weight = if is_weighted { row.weight } else { 1.0 };
            by_subject.iter_mut().skip(row.subject).take(1).for_each(|sums| sums.add(row, weight, shape));
            of_truth.iter_mut().skip(row.truth).take(1).for_each(|n| *n += 1);
        }
        let mut all = Sums::new(shape);
        by_subject.iter().for_each(|sums| all.add_times(sums, 1.0));
        let ranked = (0..shape.classes.len().saturating_sub(1)).map(|class| ranked(stratum, class)).collect();
        Self { stratum, is_weighted, by_subject, all, of_truth, ranked }
    }

    fn weight(&self, row: &Row) -> f64 {
        if self.is_weighted { row.weight } else { 1.0 }
    }

    fn list(&self) -> Vec<Figure> {
        let mut list =
            vec![Figure::ClassAverage, Figure::Within(0), Figure::Within(1), Figure::Kappa(1), Figure::Kappa(2)];
        for kind in [SetKind::Calibrated, SetKind::Thin] {
            let truths = (0..self.of_truth.len()).map(Some);
            list.extend(std::iter::once(None).chain(truths).map(|truth| Figure::Holding(kind, truth)));
            list.push(Figure::Size(kind));
        }
        list.extend((0..self.ranked.len()).map(Figure::Area));
        list
    }

    /// The figure of sums in which each subject is as often as `times` says.
    fn figure(&self, figure: Figure, sums: &Sums, times: Option<&[f64]>) -> Option<f64> {
        let shape = &self.stratum.shape;
        let ratio = |(of, all): Share| (all > 0.0).then(|| of / all);
        match figure {
            Figure::ClassAverage => {
                let present: Vec<bool> = self.of_truth.iter().map(|n| *n > 0).collect();
                sums.class_average(&present, shape)
            }
            Figure::Kappa(power) => sums.kappa(power, shape),
            Figure::Size(kind) => ratio(sums.sizes(kind, None, shape)),
            Figure::Area(class) => {
                let (rows, ranked) = self.ranked.get(class)?;
                ranked.area(|at| {
                    let Some(row) = rows.get(at) else { return 0.0 };
                    let drawn = times.map_or(1.0, |times| times.get(row.subject).copied().unwrap_or_default());
                    drawn * self.weight(row)
                })
            }
            Figure::Within(_) | Figure::Holding(..) => ratio(share(figure, sums, self.stratum)?),
        }
    }

    pub(super) fn values(&self, truths: &[String]) -> Values {
        let list = self.list();
        let intervals = bootstrap::intervals_by_times(self.by_subject.len(), |times| {
            let mut drawn = Sums::new(&self.stratum.shape);
            for (sums, n) in self.by_subject.iter().zip(times).filter(|(_, n)| **n > 0.0) {
                drawn.add_times(sums, *n);
            }
            list.iter().map(|figure| self.figure(*figure, &drawn, Some(times))).collect()
        });
        let mut found: BTreeMap<Figure, Value> = BTreeMap::new();
        for (figure, interval) in list.iter().zip(intervals.into_iter().chain(std::iter::repeat(None))) {
            found.insert(*figure, self.value(*figure, interval));
        }
        let get = |figure: Figure| found.get(&figure).cloned().unwrap_or_default();
        let is_ordered = self.stratum.shape.classes.len() > 2;
        let sets = |kind| self.sets(kind, truths, &get);
        Values {
            class_average: get(Figure::ClassAverage),
            exact: get(Figure::Within(0)),
            within_one: is_ordered.then(|| get(Figure::Within(1))),
            linear_kappa: get(Figure::Kappa(1)),
            quadratic_kappa: is_ordered.then(|| get(Figure::Kappa(2))),
            thresholds: (0..self.ranked.len())
                .filter_map(|class| self.threshold(class, get(Figure::Area(class))))
                .collect(),
            sets: sets(SetKind::Calibrated),
            thin_sets: sets(SetKind::Thin),
        }
    }

    /// The figure with its interval, as far as there is enough for it.
    fn value(&self, figure: Figure, drawn: Option<[f64; 2]>) -> Value {
        let of = self.rests_on(figure);
        if let Some(note) = self.left_out(figure, of) {
            return Value { of, note: Some(note), ..Value::default() };
        }
        let value = self.figure(figure, &self.all, None);
        // Where every draw gives the same, drawing shows nothing.
        let interval = self.at_an_end(figure).or(drawn.filter(|[low, high]| low < high));
        match self.interval_only(figure, of) {
            Some(note) => Value { value: None, interval, of, note: Some(note) },
            None => Value { value, interval: value.and(interval), of, note: None },
        }
    }

    fn rests_on(&self, figure: Figure) -> usize {
        let shape = &self.stratum.shape;
        let sharp = || {
            let truths = self.of_truth.iter().enumerate();
            truths.filter(|(truth, _)| shape.one_class(*truth).is_some()).map(|(_, n)| n).sum()
        };
        let sets = |kind, truth: Option<usize>| {
            let is = |row: &&Row| row.set != 0 && row.kind() == kind && truth.is_none_or(|truth| row.truth == truth);
            self.stratum.rows.iter().filter(is).count()
        };
        match figure {
            Figure::ClassAverage | Figure::Kappa(_) => sharp(),
            Figure::Within(_) => self.stratum.rows.len(),
            Figure::Holding(kind, truth) => sets(kind, truth),
            Figure::Size(kind) => sets(kind, None),
            Figure::Area(class) => self.ranked.get(class).map_or(0, |(rows, _)| rows.len()),
        }
    }

    fn left_out(&self, figure: Figure, of: usize) -> Option<String> {
        match figure {
            Figure::Kappa(_) if of < KAPPA_TRUTHS_MIN => {
                Some(format!("{of} truths of one class, fewer than {KAPPA_TRUTHS_MIN}"))
            }
            Figure::Area(class) => {
                let (worse, not) = self.of_each(class);
                (worse.min(not) < OF_EACH_MIN)
                    .then(|| format!("{worse} worse and {not} not, fewer than {OF_EACH_MIN} of either"))
            }
            _ => (of == 0).then(|| "none".to_owned()),
        }
    }

    fn interval_only(&self, figure: Figure, of: usize) -> Option<String> {
        match figure {
            Figure::Area(class) => {
                let (worse, not) = self.of_each(class);
                (worse.min(not) < POINT_OF_EACH_MIN)
                    .then(|| format!("fewer than {POINT_OF_EACH_MIN} of either: interval only"))
            }
            Figure::ClassAverage => {
                let shape = &self.stratum.shape;
                let sharp =
                    self.of_truth.iter().enumerate().filter(|(truth, n)| **n > 0 && shape.one_class(*truth).is_some());
                let least = sharp.map(|(_, n)| *n).min().unwrap_or_default();
                (least < CLASS_SETS_MIN)
                    .then(|| format!("a class of {least} truths, fewer than {CLASS_SETS_MIN}: interval only"))
            }
            Figure::Holding(_, Some(_)) if of < CLASS_SETS_MIN => {
                Some(format!("{of} sets, fewer than {CLASS_SETS_MIN}: interval only"))
            }
            _ => None,
        }
    }

    /// The interval of a share that is 0 or 1: there drawing again shows nothing, and still it is not known to be so.
    fn at_an_end(&self, figure: Figure) -> Option<[f64; 2]> {
        let (of, all) = share(figure, &self.all, self.stratum).filter(|(_, all)| *all > 0.0)?;
        let has = |sums: &&Sums| share(figure, sums, self.stratum).is_some_and(|(_, all)| all > 0.0);
        let rate = bootstrap::rate_below(self.by_subject.iter().filter(has).count());
        if of / all < ROUNDING {
            Some([0.0, rate])
        } else if of / all > 1.0 - ROUNDING {
            Some([1.0 - rate, 1.0])
        } else {
            None
        }
    }

    /// Rows that are worse than `class`, and rows that are not.
    fn of_each(&self, class: usize) -> (usize, usize) {
        let Some((rows, _)) = self.ranked.get(class) else { return (0, 0) };
        let worse = rows.iter().filter(|row| self.stratum.shape.range(row.truth).0 > class).count();
        (worse, rows.len() - worse)
    }

    fn threshold(&self, class: usize, auroc: Value) -> Option<Threshold> {
        let shape = &self.stratum.shape;
        let (rows, ranked) = self.ranked.get(class)?;
        let (positives, negatives) = self.of_each(class);
        let said: Vec<(f64, bool, f64)> = rows
            .iter()
            .filter_map(|row| Some((*row.worse.get(class)?, shape.range(row.truth).0 > class, self.weight(row))))
            .collect();
        let bins = bins(&said);
        let enough = rows.len() >= CALIBRATION_MIN;
        let curve = ranked.curve(|at| rows.get(at).map_or(0.0, |row| self.weight(row)));
        Some(Threshold {
            worse_than: shape.classes.names().get(class).cloned().unwrap_or_default(),
            positives,
            negatives,
            auroc,
            calibration_error: Value {
                value: expected_error(&bins).filter(|_| enough),
                interval: None,
                of: rows.len(),
                note: (!enough).then(|| format!("{} answers, fewer than {CALIBRATION_MIN}", rows.len())),
            },
            bins: if enough { bins } else { Vec::new() },
            curve: thinned(curve),
        })
    }

    fn sets(&self, kind: SetKind, truths: &[String], get: &dyn Fn(Figure) -> Value) -> Option<Sets> {
        let mean = |truth| {
            let (classes, sets) = self.all.sizes(kind, Some(truth), &self.stratum.shape);
            (sets > 0.0).then(|| classes / sets)
        };
        let by_truth = truths.iter().enumerate().map(|(truth, name)| SetRow {
            truth: name.clone(),
            coverage: get(Figure::Holding(kind, Some(truth))),
            mean_size: mean(truth),
        });
        let coverage = get(Figure::Holding(kind, None));
        (coverage.of > 0).then(|| Sets { coverage, mean_size: get(Figure::Size(kind)), by_truth: by_truth.collect() })
    }
}

/// What a share is of; `None` for what is no share.
fn share(figure: Figure, sums: &Sums, stratum: &Stratum) -> Option<Share> {
    match figure {
        Figure::Within(apart) => Some(sums.within(apart, &stratum.shape)),
        Figure::Holding(kind, truth) => Some(sums.holding(kind, truth, &stratum.shape)),
        Figure::ClassAverage | Figure::Kappa(_) | Figure::Size(_) | Figure::Area(_) => None,
    }
}

/// The rows that are known to be worse than `class` or not, in the order of how probable that was said to be.
fn ranked(stratum: &Stratum, class: usize) -> (Vec<&Row>, Ranked) {
    let is_worse = |row: &Row| {
        let (from, to) = stratum.shape.range(row.truth);
        if from > class { Some(true) } else { (to <= class).then_some(false) }
    };
    let known = stratum.rows.iter().filter_map(|row| Some((row, *row.worse.get(class)?, is_worse(row)?)));
    let known: Vec<(&Row, f64, bool)> = known.collect();
    let scored: Vec<(f64, bool)> = known.iter().map(|(_, said, is)| (*said, *is)).collect();
    (known.into_iter().map(|(row, ..)| row).collect(), Ranked::new(&scored))
}

/// Every so-many-th point, and the last.
fn thinned(curve: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let every = curve.len().div_ceil(CURVE_POINTS_MAX).max(1);
    let last = curve.len().saturating_sub(1);
    curve.into_iter().enumerate().filter(|(i, _)| i % every == 0 || *i == last).map(|(_, point)| point).collect()
}
