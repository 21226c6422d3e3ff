//! The manifest of a model set, and where a set is looked for.

use super::InferenceError;
use crate::spine::{ModelUse, Structure};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Name of the manifest in a model set's folder.
const MANIFEST_NAME: &str = "manifest.toml";
/// A manifest is a page of text.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// A shipped network is at most 8 MB; a site's own may be larger, within reason.
const MODEL_BYTES_MAX: u64 = 64 << 20;
/// Networks are sized for slices whose pixels lie in this range, mm.
const PIXEL_MM_RANGE: std::ops::RangeInclusive<f64> = 0.2..=4.0;
/// The network's stride can't exceed this.
const SIZE_MULTIPLE_MAX: usize = 256;

/// `manifest.toml` of a model set: what is read of it at run time. The file also carries training
/// data, seeds, metrics and held-out subjects, for people and scripts.
#[derive(Debug, Clone, Deserialize)]
pub struct Manifest {
    /// The networks of the set.
    pub model: Vec<ModelEntry>,
}

/// One network of the set.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelEntry {
    /// What it is for: `segmentation`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// ONNX file, beside the manifest.
    pub file: String,
    /// SHA-256 of that file, lower-case hex.
    pub sha256: String,
    /// Terms under which the weights may be used.
    pub terms: String,
    /// The classes by output channel.
    pub classes: Vec<String>,
    /// What the network's input is.
    pub input: SegmentationInput,
}

/// What the segmentation network takes: one sagittal slice.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct SegmentationInput {
    /// Edge of its square pixels, mm.
    pub pixel_mm: f64,
    /// Rows and columns must be multiples of this.
    pub size_multiple: usize,
    /// Intensities at these percentiles of the slice become 0 and 1.
    pub percentiles: [f64; 2],
}

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
    folder: PathBuf,
    manifest: Manifest,
}

impl ModelSet {
    /// The standard folders, in order of preference.
    pub const STANDARD_FOLDERS: [&'static str; 3] =
        ["/var/lib/deepspine/models", "/usr/share/deepspine/models", "./models"];

    /// Finds the set and reads its manifest.
    ///
    /// # Errors
    /// [`InferenceError::NoModelSet`], [`InferenceError::Unreadable`] or [`InferenceError::BadManifest`].
    pub fn open(source: &ModelSource) -> Result<Self, InferenceError> {
        let folders = source.folders();
        let Some(folder) = folders.iter().find(|f| f.join(MANIFEST_NAME).is_file()).cloned() else {
            return Err(InferenceError::NoModelSet { looked_in: folders });
        };
        let path = folder.join(MANIFEST_NAME);
        let bytes = read_capped(&path, MANIFEST_BYTES_MAX)?;
        let bad = |message: String| InferenceError::BadManifest { path: path.clone(), message };
        let text = String::from_utf8(bytes).map_err(|e| bad(e.to_string()))?;
        let manifest: Manifest = toml::from_str(&text).map_err(|e| bad(e.to_string()))?;
        manifest.model.iter().try_for_each(check_entry).map_err(bad)?;
        Ok(Self { folder, manifest })
    }

    /// The folder of the set.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the manifest says.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The entry and the verified bytes of the network called `name`.
    ///
    /// # Errors
    /// [`InferenceError::BadManifest`] where it has none of that name, [`InferenceError::Unreadable`],
    /// [`InferenceError::WrongHash`].
    pub fn load_verified(&self, name: &str) -> Result<(&ModelEntry, Vec<u8>), InferenceError> {
        let Some(entry) = self.manifest.model.iter().find(|m| m.name == name) else {
            return Err(InferenceError::BadManifest {
                path: self.folder.join(MANIFEST_NAME),
                message: format!("has no model called {name}"),
            });
        };
        let path = self.folder.join(&entry.file);
        let bytes = read_capped(&path, MODEL_BYTES_MAX)?;
        let found = hex(&Sha256::digest(&bytes));
        if found != entry.sha256 {
            return Err(InferenceError::WrongHash { path, expected: entry.sha256.clone(), found });
        }
        Ok((entry, bytes))
    }
}

impl ModelEntry {
    /// How a report names this model.
    #[must_use]
    pub fn model_use(&self) -> ModelUse {
        ModelUse {
            name: self.name.clone(),
            version: self.version.clone(),
            sha256: self.sha256.clone(),
            terms: self.terms.clone(),
        }
    }
}

fn check_entry(entry: &ModelEntry) -> Result<(), String> {
    let name = &entry.name;
    let plain = Path::new(&entry.file).components().count() == 1 && !entry.file.starts_with('.');
    if !plain {
        return Err(format!("model {name}: file {:?} must be a name beside the manifest", entry.file));
    }
    if entry.classes.len() != Structure::COUNT {
        return Err(format!(
            "model {name}: has {} classes, this version reads {}",
            entry.classes.len(),
            Structure::COUNT
        ));
    }
    let SegmentationInput { pixel_mm, size_multiple, percentiles: [low, high] } = entry.input;
    if !PIXEL_MM_RANGE.contains(&pixel_mm) {
        return Err(format!("model {name}: input.pixel_mm = {pixel_mm} is outside {PIXEL_MM_RANGE:?}"));
    }
    if !(1..=SIZE_MULTIPLE_MAX).contains(&size_multiple) {
        return Err(format!("model {name}: input.size_multiple = {size_multiple} is outside 1..={SIZE_MULTIPLE_MAX}"));
    }
    if !(0.0 <= low && low < high && high <= 100.0) {
        return Err(format!("model {name}: input.percentiles = [{low}, {high}] must ascend within 0..=100"));
    }
    Ok(())
}

fn read_capped(path: &Path, bytes_max: u64) -> Result<Vec<u8>, InferenceError> {
    let unreadable = |source| InferenceError::Unreadable { path: path.to_path_buf(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        let message = format!("is larger than the {bytes_max} bytes allowed");
        return Err(unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, message)));
    }
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
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
        assert_eq!(set.load_verified("segmentation").unwrap().1, b"abc");
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
}
