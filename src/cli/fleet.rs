//! `deepspine fleet`: many appliances, from the broker.

mod broker_args;
mod command;
mod simulate;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::exit::{CliError, Exit};
use super::look_args::{Format, print_json, print_lines};
use crate::appliance::systemd;
use crate::fleet::collector::{Beat, Collector, Options, look_once};
use crate::fleet::roll::Roll;
use crate::fleet::site::FleetSite;
use crate::fleet::store::{self, StoreError};
use crate::fleet::terminal;
use crate::fleet::view::{self, Filter, Row, Totals};
use crate::http::{Server, Waker};
use broker_args::BrokerArgs;

/// Name of the database file where none is named.
const STORE_FILE: &str = "fleet.db";
/// How long nothing new comes from a broker that has told all that it kept.
const QUIET: Duration = Duration::from_millis(700);
/// How long a look may take.
const LOOK_DEADLINE: Duration = Duration::from_secs(30);
/// How often the wait for a signal looks.
const LOOK_PERIOD: Duration = Duration::from_millis(200);

/// Shows many appliances: how each is, what is wrong, the broken ones first
///
/// Subscribes to a broker, collects what the appliances publish into a database, and shows it: on a terminal, or, where
/// standard output is none, as a service. `--once` looks once and prints a table.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    watch: WatchArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Command(command::Args),
    Simulate(simulate::Args),
}

#[derive(Debug, Clone, clap::Args)]
struct WatchArgs {
    #[command(flatten)]
    broker: BrokerArgs,
    /// Share events and numbers with the collectors of this group; each needs its own --client-id
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Name of this collector at the broker, the same at every start, instead of one made of the host's name
    #[arg(long, value_name = "NAME")]
    client_id: Option<String>,
    /// Database: a file, or postgres://…; a file in the state folder where none is named
    #[arg(long, value_name = "FILE|URL")]
    store: Option<String>,
    /// Seconds that a sequence number may be missing before it is a gap
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    gap_grace_secs: u64,
    /// Days for which events are kept
    #[arg(long, default_value_t = 30, value_name = "DAYS")]
    keep_days: u64,
    /// Serve pages and metrics at this address, such as 127.0.0.1:8080
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Have series of each appliance among the metrics, of the worst 5000
    #[arg(long, requires = "listen")]
    metrics_per_appliance: bool,
    /// Look once, print, and end; nothing is collected
    #[arg(long)]
    once: bool,
    /// How a look is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Show only appliances in whose name, state, version, models or alarms all these words stand
    #[arg(long, default_value = "", value_name = "WORDS")]
    filter: String,
}

/// Shows the fleet, or does what was asked.
///
/// # Errors
/// 64 for arguments that make no sense, 69 where the broker does not answer, 73 where the database can't be opened.
pub fn run(args: &Args) -> Result<(), CliError> {
    match &args.verb {
        Some(Verb::Command(args)) => command::run(args),
        Some(Verb::Simulate(args)) => simulate::run(args),
        None if args.watch.once => once(&args.watch),
        None => watch(&args.watch),
    }
}

/// What a look prints as JSON.
#[derive(Serialize)]
struct Look {
    totals: Totals,
    appliances: Vec<Row>,
}

fn once(args: &WatchArgs) -> Result<(), CliError> {
    let mut options = options(args)?;
    // A look must not take the session of a collector.
    options.client_id = format!("deepspine-look-{}", std::process::id());
    let is_there = store::is_postgres(&options.store) || Path::new(&options.store).exists();
    let store = is_there.then(|| store::open(&options.store)).transpose().map_err(of_store)?;
    let roll = look_once(&options, store, QUIET, LOOK_DEADLINE).map_err(of_broker)?;
    print(&roll, args)
}

fn print(roll: &Roll, args: &WatchArgs) -> Result<(), CliError> {
    let ordered = view::order(roll, &Filter::new(&args.filter), view::now_ms());
    let rows = ordered.rows(0, ordered.len());
    match args.format {
        Format::Json => print_json(&Look { totals: ordered.totals, appliances: rows }),
        Format::Text => print_lines(&view::lines(&ordered.totals, &rows)),
    }
}

