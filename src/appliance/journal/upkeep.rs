//! What keeps the journal small and true over the years.

use rusqlite::{Connection, OptionalExtension, params};

use super::outbox::Delivered;
use super::schema::{self, TO_REBUILD};
use super::{Journal, JournalError};
use crate::appliance::clock;

/// Pages that are given back to the file system at a time, so that nobody waits long for the journal.
const PAGES_GIVEN_BACK_MAX: i64 = 128;
/// Pages that may lie idle before they are given back.
const IDLE_PAGES_MAX: i64 = 256;
/// Reports that are remembered after their bundle was removed, so that the same reading is recognised.
const REMEMBERED_REPORTS_MAX: i64 = 50_000;
/// Reports that are forgotten at a time, so many beyond those remembered.
const FORGOTTEN_AT_A_TIME: i64 = 1000;
/// `meta` key of the alarms that a broker may still hold.
const ALARMS_TOLD: &str = "alarms-told";

/// How large the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Bytes that its contents take.
    pub used_bytes: u64,
    /// Messages in the outbox.
    pub rows: u64,
}

impl Journal {
    /// How large the journal is.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn size(&self) -> Result<Size, JournalError> {
        self.call(|connection| {
            let pages = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
            let bytes = pages * pragma(connection, "page_size")?;
            let rows: i64 = connection.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))?;
            Ok(Size { used_bytes: bytes.cast_unsigned(), rows: rows.cast_unsigned() })
        })
    }

    /// Gives idle pages back to the file system.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn shrink(&self) -> Result<(), JournalError> {
        self.call(|connection| {
            if pragma(connection, "freelist_count")? > IDLE_PAGES_MAX {
                // The pragma does its work row by row, so the rows must be asked for.
                let mut statement =
                    connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_GIVEN_BACK_MAX})"))?;
                let mut rows = statement.query([])?;
                while rows.next()?.is_some() {}
            }
            Ok(())
        })
    }

    /// Up to `limit` delivered reports whose files still lie on the disk, the oldest first; those committed
    /// before `before_unix_secs` alone where that is given, and not those committed by a clock that was not set. While there is an
    /// `archive`, a report is delivered only once that has all that it is to get.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn removable_reports(
        &self,
        before_unix_secs: Option<i64>,
        archive: bool,
        limit: usize,
    ) -> Result<Vec<Delivered>, JournalError> {
        self.call(move |connection| {
            let mut statement = connection.prepare(
                "SELECT report_id, bundle FROM reports WHERE delivered = 1 AND removed = 0 AND exported = 1
                 AND (?1 IS NULL OR (committed_at >= ?3 AND committed_at < ?1))
                 AND NOT (?4 AND report_id IN (SELECT report_id FROM sendings WHERE set_aside IS NULL))
                 ORDER BY committed_at LIMIT ?2",
            )?;
            let plausible_from = clock::PLAUSIBLE_FROM_UNIX_SECS;
            let rows = statement
                .query_map(params![before_unix_secs, limit as i64, plausible_from, archive], |row| {
                    Ok(Delivered { report_id: row.get(0)?, bundle: row.get(1)? })
                })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Notes that a report's files were removed; nothing can be made of it any more.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn report_removed(&self, report_id: &str) -> Result<(), JournalError> {
        let report_id = report_id.to_owned();
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            transaction.execute("UPDATE reports SET removed = 1 WHERE report_id = ?1", [&report_id])?;
            transaction.execute("DELETE FROM sendings WHERE report_id = ?1", [&report_id])?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// Forgets the oldest reports whose files were removed, once they are too many, and the studies of which
    /// nothing is left. That goes through every study, so it is done for many reports at a time.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn forget_removed(&self) -> Result<(), JournalError> {
        self.call(|connection| {
            let too_many: bool = connection.query_row(
                "SELECT EXISTS (SELECT 1 FROM reports WHERE removed = 1 ORDER BY committed_at DESC LIMIT 1 OFFSET ?1)",
                [REMEMBERED_REPORTS_MAX + FORGOTTEN_AT_A_TIME],
                |row| row.get(0),
            )?;
            if !too_many {
                return Ok(());
            }
            let transaction = connection.transaction()?;
            transaction.execute(
                "DELETE FROM reports WHERE report_id IN
                     (SELECT report_id FROM reports WHERE removed = 1 ORDER BY committed_at DESC LIMIT -1 OFFSET ?1)",
                [REMEMBERED_REPORTS_MAX],
            )?;
            transaction.execute(
                "DELETE FROM studies WHERE state IN ('done', 'discarded')
                     AND NOT EXISTS (SELECT 1 FROM reports WHERE reports.study_key = studies.study_key)
                     AND NOT EXISTS (SELECT 1 FROM files WHERE files.study_key = studies.study_key)",
                [],
            )?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// Whether the report's message was accepted by a broker; `None` where the journal knows no such report.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn report_delivered(&self, report_id: &str) -> Result<Option<bool>, JournalError> {
        let report_id = report_id.to_owned();
        self.call(move |connection| {
            let sql = "SELECT delivered FROM reports WHERE report_id = ?1";
            Ok(connection.query_row(sql, [&report_id], |row| row.get(0)).optional()?)
        })
    }

    /// Notes that every bundle's report is in the journal again.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn rebuilt(&self) -> Result<(), JournalError> {
        self.call(|connection| Ok(schema::set_meta(connection, TO_REBUILD, None)?))
    }

    /// Names of the alarms that a broker may still hold as raised, one a line.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn alarms_told(&self) -> Result<String, JournalError> {
        self.call(|connection| Ok(schema::meta(connection, ALARMS_TOLD)?.unwrap_or_default()))
    }

    /// Keeps what [`Journal::alarms_told`] gives.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn keep_alarms_told(&self, names: &str) -> Result<(), JournalError> {
        let names = names.to_owned();
        self.call(move |connection| Ok(schema::set_meta(connection, ALARMS_TOLD, Some(&names))?))
    }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
}
