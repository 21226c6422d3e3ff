//! The same as a page for review: confusion matrices with shading, and what to look at with its words marked. One file, nothing from
//! elsewhere, no script.

use std::fmt::Write as _;

use super::listed::Listed;
use super::tally::{ConfusionRow, FindingFigures};
use super::text::{diameter_line, heading, written};
use super::totals::{Concordance, NOTICE};
use crate::export::html::escaped;

const HEAD: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">
<title>Texts held against readings</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;color:#1c2430;background:#fff}
.notice{border-left:4px solid #d55e00;padding:.3em .8em;background:#fff6ee}
section{border-top:1px solid #ccd3dc;padding:1em 0}h2{margin:0;font-size:1.1em}section p{color:#51607a;margin:.2em 0 .8em}
.both{display:flex;flex-wrap:wrap;gap:2em}table{border-collapse:collapse;font-size:.9em;align-self:start}
th{font-weight:600;text-align:left;padding:.2em .6em}td{padding:.2em .6em}
.confusion td{text-align:right;min-width:3.5em;border:1px solid #e3e7ee}.confusion td.agrees{border:2px solid #009e73}
.confusion td.dark{color:#fff}
li{margin:.6em 0}blockquote{margin:.2em 0;color:#51607a;white-space:pre-wrap;overflow-wrap:anywhere}mark{background:#ffe9a8;color:#1c2430;border-radius:3px;padding:0 .1em}
.conflict{color:#a3242b;font-weight:600}
</style>
<h1>Texts held against readings</h1>
";
const FOOT: &str = "</html>\n";
/// Share of a row from which a cell is so dark that its number is white.
const DARK: f64 = 0.6;

/// The page.
#[must_use]
pub fn page(concordance: &Concordance) -> String {
    let mut out = format!("{HEAD}<p class=\"notice\">{}</p>\n<ul>\n", escaped(NOTICE));
    let sentences = concordance.totals.sentences();
    for line in sentences.iter().chain([&concordance.left_out(), &concordance.choices()]) {
        // Writing to a string can't fail.
        let _ = writeln!(out, "<li>{}", escaped(line));
    }
    out += "</ul>\n";
    for finding in concordance.figures.findings.iter() {
        out += &section(finding);
    }
    if let Some(diameters) = &concordance.figures.canal_diameter {
        let line = escaped(&diameter_line(diameters));
        let _ = writeln!(out, "<section><h2>canal-diameter</h2><p>{line}</p></section>");
    }
    out += &list(concordance);
    out + FOOT
}

fn section(finding: &FindingFigures) -> String {
    let side = finding.side.map_or_else(String::new, |side| format!(", {side}"));
    let mut out =
        format!("<section><h2>{}{side}</h2><p>{}</p><div class=\"both\">", finding.finding, escaped(&heading(finding)));
    out += "<table class=\"confusion\"><tr><th>text \\ reading";
    for name in finding.read {
        let _ = write!(out, "<th>{name}");
    }
    out += "\n";
    for row in &finding.confusion {
        out += &confusion_row(row);
    }
    out += "</table><table>\n";
    for value in &finding.figures {
        let _ = writeln!(out, "<tr><th>{}<td>{}", value.name, escaped(&written(value)));
    }
    out + "</table></div></section>\n"
}

fn confusion_row(row: &ConfusionRow) -> String {
    let all: u32 = row.counts.iter().sum();
    let mut out = format!("<tr><th>{}", row.said);
    for (rank, count) in row.counts.iter().enumerate() {
        let share = if all == 0 { 0.0 } else { f64::from(*count) / f64::from(all) };
        let agrees = if row.agrees.contains(&rank) { "agrees" } else { "" };
        let dark = if share >= DARK { " dark" } else { "" };
        let _ = write!(out, "<td class=\"{agrees}{dark}\" style=\"background:rgba(0,90,160,{share:.2})\">{count}");
    }
    out + "\n"
}

fn list(concordance: &Concordance) -> String {
    let all = concordance.totals.listed;
    let mut out = format!(
        "<section><h2>To look at</h2><p>{all} pairs more than one grade apart, or there for one and not for the other; the worst first, \
         {} shown.</p><ol>\n",
        concordance.listed.len()
    );
    for listed in &concordance.listed {
        out += &entry(listed);
    }
    out + "</ol></section>\n"
}

fn entry(listed: &Listed) -> String {
    let id = escaped(&listed.id);
    let mut out = format!("<li><b>{id}</b> {}: {}", escaped(&listed.place()), escaped(&listed.both()));
    match &listed.pair.words {
        Some(words) => {
            if words.conflict {
                out += " <span class=\"conflict\">findings and impression disagree</span>";
            }
            let (before, quote, after) = (escaped(&listed.before), escaped(&words.quote), escaped(&listed.after));
            let _ = writeln!(out, "<blockquote dir=\"auto\">{before}<mark>{quote}</mark>{after}</blockquote>");
        }
        None => out += "<blockquote>not mentioned</blockquote>\n",
    }
    out
}
