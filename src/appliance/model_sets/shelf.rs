//! The folders of installed sets, and the switch from one to another.
//!
//! ```text
//! models                   the place: a link to models.sets/<hash>, or to models.sets/<hash>/research where the set has an addition
//! models.sets/<hash>/      a set, whole and never written again
//! models.sets/history.json which of them were in force, the last first, and since when each is installed
//! models.sets/.staging-…   a set that is being installed
//! models.sets/.link        the next link; or the folder that stood in the place before there was one
//! ```
//!
//! The switch is one rename. Everything before it is left over after a power cut, and removed by the next install; everything after it
//! is made good by the next install.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, RenameFlags};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::bundle::{FOLDER_MODE, sync_folder};
use super::{ModelSetError, adds, place_error};
use crate::appliance::clock;
use crate::inference::{ADDING_FOLDER, ModelSet, ModelSource};

/// Former sets that are kept beside the one in force.
pub const FORMER_SETS_KEPT: usize = 2;
/// What is put to the place's name for the folder of the sets.
const SETS_SUFFIX: &str = ".sets";
/// Name of the list of sets.
const HISTORY_FILE: &str = "history.json";
/// Mode of that list.
const HISTORY_MODE: u32 = 0o644;
/// How the name of a set begins that is being installed.
const STAGING_PREFIX: &str = ".staging-";
/// Name of the next link.
const NEXT_LINK: &str = ".link";
/// How the name of a folder begins that stood in the place and holds no set.
const SET_ASIDE_PREFIX: &str = "set-aside-";
/// Digits of a set's hash.
const HASH_DIGITS: usize = 64;
/// Largest list that is read, bytes.
const HISTORY_BYTES_MAX: u64 = 64 << 10;

/// A place for models and the sets beside it.
#[derive(Debug, Clone)]
pub struct Shelf {
    place: PathBuf,
    sets: PathBuf,
    sets_name: OsString,
}

/// The right to change a shelf; one process at a time has it.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    shelf: &'a Shelf,
    // Held, not read: the lock ends with it.
    _lock: File,
}

/// What stands in the place.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Nothing,
    /// A link of ours, to the set of this hash.
    Set(String),
    /// A folder of a package or of an administrator.
    Folder,
    /// Something else.
    Foreign(&'static str),
}

/// A set that is or was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Its hash ([`ModelSet::sha256`]).
    pub(super) sha256: String,
    /// When it was installed, RFC 3339.
    pub(super) installed_at: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct History {
    /// The last in force first.
    sets: Vec<Kept>,
}

impl Shelf {
    /// The shelf at `place`, whose parent is there.
    ///
    /// # Errors
    /// [`ModelSetError::Place`], [`ModelSetError::Occupied`] where the name can't be a place's.
    pub fn at(place: &Path) -> Result<Self, ModelSetError> {
        let occupied = |what: &str| ModelSetError::Occupied { path: place.to_path_buf(), what: what.to_owned() };
        let Some(name) = place.file_name() else { return Err(occupied("is no name of a folder for models")) };
        if name == ADDING_FOLDER {
            return Err(occupied("is the folder of an addition; name the folder around it"));
        }
        let parent = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let missing =
            "the folder around it must be there; systemd-tmpfiles --create or the first start of the service makes it";
        let parent = parent.canonicalize().map_err(place_error(parent, missing))?;
        let mut sets_name = name.to_os_string();
        sets_name.push(SETS_SUFFIX);
        Ok(Self { place: parent.join(name), sets: parent.join(&sets_name), sets_name })
    }

    /// The place: what readings are given to open.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// The hash of the installed set that is in force here.
    #[must_use]
    pub fn in_force(&self) -> Option<String> {
        match self.standing() {
            Standing::Set(sha256) => Some(sha256),
            _ => None,
        }
    }

    /// The former sets that are still there, the last first.
    pub(super) fn former(&self) -> Result<Vec<(Kept, ModelSet)>, ModelSetError> {
        let in_force = self.in_force();
        let kept = self.history()?.sets.into_iter().filter(|kept| Some(&kept.sha256) != in_force.as_ref());
        Ok(kept.filter_map(|kept| self.find(&kept.sha256).map(|set| (kept, set))).collect())
    }

    /// When the set in force was installed.
    pub(super) fn installed_at(&self, sha256: &str) -> Option<String> {
        self.history().ok()?.sets.into_iter().find(|kept| kept.sha256 == sha256).map(|kept| kept.installed_at)
    }

    /// The set of this hash, where it is there and its manifests are the ones of the hash.
    fn find(&self, sha256: &str) -> Option<ModelSet> {
        let home = self.sets.join(sha256);
        let candidates = [home.join(ADDING_FOLDER), home].map(ModelSource::Folder);
        candidates.iter().find_map(|source| ModelSet::open(source).ok().filter(|set| set.sha256() == sha256))
    }

