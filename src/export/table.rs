//! A report as a table of plain text, for a terminal.
//!
//! At most 110 columns, ASCII only, no colours; head at the top, as an image shows it.

use super::grade_table::grade_lines;
use super::report::{
    CodedText, LevelDocument, MissingDocument, ReportDocument, SeriesDocument, UNKNOWN, VertebraDocument,
};
use std::fmt::Write as _;

/// Columns of a line.
pub(super) const WIDTH_MAX: usize = 110;
/// What stands where there is no number.
const NONE: &str = "-";

/// The table of `report`.
#[must_use]
pub fn table(report: &ReportDocument) -> String {
    let mut lines = vec![
        format!("deepspine {}   report {}   {}", report.analysis_version, report.report_id, report.produced_at),
        String::new(),
    ];
    lines.extend(report.series.iter().enumerate().map(|(i, s)| series_line(i, s, report.segmented_series == Some(i))));
    if let Some(refusal) = &report.refusal {
        lines.push(String::new());
        lines.extend(wrapped("NOT READ  ", &format!("{} ({})", refusal.text, refusal.code)));
    }
    if !report.levels.is_empty() {
        lines.extend(level_lines(report));
    }
    lines.extend(grade_lines(report));
    if !report.vertebrae.is_empty() {
        lines.extend(vertebra_lines(report));
    }
    lines.extend(lumbar_lines(report));
    lines.extend(repeat_line(report));
    lines.extend(missing_lines(report));
    lines.extend(ungraded_lines(report));
    if !report.quality.is_empty() {
        lines.push(String::new());
        for f in report.findings() {
            lines.extend(wrapped(&format!("{:<8}", f.severity), &format!("{}: {}", f.code, f.sentence())));
        }
    }
    lines.push(String::new());
    for m in &report.models {
        lines.extend(wrapped("model   ", &format!("{} {} ({})", m.name, m.version, m.terms)));
    }
    lines.extend(wrapped("", &report.notice));
    lines.into_iter().fold(String::new(), |mut text, line| {
        text.push_str(line.trim_end());
        text.push('\n');
        text
    })
}

fn series_line(index: usize, s: &SeriesDocument, segmented: bool) -> String {
    let spacing = s.slice_spacing_mm.map_or_else(String::new, |mm| format!(" every {mm:.1} mm"));
    let blocks = if s.blocks > 1 { format!(" in {} blocks", s.blocks) } else { String::new() };
    let used = if segmented { "  segmented" } else { "" };
    format!(
        "series {:>2}  {:<9} {:>3} slices{spacing}{blocks}, {} x {} pixels of {:.2} x {:.2} mm, role sure {:.2}{used}",
        index + 1,
        s.role,
        s.slices,
        s.columns,
        s.rows,
        s.column_spacing_mm,
        s.row_spacing_mm,
        s.confidence
    )
}

fn level_lines(report: &ReportDocument) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "              name    canal  per-    canal    disc height, mm      slip        Meyer-  segment  axial"
            .to_owned(),
        "level         conf    AP, mm centile area, mm2  ant   mid  post     mm     %     ding    deg      slices"
            .to_owned(),
    ];
    lines.extend(report.levels.iter().rev().map(level_line));
    lines
}

fn level_line(l: &LevelDocument) -> String {
    let m = &l.measurements;
    let line = format!(
        "{:<13} {:>4.2} {} {:>5} {}  {} {} {}  {} {}     {:<5} {}  {}",
        called(&l.name, l.ordinal_from_below),
        l.confidence,
        number(m.canal_ap_disc_mm, 9),
        l.canal.as_ref().and_then(|c| c.ap_percentile).map_or_else(|| NONE.to_owned(), |p| format!("{p:.0}")),
        number(m.canal_area_disc_mm2, 10),
        number(m.disc_height_anterior_mm, 5),
        number(m.disc_height_middle_mm, 5),
        number(m.disc_height_posterior_mm, 5),
        number(m.slip_mm, 6),
        number(m.slip_percent, 6),
        m.meyerding.as_deref().unwrap_or(NONE),
        number(m.segmental_lordosis_deg, 6),
        axial_slices(l),
    );
    line.chars().take(WIDTH_MAX).collect()
}

/// Slices that show the level, counted from 1, as `series:slices` with block where there are several.
fn axial_slices(l: &LevelDocument) -> String {
    let mut text = String::new();
    for run in l.axial.chunk_by(|a, b| (a.series, a.block) == (b.series, b.block) && b.slice == a.slice + 1) {
        if let [first, .., last] = run {
            let _ = write!(text, " s{}/{}:{}-{}", first.series + 1, first.block + 1, first.slice + 1, last.slice + 1);
        } else if let [only] = run {
            let _ = write!(text, " s{}/{}:{}", only.series + 1, only.block + 1, only.slice + 1);
        }
    }
    if text.is_empty() { NONE.to_owned() } else { text.trim_start().to_owned() }
}

fn vertebra_lines(report: &ReportDocument) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "              name    body height, mm     ratio to posterior   depth    canal      canal".to_owned(),
        "vertebra      conf    ant   mid  post        ant    mid         mm      AP, mm   area, mm2".to_owned(),
    ];
    lines.extend(report.vertebrae.iter().rev().map(vertebra_line));
    lines
}

