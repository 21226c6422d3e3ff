//! The area under the ROC curve by ranks (Mann and Whitney 1947; Hanley and McNeil 1982), ties counting half, rows with weights.

/// Rows in the order of their scores, so that weights can change without sorting anew.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// The highest score first: which row, whether it is positive, whether the next one has another score.
    rows: Vec<(usize, bool, bool)>,
}

impl Ranked {
    /// Rows of (score, whether positive).
    #[must_use]
    pub fn new(scored: &[(f64, bool)]) -> Self {
        let mut order: Vec<(usize, f64, bool)> =
            scored.iter().enumerate().map(|(row, (score, positive))| (row, *score, *positive)).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let ends = |at: usize| order.get(at + 1).is_none_or(|next| order.get(at).is_none_or(|this| next.1 < this.1));
        let rows = order.iter().enumerate().map(|(at, (row, _, positive))| (*row, *positive, ends(at))).collect();
        Self { rows }
    }

    /// The chance that a positive row has a higher score than a negative one; `weight` is a row's. `None` without one of both.
    #[must_use]
    pub fn area(&self, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let (mut positive, mut negative, mut area) = (0.0, 0.0, 0.0);
        self.steps(weight, |more_positive, more_negative| {
            // The trapezium between two points of the curve.
            area += more_negative * (positive + more_positive / 2.0);
            positive += more_positive;
            negative += more_negative;
        });
        (positive > 0.0 && negative > 0.0).then(|| area / (positive * negative))
    }

    /// The curve: (false positive rate, true positive rate), from (0, 0) to (1, 1). Empty without one of both.
    #[must_use]
    pub fn curve(&self, weight: impl Fn(usize) -> f64) -> Vec<[f64; 2]> {
        let mut points = vec![[0.0, 0.0]];
        let (mut negative, mut positive) = (0.0, 0.0);
        self.steps(weight, |more_positive, more_negative| {
            positive += more_positive;
            negative += more_negative;
            points.push([negative, positive]);
        });
        if positive <= 0.0 || negative <= 0.0 {
            return Vec::new();
        }
        points.iter().map(|[x, y]| [x / negative, y / positive]).collect()
    }

    /// Calls `step` for each score with the weights of its positive and its negative rows.
    fn steps(&self, weight: impl Fn(usize) -> f64, mut step: impl FnMut(f64, f64)) {
        let (mut positive, mut negative) = (0.0, 0.0);
        for (row, is_positive, ends) in &self.rows {
            *(if *is_positive { &mut positive } else { &mut negative }) += weight(*row);
            if *ends {
                step(positive, negative);
                (positive, negative) = (0.0, 0.0);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half() {
        // Positives .9 .5 .5, negatives .5 .1: of 6 pairs 4 are right and 2 are ties.
        let ranked = Ranked::new(&[(0.9, true), (0.5, true), (0.5, true), (0.5, false), (0.1, false)]);
        assert_eq!(ranked.area(|_| 1.0), Some(5.0 / 6.0));
        assert_eq!(ranked.curve(|_| 1.0), [[0.0, 0.0], [0.0, 1.0 / 3.0], [0.5, 1.0], [1.0, 1.0]]);
    }

    #[test]
    fn it_is_mann_and_whitneys_u_as_scipy_computes_it() {
        // scipy.stats.mannwhitneyu([.8, .4, .35, .7, .4], [.1, .4, .35, .6, .2, .4]).statistic / 30
        let positive = [0.8, 0.4, 0.35, 0.7, 0.4].map(|score| (score, true));
        let negative = [0.1, 0.4, 0.35, 0.6, 0.2, 0.4].map(|score| (score, false));
        let rows: Vec<_> = positive.into_iter().chain(negative).collect();
        assert!((Ranked::new(&rows).area(|_| 1.0).unwrap() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn a_weight_of_two_is_the_row_twice_and_of_none_is_no_row() {
        let rows = [(0.9, true), (0.6, false), (0.4, true), (0.2, false)];
        let twice: Vec<_> = rows.iter().chain([&rows[2]]).copied().collect();
        let weighted = Ranked::new(&rows).area(|row| if row == 2 { 2.0 } else { 1.0 });
        assert_eq!(weighted, Ranked::new(&twice).area(|_| 1.0));
        assert_eq!(Ranked::new(&rows).area(|row| f64::from(u8::from(row % 2 == 0))), None);
        assert!(Ranked::new(&rows[..1]).curve(|_| 1.0).is_empty());
    }
}
