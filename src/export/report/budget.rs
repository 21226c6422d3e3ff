//! What a report may weigh, and what gives way where it weighs more.
//!
//! A broker may be set to refuse large packets, and 32 KiB is what the contract promises. Names,
//! numbers and codes always fit; the sentences that explain them give way first, and the report
//! says in `shortened` which did.

use super::{CodedText, GradeDocument, MissingDocument, ReportDocument};

/// Bytes of a report with its envelope on the wire.
pub const WIRE_BYTES_MAX: usize = 32 * 1024;
/// Bytes kept free for the envelope.
pub const ENVELOPE_BYTES_RESERVED: usize = 1024;
/// Bytes of a report without its envelope.
pub const REPORT_BYTES_MAX: usize = WIRE_BYTES_MAX - ENVELOPE_BYTES_RESERVED;

/// Axial slices a level keeps once they have to give way.
const AXIAL_KEPT: usize = 3;
/// Characters of a text once texts have to give way.
const TEXT_CHARS_KEPT: usize = 60;
/// Codes of evidence a name keeps once evidence has to give way.
const EVIDENCE_KEPT: usize = 3;
/// Findings about the data kept once they have to give way.
const FINDINGS_KEPT: usize = 8;

/// One way to make a report smaller: the field it takes from, and how.
type Shortening = (&'static str, fn(&mut ReportDocument));

/// From what is missed least to what is missed most; what gives way twice gives all the second time.
const SHORTENINGS: [Shortening; 16] = [
    ("evidence.text", |r| for_each_evidence(r, keep_codes)),
    ("curve.points_lps_mm", |r| {
        if let Some(curve) = &mut r.curve {
            curve.points_lps_mm.clear();
        }
    }),
    ("axial", |r| keep_axial(r, AXIAL_KEPT)),
    ("measurement_sd", |r| {
        r.vertebrae.iter_mut().for_each(|v| v.measurement_sd.clear());
        r.levels.iter_mut().for_each(|l| l.measurement_sd.clear());
    }),
    ("missing.reason", |r| for_each_missing(r, |m| m.iter_mut().for_each(|m| cut(&mut m.reason, TEXT_CHARS_KEPT)))),
    ("series.reason", |r| r.series.iter_mut().for_each(|s| cut(&mut s.reason, TEXT_CHARS_KEPT))),
    ("quality", keep_gravest_findings),
    ("series.reason", |r| r.series.iter_mut().for_each(|s| s.reason.clear())),
    ("axial", |r| keep_axial(r, 1)),
    ("missing.reason", |r| for_each_missing(r, merge)),
    ("ungraded", |r| r.levels.iter_mut().for_each(|l| l.ungraded.clear())),
    ("grades.inputs", |r| for_each_grade(r, |g| g.inputs.clear())),
    ("canal", |r| r.levels.iter_mut().for_each(|l| l.canal = None)),
    ("grades.thoracic", |r| {
        r.levels.iter_mut().filter(|l| l.name.starts_with('T')).for_each(|l| l.grades.clear());
    }),
    ("grades.probabilities", |r| for_each_grade(r, |g| g.probabilities.clear())),
    ("grades", |r| r.levels.iter_mut().for_each(|l| l.grades.clear())),
];

/// `report`, shortened step by step until it fits [`REPORT_BYTES_MAX`].
pub(super) fn kept_within(mut report: ReportDocument) -> ReportDocument {
    for (field, shorten) in SHORTENINGS {
        if bytes(&report) <= REPORT_BYTES_MAX {
            break;
        }
        shorten(&mut report);
        if !report.shortened.iter().any(|f| f == field) {
            report.shortened.push(field.to_owned());
        }
    }
    report
}

fn bytes(report: &ReportDocument) -> usize {
    serde_json::to_vec(report).map_or(0, |json| json.len())
}

fn for_each_grade(report: &mut ReportDocument, change: fn(&mut GradeDocument)) {
    report.levels.iter_mut().flat_map(|l| &mut l.grades).for_each(change);
}

fn for_each_evidence(report: &mut ReportDocument, change: fn(&mut Vec<CodedText>)) {
    let of_vertebrae = report.vertebrae.iter_mut().map(|v| &mut v.evidence);
    let of_levels = report.levels.iter_mut().map(|l| &mut l.evidence);
    of_vertebrae.chain(of_levels).for_each(change);
}

fn for_each_missing(report: &mut ReportDocument, change: fn(&mut Vec<MissingDocument>)) {
    let of_vertebrae = report.vertebrae.iter_mut().map(|v| &mut v.missing);
    let of_levels = report.levels.iter_mut().map(|l| &mut l.missing);
    of_vertebrae.chain(of_levels).for_each(change);
}

/// Each code once, without its sentence.
fn keep_codes(evidence: &mut Vec<CodedText>) {
    evidence.dedup_by(|b, a| a.code == b.code);
    evidence.truncate(EVIDENCE_KEPT);
    evidence.iter_mut().for_each(|e| e.text.clear());
}

/// All missing measurements together, without their reasons.
fn merge(missing: &mut Vec<MissingDocument>) {
    let measurements: Vec<String> = missing.drain(..).flat_map(|m| m.measurements).collect();
    if !measurements.is_empty() {
        missing.push(MissingDocument { reason: String::new(), measurements });
    }
}

fn keep_axial(report: &mut ReportDocument, most: usize) {
    for level in &mut report.levels {
        level.axial.sort_by(|a, b| a.distance_mm.abs().total_cmp(&b.distance_mm.abs()));
        level.axial.truncate(most);
        level.axial.sort_by_key(|a| (a.series, a.block, a.slice));
    }
}

/// The gravest stay; the order among equals is kept.
fn keep_gravest_findings(report: &mut ReportDocument) {
    let gravest = ["error", "warning", "info"];
    report.quality.sort_by_key(|q| gravest.iter().position(|s| *s == q.severity));
    report.quality.truncate(FINDINGS_KEPT);
    report.quality.iter_mut().for_each(|q| cut(&mut q.text, TEXT_CHARS_KEPT));
}

fn cut(text: &mut String, most: usize) {
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
    }
}
