//! A model set in its folder: where it is looked for, and what it is made of.

use super::manifest::{ADDING_FOLDER, MANIFEST_BYTES_MAX, MANIFEST_NAME, MODEL_BYTES_MAX, read_capped};
use super::{InferenceError, Manifest, ModelEntry};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where a model set was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// Only this folder.
    Folder(PathBuf),
    /// The first of the standard folders that holds a manifest.
    Standard,
}

impl ModelSource {
    /// The folder, where one was named.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.clone()),
            Self::Standard => None,
        }
    }

    /// Every folder that is looked into, in order of preference.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        match self {
            Self::Folder(folder) => vec![folder.clone()],
            Self::Standard => ModelSet::STANDARD_FOLDERS.iter().map(PathBuf::from).collect(),
        }
    }
}

/// A model set whose manifest was read and checked; files are verified as they are loaded.
#[derive(Debug, Clone)]
pub struct ModelSet {
    /// The folder that it was found in.
    named: PathBuf,
    /// Its folder, and after it the folder of what it adds to, where it adds: no part of either is a link.
    folders: Vec<PathBuf>,
    manifest: Manifest,
    sha256: String,
}

impl ModelSet {
    /// The standard folders, in order of preference. Installing the research set, which adds to the standard one, is the consent to use it.
    pub const STANDARD_FOLDERS: [&'static str; 4] = [
        "/var/lib/deepspine/models",
        "/usr/share/deepspine/models/research",
        "/usr/share/deepspine/models",
        "./models",
    ];

    /// Finds the set and reads its manifest. A folder that is a link is followed once, here: whatever the link is made to lead to
    /// later, all files of this set come from one place.
    ///
    /// # Errors
    /// [`InferenceError::NoModelSet`], [`InferenceError::Unreadable`] or [`InferenceError::BadManifest`].
    pub fn open(source: &ModelSource) -> Result<Self, InferenceError> {
        let looked_in = source.folders();
        let Some(named) = looked_in.iter().find(|f| f.join(MANIFEST_NAME).is_file()).cloned() else {
            return Err(InferenceError::NoModelSet { looked_in });
        };
        let folder = without_links(&named)?;
        let (mut manifest, mut sha256) = read_manifest(&folder)?;
        let mut folders = vec![folder];
        if manifest.adds() {
            let base_folder = base_of(&named, &folders)?;
            let (base, base_sha256) = read_manifest(&base_folder)?;
            if base.adds() {
                return Err(bad_manifest(&named, "`adds_to`: the set there adds to another itself"));
            }
            let added: Vec<String> = manifest.model.iter().map(|m| m.name.clone()).collect();
            manifest.model.extend(base.model.into_iter().filter(|m| !added.contains(&m.name)));
            sha256 = hex(&Sha256::digest(format!("{base_sha256}{sha256}")));
            folders.push(base_folder);
        }
        Ok(Self { named, folders, manifest, sha256 })
    }

    /// The folder that the set was found in, as it was named.
    #[must_use]
    pub fn named(&self) -> &Path {
        &self.named
    }

    /// The folder of the set itself, without links.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folders.first().unwrap_or(&self.named)
    }

    /// The folder of what it adds to; its own where it adds to none.
    #[must_use]
    pub fn base_folder(&self) -> &Path {
        self.folders.last().unwrap_or(&self.named)
    }

    /// Every folder that its files are in.
    #[must_use]
    pub fn readable_folders(&self) -> Vec<PathBuf> {
        self.folders.clone()
    }

    /// What opens this very set again, whatever links lead to meanwhile.
    #[must_use]
    pub fn source(&self) -> ModelSource {
        let by_its_own_name = self.folders.len() == 1 || self.folder().ends_with(ADDING_FOLDER);
        ModelSource::Folder(if by_its_own_name { self.folder() } else { self.named() }.to_path_buf())
    }

    /// Whether it can still be opened where it was, and is the same.
    #[must_use]
    pub fn is_still_there(&self) -> bool {
        Self::open(&self.source()).is_ok_and(|now| now.sha256 == self.sha256 && now.folders == self.folders)
    }

    /// What the manifest says.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the manifest, hex, and so of all that it names; of a set that adds to another, over both hashes in hex, the other's first.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Whether the set has a network called `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.manifest.model.iter().any(|m| m.name == name)
    }

    /// Whether every file is the one that the manifest names, without keeping them in memory.
    ///
    /// # Errors
    /// [`InferenceError::Unreadable`], [`InferenceError::WrongHash`].
    pub fn verify_files(&self) -> Result<(), InferenceError> {
        self.manifest.model.iter().try_for_each(|entry| entry.verify().map(drop))
    }

    /// The entry and the verified bytes of the network called `name`.
    ///
    /// # Errors
    /// [`InferenceError::BadManifest`] where it has none of that name, [`InferenceError::Unreadable`],
    /// [`InferenceError::WrongHash`].
    pub fn load_verified(&self, name: &str) -> Result<(&ModelEntry, Vec<u8>), InferenceError> {
        let Some(entry) = self.manifest.model.iter().find(|m| m.name == name) else {
            return Err(bad_manifest(self.base_folder(), &format!("has no model called {name}")));
        };
        let path = entry.path();
        let bytes = read_capped(&path, MODEL_BYTES_MAX)?;
        let found = hex(&Sha256::digest(&bytes));
        if found != entry.sha256 {
            return Err(InferenceError::WrongHash { path, expected: entry.sha256.clone(), found });
        }
        Ok((entry, bytes))
    }
}

