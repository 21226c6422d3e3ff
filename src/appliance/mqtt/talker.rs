//! A client that only publishes: for a load of simulated appliances, and for commands.
//!
//! It waits while the broker's window is full, counts what was acknowledged, and may die as a power cut lets
//! an appliance die, so that the broker publishes its will.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{LastWill, Packet, PubAckReason};
use rumqttc::v5::{Client, Connection, Event, MqttOptions};

use super::{payload, reach};
use crate::appliance::config::Broker;

/// Requests that the client queues; who says more waits.
const REQUESTS_MAX: usize = 64;
/// Packet ids that it goes through before it starts again.
const PACKET_IDS: u16 = 1024;
/// Largest packet, bytes.
const PACKET_BYTES_MAX: u32 = payload::MESSAGE_BYTES_MAX as u32 + 4096;
/// How often a wait looks.
const LOOK_PERIOD: Duration = Duration::from_millis(5);
/// Nobody publishes here: a subscription to it wakes a connection that is to die.
const NOTHING: &str = "deepspine/nothing";

#[derive(Default)]
struct Counts {
    acknowledged: AtomicU64,
    refused: AtomicU64,
    dying: AtomicBool,
}

/// A connection that publishes.
pub struct Talker {
    client: Client,
    counts: Arc<Counts>,
    said: u64,
    thread: Option<JoinHandle<()>>,
}

impl Talker {
    /// Connects as `client_id`, with a retained will where one is given, within `deadline`.
    ///
    /// # Errors
    /// What went wrong.
    pub fn connect(
        broker: &Broker,
        client_id: &str,
        will: Option<(String, Vec<u8>)>,
        deadline: Duration,
    ) -> Result<Self, String> {
        let mut options: MqttOptions = reach::options(broker, client_id)?;
        options
            .set_clean_start(true)
            .set_keep_alive(Duration::from_secs(30))
            .set_outgoing_inflight_upper_limit(PACKET_IDS)
            .set_max_packet_size(Some(PACKET_BYTES_MAX));
        if let Some((topic, message)) = will {
            options.set_last_will(LastWill::new(topic, message, QoS::AtLeastOnce, true, None));
        }
        let (client, connection) = Client::new(options, REQUESTS_MAX);
        let counts = Arc::new(Counts::default());
        let counting = Arc::clone(&counts);
        let (up, wait) = sync_channel::<Result<(), String>>(1);
        let thread = std::thread::Builder::new()
            .name("talker".to_owned())
            .spawn(move || pump(connection, &counting, |answer| drop(up.try_send(answer))))
            .map_err(|error| error.to_string())?;
        match wait.recv_timeout(deadline) {
            Ok(Ok(())) => Ok(Self { client, counts, said: 0, thread: Some(thread) }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(format!("no connection within {} s", deadline.as_secs())),
        }
    }

    /// Publishes at QoS 1, or 0 where nobody waits for an acknowledgement; waits while the window is full.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub fn say(&mut self, topic: &str, acknowledged: bool, retain: bool, payload: Vec<u8>) -> Result<(), String> {
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return Err("the connection is gone".to_owned());
        }
        let qos = if acknowledged { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        self.client.publish(topic, qos, retain, payload).map_err(|error| error.to_string())?;
        self.said += u64::from(acknowledged);
        Ok(())
    }

    /// Waits until the broker has answered for everything; how many publishes it refused.
    ///
    /// # Errors
    /// Where it has not within `deadline`.
    pub fn settle(&self, deadline: Duration) -> Result<u64, String> {
        let begun = Instant::now();
        loop {
            let refused = self.counts.refused.load(Ordering::Acquire);
            let answered = self.counts.acknowledged.load(Ordering::Acquire) + refused;
            if answered >= self.said {
                return Ok(refused);
            }
            let gone = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            if gone || begun.elapsed() > deadline {
                return Err(format!("the broker answered for {answered} of {} messages", self.said));
            }
            std::thread::sleep(LOOK_PERIOD);
        }
    }

    /// Ends the connection without a word, as a power cut does: the broker publishes the will.
    pub fn die(mut self) {
        self.counts.dying.store(true, Ordering::Release);
        let _ = self.client.try_subscribe(NOTHING, QoS::AtMostOnce);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // A connection that is gone already needs no end.
        if self.client.try_disconnect().is_ok() {
            let _ = thread.join();
        }
    }
}

fn pump(mut connection: Connection, counts: &Counts, up: impl Fn(Result<(), String>)) {
    while let Ok(event) = connection.recv() {
        match event {
            Ok(Event::Incoming(Packet::ConnAck(_))) => up(Ok(())),
            Ok(Event::Incoming(Packet::PubAck(ack))) => {
                let taken = matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
                let count = if taken { &counts.acknowledged } else { &counts.refused };
                count.fetch_add(1, Ordering::Release);
            }
            Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => return,
            Ok(_) => {}
            Err(error) => return up(Err(error.to_string())),
        }
        if counts.dying.load(Ordering::Acquire) {
            return;
        }
    }
}
