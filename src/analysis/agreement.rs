//! Whether a second sagittal series, of another weighting, calls the same body S1.
//!
//! What makes a network take S2 or L5 for S1 in one contrast often does not in the other: in a transitional junction the remnant
//! disc is bright in T2 and grey in T1. So the middle slices of a second series are read as well. Where both give names and they
//! are not the same, one of them is off by a level and nobody can say which: none is given.

use super::spine_reading::SpineReading;
use crate::spine::{Evidence, QualityCode, QualityFinding, Severity, Vec3, VertebraReport};

/// Bodies of two series whose middles lie this near in the sagittal plane are one, mm: less than half the way to the
/// next one, and more than a patient moves between two series.
const SAME_BODY_MM: f64 = 12.0;

/// What the second series says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreement {
    /// No body has a name in both.
    Unknown,
    /// Every body that has a name in both has the same one.
    Same,
    /// One has two names.
    Different,
}

/// Holds the names in `second`, the reading of a few middle slices of another sagittal series, against those of `spine`. A series
/// in which no spine is found has no opinion.
pub(super) fn judge(spine: &mut SpineReading, second: Option<&SpineReading>) {
    let Some(other) = second.filter(|_| spine.vertebrae.iter().any(|v| v.designation.name.is_some())) else { return };
    match compare(&spine.vertebrae, &other.vertebrae) {
        Agreement::Unknown => {}
        Agreement::Same => {
            let text = "a second series, read apart, gives the same names".to_owned();
            if let Some(anchor) = spine.vertebrae.first_mut() {
                anchor.designation.evidence.push(Evidence { code: "second-series-agrees", text });
            }
        }
        Agreement::Different => {
            let text = "two sagittal series, read apart, do not call the same vertebra S1";
            spine.withhold_names(text);
            spine.quality.push(QualityFinding {
                code: QualityCode::LevelConflict,
                severity: Severity::Warning,
                text: format!("{text}: vertebrae and discs are numbered from below and not named"),
                series: None,
            });
        }
    }
}

fn compare(first: &[VertebraReport], second: &[VertebraReport]) -> Agreement {
    let mut agreement = Agreement::Unknown;
    for one in first {
        let away_mm = |other: &VertebraReport| sagittal_distance_mm(one.centre_lps_mm, other.centre_lps_mm);
        let nearest = second.iter().min_by(|a, b| away_mm(a).total_cmp(&away_mm(b)));
        let Some(other) = nearest.filter(|other| away_mm(other) <= SAME_BODY_MM) else { continue };
        match one.designation.name.zip(other.designation.name) {
            Some((a, b)) if a == b => agreement = Agreement::Same,
            Some(_) => return Agreement::Different,
            None => {}
        }
    }
    agreement
}

/// Distance of two places without its sideways part, mm: a few slices say little of that.
fn sagittal_distance_mm(a: Vec3, b: Vec3) -> f64 {
    (a[1] - b[1]).hypot(a[2] - b[2])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]
mod tests {
    use super::*;
    use crate::analysis::spine_reading::read_spine;
    use crate::analysis::synthetic::SyntheticSpine;

    fn read(spine: &SyntheticSpine) -> SpineReading {
        let rendered = spine.render();
        read_spine(&rendered.volume, rendered.mask).unwrap()
    }

    /// The same spine, its names one level too high.
    fn shifted(mut reading: SpineReading) -> SpineReading {
        for vertebra in &mut reading.vertebrae {
            vertebra.designation.name = vertebra.designation.name.and_then(crate::spine::Vertebra::above);
        }
        reading
    }

    #[test]
    fn three_slices_agree_with_the_whole_series_and_a_shift_is_seen() {
        let whole = read(&SyntheticSpine::default());
        let few = read(&SyntheticSpine { slices: 3, ..SyntheticSpine::default() });
        assert_eq!(compare(&whole.vertebrae, &few.vertebrae), Agreement::Same);
        assert_eq!(compare(&whole.vertebrae, &shifted(few).vertebrae), Agreement::Different);
    }

    #[test]
    fn a_patient_who_moved_or_a_series_without_names_says_nothing() {
        let whole = read(&SyntheticSpine::default());
        let mut moved = shifted(read(&SyntheticSpine { slices: 3, ..SyntheticSpine::default() }));
        moved.vertebrae.iter_mut().for_each(|v| v.centre_lps_mm[2] += 500.0);
        assert_eq!(compare(&whole.vertebrae, &moved.vertebrae), Agreement::Unknown);
        let unnamed = read(&SyntheticSpine { sacrum: false, ..SyntheticSpine::default() });
        assert_eq!(compare(&whole.vertebrae, &unnamed.vertebrae), Agreement::Unknown);
    }

    #[test]
    fn withheld_names_are_nowhere() {
        let mut reading = read(&SyntheticSpine::default());
        reading.withhold_names("for a test");
        assert!(reading.vertebrae.iter().all(|v| v.designation.name.is_none() && v.designation.confidence == 0.0));
        assert!(reading.levels.iter().all(|l| l.designation.name.is_none()));
        assert!(reading.parts.iter().all(|p| p.vertebra.is_none() && p.disc.is_none()));
        assert!(reading.lumbar.lumbar_lordosis_deg.value.is_err() && reading.lumbar.sacral_slope_deg.value.is_err());
    }
}
