//! A pass over the reports that something is still to be done for, from the newest to the oldest.
//!
//! Newest first, because somebody may wait for those; one report at a time, so that whoever does it can do other things in
//! between. After a pass that left something the next waits, ever longer; for a new report none waits. What is done is for
//! whoever owns the pass.

use std::time::{Duration, Instant};

/// How far a pass is. `R` is what is kept of a report that was looked at.
#[derive(Debug)]
pub(super) struct Pass<R> {
    /// When the next report is looked for; `None` where none is left.
    due: Option<Instant>,
    /// The one that was looked at last.
    pub(super) last: Option<R>,
    /// The first thing that did not go through.
    pub(super) problem: Option<String>,
    /// Passes in a row that left something.
    failed: u32,
    rest_min: Duration,
    rest_max: Duration,
}

impl<R> Pass<R> {
    /// What an earlier run left is looked for at once. After a pass that left something the next one rests `rest_min`; each
    /// that leaves something again doubles that, up to `rest_max`.
    pub(super) fn new(rest_min: Duration, rest_max: Duration) -> Self {
        Self { due: Some(Instant::now()), last: None, problem: None, failed: 0, rest_min, rest_max }
    }

    /// There may be a new report.
    pub(super) fn begin(&mut self) {
        self.due = Some(Instant::now());
        self.last = None;
    }

    /// Nothing is looked for until there may be something new.
    pub(super) fn pause(&mut self) {
        self.due = None;
    }

    /// Whether a report is to be looked for now.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    /// How long nothing is to be done, at most `idle`.
    pub(super) fn patience(&self, idle: Duration) -> Duration {
        self.due.map_or(idle, |due| due.saturating_duration_since(Instant::now()).min(idle))
    }

    /// The oldest was looked at, or it makes no sense to go on.
    pub(super) fn end(&mut self) {
        self.last = None;
        if self.problem.take().is_some() {
            let rest = self.rest_min.saturating_mul(1 << self.failed.min(16)).min(self.rest_max);
            self.failed = self.failed.saturating_add(1);
            self.due = Some(Instant::now() + rest);
        } else {
            self.failed = 0;
            self.due = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST_MIN: Duration = Duration::from_secs(10);
    const REST_MAX: Duration = Duration::from_secs(60 * 60);

    #[test]
    fn what_fails_is_left_alone_ever_longer_and_what_is_new_is_not() {
        let mut pass: Pass<()> = Pass::new(REST_MIN, REST_MAX);
        assert!(pass.is_due());
        let fail = |pass: &mut Pass<()>| {
            pass.problem = Some("no room".to_owned());
            pass.end();
        };
        for at_least in [8, 16, 32] {
            fail(&mut pass);
            assert!(pass.patience(REST_MAX) > Duration::from_secs(at_least) && !pass.is_due(), "{pass:?}");
        }
        for _ in 0..100 {
            fail(&mut pass);
        }
        assert!(pass.patience(2 * REST_MAX) <= REST_MAX);
        pass.begin();
        assert!(pass.is_due() && pass.patience(REST_MAX).is_zero());
        pass.end();
        assert_eq!(pass.patience(REST_MAX), REST_MAX, "nothing is left");
        assert!(!pass.is_due());
    }
}
