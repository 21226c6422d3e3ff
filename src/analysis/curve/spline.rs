//! A robust cubic smoothing spline of one coordinate over a parameter.
//!
//! Minimises the weighted squared distances plus `stiffness` times the integral of the squared
//! second derivative (Reinsch 1967; Green & Silverman 1994, chapter 2), with weights that fall for
//! outliers (Tukey's biweight). It knows nothing of spines.

/// Rounds of reweighting.
const ROUNDS: usize = 6;
/// Tukey's constant, in robust standard deviations.
const TUKEY: f64 = 4.685;
/// Residuals below this are never outliers, whatever their spread, mm.
const TRUSTED_MM: f64 = 2.0;

/// A natural cubic spline: values and second derivatives at ascending knots; straight beyond its ends.
#[derive(Debug, Clone)]
pub(crate) struct Spline {
    knots: Vec<f64>,
    values: Vec<f64>,
    bends: Vec<f64>,
}

impl Spline {
    /// Fits `values` at strictly ascending `knots` (as many, two at least); `None` otherwise.
    pub(crate) fn robust(knots: &[f64], values: &[f64], weights: &[f64], stiffness: f64) -> Option<Self> {
        let ascending = knots.windows(2).all(|w| w[0] < w[1]);
        if knots.len() < 2 || values.len() != knots.len() || weights.len() != knots.len() || !ascending {
            return None;
        }
        let mut robust = weights.to_vec();
        let mut fitted = Self::weighted(knots, values, &robust, stiffness)?;
        for _ in 0..ROUNDS {
            let residuals: Vec<f64> = values.iter().zip(&fitted.values).map(|(v, f)| (v - f).abs()).collect();
            let scale = 1.4826 * super::median(&residuals)?;
            let limit = (TUKEY * scale).max(TRUSTED_MM * TUKEY / 2.0);
            for ((r, w), w0) in residuals.iter().zip(&mut robust).zip(weights) {
                let share = (1.0 - (r / limit).powi(2)).max(0.02);
                *w = w0 * share * share;
            }
            fitted = Self::weighted(knots, values, &robust, stiffness)?;
        }
        Some(fitted)
    }

    /// Green & Silverman's algorithm 2.1: solve (R + a Q' W^-1 Q) bends = Q' values, then values - a W^-1 Q bends.
    fn weighted(knots: &[f64], values: &[f64], weights: &[f64], stiffness: f64) -> Option<Self> {
        let n = knots.len();
        let gaps: Vec<f64> = knots.windows(2).map(|w| w[1] - w[0]).collect();
        let inner = n - 2;
        // Column j of Q has three entries, at the knots j, j + 1 and j + 2.
        let q = |j: usize| [1.0 / gaps[j], -1.0 / gaps[j] - 1.0 / gaps[j + 1], 1.0 / gaps[j + 1]];
        let mut matrix = vec![vec![0.0; inner]; inner];
        let mut right = vec![0.0; inner];
        for j in 0..inner {
            right[j] = (0..3).map(|k| q(j)[k] * values[j + k]).sum();
            matrix[j][j] += (gaps[j] + gaps[j + 1]) / 3.0;
            if j + 1 < inner {
                matrix[j][j + 1] += gaps[j + 1] / 6.0;
                matrix[j + 1][j] += gaps[j + 1] / 6.0;
            }
            for (other, cell) in matrix[j].iter_mut().enumerate().take(j + 3).skip(j.saturating_sub(2)) {
                let knots = j.max(other)..=j.min(other) + 2;
                let shared = knots.map(|knot| q(j)[knot - j] * q(other)[knot - other] / weights[knot]);
                *cell += stiffness * shared.sum::<f64>();
            }
        }
        let solved = solve_positive(matrix, right)?;
        let mut smooth = values.to_vec();
        for (j, bend) in solved.iter().enumerate() {
            for k in 0..3 {
                smooth[j + k] -= stiffness / weights[j + k] * q(j)[k] * bend;
            }
        }
        let bends = [&[0.0][..], &solved, &[0.0]].concat();
        Some(Self { knots: knots.to_vec(), values: smooth, bends })
    }

