//! What a report says of grades and measurements, level by level: its answers.
//!
//! The report may be anybody's: lists and names are bounded, and what is wrong is said by key. Keys that are not needed are passed over,
//! so that reports of later versions are read as well.

use crate::evaluation::truth::grades::{LevelPlace, MEASUREMENTS, TrueGrade, TrueMeasurement, grade_place};
use crate::export::report::{ReportDocument, UNKNOWN};
use crate::spine::{BodySide, GradeScale, GradedFinding, SURE_ENOUGH};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Display;
use thiserror::Error;

/// Levels of a report: more than a spine has.
const LEVELS_MAX: usize = 24;
/// Grades of a level.
const GRADES_OF_LEVEL_MAX: usize = 64;
/// Furthest that probabilities may be from 1 together: each is rounded.
const SUM_TOLERANCE: f64 = 0.01;

/// A report, or a prediction, that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct AnswersError(String);

/// A grade that was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its place on the scale.
    pub grade: u8,
    /// The probability of each grade; empty where none was told.
    pub probabilities: Vec<f64>,
    /// The prediction set: bit n is the grade at place n; 0 where none was given.
    pub set: u8,
    /// Whether the calibration was too thin for the set to promise anything.
    pub is_thin: bool,
}

impl Answer {
    /// Takes an answer apart as it is written: `grade` may be empty where there are probabilities, then the most probable one is given.
    pub(super) fn new(
        scale: GradeScale,
        grade: &str,
        probabilities: Vec<f64>,
        set: &[&str],
        is_thin: bool,
    ) -> Result<Self, (&'static str, String)> {
        let place = |key: &'static str, name: &str| {
            let wrong = || (key, format!("is no grade of the scale {}: {}", scale.name(), scale.grades().join(", ")));
            grade_place(name, scale).and_then(|place| u8::try_from(place).ok()).ok_or_else(wrong)
        };
        if !probabilities.is_empty() {
            check_probabilities(scale, &probabilities)?;
        }
        let mut bits = 0;
        for name in set {
            bits |= 1 << place("set", name)?;
        }
        let most = probabilities.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        let grade = match (grade.is_empty(), most) {
            (true, Some((most, _))) => u8::try_from(most).unwrap_or(u8::MAX),
            _ => place("grade", grade)?,
        };
        Ok(Self { grade, probabilities, set: bits, is_thin })
    }
}

fn check_probabilities(scale: GradeScale, probabilities: &[f64]) -> Result<(), (&'static str, String)> {
    let grades = scale.grades().len();
    if probabilities.len() != grades {
        return Err(("p0", format!("has {} probabilities where the scale has {grades} grades", probabilities.len())));
    }
    let (all, sum) = (probabilities.iter().all(|p| (0.0..=1.0).contains(p)), probabilities.iter().sum::<f64>());
    if !all || (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(("p0", format!("has probabilities that are not from 0 to 1, or not 1 together but {sum:.3}")));
    }
    Ok(())
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answers {
    /// Why there is no reading.
    refusal: Option<String>,
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq)]
struct Level {
    name: String,
    from_below: usize,
    is_sure: bool,
    grades: BTreeMap<(GradedFinding, Option<BodySide>), Answer>,
    /// Codes of the views that were missing.
    ungraded: Vec<String>,
    measurements: BTreeMap<&'static str, f64>,
    /// By measurement, why it is missing.
    missing: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Document {
    refusal: Option<Coded>,
    #[serde(default)]
    levels: Vec<LevelOfDocument>,
}

#[derive(Deserialize)]
struct Coded {
    code: String,
}

#[derive(Deserialize)]
struct Missing {
    reason: String,
    measurements: Vec<String>,
}

#[derive(Deserialize)]
struct LevelOfDocument {
    name: String,
    ordinal_from_below: usize,
    confidence: f64,
    measurements: BTreeMap<String, Value>,
    #[serde(default)]
    missing: Vec<Missing>,
    #[serde(default)]
    grades: Vec<GradeOfDocument>,
    #[serde(default)]
    ungraded: Vec<Coded>,
}

#[derive(Deserialize)]
struct GradeOfDocument {
    finding: String,
    side: Option<String>,
    scale: String,
    grade: String,
    #[serde(default)]
    probabilities: Vec<f64>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    set_thin: bool,
}

fn wrong(key: &str, reason: impl Display) -> AnswersError {
    AnswersError(format!("is a wrong report: `{key}` {reason}"))
}

impl Answers {
    /// The answers of a report that was made now.
    ///
    /// # Errors
    /// What is wrong with the report.
    pub fn of(report: &ReportDocument) -> Result<Self, AnswersError> {
        // As it is written, so that a report that was just made and its file are judged alike.
        let json = serde_json::to_string(report).map_err(|error| AnswersError(error.to_string()))?;
        Self::parse(&json)
    }

