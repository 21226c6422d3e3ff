//! Delivery through a real broker: mosquitto, where it is installed.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod wire;

use bench::mosquitto::{Mosquitto, Setup};
use bench::turn;
use deepspine::appliance::journal::OutboxMessage;
use deepspine::appliance::mqtt::subscriber::Subscriber;
use serde_json::{Value, json};
use wire::{DEADLINE, ROOT, Wire, until};

/// A mosquitto that takes nothing but reports and statuses; `None` where it is not installed.
fn picky() -> Option<Mosquitto> {
    let rules = ["status/#", "twin/#", "e/report"].map(|t| format!("topic readwrite {ROOT}/{t}\n")).concat();
    Mosquitto::start(Setup { acl: Some(rules), ..Setup::default() })
}

#[test]
fn mosquitto_gets_every_report_and_its_refusal_is_heard() {
    let _turn = turn();
    let dir = tempfile::tempdir().expect("a folder");
    let Some(broker) = picky() else {
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
    let _turn = turn();
    let dir = tempfile::tempdir().expect("a folder");
    let Some(mut broker) = picky() else {
        return common::skipped(
            "a_mosquitto_that_went_away_and_came_back_gets_what_waited",
            "mosquitto is not installed",
        );
    };
    let wire = Wire::start(dir.path(), &format!("mqtt://127.0.0.1:{}", broker.port));
    wire.report("before", json!({ "n": 0 }));
    until("the first report is acknowledged", || wire.depth() == (0, 0));
    broker.kill();
    wire.report("meanwhile", json!({ "n": 1 }));
    assert!(broker.start_again(), "it starts on its port");
    until("what waited is acknowledged", || wire.depth() == (0, 0));
    wire.stop();
}
