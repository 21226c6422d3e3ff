//! Measurements against our own measuring run on the true masks: what the network's outlines cost, and nothing else.

use super::figures::Sample;
use super::masks::Masks;
use super::split;
use super::truth::MaskClass;
use crate::analysis::spine_reading::read_spine;
use crate::export::report::{LevelDocument, ReportDocument};
use crate::spine::{DiscPlane, LevelMeasurements, LevelReport, add, length, scaled, sub};

/// Furthest that the centres of one and the same level may lie apart, mm: a third of a level's distance from the next.
const SAME_LEVEL_MM: f64 = 10.0;

/// A canal's mask ends where the dural sac tapers: the diameters this far above its end, mm, are the taper's and not judged.
const TAPER_MM: f64 = 10.0;
/// The canal's middle lies about so far behind a disc, mm.
const BEHIND_DISC_MM: f64 = 8.0;

/// An error from this on is told by name, mm.
const TOLD_MM: f64 = 3.0;

const TAPERED: &str = "canal AP at the disc: not judged, the mask's canal ends there";
const UNMATCHED: &str = "levels measured on the masks and not reported";

/// A measurement: the figure's name, the truth's value, the report's.
type Measure = (&'static str, fn(&LevelMeasurements) -> Option<f64>, fn(&LevelDocument) -> Option<f64>);

/// The canal's comes first: it is left out where the canal tapers.
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
    let (mut unmatched, mut tapered) = (0, 0);
    let canal_end_mm = canal_end_mm(masks);
    for level in &truth.levels {
        let tapers = behind_mm(&level.plane) < canal_end_mm + TAPER_MM;
        tapered += usize::from(tapers);
        match nearest(report, level) {
            Some(ours) => samples.extend(errors(level, ours, tapers, failures)),
            None => unmatched += 1,
        }
    }
    samples.push(Sample::total(TAPERED, tapered));
    samples.push(Sample::total(UNMATCHED, unmatched));
    samples
}

/// How high the lower end of the masks' canal lies, LPS mm.
fn canal_end_mm(masks: &Masks) -> f64 {
    let volume = &masks.volume;
    let place = |at: usize| {
        let in_slice = at % volume.slice_len();
        let (column, row) = (in_slice % volume.columns, in_slice / volume.columns);
        volume.position_lps_mm(column as f64, row as f64, at / volume.slice_len())[2]
    };
    let canal = masks.truth.iter().enumerate().filter(|(_, class)| **class == MaskClass::Canal);
    canal.map(|(at, _)| place(at)).fold(f64::INFINITY, f64::min)
}

/// How high the canal behind a disc lies, LPS mm.
fn behind_mm(plane: &DiscPlane) -> f64 {
    add(plane.centre_lps_mm, scaled(plane.anterior_lps, -(plane.depth_mm / 2.0 + BEHIND_DISC_MM)))[2]
}

fn nearest<'a>(report: &'a ReportDocument, level: &LevelReport) -> Option<&'a LevelDocument> {
    let away_mm = |l: &LevelDocument| length(sub(l.plane.centre_lps_mm, level.plane.centre_lps_mm));
    let nearest = report.levels.iter().min_by(|a, b| away_mm(a).total_cmp(&away_mm(b)))?;
    (away_mm(nearest) <= SAME_LEVEL_MM).then_some(nearest)
}

fn errors(truth: &LevelReport, ours: &LevelDocument, tapers: bool, failures: &mut Vec<String>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (name, of_truth, of_ours) in MEASURES.into_iter().skip(usize::from(tapers)) {
        let Some(expected) = of_truth(&truth.measurements) else { continue };
        match of_ours(ours) {
            Some(value) => {
                if (value - expected).abs() > TOLD_MM {
                    let level = format!("level {} ({} from below)", ours.name, ours.ordinal_from_below);
                    failures.push(format!("{level}: {name} {value:.1} mm, on the masks {expected:.1} mm"));
                }
                samples.push(Sample::error(name, "mm", value - expected));
            }
            None => samples.push(Sample::total(format!("{name}: no value"), 1)),
        }
    }
    samples
}
