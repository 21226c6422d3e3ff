//! Measurements against our own measuring run on the true masks: what the network's outlines cost, and nothing else.

use super::figures::Sample;
use super::masks::Masks;
use super::split;
use crate::analysis::spine_reading::read_spine;
use crate::export::report::{LevelDocument, ReportDocument};
use crate::spine::{LevelMeasurements, LevelReport, length, sub};

/// Furthest that the centres of one and the same level may lie apart, mm: a third of a level's distance from the next.
const SAME_LEVEL_MM: f64 = 10.0;

const UNMATCHED: &str = "levels measured on the masks and not reported";

/// A measurement: the figure's name, the truth's value, the report's.
type Measure = (&'static str, fn(&LevelMeasurements) -> Option<f64>, fn(&LevelDocument) -> Option<f64>);

const MEASURES: [Measure; 4] = [
    ("canal AP at the disc", |m| m.canal_ap_disc_mm.get(), |l| l.measurements.canal_ap_disc_mm),
    ("disc height anterior", |m| m.disc_height_anterior_mm.get(), |l| l.measurements.disc_height_anterior_mm),
    ("disc height middle", |m| m.disc_height_middle_mm.get(), |l| l.measurements.disc_height_middle_mm),
    ("disc height posterior", |m| m.disc_height_posterior_mm.get(), |l| l.measurements.disc_height_posterior_mm),
];

/// Errors of the report's measurements against those on the masks, level by level, matched by their centres: masks without
/// a sacrum give no names.
pub(super) fn against_masks(report: &ReportDocument, masks: &Masks, failures: &mut Vec<String>) -> Vec<Sample> {
    let Some(semantic) = split::semantic(masks) else {
        failures.push("the masks have vertebrae in one piece and no canal: nothing was measured on them".to_owned());
        return Vec::new();
    };
    let truth = match read_spine(&masks.volume, semantic) {
        Ok(spine) => spine,
        Err(e) => {
            failures.push(format!("nothing was measured on the masks: {e}"));
            return Vec::new();
        }
    };
    let mut samples = Vec::new();
    let mut unmatched = 0;
    for level in &truth.levels {
        match nearest(report, level) {
            Some(ours) => samples.extend(errors(level, ours)),
            None => unmatched += 1,
        }
    }
    samples.push(Sample::total(UNMATCHED, unmatched));
    samples
}

fn nearest<'a>(report: &'a ReportDocument, level: &LevelReport) -> Option<&'a LevelDocument> {
    let away_mm = |l: &LevelDocument| length(sub(l.plane.centre_lps_mm, level.plane.centre_lps_mm));
    let nearest = report.levels.iter().min_by(|a, b| away_mm(a).total_cmp(&away_mm(b)))?;
    (away_mm(nearest) <= SAME_LEVEL_MM).then_some(nearest)
}

fn errors(truth: &LevelReport, ours: &LevelDocument) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (name, of_truth, of_ours) in MEASURES {
        let Some(expected) = of_truth(&truth.measurements) else { continue };
        match of_ours(ours) {
            Some(value) => samples.push(Sample::error(name, "mm", value - expected)),
            None => samples.push(Sample::total(format!("{name}: no value"), 1)),
        }
    }
    samples
}
