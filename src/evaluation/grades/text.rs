//! The figures for a terminal.

use super::figures::{GradeFigures, Sets, Value, Values};
use super::measured::MeasuredFigures;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Width of the names of figures.
const NAME: usize = 34;
/// Width of a column of a confusion matrix, at least.
const COLUMN: usize = 10;

/// The figures of grades and of measurements; empty where there are none.
#[must_use]
pub fn text(grades: &[GradeFigures], measured: &[MeasuredFigures]) -> String {
    grades.iter().map(of_grades).chain(measured.iter().map(of_measured)).collect()
}

/// `foraminal-stenosis, left, axial`.
pub(super) fn title(figures: &GradeFigures) -> String {
    let parts = [Some(figures.finding), figures.side.map(side_words), Some(figures.group.as_str())];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

pub(super) fn side_words(side: &'static str) -> &'static str {
    if side == "both" { "both sides" } else { side }
}

/// `31 of 35 truths answered, 12 subjects; unanswered: 3 refused: no-spine, 1 no such level`.
pub(super) fn answered(
    truths: usize,
    answered: usize,
    subjects: usize,
    unanswered: &BTreeMap<String, usize>,
) -> String {
    let why: Vec<String> = unanswered.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    let rest = if why.is_empty() { String::new() } else { format!("; unanswered: {}", why.join(", ")) };
    format!("{answered} of {truths} truths answered, {subjects} subjects{rest}")
}

/// `0.812 (0.771 to 0.850)`, `(0.40 to 0.95), 12 sets, fewer than 8: interval only`, `-, 3 pairs, fewer than 10`.
pub(super) fn written(value: &Value) -> String {
    let interval = value.interval.map(|[low, high]| format!("({low:.3} to {high:.3})"));
    let number = value.value.map(|value| format!("{value:.3}"));
    let figure = [number, interval].into_iter().flatten().collect::<Vec<_>>().join(" ");
    match (&value.note, figure.is_empty()) {
        (None, true) => "-".to_owned(),
        (None, false) => figure,
        (Some(note), true) => format!("- ({note})"),
        (Some(note), false) => format!("{figure}, {note}"),
    }
}

fn of_grades(figures: &GradeFigures) -> String {
    let mut out = format!(
        "\n{} ({}): {}\n",
        title(figures),
        figures.scale,
        answered(figures.truths, figures.answered, figures.subjects, &figures.unanswered)
    );
    if figures.answered == 0 {
        return out;
    }
    let width = figures.classes.iter().map(|name| name.chars().count() + 2).max().unwrap_or_default().max(COLUMN);
    // Writing to a string can't fail.
    let _ = write!(out, "  {:NAME$}", "truth \\ answer");
    for class in &figures.classes {
        let _ = write!(out, "{class:>width$}");
    }
    for row in &figures.confusion {
        let _ = write!(out, "\n  {:NAME$}", row.truth);
        for count in &row.counts {
            let _ = write!(out, "{count:>width$}");
        }
    }
    out += "\n";
    out += &of_values(&figures.figures);
    if let Some(reweighted) = &figures.reweighted {
        out += "  re-weighted:\n";
        out += &of_values(reweighted);
    }
    out
}

fn of_values(values: &Values) -> String {
    lines(values).into_iter().map(|(name, said)| format!("  {name:NAME$}  {said}\n")).collect()
}

/// Every figure by its name.
pub(super) fn lines(values: &Values) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut say = |name: &str, value: &Value| lines.push((name.to_owned(), written(value)));
    say("class average", &values.class_average);
    say("exact", &values.exact);
    if let Some(within) = &values.within_one {
        say("within one", within);
    }
    say(if values.quadratic_kappa.is_some() { "kappa, linear" } else { "kappa" }, &values.linear_kappa);
    if let Some(kappa) = &values.quadratic_kappa {
        say("kappa, quadratic", kappa);
    }
    for threshold in &values.thresholds {
        let worse = format!("worse than {}", threshold.worse_than);
        let of = threshold.positives + threshold.negatives;
        lines.push((worse.clone(), format!("{} of {of}", threshold.positives)));
        lines.push(("  AUROC".to_owned(), written(&threshold.auroc)));
        lines.push(("  calibration error".to_owned(), written(&threshold.calibration_error)));
    }
    for (name, sets) in [("sets", &values.sets), ("thin sets", &values.thin_sets)] {
        lines.extend(sets.iter().flat_map(|sets| of_sets(name, sets)));
    }
    lines
}

fn of_sets(name: &str, sets: &Sets) -> Vec<(String, String)> {
    let mean = sets.mean_size.value.map_or_else(String::new, |mean| format!(" at a mean size of {mean:.2}"));
    let mut lines = vec![(format!("{name} that hold the truth"), format!("{}{mean}", written(&sets.coverage)))];
    for row in sets.by_truth.iter().filter(|row| row.coverage.of > 0) {
        let size = row.mean_size.map_or_else(String::new, |size| format!(" at {size:.2}"));
        lines.push((format!("  {}", row.truth), format!("{}{size}, of {}", written(&row.coverage), row.coverage.of)));
    }
    lines
}

fn of_measured(figures: &MeasuredFigures) -> String {
    let group = if figures.group.is_empty() { String::new() } else { format!(", {}", figures.group) };
    let mut out = format!(
        "\n{}{group}: {}\n",
        figures.measurement,
        answered(figures.truths, figures.answered, figures.subjects, &figures.unanswered)
    );
    if figures.answered > 0 {
        for (name, said) in measured_lines(figures) {
            let _ = writeln!(out, "  {name:NAME$}  {said}");
        }
    }
    out
}

/// Every figure of a measurement by its name.
pub(super) fn measured_lines(figures: &MeasuredFigures) -> [(String, String); 4] {
    let unit = if figures.unit.is_empty() { String::new() } else { format!(", {}", figures.unit) };
    [
        (format!("bias{unit}"), written(&figures.bias)),
        (format!("standard deviation{unit}"), figures.sd.map_or_else(|| "-".to_owned(), |sd| format!("{sd:.3}"))),
        (format!("lower limit of agreement{unit}"), written(&figures.limits[0])),
        (format!("upper limit of agreement{unit}"), written(&figures.limits[1])),
    ]
}
