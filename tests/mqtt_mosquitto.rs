//! Delivery through a real broker: mosquitto, where it is installed.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod wire;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use deepspine::appliance::journal::OutboxMessage;
use deepspine::appliance::mqtt::subscriber::Subscriber;
use serde_json::{Value, json};
use wire::{DEADLINE, ROOT, Wire, free_port, until};

/// Ports that are tried: one that was free a moment ago may be somebody's by now.
const PORTS_TRIED: usize = 5;

/// One broker at a time: a port that one test gives back for a moment is not the other's.
static TURN: Mutex<()> = Mutex::new(());

/// A mosquitto of the test's own, ended with it.
struct Mosquitto {
    process: Child,
    port: u16,
}

impl Mosquitto {
    /// `None` where it is not installed. It takes nothing but reports and statuses.
    fn start(dir: &Path) -> Option<Self> {
        for _ in 0..PORTS_TRIED {
            let mut broker = Self::start_on(dir, free_port())?;
            let mut gone = false;
            until("mosquitto listens or gives up", || {
                gone = broker.process.try_wait().expect("it is our child").is_some();
                gone || std::net::TcpStream::connect(("127.0.0.1", broker.port)).is_ok()
            });
            // Whoever answers on the port of a broker that gave up is another.
            if !gone && broker.process.try_wait().expect("it is our child").is_none() {
                return Some(broker);
            }
        }
        panic!("mosquitto found no port in {PORTS_TRIED} tries");
    }

    fn start_on(dir: &Path, port: u16) -> Option<Self> {
        let (config, acl) = (dir.join("mosquitto.conf"), dir.join("acl"));
        let rules = ["status/#", "twin/#", "e/report"].map(|t| format!("topic readwrite {ROOT}/{t}\n")).concat();
        std::fs::write(&acl, rules).expect("the test's folder can be written");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\nacl_file {}\n", acl.display());
        std::fs::write(&config, text).expect("the test's folder can be written");
        let process = ["mosquitto", "/usr/sbin/mosquitto"].into_iter().find_map(|program| {
            Command::new(program).arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        })?;
        Some(Self { process, port })
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn mosquitto_gets_every_report_and_its_refusal_is_heard() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().expect("a folder");
    let Some(broker) = Mosquitto::start(dir.path()) else {
        return common::skipped("mosquitto_gets_every_report_and_its_refusal_is_heard", "mosquitto is not installed");
    };
    let subscriber = Subscriber::connect("127.0.0.1", broker.port, "listener", &format!("{ROOT}/e/report"), DEADLINE)
        .expect("a subscription");
    let wire = Wire::start(dir.path(), &format!("mqtt://127.0.0.1:{}", broker.port));
    wire.enqueue(OutboxMessage {
        topic: "e/study",
        study_key: "s".into(),
        report_id: None,
        payload: b"{\"n\":0}".to_vec(),
        replaces: false,
    });
    // What waits when a connection begins goes into the backlog's lane, and what comes later into the
    // live one, which may overtake it: there is one order only among what comes after the connection.
    until("the refused one is set aside, so that there is a connection", || wire.depth() == (0, 1));
    for n in 0..50 {
        wire.report(&format!("r{n}"), json!({ "n": n, "text": "x".repeat(20 * 1024) }));
    }
    let order: Vec<Value> = (0..50)
        .map(|_| {
            let message = subscriber.next(DEADLINE).expect("the broker is there").expect("a message in time");
            serde_json::from_slice::<Value>(&message.payload).expect("a payload is JSON")["n"].clone()
        })
        .collect();
    assert_eq!(order, (0..50).map(Value::from).collect::<Vec<_>>());
    until("only the refused one is left, set aside", || wire.depth() == (0, 1));
    wire.stop();
}

#[test]
fn a_mosquitto_that_went_away_and_came_back_gets_what_waited() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().expect("a folder");
    let Some(broker) = Mosquitto::start(dir.path()) else {
        return common::skipped(
            "a_mosquitto_that_went_away_and_came_back_gets_what_waited",
            "mosquitto is not installed",
        );
    };
    let port = broker.port;
    let wire = Wire::start(dir.path(), &format!("mqtt://127.0.0.1:{port}"));
    wire.report("before", json!({ "n": 0 }));
    until("the first report is acknowledged", || wire.depth() == (0, 0));
    drop(broker);
    wire.report("meanwhile", json!({ "n": 1 }));
    let again =
        Command::new("mosquitto").arg("-c").arg(dir.path().join("mosquitto.conf")).stderr(Stdio::null()).spawn();
    let again = Mosquitto { process: again.or_else(|_| sbin(dir.path())).expect("it was there before"), port };
    until("what waited is acknowledged", || wire.depth() == (0, 0));
    drop(again);
    wire.stop();
}

fn sbin(dir: &Path) -> std::io::Result<Child> {
    Command::new("/usr/sbin/mosquitto").arg("-c").arg(dir.join("mosquitto.conf")).stderr(Stdio::null()).spawn()
}
