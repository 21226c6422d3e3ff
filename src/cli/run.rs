//! `deepspine run`: the appliance.

use std::path::PathBuf;

use super::config_args::ConfigArgs;
use super::exit::{CliError, Exit};
use crate::appliance::journal::JournalError;
use crate::appliance::reading::Programs;
use crate::appliance::service;
use crate::appliance::supervisor::{ApplianceError, Options, RESCAN_PERIOD};
use crate::appliance::systemd;

/// Watches the export folder, reads every complete study, publishes the reports
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file, instead of /etc/deepspine/config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    common: ConfigArgs,
}

/// Runs the appliance until it is told to end.
///
/// # Errors
/// 78 for a wrong configuration, 73 and 77 for folders, 75 for a state folder in use, 70 for a fault.
pub fn run(args: Args) -> Result<(), CliError> {
    let signals =
        service::listen_to_signals().map_err(|error| CliError::new(Exit::Software, format!("signals: {error}")))?;
    let sources = args.common.sources(args.config);
    let start = sources.load_for_start().map_err(|errors| CliError::new(Exit::Configuration, errors))?;
    systemd::start_log()
        .map_err(|error| CliError::new(Exit::Software, format!("the log can't be started: {error}")))?;
    let options = Options {
        settings: start.settings,
        models: args.common.model_source(),
        rescan_period: RESCAN_PERIOD,
        programs: Programs::default(),
    };
    service::run(&sources, options, start.fallen_back, &signals).map_err(|error| CliError::new(exit_of(&error), error))
}

/// The code with which an appliance's error ends the process.
pub(super) fn exit_of(error: &ApplianceError) -> Exit {
    match error {
        ApplianceError::Folder { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Exit::Permission
        }
        ApplianceError::Journal(error) if error.is_passing() => Exit::TryAgain,
        ApplianceError::Folder { .. } | ApplianceError::Journal(JournalError::Open { .. }) => Exit::CantCreate,
        ApplianceError::InUse(_) => Exit::TryAgain,
        ApplianceError::Journal(_) | ApplianceError::System(_) | ApplianceError::Ended(..) => Exit::Software,
    }
}
