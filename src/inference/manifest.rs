//! The manifest of a model set, and where a set is looked for.

use super::InferenceError;
use super::check::check_entry;
use crate::spine::ModelUse;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Name of the manifest in a model set's folder.
const MANIFEST_NAME: &str = "manifest.toml";
/// The network that segments.
pub const SEGMENTATION: &str = "segmentation";
/// The network that grades a disc's degeneration, from sagittal slices.
pub const DEGENERATION: &str = "degeneration";
/// The network that grades stenosis, from axial and sagittal slices.
pub const STENOSIS: &str = "stenosis";
/// A manifest is a page of text.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// A shipped network is at most 8 MB; a site's own may be larger, within reason.
const MODEL_BYTES_MAX: u64 = 64 << 20;

/// `manifest.toml` of a model set: what is read of it at run time. The file also carries training
/// data, seeds, metrics and held-out subjects, for people and scripts.
#[derive(Debug, Clone, Deserialize)]
pub struct Manifest {
    /// The networks of the set.
    pub model: Vec<ModelEntry>,
    /// [`ADDS_TO_PARENT`] where the set adds to the one in whose folder it lies: its networks come on top, or in place of those of the same name.
    #[serde(default)]
    adds_to: Option<String>,
}

/// What a set may add to.
const ADDS_TO_PARENT: &str = "..";
/// The folder, within another set's, of a set that adds to it.
const ADDING_FOLDER: &str = "research";

/// One network of the set.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelEntry {
    /// What it is for: [`SEGMENTATION`], [`DEGENERATION`] or [`STENOSIS`].
    pub name: String,
    /// Its version.
    pub version: String,
    /// ONNX file, beside the manifest.
    pub file: String,
    /// SHA-256 of that file, lower-case hex.
    pub sha256: String,
    /// Terms under which the weights may be used.
    pub terms: String,
    /// The classes by output channel, of the segmentation network.
    #[serde(default)]
    pub classes: Vec<String>,
    /// What the segmentation network's input is.
    #[serde(default)]
    pub input: SegmentationInput,
    /// What a grading network takes, in this order.
    #[serde(default)]
    pub inputs: Vec<CropInput>,
    /// What a grading network grades.
    #[serde(default)]
    pub head: Vec<GradingHead>,
    /// Which pictures a grading network may be asked about.
    #[serde(default)]
    pub gate: Vec<PictureGate>,
    /// The folder of its manifest.
    #[serde(skip)]
    folder: PathBuf,
}

/// One input of a grading network.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct CropInput {
    /// Its name: `disc`, `axial`, `foramen_left`, `foramen_right` or `present`.
    pub name: String,
    /// Its shape without the batch.
    pub shape: Vec<usize>,
}

/// One thing that a network grades, and how its logits become a grade that says how sure it is. The numbers are those of
/// [`crate::analysis::confidence`].
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct GradingHead {
    /// Name of a [`crate::spine::GradedFinding`].
    pub finding: String,
    /// `left` or `right`; absent for what lies in the midline.
    #[serde(default)]
    pub side: Option<String>,
    /// The views that must be there. Of several heads of one finding the one counts that asks for the most: each is calibrated on levels
    /// that had these views.
    pub given: Vec<String>,
    /// Name of a [`crate::spine::GradeScale`].
    pub scale: String,
    /// The first of its logits.
    pub output: usize,
    /// By threshold: what its logit is multiplied by …
    pub slopes: Vec<f64>,
    /// … and what is added.
    pub offsets: Vec<f64>,
    /// By threshold: the least P(worse than it) that passes it.
    pub cuts: Vec<f64>,
    /// By grade: its class in the calibration.
    pub classes: Vec<usize>,
    /// Error rates of the sets, ascending: columns of the calibration.
    pub alphas: Vec<f64>,
    /// By class of the calibration.
    pub calibration: Vec<ClassCalibration>,
}

