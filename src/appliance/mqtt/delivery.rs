//! The thread `delivery`: owns the outbox rows, and removes one only when the broker accepted it.
//!
//! New results go before old ones, each lane in its order. A row that the broker refuses is set aside
//! and said so, and the next goes on. Without a connection everything stays in the journal.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::payload::{self, Health};
use super::session::{Answer, HEALTH_INTERVAL_S, Link, LinkEvent};
use super::topics;
use super::window::{Publish, Window};
use crate::appliance::config::Settings;
use crate::appliance::health::{Heartbeats, Stage};
use crate::appliance::identity::DeviceKey;
use crate::appliance::journal::{Journal, JournalError, Lane, OutboxRow};
use crate::appliance::shared::Shared;

/// How often the thread says that it is alive while nothing happens.
const IDLE_PERIOD: Duration = Duration::from_secs(1);
/// How long a stopping appliance waits for the broker's word on what is in flight.
const FAREWELL: Duration = Duration::from_secs(2);
/// Bytes of a PUBLISH beside topic and payload: header, lengths, packet id, no properties.
const PUBLISH_OVERHEAD_BYTES: usize = 16;

/// What the thread needs.
pub struct Delivery {
    /// Settings, and the sign to stop.
    pub shared: Arc<Shared>,
    /// The outbox.
    pub journal: Journal,
    /// For message ids.
    pub key: DeviceKey,
    /// What happens on the connection, and wakes.
    pub events: Receiver<LinkEvent>,
    /// The models that readings use, for `twin/models`.
    pub models: Value,
}

/// A connection and how far each lane is handed over to it.
struct Connected {
    link: Link,
    window: Window,
    live_after: i64,
    backlog_after: i64,
    health_due: Duration,
    health: Health,
    /// It was told to end; nothing more goes out on it.
    ending: bool,
}

impl Connected {
    fn end(&mut self) {
        self.link.disconnect();
        self.ending = true;
    }

    /// Whether the connection was made with other settings than are in force.
    fn is_outdated(&self, settings: &Settings) -> bool {
        self.link.settings.mqtt != settings.mqtt || self.link.settings.device_id != settings.device_id
    }
}

