//! A command to an appliance is followed to its end, and nothing of it stays with the broker.
#![cfg(feature = "fleet")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bench;
mod common;
mod fleet_bench;

use std::process::{Command, Output};
use std::time::Duration;

use bench::mosquitto::{Mosquitto, Setup};
use bench::service::Service;
use bench::site::Site;
use bench::{turn, until};
use deepspine::appliance::mqtt::subscriber::Subscriber;
use fleet_bench::{look, standing};

fn command(port: u16, arguments: &[&str]) -> Output {
    let broker = format!("mqtt://127.0.0.1:{port}");
    Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .args(["fleet", "command", "--broker", &broker])
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the broker keeps of commands.
fn kept(port: u16) -> Vec<String> {
    let subscriber = Subscriber::connect("127.0.0.1", port, "who-keeps", "deepspine/+/cmd/#", bench::DEADLINE);
    let subscriber = subscriber.expect("a subscription");
    let mut kept = Vec::new();
    while let Some(message) = subscriber.next(Duration::from_millis(300)).expect("the broker is there") {
        kept.push(message.topic);
    }
    kept
}

#[test]
fn an_appliance_does_what_it_is_told_and_says_what_came_of_it() {
    const NAME: &str = "an_appliance_does_what_it_is_told_and_says_what_came_of_it";
    let _turn = turn();
    let Some(broker) = Mosquitto::start(Setup::default()) else {
        return common::skipped(NAME, "mosquitto is not installed");
    };
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let allowed = ("commands.allow", "[\"health\", \"retry\"]");
    let site = Site::new("mr1", &url, &[allowed, ("storage.headroom-mib", "0")]);
    let service = Service::start(&site, &[]);
    until("the appliance is there", || standing(&look(broker.port, "none", &[]), "up") == ["mr1"]);

    let done = command(broker.port, &["mr1", "health", "--format", "json"]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done.stderr));
    let outcome: serde_json::Value = serde_json::from_slice(&done.stdout).expect("it prints JSON");
    assert!(outcome["result"].is_object(), "{outcome}");

    let refused = command(broker.port, &["mr1", "rescan"]);
    assert_eq!(refused.status.code(), Some(70), "the configuration does not allow it");
    assert!(said(&refused.stderr).contains("mr1 failed: "), "{}", said(&refused.stderr));
    let unknown = command(broker.port, &["mr1", "retry", "abcdef"]);
    assert_eq!(unknown.status.code(), Some(70), "{}", said(&unknown.stderr));
    assert_eq!(command(broker.port, &["nobody", "health", "--answer-secs", "1"]).status.code(), Some(75));
    assert_eq!(command(broker.port, &["mr1", "retry"]).status.code(), Some(64));
    assert_eq!(command(broker.port, &["mr1", "reboot"]).status.code(), Some(64));
    assert_eq!(command(broker.port, &["a/b", "health"]).status.code(), Some(64));
    assert_eq!(kept(broker.port), Vec::<String>::new());
    service.stop().expect("it ends in order");
}
