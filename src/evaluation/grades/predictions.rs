//! A table of predictions: a row a finding at a level, with the probabilities of its grades, and often its truth. So a training run's
//! cross-fitted predictions are judged as readings are, and those of any other program.

use super::answers::Answer;
use super::pairs::{Held, Pair};
use crate::evaluation::lines::{Form, Row, TableError, Wrong, each_row};
use crate::evaluation::truth::grades::{GradeRange, LevelPlace, finding_and_side};
use crate::evaluation::truth::{self, NAME_CHARS_MAX, TEXT_CHARS_MAX};
use crate::evaluation::{TruthSet, TruthStudy};
use crate::spine::{BodySide, GradeScale, GradedFinding};
use std::collections::BTreeMap;
use std::path::Path;

/// Rows of a table of predictions.
pub const PREDICTIONS_ROWS_MAX: usize = 500_000;
/// Bytes of it.
const BYTES_MAX: u64 = 128 << 20;
/// Columns of probabilities.
const PROBABILITIES: [&str; 5] = ["p0", "p1", "p2", "p3", "p4"];
/// Largest weight of a row.
const WEIGHT_MAX: f64 = 1e6;
/// Between the grades of a set.
const SET_SEPARATOR: char = '|';

const FORM: Form = Form {
    bytes_max: BYTES_MAX,
    rows_max: PREDICTIONS_ROWS_MAX,
    needed: &["subject", "level", "side", "finding", "scale", "group", "p0", "p1"],
    known: &["p2", "p3", "p4", "truth", "grade", "set", "thin", "weight", "study"],
};

/// Why a row has no answer.
const NOT_ANSWERED: &str = "not answered";

/// What a row is of: it may be there once in a group.
type Key = (String, LevelPlace, GradedFinding, Option<BodySide>);

/// A table of predictions.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Its name: that of its file.
    pub name: String,
    /// With a truth of their own.
    pairs: Vec<Pair>,
    /// Without; the truth in them means nothing.
    open: Vec<Pair>,
}

impl Predictions {
    /// Reads the table in `path`.
    ///
    /// # Errors
    /// [`TableError`], with line and column.
    pub fn load(path: &Path) -> Result<Self, TableError> {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if !truth::is_set_name(&name) {
            let reason = format!("names its figures by its file's name, which must be {}", truth::SET_NAME);
            return Err(TableError::Whole { path: path.to_owned(), reason });
        }
        let mut read = Self { name, pairs: Vec::new(), open: Vec::new() };
        let mut lines: BTreeMap<(String, Key), u64> = BTreeMap::new();
        each_row(path, &FORM, |row| {
            let (pair, has_truth) = pair(row)?;
            // What has its own truth may be several looks at one level; a truth elsewhere is joined to one.
            if !has_truth
                && let Some(key) = key(&pair)
                && let Some(line) = lines.insert((pair.group.clone(), key), row.line)
            {
                return Err(("finding", format!("is there a second time in its group; line {line} has the first")));
            }
            if has_truth { &mut read.pairs } else { &mut read.open }.push(pair);
            Ok(())
        })?;
        Ok(read)
    }

    /// How many rows have no truth of their own.
    #[must_use]
    pub fn without_truth(&self) -> usize {
        self.open.len()
    }

    /// The pairs: rows that have their own truth, and those of which `sets` know one; and how many rows have none. Truths of `sets` that
    /// no row answers are pairs without an answer, in every group of the rows without their own.
    #[must_use]
    pub fn held(self, sets: &[TruthSet]) -> (Held, usize) {
        let mut grades = self.pairs;
        let mut groups: BTreeMap<String, BTreeMap<Key, Pair>> = BTreeMap::new();
        let mut left = 0;
        for pair in self.open {
            match key(&pair) {
                Some(key) => drop(groups.entry(pair.group.clone()).or_default().insert(key, pair)),
                None => left += 1,
            }
        }
        for (group, rows) in &mut groups {
            for study in sets.iter().flat_map(|set| &set.studies) {
                grades.extend(of_study(study, group, rows));
            }
        }
        left += groups.values().map(BTreeMap::len).sum::<usize>();
        (Held { grades, measurements: Vec::new() }, left)
    }
}

/// What is known of a study beside the rows that answer it.
fn of_study(study: &TruthStudy, group: &str, rows: &mut BTreeMap<Key, Pair>) -> Vec<Pair> {
    let path = study.path.to_string_lossy().into_owned();
    let last = study.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let pairs = study.grades.iter().map(|truth| {
        let names = [path.as_str(), last.as_str(), study.subject.as_str()];
        let row =
            names.iter().find_map(|name| rows.remove(&((*name).to_owned(), truth.level, truth.finding, truth.side)));
        let (weight, answer) = row.map_or((1.0, Err("no prediction".to_owned())), |row| (row.weight, row.answer));
        Pair {
            study: path.clone(),
            subject: study.subject.clone(),
            group: group.to_owned(),
            level: Some(truth.level),
            finding: truth.finding,
            side: truth.side,
            truth: truth.range,
            weight,
            answer,
        }
    });
    pairs.collect()
}

/// `None` where the row names no level.
fn key(pair: &Pair) -> Option<Key> {
    let whose = if pair.study.is_empty() { &pair.subject } else { &pair.study };
    Some((whose.clone(), pair.level?, pair.finding, pair.side))
}

