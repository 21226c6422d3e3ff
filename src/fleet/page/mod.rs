//! The fleet as pages: the worst appliances first, a search, and one appliance in detail.
//!
//! All of it is made here, and works without a script; the script only asks for the table again when an event says so.
//! A page holds at most [`ROWS_MAX`] rows, whatever the fleet's size, so that a browser draws it at once.

mod detail;

use std::fmt::Write;

use super::collector::Beat;
use super::roll::Roll;
use super::view::{self, COLUMNS, Filter, Row};
use crate::export::html::escaped;

/// Most rows of a page.
pub const ROWS_MAX: usize = 100;
/// The style sheet.
pub const STYLE: &str = include_str!("style.css");
/// The script.
pub const SCRIPT: &str = include_str!("app.js");
/// What the page of the fleet may load and do: its own files, and the form that searches.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                          form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page of the fleet at `now_ms`, with the appliances that `search` takes.
#[must_use]
pub fn fleet(roll: &Roll, beat: &Beat, search: &str, now_ms: i64) -> String {
    let content = format!(
        "<form role=\"search\" action=\"/\">\n<label for=\"filter\">Name, state, version, model or alarm</label>\n\
         <input id=\"filter\" name=\"filter\" type=\"search\" maxlength=\"64\" value=\"{}\">\n\
         <button>Search</button>\n</form>\n<div id=\"fleet\">\n{}</div>\n",
        escaped(search),
        table(roll, beat, search, now_ms)
    );
    document("Fleet", &content, true)
}

/// Totals and table, as the page holds them and the script asks for them again.
#[must_use]
pub fn table(roll: &Roll, beat: &Beat, search: &str, now_ms: i64) -> String {
    let ordered = view::order(roll, &Filter::new(search), now_ms);
    let rows = ordered.rows(0, ROWS_MAX);
    let mut html = String::with_capacity(rows.len() * 400 + 1000);
    // Writing into memory does not fail.
    let _ = writeln!(html, "<p id=\"totals\">{}</p>", escaped(&ordered.totals.line()));
    if !(beat.state_connected && beat.events_connected) {
        html.push_str("<p class=\"wrong\">! Not connected to the broker: this is how it was last.</p>\n");
    }
    let shown = if rows.len() < ordered.len() {
        format!("The worst {} of {}", rows.len(), ordered.len())
    } else {
        format!("All {}", rows.len())
    };
    let _ = writeln!(html, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Appliances\"><table>");
    let _ = writeln!(html, "<caption>{shown}, the broken ones first</caption>\n<thead><tr>");
    for head in COLUMNS {
        let _ = writeln!(html, "<th scope=\"col\">{}</th>", capitalised(head));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in &rows {
        push_row(&mut html, row);
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn push_row(html: &mut String, row: &Row) {
    let [state, device, rest @ ..] = view::cells(row);
    let _ = write!(html, "<tr class=\"{}\"><td>{}</td>", row.standing.name(), escaped(&state));
    let name = escaped(&device);
    let _ = write!(html, "<th scope=\"row\"><a href=\"/appliance/{name}\">{name}</a></th>");
    for cell in rest {
        let _ = write!(html, "<td>{}</td>", escaped(&cell));
    }
    html.push_str("</tr>\n");
}

/// The page of one appliance; `None` where it is not known.
#[must_use]
pub fn appliance(roll: &Roll, device: &str, now_ms: i64) -> Option<String> {
    let (name, appliance) = roll.appliances().get_key_value(device)?;
    let row = view::row(name, appliance, now_ms);
    Some(document(&format!("{name} – fleet"), &detail::of(&row), false))
}

/// What is wanted by the query of a request.
#[must_use]
pub fn search_of(query: &str) -> String {
    let wanted = query.split('&').find_map(|pair| pair.strip_prefix("filter=")).unwrap_or_default();
    let mut bytes = Vec::new();
    let mut rest = wanted.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                // What is cut off is no digit.
                let digits = [rest.next().unwrap_or(b'?'), rest.next().unwrap_or(b'?')];
                let hex = std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                hex.unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).take(64).collect()
}

fn document(title: &str, content: &str, is_live: bool) -> String {
    let script = if is_live { "<script src=\"/app.js\" defer></script>\n" } else { "" };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{0}</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n{script}</head>\n<body>\n\
         <header><a href=\"/\">deepspine fleet</a></header>\n<main>\n<h1>{0}</h1>\n{content}</main>\n</body>\n</html>\n",
        escaped(title)
    )
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| format!("{first}{}", chars.as_str().to_lowercase())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_read_from_the_query() {
        assert_eq!(search_of("filter=lost+mr%2d1&x=y"), "lost mr-1");
        assert_eq!(search_of("filter=%3Cscript%3e%0a"), "<script>");
        assert_eq!(search_of("filter=%zz%f"), "?".repeat(2));
        assert_eq!(search_of(""), "");
        assert_eq!(search_of(&format!("filter={}", "x".repeat(1000))).len(), 64);
    }
}
