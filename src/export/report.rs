//! The report as it travels: `deepspine.report/1`, JSON, described by `schemas/report-1.schema.json`.
//!
//! These are the wire structs of [`crate::spine::Report`]: snake-case keys with the unit in the name,
//! numbers rounded to what the measurement can carry, `null` with a reason where there is none.
//! No identity: only keyed hashes ([`super::key`]), and every text passes a guard that removes the
//! study's own identifiers and anything that looks like a DICOM UID. [`build`] fills them,
//! [`budget`] keeps them below what a broker is sure to carry.

mod budget;
mod build;
mod codes;
mod findings;
mod guard;

pub use budget::{ENVELOPE_BYTES_RESERVED, REPORT_BYTES_MAX, WIRE_BYTES_MAX};
pub(super) use build::{Header, build};
pub(super) use codes::{disc as disc_code, vertebra as vertebra_code};
pub use findings::Finding;

use crate::spine::Vec3;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of this format and its version.
pub const REPORT_SCHEMA: &str = "deepspine.report/1";
/// What a level or vertebra without a name is called.
pub const UNKNOWN: &str = "unknown";
/// What every report says of itself.
pub const NOTICE: &str = "Not a diagnosis. Automatic measurements for research: no model that took part is cleared as a \
                          medical device. A radiologist must check every name and number.";

/// A report as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportDocument {
    /// [`REPORT_SCHEMA`].
    pub schema: String,
    /// Keyed hash of everything that makes this reading what it is: equal on repeats.
    pub report_id: String,
    /// Counts the reports of one study, 1 first.
    pub revision: u32,
    /// Keyed hash of the StudyInstanceUID.
    pub study_key: String,
    /// Keyed hash of the AccessionNumber, where there is one.
    pub accession_key: Option<String>,
    /// When the reading was made, RFC 3339.
    pub produced_at: String,
    /// Whether the clock was known to be right then; `null` where that is not known.
    pub clock_synced: Option<bool>,
    /// Version of the analysis.
    pub analysis_version: String,
    /// What the networks ran on, `cpu` or `cuda`. Absent in reports made before there was a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// [`NOTICE`].
    pub notice: String,
    /// Names of the models that are not cleared for diagnosis.
    pub not_cleared: Vec<String>,
    /// Models that took part.
    pub models: Vec<ModelDocument>,
    /// The study's series and their roles.
    pub series: Vec<SeriesDocument>,
    /// Index into `series` of the one that was segmented.
    pub segmented_series: Option<usize>,
    /// Why there is no reading.
    pub refusal: Option<CodedText>,
    /// The spine curve.
    pub curve: Option<CurveDocument>,
    /// Vertebrae from foot to head.
    pub vertebrae: Vec<VertebraDocument>,
    /// Disc levels from foot to head.
    pub levels: Vec<LevelDocument>,
    /// The lumbar spine as a whole.
    pub lumbar: Option<LumbarDocument>,
    /// How each quantity was taken: by its name, the methods used; for a finding that is graded, the models.
    pub methods: BTreeMap<String, Vec<String>>,
    /// What a reader must know about the data.
    pub quality: Vec<QualityDocument>,
    /// How long each stage took.
    pub timings: Vec<TimingDocument>,
    /// What was left out to stay within the size of a message: names of fields.
    pub shortened: Vec<String>,
}

/// A model that took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelDocument {
    /// Name in the manifest.
    pub name: String,
    /// Version in the manifest.
    pub version: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Terms of the data that it was trained on.
    pub terms: String,
}

/// A series and its role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesDocument {
    /// Role, such as `sag-t2`.
    pub role: String,
    /// Why it took that role.
    pub reason: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// Slices, duplicates left out.
    pub slices: usize,
    /// Blocks of parallel slices.
    pub blocks: usize,
    /// Rows of a slice.
    pub rows: usize,
    /// Columns of a slice.
    pub columns: usize,
    /// Distance between rows, mm.
    pub row_spacing_mm: f64,
    /// Distance between columns, mm.
    pub column_spacing_mm: f64,
    /// Median distance between slices, mm.
    pub slice_spacing_mm: Option<f64>,
}

/// A stable code and a sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodedText {
    /// Stable code.
    pub code: String,
    /// One sentence, without identity.
    pub text: String,
}

/// The spine curve, thinned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurveDocument {
    /// Root mean square distance of the centres from it, mm.
    pub residual_mm: f64,
    /// Parts rejected because they did not lie along it.
    pub rejected_parts: usize,
    /// Points from foot to head, LPS mm.
    pub points_lps_mm: Vec<Vec3>,
}

/// Measurements that could not be taken for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingDocument {
    /// Why.
    pub reason: String,
    /// The names of the measurements, which are `null`.
    pub measurements: Vec<String>,
}

/// A vertebra.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VertebraDocument {
    /// Its name or [`UNKNOWN`].
    pub name: String,
    /// Place from below, 1 first.
    pub ordinal_from_below: usize,
    /// How sure the name is, 0 to 1.
    pub confidence: f64,
    /// SNOMED CT concept (DICOM PS3.16 CID 7603), where there is one.
    pub snomed_code: Option<String>,
    /// What the name rests on.
    pub evidence: Vec<CodedText>,
    /// Centre of the body, LPS mm.
    pub centre_lps_mm: Vec3,
    /// Its measurements.
    pub measurements: VertebraMeasurementsDocument,
    /// By the name of a measurement: its standard deviation between repeats ([`crate::spine::Measurement::sd`]), in the
    /// measurement's unit. Absent where nothing was repeated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measurement_sd: BTreeMap<String, f64>,
    /// Why some of them are `null`.
    pub missing: Vec<MissingDocument>,
}