    /// The answers of a `report.json`.
    ///
    /// # Errors
    /// What is wrong with it, by key.
    pub fn parse(json: &str) -> Result<Self, AnswersError> {
        let json = json.trim_start_matches('\u{feff}');
        let document: Document =
            serde_json::from_str(json).map_err(|error| AnswersError(format!("is a wrong report: {error}")))?;
        if document.levels.len() > LEVELS_MAX {
            return Err(wrong("levels", format_args!("has more than {LEVELS_MAX} levels")));
        }
        let levels = document.levels.into_iter().enumerate().map(|(i, level)| level.level(i));
        Ok(Self { refusal: document.refusal.map(|r| r.code), levels: levels.collect::<Result<_, _>>()? })
    }

    /// Why there is no reading, where there is none.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// The grade that is asked for, or the reason why it is not given.
    ///
    /// # Errors
    /// The reason.
    pub fn grade(&self, asked: &TrueGrade) -> Result<&Answer, String> {
        let level = self.level(asked.level)?;
        let not_graded = || match level.ungraded.as_slice() {
            // Of what is never graded nothing is missing; a view that is missing may be the reason.
            [] => "not graded by these models".to_owned(),
            codes => format!("not graded; missing: {}", codes.join(", ")),
        };
        level.grades.get(&(asked.finding, asked.side)).ok_or_else(not_graded)
    }

    /// The measurement that is asked for, or the reason why it is not given.
    ///
    /// # Errors
    /// The reason.
    pub fn measurement(&self, asked: &TrueMeasurement) -> Result<f64, String> {
        let level = self.level(asked.level)?;
        let name = MEASUREMENTS.get(asked.which).map_or("", |(name, _)| name);
        let missing = || format!("no value: {}", level.missing.get(name).map_or("no reason", String::as_str));
        level.measurements.get(name).copied().ok_or_else(missing)
    }