/// The row as a pair, and whether it has a truth.
fn pair(row: &Row<'_>) -> Result<(Pair, bool), Wrong> {
    let (finding, side) = finding_and_side(row.get("finding"), row.get("side"))?;
    let scale = finding.scale();
    if row.get("scale") != scale.name() {
        return Err(("scale", format!("is not {}, the scale of {}", scale.name(), finding.name())));
    }
    let level = match row.get("level") {
        "" => None,
        level => Some(LevelPlace::parse(level).map_err(|reason| ("level", reason))?),
    };
    let truth = match row.get("truth") {
        "" => None,
        truth => Some(GradeRange::parse(truth, scale).map_err(|reason| ("truth", reason))?),
    };
    let pair = Pair {
        study: row.text("study", TEXT_CHARS_MAX)?.to_owned(),
        subject: row.name("subject", NAME_CHARS_MAX)?.to_owned(),
        group: row.text("group", NAME_CHARS_MAX)?.to_owned(),
        level,
        finding,
        side,
        truth: truth.unwrap_or(GradeRange { from: 0, to: 0 }),
        weight: weight(row)?,
        answer: answer(row, scale)?,
    };
    Ok((pair, truth.is_some()))
}

fn weight(row: &Row<'_>) -> Result<f64, Wrong> {
    let text = row.get("weight");
    if text.is_empty() {
        return Ok(1.0);
    }
    let wrong = || ("weight", format!("is no number above 0 and up to {WEIGHT_MAX}"));
    text.parse().ok().filter(|w: &f64| w.is_finite() && *w > 0.0 && *w <= WEIGHT_MAX).ok_or_else(wrong)
}

fn answer(row: &Row<'_>, scale: GradeScale) -> Result<Result<Answer, String>, Wrong> {
    let (within, beyond) = PROBABILITIES.split_at(scale.grades().len().min(PROBABILITIES.len()));
    if let Some(column) = beyond.iter().find(|column| !row.get(column).is_empty()) {
        return Err((column, format!("must be empty: the scale {} has {} grades", scale.name(), within.len())));
    }
    if within.iter().all(|column| row.get(column).is_empty()) {
        return if row.get("grade").is_empty() && row.get("set").is_empty() {
            Ok(Err(NOT_ANSWERED.to_owned()))
        } else {
            Err(("p0", "is empty where there is a grade or a set".to_owned()))
        };
    }
    let probability =
        |column: &&'static str| row.get(column).parse::<f64>().map_err(|_| (*column, "is no number".to_owned()));
    let probabilities = within.iter().map(probability).collect::<Result<Vec<_>, _>>()?;
    let thin = match row.get("thin") {
        "" | "0" => false,
        "1" => true,
        _ => return Err(("thin", "is neither 0 nor 1".to_owned())),
    };
    let set: Vec<&str> = row.get("set").split(SET_SEPARATOR).filter(|_| !row.get("set").is_empty()).collect();
    Answer::new(scale, row.get("grade"), probabilities, &set, thin).map(Ok)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;

    const HEAD: &str = "subject,level,side,finding,scale,group,p0,p1,p2,p3,truth,grade,set,thin,weight\n";
    const ROW: &str =
        "a,L4-L5,,central-canal-stenosis,stenosis,g,0.5,0.2,0.2,0.1,normal/mild,normal,normal|mild,0,2.5\n";

    fn loaded(text: &str) -> Result<Predictions, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.csv");
        std::fs::write(&path, text).unwrap();
        Predictions::load(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_row_is_a_pair() {
        let empty = "a,L5-S1,,disc-bulge,presence,g,,,,,present,,,,\n";
        let read = loaded(&format!("{HEAD}{ROW}{empty}")).unwrap();
        assert_eq!((read.name.as_str(), read.without_truth()), ("mine", 0));
        let (held, left) = read.held(&[]);
        assert_eq!(left, 0);
        let answer = held.grades[0].answer.as_ref().unwrap();
        assert_eq!((answer.grade, answer.set, held.grades[0].weight), (0, 0b0011, 2.5));
        assert_eq!((held.grades[0].truth.from, held.grades[0].truth.to), (0, 1));
        assert_eq!(held.grades[1].answer.as_ref().unwrap_err(), NOT_ANSWERED);
    }

    #[test]
    fn errors_name_line_and_column() {
        let changed = |a: &str, b: &str| loaded(&format!("{HEAD}{ROW}{}", ROW.replace(a, b))).unwrap_err();
        for (a, b, wanted) in [
            ("L4-L5", "L7", "line 3, column `level` is no level"),
            ("stenosis,stenosis", "stenosis,presence", "line 3, column `scale` is not stenosis"),
            ("0.5", "0.9", "line 3, column `p0` has probabilities"),
            ("0.5", "nan", "line 3, column `p0` has probabilities"),
            ("0.2,0.1", "0.2,x", "line 3, column `p3` is no number"),
            ("normal/mild", "mild/normal", "line 3, column `truth` is no grade"),
            ("normal|mild", "normal|worse", "line 3, column `set` is no grade"),
            (",0,2.5", ",2,2.5", "line 3, column `thin` is neither"),
            ("2.5", "-1", "line 3, column `weight` is no number above 0"),
            ("2.5", "inf", "line 3, column `weight` is no number above 0"),
            ("0.5,0.2,0.2,0.1", ",,,", "line 3, column `p0` is empty where there is a grade"),
        ] {
            let said = changed(a, b);
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        let twice = ROW.replace("normal/mild", "");
        let said = loaded(&format!("{HEAD}{twice}{twice}")).unwrap_err();
        assert!(
            said.contains("line 3, column `finding` is there a second time in its group; line 2 has the first"),
            "{said}"
        );
        assert!(loaded(&format!("{HEAD}{ROW}{ROW}")).is_ok(), "two looks at one level, each with its truth");
        let beyond = "a,L5-S1,,disc-bulge,presence,g,0.5,0.5,0.0,,present,,,,\n";
        assert!(loaded(&format!("{HEAD}{beyond}")).unwrap_err().contains("column `p2` must be empty"));
    }
}
