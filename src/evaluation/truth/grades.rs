//! What is known of grades and measurements at a level, and the words in which people write them down.
//!
//! A grade may be a range, `normal/mild`: either is right. `present` and `absent` are ranges too, by what is normal on the scale.

use crate::spine::{BodySide, Disc, GradeScale, GradedFinding, Vertebra};
use serde::Deserialize;
use std::fmt;

/// Furthest from below that a level is counted.
const FROM_BELOW_MAX: u8 = 24;
/// Largest size of a measured value.
const MEASURED_MAX: f64 = 10_000.0;

/// Measurements of a level that can be judged, as a report calls them, each with its unit.
pub const MEASUREMENTS: [(&str, &str); 9] = [
    ("canal_ap_disc_mm", "mm"),
    ("canal_area_disc_mm2", "mm²"),
    ("disc_height_anterior_mm", "mm"),
    ("disc_height_middle_mm", "mm"),
    ("disc_height_posterior_mm", "mm"),
    ("disc_height_index", ""),
    ("slip_mm", "mm"),
    ("slip_percent", "%"),
    ("segmental_lordosis_deg", "°"),
];

/// Where a level is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LevelPlace {
    /// By its name.
    Named(Disc),
    /// The so many-th disc from below, 1 the lowest.
    FromBelow(u8),
}

impl LevelPlace {
    /// `L4-L5`, as `L4/L5`, `l4_l5` and `L4-5` too; or a number, the place from below.
    ///
    /// # Errors
    /// What a level looks like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("is no level: L4-L5, or the place from below, 1 to {FROM_BELOW_MAX}");
        if let Ok(place) = text.parse::<u8>() {
            return Self::from_below(place).ok_or_else(wrong);
        }
        let upper_case = text.to_ascii_uppercase();
        let (upper, lower) = upper_case.split_once(['-', '/', '_']).ok_or_else(wrong)?;
        let upper = Vertebra::from_name(upper).ok_or_else(wrong)?;
        let same_kind = || format!("{}{lower}", &upper.name()[..1]);
        let lower = Vertebra::from_name(lower).or_else(|| Vertebra::from_name(&same_kind())).ok_or_else(wrong)?;
        if upper == lower { Err(wrong()) } else { Ok(Self::Named(Disc::new(upper, lower))) }
    }

    fn from_below(place: u8) -> Option<Self> {
        (1..=FROM_BELOW_MAX).contains(&place).then_some(Self::FromBelow(place))
    }
}

impl fmt::Display for LevelPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(disc) => disc.fmt(f),
            Self::FromBelow(place) => place.fmt(f),
        }
    }
}

/// Grades of a scale from one to another, by their places: either end, and what lies between, is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GradeRange {
    /// The milder end.
    pub from: u8,
    /// The worse end.
    pub to: u8,
}

impl GradeRange {
    /// One grade, a range of them such as `normal/mild`, or `present` and `absent`; capitals do not matter. Pfirrmann's grades may be
    /// written in digits.
    ///
    /// # Errors
    /// The grades that there are.
    pub fn parse(text: &str, scale: GradeScale) -> Result<Self, String> {
        let worst = scale.grades().len() - 1;
        let places = match text.to_ascii_lowercase().as_str() {
            "present" => Some((scale.first_abnormal(), worst)),
            "absent" => Some((0, scale.first_abnormal() - 1)),
            _ => match text.split_once('/') {
                Some((from, to)) => grade_place(from, scale).zip(grade_place(to, scale)),
                None => grade_place(text, scale).map(|place| (place, place)),
            },
        };
        places.filter(|(from, to)| from <= to).map(|(from, to)| Self::of(from, to)).ok_or_else(|| {
            let grades = scale.grades().join(", ");
            format!("is no grade of the scale {}: {grades}, a range such as {}, `present` or `absent`", scale.name(), {
                scale.grades().get(..2).unwrap_or_default().join("/")
            })
        })
    }

    pub(in crate::evaluation) fn of(from: usize, to: usize) -> Self {
        // A scale has no more grades than a byte can count.
        let place = |grade: usize| u8::try_from(grade).unwrap_or(u8::MAX);
        Self { from: place(from), to: place(to) }
    }

