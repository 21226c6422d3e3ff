//! `deepspine models`: which model sets there are, whether they can be used, another one in, and back.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::exit::{CliError, Exit};
use crate::appliance::model_sets::{self, Listing, ModelSetError, NetworkSeen, Order, SetSeen};
use crate::inference::{InferenceError, ModelSet};

/// Digits of a hash that are shown.
const SHORT_HASH_DIGITS: usize = 12;
/// Longest answer that is read, bytes.
const ANSWER_BYTES_MAX: u64 = 64;

/// Lists, verifies, installs and takes back the networks that studies are read with
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows which set is in force and why, what it is made of, and the former ones
    List {
        /// Look into this folder, instead of the standard ones
        #[arg(long, value_name = "DIR")]
        models: Option<PathBuf>,
        /// How to print it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Checks a set or a bundle: manifests, hashes, terms, networks, and a phantom read with them
    Verify {
        /// Its folder [default: the set in force]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
        /// Leave the phantom out
        #[arg(long)]
        no_self_test: bool,
    },
    /// Installs a bundle: copied, verified and tested, then put in force in one step; the set before is kept
    Install {
        /// Folder of the bundle
        #[arg(value_name = "DIR")]
        bundle: PathBuf,
        /// Accept the terms of its networks, which are printed
        #[arg(long)]
        accept_terms: bool,
        /// Leave out the addition in the bundle's folder `research`
        #[arg(long)]
        without_addition: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Puts the former set in force again
    Rollback {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The folder whose set is changed
    #[arg(long, value_name = "DIR", default_value = ModelSet::STANDARD_FOLDERS[0])]
    into: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Runs the verb.
///
/// # Errors
/// 65 for a bundle or set that is wrong, 66 where one is not there, 73 and 77 for folders, 75 where another install is under way, 77 for
/// terms that were not accepted.
pub fn run(args: &Args) -> Result<(), CliError> {
    let mut tell = |line: &str| {
        // What was begun goes on, whoever still listens.
        let _ = writeln!(io::stdout().lock(), "{line}");
    };
    let done = match &args.what {
        What::List { models, format } => {
            return print(&model_sets::list(models.as_deref()).map_err(models_error)?, *format);
        }
        What::Verify { folder, no_self_test } => model_sets::verify(folder.as_deref(), !no_self_test, &mut tell),
        What::Install { bundle, accept_terms, without_addition, place } => {
            let order = Order { bundle, place: &place.into, with_addition: !without_addition };
            model_sets::install(order, &mut || *accept_terms || asked_for_terms(), &mut tell)
        }
        What::Rollback { place } => model_sets::rollback(&place.into, &mut tell),
    };
    done.map_err(models_error)
}

/// Whether somebody at a terminal accepts what was printed.
fn asked_for_terms() -> bool {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return false;
    }
    eprint!("Do you accept these terms? Type yes: ");
    let mut answer = String::new();
    let read = io::Read::take(io::stdin().lock(), ANSWER_BYTES_MAX).read_line(&mut answer);
    read.is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}

fn models_error(error: ModelSetError) -> CliError {
    let exit = match &error {
        ModelSetError::Source { source, .. } => CliError::for_input(source.kind()),
        ModelSetError::Wrong { .. } => Exit::BadInput,
        ModelSetError::Inference(InferenceError::NoModelSet { .. }) => Exit::NoInput,
        ModelSetError::Inference(InferenceError::Unreadable { source, .. })
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            Exit::Permission
        }
        ModelSetError::Inference(_) => Exit::BadInput,
        ModelSetError::Untested(_) | ModelSetError::Busy(_) => Exit::TryAgain,
        ModelSetError::Terms => Exit::Permission,
        ModelSetError::Place { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Exit::Permission,
        ModelSetError::Place { .. } | ModelSetError::Occupied { .. } => Exit::CantCreate,
        ModelSetError::NothingBefore(_) | ModelSetError::NoBase { .. } => Exit::NoInput,
    };
    // A manifest's own words may be in it.
    let text: String = error.to_string().chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    CliError::new(exit, text)
}

fn print(listing: &Listing, format: Format) -> Result<(), CliError> {
    let text = match format {
        Format::Text => in_words(listing),
        Format::Json => serde_json::to_string_pretty(listing)
            .map(|text| text + "\n")
            .map_err(|error| CliError::new(Exit::Software, error))?,
    };
    let written = io::stdout().lock().write_all(text.as_bytes());
    written.map_err(|error| CliError::new(Exit::CantCreate, format!("standard output: {error}")))
}

fn in_words(listing: &Listing) -> String {
    let mut text = String::from("looked into, in this order:\n");
    for looked in &listing.folders {
        let leads_to = looked.leads_to.as_ref().map_or_else(String::new, |to| format!(" -> {}", to.display()));
        text += &format!("  {}{leads_to}: {}\n", looked.folder.display(), looked.found);
    }
    match &listing.in_force {
        Some(set) => text += &set_in_words(set),
        None => text += &format!("no set is in force: {}\n", listing.problem.as_deref().unwrap_or("none was found")),
    }
    text += "former sets:\n";
    for former in &listing.former {
        let networks = former.networks.join(", ");
        text += &format!("  {}, installed {}: {networks}\n", short(&former.sha256), former.installed_at);
    }
    if listing.former.is_empty() {
        text += "  none\n";
    }
    text
}

fn set_in_words(set: &SetSeen) -> String {
    let adds = set.adds_to.as_ref().map_or_else(String::new, |to| format!(", which adds to {}", to.display()));
    let installed = set.installed_at.as_ref().map_or_else(String::new, |at| format!(", installed {at}"));
    let mut text = format!("in force: set {} in {}{adds}{installed}\n", short(&set.sha256), set.folder.display());
    for network in &set.networks {
        text += &network_in_words(network);
    }
    text
}

fn network_in_words(network: &NetworkSeen) -> String {
    let mark = if network.verified { '√' } else { '✗' };
    let size = network.bytes.map_or_else(|| "no file".to_owned(), |bytes| format!("{bytes} bytes"));
    let mut text = format!("{mark} {} {}, SHA-256 {}, {size}\n", network.name, network.version, short(&network.sha256));
    text += &network.problem.as_ref().map_or_else(String::new, |problem| format!("    {problem}\n"));
    text += &format!("    terms: {}\n", network.terms);
    let rsna = if network.trained_on_rsna { "RSNA DATA ARE AMONG IT: " } else { "" };
    let trained_on = if network.trained_on.is_empty() { "not said".to_owned() } else { network.trained_on.join("; ") };
    text + &format!("    trained on: {rsna}{trained_on}\n")
}

fn short(sha256: &str) -> String {
    sha256.chars().take(SHORT_HASH_DIGITS).collect()
}
