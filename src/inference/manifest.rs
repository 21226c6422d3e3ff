//! The manifest of a model set: what it says, and what of it this version can use.

use super::InferenceError;
use super::check::check_entries;
use crate::spine::ModelUse;
use serde::Deserialize;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Name of the manifest in a model set's folder.
pub const MANIFEST_NAME: &str = "manifest.toml";
/// The network that segments.
pub const SEGMENTATION: &str = "segmentation";
/// The network that grades a disc's degeneration, from sagittal slices.
pub const DEGENERATION: &str = "degeneration";
/// The network that grades stenosis, from axial and sagittal slices.
pub const STENOSIS: &str = "stenosis";
/// A manifest is a page of text.
pub const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// A shipped network is at most 8 MB; a site's own may be larger, within reason.
pub const MODEL_BYTES_MAX: u64 = 64 << 20;

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
pub const ADDING_FOLDER: &str = "research";

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
    /// What it was trained on; for people.
    #[serde(default)]
    pub trained_on: Vec<TrainingSet>,
    /// The folder of its manifest.
    #[serde(skip)]
    pub(super) folder: PathBuf,
}

/// Data that a network was trained on.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct TrainingSet {
    /// Its name.
    pub set: String,
    /// Its licence.
    pub licence: String,
    /// Whom to name.
    pub attribution: String,
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

impl Manifest {
    /// What `bytes` of a manifest say, whose entries are files beside it in `folder`.
    ///
    /// # Errors
    /// What is wrong with it: one sentence that names the model and the key.
    pub fn parse(bytes: &[u8], folder: &Path) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
        let mut manifest: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        check_entries(&manifest.model)?;
        if manifest.adds_to.as_deref().is_some_and(|to| to != ADDS_TO_PARENT) {
            return Err(format!("adds_to: only {ADDS_TO_PARENT:?} is possible"));
        }
        manifest.model.iter_mut().for_each(|entry| entry.folder = folder.to_path_buf());
        Ok(manifest)
    }

    /// Whether the set adds to the one in whose folder it lies.
    #[must_use]
    pub fn adds(&self) -> bool {
        self.adds_to.is_some()
    }
}

pub(super) fn read_capped(path: &Path, bytes_max: u64) -> Result<Vec<u8>, InferenceError> {
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
