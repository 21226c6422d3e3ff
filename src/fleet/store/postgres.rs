//! The store in PostgreSQL, for several collectors at once.
//!
//! A batch is a handful of statements over arrays, in the order of its keys, so that two collectors hardly ever wait for
//! each other in a circle; where they do, the database ends one of them, which tries again. A connection that broke is made anew at the next call. The connection itself has no TLS: use a
//! socket, a network of your own, or a pooler beside the collector that has it.

mod insert;

use postgres::{Client, NoTls, Transaction};

use super::holes::{self, Placed};
use super::{
    Batch, Counts, EventRow, GAPS_MAX, Gap, Grades, NumbersRow, SCHEMA_VERSION, Standings, Store, StoreError, Taken,
    Windows, facts,
};
use crate::fleet::drift::{BASELINE_REPORTS, RECENT_REPORTS};

/// Stands for the tables while they are made, and for the decision on gaps: one collector at a time.
const TABLES_LOCK: i64 = 0x6465_6570_7370_0001;
const GAPS_LOCK: i64 = 0x6465_6570_7370_0002;

/// Version 1. Moments are milliseconds since the epoch.
const SCHEMA: &str = "
CREATE TABLE fleet_schema (version BIGINT NOT NULL);
INSERT INTO fleet_schema VALUES (1);
CREATE TABLE devices (
    device TEXT PRIMARY KEY,
    first_ms BIGINT NOT NULL,
    settled_seq BIGINT,
    queue_empty_ms BIGINT NOT NULL DEFAULT 0,
    repeats BIGINT NOT NULL DEFAULT 0,
    malformed BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE messages (
    device TEXT NOT NULL,
    seq BIGINT NOT NULL,
    msg_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    superseded BIGINT NOT NULL,
    made_ms BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (device, seq, msg_id)
);
CREATE TABLE reports (
    device TEXT NOT NULL,
    report_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    models TEXT NOT NULL,
    grades TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (device, report_id)
);
CREATE INDEX reports_in_order ON reports (device, models, seq);
CREATE INDEX reports_by_age ON reports (received_ms);
CREATE TABLE numbers (
    device TEXT NOT NULL,
    kind TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (device, kind)
);
CREATE TABLE gaps (
    device TEXT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    decided_ms BIGINT NOT NULL,
    PRIMARY KEY (device, first_seq)
);
";

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> Self {
        // The library's own words for what the database said are no more than "db error".
        let said = error.as_db_error().map(|said| said.message().to_owned());
        Self::Statement(said.unwrap_or_else(|| error.to_string()))
    }
}

/// A database.
pub(super) struct Postgres {
    address: String,
    client: Option<Client>,
}

impl Postgres {
    /// Connects to `postgres://…` and makes the tables where there are none.
    pub(super) fn open(address: &str) -> Result<Self, StoreError> {
        let name = without_password(address);
        let failed = |error: StoreError| StoreError::Open { name: name.clone(), reason: error.to_string() };
        let mut store = Self { address: address.to_owned(), client: None };
        let mut transaction = store.begin().map_err(failed)?;
        let found = tables(&mut transaction).map_err(|error| failed(error.into()))?;
        if found > SCHEMA_VERSION {
            return Err(StoreError::Newer { name, found });
        }
        transaction.commit().map_err(|error| failed(error.into()))?;
        Ok(store)
    }

    /// A connection that stands.
    fn client(&mut self) -> Result<&mut Client, StoreError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = None;
        }
        match &mut self.client {
            Some(client) => Ok(client),
            none => Ok(none.insert(Client::connect(&self.address, NoTls)?)),
        }
    }

    fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.client()?.transaction()?)
    }
}

/// The version of the tables, which are made where there are none.
fn tables(transaction: &mut Transaction<'_>) -> Result<i64, postgres::Error> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&TABLES_LOCK])?;
    let is_there: bool = transaction.query_one("SELECT to_regclass('fleet_schema') IS NOT NULL", &[])?.get(0);
    if !is_there {
        transaction.batch_execute(SCHEMA)?;
    }
    Ok(transaction.query_one("SELECT version FROM fleet_schema", &[])?.get(0))
}

/// The address as it may be shown.
fn without_password(address: &str) -> String {
    // A password may stand in the query as well.
    let address = address.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or_default()),
        None => address.to_owned(),
    }
}

impl Store for Postgres {
    fn take(&mut self, batch: &Batch) -> Result<Taken, StoreError> {
        let mut transaction = self.begin()?;
        let mut events: Vec<&EventRow> = batch.events.iter().collect();
        events.sort_by(|a, b| (&a.device, a.event.seq).cmp(&(&b.device, b.event.seq)));
        let mut facts = facts(batch);
        let mut taken = Taken::default();
        for row in insert::events(&mut transaction, &events)? {
            taken.stored += 1;
            if let Some(of_device) = facts.get_mut(row.get::<_, &str>(0)) {
                of_device.repeats -= 1;
            }
        }
        taken.repeats = (events.len() as u64).saturating_sub(taken.stored);
        insert::reports(&mut transaction, &events)?;
        insert::devices(&mut transaction, &facts)?;
        insert::numbers(&mut transaction, batch)?;
        transaction.commit()?;
        Ok(taken)
    }

