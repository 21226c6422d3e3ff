//! `deepspine analyze`: reads one study now, in this process, and prints it; [`batch`] those of a list, each in a child.

mod batch;

use super::exit::{CliError, Exit};
use crate::analysis::study::{Progress, Reading, StudyImages};
use crate::appliance::clock;
use crate::appliance::reader::pipeline::{self, PipelineError, ReadingTools};
use crate::dicom::{self, DicomError, Intake, Reason, Study};
use crate::export::{self, Bundle, DeviceKey, ExportError, Language};
use crate::inference::{Device, DeviceChoice, InferenceError, ModelSet, ModelSource, Networks};
use crate::spine::StageTiming;
use clap::{Args, ValueEnum};
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

/// Ids that `analyze` prints are made with this key: the same reading has the same id on every
/// machine. They are no pseudonyms; an appliance's own key makes those.
pub(super) const PUBLIC_KEY: DeviceKey = DeviceKey::PUBLIC;

/// Error rate of prediction sets where none is named, %.
pub(super) const DEFAULT_ALPHA_PERCENT: u8 = 10;

/// Names the stages before the reading itself, in timings.
const STAGE_MODELS: &str = "models";
const STAGE_HEADERS: &str = "headers";

/// Reads one study (a folder, files or a zip archive) now and prints what is found, or an archive's studies from a list.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Folder, DICOM files or zip archive of one study.
    #[arg(required_unless_present = "batch", conflicts_with = "batch", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also write report.json, overlay.png, the label maps, DICOM objects for a viewer and page.html into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write the pictures that the levels are graded from, into the folder `views` of --out: what training takes.
    #[arg(long, requires = "out", conflicts_with = "batch")]
    views: bool,
    /// Language of page.html.
    #[arg(long, value_name = "TAG", default_value = "en", value_parser = language, requires = "out", conflicts_with = "batch")]
    language: Language,
    /// Folder of the model set [default: the first of the standard folders that holds a manifest].
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Threads over which slices are spread [default: the cores].
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// What the networks run on: cpu, cuda (where this program was built with it), or auto, which is cuda where its driver is there
    /// and works.
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = DeviceChoice::from_name)]
    device: DeviceChoice,
    /// Error rate of the prediction sets, per cent: how often a set may miss the true grade.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_ALPHA_PERCENT, value_parser = clap::value_parser!(u8).range(1..=50))]
    alpha_percent: u8,
    #[command(flatten)]
    archive: batch::BatchArgs,
}

fn language(tag: &str) -> Result<Language, String> {
    let known = Language::ALL.map(Language::tag).join(", ");
    Language::from_tag(tag).ok_or_else(|| format!("there are {known}"))
}

/// How a study is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub(super) threads: NonZeroUsize,
    pub(super) alpha_percent: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for a person.
    Text,
    /// The report as JSON.
    Json,
    /// With --batch: a line of JSON a study, with its report.
    Jsonl,
}

/// Runs the verb.
///
/// # Errors
/// [`CliError`] with the exit code for whatever is missing or wrong.
pub fn run(args: &AnalyzeArgs) -> Result<(), CliError> {
    if let Some(list) = &args.archive.batch {
        return batch::run(args, list);
    }
    if args.format == Format::Jsonl || args.archive.is_given() {
        return Err(CliError::new(Exit::Usage, "options of archives, and --format jsonl, go with --batch LIST"));
    }
    let observer = Terminal::new();
    let mut timings = Vec::new();
    let networks = timed(STAGE_MODELS, &mut timings, || load_networks_on(args.models.clone(), args.device))?;
    let how = How { threads: args.threads.unwrap_or_else(cores), alpha_percent: args.alpha_percent };
    let cant_create = |e: ExportError| CliError::new(Exit::CantCreate, e);
    let mut views = Ok(Vec::new());
    let views_into = args.out.as_ref().filter(|_| args.views);
    let look = |study: &Study, images: &StudyImages, reading: &Reading| {
        if let Some(folder) = views_into {
            views = export::write_views(images, study, &reading.report.levels, folder);
        }
    };
    let bundle = read_paths_and(&args.paths, &networks, how, &observer, timings, look)?;
    observer.clear();
    let mut files = views.map_err(cant_create)?;
    if let Some(folder) = &args.out {
        let uncreated = |e| CliError::new(Exit::CantCreate, format!("can't make {}: {e}", folder.display()));
        std::fs::create_dir_all(folder).map_err(uncreated)?;
        files.extend(export::write_all(&bundle, folder, args.language).map_err(cant_create)?);
    }
    print(&bundle, args.format)?;
    for file in files {
        eprintln!("wrote {}", file.display());
    }
    Ok(())
}

/// Reads the one study below `paths`. `timings` are of what was done before.
pub(super) fn read_paths(
    paths: &[PathBuf],
    networks: &Networks,
    how: How,
    observer: &dyn Progress,
    timings: Vec<StageTiming>,
) -> Result<Bundle, CliError> {
    read_paths_and(paths, networks, how, observer, timings, |_, _, _| ())
}