impl ModelEntry {
    /// Whether its file is the one that the manifest names; the file's size, bytes.
    ///
    /// # Errors
    /// [`InferenceError::Unreadable`], [`InferenceError::WrongHash`].
    pub fn verify(&self) -> Result<u64, InferenceError> {
        let path = self.path();
        let unreadable = |source| InferenceError::Unreadable { path: path.clone(), source };
        let mut file = File::open(&path).map_err(unreadable)?.take(MODEL_BYTES_MAX + 1);
        let mut hasher = Sha256::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut bytes = 0;
        loop {
            match file.read(&mut chunk).map_err(unreadable)? {
                0 => break,
                read => {
                    bytes += read as u64;
                    hasher.update(chunk.get(..read).unwrap_or_default());
                }
            }
        }
        let found = hex(&hasher.finalize());
        if found == self.sha256 {
            return Ok(bytes);
        }
        Err(InferenceError::WrongHash { path, expected: self.sha256.clone(), found })
    }
}

/// What is hashed at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// The folder around one that adds: by the name that was given, else by the one that it leads to.
fn base_of(named: &Path, folders: &[PathBuf]) -> Result<PathBuf, InferenceError> {
    let candidates = std::iter::once(named).chain(folders.iter().map(PathBuf::as_path));
    let parent = candidates.filter(|f| f.ends_with(ADDING_FOLDER)).find_map(Path::parent);
    let parent = parent.ok_or_else(|| {
        bad_manifest(named, &format!("a set that adds to another lies in its folder `{ADDING_FOLDER}`"))
    })?;
    without_links(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

fn without_links(folder: &Path) -> Result<PathBuf, InferenceError> {
    folder.canonicalize().map_err(|source| InferenceError::Unreadable { path: folder.to_path_buf(), source })
}

fn bad_manifest(folder: &Path, message: &str) -> InferenceError {
    InferenceError::BadManifest { path: folder.join(MANIFEST_NAME), message: message.to_owned() }
}

/// The manifest in `folder` and its SHA-256, hex.
fn read_manifest(folder: &Path) -> Result<(Manifest, String), InferenceError> {
    let bytes = read_capped(&folder.join(MANIFEST_NAME), MANIFEST_BYTES_MAX)?;
    let manifest = Manifest::parse(&bytes, folder).map_err(|message| bad_manifest(folder, &message))?;
    Ok((manifest, hex(&Sha256::digest(&bytes))))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::{DEGENERATION, SEGMENTATION, STENOSIS};
    use super::*;

    const ENTRY: &str = r#"
        [[model]]
        name = "segmentation"
        version = "1"
        file = "net.onnx"
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        terms = "test"
        classes = ["background", "vertebral-body", "posterior-elements", "disc", "canal", "sacrum"]
        input = { name = "slice", pixel_mm = 0.9375, size_multiple = 32, percentiles = [0.5, 99.5] }
    "#;

    fn set(manifest: &str, network: &[u8]) -> (tempfile::TempDir, Result<ModelSet, InferenceError>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MANIFEST_NAME), manifest).unwrap();
        std::fs::write(folder.path().join("net.onnx"), network).unwrap();
        let opened = ModelSet::open(&ModelSource::Folder(folder.path().to_path_buf()));
        (folder, opened)
    }

    #[test]
    fn a_file_with_the_manifests_hash_is_loaded() {
        let (_folder, set) = set(ENTRY, b"abc");
        let set = set.unwrap();
        assert_eq!(set.load_verified(SEGMENTATION).unwrap().1, b"abc");
    }

    #[test]
    fn a_changed_file_is_refused_by_name() {
        let (_folder, set) = set(ENTRY, b"abd");
        let error = set.unwrap().load_verified("segmentation").unwrap_err();
        assert!(matches!(error, InferenceError::WrongHash { .. }), "{error}");
        assert!(error.to_string().contains("net.onnx"));
    }

    #[test]
    fn a_file_outside_the_folder_is_refused() {
        let (_folder, set) = set(&ENTRY.replace("net.onnx", "../net.onnx"), b"abc");
        assert!(matches!(set.unwrap_err(), InferenceError::BadManifest { .. }));
    }

    #[test]
    fn a_network_without_terms_or_there_twice_is_refused() {
        let (_folder, without) = set(&ENTRY.replace("\"test\"", "\" \""), b"abc");
        assert!(without.unwrap_err().to_string().contains("terms"));
        let (_folder, twice) = set(&ENTRY.repeat(2), b"abc");
        assert!(twice.unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn a_set_behind_a_link_stays_the_one_that_it_was_opened_as() {
        let (old, _) = set(ENTRY, b"abc");
        let (new, _) = set(&ENTRY.replace("version = \"1\"", "version = \"2\""), b"abc");
        let shelf = tempfile::tempdir().unwrap();
        let link = shelf.path().join("models");
        std::os::unix::fs::symlink(old.path(), &link).unwrap();
        let opened = ModelSet::open(&ModelSource::Folder(link.clone())).unwrap();
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(new.path(), &link).unwrap();
        let again = ModelSet::open(&opened.source()).unwrap();
        assert_eq!((again.sha256(), &again.manifest().model[0].version[..]), (opened.sha256(), "1"));
        assert_eq!(ModelSet::open(&ModelSource::Folder(link)).unwrap().manifest().model[0].version, "2");
    }

    #[test]
    fn nonsense_in_the_manifest_is_named() {
        for (from, to, key) in [
            ("0.9375", "0.0", "pixel_mm"),
            ("size_multiple = 32", "size_multiple = 0", "size_multiple"),
            ("[0.5, 99.5]", "[99.5, 0.5]", "percentiles"),
        ] {
            let (_folder, set) = set(&ENTRY.replace(from, to), b"abc");
            assert!(set.unwrap_err().to_string().contains(key), "{key}");
        }
    }

    #[test]
    fn a_missing_set_names_where_it_was_looked_for() {
        let error = ModelSet::open(&ModelSource::Folder("/nowhere/at/all".into())).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all"));
    }

    const GRADING: &str = r#"
        [[model]]
        name = "degeneration"
        version = "1"
        file = "net.onnx"
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        terms = "test"
        inputs = [{ name = "disc", shape = [2, 4, 4] }]
        [[model.head]]
        finding = "disc-bulge"
        scale = "presence"
        given = []
        output = 0
        classes = [0, 1]
        slopes = [1.0]
        offsets = [0.0]
        cuts = [0.5]
        alphas = [0.01]
        calibration = [
          { levels = 1, subjects = 1, least_probability = [0.1] }, { levels = 1, subjects = 1, least_probability = [0.1] },
        ]
    "#;

    #[test]
    fn nonsense_in_a_head_is_named() {
        assert!(set(GRADING, b"abc").1.is_ok());
        for (from, to, key) in [
            ("disc-bulge", "disc-bugle", "finding"),
            ("\"presence\"", "\"presents\"", "presents"),
            ("cuts = [0.5]", "cuts = [0.5, 0.6]", "thresholds"),
            ("shape = [2, 4, 4]", "shape = [0]", "inputs"),
            ("given = []", "given = []\nside = \"middle\"", "middle"),
        ] {
            let error = set(&GRADING.replace(from, to), b"abc").1.unwrap_err();
            assert!(error.to_string().contains(key), "{key}: {error}");
        }
    }

    #[test]
    fn a_set_in_the_folder_research_adds_to_the_one_around_it() {
        let (folder, _) = set(ENTRY, b"abc");
        let adding = |name: &str| {
            let inner = folder.path().join(name);
            std::fs::create_dir(&inner).unwrap();
            std::fs::write(inner.join(MANIFEST_NAME), format!("adds_to = \"..\"\n{GRADING}")).unwrap();
            std::fs::write(inner.join("net.onnx"), b"abd").unwrap();
            ModelSource::Folder(inner)
        };
        let research = adding("research");
        let set = ModelSet::open(&research).unwrap();
        assert!(set.has(SEGMENTATION) && set.has(DEGENERATION) && !set.has(STENOSIS));
        // Each network is the file beside its own manifest.
        assert_eq!(set.load_verified(SEGMENTATION).unwrap().1, b"abc");
        assert!(matches!(set.load_verified(DEGENERATION).unwrap_err(), InferenceError::WrongHash { .. }));
        assert_eq!(set.readable_folders().last(), Some(&folder.path().canonicalize().unwrap()));
        let elsewhere = ModelSet::open(&adding("other")).unwrap_err();
        assert!(elsewhere.to_string().contains("research"), "{elsewhere}");
    }
}