    /// As it is written in a list: `moderate`, `normal/mild`.
    #[must_use]
    pub fn written(self, scale: GradeScale) -> String {
        let name = |place: u8| scale.grades().get(usize::from(place)).copied().unwrap_or_default();
        if self.from == self.to { name(self.from).to_owned() } else { format!("{}/{}", name(self.from), name(self.to)) }
    }

    /// Whether the grade lies in it.
    #[must_use]
    pub const fn holds(self, grade: u8) -> bool {
        self.from <= grade && grade <= self.to
    }
}

/// The place of the grade called `text`.
pub(in crate::evaluation) fn grade_place(text: &str, scale: GradeScale) -> Option<usize> {
    let text = text.trim();
    let by_name = scale.grades().iter().position(|name| name.eq_ignore_ascii_case(text));
    let in_digits = || text.parse::<usize>().ok().filter(|n| (1..=scale.grades().len()).contains(n)).map(|n| n - 1);
    by_name.or_else(|| if scale == GradeScale::Pfirrmann { in_digits() } else { None })
}

/// The finding called `name`, and the side that it needs or may not have.
pub(in crate::evaluation) fn finding_and_side(
    name: &str,
    side: &str,
) -> Result<(GradedFinding, Option<BodySide>), (&'static str, String)> {
    let finding = GradedFinding::from_name(name).ok_or_else(|| {
        let known: Vec<_> = GradedFinding::ALL.map(GradedFinding::name).to_vec();
        ("finding", format!("is none of {}", known.join(", ")))
    })?;
    match (BodySide::from_name(&side.to_ascii_lowercase()), side.is_empty(), finding.is_sided()) {
        (Some(side), _, true) => Ok((finding, Some(side))),
        (None, true, false) => Ok((finding, None)),
        (_, _, true) => Err(("side", format!("must be left or right: {} has sides", finding.name()))),
        (_, _, false) => Err(("side", format!("must be empty: {} has none", finding.name()))),
    }
}

/// A grade that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "GradeEntry")]
pub struct TrueGrade {
    /// Where.
    pub level: LevelPlace,
    /// Of what.
    pub finding: GradedFinding,
    /// On which side, of what has sides.
    pub side: Option<BodySide>,
    /// Which.
    pub range: GradeRange,
}

/// A measurement that is known.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "MeasurementEntry")]
pub struct TrueMeasurement {
    /// Where.
    pub level: LevelPlace,
    /// Its place in [`MEASUREMENTS`].
    pub which: usize,
    /// Its value, in its unit.
    pub value: f64,
}

