//! Load, verify and run the networks; the only importer of tract.
//!
//! A model set is a folder with a [`Manifest`] and ONNX files. [`ModelSet::open`] finds and checks
//! it; [`Networks`] are what a reading is made with. No model runs whose hash differs from the
//! manifest's. What the network's input and output mean is `analysis::segmentation`'s business;
//! here they are tensors.

mod check;
mod convolution;
mod device;
mod grading;
mod graph;
mod manifest;
mod network;
mod networks;
mod set;

pub use device::{Device, DeviceChoice, compiled_code_folder};
pub use grading::GradingNetwork;
pub use manifest::{
    ADDING_FOLDER, ClassCalibration, CropInput, DEGENERATION, GradingHead, MANIFEST_BYTES_MAX, MANIFEST_NAME,
    MODEL_BYTES_MAX, Manifest, ModelEntry, PictureGate, SEGMENTATION, STENOSIS, SegmentationInput, TrainingSet,
};
pub use network::{SIDE_MAX, SegmentationNetwork, SegmentationPlan};
pub use networks::Networks;
pub use set::{ModelSet, ModelSource};

use std::path::PathBuf;

/// Why a model can't be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// No folder with a manifest was found.
    #[error("no model set found: looked for manifest.toml in {}; install one or name its folder with --models", list(.looked_in))]
    NoModelSet {
        /// The folders that were tried, in order.
        looked_in: Vec<PathBuf>,
    },
    /// A file of the set could not be read.
    #[error("can't read {path}: {source}; install the model set again")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest is not one.
    #[error("{path}: {message}; install the model set again")]
    BadManifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The file is not the one that the manifest names.
    #[error(
        "{path}: SHA-256 is {found}, the manifest says {expected}; the file was changed or cut, install the model set again"
    )]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// The manifest's hash, hex.
        expected: String,
        /// The file's hash, hex.
        found: String,
    },
    /// What the networks are to run on can't be used.
    #[error("{device} can't be used: {message}")]
    Device {
        /// What it is.
        device: Device,
        /// What is missing or fails.
        message: String,
    },
    /// tract could not load, prepare or run the network.
    #[error("network {name}: {message}")]
    Network {
        /// The model's name in the manifest.
        name: String,
        /// What tract said.
        message: String,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}
