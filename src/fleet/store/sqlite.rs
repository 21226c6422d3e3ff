//! The store in a file: SQLite in WAL mode, for one collector and whoever looks beside it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Transaction, params};

use super::holes::{self, Placed};
use super::{
    Batch, Counts, GAPS_MAX, Gap, Grades, NumbersRow, SCHEMA_VERSION, Standings, Store, StoreError, Taken, Windows,
    facts,
};
use crate::fleet::drift::{BASELINE_REPORTS, RECENT_REPORTS};

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Version 1. Moments are milliseconds since the epoch.
const SCHEMA: &str = "
CREATE TABLE devices (
    device TEXT PRIMARY KEY NOT NULL,
    first_ms INTEGER NOT NULL,
    settled_seq INTEGER,
    queue_empty_ms INTEGER NOT NULL DEFAULT 0,
    repeats INTEGER NOT NULL DEFAULT 0,
    malformed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE messages (
    device TEXT NOT NULL,
    seq INTEGER NOT NULL,
    msg_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    superseded INTEGER NOT NULL,
    made_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (device, seq, msg_id)
) WITHOUT ROWID;
CREATE TABLE reports (
    device TEXT NOT NULL,
    report_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    models TEXT NOT NULL,
    grades TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (device, report_id)
) WITHOUT ROWID;
CREATE INDEX reports_in_order ON reports (device, models, seq);
CREATE INDEX reports_by_age ON reports (received_ms);
CREATE TABLE numbers (
    device TEXT NOT NULL,
    kind TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (device, kind)
) WITHOUT ROWID;
CREATE TABLE gaps (
    device TEXT NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    decided_ms INTEGER NOT NULL,
    PRIMARY KEY (device, first_seq)
) WITHOUT ROWID;
";

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Statement(error.to_string())
    }
}

/// A database file.
pub(super) struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    /// Opens the file at `path`, making it where absent.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        let failed = |error: rusqlite::Error| StoreError::Open { name: name.clone(), reason: error.to_string() };
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").map_err(failed)?;
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
        let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
        if found > SCHEMA_VERSION {
            return Err(StoreError::Newer { name, found });
        }
        if found == 0 {
            transaction.execute_batch(SCHEMA).map_err(failed)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(Self { connection })
    }

    fn write(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
    }
}

