//! Whatever a subscriber received, across restarts of the broker.
//!
//! A broker that dies takes with it what it acknowledged and had not handed on, which is its loss and
//! not the appliance's. So before a test ends a broker it closes the way to it and lets the ledger
//! [catch up](Ledger::catch_up): a mark published last comes last.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deepspine::appliance::mqtt::subscriber::{Received, Subscriber};
use serde_json::Value;

use super::{DEADLINE, until};

/// Where marks go.
const MARKS: &str = "bench/mark";

/// One message of an appliance.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) topic: String,
    pub(crate) content: Value,
}

impl Entry {
    pub(crate) fn text(&self, key: &str) -> String {
        self.content[key].as_str().unwrap_or_default().to_owned()
    }
}

/// Everything that was received.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: Arc<Mutex<Vec<Entry>>>,
    marks: Arc<Mutex<BTreeSet<String>>>,
    next: AtomicUsize,
}

impl Ledger {
    /// Listens to everything on the broker at `port`, from now until it ends.
    pub(crate) fn listen(&self, port: u16) {
        let client = format!("ledger-{}-{}", std::process::id(), self.next.fetch_add(1, Ordering::SeqCst));
        let subscriber = Subscriber::connect("127.0.0.1", port, &client, "#", DEADLINE).expect("a subscription");
        let (entries, marks) = (Arc::clone(&self.entries), Arc::clone(&self.marks));
        std::thread::spawn(move || {
            while let Ok(message) = subscriber.next(Duration::from_secs(3600)) {
                if let Some(message) = message {
                    note(message, &entries, &marks);
                }
            }
        });
    }

    /// Waits until everything that the broker at `port` accepted before is noted.
    pub(crate) fn catch_up(&self, port: u16) {
        let mark = format!("mark {}", self.next.fetch_add(1, Ordering::SeqCst));
        publish(port, MARKS, mark.as_bytes()).expect("the broker takes a mark");
        until("the mark comes back", || self.marks.lock().unwrap_or_else(PoisonError::into_inner).contains(&mark));
    }

    pub(crate) fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages of `device` on `suffix`.
    pub(crate) fn of(&self, device: &str, suffix: &str) -> Vec<Entry> {
        let topic = format!("deepspine/{device}/{suffix}");
        self.entries().iter().filter(|e| e.topic == topic).cloned().collect()
    }

    /// The reports of `device` by study key: each id with its revision, and how often the study's came.
    pub(crate) fn reports(&self, device: &str) -> BTreeMap<String, (BTreeSet<(String, u64)>, usize)> {
        let mut by_study: BTreeMap<String, (BTreeSet<(String, u64)>, usize)> = BTreeMap::new();
        for entry in self.of(device, "e/report") {
            let (ids, times) = by_study.entry(entry.text("study_key")).or_default();
            ids.insert((entry.text("report_id"), entry.content["revision"].as_u64().unwrap_or(0)));
            *times += 1;
        }
        by_study
    }

    /// Whether a report of each of `study_keys` came from `device`.
    pub(crate) fn has_all(&self, device: &str, study_keys: &[String]) -> bool {
        let reports = self.reports(device);
        !study_keys.is_empty() && study_keys.iter().all(|key| reports.contains_key(key))
    }

    /// What breaks the promise of one report a study, revision 1, for the studies of `study_keys` alone; how
    /// often reports came more than once.
    pub(crate) fn check(&self, device: &str, study_keys: &[String]) -> Result<usize, String> {
        let reports = self.reports(device);
        for key in study_keys {
            match reports.get(key) {
                None => return Err(format!("no report of study {key} came")),
                Some((ids, _)) if ids.len() != 1 => return Err(format!("study {key} has several reports: {ids:?}")),
                Some((ids, _)) if ids.iter().any(|(_, revision)| *revision != 1) => {
                    return Err(format!("study {key} has a revision that nothing made: {ids:?}"));
                }
                Some(_) => {}
            }
        }
        match reports.keys().find(|key| !study_keys.contains(*key)) {
            Some(key) => Err(format!("a report of a study that nobody sent: {key}")),
            None => Ok(reports.values().map(|(_, times)| times - 1).sum()),
        }
    }
}

fn note(message: Received, entries: &Mutex<Vec<Entry>>, marks: &Mutex<BTreeSet<String>>) {
    if message.topic == MARKS {
        let mark = String::from_utf8_lossy(&message.payload).into_owned();
        marks.lock().unwrap_or_else(PoisonError::into_inner).insert(mark);
    } else {
        let content = serde_json::from_slice(&message.payload).unwrap_or_default();
        entries.lock().unwrap_or_else(PoisonError::into_inner).push(Entry { topic: message.topic, content });
    }
}

/// Publishes one short message at QoS 1 by MQTT 3.1.1 and waits for its acknowledgement.
fn publish(port: u16, topic: &str, payload: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(DEADLINE))?;
    // CONNECT with a clean session, no client id, keep-alive 60 s.
    stream.write_all(&[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 0])?;
    stream.read_exact(&mut [0; 4])?;
    let mut body = vec![0, topic.len() as u8];
    body.extend_from_slice(topic.as_bytes());
    body.extend_from_slice(&[0, 1]);
    body.extend_from_slice(payload);
    let mut packet = vec![0x32, body.len() as u8];
    packet.append(&mut body);
    stream.write_all(&packet)?;
    stream.read_exact(&mut [0; 4])?;
    stream.write_all(&[0xe0, 0])
}
