//! `deepspine labels`: report text in, level-by-level labels with their evidence out, at archive speed.

mod records;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use super::exit::{CliError, Exit};
use crate::export::label_page;
use crate::export::labelled::{self, COLUMNS, LabelledReport};
use crate::labels::policy::{NotMentioned, OneGrade, Policy};
use crate::labels::{Labeller, Lexicon};
use records::{Bad, Encoding, Form, How, Record, Records};

/// Reports that are read before they are labelled, for each thread.
const BATCH_REPORTS: usize = 256;
/// Bytes of reports that are held at a time, at most by one report more.
const BATCH_BYTES: usize = 4 << 20;

/// Turns the text of lumbar MRI reports into labels, level by level, with the words that say them.
///
/// Input is text files, folders of them, tables, JSON Lines, DICOM structured reports, or standard input. A report that can't be read is
/// told on stderr with its place, and the rest goes on.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files and folders; `-` is standard input
    #[arg(value_name = "INPUT", default_value = "-")]
    inputs: Vec<PathBuf>,
    /// How reports lie in the input [default: by the name's ending; standard input is one report]
    #[arg(long, value_enum)]
    input: Option<Form>,
    /// How the text is encoded
    #[arg(long, value_enum, default_value_t = Encoding::Utf8)]
    encoding: Encoding,
    /// Column or key of the text [default: text, report, note …]
    #[arg(long, value_name = "NAME")]
    text_column: Option<String>,
    /// Column or key of the id [default: id, accession, study, patient …; else file and line]
    #[arg(long, value_name = "NAME")]
    id_column: Option<String>,
    /// How labels are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Which grade a target has where the report gives a range
    #[arg(long, value_enum, default_value_t = OneGradeArg::Worse)]
    one_grade: OneGradeArg,
    /// What the target of a level is of which the report says nothing
    #[arg(long, value_enum, default_value_t = NotMentionedArg::Leave)]
    not_mentioned: NotMentionedArg,
    /// Words and rules instead of those that are built in
    #[arg(long, value_name = "FILE")]
    lexicon: Option<PathBuf>,
    /// Threads [default: the cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The reports with their evidence marked, and their labels.
    Text,
    /// A JSON object a report, on a line (schemas/labels-1.schema.json).
    Jsonl,
    /// A row a label.
    Csv,
    /// A page for review.
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OneGradeArg {
    /// The worse.
    Worse,
    /// The milder.
    Milder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum NotMentionedArg {
    /// Not mentioned.
    Leave,
    /// Normal, marked as assumed.
    Normal,
}

/// Runs the verb.
///
/// # Errors
/// 65 where a report could not be read or a lexicon is wrong, 66 where the lexicon is not there, 73 where nothing can be written.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let lexicon = lexicon(args)?;
    let how = How {
        form: args.input,
        encoding: args.encoding,
        text_column: args.text_column.clone(),
        id_column: args.id_column.clone(),
    };
    let printer =
        Printer { format: args.format, policy: args.policy(), colours: io::stdout().is_terminal(), lexicon: &lexicon };
    let threads = args.threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let mut records = Records::new(&args.inputs, how);
    let mut out = BufWriter::new(io::stdout().lock());
    let bad = printer.head(&mut out).and_then(|()| print_all(&mut records, &printer, threads, &mut out));
    let bad = match bad.and_then(|bad| printer.foot(&mut out).and_then(|()| out.flush()).map(|()| bad)) {
        Ok(bad) => bad,
        // Nobody listens any more: `… | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => return Err(CliError::new(Exit::CantCreate, format!("labels can't be written: {error}"))),
    };
    match bad {
        0 => Ok(()),
        bad => Err(CliError::new(Exit::BadInput, format!("{bad} reports could not be read; all others are labelled"))),
    }
}

impl Args {
    fn policy(&self) -> Policy {
        Policy {
            one_grade: match self.one_grade {
                OneGradeArg::Worse => OneGrade::Worse,
                OneGradeArg::Milder => OneGrade::Milder,
            },
            not_mentioned: match self.not_mentioned {
                NotMentionedArg::Leave => NotMentioned::Leave,
                NotMentionedArg::Normal => NotMentioned::AssumeNormal,
            },
        }
    }
}

