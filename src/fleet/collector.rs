//! From the broker into the store and the roll.
//!
//! Two connections. One subscribes to what the broker retains, `status`, `twin` and alarms of all appliances, begins
//! clean each time and only fills the roll. The other subscribes to events and numbers, alone or sharing them with the
//! collectors of its group; the broker keeps its session for a day, and an event is acknowledged only once its batch is
//! committed, so what this process had not committed comes again to the next one with its client id.
//!
//! | thread | does |
//! |---|---|
//! | `fleet-state` | retained state into the roll |
//! | `fleet-events` | events and numbers into the store |
//! | `fleet-upkeep` | gaps, drift and retention in the store; what it knows into the roll |

mod pulse;
mod upkeep;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::roll::Roll;
use super::store::{self, Batch, EventRow, NumbersRow, Store, StoreError};
use super::wire::{Root, Said};
use crate::appliance::clock;
use crate::appliance::config::Broker;
use crate::appliance::mqtt::listener::{Heard, Listener, Listening, RECEIVE_MAX, Receipt, Told};
pub use pulse::{Beat, Pulse};
use upkeep::Upkeep;

/// How long the broker keeps the session of a collector that is away: a day.
pub const SESSION_EXPIRY: Duration = Duration::from_secs(24 * 60 * 60);
/// Most messages of a batch; all that the broker lets wait, so that it never waits for us with a full batch.
const BATCH_MAX: usize = RECEIVE_MAX as usize;
/// Longest that the first message of a batch waits for others.
const BATCH_WAIT: Duration = Duration::from_millis(150);
/// A batch behind which nothing comes for this long is complete: the broker waits for us.
const QUIET: Duration = Duration::from_millis(5);
/// How often a thread with nothing to do looks whether it should end.
const LOOK_PERIOD: Duration = Duration::from_millis(200);
/// Before a batch that could not be committed is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What a collector is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the appliances publish.
    pub broker: Broker,
    /// Below which topics.
    pub root: Root,
    /// The group with which events and numbers are shared; `None`: all of them come here.
    pub group: Option<String>,
    /// The same at every start, and another for every collector.
    pub client_id: String,
    /// File, or `postgres://…`.
    pub store: String,
    /// How long a sequence number may be missing before it is a gap.
    pub gap_grace: Duration,
    /// How long events are kept.
    pub keep: Duration,
}

impl Options {
    /// What is retained.
    fn state(&self) -> Listening {
        let filters = ["status/#", "twin/#", "a/#"].map(|suffix| self.root.filter(suffix)).to_vec();
        let client_id = format!("{}-state", self.client_id);
        Listening { broker: self.broker.clone(), client_id, filters, kept: None }
    }

    /// What arrives once.
    fn events(&self) -> Listening {
        let shared = self.group.as_ref().map_or(String::new(), |group| format!("$share/{group}/"));
        let filters = ["e/#", "m/#"].map(|suffix| format!("{shared}{}", self.root.filter(suffix))).to_vec();
        let (broker, client_id) = (self.broker.clone(), self.client_id.clone());
        Listening { broker, client_id, filters, kept: Some(SESSION_EXPIRY) }
    }
}

/// What a thread does.
type Work = Box<dyn FnOnce() + Send>;

/// What the threads share.
pub struct Shared {
    roll: Mutex<Roll>,
    /// How collecting goes.
    pub pulse: Pulse,
    stopping: AtomicBool,
}

