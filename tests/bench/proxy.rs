//! The way to the broker, and what a bad network, or a bad broker, does on it.
//!
//! A TCP proxy that can be told, while connections run, to drop, to fall silent, to be slow, or to
//! change what the broker answers. Behind it stands a real broker, so only the fault is a fake.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a connection looks whether its mode changed.
const SLICE: Duration = Duration::from_millis(50);
/// First byte of a PUBACK packet.
const PUBACK: u8 = 0x40;
/// First byte of a TLS handshake; no packet of MQTT begins so.
const TLS_HANDSHAKE: u8 = 0x16;
/// Reason code of a broker whose quota is used up.
const QUOTA_EXCEEDED: u8 = 0x97;

/// What happens on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    /// Everything gets through.
    Pass,
    /// A connection is closed as soon as it is there.
    DropOnConnect,
    /// A connection is closed at its first byte.
    DropOnHello,
    /// A connection stays, and nothing ever comes of it, in either direction; also one that worked before.
    Silent,
    /// So many bytes a second in each direction.
    Slow(usize),
    /// Publishes are never acknowledged.
    NoAck,
    /// They are acknowledged late.
    LateAck(Duration),
    /// Every publish is refused: the quota is used up.
    Quota,
    /// A broker that speaks only MQTT 3.1.1.
    OnlyOld,
}

struct State {
    mode: Mutex<Mode>,
    upstream: AtomicU16,
    /// Connections of an earlier generation end.
    generation: AtomicUsize,
    connects: AtomicUsize,
    over: AtomicBool,
}

/// A listening proxy; ends with its owner.
pub(crate) struct Proxy {
    state: Arc<State>,
    /// Its port on loopback.
    pub(crate) port: u16,
}

impl Proxy {
    /// Listens on a free port and leads to `upstream` on loopback.
    pub(crate) fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let state = Arc::new(State {
            mode: Mutex::new(Mode::Pass),
            upstream: AtomicU16::new(upstream),
            generation: AtomicUsize::new(0),
            connects: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                shared.connects.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.serve(client));
            }
        });
        Self { state, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Another mode from now on, also for connections that run.
    pub(crate) fn set(&self, mode: Mode) {
        *self.state.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Ends every connection.
    pub(crate) fn sever(&self) {
        self.state.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Connections since the last time this was asked.
    pub(crate) fn connects(&self) -> usize {
        self.state.connects.swap(0, Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        self.sever();
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl State {
    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(self: Arc<Self>, client: TcpStream) {
        let generation = self.generation.load(Ordering::SeqCst);
        if self.mode() == Mode::DropOnConnect {
            return;
        }
        let Ok(broker) = TcpStream::connect(("127.0.0.1", self.upstream.load(Ordering::SeqCst))) else { return };
        let (Ok(client_again), Ok(broker_again)) = (client.try_clone(), broker.try_clone()) else { return };
        let shared = Arc::clone(&self);
        let up = std::thread::spawn(move || shared.carry(client_again, broker_again, generation, true));
        self.carry(broker, client, generation, false);
        let _ = up.join();
    }

    /// Carries bytes one way until either side ends, or the generation.
    fn carry(&self, mut from: TcpStream, mut to: TcpStream, generation: usize, is_up: bool) {
        let _ = from.set_read_timeout(Some(SLICE));
        let _ = to.set_nodelay(true);
        let (mut frames, mut first, mut buffer) = (Frames::default(), true, vec![0; 4096]);
        while self.generation.load(Ordering::SeqCst) == generation {
            let mode = self.mode();
            let most = if let Mode::Slow(rate) = mode { (rate / 20).max(1) } else { buffer.len() };
            let length = match from.read(&mut buffer[..most]) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    // What was held back may be due.
                    if !is_up && to.write_all(&frames.due()).is_err() {
                        break;
                    }
                    continue;
                }
                Err(_) => break,
            };
            let bytes = &buffer[..length];
            match mode {
                Mode::DropOnHello if is_up => break,
                Mode::OnlyOld if is_up && first && speaks_5(bytes) => {
                    // CONNACK of 3.1.1: unacceptable protocol version.
                    let _ = from.write_all(&[0x20, 2, 0, 1]);
                    break;
                }
                Mode::Silent => continue,
                Mode::Slow(_) => std::thread::sleep(SLICE),
                _ => {}
            }
            first = false;
            let passed = if is_up { bytes.to_vec() } else { frames.pass(bytes, mode) };
            if to.write_all(&passed).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

/// Whether `bytes` begin with a CONNECT of MQTT 5: the level stands after the protocol's name.
fn speaks_5(bytes: &[u8]) -> bool {
    let name = bytes.windows(4).position(|w| w == b"MQTT");
    name.and_then(|at| bytes.get(at + 4)) == Some(&5)
}

/// Packets of the broker, one by one, and acknowledgements that are held back.
#[derive(Default)]
struct Frames {
    /// TLS is passed on as it is: nothing in it can be told apart.
    is_sealed: bool,
    rest: Vec<u8>,
    held: Vec<(Instant, Vec<u8>)>,
}

impl Frames {
    /// What of `bytes`, and of what came before, gets through in `mode`.
    fn pass(&mut self, bytes: &[u8], mode: Mode) -> Vec<u8> {
        self.is_sealed |= self.rest.is_empty() && bytes.first() == Some(&TLS_HANDSHAKE);
        if self.is_sealed {
            return bytes.to_vec();
        }
        self.rest.extend_from_slice(bytes);
        let mut through = self.due();
        while let Some(length) = frame_length(&self.rest) {
            let frame: Vec<u8> = self.rest.drain(..length).collect();
            match mode {
                Mode::NoAck if frame[0] == PUBACK => {}
                Mode::LateAck(by) if frame[0] == PUBACK => self.held.push((Instant::now() + by, frame)),
                Mode::Quota if frame[0] == PUBACK => {
                    through.extend_from_slice(&[PUBACK, 3, frame[2], frame[3], QUOTA_EXCEEDED]);
                }
                _ => through.extend_from_slice(&frame),
            }
        }
        through
    }

    fn due(&mut self) -> Vec<u8> {
        let now = Instant::now();
        let (due, held) = std::mem::take(&mut self.held).into_iter().partition(|(at, _)| *at <= now);
        self.held = held;
        let due: Vec<(Instant, Vec<u8>)> = due;
        due.into_iter().flat_map(|(_, frame)| frame).collect()
    }
}

/// Length of the whole packet at the head of `bytes`, where it is there.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let (mut length, mut shift) = (0_usize, 0);
    for (at, byte) in bytes.iter().enumerate().skip(1).take(4) {
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            let whole = at + 1 + length;
            return (bytes.len() >= whole).then_some(whole);
        }
    }
    None
}
