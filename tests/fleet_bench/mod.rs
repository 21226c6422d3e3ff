//! The fleet's own bench: `deepspine fleet` beside a real mosquitto, simulated appliances, and a real PostgreSQL.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "each promise uses its part of this"
)]

pub(crate) mod postgresql;

use std::process::{Child, Command, Stdio};

use deepspine::fleet::simulate::Tally;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bench::mosquitto::{Mosquitto, Setup};
use crate::bench::until;

/// A broker that lets nothing fall, as a collector that is away for a while needs it, and that says who subscribes.
pub(crate) fn patient() -> Setup {
    let queues = ["max_queued_messages 0", "max_queued_bytes 0"];
    let said = ["error", "warning", "notice", "information", "subscribe"].map(|what| format!("log_type {what}"));
    Setup { lines: queues.map(str::to_owned).into_iter().chain(said).collect(), ..Setup::default() }
}

/// Waits until the collector called `name` has subscribed to events at a [`patient`] broker.
pub(crate) fn until_subscribed(broker: &Mosquitto, name: &str) {
    until("the collector has subscribed", || broker.log().contains(&format!(": {name} 1 ")));
}

fn deepspine() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deepspine"));
    command.arg("fleet");
    command
}

/// A program of ours that runs, and is ended with its owner.
pub(crate) struct Running {
    process: Option<Child>,
}

impl Running {
    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Ends it as the kernel does.
    pub(crate) fn kill(mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it is our child");
            process.wait().expect("it is our child");
        }
    }

    /// Asks it to end; what it printed.
    pub(crate) fn stop(mut self) -> Value {
        let process = self.process.take().expect("it runs");
        kill_process(Pid::from_child(&process), Signal::TERM).expect("it is our child");
        told(process)
    }

    /// Waits for its end; what it printed.
    pub(crate) fn end(mut self) -> Value {
        told(self.process.take().expect("it runs"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn told(process: Child) -> Value {
    let output = process.wait_with_output().expect("it is our child");
    assert!(output.status.success(), "it ended with {}", output.status);
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

fn started(mut command: Command) -> Running {
    let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the binary runs");
    Running { process: Some(process) }
}

/// A collector at the broker on `port`.
pub(crate) fn collector(port: u16, store: &str, name: &str, more: &[&str]) -> Running {
    let mut command = deepspine();
    command.args(["--broker", &format!("mqtt://127.0.0.1:{port}"), "--store", store, "--client-id", name]);
    command.args(["--gap-grace-secs", "1", "--format", "json"]).args(more);
    started(command)
}

/// Simulated appliances at the broker on `port`.
pub(crate) fn simulation(port: u16, more: &[&str]) -> Running {
    let mut command = deepspine();
    command.args(["simulate", "--broker", &format!("mqtt://127.0.0.1:{port}")]).args(more);
    started(command)
}

/// What simulated appliances said that they published.
pub(crate) fn tally(told: Value) -> Tally {
    serde_json::from_value(told).expect("a tally")
}

/// A look at the broker on `port`.
pub(crate) fn look(port: u16, store: &str, more: &[&str]) -> Value {
    let mut command = deepspine();
    command.args(["--broker", &format!("mqtt://127.0.0.1:{port}"), "--store", store, "--gap-grace-secs", "1"]);
    command.args(["--once", "--format", "json"]).args(more);
    started(command).end()
}

/// The appliances of a look that stand as `standing`, by name.
pub(crate) fn standing(look: &Value, standing: &str) -> Vec<String> {
    let appliances = look["appliances"].as_array().expect("a list").iter();
    let mut found: Vec<String> = appliances
        .filter(|one| one["standing"] == standing)
        .map(|one| one["device"].as_str().expect("a name").to_owned())
        .collect();
    found.sort();
    found
}

/// The gaps of a look: device, first and last number.
pub(crate) fn gaps(look: &Value) -> Vec<(String, i64, i64)> {
    let mut found = Vec::new();
    for one in look["appliances"].as_array().expect("a list") {
        for gap in one["gaps"].as_array().expect("a list") {
            let number = |n: usize| gap[n].as_i64().expect("a number");
            found.push((one["device"].as_str().expect("a name").to_owned(), number(0), number(1)));
        }
    }
    found.sort();
    found
}

/// The gaps that simulated appliances made, as [`gaps`] has them.
pub(crate) fn gaps_made(tally: &Tally) -> Vec<(String, i64, i64)> {
    tally.gaps.iter().map(|gap| (gap.device.clone(), gap.first_seq, gap.last_seq)).collect()
}
