//! The other end of the wire: a client that only receives, for as long as it runs, and acknowledges what it was
//! told to keep only once that is kept.
//!
//! One connection after another, each with a fresh client, as in `session`. With a session that the broker
//! keeps, what was not acknowledged comes again on the next connection, to this process or the one after it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, RetainForwardRule, SubscribeReasonCode};
use rumqttc::v5::{Client, Event, MqttOptions};

use super::backoff::Backoff;
use super::{payload, reach};
use crate::appliance::config::Broker;

/// Messages at QoS 1 that the broker lets wait for our acknowledgement.
pub const RECEIVE_MAX: u16 = 1000;
/// Messages that wait for somebody to take them: all that are unacknowledged, and as many numbers.
const WAITING_MAX: usize = 2 * RECEIVE_MAX as usize;
/// Requests that the client queues: an acknowledgement for each message, and the subscriptions.
const REQUESTS_MAX: usize = WAITING_MAX + 64;
/// Largest packet that is received, bytes.
const PACKET_BYTES_MAX: u32 = payload::MESSAGE_BYTES_MAX as u32 + 4096;
/// Most filters of one listener.
const FILTERS_MAX: usize = 16;
/// Keep-alive of the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// A connection that lasted this long proved itself.
const PROVEN_AFTER: Duration = Duration::from_secs(30);
/// Longest that a wait for the next connection goes on without a look whether it is still wanted.
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// What a listener is made with.
#[derive(Debug, Clone)]
pub struct Listening {
    /// Where the broker is.
    pub broker: Broker,
    /// The client's id; with a kept session always the same one.
    pub client_id: String,
    /// What to subscribe to, at QoS 1.
    pub filters: Vec<String>,
    /// How long the broker keeps the session while we are away; `None`: it keeps none, and messages are
    /// acknowledged as they come.
    pub kept: Option<Duration>,
}

/// What a listener tells.
#[derive(Debug)]
pub enum Told {
    /// A connection stands and the broker granted the subscriptions.
    Connected,
    /// A message.
    Message(Heard),
    /// There is no connection, for this reason; the next is tried.
    Lost(String),
}

/// A message as it came in.
#[derive(Debug)]
pub struct Heard {
    /// The whole topic.
    pub topic: String,
    /// Whether the broker had kept it before we subscribed.
    pub retained: bool,
    /// The payload.
    pub payload: Vec<u8>,
    /// With which it is acknowledged; `None` where nobody waits for that.
    pub receipt: Option<Receipt>,
}

/// Stands for the acknowledgement of one message on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    connection: u64,
    packet_id: u16,
}

struct Shared {
    stopping: AtomicBool,
    /// Numbers that were thrown away because nobody took them in time.
    dropped: AtomicU64,
    /// The connection that stands: its number and its client.
    client: Mutex<Option<(u64, Client)>>,
}

/// A listener; dropping it ends its connection, whose kept session stays with the broker.
pub struct Listener {
    told: Receiver<Told>,
    shared: Arc<Shared>,
}

impl Listener {
    /// Starts listening on a thread of its own.
    ///
    /// # Errors
    /// Where it has too many filters or there is no thread.
    pub fn start(listening: Listening) -> Result<Self, String> {
        if listening.filters.len() > FILTERS_MAX {
            return Err(format!("more than {FILTERS_MAX} subscriptions"));
        }
        let shared =
            Arc::new(Shared { stopping: AtomicBool::new(false), dropped: AtomicU64::new(0), client: Mutex::default() });
        let (telling, told) = sync_channel(WAITING_MAX);
        let thread = Thread { listening, shared: Arc::clone(&shared), telling };
        std::thread::Builder::new()
            .name("listener".to_owned())
            .spawn(move || thread.run())
            .map_err(|error| error.to_string())?;
        Ok(Self { told, shared })
    }

