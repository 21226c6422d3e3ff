//! How far probabilities are from what is seen: the expected calibration error over bins of equally many rows (Naeini et al. 2015;
//! equal mass as Nixon et al. 2019).

use serde::Serialize;

/// Bins of an expected calibration error.
pub const ECE_BINS: usize = 10;

/// Rows of neighbouring probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Rows.
    pub rows: usize,
    /// The sum of their weights.
    pub weight: f64,
    /// Mean probability.
    pub said: f64,
    /// Share in which it was so.
    pub seen: f64,
}

/// Puts rows of (probability, whether it was so, weight) into [`ECE_BINS`] bins of equally many, the first ones one more where they don't
/// divide. Bins without rows, or without weight, are left out.
#[must_use]
pub fn bins(rows: &[(f64, bool, f64)]) -> Vec<Bin> {
    let mut ordered: Vec<&(f64, bool, f64)> = rows.iter().collect();
    ordered.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (each, more) = (rows.len() / ECE_BINS, rows.len() % ECE_BINS);
    let mut at = 0;
    let bins = (0..ECE_BINS).filter_map(|i| {
        let end = at + each + usize::from(i < more);
        let bin = ordered.get(at..end).and_then(bin);
        at = end;
        bin
    });
    bins.collect()
}

fn bin(rows: &[&(f64, bool, f64)]) -> Option<Bin> {
    let weight: f64 = rows.iter().map(|r| r.2).sum();
    let said = rows.iter().map(|r| r.0 * r.2).sum::<f64>() / weight;
    let seen = rows.iter().filter(|r| r.1).map(|r| r.2).sum::<f64>() / weight;
    (weight > 0.0).then_some(Bin { rows: rows.len(), weight, said, seen })
}

/// The mean distance between what was said and what was seen, each bin by its weight; `None` without any.
#[must_use]
pub fn expected_error(bins: &[Bin]) -> Option<f64> {
    let all: f64 = bins.iter().map(|b| b.weight).sum();
    (all > 0.0).then(|| bins.iter().map(|b| (b.said - b.seen).abs() * b.weight).sum::<f64>() / all)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn bins_have_equally_many_rows_and_their_distances_are_averaged() {
        // 22 rows: two bins of three, eight of two. All said .25, of the three first none was so: they differ by .25; the rest is .75 or 1.
        let rows: Vec<_> = (0..22).map(|i| (0.25 + 1e-9 * f64::from(i), i >= 3, 1.0)).collect();
        let found = bins(&rows);
        assert_eq!(found.iter().map(|b| b.rows).collect::<Vec<_>>(), [3, 3, 2, 2, 2, 2, 2, 2, 2, 2]);
        let wanted = (3.0 * 0.25 + 19.0 * 0.75) / 22.0;
        assert!((expected_error(&found).unwrap() - wanted).abs() < 1e-6);
    }

    #[test]
    fn it_is_as_numpy_computes_it() {
        // p = (np.arange(40) * 7 % 40 + .5) / 40; y = np.arange(40) % 3 == 0; o = np.argsort(p, kind="stable")
        // sum(abs(p[b].mean() - y[b].mean()) * len(b) for b in np.array_split(o, 10)) / 40
        let rows: Vec<_> = (0..40).map(|i| ((f64::from(i * 7 % 40) + 0.5) / 40.0, i % 3 == 0, 1.0)).collect();
        assert!((expected_error(&bins(&rows)).unwrap() - 0.36).abs() < 1e-12, "{:?}", expected_error(&bins(&rows)));
    }

    #[test]
    fn weights_count_and_nothing_has_no_error() {
        let found = bins(&[(0.5, true, 3.0), (0.5, false, 1.0)]);
        assert_eq!(found.len(), 2, "a row a bin");
        assert_eq!(expected_error(&found), Some(0.5));
        assert_eq!(expected_error(&bins(&[])), None);
        assert!(bins(&[(0.5, true, 0.0)]).is_empty());
    }
}
