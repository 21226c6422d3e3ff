//! From single values to figures: by group and name, with interval and worst.

use super::grades::{GradeFigures, MeasuredFigures};
use super::statistics::bootstrap::{self, SubjectSum};
use serde::Serialize;
use std::collections::BTreeMap;

/// The group that holds every study of a set.
const ALL: &str = "all";

/// How the values of a figure are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The more the better, such as Dice: mean; the worst is the least.
    Score,
    /// A signed error: mean of its size, mean of itself (bias); the worst is the largest in size.
    Error,
    /// Yes (1) or no (0) a value: the share of yes.
    Share,
    /// Yes where all values of a subject are yes: the share of such subjects.
    AllOfSubject,
    /// Yes where any value of a subject is yes: the share of such subjects.
    AnyOfSubject,
    /// Occurrences: their number.
    Total,
}

/// One value that one study gives to a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The figure's name.
    pub figure: String,
    /// How its values are put together.
    pub kind: Kind,
    /// Unit of the value: `1`, `mm`, `deg`.
    pub unit: &'static str,
    /// The value.
    pub value: f64,
}

impl Sample {
    /// A score from 0 to 1.
    pub fn score(figure: impl Into<String>, value: f64) -> Self {
        Self { figure: figure.into(), kind: Kind::Score, unit: "1", value }
    }

    /// An error, ours less the truth.
    pub fn error(figure: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Self { figure: figure.into(), kind: Kind::Error, unit, value }
    }

    /// A yes or a no, put together as `kind` says.
    pub fn yes_no(figure: impl Into<String>, kind: Kind, yes: bool) -> Self {
        Self { figure: figure.into(), kind, unit: "1", value: f64::from(u8::from(yes)) }
    }

    /// So many occurrences.
    pub fn total(figure: impl Into<String>, count: usize) -> Self {
        Self { figure: figure.into(), kind: Kind::Total, unit: "1", value: count as f64 }
    }
}

/// What is wrong with the reading of one study, or why it could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The study's path in the truth file.
    pub study: String,
    /// What is wrong.
    pub text: String,
}

/// A figure of one group of a set. Numbers that there is no sense in are `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Its name, as in `docs/evaluation.md`.
    pub name: String,
    /// How its values were put together.
    pub kind: Kind,
    /// Unit of its numbers.
    pub unit: &'static str,
    /// Subjects that gave a value.
    pub subjects: usize,
    /// Values (of one subject where the kind joins them).
    pub values: usize,
    /// The sum of the values: for a share the number of yes.
    pub sum: f64,
    /// Mean; of errors the mean of their size.
    pub mean: Option<f64>,
    /// Its 95 % interval, bootstrapped by subject.
    pub interval: Option<[f64; 2]>,
    /// Mean of signed errors.
    pub bias: Option<f64>,
    /// The worst value.
    pub worst: Option<f64>,
    /// The study that gave it.
    pub worst_study: Option<String>,
    /// The values themselves: sets that were judged apart can be put together by subject.
    pub by_subject: Vec<SubjectValues>,
}

/// What one subject gave to a figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SubjectValues {
    /// The subject, as the truth file calls it.
    pub subject: String,
    /// Its values, one where the kind joins them.
    pub values: Vec<f64>,
}

/// The figures of the studies of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupFigures {
    /// The group, or `all`.
    pub group: String,
    /// Its studies.
    pub studies: usize,
    /// Its subjects.
    pub subjects: usize,
    /// Its figures.
    pub figures: Vec<Figure>,
}

/// The figures of one truth file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SetFigures {
    /// The set's name.
    pub name: String,
    /// The sentence about its data.
    pub about: String,
    /// The seed by which its subjects were chosen or made, where it names one.
    pub seed: Option<String>,
    /// By group, and for all where there are several.
    pub groups: Vec<GroupFigures>,
    /// Every failure, in the order of the studies.
    pub failures: Vec<Failure>,
    /// Grades, by group, finding and side.
    pub grades: Vec<GradeFigures>,
    /// Measurements of which the truth file knows a value, by group.
    pub measurements: Vec<MeasuredFigures>,
}

