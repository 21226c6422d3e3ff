//! The in-flight window: which publish has which packet id, in the order in which they were handed over.

use std::time::Duration;

use heapless::Deque;

use crate::appliance::alarms::Alarm;

/// Most publishes that wait for their PUBACK at a time.
pub const IN_FLIGHT_MAX: usize = 16;
/// A publish that is not acknowledged for this long ends its connection.
pub const ACK_DEADLINE: Duration = Duration::from_secs(60);

/// Whose publish it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publish {
    /// The outbox row with this sequence number.
    Row(i64),
    /// A status, twin, alarm or command message, which has no row.
    Momentary,
    /// The end of an alarm.
    AlarmCleared(Alarm),
}

#[derive(Debug)]
struct Slot {
    publish: Publish,
    /// Known once the publish went out.
    packet_id: Option<u16>,
    handed_at: Duration,
}

/// Publishes handed to the connection and not acknowledged.
#[derive(Debug, Default)]
pub struct Window {
    slots: Deque<Slot, IN_FLIGHT_MAX>,
}

impl Window {
    /// How many more publishes may be handed over.
    #[must_use]
    pub fn room(&self) -> usize {
        IN_FLIGHT_MAX - self.slots.len()
    }

    /// A publish is handed over at `now`; `false` where there is no room.
    pub fn hand_over(&mut self, publish: Publish, now: Duration) -> bool {
        self.slots.push_back(Slot { publish, packet_id: None, handed_at: now }).is_ok()
    }

    /// The oldest publish without a packet id went out with this one: publishes go out in order.
    pub fn went_out(&mut self, packet_id: u16) {
        if let Some(slot) = self.slots.iter_mut().find(|s| s.packet_id.is_none()) {
            slot.packet_id = Some(packet_id);
        }
    }

    /// The rows that are in flight.
    #[must_use]
    pub fn rows(&self) -> heapless::Vec<i64, IN_FLIGHT_MAX> {
        self.slots
            .iter()
            .filter_map(|slot| match slot.publish {
                Publish::Row(seq) => Some(seq),
                Publish::Momentary | Publish::AlarmCleared(_) => None,
            })
            .collect()
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The broker acknowledged `packet_id`; whose publish that was, and when it was handed over.
    pub fn acknowledged(&mut self, packet_id: u16) -> Option<(Publish, Duration)> {
        let place = self.slots.iter().position(|s| s.packet_id == Some(packet_id))?;
        let mut found = None;
        for i in 0..self.slots.len() {
            let slot = self.slots.pop_front()?;
            if i == place {
                found = Some((slot.publish, slot.handed_at));
            } else {
                // One was taken out, so there is room for the others.
                let _ = self.slots.push_back(slot);
            }
        }
        found
    }

    /// Whether a publish has waited longer than [`ACK_DEADLINE`] at `now`.
    #[must_use]
    pub fn is_stuck(&self, now: Duration) -> bool {
        self.slots.iter().any(|s| now.saturating_sub(s.handed_at) > ACK_DEADLINE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    #[test]
    fn acknowledgements_find_their_publish_in_any_order() {
        let mut window = Window::default();
        for seq in 1..=3 {
            assert!(window.hand_over(Publish::Row(seq), NOW));
        }
        for packet_id in [7, 8, 9] {
            window.went_out(packet_id);
        }
        assert_eq!(window.acknowledged(8), Some((Publish::Row(2), NOW)));
        assert_eq!(window.acknowledged(8), None);
        assert_eq!(window.acknowledged(9), Some((Publish::Row(3), NOW)));
        assert_eq!(window.acknowledged(7), Some((Publish::Row(1), NOW)));
        assert_eq!(window.room(), IN_FLIGHT_MAX);
    }

    #[test]
    fn the_window_holds_no_more_than_its_limit() {
        let mut window = Window::default();
        for seq in 0..16 {
            assert!(window.hand_over(Publish::Row(seq), NOW));
        }
        assert!(!window.hand_over(Publish::Momentary, NOW));
        assert_eq!(window.room(), 0);
    }

    #[test]
    fn a_publish_that_is_never_acknowledged_is_found() {
        let mut window = Window::default();
        window.hand_over(Publish::Momentary, NOW);
        assert!(!window.is_stuck(NOW + ACK_DEADLINE));
        assert!(window.is_stuck(NOW + ACK_DEADLINE + NOW));
    }
}
