//! Heartbeats: each thread says that it is alive, and the supervisor believes only a fresh word. Below it
//! what happened so far ([`counters`]) and what the machine says of itself
//! ([`machine`]), of its heat ([`heat`]), and of what slows it down ([`slowing`]).

pub mod counters;
pub mod heat;
pub mod machine;
pub mod slowing;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a thread that has nothing to do says that it is alive.
pub const IDLE_BEAT: Duration = Duration::from_secs(15);

/// The threads that are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Watches the export folder.
    Ingest,
    /// Owns the children.
    Reading,
    /// Owns the outbox.
    Delivery,
    /// Drives the connection to the broker.
    MqttIo,
    /// Keeps journal, disk and certificates in order.
    Upkeep,
    /// Sends objects to the clinic's archive.
    Pacs,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Ingest, Self::Reading, Self::Delivery, Self::MqttIo, Self::Upkeep, Self::Pacs];

    /// The stage whose thread calls this.
    #[must_use]
    pub fn of_this_thread() -> Option<Self> {
        let thread = std::thread::current();
        Self::ALL.into_iter().find(|stage| thread.name() == Some(stage.name()))
    }

    /// The thread's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Reading => "reading",
            Self::Delivery => "delivery",
            Self::MqttIo => "mqtt-io",
            Self::Upkeep => "upkeep",
            Self::Pacs => "pacs",
        }
    }

    /// How old its last word may be. `mqtt-io` sleeps in its socket for a whole keep-alive, and
    /// `ingest` lists a folder that may be on a slow network.
    const fn patience(self, keep_alive: Duration) -> Duration {
        match self {
            Self::Ingest | Self::Upkeep => Duration::from_secs(300),
            Self::Reading | Self::Delivery | Self::Pacs => Duration::from_secs(60),
            Self::MqttIo => Duration::from_secs(60).saturating_add(keep_alive.saturating_mul(2)),
        }
    }
}

/// The last word of each thread.
#[derive(Debug)]
pub struct Heartbeats {
    begun: Instant,
    last_ms: [AtomicU64; Stage::ALL.len()],
}

impl Default for Heartbeats {
    fn default() -> Self {
        Self { begun: Instant::now(), last_ms: Default::default() }
    }
}

impl Heartbeats {
    /// `stage` is alive.
    pub fn beat(&self, stage: Stage) {
        let now_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(last) = self.last_ms.get(stage as usize) {
            last.store(now_ms, Ordering::Relaxed);
        }
    }

    /// Threads whose last word is too old, given the keep-alive of the broker's connection.
    #[must_use]
    pub fn stale(&self, keep_alive: Duration) -> Vec<Stage> {
        self.stale_at(self.begun.elapsed(), keep_alive)
    }

    fn stale_at(&self, now: Duration, keep_alive: Duration) -> Vec<Stage> {
        let last = |stage: Stage| self.last_ms.get(stage as usize).map_or(0, |ms| ms.load(Ordering::Relaxed));
        Stage::ALL
            .into_iter()
            .filter(|s| now.saturating_sub(Duration::from_millis(last(*s))) > s.patience(keep_alive))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_says_nothing_is_found() {
        let heartbeats = Heartbeats::default();
        let keep_alive = Duration::from_secs(30);
        assert!(heartbeats.stale_at(Duration::from_secs(59), keep_alive).is_empty());
        assert_eq!(
            heartbeats.stale_at(Duration::from_secs(61), keep_alive),
            vec![Stage::Reading, Stage::Delivery, Stage::Pacs]
        );
        assert_eq!(heartbeats.stale_at(Duration::from_secs(301), keep_alive), Stage::ALL.to_vec());
    }
}
