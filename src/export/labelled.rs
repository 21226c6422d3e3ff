//! The labels of reports as JSON Lines (`schemas/labels-1.schema.json`), rows of a table, and text for a terminal.

use serde::Serialize;

use crate::labels::policy::{self, Policy};
use crate::labels::{Extent, Label, Presence, Span};

/// Name and version of the form.
pub const LABELS_SCHEMA: &str = "deepspine.labels/1";
/// The columns of [`row`].
pub const COLUMNS: [&str; 22] = [
    "id",
    "level",
    "finding",
    "structure",
    "side",
    "presence",
    "extent",
    "grade",
    "modic_type",
    "slip_grade",
    "direction",
    "size_mm",
    "start_byte",
    "end_byte",
    "start_char",
    "end_char",
    "evidence",
    "level_source",
    "section",
    "rule",
    "snomed",
    "conflict",
];

/// One report and what it says.
#[derive(Debug, Clone, Copy)]
pub struct LabelledReport<'a> {
    /// Its id.
    pub id: &'a str,
    /// Where it comes from: file and line.
    pub source: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Its labels.
    pub labels: &'a [Label],
    /// Version of the lexicon.
    pub lexicon: u32,
    /// How labels become targets.
    pub policy: Policy,
}

#[derive(Serialize)]
struct ReportJson<'a> {
    schema: &'static str,
    id: &'a str,
    source: &'a str,
    lexicon: u32,
    policy: PolicyJson,
    labels: Vec<LabelJson<'a>>,
    targets: Vec<TargetJson>,
}

#[derive(Serialize)]
struct PolicyJson {
    one_grade: &'static str,
    not_mentioned: &'static str,
}

#[derive(Serialize)]
struct LabelJson<'a> {
    level: String,
    finding: &'static str,
    structure: Option<&'a str>,
    side: Option<&'static str>,
    presence: &'static str,
    extent: Option<String>,
    grade: Option<&'static str>,
    modic_type: Option<u8>,
    slip_grade: Option<u8>,
    direction: Option<&'static str>,
    size_mm: Option<f32>,
    evidence: EvidenceJson<'a>,
    level_evidence: Option<EvidenceJson<'a>>,
    level_source: &'static str,
    section: &'static str,
    rule: &'a str,
    snomed: Option<&'a str>,
    conflict: bool,
}

#[derive(Serialize)]
struct EvidenceJson<'a> {
    start_byte: usize,
    end_byte: usize,
    start_char: usize,
    end_char: usize,
    text: &'a str,
}

#[derive(Serialize)]
struct TargetJson {
    level: String,
    task: &'static str,
    grade: Option<&'static str>,
    known: &'static str,
}

/// A grade where the label gives one: `normal` where it is absent.
#[must_use]
pub fn grade(label: &Label, policy: Policy) -> Option<&'static str> {
    match (label.presence, label.extent) {
        (Presence::Absent, _) => Some("normal"),
        (_, Some(Extent::Graded { from, to })) => Some(policy::one_of(from, to, policy).name()),
        _ => None,
    }
}

fn evidence<'a>(text: &'a str, span: &Span) -> EvidenceJson<'a> {
    EvidenceJson {
        start_byte: span.start_byte,
        end_byte: span.end_byte,
        start_char: span.start_char,
        end_char: span.end_char,
        text: span.quote(text).unwrap_or_default(),
    }
}

/// One line of JSON.
///
/// # Errors
/// As the serialiser gives them.
pub fn json(report: &LabelledReport<'_>) -> serde_json::Result<String> {
    let labels = report.labels.iter().map(|label| LabelJson {
        level: label.place.to_string(),
        finding: label.finding.name(),
        structure: label.structure.as_deref(),
        side: label.side.map(crate::labels::Side::name),
        presence: label.presence.name(),
        extent: label.extent.map(|extent| extent.to_string()),
        grade: grade(label, report.policy),
        modic_type: label.attributes.modic_type,
        slip_grade: label.attributes.slip_grade,
        direction: label.attributes.direction.map(crate::labels::Direction::name),
        size_mm: label.attributes.size_mm,
        evidence: evidence(report.text, &label.evidence),
        level_evidence: label.level_evidence.as_ref().map(|span| evidence(report.text, span)),
        level_source: label.level_source.name(),
        section: label.section.name(),
        rule: &label.rule,
        snomed: label.snomed.as_deref(),
        conflict: label.conflict,
    });
    let targets = policy::targets(report.labels, report.policy).into_iter().map(|(disc, task, target)| TargetJson {
        level: disc.to_string(),
        task: task.name(),
        grade: target.grade(report.policy),
        known: target.name(),
    });
    serde_json::to_string(&ReportJson {
        schema: LABELS_SCHEMA,
        id: report.id,
        source: report.source,
        lexicon: report.lexicon,
        policy: PolicyJson {
            one_grade: report.policy.one_grade.name(),
            not_mentioned: report.policy.not_mentioned.name(),
        },
        labels: labels.collect(),
        targets: targets.collect(),
    })
}

