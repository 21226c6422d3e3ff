//! Files of the export folder that were looked at, remembered by path, size, time and inode.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::{Journal, JournalError, outbox, studies};

/// What tells that a file is still the one that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// Length, bytes.
    pub size: u64,
    /// Time of the last change, ns since the epoch.
    pub mtime_ns: i64,
    /// Inode number.
    pub inode: u64,
}

/// What looking at a file told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// An instance of a study.
    Accepted,
    /// An instance whose PixelData is not all there.
    Incomplete,
    /// Nothing for us, with the reason.
    Refused,
    /// It ended the child that looked at it; looked at again until its attempts are used up.
    Suspect,
}

impl FileState {
    const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Incomplete => "incomplete",
            Self::Refused => "refused",
            Self::Suspect => "suspect",
        }
    }

    fn from_name(name: &str) -> Self {
        [Self::Accepted, Self::Incomplete, Self::Suspect]
            .into_iter()
            .find(|s| s.name() == name)
            .unwrap_or(Self::Refused)
    }
}

/// One remembered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Where it is.
    pub path: PathBuf,
    /// How it looked.
    pub fingerprint: Fingerprint,
    /// What looking at it told.
    pub state: FileState,
    /// How often it ended the child that looked at it.
    pub attempts: u32,
    /// Why it was refused, without identity.
    pub reason: Option<String>,
    /// Keyed hash of its study's UID, for an accepted one.
    pub study_key: Option<String>,
    /// Keyed hash of its SOP Instance UID, for an accepted one.
    pub instance_key: Option<String>,
    /// SHA-256 of the file, hex, for an accepted one.
    pub digest: Option<String>,
    /// The scan's header, serialised, for an accepted one; only the children look inside.
    pub header: Option<Vec<u8>>,
}

impl FileRow {
    /// A file without anything but its state.
    #[must_use]
    pub fn bare(path: PathBuf, fingerprint: Fingerprint, state: FileState, reason: Option<String>) -> Self {
        Self {
            path,
            fingerprint,
            state,
            attempts: 0,
            reason,
            study_key: None,
            instance_key: None,
            digest: None,
            header: None,
        }
    }
}

impl Journal {
    /// Remembers files, and that their studies arrive, replacing what was known of the same paths; all or none. Attempts are kept.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn remember_files(&self, rows: Vec<FileRow>) -> Result<(), JournalError> {
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            let mut statement = transaction.prepare(
                "INSERT INTO files (path, size, mtime_ns, inode, state, reason, study_key, instance_key, digest, header)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (path) DO UPDATE SET size = ?2, mtime_ns = ?3, inode = ?4, state = ?5, reason = ?6,
                 study_key = ?7, instance_key = ?8, digest = ?9, header = ?10",
            )?;
            for row in &rows {
                let header = row.header.as_deref().map(outbox::deflated).transpose();
                let header = header.map_err(|source| JournalError::Payload { seq: 0, source })?;
                statement.execute(params![
                    row.path.as_os_str().as_bytes(),
                    row.fingerprint.size.cast_signed(),
                    row.fingerprint.mtime_ns,
                    row.fingerprint.inode.cast_signed(),
                    row.state.name(),
                    row.reason,
                    row.study_key,
                    row.instance_key,
                    row.digest,
                    header,
                ])?;
            }
            drop(statement);
            // In the same transaction: a file that is known is not looked at again, so its study must be open.
            let studies: BTreeSet<&String> = rows.iter().filter_map(|row| row.study_key.as_ref()).collect();
            for study_key in studies {
                studies::arrives(&transaction, study_key)?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// Counts one more attempt at a file that may end the child that looks at it, before it is looked at;
    /// the attempts so far, this one included.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn count_file_attempt(&self, path: &Path, fingerprint: Fingerprint) -> Result<u32, JournalError> {
        let path = path.to_owned();
        self.call(move |connection| {
            let attempts = connection.query_row(
                "INSERT INTO files (path, size, mtime_ns, inode, state, attempts) VALUES (?1, ?2, ?3, ?4, 'suspect', 1)
                 ON CONFLICT (path) DO UPDATE SET state = 'suspect', size = ?2, mtime_ns = ?3, inode = ?4,
                 attempts = CASE WHEN size = ?2 AND mtime_ns = ?3 AND inode = ?4 THEN attempts + 1 ELSE 1 END
                 RETURNING attempts",
                params![
                    path.as_os_str().as_bytes(),
                    fingerprint.size.cast_signed(),
                    fingerprint.mtime_ns,
                    fingerprint.inode.cast_signed()
                ],
                |row| row.get(0),
            )?;
            Ok(attempts)
        })
    }

