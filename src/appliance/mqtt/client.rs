//! rumqttc's two clients, one for each version of the protocol, behind one face.
//!
//! MQTT 5 says when the broker refuses a publish, and how large a packet it takes; 3.1.1 says neither: its
//! broker acknowledges a publish that its access list throws away. What comes in is told as [`Incoming`].

use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{Filter, PubAckReason, RetainForwardRule};
use rumqttc::{NetworkOptions, Outgoing, TlsConfiguration, Transport, v5};

use super::suspicion::Ending;
use crate::appliance::config::Protocol;

/// Requests that the client queues; more than the in-flight window, so that publishing never waits.
const REQUESTS_MAX: usize = 64;
/// Packet ids that the client goes through before it starts again: far more than are in flight, so that
/// an id is never used while its last publish waits (a collision stalls rumqttc).
const PACKET_IDS: u16 = 1024;
/// How long connecting may take, TLS included, seconds.
const CONNECT_TIMEOUT_S: u64 = 10;

// A publish that is in the window always finds room in the queue.
const _: () = assert!(REQUESTS_MAX > super::window::IN_FLIGHT_MAX);
const _: () = assert!(PACKET_IDS as usize > 4 * super::window::IN_FLIGHT_MAX);

/// What a connection is made with.
pub(super) struct ConnectOptions {
    pub(super) protocol: Protocol,
    pub(super) client_id: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) keep_alive: Duration,
    pub(super) packet_bytes_max: u32,
    pub(super) credentials: Option<(String, String)>,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    pub(super) will_topic: String,
    pub(super) will_payload: Vec<u8>,
}

/// What happened on a connection.
pub(super) enum Incoming {
    /// The broker took the connection; what it takes at most, where it says.
    Accepted { packet_bytes_max: Option<u32>, receive_max: Option<u16> },
    /// It answered for a publish; `Err` with the reason of a refusal.
    Answered { packet_id: u16, answer: Result<(), String> },
    /// A publish of ours went out.
    Sent { packet_id: u16 },
    /// A message to us.
    Message { topic: String, payload: Vec<u8> },
    /// A ping went out.
    Ping,
    /// A publish waits for a packet id that is not free.
    Collided,
    /// Our request to end went out.
    Ended,
    /// Nothing that matters here.
    Other,
}

/// Hands publishes to a connection.
#[derive(Clone)]
pub(super) enum Client {
    V5(v5::Client),
    V311(rumqttc::Client),
}

/// Drives a connection.
pub(super) enum Connection {
    V5(Box<v5::Connection>),
    V311(Box<rumqttc::Connection>),
}

/// A client and its connection, which begins when it is driven.
pub(super) fn connect(options: ConnectOptions) -> (Client, Connection) {
    let mut network = NetworkOptions::new();
    // A report must not wait for the acknowledgement of the segment before it.
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_TIMEOUT_S);
    match options.protocol {
        Protocol::V5 => connect_v5(options, network),
        Protocol::V311 => connect_v311(options, network),
    }
}

fn connect_v5(options: ConnectOptions, network: NetworkOptions) -> (Client, Connection) {
    let mut with = v5::MqttOptions::new(options.client_id, options.host, options.port);
    with.set_clean_start(true)
        .set_keep_alive(options.keep_alive)
        .set_connection_timeout(CONNECT_TIMEOUT_S)
        .set_outgoing_inflight_upper_limit(PACKET_IDS)
        .set_network_options(network)
        .set_max_packet_size(Some(options.packet_bytes_max))
        .set_last_will(v5::mqttbytes::v5::LastWill::new(
            options.will_topic,
            options.will_payload,
            v5::mqttbytes::QoS::AtLeastOnce,
            true,
            None,
        ));
    if let Some((username, password)) = options.credentials {
        with.set_credentials(username, password);
    }
    if let Some(config) = options.tls {
        with.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    }
    let (client, connection) = v5::Client::new(with, REQUESTS_MAX);
    (Client::V5(client), Connection::V5(Box::new(connection)))
}

fn connect_v311(options: ConnectOptions, network: NetworkOptions) -> (Client, Connection) {
    let mut with = rumqttc::MqttOptions::new(options.client_id, options.host, options.port);
    let packet_bytes_max = options.packet_bytes_max as usize;
    with.set_clean_session(true)
        .set_keep_alive(options.keep_alive)
        .set_inflight(PACKET_IDS)
        .set_max_packet_size(packet_bytes_max, packet_bytes_max)
        .set_last_will(rumqttc::LastWill::new(
            options.will_topic,
            options.will_payload,
            rumqttc::QoS::AtLeastOnce,
            true,
        ));
    if let Some((username, password)) = options.credentials {
        with.set_credentials(username, password);
    }
    if let Some(config) = options.tls {
        with.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    }
    let (client, mut connection) = rumqttc::Client::new(with, REQUESTS_MAX);
    connection.eventloop.set_network_options(network);
    (Client::V311(client), Connection::V311(Box::new(connection)))
}

impl Client {
    /// Hands over a publish, at QoS 1 or 0; `false` where the connection takes no more.
    pub(super) fn publish(&self, topic: &str, acknowledged: bool, retain: bool, payload: Vec<u8>) -> bool {
        match self {
            Self::V5(client) => {
                use v5::mqttbytes::QoS::{AtLeastOnce, AtMostOnce};
                let qos = if acknowledged { AtLeastOnce } else { AtMostOnce };
                client.try_publish(topic, qos, retain, payload).is_ok()
            }
            Self::V311(client) => {
                use rumqttc::QoS::{AtLeastOnce, AtMostOnce};
                let qos = if acknowledged { AtLeastOnce } else { AtMostOnce };
                client.try_publish(topic, qos, retain, payload).is_ok()
            }
        }
    }

