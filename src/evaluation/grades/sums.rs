//! Sums over pairs, from which every figure but the areas under curves comes: sums of subjects can be added as often as they are drawn.

use super::stratum::{Row, Shape};
use crate::evaluation::statistics::kappa;

/// A share: of so much, so much.
pub(super) type Share = (f64, f64);

/// Whether a set is of a calibration that was thin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SetKind {
    Calibrated,
    Thin,
}

/// Sums over the pairs of a subject, or of all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    /// By truth and class of the answer.
    cells: Vec<f64>,
    /// By kind and truth: sets, sets that hold the truth, classes in them.
    sets: Vec<f64>,
    holding: Vec<f64>,
    sizes: Vec<f64>,
}

impl Sums {
    pub(super) fn new(shape: &Shape) -> Self {
        let truths = shape.truths.len();
        let by_kind = || vec![0.0; 2 * truths];
        Self { cells: vec![0.0; truths * shape.classes.len()], sets: by_kind(), holding: by_kind(), sizes: by_kind() }
    }

    pub(super) fn add(&mut self, row: &Row, weight: f64, shape: &Shape) {
        let add = |to: &mut Vec<f64>, at: usize, value: f64| to.iter_mut().skip(at).take(1).for_each(|v| *v += value);
        add(&mut self.cells, row.truth * shape.classes.len() + row.class, weight);
        if row.set != 0 {
            let at = place(row.kind(), row.truth, shape);
            let (from, to) = shape.range(row.truth);
            let holds = (from..=to).any(|class| row.set >> class & 1 == 1);
            add(&mut self.sets, at, weight);
            add(&mut self.holding, at, if holds { weight } else { 0.0 });
            add(&mut self.sizes, at, weight * f64::from(row.set.count_ones()));
        }
    }

    /// Adds `other` so many times.
    pub(super) fn add_times(&mut self, other: &Self, times: f64) {
        let pairs = [
            (&mut self.cells, &other.cells),
            (&mut self.sets, &other.sets),
            (&mut self.holding, &other.holding),
            (&mut self.sizes, &other.sizes),
        ];
        for (mine, theirs) in pairs {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += times * theirs);
        }
    }

    pub(super) fn cell(&self, truth: usize, class: usize, shape: &Shape) -> f64 {
        self.cells.get(truth * shape.classes.len() + class).copied().unwrap_or_default()
    }

    /// Answers that are at most `apart` classes beside the truth.
    pub(super) fn within(&self, apart: usize, shape: &Shape) -> Share {
        let (mut near, mut all) = (0.0, 0.0);
        for truth in 0..shape.truths.len() {
            let (from, to) = shape.range(truth);
            for class in 0..shape.classes.len() {
                let count = self.cell(truth, class, shape);
                let beside = from.saturating_sub(class).max(class.saturating_sub(to));
                all += count;
                near += if beside <= apart { count } else { 0.0 };
            }
        }
        (near, all)
    }

    /// The mean over the truths that are one class of what is right among them; `None` where one of `present` has none.
    pub(super) fn class_average(&self, present: &[bool], shape: &Shape) -> Option<f64> {
        let mut recalls = Vec::new();
        for truth in (0..shape.truths.len()).filter(|truth| present.get(*truth).copied().unwrap_or_default()) {
            let Some(class) = shape.one_class(truth) else { continue };
            let all: f64 = (0..shape.classes.len()).map(|c| self.cell(truth, c, shape)).sum();
            recalls.push((all > 0.0).then(|| self.cell(truth, class, shape) / all)?);
        }
        let count = recalls.len() as f64;
        (count > 0.0).then(|| recalls.iter().sum::<f64>() / count)
    }

    /// Weighted kappa over the truths that are one class.
    pub(super) fn kappa(&self, power: i32, shape: &Shape) -> Option<f64> {
        let truth_of = |class: usize| (0..shape.truths.len()).find(|truth| shape.one_class(*truth) == Some(class));
        let truths: Vec<Option<usize>> = (0..shape.classes.len()).map(truth_of).collect();
        kappa(shape.classes.len(), power, |said, read| {
            truths.get(said).copied().flatten().map_or(0.0, |truth| self.cell(truth, read, shape))
        })
    }

    /// Sets of `kind` that hold the truth, of one truth or of all.
    pub(super) fn holding(&self, kind: SetKind, truth: Option<usize>, shape: &Shape) -> Share {
        (sum(&self.holding, kind, truth, shape), sum(&self.sets, kind, truth, shape))
    }

    /// Classes in the sets of `kind`, and how many sets.
    pub(super) fn sizes(&self, kind: SetKind, truth: Option<usize>, shape: &Shape) -> Share {
        (sum(&self.sizes, kind, truth, shape), sum(&self.sets, kind, truth, shape))
    }
}

fn place(kind: SetKind, truth: usize, shape: &Shape) -> usize {
    kind as usize * shape.truths.len() + truth
}

fn sum(of: &[f64], kind: SetKind, truth: Option<usize>, shape: &Shape) -> f64 {
    let (first, count) = truth.map_or((0, shape.truths.len()), |truth| (truth, 1));
    of.iter().skip(place(kind, first, shape)).take(count).sum()
}
