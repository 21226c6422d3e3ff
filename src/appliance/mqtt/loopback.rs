//! A small MQTT 5 broker on the loopback address, for the demonstration and for tests.
//!
//! It keeps nothing but retained messages, in memory; it knows QoS 0 and 1, wildcards, retained
//! messages, wills and keep-alive pings, and no more. Everything it holds has a limit. For tests it
//! refuses, swallows or breaks off publishes as [`Verdict`] says. A broker for a clinic is
//! mosquitto or its like, not this.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectReturnCode, LastWill, Packet, PingResp, PubAck, PubAckReason, Publish, SubAck, SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{Error, QoS, matches};

/// Most clients at a time.
const CLIENTS_MAX: usize = 16;
/// Most filters of one client.
const FILTERS_MAX: usize = 32;
/// Most retained messages.
const RETAINED_MAX: usize = 256;
/// Packets that wait for a slow client; more are dropped.
const QUEUED_MAX: usize = 256;
/// Largest packet, bytes.
const PACKET_BYTES_MAX: u32 = 128 * 1024;

/// What becomes of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Taken and acknowledged.
    Accept,
    /// Acknowledged with a reason that refuses it: not authorised.
    Refuse,
    /// Neither taken nor acknowledged.
    Swallow,
    /// The connection breaks off before it is acknowledged.
    BreakOff,
}

/// Decides on each publish by its topic.
pub type Judge = Box<dyn Fn(&str) -> Verdict + Send + Sync>;

struct Subscriber {
    id: u64,
    filters: Vec<String>,
    outgoing: SyncSender<Packet>,
    last_packet_id: u16,
}

impl Subscriber {
    /// Hands a message over under the next packet id, as QoS 1 wants it.
    fn give(&mut self, message: Publish) {
        self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
        send(&self.outgoing, Packet::Publish(Publish { pkid: self.last_packet_id, ..message }));
    }
}

#[derive(Default)]
struct State {
    subscribers: Vec<Subscriber>,
    retained: BTreeMap<String, Publish>,
}

struct Broker {
    state: Mutex<State>,
    judge: Judge,
    stopping: AtomicBool,
    sockets: Mutex<BTreeMap<u64, TcpStream>>,
}

/// A running broker; dropping it ends it and its connections.
pub struct Loopback {
    address: SocketAddr,
    broker: Arc<Broker>,
}

impl Loopback {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Where no port can be bound or no thread started.
    pub fn start(judge: Judge) -> io::Result<Self> {
        Self::start_at(0, judge)
    }

    /// Starts on `port` of 127.0.0.1.
    ///
    /// # Errors
    /// Where the port can't be bound or no thread started.
    pub fn start_at(port: u16, judge: Judge) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let broker = Arc::new(Broker {
            state: Mutex::default(),
            judge,
            stopping: AtomicBool::new(false),
            sockets: Mutex::default(),
        });
        let serving = Arc::clone(&broker);
        std::thread::Builder::new().name("loopback".to_owned()).spawn(move || accept(&listener, &serving))?;
        Ok(Self { address, broker })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// As `mqtt.broker` wants it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.broker.stopping.store(true, Ordering::Release);
        for socket in locked(&self.broker.sockets).values() {
            // One that is closed already needs no closing.
            let _ = socket.shutdown(Shutdown::Both);
        }
        // The accepting thread sees the sign to stop with its next connection: this one.
        let _ = TcpStream::connect(self.address);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, broker: &Arc<Broker>) {
    for (id, socket) in (0..).zip(listener.incoming()) {
        if broker.stopping.load(Ordering::Acquire) {
            return;
        }
        let Ok(socket) = socket else { continue };
        if locked(&broker.sockets).len() >= CLIENTS_MAX {
            log::warn!("the loopback broker has {CLIENTS_MAX} clients; one more is turned away");
            continue;
        }
        let broker = Arc::clone(broker);
        let served = std::thread::Builder::new().name("loopback-client".to_owned()).spawn(move || {
            if let Err(error) = serve(id, socket, &broker) {
                log::debug!("loopback client {id}: {error}");
            }
            locked(&broker.sockets).remove(&id);
            locked(&broker.state).subscribers.retain(|s| s.id != id);
        });
        if let Err(error) = served {
            log::warn!("the loopback broker can't serve a client: {error}");
        }
    }
}

/// Serves one client from CONNECT to its end.
fn serve(id: u64, socket: TcpStream, broker: &Broker) -> io::Result<()> {
    socket.set_nodelay(true)?;
    locked(&broker.sockets).insert(id, socket.try_clone()?);
    let mut packets = Packets { socket: socket.try_clone()?, buffer: BytesMut::new() };
    let Some(Packet::Connect(_, mut will, _)) = packets.next()? else { return Ok(()) };
    let (outgoing, queue) = sync_channel(QUEUED_MAX);
    let writer = std::thread::Builder::new().name("loopback-writer".to_owned());
    let writer = writer.spawn(move || write_all(socket, &queue))?;
    let accepted = ConnAck { session_present: false, code: ConnectReturnCode::Success, properties: None };
    send(&outgoing, Packet::ConnAck(accepted));
    locked(&broker.state).subscribers.push(Subscriber {
        id,
        filters: Vec::new(),
        outgoing: outgoing.clone(),
        last_packet_id: 0,
    });
    let result = converse(id, &mut packets, broker, &outgoing, &mut will);
    if let Some(will) = will {
        broker.distribute(Publish {
            retain: will.retain,
            ..Publish::new(text(&will.topic), will.qos, will.message, None)
        });
    }
    locked(&broker.state).subscribers.retain(|s| s.id != id);
    drop(outgoing);
    let _ = writer.join();
    result
}

