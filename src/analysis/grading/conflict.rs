//! Where what was measured and what was graded speak against each other: said, never averaged.

use crate::spine::{GradedFinding, LevelReport, QualityCode, QualityFinding, Severity};

/// A slip below this is none, % of the end plate below.
const NO_SLIP_PERCENT: f64 = 3.0;
/// A slip above this is one.
const SLIP_PERCENT: f64 = 12.0;

/// The levels whose prediction set holds nothing but "a slip" where none was measured, or nothing but "no slip" where one was. By this rule 1.5 % of
/// SPIDER's and Sudirman's 2,063 levels are named, at an error rate of 10 % (`grading.conflicts`).
pub(in crate::analysis) fn slip_conflict(levels: &[LevelReport]) -> Option<QualityFinding> {
    let named: Vec<String> = levels.iter().filter(|level| is_slip_conflict(level)).map(called).collect();
    (!named.is_empty()).then(|| QualityFinding {
        code: QualityCode::SlipConflict,
        severity: Severity::Warning,
        text: format!("{}: the slip that was graded and the slip that was measured do not agree", named.join(", ")),
        series: None,
    })
}

fn is_slip_conflict(level: &LevelReport) -> bool {
    let graded = level.grades.iter().find(|g| g.finding == GradedFinding::Spondylolisthesis).map(|g| g.set);
    let measured = level.measurements.slip_percent.get().map(f64::abs);
    match (graded, measured) {
        (Some([1, 1]), Some(percent)) => percent < NO_SLIP_PERCENT,
        (Some([0, 0]), Some(percent)) => percent > SLIP_PERCENT,
        _ => false,
    }
}

fn called(level: &LevelReport) -> String {
    let number = level.designation.ordinal_from_below;
    level.designation.name.map_or_else(|| format!("disc no. {number} from below"), |disc| disc.to_string())
}
