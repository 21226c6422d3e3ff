//! The page of a study: one HTML file that needs nothing else, for a screen, a tablet and A4 paper.
//!
//! The overview, then each level with the pictures that it was graded from, its grades, measurements and what they rest on;
//! what must be known about the data; the networks. It belongs to the clinic and shows whose study it is. No script, nothing
//! from elsewhere; what colour says, words say as well. Its own words come from [`messages`], the sentences of the report
//! are English in every language, and marked so.

mod level;
mod messages;

use super::bundle::Bundle;
use super::html::{self, escaped};
use super::overlay;
use super::report::{LumbarDocument, ReportDocument, VertebraDocument};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use level::{measurement_rows, missing_rows};
use messages::Messages;
use std::fmt::Write as _;
use std::io;

pub use messages::Language;

/// Its look.
const STYLE: &str = include_str!("page/page.css");
/// Digits of a hash that are shown.
const HASH_DIGITS: usize = 16;

/// The page of `bundle` in `language`.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] where a picture of the bundle has no size.
pub(super) fn page(bundle: &Bundle, language: Language) -> io::Result<String> {
    let words = Messages::of(language).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
    let report = &bundle.report;
    let mut out = head(&words);
    out += &header(bundle, &words);
    out += "<main>\n";
    out += &overview(bundle, &words)?;
    if !report.levels.is_empty() {
        let _ = writeln!(out, "<section><h2>{}</h2>", escaped(words.get("levels")));
        for (place, level) in report.levels.iter().enumerate().rev() {
            let pictures = bundle.pictures.iter().filter(|p| p.level == place);
            out += &level::article(level, pictures, &words)?;
        }
        out += "</section>\n";
    }
    out += &vertebrae(&report.vertebrae, &words);
    out += &report.lumbar.as_ref().map_or_else(String::new, |lumbar| of_lumbar(lumbar, &words));
    out += &quality(report, &words);
    out += &series(report, &words);
    out += &models(report, &words);
    out += "</main>\n";
    out += &footer(report, &words);
    Ok(out + "</body></html>\n")
}

fn head(words: &Messages) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style></head>\n<body>\n",
        words.language.tag(),
        escaped(words.get("title"))
    )
}

/// Title, what it is not, whose study it is.
fn header(bundle: &Bundle, words: &Messages) -> String {
    let identity = &bundle.identity;
    let mut out = format!(
        "<header><h1>{}</h1>\n<p class=\"notice\">{}</p>\n<dl class=\"who\">",
        escaped(words.get("title")),
        escaped(words.get("notice"))
    );
    let name = identity.patient_name.replace('^', " ");
    for (key, value) in [
        ("patient", name.trim()),
        ("patient-id", &identity.patient_id),
        ("birth-date", &date(&identity.patient_birth_date)),
        ("study-date", &date(&identity.study_date)),
        ("accession", &identity.accession_number),
        ("description", &identity.study_description),
    ] {
        if !value.is_empty() {
            let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escaped(words.get(key)), escaped(value));
        }
    }
    out += "</dl></header>\n";
    out
}

/// `2026-01-02` of `20260102`; anything else as it is.
fn date(stored: &str) -> String {
    match (stored.get(..4), stored.get(4..6), stored.get(6..8)) {
        (Some(year), Some(month), Some(day)) if stored.len() == 8 => format!("{year}-{month}-{day}"),
        _ => stored.to_owned(),
    }
}

/// The picture, or why there is no reading.
fn overview(bundle: &Bundle, words: &Messages) -> io::Result<String> {
    let mut out = format!("<section><h2>{}</h2>\n", escaped(words.get("overview")));
    if let Some(refusal) = &bundle.report.refusal {
        let (said, text) = (escaped(words.get("not-read")), escaped(&refusal.text));
        let _ = writeln!(out, "<p class=\"refusal\">{said}: <span lang=\"en\">{text}</span></p>");
    }
    if let Some(display) = &bundle.display {
        let mut png = Vec::new();
        overlay::write(bundle, display, &mut png)?;
        let _ = writeln!(
            out,
            "<figure class=\"overview\"><img id=\"overview\" alt=\"{}\" src=\"{}\"></figure>",
            escaped(words.get("overview-alt")),
            data_uri(&png)
        );
    }
    Ok(out + "</section>\n")
}