/// One row of a table, in the order of [`COLUMNS`].
#[must_use]
pub fn row(report: &LabelledReport<'_>, label: &Label) -> [String; 22] {
    let number = |n: Option<u8>| n.map(|n| n.to_string()).unwrap_or_default();
    let span = &label.evidence;
    [
        report.id.to_owned(),
        label.place.to_string(),
        label.finding.name().to_owned(),
        label.structure.as_deref().unwrap_or_default().to_owned(),
        label.side.map(crate::labels::Side::name).unwrap_or_default().to_owned(),
        label.presence.name().to_owned(),
        label.extent.map(|extent| extent.to_string()).unwrap_or_default(),
        grade(label, report.policy).unwrap_or_default().to_owned(),
        number(label.attributes.modic_type),
        number(label.attributes.slip_grade),
        label.attributes.direction.map(crate::labels::Direction::name).unwrap_or_default().to_owned(),
        label.attributes.size_mm.map(|mm| mm.to_string()).unwrap_or_default(),
        span.start_byte.to_string(),
        span.end_byte.to_string(),
        span.start_char.to_string(),
        span.end_char.to_string(),
        span.quote(report.text).unwrap_or_default().to_owned(),
        label.level_source.name().to_owned(),
        label.section.name().to_owned(),
        label.rule.to_string(),
        label.snomed.as_deref().unwrap_or_default().to_owned(),
        label.conflict.to_string(),
    ]
}

/// A label in one line, such as `L4-L5  canal-stenosis, left, mild`.
#[must_use]
pub fn line(label: &Label) -> String {
    let mut words = vec![label.finding.name().to_owned()];
    words.extend(label.structure.as_deref().map(|structure| format!("of the {}", structure.replace('-', " "))));
    words.extend(label.side.map(|side| side.name().to_owned()));
    if label.presence != Presence::Present {
        words.push(label.presence.name().to_uppercase());
    }
    words.extend(label.extent.map(|extent| extent.to_string()));
    let attributes = label.attributes.to_string();
    if !attributes.is_empty() {
        words.push(attributes);
    }
    if label.conflict {
        words.push("findings and impression disagree".to_owned());
    }
    format!("{:<8} {}", label.place.to_string(), words.join(", "))
}

/// The parts of a text that carry labels, in order and without overlap: bytes from and to, and the labels of each.
#[must_use]
pub fn marked<'a>(text: &str, labels: &'a [Label]) -> Vec<(usize, usize, Vec<&'a Label>)> {
    let mut sorted: Vec<&Label> = labels.iter().filter(|label| label.evidence.quote(text).is_some()).collect();
    sorted.sort_by_key(|label| (label.evidence.start_byte, label.evidence.end_byte));
    let mut parts: Vec<(usize, usize, Vec<&Label>)> = Vec::new();
    for label in sorted {
        let (start, end) = (label.evidence.start_byte, label.evidence.end_byte);
        match parts.last_mut() {
            Some((_, last_end, of)) if start < *last_end => {
                *last_end = end.max(*last_end);
                of.push(label);
            }
            _ => parts.push((start, end, vec![label])),
        }
    }
    parts
}

/// The report with its evidence marked, and its labels below, for a terminal.
#[must_use]
pub fn text(report: &LabelledReport<'_>, colours: bool) -> String {
    let (on, off) = if colours { ("\u{1b}[1;33m", "\u{1b}[0m") } else { ("[", "]") };
    let mut out = format!("== {}\n", printable(report.id));
    let mut at = 0;
    for (start, end, _) in marked(report.text, report.labels) {
        out += &printable(report.text.get(at..start).unwrap_or_default());
        out += on;
        out += &printable(report.text.get(start..end).unwrap_or_default());
        out += off;
        at = end;
    }
    out += printable(report.text.get(at..).unwrap_or_default()).trim_end();
    out += "\n";
    for label in report.labels {
        let quote = label.evidence.quote(report.text).unwrap_or_default();
        let quote = quote.split_whitespace().collect::<Vec<_>>().join(" ");
        out += &format!("   {}   \u{201c}{}\u{201d}\n", line(label), printable(&quote));
    }
    if report.labels.is_empty() {
        out += "   nothing that is labelled\n";
    }
    out
}

/// A report is hostile: nothing in it may steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}
