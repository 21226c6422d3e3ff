//! All networks of a set that a reading is made with.

use super::set::hex;
use super::{DEGENERATION, Device, GradingNetwork, InferenceError, ModelSet, STENOSIS, SegmentationNetwork};
use crate::spine::ModelUse;
use sha2::{Digest, Sha256};

/// The networks of a set. Without one that grades, its findings are not given.
#[derive(Debug)]
pub struct Networks {
    /// Segments a sagittal slice.
    pub segmentation: SegmentationNetwork,
    /// Grades a disc's degeneration.
    pub degeneration: Option<GradingNetwork>,
    /// Grades stenosis.
    pub stenosis: Option<GradingNetwork>,
}

impl Networks {
    /// Reads, verifies and prepares the networks of `set`.
    ///
    /// # Errors
    /// Those of [`ModelSet::load_verified`], or [`InferenceError::Network`] where tract can't prepare one.
    pub fn load(set: &ModelSet) -> Result<Self, InferenceError> {
        Self::load_on(set, Device::Cpu)
    }

    /// [`Networks::load`], to run on `device`.
    ///
    /// # Errors
    /// As [`Networks::load`], and [`InferenceError::Device`] where the device can't be used.
    pub fn load_on(set: &ModelSet, device: Device) -> Result<Self, InferenceError> {
        device.open()?;
        device.guarded(|| {
            Ok(Self {
                segmentation: SegmentationNetwork::load_on(set, device)?,
                degeneration: GradingNetwork::load_on(set, DEGENERATION, device)?,
                stenosis: GradingNetwork::load_on(set, STENOSIS, device)?,
            })
        })
    }

    /// What they run on.
    #[must_use]
    pub fn device(&self) -> Device {
        self.segmentation.device()
    }

    /// SHA-256 over what the manifest says of how slices become logits and logits grades, hex: the same weights fed or calibrated in
    /// another way make another reading.
    #[must_use]
    pub fn calibration_sha256(&self) -> String {
        let networks = || self.degeneration.iter().chain(&self.stenosis);
        let heads = networks().flat_map(GradingNetwork::heads).map(|head| format!("{head:?}"));
        let gates = networks().flat_map(GradingNetwork::gates).map(|gate| format!("{gate:?}"));
        let input = format!("{:?}", self.segmentation.input());
        let digest = heads.chain(gates).fold(Sha256::new_with_prefix(input), |digest, of| digest.chain_update(of));
        hex(&digest.finalize())
    }

    /// How a report names them.
    #[must_use]
    pub fn model_uses(&self) -> Vec<ModelUse> {
        let grading = self.degeneration.iter().chain(&self.stenosis).map(GradingNetwork::model_use);
        std::iter::once(self.segmentation.model_use()).chain(grading).collect()
    }
}