/// [`read_paths`], and shows study, images and reading to `look`.
fn read_paths_and(
    paths: &[PathBuf],
    networks: &Networks,
    how: How,
    observer: &dyn Progress,
    mut timings: Vec<StageTiming>,
    look: impl FnOnce(&Study, &StudyImages, &Reading),
) -> Result<Bundle, CliError> {
    observer.stage(STAGE_HEADERS);
    let intake = timed(STAGE_HEADERS, &mut timings, || dicom::read_studies(paths).map_err(|e| dicom_error(&e)))?;
    let study = only_study(&intake)?;
    let tools = ReadingTools {
        networks,
        alpha_percent: how.alpha_percent,
        threads: how.threads,
        key: &PUBLIC_KEY,
        clock_synced: clock::clock_synced(),
        produced_at: &clock::now_rfc3339(),
        observer,
    };
    let look = |images: &StudyImages, reading: &Reading| look(study, images, reading);
    pipeline::read_study_and(study, tools, timings, look).map_err(|e| pipeline_error(&e))
}

/// The cores, one where their number is not known.
pub(super) fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The networks of the named folder, or of the first standard one.
pub(super) fn load_networks(models: Option<PathBuf>) -> Result<Networks, CliError> {
    let source = models.map_or(ModelSource::Standard, ModelSource::Folder);
    ModelSet::open(&source).and_then(|set| Networks::load(&set)).map_err(|e| inference_error(&e))
}

/// [`load_networks`] on the device asked for; of the choice `auto` the processor takes over where a GPU does not work.
pub(super) fn load_networks_on(models: Option<PathBuf>, choice: DeviceChoice) -> Result<Networks, CliError> {
    let device = choice.device();
    let source = models.clone().map_or(ModelSource::Standard, ModelSource::Folder);
    match ModelSet::open(&source).and_then(|set| Networks::load_on(&set, device)) {
        Err(error @ InferenceError::Device { .. }) if choice == DeviceChoice::Auto => {
            log::warn!("{error}; the networks run on {}", Device::Cpu);
            load_networks(models)
        }
        loaded => loaded.map_err(|e| inference_error(&e)),
    }
}

fn only_study(intake: &Intake) -> Result<&Study, CliError> {
    match intake.studies.as_slice() {
        [study] => Ok(study),
        [] => {
            let refused = intake.refused.first().map_or_else(String::new, |file| {
                format!(
                    "; of {} unreadable ones the first, {}, {}",
                    intake.refused.len(),
                    file.path.display(),
                    file.text
                )
            });
            let skipped = intake.skipped;
            Err(CliError::new(
                Exit::BadInput,
                format!("no DICOM images there ({skipped} other files skipped{refused})"),
            ))
        }
        several => Err(CliError::new(
            Exit::Usage,
            format!("{} studies there, where one is read: name the folder or the files of that one", several.len()),
        )),
    }
}

fn print(bundle: &Bundle, format: Format) -> Result<(), CliError> {
    let text = match format {
        Format::Text => export::table(&bundle.report),
        Format::Json | Format::Jsonl => format!("{:#}\n", bundle.report_value()),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| CliError::new(Exit::CantCreate, format!("can't write to standard output: {e}")))
}

fn timed<T>(
    stage: &'static str,
    timings: &mut Vec<StageTiming>,
    work: impl FnOnce() -> Result<T, CliError>,
) -> Result<T, CliError> {
    let since = Instant::now();
    let done = work();
    timings.push(StageTiming { stage, wall_ms: since.elapsed().as_secs_f64() * 1e3 });
    done
}

fn dicom_error(error: &DicomError) -> CliError {
    let exit = match &error.reason {
        Reason::Io(io) => CliError::for_input(io.kind()),
        _ => Exit::BadInput,
    };
    CliError::new(exit, error)
}

/// The end of a verb that could not use the models.
pub(super) fn inference_error(error: &InferenceError) -> CliError {
    let exit = match error {
        InferenceError::NoModelSet { .. } | InferenceError::Unreadable { .. } => Exit::NoInput,
        InferenceError::BadManifest { .. } | InferenceError::WrongHash { .. } => Exit::BadInput,
        InferenceError::Device { .. } => Exit::Unavailable,
        InferenceError::Network { .. } => Exit::Software,
    };
    CliError::new(exit, error)
}

fn pipeline_error(error: &PipelineError) -> CliError {
    match error {
        PipelineError::Dicom(e) => dicom_error(e),
        PipelineError::Inference(e) => inference_error(e),
        PipelineError::Bundle(e) => CliError::new(Exit::Software, e),
    }
}

/// Shows on a terminal what the reading is doing, on one line of stderr; elsewhere says nothing.
pub(super) struct Terminal {
    shown: bool,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal() }
    }

    pub(super) fn show(&self, line: &str) {
        if self.shown {
            eprint!("\r\x1b[K{line}");
        }
    }

    pub(super) fn clear(&self) {
        self.show("");
    }
}

impl Progress for Terminal {
    fn stage(&self, stage: &'static str) {
        self.show(stage);
    }

    fn slices_segmented(&self, done: usize, total: usize) {
        self.show(&format!("segmentation: slice {done} of {total}"));
    }
}
