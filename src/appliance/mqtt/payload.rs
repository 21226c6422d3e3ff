//! Payloads: the envelope around what is said, and what is said.
//!
//! Every message is one JSON object: `schema`, `msg_id`, `session`, `time` (RFC 3339), `clock_synced`
//! and `replayed`, for `e/*` also `seq`, beside its own content. What waits in the journal lacks
//! `session`, `replayed` and `seq`: only delivery knows them. No payload holds identity, only keyed
//! hashes.

use serde_json::{Map, Value, json};

use super::topics;
use crate::appliance::alarms::{Alarms, Raised, Severity};
use crate::appliance::clock;
use crate::appliance::config::Settings;
use crate::appliance::health::machine::Machine;
use crate::appliance::identity::{DeviceKey, MESSAGE};
use crate::appliance::journal::{OutboxMessage, OutboxRow, StudyState};
use crate::appliance::reader::sandbox;

/// Schema of a report.
pub const REPORT_SCHEMA: &str = "deepspine.report/1";
/// Schema of a study's state.
pub const STUDY_SCHEMA: &str = "deepspine.study/1";
/// Schema of the health status.
pub const HEALTH_SCHEMA: &str = "deepspine.health/1";
/// Schema of the device's identity.
pub const IDENTITY_SCHEMA: &str = "deepspine.identity/1";
/// Schema of a command's state.
pub const COMMAND_SCHEMA: &str = "deepspine.command/1";
/// Schema of the models.
pub const MODELS_SCHEMA: &str = "deepspine.models/1";

/// Most bytes of a message that is sent; a report stays below 32 KiB.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// How the appliance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Every thread is alive.
    Up,
    /// Something is wrong, but work goes on.
    Degraded,
    /// Gone; also the will.
    Down,
}

impl Health {
    /// Degraded while an alarm stands that says that something does not work as it should.
    #[must_use]
    pub fn of(alarms: &Alarms) -> Self {
        let worst = alarms.standing().into_iter().map(|(_, raised)| raised.severity).max();
        if worst.is_some_and(|severity| severity >= Severity::Minor) { Self::Degraded } else { Self::Up }
    }

    /// `up`, `degraded` or `down`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

/// A report's message for the outbox. `report` is the report as JSON, its revision included;
/// `time` is when it was made.
#[must_use]
pub fn report_message(key: &DeviceKey, study_key: &str, report_id: &str, time: &str, report: Value) -> OutboxMessage {
    let content = match report {
        Value::Object(content) => content,
        other => Map::from_iter([("report".to_owned(), other)]),
    };
    let msg_id = msg_id(key, topics::REPORT, report_id, "");
    OutboxMessage {
        topic: topics::REPORT,
        study_key: study_key.to_owned(),
        report_id: Some(report_id.to_owned()),
        payload: enveloped(REPORT_SCHEMA, &msg_id, time, content),
        replaces: false,
    }
}

/// A message about a study's state, which replaces older ones that were not sent yet. `about` is the
/// report it ended in, or why it failed.
#[must_use]
pub fn study_message(key: &DeviceKey, study_key: &str, state: StudyState, about: About<'_>) -> OutboxMessage {
    let mut content = Map::from_iter([
        ("study_key".to_owned(), Value::from(study_key)),
        ("state".to_owned(), Value::from(state.name())),
    ]);
    let what = match about {
        About::Report { report_id, revision } => {
            content.insert("report_id".to_owned(), Value::from(report_id));
            content.insert("revision".to_owned(), Value::from(revision));
            report_id.to_owned()
        }
        About::Failure { attempt, reason } => {
            content.insert("attempt".to_owned(), Value::from(attempt));
            content.insert("reason".to_owned(), Value::from(reason));
            format!("{study_key} {attempt}")
        }
        About::Attempt(attempt) => {
            content.insert("attempt".to_owned(), Value::from(attempt));
            format!("{study_key} {attempt}")
        }
        About::Person => study_key.to_owned(),
    };
    let msg_id = msg_id(key, topics::STUDY, &what, state.name());
    OutboxMessage {
        topic: topics::STUDY,
        study_key: study_key.to_owned(),
        report_id: None,
        payload: enveloped(STUDY_SCHEMA, &msg_id, &clock::now_rfc3339(), content),
        replaces: true,
    }
}

/// What a message about a study's state tells beside the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// An attempt begins; 1 for the first.
    Attempt(u32),
    /// A person decided it.
    Person,
    /// It was read.
    Report {
        /// The report's id.
        report_id: &'a str,
        /// Its revision.
        revision: u32,
    },
    /// An attempt failed.
    Failure {
        /// 1 for the first.
        attempt: u32,
        /// Why, without identity.
        reason: &'a str,
    },
}

fn msg_id(key: &DeviceKey, topic: &str, what: &str, state: &str) -> String {
    key.keyed_hash(MESSAGE, &format!("{topic}\n{what}\n{state}"))
}

/// `content` in its envelope, but for what only delivery knows.
fn enveloped(schema: &str, msg_id: &str, time: &str, content: Map<String, Value>) -> Vec<u8> {
    let mut message = content;
    message.insert("schema".to_owned(), Value::from(schema));
    message.insert("msg_id".to_owned(), Value::from(msg_id));
    message.insert("time".to_owned(), Value::from(time));
    message.entry("clock_synced").or_insert_with(|| Value::from(clock::clock_synced()));
    Value::Object(message).to_string().into_bytes()
}