/// How strange a picture may be. Strangeness is an output of the network beside its logits: 1 for what one picture of training in a hundred exceeds.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct PictureGate {
    /// The views that make the picture: a network may take several in one.
    pub given: Vec<String>,
    /// Its place in the output.
    pub output: usize,
    /// Above this the picture is strange: what rests on it is said with the widest sets.
    pub strange: f64,
    /// Above this it is not looked at.
    pub refused: f64,
}

/// The calibration of one class.
#[derive(Debug, Clone, Deserialize, PartialEq)]
pub struct ClassCalibration {
    /// Levels of the class.
    pub levels: usize,
    /// Subjects that have it.
    pub subjects: usize,
    /// By error rate: from this P(class) on a set holds it.
    pub least_probability: Vec<f64>,
}

/// What the segmentation network takes: one sagittal slice.
#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
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

    /// Every folder that a set may be read from: those that are looked into, and what a set in them adds to.
    #[must_use]
    pub fn readable_folders(&self) -> Vec<PathBuf> {
        let folders = self.folders();
        let added_to = folders.iter().filter(|f| f.ends_with(ADDING_FOLDER)).filter_map(|f| f.parent());
        let mut all: Vec<PathBuf> = added_to.map(Path::to_path_buf).collect();
        all.extend(folders.iter().cloned());
        all
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
    /// The standard folders, in order of preference. Installing the research set, which adds to the standard one, is the consent to use it.
    pub const STANDARD_FOLDERS: [&'static str; 4] = [
        "/var/lib/deepspine/models",
        "/usr/share/deepspine/models/research",
        "/usr/share/deepspine/models",
        "./models",
    ];

    /// Finds the set and reads its manifest.
    ///
    /// # Errors
    /// [`InferenceError::NoModelSet`], [`InferenceError::Unreadable`] or [`InferenceError::BadManifest`].
    pub fn open(source: &ModelSource) -> Result<Self, InferenceError> {
        let folders = source.folders();
        let Some(folder) = folders.iter().find(|f| f.join(MANIFEST_NAME).is_file()).cloned() else {
            return Err(InferenceError::NoModelSet { looked_in: folders });
        };
        let mut manifest = read_manifest(&folder)?;
        if manifest.adds_to.is_some() {
            let bad = |message: &str| InferenceError::BadManifest {
                path: folder.join(MANIFEST_NAME),
                message: message.to_owned(),
            };
            // By its name and not by "..": what a link leads to is not the folder that was named.
            let parent = folder.parent().filter(|_| folder.ends_with(ADDING_FOLDER));
            let parent = parent.ok_or_else(|| bad("a set that adds to another lies in its folder `research`"))?;
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            let base = read_manifest(parent)?;
            if manifest.adds_to.as_deref() != Some(ADDS_TO_PARENT) || base.adds_to.is_some() {
                return Err(bad("`adds_to` is \"..\", and the set there adds to none"));
            }
            let added: Vec<String> = manifest.model.iter().map(|m| m.name.clone()).collect();
            manifest.model.extend(base.model.into_iter().filter(|m| !added.contains(&m.name)));
        }
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

    /// Whether the set has a network called `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.manifest.model.iter().any(|m| m.name == name)
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
    /// Where its file is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.file)
    }

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

fn read_manifest(folder: &Path) -> Result<Manifest, InferenceError> {
    let path = folder.join(MANIFEST_NAME);
    let bytes = read_capped(&path, MANIFEST_BYTES_MAX)?;
    let bad = |message: String| InferenceError::BadManifest { path: path.clone(), message };
    let text = String::from_utf8(bytes).map_err(|e| bad(e.to_string()))?;
    let mut manifest: Manifest = toml::from_str(&text).map_err(|e| bad(e.to_string()))?;
    manifest.model.iter().try_for_each(check_entry).map_err(bad)?;
    manifest.model.iter_mut().for_each(|entry| entry.folder = folder.to_path_buf());
    Ok(manifest)
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

pub(super) fn hex(bytes: &[u8]) -> String {
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
        assert!(research.readable_folders().contains(&folder.path().to_path_buf()));
        let elsewhere = ModelSet::open(&adding("other")).unwrap_err();
        assert!(elsewhere.to_string().contains("research"), "{elsewhere}");
    }
}