    /// The value and the derivative at `at`.
    pub(crate) fn at(&self, at: f64) -> (f64, f64) {
        let last = self.knots.len() - 1;
        let inside = at.clamp(self.knots[0], self.knots[last]);
        let i = self.knots.partition_point(|k| *k <= inside).clamp(1, last) - 1;
        let h = self.knots[i + 1] - self.knots[i];
        let (a, b) = ((self.knots[i + 1] - inside) / h, (inside - self.knots[i]) / h);
        let value = a * self.values[i]
            + b * self.values[i + 1]
            + ((a.powi(3) - a) * self.bends[i] + (b.powi(3) - b) * self.bends[i + 1]) * h * h / 6.0;
        let slope = (self.values[i + 1] - self.values[i]) / h
            + ((3.0 * b * b - 1.0) * self.bends[i + 1] - (3.0 * a * a - 1.0) * self.bends[i]) * h / 6.0;
        (value + slope * (at - inside), slope)
    }
}

/// Solves a symmetric positive definite system by Cholesky's decomposition.
fn solve_positive(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = matrix[i][j] - (0..j).map(|k| matrix[i][k] * matrix[j][k]).sum::<f64>();
            if i == j && (sum.is_nan() || sum <= 0.0) {
                return None;
            }
            matrix[i][j] = if i == j { sum.sqrt() } else { sum / matrix[j][j] };
        }
        right[i] = (right[i] - (0..i).map(|k| matrix[i][k] * right[k]).sum::<f64>()) / matrix[i][i];
    }
    for i in (0..n).rev() {
        right[i] = (right[i] - (i + 1..n).map(|k| matrix[k][i] * right[k]).sum::<f64>()) / matrix[i][i];
    }
    Some(right)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]
mod tests {
    use super::*;

    fn knots() -> Vec<f64> {
        (0..15).map(|i| f64::from(i) * 17.0).collect()
    }

    #[test]
    fn a_straight_line_is_kept_whatever_the_stiffness() {
        let values: Vec<f64> = knots().iter().map(|k| 3.0 - 0.2 * k).collect();
        for stiffness in [1.0, 1e3, 1e9] {
            let (value, slope) = Spline::robust(&knots(), &values, &[1.0; 15], stiffness).unwrap().at(300.0);
            assert!((value + 57.0).abs() < 1e-6 && (slope + 0.2).abs() < 1e-8, "{value} {slope}");
        }
    }

    #[test]
    fn a_lordosis_is_followed_and_an_outlier_is_not() {
        let truth = |k: f64| 18.0 * (k / 75.0).sin();
        let mut values: Vec<f64> = knots().iter().map(|k| truth(*k)).collect();
        values[7] += 14.0;
        let spline = Spline::robust(&knots(), &values, &[1.0; 15], 300.0).unwrap();
        for k in [25.0, 119.0, 200.0] {
            assert!((spline.at(k).0 - truth(k)).abs() < 1.5, "at {k}: {} for {}", spline.at(k).0, truth(k));
        }
    }

    #[test]
    fn the_derivative_is_that_of_the_value() {
        let values: Vec<f64> = knots().iter().map(|k| (k / 40.0).cos() * 9.0).collect();
        let spline = Spline::robust(&knots(), &values, &[1.0; 15], 50.0).unwrap();
        for k in [-5.0, 3.0, 88.8, 170.1, 245.0] {
            let (ahead, behind) = (spline.at(k + 1e-4).0, spline.at(k - 1e-4).0);
            assert!((spline.at(k).1 - (ahead - behind) / 2e-4).abs() < 1e-6);
        }
    }

    #[test]
    fn knots_that_do_not_ascend_are_refused() {
        assert!(Spline::robust(&[0.0, 0.0], &[1.0, 2.0], &[1.0; 2], 1.0).is_none());
        assert!(Spline::robust(&[0.0], &[1.0], &[1.0], 1.0).is_none());
    }
}
