//! One simulated appliance: what it says, in the words of the real one.

use std::time::Duration;

use serde_json::{Value, json};

use super::fault::{Chance, Fault};
use super::{Plan, TalliedGap, Tally};
use crate::appliance::clock;
use crate::appliance::mqtt::payload::{HEALTH_SCHEMA, IDENTITY_SCHEMA, MODELS_SCHEMA, REPORT_SCHEMA, STUDY_SCHEMA};
use crate::appliance::mqtt::talker::Talker;
use crate::appliance::mqtt::topics;
use crate::fleet::wire::Root;

/// What an appliance leaves with the broker.
pub(super) const RETAINED: [&str; 5] = [topics::HEALTH, topics::IDENTITY, topics::MODELS, "a/disk", "a/temperature"];
/// Events of before its connection that an appliance with a backlog sends behind the new ones.
const BACKLOG: i64 = 20;
/// Of so many events one is sent again, left out, or accompanied by what makes no sense, where that is the fault.
const FAULTY_ONE_IN: usize = 5;
/// A clock that was never set.
const NEVER_SET: &str = "1970-01-01T00:02:03.000Z";

/// The name of appliance `number`.
pub(super) fn name(number: usize) -> String {
    format!("sim-{number:05}")
}

/// A simulated appliance.
pub(super) struct Device {
    root: Root,
    name: String,
    number: usize,
    fault: Option<Fault>,
    chance: Chance,
    session: String,
    interval: Duration,
    seq: i64,
    /// Numbers held back, to be sent behind newer ones.
    held_back: Vec<i64>,
    /// Left out, and not yet followed by a number that was sent.
    left_out: Option<(i64, i64)>,
    round: u64,
    status_due: Duration,
}

impl Device {
    pub(super) fn new(plan: &Plan, number: usize, fault: Option<Fault>) -> Self {
        let mut chance = Chance::new(plan.seed, number as u64 + 1);
        let session = format!("{:016x}", chance.next());
        Self {
            root: plan.root.clone(),
            name: name(number),
            number,
            fault,
            session,
            interval: plan.interval,
            seq: 0,
            held_back: Vec::new(),
            left_out: None,
            round: chance.next() % 3,
            // Spread over the interval, as real ones are.
            status_due: plan.interval.mul_f64((chance.next() % 1000) as f64 / 1000.0),
            chance,
        }
    }

    /// Whether it is to die.
    pub(super) fn dies(&self) -> bool {
        self.fault == Some(Fault::Lost)
    }

    /// Its will, as topic and payload.
    pub(super) fn will(&self, root: &Root) -> (String, Vec<u8>) {
        (root.topic(&self.name, topics::HEALTH), bytes(&self.health("down", &self.session)))
    }

    /// Birth, twin, and the first events.
    pub(super) fn is_born(&mut self, talker: &mut Talker, told: &mut Tally) -> Result<(), String> {
        told.appliances += 1;
        if let Some(fault) = self.fault {
            told.faults.entry(fault.name().to_owned()).or_default().push(self.name.clone());
        }
        if self.fault == Some(Fault::Backlog) {
            self.held_back = (self.seq + 1..=self.seq + BACKLOG).collect();
            // The first is sent first: before it nothing can be missed.
            let first = self.held_back.remove(0);
            self.event(first, false, talker, told)?;
            self.seq += BACKLOG;
        }
        let before = self.session.clone();
        if self.fault == Some(Fault::LateWill) {
            self.say_state(talker, told)?;
            self.session = format!("{:016x}", self.chance.next());
        }
        self.say_state(talker, told)?;
        if self.fault == Some(Fault::LateWill) {
            self.retain(talker, topics::HEALTH, &self.health("down", &before))?;
        }
        if self.fault == Some(Fault::Alarms) {
            let alarms: [(&str, &str); 2] = [("disk", "major"), ("temperature", "warning")];
            for (alarm, severity) in alarms {
                let content =
                    json!({ "severity": severity, "text": format!("{alarm}, simulated"), "time": self.time() });
                self.retain(talker, &format!("a/{alarm}"), &content)?;
            }
            talker.say(&self.topic("a/temperature"), true, true, Vec::new())?;
            told.alarms.insert(self.name.clone(), vec!["disk".to_owned()]);
        }
        self.numbers(talker, told)
    }

