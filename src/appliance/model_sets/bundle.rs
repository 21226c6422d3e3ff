//! What may come in: a folder with a manifest, the networks that it names, and their cards.
//!
//! A bundle is a whole set, a set that adds to the one in force, or both in one, the second in the first one's folder `research`.
//! Every file is opened within a folder that is held open, by a name without separators, and only where it is a regular file.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{ModelSetError, place_error};
use crate::inference::{ADDING_FOLDER, MANIFEST_BYTES_MAX, MANIFEST_NAME, MODEL_BYTES_MAX, Manifest, ModelEntry};
use crate::inference::{InferenceError, SEGMENTATION};

/// Cards of a bundle, at most.
const CARDS_MAX: usize = 16;
/// A card is some pages of text.
const CARD_BYTES_MAX: u64 = 1 << 20;
/// How the name of a card ends.
const CARD_ENDING: &str = ".md";
/// Files that are looked at for cards.
const ENTRIES_MAX: usize = 1024;
/// What is copied at a time.
const CHUNK_BYTES: usize = 64 << 10;
/// Mode of an installed file: whoever installs, the service reads it.
const FILE_MODE: u32 = 0o644;
/// Mode of an installed folder.
pub(super) const FOLDER_MODE: u32 = 0o755;

/// A bundle whose manifests were read.
#[derive(Debug)]
pub struct Bundle {
    whole: Option<Part>,
    addition: Option<Part>,
}

/// One manifest and the files beside it.
#[derive(Debug)]
struct Part {
    folder: PathBuf,
    open: OwnedFd,
    manifest: Manifest,
}

impl Bundle {
    /// Opens the bundle in `folder`; what lies in its folder `research` belongs to it only `with_addition`.
    ///
    /// # Errors
    /// [`ModelSetError::Source`], [`ModelSetError::Wrong`], or [`InferenceError::BadManifest`].
    pub fn open(folder: &Path, with_addition: bool) -> Result<Self, ModelSetError> {
        let part = Part::open(folder, open_folder(folder)?)?;
        if part.manifest.adds() {
            return Ok(Self { whole: None, addition: Some(part) });
        }
        if !part.manifest.model.iter().any(|m| m.name == SEGMENTATION) {
            return Err(wrong(&folder.join(MANIFEST_NAME), &format!("a whole set has a model called {SEGMENTATION}")));
        }
        let addition = if with_addition { part.addition()? } else { None };
        Ok(Self { whole: Some(part), addition })
    }

    /// Whether it has all that a reading needs.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole.is_some()
    }

    /// Makes it whole by the set in `folder`.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn complete_with(&mut self, folder: &Path) -> Result<(), ModelSetError> {
        self.whole = Some(Part::open(folder, open_folder(folder)?)?);
        Ok(())
    }

    /// The error about a file of the copy in `staging`, as one about the file of the bundle.
    #[must_use]
    pub fn name_as_it_came(&self, mut error: ModelSetError, staging: &Path) -> ModelSetError {
        if let ModelSetError::Wrong { path, .. }
        | ModelSetError::Inference(
            InferenceError::WrongHash { path, .. }
            | InferenceError::BadManifest { path, .. }
            | InferenceError::Unreadable { path, .. },
        ) = &mut error
            && let Ok(below) = path.canonicalize().as_deref().unwrap_or(path).strip_prefix(staging)
        {
            let came = match (below.strip_prefix(ADDING_FOLDER), &self.addition, &self.whole) {
                (Ok(below), Some(addition), _) => addition.folder.join(below),
                (_, _, Some(whole)) => whole.folder.join(below),
                _ => below.to_path_buf(),
            };
            *path = came;
        }
        error
    }

    /// Copies its files into `folder`, which is there and empty, and makes them durable; the folder that opens what was copied.
    ///
    /// # Errors
    /// [`ModelSetError::Source`], [`ModelSetError::Wrong`], [`ModelSetError::Place`].
    pub fn copy_into(&self, folder: &Path) -> Result<PathBuf, ModelSetError> {
        if let Some(whole) = &self.whole {
            whole.copy_into(folder)?;
        }
        let Some(addition) = &self.addition else { return Ok(folder.to_path_buf()) };
        let inner = folder.join(ADDING_FOLDER);
        fs::create_dir(&inner).map_err(place_error(&inner, "can't make the folder"))?;
        addition.copy_into(&inner)?;
        sync_folder(folder)?;
        Ok(inner)
    }
}

impl Part {
    fn open(folder: &Path, open: OwnedFd) -> Result<Self, ModelSetError> {
        let path = folder.join(MANIFEST_NAME);
        let mut bytes = Vec::new();
        let mut file = open_file(&open, folder, OsStr::new(MANIFEST_NAME), MANIFEST_BYTES_MAX)?;
        file.read_to_end(&mut bytes).map_err(source_error(&path))?;
        let manifest =
            Manifest::parse(&bytes, folder).map_err(|message| InferenceError::BadManifest { path, message })?;
        Ok(Self { folder: folder.to_path_buf(), open, manifest })
    }

