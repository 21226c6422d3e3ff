//! The networks that grade: crops in, logits out.

use super::{Device, GradingHead, InferenceError, ModelEntry, ModelSet, PictureGate, network::network_error};
use crate::spine::ModelUse;
use std::sync::Arc;
use tract_core::prelude::{DatumExt, Framework, Tensor, TractResult, TypedRunnableModel, tvec};

/// A network that grades, prepared to run one level at a time. Shared by threads; each run has its own state.
#[derive(Debug)]
pub struct GradingNetwork {
    entry: ModelEntry,
    plan: Arc<TypedRunnableModel>,
}

impl GradingNetwork {
    /// Reads, verifies and prepares the set's network called `name` to run on the processor; `None` where the set has none.
    ///
    /// # Errors
    /// As [`GradingNetwork::load_on`].
    pub fn load(set: &ModelSet, name: &str) -> Result<Option<Self>, InferenceError> {
        Self::load_on(set, name, Device::Cpu)
    }

    /// Reads, verifies and prepares the set's network called `name` to run on `device`; `None` where the set has none.
    ///
    /// # Errors
    /// Those of [`ModelSet::load_verified`], or [`InferenceError::Network`] where tract can't prepare it.
    pub fn load_on(set: &ModelSet, name: &str, device: Device) -> Result<Option<Self>, InferenceError> {
        if !set.has(name) {
            return Ok(None);
        }
        let (entry, bytes) = set.load_verified(name)?;
        let plan = prepare(entry, &bytes, device).map_err(|e| network_error(name, &e))?;
        Ok(Some(Self { entry: entry.clone(), plan }))
    }

    /// How a report names it.
    #[must_use]
    pub fn model_use(&self) -> ModelUse {
        self.entry.model_use()
    }

    /// What it grades.
    #[must_use]
    pub fn heads(&self) -> &[GradingHead] {
        &self.entry.head
    }

    /// Which pictures it may be asked about.
    #[must_use]
    pub fn gates(&self) -> &[PictureGate] {
        &self.entry.gate
    }

    /// Runs one level: the inputs in the order of the manifest, each with all its values.
    ///
    /// # Errors
    /// [`InferenceError::Network`] where sizes differ from the manifest's or tract fails.
    pub fn run(&self, inputs: &[&[f32]]) -> Result<Vec<f32>, InferenceError> {
        let logits = self.forward(inputs).map_err(|e| network_error(&self.entry.name, &e))?;
        let of_heads = self.entry.head.iter().map(|h| h.output + h.slopes.len());
        let expected = of_heads.chain(self.entry.gate.iter().map(|g| g.output + 1)).max().unwrap_or(0);
        if logits.len() < expected {
            let message = format!("gave {} values, {expected} expected; install the model set again", logits.len());
            return Err(InferenceError::Network { name: self.entry.name.clone(), message });
        }
        Ok(logits)
    }

    fn forward(&self, inputs: &[&[f32]]) -> TractResult<Vec<f32>> {
        let mut tensors = tvec!();
        for (values, input) in inputs.iter().zip(&self.entry.inputs) {
            let shape: Vec<usize> = std::iter::once(1).chain(input.shape.iter().copied()).collect();
            tensors.push(Tensor::from_shape(&shape, values)?.into());
        }
        let outputs = self.plan.run(tensors)?;
        let Some(logits) = outputs.first() else { return Ok(Vec::new()) };
        Ok(logits.to_plain_array_view::<f32>()?.iter().copied().collect())
    }
}

fn prepare(entry: &ModelEntry, bytes: &[u8], device: Device) -> TractResult<Arc<TypedRunnableModel>> {
    let mut model = tract_onnx::onnx().model_for_read(&mut &*bytes)?;
    for (k, input) in entry.inputs.iter().enumerate() {
        let shape: Vec<usize> = std::iter::once(1).chain(input.shape.iter().copied()).collect();
        model = model.with_input_fact(k, f32::fact(&shape).into())?;
    }
    device.prepare(model)
}