    /// Asks for messages on `filter`; those of our own are left out where the protocol can do that.
    pub(super) fn subscribe(&self, filter: &str) -> bool {
        match self {
            Self::V5(client) => {
                let filter = Filter {
                    path: filter.to_owned(),
                    qos: v5::mqttbytes::QoS::AtLeastOnce,
                    nolocal: true,
                    preserve_retain: true,
                    retain_forward_rule: RetainForwardRule::OnEverySubscribe,
                };
                client.try_subscribe_many([filter]).is_ok()
            }
            Self::V311(client) => client.try_subscribe(filter, rumqttc::QoS::AtLeastOnce).is_ok(),
        }
    }

    /// Asks for an orderly end.
    pub(super) fn disconnect(&self) {
        // Where the request can't get through, whoever drives the connection gives it up.
        let _ = match self {
            Self::V5(client) => client.try_disconnect().is_ok(),
            Self::V311(client) => client.try_disconnect().is_ok(),
        };
    }
}

impl Connection {
    /// Waits for the next thing to happen.
    ///
    /// # Errors
    /// Why and how the connection is over.
    pub(super) fn next(&mut self) -> Result<Incoming, (String, Ending)> {
        let gone = || ("the client is gone".to_owned(), Ending::Ours);
        match self {
            Self::V5(connection) => match connection.recv().map_err(|_| gone())? {
                Ok(event) => Ok(told_by_v5(event)),
                Err(error) => Err(over_v5(&error)),
            },
            Self::V311(connection) => match connection.recv().map_err(|_| gone())? {
                Ok(event) => Ok(told_by_v311(event)),
                Err(error) => Err(over_v311(&error)),
            },
        }
    }
}

fn over_v5(error: &v5::ConnectionError) -> (String, Ending) {
    use v5::StateError::{Deserialization, InvalidState, ServerDisconnect, Unsolicited, WrongPacket};
    match error {
        v5::ConnectionError::ConnectionRefused(code) => (format!("refuses the connection: {code:?}"), Ending::Lost),
        v5::ConnectionError::MqttState(
            Deserialization(_) | ServerDisconnect { .. } | WrongPacket | InvalidState | Unsolicited(_),
        ) => (in_words(error), Ending::ByBroker),
        _ => (in_words(error), Ending::Lost),
    }
}

fn over_v311(error: &rumqttc::ConnectionError) -> (String, Ending) {
    use rumqttc::StateError::{Deserialization, InvalidState, Unsolicited, WrongPacket};
    match error {
        rumqttc::ConnectionError::ConnectionRefused(code) => {
            (format!("refuses the connection: {code:?}"), Ending::Lost)
        }
        rumqttc::ConnectionError::MqttState(Deserialization(_) | WrongPacket | InvalidState | Unsolicited(_)) => {
            (in_words(error), Ending::ByBroker)
        }
        _ => (in_words(error), Ending::Lost),
    }
}

/// What a library says, without the moments that rustls puts behind an expired certificate: the same problem
/// has the same words.
fn in_words(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    text.split(": verification time").next().unwrap_or_default().to_owned()
}

fn told_by_v5(event: v5::Event) -> Incoming {
    use v5::mqttbytes::v5::Packet;
    match event {
        v5::Event::Incoming(Packet::ConnAck(ack)) => {
            let properties = ack.properties;
            Incoming::Accepted {
                packet_bytes_max: properties.as_ref().and_then(|p| p.max_packet_size),
                receive_max: properties.and_then(|p| p.receive_max),
            }
        }
        v5::Event::Incoming(Packet::PubAck(ack)) => Incoming::Answered {
            packet_id: ack.pkid,
            answer: match ack.reason {
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Ok(()),
                refused => Err(format!("{refused:?}")),
            },
        },
        v5::Event::Incoming(Packet::Publish(publish)) => Incoming::Message {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload.to_vec(),
        },
        v5::Event::Incoming(_) => Incoming::Other,
        v5::Event::Outgoing(outgoing) => told_by(outgoing),
    }
}

fn told_by_v311(event: rumqttc::Event) -> Incoming {
    use rumqttc::Packet;
    match event {
        rumqttc::Event::Incoming(Packet::ConnAck(_)) => {
            Incoming::Accepted { packet_bytes_max: None, receive_max: None }
        }
        rumqttc::Event::Incoming(Packet::PubAck(ack)) => Incoming::Answered { packet_id: ack.pkid, answer: Ok(()) },
        rumqttc::Event::Incoming(Packet::Publish(publish)) => {
            Incoming::Message { topic: publish.topic, payload: publish.payload.to_vec() }
        }
        rumqttc::Event::Incoming(_) => Incoming::Other,
        rumqttc::Event::Outgoing(outgoing) => told_by(outgoing),
    }
}

fn told_by(outgoing: Outgoing) -> Incoming {
    match outgoing {
        // A publish at QoS 0 has no packet id, and nothing follows on it.
        Outgoing::Publish(packet_id) if packet_id > 0 => Incoming::Sent { packet_id },
        Outgoing::PingReq => Incoming::Ping,
        Outgoing::AwaitAck(_) => Incoming::Collided,
        Outgoing::Disconnect => Incoming::Ended,
        _ => Incoming::Other,
    }
}