    fn decide_gaps(&mut self, now_ms: i64, grace_ms: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin()?;
        let mine: bool = transaction.query_one("SELECT pg_try_advisory_xact_lock($1)", &[&GAPS_LOCK])?.get(0);
        if !mine {
            return Ok(());
        }
        let rows = transaction.query(holes::HOLES, &[&now_ms.saturating_sub(grace_ms)])?;
        let placed: Vec<Placed> = rows
            .iter()
            .map(|row| Placed {
                device: row.get(0),
                seq: row.get(1),
                superseded: row.get(2),
                next_seq: row.get(3),
                begin_seq: row.get(4),
                horizon_seq: row.get(5),
            })
            .collect();
        let decided = holes::decide(&placed, now_ms);
        let (devices, horizons): (Vec<&str>, Vec<i64>) = decided.horizons.iter().map(|(d, h)| (&**d, *h)).unzip();
        transaction.execute(
            "UPDATE devices SET settled_seq = h.seq FROM unnest($1::text[], $2::int8[]) AS h (device, seq)
             WHERE devices.device = h.device",
            &[&devices, &horizons],
        )?;
        insert::gaps(&mut transaction, &decided.gaps)?;
        let filled: Vec<(Gap, i64)> =
            transaction.query(holes::FILLED, &[])?.iter().map(|row| (gap(row), row.get(4))).collect();
        for one in filled.chunk_by(|a, b| a.0 == b.0) {
            let Some((gap, _)) = one.first() else { continue };
            transaction
                .execute("DELETE FROM gaps WHERE device = $1 AND first_seq = $2", &[&&*gap.device, &gap.first_seq])?;
            let seqs: Vec<i64> = one.iter().map(|(_, seq)| *seq).collect();
            insert::gaps(&mut transaction, &holes::without(gap, &seqs))?;
        }
        Ok(transaction.commit()?)
    }

    fn standings(&mut self) -> Result<Standings, StoreError> {
        let client = self.client()?;
        let gaps = client.query(
            "SELECT device, first_seq, last_seq, decided_ms FROM gaps
             ORDER BY decided_ms DESC, device, first_seq LIMIT $1",
            &[&GAPS_MAX],
        )?;
        let counts =
            client.query("SELECT device, repeats, malformed FROM devices WHERE repeats > 0 OR malformed > 0", &[])?;
        let count = |row: &postgres::Row, n: usize| row.get::<_, i64>(n).unsigned_abs();
        let counts =
            counts.iter().map(|row| Counts { device: row.get(0), repeats: count(row, 1), malformed: count(row, 2) });
        Ok(Standings { gaps: gaps.iter().map(gap).collect(), counts: counts.collect() })
    }

    fn numbers_since(&mut self, since_ms: i64) -> Result<Vec<NumbersRow>, StoreError> {
        let rows = self
            .client()?
            .query("SELECT device, kind, received_ms, body FROM numbers WHERE received_ms >= $1", &[&since_ms])?;
        let row = |row: &postgres::Row| NumbersRow {
            device: row.get(0),
            kind: row.get(1),
            received_ms: row.get(2),
            numbers: serde_json::from_str(row.get(3)).unwrap_or_default(),
        };
        Ok(rows.iter().map(row).collect())
    }

    fn reported_since(&mut self, since_ms: i64) -> Result<Vec<(Box<str>, String)>, StoreError> {
        let rows = self.client()?.query(
            "SELECT DISTINCT device, models FROM reports WHERE received_ms >= $1 ORDER BY device, models",
            &[&since_ms],
        )?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    fn windows(&mut self, device: &str, models: &str) -> Result<Windows, StoreError> {
        let client = self.client()?;
        let mut read = |order: &str, after_seq: i64, limit: i64| -> Result<Vec<(i64, Grades)>, StoreError> {
            let rows = client.query(
                &format!(
                    "SELECT seq, grades FROM reports WHERE device = $1 AND models = $2 AND seq > $3
                     ORDER BY seq {order} LIMIT $4"
                ),
                &[&device, &models, &after_seq, &limit],
            )?;
            Ok(rows.iter().map(|row| (row.get(0), serde_json::from_str(row.get(1)).unwrap_or_default())).collect())
        };
        let baseline = read("ASC", 0, BASELINE_REPORTS)?;
        let Some((last, _)) = baseline.last() else { return Ok(Windows::default()) };
        let recent = read("DESC", *last, RECENT_REPORTS)?;
        let grades = |rows: Vec<(i64, Grades)>| rows.into_iter().map(|(_, grades)| grades).collect();
        Ok(Windows { baseline: grades(baseline), recent: grades(recent) })
    }

    fn prune(&mut self, before_ms: i64) -> Result<u64, StoreError> {
        let mut transaction = self.begin()?;
        let messages = transaction.execute(
            "DELETE FROM messages USING devices WHERE devices.device = messages.device
                AND messages.received_ms < $1 AND messages.seq < devices.settled_seq",
            &[&before_ms],
        )?;
        transaction.execute(
            "DELETE FROM reports WHERE received_ms < $1 AND seq > (
                SELECT first.seq FROM reports first WHERE first.device = reports.device AND first.models = reports.models
                ORDER BY first.seq LIMIT 1 OFFSET $2)",
            &[&before_ms, &(BASELINE_REPORTS - 1)],
        )?;
        transaction.execute("DELETE FROM gaps WHERE decided_ms < $1", &[&before_ms])?;
        transaction.commit()?;
        Ok(messages)
    }
}

fn gap(row: &postgres::Row) -> Gap {
    Gap { device: row.get(0), first_seq: row.get(1), last_seq: row.get(2), decided_ms: row.get(3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_password("postgres://fleet:s3cr@t@db:5432/x"), "postgres://fleet@db:5432/x");
        assert_eq!(without_password("postgres://db/x?password=s3cret"), "postgres://db/x");
        assert_eq!(without_password("postgres://fleet@db/x"), "postgres://fleet@db/x");
    }
}
