//! Where figures go: the terminal or JSON, a page, rows, a model card.

use super::EvaluateArgs;
use super::sources::{Outcome, Source};
use crate::cli::exit::{CliError, Exit};
use crate::evaluation::card::{CARD_BYTES_MAX, Card};
use crate::evaluation::statistics::bootstrap::{DRAWS, SEED};
use crate::evaluation::{self, SetFigures, grades};
use crate::export::write_whole;
use crate::spine::ModelUse;
use serde_json::json;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

/// The name of what `--json` prints, and its version.
const FIGURES_SCHEMA: &str = "deepspine.figures/1";

/// Where figures go.
pub(super) struct Outputs<'a> {
    args: &'a EvaluateArgs,
    model: Option<ModelUse>,
    card: Option<Card>,
}

impl<'a> Outputs<'a> {
    /// Makes sure that every set has its block in the card.
    pub(super) fn open(args: &'a EvaluateArgs, source: &Source) -> Result<Self, CliError> {
        let names: Vec<&str> = source.names().collect();
        let card = args.card.as_deref().map(|path| open_card(path, &names)).transpose()?;
        Ok(Self { args, model: source.model(), card })
    }

    /// Writes everything that was asked for.
    pub(super) fn write(&self, outcomes: &[Outcome]) -> Result<(), CliError> {
        let figures: Vec<SetFigures> = outcomes.iter().map(|outcome| outcome.figures.clone()).collect();
        let command = std::env::args().collect::<Vec<_>>().join(" ");
        self.print(&command, &figures)?;
        if let Some(path) = &self.args.page {
            written(path, &grades::page(&figures, &self.of_files()))?;
        }
        if let Some(path) = &self.args.csv {
            let rows = outcomes.iter().map(|outcome| grades::rows(&outcome.figures.name, &outcome.held));
            written(path, &(grades::heading() + &rows.collect::<String>()))?;
        }
        if let (Some(path), Some(card)) = (&self.args.card, &self.card) {
            let blocks: Vec<_> =
                figures.iter().enumerate().map(|(i, set)| (set.name.clone(), self.block(i, set))).collect();
            written(path, &card.with(&blocks))?;
        }
        Ok(())
    }

    fn print(&self, command: &str, figures: &[SetFigures]) -> Result<(), CliError> {
        let text = if self.args.json {
            let model = self.model.as_ref();
            let document = json!({
                "schema": FIGURES_SCHEMA,
                "command": command,
                "version": env!("CARGO_PKG_VERSION"),
                "model": model.map(|m| json!({"name": m.name, "version": m.version, "sha256": m.sha256})),
                "bootstrap": {"by": "subject", "draws": DRAWS, "seed": SEED},
                "sets": figures,
            });
            format!("{document:#}\n")
        } else {
            let model = self.model.as_ref().map_or_else(String::new, |model| {
                format!("model: {} {}, SHA-256 {}\n", model.name, model.version, model.sha256)
            });
            let head = format!("command: {command}\n{model}");
            figures.iter().fold(head, |text, set| text + &evaluation::table(set))
        };
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|e| CliError::new(Exit::CantCreate, format!("can't write to standard output: {e}")))
    }

    /// The command with the names of its files alone: where they lie on this machine is nobody's business.
    fn of_files(&self) -> String {
        let options = [("--truth", &self.args.truth), ("--predictions", &self.args.predictions)];
        let files = options.into_iter().flat_map(|(option, files)| files.iter().map(move |file| (option, file)));
        let words = files.map(|(option, file)| format!(" {option} {}", file_name(file)));
        let readings = if self.args.readings.is_empty() { "" } else { " --readings ..." };
        format!("deepspine evaluate{}{readings}", words.collect::<String>())
    }

    /// The block of the set at a place.
    fn block(&self, place: usize, set: &SetFigures) -> String {
        let (option, files) = if self.args.predictions.is_empty() {
            ("--truth", &self.args.truth)
        } else {
            ("--predictions", &self.args.predictions)
        };
        let command =
            format!("deepspine evaluate {option} {}", files.get(place).map_or_else(String::new, |f| file_name(f)));
        let model = self.model.as_ref().map_or_else(String::new, |model| format!(", {} {}", model.name, model.version));
        let block = evaluation::card_block(set, &command);
        format!("{}\nMade by deepspine {}{model}.\n", block.trim_end(), env!("CARGO_PKG_VERSION"))
    }
}

fn file_name(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn written(path: &Path, text: &str) -> Result<(), CliError> {
    write_whole(path, text.as_bytes()).map_err(|e| {
        let text = format!("can't write {}: {e}; check that it may be written", path.display());
        CliError::new(Exit::CantCreate, text)
    })?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// Opens the card and makes sure that every set has its block.
fn open_card(path: &Path, sets: &[&str]) -> Result<Card, CliError> {
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
        card.require(set).map_err(|e| wrong(e.to_string()))?;
    }
    for name in card.names().filter(|name| !sets.contains(name)) {
        eprintln!("block `{name}` of {} stays as it is: no set of that name was given", path.display());
    }
    Ok(card)
}
