//! The segmentation network: ONNX in, one plan a slice size, tensors through.

use super::convolution::PackedWeights;
use super::graph::NetworkGraph;
use super::{Device, InferenceError, ModelEntry, ModelSet, SEGMENTATION, SegmentationInput};
use crate::spine::{ModelUse, Structure};
use std::sync::{Arc, Mutex, PoisonError};
use tract_core::prelude::{Tensor, TractError, TractResult, TypedRunnableModel, tvec};

/// Rows or columns a plan may have: a field of 960 mm at the network's pixels.
pub const SIDE_MAX: usize = 1024;
/// Plans that are kept: preparing one takes as long as running it, and a reading uses so many sizes, again and again: whole slices,
/// the surroundings in two resolutions, and the same of a second series.
const PLANS_KEPT: usize = 6;
/// Least side of the slice that a network is tried out on, pixels.
const TRIAL_SIDE: usize = 256;

/// The segmentation network as read from its file, not yet prepared for a size.
#[derive(Debug)]
pub struct SegmentationNetwork {
    entry: ModelEntry,
    device: Device,
    graph: NetworkGraph,
    weights: PackedWeights,
    /// The last ones made, the oldest first.
    plans: Mutex<Vec<Arc<SegmentationPlan>>>,
}

/// The network prepared for slices of one size. Shared by threads; each run has its own state.
#[derive(Debug)]
pub struct SegmentationPlan {
    name: String,
    rows: usize,
    columns: usize,
    plan: Arc<TypedRunnableModel>,
}

impl SegmentationNetwork {
    /// Reads and verifies the set's `segmentation` network, which runs on the processor.
    ///
    /// # Errors
    /// As [`SegmentationNetwork::load_on`].
    pub fn load(set: &ModelSet) -> Result<Self, InferenceError> {
        Self::load_on(set, Device::Cpu)
    }

    /// Reads and verifies the set's `segmentation` network, which is to run on `device`.
    ///
    /// # Errors
    /// Those of [`ModelSet::load_verified`], or [`InferenceError::Network`] where it is no ONNX of operators that our networks have.
    pub fn load_on(set: &ModelSet, device: Device) -> Result<Self, InferenceError> {
        let (entry, bytes) = set.load_verified(SEGMENTATION)?;
        let graph = NetworkGraph::read(&bytes).map_err(|e| network_error(&entry.name, &e))?;
        Ok(Self { entry: entry.clone(), device, graph, weights: PackedWeights::default(), plans: Mutex::default() })
    }

    /// What it takes.
    #[must_use]
    pub fn input(&self) -> &SegmentationInput {
        &self.entry.input
    }

    /// What it runs on.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// How a report names it.
    #[must_use]
    pub fn model_use(&self) -> ModelUse {
        self.entry.model_use()
    }

    /// Prepares the network for slices of `rows` x `columns` pixels, multiples of
    /// [`SegmentationInput::size_multiple`].
    ///
    /// # Errors
    /// [`InferenceError::Network`] where the size is not allowed or tract can't prepare it.
    pub fn plan(&self, rows: usize, columns: usize) -> Result<Arc<SegmentationPlan>, InferenceError> {
        let multiple = self.entry.input.size_multiple;
        let allowed = |n: usize| n > 0 && n <= SIDE_MAX && n.is_multiple_of(multiple);
        if !(allowed(rows) && allowed(columns)) {
            return Err(InferenceError::Network {
                name: self.entry.name.clone(),
                message: format!(
                    "a slice of {rows} x {columns} pixels does not fit: multiples of {multiple} up to {SIDE_MAX}"
                ),
            });
        }
        // The lock only guards the list: a poisoned one is still whole. It is held while a plan is made, so that none is made twice.
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.iter().find(|p| (p.rows, p.columns) == (rows, columns)) {
            return Ok(Arc::clone(plan));
        }
        let plan = self.prepare(rows, columns).map_err(|e| network_error(&self.entry.name, &e))?;
        if plans.len() == PLANS_KEPT {
            plans.remove(0);
        }
        let plan = Arc::new(plan);
        plans.push(Arc::clone(&plan));
        Ok(plan)
    }

    /// Runs a blank slice: whether the network can be prepared and gives what a reading expects of it.
    ///
    /// # Errors
    /// [`InferenceError::Network`] where it does not.
    pub fn try_out(&self) -> Result<(), InferenceError> {
        let side = TRIAL_SIDE.next_multiple_of(self.entry.input.size_multiple.max(1));
        self.plan(side, side)?.run(&vec![0.0; side * side]).map(drop)
    }

    fn prepare(&self, rows: usize, columns: usize) -> TractResult<SegmentationPlan> {
        let model = self.graph.for_inputs(&[vec![1, 1, rows, columns]])?;
        let plan = self.device.prepare(model, &self.weights)?;
        Ok(SegmentationPlan { name: self.entry.name.clone(), rows, columns, plan })
    }
}

impl SegmentationPlan {
    /// Runs one slice: `rows * columns` intensities in 0..=1, row by row, to
    /// `Structure::COUNT * rows * columns` logits, channel by channel.
    ///
    /// # Errors
    /// [`InferenceError::Network`] where the sizes differ or tract fails.
    pub fn run(&self, slice: &[f32]) -> Result<Vec<f32>, InferenceError> {
        let outputs = self.forward(slice).map_err(|e| network_error(&self.name, &e))?;
        let expected = Structure::COUNT * self.rows * self.columns;
        if outputs.len() != expected {
            let message =
                format!("gave {} values, {expected} expected; install a model set of this version", outputs.len());
            return Err(InferenceError::Network { name: self.name.clone(), message });
        }
        Ok(outputs)
    }

    fn forward(&self, slice: &[f32]) -> TractResult<Vec<f32>> {
        let input = Tensor::from_shape(&[1, 1, self.rows, self.columns], slice)?;
        let outputs = self.plan.run(tvec!(input.into()))?;
        let Some(logits) = outputs.first() else { return Ok(Vec::new()) };
        Ok(logits.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
    }
}

pub(super) fn network_error(name: &str, error: &TractError) -> InferenceError {
    InferenceError::Network { name: name.to_string(), message: format!("{error:#}") }
}
