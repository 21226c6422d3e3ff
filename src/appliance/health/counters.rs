//! What happened since the start, as numbers: counts, and how long things took.
//!
//! Everything is of fixed size. Durations go into a [`Histogram`] whose bounds are fixed, so that months
//! cost what a minute costs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use heapless::HistoryBuf;

use crate::appliance::clock;
use crate::appliance::one_line::one_line;

/// Upper bounds of the histogram's buckets, ms; what lies above goes into one more.
const BOUNDS_MS: [u64; 17] =
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 120_000, 300_000];
/// Errors that are kept to be looked at.
pub const LAST_ERRORS_MAX: usize = 8;
/// Longest error that is kept, bytes.
pub const ERROR_BYTES_MAX: usize = 160;

/// An error that is kept: when, RFC 3339, and what.
pub type LastError = (heapless::String<32>, heapless::String<ERROR_BYTES_MAX>);

/// How long something took, many times over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BOUNDS_MS.len() + 1],
    /// How often.
    pub count: u64,
    /// All of it together, ms.
    pub sum_ms: u64,
    /// The longest, ms.
    pub max_ms: u64,
    /// The last, ms.
    pub last_ms: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [0; BOUNDS_MS.len() + 1], count: 0, sum_ms: 0, max_ms: 0, last_ms: 0 }
    }
}

impl Histogram {
    /// It took `took` once more.
    pub fn add(&mut self, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let place = BOUNDS_MS.iter().position(|bound| ms <= *bound).unwrap_or(BOUNDS_MS.len());
        if let Some(bucket) = self.buckets.get_mut(place) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum_ms = self.sum_ms.saturating_add(ms);
        self.last_ms = ms;
        self.max_ms = self.max_ms.max(ms);
    }

    /// How often it took at most each bound, ms.
    pub fn up_to_ms(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let up_to = self.buckets.iter().scan(0, |seen, bucket| {
            *seen += bucket;
            Some(*seen)
        });
        BOUNDS_MS.into_iter().zip(up_to)
    }

    /// A bound below which `share` of all lie, ms: the upper one of their bucket, or the longest.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> u64 {
        let wanted = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS_MS) {
            seen += bucket;
            if seen >= wanted {
                return bound.min(self.max_ms);
            }
        }
        self.max_ms
    }
}

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Reports committed.
    pub reports: AtomicU64,
    /// Of them those whose networks ran on a GPU.
    pub on_gpu: AtomicU64,
    /// Attempts at a reading that failed.
    pub failed_attempts: AtomicU64,
    /// Messages that a broker accepted.
    pub delivered: AtomicU64,
    /// Messages that a broker refused.
    pub refused: AtomicU64,
    /// Connections to a broker that were made.
    pub connections: AtomicU64,
    /// Self-tests that came to an end.
    pub self_tests: AtomicU64,
    reading: Mutex<Histogram>,
    acknowledged: Mutex<Histogram>,
    last_errors: Mutex<HistoryBuf<LastError, LAST_ERRORS_MAX>>,
}

impl Counters {
    /// One more of `count`.
    pub fn one(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// `count` so far.
    #[must_use]
    pub fn so_far(count: &AtomicU64) -> u64 {
        count.load(Ordering::Relaxed)
    }

    /// A reading took so long, from its claim to its commit.
    pub fn reading_took(&self, took: Duration) {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).add(took);
    }

    /// A message was acknowledged so long after it was handed over.
    pub fn acknowledged_after(&self, took: Duration) {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).add(took);
    }

    /// How long readings took, and acknowledgements.
    #[must_use]
    pub fn histograms(&self) -> (Histogram, Histogram) {
        let copy = |histogram: &Mutex<Histogram>| histogram.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (copy(&self.reading), copy(&self.acknowledged))
    }

    /// Keeps an error to be looked at, at the cost of the oldest.
    pub fn keep_error(&self, error: &str) {
        let time = heapless::String::try_from(clock::now_rfc3339().as_str()).unwrap_or_default();
        self.last_errors.lock().unwrap_or_else(PoisonError::into_inner).write((time, one_line(error)));
    }

    /// The errors that are kept, the oldest first.
    #[must_use]
    pub fn last_errors(&self) -> Vec<LastError> {
        self.last_errors.lock().unwrap_or_else(PoisonError::into_inner).oldest_ordered().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_bounds_of_what_was_seen() {
        let mut histogram = Histogram::default();
        for ms in 1..=100 {
            histogram.add(Duration::from_millis(ms));
        }
        assert_eq!((histogram.quantile_ms(0.5), histogram.quantile_ms(0.99)), (50, 100));
        let up_to: Vec<(u64, u64)> = histogram.up_to_ms().skip(4).take(3).collect();
        assert_eq!((up_to, histogram.sum_ms), (vec![(20, 20), (50, 50), (100, 100)], 5050));
        histogram.add(Duration::from_secs(4000));
        assert_eq!((histogram.quantile_ms(1.0), histogram.max_ms), (4_000_000, 4_000_000));
        assert_eq!(Histogram::default().quantile_ms(0.5), 0);
    }

    #[test]
    fn only_the_last_errors_are_kept() {
        let counters = Counters::default();
        for n in 0..LAST_ERRORS_MAX + 3 {
            counters.keep_error(&format!("error {n}\n{}", "x".repeat(ERROR_BYTES_MAX)));
        }
        let kept = counters.last_errors();
        assert_eq!(kept.len(), LAST_ERRORS_MAX);
        assert!(kept.first().is_some_and(|(_, text)| text.starts_with("error 3 x")));
    }
}
