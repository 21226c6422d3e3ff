//! `deepspine evaluate`: how right readings are, on studies whose truth is known.
//!
//! Every study is read as `analyze` reads it, in this process, one at a time; what is wrong with one never ends the run.

use super::analyze::{self, DEFAULT_ALPHA_PERCENT, How, Terminal};
use super::exit::{CliError, Exit};
use super::self_test::Silent;
use crate::evaluation::statistics::bootstrap::{DRAWS, SEED};
use crate::evaluation::card::{CARD_BYTES_MAX, Card};
use crate::evaluation::{self, SetFigures, Tally, TruthError, TruthSet, TruthStudy, truth};
use crate::export::write_whole;
use crate::inference::Networks;
use clap::Args;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The name of what `--json` prints, and its version.
const FIGURES_SCHEMA: &str = "deepspine.figures/1";

/// Reads studies whose truth is known and prints how right the readings are: a site's own validation.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Truth file of a set of studies (see docs/evaluation.md); may be given several times.
    #[arg(long, required = true, value_name = "FILE")]
    truth: Vec<PathBuf>,
    /// Folder of the model set [default: the first of the standard folders that holds a manifest].
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
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
/// [`CliError`] where a truth file, the card or the models can't be used; never for a study.
pub fn run(args: &EvaluateArgs) -> Result<(), CliError> {
    let sets = args.truth.iter().map(|path| truth::load(path)).collect::<Result<Vec<_>, _>>();
    let sets = sets.map_err(|e| truth_error(&e))?;
    let mut names = BTreeSet::new();
    if let Some(twice) = sets.iter().find(|set| !names.insert(set.name.as_str())) {
        return Err(CliError::new(Exit::Usage, format!("two truth files are both called `{}`", twice.name)));
    }
    // Before hours of reading, not after.
    let card = args.card.as_deref().map(|path| open_card(path, &sets)).transpose()?;
    let networks = analyze::load_networks(args.models.clone())?;
    let threads = args.threads.unwrap_or_else(analyze::cores);
    let figures: Vec<SetFigures> = sets.iter().map(|set| evaluate(set, &networks, threads)).collect();
    print(args, &networks, &figures)?;
    if let (Some(path), Some(card)) = (&args.card, card) {
        write_card(path, &card, &figures, &args.truth, &networks)?;
    }
    Ok(())
}

/// Reads and judges the studies of a set, one after the other.
fn evaluate(set: &TruthSet, networks: &Networks, threads: NonZeroUsize) -> SetFigures {
    let terminal = Terminal::new();
    let mut tally = Tally::default();
    for (i, study) in set.studies.iter().enumerate() {
        terminal.show(&format!("{}: study {} of {}", set.name, i + 1, set.studies.len()));
        let judged = judge(set, study, networks, threads);
        let name = study.path.display().to_string();
        tally.add(&name, &study.subject, &study.group, &judged.samples, judged.failures);
    }
    terminal.clear();
    tally.finish(&set.name, &set.about, set.seed.as_deref())
}

fn judge(set: &TruthSet, study: &TruthStudy, networks: &Networks, threads: NonZeroUsize) -> evaluation::Judged {
    let folder = set.resolve(&study.path);
    let reading = analyze::read_paths(
        &[folder],
        networks,
        How { threads, alpha_percent: DEFAULT_ALPHA_PERCENT },
        &Silent,
        Vec::new(),
    );
    let mut judged = match &reading {
        Ok(bundle) => evaluation::judge(set, study, Ok(bundle)),
        Err(e) => evaluation::judge(set, study, Err(&format!("not read: {}", e.message))),
    };
    // Figures are passed on; where a set lies on this machine is nobody's business.
    let here = format!("{}/", set.resolve(Path::new("")).display().to_string().trim_end_matches('/'));
    for text in judged.failures.iter_mut().filter(|_| here != "/") {
        *text = text.replace(&here, "");
    }
    judged
}

fn print(args: &EvaluateArgs, networks: &Networks, figures: &[SetFigures]) -> Result<(), CliError> {
    let model = networks.segmentation.model_use();
    let command = std::env::args().collect::<Vec<_>>().join(" ");
    let text = if args.json {
        let document = json!({
            "schema": FIGURES_SCHEMA,
            "command": command,
            "version": env!("CARGO_PKG_VERSION"),
            "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
            "bootstrap": {"by": "subject", "draws": DRAWS, "seed": SEED},
            "sets": figures,
        });
        format!("{document:#}\n")
    } else {
        let head = format!("command: {command}\nmodel: {} {}, SHA-256 {}\n", model.name, model.version, model.sha256);
        figures.iter().fold(head, |text, set| text + &evaluation::table(set))
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| CliError::new(Exit::CantCreate, format!("can't write to standard output: {e}")))
}

/// Opens the card and makes sure that every set has its block.
fn open_card(path: &Path, sets: &[TruthSet]) -> Result<Card, CliError> {
    let unread = |e: std::io::Error| {
        CliError::new(CliError::for_input(e.kind()), format!("can't read the card {}: {e}", path.display()))
    };
    let mut text = String::new();
    fs::File::open(path).and_then(|f| f.take(CARD_BYTES_MAX + 1).read_to_string(&mut text)).map_err(unread)?;
    let wrong = |reason: String| CliError::new(Exit::BadInput, format!("the card {} {reason}", path.display()));
    if text.len() as u64 > CARD_BYTES_MAX {
        return Err(wrong(format!("has more than {CARD_BYTES_MAX} bytes")));
    }
    let card = Card::parse(&text).map_err(|e| wrong(e.to_string()))?;
    for set in sets {
        card.require(&set.name).map_err(|e| wrong(e.to_string()))?;
    }
    for name in card.names().filter(|name| sets.iter().all(|set| set.name != *name)) {
        eprintln!("block `{name}` of {} stays as it is: no truth file of that name was given", path.display());
    }
    Ok(card)
}

fn write_card(
    path: &Path,
    card: &Card,
    figures: &[SetFigures],
    truth: &[PathBuf],
    networks: &Networks,
) -> Result<(), CliError> {
    let model = networks.segmentation.model_use();
    let files = figures.iter().zip(truth).map(|(set, file)| {
        let file = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let command = format!("deepspine evaluate --truth {file}");
        let made = format!("deepspine {}, {} {}", env!("CARGO_PKG_VERSION"), model.name, model.version);
        (set.name.clone(), format!("{}\nMade by {made}.\n", evaluation::card_block(set, &command).trim_end()))
    });
    let text = card.with(&files.collect::<Vec<_>>());
    write_whole(path, text.as_bytes()).map_err(|e| {
        CliError::new(
            Exit::CantCreate,
            format!("can't rewrite the card {}: {e}; check that it may be written", path.display()),
        )
    })?;
    eprintln!("rewrote {}", path.display());
    Ok(())
}

fn truth_error(error: &TruthError) -> CliError {
    let exit = match error {
        TruthError::Io { source, .. } => CliError::for_input(source.kind()),
        TruthError::TooLarge { .. } | TruthError::Format { .. } | TruthError::Value { .. } => Exit::BadInput,
    };
    CliError::new(exit, error)
}