/// A stored payload with what only delivery knows; `None` where it is no JSON object, which the
/// journal never holds unless it was tampered with.
#[must_use]
pub fn completed(row: &OutboxRow, session: &str) -> Option<Vec<u8>> {
    let mut message: Map<String, Value> = serde_json::from_slice(&row.payload).ok()?;
    message.insert("session".to_owned(), Value::from(session));
    message.insert("replayed".to_owned(), Value::from(row.attempts > 0));
    message.insert("seq".to_owned(), Value::from(row.seq));
    if row.superseded > 0 {
        message.insert("superseded".to_owned(), Value::from(row.superseded));
    }
    serde_json::to_vec(&message).ok()
}

/// A status, twin or command message of this moment, which is not kept in the journal.
fn momentary(key: &DeviceKey, topic: &str, schema: &str, session: &str, content: Value) -> Vec<u8> {
    let Value::Object(mut content) = content else { return Vec::new() };
    content.insert("session".to_owned(), Value::from(session));
    content.insert("replayed".to_owned(), Value::from(false));
    let msg_id = msg_id(key, topic, session, &Value::from(content.clone()).to_string());
    enveloped(schema, &msg_id, &clock::now_rfc3339(), content)
}

/// The health status, with the number of alarms that stand. `interval_s` is how often it is repeated.
#[must_use]
pub fn health(key: &DeviceKey, session: &str, health: Health, alarms: usize, interval_s: u64) -> Vec<u8> {
    let content = json!({ "status": health.name(), "alarms": alarms, "interval_s": interval_s });
    momentary(key, topics::HEALTH, HEALTH_SCHEMA, session, content)
}

/// An alarm as thin-edge.io knows them; an empty payload clears one.
#[must_use]
pub fn alarm(raised: Option<&Raised>) -> Vec<u8> {
    raised.map_or_else(Vec::new, |raised| {
        let content = json!({
            "severity": raised.severity.name(),
            "text": raised.text.as_str(),
            "time": raised.since.as_str(),
        });
        content.to_string().into_bytes()
    })
}

/// The state of a command on `topic`, with what came of it.
#[must_use]
pub fn command(key: &DeviceKey, topic: &str, session: &str, status: &CommandStatus) -> Vec<u8> {
    let content = match status {
        CommandStatus::Executing => json!({ "status": "executing" }),
        CommandStatus::Successful(result) => json!({ "status": "successful", "result": result }),
        CommandStatus::Failed(reason) => json!({ "status": "failed", "reason": reason }),
    };
    momentary(key, topic, COMMAND_SCHEMA, session, content)
}

/// Where a command stands.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandStatus {
    /// It is being done.
    Executing,
    /// It was done, with this result.
    Successful(Value),
    /// It was not done, for this reason.
    Failed(String),
}

/// What this device is.
#[must_use]
pub fn identity(key: &DeviceKey, session: &str, settings: &Settings) -> Vec<u8> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory_mib = rustix::system::sysinfo().totalram / (1 << 20);
    let content = json!({
        "device": settings.device_id,
        "name": "deepspine",
        "version": env!("CARGO_PKG_VERSION"),
        "architecture": std::env::consts::ARCH,
        "kernel": rustix::system::uname().release().to_string_lossy(),
        "board": Machine::default().model(),
        "protocol": settings.mqtt.protocol.name(),
        "sandbox": sandbox::available().name(),
        "commands": settings.commands.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        "cores": cores,
        "memory_mib": memory_mib,
    });
    momentary(key, topics::IDENTITY, IDENTITY_SCHEMA, session, content)
}

/// The models that readings use; `models` is a list of name, version, hash and terms.
#[must_use]
pub fn models(key: &DeviceKey, session: &str, models: &Value) -> Vec<u8> {
    momentary(key, topics::MODELS, MODELS_SCHEMA, session, json!({ "models": models }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn key() -> DeviceKey {
        DeviceKey::new([5; DeviceKey::BYTES])
    }

    fn row(payload: Vec<u8>) -> OutboxRow {
        OutboxRow { seq: 7, topic: topics::REPORT.to_owned(), attempts: 1, superseded: 0, payload }
    }

    fn object(bytes: &[u8]) -> Map<String, Value> {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn a_report_travels_in_its_envelope() {
        let message = report_message(&key(), "s", "r", "2026-01-01T00:00:00.000Z", json!({ "revision": 2 }));
        let sent = object(&completed(&row(message.payload), "abc").unwrap());
        assert_eq!(sent["schema"], REPORT_SCHEMA);
        assert_eq!(sent["time"], "2026-01-01T00:00:00.000Z");
        assert_eq!((&sent["session"], &sent["seq"], &sent["replayed"]), (&json!("abc"), &json!(7), &json!(true)));
        assert_eq!(sent["revision"], 2);
        assert!(sent.contains_key("clock_synced") && sent.contains_key("msg_id"));
    }

    #[test]
    fn the_same_message_has_the_same_id_and_another_state_another() {
        let message = |state| object(&study_message(&key(), "s", state, About::Attempt(1)).payload)["msg_id"].clone();
        assert_eq!(message(StudyState::Claimed), message(StudyState::Claimed));
        assert_ne!(message(StudyState::Claimed), message(StudyState::Failed));
    }

    #[test]
    fn a_state_says_how_many_it_stands_for() {
        let message = study_message(&key(), "s", StudyState::Done, About::Attempt(1));
        let sent = object(&completed(&OutboxRow { superseded: 3, ..row(message.payload) }, "abc").unwrap());
        assert_eq!(sent["superseded"], 3);
    }

    #[test]
    fn what_is_no_object_is_not_sent() {
        assert_eq!(completed(&row(b"[1]".to_vec()), "s"), None);
    }

    #[test]
    fn health_carries_its_session() {
        let will = object(&health(&key(), "abc", Health::Down, 0, 60));
        assert_eq!(
            (&will["status"], &will["session"], &will["interval_s"]),
            (&json!("down"), &json!("abc"), &json!(60))
        );
    }
}
