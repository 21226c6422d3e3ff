//! The figures of a stratum. Where there is too little for a figure, it is an interval only, or there is a reason in its place.

use super::counted::Counted;
use super::pairs::Pair;
use super::stratum::{Stratum, strata};
use crate::evaluation::statistics::Bin;
use serde::Serialize;
use std::collections::BTreeMap;

/// Fewest truths, each of one class, of which a kappa is given.
pub const KAPPA_TRUTHS_MIN: usize = 20;
/// Fewest that are worse than a threshold, and fewest that are not, of which an area is given at all.
pub const OF_EACH_MIN: usize = 8;
/// Fewer of either: the area is given as an interval only.
pub const POINT_OF_EACH_MIN: usize = 100;
/// Fewer truths of a class: its coverage, and a class average that rests on it, are given as intervals only.
pub const CLASS_SETS_MIN: usize = 8;

/// A figure.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Value {
    /// Its value; `None` where there is too little for one.
    pub value: Option<f64>,
    /// Its 95 % interval; `None` where drawing subjects again shows nothing.
    pub interval: Option<[f64; 2]>,
    /// How many it rests on.
    pub of: usize,
    /// Why there is no value.
    pub note: Option<String>,
}

/// A row of a confusion matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfusionRow {
    /// The truth: a class, or a range of several.
    pub truth: String,
    /// Answers by class.
    pub counts: Vec<usize>,
    /// The first and the last class that are right.
    #[serde(skip)]
    pub right: (usize, usize),
}

/// What is said of worse or not worse than a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    /// The class.
    pub worse_than: String,
    /// Truths that are worse.
    pub positives: usize,
    /// Truths that are not. Ranges that may be either are in neither.
    pub negatives: usize,
    /// Area under the ROC curve of the probability to be worse.
    pub auroc: Value,
    /// Expected calibration error of that probability.
    pub calibration_error: Value,
    /// What was said and what was seen.
    pub bins: Vec<Bin>,
    /// The ROC curve, thinned.
    #[serde(skip)]
    pub curve: Vec<[f64; 2]>,
}

/// Prediction sets of one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetRow {
    /// The truth.
    pub truth: String,
    /// Share of its sets that hold it.
    pub coverage: Value,
    /// Classes in a set, on average.
    pub mean_size: Option<f64>,
}

/// Prediction sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sets {
    /// Share that hold the truth.
    pub coverage: Value,
    /// Classes in a set, on average.
    pub mean_size: Value,
    /// By truth.
    pub by_truth: Vec<SetRow>,
}

/// The figures of the pairs of a stratum.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Values {
    /// Mean over the classes of the share that is right.
    pub class_average: Value,
    /// Share that is right.
    pub exact: Value,
    /// Share that is at most one class beside; of more than two classes.
    pub within_one: Option<Value>,
    /// Kappa, linear weights.
    pub linear_kappa: Value,
    /// Kappa, quadratic weights; of more than two classes.
    pub quadratic_kappa: Option<Value>,
    /// By class but the last.
    pub thresholds: Vec<Threshold>,
    /// Sets that promise something.
    pub sets: Option<Sets>,
    /// Sets whose calibration was too thin to promise anything.
    pub thin_sets: Option<Sets>,
}

/// The figures of one finding, in one group, on one side or both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GradeFigures {
    /// The finding.
    pub finding: &'static str,
    /// `left`, `right` or `both`, of what has sides.
    pub side: Option<&'static str>,
    /// The group.
    pub group: String,
    /// The scale.
    pub scale: &'static str,
    /// Truths.
    pub truths: usize,
    /// Those that were answered.
    pub answered: usize,
    /// Subjects of the answered ones.
    pub subjects: usize,
    /// Why the others were not, and how many.
    pub unanswered: BTreeMap<String, usize>,
    /// The classes, the best first.
    pub classes: Vec<String>,
    /// By truth.
    pub confusion: Vec<ConfusionRow>,
    /// The figures.
    pub figures: Values,
    /// The same, every pair counting its weight; `None` where all weigh the same.
    pub reweighted: Option<Values>,
}

impl GradeFigures {
    /// The figures of all strata of `pairs`. With `all`, all groups together are one more group where there are several.
    #[must_use]
    pub fn of(pairs: &[Pair], all: bool) -> Vec<Self> {
        let strata = strata(pairs, all);
        let figures = strata.iter().map(|((group, finding, side), pairs)| {
            let stratum = Stratum::new(*finding, pairs);
            let shape = &stratum.shape;
            let truths: Vec<String> = shape.truths.iter().map(|truth| truth.written(finding.scale())).collect();
            let is_weighted = stratum.rows.iter().any(|row| row.weight != 1.0);
            Self {
                finding: finding.name(),
                side: side.name(),
                group: (*group).to_owned(),
                scale: finding.scale().name(),
                truths: pairs.len(),
                answered: stratum.rows.len(),
                subjects: stratum.subjects,
                unanswered: stratum.unanswered.clone(),
                classes: shape.classes.names(),
                confusion: confusion(&stratum, &truths),
                figures: Counted::new(&stratum, false).values(&truths),
                reweighted: is_weighted.then(|| Counted::new(&stratum, true).values(&truths)),
            }
        });
        figures.collect()
    }
}

fn confusion(stratum: &Stratum, truths: &[String]) -> Vec<ConfusionRow> {
    let classes = stratum.shape.classes.len();
    let row = |(truth, name): (usize, &String)| {
        let count = |class| stratum.rows.iter().filter(|r| (r.truth, r.class) == (truth, class)).count();
        let counts = (0..classes).map(count).collect();
        ConfusionRow { truth: name.clone(), counts, right: stratum.shape.range(truth) }
    };
    truths.iter().enumerate().map(row).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests;
