//! Payloads by the suffix of their topic.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::event::{self, Event};
use super::{NAME_CHARS_MAX, TEXT_CHARS_MAX, clean};
use crate::appliance::mqtt::payload::MESSAGE_BYTES_MAX;
use crate::appliance::mqtt::topics;

/// Most models of an appliance that are kept.
const MODELS_MAX: usize = 8;
/// Most commands of an appliance that are kept.
const COMMANDS_MAX: usize = 8;
/// Longest interval between two statuses that is believed, seconds: a day.
const INTERVAL_S_MAX: u64 = 86_400;

/// Why a message is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// How the appliance is; also its will.
    Health(Health),
    /// What it is.
    Identity(Identity),
    /// Its models.
    Models(Box<[Model]>),
    /// An alarm by its name; `None`: cleared.
    Alarm(Box<str>, Option<Alarm>),
    /// A report or a study's state, which arrives at least once.
    Event(Event),
    /// Numbers of the group with this name.
    Numbers(&'static str, Numbers),
    /// Retained state that was taken back.
    TakenBack,
    /// Nothing that a fleet knows: of a newer version, or a command's.
    Other,
}

/// How an appliance says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// All is well.
    Up,
    /// Something is wrong, but work goes on.
    Degraded,
    /// Gone: said at an orderly end, or by the broker as its will.
    Down,
}

/// `status/health`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How it is.
    pub status: Status,
    /// The connection that says so.
    pub session: Box<str>,
    /// How often it says so, seconds.
    pub interval_s: u64,
    /// When it was made, by the appliance's clock, milliseconds since the epoch.
    pub made_ms: i64,
    /// Whether that clock was synchronised.
    pub clock_synced: Option<bool>,
}

/// `twin/identity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The connection that says so.
    pub session: Box<str>,
    /// Version of the program.
    pub version: Box<str>,
    /// The board, where it says which.
    pub board: Box<str>,
    /// Its processor's architecture.
    pub architecture: Box<str>,
    /// Commands that it obeys.
    pub commands: Box<[Box<str>]>,
}

/// One network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// Its name.
    pub name: Box<str>,
    /// Its version.
    pub version: Box<str>,
}

/// An alarm that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// 0 for a warning, then minor, major, critical.
    #[serde(skip)]
    pub rank: u8,
    /// How bad.
    pub severity: &'static str,
    /// What it says.
    pub text: Box<str>,
    /// Since when, by the appliance's clock.
    pub since: Box<str>,
}

/// The state of a command on its topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// `init`, `executing`, `successful` or `failed`.
    pub status: Box<str>,
    /// Why it failed.
    pub reason: Option<Box<str>>,
    /// What came of it.
    pub result: Option<Value>,
}

/// The few numbers of `m/*` that a fleet is judged by; what an appliance does not say stays unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Numbers {
    /// The hottest zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hottest_celsius: Option<f64>,
    /// 1 while something slows the machine down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled: Option<f64>,
    /// Memory that is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_available_mib: Option<f64>,
    /// Disk that is free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_free_mib: Option<f64>,
    /// New messages that wait for the broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_depth: Option<f64>,
    /// Age of the oldest of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_oldest_s: Option<f64>,
    /// Messages from before the connection that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog_depth: Option<f64>,
    /// Age of the oldest of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog_oldest_s: Option<f64>,
    /// Messages that the broker refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<f64>,
    /// Reports since the program's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reports: Option<f64>,
    /// Attempts that failed since the program's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_attempts: Option<f64>,
    /// How long 99 of 100 readings take at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading_p99_ms: Option<f64>,
}

