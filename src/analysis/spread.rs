//! The one way in which the reading room uses several cores: the same work for each of several things, results in order.

use crate::inference::InferenceError;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `of` for every number below `count`, in as many threads, and gives the results in order.
pub(super) fn spread<T: Send>(
    count: usize,
    threads: NonZeroUsize,
    of: impl Fn(usize) -> Result<T, InferenceError> + Sync,
) -> Result<Vec<T>, InferenceError> {
    let next = AtomicUsize::new(0);
    let work = || -> Vec<(usize, Result<T, InferenceError>)> {
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < count);
        std::iter::from_fn(take).map(|i| (i, of(i))).collect()
    };
    let mut found = std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads.get().min(count)).map(|_| scope.spawn(work)).collect();
        let own = work();
        let join = |h: std::thread::ScopedJoinHandle<'_, Vec<_>>| {
            h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        own.into_iter().chain(helpers.into_iter().flat_map(join)).collect::<Vec<_>>()
    });
    found.sort_by_key(|(i, _)| *i);
    found.into_iter().map(|(_, result)| result).collect()
}
