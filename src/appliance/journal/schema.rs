//! The journal's tables, their versions, and how a file is opened.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::JournalError;

/// One step from each schema version to the next; the version is kept in `user_version`.
const MIGRATIONS: [&str; 3] = [VERSION_1, VERSION_2, VERSION_3];

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

/// States may also be `discarded`; what is delivered, when things happened, and what a study's message
/// stands for are kept, and how long a study has waited; settings of the journal itself go into `meta`. The
/// index of files holds all that a start needs of each, without its header.
const VERSION_2: &str = "
CREATE TABLE studies_2 (
    study_key TEXT PRIMARY KEY NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('arriving', 'claimed', 'failed', 'done', 'quarantined', 'discarded')),
    attempts INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 0,
    input_key TEXT,
    reason TEXT,
    changed_at INTEGER NOT NULL DEFAULT 0,
    waited_secs INTEGER NOT NULL DEFAULT 0,
    quiet_secs INTEGER NOT NULL DEFAULT 0,
    oldest_change_ns INTEGER,
    newest_change_ns INTEGER,
    interruptions INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO studies_2 (study_key, state, attempts, revision, input_key, reason)
    SELECT study_key, state, attempts, revision, input_key, reason FROM studies;

CREATE TABLE reports_2 (
    report_id TEXT PRIMARY KEY NOT NULL,
    study_key TEXT NOT NULL REFERENCES studies (study_key),
    revision INTEGER NOT NULL,
    produced_at TEXT NOT NULL,
    bundle TEXT NOT NULL,
    exported INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    committed_at INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0,
    UNIQUE (study_key, revision)
) WITHOUT ROWID;
INSERT INTO reports_2 (report_id, study_key, revision, produced_at, bundle, exported, delivered)
    SELECT report_id, study_key, revision, produced_at, bundle, exported,
        NOT EXISTS (SELECT 1 FROM outbox WHERE topic = 'e/report' AND outbox.study_key = reports.study_key)
    FROM reports;
DROP TABLE reports;
DROP TABLE studies;
ALTER TABLE studies_2 RENAME TO studies;
ALTER TABLE reports_2 RENAME TO reports;
CREATE INDEX studies_by_state ON studies (state);
CREATE INDEX reports_to_export ON reports (produced_at) WHERE exported = 0;
CREATE INDEX reports_by_age ON reports (committed_at) WHERE delivered = 1 AND removed = 0;
CREATE INDEX reports_removed ON reports (committed_at) WHERE removed = 1;

ALTER TABLE outbox ADD COLUMN report_id TEXT;
ALTER TABLE outbox ADD COLUMN superseded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN enqueued_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_by_lane ON outbox (lane, seq) WHERE set_aside IS NULL;
CREATE INDEX outbox_by_age ON outbox (lane, enqueued_at) WHERE set_aside IS NULL;
CREATE INDEX outbox_of_study ON outbox (topic, study_key);

CREATE INDEX files_in_brief ON files (path, size, mtime_ns, inode, state);

CREATE TABLE meta (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) WITHOUT ROWID;
";

/// Objects wait for the clinic's archive. Bundles have another form from here on, which an older version can't read: it is
/// told so by this number.
const VERSION_3: &str = "
CREATE TABLE sendings (
    report_id TEXT NOT NULL REFERENCES reports (report_id),
    object TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    set_aside TEXT,
    enqueued_at INTEGER NOT NULL,
    PRIMARY KEY (report_id, object)
) WITHOUT ROWID;
CREATE INDEX sendings_waiting ON sendings (report_id) WHERE set_aside IS NULL;
";

/// Name of the database in the state folder.
pub(super) const FILE_NAME: &str = "journal.db";
/// What SQLite keeps beside it.
const COMPANIONS: [&str; 2] = ["journal.db-wal", "journal.db-shm"];
/// Damaged journals that are kept for somebody to look at; older ones are removed.
const SET_ASIDE_MAX: usize = 3;
/// What the name of a journal that was set aside begins with.
const SET_ASIDE_PREFIX: &str = "journal.damaged-";
/// Size of a page of a new database, bytes. A report deflates to nearly 4 KB and its study's state follows it: of
/// pages of 4 or 8 KiB half would stay empty.
const PAGE_BYTES: i64 = 16_384;
/// Pages in the write-ahead log after which they are moved into the database.
const CHECKPOINT_PAGES: i64 = WAL_BYTES_MAX / PAGE_BYTES;
/// Memory for pages, KiB: the appliance idles for years.
const CACHE_KIB: i64 = 512;
/// Size to which the write-ahead log is cut after a checkpoint, bytes.
const WAL_BYTES_MAX: i64 = 4 << 20;
/// `meta` key that stands while the journal is to be filled from the bundles.
pub(super) const TO_REBUILD: &str = "to-rebuild";

