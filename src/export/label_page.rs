//! A page for review: every report with its evidence marked, and its labels beside it. One file, nothing from elsewhere.

use super::html::escaped;
use super::labelled::{LabelledReport, line, marked};
use crate::labels::{Label, Presence};

/// What stands before the first report.
pub const HEAD: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">
<title>Labels of reports</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;color:#1c2430;background:#fff}
article{display:grid;grid-template-columns:1fr 1fr;gap:1.5em;border-top:1px solid #ccd3dc;padding:1em 0}
h2{grid-column:1/3;margin:0;font-size:1em;color:#51607a}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font:inherit}
mark{background:#ffe9a8;border-radius:3px;padding:0 .1em}mark.absent{background:#cfeecb}mark.uncertain{background:#d9dcf7}mark.past{background:#e6e6e6}
table{border-collapse:collapse;font-size:.9em;align-self:start}td{padding:.1em .6em .1em 0;vertical-align:top}
td:first-child{font-weight:600;white-space:nowrap}.quote{color:#51607a}.conflict{color:#a3242b;font-weight:600}
@media(max-width:50em){article{grid-template-columns:1fr}h2{grid-column:1}}
</style>
<h1>Labels of reports</h1>
<p>Marked: <mark>present</mark> <mark class=\"absent\">absent</mark> <mark class=\"uncertain\">uncertain</mark> <mark class=\"past\">past</mark>.
What a report says, not what is true of a patient.</p>
";

/// What stands after the last.
pub const FOOT: &str = "</html>\n";

/// One report.
#[must_use]
pub fn article(report: &LabelledReport<'_>) -> String {
    let mut marked_text = String::new();
    let mut at = 0;
    for (start, end, labels) in marked(report.text, report.labels) {
        marked_text += &escaped(report.text.get(at..start).unwrap_or_default());
        let title = labels.iter().map(|label| line(label)).collect::<Vec<_>>().join("\n");
        marked_text += &format!(
            "<mark class=\"{}\" title=\"{}\">{}</mark>",
            class(&labels),
            escaped(&title),
            escaped(report.text.get(start..end).unwrap_or_default())
        );
        at = end;
    }
    marked_text += &escaped(report.text.get(at..).unwrap_or_default());
    let rows: String = report.labels.iter().map(|label| table_row(report.text, label)).collect();
    format!(
        "<article><h2>{}</h2><pre dir=\"auto\">{}</pre><table>{rows}</table></article>\n",
        escaped(report.id),
        marked_text
    )
}

fn class(labels: &[&Label]) -> &'static str {
    let all = |wanted: Presence| labels.iter().all(|label| label.presence == wanted);
    [Presence::Absent, Presence::Uncertain, Presence::Past]
        .into_iter()
        .find(|p| all(*p))
        .map_or("present", Presence::name)
}

fn table_row(text: &str, label: &Label) -> String {
    let said = line(label);
    let (level, rest) = said.split_once(' ').unwrap_or((&said, ""));
    format!(
        "<tr{}><td>{}<td>{}<td class=\"quote\">{}\n",
        if label.conflict { " class=\"conflict\"" } else { "" },
        escaped(level),
        escaped(rest.trim_start()),
        escaped(label.evidence.quote(text).unwrap_or_default())
    )
}
