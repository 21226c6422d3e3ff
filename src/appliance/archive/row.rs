//! What is told of a study: a row, `schemas/archive-row-1.schema.json`.

use std::path::PathBuf;

use serde::Serialize;

use super::list::Listed;
use crate::appliance::reader::protocol::Refusal;
use crate::export::report::ReportDocument;

/// Name and version of the form.
pub const ROW_SCHEMA: &str = "deepspine.archive-row/1";

/// How a study ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It was read; its report, where rows bring it.
    Read(Option<Box<ReportDocument>>),
    /// There is no reading.
    Refused(Refusal),
}

/// A study of the list, and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// By what it is known.
    pub name: String,
    /// Its entry's place in the list.
    pub number: u64,
    /// Its entry.
    pub entry: PathBuf,
    /// How it ended.
    pub end: End,
    /// How long that took, seconds; `None` where it had ended before this run.
    pub seconds: Option<f64>,
}

#[derive(Serialize)]
struct RowJson<'a> {
    schema: &'static str,
    study: &'a str,
    number: u64,
    entry: String,
    end: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a Refusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a ReportDocument>,
}

impl Row {
    pub(super) fn new(study: &Listed, end: End, seconds: Option<f64>) -> Self {
        Self { name: study.name.clone(), number: study.number, entry: study.entry.clone(), end, seconds }
    }

    /// Whether there is no reading.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.end, End::Refused(_))
    }

    /// The row in one line of JSON, without line end.
    ///
    /// # Errors
    /// As the serialiser gives them.
    pub fn json(&self) -> serde_json::Result<String> {
        let (end, refusal, report) = match &self.end {
            End::Read(report) => ("read", None, report.as_deref()),
            End::Refused(refusal) => ("refused", Some(refusal), None),
        };
        serde_json::to_string(&RowJson {
            schema: ROW_SCHEMA,
            study: &self.name,
            number: self.number,
            entry: self.entry.to_string_lossy().into_owned(),
            end,
            refusal,
            seconds: self.seconds.map(|s| (s * 1e3).round() / 1e3),
            report,
        })
    }

    /// The same without what differs from run to run, and without its report: for the index.
    pub(super) fn lasting(mut self) -> Self {
        self.seconds = None;
        if let End::Read(report) = &mut self.end {
            *report = None;
        }
        self
    }
}
