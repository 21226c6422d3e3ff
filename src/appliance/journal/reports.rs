//! Reports: their commit, with everything that must happen together with it, and what is made from them.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::studies::done;
use super::{Journal, JournalError, OutboxMessage, outbox, sendings};
use crate::appliance::clock;

/// A report to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    /// Id of the reading.
    pub report_id: String,
    /// The study it is about.
    pub study_key: String,
    /// Its revision within its study: [`Journal::next_revision`].
    pub revision: u32,
    /// When it was made, RFC 3339.
    pub produced_at: String,
    /// Name of the bundle's file in the spool folder.
    pub bundle: String,
    /// Names of the objects that the clinic's archive is to get.
    pub objects: Vec<&'static str>,
}

/// A report whose files for the clinic are still to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToExport {
    /// When it was made, RFC 3339.
    pub produced_at: String,
    /// Its id.
    pub report_id: String,
    /// Name of its bundle's file.
    pub bundle: String,
}

impl Journal {
    /// Commits a report, its messages and the study's state in one transaction: all of it or nothing.
    ///
    /// # Errors
    /// As the journal gives them; a report that is known, or a revision that is not new to its study, is
    /// refused by a constraint.
    pub fn commit_report(&self, report: NewReport, messages: Vec<OutboxMessage>) -> Result<(), JournalError> {
        let mark = Arc::clone(&self.mark);
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            insert_report(&transaction, &report, false)?;
            outbox::insert(&transaction, &mark, &messages)?;
            done(&transaction, &report.study_key)?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// Takes up a report that a lost journal had committed, from its bundle; `false` where the journal knows
    /// this reading or a later one of its study. Messages of one that was not delivered yet go out as
    /// repeats: they may have arrived.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn restore_report(
        &self,
        report: NewReport,
        delivered: bool,
        messages: Vec<OutboxMessage>,
    ) -> Result<bool, JournalError> {
        let mark = Arc::clone(&self.mark);
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            let known: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM reports WHERE report_id = ?1)
                     OR EXISTS (SELECT 1 FROM studies WHERE study_key = ?2 AND revision >= ?3)",
                params![report.report_id, report.study_key, report.revision],
                |row| row.get(0),
            )?;
            if known {
                return Ok(false);
            }
            transaction.execute(
                "INSERT OR IGNORE INTO studies (study_key, state, changed_at) VALUES (?1, 'done', ?2)",
                params![report.study_key, clock::now_unix_secs()],
            )?;
            insert_report(&transaction, &report, delivered)?;
            outbox::insert(&transaction, &mark, &messages)?;
            transaction
                .execute("UPDATE outbox SET attempts = 1 WHERE study_key = ?1 AND attempts = 0", [&report.study_key])?;
            transaction.commit()?;
            Ok(true)
        })
    }

    /// The revision of `report_id`, where this very reading was committed before; then the study is done.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn same_reading(&self, study_key: &str, report_id: &str) -> Result<Option<u32>, JournalError> {
        let (study_key, report_id) = (study_key.to_owned(), report_id.to_owned());
        self.call(move |connection| {
            let known = connection
                .query_row("SELECT revision FROM reports WHERE report_id = ?1", [&report_id], |row| row.get(0))
                .optional()?;
            if known.is_some() {
                done(connection, &study_key)?;
            }
            Ok(known)
        })
    }

    /// The newest report made before `before` whose files for the clinic are still to be written.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn next_to_export(&self, before: Option<ToExport>) -> Result<Option<ToExport>, JournalError> {
        self.call(move |connection| {
            let (produced_at, report_id) = before.as_ref().map(|b| (&b.produced_at, &b.report_id)).unzip();
            let mut statement = connection.prepare_cached(
                "SELECT produced_at, report_id, bundle FROM reports
                 WHERE exported = 0 AND (?1 IS NULL OR (produced_at, report_id) < (?1, ?2))
                 ORDER BY produced_at DESC, report_id DESC LIMIT 1",
            )?;
            let row = statement.query_row(params![produced_at, report_id], |row| {
                Ok(ToExport { produced_at: row.get(0)?, report_id: row.get(1)?, bundle: row.get(2)? })
            });
            Ok(row.optional()?)
        })
    }

    /// Notes that a report's files for the clinic are written.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn report_exported(&self, report_id: &str) -> Result<(), JournalError> {
        let report_id = report_id.to_owned();
        self.call(move |connection| {
            connection.execute("UPDATE reports SET exported = 1 WHERE report_id = ?1", [&report_id])?;
            Ok(())
        })
    }
}

fn insert_report(connection: &Connection, report: &NewReport, delivered: bool) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO reports (report_id, study_key, revision, produced_at, bundle, delivered, committed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            report.report_id,
            report.study_key,
            report.revision,
            report.produced_at,
            report.bundle,
            delivered,
            clock::now_unix_secs()
        ],
    )?;
    connection
        .execute("UPDATE studies SET revision = ?2 WHERE study_key = ?1", params![report.study_key, report.revision])?;
    sendings::insert(connection, &report.report_id, &report.objects)
}
