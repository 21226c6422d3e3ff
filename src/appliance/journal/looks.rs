//! Looks into the journal that change nothing: for `status`, `studies`, `outbox` and the numbers on `m/queue`.

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::{Journal, JournalError, Lane, StudyState};

/// Messages that wait in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LaneDepth {
    /// How many.
    pub waiting: u64,
    /// When the oldest was put there, seconds since the epoch.
    pub oldest_at: Option<i64>,
}

/// The outbox as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutboxDepth {
    /// New messages.
    pub live: LaneDepth,
    /// Messages from before the connection.
    pub backlog: LaneDepth,
    /// Messages that the broker refused.
    pub set_aside: u64,
}

/// One study, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyLook {
    /// Keyed hash of its UID.
    pub study_key: String,
    /// Where it stands: [`StudyState::name`].
    pub state: String,
    /// Attempts at its present input.
    pub attempts: u32,
    /// Reports so far.
    pub revision: u32,
    /// Why it failed or is quarantined.
    pub reason: Option<String>,
    /// When its state changed last, seconds since the epoch.
    pub changed_at: i64,
    /// Its files in the export folder.
    pub files: u64,
}

/// One report of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLook {
    /// Id of the reading.
    pub report_id: String,
    /// Its revision.
    pub revision: u32,
    /// When it was made, RFC 3339.
    pub produced_at: String,
    /// Whether the broker has it.
    pub delivered: bool,
    /// Name of its bundle's file; `None` where it was removed since.
    pub bundle: Option<String>,
}

/// One message of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxLook {
    /// Its place in the order of commits.
    pub seq: i64,
    /// Topic below the root.
    pub topic: String,
    /// `live` or `backlog`.
    pub lane: String,
    /// The study that it is about.
    pub study_key: String,
    /// The report that it carries.
    pub report_id: Option<String>,
    /// How often it was handed to a connection.
    pub attempts: u32,
    /// Why it was set aside.
    pub set_aside: Option<String>,
    /// When it was put there, seconds since the epoch.
    pub enqueued_at: i64,
    /// Its size in the journal, bytes.
    pub packed_bytes: u64,
}

const STUDIES: &str = "SELECT study_key, state, attempts, revision, reason, changed_at,
    (SELECT count(*) FROM files WHERE files.study_key = studies.study_key AND files.state = 'accepted') FROM studies";
const MESSAGES: &str = "SELECT seq, topic, lane, study_key, report_id, attempts, set_aside, enqueued_at,
    length(payload) FROM outbox";