fn vertebra_line(v: &VertebraDocument) -> String {
    let m = &v.measurements;
    let ratio = |value: Option<f64>| value.map_or_else(|| format!("{NONE:>6}"), |x| format!("{x:>6.2}"));
    format!(
        "{:<13} {:>4.2}  {} {} {}     {} {}      {}   {} {}",
        called(&v.name, v.ordinal_from_below),
        v.confidence,
        number(m.height_anterior_mm, 5),
        number(m.height_middle_mm, 5),
        number(m.height_posterior_mm, 5),
        ratio(m.anterior_posterior_ratio),
        ratio(m.middle_posterior_ratio),
        number(m.depth_mm, 5),
        number(m.canal_ap_body_mm, 9),
        number(m.canal_area_body_mm2, 10),
    )
}

fn lumbar_lines(report: &ReportDocument) -> Vec<String> {
    let Some(l) = &report.lumbar else { return Vec::new() };
    let degrees = |value: Option<f64>| value.map_or_else(|| "not taken".to_owned(), |x| format!("{x:.1} deg"));
    vec![
        String::new(),
        format!(
            "lumbar lordosis L1-S1 {}   sacral slope {}",
            degrees(l.lumbar_lordosis_deg),
            degrees(l.sacral_slope_deg)
        ),
    ]
}

/// How well lengths and angles repeat, over all levels: the report has it number by number.
fn repeat_line(report: &ReportDocument) -> Option<String> {
    let of_levels = report.levels.iter().map(|l| &l.measurement_sd);
    let of_all = of_levels.chain(report.vertebrae.iter().map(|v| &v.measurement_sd));
    let sds: Vec<(&String, f64)> = of_all.flatten().map(|(name, sd)| (name, *sd)).collect();
    let of_unit = |unit: &str| {
        let mut sds: Vec<f64> = sds.iter().filter(|(name, _)| name.ends_with(unit)).map(|(_, sd)| *sd).collect();
        sds.sort_by(f64::total_cmp);
        Some((*sds.get(sds.len() / 2)?, *sds.last()?))
    };
    let (mm, mm_max) = of_unit("_mm")?;
    let degrees =
        of_unit("_deg").map_or_else(String::new, |(deg, max)| format!(", angles {deg:.1} deg (at most {max:.1})"));
    Some(format!("repeats  SD of lengths {mm:.1} mm (at most {mm_max:.1}){degrees}, shifted by half a pixel"))
}

/// Which numbers are missing and why: each reason once, with the places where it holds.
fn missing_lines(report: &ReportDocument) -> Vec<String> {
    let of_levels = report.levels.iter().map(|l| (place("disc", &l.name, l.ordinal_from_below), &l.missing));
    let of_vertebrae = report.vertebrae.iter().map(|v| (place("body", &v.name, v.ordinal_from_below), &v.missing));
    let of_lumbar = report.lumbar.iter().map(|l| ("lumbar spine".to_owned(), &l.missing));
    let mut reasons: Vec<(&MissingDocument, Vec<String>)> = Vec::new();
    for (place, missing) in of_levels.chain(of_vertebrae).chain(of_lumbar) {
        for m in missing {
            match reasons.iter_mut().find(|(known, _)| *known == m) {
                Some((_, places)) => places.push(place.clone()),
                None => reasons.push((m, vec![place.clone()])),
            }
        }
    }
    let blank = (!reasons.is_empty()).then(String::new);
    let lines = reasons.iter().flat_map(|(m, places)| {
        let names = m.measurements.join(", ").replace('_', " ");
        wrapped("missing ", &format!("{}: {names}: {}", places.join(", "), m.reason))
    });
    blank.into_iter().chain(lines).collect()
}

/// The views that were missing for grades: each reason once, with the levels where it holds.
fn ungraded_lines(report: &ReportDocument) -> Vec<String> {
    let mut reasons: Vec<(&CodedText, Vec<String>)> = Vec::new();
    for level in report.levels.iter().rev() {
        for why in &level.ungraded {
            let place = place("disc", &level.name, level.ordinal_from_below);
            match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, places)) => places.push(place),
                None => reasons.push((why, vec![place])),
            }
        }
    }
    let line = |(why, places): &(&CodedText, Vec<String>)| {
        wrapped("ungraded ", &format!("{}: {}", places.join(", "), why.text))
    };
    reasons.iter().flat_map(line).collect()
}

/// A name, or what it is and which one from below.
fn place(what: &str, name: &str, ordinal_from_below: usize) -> String {
    if name == UNKNOWN { format!("{what} no.{ordinal_from_below}") } else { name.to_owned() }
}

/// A name, or which one from below it is.
pub(super) fn called(name: &str, ordinal_from_below: usize) -> String {
    if name == UNKNOWN { format!("unknown no.{ordinal_from_below}") } else { name.to_owned() }
}

fn number(value: Option<f64>, width: usize) -> String {
    value.map_or_else(|| format!("{NONE:>width$}"), |x| format!("{x:>width$.1}"))
}

/// `text` in lines of at most [`WIDTH_MAX`], the first begun with `label`, the others indented as far.
fn wrapped(label: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(label.len());
    super::wrapping::wrapped(text, WIDTH_MAX - label.len())
        .into_iter()
        .enumerate()
        .map(|(i, line)| format!("{}{line}", if i == 0 { label } else { &indent }))
        .collect()
}