fn lexicon(args: &Args) -> Result<Lexicon, CliError> {
    let Some(path) = &args.lexicon else { return Ok(Lexicon::built_in()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::new(CliError::for_input(error.kind()), format!("{}: {error}", path.display())))?;
    Lexicon::parse(&text).map_err(|error| CliError::new(Exit::BadInput, format!("{}: {error}", path.display())))
}

/// Labels batch after batch, each spread over the threads, and prints them in the order in which they came; how many could
/// not be read.
fn print_all(records: &mut Records, printer: &Printer<'_>, threads: usize, out: &mut impl Write) -> io::Result<usize> {
    let mut bad = 0;
    let mut workers: Vec<Labeller<'_>> = (0..threads).map(|_| Labeller::new(printer.lexicon)).collect();
    loop {
        let batch = next_batch(records, threads * BATCH_REPORTS);
        if batch.is_empty() {
            return Ok(bad);
        }
        let share = batch.len().div_ceil(threads);
        let printed: Vec<Vec<Result<String, &Bad>>> = std::thread::scope(|scope| {
            let running: Vec<_> = batch
                .chunks(share)
                .zip(&mut workers)
                .map(|(part, labeller)| scope.spawn(move || printer.print_part(part, labeller)))
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
        });
        for one in printed.into_iter().flatten() {
            match one {
                Ok(text) => out.write_all(text.as_bytes())?,
                Err(Bad { place, reason }) => {
                    bad += 1;
                    eprintln!("deepspine: {place}: {reason}");
                }
            }
        }
    }
}

fn next_batch(records: &mut Records, reports: usize) -> Vec<Result<Record, Bad>> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < reports && bytes < BATCH_BYTES {
        let Some(record) = records.next() else { break };
        bytes += record.as_ref().map_or(0, |record| record.text.len());
        batch.push(record);
    }
    batch
}

/// How reports are printed.
struct Printer<'a> {
    format: Format,
    policy: Policy,
    colours: bool,
    lexicon: &'a Lexicon,
}

impl Printer<'_> {
    fn head(&self, out: &mut impl Write) -> io::Result<()> {
        match self.format {
            Format::Csv => out.write_all(&table_row(&COLUMNS)?),
            Format::Html => out.write_all(label_page::HEAD.as_bytes()),
            Format::Text | Format::Jsonl => Ok(()),
        }
    }

    fn foot(&self, out: &mut impl Write) -> io::Result<()> {
        match self.format {
            Format::Html => out.write_all(label_page::FOOT.as_bytes()),
            _ => Ok(()),
        }
    }

    fn print_part<'r>(
        &self,
        part: &'r [Result<Record, Bad>],
        labeller: &mut Labeller<'_>,
    ) -> Vec<Result<String, &'r Bad>> {
        part.iter().map(|record| record.as_ref().map(|record| self.print(record, labeller))).collect()
    }

    fn print(&self, record: &Record, labeller: &mut Labeller<'_>) -> String {
        let labelled = labeller.label(&record.text);
        let report = LabelledReport {
            id: &record.id,
            source: &record.source,
            text: &record.text,
            labels: &labelled.labels,
            lexicon: self.lexicon.version,
            policy: self.policy,
        };
        match self.format {
            Format::Text => labelled::text(&report, self.colours) + "\n",
            Format::Jsonl => labelled::json(&report).map(|line| line + "\n").unwrap_or_default(),
            Format::Html => label_page::article(&report),
            Format::Csv => report
                .labels
                .iter()
                .filter_map(|label| table_row(&labelled::row(&report, label)).ok())
                .map(|row| String::from_utf8_lossy(&row).into_owned())
                .collect(),
        }
    }
}

fn table_row<T: AsRef<[u8]>>(fields: &[T]) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(fields).map_err(io::Error::other)?;
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}
