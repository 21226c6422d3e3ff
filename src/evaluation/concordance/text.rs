//! The figures for a terminal, and what an auditor opens first.

use std::fmt::Write as _;

use super::counts::{KAPPA_PAIRS_MIN, Measure};
use super::listed::Listed;
use super::tally::{DiameterFigures, FindingFigures, Value};
use super::totals::{Concordance, NOTICE};
use crate::export::labelled::printable;
use crate::export::wrapping::wrapped;

/// Pairs that are listed on a terminal; a table (`csv`) has all.
pub const LISTED_SHOWN_MAX: usize = 50;
/// Columns of a line.
const LINE_WIDTH: usize = 110;
/// Width of a column of a confusion matrix.
const COLUMN: usize = 10;

/// The figures, and the worst pairs, for a terminal.
#[must_use]
pub fn text(concordance: &Concordance) -> String {
    let mut out = "Texts held against readings\n\n".to_owned();
    let sentences = concordance.totals.sentences();
    let last = [concordance.left_out(), concordance.choices()];
    for sentence in std::iter::once(NOTICE).chain(sentences.iter().chain(&last).map(String::as_str)) {
        out += &wrapped(sentence, LINE_WIDTH).join("\n");
        out += "\n";
    }
    let pooled = concordance.figures.findings.iter().filter(|finding| finding.side.is_none());
    for finding in pooled {
        out += &finding_table(finding);
    }
    if let Some(diameters) = &concordance.figures.canal_diameter {
        out += &format!("\ncanal-diameter: {}\n", diameter_line(diameters));
    }
    if concordance.figures.findings.is_empty() {
        out += "\nNothing that both speak of.\n";
    }
    out += &list(concordance);
    out
}

fn finding_table(finding: &FindingFigures) -> String {
    let mut out =
        format!("\n{}\n", wrapped(&format!("{}: {}", finding.finding, heading(finding)), LINE_WIDTH).join("\n"));
    out += &format!("  {:<18}", "text \\ reading");
    for name in finding.read {
        out += &format!("{name:>COLUMN$}");
    }
    for row in &finding.confusion {
        out += &format!("\n  {:<18}", row.said);
        for count in &row.counts {
            out += &format!("{count:>COLUMN$}");
        }
    }
    out += "\n";
    for value in &finding.figures {
        // Writing to a string can't fail.
        let _ = writeln!(out, "  {:<18}  {}", value.name, written(value));
    }
    out
}

/// How many pairs, and how many agree.
pub(super) fn heading(finding: &FindingFigures) -> String {
    let mut parts = vec![format!("{} pairs of {} studies", finding.pairs, finding.studies)];
    if finding.graded > 0 {
        parts.push(format!(
            "{} with a grade in the text: {} exact, {} one apart, {} more",
            finding.graded, finding.exact, finding.one_apart, finding.more
        ));
    }
    if finding.assumed_normal > 0 {
        parts.push(format!("{} assumed normal", finding.assumed_normal));
    }
    if finding.doubtful_pairs > 0 {
        parts.push(format!(
            "apart from these, at doubtful levels, {} pairs, {} of the same presence",
            finding.doubtful_pairs, finding.doubtful_presence_agrees
        ));
    }
    parts.join("; ")
}

/// A figure with its interval and how many it rests on.
pub(super) fn written(value: &Value) -> String {
    let interval = value.interval.map_or_else(String::new, |[low, high]| format!(" ({low:.3} to {high:.3})"));
    match value.value {
        Some(figure) => format!("{figure:.3}{interval} of {}", value.of),
        None if value.too_few => format!("not given: {} pairs, fewer than {KAPPA_PAIRS_MIN}", value.of),
        None if value.of == 0 => "no pair".to_owned(),
        None => format!("not defined: all {} on one side", value.of),
    }
}

/// The differences of diameters in a sentence.
pub(super) fn diameter_line(of: &DiameterFigures) -> String {
    let mut line = format!("{} pairs", of.pairs);
    if let Some(mean) = of.mean_mm {
        line += &format!(", measured less said: mean {mean:+.2} mm");
    }
    if let Some([low, high]) = of.mean_interval_mm {
        line += &format!(" ({low:+.2} to {high:+.2})");
    }
    line += &match of.limits_of_agreement_mm {
        Some([low, high]) => format!(", limits of agreement {low:+.2} to {high:+.2} mm"),
        None => ", too few for limits of agreement".to_owned(),
    };
    if of.doubtful_pairs > 0 {
        line += &format!("; apart from these {} at doubtful levels", of.doubtful_pairs);
    }
    line
}

fn list(concordance: &Concordance) -> String {
    let all = concordance.totals.listed;
    let mut out =
        format!("\nTo look at: {all} pairs more than one grade apart, or there for one and not for the other");
    if all == 0 {
        return out + ".\n";
    }
    out += "; the worst first.\n";
    for listed in concordance.listed.iter().take(LISTED_SHOWN_MAX) {
        out += &entry(listed);
    }
    if let Some(more @ 1..) = all.checked_sub(LISTED_SHOWN_MAX) {
        out += &format!("  and {more} more: --format csv has all\n");
    }
    out
}

fn entry(listed: &Listed) -> String {
    let quote = listed.pair.words.as_ref().map_or_else(
        || "not mentioned".to_owned(),
        |words| {
            let quote = words.quote.split_whitespace().collect::<Vec<_>>().join(" ");
            let conflict = if words.conflict { " (findings and impression disagree)" } else { "" };
            format!("\u{201c}{}\u{201d}{conflict}", printable(&quote))
        },
    );
    let id = printable(&listed.id).replace('\n', " ");
    format!("  {id}  {}: {}\n      {quote}\n", listed.place(), listed.both())
}

/// The value of a measure as one number, where it has one.
pub(super) fn number(finding: &FindingFigures, measure: Measure) -> Option<f64> {
    finding.value(measure).and_then(|value| value.value)
}
