//! `deepspine labels`: report text in, level-by-level labels with their evidence out, at archive speed.

mod against;
mod batches;
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
use records::{Encoding, Form, How, Record, Records};

/// Turns the text of lumbar MRI reports into labels, level by level, with the words that say them.
///
/// Input is text files, folders of them, tables, JSON Lines, DICOM structured reports, or standard input. A report that can't be read is
/// told on stderr with its place, and the rest goes on.
///
/// With --against, what the texts say is held against what was read from the images of the same studies (report.json of `analyze --out` or of the
/// appliance), by level, finding and side. A text belongs to the reading whose study or accession key its id is or gives, or whose folder or file has
/// its name. Texts are no ground truth and readings no diagnosis.
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
    /// Hold the texts against these readings: a report.json, or a folder that is searched for them; may be given several times
    #[arg(long, value_name = "PATH")]
    against: Vec<PathBuf>,
    /// The key of the readings' study and accession keys [default: the public one of `analyze`]
    #[arg(long, value_name = "FILE", requires = "against")]
    study_key_file: Option<PathBuf>,
    /// Also draw how far texts and readings agree
    #[arg(long, value_name = "FILE.png", requires = "against")]
    picture: Option<PathBuf>,
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
    if args.against.is_empty() { label(args, &lexicon) } else { against::run(args, &lexicon) }
}

fn label(args: &Args, lexicon: &Lexicon) -> Result<(), CliError> {
    let printer = Printer { format: args.format, policy: args.policy(), colours: io::stdout().is_terminal(), lexicon };
    let mut records = args.records();
    let mut out = BufWriter::new(io::stdout().lock());
    let work = |record: &Record, labeller: &mut Labeller<'_>| printer.print(record, labeller);
    let bad = printer.head(&mut out).and_then(|()| {
        batches::each(&mut records, lexicon, args.threads(), work, |text| out.write_all(text.as_bytes()))
    });
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
    fn records(&self) -> Records {
        let how = How {
            form: self.input,
            encoding: self.encoding,
            text_column: self.text_column.clone(),
            id_column: self.id_column.clone(),
        };
        Records::new(&self.inputs, how)
    }

    fn threads(&self) -> usize {
        self.threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }

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