/// How a journal began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// It was there and is whole.
    Whole,
    /// It is to be filled from the bundles: there was none, or one was set aside for this reason.
    ToRebuild(Option<String>),
}

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens, checks and migrates the database at `path`, making it where absent; a new one goes on with the
/// sequence numbers behind `seq_covered`.
pub(super) fn open(path: &Path, seq_covered: i64) -> Result<Connection, JournalError> {
    let failed = |source| JournalError::Open { path: path.to_owned(), source };
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF; PRAGMA page_size = {PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL;
             PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
             PRAGMA journal_size_limit = {WAL_BYTES_MAX}; PRAGMA cache_size = -{CACHE_KIB};"
        ))
        .map_err(|source| damaged_or(path, source))?;
    check_integrity(path, &connection)?;
    migrate(path, &mut connection, seq_covered).map_err(|error| match error {
        JournalError::Sql(source) => damaged_or(path, source),
        other => other,
    })?;
    connection.execute_batch("PRAGMA foreign_keys = ON;").map_err(failed)?;
    Ok(connection)
}

/// As [`open`], but a damaged database is set aside and an empty one begun.
pub(super) fn open_or_replace(state_dir: &Path, seq_covered: i64) -> Result<(Connection, Beginning), JournalError> {
    let path = state_dir.join(FILE_NAME);
    if !path.exists() {
        // The rest of a database that is gone must not become part of the new one.
        for name in COMPANIONS {
            let _ = std::fs::remove_file(state_dir.join(name));
        }
    }
    let (connection, damage) = match open(&path, seq_covered) {
        Err(JournalError::Damaged { detail, .. }) => {
            set_aside(state_dir).map_err(|error| JournalError::Damaged {
                path: path.clone(),
                detail: format!("{detail}; it can't be set aside: {error}"),
            })?;
            (open(&path, seq_covered)?, Some(detail))
        }
        other => (other?, None),
    };
    let to_rebuild = meta(&connection, TO_REBUILD)?;
    if let (Some(detail), Some(_)) = (&damage, &to_rebuild) {
        set_meta(&connection, TO_REBUILD, Some(detail))?;
    }
    let beginning = match (damage, to_rebuild) {
        (Some(detail), _) => Beginning::ToRebuild(Some(detail)),
        (None, Some(reason)) => Beginning::ToRebuild((!reason.is_empty()).then_some(reason)),
        (None, None) => Beginning::Whole,
    };
    Ok((connection, beginning))
}

/// Moves the database and its companions out of the way, for somebody to look at.
fn set_aside(state_dir: &Path) -> io::Result<()> {
    let mut kept: Vec<(u64, PathBuf)> = std::fs::read_dir(state_dir)?
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name.strip_prefix(SET_ASIDE_PREFIX)?.parse().ok()?, entry.path()))
        })
        .collect();
    kept.sort();
    let number = kept.last().map_or(1, |(number, _)| number + 1);
    for (_, path) in kept.iter().rev().skip(SET_ASIDE_MAX - 1) {
        std::fs::remove_dir_all(path)?;
    }
    let folder = state_dir.join(format!("{SET_ASIDE_PREFIX}{number}"));
    std::fs::create_dir(&folder)?;
    // The database last: a power cut in between leaves a start that sets the rest aside.
    for name in COMPANIONS.into_iter().chain([FILE_NAME]) {
        match std::fs::rename(state_dir.join(name), folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::File::open(state_dir)?.sync_all()
}

/// A value of the journal itself.
pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
}

