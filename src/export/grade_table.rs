//! The grades of a report as lines of plain text, for a terminal.
//!
//! A grade stands with what can't be excluded: `moderate (mi-se)` is graded moderate, and mild to severe are in its prediction set. What is
//! graded as there or not is `yes` or `no`, with a question mark where its set holds both. An exclamation mark says that the picture was strange.

use super::report::{GradeDocument, LevelDocument, ReportDocument};
use crate::spine::GradedFinding as F;

/// What stands where nothing is graded.
const NONE: &str = "-";

/// A column: its title, its width, the finding and the side.
type Column = (&'static str, usize, F, Option<&'static str>);

/// Stenosis, by side.
const STENOSIS: [Column; 5] = [
    ("canal", 18, F::CentralCanalStenosis, None),
    ("recess left", 18, F::SubarticularStenosis, Some("left")),
    ("recess right", 18, F::SubarticularStenosis, Some("right")),
    ("foramen left", 18, F::ForaminalStenosis, Some("left")),
    ("foramen right", 18, F::ForaminalStenosis, Some("right")),
];
/// The disc and what lies beside it.
const DISC: [Column; 10] = [
    ("Pfirrmann", 13, F::DiscDegeneration, None),
    ("narrow", 8, F::DiscNarrowing, None),
    ("bulge", 8, F::DiscBulge, None),
    ("hernia", 8, F::DiscHerniation, None),
    ("slip", 8, F::Spondylolisthesis, None),
    ("Modic", 8, F::ModicChange, None),
    ("plate up", 10, F::UpperEndplateChange, None),
    ("low", 8, F::LowerEndplateChange, None),
    ("sac", 8, F::SacCompression, None),
    ("roots", 8, F::RootCompression, None),
];

/// The grades of all levels, head at the top; nothing where there are none.
pub(super) fn grade_lines(report: &ReportDocument) -> Vec<String> {
    [("stenosis", &STENOSIS[..]), ("disc", &DISC[..])]
        .into_iter()
        .flat_map(|(title, columns)| block(report, title, columns))
        .collect()
}

fn block(report: &ReportDocument, title: &str, columns: &[Column]) -> Vec<String> {
    let is_there = |level: &LevelDocument| columns.iter().any(|column| found(level, column).is_some());
    if !report.levels.iter().any(is_there) {
        return Vec::new();
    }
    let heads: String = columns.iter().map(|(head, width, ..)| format!("{head:<width$}")).collect();
    let row = |level: &LevelDocument| {
        let cells = columns.iter().map(|column| {
            let cell = found(level, column).map_or_else(|| NONE.to_owned(), cell);
            format!("{cell:<width$}", width = column.1)
        });
        format!("{:<14}{}", super::table::called(&level.name, level.ordinal_from_below), cells.collect::<String>())
    };
    let rows = report.levels.iter().rev().map(row);
    [String::new(), format!("{title:<14}{heads}")].into_iter().chain(rows).collect()
}

fn found<'a>(level: &'a LevelDocument, (_, _, finding, side): &Column) -> Option<&'a GradeDocument> {
    level.grades.iter().find(|g| g.finding == finding.name() && g.side.as_deref() == *side)
}

fn cell(g: &GradeDocument) -> String {
    let mark = if g.set_strange { "!" } else { "" };
    let unsure = g.set.len() > 1;
    match (g.scale.as_str(), g.grade.as_str()) {
        ("presence", grade) => {
            let word = if grade == "present" { "yes" } else { "no" };
            format!("{word}{}{mark}", if unsure { "?" } else { "" })
        }
        (scale, grade) => match (g.set.first(), g.set.last()) {
            (Some(first), Some(last)) if unsure => {
                format!("{grade} ({}-{}){mark}", short(scale, first), short(scale, last))
            }
            _ => format!("{grade}{mark}"),
        },
    }
}

/// A grade as it stands in a range.
fn short<'a>(scale: &str, grade: &'a str) -> &'a str {
    if scale == "stenosis" { grade.get(..2).unwrap_or(grade) } else { grade }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grade(scale: &str, grade: &str, set: &[&str]) -> GradeDocument {
        GradeDocument {
            finding: F::DiscBulge.name().to_owned(),
            side: None,
            scale: scale.to_owned(),
            grade: grade.to_owned(),
            probabilities: Vec::new(),
            set: set.iter().map(|s| (*s).to_owned()).collect(),
            set_thin: false,
            set_strange: false,
            inputs: Vec::new(),
        }
    }

    #[test]
    fn a_grade_says_what_it_can_not_exclude() {
        assert_eq!(cell(&grade("presence", "present", &["present"])), "yes");
        assert_eq!(cell(&grade("presence", "absent", &["absent", "present"])), "no?");
        assert_eq!(cell(&grade("pfirrmann", "III", &["II", "III", "IV"])), "III (II-IV)");
        assert_eq!(cell(&grade("stenosis", "mild", &["normal", "mild"])), "mild (no-mi)");
        assert_eq!(cell(&grade("stenosis", "severe", &["severe"])), "severe");
        let strange = GradeDocument { set_strange: true, ..grade("presence", "absent", &["absent", "present"]) };
        assert_eq!(cell(&strange), "no?!");
    }
}
