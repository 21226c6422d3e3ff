//! One study of an archive, read in a child.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use tempfile::TempDir;

use super::folder::{self, Folder, State, Terms};
use super::list::Listed;
use super::row::{End, Row};
use super::{ArchiveError, Settings};
use crate::appliance::reader::child::{self, ChildError, Program};
use crate::appliance::reader::protocol::{ArchiveReply, ArchiveRequest, RESULT_FOLDER, Refusal, RefusalCode};
use crate::export::REPORT_FILE;
use crate::export::report::ReportDocument;
use crate::inference::ModelSet;

/// Largest report that is taken into a row, bytes: several times what one has.
const REPORT_FILE_BYTES_MAX: u64 = 1 << 20;

/// Where results go.
pub(super) enum Place {
    /// Into a folder that is kept.
    Kept(Folder),
    /// Into one that is removed with this value; only rows tell of them.
    Passing(TempDir, Terms),
}

/// Has studies read.
pub(super) struct Reader<'a> {
    pub(super) settings: &'a Settings,
    pub(super) models: &'a ModelSet,
    pub(super) place: &'a Place,
    /// Whether to go on; asked again and again.
    pub(super) go_on: &'a (dyn Fn() -> bool + Sync),
}

impl Place {
    fn terms(&self) -> &Terms {
        match self {
            Self::Kept(folder) => &folder.terms,
            Self::Passing(_, terms) => terms,
        }
    }

    fn room(&self, name: &str) -> Result<PathBuf, ArchiveError> {
        match self {
            Self::Kept(folder) => folder.room(name),
            Self::Passing(dir, _) => {
                let room = dir.path().join(name);
                folder::make_room(&room).map_err(ArchiveError::folder(&room)).map(|()| room)
            }
        }
    }
}

impl Reader<'_> {
    /// How `study` ended: before, or now; `None` where it is not to go on.
    pub(super) fn row_of(&self, study: &Listed) -> Result<Option<Row>, ArchiveError> {
        if let Some(end) = self.ended_before(study)? {
            return Ok(Some(Row::new(study, end, None)));
        }
        let begun = Instant::now();
        let room = self.place.room(&study.name)?;
        let end = self.read(study, &room);
        // The next run of the shard removes it too.
        let removed = folder::remove(&room).map_err(ArchiveError::folder(&room));
        let end = end?;
        removed?;
        Ok(end.map(|end| Row::new(study, end, Some(begun.elapsed().as_secs_f64()))))
    }

    fn ended_before(&self, study: &Listed) -> Result<Option<End>, ArchiveError> {
        let Place::Kept(folder) = self.place else { return Ok(None) };
        match folder.state(&study.name) {
            State::Read => self.report(&folder.study(&study.name)).map(|report| Some(End::Read(report))),
            State::Refused(refusal) if !self.settings.retry_failed => Ok(Some(End::Refused(refusal))),
            State::Refused(_) | State::Open => Ok(None),
        }
    }

    fn read(&self, study: &Listed, room: &Path) -> Result<Option<End>, ArchiveError> {
        let settings = self.settings;
        let cpu_secs = settings.time_limit.as_secs().saturating_mul(settings.threads.get() as u64);
        let program = Program::this_binary("child-archive", settings.memory_mib, cpu_secs);
        let answer = child::ask(&program, &self.request(study, room), settings.time_limit, self.go_on);
        if !self.models.is_still_there() {
            return Err(ArchiveError::ModelsMoved);
        }
        let refusal = match answer {
            Ok(ArchiveReply::Done) => return self.keep(study, room).map(Some),
            Ok(ArchiveReply::Failed { refusal }) => refusal,
            Ok(ArchiveReply::Unwritable { reason }) => {
                return Err(ArchiveError::Unwritable { path: room.to_owned(), reason });
            }
            Ok(ArchiveReply::Unusable { reason }) => return Err(ArchiveError::Unusable(reason)),
            Err(ChildError::Stopped) => return Ok(None),
            Err(error @ ChildError::Start(_)) => return Err(ArchiveError::Start(error.to_string())),
            Err(error @ ChildError::TimedOut(_)) => Refusal { code: RefusalCode::TimedOut, text: error.to_string() },
            Err(error @ (ChildError::Died(_) | ChildError::Garbled(_))) => {
                Refusal { code: RefusalCode::Died, text: error.to_string() }
            }
        };
        if let Place::Kept(folder) = self.place {
            folder.note(&study.name, &refusal)?;
        }
        Ok(Some(End::Refused(refusal)))
    }

    fn request(&self, study: &Listed, room: &Path) -> ArchiveRequest {
        let terms = self.place.terms();
        ArchiveRequest {
            paths: vec![study.path.clone()],
            room: room.to_owned(),
            model_folders: self.models.readable_folders(),
            models_dir: self.models.source().folder(),
            threads: self.settings.threads.get(),
            alpha_percent: self.settings.alpha_percent,
            produced_at: terms.produced_at.clone(),
            clock_synced: terms.clock_synced,
            report_only: self.settings.reports_only || matches!(self.place, Place::Passing(..)),
        }
    }

    fn keep(&self, study: &Listed, room: &Path) -> Result<End, ArchiveError> {
        let report = self.report(&room.join(RESULT_FOLDER))?;
        if let Place::Kept(folder) = self.place {
            folder.keep(&study.name, room)?;
        }
        Ok(End::Read(report))
    }

    /// The report among the files of a result, where rows bring it.
    fn report(&self, result: &Path) -> Result<Option<Box<ReportDocument>>, ArchiveError> {
        if !self.settings.reports_in_rows {
            return Ok(None);
        }
        let path = result.join(REPORT_FILE);
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(REPORT_FILE_BYTES_MAX).read_to_end(&mut bytes));
        let parsed = read.and_then(|_| serde_json::from_slice(&bytes).map_err(io::Error::from));
        parsed.map(Some).map_err(ArchiveError::folder(path))
    }
}
