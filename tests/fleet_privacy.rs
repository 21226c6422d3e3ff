//! Nothing of a patient gets into a fleet, even where an appliance were to send it.
#![cfg(feature = "fleet")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod fleet_bench;

use bench::mosquitto::{Mosquitto, free_port};
use bench::{turn, until};
use deepspine::appliance::config::Broker;
use deepspine::appliance::mqtt::talker::Talker;
use fleet_bench::{collector, look, patient, until_subscribed};
use serde_json::json;
use std::io::{Read, Write};

/// Whom nobody may find.
const PLANTED: [&str; 3] = ["Quetzalcoatl^Zephyrine", "PID-77-3141", "1.2.826.0.1.3680043.77"];

#[test]
fn what_a_broken_appliance_says_of_a_patient_is_not_kept() {
    const NAME: &str = "what_a_broken_appliance_says_of_a_patient_is_not_kept";
    let _turn = turn();
    let Some(broker) = Mosquitto::start(patient()) else {
        return common::skipped(NAME, "mosquitto is not installed");
    };
    let dir = tempfile::tempdir().expect("a folder");
    let store = dir.path().join("fleet.db").display().to_string();
    let listen = format!("127.0.0.1:{}", free_port());
    let collecting = collector(broker.port, &store, "one", &["--listen", &listen, "--metrics-per-appliance"]);
    until_subscribed(&broker, "one");
    let at = Broker::at(&format!("mqtt://127.0.0.1:{}", broker.port), None).expect("an address");
    let mut talker = Talker::connect(&at, "broken", None, bench::DEADLINE).expect("a connection");
    let planted = json!({ "patient_name": PLANTED[0], "patient_id": PLANTED[1], "study_uid": PLANTED[2] });
    let event = |seq: i64, more: serde_json::Value| {
        let mut event = json!({
            "msg_id": format!("{seq:032x}"), "seq": seq, "time": "2026-01-01T00:00:00Z", "study_key": PLANTED[1],
            "reason": PLANTED[0], "patient": planted, "report_id": format!("{seq:032x}"), "models": [],
            "levels": [{ "name": PLANTED[0], "evidence": [{ "text": PLANTED[2] }],
                "grades": [{ "finding": PLANTED[0], "scale": "presence", "grade": "present" }] }],
        });
        if let (Some(event), serde_json::Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
        event.to_string()
    };
    let messages = [
        ("deepspine/mr1/e/report", event(1, json!({}))),
        ("deepspine/mr1/e/study", event(2, json!({}))),
        ("deepspine/mr1/e/study", event(3, json!({ "msg_id": PLANTED[0] }))),
        ("deepspine/mr1/e/report", event(4, json!({ "report_id": PLANTED[2] }))),
        ("deepspine/mr1/e/report", PLANTED.join(" ")),
        ("deepspine/mr1/m/system", json!({ "time": "x", "temperature_celsius": planted }).to_string()),
        ("deepspine/mr1/status/health", planted.to_string()),
    ];
    for (topic, payload) in messages {
        talker.say(topic, true, false, payload.into_bytes()).expect("the broker takes it");
    }
    talker.settle(bench::DEADLINE).expect("the broker answers");
    until("all of it was heard", || {
        let seen = look(broker.port, &store, &[]);
        let malformed = rusqlite::Connection::open(&store).and_then(|c| {
            c.query_row("SELECT coalesce(sum(malformed), 0) FROM devices", [], |row| row.get::<_, i64>(0))
        });
        seen["totals"]["appliances"].is_number() && malformed == Ok(3)
    });
    let mut shown = look(broker.port, &store, &[]).to_string();
    for path in ["/", "/metrics", "/appliance/mr1", "/healthz"] {
        let mut stream = std::net::TcpStream::connect(&listen).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n").expect("it reads");
        stream.read_to_string(&mut shown).expect("it answers");
    }
    collecting.stop();
    for entry in std::fs::read_dir(dir.path()).expect("a folder").flatten() {
        shown += &String::from_utf8_lossy(&std::fs::read(entry.path()).expect("a file"));
    }
    assert!(shown.contains("mr1"), "the appliance itself is known");
    for planted in PLANTED {
        assert!(!shown.contains(planted), "{planted} was kept or shown");
    }
}
