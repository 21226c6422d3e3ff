//! `deepspine analyze --batch`: the studies of a list, a result each.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;

use super::{AnalyzeArgs, CliError, Exit, Format, Terminal, cores, inference_error};
use crate::appliance::archive::list::{self, List, ListError, Separator, Shard};
use crate::appliance::archive::row::{End, Row};
use crate::appliance::archive::{self, ArchiveError, Settings, Summary};
use crate::appliance::one_line::one_line;
use crate::inference::ModelSource;

/// The list that is standard input.
const STANDARD_INPUT: &str = "-";
/// Memory of one study where nothing is said, MiB.
const MEMORY_MIB: u64 = 512;
/// Time for one study where nothing is said, seconds.
const TIME_LIMIT_SECS: u64 = 300;
/// Longest entry and longest refusal that a line of text shows, bytes.
const SHOWN_BYTES_MAX: usize = 300;

/// What only `--batch` knows.
#[derive(Debug, Args)]
#[command(next_help_heading = "Archives")]
pub(super) struct BatchArgs {
    /// A list of studies, a folder or zip archive a line, relative to the list's own folder, instead of PATH; `-` is standard input.
    #[arg(long, value_name = "LIST")]
    pub(super) batch: Option<PathBuf>,
    /// Read only the I-th of N parts of the list, counted from 0: each study is in exactly one.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Entries of the list end with NUL, as `find -print0` makes them.
    #[arg(long)]
    null: bool,
    /// Studies read side by side, each in a process of its own, with --threads (here 1) threads [default: the cores].
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Of each study only report.json.
    #[arg(long)]
    reports_only: bool,
    /// Try studies again that could not be read.
    #[arg(long)]
    retry_failed: bool,
    /// The moment in the reports, RFC 3339 [default: that of the archive's first run].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    produced_at: Option<String>,
    /// Memory of one study, MiB [default: 512].
    #[arg(long, value_name = "MIB")]
    memory_mib: Option<NonZeroU64>,
    /// Time for one study, seconds [default: 300].
    #[arg(long, value_name = "SECS")]
    time_limit_secs: Option<NonZeroU64>,
}

impl BatchArgs {
    /// Whether anything is given that says nothing without a list.
    pub(super) fn is_given(&self) -> bool {
        let numbers = self.jobs.is_some() || self.memory_mib.is_some() || self.time_limit_secs.is_some();
        let flags = self.null || self.reports_only || self.retry_failed;
        numbers || flags || self.batch.is_some() || self.shard.is_some() || self.produced_at.is_some()
    }
}

fn moment(text: &str) -> Result<String, String> {
    text.parse::<jiff::Timestamp>()
        .map(|moment| moment.to_string())
        .map_err(|_| format!("`{text}` is no RFC 3339 time, such as 2026-01-02T03:04:05Z"))
}

/// Runs the verb on a list.
pub(super) fn run(args: &AnalyzeArgs, batch: &Path) -> Result<(), CliError> {
    let settings = settings(args)?;
    let signals = archive::stop_on_signals();
    let stop = signals.map_err(|error| CliError::new(Exit::Software, format!("signals: {error}")))?;
    let separator = if args.archive.null { Separator::Nul } else { Separator::Line };
    let list = read_list(batch, separator, settings.shard)?;
    let (terminal, begun) = (Terminal::new(), Instant::now());
    let mut tell = |row: &Row, summary: &Summary| {
        terminal.clear();
        print(row, args.format).map_err(ArchiveError::Output)?;
        terminal.show(&format!("{} of {} studies", summary.ended(), summary.studies));
        Ok(())
    };
    let ended = archive::run(&settings, &list, &stop, &mut tell);
    terminal.clear();
    conclude(ended.map_err(archive_error)?, &list, settings.shard, begun.elapsed())
}

