//! The networks that grade: crops in, logits out.

use super::convolution::PackedWeights;
use super::graph::NetworkGraph;
use super::{Device, GradingHead, InferenceError, ModelEntry, ModelSet, PictureGate, network::network_error};
use crate::spine::ModelUse;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use tract_core::prelude::{Tensor, TractResult, TypedRunnableModel, tvec};

/// A network that grades, prepared to run one level at a time. Shared by threads; each run has its own state.
#[derive(Debug)]
pub struct GradingNetwork {
    entry: ModelEntry,
    plan: Plan,
}

/// What tract runs, or why it could not be prepared.
type Prepared = Result<Arc<TypedRunnableModel>, String>;

/// A plan that a thread of its own prepares: that takes as long as segmenting a few slices, which comes before anything is graded.
#[derive(Debug)]
struct Plan {
    preparing: Mutex<Option<JoinHandle<Prepared>>>,
    prepared: OnceLock<Prepared>,
}

impl Plan {
    /// `prepare` runs in the background for the processor; a GPU's context belongs to the thread that asks for it.
    fn of(device: Device, prepare: impl FnOnce() -> TractResult<Arc<TypedRunnableModel>> + Send + 'static) -> Self {
        let prepare = move || prepare().map_err(|error| format!("{error:#}"));
        let plan = Self { preparing: Mutex::default(), prepared: OnceLock::new() };
        if device == Device::Cpu {
            *plan.preparing.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::thread::spawn(prepare));
        } else {
            plan.prepared.get_or_init(prepare);
        }
        plan
    }

    /// The plan, once it is there.
    fn get(&self) -> Result<&Arc<TypedRunnableModel>, &String> {
        let join = || {
            let thread = self.preparing.lock().unwrap_or_else(PoisonError::into_inner).take();
            let result = thread.map(|thread| thread.join().unwrap_or_else(|_| Err("preparing it panicked".to_owned())));
            result.unwrap_or_else(|| Err("nobody prepares it".to_owned()))
        };
        self.prepared.get_or_init(join).as_ref()
    }
}

impl GradingNetwork {
    /// Reads and verifies the set's network called `name`, and begins to prepare it to run on the processor; `None` where the set has none.
    ///
    /// # Errors
    /// As [`GradingNetwork::load_on`].
    pub fn load(set: &ModelSet, name: &str) -> Result<Option<Self>, InferenceError> {
        Self::load_on(set, name, Device::Cpu)
    }

    /// Reads and verifies the set's network called `name`, and begins to prepare it to run on `device`; `None` where the set has none.
    ///
    /// # Errors
    /// Those of [`ModelSet::load_verified`]. That tract can't prepare it is told by [`GradingNetwork::ready`] and whatever runs it.
    pub fn load_on(set: &ModelSet, name: &str, device: Device) -> Result<Option<Self>, InferenceError> {
        if !set.has(name) {
            return Ok(None);
        }
        let (entry, bytes) = set.load_verified(name)?;
        let plan = Plan::of(device, {
            let entry = entry.clone();
            move || prepare(&entry, &bytes, device)
        });
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

    /// Waits until it is prepared.
    ///
    /// # Errors
    /// [`InferenceError::Network`] where tract can't prepare it.
    pub fn ready(&self) -> Result<(), InferenceError> {
        self.runnable().map(drop)
    }

    fn runnable(&self) -> Result<&Arc<TypedRunnableModel>, InferenceError> {
        let failed =
            |message: &String| InferenceError::Network { name: self.entry.name.clone(), message: message.clone() };
        self.plan.get().map_err(failed)
    }

    /// Runs one level: the inputs in the order of the manifest, each with all its values.
    ///
    /// # Errors
    /// [`InferenceError::Network`] where sizes differ from the manifest's or tract fails.
    pub fn run(&self, inputs: &[&[f32]]) -> Result<Vec<f32>, InferenceError> {
        let logits = self.forward(self.runnable()?, inputs).map_err(|e| network_error(&self.entry.name, &e))?;
        let of_heads = self.entry.head.iter().map(|h| h.output + h.slopes.len());
        let expected = of_heads.chain(self.entry.gate.iter().map(|g| g.output + 1)).max().unwrap_or(0);
        if logits.len() < expected {
            let message = format!("gave {} values, {expected} expected; install the model set again", logits.len());
            return Err(InferenceError::Network { name: self.entry.name.clone(), message });
        }
        Ok(logits)
    }

    fn forward(&self, plan: &Arc<TypedRunnableModel>, inputs: &[&[f32]]) -> TractResult<Vec<f32>> {
        let mut tensors = tvec!();
        for (values, input) in inputs.iter().zip(&self.entry.inputs) {
            let shape: Vec<usize> = std::iter::once(1).chain(input.shape.iter().copied()).collect();
            tensors.push(Tensor::from_shape(&shape, values)?.into());
        }
        let outputs = plan.run(tensors)?;
        let Some(logits) = outputs.first() else { return Ok(Vec::new()) };
        Ok(logits.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
    }
}

fn prepare(entry: &ModelEntry, bytes: &[u8], device: Device) -> TractResult<Arc<TypedRunnableModel>> {
    let shapes: Vec<Vec<usize>> =
        entry.inputs.iter().map(|input| std::iter::once(1).chain(input.shape.iter().copied()).collect()).collect();
    let model = NetworkGraph::read(bytes)?.for_inputs(&shapes)?;
    device.prepare(model, &PackedWeights::default())
}
