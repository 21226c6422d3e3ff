//! How long to wait before the next connection: exponential with full jitter.

use std::time::Duration;

/// Ceiling of the first wait.
const FIRST: Duration = Duration::from_secs(1);
/// Ceiling of every wait.
const LONGEST: Duration = Duration::from_secs(300);

/// Counts failures and gives waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure: evenly spread from nothing to a ceiling that doubles from 1 s to
    /// 5 min. `random` is even over all of `u32`.
    pub fn next_wait(&mut self, random: u32) -> Duration {
        let ceiling = FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// The connection proved itself.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_five_minutes() {
        let mut backoff = Backoff::default();
        let ceilings: Vec<u64> = (0..11).map(|_| backoff.next_wait(u32::MAX).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        for _ in 0..100 {
            assert!(backoff.next_wait(u32::MAX) <= LONGEST);
        }
        backoff.reset();
        assert_eq!(backoff.next_wait(u32::MAX), FIRST);
    }

    #[test]
    fn waits_are_spread_from_nothing() {
        let mut backoff = Backoff { failures: 5 };
        assert_eq!(backoff.next_wait(0), Duration::ZERO);
        let half = Backoff { failures: 5 }.next_wait(u32::MAX / 2);
        assert!((15.9..16.1).contains(&half.as_secs_f64()));
    }
}
