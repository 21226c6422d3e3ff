//! How long the open studies have waited, kept so that a restart does not begin their waiting again.

use rusqlite::params;

use super::{Journal, JournalError};

/// An open study and how long it has waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingStudy {
    /// The study.
    pub study_key: String,
    /// Waited since its first file, s.
    pub waited_secs: u64,
    /// Waited since its last file, s.
    pub quiet_secs: u64,
    /// When the first and the last of its files changed, ns since the epoch by the clock of their file system.
    pub changes_ns: Option<(i64, i64)>,
}

impl Journal {
    /// The studies that are neither read nor quarantined.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn waiting_studies(&self) -> Result<Vec<WaitingStudy>, JournalError> {
        self.call(|connection| {
            let mut statement = connection.prepare(
                "SELECT study_key, waited_secs, quiet_secs, oldest_change_ns, newest_change_ns FROM studies
                 WHERE state IN ('arriving', 'claimed', 'failed')",
            )?;
            let rows = statement.query_map([], |row| {
                let oldest: Option<i64> = row.get(3)?;
                let newest: Option<i64> = row.get(4)?;
                Ok(WaitingStudy {
                    study_key: row.get(0)?,
                    waited_secs: row.get::<_, i64>(1)?.max(0).cast_unsigned(),
                    quiet_secs: row.get::<_, i64>(2)?.max(0).cast_unsigned(),
                    changes_ns: oldest.zip(newest),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Notes how long studies have waited.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn note_waiting(&self, studies: Vec<WaitingStudy>) -> Result<(), JournalError> {
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            for study in &studies {
                transaction.execute(
                    "UPDATE studies SET waited_secs = ?2, quiet_secs = ?3, oldest_change_ns = ?4, newest_change_ns = ?5
                     WHERE study_key = ?1",
                    params![
                        study.study_key,
                        i64::try_from(study.waited_secs).unwrap_or(i64::MAX),
                        i64::try_from(study.quiet_secs).unwrap_or(i64::MAX),
                        study.changes_ns.map(|(oldest, _)| oldest),
                        study.changes_ns.map(|(_, newest)| newest),
                    ],
                )?;
            }
            transaction.commit()?;
            Ok(())
        })
    }
}
