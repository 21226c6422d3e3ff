//! The thread `delivery`: owns the outbox rows, and removes one only when the broker accepted it.
//!
//! New results go before old ones, each lane in its order. A row that the broker refuses is set aside
//! and said so, and the next goes on. Without a connection everything stays in the journal. A journal that
//! can't be written for a while holds up rows, but not what a broker should know of that: alarms.

mod obey;
mod tell;

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::ahead::{AHEAD_MAX, Ahead};
use super::command::CommandTopic;
use super::payload::{self, CommandStatus, Health};
use super::session::{Answer, Link, LinkEvent};
use super::standing::Standing;
use super::suspicion::Suspicion;
use super::topics;
use super::window::{IN_FLIGHT_MAX, Publish, Window};
use crate::appliance::actions::Actions;
use crate::appliance::alarms::{Alarm, Severity};
use crate::appliance::config::Settings;
use crate::appliance::health::counters::Counters;
use crate::appliance::health::{Heartbeats, IDLE_BEAT, Stage};
use crate::appliance::journal::{Durable, JournalError, Lane, OutboxRow};

/// How long a stopping appliance waits for the broker's word on what is in flight.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a journal that can't be written is left alone.
const JOURNAL_REST: Duration = Duration::from_secs(2);
/// Bytes of a PUBLISH beside topic and payload: header, lengths, packet id, no properties.
const PUBLISH_OVERHEAD_BYTES: usize = 16;
/// Events that are heard before rows are looked at again.
const EVENTS_AT_A_TIME: usize = 4 * IN_FLIGHT_MAX;
/// Commands that may be executing at a time.
pub(super) const COMMANDS_MAX: usize = 4;

/// What the thread needs.
pub struct Delivery {
    /// Journal, settings, alarms, counts, and what commands may do.
    pub actions: Actions,
    /// What happens on the connection, and wakes.
    pub events: Receiver<LinkEvent>,
}

/// A connection and what is handed over to it.
struct Connected {
    link: Link,
    window: Window,
    standing: Standing,
    ahead: Ahead,
    health_due: Duration,
    numbers_due: Duration,
    health: Health,
    alarm_changes: Option<u32>,
    /// Which of the model sets in force was told last.
    models_told: Option<u32>,
    /// The self-test that a command waits for.
    testing: Option<CommandTopic>,
    /// It was told to end; nothing more goes out on it.
    ending: bool,
}

impl Connected {
    fn new(link: Link, now: Duration) -> Self {
        Self {
            link,
            window: Window::default(),
            standing: Standing::default(),
            ahead: Ahead::default(),
            health_due: now,
            numbers_due: now,
            health: Health::Up,
            alarm_changes: None,
            models_told: None,
            testing: None,
            ending: false,
        }
    }

    fn end(&mut self) {
        self.link.disconnect();
        self.ending = true;
    }

    /// Whether the connection was made with other settings than are in force.
    fn is_outdated(&self, settings: &Settings, epoch: u32) -> bool {
        let made_with = &self.link.settings;
        made_with.mqtt != settings.mqtt || made_with.device_id != settings.device_id || self.link.epoch != epoch
    }

    /// How many more publishes the broker lets wait for their PUBACK.
    fn room(&self) -> usize {
        self.window.room().saturating_sub(IN_FLIGHT_MAX - self.link.in_flight_max)
    }

    /// Whether one more row may be handed over; where one `careful`ly goes at a time, none may be in flight.
    fn has_room(&self, careful: bool) -> bool {
        self.room() > 0 && (!careful || self.window.rows().is_empty())
    }

    fn topic(&self, suffix: &str) -> String {
        topics::below(&self.link.settings.mqtt.root, suffix)
    }
}

/// What the thread remembers between rounds.
struct Round {
    connected: Option<Connected>,
    /// Rows that the broker accepted and the journal does not know of yet.
    accepted: Vec<i64>,
    /// Rows that may be what ends connections.
    suspicion: Suspicion,
    /// No journal before this moment: it could not be written.
    journal_rests_until: Duration,
}