    /// Path, fingerprint and state of up to `limit` remembered files, in the order of their paths, from the first
    /// after `after`.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn known_files_after(
        &self,
        after: &Path,
        limit: usize,
    ) -> Result<Vec<(PathBuf, Fingerprint, FileState)>, JournalError> {
        let after = after.to_owned();
        self.call(move |connection| {
            let mut statement = connection.prepare(
                "SELECT path, size, mtime_ns, inode, state FROM files INDEXED BY files_in_brief WHERE path > ?1
                 ORDER BY path LIMIT ?2",
            )?;
            let rows = statement.query_map(params![after.as_os_str().as_bytes(), limit as i64], |row| {
                Ok((path(row)?, fingerprint(row)?, FileState::from_name(&row.get::<_, String>("state")?)))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The deepest folder that all files of a study lie in; `None` where it has none.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn common_folder_of(&self, study_key: &str) -> Result<Option<PathBuf>, JournalError> {
        let study_key = study_key.to_owned();
        self.call(move |connection| {
            let mut statement = connection.prepare("SELECT path FROM files WHERE study_key = ?1")?;
            let mut rows = statement.query([&study_key])?;
            let mut common: Option<PathBuf> = None;
            while let Some(row) = rows.next()? {
                common = common_folder(common, &path(row)?);
            }
            Ok(common)
        })
    }

    /// The accepted files of one study, in order of their paths.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn files_of(&self, study_key: &str) -> Result<Vec<FileRow>, JournalError> {
        let study_key = study_key.to_owned();
        self.call(move |connection| {
            let mut statement = connection.prepare(
                "SELECT path, size, mtime_ns, inode, state, attempts, reason, study_key, instance_key, digest, header
                 FROM files WHERE study_key = ?1 AND state = 'accepted' ORDER BY path",
            )?;
            let rows = statement.query_map([&study_key], |row| {
                Ok(FileRow {
                    path: path(row)?,
                    fingerprint: fingerprint(row)?,
                    state: FileState::from_name(&row.get::<_, String>("state")?),
                    attempts: row.get("attempts")?,
                    reason: row.get("reason")?,
                    study_key: row.get("study_key")?,
                    instance_key: row.get("instance_key")?,
                    digest: row.get("digest")?,
                    header: row.get("header")?,
                })
            })?;
            let mut files: Vec<FileRow> = rows.collect::<Result<_, _>>()?;
            for file in &mut files {
                // One that rotted on the disk is missing: the file itself is read again anyway.
                file.header = file.header.take().and_then(|packed| outbox::inflated(&packed).ok());
            }
            Ok(files)
        })
    }

    /// Forgets files that are no longer in the folder.
    ///
    /// # Errors
    /// As the journal gives them.
    pub fn forget_files(&self, paths: Vec<PathBuf>) -> Result<(), JournalError> {
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            for path in &paths {
                transaction.execute("DELETE FROM files WHERE path = ?1", [path.as_os_str().as_bytes()])?;
            }
            transaction.commit()?;
            Ok(())
        })
    }
}

/// The deepest folder that `file` and what lies in `folder` have in common.
#[must_use]
pub fn common_folder(folder: Option<PathBuf>, file: &Path) -> Option<PathBuf> {
    let Some(folder) = folder else { return file.parent().map(Path::to_owned) };
    let common = folder.ancestors().find(|ancestor| file.starts_with(ancestor)).map(Path::to_owned);
    Some(common.unwrap_or(folder))
}

fn path(row: &Row<'_>) -> rusqlite::Result<PathBuf> {
    Ok(PathBuf::from(OsStr::from_bytes(&row.get::<_, Vec<u8>>("path")?)))
}

fn fingerprint(row: &Row<'_>) -> rusqlite::Result<Fingerprint> {
    Ok(Fingerprint {
        size: row.get::<_, i64>("size")?.cast_unsigned(),
        mtime_ns: row.get("mtime_ns")?,
        inode: row.get::<_, i64>("inode")?.cast_unsigned(),
    })
}
