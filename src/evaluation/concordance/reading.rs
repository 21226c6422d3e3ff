//! One reading, as the join needs it: made from a `deepspine.report/1`, of which everything else is forgotten.
//!
//! The file may be anybody's: its size, its lists and its names are bounded, and what is wrong is said by key. Keys that are not needed
//! are passed over, so that reports of later versions, and reports with their envelope from the wire, are read as well.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Deserialize;

use super::subject::{Scale, Subject};
use crate::export::report::{REPORT_SCHEMA, UNKNOWN};
use crate::labels::{Place, Side};
use crate::spine::{Disc, SURE_ENOUGH};

/// Bytes of a report's file: as it travels it has some 31 thousand, as it is written for people some more.
pub const READING_BYTES_MAX: u64 = 4 << 20;
/// Levels of a report: more than a spine has.
const LEVELS_MAX: usize = 24;
/// Grades of a level.
const GRADES_OF_LEVEL_MAX: usize = 64;
/// Bytes of an id in a report.
const ID_BYTES_MAX: usize = 128;
/// Widest canal that is taken for one, mm.
const CANAL_MM_MAX: f64 = 200.0;

/// A reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Keyed hash of the study.
    pub study_key: Box<str>,
    /// Keyed hash of the order, where there is one.
    pub accession_key: Option<Box<str>>,
    /// Keyed hash of the reading.
    pub report_id: Box<str>,
    /// Counts the readings of the study.
    pub revision: u32,
    /// When it was made.
    pub produced_at: Timestamp,
    /// Whether nothing was read.
    pub is_refused: bool,
    /// Levels without a name.
    pub unknown_levels: usize,
    /// Levels with a name.
    pub levels: Vec<Level>,
}

/// A level of a reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Its name.
    pub disc: Disc,
    /// Whether the name is sure enough.
    pub is_sure: bool,
    /// What was graded there.
    pub grades: Vec<Grade>,
    /// The canal's AP diameter at the disc, mm.
    pub canal_ap_mm: Option<f64>,
}

/// A grade of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grade {
    /// Of what.
    pub subject: Subject,
    /// On which side, of what has sides.
    pub side: Option<Side>,
    /// Its rank on the subject's scale.
    pub rank: u8,
    /// The prediction set: bit n is the grade of rank n; 0 where none is given.
    pub set: u8,
}

impl Grade {
    /// The names of the prediction set.
    #[must_use]
    pub fn set_names(&self) -> Vec<&'static str> {
        let grades = self.subject.scale().grades();
        grades.iter().enumerate().filter(|(rank, _)| self.set >> rank & 1 == 1).map(|(_, name)| *name).collect()
    }
}

/// Why a file is no reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingError(String);

impl fmt::Display for ReadingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadingError {}

#[derive(Deserialize)]
struct SchemaOnly {
    schema: String,
}

#[derive(Deserialize)]
struct Document {
    report_id: String,
    revision: u32,
    study_key: String,
    accession_key: Option<String>,
    produced_at: String,
    refusal: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    levels: Vec<LevelOfDocument>,
}

#[derive(Deserialize)]
struct LevelOfDocument {
    name: String,
    confidence: f64,
    measurements: Measured,
    #[serde(default)]
    grades: Vec<GradeOfDocument>,
}

#[derive(Deserialize)]
struct Measured {
    canal_ap_disc_mm: Option<f64>,
    meyerding: Option<String>,
}

#[derive(Deserialize)]
struct GradeOfDocument {
    finding: String,
    side: Option<String>,
    scale: String,
    grade: String,
    #[serde(default)]
    set: Vec<String>,
}

impl FromStr for Reading {
    type Err = ReadingError;

    fn from_str(json: &str) -> Result<Self, ReadingError> {
        let no_report = || ReadingError(format!("is no deepspine report (schema {REPORT_SCHEMA})"));
        let json = json.trim_start_matches('\u{feff}');
        let SchemaOnly { schema } = serde_json::from_str(json).map_err(|_| no_report())?;
        if schema != REPORT_SCHEMA {
            return Err(no_report());
        }
        let document: Document =
            serde_json::from_str(json).map_err(|error| ReadingError(format!("is a wrong {REPORT_SCHEMA}: {error}")))?;
        document.reading()
    }
}

fn wrong(key: &str, reason: impl fmt::Display) -> ReadingError {
    ReadingError(format!("is a wrong {REPORT_SCHEMA}: `{key}` {reason}"))
}

