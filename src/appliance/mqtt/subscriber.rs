//! A client that only listens: what a subscriber receives, for the demonstration and for tests.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Event, MqttOptions};

/// Messages that wait for somebody to take them; the connection waits beyond that.
const WAITING_MAX: usize = 256;
/// Largest packet that is received, bytes.
const PACKET_BYTES_MAX: u32 = 256 * 1024;

/// One message as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The whole topic.
    pub topic: String,
    /// Whether the broker had kept it.
    pub retained: bool,
    /// The payload.
    pub payload: Vec<u8>,
}

/// A subscription; dropping it ends the connection.
pub struct Subscriber {
    client: Client,
    messages: Receiver<Received>,
}

impl Subscriber {
    /// Connects as `client_id` and subscribes to `filter` at QoS 1; waits until the broker granted it.
    ///
    /// # Errors
    /// What went wrong, or that `deadline` passed.
    pub fn connect(host: &str, port: u16, client_id: &str, filter: &str, deadline: Duration) -> Result<Self, String> {
        let mut options = MqttOptions::new(client_id, host, port);
        options
            .set_clean_start(true)
            .set_keep_alive(Duration::from_secs(30))
            .set_max_packet_size(Some(PACKET_BYTES_MAX));
        let (client, mut connection) = Client::new(options, 8);
        client.try_subscribe(filter, QoS::AtLeastOnce).map_err(|e| e.to_string())?;
        let (incoming, messages) = sync_channel(WAITING_MAX);
        let (granted, wait) = sync_channel::<Result<(), String>>(1);
        std::thread::Builder::new()
            .name("subscriber".to_owned())
            .spawn(move || {
                loop {
                    match connection.recv() {
                        Ok(Ok(Event::Incoming(Packet::SubAck(_)))) => {
                            let _ = granted.try_send(Ok(()));
                        }
                        Ok(Ok(Event::Incoming(Packet::Publish(publish)))) => {
                            let received = Received {
                                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                                retained: publish.retain,
                                payload: publish.payload.to_vec(),
                            };
                            if incoming.send(received).is_err() {
                                return;
                            }
                        }
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => {
                            let _ = granted.try_send(Err(error.to_string()));
                            return;
                        }
                        Err(_) => return,
                    }
                }
            })
            .map_err(|e| e.to_string())?;
        match wait.recv_timeout(deadline) {
            Ok(Ok(())) => Ok(Self { client, messages }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(format!("no subscription within {} s", deadline.as_secs())),
        }
    }

    /// The next message within `wait`; `None` where there is none.
    ///
    /// # Errors
    /// Where the connection ended.
    pub fn next(&self, wait: Duration) -> Result<Option<Received>, String> {
        match self.messages.recv_timeout(wait) {
            Ok(message) => Ok(Some(message)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err("the subscriber's connection ended".to_owned()),
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // A connection that is gone already needs no end.
        let _ = self.client.try_disconnect();
    }
}
