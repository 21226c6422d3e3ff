//! The folder of an archive's results, which all shards share.
//!
//! ```text
//! archive.json        the terms on which every result was made
//! studies/NAME/       the files of a study that was read
//! failed/NAME.json    why a study was not
//! index/I-of-N.jsonl  after a whole run: entry by entry, under which name it is and how it ended
//! .work/              unfinished studies, and each shard's lock
//! ```
//!
//! A result appears by one rename, durable, or not at all; what was left unfinished is removed by the next run of its shard.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::list::Shard;
use super::row::Row;
use super::{ArchiveError, Settings};
use crate::appliance::clock;
use crate::appliance::reader::pipeline::ANALYSIS_VERSION;
use crate::appliance::reader::protocol::{RESULT_FOLDER, Refusal, SCRATCH_FOLDER};
use crate::export::write_whole;
use crate::inference::ModelSet;

/// Name and version of the form of [`Terms`].
const TERMS_SCHEMA: &str = "deepspine.archive/1";
/// Name and version of the form of a refusal.
const REFUSAL_SCHEMA: &str = "deepspine.archive-refusal/1";
const TERMS_FILE: &str = "archive.json";
const STUDIES: &str = "studies";
const FAILED: &str = "failed";
const INDEX: &str = "index";
const WORK: &str = ".work";
/// Largest file of terms or of a refusal that is read, bytes.
const SMALL_FILE_BYTES_MAX: u64 = 64 << 10;

/// On what terms all results of a folder were made. The first run writes them down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    schema: String,
    /// Version of the analysis.
    analysis_version: String,
    /// SHA-256 of the model set's manifest.
    models_sha256: String,
    /// Error rate of prediction sets, %.
    alpha_percent: u8,
    /// Whether reports are the only files.
    reports_only: bool,
    /// The moment that stands in every report, RFC 3339.
    pub produced_at: String,
    /// Whether the clock was known to be right then.
    pub clock_synced: Option<bool>,
}

impl Terms {
    /// The terms of a run: its moment is now where none is given.
    #[must_use]
    pub fn new(settings: &Settings, models: &ModelSet) -> Self {
        let given = settings.produced_at.clone();
        Self {
            schema: TERMS_SCHEMA.to_owned(),
            analysis_version: ANALYSIS_VERSION.to_owned(),
            models_sha256: models.sha256().to_owned(),
            alpha_percent: settings.alpha_percent,
            reports_only: settings.reports_only,
            clock_synced: if given.is_some() { None } else { clock::clock_synced() },
            produced_at: given.unwrap_or_else(clock::now_rfc3339),
        }
    }

    /// The first term by which `self` differs, as it is there and here. The moment counts where it was `given`.
    fn differs_from(&self, here: &Self, given: bool) -> Option<(&'static str, String, String)> {
        let moment = |terms: &Self| if given { terms.produced_at.clone() } else { String::new() };
        let of = |terms: &Self| {
            [
                ("the form", terms.schema.clone()),
                ("the analysis", terms.analysis_version.clone()),
                ("the model set", terms.models_sha256.clone()),
                ("--alpha-percent", terms.alpha_percent.to_string()),
                ("--reports-only", terms.reports_only.to_string()),
                ("--produced-at", moment(terms)),
            ]
        };
        let pairs = of(self).into_iter().zip(of(here));
        pairs.into_iter().find(|(there, here)| there != here).map(|((key, there), (_, here))| (key, there, here))
    }
}

/// How far a study is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its result is there.
    Read,
    /// It was refused.
    Refused(Refusal),
    /// Neither.
    Open,
}

#[derive(Serialize, Deserialize)]
struct RefusalFile {
    schema: String,
    study: String,
    refusal: Refusal,
}

/// The folder, held for one shard as long as this value lives.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    shard: Shard,
    work: PathBuf,
    /// What every result is made with.
    pub terms: Terms,
    _lock: File,
}

