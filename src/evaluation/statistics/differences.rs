//! Differences between two ways to measure the same (Bland and Altman, Lancet 1986): their mean, their standard deviation, and the
//! limits within which 95 % of them are expected.

/// Half the width of the limits of agreement, in standard deviations.
pub const LIMITS_SD: f64 = 1.96;

/// Differences: how many, their sum, the sum of their squares.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Differences {
    /// How many.
    pub n: f64,
    sum: f64,
    squares: f64,
}

impl Differences {
    /// Adds one.
    pub fn add(&mut self, difference: f64) {
        *self = self.with(&Self { n: 1.0, sum: difference, squares: difference * difference }, 1.0);
    }

    /// These, and `other` so many times.
    #[must_use]
    pub fn with(&self, other: &Self, times: f64) -> Self {
        Self {
            n: self.n + times * other.n,
            sum: self.sum + times * other.sum,
            squares: self.squares + times * other.squares,
        }
    }

    /// All of `parts` together.
    #[must_use]
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        parts.into_iter().fold(Self::default(), |all, one| all.with(one, 1.0))
    }

    /// The mean; `None` of none.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0.0).then(|| self.sum / self.n)
    }

    /// The standard deviation; `None` of fewer than two.
    #[must_use]
    pub fn sd(&self) -> Option<f64> {
        let mean = self.mean().filter(|_| self.n > 1.0)?;
        let variance = (self.squares - self.n * mean * mean) / (self.n - 1.0);
        Some(variance.max(0.0).sqrt())
    }

    /// The limits of agreement; `None` of fewer than two.
    #[must_use]
    pub fn limits(&self) -> Option<[f64; 2]> {
        let (mean, sd) = (self.mean()?, self.sd()?);
        Some([mean - LIMITS_SD * sd, mean + LIMITS_SD * sd])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_as_by_hand() {
        let mut differences = Differences::default();
        assert_eq!((differences.mean(), differences.limits()), (None, None));
        differences.add(-1.0);
        assert_eq!((differences.mean(), differences.sd()), (Some(-1.0), None));
        differences.add(0.0);
        differences.add(1.0);
        // Mean 0, SD 1.
        assert_eq!(differences.limits(), Some([-1.96, 1.96]));
        let twice = differences.with(&differences, 1.0);
        assert_eq!(Differences::joined([&differences, &differences]), twice);
        assert_eq!((twice.n, twice.sd()), (6.0, Some((4.0_f64 / 5.0).sqrt())));
    }
}
