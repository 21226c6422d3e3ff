//! `deepspine fleet command`: has an appliance do something.

use std::time::Duration;

use serde_json::json;

use super::broker_args::BrokerArgs;
use super::of_broker;
use crate::appliance::config::CommandKind;
use crate::cli::exit::{CliError, Exit};
use crate::cli::look_args::{Format, print_json, print_lines};
use crate::fleet::command::{Order, Outcome, carry_out};
use crate::fleet::wire::Root;

/// Has an appliance do something, and says what came of it
///
/// The appliance must allow the command in its configuration. Ends with 0 where it was done, 70 where it was not, 75
/// where the appliance did not answer or did not end in time, 69 where the broker can't be reached. The command is taken
/// back at the end, whatever came of it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    broker: BrokerArgs,
    /// The appliance
    device: String,
    /// health, rescan, retry or self-test
    #[arg(value_parser = kind)]
    command: CommandKind,
    /// For retry: the study's key, or the beginning of it
    study_key: Option<String>,
    /// How long the appliance may take to begin
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    answer_secs: u64,
    /// How long it may take to end
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    end_secs: u64,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn kind(name: &str) -> Result<CommandKind, String> {
    CommandKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let known = CommandKind::ALL.map(|kind| kind.name());
        format!("there is no such command; there are {}", known.join(", "))
    })
}

/// Carries the command out and prints its outcome.
///
/// # Errors
/// 64 for arguments that make no sense, and as the verb's help says.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    if !Root::is_device(&args.device) {
        return Err(CliError::new(Exit::Usage, format!("{:?} is no name of an appliance", args.device)));
    }
    if (args.command == CommandKind::Retry) != args.study_key.is_some() {
        return Err(CliError::new(Exit::Usage, "a study's key belongs to retry, and to nothing else"));
    }
    let order = Order {
        broker: args.broker.broker()?,
        root: args.broker.root()?,
        device: args.device.clone(),
        kind: args.command,
        study_key: args.study_key.clone(),
        answer_within: Duration::from_secs(args.answer_secs),
        end_within: Duration::from_secs(args.end_secs.max(args.answer_secs)),
    };
    let name = args.command.name();
    let outcome = carry_out(&order, || eprintln!("deepspine: {} has begun {name}", args.device)).map_err(of_broker)?;
    match outcome {
        Outcome::Successful(result) if args.format == Format::Json => print_json(&json!({ "result": result })),
        Outcome::Successful(result) => {
            let told = result.map(|result| format!(": {result}")).unwrap_or_default();
            print_lines(&[format!("{} has done {name}{told}", args.device)])
        }
        Outcome::Failed(reason) => Err(CliError::new(Exit::Software, format!("{} failed: {reason}", args.device))),
        Outcome::Unanswered => {
            let text = format!("{} did not answer within {} s", args.device, args.answer_secs);
            Err(CliError::new(Exit::TryAgain, text))
        }
        Outcome::Unended => {
            let text = format!("{} began and has not ended within {} s", args.device, args.end_secs);
            Err(CliError::new(Exit::TryAgain, text))
        }
    }
}