impl Numbers {
    /// Takes over what `newer` knows.
    pub fn update(&mut self, newer: &Self) {
        let pairs = [
            (&mut self.hottest_celsius, newer.hottest_celsius),
            (&mut self.throttled, newer.throttled),
            (&mut self.memory_available_mib, newer.memory_available_mib),
            (&mut self.disk_free_mib, newer.disk_free_mib),
            (&mut self.live_depth, newer.live_depth),
            (&mut self.live_oldest_s, newer.live_oldest_s),
            (&mut self.backlog_depth, newer.backlog_depth),
            (&mut self.backlog_oldest_s, newer.backlog_oldest_s),
            (&mut self.set_aside, newer.set_aside),
            (&mut self.reports, newer.reports),
            (&mut self.failed_attempts, newer.failed_attempts),
            (&mut self.reading_p99_ms, newer.reading_p99_ms),
        ];
        for (known, newer) in pairs {
            *known = newer.or(*known);
        }
    }

    /// Whether these numbers of the queue say that nothing of before the connection waits.
    #[must_use]
    pub fn backlog_is_empty(&self) -> bool {
        self.backlog_depth == Some(0.0)
    }
}

/// Understands the message on `suffix`, below a device's root.
///
/// # Errors
/// [`Malformed`] with what is wrong with it.
pub fn understand(suffix: &str, payload: &[u8]) -> Result<Said, Malformed> {
    if payload.len() > MESSAGE_BYTES_MAX {
        return Err(Malformed("larger than any message"));
    }
    if let Some(alarm) = suffix.strip_prefix(topics::ALARM).and_then(|rest| rest.strip_prefix('/')) {
        return alarm_said(alarm, payload);
    }
    if payload.is_empty() {
        return Ok(Said::TakenBack);
    }
    match suffix {
        topics::HEALTH => health(payload).map(Said::Health),
        topics::IDENTITY => identity(payload).map(Said::Identity),
        topics::MODELS => models(payload).map(Said::Models),
        topics::REPORT => event::report(payload).map(Said::Event),
        topics::STUDY => event::study(payload).map(Said::Event),
        topics::SYSTEM => numbers(payload, system).map(|numbers| Said::Numbers("system", numbers)),
        topics::INFERENCE => numbers(payload, inference).map(|numbers| Said::Numbers("inference", numbers)),
        topics::QUEUE => numbers(payload, queue).map(|numbers| Said::Numbers("queue", numbers)),
        _ => Ok(Said::Other),
    }
}

impl Command {
    /// Understands the state of a command; `None` where it is none.
    #[must_use]
    pub fn understand(payload: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wire {
            status: String,
            reason: Option<String>,
            result: Option<Value>,
        }
        if payload.len() > MESSAGE_BYTES_MAX {
            return None;
        }
        let Wire { status, reason, result } = serde_json::from_slice(payload).ok()?;
        let reason = reason.map(|reason| clean(&reason, TEXT_CHARS_MAX));
        Some(Self { status: clean(&status, NAME_CHARS_MAX), reason, result })
    }
}

fn health(payload: &[u8]) -> Result<Health, Malformed> {
    #[derive(Deserialize)]
    struct Wire {
        status: Status,
        session: String,
        interval_s: u64,
        time: String,
        clock_synced: Option<bool>,
    }
    let wire: Wire = serde_json::from_slice(payload).map_err(|_| Malformed("no health status"))?;
    if wire.interval_s == 0 || wire.interval_s > INTERVAL_S_MAX {
        return Err(Malformed("a health status with an interval that can't be"));
    }
    Ok(Health {
        status: wire.status,
        session: clean(&wire.session, NAME_CHARS_MAX),
        interval_s: wire.interval_s,
        made_ms: event::unix_ms(&wire.time).ok_or(Malformed("a health status without a moment"))?,
        clock_synced: wire.clock_synced,
    })
}

fn identity(payload: &[u8]) -> Result<Identity, Malformed> {
    #[derive(Deserialize)]
    struct Wire {
        session: String,
        version: String,
        board: Option<String>,
        architecture: String,
        commands: Vec<String>,
    }
    let wire: Wire = serde_json::from_slice(payload).map_err(|_| Malformed("no identity of a device"))?;
    let name = |text: &str| clean(text, NAME_CHARS_MAX);
    Ok(Identity {
        session: name(&wire.session),
        version: name(&wire.version),
        board: name(wire.board.as_deref().unwrap_or_default()),
        architecture: name(&wire.architecture),
        commands: wire.commands.iter().take(COMMANDS_MAX).map(|command| name(command)).collect(),
    })
}