impl SetFigures {
    /// The figures of a set of which only grades were judged.
    #[must_use]
    pub fn of_grades(name: &str, about: &str, grades: Vec<GradeFigures>) -> Self {
        Self { grades, ..Tally::default().finish(name, about, None) }
    }
}

#[derive(Debug, Clone)]
struct Value {
    subject: String,
    study: String,
    value: f64,
}

#[derive(Debug, Clone)]
struct Collected {
    name: String,
    kind: Kind,
    unit: &'static str,
    values: Vec<Value>,
}

#[derive(Debug, Clone, Default)]
struct Group {
    studies: usize,
    subjects: BTreeMap<String, usize>,
    figures: Vec<Collected>,
}

/// Gathers the samples of a set, study by study.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    groups: BTreeMap<String, Group>,
    all: Group,
    failures: Vec<Failure>,
}

impl Tally {
    /// Adds what a study of `subject` in `group` gave. Values that are not finite are left out.
    pub fn add(&mut self, study: &str, subject: &str, group: &str, samples: &[Sample], failures: Vec<String>) {
        for to in [self.groups.entry(group.to_owned()).or_default(), &mut self.all] {
            to.studies += 1;
            *to.subjects.entry(subject.to_owned()).or_default() += 1;
            for sample in samples.iter().filter(|s| s.value.is_finite()) {
                let value = Value { subject: subject.to_owned(), study: study.to_owned(), value: sample.value };
                to.collect(sample, value);
            }
        }
        self.failures.extend(failures.into_iter().map(|text| Failure { study: study.to_owned(), text }));
    }

    /// The figures of everything that was added.
    #[must_use]
    pub fn finish(self, name: &str, about: &str, seed: Option<&str>) -> SetFigures {
        let several = self.groups.len() > 1;
        let mut groups: Vec<GroupFigures> = self.groups.into_iter().map(|(name, g)| g.figures(name)).collect();
        if several {
            groups.push(self.all.figures(ALL.to_owned()));
        }
        SetFigures {
            name: name.to_owned(),
            about: about.to_owned(),
            seed: seed.map(str::to_owned),
            groups,
            failures: self.failures,
            grades: Vec::new(),
            measurements: Vec::new(),
        }
    }
}

impl Group {
    fn collect(&mut self, sample: &Sample, value: Value) {
        match self.figures.iter_mut().find(|f| f.name == sample.figure) {
            Some(figure) => figure.values.push(value),
            None => self.figures.push(Collected {
                name: sample.figure.clone(),
                kind: sample.kind,
                unit: sample.unit,
                values: vec![value],
            }),
        }
    }

    fn figures(self, group: String) -> GroupFigures {
        GroupFigures {
            group,
            studies: self.studies,
            subjects: self.subjects.len(),
            figures: self.figures.into_iter().map(Collected::figure).collect(),
        }
    }
}

impl Collected {
    fn figure(self) -> Figure {
        let worst = self.worst();
        let mut by_subject: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for v in &self.values {
            by_subject.entry(&v.subject).or_default().push(v.value);
        }
        let joined: Vec<SubjectValues> = by_subject
            .into_iter()
            .map(|(subject, values)| SubjectValues { subject: subject.to_owned(), values: self.kind.join(values) })
            .collect();
        let sums = |f: fn(f64) -> f64| -> Vec<SubjectSum> {
            let sum =
                |s: &SubjectValues| SubjectSum { sum: s.values.iter().copied().map(f).sum(), count: s.values.len() };
            joined.iter().map(sum).collect()
        };
        let sizes = if self.kind == Kind::Error { sums(f64::abs) } else { sums(|v| v) };
        let has_mean = self.kind != Kind::Total;
        Figure {
            subjects: joined.len(),
            values: joined.iter().map(|s| s.values.len()).sum(),
            sum: joined.iter().flat_map(|s| &s.values).sum(),
            mean: has_mean.then(|| bootstrap::mean(&sizes)),
            interval: has_mean.then(|| bootstrap::interval(&sizes)),
            bias: (self.kind == Kind::Error).then(|| bootstrap::mean(&sums(|v| v))),
            worst: worst.map(|v| v.value),
            worst_study: worst.map(|v| v.study.clone()),
            by_subject: joined,
            name: self.name,
            kind: self.kind,
            unit: self.unit,
        }
    }