/// A PNG as the address of an image (RFC 2397).
fn data_uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

fn vertebrae(vertebrae: &[VertebraDocument], words: &Messages) -> String {
    if vertebrae.is_empty() {
        return String::new();
    }
    let mut heads = vec![""];
    let mut rows = Vec::new();
    for vertebra in vertebrae.iter().rev() {
        let title = level::called(&vertebra.name, "unnamed-vertebra", vertebra.ordinal_from_below, words);
        let measured = level::quantities(&vertebra.measurements, words);
        heads.splice(1.., measured.iter().map(|(name, _)| *name));
        rows.push(std::iter::once(escaped(&title)).chain(measured.into_iter().map(|(_, value)| value)).collect());
    }
    format!("<section><h2>{}</h2>\n{}</section>\n", escaped(words.get("vertebrae")), table(&heads, &rows))
}

fn of_lumbar(lumbar: &LumbarDocument, words: &Messages) -> String {
    let rows = measurement_rows(lumbar, &lumbar.measurement_sd, words);
    let mut out = format!("<section><h2>{}</h2>\n", escaped(words.get("lumbar")));
    if !rows.is_empty() {
        out += &table(&words_of(words, &["quantity", "value", "repeats"]), &rows);
    }
    out + &missing_rows(&lumbar.missing, words) + "</section>\n"
}

fn quality(report: &ReportDocument, words: &Messages) -> String {
    let mut out = format!("<section><h2>{}</h2>\n", escaped(words.get("quality")));
    let findings = report.findings();
    if findings.is_empty() {
        let _ = writeln!(out, "<p>{}</p>", escaped(words.get("no-quality")));
        return out + "</section>\n";
    }
    out += "<ul>\n";
    for finding in findings {
        let (class, said, text) =
            (escaped(finding.severity), escaped(words.severity(finding.severity)), escaped(&finding.sentence()));
        let _ = writeln!(out, "<li class=\"{class}\">{said}: <span lang=\"en\">{text}</span></li>");
    }
    out + "</ul></section>\n"
}

fn series(report: &ReportDocument, words: &Messages) -> String {
    let rows: Vec<Vec<String>> = report
        .series
        .iter()
        .enumerate()
        .map(|(place, series)| {
            let used = if report.segmented_series == Some(place) { " *" } else { "" };
            vec![
                format!("{}{used}", place + 1),
                escaped(&series.role),
                format!("{} × {} × {}", series.slices, series.rows, series.columns),
                format!("<span lang=\"en\">{}</span>", escaped(&series.reason)),
            ]
        })
        .collect();
    let heads = words_of(words, &["series", "role", "slices", "why"]);
    format!("<section><h2>{}</h2>\n{}</section>\n", escaped(words.get("series")), table(&heads, &rows))
}

fn models(report: &ReportDocument, words: &Messages) -> String {
    let rows: Vec<Vec<String>> = report
        .models
        .iter()
        .map(|model| {
            let hash = model.sha256.get(..HASH_DIGITS).unwrap_or(&model.sha256);
            vec![
                format!("{} {}", escaped(&model.name), escaped(&model.version)),
                format!("<span lang=\"en\">{}</span>", escaped(&model.terms)),
                format!("<span class=\"hash\">{}…</span>", escaped(hash)),
            ]
        })
        .collect();
    let mut heads = words_of(words, &["model", "terms"]);
    heads.push("SHA-256");
    format!("<section><h2>{}</h2>\n{}</section>\n", escaped(words.get("models")), table(&heads, &rows))
}

fn footer(report: &ReportDocument, words: &Messages) -> String {
    format!(
        "<footer>deepspine: {} {}, {} {}, {} {}, {} {}</footer>\n",
        escaped(words.get("report")),
        escaped(&report.report_id),
        escaped(words.get("revision")),
        report.revision,
        escaped(words.get("produced")),
        escaped(&report.produced_at),
        escaped(words.get("analysis")),
        escaped(&report.analysis_version)
    )
}

/// Heads of a table.
fn words_of<'m>(words: &'m Messages, keys: &[&'m str]) -> Vec<&'m str> {
    keys.iter().map(|key| words.get(key)).collect()
}

/// A table of cells that are markup already, which may be wider than the screen.
fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    format!("<div class=\"scroll\">{}</div>\n", html::table(heads, rows))
}