    /// What lies in the folder of additions, where that holds a manifest.
    fn addition(&self) -> Result<Option<Self>, ModelSetError> {
        let folder = self.folder.join(ADDING_FOLDER);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = match rustix::fs::openat(&self.open, ADDING_FOLDER, flags, Mode::empty()) {
            Ok(open) => open,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(wrong(&folder, "is no folder; no link is followed")),
            Err(error) => return Err(source_error(&folder)(error.into())),
        };
        match rustix::fs::statat(&open, MANIFEST_NAME, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(source_error(&folder)(error.into())),
            Ok(_) => {}
        }
        let part = Self::open(&folder, open)?;
        if part.manifest.adds() {
            return Ok(Some(part));
        }
        Err(wrong(&folder.join(MANIFEST_NAME), "lies in the folder of another set and does not say `adds_to = \"..\"`"))
    }

    fn copy_into(&self, folder: &Path) -> Result<(), ModelSetError> {
        let chmod = fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE));
        chmod.map_err(place_error(folder, "can't be made readable"))?;
        self.copy(OsStr::new(MANIFEST_NAME), folder, MANIFEST_BYTES_MAX)?;
        for ModelEntry { file, .. } in &self.manifest.model {
            self.copy(OsStr::new(file), folder, MODEL_BYTES_MAX)?;
        }
        for card in self.cards()? {
            self.copy(&card, folder, CARD_BYTES_MAX)?;
        }
        sync_folder(folder)
    }

    /// The names of the cards.
    fn cards(&self) -> Result<Vec<std::ffi::OsString>, ModelSetError> {
        let listing = fs::read_dir(&self.folder).map_err(source_error(&self.folder))?;
        let names = listing.take(ENTRIES_MAX).flatten().map(|entry| entry.file_name());
        let mut cards: Vec<_> = names
            .filter(|name| name.to_str().is_some_and(|n| n.ends_with(CARD_ENDING) && !n.starts_with('.')))
            .collect();
        cards.sort();
        if cards.len() > CARDS_MAX {
            return Err(wrong(
                &self.folder,
                &format!("has {} cards (*{CARD_ENDING}), at most {CARDS_MAX}", cards.len()),
            ));
        }
        Ok(cards)
    }

    fn copy(&self, name: &OsStr, folder: &Path, bytes_max: u64) -> Result<(), ModelSetError> {
        let from = self.folder.join(name);
        let mut source = open_file(&self.open, &self.folder, name, bytes_max)?;
        let path = folder.join(name);
        let cant = |source| ModelSetError::Place { path: path.clone(), doing: "can't be written", source };
        let opened = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&path);
        let mut target = match opened {
            // Two networks may be of one file, which then is there.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            other => other.map_err(cant)?,
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match source.read(&mut chunk).map_err(source_error(&from))? {
                0 => break,
                read => target.write_all(chunk.get(..read).unwrap_or_default()).map_err(cant)?,
            }
        }
        // Whatever the umask of who installs.
        target.set_permissions(Permissions::from_mode(FILE_MODE)).map_err(cant)?;
        target.sync_all().map_err(cant)
    }
}

fn open_folder(folder: &Path) -> Result<OwnedFd, ModelSetError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::empty()).map_err(|error| source_error(folder)(error.into()))
}

/// Opens the regular file `name` in the open folder; neither a link nor a pipe, and no more than so many bytes of it are read.
fn open_file(open: &OwnedFd, folder: &Path, name: &OsStr, bytes_max: u64) -> Result<io::Take<File>, ModelSetError> {
    let path = folder.join(name);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(open, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) => return Err(wrong(&path, "is a link; no link is followed, put the file itself there")),
        Err(Errno::NOENT) if name != MANIFEST_NAME => return Err(wrong(&path, "is missing from the bundle")),
        Err(error) => return Err(source_error(&path)(error.into())),
    };
    let metadata = file.metadata().map_err(source_error(&path))?;
    if !metadata.is_file() {
        return Err(wrong(&path, "is no regular file"));
    }
    if metadata.len() > bytes_max {
        return Err(wrong(&path, &format!("has {} bytes, at most {bytes_max} are taken", metadata.len())));
    }
    // A file that grows meanwhile is cut here, and its hash tells.
    Ok(file.take(bytes_max))
}

/// Makes the names in `folder` durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), ModelSetError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(place_error(folder, "can't be made durable"))
}

fn wrong(path: &Path, what: &str) -> ModelSetError {
    ModelSetError::Wrong { path: path.to_path_buf(), what: what.to_owned() }
}

fn source_error(path: &Path) -> impl Fn(io::Error) -> ModelSetError {
    let path = path.to_path_buf();
    move |source| ModelSetError::Source { path: path.clone(), source }
}
