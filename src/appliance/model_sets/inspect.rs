//! Looks at sets: what is in force and why, and whether a set or a bundle could be. Changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::trial::{self, in_words};
use super::{Bundle, ModelSetError, Shelf, adds, plain, short};
use crate::inference::{ADDING_FOLDER, InferenceError, MANIFEST_NAME, ModelEntry, ModelSet, ModelSource, SEGMENTATION};

/// The word in the name of a set of training data that must not be overlooked.
const RESTRICTED_DATA: &str = "RSNA";

/// What is in force, and what was.
#[derive(Debug, Serialize)]
pub struct Listing {
    /// Where a set was looked for, in order of preference.
    pub folders: Vec<LookedInto>,
    /// The one in force.
    pub in_force: Option<SetSeen>,
    /// Why none is.
    pub problem: Option<String>,
    /// Those that were in force before, the last first.
    pub former: Vec<FormerSet>,
}

/// A folder that was looked into.
#[derive(Debug, Serialize)]
pub struct LookedInto {
    /// Which.
    pub folder: PathBuf,
    /// What it leads to, where it is a link.
    pub leads_to: Option<PathBuf>,
    /// What there is and what follows from that, in words.
    pub found: &'static str,
}

/// A set as it is on the disk.
#[derive(Debug, Serialize)]
pub struct SetSeen {
    /// Its folder, without links.
    pub folder: PathBuf,
    /// The folder of what it adds to.
    pub adds_to: Option<PathBuf>,
    /// Its hash.
    pub sha256: String,
    /// When it was installed, RFC 3339; absent where it was not installed by `deepspine models install`.
    pub installed_at: Option<String>,
    /// Its networks.
    pub networks: Vec<NetworkSeen>,
}

/// A network of a set.
#[derive(Debug, Serialize)]
pub struct NetworkSeen {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its file.
    pub file: PathBuf,
    /// The hash that its manifest says.
    pub sha256: String,
    /// The size of its file.
    pub bytes: Option<u64>,
    /// Whether the file has that hash.
    pub verified: bool,
    /// Why it has not.
    pub problem: Option<String>,
    /// Terms of its use.
    pub terms: String,
    /// The data it was trained on, with their licences.
    pub trained_on: Vec<String>,
    /// Whether RSNA's data are among them.
    pub trained_on_rsna: bool,
}

/// A set that was in force.
#[derive(Debug, Serialize)]
pub struct FormerSet {
    /// Its hash.
    pub sha256: String,
    /// When it was installed, RFC 3339.
    pub installed_at: String,
    /// Its networks and their versions.
    pub networks: Vec<String>,
}

/// Looks into `folder`, or into the standard ones.
///
/// # Errors
/// Where the former sets of the place can't be told.
pub fn list(folder: Option<&Path>) -> Result<Listing, ModelSetError> {
    let source = folder.map_or(ModelSource::Standard, |f| ModelSource::Folder(f.to_path_buf()));
    let opened = ModelSet::open(&source);
    let chosen = opened.as_ref().ok().map(ModelSet::named);
    let mut before_chosen = true;
    let mut folders = Vec::new();
    for folder in source.folders() {
        let found = if Some(folder.as_path()) == chosen {
            before_chosen = false;
            "in force: the first that holds a manifest"
        } else if !folder.join(MANIFEST_NAME).is_file() {
            "holds no manifest"
        } else if before_chosen {
            "holds a manifest that can't be used"
        } else {
            "not in force: an earlier one is"
        };
        folders.push(LookedInto { leads_to: fs::read_link(&folder).ok(), folder, found });
    }
    let place = source.folders().into_iter().next().unwrap_or_default();
    // Where there is no place there is nothing that was installed.
    let shelf = Shelf::at(&place).ok();
    let former = shelf.as_ref().map_or_else(|| Ok(Vec::new()), Shelf::former)?;
    let former = former.into_iter().map(|(kept, set)| FormerSet {
        sha256: kept.sha256,
        installed_at: kept.installed_at,
        networks: set.manifest().model.iter().map(|m| format!("{} {}", m.name, plain(&m.version))).collect(),
    });
    let former = former.collect();
    match opened {
        Ok(set) => {
            let installed_at = shelf.filter(|s| set.named() == place && s.in_force().is_some());
            let installed_at = installed_at.and_then(|s| s.installed_at(set.sha256()));
            Ok(Listing { folders, in_force: Some(SetSeen::of(&set, installed_at)), problem: None, former })
        }
        Err(error) => Ok(Listing { folders, in_force: None, problem: Some(error.to_string()), former }),
    }
}

impl SetSeen {
    fn of(set: &ModelSet, installed_at: Option<String>) -> Self {
        Self {
            folder: set.folder().to_path_buf(),
            adds_to: adds(set).then(|| set.base_folder().to_path_buf()),
            sha256: set.sha256().to_owned(),
            installed_at,
            networks: set.manifest().model.iter().map(NetworkSeen::of).collect(),
        }
    }
}

