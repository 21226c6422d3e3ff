//! All that is known of one appliance, as HTML.

use std::fmt::Write;

use crate::export::html::escaped;
use crate::fleet::view::{self, Row};

/// The content of the page of `row`.
pub(super) fn of(row: &Row) -> String {
    let [state, ..] = view::cells(row);
    let mut html = format!("<p class=\"{}\">{}</p>\n", row.standing.name(), escaped(&state));
    if !row.why.is_empty() {
        let _ = writeln!(html, "<p>{}</p>", escaped(&row.why));
    }
    html.push_str("<dl>\n");
    let mut facts = vec![
        ("Version", row.version.to_string()),
        ("Board", row.board.to_string()),
        ("Models", row.models.clone()),
        ("Commands", row.commands.join(", ")),
        ("Messages that came again", row.repeats.to_string()),
        ("Messages that made no sense", row.malformed.to_string()),
    ];
    facts.extend(view::numbers(row));
    for (name, value) in facts {
        let _ = writeln!(html, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(&value));
    }
    html.push_str("</dl>\n");
    alarms(&mut html, row);
    gaps(&mut html, row);
    drifts(&mut html, row);
    html
}

fn alarms(html: &mut String, row: &Row) {
    if row.alarms.is_empty() {
        return;
    }
    html.push_str("<h2>Alarms</h2>\n<ul>\n");
    for (name, alarm) in &row.alarms {
        let text = format!("{name} ({}, since {}): {}", alarm.severity, alarm.since, alarm.text);
        let _ = writeln!(html, "<li>{}</li>", escaped(&text));
    }
    html.push_str("</ul>\n");
}

fn gaps(html: &mut String, row: &Row) {
    if row.gaps.is_empty() {
        return;
    }
    let _ = writeln!(html, "<h2>Missing messages</h2>\n<p>{} in all; sequence numbers:</p>\n<ul>", row.missing);
    for (first, last) in &row.gaps {
        let _ = writeln!(html, "<li>{first} to {last}</li>");
    }
    html.push_str("</ul>\n");
}

fn drifts(html: &mut String, row: &Row) {
    if row.drifts.is_empty() {
        return;
    }
    html.push_str(
        "<h2>Grades</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Grades\"><table>\n\
         <caption>Levels by grade, the best first: the site's first reports and its last</caption>\n<thead><tr>\
         <th scope=\"col\">Finding</th><th scope=\"col\">Models</th><th scope=\"col\">At first</th>\
         <th scope=\"col\">Of late</th><th scope=\"col\">PSI</th><th scope=\"col\">Verdict</th></tr></thead>\n<tbody>\n",
    );
    for drift in &row.drifts {
        let cells = [
            drift.models.clone(),
            counts(&drift.baseline),
            counts(&drift.recent),
            drift.psi.map(|psi| format!("{psi:.3}")).unwrap_or_default(),
            drift.verdict.name().to_owned(),
        ];
        let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escaped(&drift.finding));
        for cell in cells {
            let _ = write!(html, "<td>{}</td>", escaped(&cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
}

fn counts(counts: &[u64]) -> String {
    counts.iter().map(u64::to_string).collect::<Vec<_>>().join(" · ")
}
