//! Robust polynomials through edge points.

use crate::analysis::curve::median;

/// Rounds of reweighting.
const ROUNDS: usize = 8;
/// Tukey's constant, in robust standard deviations.
const TUKEY: f64 = 4.685;
/// Edge points are never better than this, mm.
const EDGE_NOISE_MM: f64 = 0.3;

/// A polynomial of degree two at most: `c[0] + c[1] x + c[2] x²`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Polynomial(pub(super) [f64; 3]);

impl Polynomial {
    pub(super) fn at(self, x: f64) -> f64 {
        self.0[0] + x * (self.0[1] + x * self.0[2])
    }

    /// The polynomial of `degree` (1 or 2) through points (x, y), by least squares reweighted with
    /// Tukey's biweight; `None` for fewer than twice as many points as coefficients, or points that don't settle it.
    pub(super) fn robust(points: &[[f64; 2]], degree: usize) -> Option<Self> {
        if points.len() < 2 * (degree + 1) {
            return None;
        }
        let mut weights = vec![1.0; points.len()];
        let mut fitted = Self::weighted(points, &weights, degree)?;
        for _ in 0..ROUNDS {
            let residuals: Vec<f64> = points.iter().map(|p| (p[1] - fitted.at(p[0])).abs()).collect();
            let scale = (1.4826 * median(&residuals)?).max(EDGE_NOISE_MM);
            for (w, r) in weights.iter_mut().zip(&residuals) {
                let share = (1.0 - (r / (TUKEY * scale)).powi(2)).max(0.0);
                *w = share * share;
            }
            fitted = Self::weighted(points, &weights, degree)?;
        }
        Some(fitted)
    }

    fn weighted(points: &[[f64; 2]], weights: &[f64], degree: usize) -> Option<Self> {
        let size = degree + 1;
        let mut system = [[0.0; 4]; 3];
        for ([x, y], w) in points.iter().zip(weights) {
            let powers = [1.0, *x, x * x];
            for (row, power) in system.iter_mut().zip(powers).take(size) {
                for (cell, other) in row.iter_mut().zip(powers).take(size) {
                    *cell += w * power * other;
                }
                row[3] += w * power * y;
            }
        }
        eliminate(system, size).map(Self)
    }
}

/// Gauss's elimination with pivots; unused coefficients are 0.
fn eliminate(mut system: [[f64; 4]; 3], size: usize) -> Option<[f64; 3]> {
    for column in 0..size {
        let pivot = (column..size).max_by(|a, b| system[*a][column].abs().total_cmp(&system[*b][column].abs()))?;
        system.swap(column, pivot);
        let head = system[column];
        if head[column].abs() < 1e-9 {
            return None;
        }
        for row in system.iter_mut().take(size).skip(column + 1) {
            let factor = row[column] / head[column];
            row.iter_mut().zip(head).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    let mut solved = [0.0; 3];
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|k| system[row][k] * solved[k]).sum();
        solved[row] = (system[row][3] - known) / system[row][row];
    }
    solved.iter().all(|c| c.is_finite()).then_some(solved)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]
mod tests {
    use super::*;

    #[test]
    fn a_spur_does_not_bend_an_endplate() {
        let truth = |x: f64| 12.0 - 0.1 * x + 0.004 * x * x;
        let mut points: Vec<[f64; 2]> = (-15..=15).map(|i| [f64::from(i), truth(f64::from(i))]).collect();
        points[0][1] += 5.0;
        points[1][1] += 4.0;
        points[17][1] -= 6.0;
        let fitted = Polynomial::robust(&points, 2).unwrap();
        assert!((fitted.at(-15.0) - truth(-15.0)).abs() < 0.2, "{fitted:?}");
        assert!((fitted.at(15.0) - truth(15.0)).abs() < 0.2, "{fitted:?}");
    }

    #[test]
    fn too_few_or_stacked_points_make_no_line() {
        assert_eq!(Polynomial::robust(&[[0.0, 1.0], [1.0, 1.0]], 1), None);
        assert_eq!(Polynomial::robust(&[[2.0, 1.0]; 9], 1), None);
    }
}
