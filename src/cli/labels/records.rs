//! Reports from files, folders and standard input, one after the other: a bad one is told with its place, and the rest goes on.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::cli::readings::{Bad, FOLDER_DEPTH_MAX};
use crate::dicom;

/// Longest report, bytes.
pub(super) const REPORT_BYTES_MAX: usize = 16 << 20;
/// Columns that are taken for the text, and for the id, where none is named.
const TEXT_COLUMNS: [&str; 6] = ["text", "report", "note", "report_text", "body", "findings"];
const ID_COLUMNS: [&str; 7] = ["id", "report_id", "accession", "study", "study_id", "patient", "note_id"];

/// How reports lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// A report is a file.
    Text,
    /// A report is a line.
    Lines,
    /// A report is a row of a table, separated by commas.
    Csv,
    /// A report is a row of a table, separated by tabs.
    Tsv,
    /// A report is an object on a line.
    Jsonl,
    /// A report is a DICOM object: structured, or encapsulated text.
    Dicom,
}

/// In what the bytes of text are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Encoding {
    /// UTF-8.
    #[value(name = "utf-8")]
    Utf8,
    /// ISO 8859-1.
    #[value(name = "latin-1")]
    Latin1,
}

/// How reports are found in what was given.
#[derive(Debug, Clone)]
pub(super) struct How {
    pub(super) form: Option<Form>,
    pub(super) encoding: Encoding,
    pub(super) text_column: Option<String>,
    pub(super) id_column: Option<String>,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Its id.
    pub(super) id: String,
    /// File, and line or row.
    pub(super) source: String,
    /// Its text.
    pub(super) text: String,
}

type Found = Result<Record, Bad>;

/// The reports of every input, in order.
pub(super) struct Records {
    inputs: VecDeque<(PathBuf, usize)>,
    how: How,
    open: Option<Box<dyn Iterator<Item = Found>>>,
}

impl Records {
    /// Reports of `inputs`; `-` is standard input.
    pub(super) fn new(inputs: &[PathBuf], how: How) -> Self {
        Self { inputs: inputs.iter().map(|path| (path.clone(), 0)).collect(), how, open: None }
    }

    fn open(&mut self, path: &Path, depth: usize) -> Result<(), Bad> {
        let place = path.display().to_string();
        let bad = |error: io::Error| Bad { place: place.clone(), reason: error.to_string() };
        if path == Path::new("-") {
            self.open = Some(stream(
                Box::new(BufReader::new(io::stdin())),
                "stdin",
                self.how.form.unwrap_or(Form::Text),
                &self.how,
            )?);
            return Ok(());
        }
        if path.is_dir() {
            if depth >= FOLDER_DEPTH_MAX {
                return Err(Bad {
                    place,
                    reason: format!("lies deeper than {FOLDER_DEPTH_MAX} folders and is left out"),
                });
            }
            let listing = std::fs::read_dir(path).map_err(bad)?;
            let mut below: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
            below.sort();
            for path in below.into_iter().rev().filter(|path| path.is_dir() || is_of_form(path, self.how.form)) {
                self.inputs.push_front((path, depth + 1));
            }
            return Ok(());
        }
        let form = self.how.form.or_else(|| form_of(path)).unwrap_or(Form::Text);
        if form == Form::Dicom {
            let read = dicom::read_report(path)
                .map_err(|error| Bad { place: place.clone(), reason: error.reason.to_string() })?;
            let record = Record { id: read.sop_instance_uid, source: place, text: read.text };
            self.open = Some(Box::new(std::iter::once(Ok(record))));
            return Ok(());
        }
        let file = BufReader::new(File::open(path).map_err(bad)?);
        self.open = Some(stream(Box::new(file), &place, form, &self.how)?);
        Ok(())
    }
}

impl Iterator for Records {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            if let Some(found) = self.open.as_mut().and_then(Iterator::next) {
                return Some(found);
            }
            self.open = None;
            let (path, depth) = self.inputs.pop_front()?;
            if let Err(bad) = self.open(&path, depth) {
                return Some(Err(bad));
            }
        }
    }
}

fn form_of(path: &Path) -> Option<Form> {
    Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "txt" | "text" | "htm" | "html" => Form::Text,
        "csv" => Form::Csv,
        "tsv" | "tab" => Form::Tsv,
        "jsonl" | "ndjson" => Form::Jsonl,
        "dcm" => Form::Dicom,
        _ => return None,
    })
}

/// In a folder only what is of the form is taken: what was not named one by one may be anything.
fn is_of_form(path: &Path, form: Option<Form>) -> bool {
    let found = form_of(path);
    match form {
        None => found.is_some(),
        Some(Form::Lines) => found == Some(Form::Text),
        Some(form) => found == Some(form),
    }
}

fn stream(
    reader: Box<dyn BufRead>,
    place: &str,
    form: Form,
    how: &How,
) -> Result<Box<dyn Iterator<Item = Found>>, Bad> {
    let place = place.to_owned();
    let encoding = how.encoding;
    Ok(match form {
        Form::Text | Form::Dicom => Box::new(std::iter::once_with(move || whole(reader, &place, encoding))),
        Form::Lines => Box::new(lines(reader).enumerate().map(move |(i, line)| {
            let source = format!("{place}:{}", i + 1);
            let text = line.and_then(|bytes| decoded(bytes, encoding));
            text.map(|text| Record { id: source.clone(), source: source.clone(), text })
                .map_err(|reason| Bad { place: source, reason })
        })),
        Form::Jsonl => {
            let (text, id) = (how.text_column.clone(), how.id_column.clone());
            Box::new(lines(reader).enumerate().filter_map(move |(i, line)| {
                let source = format!("{place}:{}", i + 1);
                object(line, &source, encoding, (text.as_deref(), id.as_deref())).transpose()
            }))
        }
        Form::Csv | Form::Tsv => table(reader, &place, if form == Form::Csv { b',' } else { b'\t' }, how)?,
    })
}

