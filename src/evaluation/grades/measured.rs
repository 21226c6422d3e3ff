//! Measurements held against what is known of them: Bland and Altman's bias and limits of agreement, ours less the truth.

use super::figures::Value;
use super::pairs::MeasuredPair;
use crate::evaluation::statistics::{Differences, bootstrap};
use crate::evaluation::truth::grades::MEASUREMENTS;
use serde::Serialize;
use std::collections::BTreeMap;

/// Fewest pairs of which limits of agreement are given.
pub const LIMITS_PAIRS_MIN: usize = 10;
/// Fewest pairs of which a bias is given.
const BIAS_PAIRS_MIN: usize = 2;
/// Points that are kept for a picture.
const POINTS_MAX: usize = 2000;

/// The figures of a measurement in a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeasuredFigures {
    /// Its name, as a report has it.
    pub measurement: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The group.
    pub group: String,
    /// Truths.
    pub truths: usize,
    /// Those that were answered.
    pub answered: usize,
    /// Subjects of the answered ones.
    pub subjects: usize,
    /// Why the others were not, and how many.
    pub unanswered: BTreeMap<String, usize>,
    /// Mean difference, ours less the truth.
    pub bias: Value,
    /// Standard deviation of the differences.
    pub sd: Option<f64>,
    /// The limits within which 95 % of differences are expected: bias - 1.96 SD and bias + 1.96 SD.
    pub limits: [Value; 2],
    /// (mean of ours and the truth, ours less the truth), the first so many.
    #[serde(skip)]
    pub points: Vec<[f64; 2]>,
}

impl MeasuredFigures {
    /// The figures of all `pairs`, by group and measurement.
    #[must_use]
    pub fn of(pairs: &[MeasuredPair]) -> Vec<Self> {
        let mut strata: BTreeMap<(&str, usize), Vec<&MeasuredPair>> = BTreeMap::new();
        for pair in pairs {
            strata.entry((&pair.group, pair.which)).or_default().push(pair);
        }
        strata.into_iter().map(|((group, which), pairs)| figures(group, which, &pairs)).collect()
    }
}

fn figures(group: &str, which: usize, pairs: &[&MeasuredPair]) -> MeasuredFigures {
    let mut by_subject: BTreeMap<&str, Differences> = BTreeMap::new();
    let mut unanswered: BTreeMap<String, usize> = BTreeMap::new();
    let mut points = Vec::new();
    for pair in pairs {
        match &pair.answer {
            Ok(ours) => {
                by_subject.entry(&pair.subject).or_default().add(ours - pair.truth);
                points.push([f64::midpoint(*ours, pair.truth), ours - pair.truth]);
            }
            Err(reason) => *unanswered.entry(reason.clone()).or_default() += 1,
        }
    }
    let subjects: Vec<Differences> = by_subject.into_values().collect();
    let all = Differences::joined(&subjects);
    let answered = points.len();
    points.truncate(POINTS_MAX);
    let intervals = bootstrap::intervals_by_times(subjects.len(), |times| {
        let drawn = times.iter().zip(&subjects).fold(Differences::default(), |all, (n, one)| all.with(one, *n));
        let limits = drawn.limits();
        vec![drawn.mean(), limits.map(|[low, _]| low), limits.map(|[_, high]| high)]
    });
    let value = |at: usize, value: Option<f64>, least: usize| {
        let interval = intervals.get(at).copied().flatten().filter(|[low, high]| low < high);
        let few = answered < least;
        let note = few.then(|| format!("{answered} pairs, fewer than {least}"));
        Value { value: value.filter(|_| !few), interval: interval.filter(|_| !few), of: answered, note }
    };
    let [low, high] = all.limits().map_or([None; 2], |limits| limits.map(Some));
    let (measurement, unit) = MEASUREMENTS.get(which).copied().unwrap_or_default();
    MeasuredFigures {
        measurement,
        unit,
        group: group.to_owned(),
        truths: pairs.len(),
        answered,
        subjects: subjects.len(),
        unanswered,
        bias: value(0, all.mean(), BIAS_PAIRS_MIN),
        sd: all.sd(),
        limits: [value(1, low, LIMITS_PAIRS_MIN), value(2, high, LIMITS_PAIRS_MIN)],
        points,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;
    use crate::evaluation::truth::grades::LevelPlace;

    fn pair(subject: usize, truth: f64, answer: Result<f64, String>) -> MeasuredPair {
        let (study, group) = (format!("s{subject}"), String::new());
        MeasuredPair { subject: study.clone(), study, group, level: LevelPlace::FromBelow(1), which: 0, truth, answer }
    }

    #[test]
    fn bias_and_limits_are_as_numpy_computes_them() {
        // d = np.tile([-1., 0., 2.], 4); d.mean(), d.std(ddof=1), d.mean() - 1.96 * d.std(ddof=1)
        let pairs: Vec<_> = (0..12).map(|i| pair(i, 10.0, Ok(10.0 + [-1.0, 0.0, 2.0][i % 3]))).collect();
        let missing = pair(12, 10.0, Err("no value: cut".to_owned()));
        let all: Vec<_> = pairs.into_iter().chain([missing]).collect();
        let found = &MeasuredFigures::of(&all)[0];
        assert_eq!((found.truths, found.answered, found.subjects), (13, 12, 12));
        assert_eq!(found.unanswered["no value: cut"], 1);
        assert!((found.bias.value.unwrap() - 1.0 / 3.0).abs() < 1e-12);
        assert!((found.sd.unwrap() - 1.302_677_894_557_859_2).abs() < 1e-12, "{:?}", found.sd);
        let [low, high] = found.limits.clone().map(|limit| limit.value.unwrap());
        assert!(
            (low + 2.219_915_340_000_070_6).abs() < 1e-9 && (high - 2.886_582_006_666_737_5).abs() < 1e-9,
            "{low} {high}"
        );
        let [from, to] = found.bias.interval.unwrap();
        assert!(from < 1.0 / 3.0 && to > 1.0 / 3.0);
        assert_eq!(found.points[0], [9.5, -1.0]);
    }

    #[test]
    fn few_pairs_have_no_limits() {
        let found = &MeasuredFigures::of(&[pair(0, 1.0, Ok(2.0)), pair(1, 1.0, Ok(4.0))])[0];
        assert_eq!((found.bias.value, found.limits[0].value), (Some(2.0), None));
        assert_eq!(found.limits[0].note.as_deref(), Some("2 pairs, fewer than 10"));
        assert_eq!(MeasuredFigures::of(&[pair(0, 1.0, Ok(2.0))])[0].bias.value, None);
    }
}
