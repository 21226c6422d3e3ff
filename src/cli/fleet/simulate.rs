//! `deepspine fleet simulate`: a load of appliances that do not exist.

use std::time::Duration;

use super::broker_args::BrokerArgs;
use super::{of_broker, stop_on_signal};
use crate::cli::exit::{CliError, Exit};
use crate::cli::look_args::print_json;
use crate::fleet::simulate::{self, APPLIANCES_MAX, Fault, Plan};

/// Publishes what many appliances would, with faults, and says at the end what that was
///
/// Eight connections speak for all; an appliance that is to die has one of its own, because a will belongs to a
/// connection. The broker keeps what they retained unless `--clear` is given.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    broker: BrokerArgs,
    /// How many appliances
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=APPLIANCES_MAX as i64))]
    appliances: u32,
    /// Events of each appliance in a second
    #[arg(long, default_value_t = 1.0, value_name = "HZ")]
    rate_hz: f64,
    /// For how long
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    secs: u64,
    /// How often each says how it is, and its numbers
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval_secs: u64,
    /// Where chance begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What goes wrong, each with one appliance in fifty: lost, late, late-will, doubled, missing, malformed, alarms, clock, backlog
    #[arg(long, value_delimiter = ',', value_name = "LIST", value_parser = fault)]
    faults: Vec<Fault>,
    /// Take back at the end what the broker keeps of them
    #[arg(long)]
    clear: bool,
}

fn fault(name: &str) -> Result<Fault, String> {
    Fault::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(|| {
        let known: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        format!("there is no such fault; there are {}", known.join(", "))
    })
}

/// Publishes, and prints what it published as JSON.
///
/// # Errors
/// 64 for a rate that is none, 69 where the broker does not take it.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    if !args.rate_hz.is_finite() || args.rate_hz <= 0.0 || args.rate_hz > 1000.0 {
        return Err(CliError::new(Exit::Usage, "--rate-hz is above 0 and at most 1000"));
    }
    let plan = Plan {
        broker: args.broker.broker()?,
        root: args.broker.root()?,
        appliances: args.appliances as usize,
        rate_hz: args.rate_hz,
        duration: Duration::from_secs(args.secs),
        interval: Duration::from_secs(args.interval_secs),
        seed: args.seed,
        faults: args.faults.clone(),
    };
    let stop = stop_on_signal()?;
    let tally = simulate::run(&plan, &stop).map_err(of_broker)?;
    if args.clear {
        simulate::clear(&plan).map_err(of_broker)?;
    }
    print_json(&tally)
}