    fn worst(&self) -> Option<&Value> {
        let values = self.values.iter();
        match self.kind {
            Kind::Score => values.min_by(|a, b| a.value.total_cmp(&b.value)),
            Kind::Error => values.max_by(|a, b| a.value.abs().total_cmp(&b.value.abs())),
            Kind::Share | Kind::AllOfSubject | Kind::AnyOfSubject | Kind::Total => None,
        }
    }
}

impl Kind {
    fn join(self, values: Vec<f64>) -> Vec<f64> {
        match self {
            Self::AllOfSubject => vec![values.into_iter().fold(1.0, f64::min)],
            Self::AnyOfSubject => vec![values.into_iter().fold(0.0, f64::max)],
            Self::Score | Self::Error | Self::Share | Self::Total => values,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;

    fn figure<'a>(set: &'a SetFigures, group: &str, name: &str) -> &'a Figure {
        let group = set.groups.iter().find(|g| g.group == group).unwrap();
        group.figures.iter().find(|f| f.name == name).unwrap()
    }

    #[test]
    fn a_patient_is_right_only_where_all_of_its_studies_are() {
        let mut tally = Tally::default();
        let right =
            |yes| [Sample::yes_no("right", Kind::AllOfSubject, yes), Sample::yes_no("any", Kind::AnyOfSubject, yes)];
        tally.add("a-t1", "a", "T1", &right(true), vec![]);
        tally.add("a-t2", "a", "T2", &right(false), vec!["wrong".into()]);
        tally.add("b-t1", "b", "T1", &right(true), vec![]);
        let set = tally.finish("s", "about", None);
        assert_eq!(figure(&set, "T1", "right").mean, Some(1.0));
        assert_eq!(figure(&set, "T2", "right").mean, Some(0.0));
        assert_eq!((figure(&set, ALL, "right").subjects, figure(&set, ALL, "right").mean), (2, Some(0.5)));
        assert_eq!(figure(&set, ALL, "any").mean, Some(1.0));
        assert_eq!(set.failures, [Failure { study: "a-t2".into(), text: "wrong".into() }]);
    }

    #[test]
    fn errors_have_a_size_a_bias_and_a_worst() {
        let mut tally = Tally::default();
        tally.add("x", "1", "g", &[Sample::error("e", "mm", -3.0), Sample::error("e", "mm", 1.0)], vec![]);
        tally.add("y", "2", "g", &[Sample::error("e", "mm", 2.0), Sample::error("e", "mm", f64::NAN)], vec![]);
        let set = tally.finish("s", "about", Some("7"));
        let e = figure(&set, "g", "e");
        assert_eq!((e.values, e.mean, e.bias, e.worst), (3, Some(2.0), Some(0.0), Some(-3.0)));
        assert_eq!(e.worst_study.as_deref(), Some("x"));
        let values: Vec<_> = e.by_subject.iter().map(|s| (s.subject.as_str(), s.values.as_slice())).collect();
        assert_eq!(values, [("1", [-3.0, 1.0].as_slice()), ("2", [2.0].as_slice())]);
        assert_eq!(set.groups.len(), 1, "one group needs no `all`");
    }

    #[test]
    fn the_worst_score_is_the_least() {
        let mut tally = Tally::default();
        tally.add("x", "1", "", &[Sample::score("d", 0.9)], vec![]);
        tally.add("y", "2", "", &[Sample::score("d", 0.4)], vec![]);
        let set = tally.finish("s", "about", None);
        assert_eq!(figure(&set, "", "d").worst, Some(0.4));
        assert_eq!(figure(&set, "", "d").worst_study.as_deref(), Some("y"));
    }
}
