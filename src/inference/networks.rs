//! All networks of a set that a reading is made with.

use super::set::hex;
use super::{DEGENERATION, GradingNetwork, InferenceError, ModelSet, STENOSIS, SegmentationNetwork};
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
        // Preparing a network takes as long as reading a few slices with it: they are prepared side by side.
        std::thread::scope(|scope| {
            let grading = [DEGENERATION, STENOSIS].map(|name| scope.spawn(move || GradingNetwork::load(set, name)));
            let segmentation = SegmentationNetwork::load(set)?;
            let [degeneration, stenosis] =
                grading.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            Ok(Self { segmentation, degeneration: degeneration?, stenosis: stenosis? })
        })
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
