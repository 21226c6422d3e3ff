//! One level of the page.

use super::super::bundle::BundlePicture;
use super::super::html::escaped;
use super::super::report::{CodedText, GradeDocument, LevelDocument, MissingDocument, UNKNOWN, numbers_by_key};
use super::messages::Messages;
use super::{data_uri, table, words_of};
use crate::spine::GradeScale;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

/// A sign beside a prediction set, what it says, and where it stands.
type SetNote = (&'static str, &'static str, fn(&GradeDocument) -> bool);
const SET_NOTES: [SetNote; 2] = [("*", "thin", |grade| grade.set_thin), ("†", "strange", |grade| grade.set_strange)];
/// How much larger a picture is shown than its pixels.
const MAGNIFIED: usize = 2;

/// The level's name, or its place from below.
pub(super) fn called(name: &str, unnamed: &str, ordinal_from_below: usize, words: &Messages) -> String {
    if name == UNKNOWN { words.filled(unnamed, &[&ordinal_from_below.to_string()]) } else { name.to_owned() }
}

/// Everything about one level.
pub(super) fn article<'a>(
    level: &LevelDocument,
    pictures: impl Iterator<Item = &'a BundlePicture>,
    words: &Messages,
) -> io::Result<String> {
    let title = called(&level.name, "unnamed-level", level.ordinal_from_below, words);
    let mut out = format!("<article class=\"level\"><h3>{}</h3>\n", escaped(&title));
    out += &name_evidence(level, words);
    out += &figures(&title, pictures, words)?;
    out += "<div class=\"both\">\n<div>";
    out += &grades(&level.grades, words);
    out += &reasons("not-graded", &level.ungraded, words);
    out += "</div>\n<div>";
    out += &measurements(level, words);
    out += "</div></div></article>\n";
    Ok(out)
}

fn name_evidence(level: &LevelDocument, words: &Messages) -> String {
    let mut said = String::new();
    if level.name != UNKNOWN {
        let percent = words.number(level.confidence * 100.0, 0);
        said = words.filled("name-sure", &[&percent]) + "; ";
    }
    // Where the report had to be shortened, the code is what is left.
    let texts = level.evidence.iter().map(|e| if e.text.is_empty() { &*e.code } else { e.text.trim_end_matches('.') });
    format!(
        "<p class=\"said\">{}{}: <span lang=\"en\">{}</span></p>\n",
        escaped(&said),
        escaped(words.get("name-why")),
        escaped(&texts.collect::<Vec<_>>().join("; "))
    )
}

fn figures<'a>(title: &str, pictures: impl Iterator<Item = &'a BundlePicture>, words: &Messages) -> io::Result<String> {
    let mut shown = String::new();
    for picture in pictures {
        let caption = words.get(&format!("picture-{}", picture.view)).to_owned();
        let _ = writeln!(
            shown,
            "<figure><img class=\"crop\" width=\"{}\" height=\"{}\" alt=\"{}\" src=\"{}\"><figcaption>{}</figcaption></figure>",
            picture.columns * MAGNIFIED,
            picture.rows * MAGNIFIED,
            escaped(&words.filled("picture-alt", &[title, &caption])),
            data_uri(&grey_png(picture)?),
            escaped(&caption)
        );
    }
    if shown.is_empty() {
        return Ok(shown);
    }
    Ok(format!("<h4>{}</h4>\n<div class=\"pictures\">\n{shown}</div>\n", escaped(words.get("pictures"))))
}

fn grey_png(picture: &BundlePicture) -> io::Result<Vec<u8>> {
    let side = |pixels: usize| u32::try_from(pixels).map_err(io::Error::other);
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side(picture.columns)?, side(picture.rows)?);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    writer.write_image_data(&picture.grey).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)?;
    Ok(out)
}

fn grades(grades: &[GradeDocument], words: &Messages) -> String {
    if grades.is_empty() {
        return String::new();
    }
    let (plain, told): (Vec<&GradeDocument>, Vec<&GradeDocument>) = grades.iter().partition(|g| is_plainly_absent(g));
    let rows: Vec<Vec<String>> = told.into_iter().map(|grade| row(grade, words)).collect();
    let mut out = format!("<h4>{}</h4>\n", escaped(words.get("grades")));
    if !rows.is_empty() {
        out += &table(&words_of(words, &["finding", "grade", "probability", "possible", "seen-in"]), &rows);
        for (sign, key, holds) in SET_NOTES {
            if grades.iter().any(holds) {
                let _ = writeln!(out, "<p class=\"said\">{sign} {}</p>", escaped(words.get(key)));
            }
        }
    }
    if !plain.is_empty() {
        let named: Vec<String> = plain.iter().map(|grade| finding(grade, words)).collect();
        let least = plain.iter().filter_map(|g| g.probabilities.first()).fold(1.0_f64, |least, p| least.min(*p));
        let said = words.filled("plainly-absent", &[&words.number((least * 100.0).floor(), 0)]);
        let _ = writeln!(out, "<p>{}: {}</p>", escaped(&said), escaped(&named.join("; ")));
    }
    out
}

/// Whether something is there or not, and that it is there can be excluded: such are told in one line.
fn is_plainly_absent(grade: &GradeDocument) -> bool {
    let scale = GradeScale::from_name(&grade.scale);
    scale == Some(GradeScale::Presence) && grade.set == ["absent"] && !grade.set_thin && !grade.set_strange
}

fn finding(grade: &GradeDocument, words: &Messages) -> String {
    let side = grade.side.as_deref().map_or_else(String::new, |side| format!(", {}", words.get(side)));
    format!("{}{side}", words.finding(&grade.finding))
}

