//! The thread `mqtt-io`: one connection after another, each with a fresh client.
//!
//! It only pumps: what comes in goes to `delivery` as [`LinkEvent`]s, and `delivery` publishes through
//! the [`Link`] that a new connection hands it. The client's event loop is never cancelled in the
//! middle of a write, so it is waited for without a timeout; keep-alive bounds the wait.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::client::{self, Client, ConnectOptions, Incoming};
use super::payload::{self, Health, MESSAGE_BYTES_MAX};
use super::suspicion::Ending;
use super::{reach, tls, topics, window};
use crate::appliance::alarms::{Alarm, Severity};
use crate::appliance::config::{Broker, Settings};
use crate::appliance::health::counters::Counters;
use crate::appliance::health::{Heartbeats, IDLE_BEAT, Stage};
use crate::appliance::identity::{self, DeviceKey};
use crate::appliance::shared::Shared;

/// How often the health status is repeated, seconds.
pub const HEALTH_INTERVAL_S: u64 = 60;
/// Largest packet, both ways: a message with its topic and properties.
const PACKET_BYTES_MAX: u32 = MESSAGE_BYTES_MAX as u32 + 1024;
/// A connection that lasted this long proved itself.
const PROVEN_AFTER: Duration = Duration::from_secs(30);
/// Why a connection could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A certificate or key can't be used.
    #[error("TLS: {file}: {reason}")]
    Tls {
        /// The PEM file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The password file can't be read.
    #[error("mqtt.password-file {file}: {source}")]
    Password {
        /// The file.
        file: String,
        /// What the file system said.
        source: std::io::Error,
    },
    /// No randomness for a session id.
    #[error("no session id: {0}")]
    Random(std::io::Error),
}

impl SessionError {
    pub(super) fn tls(file: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Tls { file: file.display().to_string(), reason: reason.to_string() }
    }
}

/// What happens on the connection, and what else `delivery` should know.
pub enum LinkEvent {
    /// The broker took the connection.
    Up(Link),
    /// The oldest publish that was handed over went out with this packet id.
    Sent(u16),
    /// The broker answered for a packet id: accepted, or refused with a reason.
    Answered(u16, Answer),
    /// A message came in: topic and payload.
    Message(String, Vec<u8>),
    /// The connection is gone.
    Down(Ending),
    /// A self-test that a command asked for has ended: what it told.
    SelfTested(Result<String, String>),
    /// Messages that were set aside wait again.
    PutBack,
    /// Nothing from the connection: there is something new in the outbox or among the alarms.
    Wake,
}

/// The broker's word on a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has the message.
    Accepted,
    /// It will never take it, for this reason.
    Refused(String),
}

/// One connection, as `delivery` uses it.
pub struct Link {
    client: Client,
    /// The connection's id, in its birth, its will and every message.
    pub session: String,
    /// The settings that it was made with.
    pub settings: Arc<Settings>,
    /// [`Shared::connection_epoch`] when it was made.
    pub epoch: u32,
    /// Largest packet that the broker takes, bytes.
    pub packet_bytes_max: usize,
    /// Publishes that the broker lets wait for their PUBACK.
    pub in_flight_max: usize,
    ended: Arc<AtomicBool>,
}

impl Link {
    /// Hands a QoS 1 publish to the connection; `false` where it takes no more.
    #[must_use]
    pub fn publish(&self, topic: &str, retain: bool, payload: Vec<u8>) -> bool {
        self.client.publish(topic, true, retain, payload)
    }

    /// Hands a QoS 0 publish to the connection, which may lose it.
    pub fn mention(&self, topic: &str, payload: Vec<u8>) {
        let _ = self.client.publish(topic, false, false, payload);
    }

    /// Asks for messages on `filter`.
    pub fn subscribe(&self, filter: &str) {
        if !self.client.subscribe(filter) {
            log::warn!("no commands are heard on this connection: it takes no subscription");
        }
    }

    /// Ends the connection in order, so that the broker forgets the will.
    pub fn disconnect(&self) {
        self.ended.store(true, Ordering::Release);
        // Where the request can't get through, the flag ends the connection at its next ping.
        self.client.disconnect();
    }
}

/// What the thread needs.
pub struct Session {
    /// Settings, and the sign to stop.
    pub shared: Arc<Shared>,
    /// For message ids.
    pub key: DeviceKey,
    /// Where events go.
    pub events: SyncSender<LinkEvent>,
    /// Something sent here ends a wait: the settings changed.
    pub hurry: Receiver<()>,
}

