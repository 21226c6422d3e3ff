//! `deepspine evaluate`: how right readings are, on studies whose truth is known.
//!
//! What is judged is read now, as `analyze` reads it, one study at a time; or was read before; or is a table of predictions. What is wrong
//! with one study never ends the run.

mod outputs;
mod sources;

use super::exit::{CliError, Exit};
use crate::evaluation::lines::TableError;
use crate::evaluation::{TruthError, truth};
use clap::Args;
use outputs::Outputs;
use sources::Source;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Holds readings against the truth of their studies and prints how right they are: a site's own validation.
///
/// The studies are read now; with --readings they were read before; with --predictions there are tables of predicted grades instead.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Truth file of a set of studies (JSON, or a table of grades called .csv; see docs/evaluation.md); may be given several times.
    #[arg(long, required_unless_present = "predictions", value_name = "FILE")]
    truth: Vec<PathBuf>,
    /// The studies, or folders of them, where they lie elsewhere than beside the truth: found by their folders' names.
    #[arg(value_name = "STUDIES")]
    studies: Vec<PathBuf>,
    /// Judge these finished readings: a report.json, or a folder that is searched for them; may be given several times.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["studies", "models", "threads"], requires = "truth")]
    readings: Vec<PathBuf>,
    /// The key of the readings' study and accession keys [default: the public one of `analyze`].
    #[arg(long, value_name = "FILE", requires = "readings")]
    study_key_file: Option<PathBuf>,
    /// Judge this table of predicted grades (CSV; see docs/evaluation.md); may be given several times.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["studies", "readings", "models", "threads"])]
    predictions: Vec<PathBuf>,
    /// Folder of the model set [default: the first of the standard folders that holds a manifest].
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print the figures as JSON (schemas/figures-1.schema.json).
    #[arg(long)]
    json: bool,
    /// Also write the figures of grades and measurements as a page with pictures.
    #[arg(long, value_name = "FILE.html")]
    page: Option<PathBuf>,
    /// Also write a row for every grade and measurement that is known, beside what was answered.
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Also rewrite this Markdown file's blocks `<!-- evaluate: NAME -->` ... `<!-- end -->`, NAME being that of a set.
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// Threads over which slices are spread [default: the cores].
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// Runs the verb.
///
/// # Errors
/// [`CliError`] where a truth file, a table, the card or the models can't be used; never for a study.
pub fn run(args: &EvaluateArgs) -> Result<(), CliError> {
    let sets = args.truth.iter().map(|path| truth::load(path)).collect::<Result<Vec<_>, _>>();
    let sets = sets.map_err(|e| truth_error(&e))?;
    // Before hours of reading, not after.
    let source = Source::open(args, sets)?;
    let mut names = BTreeSet::new();
    if let Some(twice) = source.names().find(|name| !names.insert(*name)) {
        return Err(CliError::new(Exit::Usage, format!("two sets are both called `{twice}`")));
    }
    let outputs = Outputs::open(args, &source)?;
    outputs.write(&source.judge(args))
}

fn truth_error(error: &TruthError) -> CliError {
    let exit = match error {
        TruthError::Io { source, .. } => CliError::for_input(source.kind()),
        TruthError::Table(error) => return table_error(error),
        TruthError::TooLarge { .. } | TruthError::Format { .. } | TruthError::Value { .. } => Exit::BadInput,
    };
    CliError::new(exit, error)
}

fn table_error(error: &TableError) -> CliError {
    let exit = match error {
        TableError::Io { source, .. } => CliError::for_input(source.kind()),
        TableError::Whole { .. } | TableError::Row { .. } => Exit::BadInput,
    };
    CliError::new(exit, error)
}