fn models(payload: &[u8]) -> Result<Box<[Model]>, Malformed> {
    #[derive(Deserialize)]
    struct Wire {
        models: Vec<WireModel>,
    }
    let wire: Wire = serde_json::from_slice(payload).map_err(|_| Malformed("no list of models"))?;
    Ok(wire.models.into_iter().take(MODELS_MAX).map(WireModel::cleaned).collect())
}

/// A model as it is written.
#[derive(Deserialize)]
pub(super) struct WireModel {
    name: String,
    version: String,
}

impl WireModel {
    pub(super) fn cleaned(self) -> Model {
        Model { name: clean(&self.name, NAME_CHARS_MAX), version: clean(&self.version, NAME_CHARS_MAX) }
    }
}

fn alarm_said(name: &str, payload: &[u8]) -> Result<Said, Malformed> {
    #[derive(Deserialize)]
    struct Wire {
        severity: String,
        text: String,
        time: String,
    }
    let name = clean(name, NAME_CHARS_MAX);
    if payload.is_empty() {
        return Ok(Said::Alarm(name, None));
    }
    let wire: Wire = serde_json::from_slice(payload).map_err(|_| Malformed("no alarm"))?;
    let severities = (0_u8..).zip(["warning", "minor", "major", "critical"]);
    let known = severities.into_iter().find(|(_, severity)| *severity == wire.severity);
    let (rank, severity) = known.ok_or(Malformed("an alarm of an unknown severity"))?;
    let since = clean(&wire.time, NAME_CHARS_MAX);
    Ok(Said::Alarm(name, Some(Alarm { rank, severity, text: clean(&wire.text, TEXT_CHARS_MAX), since })))
}

/// Group, key, number, as thin-edge.io's measurements are.
type Groups = Map<String, Value>;

fn numbers(payload: &[u8], of: fn(&Groups) -> Numbers) -> Result<Numbers, Malformed> {
    let groups: Groups = serde_json::from_slice(payload).map_err(|_| Malformed("no measurement"))?;
    if !groups.get("time").is_some_and(Value::is_string) {
        return Err(Malformed("a measurement without a moment"));
    }
    Ok(of(&groups))
}

fn number(groups: &Groups, group: &str, key: &str) -> Option<f64> {
    groups.get(group)?.get(key)?.as_f64()
}

fn system(groups: &Groups) -> Numbers {
    let zones = groups.get("temperature_celsius").and_then(Value::as_object);
    Numbers {
        hottest_celsius: zones.and_then(|zones| zones.values().filter_map(Value::as_f64).reduce(f64::max)),
        throttled: number(groups, "throttling", "active"),
        memory_available_mib: number(groups, "memory", "available_mib"),
        disk_free_mib: number(groups, "disk", "free_mib"),
        ..Numbers::default()
    }
}

fn inference(groups: &Groups) -> Numbers {
    Numbers {
        reports: number(groups, "study", "reports"),
        failed_attempts: number(groups, "study", "failed_attempts"),
        reading_p99_ms: number(groups, "reading", "p99_ms"),
        ..Numbers::default()
    }
}

fn queue(groups: &Groups) -> Numbers {
    Numbers {
        // Nothing waits has no age; an age of before must not stay.
        live_depth: number(groups, "live", "depth"),
        live_oldest_s: number(groups, "live", "oldest_s").or(Some(0.0)),
        backlog_depth: number(groups, "backlog", "depth"),
        backlog_oldest_s: number(groups, "backlog", "oldest_s").or(Some(0.0)),
        set_aside: number(groups, "set_aside", "depth"),
        ..Numbers::default()
    }
}
