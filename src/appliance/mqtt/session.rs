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

use rumqttc::Outgoing;
use rumqttc::Transport;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, Packet, PubAckReason};
use rumqttc::v5::{Client, ConnectionError, Event, MqttOptions};

use super::backoff::Backoff;
use super::payload::{self, Health, MESSAGE_BYTES_MAX};
use super::{tls, topics};
use crate::appliance::config::{Broker, Settings};
use crate::appliance::health::{Heartbeats, Stage};
use crate::appliance::identity::{self, DeviceKey};
use crate::appliance::shared::Shared;

/// How often the health status is repeated, seconds.
pub const HEALTH_INTERVAL_S: u64 = 60;
/// Requests that the client queues; more than the in-flight window, so that publishing never waits.
const REQUESTS_MAX: usize = 64;
/// Packet ids that the client goes through before it starts again: far more than are in flight, so that
/// an id is never used while its last publish waits (a collision stalls rumqttc).
const PACKET_IDS: u16 = 1024;
/// Largest packet, both ways: a message with its topic and properties.
const PACKET_BYTES_MAX: u32 = MESSAGE_BYTES_MAX as u32 + 1024;
/// A connection that lasted this long proved itself.
const PROVEN_AFTER: Duration = Duration::from_secs(30);
/// How often a wait looks whether it is time to stop.
const WAIT_SLICE: Duration = Duration::from_millis(500);
/// How long connecting may take, TLS included, seconds.
const CONNECT_TIMEOUT_S: u64 = 10;

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

/// What happens on the connection.
pub enum LinkEvent {
    /// The broker took the connection.
    Up(Link),
    /// The oldest publish that was handed over went out with this packet id.
    Sent(u16),
    /// The broker answered for a packet id: accepted, or refused with a reason.
    Answered(u16, Answer),
    /// The connection is gone.
    Down,
    /// Nothing from the connection: there is something new in the outbox.
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
    /// Largest packet that the broker takes, bytes.
    pub packet_bytes_max: usize,
    ended: Arc<AtomicBool>,
}

impl Link {
    /// Hands a QoS 1 publish to the connection; `false` where it takes no more.
    #[must_use]
    pub fn publish(&self, topic: &str, retain: bool, payload: Vec<u8>) -> bool {
        self.client.try_publish(topic, QoS::AtLeastOnce, retain, payload).is_ok()
    }

    /// Ends the connection in order, so that the broker forgets the will.
    pub fn disconnect(&self) {
        self.ended.store(true, Ordering::Release);
        // Where the request can't get through, the flag ends the connection at its next ping.
        let _ = self.client.try_disconnect();
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
        let mut last_problem = None;
        while !self.shared.stopping() {
            heartbeats.beat(Stage::MqttIo);
            let settings = self.shared.settings();
            let Some(broker) = &settings.mqtt.broker else {
                self.wait(WAIT_SLICE, heartbeats);
                continue;
            };
            let begun = Instant::now();
            let problem = match self.options(&settings, broker) {
                Ok((options, session)) => self.pump(options, session, &settings, heartbeats),
                Err(error) => error.to_string(),
            };
            if self.shared.stopping() {
                break;
            }
            // One line a change of state, not one a retry.
            if last_problem.as_ref() != Some(&problem) {
                log::warn!("broker {}:{}: {problem}; results wait in the journal", broker.host, broker.port);
                last_problem = Some(problem);
            }
            if begun.elapsed() >= PROVEN_AFTER {
                backoff.reset();
                last_problem = None;
            }
            self.wait(backoff.next_wait(random()), heartbeats);
        }
    }