impl Journal {
    /// How much waits in the outbox.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn outbox_depth(&self) -> Result<OutboxDepth, JournalError> {
        self.call(|connection| {
            let lane = |lane: Lane| {
                connection.query_row(
                    "SELECT count(*), min(enqueued_at) FROM outbox WHERE lane = ?1 AND set_aside IS NULL",
                    [lane.name()],
                    |row| Ok(LaneDepth { waiting: unsigned(row, 0)?, oldest_at: row.get(1)? }),
                )
            };
            let set_aside =
                connection.query_row("SELECT count(*) FROM outbox WHERE set_aside IS NOT NULL", [], |r| unsigned(r, 0));
            Ok(OutboxDepth { live: lane(Lane::Live)?, backlog: lane(Lane::Backlog)?, set_aside: set_aside? })
        })
    }

    /// Up to `limit` studies, those in `state` alone where one is given, the last changed first.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn look_at_studies(&self, state: Option<StudyState>, limit: usize) -> Result<Vec<StudyLook>, JournalError> {
        self.call(move |connection| {
            let mut statement = connection.prepare(&format!(
                "{STUDIES} WHERE ?1 IS NULL OR state = ?1 ORDER BY changed_at DESC, study_key LIMIT ?2"
            ))?;
            let rows = statement.query_map(params![state.map(StudyState::name), limit as i64], study)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// One study and its reports, the first one first; `key` may be the beginning of its key, where no other
    /// begins so.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn look_at_study(&self, key: &str) -> Result<Option<(StudyLook, Vec<ReportLook>)>, JournalError> {
        let key = key.to_owned();
        self.call(move |connection| {
            let mut statement =
                connection.prepare(&format!("{STUDIES} WHERE substr(study_key, 1, length(?1)) = ?1 LIMIT 2"))?;
            let found: Vec<StudyLook> = statement.query_map([&key], study)?.collect::<Result<_, _>>()?;
            let Ok([study]) = <[StudyLook; 1]>::try_from(found) else { return Ok(None) };
            let reports = reports_of(connection, &study.study_key)?;
            Ok(Some((study, reports)))
        })
    }

    /// The newest report of each of up to `limit` studies, the last changed first, where its files are not removed: study and report.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn newest_reports(&self, limit: usize) -> Result<Vec<(String, String)>, JournalError> {
        self.call(move |connection| {
            let mut statement = connection.prepare(
                "SELECT studies.study_key, report_id FROM studies
                 JOIN reports ON reports.study_key = studies.study_key AND reports.revision = studies.revision
                 WHERE removed = 0 ORDER BY changed_at DESC, studies.study_key LIMIT ?1",
            )?;
            let rows = statement.query_map([limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// How many studies are in `state`.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn studies_in(&self, state: StudyState) -> Result<u64, JournalError> {
        self.call(move |connection| {
            let sql = "SELECT count(*) FROM studies WHERE state = ?1";
            Ok(connection.query_row(sql, [state.name()], |row| unsigned(row, 0))?)
        })
    }

    /// Up to `limit` files that ended the child that looked at them as often as they may: path and reason.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn quarantined_files(&self, limit: usize) -> Result<Vec<(Vec<u8>, String)>, JournalError> {
        self.call(move |connection| {
            let mut statement = connection.prepare(
                "SELECT path, coalesce(reason, '') FROM files WHERE state = 'refused' AND attempts > 0 LIMIT ?1",
            )?;
            let rows = statement.query_map([limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Up to `limit` messages after `after_seq`, in order.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn look_at_outbox(&self, after_seq: i64, limit: usize) -> Result<Vec<OutboxLook>, JournalError> {
        self.call(move |connection| {
            let mut statement = connection.prepare(&format!("{MESSAGES} WHERE seq > ?1 ORDER BY seq LIMIT ?2"))?;
            let rows = statement.query_map([after_seq, limit as i64], |row| {
                Ok(OutboxLook {
                    seq: row.get(0)?,
                    topic: row.get(1)?,
                    lane: row.get(2)?,
                    study_key: row.get(3)?,
                    report_id: row.get(4)?,
                    attempts: row.get(5)?,
                    set_aside: row.get(6)?,
                    enqueued_at: row.get(7)?,
                    packed_bytes: unsigned(row, 8)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

fn study(row: &Row<'_>) -> rusqlite::Result<StudyLook> {
    Ok(StudyLook {
        study_key: row.get(0)?,
        state: row.get(1)?,
        attempts: row.get(2)?,
        revision: row.get(3)?,
        reason: row.get(4)?,
        changed_at: row.get(5)?,
        files: unsigned(row, 6)?,
    })
}

fn reports_of(connection: &Connection, study_key: &str) -> rusqlite::Result<Vec<ReportLook>> {
    let mut statement = connection.prepare(
        "SELECT report_id, revision, produced_at, delivered, CASE removed WHEN 0 THEN bundle END FROM reports
         WHERE study_key = ?1 ORDER BY revision",
    )?;
    let rows = statement.query_map([study_key], |row| {
        Ok(ReportLook {
            report_id: row.get(0)?,
            revision: row.get(1)?,
            produced_at: row.get(2)?,
            delivered: row.get(3)?,
            bundle: row.get(4)?,
        })
    })?;
    rows.collect()
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}