    fn standing(&self) -> Standing {
        let Ok(metadata) = fs::symlink_metadata(&self.place) else { return Standing::Nothing };
        if metadata.is_dir() {
            return Standing::Folder;
        }
        let Ok(target) = fs::read_link(&self.place) else { return Standing::Foreign("a file") };
        let mut parts = target.components();
        let in_sets = parts.next() == Some(Component::Normal(&self.sets_name));
        match parts.next().and_then(|part| part.as_os_str().to_str()).filter(|name| in_sets && is_hash(name)) {
            Some(sha256) => Standing::Set(sha256.to_owned()),
            None => Standing::Foreign("a link to elsewhere"),
        }
    }

    fn history(&self) -> Result<History, ModelSetError> {
        let path = self.sets.join(HISTORY_FILE);
        let wrong = |what: String| ModelSetError::Wrong {
            path: path.clone(),
            what: format!("{what}; remove it, which forgets the former sets"),
        };
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(History::default()),
            Ok(metadata) if metadata.len() > HISTORY_BYTES_MAX => return Err(wrong("is too large".to_owned())),
            _ => {}
        }
        let text = fs::read(&path).map_err(place_error(&path, "can't be read"))?;
        let mut history: History = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        history.sets.retain(|kept| is_hash(&kept.sha256));
        Ok(history)
    }

    /// Takes the right to change this shelf, and removes what an interrupted install left.
    pub(super) fn lock(&self) -> Result<Locked<'_>, ModelSetError> {
        if let Standing::Foreign(what) = self.standing() {
            let what =
                format!("{what} stands there, which is not replaced; move it away, or name another place by --into");
            return Err(ModelSetError::Occupied { path: self.place.clone(), what });
        }
        let cant = "can't make the folder of the sets; install as root or as the service's user";
        match DirBuilder::new().mode(FOLDER_MODE).create(&self.sets) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(place_error(&self.sets, cant)(error));
            }
            _ => {}
        }
        if !fs::symlink_metadata(&self.sets).is_ok_and(|m| m.is_dir()) {
            let what = "is no folder; move it away".to_owned();
            return Err(ModelSetError::Occupied { path: self.sets.clone(), what });
        }
        let lock = File::open(&self.sets).map_err(place_error(&self.sets, cant))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(ModelSetError::Busy(self.place.clone())),
            Err(error) => return Err(place_error(&self.sets, "can't be locked")(error.into())),
        }
        let locked = Locked { shelf: self, _lock: lock };
        // Whatever the umask of who installs.
        let chmod = fs::set_permissions(&self.sets, Permissions::from_mode(FOLDER_MODE));
        chmod.map_err(place_error(&self.sets, cant))?;
        locked.clear_leftovers()?;
        Ok(locked)
    }
}

