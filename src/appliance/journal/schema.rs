//! The journal's tables, their versions, and how a file is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::JournalError;

/// One step from each schema version to the next; the version is kept in `user_version`.
const MIGRATIONS: [&str; 1] = [VERSION_1];

const VERSION_1: &str = "
CREATE TABLE files (
    path BLOB PRIMARY KEY NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('accepted', 'incomplete', 'refused', 'suspect')),
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    study_key TEXT,
    instance_key TEXT,
    digest TEXT,
    header BLOB
) WITHOUT ROWID;
CREATE INDEX files_by_study ON files (study_key) WHERE study_key IS NOT NULL;

CREATE TABLE studies (
    study_key TEXT PRIMARY KEY NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('arriving', 'claimed', 'failed', 'done', 'quarantined')),
    attempts INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 0,
    input_key TEXT,
    reason TEXT
) WITHOUT ROWID;

CREATE TABLE reports (
    report_id TEXT PRIMARY KEY NOT NULL,
    study_key TEXT NOT NULL REFERENCES studies (study_key),
    revision INTEGER NOT NULL,
    produced_at TEXT NOT NULL,
    bundle TEXT NOT NULL,
    exported INTEGER NOT NULL DEFAULT 0,
    UNIQUE (study_key, revision)
) WITHOUT ROWID;

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    qos INTEGER NOT NULL CHECK (qos = 1),
    lane TEXT NOT NULL CHECK (lane IN ('live', 'backlog')),
    study_key TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    set_aside TEXT,
    payload BLOB NOT NULL
);
";

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens, checks and migrates the database at `path`, making it where absent.
pub(super) fn open(path: &Path) -> Result<Connection, JournalError> {
    let failed = |source| JournalError::Open { path: path.to_owned(), source };
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        .map_err(|source| damaged_or(path, source))?;
    check_integrity(path, &connection)?;
    migrate(path, &mut connection)?;
    Ok(connection)
}

fn check_integrity(path: &Path, connection: &Connection) -> Result<(), JournalError> {
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|source| damaged_or(path, source))?;
    if verdict == "ok" { Ok(()) } else { Err(JournalError::Damaged { path: path.to_owned(), detail: verdict }) }
}

fn damaged_or(path: &Path, source: rusqlite::Error) -> JournalError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match source.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => {
            JournalError::Damaged { path: path.to_owned(), detail: source.to_string() }
        }
        _ => JournalError::Open { path: path.to_owned(), source },
    }
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), JournalError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    let done = usize::try_from(found).ok().filter(|done| *done <= MIGRATIONS.len());
    let Some(done) = done else { return Err(JournalError::Newer { path: path.to_owned(), found, known }) };
    for (step, statements) in MIGRATIONS.iter().enumerate().skip(done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(statements)?;
        transaction.pragma_update(None, "user_version", step as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_new_journal_is_durable_and_of_the_newest_schema() {
        let dir = tempfile::tempdir().unwrap();
        let connection = open(&dir.path().join("journal.db")).unwrap();
        let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |r| r.get::<_, i64>(0)).unwrap();
        assert_eq!(pragma("user_version"), MIGRATIONS.len() as i64);
        assert_eq!(pragma("synchronous"), 2);
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |r| r.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[test]
    fn a_journal_of_a_newer_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(open(&path), Err(JournalError::Newer { found: 99, .. })));
    }

    #[test]
    fn a_damaged_journal_is_said_to_be_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        std::fs::write(&path, [b'x'; 8192]).unwrap();
        assert!(matches!(open(&path), Err(JournalError::Damaged { .. })));
    }
}
