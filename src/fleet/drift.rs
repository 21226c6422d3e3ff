//! Whether a site's grades are still spread as they were: the population stability index.
//!
//! For each site and set of models, and each finding: the share `b` of each grade among the site's own first
//! [`BASELINE_REPORTS`] reports, and its share `r` among the last [`RECENT_REPORTS`] behind them, give
//!
//! ```text
//! PSI = sum over the grades of (r - b) * ln(r / b)
//! ```
//!
//! with half a level added to each count, so that a grade that never came has a share. Below [`MOVED`] nothing is
//! said; from there on the spread has moved, from [`DRIFTED`] on it has drifted: the thresholds that are usual for this
//! index. Chance moves it as well: two samples of the same spread give about (grades - 1) * (1/n + 1/m), so nothing is said
//! before both windows are full. A drift is no fault by itself: a new scanner, another protocol and other patients
//! move grades as well as a network that went wrong.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::store::{Grades, Windows};

/// Reports of a site by the same models that are its baseline.
pub const BASELINE_REPORTS: i64 = 100;
/// Reports that are held against the baseline.
pub const RECENT_REPORTS: i64 = 50;
/// From this index on the spread has moved.
pub const MOVED: f64 = 0.1;
/// From this index on it has drifted.
pub const DRIFTED: f64 = 0.25;
/// Added to each count.
const PRIOR_LEVELS: f64 = 0.5;

/// What is said of a finding's grades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There are too few reports to say anything.
    TooFew,
    /// As they were.
    Steady,
    /// Not quite as they were.
    Moved,
    /// Not as they were.
    Drifted,
}

impl Verdict {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooFew => "too few",
            Self::Steady => "steady",
            Self::Moved => "moved",
            Self::Drifted => "drifted",
        }
    }
}

/// How the grades of one finding of one site by one set of models are spread.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// The models, `name version`.
    pub models: String,
    /// The finding.
    pub finding: Box<str>,
    /// Levels by grade in the baseline, the best grade first.
    pub baseline: Vec<u64>,
    /// Levels by grade in the last reports.
    pub recent: Vec<u64>,
    /// The index; `None` where there are too few reports.
    pub psi: Option<f64>,
    /// What is said of it.
    pub verdict: Verdict,
}

/// How each finding's grades are spread in `windows`, which are of a site's reports by `models`.
#[must_use]
pub fn drifts(models: &str, windows: &Windows) -> Vec<Drift> {
    let (baseline, recent) = (summed(&windows.baseline), summed(&windows.recent));
    let is_full = |reports: &[Grades], wanted: i64| i64::try_from(reports.len()).is_ok_and(|count| count >= wanted);
    let enough = is_full(&windows.baseline, BASELINE_REPORTS) && is_full(&windows.recent, RECENT_REPORTS);
    let findings: BTreeSet<&str> = baseline.keys().chain(recent.keys()).copied().collect();
    let drift = |finding: &str| {
        let counts = |of: &BTreeMap<&str, Vec<u64>>| of.get(finding).cloned().unwrap_or_default();
        let (baseline, recent) = (counts(&baseline), counts(&recent));
        let psi = if enough { psi(&baseline, &recent) } else { None };
        Drift {
            models: models.to_owned(),
            finding: finding.into(),
            baseline,
            recent,
            verdict: verdict(psi),
            // A third digit says nothing.
            psi: psi.map(|psi| (psi * 1000.0).round() / 1000.0),
        }
    };
    findings.into_iter().map(drift).collect()
}

fn verdict(psi: Option<f64>) -> Verdict {
    match psi {
        None => Verdict::TooFew,
        Some(psi) if psi >= DRIFTED => Verdict::Drifted,
        Some(psi) if psi >= MOVED => Verdict::Moved,
        Some(_) => Verdict::Steady,
    }
}

fn summed(reports: &[Grades]) -> BTreeMap<&str, Vec<u64>> {
    let mut sums: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (finding, counts) in reports.iter().flatten() {
        let sum = sums.entry(finding).or_default();
        if sum.len() < counts.len() {
            sum.resize(counts.len(), 0);
        }
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum += u64::from(*count);
        }
    }
    sums
}

/// The index of two lists of counts; `None` where they are not of the same grades or one is empty.
#[must_use]
pub fn psi(baseline: &[u64], recent: &[u64]) -> Option<f64> {
    let is_empty = |counts: &[u64]| counts.iter().sum::<u64>() == 0;
    if baseline.len() != recent.len() || is_empty(baseline) || is_empty(recent) {
        return None;
    }
    let shares = |counts: &[u64]| -> Vec<f64> {
        let all = counts.iter().map(|count| *count as f64 + PRIOR_LEVELS).sum::<f64>();
        counts.iter().map(|count| (*count as f64 + PRIOR_LEVELS) / all).collect()
    };
    Some(shares(baseline).iter().zip(shares(recent)).map(|(b, r)| (r - b) * (r / b).ln()).sum())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_that_of_its_formula() {
        // Worked by hand: shares 100.5/201, 100.5/201 and 150.5/201, 50.5/201.
        let by_hand = 0.248_756_2 * (0.748_756_2_f64 / 0.5).ln() + (-0.248_756_2) * (0.251_243_8_f64 / 0.5).ln();
        assert!((psi(&[100, 100], &[150, 50]).unwrap() - by_hand).abs() < 1e-6);
        assert!(psi(&[100, 100], &[50, 50]).unwrap() < 1e-5);
        assert_eq!(psi(&[0, 0], &[1, 1]), None);
        assert_eq!(psi(&[1, 1], &[1, 1, 1]), None);
    }

    fn reports(count: i64, grades: &[u32]) -> Vec<Grades> {
        (0..count).map(|_| Grades::from([("disc-bulge".into(), grades.to_vec())])).collect()
    }

    #[test]
    fn nothing_is_said_before_both_windows_are_full() {
        let of = |baseline, recent, grades: &[u32]| {
            let windows = Windows { baseline: reports(baseline, &[4, 1]), recent: reports(recent, grades) };
            drifts("spine 3", &windows).remove(0).verdict
        };
        assert_eq!(of(BASELINE_REPORTS, RECENT_REPORTS - 1, &[1, 4]), Verdict::TooFew);
        assert_eq!(of(BASELINE_REPORTS - 1, RECENT_REPORTS, &[1, 4]), Verdict::TooFew);
        assert_eq!(of(BASELINE_REPORTS, RECENT_REPORTS, &[4, 1]), Verdict::Steady);
        assert_eq!(of(BASELINE_REPORTS, RECENT_REPORTS, &[3, 2]), Verdict::Moved);
        assert_eq!(of(BASELINE_REPORTS, RECENT_REPORTS, &[1, 4]), Verdict::Drifted);
    }
}
