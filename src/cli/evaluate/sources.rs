//! What is judged: studies that are read now, readings that are finished, or tables of predictions.

use super::{EvaluateArgs, table_error};
use crate::cli::analyze::{self, DEFAULT_ALPHA_PERCENT, How, Terminal};
use crate::cli::exit::{CliError, Exit};
use crate::cli::readings::{self, Readings};
use crate::cli::self_test::Silent;
use crate::evaluation::concordance::Fit;
use crate::evaluation::grades::{Answers, GradeFigures, Held, MeasuredFigures, Predictions};
use crate::evaluation::{self, Judged, SetFigures, Tally, TruthSet, TruthStudy};
use crate::export::DeviceKey;
use crate::inference::Networks;
use crate::spine::ModelUse;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Why a truth has no answer where its study was not read; the failures say more.
const NOT_READ: &str = "not read";
/// Why a truth has no answer where no reading is its study's.
const NO_READING: &str = "no reading";

/// What is judged.
pub(super) enum Source {
    /// Studies.
    Studies(Box<Networks>, Vec<TruthSet>),
    /// Readings, and the key of their hashes.
    Readings(Readings, DeviceKey, Vec<TruthSet>),
    /// Predictions, and the sets that know more truths.
    Predictions(Vec<Predictions>, Vec<TruthSet>),
}

/// What came of a set.
pub(super) struct Outcome {
    pub(super) figures: SetFigures,
    pub(super) held: Held,
}

impl Source {
    /// Opens what is needed for judging.
    pub(super) fn open(args: &EvaluateArgs, sets: Vec<TruthSet>) -> Result<Self, CliError> {
        if !args.predictions.is_empty() {
            let tables = args.predictions.iter().map(|path| Predictions::load(path)).collect::<Result<Vec<_>, _>>();
            let tables = tables.map_err(|error| table_error(&error))?;
            let without: usize = tables.iter().map(Predictions::without_truth).sum();
            if without > 0 && sets.is_empty() {
                let text =
                    format!("{without} predictions have no truth; give it in their column `truth`, or by --truth");
                return Err(CliError::new(Exit::Usage, text));
            }
            return Ok(Self::Predictions(tables, sets));
        }
        if !args.readings.is_empty() {
            let key = readings::key(args.study_key_file.as_deref())?;
            return Ok(Self::Readings(readings::find(&args.readings, "--readings")?, key, sets));
        }
        Ok(Self::Studies(Box::new(analyze::load_networks(args.models.clone())?), sets))
    }

    /// The names of the sets.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let (tables, sets) = match self {
            Self::Predictions(tables, _) => (tables.as_slice(), &[][..]),
            Self::Studies(_, sets) | Self::Readings(_, _, sets) => (&[][..], sets.as_slice()),
        };
        tables.iter().map(|table| table.name.as_str()).chain(sets.iter().map(|set| set.name.as_str()))
    }

    /// The model that segments, where studies are read.
    pub(super) fn model(&self) -> Option<ModelUse> {
        match self {
            Self::Studies(networks, _) => Some(networks.segmentation.model_use()),
            Self::Readings(..) | Self::Predictions(..) => None,
        }
    }

    /// Judges everything.
    pub(super) fn judge(self, args: &EvaluateArgs) -> Vec<Outcome> {
        match self {
            Self::Predictions(tables, sets) => tables.into_iter().map(|table| predicted(table, &sets)).collect(),
            Self::Readings(readings, key, sets) => sets.iter().map(|set| finished(set, &readings, &key)).collect(),
            Self::Studies(networks, sets) => {
                let threads = args.threads.unwrap_or_else(analyze::cores);
                sets.iter().map(|set| read(set, &args.studies, &networks, threads)).collect()
            }
        }
    }
}

fn predicted(table: Predictions, sets: &[TruthSet]) -> Outcome {
    let name = table.name.clone();
    let (held, left) = table.held(sets);
    if left > 0 {
        eprintln!("deepspine: {left} predictions of {name} have no truth and are left out");
    }
    let about = format!("{} predictions whose truth is known.", held.grades.len());
    // Groups may hold predictions of the same levels: together they would count twice.
    Outcome { figures: SetFigures::of_grades(&name, &about, GradeFigures::of(&held.grades, false)), held }
}