/// Sets a value of the journal itself, or takes it away.
pub(super) fn set_meta(connection: &Connection, key: &str, value: Option<&str>) -> rusqlite::Result<()> {
    match value {
        Some(value) => connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", [key, value]),
        None => connection.execute("DELETE FROM meta WHERE key = ?1", [key]),
    }
    .map(|_| ())
}

fn check_integrity(path: &Path, connection: &Connection) -> Result<(), JournalError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
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

fn migrate(path: &Path, connection: &mut Connection, seq_covered: i64) -> Result<(), JournalError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    let done = usize::try_from(found).ok().filter(|done| *done <= MIGRATIONS.len());
    let Some(done) = done else { return Err(JournalError::Newer { path: path.to_owned(), found, known }) };
    if done == MIGRATIONS.len() {
        return Ok(());
    }
    // All steps or none: a power cut leaves the version that was there.
    let transaction = connection.transaction()?;
    for statements in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(statements)?;
    }
    if done == 0 {
        set_meta(&transaction, TO_REBUILD, Some(""))?;
        transaction.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?1)", [seq_covered])?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    if done > 0 {
        // Only a rewritten database takes up the setting by which it shrinks again.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM;")?;
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
        let connection = open(&dir.path().join("journal.db"), 0).unwrap();
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
        open(&path, 0).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(open(&path, 0), Err(JournalError::Newer { found: 99, .. })));
    }

    #[test]
    fn a_damaged_journal_is_said_to_be_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        std::fs::write(&path, [b'x'; 8192]).unwrap();
        assert!(matches!(open(&path, 0), Err(JournalError::Damaged { .. })));
    }

    #[test]
    fn a_journal_of_version_1_is_migrated_with_all_that_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(VERSION_1).unwrap();
        old.execute_batch(
            "INSERT INTO studies (study_key, state, revision) VALUES ('s', 'done', 2), ('q', 'quarantined', 0);
             INSERT INTO reports (report_id, study_key, revision, produced_at, bundle)
                 VALUES ('r1', 's', 1, 't', 'r1.bundle'), ('r2', 's', 2, 't', 'r2.bundle');
             INSERT INTO outbox (topic, qos, lane, study_key, payload) VALUES ('e/report', 1, 'live', 's', x'00');
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(old);
        let (connection, beginning) = open_or_replace(dir.path(), 0).unwrap();
        assert_eq!(beginning, Beginning::Whole);
        let number = |sql: &str| connection.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
        assert_eq!(number("SELECT count(*) FROM studies"), 2);
        assert_eq!(number("SELECT sum(revision) FROM reports WHERE delivered = 0"), 3);
        assert_eq!(number("SELECT seq FROM outbox"), 1);
        assert_eq!(number("PRAGMA auto_vacuum"), 2);
        assert!(
            connection
                .execute(
                    "INSERT INTO reports (report_id, study_key, revision, produced_at, bundle)
             VALUES ('r3', 'nobody', 1, 't', 'b')",
                    []
                )
                .is_err(),
            "references are held"
        );
    }

    #[test]
    fn a_damaged_journal_is_set_aside_and_only_a_few_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..5 {
            std::fs::write(dir.path().join(FILE_NAME), [b'x'; 8192]).unwrap();
            let (connection, beginning) = open_or_replace(dir.path(), 41).unwrap();
            assert!(matches!(beginning, Beginning::ToRebuild(Some(_))), "{beginning:?}");
            let seq: i64 = connection.query_row("SELECT seq FROM sqlite_sequence", [], |r| r.get(0)).unwrap();
            assert_eq!(seq, 41);
        }
        let names = std::fs::read_dir(dir.path()).unwrap().flatten().map(|e| e.file_name().into_string().unwrap());
        assert_eq!(names.filter(|n| n.starts_with(SET_ASIDE_PREFIX)).count(), SET_ASIDE_MAX);
    }

    #[test]
    fn a_journal_stays_to_be_rebuilt_until_it_is() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            assert_eq!(open_or_replace(dir.path(), 0).unwrap().1, Beginning::ToRebuild(None));
        }
        let (connection, _) = open_or_replace(dir.path(), 0).unwrap();
        set_meta(&connection, TO_REBUILD, None).unwrap();
        assert_eq!(open_or_replace(dir.path(), 0).unwrap().1, Beginning::Whole);
    }
}