/// See [`crate::spine::VertebraMeasurements`]; millimetres to 0.1, ratios to 0.01.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented where they are measured")]
pub struct VertebraMeasurementsDocument {
    pub height_anterior_mm: Option<f64>,
    pub height_middle_mm: Option<f64>,
    pub height_posterior_mm: Option<f64>,
    pub anterior_posterior_ratio: Option<f64>,
    pub middle_posterior_ratio: Option<f64>,
    pub depth_mm: Option<f64>,
    pub canal_ap_body_mm: Option<f64>,
    pub canal_area_body_mm2: Option<f64>,
}

/// A disc level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelDocument {
    /// Its name, such as `L4-L5`, or [`UNKNOWN`].
    pub name: String,
    /// Place from below, 1 first.
    pub ordinal_from_below: usize,
    /// How sure the name is, 0 to 1.
    pub confidence: f64,
    /// SNOMED CT concept (DICOM PS3.16 CID 7604), where there is one.
    pub snomed_code: Option<String>,
    /// What the name rests on.
    pub evidence: Vec<CodedText>,
    /// The disc's plane.
    pub plane: PlaneDocument,
    /// Its measurements.
    pub measurements: LevelMeasurementsDocument,
    /// Its canal beside others'. Absent where nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canal: Option<CanalDocument>,
    /// By the name of a measurement: its standard deviation between repeats ([`crate::spine::Measurement::sd`]), in the
    /// measurement's unit. Absent where nothing was repeated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measurement_sd: BTreeMap<String, f64>,
    /// Why some of them are `null`.
    pub missing: Vec<MissingDocument>,
    /// The axial slices that show it.
    pub axial: Vec<AxialDocument>,
    /// Its grades. Absent where nothing grades.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grades: Vec<GradeDocument>,
    /// The views that were missing for grades, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ungraded: Vec<CodedText>,
}

/// See [`crate::spine::Grading`]; probabilities to 0.001.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradeDocument {
    /// What is graded, such as `foraminal-stenosis`.
    pub finding: String,
    /// `left` or `right`; absent for what lies in the midline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    /// `stenosis`, `pfirrmann` or `presence`.
    pub scale: String,
    /// The grade.
    pub grade: String,
    /// The probability of each grade of the scale, the best first. Empty where it was left out.
    pub probabilities: Vec<f64>,
    /// The prediction set: the grades that can't be excluded.
    pub set: Vec<String>,
    /// Whether some grade was too rare in the calibration for the set to promise anything of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub set_thin: bool,
    /// Whether the picture was unlike most of training: the set is as wide as can be calibrated, and promises nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub set_strange: bool,
    /// Roles of the series that it was graded from.
    pub inputs: Vec<String>,
}

/// See [`crate::spine::DiscPlane`]; millimetres to 0.1, directions to 0.0001.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented at the type they come from")]
pub struct PlaneDocument {
    pub centre_lps_mm: Vec3,
    pub normal_lps: Vec3,
    pub anterior_lps: Vec3,
    pub depth_mm: f64,
}

/// See [`crate::spine::LevelMeasurements`]; millimetres, mm², degrees and per cent to 0.1, ratios to 0.01.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented where they are measured")]
pub struct LevelMeasurementsDocument {
    pub canal_ap_disc_mm: Option<f64>,
    pub canal_area_disc_mm2: Option<f64>,
    pub disc_height_anterior_mm: Option<f64>,
    pub disc_height_middle_mm: Option<f64>,
    pub disc_height_posterior_mm: Option<f64>,
    pub disc_height_index: Option<f64>,
    pub slip_mm: Option<f64>,
    pub slip_percent: Option<f64>,
    /// Meyerding's grade, `none` or `I` to `V`.
    pub meyerding: Option<String>,
    pub segmental_lordosis_deg: Option<f64>,
}

/// See [`crate::spine::CanalStanding`]; percentiles to 1, the ratio to 0.01. A class is that of its percentile: measured, and no grade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented at the type they come from")]
pub struct CanalDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ap_percentile: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ap_class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ap_over_body: Option<f64>,
}

/// See [`crate::spine::AxialAssignment`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented at the type they come from")]
pub struct AxialDocument {
    pub series: usize,
    pub block: usize,
    pub slice: usize,
    pub distance_mm: f64,
    pub angle_deg: f64,
}

/// See [`crate::spine::LumbarMeasurements`]; degrees to 0.1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented where they are measured")]
pub struct LumbarDocument {
    pub lumbar_lordosis_deg: Option<f64>,
    pub sacral_slope_deg: Option<f64>,
    /// By the name of a measurement: its standard deviation between repeats ([`crate::spine::Measurement::sd`]), in the
    /// measurement's unit. Absent where nothing was repeated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measurement_sd: BTreeMap<String, f64>,
    /// Why some of them are `null`.
    pub missing: Vec<MissingDocument>,
}

/// A finding about the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityDocument {
    /// Stable code, such as `slice-gap`.
    pub code: String,
    /// `info`, `warning` or `error`.
    pub severity: String,
    /// One sentence, without identity.
    pub text: String,
    /// Index into `series`, where it concerns one.
    pub series: Option<usize>,
}

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimingDocument {
    /// Name of the stage.
    pub stage: String,
    /// Wall time, ms.
    pub wall_ms: f64,
}

/// The members of a serialised group of measurements by key, in the order of the keys; `None` for what was not measured or is
/// no number.
pub(super) fn numbers_by_key(measurements: &impl Serialize) -> impl Iterator<Item = (String, Option<f64>)> {
    let members = match serde_json::to_value(measurements) {
        Ok(serde_json::Value::Object(members)) => members,
        // Plain structs with string keys are always an object.
        _ => serde_json::Map::new(),
    };
    members.into_iter().map(|(key, value)| (key, value.as_f64()))
}