impl Locked<'_> {
    /// A folder to copy a set into; it is gone with what is given here.
    pub(super) fn staging(&self) -> Result<TempDir, ModelSetError> {
        let made = tempfile::Builder::new().prefix(STAGING_PREFIX).tempdir_in(&self.shelf.sets);
        made.map_err(place_error(&self.shelf.sets, "can't make a folder in it"))
    }

    /// Gives the set in `staging` its own folder. One of the same hash that is there already is replaced at once, and goes with `staging`.
    pub(super) fn keep(&self, staging: &TempDir, sha256: &str) -> Result<(), ModelSetError> {
        let home = self.shelf.sets.join(sha256);
        let moved = if fs::symlink_metadata(&home).is_ok() {
            exchange(staging.path(), &home)
        } else {
            fs::rename(staging.path(), &home)
        };
        moved.map_err(place_error(&home, "can't be made"))?;
        sync_folder(&self.shelf.sets)
    }

    /// Puts the set of this hash in force, which is in its folder; what became of a folder that stood in the place, in words.
    pub(super) fn switch_to(&self, sha256: &str) -> Result<Option<String>, ModelSetError> {
        let Shelf { place, sets, sets_name } = self.shelf;
        let home = sets.join(sha256);
        let damaged = || ModelSetError::Wrong { path: home.clone(), what: "is not the set of its name".to_owned() };
        let set = self.shelf.find(sha256).ok_or_else(damaged)?;
        let target = Path::new(sets_name).join(sha256);
        let target = if adds(&set) { target.join(ADDING_FOLDER) } else { target };
        let next = sets.join(NEXT_LINK);
        std::os::unix::fs::symlink(target, &next).map_err(place_error(&next, "can't make the link"))?;
        let before = self.shelf.standing();
        let switched = if before == Standing::Folder { exchange(&next, place) } else { fs::rename(&next, place) };
        switched.map_err(place_error(
            place,
            "can't be replaced; where a folder stands there, the file system must be able to exchange two names, else move it away",
        ))?;
        sync_folder(place.parent().unwrap_or(sets))?;
        let taken_along = match before {
            Standing::Folder => Some(self.take_along(&next, sha256)?),
            Standing::Set(former) => self.record(sha256, Some(&former)).map(|()| None)?,
            _ => self.record(sha256, None).map(|()| None)?,
        };
        self.clear_leftovers()?;
        Ok(taken_along)
    }

    /// Keeps the folder that stood in the place before: as a former set, where it is one.
    fn take_along(&self, folder: &Path, in_force: &str) -> Result<String, ModelSetError> {
        let sets = &self.shelf.sets;
        let cant = "the folder that stood in the place can't be kept";
        let set = ModelSet::open(&ModelSource::Folder(folder.to_path_buf()));
        if let Ok(set) = set
            && fs::symlink_metadata(sets.join(set.sha256())).is_err()
        {
            // Written down first: a set that is not is left over, and would be removed.
            self.record(in_force, Some(set.sha256()))?;
            fs::rename(folder, sets.join(set.sha256())).map_err(place_error(folder, cant))?;
            sync_folder(sets)?;
            return Ok(format!(
                "the folder that stood there is kept as a former set in {}",
                sets.join(set.sha256()).display()
            ));
        }
        self.record(in_force, None)?;
        if fs::remove_dir(folder).is_ok() {
            return Ok("an empty folder stood there".to_owned());
        }
        let aside = sets.join(format!("{SET_ASIDE_PREFIX}{}", clock::now_unix_secs()));
        fs::rename(folder, &aside).map_err(place_error(folder, cant))?;
        sync_folder(sets)?;
        Ok(format!("the folder that stood there holds no set of its own and is set aside in {}", aside.display()))
    }

    /// Writes down that one set is in force and another was before it.
    fn record(&self, in_force: &str, before: Option<&str>) -> Result<(), ModelSetError> {
        let known = self.shelf.history()?.sets;
        let entry = |sha256: &str| {
            let found = known.iter().find(|kept| kept.sha256 == sha256).cloned();
            found.unwrap_or_else(|| Kept { sha256: sha256.to_owned(), installed_at: self.time_of(sha256) })
        };
        let first = [Some(in_force), before.filter(|b| *b != in_force)];
        let rest = known.iter().map(|kept| kept.sha256.as_str());
        let rest = rest.filter(|sha256| !first.contains(&Some(*sha256)));
        let sets = first.into_iter().flatten().chain(rest).take(1 + FORMER_SETS_KEPT).map(entry).collect();
        let path = self.shelf.sets.join(HISTORY_FILE);
        self.write_history(&History { sets }).map_err(place_error(&path, "can't be written"))
    }

    fn write_history(&self, history: &History) -> io::Result<()> {
        let sets = &self.shelf.sets;
        let mut file = tempfile::Builder::new().prefix(STAGING_PREFIX).tempfile_in(sets)?;
        serde_json::to_writer_pretty(&mut file, history)?;
        file.write_all(b"\n")?;
        file.as_file().set_permissions(Permissions::from_mode(HISTORY_MODE))?;
        file.as_file().sync_all()?;
        file.persist(sets.join(HISTORY_FILE)).map_err(|e| e.error)?;
        File::open(sets)?.sync_all()
    }

    /// When a set came into its folder; now, for one that does not have it yet.
    fn time_of(&self, sha256: &str) -> String {
        let changed = fs::metadata(self.shelf.sets.join(sha256)).and_then(|m| m.modified()).ok();
        let unix_secs = changed.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).map(|d| d.as_secs());
        let told = unix_secs.and_then(|secs| clock::rfc3339_of(i64::try_from(secs).ok()?));
        told.unwrap_or_else(clock::now_rfc3339)
    }

    /// Removes what no list names: sets that were never in force or are not kept any longer, and what an interrupted install left.
    fn clear_leftovers(&self) -> Result<(), ModelSetError> {
        let Shelf { sets, .. } = self.shelf;
        let in_force = self.shelf.in_force();
        let next = sets.join(NEXT_LINK);
        match fs::symlink_metadata(&next) {
            Ok(metadata) if metadata.is_dir() => {
                self.take_along(&next, in_force.as_deref().unwrap_or_default())?;
            }
            Ok(_) => fs::remove_file(&next).map_err(place_error(&next, "can't be removed"))?,
            Err(_) => {}
        }
        let known: Vec<String> =
            self.shelf.history()?.sets.into_iter().map(|kept| kept.sha256).chain(in_force).collect();
        for entry in fs::read_dir(sets).map_err(place_error(sets, "can't be listed"))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let left_over = name.starts_with(STAGING_PREFIX) || (is_hash(&name) && !known.contains(&name));
            if left_over {
                let path = entry.path();
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(place_error(&path, "is left over from an earlier install and can't be removed"))?;
            }
        }
        Ok(())
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // A folder in which nothing was installed is not left behind; where it holds something this does nothing.
        let _ = fs::remove_dir(&self.shelf.sets);
    }
}

/// Exchanges two names in one step.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

fn is_hash(name: &str) -> bool {
    name.len() == HASH_DIGITS && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
mod tests;