    /// Birth and twin.
    fn say_state(&self, talker: &mut Talker, told: &mut Tally) -> Result<(), String> {
        let status = if self.fault == Some(Fault::Alarms) { "degraded" } else { "up" };
        self.retain(talker, topics::HEALTH, &self.health(status, &self.session))?;
        told.statuses += 1;
        let identity = json!({
            "device": self.name, "name": "deepspine", "version": env!("CARGO_PKG_VERSION"), "architecture": "aarch64",
            "kernel": "simulated", "board": "simulated", "protocol": "5", "sandbox": "full", "commands": ["health"],
            "cores": 4, "memory_mib": 4096,
        });
        self.retain(talker, topics::IDENTITY, &self.momentary(IDENTITY_SCHEMA, identity))?;
        self.retain(talker, topics::MODELS, &self.momentary(MODELS_SCHEMA, json!({ "models": models() })))
    }

    /// One round: an event, and from time to time how it is.
    pub(super) fn speaks(&mut self, talker: &mut Talker, told: &mut Tally, since: Duration) -> Result<(), String> {
        self.round += 1;
        if since >= self.status_due {
            self.status_due += self.interval;
            if self.fault != Some(Fault::Late) {
                let status = if self.fault == Some(Fault::Alarms) { "degraded" } else { "up" };
                self.retain(talker, topics::HEALTH, &self.health(status, &self.session))?;
                told.statuses += 1;
            }
            self.numbers(talker, told)?;
        }
        let faulty = self.chance.once_in(FAULTY_ONE_IN);
        // Before the first number nothing can be missed.
        if faulty && self.fault == Some(Fault::Missing) && self.seq > 0 {
            let first = self.seq + 1;
            self.seq += 1 + self.chance.below(3) as i64;
            self.left_out = Some((first, self.seq));
        }
        self.seq += 1;
        self.event(self.seq, false, talker, told)?;
        if let Some((first_seq, last_seq)) = self.left_out.take() {
            told.gaps.push(TalliedGap { device: self.name.clone(), first_seq, last_seq });
        }
        if let Some(seq) = self.held_back.pop() {
            self.event(seq, true, talker, told)?;
        }
        if faulty && self.fault == Some(Fault::Doubled) {
            told.repeats += 1;
            talker.say(&self.topic(self.event_suffix(self.seq)), true, false, self.event_payload(self.seq, true))?;
        }
        if faulty && self.fault == Some(Fault::Malformed) {
            self.nonsense(talker, told)?;
        }
        Ok(())
    }

    /// The end: what was held back, and that nothing waits any more.
    pub(super) fn settles(&mut self, talker: &mut Talker, told: &mut Tally) -> Result<(), String> {
        while let Some(seq) = self.held_back.pop() {
            self.event(seq, true, talker, told)?;
        }
        self.numbers(talker, told)
    }

    fn event(&self, seq: i64, replayed: bool, talker: &mut Talker, told: &mut Tally) -> Result<(), String> {
        told.events += 1;
        told.reports += u64::from(self.event_suffix(seq) == topics::REPORT);
        talker.say(&self.topic(self.event_suffix(seq)), true, false, self.event_payload(seq, replayed))
    }