impl Delivery {
    /// Works until the supervisor stops it.
    ///
    /// # Errors
    /// As the journal gives them: without it nothing can be delivered safely.
    pub fn run(self, heartbeats: &Heartbeats) -> Result<(), JournalError> {
        let begun = Instant::now();
        let mut connected: Option<Connected> = None;
        while !self.shared.stopping() {
            heartbeats.beat(Stage::Delivery);
            match self.events.recv_timeout(IDLE_PERIOD) {
                Ok(event) => self.hear(event, &mut connected, begun.elapsed())?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if let Some(connected) = &mut connected {
                self.tend(connected, heartbeats, begun.elapsed())?;
            }
        }
        self.say_farewell(connected, begun)
    }

    fn hear(&self, event: LinkEvent, connected: &mut Option<Connected>, now: Duration) -> Result<(), JournalError> {
        match event {
            LinkEvent::Up(link) => {
                log::info!("connected to the broker, session {}", link.session);
                self.journal.outbox_to_backlog()?;
                let mut fresh = Connected {
                    link,
                    window: Window::default(),
                    live_after: 0,
                    backlog_after: 0,
                    health_due: now + Duration::from_secs(HEALTH_INTERVAL_S),
                    health: Health::Up,
                    ending: false,
                };
                self.greet(&mut fresh, now);
                *connected = Some(fresh);
            }
            LinkEvent::Sent(packet_id) => {
                if let Some(connected) = connected {
                    connected.window.went_out(packet_id);
                }
            }
            LinkEvent::Answered(packet_id, answer) => {
                if let Some(connected) = connected {
                    self.answered(connected, packet_id, &answer)?;
                }
            }
            LinkEvent::Down => *connected = None,
            LinkEvent::Wake => {}
        }
        Ok(())
    }

    /// Birth and twin, all retained, so that a late will is recognised by its session.
    fn greet(&self, connected: &mut Connected, now: Duration) {
        let session = connected.link.session.clone();
        let device_id = connected.link.settings.device_id.clone();
        self.momentary(
            connected,
            topics::HEALTH,
            payload::health(&self.key, &session, Health::Up, HEALTH_INTERVAL_S),
            now,
        );
        self.momentary(connected, topics::IDENTITY, payload::identity(&self.key, &session, &device_id), now);
        self.momentary(connected, topics::MODELS, payload::models(&self.key, &session, &self.models), now);
    }

    fn momentary(&self, connected: &mut Connected, suffix: &str, payload: Vec<u8>, now: Duration) {
        let topic = topics::below(&connected.link.settings.mqtt.root, suffix);
        if connected.window.room() > 0 && connected.link.publish(&topic, true, payload) {
            connected.window.hand_over(Publish::Momentary, now);
        }
    }

    fn answered(&self, connected: &mut Connected, packet_id: u16, answer: &Answer) -> Result<(), JournalError> {
        match (connected.window.acknowledged(packet_id), answer) {
            (Some(Publish::Row(seq)), Answer::Accepted) => self.journal.outbox_delivered(seq),
            (Some(Publish::Row(seq)), Answer::Refused(reason)) => {
                log::error!("message {seq} is refused by the broker ({reason}); it is set aside, the next goes on");
                self.journal.outbox_set_aside(seq, reason)
            }
            (Some(Publish::Momentary), Answer::Refused(reason)) => {
                log::error!("a status message is refused by the broker ({reason}); check its access list");
                Ok(())
            }
            (Some(Publish::Momentary), Answer::Accepted) | (None, _) => Ok(()),
        }
    }

    /// Fills the window, repeats the health status, and gives up a connection that answers nothing.
    fn tend(&self, connected: &mut Connected, heartbeats: &Heartbeats, now: Duration) -> Result<(), JournalError> {
        if connected.ending {
            return Ok(());
        }
        if connected.window.is_stuck(now) {
            log::warn!("the broker does not acknowledge; the connection is given up");
            connected.end();
            return Ok(());
        }
        if connected.is_outdated(&self.shared.settings()) {
            log::info!("the settings of the connection changed; it is made anew");
            connected.end();
            return Ok(());
        }
        let keep_alive = connected.link.settings.mqtt.keep_alive;
        let health = if heartbeats.stale(keep_alive).is_empty() { Health::Up } else { Health::Degraded };
        if now >= connected.health_due || health != connected.health {
            connected.health_due = now + Duration::from_secs(HEALTH_INTERVAL_S);
            connected.health = health;
            let payload = payload::health(&self.key, &connected.link.session, health, HEALTH_INTERVAL_S);
            self.momentary(connected, topics::HEALTH, payload, now);
        }
        for lane in [Lane::Live, Lane::Backlog] {
            self.fill(connected, lane, now)?;
        }
        Ok(())
    }

    fn fill(&self, connected: &mut Connected, lane: Lane, now: Duration) -> Result<(), JournalError> {
        let after = if lane == Lane::Live { connected.live_after } else { connected.backlog_after };
        let room = connected.window.room();
        if room == 0 {
            return Ok(());
        }
        for row in self.journal.outbox_after(lane, after, room)? {
            let seq = row.seq;
            if !self.hand_over(connected, row, now)? {
                break;
            }
            match lane {
                Lane::Live => connected.live_after = seq,
                Lane::Backlog => connected.backlog_after = seq,
            }
        }
        Ok(())
    }

    /// Hands one row to the connection, or sets it aside where it can never go; `false` where there is no room.
    fn hand_over(&self, connected: &mut Connected, row: OutboxRow, now: Duration) -> Result<bool, JournalError> {
        let topic = topics::below(&connected.link.settings.mqtt.root, &row.topic);
        let Some(payload) = payload::completed(&row.payload, &connected.link.session, row.seq, row.attempts > 0) else {
            log::error!("message {} is damaged; it is set aside", row.seq);
            self.journal.outbox_set_aside(row.seq, "damaged")?;
            return Ok(true);
        };
        let packet_bytes = payload.len() + topic.len() + PUBLISH_OVERHEAD_BYTES;
        if packet_bytes > connected.link.packet_bytes_max {
            log::error!(
                "message {} has {packet_bytes} bytes, the broker takes {}; it is set aside",
                row.seq,
                connected.link.packet_bytes_max
            );
            self.journal.outbox_set_aside(row.seq, "larger than the broker takes")?;
            return Ok(true);
        }
        // Counted first: a message that may have arrived must say so when it comes again.
        self.journal.outbox_attempted(row.seq)?;
        if !connected.link.publish(&topic, false, payload) {
            return Ok(false);
        }
        Ok(connected.window.hand_over(Publish::Row(row.seq), now))
    }

    /// Tells the broker that this is an orderly end, and waits a moment for its last words.
    fn say_farewell(&self, connected: Option<Connected>, begun: Instant) -> Result<(), JournalError> {
        let Some(mut connected) = connected else { return Ok(()) };
        let down = payload::health(&self.key, &connected.link.session, Health::Down, HEALTH_INTERVAL_S);
        self.momentary(&mut connected, topics::HEALTH, down, begun.elapsed());
        let until = Instant::now() + FAREWELL;
        while connected.window.room() < super::window::IN_FLIGHT_MAX {
            let left = until.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(LinkEvent::Sent(packet_id)) => connected.window.went_out(packet_id),
                Ok(LinkEvent::Answered(packet_id, answer)) => self.answered(&mut connected, packet_id, &answer)?,
                Ok(LinkEvent::Down) | Err(_) => return Ok(()),
                Ok(LinkEvent::Up(_) | LinkEvent::Wake) => {}
            }
        }
        connected.end();
        Ok(())
    }
}