impl Delivery {
    /// Works until the supervisor stops it.
    ///
    /// # Errors
    /// As the journal gives them, where it is not the machine's fault.
    pub fn run(self, heartbeats: &Heartbeats) -> Result<(), JournalError> {
        let begun = Instant::now();
        let mut round = Round {
            connected: None,
            accepted: Vec::with_capacity(EVENTS_AT_A_TIME),
            suspicion: Suspicion::default(),
            journal_rests_until: Duration::ZERO,
        };
        while !self.actions.shared.stopping() {
            heartbeats.beat(Stage::Delivery);
            match self.events.recv_timeout(Self::patience(&round, begun.elapsed())) {
                Ok(event) => self.hear(event, &mut round, begun.elapsed()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            for event in self.events.try_iter().take(EVENTS_AT_A_TIME) {
                self.hear(event, &mut round, begun.elapsed());
            }
            self.attend(&mut round, begun.elapsed())?;
        }
        self.say_farewell(round, begun)
    }

    /// How long nothing needs to be done, unless something happens.
    fn patience(round: &Round, now: Duration) -> Duration {
        let mut due = now + IDLE_BEAT;
        if let Some(connected) = &round.connected {
            due = due.min(connected.health_due).min(connected.numbers_due);
        }
        if now < round.journal_rests_until {
            due = due.min(round.journal_rests_until);
        }
        due.saturating_sub(now)
    }

    /// A round of work; a fault of the machine's makes the journal rest for a while.
    fn attend(&self, round: &mut Round, now: Duration) -> Result<(), JournalError> {
        if now < round.journal_rests_until {
            return Ok(());
        }
        let result = self.settle(round).and_then(|()| match &mut round.connected {
            Some(connected) if !connected.ending => self.tend(connected, round.suspicion.is_careful(), now),
            _ => Ok(()),
        });
        match result {
            Err(error) if error.is_passing() => {
                let text = format!("{error}; messages wait until it can be written again");
                self.actions.shared.alarms.raise(Alarm::Disk, Severity::Critical, &text);
                round.journal_rests_until = now + JOURNAL_REST;
                self.say_what_stands(round, now);
                Ok(())
            }
            other => other,
        }
    }

    fn hear(&self, event: LinkEvent, round: &mut Round, now: Duration) {
        match (event, &mut round.connected) {
            (LinkEvent::Up(link), _) => {
                log::info!("connected to the broker, session {}", link.session);
                self.actions.shared.set_connected(true);
                round.connected = Some(Connected::new(link, now));
            }
            (LinkEvent::Down(ending), connected) => {
                self.actions.shared.set_connected(false);
                let in_flight = connected.take().map(|connected| connected.window.rows()).unwrap_or_default();
                if let Some(seq) = round.suspicion.connection_ended(ending, &in_flight) {
                    self.set_aside(seq, "it ends its connection");
                }
            }
            (LinkEvent::Sent(packet_id), Some(connected)) => connected.window.went_out(packet_id),
            (LinkEvent::Answered(packet_id, answer), Some(connected)) => {
                let Some((publish, handed_at)) = connected.window.acknowledged(packet_id) else { return };
                self.actions.shared.counters.acknowledged_after(now.saturating_sub(handed_at));
                if let Publish::Row(seq) = publish {
                    round.suspicion.is_cleared(seq);
                }
                self.answered(publish, &answer, connected, &mut round.accepted);
            }
            (LinkEvent::Message(topic, payload), Some(connected)) => self.hear_command(connected, &topic, &payload),
            (LinkEvent::SelfTested(result), Some(connected)) => {
                if let Some(topic) = connected.testing.take() {
                    let status = match result {
                        Ok(said) => CommandStatus::Successful(Value::from(said)),
                        Err(reason) => CommandStatus::Failed(reason),
                    };
                    self.say_command(connected, &topic, &status);
                }
            }
            // They stand before what was handed over already.
            (LinkEvent::PutBack, Some(connected)) => connected.ahead.fetch_backlog_from_the_start(),
            (LinkEvent::Wake, _) | (_, None) => {}
        }
    }

    fn answered(&self, publish: Publish, answer: &Answer, connected: &Connected, accepted: &mut Vec<i64>) {
        let shared = &self.actions.shared;
        match (publish, answer) {
            (Publish::Row(seq), Answer::Accepted) => {
                Counters::one(&shared.counters.delivered);
                shared.alarms.clear(Alarm::Broker);
                accepted.push(seq);
            }
            (Publish::Row(seq), Answer::Refused(reason)) => self.set_aside(seq, reason),
            (Publish::AlarmCleared(alarm), Answer::Accepted) => {
                if let Err(error) = Standing::cleared(alarm, &shared.alarms, &self.actions.journal) {
                    log::warn!("that alarm {} is over will be said once more: {error}", alarm.name());
                }
            }
            (Publish::Momentary | Publish::AlarmCleared(_), Answer::Refused(reason)) => {
                let text = format!("refuses a status message ({reason}); check its access list");
                shared.alarms.raise(Alarm::Broker, Severity::Warning, &text);
            }
            // A broker that takes statuses may still leave rows without an answer.
            (Publish::Momentary, Answer::Accepted) if connected.window.is_empty() => {
                shared.alarms.clear(Alarm::Broker);
            }
            (Publish::Momentary, Answer::Accepted) => {}
        }
    }

    fn set_aside(&self, seq: i64, reason: &str) {
        Counters::one(&self.actions.shared.counters.refused);
        let reason: String = reason.chars().filter(|c| !c.is_control()).take(80).collect();
        let text = format!("the broker refuses messages ({reason}); they are set aside, the next go on");
        self.actions.shared.alarms.raise(Alarm::Refused, Severity::Major, &text);
        if let Err(error) = self.actions.journal.outbox_set_aside(seq, &reason) {
            log::error!("message {seq} could not be set aside, it is tried again on the next connection: {error}");
        }
    }

    /// Tells the journal what the broker accepted; a report that is delivered makes its bundle removable.
    fn settle(&self, round: &mut Round) -> Result<(), JournalError> {
        if round.accepted.is_empty() {
            return Ok(());
        }
        // While more go out, the next rows that are counted carry this to the disk.
        let more = round.connected.as_ref().is_some_and(|connected| !connected.ahead.is_empty());
        let durable = if more { Durable::WithTheNext } else { Durable::Now };
        self.actions.delivered(round.accepted.clone(), durable)?;
        round.accepted.clear();
        // What closed the intake may be over.
        if !self.actions.shared.intake_open() && round.connected.as_ref().is_some_and(|c| c.window.is_empty()) {
            self.actions.hurry_upkeep();
        }
        Ok(())
    }

    /// Fills the window, says what is due, and gives up a connection that answers nothing.
    fn tend(&self, connected: &mut Connected, careful: bool, now: Duration) -> Result<(), JournalError> {
        let shared = &self.actions.shared;
        if connected.window.is_stuck(now) {
            let text = "the broker does not acknowledge; the connection is given up and made anew";
            shared.alarms.raise(Alarm::Broker, Severity::Warning, text);
            connected.end();
            return Ok(());
        }
        if connected.is_outdated(&shared.settings(), shared.connection_epoch()) {
            log::info!("settings or files of the connection changed; it is made anew");
            connected.end();
            return Ok(());
        }
        if connected.alarm_changes.is_none() {
            self.actions.journal.outbox_to_backlog()?;
            self.greet(connected, now);
        }
        let changes = shared.alarms.changes();
        if connected.alarm_changes != Some(changes) {
            connected.standing.say_alarms(&shared.alarms, &self.actions.journal)?;
            connected.alarm_changes = Some(changes);
        }
        if connected.models_told != Some(shared.models.changes()) {
            self.say_models(connected);
        }
        if now >= connected.health_due || self.health() != connected.health {
            self.say_health(connected, now);
        }
        if now >= connected.numbers_due {
            self.mention_numbers(connected, now)?;
        }
        Self::say(connected, now);
        self.fill(connected, careful, now)
    }

    /// Hands over rows, the live lane's first; one at a time where one of them may be what ends connections.
    fn fill(&self, connected: &mut Connected, careful: bool, now: Duration) -> Result<(), JournalError> {
        for lane in [Lane::Live, Lane::Backlog] {
            if connected.has_room(careful) && connected.ahead.lane(lane).is_empty() {
                self.fetch(connected, lane)?;
            }
            while connected.has_room(careful) {
                let Some(row) = connected.ahead.lane(lane).pop_front() else { break };
                if !self.hand_over(connected, &row, now) {
                    connected.ahead.lane(lane).push_front(row);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Fetches the next rows of a lane, those in flight left out, and counts them as attempted: a message that may
    /// have arrived must say so when it comes again.
    fn fetch(&self, connected: &mut Connected, lane: Lane) -> Result<(), JournalError> {
        let in_flight = connected.window.rows();
        let after = connected.ahead.after(lane);
        let mut rows = self.actions.journal.outbox_after(lane, after, AHEAD_MAX + in_flight.len())?;
        rows.retain(|row| !in_flight.contains(&row.seq));
        rows.truncate(AHEAD_MAX);
        if !rows.is_empty() {
            self.actions.journal.outbox_attempted(rows.iter().map(|row| row.seq).collect())?;
            connected.ahead.take_up(lane, rows);
        }
        Ok(())
    }

    /// Hands one row to the connection, or sets it aside where it can never go; `false` where there is no room.
    fn hand_over(&self, connected: &mut Connected, row: &OutboxRow, now: Duration) -> bool {
        let topic = connected.topic(&row.topic);
        let Some(payload) = payload::completed(row, &connected.link.session) else {
            self.set_aside(row.seq, "damaged in the journal");
            return true;
        };
        let packet_bytes = payload.len() + topic.len() + PUBLISH_OVERHEAD_BYTES;
        if packet_bytes > connected.link.packet_bytes_max {
            let limit = connected.link.packet_bytes_max;
            self.set_aside(row.seq, &format!("{packet_bytes} bytes, the broker takes {limit}"));
            return true;
        }
        connected.link.publish(&topic, false, payload) && connected.window.hand_over(Publish::Row(row.seq), now)
    }

    /// Tells the broker that this is an orderly end, and waits a moment for its last words.
    fn say_farewell(&self, mut round: Round, begun: Instant) -> Result<(), JournalError> {
        if let Some(connected) = &mut round.connected {
            let down = self.health_payload(&connected.link.session, Health::Down);
            connected.standing.say(topics::HEALTH, down);
            Self::say(connected, begun.elapsed());
        }
        let until = Instant::now() + FAREWELL;
        while round.connected.as_ref().is_some_and(|connected| !connected.window.is_empty()) {
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(event) => self.hear(event, &mut round, begun.elapsed()),
                Err(_) => break,
            }
        }
        let settled = self.settle(&mut round);
        if let Some(mut connected) = round.connected {
            connected.end();
        }
        settled
    }
}
