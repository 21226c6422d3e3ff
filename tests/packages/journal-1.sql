-- A journal as the appliance's first versions wrote it, with a report that waits for a broker.
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
INSERT INTO studies (study_key, state, revision) VALUES ('1111111111111111', 'done', 1);
INSERT INTO reports (report_id, study_key, revision, produced_at, bundle)
    VALUES ('2222222222222222', '1111111111111111', 1, '2026-01-01T00:00:00Z', '2222222222222222');
INSERT INTO outbox (topic, qos, lane, study_key, payload) VALUES ('e/report', 1, 'live', '1111111111111111', x'abae0500');
PRAGMA user_version = 1;