fn row(grade: &GradeDocument, words: &Messages) -> Vec<String> {
    let mut possible = grade.set.iter().map(|g| words.grade(g)).collect::<Vec<_>>().join(", ");
    for (sign, _, holds) in SET_NOTES {
        if holds(grade) {
            possible = format!("{possible} {sign}");
        }
    }
    vec![
        escaped(&finding(grade, words)),
        format!("<span class=\"grade\">{}</span>", escaped(words.grade(&grade.grade))),
        bar(grade, words),
        escaped(&possible),
        grade.inputs.iter().map(|role| unbroken(role)).collect::<Vec<_>>().join("<br>"),
    ]
}

/// The probability of each grade, as a bar for the eye and as words.
fn bar(grade: &GradeDocument, words: &Messages) -> String {
    let names = GradeScale::from_name(&grade.scale).map_or(&[] as &[&str], GradeScale::grades);
    let both: Vec<(&str, f64)> = names.iter().copied().zip(grade.probabilities.iter().copied()).collect();
    if both.is_empty() {
        return String::new();
    }
    let mut out = "<div class=\"bar\" aria-hidden=\"true\">".to_owned();
    for (place, (_, probability)) in both.iter().enumerate() {
        let _ = write!(out, "<i class=\"g{place}\" style=\"width:{:.1}%\"></i>", probability * 100.0);
    }
    let said: Vec<String> =
        both.iter().map(|(name, p)| format!("{} {} %", words.grade(name), words.number(p * 100.0, 0))).collect();
    let _ = write!(out, "</div><span class=\"said\">{}</span>", escaped(&said.join(", ")));
    out
}

fn measurements(level: &LevelDocument, words: &Messages) -> String {
    let mut rows = measurement_rows(&level.measurements, &level.measurement_sd, words);
    if let Some(canal) = &level.canal {
        rows.extend(measurement_rows(canal, &BTreeMap::new(), words));
    }
    let mut out = String::new();
    if !rows.is_empty() {
        let heads = words_of(words, &["quantity", "value", "repeats"]);
        out = format!("<h4>{}</h4>\n{}", escaped(words.get("measurements")), table(&heads, &rows));
    }
    if let Some(percentile) = level.canal.as_ref().and_then(|canal| canal.ap_percentile) {
        let percentile = words.number(percentile, 0);
        let quantity = words.quantity("canal_ap_disc_mm").unwrap_or_default();
        let _ = writeln!(out, "<p>{}: {}</p>", escaped(quantity), escaped(&words.filled("percentile", &[&percentile])));
    }
    out + &missing_rows(&level.missing, words)
}

/// What was measured, by the report's own keys: name, value with unit, standard deviation between repeats.
pub(super) fn measurement_rows(
    measurements: &impl Serialize,
    sd: &BTreeMap<String, f64>,
    words: &Messages,
) -> Vec<Vec<String>> {
    let shown = numbers_by_key(measurements).filter_map(|(key, value)| {
        let (value, name) = (value?, words.quantity(&key)?);
        let (unit, decimals) = unit_of(&key);
        let written = |value: f64, decimals: usize| format!("{}{unit}", words.number(value, decimals));
        let repeats = sd.get(&key).map_or_else(String::new, |sd| format!("± {}", written(*sd, decimals + 1)));
        Some(vec![escaped(name), unbroken(&written(value, decimals)), unbroken(&repeats)])
    });
    shown.collect()
}

/// All quantities of `measurements` that the page shows, in an order that is always the same: name, and value with its unit or
/// a dash.
pub(super) fn quantities<'m>(measurements: &impl Serialize, words: &'m Messages) -> Vec<(&'m str, String)> {
    let shown = numbers_by_key(measurements).filter_map(|(key, value)| {
        let name = words.quantity(&key)?;
        let (unit, decimals) = unit_of(&key);
        let written = value.map(|value| format!("{}{unit}", words.number(value, decimals)));
        Some((name, written.unwrap_or_else(|| "–".to_owned())))
    });
    shown.collect()
}

/// What a line's end must not divide.
fn unbroken(text: &str) -> String {
    format!("<span class=\"unbroken\">{}</span>", escaped(text))
}

/// The unit in a key's name, and the decimals that it carries.
fn unit_of(key: &str) -> (&'static str, usize) {
    match key.rsplit('_').next() {
        Some("mm") => (" mm", 1),
        Some("mm2") => (" mm²", 0),
        Some("deg") => ("°", 1),
        Some("percent") => (" %", 1),
        _ => ("", 2),
    }
}

/// What could not be measured, and why.
pub(super) fn missing_rows(missing: &[MissingDocument], words: &Messages) -> String {
    let texts: Vec<String> = missing
        .iter()
        .map(|m| {
            let names: Vec<&str> = m.measurements.iter().map(|key| words.quantity(key).unwrap_or(key)).collect();
            format!("{}: <span lang=\"en\">{}</span>", escaped(&names.join(", ")), escaped(&m.reason))
        })
        .collect();
    listed("not-measured", &texts, words)
}

fn reasons(key: &str, texts: &[CodedText], words: &Messages) -> String {
    let texts: Vec<String> = texts.iter().map(|t| format!("<span lang=\"en\">{}</span>", escaped(&t.text))).collect();
    listed(key, &texts, words)
}

fn listed(key: &str, items: &[String], words: &Messages) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items: String = items.iter().map(|item| format!("<li>{item}</li>\n")).collect();
    format!("<p class=\"label\">{}</p>\n<ul>{items}</ul>\n", escaped(words.get(key)))
}