fn watch(args: &WatchArgs) -> Result<(), CliError> {
    let options = options(args)?;
    let stop = stop_on_signal()?;
    let has_screen = std::io::stdout().is_terminal();
    if !has_screen {
        // A line of the log would tear the screen.
        systemd::start_log()
            .map_err(|error| CliError::new(Exit::Software, format!("the log can't be started: {error}")))?;
    }
    let server = args.listen.map(serve_at).transpose()?;
    let collector = Collector::start(&options).map_err(of_store)?;
    let serving = server.map(|server| serve(server, &collector, args.metrics_per_appliance, &stop)).transpose()?;
    if has_screen {
        terminal::run(&collector.shared, &stop)
            .map_err(|error| CliError::new(Exit::CantCreate, format!("terminal: {error}")))?;
    }
    while !has_screen && !stop.load(Ordering::Acquire) {
        std::thread::sleep(LOOK_PERIOD);
    }
    stop.store(true, Ordering::Release);
    if let Some((thread, waker)) = serving {
        waker.wake();
        let _ = thread.join();
    }
    let beat = collector.shared.pulse.beat();
    drop(collector);
    match args.format {
        Format::Json => print_json(&beat),
        Format::Text => print_lines(&[said(&beat)]),
    }
}

fn serve_at(address: SocketAddr) -> Result<Server, CliError> {
    Server::bind(address).map_err(|error| CliError::new(Exit::CantCreate, format!("--listen {address}: {error}")))
}

/// Serves the collector's site on a thread of its own until `stop` is set and the server is woken.
fn serve(
    server: Server,
    collector: &Collector,
    of_each: bool,
    stop: &Arc<AtomicBool>,
) -> Result<(JoinHandle<()>, Waker), CliError> {
    let (waker, stop) = (server.waker(), Arc::clone(stop));
    let site = FleetSite::new(Arc::clone(&collector.shared), of_each);
    let thread = std::thread::Builder::new()
        .name("fleet-web".to_owned())
        .spawn(move || server.serve(site, || !stop.load(Ordering::Acquire)))
        .map_err(|error| CliError::new(Exit::Software, error))?;
    Ok((thread, waker))
}

/// The pulse in a line.
fn said(beat: &Beat) -> String {
    format!(
        "{} events stored, {} came again, {} messages made no sense; 99 of 100 within {} ms",
        beat.stored, beat.repeats, beat.malformed, beat.lag_p99_ms
    )
}

fn stop_on_signal() -> Result<Arc<AtomicBool>, CliError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| CliError::new(Exit::Software, format!("signals: {error}")))?;
    }
    Ok(stop)
}

fn options(args: &WatchArgs) -> Result<Options, CliError> {
    let usage = |text: String| CliError::new(Exit::Usage, text);
    if args.group.as_ref().is_some_and(|group| group.is_empty() || group.contains(['/', '+', '#'])) {
        return Err(usage("--group has no /, + or #".to_owned()));
    }
    Ok(Options {
        broker: args.broker.broker()?,
        root: args.broker.root()?,
        group: args.group.clone(),
        client_id: args.client_id.clone().unwrap_or_else(default_client_id),
        store: args.store.clone().map_or_else(default_store, Ok)?,
        gap_grace: Duration::from_secs(args.gap_grace_secs),
        keep: Duration::from_secs(args.keep_days.saturating_mul(24 * 60 * 60)),
    })
}

fn default_client_id() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("deepspine-fleet-{host}")
}

/// In the state folder of the service, else of the user.
fn default_store() -> Result<String, CliError> {
    let of_user = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state/deepspine"));
    let folder = std::env::var_os("STATE_DIRECTORY").map(PathBuf::from).or_else(of_user);
    let folder = folder.ok_or_else(|| CliError::new(Exit::Usage, "there is no state folder; name a --store"))?;
    std::fs::create_dir_all(&folder)
        .map_err(|error| CliError::new(Exit::CantCreate, format!("{}: {error}", folder.display())))?;
    Ok(folder.join(STORE_FILE).display().to_string())
}

fn of_store(error: StoreError) -> CliError {
    let exit = match error {
        StoreError::Open { .. } => Exit::CantCreate,
        StoreError::Newer { .. } => Exit::Usage,
        StoreError::Statement(_) => Exit::TryAgain,
    };
    CliError::new(exit, error)
}

fn of_broker(error: String) -> CliError {
    CliError::new(Exit::Unavailable, format!("broker: {error}"))
}
