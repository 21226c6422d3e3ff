//! A message leaves the journal only when the broker accepted it.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use deepspine::appliance::journal::OutboxMessage;
use deepspine::appliance::mqtt::loopback::{Judge, Loopback, Verdict};
use deepspine::appliance::mqtt::payload::MESSAGE_BYTES_MAX;
use deepspine::appliance::mqtt::session::LinkEvent;
use deepspine::appliance::mqtt::subscriber::Subscriber;
use serde_json::{Value, json};
use wire::{DEADLINE, ROOT, Wire, free_port, until};

const ALWAYS: fn() -> Judge = || Box::new(|_| Verdict::Accept);

fn subscriber(broker: &Loopback) -> Subscriber {
    Subscriber::connect("127.0.0.1", broker.port(), "listener", "deepspine/#", DEADLINE).expect("a subscription")
}

/// The next message on `suffix`, as JSON.
fn next(subscriber: &Subscriber, suffix: &str) -> Value {
    loop {
        let message = subscriber.next(DEADLINE).expect("the broker is there").expect("a message in time");
        if message.topic == format!("{ROOT}/{suffix}") {
            return serde_json::from_slice(&message.payload).expect("a payload is JSON");
        }
    }
}

#[test]
fn a_row_leaves_only_on_its_puback() {
    let dir = tempfile::tempdir().expect("a folder");
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let deaf = Loopback::start(Box::new(move |topic| {
        if topic.ends_with("e/report") {
            count.fetch_add(1, Ordering::SeqCst);
            return Verdict::Swallow;
        }
        Verdict::Accept
    }))
    .expect("a broker");
    let port = deaf.port();
    let wire = Wire::start(dir.path(), &deaf.url());
    wire.report("r1", json!({ "n": 1 }));
    until("the broker swallowed the report", || seen.load(Ordering::SeqCst) == 1);
    assert_eq!(wire.depth(), (1, 0));

    drop(deaf);
    let mut hearing = None;
    until("the port is free again", || {
        hearing = Loopback::start_at(port, ALWAYS()).ok();
        hearing.is_some()
    });
    let broker = hearing.expect("it was started");
    let subscriber = subscriber(&broker);
    let report = next(&subscriber, "e/report");
    assert_eq!((&report["n"], &report["replayed"], &report["seq"]), (&json!(1), &json!(true), &json!(1)));
    until("the row is gone", || wire.depth() == (0, 0));
    wire.stop();
}

#[test]
fn what_waited_for_the_broker_comes_in_order_after_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let wire = Wire::start(dir.path(), &format!("mqtt://127.0.0.1:{port}"));
    for n in 0..40 {
        wire.report(&format!("r{n}"), json!({ "n": n }));
    }
    // Nothing is taken before somebody listens.
    let open = Arc::new(AtomicU8::new(0));
    let gate = Arc::clone(&open);
    let judge = move |_: &str| if gate.load(Ordering::SeqCst) == 0 { Verdict::BreakOff } else { Verdict::Accept };
    let broker = Loopback::start_at(port, Box::new(judge)).expect("a broker");
    let subscriber = subscriber(&broker);
    open.store(1, Ordering::SeqCst);
    wire.hurry();
    let order: Vec<Value> = (0..40).map(|_| next(&subscriber, "e/report")["n"].clone()).collect();
    assert_eq!(order, (0..40).map(Value::from).collect::<Vec<_>>());
    until("the outbox is empty", || wire.depth() == (0, 0));
    wire.stop();
}

#[test]
fn a_refused_message_is_set_aside_and_the_next_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let judge = |topic: &str| if topic.ends_with("e/study") { Verdict::Refuse } else { Verdict::Accept };
    let broker = Loopback::start(Box::new(judge)).expect("a broker");
    let subscriber = subscriber(&broker);
    let wire = Wire::start(dir.path(), &broker.url());
    wire.enqueue(OutboxMessage {
        topic: "e/study",
        study_key: "s".into(),
        report_id: None,
        payload: b"{\"n\":0}".to_vec(),
        replaces: false,
    });
    wire.report("r1", json!({ "n": 1 }));
    assert_eq!(next(&subscriber, "e/report")["n"], 1);
    until("one is set aside, one gone", || wire.depth() == (0, 1));
    wire.stop();
}