fn id(key: &str, value: String) -> Result<Box<str>, ReadingError> {
    if value.is_empty() || value.len() > ID_BYTES_MAX || value.chars().any(char::is_control) {
        return Err(wrong(key, format_args!("is no id of 1 to {ID_BYTES_MAX} printable characters")));
    }
    Ok(value.into())
}

impl Document {
    fn reading(self) -> Result<Reading, ReadingError> {
        if self.levels.len() > LEVELS_MAX {
            return Err(wrong("levels", format_args!("has {} levels, more than {LEVELS_MAX}", self.levels.len())));
        }
        let all = self.levels.len();
        let named = self.levels.into_iter().enumerate().filter(|(_, level)| level.name != UNKNOWN);
        let levels = named.map(|(i, level)| level.level(i)).collect::<Result<Vec<_>, _>>()?;
        for (i, level) in levels.iter().enumerate() {
            if levels.iter().take(i).any(|other| other.disc == level.disc) {
                return Err(wrong("levels", format_args!("has {} twice", level.disc)));
            }
        }
        Ok(Reading {
            study_key: id("study_key", self.study_key)?,
            accession_key: self.accession_key.map(|key| id("accession_key", key)).transpose()?,
            report_id: id("report_id", self.report_id)?,
            revision: self.revision,
            produced_at: self.produced_at.parse().map_err(|_| wrong("produced_at", "is no RFC 3339 time"))?,
            is_refused: self.refusal.is_some(),
            unknown_levels: all - levels.len(),
            levels,
        })
    }
}

impl LevelOfDocument {
    fn level(self, index: usize) -> Result<Level, ReadingError> {
        let key = |name: &str| format!("levels[{index}].{name}");
        let Ok(Place::Disc(disc)) = self.name.parse() else { return Err(wrong(&key("name"), "is no disc level")) };
        if !(0.0..=1.0).contains(&self.confidence) {
            return Err(wrong(&key("confidence"), "is not from 0 to 1"));
        }
        if self.grades.len() > GRADES_OF_LEVEL_MAX {
            return Err(wrong(&key("grades"), format_args!("has more than {GRADES_OF_LEVEL_MAX} grades")));
        }
        let mut grades: Vec<Grade> = Vec::new();
        for (i, grade) in self.grades.into_iter().enumerate() {
            let Some(grade) = grade.grade(&key(&format!("grades[{i}]")))? else { continue };
            if grades.iter().any(|other| (other.subject, other.side) == (grade.subject, grade.side)) {
                return Err(wrong(&key("grades"), format_args!("has {} twice", grade.subject.name())));
            }
            grades.push(grade);
        }
        if let Some(name) = self.measurements.meyerding {
            let rank = Scale::Meyerding.rank(&name);
            let rank = rank.ok_or_else(|| wrong(&key("measurements.meyerding"), "is no grade of Meyerding"))?;
            grades.push(Grade { subject: Subject::SlipGrade, side: None, rank, set: 0 });
        }
        let canal_ap_mm = self.measurements.canal_ap_disc_mm;
        if canal_ap_mm.is_some_and(|mm| !(0.0..=CANAL_MM_MAX).contains(&mm)) {
            return Err(wrong(&key("measurements.canal_ap_disc_mm"), "is no width of a canal"));
        }
        Ok(Level { disc, is_sure: self.confidence >= SURE_ENOUGH, grades, canal_ap_mm })
    }
}

