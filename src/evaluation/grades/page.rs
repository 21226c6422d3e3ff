//! The figures as one page: tables, and the pictures beside them. One file, nothing from elsewhere, no script.

use super::figures::{GradeFigures, Values};
use super::measured::MeasuredFigures;
use super::plots;
use super::text::{answered, lines, measured_lines, title};
use crate::evaluation::SetFigures;
use crate::evaluation::statistics::bootstrap::{DRAWS, SEED};
use crate::export::html::escaped;
use crate::export::report::NOTICE;
use std::fmt::Write as _;

const HEAD: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">
<title>How right are the readings?</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:74em;padding:0 1em;color:#1c2430;background:#fff}
.notice{border-left:4px solid #d55e00;padding:.3em .8em;background:#fff6ee}
h2{border-top:2px solid #1c2430;margin:2em 0 0;padding-top:.4em}
section{border-top:1px solid #ccd3dc;padding:.8em 0}h3{margin:0;font-size:1.05em}
p{margin:.2em 0 .8em;overflow-wrap:anywhere}.quiet{color:#51607a}
.both{display:flex;flex-wrap:wrap;gap:1em 2em;align-items:flex-start}
table{border-collapse:collapse;font-size:.88em}caption{text-align:left;font-weight:600;padding:.2em 0}
th{font-weight:600;text-align:left;padding:.12em .7em .12em 0;vertical-align:top}td{padding:.12em .7em .12em 0}
.counts td,.counts th{border:1px solid #e3e7ee;padding:.12em .6em}.counts td{text-align:right}
svg{max-width:100%;height:auto}svg,table{break-inside:avoid}h2,h3{break-after:avoid}
@media print{body{margin:0;max-width:none;font-size:11px}.both{display:block}.both svg{display:inline-block}
.both table{display:inline-table}.both svg,.both table{vertical-align:top;margin:0 1.5em 1em 0}}
</style>
<h1>How right are the readings?</h1>
";
const FOOT: &str = "</html>\n";

/// The page of all sets. `command` is how it was made.
#[must_use]
pub fn page(sets: &[SetFigures], command: &str) -> String {
    let mut out = format!("{HEAD}<p class=\"notice\">{}</p>\n", escaped(NOTICE));
    let how = format!(
        "Made by `{command}`, deepspine {}. Intervals (95 %) are bootstrapped by subject, {DRAWS} draws, seed {SEED}.",
        env!("CARGO_PKG_VERSION")
    );
    // Writing to a string can't fail.
    let _ = writeln!(out, "<p class=\"quiet\">{}</p>", escaped(&how));
    for set in sets {
        let _ = writeln!(out, "<h2>{}</h2><p>{}</p>", escaped(&set.name), escaped(&set.about));
        if !set.groups.is_empty() {
            let text = escaped(
                crate::evaluation::table(&SetFigures { grades: Vec::new(), measurements: Vec::new(), ..set.clone() })
                    .trim(),
            );
            let _ = writeln!(out, "<section><h3>Names, segmentation and studies</h3><pre>{text}</pre></section>");
        }
        set.grades.iter().for_each(|figures| out += &of_grades(figures));
        set.measurements.iter().for_each(|figures| out += &of_measured(figures));
    }
    out + FOOT
}

fn of_grades(figures: &GradeFigures) -> String {
    let said = answered(figures.truths, figures.answered, figures.subjects, &figures.unanswered);
    let mut out = format!(
        "<section><h3>{}</h3><p class=\"quiet\">Scale {}; {}</p>\n",
        escaped(&title(figures)),
        figures.scale,
        escaped(&said)
    );
    if figures.answered > 0 {
        out += "<div class=\"both\">\n";
        out += &plots::confusion(&figures.classes, &figures.confusion);
        out += &counts(figures);
        out += "</div>\n";
        out += &of_values(&figures.figures, "Every pair counts one");
        if let Some(reweighted) = &figures.reweighted {
            out += &of_values(reweighted, "Re-weighted: every pair counts its weight");
        }
    }
    out + "</section>\n"
}

fn counts(figures: &GradeFigures) -> String {
    let mut out = "<table class=\"counts\"><caption>Answers by truth</caption><tr><th>truth \\ answer</th>".to_owned();
    figures.classes.iter().for_each(|class| out += &format!("<th>{}</th>", escaped(class)));
    for row in &figures.confusion {
        out += &format!("</tr>\n<tr><th>{}</th>", escaped(&row.truth));
        row.counts.iter().for_each(|count| out += &format!("<td>{count}</td>"));
    }
    out + "</tr>\n</table>\n"
}

fn of_values(values: &Values, caption: &str) -> String {
    let mut out = format!("<div class=\"both\">\n{}", table(caption, &lines(values)));
    if values.thresholds.iter().any(|t| !t.curve.is_empty() && t.auroc.interval.is_some()) {
        out += &plots::roc(&values.thresholds);
    }
    if values.thresholds.iter().any(|t| !t.bins.is_empty()) {
        out += &plots::reliability(&values.thresholds);
    }
    for (sets, title) in [(&values.sets, "Prediction sets"), (&values.thin_sets, "Sets of a thin calibration")] {
        out += &sets.as_ref().map_or_else(String::new, |sets| plots::coverage(sets, title));
    }
    out + "</div>\n"
}

fn table(caption: &str, lines: &[(String, String)]) -> String {
    let mut out = format!("<table><caption>{}</caption>\n", escaped(caption));
    for (name, said) in lines {
        let indent = if name.starts_with(' ') { "&#8194;" } else { "" };
        let _ = writeln!(out, "<tr><th>{indent}{}</th><td>{}</td></tr>", escaped(name.trim_start()), escaped(said));
    }
    out + "</table>\n"
}

fn of_measured(figures: &MeasuredFigures) -> String {
    let group = if figures.group.is_empty() { String::new() } else { format!(", {}", figures.group) };
    let said = answered(figures.truths, figures.answered, figures.subjects, &figures.unanswered);
    let mut out = format!(
        "<section><h3>{}{}</h3><p class=\"quiet\">{}</p>\n",
        figures.measurement,
        escaped(&group),
        escaped(&said)
    );
    if figures.answered > 0 {
        out += "<div class=\"both\">\n";
        out += &table("Ours less the truth", &measured_lines(figures));
        out += &plots::differences(figures);
        out += "</div>\n";
    }
    out + "</section>\n"
}