#[test]
fn what_was_set_aside_is_sent_again_on_the_same_connection_once_it_is_put_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let allowed = Arc::new(AtomicU8::new(0));
    let gate = Arc::clone(&allowed);
    let judge = move |topic: &str| {
        if topic.ends_with("e/report") && gate.load(Ordering::SeqCst) == 0 { Verdict::Refuse } else { Verdict::Accept }
    };
    let broker = Loopback::start(Box::new(judge)).expect("a broker");
    let subscriber = subscriber(&broker);
    let wire = Wire::start(dir.path(), &broker.url());
    for n in 0..3 {
        wire.report(&format!("r{n}"), json!({ "n": n }));
    }
    until("all are set aside", || wire.depth() == (0, 3));
    allowed.store(1, Ordering::SeqCst);
    wire.report("r3", json!({ "n": 3 }));
    assert_eq!(next(&subscriber, "e/report")["n"], 3);
    assert_eq!(wire.journal.outbox_put_back("another reason").expect("the journal works"), 0);
    assert_eq!(wire.journal.outbox_put_back("NotAuthorized").expect("the journal works"), 3);
    wire.tell(LinkEvent::PutBack);
    // Set aside they have lost their places; that all of them come is what is promised.
    let again: Vec<Value> = (0..3).map(|_| next(&subscriber, "e/report")).collect();
    for n in 0..3 {
        assert!(again.iter().any(|report| report["n"] == n && report["replayed"] == true), "{n} is not in {again:?}");
    }
    until("nothing waits", || wire.depth() == (0, 0));
    assert_eq!(wire.shared.counters.connections.load(Ordering::Relaxed), 1);
    wire.stop();
}

#[test]
fn a_message_that_no_broker_takes_does_not_hold_up_the_next() {
    let dir = tempfile::tempdir().expect("a folder");
    let broker = Loopback::start(ALWAYS()).expect("a broker");
    let subscriber = subscriber(&broker);
    let wire = Wire::start(dir.path(), &broker.url());
    wire.report("huge", json!({ "text": "x".repeat(MESSAGE_BYTES_MAX + 1024) }));
    wire.report("large", json!({ "text": "x".repeat(48 * 1024) }));
    assert_eq!(next(&subscriber, "e/report")["seq"], 2);
    until("the huge one is set aside", || wire.depth() == (0, 1));
    wire.stop();
}

#[test]
fn birth_and_will_are_retained_and_carry_one_session() {
    let dir = tempfile::tempdir().expect("a folder");
    let judge = |topic: &str| if topic.ends_with("e/report") { Verdict::BreakOff } else { Verdict::Accept };
    let broker = Loopback::start(Box::new(judge)).expect("a broker");
    let subscriber = subscriber(&broker);
    let wire = Wire::start(dir.path(), &broker.url());
    let birth = next(&subscriber, "status/health");
    assert_eq!(birth["status"], "up");
    let identity = next(&subscriber, "twin/identity");
    assert_eq!((&identity["device"], &identity["session"]), (&json!("t"), &birth["session"]));
    next(&subscriber, "twin/models");
    wire.report("r1", json!({}));
    let will = next(&subscriber, "status/health");
    assert_eq!((&will["status"], &will["session"]), (&json!("down"), &birth["session"]));
    let rebirth = next(&subscriber, "status/health");
    assert_eq!(rebirth["status"], "up");
    assert_ne!(rebirth["session"], birth["session"]);
    let late = Subscriber::connect("127.0.0.1", broker.port(), "late", "+/t/twin/identity", DEADLINE).expect("granted");
    assert!(late.next(DEADLINE).expect("the broker is there").is_some_and(|m| m.retained));
    wire.stop();
}

#[test]
fn an_orderly_end_says_down_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    let broker = Loopback::start(ALWAYS()).expect("a broker");
    let subscriber = subscriber(&broker);
    let wire = Wire::start(dir.path(), &broker.url());
    assert_eq!(next(&subscriber, "status/health")["status"], "up");
    wire.stop();
    assert_eq!(next(&subscriber, "status/health")["status"], "down");
    let nothing = subscriber.next(Duration::from_millis(200)).expect("the broker is there");
    assert_eq!(nothing, None, "the will is not sent after an orderly end");
}