impl GradeOfDocument {
    /// `None` for a grade of something that is not compared.
    fn grade(self, key: &str) -> Result<Option<Grade>, ReadingError> {
        let Some(subject) = Subject::of_grade(&self.finding) else { return Ok(None) };
        let scale = subject.scale();
        if self.scale != scale.name() {
            return Err(wrong(&format!("{key}.scale"), format_args!("is not {}", scale.name())));
        }
        let side = match (self.side.as_deref(), subject.is_sided()) {
            (Some("left"), true) => Some(Side::Left),
            (Some("right"), true) => Some(Side::Right),
            (None, false) => None,
            (_, true) => return Err(wrong(&format!("{key}.side"), "is neither left nor right")),
            (Some(_), false) => return Err(wrong(&format!("{key}.side"), "is of a finding that has none")),
        };
        let rank = |key: String, name: &str| {
            scale.rank(name).ok_or_else(|| wrong(&key, format_args!("is no grade of the scale {}", scale.name())))
        };
        let mut set = 0;
        for name in &self.set {
            set |= 1 << rank(format!("{key}.set"), name)?;
        }
        Ok(Some(Grade { subject, side, rank: rank(format!("{key}.grade"), &self.grade)?, set }))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document() -> Value {
        json!({
            "schema": "deepspine.report/1", "report_id": "r", "revision": 2, "study_key": "s", "accession_key": null,
            "produced_at": "2026-01-02T03:04:05.000Z", "refusal": null, "something_later": [1],
            "levels": [{
                "name": "L4-L5", "confidence": 0.79, "measurements": {"canal_ap_disc_mm": 9.5, "meyerding": "I"},
                "grades": [
                    {"finding": "foraminal-stenosis", "side": "left", "scale": "stenosis", "grade": "mild",
                     "probabilities": [0.1, 0.6, 0.2, 0.1], "set": ["mild", "moderate"], "inputs": ["sag-t1"]},
                    {"finding": "lower-endplate-change", "scale": "presence", "grade": "absent", "set": []},
                ],
            }, {"name": "unknown", "confidence": 0.0, "measurements": {}}],
        })
    }

    fn refused(change: impl Fn(&mut Value)) -> String {
        let mut document = document();
        change(&mut document);
        document.to_string().parse::<Reading>().unwrap_err().to_string()
    }

    #[test]
    fn what_the_join_needs_is_kept() {
        let reading: Reading = document().to_string().parse().unwrap();
        assert_eq!((reading.revision, reading.unknown_levels, reading.is_refused), (2, 1, false));
        let level = &reading.levels[0];
        assert_eq!((level.disc.to_string().as_str(), level.is_sure, level.canal_ap_mm), ("L4-L5", false, Some(9.5)));
        let foramen = Grade { subject: Subject::Foramen, side: Some(Side::Left), rank: 1, set: 0b0110 };
        let slip = Grade { subject: Subject::SlipGrade, side: None, rank: 1, set: 0 };
        assert_eq!(
            (level.grades.as_slice(), foramen.set_names()),
            ([foramen, slip].as_slice(), vec!["mild", "moderate"])
        );
    }

    #[test]
    fn what_is_wrong_is_said_by_its_key() {
        for (told, wanted) in [
            (
                refused(|d| d["schema"] = json!("deepspine.truth/1")),
                "is no deepspine report (schema deepspine.report/1)",
            ),
            (refused(|d| d["levels"][0]["name"] = json!("L4")), "`levels[0].name` is no disc level"),
            (refused(|d| d["levels"][1]["name"] = json!("L4-L5")), "`levels` has L4-L5 twice"),
            (refused(|d| d["levels"][0]["confidence"] = json!(7)), "`levels[0].confidence` is not from 0 to 1"),
            (
                refused(|d| d["levels"][0]["grades"][0]["grade"] = json!("II")),
                "`levels[0].grades[0].grade` is no grade",
            ),
            (refused(|d| d["levels"][0]["grades"][0]["set"] = json!(["?"])), "`levels[0].grades[0].set` is no grade"),
            (refused(|d| d["levels"][0]["grades"][0]["side"] = Value::Null), "side` is neither left nor right"),
            (refused(|d| d["levels"][0]["grades"][0]["scale"] = json!("x")), "scale` is not stenosis"),
            (refused(|d| d["levels"][0]["measurements"]["meyerding"] = json!("VI")), "is no grade of Meyerding"),
            (refused(|d| d["levels"][0]["measurements"]["canal_ap_disc_mm"] = json!(1e9)), "is no width of a canal"),
            (refused(|d| d["study_key"] = json!("")), "`study_key` is no id"),
            (refused(|d| d["produced_at"] = json!("yesterday")), "`produced_at` is no RFC 3339 time"),
            (refused(|d| d["levels"] = json!(vec![d["levels"][0].clone(); 25])), "`levels` has 25 levels"),
        ] {
            assert!(told.contains(wanted), "{wanted}: {told}");
        }
    }

    #[test]
    fn no_json_is_no_report() {
        for text in ["", "{", "[1]", "\u{0}", &"[".repeat(100_000)] {
            assert!(text.parse::<Reading>().unwrap_err().to_string().starts_with("is no deepspine report"));
        }
    }
}
