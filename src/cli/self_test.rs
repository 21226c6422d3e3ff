//! `deepspine self-test`: a phantom through the installed models, against its truth.

use super::analyze::{cores, inference_error, load_networks, load_networks_on};
use super::exit::{CliError, Exit};
use crate::analysis::study::Progress;
use crate::appliance::self_test::{self, Check, SelfTestError};
use crate::inference::{Device, DeviceChoice};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// Reads a phantom with the installed models and holds the reading against the phantom's truth.
#[derive(Debug, Args)]
pub struct SelfTestArgs {
    /// Folder of the model set [default: the first of the standard folders that holds a manifest].
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// What the networks run on; a GPU's answers are also held against the processor's.
    #[arg(long, value_name = "DEVICE", default_value = Device::Cpu.name(), value_parser = DeviceChoice::from_name)]
    device: DeviceChoice,
}

/// Runs the verb.
///
/// # Errors
/// 70 where a check fails; as `analyze` where the models can't be used.
pub fn run(args: &SelfTestArgs) -> Result<(), CliError> {
    let networks = load_networks_on(args.models.clone(), args.device)?;
    let checks = if networks.device() == Device::Cpu {
        self_test::perform(&networks, cores(), &Silent)
    } else {
        self_test::perform_beside(&networks, &load_networks(args.models.clone())?, cores(), &Silent)
    };
    let checks = checks.map_err(|error| match &error {
        SelfTestError::Inference(e) => inference_error(e),
        SelfTestError::Phantom(_) => CliError::new(Exit::Software, error),
    })?;
    let model = networks.segmentation.model_use();
    let mut text = format!("self-test of {} {} on a phantom, on {}\n", model.name, model.version, networks.device());
    for check in &checks {
        let mark = if check.passed() { '√' } else { '✗' };
        text.push_str(&format!("{mark} {}: {:.2}, at most {:.1}\n", check.name, check.value, check.max));
    }
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|e| CliError::new(Exit::CantCreate, format!("can't write to standard output: {e}")))?;
    if checks.iter().all(Check::passed) {
        Ok(())
    } else {
        Err(CliError::new(Exit::Software, "the self-test failed: do not trust readings; install the model set again"))
    }
}

/// Says nothing of how far a reading is.
pub(super) struct Silent;

impl Progress for Silent {
    fn stage(&self, _stage: &'static str) {}

    fn slices_segmented(&self, _done: usize, _total: usize) {}
}