impl NetworkSeen {
    fn of(entry: &ModelEntry) -> Self {
        let verified = entry.verify();
        let data = |data: &crate::inference::TrainingSet| plain(&format!("{} ({})", data.set, data.licence));
        Self {
            name: entry.name.clone(),
            version: plain(&entry.version),
            file: entry.path(),
            sha256: entry.sha256.clone(),
            bytes: fs::metadata(entry.path()).ok().map(|m| m.len()),
            verified: verified.is_ok(),
            problem: verified.err().map(|error| error.to_string()),
            terms: plain(&entry.terms),
            trained_on: entry.trained_on.iter().map(data).collect(),
            trained_on_rsna: entry.trained_on.iter().any(|data| data.set.contains(RESTRICTED_DATA)),
        }
    }
}

/// Verifies the set or bundle in `folder`, or the set in force: manifests, files and terms, then that the networks load and run, then,
/// `with_self_test`, the phantom. `tell` hears each check that passes.
///
/// # Errors
/// The first check that does not pass.
pub fn verify(folder: Option<&Path>, with_self_test: bool, tell: &mut dyn FnMut(&str)) -> Result<(), ModelSetError> {
    let Some(folder) = folder else {
        return verify_set(&ModelSet::open(&ModelSource::Standard)?, with_self_test, tell);
    };
    let opened = ModelSet::open(&ModelSource::Folder(folder.to_path_buf()));
    let opened = match opened {
        Ok(set) => set,
        Err(InferenceError::BadManifest { .. } | InferenceError::Unreadable { .. }) => {
            return verify_addition(folder, with_self_test, tell);
        }
        Err(error) => return Err(error.into()),
    };
    let inner = ModelSource::Folder(folder.join(ADDING_FOLDER));
    if adds(&opened) || !folder.join(ADDING_FOLDER).join(MANIFEST_NAME).is_file() {
        return verify_set(&opened, with_self_test, tell);
    }
    tell_files(&opened, tell)?;
    verify_set(&ModelSet::open(&inner)?, with_self_test, tell)
}

/// An addition that does not lie in what it adds to is verified with the set in force, as it would be installed.
fn verify_addition(folder: &Path, with_self_test: bool, tell: &mut dyn FnMut(&str)) -> Result<(), ModelSetError> {
    let mut bundle = Bundle::open(folder, false)?;
    if !bundle.is_whole() {
        let place = PathBuf::from(ModelSet::STANDARD_FOLDERS.first().copied().unwrap_or_default());
        let base = ModelSet::open(&ModelSource::Standard);
        let base = base.map_err(|_| ModelSetError::NoBase { path: folder.to_path_buf(), place })?;
        tell(&format!("adds to the set in {}", base.base_folder().display()));
        bundle.complete_with(base.base_folder())?;
    }
    let copy = tempfile::tempdir().map_err(super::place_error(&std::env::temp_dir(), "can't make a folder in it"))?;
    verify_set(&ModelSet::open(&ModelSource::Folder(bundle.copy_into(copy.path())?))?, with_self_test, tell)
}

fn verify_set(set: &ModelSet, with_self_test: bool, tell: &mut dyn FnMut(&str)) -> Result<(), ModelSetError> {
    tell_files(set, tell)?;
    let checks = trial::try_out(set, with_self_test)?;
    tell("√ every network loads, runs, and gives what its heads ask for");
    checks.iter().for_each(|check| tell(&format!("√ self-test: {}", in_words(check))));
    Ok(())
}

fn tell_files(set: &ModelSet, tell: &mut dyn FnMut(&str)) -> Result<(), ModelSetError> {
    if !set.has(SEGMENTATION) {
        let what = format!("has no model called {SEGMENTATION}; a whole set has one");
        return Err(ModelSetError::Wrong { path: set.base_folder().join(MANIFEST_NAME), what });
    }
    let adding = if adds(set) { format!(", adds to {}", set.base_folder().display()) } else { String::new() };
    tell(&format!("√ {}: a manifest of this version{adding}", set.folder().join(MANIFEST_NAME).display()));
    for entry in &set.manifest().model {
        let path = entry.path();
        if fs::symlink_metadata(&path).is_ok_and(|m| m.is_symlink()) {
            let what = "is a link; no link is followed, put the file itself there".to_owned();
            return Err(ModelSetError::Wrong { path, what });
        }
        let bytes = entry.verify()?;
        tell(&format!(
            "√ {} {}: {}, {bytes} bytes, SHA-256 {}; terms: {}",
            entry.name,
            plain(&entry.version),
            plain(&entry.file),
            short(&entry.sha256),
            plain(&entry.terms)
        ));
    }
    Ok(())
}
