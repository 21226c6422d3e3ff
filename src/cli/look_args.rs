//! What the verbs that look into an appliance share: how they find it, ask it and print its answers.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::config_args::ConfigArgs;
use super::exit::{CliError, Exit};
use crate::appliance::control::look::{Look, LookError};
use crate::appliance::control::words::{Reply, Request, Why};

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Where the appliance is, and how its answer is printed.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct LookArgs {
    /// How the answer is printed
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    pub(super) format: Format,
    /// Configuration file, instead of /etc/deepspine/config.toml
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Override one key, such as `storage.state-dir=/var/lib/deepspine`; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    overrides: Vec<String>,
}

impl LookArgs {
    /// Finds the appliance, running or stopped.
    pub(super) fn look(&self) -> Result<Look, CliError> {
        let common = ConfigArgs { overrides: self.overrides.clone(), models: None };
        let start = common
            .sources(self.config.clone())
            .load_for_start()
            .map_err(|errors| CliError::new(Exit::Configuration, errors))?;
        Look::begin(start.settings).map_err(of_look)
    }
}

/// Asks; what is refused is an error.
pub(super) fn ask(look: &Look, request: &Request) -> Result<Reply, CliError> {
    match look.ask(request).map_err(of_look)? {
        Reply::Refused { why, text } => {
            let exit = match why {
                Why::Request => Exit::NoInput,
                Why::Permission => Exit::Permission,
                Why::Later => Exit::TryAgain,
            };
            Err(CliError::new(exit, text))
        }
        reply => Ok(reply),
    }
}

/// An answer that does not fit its question: the two programs are of different versions.
pub(super) fn unexpected() -> CliError {
    CliError::new(Exit::Software, "the appliance answers something else; it runs another version: restart it")
}

fn of_look(error: LookError) -> CliError {
    let exit = match &error {
        LookError::Socket { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Exit::Permission,
        LookError::Socket { .. } => Exit::TryAgain,
        LookError::Silent(_) => Exit::Unavailable,
        LookError::NoState { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Exit::Permission,
        LookError::NoState { .. } => Exit::NoInput,
        LookError::Journal(error) if error.is_passing() => Exit::TryAgain,
        LookError::Journal(_) => Exit::Software,
    };
    CliError::new(exit, error)
}

/// Prints lines of text.
pub(super) fn print_lines(lines: &[String]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    let printed = lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush());
    printed.map_err(|error| CliError::new(Exit::CantCreate, format!("standard output: {error}")))
}

/// Prints one JSON document.
pub(super) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| CliError::new(Exit::Software, error))?;
    print_lines(&[text])
}

/// How long ago in words: `3 d`, `5 h`, `12 min`, `40 s`.
pub(super) fn ago(secs: u64) -> String {
    match secs {
        0..=119 => format!("{secs} s"),
        120..=7199 => format!("{} min", secs / 60),
        7200..=172_799 => format!("{} h", secs / 3600),
        _ => format!("{} d", secs / 86_400),
    }
}
