//! A truth and what was answered, one beside the other.

use super::answers::{Answer, Answers};
use crate::evaluation::phantoms;
use crate::evaluation::truth::grades::{GradeRange, LevelPlace, MEASUREMENTS, TrueGrade, TrueMeasurement};
use crate::evaluation::{TruthSet, TruthStudy};
use crate::phantom::{Narrowing, StudyTruth};
use crate::spine::{BodySide, GradedFinding};

/// A grade that is known, and the answer or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The study, as the truth calls it.
    pub study: String,
    /// Whose it is.
    pub subject: String,
    /// What is kept apart.
    pub group: String,
    /// Where; `None` where a table of predictions does not say.
    pub level: Option<LevelPlace>,
    /// Of what.
    pub finding: GradedFinding,
    /// On which side.
    pub side: Option<BodySide>,
    /// What is known.
    pub truth: GradeRange,
    /// What it counts when figures are re-weighted.
    pub weight: f64,
    /// What was answered.
    pub answer: Result<Answer, String>,
}

/// A measurement that is known, and the answer or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredPair {
    /// The study, as the truth calls it.
    pub study: String,
    /// Whose it is.
    pub subject: String,
    /// What is kept apart.
    pub group: String,
    /// Where.
    pub level: LevelPlace,
    /// Its place in [`MEASUREMENTS`].
    pub which: usize,
    /// What is known.
    pub truth: f64,
    /// What was measured.
    pub answer: Result<f64, String>,
}

/// All pairs of a set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Held {
    /// Of grades.
    pub grades: Vec<Pair>,
    /// Of measurements.
    pub measurements: Vec<MeasuredPair>,
}

impl Held {
    /// Holds the answers of a study, or the reason why it has none, against what is known of it.
    pub fn add(&mut self, set: &TruthSet, study: &TruthStudy, answers: Result<&Answers, &str>) {
        let (grades, measurements) = true_grades(set, study);
        let name = study.path.display().to_string();
        for truth in grades {
            let answer = answers.map_err(str::to_owned).and_then(|answers| answers.grade(&truth).cloned());
            self.grades.push(Pair {
                study: name.clone(),
                subject: study.subject.clone(),
                group: study.group.clone(),
                level: Some(truth.level),
                finding: truth.finding,
                side: truth.side,
                truth: truth.range,
                weight: 1.0,
                answer,
            });
        }
        for truth in measurements {
            let answer = answers.map_err(str::to_owned).and_then(|answers| answers.measurement(&truth));
            self.measurements.push(MeasuredPair {
                study: name.clone(),
                subject: study.subject.clone(),
                group: study.group.clone(),
                level: truth.level,
                which: truth.which,
                truth: truth.value,
                answer,
            });
        }
    }
}

/// The grades and measurements that are known of a study: what the truth file says, and what a phantom says of itself.
#[must_use]
pub fn true_grades(set: &TruthSet, study: &TruthStudy) -> (Vec<TrueGrade>, Vec<TrueMeasurement>) {
    let (mut grades, mut measurements) = (study.grades.clone(), study.measurements.clone());
    // A phantom's truth that can't be read is told where names are judged.
    let phantom = study.truth.as_ref().and_then(|path| phantoms::load(&set.resolve(path)).ok());
    if let Some(phantom) = phantom {
        let (of_phantom, measured) = of_phantom(&phantom);
        let same = |a: &TrueGrade, b: &TrueGrade| (a.level, a.finding, a.side) == (b.level, b.finding, b.side);
        grades.extend(of_phantom.into_iter().filter(|new| !study.grades.iter().any(|there| same(there, new))));
        let same = |a: &TrueMeasurement, b: &TrueMeasurement| (a.level, a.which) == (b.level, b.which);
        measurements
            .extend(measured.into_iter().filter(|new| !study.measurements.iter().any(|there| same(there, new))));
    }
    (grades, measurements)
}

/// What a phantom knows of its discs in view.
fn of_phantom(truth: &StudyTruth) -> (Vec<TrueGrade>, Vec<TrueMeasurement>) {
    let (mut grades, mut measurements) = (Vec::new(), Vec::new());
    for disc in truth.anatomy.discs.iter().filter(|disc| truth.discs_in_view.contains(&disc.name)) {
        let Ok(level) = LevelPlace::parse(&disc.name) else { continue };
        let narrowed = |narrowing: Narrowing| narrowing as usize;
        let canal = GradedFinding::CentralCanalStenosis;
        let foramen = GradedFinding::ForaminalStenosis;
        let known = [
            (canal, None, narrowed(disc.central)),
            (foramen, Some(BodySide::Left), narrowed(disc.left_foramen)),
            (foramen, Some(BodySide::Right), narrowed(disc.right_foramen)),
            (GradedFinding::DiscDegeneration, None, usize::from(disc.pfirrmann.saturating_sub(1))),
        ];
        let range = |grade| GradeRange::of(grade, grade);
        grades.extend(known.map(|(finding, side, grade)| TrueGrade { level, finding, side, range: range(grade) }));
        let values = [
            disc.canal_ap_mm,
            disc.canal_area_mm2,
            disc.height_anterior_mm,
            disc.height_middle_mm,
            disc.height_posterior_mm,
            disc.height_index,
            disc.slip_mm,
            disc.slip_percent,
            disc.segmental_lordosis_deg,
        ];
        const { assert!(MEASUREMENTS.len() == 9) };
        measurements.extend(values.into_iter().enumerate().map(|(which, value)| TrueMeasurement {
            level,
            which,
            value,
        }));
    }
    (grades, measurements)
}
