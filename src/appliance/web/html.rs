//! Parts that every page is made of.

use std::fmt::Write as _;

use super::words::Words;
use crate::appliance::clock;
use crate::export::html::{self, escaped};

/// Digits of a key or hash that are shown where the whole of it is elsewhere.
const DIGITS_SHOWN: usize = 8;
/// Digits of a moment in RFC 3339 up to its minutes.
const TO_THE_MINUTE: usize = "2026-01-01T00:00".len();

/// What a page is, beside what stands on it.
pub(super) struct Frame<'a> {
    pub(super) words: &'a Words,
    pub(super) title: String,
    /// The study that it is about, by its key; empty where it is about all.
    pub(super) study: &'a str,
    /// Changes whenever more than a text of the page does.
    pub(super) shape: String,
    /// Whether somebody who has the token may have something done.
    pub(super) acts: bool,
    pub(super) show_identity: bool,
}

/// The page around `header` and `main`.
pub(super) fn document(frame: &Frame<'_>, header: &str, main: &str) -> String {
    let words = frame.words;
    let said = |key: &str| escaped(words.get(key));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n<link rel=\"icon\" href=\"/icon.svg\">\n\
         <script src=\"/app.js\" defer></script></head>\n",
        words.language.tag(),
        escaped(&frame.title)
    );
    let _ = write!(out, "<body data-shape=\"{}\" data-study=\"{}\"", escaped(&frame.shape), escaped(frame.study));
    for key in ["is-live", "is-still", "act-done", "act-begun", "act-asked", "act-refused", "act-unreachable"] {
        let _ = write!(out, " data-{key}=\"{}\"", said(key));
    }
    let _ = writeln!(out, ">\n<a class=\"skip\" href=\"#main\">{}</a>\n<header>{header}</header>", said("skip"));
    let _ = writeln!(out, "<main id=\"main\">\n{main}</main>");
    let identity = if frame.show_identity { format!("<br>{}", said("footer-identity")) } else { String::new() };
    let _ = writeln!(
        out,
        "<footer><p class=\"notice\">{}</p><p>{}{identity}</p></footer>\n</body></html>",
        said("notice"),
        escaped(&words.filled("footer", &[env!("CARGO_PKG_VERSION")]))
    );
    out
}

/// A section with its heading, and a class for how wide it may be.
pub(super) fn section(id: &str, class: &str, title: &str, body: &str) -> String {
    format!(
        "<section id=\"{id}\" class=\"{class}\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{}</h2>\n{body}</section>\n",
        escaped(title)
    )
}

/// What is said of what: the first escaped here, the second markup already.
pub(super) fn pairs(rows: &[(String, String)]) -> String {
    let rows: String =
        rows.iter().map(|(name, value)| format!("<div><dt>{}</dt><dd>{value}</dd></div>\n", escaped(name))).collect();
    format!("<dl class=\"pairs\">\n{rows}</dl>\n")
}

/// A table of cells that are markup already, which may be wider than the page; the first of each row is its head.
pub(super) fn table(label: &str, heads: &[&str], rows: &[Vec<String>]) -> String {
    // What scrolls has to be reached by the keyboard too.
    format!(
        "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"{}\">{}</div>\n",
        escaped(label),
        html::table(heads, rows)
    )
}

/// A sentence of the program, which is English in every language.
pub(super) fn english(text: &str) -> String {
    format!("<span lang=\"en\">{}</span>", escaped(text))
}

/// A study's state or an alarm's severity: a sign and a word, never a colour alone.
pub(super) fn badge(class: &str, sign: &str, word: &str) -> String {
    format!("<span class=\"badge {class}\"><span aria-hidden=\"true\">{sign}</span> {}</span>", escaped(word))
}

/// The sign of a study's state.
pub(super) fn sign_of_state(state: &str) -> &'static str {
    match state {
        "arriving" => "◔",
        "claimed" => "▶",
        "failed" => "↻",
        "done" => "✓",
        "quarantined" => "▲",
        _ => "–",
    }
}

/// The beginning of a key.
pub(super) fn short(key: &str) -> &str {
    key.get(..DIGITS_SHOWN).unwrap_or(key)
}

/// A moment in RFC 3339, to the minute.
pub(super) fn moment(rfc3339: &str) -> String {
    let shown = rfc3339.get(..TO_THE_MINUTE).unwrap_or(rfc3339).replace('T', " ");
    format!("<time datetime=\"{}\">{}</time>", escaped(rfc3339), escaped(&shown))
}

/// A moment in seconds since the epoch, to the minute.
pub(super) fn moment_of(unix_secs: i64) -> String {
    clock::rfc3339_of(unix_secs).map_or_else(String::new, |text| moment(&text))
}

/// What somebody who has the token may have done: `/path` by a button that says `label`. Shown by the script, without which it could not
/// send the token.
pub(super) fn act(path: &str, label: &str, words: &Words) -> String {
    format!(
        "<form class=\"act\" data-act=\"{}\" hidden><label>{} <input type=\"password\" name=\"token\" autocomplete=\"off\" required></label> \
         <button>{}</button> <output></output></form>\n",
        escaped(path),
        escaped(words.get("token")),
        escaped(words.get(label))
    )
}