    /// Claimed, report, done, in turn.
    fn event_suffix(&self, seq: i64) -> &'static str {
        if seq % 3 == 2 { topics::REPORT } else { topics::STUDY }
    }

    fn event_payload(&self, seq: i64, replayed: bool) -> Vec<u8> {
        let study = seq / 3;
        let report_id = format!("{:016x}{study:016x}", self.number);
        let study_key = format!("{study:016x}{:016x}", self.number);
        let (schema, mut content) = match seq % 3 {
            2 => (
                REPORT_SCHEMA,
                json!({
                    "report_id": report_id, "revision": 1, "study_key": study_key, "models": models(),
                    "levels": self.levels(study),
                }),
            ),
            1 => (STUDY_SCHEMA, json!({ "study_key": study_key, "state": "claimed", "attempt": 1 })),
            _ => (
                STUDY_SCHEMA,
                json!({ "study_key": study_key, "state": "done", "report_id": report_id, "revision": 1 }),
            ),
        };
        if let Some(content) = content.as_object_mut() {
            let envelope = json!({
                "schema": schema, "msg_id": format!("{seq:016x}{:016x}", self.number), "session": self.session,
                "time": self.time(), "clock_synced": self.clock_synced(), "replayed": replayed, "seq": seq,
            });
            content.extend(envelope.as_object().cloned().unwrap_or_default());
        }
        bytes(&content)
    }

    /// Five levels of the same two findings, by the chance of their study alone: a repeat says the same.
    fn levels(&self, study: i64) -> Value {
        let mut chance = Chance::new(self.number as u64, study.unsigned_abs());
        let names = ["L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2"];
        let stenosis = ["normal", "normal", "normal", "mild", "mild", "moderate", "severe"];
        let presence = ["absent", "absent", "present"];
        let mut one_of = |grades: &[&'static str]| grades.get(chance.below(grades.len())).copied().unwrap_or_default();
        let levels = names.map(|name| {
            json!({ "name": name, "grades": [
                { "finding": "central-canal-stenosis", "scale": "stenosis", "grade": one_of(&stenosis) },
                { "finding": "disc-bulge", "scale": "presence", "grade": one_of(&presence) },
            ] })
        });
        levels.to_vec().into()
    }

    /// Numbers at QoS 0: those of the machine, and of the queue.
    pub(super) fn numbers(&mut self, talker: &mut Talker, told: &mut Tally) -> Result<(), String> {
        let time = self.time();
        let celsius = 40 + self.chance.below(20);
        let system = json!({ "time": time, "temperature_celsius": { "cpu": celsius, "soc": celsius - 3 },
            "memory": { "resident_mib": 30, "available_mib": 3000 }, "disk": { "free_mib": 9000, "total_mib": 20_000 },
            "throttling": { "active": 0 } });
        let held_back = self.held_back.len();
        let queue = json!({ "time": time, "live": { "depth": 0 }, "backlog": { "depth": held_back },
            "set_aside": { "depth": 0 } });
        let inference = json!({ "time": time, "study": { "reports": self.seq / 3, "failed_attempts": 0 },
            "reading": { "p99_ms": 9000 } });
        for (suffix, numbers) in [(topics::SYSTEM, system), (topics::QUEUE, queue), (topics::INFERENCE, inference)] {
            talker.say(&self.topic(suffix), false, false, bytes(&numbers))?;
            told.numbers += 1;
        }
        Ok(())
    }

    /// What a broken or hostile client might send.
    fn nonsense(&mut self, talker: &mut Talker, told: &mut Tally) -> Result<(), String> {
        let payloads: [&[u8]; 6] = [
            b"\xff\xfe\x00",
            b"{\"seq\":",
            b"[[[[[[[[[[]]]]]]]]]]",
            b"{\"seq\":-1,\"msg_id\":\"\",\"time\":\"\"}",
            b"{\"seq\":1e400}",
            b"\"\\u001b[2J\"",
        ];
        let payload = payloads.get(self.chance.below(payloads.len())).copied().unwrap_or_default();
        let suffixes = [topics::REPORT, topics::STUDY];
        let suffix = suffixes.get(self.chance.below(suffixes.len())).copied().unwrap_or_default();
        *told.malformed.entry(self.name.clone()).or_default() += 1;
        talker.say(&self.topic(suffix), true, false, payload.to_vec())
    }

    fn retain(&self, talker: &mut Talker, suffix: &str, content: &Value) -> Result<(), String> {
        talker.say(&self.topic(suffix), true, true, bytes(content))
    }

    fn topic(&self, suffix: &str) -> String {
        self.root.topic(&self.name, suffix)
    }

    fn health(&self, status: &str, session: &str) -> Value {
        let interval_s = self.interval.as_secs().max(1);
        let alarms = u8::from(self.fault == Some(Fault::Alarms));
        let mut health =
            self.momentary(HEALTH_SCHEMA, json!({ "status": status, "alarms": alarms, "interval_s": interval_s }));
        if let Some(member) = health.get_mut("session") {
            *member = Value::from(session);
        }
        health
    }

    fn momentary(&self, schema: &str, content: Value) -> Value {
        let mut content = content;
        if let Some(content) = content.as_object_mut() {
            let envelope = json!({
                "schema": schema, "msg_id": format!("{:032x}", self.number), "session": self.session,
                "time": self.time(), "clock_synced": self.clock_synced(), "replayed": false,
            });
            content.extend(envelope.as_object().cloned().unwrap_or_default());
        }
        content
    }

    fn time(&self) -> String {
        if self.fault == Some(Fault::Clock) { NEVER_SET.to_owned() } else { clock::now_rfc3339() }
    }

    fn clock_synced(&self) -> bool {
        self.fault != Some(Fault::Clock)
    }
}

fn models() -> Value {
    let model = |name: &str| json!({ "name": name, "version": "sim-1", "sha256": "0".repeat(64), "terms": "none" });
    json!([model("segmentation"), model("grading")])
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