impl Folder {
    /// Takes the folder up for `shard` and clears what an earlier run of it left unfinished. Results are there on the folder's own
    /// terms, which must be `terms` but for a moment that was not `given`.
    ///
    /// # Errors
    /// Where it can't be made, is another's, or another run has the shard.
    pub fn open(root: &Path, shard: Shard, terms: Terms, given: bool) -> Result<Self, ArchiveError> {
        let work = root.join(WORK);
        for folder in [root, &work, &root.join(STUDIES), &root.join(FAILED), &root.join(INDEX)] {
            fs::create_dir_all(folder).map_err(ArchiveError::folder(folder))?;
        }
        let lock = lock(&work.join(format!("{}.lock", shard.file_name())), shard)?;
        let terms = agreed(&root.join(TERMS_FILE), terms, given)?;
        let work = work.join(shard.file_name());
        remove(&work).map_err(ArchiveError::folder(&work))?;
        Ok(Self { root: root.to_owned(), shard, work, terms, _lock: lock })
    }

    /// Where the files of a study that was read are.
    #[must_use]
    pub fn study(&self, name: &str) -> PathBuf {
        self.root.join(STUDIES).join(name)
    }

    fn refusal(&self, name: &str) -> PathBuf {
        self.root.join(FAILED).join(format!("{name}.json"))
    }

    /// How far the study called `name` is. A refusal that can't be understood is none.
    #[must_use]
    pub fn state(&self, name: &str) -> State {
        if self.study(name).is_dir() {
            return State::Read;
        }
        let told = small_file(&self.refusal(name)).ok();
        let told = told.and_then(|text| serde_json::from_slice::<RefusalFile>(&text).ok());
        told.map_or(State::Open, |file| State::Refused(file.refusal))
    }

    /// An empty place for what a child makes of the study called `name`.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn room(&self, name: &str) -> Result<PathBuf, ArchiveError> {
        let room = self.work.join(name);
        make_room(&room).map_err(ArchiveError::folder(&room))?;
        Ok(room)
    }

    /// Makes what lies in `room` the result of the study called `name`: durable when this returns.
    ///
    /// # Errors
    /// Where the file system refuses.
    pub fn keep(&self, name: &str, room: &Path) -> Result<(), ArchiveError> {
        let (study, refusal) = (self.study(name), self.refusal(name));
        match fs::rename(room.join(RESULT_FOLDER), &study) {
            // A run with another number of shards was here first, with the same.
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {}
            other => other.map_err(ArchiveError::folder(&study))?,
        }
        durable(&self.root.join(STUDIES))?;
        match fs::remove_file(&refusal) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(ArchiveError::folder(refusal)(error)),
            _ => Ok(()),
        }
    }

    /// Notes that the study called `name` has no reading: durable when this returns.
    ///
    /// # Errors
    /// Where the file system refuses.
    pub fn note(&self, name: &str, refusal: &Refusal) -> Result<(), ArchiveError> {
        let file = RefusalFile { schema: REFUSAL_SCHEMA.into(), study: name.to_owned(), refusal: refusal.clone() };
        let path = self.refusal(name);
        json_line(&file).and_then(|bytes| write_whole(&path, &bytes)).map_err(ArchiveError::folder(&path))
    }

    /// Writes down which entry is which study, and how each ended: only once all have.
    ///
    /// # Errors
    /// Where the file system refuses.
    pub fn write_index(&self, rows: &[Row]) -> Result<(), ArchiveError> {
        let path = self.root.join(INDEX).join(format!("{}.jsonl", self.shard.file_name()));
        let mut text = String::new();
        for row in rows {
            text += &row.json().map_err(|error| ArchiveError::folder(&path)(error.into()))?;
            text.push('\n');
        }
        write_whole(&path, text.as_bytes()).map_err(ArchiveError::folder(&path))
    }
}

/// Makes the folder `room`, and in it what a child needs.
pub(super) fn make_room(room: &Path) -> io::Result<()> {
    remove(room)?;
    fs::create_dir_all(room.join(RESULT_FOLDER))?;
    fs::create_dir_all(room.join(SCRATCH_FOLDER))
}

/// Removes a folder with all that is in it; one that is not there is removed already. Links in it are not followed.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn lock(path: &Path, shard: Shard) -> Result<File, ArchiveError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = file.map_err(ArchiveError::folder(path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ArchiveError::InUse(shard)),
        Err(TryLockError::Error(error)) => Err(ArchiveError::folder(path)(error)),
    }
}

