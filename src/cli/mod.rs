//! The command line: one file a verb.
//!
//! [`main`] parses the arguments, runs the verb and turns its end into an exit code. Diagnostics go
//! to stderr, results to stdout, progress only to a terminal.

pub mod analyze;
pub mod check_config;
pub mod child;
mod config_args;
pub mod demo;
pub mod evaluate;
pub mod exit;
#[cfg(feature = "fleet")]
pub mod fleet;
mod labels;
mod look_args;
pub mod models;
pub mod outbox;
pub mod phantom;
mod readings;
pub mod run;
pub mod self_test;
pub mod status;
pub mod studies;

use crate::phantom::PhantomError;
use clap::{CommandFactory, Parser, Subcommand};
use exit::{CliError, Exit};
use std::process::ExitCode;

/// Reads lumbar spine MRI beside the scanner and publishes what it finds over MQTT.
#[derive(Debug, Parser)]
#[command(name = "deepspine", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Analyze(analyze::AnalyzeArgs),
    /// The appliance: watches the export folder, reads every complete study, publishes the reports.
    Run(run::Args),
    /// Shows the whole chain on a phantom: export folder, reading, report over MQTT, pictures.
    Demo(demo::Args),
    Evaluate(evaluate::EvaluateArgs),
    Labels(labels::Args),
    Models(models::Args),
    Phantom(phantom::PhantomArgs),
    SelfTest(self_test::SelfTestArgs),
    /// Shows the configuration in force, what is wrong with it, and what the machine lacks.
    CheckConfig(check_config::Args),
    Status(status::Args),
    Studies(studies::Args),
    Outbox(outbox::Args),
    #[cfg(feature = "fleet")]
    Fleet(Box<fleet::Args>),
    #[command(hide = true)]
    ChildScan(child::Args),
    #[command(hide = true)]
    ChildRead(child::Args),
    #[command(hide = true)]
    ChildSelfTest(child::Args),
    #[command(hide = true)]
    ChildExport(child::Args),
    #[command(hide = true)]
    ChildSend(child::Args),
    #[command(hide = true)]
    ChildArchive(child::Args),
}

/// The command line's definition, from which manual pages and completions are made.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are asked for, and are no errors.
            let exit = if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
            // Nobody is left to hear that stderr is closed.
            let _ = error.print();
            return exit;
        }
    };
    match run(arguments.verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(CliError { exit, message }) => {
            eprintln!("deepspine: {message}");
            exit.into()
        }
    }
}

fn run(verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::Analyze(args) => analyze::run(&args),
        Verb::Run(args) => run::run(args),
        Verb::Demo(args) => demo::run(args),
        Verb::Evaluate(args) => evaluate::run(&args),
        Verb::Labels(args) => labels::run(&args),
        Verb::Models(args) => models::run(&args),
        Verb::Phantom(args) => phantom::run(&args).map_err(phantom_error),
        Verb::SelfTest(args) => self_test::run(&args),
        Verb::CheckConfig(args) => check_config::run(args),
        Verb::Status(args) => status::run(&args),
        Verb::Studies(args) => studies::run(&args),
        Verb::Outbox(args) => outbox::run(&args),
        #[cfg(feature = "fleet")]
        Verb::Fleet(args) => fleet::run(&args),
        Verb::ChildScan(args) => child::scan(args),
        Verb::ChildRead(args) => child::read(args),
        Verb::ChildSelfTest(args) => child::self_test(args),
        Verb::ChildExport(args) => child::export(args),
        Verb::ChildSend(args) => child::send(args),
        Verb::ChildArchive(args) => child::archive(args),
    }
}

fn phantom_error(error: PhantomError) -> CliError {
    let exit = match error {
        PhantomError::File { .. } => Exit::CantCreate,
        PhantomError::Encode { .. } => Exit::Software,
        PhantomError::Parameter { .. } => Exit::Usage,
    };
    CliError::new(exit, error)
}
