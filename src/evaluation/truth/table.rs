//! The truth of grades as a table, because that is what a site has: a row a grade.

use super::grades::{LevelPlace, MEASUREMENTS, TrueGrade, TrueMeasurement, finding_and_side};
use super::{NAME_CHARS_MAX, STUDIES_MAX, TEXT_CHARS_MAX, TruthSet, TruthStudy};
use crate::evaluation::lines::{Form, Row, TableError, Wrong, each_row};
use crate::evaluation::truth::grades::GradeRange;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bytes of a table of truths.
const BYTES_MAX: u64 = 64 << 20;
/// Rows of it.
const ROWS_MAX: usize = 1_000_000;

const FORM: Form = Form {
    bytes_max: BYTES_MAX,
    rows_max: ROWS_MAX,
    needed: &["study", "subject", "level", "side", "finding", "grade"],
    known: &["group"],
};

/// What was said, and on which line: a truth that is there twice is none.
type Seen = BTreeMap<(usize, LevelPlace, String, String), u64>;

/// Reads the table in `path` as a set of studies.
pub(super) fn load(path: &Path) -> Result<TruthSet, TableError> {
    let mut studies: Vec<TruthStudy> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = Seen::new();
    each_row(path, &FORM, |row| {
        if row.get("grade").is_empty() {
            return Ok(());
        }
        let at = study(row, &mut studies, &mut places)?;
        let level = LevelPlace::parse(row.get("level")).map_err(|reason| ("level", reason))?;
        let key = (at, level, row.get("finding").to_owned(), row.get("side").to_ascii_lowercase());
        if let Some(line) = seen.insert(key, row.line) {
            return Err(("finding", format!("says of this study, level and side again what line {line} says")));
        }
        studies.get_mut(at).map_or(Ok(()), |study| add(row, level, study))
    })?;
    let whole = |reason: &str| TableError::Whole { path: path.to_owned(), reason: reason.to_owned() };
    if studies.is_empty() {
        return Err(whole("has no row with a grade"));
    }
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    if !super::is_set_name(&stem) {
        return Err(whole(&format!("names its set by its file's name, which must be {}", super::SET_NAME)));
    }
    let about = format!("Grades of {} studies.", studies.len());
    Ok(TruthSet { file: path.to_owned(), name: stem, about, seed: None, structures: BTreeMap::new(), studies })
}

/// The place of the row's study among `studies`, where it is put if it is new.
fn study(row: &Row<'_>, studies: &mut Vec<TruthStudy>, places: &mut BTreeMap<String, usize>) -> Result<usize, Wrong> {
    let path = row.name("study", TEXT_CHARS_MAX)?;
    let subject = row.name("subject", NAME_CHARS_MAX)?;
    let group = row.text("group", NAME_CHARS_MAX)?;
    if let Some(at) = places.get(path) {
        let is_same = studies.get(*at).is_some_and(|s| s.subject == subject && s.group == group);
        return if is_same {
            Ok(*at)
        } else {
            Err(("study", "has another subject or group in a row above".to_owned()))
        };
    }
    if studies.len() >= STUDIES_MAX {
        return Err(("study", format!("is one more than the {STUDIES_MAX} that are read; split the table")));
    }
    places.insert(path.to_owned(), studies.len());
    studies.push(TruthStudy::new(PathBuf::from(path), subject, group));
    Ok(studies.len() - 1)
}

fn add(row: &Row<'_>, level: LevelPlace, study: &mut TruthStudy) -> Result<(), Wrong> {
    let (name, grade) = (row.get("finding"), row.get("grade"));
    if MEASUREMENTS.iter().any(|(known, _)| *known == name) {
        let value = grade.parse().map_err(|_| ("grade", format!("is no number, which {name} is")))?;
        let measured = TrueMeasurement::new(level, name, value).map_err(|reason| ("grade", reason))?;
        study.measurements.push(measured);
        return Ok(());
    }
    let (finding, side) = finding_and_side(name, row.get("side"))?;
    let range = GradeRange::parse(grade, finding.scale()).map_err(|reason| ("grade", reason))?;
    study.grades.push(TrueGrade { level, finding, side, range });
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;

    const HEAD: &str = "study,subject,level,side,finding,grade\n";

    fn loaded(text: &str) -> Result<TruthSet, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ours.csv");
        std::fs::write(&path, text).unwrap();
        load(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_table_is_a_set_of_studies() {
        let rows = "a/1,p1,L4-L5,,central-canal-stenosis,Normal/Mild\n\
                    a/1,p1,L4-L5,Left,foraminal-stenosis,severe\n\
                    \"b\",p2,1,,disc-bulge,present\n\
                    b,p2,L5-S1,,slip_mm,3.5\n\
                    b,p2,L5-S1,,disc-degeneration,\n";
        let set = loaded(&format!("{HEAD}{rows}")).unwrap();
        assert_eq!((set.name.as_str(), set.studies.len()), ("ours", 2));
        let (a, b) = (&set.studies[0], &set.studies[1]);
        assert_eq!((a.path.as_path(), a.subject.as_str(), a.grades.len()), (Path::new("a/1"), "p1", 2));
        assert_eq!((a.grades[0].range.from, a.grades[0].range.to, a.grades[1].range.from), (0, 1, 3));
        assert_eq!((b.grades.len(), b.measurements.len(), b.measurements[0].value), (1, 1, 3.5));
    }

    #[test]
    fn errors_name_line_and_column() {
        let row = |row: &str| loaded(&format!("{HEAD}a,p,L4-L5,,disc-bulge,absent\n{row}\n")).unwrap_err();
        for (text, wanted) in [
            ("a,p,L4,,disc-bulge,absent", "line 3, column `level` is no level"),
            ("a,p,L5-S1,,bulge,absent", "line 3, column `finding` is none of"),
            ("a,p,L5-S1,left,disc-bulge,absent", "line 3, column `side` must be empty"),
            ("a,p,L5-S1,,foraminal-stenosis,mild", "line 3, column `side` must be left or right"),
            ("a,p,L5-S1,,disc-bulge,mild", "line 3, column `grade` is no grade of the scale presence"),
            ("a,p,L5-S1,,slip_mm,much", "line 3, column `grade` is no number"),
            ("a,q,L5-S1,,disc-bulge,absent", "line 3, column `study` has another subject"),
            (
                "a,p,L4/L5,,disc-bulge,present",
                "line 3, column `finding` says of this study, level and side again what line 2",
            ),
            ("a,,L5-S1,,disc-bulge,absent", "line 3, column `subject` is empty"),
            ("a,p,L5-S1", "line 3: has 3 fields, the heading 6"),
        ] {
            let said = row(text);
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        let long = "x".repeat(5000);
        assert!(
            row(&format!("a,{long},L5-S1,,disc-bulge,absent")).contains("column `subject` has more than 4096 bytes")
        );
    }

    #[test]
    fn a_heading_is_needed_and_known() {
        for (text, wanted) in [
            ("study,subject\n1,2\n".to_owned(), "has no column `level`"),
            (format!("{}\n", HEAD.trim().replace("side", "sides")), "has a column `sides`"),
            (HEAD.to_owned(), "has no row below its heading"),
            (format!("{HEAD}a,p,L4-L5,,disc-bulge,\n"), "has no row with a grade"),
            (String::new(), "has no column `study`"),
        ] {
            let said = loaded(&text).unwrap_err();
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
    }
}
