//! When the export folder is looked at next: soon while something is going on, seldom while nothing is,
//! and never so often that listing it becomes work of its own.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// So many base periods lie between rescans while nothing is going on and every change would be heard.
const CALM_PERIODS: u32 = 30;
/// A rescan may take one part in so many of a core's time.
const CPU_SHARE: u32 = 20;
/// So many times the time that it took lie between the end of a rescan and the next: on a slow network the
/// time goes by waiting, not computing.
const WALL_SHARE: u32 = 2;

/// What a rescan took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Time of a core.
    pub cpu: Duration,
    /// Time.
    pub wall: Duration,
}

/// Measures a [`Cost`] on one thread.
#[derive(Debug)]
pub struct Meter {
    wall: Instant,
    cpu: Duration,
}

impl Meter {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_time() }
    }

    /// What the thread took since.
    #[must_use]
    pub fn read(&self) -> Cost {
        Cost { cpu: cpu_time().saturating_sub(self.cpu), wall: self.wall.elapsed() }
    }
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The moments of the rescans, as durations since one fixed moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    due: Duration,
    earliest: Duration,
}

impl Pace {
    /// When the next rescan is due.
    #[must_use]
    pub const fn due(&self) -> Duration {
        self.due
    }

    /// A rescan ended at `now`; `calm` says that nothing is going on and that every change would be heard.
    pub fn rescanned(&mut self, now: Duration, cost: Cost, base: Duration, calm: bool) {
        let least = base.max(cost.cpu * CPU_SHARE).max(cost.wall * WALL_SHARE);
        self.earliest = now + least;
        self.due = now + if calm { least.max(base * CALM_PERIODS) } else { least };
    }

    /// There is something to see: the next rescan comes as early as it may.
    pub fn hurry(&mut self) {
        self.due = self.due.min(self.earliest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_secs(2);

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn rescans_are_seldom_while_it_is_calm_and_a_wake_brings_the_next_forward() {
        let mut pace = Pace::default();
        pace.rescanned(secs(100), Cost::default(), BASE, true);
        assert_eq!(pace.due(), secs(160));
        pace.hurry();
        assert_eq!(pace.due(), secs(102));
        pace.rescanned(secs(102), Cost::default(), BASE, false);
        assert_eq!(pace.due(), secs(104));
    }

    #[test]
    fn a_rescan_that_costs_much_comes_seldom_whoever_wakes() {
        let mut pace = Pace::default();
        pace.rescanned(secs(100), Cost { cpu: secs(1), wall: secs(1) }, BASE, false);
        pace.hurry();
        assert_eq!(pace.due(), secs(120));
        pace.rescanned(secs(200), Cost { cpu: secs(1), wall: secs(60) }, BASE, false);
        pace.hurry();
        assert_eq!(pace.due(), secs(320));
    }

    #[test]
    fn work_is_measured() {
        let meter = Meter::start();
        while meter.read().cpu < Duration::from_millis(2) {}
        assert!(meter.read().wall >= Duration::from_millis(2));
    }
}