    fn level(&self, place: LevelPlace) -> Result<&Level, String> {
        if let Some(code) = &self.refusal {
            return Err(format!("refused: {code}"));
        }
        match place {
            LevelPlace::FromBelow(place) => self
                .levels
                .iter()
                .find(|level| level.from_below == usize::from(place))
                .ok_or_else(|| "no such level".to_owned()),
            LevelPlace::Named(disc) => {
                let name = disc.to_string();
                let level = self.levels.iter().find(|level| level.name == name);
                let none = if self.levels.iter().any(|level| level.name == UNKNOWN) {
                    "no level of this name, and some without a name"
                } else {
                    "no level of this name"
                };
                let level = level.ok_or_else(|| none.to_owned())?;
                if level.is_sure { Ok(level) } else { Err("the level's name is doubtful".to_owned()) }
            }
        }
    }
}

impl LevelOfDocument {
    fn level(self, index: usize) -> Result<Level, AnswersError> {
        let key = |name: &str| format!("levels[{index}].{name}");
        if self.grades.len() > GRADES_OF_LEVEL_MAX {
            return Err(wrong(&key("grades"), format_args!("has more than {GRADES_OF_LEVEL_MAX} grades")));
        }
        let mut grades = BTreeMap::new();
        for (i, grade) in self.grades.into_iter().enumerate() {
            let key = |name: &str| key(&format!("grades[{i}].{name}"));
            let Some((of, answer)) = grade.answer().map_err(|(name, reason)| wrong(&key(name), reason))? else {
                continue;
            };
            if grades.insert(of, answer).is_some() {
                return Err(wrong(&key("finding"), "is there twice"));
            }
        }
        let measured = MEASUREMENTS.iter().filter_map(|(name, _)| {
            self.measurements.get(*name).and_then(Value::as_f64).filter(|v| v.is_finite()).map(|value| (*name, value))
        });
        let missing =
            self.missing.into_iter().flat_map(|m| m.measurements.into_iter().map(move |n| (n, m.reason.clone())));
        Ok(Level {
            name: self.name,
            from_below: self.ordinal_from_below,
            is_sure: self.confidence >= SURE_ENOUGH,
            grades,
            ungraded: self.ungraded.into_iter().map(|coded| coded.code).collect(),
            measurements: measured.collect(),
            missing: missing.collect(),
        })
    }
}

type OfFinding = ((GradedFinding, Option<BodySide>), Answer);

impl GradeOfDocument {
    /// `None` for a finding that is not known, or on a scale that is not that of the finding.
    fn answer(self) -> Result<Option<OfFinding>, (&'static str, String)> {
        let Some(finding) = GradedFinding::from_name(&self.finding) else { return Ok(None) };
        let scale = finding.scale();
        if self.scale != scale.name() {
            return Err(("scale", format!("is not {}", scale.name())));
        }
        let side = self.side.as_deref().and_then(BodySide::from_name);
        if side.is_some() != finding.is_sided() || side.is_none() && self.side.is_some() {
            return Err(("side", "does not fit the finding".to_owned()));
        }
        let set: Vec<&str> = self.set.iter().map(String::as_str).collect();
        let answer = Answer::new(scale, &self.grade, self.probabilities, &set, self.set_thin)?;
        Ok(Some(((finding, side), answer)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;
    use crate::evaluation::truth::grades::GradeRange;
    use serde_json::json;

    fn document() -> Value {
        json!({
            "schema": "deepspine.report/1", "refusal": null, "something_later": 1,
            "levels": [{
                "name": "L4-L5", "ordinal_from_below": 2, "confidence": 0.9,
                "measurements": {"canal_ap_disc_mm": 9.5, "slip_mm": null, "meyerding": "I"},
                "missing": [{"reason": "end plate out of view", "measurements": ["slip_mm"]}],
                "grades": [{"finding": "disc-degeneration", "scale": "pfirrmann", "grade": "IV",
                            "probabilities": [0.0, 0.1, 0.2, 0.5, 0.2], "set": ["III", "IV"], "inputs": []},
                           {"finding": "of-later", "scale": "x", "grade": "y"}],
                "ungraded": [{"code": "no-axial-t2", "text": ""}],
            }, {"name": "unknown", "ordinal_from_below": 3, "confidence": 0.0, "measurements": {}}],
        })
    }

    fn asked(level: &str, finding: GradedFinding) -> TrueGrade {
        TrueGrade {
            level: LevelPlace::parse(level).unwrap(),
            finding,
            side: None,
            range: GradeRange { from: 0, to: 0 },
        }
    }

    #[test]
    fn an_answer_is_found_by_name_or_from_below_or_there_is_a_reason() {
        let answers = Answers::parse(&document().to_string()).unwrap();
        let pfirrmann = |level| answers.grade(&asked(level, GradedFinding::DiscDegeneration));
        assert_eq!((pfirrmann("L4-L5").unwrap().grade, pfirrmann("2").unwrap().set), (3, 0b01100));
        assert_eq!(pfirrmann("L3-L4").unwrap_err(), "no level of this name, and some without a name");
        assert_eq!(pfirrmann("3").unwrap_err(), "not graded by these models");
        assert_eq!(pfirrmann("7").unwrap_err(), "no such level");
        let canal = answers.grade(&asked("L4-L5", GradedFinding::CentralCanalStenosis));
        assert_eq!(canal.unwrap_err(), "not graded; missing: no-axial-t2");
        let measured = |name| answers.measurement(&TrueMeasurement::new(LevelPlace::FromBelow(2), name, 1.0).unwrap());
        assert_eq!(measured("canal_ap_disc_mm"), Ok(9.5));
        assert_eq!(measured("slip_mm").unwrap_err(), "no value: end plate out of view");
    }

    #[test]
    fn a_doubtful_name_and_a_refusal_answer_nothing() {
        let mut doubtful = document();
        doubtful["levels"][0]["confidence"] = json!(0.5);
        let answers = Answers::parse(&doubtful.to_string()).unwrap();
        let of = |answers: &Answers, level| answers.grade(&asked(level, GradedFinding::DiscDegeneration)).cloned();
        assert_eq!(of(&answers, "L4-L5").unwrap_err(), "the level's name is doubtful");
        assert!(of(&answers, "2").is_ok(), "counted from below no name is needed");
        let refused = json!({"refusal": {"code": "no-spine", "text": ""}, "levels": []});
        assert_eq!(of(&Answers::parse(&refused.to_string()).unwrap(), "2").unwrap_err(), "refused: no-spine");
    }

    #[test]
    fn what_is_wrong_is_said_by_its_key() {
        let changed = |key: &str, value: Value| {
            let mut document = document();
            document["levels"][0]["grades"][0][key] = value;
            Answers::parse(&document.to_string()).unwrap_err().to_string()
        };
        for (key, value, wanted) in [
            ("grade", json!("VI"), "`levels[0].grades[0].grade` is no grade"),
            ("set", json!(["mild"]), "`levels[0].grades[0].set` is no grade"),
            ("scale", json!("stenosis"), "`levels[0].grades[0].scale` is not pfirrmann"),
            ("side", json!("left"), "`levels[0].grades[0].side` does not fit"),
            ("probabilities", json!([1.0]), "has 1 probabilities where the scale has 5"),
            ("probabilities", json!([0.5, 0.5, 0.5, 0.0, 0.0]), "not 1 together but 1.500"),
            ("probabilities", json!([2.0, -1.0, 0.0, 0.0, 0.0]), "not from 0 to 1"),
        ] {
            let said = changed(key, value);
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        assert!(Answers::parse("[").unwrap_err().to_string().starts_with("is a wrong report"));
    }

    #[test]
    fn without_a_grade_the_most_probable_is_given_and_the_milder_of_two_alike() {
        let of = |p: [f64; 4]| Answer::new(GradeScale::Stenosis, "", p.to_vec(), &[], false).unwrap().grade;
        assert_eq!((of([0.1, 0.2, 0.6, 0.1]), of([0.1, 0.4, 0.4, 0.1])), (2, 1));
        assert!(Answer::new(GradeScale::Stenosis, "", Vec::new(), &[], false).is_err());
    }
}
