//! Phantoms: every measurement against the phantom's own arithmetic, by name, and what is said of unusual spines.
//!
//! What is in view and not named, or has no value, is counted as missing; what stands at another vertebra is left to the
//! judge of names.

use super::MISNAMED_MM;
use super::figures::{Kind, Sample};
use super::names::{TrueNames, TrueVertebra};
use super::view::{Read, says_anomaly};
use crate::export::report::{LevelDocument, ReportDocument, VertebraDocument};
use crate::phantom::{DiscTruth, StudyTruth, VertebraTruth};
use crate::spine::{Vec3, length, sub};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Bytes of a phantom's truth.
const PHANTOM_TRUTH_BYTES_MAX: u64 = 4 << 20;
/// Lumbar vertebrae of most people.
pub(super) const USUAL_LUMBAR: usize = 5;

const ANOMALY_SAID: &str = "anomaly said (anomalous studies)";
const ANOMALY_CLAIMED: &str = "anomaly said (usual studies)";

type LevelMeasure = (&'static str, &'static str, fn(&LevelDocument) -> Option<f64>, fn(&DiscTruth) -> f64);
type VertebraMeasure = (&'static str, fn(&VertebraDocument) -> Option<f64>, fn(&VertebraTruth) -> f64);

const LEVEL: [LevelMeasure; 6] = [
    ("canal AP at the disc", "mm", |l| l.measurements.canal_ap_disc_mm, |t| t.canal_ap_mm),
    ("disc height anterior", "mm", |l| l.measurements.disc_height_anterior_mm, |t| t.height_anterior_mm),
    ("disc height middle", "mm", |l| l.measurements.disc_height_middle_mm, |t| t.height_middle_mm),
    ("disc height posterior", "mm", |l| l.measurements.disc_height_posterior_mm, |t| t.height_posterior_mm),
    ("slip", "mm", |l| l.measurements.slip_mm, |t| t.slip_mm),
    ("segmental lordosis", "deg", |l| l.measurements.segmental_lordosis_deg, |t| t.segmental_lordosis_deg),
];
const VERTEBRA: [VertebraMeasure; 5] = [
    ("vertebral height anterior", |v| v.measurements.height_anterior_mm, |t| t.height_anterior_mm),
    ("vertebral height middle", |v| v.measurements.height_middle_mm, |t| t.height_middle_mm),
    ("vertebral height posterior", |v| v.measurements.height_posterior_mm, |t| t.height_posterior_mm),
    ("vertebral depth", |v| v.measurements.depth_mm, |t| t.depth_mm),
    ("canal AP at the body", |v| v.measurements.canal_ap_body_mm, |t| t.canal_ap_mm),
];

/// Reads a phantom's `truth.json`.
pub(super) fn load(path: &Path) -> Result<StudyTruth, String> {
    let wrong = |reason: String| format!("{}: {reason}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| wrong(e.to_string()))?;
    file.take(PHANTOM_TRUTH_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| wrong(e.to_string()))?;
    if bytes.len() as u64 > PHANTOM_TRUTH_BYTES_MAX {
        return Err(wrong(format!("more than the {PHANTOM_TRUTH_BYTES_MAX} bytes of a phantom's truth")));
    }
    serde_json::from_slice(&bytes).map_err(|e| wrong(format!("no phantom's truth: {e}")))
}

/// The phantom's vertebrae as the truth of names.
pub(super) fn names(truth: &StudyTruth) -> TrueNames {
    let in_view = |name: &str| truth.vertebrae_in_view.iter().any(|v| v == name);
    let vertebra = |v: &VertebraTruth| TrueVertebra {
        name: v.name.clone(),
        centre_lps_mm: v.centre_lps_mm,
        outline: None,
        in_view: in_view(&v.name),
    };
    TrueNames {
        vertebrae: truth.anatomy.vertebrae.iter().map(vertebra).collect(),
        slice: None,
        s1_in_view: Some(in_view("S1")),
    }
}

/// Lumbar vertebrae of the phantom.
pub(super) fn lumbar_count(truth: &StudyTruth) -> usize {
    truth.anatomy.vertebrae.iter().filter(|v| v.name.starts_with('L')).count()
}

/// Whether an unusual spine is said to be one.
pub(super) fn anomaly(read: &Read<'_>, lumbar_count: usize, transitional: bool) -> Sample {
    let said = read.spine().is_some_and(|bundle| says_anomaly(&bundle.report));
    let unusual = lumbar_count != USUAL_LUMBAR || transitional;
    Sample::yes_no(if unusual { ANOMALY_SAID } else { ANOMALY_CLAIMED }, Kind::Share, said)
}

/// Errors of every measurement of what is in view.
pub(super) fn measurements(report: &ReportDocument, truth: &StudyTruth) -> Vec<Sample> {
    let mut samples = Vec::new();
    for disc in truth.anatomy.discs.iter().filter(|d| truth.discs_in_view.contains(&d.name)) {
        let level = report.levels.iter().find(|l| l.name == disc.name);
        let Some(level) = level else {
            samples.push(Sample::total("levels in view not named", 1));
            continue;
        };
        let Some(away) = distance_mm(level.plane.centre_lps_mm, disc.centre_lps_mm) else { continue };
        samples.push(Sample::error("distance of disc centres", "mm", away));
        for (name, unit, ours, expected) in LEVEL {
            samples.push(error_or_missing(name, unit, ours(level), expected(disc)));
        }
    }
    for v in truth.anatomy.vertebrae.iter().filter(|v| truth.vertebrae_in_view.contains(&v.name)) {
        let Some(vertebra) = report.vertebrae.iter().find(|o| o.name == v.name) else { continue };
        let Some(away) = distance_mm(vertebra.centre_lps_mm, v.centre_lps_mm) else { continue };
        samples.push(Sample::error("distance of body centres", "mm", away));
        // S1 has no lower endplate of its own in view: its heights are no vertebra's heights.
        for (name, ours, expected) in VERTEBRA.into_iter().filter(|_| v.name != "S1") {
            samples.push(error_or_missing(name, "mm", ours(vertebra), expected(v)));
        }
    }
    samples.extend(lumbar(report, truth));
    samples
}

/// `None` for what stands at another level.
fn distance_mm(ours: Vec3, truth: Vec3) -> Option<f64> {
    let away = length(sub(ours, truth));
    (away <= MISNAMED_MM).then_some(away)
}

fn error_or_missing(name: &str, unit: &'static str, ours: Option<f64>, truth: f64) -> Sample {
    ours.map_or_else(|| Sample::total(format!("{name}: no value"), 1), |v| Sample::error(name, unit, v - truth))
}

fn lumbar(report: &ReportDocument, truth: &StudyTruth) -> Vec<Sample> {
    let in_view = |name: &str| truth.vertebrae_in_view.iter().any(|v| v == name);
    let (true, true, Some(lumbar)) = (in_view("L1"), in_view("S1"), &report.lumbar) else { return Vec::new() };
    vec![
        error_or_missing("lumbar lordosis", "deg", lumbar.lumbar_lordosis_deg, truth.anatomy.lumbar_lordosis_deg),
        error_or_missing("sacral slope", "deg", lumbar.sacral_slope_deg, truth.anatomy.sacral_slope_deg),
    ]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;
    use crate::phantom::{Parameters, Phantom};

    fn study_truth(lumbar_count: u8) -> StudyTruth {
        let phantom = Phantom::new(&Parameters { lumbar_count, ..Parameters::default() }).unwrap();
        let in_view = ["L1", "L2", "L3"].map(str::to_owned).to_vec();
        StudyTruth { seed: 1, vertebrae_in_view: in_view, discs_in_view: Vec::new(), anatomy: phantom.truth() }
    }

    #[test]
    fn a_phantoms_truth_says_what_is_in_view_and_how_many_there_are() {
        let truth = study_truth(6);
        assert_eq!(lumbar_count(&truth), 6);
        let names = names(&truth);
        assert_eq!(names.s1_in_view, Some(false));
        assert_eq!(names.vertebrae.iter().filter(|v| v.in_view).count(), 3);
        let said = |count, transitional| anomaly(&Read::Refused("no-spine"), count, transitional).figure;
        assert_eq!(said(5, false), ANOMALY_CLAIMED);
        assert_eq!((said(4, false).as_str(), said(5, true).as_str()), (ANOMALY_SAID, ANOMALY_SAID));
    }

    #[test]
    fn a_value_that_is_missing_is_counted() {
        assert_eq!(error_or_missing("slip", "mm", Some(2.0), 3.5).value, -1.5);
        assert_eq!(error_or_missing("slip", "mm", None, 3.5), Sample::total("slip: no value", 1));
    }

    #[test]
    fn a_truth_that_is_none_is_named() {
        let said = load(Path::new("/nowhere/truth.json")).unwrap_err();
        assert!(said.starts_with("/nowhere/truth.json: "), "{said}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"seed\": 1}").unwrap();
        assert!(load(file.path()).unwrap_err().contains("no phantom's truth: missing field"));
    }
}
