//! Finds the message that ends its connections, so that it does not hold up the others for ever.
//!
//! Brokers refuse a message in ways that no client understands: an answer that the protocol does not know, a
//! connection that is closed. Then everything in flight comes again on the next connection, and so does the
//! end. So after such an end messages go one at a time, and one that ends several connections alone is set
//! aside.

use heapless::{LinearMap, Vec};

use super::window::IN_FLIGHT_MAX;

/// Connections that a message may end alone by an answer that makes no sense.
const ENDED_BY_BROKER_MAX: u8 = 2;
/// Connections that may be lost while a message is alone in flight: a bad line does that too.
const LOST_MAX: u8 = 5;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// We ended it.
    Ours,
    /// The broker ended it, or said something that makes no sense.
    ByBroker,
    /// It was lost.
    Lost,
}

/// The messages that may be what ends connections.
#[derive(Debug, Default)]
pub struct Suspicion {
    suspects: Vec<i64, IN_FLIGHT_MAX>,
    /// How often a message was alone when its connection ended.
    ended: LinearMap<i64, u8, IN_FLIGHT_MAX>,
}

impl Suspicion {
    /// A connection ended while the rows `in_flight` were not acknowledged; the one to set aside, where it is clear.
    pub fn connection_ended(&mut self, ending: Ending, in_flight: &[i64]) -> Option<i64> {
        let limit = match ending {
            Ending::Ours => return None,
            Ending::ByBroker => ENDED_BY_BROKER_MAX,
            Ending::Lost => LOST_MAX,
        };
        for seq in in_flight {
            if !self.suspects.contains(seq) {
                // Beyond the limit one is not suspected yet: it will be when it is in flight again.
                let _ = self.suspects.push(*seq);
            }
        }
        let [alone] = in_flight else { return None };
        let times = self.ended.get(alone).copied().unwrap_or(0).saturating_add(1);
        if times < limit {
            let _ = self.ended.insert(*alone, times);
            return None;
        }
        self.is_cleared(*alone);
        Some(*alone)
    }

    /// The row is acknowledged, or set aside.
    pub fn is_cleared(&mut self, seq: i64) {
        self.suspects.retain(|suspect| *suspect != seq);
        self.ended.remove(&seq);
    }

    /// Whether messages go one at a time.
    #[must_use]
    pub fn is_careful(&self) -> bool {
        !self.suspects.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_ends_its_connections_is_found_among_others() {
        let mut suspicion = Suspicion::default();
        assert_eq!(suspicion.connection_ended(Ending::ByBroker, &[1, 2, 3]), None);
        assert!(suspicion.is_careful());
        suspicion.is_cleared(1);
        assert_eq!(suspicion.connection_ended(Ending::ByBroker, &[2]), None);
        assert_eq!(suspicion.connection_ended(Ending::ByBroker, &[2]), Some(2));
        suspicion.is_cleared(3);
        assert!(!suspicion.is_careful());
    }

    #[test]
    fn a_bad_line_is_given_more_patience_and_our_own_ends_count_for_nothing() {
        let mut suspicion = Suspicion::default();
        for _ in 0..20 {
            assert_eq!(suspicion.connection_ended(Ending::Ours, &[7]), None);
        }
        for _ in 1..LOST_MAX {
            assert_eq!(suspicion.connection_ended(Ending::Lost, &[7]), None);
        }
        assert_eq!(suspicion.connection_ended(Ending::Lost, &[7]), Some(7));
        assert!(!suspicion.is_careful());
    }

    #[test]
    fn one_that_arrives_after_all_is_no_longer_suspected() {
        let mut suspicion = Suspicion::default();
        assert_eq!(suspicion.connection_ended(Ending::ByBroker, &[5]), None);
        suspicion.is_cleared(5);
        assert_eq!(suspicion.connection_ended(Ending::ByBroker, &[5]), None);
    }
}
