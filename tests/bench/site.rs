//! Folders and configuration of one appliance, and what it left in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deepspine::appliance::identity;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::studies;

/// Bytes of a log's end that a failure shows.
const TAIL_BYTES: usize = 6000;

/// One appliance's place.
pub(crate) struct Site {
    dir: TempDir,
    /// Its device id, a level of its topics.
    pub(crate) device: String,
    /// Study Instance UIDs written into its export folder.
    pub(crate) studies: Vec<String>,
}

impl Site {
    /// An empty one that publishes to `broker`, with `settings` (`key = value` by table) on top.
    pub(crate) fn new(device: &str, broker: &str, settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let site = Self { dir, device: device.to_owned(), studies: Vec::new() };
        for folder in [site.in_dir(), site.state_dir(), site.out_dir(), site.path().join("run")] {
            std::fs::create_dir(folder).expect("the test's folder can be written");
        }
        site.configure(broker, settings);
        site
    }

    /// Writes its configuration: a study is read as soon as it has settled, and nothing gives it up.
    pub(crate) fn configure(&self, broker: &str, settings: &[(&str, &str)]) {
        let quoted = |path: PathBuf| format!("\"{}\"", path.display());
        let mut all: BTreeMap<(String, String), String> = BTreeMap::new();
        let own = [
            ("device.id", format!("\"{}\"", self.device)),
            ("ingest.folder", quoted(self.in_dir())),
            ("ingest.wanted", "[]".to_owned()),
            ("ingest.quiet-secs", "0".to_owned()),
            ("ingest.force-after-secs", "5".to_owned()),
            ("storage.state-dir", quoted(self.state_dir())),
            ("storage.out-dir", quoted(self.out_dir())),
            ("storage.runtime-dir", quoted(self.dir.path().join("run"))),
            ("mqtt.broker", format!("\"{broker}\"")),
            ("mqtt.keep-alive-secs", "5".to_owned()),
            ("reader.threads", "1".to_owned()),
            ("reader.max-attempts", "20".to_owned()),
        ];
        let given = settings.iter().map(|(key, value)| (*key, (*value).to_owned()));
        for (key, value) in own.into_iter().chain(given) {
            let (table, name) = key.split_once('.').expect("a table and a key");
            all.insert((table.to_owned(), name.to_owned()), value);
        }
        let mut text = String::new();
        let mut in_table = String::new();
        for ((table, name), value) in all {
            if table != in_table {
                text += &format!("[{table}]\n");
                in_table = table;
            }
            text += &format!("{name} = {value}\n");
        }
        std::fs::write(self.config(), text).expect("the test's folder can be written");
    }

    /// Puts study `number` into the export folder.
    pub(crate) fn study_arrives(&mut self, number: usize) {
        let uid = studies::write(&self.in_dir(), number);
        self.studies.push(uid);
    }

    /// The keys under which its studies are known outside; empty before there is a key.
    pub(crate) fn study_keys(&self) -> Vec<String> {
        if !self.state_dir().join("study.key").exists() {
            return Vec::new();
        }
        let Ok(key) = identity::load_or_create_key(&self.state_dir(), None) else { return Vec::new() };
        self.studies.iter().map(|uid| key.study_key(uid)).collect()
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn in_dir(&self) -> PathBuf {
        self.dir.path().join("in")
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(crate) fn out_dir(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Everything that was logged here.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    /// Report ids that were committed here, as the log says: a line is written after the commit.
    pub(crate) fn committed(&self) -> Vec<String> {
        let log = self.log();
        let ids = log.lines().filter(|l| l.contains(", revision ")).filter_map(|line| {
            let rest = line.split_once(": report ")?.1;
            Some(rest.split_once(',')?.0.to_owned())
        });
        ids.collect()
    }

    /// Reports in the journal, `None` where it can't be read.
    pub(crate) fn journal_reports(&self) -> Option<Vec<String>> {
        query(&self.state_dir(), "SELECT report_id FROM reports")
    }

    /// The end of the log and the rows of the journal, for whoever looks into a failure.
    pub(crate) fn evidence(&self) -> String {
        let log = self.log();
        let from = log.len().saturating_sub(TAIL_BYTES);
        let tail = String::from_utf8_lossy(&log.as_bytes()[from..]).into_owned();
        let state = self.state_dir();
        let studies = query(
            &state,
            "SELECT study_key || ' ' || state || ' attempts ' || attempts || ' revision ' || revision || ' ' || coalesce(reason, '') FROM studies",
        );
        let outbox = query(
            &state,
            "SELECT seq || ' ' || topic || ' ' || lane || ' attempts ' || attempts || ' ' || coalesce(set_aside, '') FROM outbox LIMIT 50",
        );
        let files = query(
            &state,
            "SELECT state || ' attempts ' || attempts || ' ' || coalesce(reason, '') FROM files WHERE state <> 'accepted' LIMIT 20",
        );
        let names: Vec<String> = std::fs::read_dir(&state)
            .map(|l| {
                l.flatten()
                    .map(|e| format!("{} {}", e.file_name().to_string_lossy(), e.metadata().map_or(0, |m| m.len())))
                    .collect()
            })
            .unwrap_or_default();
        format!(
            "-- log of {}:\n{tail}\n-- studies: {studies:#?}\n-- outbox: {outbox:#?}\n-- files: {files:#?}\n-- state folder: {names:?}",
            self.device
        )
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.evidence());
        }
    }
}

/// The first column of what `sql` finds in a copy of the journal in `state_dir`: looking changes nothing.
pub(crate) fn query(state_dir: &Path, sql: &str) -> Option<Vec<String>> {
    let copy = tempfile::tempdir().ok()?;
    for name in ["journal.db", "journal.db-wal"] {
        let from = state_dir.join(name);
        if from.exists() {
            std::fs::copy(from, copy.path().join(name)).ok()?;
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(copy.path().join("journal.db"), flags).ok()?;
    let mut statement = connection.prepare(sql).ok()?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).ok()?;
    rows.collect::<Result<_, _>>().ok()
}