    fn wait(&self, wait: Duration, heartbeats: &Heartbeats) {
        let until = Instant::now() + wait;
        loop {
            heartbeats.beat(Stage::MqttIo);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.shared.stopping() {
                return;
            }
            match self.hurry.recv_timeout(left.min(WAIT_SLICE)) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn options(&self, settings: &Settings, broker: &Broker) -> Result<(MqttOptions, String), SessionError> {
        let session = identity::random_hex(8).map_err(SessionError::Random)?;
        let mut options = MqttOptions::new(&settings.device_id, &broker.host, broker.port);
        options
            .set_clean_start(true)
            .set_keep_alive(settings.mqtt.keep_alive)
            .set_connection_timeout(CONNECT_TIMEOUT_S)
            .set_outgoing_inflight_upper_limit(PACKET_IDS)
            .set_max_packet_size(Some(PACKET_BYTES_MAX))
            .set_last_will(LastWill::new(
                topics::below(&settings.mqtt.root, topics::HEALTH),
                payload::health(&self.key, &session, Health::Down, HEALTH_INTERVAL_S),
                QoS::AtLeastOnce,
                true,
                None,
            ));
        if let Some(username) = &broker.username {
            options.set_credentials(username, password(broker.password_file.as_deref())?);
        }
        if let Some(files) = &broker.tls {
            let config = tls::client_config(files)?;
            options.set_transport(Transport::tls_with_config(rumqttc::TlsConfiguration::Rustls(config)));
        }
        Ok((options, session))
    }

    /// Drives one connection to its end; why it ended.
    fn pump(&self, options: MqttOptions, session: String, settings: &Arc<Settings>, heartbeats: &Heartbeats) -> String {
        let (client, mut connection) = Client::new(options, REQUESTS_MAX);
        let ended = Arc::new(AtomicBool::new(false));
        let mut link = Some(Link {
            client,
            session,
            settings: Arc::clone(settings),
            packet_bytes_max: PACKET_BYTES_MAX as usize,
            ended: Arc::clone(&ended),
        });
        let mut was_up = false;
        let problem = loop {
            heartbeats.beat(Stage::MqttIo);
            let event = match connection.recv() {
                Ok(Ok(event)) => event,
                Ok(Err(error)) => break told(&error),
                Err(_) => break "the client is gone".to_owned(),
            };
            let forward = match event {
                Event::Incoming(Packet::ConnAck(ack)) => link.take().map(|mut link| {
                    was_up = true;
                    let limit = ack.properties.and_then(|p| p.max_packet_size).unwrap_or(PACKET_BYTES_MAX);
                    link.packet_bytes_max = link.packet_bytes_max.min(limit as usize);
                    LinkEvent::Up(link)
                }),
                Event::Incoming(Packet::PubAck(ack)) => Some(LinkEvent::Answered(ack.pkid, answer(ack.reason))),
                Event::Outgoing(Outgoing::Publish(packet_id)) => Some(LinkEvent::Sent(packet_id)),
                // The request to disconnect is stuck behind publishes that are not acknowledged.
                Event::Outgoing(Outgoing::PingReq) if ended.load(Ordering::Acquire) => {
                    break "the broker does not acknowledge".to_owned();
                }
                // A collision stalls the client until a timeout; a fresh one is quicker.
                Event::Outgoing(Outgoing::AwaitAck(_)) => break "packet ids collided".to_owned(),
                Event::Outgoing(Outgoing::Disconnect) => break "the connection was ended in order".to_owned(),
                _ => None,
            };
            if let Some(event) = forward
                && self.events.send(event).is_err()
            {
                break "delivery is gone".to_owned();
            }
        };
        if was_up {
            let _ = self.events.send(LinkEvent::Down);
        }
        problem
    }
}

fn answer(reason: PubAckReason) -> Answer {
    match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Answer::Accepted,
        refused => Answer::Refused(format!("{refused:?}")),
    }
}

fn told(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(code) => format!("refuses the connection: {code:?}"),
        other => other.to_string(),
    }
}

fn password(file: Option<&Path>) -> Result<String, SessionError> {
    let Some(file) = file else { return Ok(String::new()) };
    let text = std::fs::read_to_string(file)
        .map_err(|source| SessionError::Password { file: file.display().to_string(), source })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Even over all of `u32`; without randomness the longest wait is the safe one.
fn random() -> u32 {
    let mut bytes = [0xff; 4];
    let _ = getrandom::fill(&mut bytes);
    u32::from_ne_bytes(bytes)
}
