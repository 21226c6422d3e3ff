//! Cohen's kappa (1960), with linear and quadratic weights (1968): the agreement beyond what the two margins give by chance, as a share
//! of what there could be.

/// Kappa of a square table of `size`, a distance of d weighing (d / (size - 1))^power against it; `None` where the table is empty or the
/// margins leave nothing to chance.
#[must_use]
pub fn kappa(size: usize, power: i32, cell: impl Fn(usize, usize) -> f64) -> Option<f64> {
    let said: Vec<f64> = (0..size).map(|i| (0..size).map(|j| cell(i, j)).sum()).collect();
    let read: Vec<f64> = (0..size).map(|j| (0..size).map(|i| cell(i, j)).sum()).collect();
    let all: f64 = said.iter().sum();
    let (mut observed, mut by_chance) = (0.0, 0.0);
    for (i, said) in said.iter().enumerate() {
        for (j, read) in read.iter().enumerate() {
            let weight = (i.abs_diff(j) as f64 / (size - 1) as f64).powi(power);
            observed += weight * cell(i, j);
            by_chance += weight * said * read / all;
        }
    }
    (all > 0.0 && by_chance > 0.0).then(|| 1.0 - observed / by_chance)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn kappas_are_as_numpy_computes_them() {
        // t = np.array([[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0], [0, 0, 1, 1]])
        // w = np.abs(np.subtract.outer(range(4), range(4))) ** power
        // 1 - (w * t).sum() / (w * np.outer(t.sum(1), t.sum(0)) / 8).sum()
        let table = [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0], [0, 0, 1, 1]];
        let of = |power| kappa(4, power, |i, j| f64::from(table[i][j])).unwrap();
        assert!((of(1) - 0.578_947_368_421_052_7).abs() < 1e-12, "{}", of(1));
        assert!((of(2) - 0.666_666_666_666_666_7).abs() < 1e-12, "{}", of(2));
    }

    #[test]
    fn nothing_to_chance_and_nothing_at_all_have_no_kappa() {
        assert_eq!(kappa(2, 1, |i, j| if (i, j) == (0, 0) { 9.0 } else { 0.0 }), None);
        assert_eq!(kappa(2, 1, |_, _| 0.0), None);
    }
}