impl TrueMeasurement {
    /// A value of the measurement called `name`.
    ///
    /// # Errors
    /// The names that there are, or that the value is none.
    pub fn new(level: LevelPlace, name: &str, value: f64) -> Result<Self, String> {
        let Some(which) = MEASUREMENTS.iter().position(|(known, _)| *known == name) else {
            return Err(format!("is none of {}", MEASUREMENTS.map(|(name, _)| name).join(", ")));
        };
        if value.is_finite() && value.abs() <= MEASURED_MAX {
            Ok(Self { level, which, value })
        } else {
            Err(format!("has a value that is no number up to {MEASURED_MAX}"))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GradeEntry {
    level: Option<String>,
    ordinal_from_below: Option<u8>,
    finding: String,
    #[serde(default)]
    side: String,
    grade: Option<String>,
    range: Option<[String; 2]>,
    present: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasurementEntry {
    level: Option<String>,
    ordinal_from_below: Option<u8>,
    name: String,
    value: f64,
}

/// `level` or `ordinal_from_below`, one of them.
fn place(level: Option<&str>, ordinal: Option<u8>) -> Result<LevelPlace, String> {
    match (level, ordinal) {
        (Some(name), None) => LevelPlace::parse(name).map_err(|reason| format!("`level` {reason}")),
        (None, Some(ordinal)) => LevelPlace::from_below(ordinal)
            .ok_or_else(|| format!("`ordinal_from_below` is none of 1 to {FROM_BELOW_MAX}")),
        _ => Err("give `level` or `ordinal_from_below`, one of them".to_owned()),
    }
}

impl TryFrom<GradeEntry> for TrueGrade {
    type Error = String;

    fn try_from(entry: GradeEntry) -> Result<Self, String> {
        let level = place(entry.level.as_deref(), entry.ordinal_from_below)?;
        let (finding, side) =
            finding_and_side(&entry.finding, &entry.side).map_err(|(key, reason)| format!("`{key}` {reason}"))?;
        let of = |key: &str, text: &str| {
            GradeRange::parse(text, finding.scale()).map_err(|reason| format!("`{key}` {reason}"))
        };
        let range = match (entry.grade, entry.range, entry.present) {
            (Some(grade), None, None) => of("grade", &grade),
            (None, Some([from, to]), None) => of("range", &format!("{from}/{to}")),
            (None, None, Some(present)) => of("present", if present { "present" } else { "absent" }),
            _ => Err("give `grade`, `range` or `present`, one of them".to_owned()),
        }?;
        Ok(Self { level, finding, side, range })
    }
}

impl TryFrom<MeasurementEntry> for TrueMeasurement {
    type Error = String;

    fn try_from(entry: MeasurementEntry) -> Result<Self, String> {
        let level = place(entry.level.as_deref(), entry.ordinal_from_below)?;
        Self::new(level, &entry.name, entry.value).map_err(|reason| format!("`{}` {reason}", super::cut(&entry.name)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn range(text: &str, scale: GradeScale) -> Option<(u8, u8)> {
        GradeRange::parse(text, scale).ok().map(|r| (r.from, r.to))
    }

    #[test]
    fn grades_are_read_as_people_write_them() {
        for (text, wanted) in
            [("Normal/Mild", (0, 1)), ("Moderate", (2, 2)), ("SEVERE", (3, 3)), ("present", (1, 3)), ("absent", (0, 0))]
        {
            assert_eq!(range(text, GradeScale::Stenosis), Some(wanted), "{text}");
        }
        assert_eq!(range("IV", GradeScale::Pfirrmann), Some((3, 3)));
        assert_eq!(range("3", GradeScale::Pfirrmann), Some((2, 2)));
        assert_eq!(
            (range("present", GradeScale::Pfirrmann), range("absent", GradeScale::Pfirrmann)),
            (Some((2, 4)), Some((0, 1)))
        );
        for text in ["", "mild/normal", "worse", "1", "mild/", "normal/mild/severe", "VI"] {
            assert_eq!(range(text, GradeScale::Stenosis), None, "{text}");
        }
        assert_eq!(GradeRange { from: 0, to: 1 }.written(GradeScale::Stenosis), "normal/mild");
    }

    #[test]
    fn levels_are_read_by_name_and_from_below() {
        let named = LevelPlace::Named(Disc::new(Vertebra::L4, Vertebra::L5));
        for text in ["L4-L5", "l4_l5", "L4/L5", "L4-5"] {
            assert_eq!(LevelPlace::parse(text), Ok(named), "{text}");
        }
        assert_eq!(LevelPlace::parse("L5-S1").unwrap().to_string(), "L5-S1");
        assert_eq!(LevelPlace::parse("1"), Ok(LevelPlace::FromBelow(1)));
        for text in ["", "0", "25", "999", "L4", "L4-L4", "-", "L9-S1", "é-L5"] {
            assert!(LevelPlace::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_entry_is_said_by_its_key() {
        let whole = json!({"level": "L4-L5", "finding": "foraminal-stenosis", "side": "left", "grade": "severe"});
        let changed = |key: &str, value: Value| {
            let mut entry = whole.clone();
            entry[key] = value;
            serde_json::from_value::<TrueGrade>(entry).unwrap_err().to_string()
        };
        assert!(serde_json::from_value::<TrueGrade>(whole.clone()).is_ok());
        for (key, value, wanted) in [
            ("level", json!("L9"), "`level` is no level"),
            ("ordinal_from_below", json!(1), "`level` or `ordinal_from_below`, one of them"),
            ("finding", json!("stenosis"), "`finding` is none of central-canal-stenosis"),
            ("side", json!(""), "`side` must be left or right"),
            ("grade", json!("bad"), "`grade` is no grade of the scale stenosis"),
            ("present", json!(true), "`grade`, `range` or `present`, one of them"),
            ("degree", json!(1), "unknown field `degree`"),
        ] {
            let said = changed(key, value);
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        let measured = |name: &str| {
            serde_json::from_value::<TrueMeasurement>(json!({"ordinal_from_below": 1, "name": name, "value": 3.5}))
        };
        assert_eq!(measured("slip_mm").unwrap().which, 6);
        assert!(measured("slip").unwrap_err().to_string().contains("`slip` is none of canal_ap_disc_mm"));
    }
}