impl Store for Sqlite {
    fn take(&mut self, batch: &Batch) -> Result<Taken, StoreError> {
        let mut facts = facts(batch);
        let transaction = self.write()?;
        let mut taken = Taken::default();
        {
            let mut event = transaction.prepare_cached(
                "INSERT INTO messages (device, seq, msg_id, kind, superseded, made_ms, received_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )?;
            let mut report = transaction.prepare_cached(
                "INSERT INTO reports (device, report_id, seq, models, grades, received_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            )?;
            for row in &batch.events {
                let e = &row.event;
                let stored = event.execute(params![
                    row.device,
                    e.seq,
                    e.msg_id,
                    e.kind,
                    e.superseded,
                    e.made_ms,
                    row.received_ms
                ])?;
                taken.stored += stored as u64;
                taken.repeats += u64::from(stored == 0);
                if let Some(of_device) = facts.get_mut(&*row.device) {
                    of_device.repeats -= stored as i64;
                }
                if let Some(r) = &e.report {
                    let grades = json(&r.grades)?;
                    report.execute(params![row.device, r.report_id, e.seq, r.models, grades, row.received_ms])?;
                }
            }
            let mut device = transaction.prepare_cached(
                "INSERT INTO devices (device, first_ms, queue_empty_ms, repeats, malformed) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET queue_empty_ms = max(queue_empty_ms, excluded.queue_empty_ms),
                    repeats = repeats + excluded.repeats, malformed = malformed + excluded.malformed",
            )?;
            for (name, of_device) in &facts {
                let f = of_device;
                device.execute(params![name, f.first_ms, f.queue_empty_ms, f.repeats, f.malformed])?;
            }
            let mut number = transaction.prepare_cached(
                "INSERT OR REPLACE INTO numbers (device, kind, received_ms, body) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for row in batch.numbers.values() {
                number.execute(params![row.device, row.kind, row.received_ms, json(&row.numbers)?])?;
            }
        }
        transaction.commit()?;
        Ok(taken)
    }

    fn decide_gaps(&mut self, now_ms: i64, grace_ms: i64) -> Result<(), StoreError> {
        let transaction = self.write()?;
        let placed = transaction
            .prepare_cached(holes::HOLES)?
            .query_map([now_ms.saturating_sub(grace_ms)], |row| {
                Ok(Placed {
                    device: row.get(0)?,
                    seq: row.get(1)?,
                    superseded: row.get(2)?,
                    next_seq: row.get(3)?,
                    begin_seq: row.get(4)?,
                    horizon_seq: row.get(5)?,
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let decided = holes::decide(&placed, now_ms);
        for (device, horizon) in &decided.horizons {
            transaction
                .prepare_cached("UPDATE devices SET settled_seq = ?2 WHERE device = ?1")?
                .execute(params![device, horizon])?;
        }
        insert_gaps(&transaction, &decided.gaps)?;
        let filled = transaction
            .prepare_cached(holes::FILLED)?
            .query_map([], |row| {
                let (device, first_seq, last_seq) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((Gap { device, first_seq, last_seq, decided_ms: row.get(3)? }, row.get(4)?))
            })?
            .collect::<rusqlite::Result<Vec<(Gap, i64)>>>()?;
        for one in filled.chunk_by(|a, b| a.0 == b.0) {
            let Some((gap, _)) = one.first() else { continue };
            transaction
                .prepare_cached("DELETE FROM gaps WHERE device = ?1 AND first_seq = ?2")?
                .execute(params![gap.device, gap.first_seq])?;
            let seqs: Vec<i64> = one.iter().map(|(_, seq)| *seq).collect();
            insert_gaps(&transaction, &holes::without(gap, &seqs))?;
        }
        Ok(transaction.commit()?)
    }

    fn standings(&mut self) -> Result<Standings, StoreError> {
        let gaps = self
            .connection
            .prepare_cached(
                "SELECT device, first_seq, last_seq, decided_ms FROM gaps ORDER BY decided_ms DESC, device, first_seq LIMIT ?1",
            )?
            .query_map([GAPS_MAX], |row| {
                let (device, first_seq, last_seq) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Gap { device, first_seq, last_seq, decided_ms: row.get(3)? })
            })?
            .collect::<rusqlite::Result<_>>()?;
        let counts = self
            .connection
            .prepare_cached("SELECT device, repeats, malformed FROM devices WHERE repeats > 0 OR malformed > 0")?
            .query_map([], |row| {
                let count = |n| row.get::<_, i64>(n).map(i64::unsigned_abs);
                Ok(Counts { device: row.get(0)?, repeats: count(1)?, malformed: count(2)? })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Standings { gaps, counts })
    }

    fn numbers_since(&mut self, since_ms: i64) -> Result<Vec<NumbersRow>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT device, kind, received_ms, body FROM numbers WHERE received_ms >= ?1")?;
        let rows = statement.query_map([since_ms], |row| {
            let body: String = row.get(3)?;
            let numbers = serde_json::from_str(&body).unwrap_or_default();
            Ok(NumbersRow { device: row.get(0)?, kind: row.get(1)?, received_ms: row.get(2)?, numbers })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn reported_since(&mut self, since_ms: i64) -> Result<Vec<(Box<str>, String)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT device, models FROM reports WHERE received_ms >= ?1 ORDER BY device, models",
        )?;
        let rows = statement.query_map([since_ms], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn windows(&mut self, device: &str, models: &str) -> Result<Windows, StoreError> {
        let read = |order: &str, after_seq: i64, limit: i64| -> rusqlite::Result<Vec<(i64, Grades)>> {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT seq, grades FROM reports WHERE device = ?1 AND models = ?2 AND seq > ?3 ORDER BY seq {order} LIMIT ?4"
            ))?;
            let rows = statement.query_map(params![device, models, after_seq, limit], |row| {
                let grades: String = row.get(1)?;
                Ok((row.get(0)?, serde_json::from_str(&grades).unwrap_or_default()))
            })?;
            rows.collect()
        };
        let baseline = read("ASC", 0, BASELINE_REPORTS)?;
        let Some((last, _)) = baseline.last() else { return Ok(Windows::default()) };
        let recent = read("DESC", *last, RECENT_REPORTS)?;
        let grades = |rows: Vec<(i64, Grades)>| rows.into_iter().map(|(_, grades)| grades).collect();
        Ok(Windows { baseline: grades(baseline), recent: grades(recent) })
    }

    fn prune(&mut self, before_ms: i64) -> Result<u64, StoreError> {
        let transaction = self.write()?;
        let messages = transaction.execute(
            "DELETE FROM messages WHERE received_ms < ?1
                AND seq < (SELECT settled_seq FROM devices WHERE devices.device = messages.device)",
            [before_ms],
        )?;
        transaction.execute(
            "DELETE FROM reports WHERE received_ms < ?1 AND seq > (
                SELECT first.seq FROM reports first WHERE first.device = reports.device AND first.models = reports.models
                ORDER BY first.seq LIMIT 1 OFFSET ?2)",
            params![before_ms, BASELINE_REPORTS - 1],
        )?;
        transaction.execute("DELETE FROM gaps WHERE decided_ms < ?1", [before_ms])?;
        transaction.commit()?;
        Ok(messages as u64)
    }
}

fn insert_gaps(transaction: &Transaction<'_>, gaps: &[Gap]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO gaps (device, first_seq, last_seq, decided_ms) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?;
    for gap in gaps {
        statement.execute(params![gap.device, gap.first_seq, gap.last_seq, gap.decided_ms])?;
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Statement(error.to_string()))
}