impl Shared {
    /// The roll; nobody keeps it for longer than a look.
    pub fn roll(&self) -> MutexGuard<'_, Roll> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// A running collector; dropping it ends it.
pub struct Collector {
    /// What it knows.
    pub shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Collector {
    /// Opens the store and starts the threads.
    ///
    /// # Errors
    /// As [`store::open`], and where there is no thread.
    pub fn start(options: &Options) -> Result<Self, StoreError> {
        let shared =
            Arc::new(Shared { roll: Mutex::default(), pulse: Pulse::default(), stopping: AtomicBool::new(false) });
        let (keeping, upkeep) = (store::open(&options.store)?, store::open(&options.store)?);
        let failed = |reason: String| StoreError::Open { name: "collector".to_owned(), reason };
        let state = Listener::start(options.state()).map_err(failed)?;
        let events = Listener::start(options.events()).map_err(failed)?;
        let root = options.root.clone();
        let upkeep = Upkeep::new(upkeep, options, Arc::clone(&shared));
        let (for_state, for_events) = (Arc::clone(&shared), Arc::clone(&shared));
        let of_events = Events { root: root.clone(), listener: events, store: keeping, shared: for_events };
        let work: [(&str, Work); 3] = [
            ("fleet-state", Box::new(move || state_into_roll(&root, &state, &for_state))),
            ("fleet-events", Box::new(move || of_events.run())),
            ("fleet-upkeep", Box::new(move || upkeep.run())),
        ];
        let threads = work
            .into_iter()
            .map(|(name, work)| std::thread::Builder::new().name(name.to_owned()).spawn(work))
            .collect::<Result<_, _>>()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { shared, threads })
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn state_into_roll(root: &Root, listener: &Listener, shared: &Shared) {
    while !shared.is_stopping() {
        match listener.next(LOOK_PERIOD) {
            Ok(Some(Told::Message(heard))) => {
                let message = (heard.topic.as_str(), heard.payload.as_slice());
                let understood = shared.roll().hear(root, message, heard.retained, clock::now_unix_ms());
                if understood.is_some_and(|understood| understood.said.is_err()) {
                    shared.pulse.malformed(1);
                }
            }
            Ok(Some(Told::Connected)) => shared.pulse.state_connected(true),
            Ok(Some(Told::Lost(why))) => {
                shared.pulse.state_connected(false);
                log::warn!("state of the appliances: {why}");
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

/// The thread of events.
struct Events {
    root: Root,
    listener: Listener,
    store: Box<dyn Store>,
    shared: Arc<Shared>,
}

/// A batch, and what is acknowledged once it is committed.
#[derive(Default)]
struct Open {
    batch: Batch,
    receipts: Vec<Receipt>,
    made_ms: Vec<i64>,
}

impl Events {
    fn run(mut self) {
        while !self.shared.is_stopping() {
            let Some(open) = self.gather() else { return };
            if !open.batch.is_empty() && !self.commit(&open) {
                return;
            }
            for receipt in &open.receipts {
                self.listener.acknowledge(receipt);
            }
            self.shared.pulse.dropped(self.listener.dropped());
        }
    }

    /// What comes until the broker waits for us, a batch is full, or its first message has waited; `None` where
    /// nothing comes any more.
    fn gather(&self) -> Option<Open> {
        let mut open = Open::default();
        let mut wait = LOOK_PERIOD;
        let mut until = None;
        while open.receipts.len() < BATCH_MAX && until.is_none_or(|until| Instant::now() < until) {
            match self.listener.next(wait).ok()? {
                Some(Told::Message(heard)) => {
                    self.hear(heard, &mut open);
                    until = until.or(Some(Instant::now() + BATCH_WAIT));
                    wait = QUIET;
                }
                Some(Told::Connected) => self.shared.pulse.events_connected(true),
                Some(Told::Lost(why)) => {
                    self.shared.pulse.events_connected(false);
                    log::warn!("events of the appliances: {why}");
                }
                None => break,
            }
        }
        Some(open)
    }

    fn hear(&self, heard: Heard, open: &mut Open) {
        let received_ms = clock::now_unix_ms();
        open.receipts.extend(heard.receipt);
        let message = (heard.topic.as_str(), heard.payload.as_slice());
        let understood = self.shared.roll().hear(&self.root, message, heard.retained, received_ms);
        let Some(understood) = understood else { return };
        let device: Box<str> = understood.device.into();
        match understood.said {
            Ok(Said::Event(event)) => {
                open.made_ms.push(event.made_ms);
                open.batch.events.push(EventRow { device, event, received_ms });
            }
            Ok(Said::Numbers(kind, numbers)) => {
                let row = NumbersRow { device: device.clone(), kind: kind.into(), numbers, received_ms };
                open.batch.numbers.insert((device, kind), row);
            }
            Ok(_) => {}
            Err(_) => {
                self.shared.pulse.malformed(1);
                *open.batch.malformed.entry(device).or_default() += 1;
            }
        }
    }

    /// Commits, however often that is tried; `false` where the collector ends before it could.
    fn commit(&mut self, open: &Open) -> bool {
        let mut has_failed = false;
        while !self.shared.is_stopping() {
            match self.store.take(&open.batch) {
                Ok(taken) => {
                    self.shared.pulse.committed(taken, &open.made_ms, clock::now_unix_ms());
                    return true;
                }
                Err(error) => {
                    if !has_failed {
                        log::warn!("{error}; what came is not acknowledged, and tried again");
                    }
                    has_failed = true;
                    self.shared.pulse.store_failed();
                    std::thread::sleep(RETRY_AFTER);
                }
            }
        }
        false
    }
}

/// Looks once: subscribes to what the broker retains until nothing retained came for `quiet`, and asks the store where
/// there is one.
///
/// # Errors
/// What the broker or the store said.
pub fn look_once(
    options: &Options,
    store: Option<Box<dyn Store>>,
    quiet: Duration,
    deadline: Duration,
) -> Result<Roll, String> {
    let listener = Listener::start(options.state())?;
    let mut roll = Roll::default();
    let until = Instant::now() + deadline;
    let mut is_connected = false;
    let mut is_over = until;
    while Instant::now() < is_over.min(until) {
        match listener.next(LOOK_PERIOD.min(quiet))? {
            Some(Told::Message(heard)) => {
                roll.hear(&options.root, (&heard.topic, &heard.payload), heard.retained, clock::now_unix_ms());
                if heard.retained {
                    is_over = Instant::now() + quiet;
                }
            }
            Some(Told::Connected) => {
                is_connected = true;
                is_over = Instant::now() + quiet;
            }
            Some(Told::Lost(why)) => return Err(why),
            None => {}
        }
    }
    if !is_connected {
        return Err(format!("no connection within {} s", deadline.as_secs()));
    }
    if let Some(mut store) = store {
        let failed = |error: StoreError| error.to_string();
        store.decide_gaps(clock::now_unix_ms(), millis(options.gap_grace)).map_err(failed)?;
        let numbers = store.numbers_since(0).map_err(failed)?;
        roll.refresh(store.standings().map_err(failed)?, &numbers);
        roll.drift(upkeep::drifts_since(&mut *store, 0).map_err(failed)?);
    }
    Ok(roll)
}

/// A duration as the store counts.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Drifts by device.
type Drifts = BTreeMap<Box<str>, Vec<store::Drift>>;
