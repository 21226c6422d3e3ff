//! The pairs of one finding, in one group, on one side or on both: what a line of figures is about.

use super::classes::Classes;
use super::pairs::Pair;
use super::sums::SetKind;
use crate::evaluation::truth::grades::GradeRange;
use crate::spine::{BodySide, GradedFinding};
use std::collections::BTreeMap;

/// Which sides are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sides {
    /// The finding has none.
    None,
    /// Both.
    Both,
    /// One.
    One(BodySide),
}

impl Sides {
    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Both => Some("both"),
            Self::One(side) => Some(side.name()),
        }
    }
}

/// What a stratum is of, in the order in which they are shown.
pub(super) type Key<'a> = (&'a str, GradedFinding, Sides);

/// The group that holds every study of a set.
const ALL: &str = "all";

/// The strata of `pairs`. With `all`, all groups together are one more group where there are several.
pub(super) fn strata(pairs: &[Pair], all: bool) -> BTreeMap<Key<'_>, Vec<&Pair>> {
    let is_several = all && pairs.iter().any(|p| pairs.first().is_some_and(|first| first.group != p.group));
    let mut strata: BTreeMap<Key<'_>, Vec<&Pair>> = BTreeMap::new();
    for pair in pairs {
        let groups = [Some(pair.group.as_str()), is_several.then_some(ALL)];
        let sides = match pair.side {
            None => [Some(Sides::None), None],
            Some(side) => [Some(Sides::Both), Some(Sides::One(side))],
        };
        for group in groups.into_iter().flatten() {
            for side in sides.into_iter().flatten() {
                strata.entry((group, pair.finding, side)).or_default().push(pair);
            }
        }
    }
    // Of what was judged on one side only, both sides would be the same again.
    let is_twice = |key: &Key<'_>, pairs: &Vec<&Pair>| {
        key.2 == Sides::Both && pairs.iter().all(|p| pairs.first().is_some_and(|first| first.side == p.side))
    };
    strata.retain(|key, pairs| !is_twice(key, pairs));
    strata
}

/// A pair with an answer, as sums need it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// Place of its subject.
    pub(super) subject: usize,
    /// Place of its truth among the truths.
    pub(super) truth: usize,
    /// The class that was answered.
    pub(super) class: usize,
    /// The classes of the set, as bits; 0 where there is none.
    pub(super) set: u32,
    is_thin: bool,
    /// How probable it is to be worse than each class but the last; empty where nothing was told.
    pub(super) worse: Vec<f64>,
    /// Its weight.
    pub(super) weight: f64,
}

impl Row {
    pub(super) const fn kind(&self) -> SetKind {
        if self.is_thin { SetKind::Thin } else { SetKind::Calibrated }
    }
}

/// Truths and classes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    /// The truths that there are, the best first.
    pub(super) truths: Vec<GradeRange>,
    pub(super) classes: Classes,
}

impl Shape {
    /// The first and the last class of the truth at a place.
    pub(super) fn range(&self, truth: usize) -> (usize, usize) {
        self.truths.get(truth).map_or((0, 0), |truth| self.classes.range(*truth))
    }

    /// The class that the truth at a place is, where it is one.
    pub(super) fn one_class(&self, truth: usize) -> Option<usize> {
        let (from, to) = self.range(truth);
        (from == to).then_some(from)
    }
}

/// The pairs of a stratum, ready to be counted.
#[derive(Debug, Clone)]
pub(super) struct Stratum {
    pub(super) shape: Shape,
    /// Those with an answer.
    pub(super) rows: Vec<Row>,
    /// Subjects of the rows.
    pub(super) subjects: usize,
    /// Why the others have none, and how many.
    pub(super) unanswered: BTreeMap<String, usize>,
}

impl Stratum {
    pub(super) fn new(finding: GradedFinding, pairs: &[&Pair]) -> Self {
        let mut truths: Vec<GradeRange> = pairs.iter().map(|pair| pair.truth).collect();
        truths.sort_unstable();
        truths.dedup();
        let classes = Classes::of(finding.scale(), &truths);
        let shape = Shape { truths, classes };
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut unanswered: BTreeMap<String, usize> = BTreeMap::new();
        let mut rows = Vec::new();
        for pair in pairs {
            match &pair.answer {
                Err(reason) => *unanswered.entry(reason.clone()).or_default() += 1,
                Ok(answer) => {
                    let next = places.len();
                    let subject = *places.entry(&pair.subject).or_insert(next);
                    let thresholds = 0..shape.classes.len().saturating_sub(1);
                    let worse = |class| shape.classes.worse_than(class, &answer.probabilities);
                    let has_told = !answer.probabilities.is_empty();
                    rows.push(Row {
                        subject,
                        truth: shape.truths.binary_search(&pair.truth).unwrap_or_default(),
                        class: shape.classes.class(answer.grade),
                        set: shape.classes.set(answer.set),
                        is_thin: answer.is_thin,
                        worse: if has_told { thresholds.map(worse).collect() } else { Vec::new() },
                        weight: pair.weight,
                    });
                }
            }
        }
        Self { shape, rows, subjects: places.len(), unanswered }
    }
}