/// The terms at `path`, which are `here`'s; written down where there are none.
fn agreed(path: &Path, here: Terms, given: bool) -> Result<Terms, ArchiveError> {
    if write_first(path, &here).map_err(ArchiveError::folder(path))? {
        return Ok(here);
    }
    let text = small_file(path).map_err(ArchiveError::folder(path))?;
    let there: Terms = serde_json::from_slice(&text)
        .map_err(|error| ArchiveError::Foreign { path: path.to_owned(), reason: error.to_string() })?;
    match there.differs_from(&here, given) {
        None => Ok(there),
        Some((key, there, here)) => Err(ArchiveError::Otherwise { path: path.to_owned(), key, there, here }),
    }
}

/// Writes `path`, whole and durable; `false` where it is there already.
fn write_first(path: &Path, terms: &Terms) -> io::Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if path.exists() {
        return Ok(false);
    }
    let mut file = tempfile::Builder::new().prefix(".deepspine-").suffix(".part").tempfile_in(folder.join(WORK))?;
    file.write_all(&json_line(terms)?)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder)?.sync_all().map(|()| true),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

fn json_line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn small_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(File::open(path)?, SMALL_FILE_BYTES_MAX), &mut bytes)?;
    Ok(bytes)
}

fn durable(folder: &Path) -> Result<(), ArchiveError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(ArchiveError::folder(folder))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::appliance::reader::protocol::RefusalCode;

    fn terms(alpha_percent: u8, produced_at: &str) -> Terms {
        Terms {
            schema: TERMS_SCHEMA.into(),
            analysis_version: "1".into(),
            models_sha256: "ab".into(),
            alpha_percent,
            reports_only: false,
            produced_at: produced_at.into(),
            clock_synced: None,
        }
    }

    fn open(root: &Path, shard: &str) -> Result<Folder, ArchiveError> {
        Folder::open(root, shard.parse().unwrap(), terms(10, "2026-01-01T00:00:00Z"), false)
    }

    fn refusal() -> Refusal {
        Refusal { code: RefusalCode::BadInput, text: "holds no DICOM images".into() }
    }

    #[test]
    fn a_result_takes_the_place_of_what_was_noted() {
        let dir = tempfile::tempdir().unwrap();
        let folder = open(dir.path(), "0/1").unwrap();
        assert_eq!(folder.state("a"), State::Open);
        folder.note("a", &refusal()).unwrap();
        assert_eq!(folder.state("a"), State::Refused(refusal()));
        for content in ["first", "second"] {
            let room = folder.room("a").unwrap();
            fs::write(room.join(RESULT_FOLDER).join("report.json"), content).unwrap();
            folder.keep("a", &room).unwrap();
        }
        assert_eq!(folder.state("a"), State::Read);
        assert_eq!(fs::read(folder.study("a").join("report.json")).unwrap(), b"first");
        assert_eq!(fs::read_dir(dir.path().join(FAILED)).unwrap().count(), 0);
    }

    #[test]
    fn one_run_has_a_shard_and_clears_what_the_last_left() {
        let dir = tempfile::tempdir().unwrap();
        let folder = open(dir.path(), "0/2").unwrap();
        let room = folder.room("a").unwrap();
        assert!(matches!(open(dir.path(), "0/2"), Err(ArchiveError::InUse(_))));
        let other = open(dir.path(), "1/2").unwrap();
        assert!(room.is_dir());
        drop((folder, other));
        open(dir.path(), "0/2").unwrap();
        assert!(!room.exists());
    }

    #[test]
    fn the_first_run_sets_the_terms_for_all() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), "0/2").unwrap();
        let with = |terms, given| Folder::open(dir.path(), "1/2".parse().unwrap(), terms, given);
        let later = with(terms(10, "2027-01-01T00:00:00Z"), false).unwrap();
        assert_eq!(later.terms, first.terms);
        drop(later);
        let moment = with(terms(10, "2027-01-01T00:00:00Z"), true).unwrap_err();
        assert!(matches!(moment, ArchiveError::Otherwise { key: "--produced-at", .. }), "{moment}");
        let alpha = with(terms(20, "2026-01-01T00:00:00Z"), false).unwrap_err();
        assert!(alpha.to_string().contains("--alpha-percent 10"), "{alpha}");
        fs::write(dir.path().join(TERMS_FILE), "{}").unwrap();
        assert!(matches!(open(dir.path(), "1/2"), Err(ArchiveError::Foreign { .. })));
    }
}
