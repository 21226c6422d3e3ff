//! The figures as the block of a model card: one table of grades, one of thresholds, one of sets, one of measurements.

use super::figures::{GradeFigures, Sets, Value, Values};
use super::measured::MeasuredFigures;
use super::text::{answered, side_words};
use std::fmt::Write as _;

/// The Markdown of the figures; empty where there are none.
#[must_use]
pub fn block(grades: &[GradeFigures], measured: &[MeasuredFigures]) -> String {
    let mut out = String::new();
    if !grades.is_empty() {
        out += &agreement(grades);
        out += &thresholds(grades);
        out += &sets(grades);
    }
    if !measured.is_empty() {
        out += &measurements(measured);
    }
    out
}

/// What stands for a table's cell: no markup of others.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// `0.812 (0.771-0.850)`; the interval alone where there is too little for a value.
fn figure(value: &Value) -> String {
    let number = value.value.map(|value| format!("{value:.3}"));
    let interval = value.interval.map(|[low, high]| format!("({low:.3} to {high:.3})"));
    [number, interval].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn name(figures: &GradeFigures) -> String {
    let side = figures.side.map_or_else(String::new, |side| format!(", {}", side_words(side)));
    format!("{}{side} | {}", figures.finding, cell(&figures.group))
}

/// The figures as they are, and re-weighted where they are.
fn both(figures: &GradeFigures) -> impl Iterator<Item = (&'static str, &Values)> {
    [("", Some(&figures.figures)), (", re-weighted", figures.reweighted.as_ref())]
        .into_iter()
        .filter_map(|(words, values)| Some((words, values?)))
}

fn agreement(grades: &[GradeFigures]) -> String {
    let mut out =
        "| finding | group | answered, by truth | class average | exact | within one | kappa, linear | quadratic |\n\
                   |---|---|---|---|---|---|---|---|\n"
            .to_owned();
    let optional = |value: &Option<Value>| value.as_ref().map_or_else(String::new, figure);
    for figures in grades {
        let by_truth: Vec<String> =
            figures.confusion.iter().map(|row| format!("{} {}", row.truth, row.counts.iter().sum::<usize>())).collect();
        let said = answered(figures.truths, figures.answered, figures.subjects, &figures.unanswered);
        for (words, values) in both(figures) {
            let counts = if words.is_empty() { format!("{said}: {}", by_truth.join(", ")) } else { String::new() };
            // Writing to a string can't fail.
            let _ = writeln!(
                out,
                "| {}{words} | {} | {} | {} | {} | {} | {} |",
                name(figures),
                cell(&counts),
                figure(&values.class_average),
                figure(&values.exact),
                optional(&values.within_one),
                figure(&values.linear_kappa),
                optional(&values.quadratic_kappa)
            );
        }
    }
    out + "\n"
}

fn thresholds(grades: &[GradeFigures]) -> String {
    let mut out =
        "| finding | group | worse than | positives | AUROC | calibration error |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for figures in grades.iter().filter(|figures| figures.answered > 0) {
        for (words, values) in both(figures) {
            for t in &values.thresholds {
                let auroc = figure(&t.auroc);
                let auroc = if auroc.is_empty() { "of too few".to_owned() } else { auroc };
                let error = t.calibration_error.value.map_or_else(String::new, |error| format!("{error:.3}"));
                let of = t.positives + t.negatives;
                let _ = writeln!(
                    out,
                    "| {}{words} | {} | {} of {of} | {auroc} | {error} |",
                    name(figures),
                    t.worse_than,
                    t.positives
                );
            }
        }
    }
    out + "\n"
}

fn sets(grades: &[GradeFigures]) -> String {
    let mut rows = String::new();
    for figures in grades {
        for (words, values) in both(figures) {
            let kinds = [("", values.sets.as_ref()), ("thin: ", values.thin_sets.as_ref())];
            for (kind, sets) in kinds.into_iter().filter_map(|(kind, sets)| Some((kind, sets?))) {
                let by_truth: Vec<String> = of_truths(sets);
                let size = sets.mean_size.value.map_or_else(String::new, |size| format!("{size:.2}"));
                let _ = writeln!(
                    rows,
                    "| {}{words} | {kind}{} | {size} | {} |",
                    name(figures),
                    figure(&sets.coverage),
                    by_truth.join("; ")
                );
            }
        }
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "| finding | group | sets that hold the truth | mean size | by truth: coverage at size |\n|---|---|---|---|---|\n{rows}\n"
    )
}

fn of_truths(sets: &Sets) -> Vec<String> {
    let rows = sets.by_truth.iter().filter(|row| row.coverage.of > 0);
    rows.map(|row| {
        let size = row.mean_size.map_or_else(String::new, |size| format!(" at {size:.2}"));
        format!("{} {}{size}", row.truth, figure(&row.coverage))
    })
    .collect()
}

fn measurements(measured: &[MeasuredFigures]) -> String {
    let mut out =
        "| measurement | group | answered | bias | SD | limits of agreement |\n|---|---|---|---|---|---|\n".to_owned();
    for m in measured {
        let said = answered(m.truths, m.answered, m.subjects, &m.unanswered);
        let sd = m.sd.map_or_else(String::new, |sd| format!("{sd:.3}"));
        let limits = m.limits.each_ref().map(figure).join(" to ");
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {sd} | {limits} |",
            m.measurement,
            cell(&m.group),
            cell(&said),
            figure(&m.bias)
        );
    }
    out + "\n"
}
