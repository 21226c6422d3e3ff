//! What a report says, as far as a judge asks: names with their places and how sure they are, and its codes.

use super::{ANOMALY_CODES, COUNT_CODE, CUT_CODE, SAID_CODES};
use crate::export::Bundle;
use crate::export::report::{ReportDocument, UNKNOWN};
use crate::spine::{SURE_ENOUGH, Vec3};

/// A reported vertebra or level that has a name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) confidence: f64,
    pub(super) centre_lps_mm: Vec3,
}

impl Named {
    pub(super) fn is_sure(&self) -> bool {
        self.confidence >= SURE_ENOUGH
    }
}

/// The named vertebrae of a report.
pub(super) fn named_vertebrae(report: &ReportDocument) -> Vec<Named> {
    let named = report.vertebrae.iter().filter(|v| v.name != UNKNOWN);
    named.map(|v| Named { name: v.name.clone(), confidence: v.confidence, centre_lps_mm: v.centre_lps_mm }).collect()
}

fn any_of(report: &ReportDocument, codes: &[&str]) -> bool {
    report.quality.iter().any(|q| codes.contains(&q.code.as_str()))
}

/// Whether the report says that its names may be shifted. That five lumbar vertebrae are assumed says so only of a spine with
/// another number: it stands on every report.
pub(super) fn says_shift(report: &ReportDocument, unusual_count: bool) -> bool {
    any_of(report, &SAID_CODES) || unusual_count && any_of(report, &[COUNT_CODE])
}

/// Whether the report says that this spine is unusual.
pub(super) fn says_anomaly(report: &ReportDocument) -> bool {
    any_of(report, &ANOMALY_CODES)
}

/// Whether the report says that an end of the spine leaves the field.
pub(super) fn says_cut(report: &ReportDocument) -> bool {
    any_of(report, &[CUT_CODE])
}

/// A reading, or why there is none.
pub(super) enum Read<'a> {
    /// A spine was found.
    Spine(&'a Bundle),
    /// The report is a refusal with this code.
    Refused(&'a str),
    /// There is no report, for this reason.
    Failed(&'a str),
}

impl<'a> Read<'a> {
    pub(super) fn of(reading: Result<&'a Bundle, &'a str>) -> Self {
        match reading {
            Ok(bundle) => bundle.report.refusal.as_ref().map_or(Self::Spine(bundle), |r| Self::Refused(&r.code)),
            Err(text) => Self::Failed(text),
        }
    }

    pub(super) fn spine(&self) -> Option<&'a Bundle> {
        match self {
            Self::Spine(bundle) => Some(bundle),
            Self::Refused(_) | Self::Failed(_) => None,
        }
    }
}