fn converse(
    id: u64,
    packets: &mut Packets,
    broker: &Broker,
    outgoing: &SyncSender<Packet>,
    will: &mut Option<LastWill>,
) -> io::Result<()> {
    while let Some(packet) = packets.next()? {
        match packet {
            Packet::PingReq(_) => send(outgoing, Packet::PingResp(PingResp)),
            Packet::Disconnect(_) => {
                *will = None;
                return Ok(());
            }
            Packet::Subscribe(subscribe) => {
                let return_codes = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce); subscribe.filters.len()];
                send(outgoing, Packet::SubAck(SubAck { pkid: subscribe.pkid, return_codes, properties: None }));
                broker.subscribe(id, subscribe.filters.into_iter().map(|f| f.path).collect());
            }
            Packet::Publish(publish) => {
                let verdict = (broker.judge)(&text(&publish.topic));
                let mut ack = PubAck::new(publish.pkid, None);
                match verdict {
                    Verdict::BreakOff => return Ok(()),
                    Verdict::Swallow => continue,
                    Verdict::Refuse => ack.reason = PubAckReason::NotAuthorized,
                    Verdict::Accept => {}
                }
                if publish.qos == QoS::AtLeastOnce {
                    send(outgoing, Packet::PubAck(ack));
                }
                if verdict == Verdict::Accept {
                    broker.distribute(publish);
                }
            }
            Packet::PubAck(_) => {}
            other => return Err(io::Error::other(format!("a packet that this broker does not know: {other:?}"))),
        }
    }
    Ok(())
}

impl Broker {
    fn subscribe(&self, id: u64, filters: Vec<String>) {
        let mut state = locked(&self.state);
        let State { subscribers, retained } = &mut *state;
        let Some(subscriber) = subscribers.iter_mut().find(|s| s.id == id) else { return };
        for filter in filters {
            for message in retained.values().filter(|m| matches(&text(&m.topic), &filter)) {
                subscriber.give(message.clone());
            }
            if subscriber.filters.len() < FILTERS_MAX {
                subscriber.filters.push(filter);
            }
        }
    }

    fn distribute(&self, publish: Publish) {
        let mut state = locked(&self.state);
        let topic = text(&publish.topic);
        if publish.retain {
            if publish.payload.is_empty() {
                state.retained.remove(&topic);
            } else if state.retained.len() < RETAINED_MAX || state.retained.contains_key(&topic) {
                state.retained.insert(topic.clone(), Publish { dup: false, ..publish.clone() });
            }
        }
        let copy = Publish { dup: false, retain: false, properties: None, ..publish };
        for subscriber in &mut state.subscribers {
            if subscriber.filters.iter().any(|f| matches(&topic, f)) {
                subscriber.give(copy.clone());
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A client that does not read loses what does not fit its queue, and nobody waits for it.
fn send(outgoing: &SyncSender<Packet>, packet: Packet) {
    if outgoing.try_send(packet).is_err() {
        log::debug!("a packet for a slow or gone loopback client is dropped");
    }
}

fn write_all(mut socket: TcpStream, queue: &Receiver<Packet>) {
    let mut buffer = BytesMut::new();
    for packet in queue {
        buffer.clear();
        let written = packet.write(&mut buffer, Some(PACKET_BYTES_MAX));
        if written.is_err() || socket.write_all(&buffer).is_err() {
            break;
        }
    }
    // Ends the reading side as well, so that its client is cleaned up.
    let _ = socket.shutdown(Shutdown::Both);
}

/// Packets out of a socket.
struct Packets {
    socket: TcpStream,
    buffer: BytesMut,
}

impl Packets {
    fn next(&mut self) -> io::Result<Option<Packet>> {
        loop {
            // rumqttc's codec does not know a DISCONNECT without a body, which is the usual one.
            if self.buffer.starts_with(&[0xe0, 0x00]) {
                return Ok(Some(Packet::Disconnect(normal_disconnect())));
            }
            match Packet::read(&mut self.buffer, Some(PACKET_BYTES_MAX)) {
                Ok(packet) => return Ok(Some(packet)),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
            }
            let mut chunk = [0; 4096];
            match self.socket.read(&mut chunk)? {
                0 => return Ok(None),
                read => self.buffer.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            }
        }
    }
}

fn normal_disconnect() -> rumqttc::v5::mqttbytes::v5::Disconnect {
    use rumqttc::v5::mqttbytes::v5::{Disconnect, DisconnectReasonCode};
    Disconnect::new(DisconnectReasonCode::NormalDisconnection)
}
