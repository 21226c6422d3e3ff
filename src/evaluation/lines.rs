//! Tables of others, separated by commas: bounded, with a heading whose columns are known, and every error by line and column.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Longest field, bytes.
pub const FIELD_BYTES_MAX: usize = 4096;

/// Why a table can't be used, and what to do.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file can't be read.
    #[error("can't read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The table as a whole is wrong.
    #[error("{} {reason}", path.display())]
    Whole {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A row is wrong.
    #[error("{}: line {line}, column `{column}` {reason}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, 1 first.
        line: u64,
        /// The name of the column.
        column: String,
        /// What is wrong and what it may be.
        reason: String,
    },
}

/// What is wrong in a row: the column, and the reason.
pub(super) type Wrong = (&'static str, String);

/// What a table may have.
pub(super) struct Form {
    /// Bytes of the file.
    pub(super) bytes_max: u64,
    /// Rows below the heading.
    pub(super) rows_max: usize,
    /// Columns that must be there.
    pub(super) needed: &'static [&'static str],
    /// Columns that may be there.
    pub(super) known: &'static [&'static str],
}

/// A row.
pub(super) struct Row<'a> {
    record: &'a csv::StringRecord,
    columns: &'a BTreeMap<&'static str, usize>,
    /// Its line, 1 first.
    pub(super) line: u64,
}

impl Row<'_> {
    /// The field of a column, without spaces around it; empty where there is no such column.
    pub(super) fn get(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|at| self.record.get(*at)).unwrap_or_default().trim()
    }

    /// A field that is one line of text of at most `chars_max`.
    pub(super) fn text(&self, column: &'static str, chars_max: usize) -> Result<&str, Wrong> {
        let text = self.get(column);
        if text.chars().count() > chars_max || text.chars().any(char::is_control) {
            return Err((column, format!("must be one line of at most {chars_max} characters")));
        }
        Ok(text)
    }

    /// The same, not empty.
    pub(super) fn name(&self, column: &'static str, chars_max: usize) -> Result<&str, Wrong> {
        let text = self.text(column, chars_max)?;
        if text.is_empty() { Err((column, "is empty".to_owned())) } else { Ok(text) }
    }
}

/// Calls `each` with every row of the table in `path`.
///
/// # Errors
/// The first [`TableError`].
pub(super) fn each_row(
    path: &Path,
    form: &Form,
    mut each: impl FnMut(&Row<'_>) -> Result<(), Wrong>,
) -> Result<(), TableError> {
    let whole = |reason: String| TableError::Whole { path: path.to_owned(), reason };
    let bytes = bytes(path, form.bytes_max)?;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let header = reader.headers().map_err(|error| csv_error(path, &error))?.clone();
    let columns = columns(&header, form).map_err(whole)?;
    let mut record = csv::StringRecord::new();
    let mut rows = 0;
    while reader.read_record(&mut record).map_err(|error| csv_error(path, &error))? {
        rows += 1;
        if rows > form.rows_max {
            return Err(whole(format!("has more than {} rows; split it", form.rows_max)));
        }
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row { record: &record, columns: &columns, line };
        let long = columns.iter().find(|(_, at)| record.get(**at).is_some_and(|f| f.len() > FIELD_BYTES_MAX));
        let done = match long {
            Some((column, _)) => Err((*column, format!("has more than {FIELD_BYTES_MAX} bytes"))),
            None => each(&row),
        };
        done.map_err(|(column, reason)| TableError::Row {
            path: path.to_owned(),
            line,
            column: column.to_owned(),
            reason,
        })?;
    }
    if rows == 0 {
        return Err(whole("has no row below its heading".to_owned()));
    }
    Ok(())
}

fn bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>, TableError> {
    let io_error = |source| TableError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes)).map_err(io_error)?;
    if bytes.len() as u64 > bytes_max {
        return Err(TableError::Whole {
            path: path.to_owned(),
            reason: format!("has more than {bytes_max} bytes; split it"),
        });
    }
    Ok(bytes)
}

/// Where each known column stands.
fn columns(header: &csv::StringRecord, form: &Form) -> Result<BTreeMap<&'static str, usize>, String> {
    let allowed = || form.needed.iter().chain(form.known);
    let all = || allowed().copied().collect::<Vec<_>>().join(", ");
    let mut columns = BTreeMap::new();
    for (at, name) in header.iter().enumerate() {
        let name = name.trim();
        let Some(known) = allowed().find(|known| **known == name) else {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            return Err(format!("has a column `{shown}` in its heading; it may have {}", all()));
        };
        if columns.insert(*known, at).is_some() {
            return Err(format!("has the column `{known}` twice"));
        }
    }
    match form.needed.iter().find(|needed| !columns.contains_key(*needed)) {
        Some(missing) => Err(format!("has no column `{missing}` in its heading; it needs {}", form.needed.join(", "))),
        None => Ok(columns),
    }
}

fn csv_error(path: &Path, error: &csv::Error) -> TableError {
    let line = error.position().map(csv::Position::line);
    let at = line.map_or_else(String::new, |line| format!("line {line}: "));
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{at}has {len} fields, the heading {expected_len}; check its quotes and commas")
        }
        csv::ErrorKind::Utf8 { .. } => format!("{at}is not UTF-8; save the table as UTF-8"),
        _ => format!("{at}{error}"),
    };
    TableError::Whole { path: path.to_owned(), reason: format!("is no table: {reason}") }
}

/// A row as it is written.
#[must_use]
pub fn written(fields: &[String]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let bytes = writer.write_record(fields).ok().and_then(|()| writer.into_inner().ok());
    // What was put in was text, and memory does not refuse.
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
