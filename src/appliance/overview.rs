//! How everything is, in one look: for `deepspine status` and the command `health`.

use serde::{Deserialize, Serialize};

use super::clock;
use super::health::counters::Counters;
use super::health::machine::{self, Machine};
use super::journal::{Journal, JournalError, OutboxDepth, SendingsDepth, Size, StudyState};
use super::shared::Shared;

/// How everything is. Holds no identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overview {
    /// The device's name.
    pub device: String,
    /// Version of the program.
    pub version: String,
    /// Now, RFC 3339.
    pub time: String,
    /// Whether the clock is synchronised; `None` where nobody says.
    pub clock_synced: Option<bool>,
    /// Whether an appliance is running.
    pub running: bool,
    /// Since when it runs, seconds.
    pub uptime_s: u64,
    /// The broker's address; `None` where none is named.
    pub broker: Option<String>,
    /// Whether there is a connection to it.
    pub connected: bool,
    /// Whether there is room for more results.
    pub intake_open: bool,
    /// Studies by state.
    pub studies: Vec<(String, u64)>,
    /// What waits for the broker.
    pub outbox: OutboxDepth,
    /// What waits for the archive; `None` where none is named and nothing waits.
    pub sendings: Option<SendingsDepth>,
    /// Age of the oldest message, seconds; `None` where there is none or the clock was not set.
    pub oldest_s: Option<u64>,
    /// Size of the journal.
    pub journal_used_bytes: u64,
    /// What may still be written beside the journal, bytes.
    pub disk_free_bytes: Option<u64>,
    /// Memory of the appliance, KiB.
    pub resident_kib: u64,
    /// Reports since the start.
    pub reports: u64,
    /// Attempts at a reading that failed since the start.
    pub failed_attempts: u64,
    /// Messages that a broker accepted since the start.
    pub delivered: u64,
    /// Connections made since the start.
    pub connections: u64,
    /// Alarms that stand.
    pub alarms: Vec<StandingAlarm>,
    /// The last errors: when, and what.
    pub last_errors: Vec<(String, String)>,
}

/// An alarm that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingAlarm {
    /// Its name.
    pub alarm: String,
    /// How bad it is.
    pub severity: String,
    /// What is wrong and what to do.
    pub text: String,
    /// Since when, RFC 3339.
    pub since: String,
}

/// Looks at everything. `running` is whether this process is the appliance.
///
/// # Errors
/// As the journal gives them.
pub fn look(shared: &Shared, journal: &Journal, running: bool) -> Result<Overview, JournalError> {
    let settings = shared.settings();
    let outbox = journal.outbox_depth()?;
    let sendings =
        Some(journal.sendings_depth()?).filter(|depth| settings.pacs.is_some() || *depth != SendingsDepth::default());
    let Size { used_bytes, .. } = journal.size()?;
    let studies = StudyState::ALL
        .into_iter()
        .map(|state| Ok((state.name().to_owned(), journal.studies_in(state)?)))
        .collect::<Result<_, JournalError>>()?;
    let counters = &shared.counters;
    Ok(Overview {
        device: settings.device_id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time: clock::now_rfc3339(),
        clock_synced: clock::clock_synced(),
        running,
        uptime_s: shared.uptime().as_secs(),
        broker: settings.mqtt.broker.as_ref().map(|broker| format!("{}:{}", broker.host, broker.port)),
        connected: shared.connected(),
        intake_open: shared.intake_open(),
        studies,
        sendings,
        oldest_s: oldest_s(&outbox),
        outbox,
        journal_used_bytes: used_bytes,
        disk_free_bytes: machine::room(&settings.storage.state_dir).ok().map(|room| room.free_bytes),
        resident_kib: Machine::default().memory().resident_kib,
        reports: Counters::so_far(&counters.reports),
        failed_attempts: Counters::so_far(&counters.failed_attempts),
        delivered: Counters::so_far(&counters.delivered),
        connections: Counters::so_far(&counters.connections),
        alarms: standing(shared),
        last_errors: counters.last_errors().iter().map(|(time, text)| (time.to_string(), text.to_string())).collect(),
    })
}

/// Age of the oldest message that waits, seconds.
#[must_use]
pub fn oldest_s(outbox: &OutboxDepth) -> Option<u64> {
    let oldest = [outbox.live.oldest_at, outbox.backlog.oldest_at].into_iter().flatten().min()?;
    clock::age_secs(oldest)
}

fn standing(shared: &Shared) -> Vec<StandingAlarm> {
    let of = |(alarm, raised): (super::alarms::Alarm, super::alarms::Raised)| StandingAlarm {
        alarm: alarm.name().to_owned(),
        severity: raised.severity.name().to_owned(),
        text: raised.text.to_string(),
        since: raised.since.to_string(),
    };
    shared.alarms.standing().into_iter().map(of).collect()
}
