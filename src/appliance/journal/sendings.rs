//! Objects that wait for the clinic's archive (PACS): each leaves when the archive said that it has it.
//!
//! They stand beside the report that they are made from, in the transaction of its commit. One that the archive refuses is
//! set aside with the reason, so that the others go on; the bundle that all are made from stays until then.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{Journal, JournalError};
use crate::appliance::clock;

/// The objects of one report that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToSend {
    /// When the report was made, RFC 3339.
    pub produced_at: String,
    /// Its id.
    pub report_id: String,
    /// Name of its bundle's file.
    pub bundle: String,
    /// Names of the objects, those that failed least often first.
    pub objects: Vec<String>,
}

/// How much waits for the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendingsDepth {
    /// Objects that wait.
    pub waiting: u64,
    /// When the oldest of them was put there, seconds since the epoch.
    pub oldest_at: Option<i64>,
    /// Objects that were refused.
    pub set_aside: u64,
}

/// One object that waits, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendingLook {
    /// The report that it is made from.
    pub report_id: String,
    /// The study that it is about.
    pub study_key: String,
    /// Its name.
    pub object: String,
    /// Attempts that failed because of it.
    pub attempts: u32,
    /// Why it was set aside.
    pub set_aside: Option<String>,
    /// When it was put there, seconds since the epoch.
    pub enqueued_at: i64,
}

/// Puts `objects` of a report there; one that waits already is left as it is, one that was set aside gets another chance.
pub(super) fn insert(connection: &Connection, report_id: &str, objects: &[&str]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO sendings (report_id, object, enqueued_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (report_id, object) DO UPDATE SET set_aside = NULL, attempts = 0",
    )?;
    for object in objects {
        statement.execute(params![report_id, object, clock::now_unix_secs()])?;
    }
    Ok(())
}

impl Journal {
    /// The objects that wait of the newest report made before `before`.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn next_to_send(&self, before: Option<ToSend>) -> Result<Option<ToSend>, JournalError> {
        self.call(move |connection| {
            let (produced_at, report_id) = before.as_ref().map(|b| (&b.produced_at, &b.report_id)).unzip();
            let mut statement = connection.prepare_cached(
                "SELECT produced_at, report_id, bundle FROM reports
                 WHERE report_id IN (SELECT report_id FROM sendings WHERE set_aside IS NULL)
                 AND (?1 IS NULL OR (produced_at, report_id) < (?1, ?2))
                 ORDER BY produced_at DESC, report_id DESC LIMIT 1",
            )?;
            let row = statement.query_row(params![produced_at, report_id], |row| {
                Ok(ToSend {
                    produced_at: row.get(0)?,
                    report_id: row.get(1)?,
                    bundle: row.get(2)?,
                    objects: Vec::new(),
                })
            });
            let Some(found) = row.optional()? else { return Ok(None) };
            let mut statement = connection.prepare_cached(
                "SELECT object FROM sendings WHERE report_id = ?1 AND set_aside IS NULL ORDER BY attempts, object",
            )?;
            let objects = statement.query_map([&found.report_id], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(Some(ToSend { objects, ..found }))
        })
    }

    /// Has `objects` of a report be sent, once more where they were.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn send_objects(&self, report_id: &str, objects: Vec<&'static str>) -> Result<(), JournalError> {
        let report_id = report_id.to_owned();
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            insert(&transaction, &report_id, &objects)?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// The archive has the object, or there is none to be had.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn object_sent(&self, report_id: &str, object: &str) -> Result<(), JournalError> {
        let (report_id, object) = (report_id.to_owned(), object.to_owned());
        self.call(move |connection| {
            let sql = "DELETE FROM sendings WHERE report_id = ?1 AND object = ?2";
            connection.execute(sql, [&report_id, &object])?;
            Ok(())
        })
    }

    /// An attempt failed because of the object; so many have.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn object_failed(&self, report_id: &str, object: &str) -> Result<u32, JournalError> {
        let (report_id, object) = (report_id.to_owned(), object.to_owned());
        self.call(move |connection| {
            let sql = "UPDATE sendings SET attempts = attempts + 1 WHERE report_id = ?1 AND object = ?2
                       RETURNING attempts";
            Ok(connection.query_row(sql, [&report_id, &object], |row| row.get(0)).optional()?.unwrap_or(0))
        })
    }

    /// Sets the object aside, so that the others go on.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn object_set_aside(&self, report_id: &str, object: &str, reason: &str) -> Result<(), JournalError> {
        let (report_id, object, reason) = (report_id.to_owned(), object.to_owned(), reason.to_owned());
        self.call(move |connection| {
            let sql = "UPDATE sendings SET set_aside = ?3 WHERE report_id = ?1 AND object = ?2";
            connection.execute(sql, [&report_id, &object, &reason])?;
            Ok(())
        })
    }

    /// Has objects be sent again that were set aside: the archive may have been put right.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn objects_put_back(&self) -> Result<u64, JournalError> {
        self.call(|connection| {
            let sql = "UPDATE sendings SET set_aside = NULL, attempts = 0 WHERE set_aside IS NOT NULL";
            Ok(connection.execute(sql, [])? as u64)
        })
    }

    /// How much waits for the archive.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn sendings_depth(&self) -> Result<SendingsDepth, JournalError> {
        self.call(|connection| {
            let sql = "SELECT count(*) FILTER (WHERE set_aside IS NULL),
                min(enqueued_at) FILTER (WHERE set_aside IS NULL), count(*) FILTER (WHERE set_aside IS NOT NULL)
                FROM sendings";
            Ok(connection.query_row(sql, [], |row| {
                Ok(SendingsDepth {
                    waiting: row.get::<_, i64>(0)?.cast_unsigned(),
                    oldest_at: row.get(1)?,
                    set_aside: row.get::<_, i64>(2)?.cast_unsigned(),
                })
            })?)
        })
    }

    /// Up to `limit` objects after the one named, by report and name.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn look_at_sendings(
        &self,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Result<Vec<SendingLook>, JournalError> {
        self.call(move |connection| {
            let mut statement = connection.prepare(
                "SELECT sendings.report_id, study_key, object, attempts, set_aside, enqueued_at
                 FROM sendings JOIN reports ON reports.report_id = sendings.report_id
                 WHERE ?1 IS NULL OR (sendings.report_id, object) > (?1, ?2)
                 ORDER BY sendings.report_id, object LIMIT ?3",
            )?;
            let (report_id, object) = after.as_ref().map(|(report_id, object)| (report_id, object)).unzip();
            let rows = statement.query_map(params![report_id, object, limit as i64], |row| {
                Ok(SendingLook {
                    report_id: row.get(0)?,
                    study_key: row.get(1)?,
                    object: row.get(2)?,
                    attempts: row.get(3)?,
                    set_aside: row.get(4)?,
                    enqueued_at: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