/// Judges the finished readings of a set.
fn finished(set: &TruthSet, readings: &Readings, key: &DeviceKey) -> Outcome {
    let without_voxels = set.studies.iter().filter(|study| study.needs_voxels()).count();
    if without_voxels > 0 {
        eprintln!(
            "deepspine: {}: names, discs and masks of {without_voxels} studies are not judged: that needs the studies, read now",
            set.name
        );
    }
    let (mut tally, mut held) = (Tally::default(), Held::default());
    for study in &set.studies {
        let found = answers(study, readings, key);
        let judged = evaluation::judge_report(found.as_ref().map_err(String::as_str));
        held.add(set, study, found.as_ref().map_err(|_| NO_READING));
        add(&mut tally, study, judged);
    }
    outcome(set, tally, held)
}

fn answers(study: &TruthStudy, readings: &Readings, key: &DeviceKey) -> Result<Answers, String> {
    let path = study.path.to_string_lossy();
    let last = study.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let fit = [path.as_ref(), last.as_ref()].into_iter().map(|id| readings.shelf.find(id, key));
    let mut fit = fit.filter(|fit| *fit != Fit::None);
    let index = match fit.next() {
        Some(Fit::One(index)) => index,
        Some(Fit::Several(n)) => return Err(format!("its name fits {n} readings: which is not known")),
        Some(Fit::None) | None => return Err("no reading is of this name".to_owned()),
    };
    let file = readings.shelf.get(index).and_then(|reading| readings.file(reading));
    let text = readings::text(file.ok_or(NO_READING)?).map_err(|bad| bad.reason)?;
    Answers::parse(&text).map_err(|error| error.to_string())
}

/// Reads and judges the studies of a set, one after the other.
fn read(set: &TruthSet, studies: &[PathBuf], networks: &Networks, threads: NonZeroUsize) -> Outcome {
    let terminal = Terminal::new();
    let (mut tally, mut held) = (Tally::default(), Held::default());
    for (i, study) in set.studies.iter().enumerate() {
        terminal.show(&format!("{}: study {} of {}", set.name, i + 1, set.studies.len()));
        let judged = read_study(set, study, (studies, networks, threads), &mut held);
        add(&mut tally, study, judged);
    }
    terminal.clear();
    outcome(set, tally, held)
}

fn read_study(
    set: &TruthSet,
    study: &TruthStudy,
    (studies, networks, threads): (&[PathBuf], &Networks, NonZeroUsize),
    held: &mut Held,
) -> Judged {
    let how = How { threads, alpha_percent: DEFAULT_ALPHA_PERCENT };
    let reading = place(set, study, studies).and_then(|place| {
        analyze::read_paths(&[place], networks, how, &Silent, Vec::new()).map_err(|e| e.message.clone())
    });
    let mut judged = match &reading {
        Ok(bundle) => evaluation::judge(set, study, Ok(bundle)),
        Err(text) => evaluation::judge(set, study, Err(&format!("not read: {text}"))),
    };
    let answers = reading.as_ref().map_err(|_| NOT_READ.to_owned());
    let answers = answers.and_then(|bundle| Answers::of(&bundle.report).map_err(|error| error.to_string()));
    held.add(set, study, answers.as_ref().map_err(String::as_str));
    // Figures are passed on; where a set lies on this machine is nobody's business.
    let here = set.resolve(Path::new(""));
    for folder in std::iter::once(&here).chain(studies) {
        let folder = format!("{}/", folder.display().to_string().trim_end_matches('/'));
        for text in judged.failures.iter_mut().filter(|_| folder != "/") {
            *text = text.replace(&folder, "");
        }
    }
    judged
}

/// Where the study is: among `studies`, by its folder's name; else from the truth file's folder.
fn place(set: &TruthSet, study: &TruthStudy, studies: &[PathBuf]) -> Result<PathBuf, String> {
    let last = study.path.file_name();
    let named =
        studies.iter().filter(|given| last.is_some() && (given.file_name() == last || given.file_stem() == last));
    let inside = studies.iter().map(|given| given.join(&study.path)).filter(|path| path.exists());
    let mut found: Vec<PathBuf> = named.cloned().chain(inside).collect();
    found.sort();
    found.dedup();
    match found.as_slice() {
        [] => Ok(set.resolve(&study.path)),
        [one] => Ok(one.clone()),
        several => Err(format!("its name fits {} of the studies that were given: which is not known", several.len())),
    }
}

fn add(tally: &mut Tally, study: &TruthStudy, judged: Judged) {
    let name = study.path.display().to_string();
    tally.add(&name, &study.subject, &study.group, &judged.samples, judged.failures);
}

fn outcome(set: &TruthSet, tally: Tally, held: Held) -> Outcome {
    let mut figures = tally.finish(&set.name, &set.about, set.seed.as_deref());
    figures.grades = GradeFigures::of(&held.grades, true);
    figures.measurements = MeasuredFigures::of(&held.measurements);
    Outcome { figures, held }
}