fn settings(args: &AnalyzeArgs) -> Result<Settings, CliError> {
    let usage = |text: &str| CliError::new(Exit::Usage, text);
    match (args.format, &args.out) {
        (Format::Json, _) => return Err(usage("--batch prints --format text or jsonl")),
        (Format::Text, None) => {
            return Err(usage("--batch needs --out DIR, or --format jsonl for reports on standard output"));
        }
        (_, Some(out)) if out.to_str().is_none() => return Err(usage("--out: the folder's name is not UTF-8")),
        _ => {}
    }
    let archive = &args.archive;
    Ok(Settings {
        shard: archive.shard.unwrap_or(Shard::WHOLE),
        out: args.out.clone(),
        models: args.models.clone().map_or(ModelSource::Standard, ModelSource::Folder),
        alpha_percent: args.alpha_percent,
        jobs: archive.jobs.unwrap_or_else(cores),
        threads: args.threads.unwrap_or(NonZeroUsize::MIN),
        memory_mib: archive.memory_mib.map_or(MEMORY_MIB, NonZeroU64::get),
        time_limit: Duration::from_secs(archive.time_limit_secs.map_or(TIME_LIMIT_SECS, NonZeroU64::get)),
        reports_only: archive.reports_only,
        retry_failed: archive.retry_failed,
        produced_at: archive.produced_at.clone(),
        reports_in_rows: args.format == Format::Jsonl,
    })
}

fn read_list(batch: &Path, separator: Separator, shard: Shard) -> Result<List, CliError> {
    let here = std::env::current_dir().map_err(|error| CliError::new(Exit::NoInput, error))?;
    let (mut from, beside): (Box<dyn BufRead>, _) = if batch == Path::new(STANDARD_INPUT) {
        (Box::new(io::stdin().lock()), here)
    } else {
        let file = File::open(batch).map_err(|error| {
            CliError::new(CliError::for_input(error.kind()), format!("{}: {error}", batch.display()))
        })?;
        (Box::new(BufReader::new(file)), here.join(batch.parent().unwrap_or(Path::new(""))))
    };
    list::read(&mut *from, &beside, separator, shard).map_err(|error| archive_error(error.into()))
}

fn print(row: &Row, format: Format) -> io::Result<()> {
    let line = if format == Format::Jsonl { row.json()? } else { text(row) };
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn text(row: &Row) -> String {
    let took = row.seconds.map_or_else(|| "before".to_owned(), |seconds| format!("{seconds:.1} s"));
    let entry = one_line::<SHOWN_BYTES_MAX>(&row.entry.to_string_lossy());
    match &row.end {
        End::Read(_) => format!("{}  read     {took:>8}  {entry}", row.name),
        End::Refused(refusal) => {
            format!("{}  refused  {took:>8}  {entry}: {}", row.name, one_line::<SHOWN_BYTES_MAX>(&refusal.text))
        }
    }
}

fn conclude(summary: Summary, list: &List, shard: Shard, took: Duration) -> Result<(), CliError> {
    let Summary { studies, read, refused, before } = summary;
    let repeated = if list.repeated > 0 { format!(", {} entries repeated", list.repeated) } else { String::new() };
    let counts = format!(
        "shard {shard}: {studies} studies, {read} read, {refused} refused, {before} of them before{repeated}; {:.1} s",
        took.as_secs_f64()
    );
    if summary.left() > 0 {
        let text = format!("{counts}\nstopped with {} studies left: the same command goes on", summary.left());
        return Err(CliError::new(Exit::TryAgain, text));
    }
    if refused > 0 {
        return Err(CliError::new(Exit::BadInput, counts));
    }
    eprintln!("deepspine: {counts}");
    Ok(())
}

fn archive_error(error: ArchiveError) -> CliError {
    let exit = match &error {
        // 65 says that the studies have ended.
        ArchiveError::Models(error) => match inference_error(error).exit {
            Exit::BadInput => Exit::Configuration,
            other => other,
        },
        ArchiveError::List(ListError::Io(error)) => CliError::for_input(error.kind()),
        ArchiveError::List(_) | ArchiveError::Otherwise { .. } | ArchiveError::Foreign { .. } => Exit::Usage,
        ArchiveError::Folder { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Exit::Permission,
        ArchiveError::Folder { .. } | ArchiveError::Unwritable { .. } | ArchiveError::Output(_) => Exit::CantCreate,
        ArchiveError::InUse(_) | ArchiveError::ModelsMoved | ArchiveError::Start(_) => Exit::TryAgain,
        ArchiveError::Unusable(_) => Exit::Software,
    };
    CliError::new(exit, error)
}