    /// The next thing told within `wait`; `None` where there is nothing.
    ///
    /// # Errors
    /// Where the listener's thread has ended.
    pub fn next(&self, wait: Duration) -> Result<Option<Told>, String> {
        match self.told.recv_timeout(wait) {
            Ok(told) => Ok(Some(told)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err("the listener's thread has ended".to_owned()),
        }
    }

    /// Acknowledges a message; one of an earlier connection comes again and is acknowledged then.
    pub fn acknowledge(&self, receipt: &Receipt) {
        let client = self.shared.client.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((connection, client)) = client.as_ref() else { return };
        if *connection == receipt.connection {
            let publish = Publish { qos: QoS::AtLeastOnce, pkid: receipt.packet_id, ..Publish::default() };
            // There is room for every message that may be unacknowledged; without the connection it comes again.
            let _ = client.try_ack(&publish);
        }
    }

    /// Messages at QoS 0 that were thrown away because they came faster than they were taken.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        if let Some((_, client)) = self.shared.client.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A connection that is gone already needs no end.
            let _ = client.try_disconnect();
        }
    }
}

struct Thread {
    listening: Listening,
    shared: Arc<Shared>,
    telling: SyncSender<Told>,
}

impl Thread {
    fn run(self) {
        let mut backoff = Backoff::default();
        for connection in 0_u64.. {
            let begun = Instant::now();
            let problem = match self.options() {
                Ok(options) => self.pump(options, connection),
                Err(problem) => problem,
            };
            self.keep_client(None);
            if self.is_stopping() || self.telling.send(Told::Lost(problem)).is_err() {
                return;
            }
            if begun.elapsed() >= PROVEN_AFTER {
                backoff.reset();
            }
            let until = Instant::now() + backoff.next_wait(reach::random());
            while Instant::now() < until {
                if self.is_stopping() {
                    return;
                }
                std::thread::sleep(LOOK_PERIOD.min(until.saturating_duration_since(Instant::now())));
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Acquire)
    }

    fn keep_client(&self, client: Option<(u64, Client)>) {
        *self.shared.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }

    fn options(&self) -> Result<MqttOptions, String> {
        let Listening { broker, client_id, kept, .. } = &self.listening;
        let mut options = reach::options(broker, client_id)?;
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_start(kept.is_none())
            .set_manual_acks(kept.is_some())
            .set_max_packet_size(Some(PACKET_BYTES_MAX))
            .set_receive_maximum(Some(RECEIVE_MAX))
            .set_session_expiry_interval(kept.map(|kept| u32::try_from(kept.as_secs()).unwrap_or(u32::MAX)));
        Ok(options)
    }

    /// Drives one connection to its end; why it ended.
    fn pump(&self, options: MqttOptions, number: u64) -> String {
        let (client, mut connection) = Client::new(options, REQUESTS_MAX);
        let filters = self.listening.filters.iter().map(|path| Filter {
            path: path.clone(),
            qos: QoS::AtLeastOnce,
            nolocal: false,
            // What was kept and what is new are told apart by the flag.
            preserve_retain: false,
            retain_forward_rule: RetainForwardRule::OnEverySubscribe,
        });
        if client.try_subscribe_many(filters).is_err() {
            return "the client takes no subscription".to_owned();
        }
        self.keep_client(Some((number, client)));
        while let Ok(event) = connection.recv() {
            let told = match event {
                Ok(Event::Incoming(Packet::SubAck(ack))) => {
                    let refused = ack.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
                    match refused {
                        Some(code) => return format!("the broker refuses a subscription: {code:?}"),
                        None => Told::Connected,
                    }
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => Told::Message(self.heard(publish, number)),
                Ok(_) => continue,
                Err(error) => return error.to_string(),
            };
            if !self.tell(told) {
                break;
            }
        }
        "ended".to_owned()
    }

    fn heard(&self, publish: Publish, connection: u64) -> Heard {
        let kept = self.listening.kept.is_some() && publish.qos == QoS::AtLeastOnce;
        Heard {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            retained: publish.retain,
            receipt: kept.then_some(Receipt { connection, packet_id: publish.pkid }),
            payload: publish.payload.to_vec(),
        }
    }

    /// `false` where nobody listens any more. Numbers that come too fast are thrown away: newer ones follow.
    fn tell(&self, told: Told) -> bool {
        let may_wait =
            !matches!(&told, Told::Message(heard) if self.listening.kept.is_some() && heard.receipt.is_none());
        if may_wait {
            return self.telling.send(told).is_ok();
        }
        match self.telling.try_send(told) {
            Err(TrySendError::Full(_)) => {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                true
            }
            sent => sent.is_ok(),
        }
    }
}
