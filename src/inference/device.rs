//! What the networks run on: the processor, or an NVIDIA GPU.
//!
//! tract calls each a runtime. The one for the GPU is compiled in with the feature `cuda` and finds driver and
//! libraries when it is asked for; nothing of them is linked. Whether a GPU answers rightly is the self-test's
//! question, and what to do where it does not the machine room's.

use super::InferenceError;
use super::convolution::{PackedWeights, with_tiled_convolutions};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_core::prelude::{IntoRunnable, TractResult, TypedModel, TypedRunnableModel};

/// What tells that a GPU's driver is there: of a card, of a Jetson up to JetPack 5, of one from JetPack 6 on.
const DRIVER_FILES: [&str; 3] = ["/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/nvgpu"];

/// What a reading's networks run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA GPU, the first.
    Cuda,
}

impl Device {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Cuda];

    /// The word in arguments and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// Whether this program was built with what it takes.
    #[must_use]
    pub const fn is_built_in(self) -> bool {
        match self {
            Self::Cpu => true,
            Self::Cuda => cfg!(feature = "cuda"),
        }
    }

    /// Whether the kernel shows its driver; opens nothing.
    #[must_use]
    pub fn has_driver(self) -> bool {
        match self {
            Self::Cpu => true,
            Self::Cuda => DRIVER_FILES.iter().any(|file| Path::new(file).exists()),
        }
    }

    /// Loads the driver and makes the device ready, so that a process which shuts itself in afterwards need not.
    ///
    /// # Errors
    /// [`InferenceError::Device`] where it can't be used.
    pub fn open(self) -> Result<(), InferenceError> {
        match self {
            Self::Cpu => Ok(()),
            Self::Cuda => self.guarded(|| cuda::open().map_err(|e| self.unusable(&format!("{e:#}")))),
        }
    }

    /// Runs `work`, which may load what others wrote: where that panics it is an error of the device.
    pub(super) fn guarded<T>(self, work: impl FnOnce() -> Result<T, InferenceError>) -> Result<T, InferenceError> {
        if self == Self::Cpu {
            return work();
        }
        // tract expects a GPU's context and streams where it could ask for them.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        result.unwrap_or_else(|_| Err(self.unusable("its runtime panicked")))
    }

    fn unusable(self, message: &str) -> InferenceError {
        InferenceError::Device { device: self, message: message.to_owned() }
    }

    /// Prepares a network with known input sizes to run on this device; plans of one network share its `weights`.
    pub(super) fn prepare(self, model: TypedModel, weights: &PackedWeights) -> TractResult<Arc<TypedRunnableModel>> {
        let model = model.into_decluttered()?;
        match self {
            Self::Cpu => with_tiled_convolutions(model, weights)?.into_runnable(),
            Self::Cuda => cuda::prepare(model),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The device that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The GPU where it is built in and its driver is there, else the processor.
    #[default]
    Auto,
    /// This one.
    Only(Device),
}

impl DeviceChoice {
    /// The word in the configuration and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Only(device) => device.name(),
        }
    }

    /// The choice that `name` stands for.
    ///
    /// # Errors
    /// Why it is none, continuing a sentence about the key or the option.
    pub fn from_name(name: &str) -> Result<Self, String> {
        if name == Self::Auto.name() {
            return Ok(Self::Auto);
        }
        match Device::ALL.into_iter().find(|device| device.name() == name) {
            Some(device) if device.is_built_in() => Ok(Self::Only(device)),
            Some(device) => Err(format!(
                "is {device:?}, but this program was built without {device}; use \"auto\" or \"cpu\", or a program built with it",
                device = device.name()
            )),
            None => Err(format!("knows auto, cpu and cuda, not {name:?}")),
        }
    }

    /// The device to try: asks whether a driver is there, not whether it works.
    #[must_use]
    pub fn device(self) -> Device {
        match self {
            Self::Only(device) => device,
            Self::Auto if Device::Cuda.is_built_in() && Device::Cuda.has_driver() => Device::Cuda,
            Self::Auto => Device::Cpu,
        }
    }
}

/// Where tract keeps the GPU's code that it compiled: what the child reads of it after it has shut itself in.
#[must_use]
pub fn compiled_code_folder() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))?;
    Some(caches.join("tract"))
}

#[cfg(feature = "cuda")]
mod cuda {
    use std::sync::Arc;
    use tract_core::model::SpecialOps;
    use tract_core::ops::math::add;
    use tract_core::prelude::{
        DatumExt, IntoTValue, Runtime, Tensor, TractError, TractResult, TypedModel, TypedRunnableModel,
        runtime_for_name, tvec,
    };
    // Without a use of it the linker leaves it out, and with it its entry in tract's list of runtimes.
    use tract_cuda as _;

    /// Numbers that are added up to see whether the device answers.
    const TRIAL_LEN: usize = 64;

    fn runtime() -> TractResult<&'static dyn Runtime> {
        runtime_for_name("cuda")?.ok_or_else(|| TractError::msg("tract has no runtime called cuda"))
    }

    pub(super) fn prepare(model: TypedModel) -> TractResult<Arc<TypedRunnableModel>> {
        let runnable = runtime()?.prepare(model)?;
        runnable.typed_plan().cloned().ok_or_else(|| TractError::msg("tract's runtime for cuda gives no plan"))
    }

    /// Looks for driver and libraries, has the GPU's code compiled where that was not done yet, and adds up a few numbers.
    pub(super) fn open() -> TractResult<()> {
        let mut model = TypedModel::default();
        let number = model.add_source("number", f32::fact([TRIAL_LEN]))?;
        let sum = model.wire_node("sum", add(), &[number, number])?;
        model.select_output_outlets(&sum)?;
        let ones = Tensor::from_shape(&[TRIAL_LEN], &[1_f32; TRIAL_LEN])?;
        let outputs = prepare(model)?.run(tvec!(ones.into_tvalue()))?;
        let Some(sums) = outputs.first() else { return Err(TractError::msg("it gives no answer")) };
        if sums.to_plain_array_view::<f32>()?.iter().all(|sum| *sum == 2.0) {
            return Ok(());
        }
        Err(TractError::msg("it adds up one and one to something else than two"))
    }
}

#[cfg(not(feature = "cuda"))]
mod cuda {
    use std::sync::Arc;
    use tract_core::prelude::{TractError, TractResult, TypedModel, TypedRunnableModel};

    fn absent() -> TractError {
        TractError::msg("this program was built without cuda")
    }

    pub(super) fn open() -> TractResult<()> {
        Err(absent())
    }

    pub(super) fn prepare(_model: TypedModel) -> TractResult<Arc<TypedRunnableModel>> {
        Err(absent())
    }
}
