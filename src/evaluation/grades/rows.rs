//! A row a pair, for a statistician who wants to count anew.

use super::pairs::{Held, MeasuredPair, Pair};
use crate::evaluation::lines::written;
use crate::evaluation::truth::grades::MEASUREMENTS;
use crate::spine::GradeScale;

/// Columns of the probabilities.
const PROBABILITIES: usize = 5;

/// The columns.
pub const COLUMNS: [&str; 18] = [
    "set_name", "study", "subject", "group", "level", "side", "finding", "truth", "answer", "reason", "p0", "p1", "p2",
    "p3", "p4", "set", "thin", "weight",
];

/// The heading.
#[must_use]
pub fn heading() -> String {
    written(&COLUMNS.map(str::to_owned))
}

/// The rows of the pairs of the set called `name`: those without an answer have a reason.
#[must_use]
pub fn rows(name: &str, held: &Held) -> String {
    let grades = held.grades.iter().map(|pair| written(&of_grade(name, pair)));
    grades.chain(held.measurements.iter().map(|pair| written(&of_measurement(name, pair)))).collect()
}

fn of_grade(name: &str, pair: &Pair) -> Vec<String> {
    let scale = pair.finding.scale();
    let level = pair.level.map_or_else(String::new, |level| level.to_string());
    let mut row = vec![name.to_owned(), pair.study.clone(), pair.subject.clone(), pair.group.clone(), level];
    row.push(pair.side.map_or("", |side| side.name()).to_owned());
    row.extend([pair.finding.name().to_owned(), pair.truth.written(scale)]);
    let answer = pair.answer.as_ref();
    row.push(answer.map_or_else(|_| String::new(), |a| grade_name(a.grade, scale)));
    row.push(answer.err().cloned().unwrap_or_default());
    let probability =
        |at: usize| answer.ok().and_then(|a| a.probabilities.get(at)).map_or_else(String::new, f64::to_string);
    row.extend((0..PROBABILITIES).map(probability));
    let in_set =
        |set: u8| (0..scale.grades().len()).filter_map(move |at| u8::try_from(at).ok().filter(|at| set >> at & 1 == 1));
    let set = |set: u8| in_set(set).map(|at| grade_name(at, scale)).collect::<Vec<_>>().join("|");
    row.push(answer.map_or_else(|_| String::new(), |a| set(a.set)));
    row.push(answer.map_or_else(|_| String::new(), |a| u8::from(a.is_thin).to_string()));
    row.push(pair.weight.to_string());
    row
}

fn grade_name(grade: u8, scale: GradeScale) -> String {
    scale.grades().get(usize::from(grade)).copied().unwrap_or_default().to_owned()
}

fn of_measurement(name: &str, pair: &MeasuredPair) -> Vec<String> {
    let measurement = MEASUREMENTS.get(pair.which).map_or("", |(name, _)| name);
    let mut row = vec![name.to_owned(), pair.study.clone(), pair.subject.clone(), pair.group.clone()];
    row.extend([pair.level.to_string(), String::new(), measurement.to_owned(), pair.truth.to_string()]);
    row.push(pair.answer.as_ref().map_or_else(|_| String::new(), f64::to_string));
    row.push(pair.answer.as_ref().err().cloned().unwrap_or_default());
    row.resize(COLUMNS.len(), String::new());
    row
}
