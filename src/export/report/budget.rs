//! What a report may weigh, and what gives way where it weighs more.
//!
//! A broker may be set to refuse large packets, and 32 KiB is what the contract promises. Names,
//! numbers and codes always fit; the sentences that explain them give way first, and the report
//! says in `shortened` which did.

use super::ReportDocument;

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
/// Pieces of evidence, reasons and findings kept once lists have to give way.
const LIST_KEPT: usize = 8;

/// One way to make a report smaller: the field it takes from, and how.
type Shortening = (&'static str, fn(&mut ReportDocument));

/// From what is missed least to what is missed most.
const SHORTENINGS: [Shortening; 6] = [
    ("evidence.text", |r| for_each_evidence(r, |e| e.text.clear())),
    ("curve.points_lps_mm", |r| {
        if let Some(curve) = &mut r.curve {
            curve.points_lps_mm.clear();
        }
    }),
    ("axial", |r| {
        for level in &mut r.levels {
            level.axial.sort_by(|a, b| a.distance_mm.abs().total_cmp(&b.distance_mm.abs()));
            level.axial.truncate(AXIAL_KEPT);
        }
    }),
    ("missing.reason", |r| for_each_reason(r, |reason| truncate_chars(reason, TEXT_CHARS_KEPT))),
    ("series.reason", |r| {
        for series in &mut r.series {
            truncate_chars(&mut series.reason, TEXT_CHARS_KEPT);
        }
    }),
    ("quality", |r| {
        // The gravest stay; the order among equals is kept.
        r.quality.sort_by_key(|q| ["error", "warning", "info"].iter().position(|s| *s == q.severity));
        r.quality.truncate(LIST_KEPT);
        r.quality.iter_mut().for_each(|q| truncate_chars(&mut q.text, TEXT_CHARS_KEPT));
    }),
];

/// `report`, shortened step by step until it fits [`REPORT_BYTES_MAX`].
pub(super) fn kept_within(mut report: ReportDocument) -> ReportDocument {
    for (field, shorten) in SHORTENINGS {
        if bytes(&report) <= REPORT_BYTES_MAX {
            break;
        }
        shorten(&mut report);
        report.shortened.push(field.to_owned());
    }
    report
}

fn bytes(report: &ReportDocument) -> usize {
    serde_json::to_vec(report).map_or(0, |json| json.len())
}

fn for_each_evidence(report: &mut ReportDocument, change: fn(&mut super::CodedText)) {
    let of_vertebrae = report.vertebrae.iter_mut().flat_map(|v| &mut v.evidence);
    let of_levels = report.levels.iter_mut().flat_map(|l| &mut l.evidence);
    of_vertebrae.chain(of_levels).for_each(change);
}

fn for_each_reason(report: &mut ReportDocument, change: fn(&mut String)) {
    let of_vertebrae = report.vertebrae.iter_mut().flat_map(|v| &mut v.missing);
    let of_levels = report.levels.iter_mut().flat_map(|l| &mut l.missing);
    of_vertebrae.chain(of_levels).for_each(|m| change(&mut m.reason));
}

fn truncate_chars(text: &mut String, most: usize) {
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
    }
}
