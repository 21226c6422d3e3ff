//! `deepspine check-config`: what would be used and what is wrong, and what the machine lacks.

use std::io::{self, Write};
use std::path::PathBuf;

use super::config_args::ConfigArgs;
use super::exit::{CliError, Exit};
use crate::appliance::checkup::{self, Check};
use crate::appliance::config::InForce;

/// Shows the configuration in force, what is wrong with it, and what the machine lacks
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file, instead of /etc/deepspine/config.toml
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    common: ConfigArgs,
}

/// Prints the configuration in force and the list of the machine.
///
/// What the machine lacks is told and is no error: a configuration is checked where it is written,
/// which need not be where it is used.
///
/// # Errors
/// 78 with every complaint where the configuration is wrong.
pub fn run(args: Args) -> Result<(), CliError> {
    let (settings, in_force) =
        args.common.sources(args.file).load().map_err(|errors| CliError::new(Exit::Configuration, errors))?;
    let checks = checkup::look_over(&settings, &args.common.model_source());
    print(&mut io::stdout().lock(), &in_force, &checks)
        .map_err(|error| CliError::new(Exit::CantCreate, format!("standard output: {error}")))
}

fn print(to: &mut impl Write, in_force: &[InForce], checks: &[Check]) -> io::Result<()> {
    let width = in_force.iter().map(|entry| entry.key.len()).max().unwrap_or(0);
    for InForce { key, value, origin } in in_force {
        writeln!(to, "{key:width$} = {value}  # {origin}")?;
    }
    writeln!(to)?;
    for Check { mark, text } in checks {
        writeln!(to, "{} {text}", mark.symbol())?;
    }
    to.flush()
}