impl Session {
    /// Connects, pumps, waits, until the supervisor stops it.
    pub fn run(self, heartbeats: &Heartbeats) {
        let mut backoff = Backoff::default();
        while !self.shared.stopping() {
            heartbeats.beat(Stage::MqttIo);
            let settings = self.shared.settings();
            let Some(broker) = &settings.mqtt.broker else {
                self.shared.alarms.clear(Alarm::Broker);
                self.wait(IDLE_BEAT, heartbeats);
                continue;
            };
            let begun = Instant::now();
            // Before the files are read: what changes while they are is taken up by the next connection.
            let epoch = self.shared.connection_epoch();
            let problem = match self.options(&settings, broker) {
                Ok((options, session)) => self.pump(options, session, (&settings, epoch), heartbeats),
                Err(error) => Some(error.to_string()),
            };
            if self.shared.stopping() {
                break;
            }
            if let Some(problem) = problem {
                let text = format!("broker {}:{}: {problem}; results wait in the journal", broker.host, broker.port);
                self.shared.alarms.raise(Alarm::Broker, Severity::Warning, &text);
            }
            if begun.elapsed() >= PROVEN_AFTER {
                backoff.reset();
            }
            self.wait(backoff.next_wait(reach::random()), heartbeats);
        }
    }

    /// Waits, unless somebody is in a hurry: the settings changed or the appliance stops.
    fn wait(&self, wait: Duration, heartbeats: &Heartbeats) {
        let until = Instant::now() + wait;
        loop {
            heartbeats.beat(Stage::MqttIo);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.shared.stopping() {
                return;
            }
            match self.hurry.recv_timeout(left.min(IDLE_BEAT)) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn options(&self, settings: &Settings, broker: &Broker) -> Result<(ConnectOptions, String), SessionError> {
        let session = identity::random_hex(8).map_err(SessionError::Random)?;
        let credentials = match &broker.username {
            Some(username) => Some((username.clone(), password(broker.password_file.as_deref())?)),
            None => None,
        };
        let options = ConnectOptions {
            protocol: settings.mqtt.protocol,
            client_id: settings.device_id.clone(),
            host: broker.host.clone(),
            port: broker.port,
            keep_alive: settings.mqtt.keep_alive,
            packet_bytes_max: PACKET_BYTES_MAX,
            credentials,
            tls: broker.tls.as_ref().map(tls::client_config).transpose()?,
            will_topic: topics::below(&settings.mqtt.root, topics::HEALTH),
            will_payload: payload::health(&self.key, &session, Health::Down, 0, HEALTH_INTERVAL_S),
        };
        Ok((options, session))
    }

    /// Drives one connection to its end; why it ended, where nobody asked for that.
    fn pump(
        &self,
        options: ConnectOptions,
        session: String,
        (settings, epoch): (&Arc<Settings>, u32),
        heartbeats: &Heartbeats,
    ) -> Option<String> {
        let (client, mut connection) = client::connect(options);
        let ended = Arc::new(AtomicBool::new(false));
        let mut link = Some(Link {
            client,
            session,
            settings: Arc::clone(settings),
            epoch,
            packet_bytes_max: PACKET_BYTES_MAX as usize,
            in_flight_max: window::IN_FLIGHT_MAX,
            ended: Arc::clone(&ended),
        });
        let (problem, ending) = loop {
            heartbeats.beat(Stage::MqttIo);
            let incoming = match connection.next() {
                Ok(incoming) => incoming,
                Err((problem, ending)) => break (Some(problem), ending),
            };
            let event = match incoming {
                Incoming::Accepted { packet_bytes_max, receive_max } => link.take().map(|mut link| {
                    Counters::one(&self.shared.counters.connections);
                    if let Some(limit) = packet_bytes_max {
                        link.packet_bytes_max = link.packet_bytes_max.min(limit as usize);
                    }
                    if let Some(limit) = receive_max {
                        link.in_flight_max = link.in_flight_max.min(limit.into());
                    }
                    LinkEvent::Up(link)
                }),
                Incoming::Answered { packet_id, answer } => {
                    Some(LinkEvent::Answered(packet_id, answer.map_or_else(Answer::Refused, |()| Answer::Accepted)))
                }
                Incoming::Sent { packet_id } => Some(LinkEvent::Sent(packet_id)),
                Incoming::Message { topic, payload } => Some(LinkEvent::Message(topic, payload)),
                // The request to disconnect is stuck behind publishes that are not acknowledged.
                Incoming::Ping if ended.load(Ordering::Acquire) => {
                    break (Some("the broker does not acknowledge".to_owned()), Ending::Ours);
                }
                // A collision stalls the client until a timeout; a fresh one is quicker.
                Incoming::Collided => break (Some("packet ids collided".to_owned()), Ending::Ours),
                Incoming::Ended => break (None, Ending::Ours),
                Incoming::Ping | Incoming::Other => None,
            };
            if let Some(event) = event
                && self.events.send(event).is_err()
            {
                break (None, Ending::Ours);
            }
        };
        if link.is_none() {
            let _ = self.events.send(LinkEvent::Down(ending));
        }
        problem
    }
}

/// The first line of the password's file; empty without one.
pub(super) fn password(file: Option<&Path>) -> Result<String, SessionError> {
    let Some(file) = file else { return Ok(String::new()) };
    let text = std::fs::read_to_string(file)
        .map_err(|source| SessionError::Password { file: file.display().to_string(), source })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