fn decoded(bytes: Vec<u8>, encoding: Encoding) -> Result<String, String> {
    match encoding {
        Encoding::Utf8 => String::from_utf8(bytes).map_err(|error| {
            format!("is not UTF-8 at byte {}; try --encoding latin-1", error.utf8_error().valid_up_to())
        }),
        Encoding::Latin1 => Ok(bytes.into_iter().map(char::from).collect()),
    }
}

fn whole(reader: Box<dyn BufRead>, place: &str, encoding: Encoding) -> Found {
    let bad = |reason: String| Bad { place: place.to_owned(), reason };
    let mut bytes = Vec::new();
    reader.take(REPORT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| bad(error.to_string()))?;
    if bytes.len() > REPORT_BYTES_MAX {
        return Err(bad(too_long()));
    }
    let id = Path::new(place).file_stem().map_or_else(|| place.to_owned(), |stem| stem.to_string_lossy().into_owned());
    Ok(Record { id, source: place.to_owned(), text: decoded(bytes, encoding).map_err(bad)? })
}

fn too_long() -> String {
    format!("is longer than the {} MiB that a report may have", REPORT_BYTES_MAX >> 20)
}

/// Lines without their ends; one that is too long is passed over.
fn lines(mut reader: Box<dyn BufRead>) -> impl Iterator<Item = Result<Vec<u8>, String>> {
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        match reader.by_ref().take(REPORT_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(error.to_string())),
        }
        if line.len() > REPORT_BYTES_MAX && !line.ends_with(b"\n") {
            return Some(pass_over_line(&mut reader).map_err(|error| error.to_string()).and_then(|()| Err(too_long())));
        }
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        Some(Ok(line))
    })
}

fn pass_over_line(reader: &mut Box<dyn BufRead>) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let (length, ends) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(length);
        if ends {
            return Ok(());
        }
    }
}

/// The report of an object on a line; `None` for an empty line.
fn object(
    line: Result<Vec<u8>, String>,
    source: &str,
    encoding: Encoding,
    (text_key, id_key): (Option<&str>, Option<&str>),
) -> Result<Option<Record>, Bad> {
    let bad = |reason: String| Bad { place: source.to_owned(), reason };
    let line = decoded(line.map_err(bad)?, encoding).map_err(bad)?;
    if line.trim().is_empty() {
        return Ok(None);
    }
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line.trim_start_matches('\u{feff}'))
        .map_err(|error| bad(format!("is no JSON object: column {}", error.column())))?;
    let of = |named: Option<&str>, known: &[&str]| {
        let found = named.map_or_else(|| known.iter().find_map(|key| object.get(*key)), |key| object.get(key));
        found.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let text = of(text_key, &TEXT_COLUMNS).ok_or_else(|| {
        bad(format!(
            "has no key {}; name it with --text-column",
            text_key.map_or_else(|| TEXT_COLUMNS.join(", "), str::to_owned)
        ))
    })?;
    Ok(Some(Record {
        id: of(id_key, &ID_COLUMNS).unwrap_or_else(|| source.to_owned()),
        source: source.to_owned(),
        text,
    }))
}

fn table(
    reader: Box<dyn BufRead>,
    place: &str,
    separator: u8,
    how: &How,
) -> Result<Box<dyn Iterator<Item = Found>>, Bad> {
    let place = place.to_owned();
    let encoding = how.encoding;
    let mut table = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(reader);
    let bad = |reason: String| Bad { place: place.clone(), reason };
    let header = table.byte_headers().map_err(|error| bad(error.to_string()))?;
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let column = |named: Option<&String>, known: &[&str]| {
        let is = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        named.map_or_else(|| known.iter().find_map(|name| is(name)), |name| is(name))
    };
    let text = column(how.text_column.as_ref(), &TEXT_COLUMNS).ok_or_else(|| {
        bad(format!("has no column for the text among {}; name it with --text-column", names.join(", ")))
    })?;
    let id = column(how.id_column.as_ref(), &ID_COLUMNS);
    if let (Some(name), None) = (&how.id_column, id) {
        return Err(bad(format!("has no column {name} among {}", names.join(", "))));
    }
    let columns = names.len();
    Ok(Box::new(table.into_byte_records().enumerate().map(move |(i, row)| {
        let source = format!("{place}:row {}", i + 1);
        let bad = |reason: String| Bad { place: source.clone(), reason };
        let row = row.map_err(|error| bad(error.to_string()))?;
        if row.len() != columns {
            return Err(bad(format!("has {} fields, the heading {columns}; check its quotes", row.len())));
        }
        let field = |at: usize| decoded(row.get(at).unwrap_or_default().to_vec(), encoding).map_err(bad);
        let text = field(text)?;
        if text.len() > REPORT_BYTES_MAX {
            return Err(bad(too_long()));
        }
        Ok(Record { id: id.map_or_else(|| Ok(source.clone()), field)?, source: source.clone(), text })
    })))
}
