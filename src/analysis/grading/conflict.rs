//! Where what was measured and what was graded speak against each other: said, never averaged.

use crate::spine::{GradedFinding, LevelReport, QualityCode, QualityFinding, SetCoverage, Severity};

/// A slip below this is none, % of the end plate below.
const NO_SLIP_PERCENT: f64 = 3.0;
/// A slip above this is one.
const SLIP_PERCENT: f64 = 12.0;
/// The place of `moderate` among the grades of stenosis.
const MODERATE: usize = 2;
/// A canal above this percentile of its diameter is a wide one.
const WIDE_PERCENTILE: f64 = 75.0;
/// A canal below this one is a narrow one.
const NARROW_PERCENTILE: f64 = 5.0;
/// How the codes of views begin that were strange.
pub(super) const STRANGE: &str = "strange-";

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

/// The levels whose prediction set holds nothing but moderate and severe stenosis where the measured canal is wider than [`WIDE_PERCENTILE`] of all, or
/// nothing but less (where no stenosis is graded: nothing but a free sac) where it is narrower than [`NARROW_PERCENTILE`]. A compressed sac in a wide canal
/// is no conflict: notes call a bulge that touches the sac one, at 8 % of SPIDER's levels. The other rules name 0.2 % of them (`grading.conflicts`).
pub(in crate::analysis) fn canal_conflict(levels: &[LevelReport]) -> Option<QualityFinding> {
    let named: Vec<String> = levels.iter().filter(|level| is_canal_conflict(level)).map(called).collect();
    (!named.is_empty()).then(|| QualityFinding {
        code: QualityCode::CanalConflict,
        severity: Severity::Warning,
        text: format!("{}: the canal that was graded and the canal that was measured do not agree", named.join(", ")),
        series: None,
    })
}

fn is_canal_conflict(level: &LevelReport) -> bool {
    let set_of = |finding| level.grades.iter().find(|g| g.finding == finding).map(|g| g.set);
    let Some(percentile) = level.canal.ap_percentile else { return false };
    match (set_of(GradedFinding::CentralCanalStenosis), set_of(GradedFinding::SacCompression)) {
        (Some([first, last]), _) => {
            (first >= MODERATE && percentile > WIDE_PERCENTILE) || (last < MODERATE && percentile < NARROW_PERCENTILE)
        }
        (None, Some(sac)) => sac == [0, 0] && percentile < NARROW_PERCENTILE,
        (None, None) => false,
    }
}

/// The levels of which a picture was strange ([`super::gates`]): their sets are wide, or what rests on it is not graded.
pub(in crate::analysis) fn strange_pictures(levels: &[LevelReport]) -> Option<QualityFinding> {
    let is_strange = |level: &&LevelReport| {
        level.grades.iter().any(|g| g.coverage == SetCoverage::Strange)
            || level.ungraded.iter().any(|why| why.code.starts_with(STRANGE))
    };
    let named: Vec<String> = levels.iter().filter(is_strange).map(called).collect();
    (!named.is_empty()).then(|| QualityFinding {
        code: QualityCode::StrangePicture,
        severity: Severity::Warning,
        text: format!(
            "{}: pictures are unlike those that the networks were trained on (metal, motion, contrast or place); their grades are withheld or little is promised of them",
            named.join(", ")
        ),
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
