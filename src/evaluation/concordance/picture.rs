//! The same as a picture: for each finding its confusion matrix, and a bar of how many agree.
//!
//! A cell is as blue as its share of its row is large; the cells in which both agree are framed. Colours are those of Okabe and Ito
//! (2008), which colour-blind people can tell apart. It carries no id.

use std::io;

use super::counts::Measure;
use super::tally::{ConfusionRow, FindingFigures};
use super::text::{diameter_line, number};
use super::totals::{Concordance, NOTICE};
use crate::export::canvas::{Canvas, Font, Pen, Rgb};
use crate::export::wrapping::wrapped;

/// Space at the edges, and between panels, pixels.
const MARGIN: f32 = 28.0;
/// Width of a finding's panel, pixels.
const PANEL_WIDTH: f32 = 740.0;
/// Panels beside each other.
const PANELS_ABREAST: usize = 2;
/// Width of the names of rows, pixels.
const NAMES_WIDTH: f32 = 124.0;
/// Widest cell, and the height of each, pixels.
const CELL: [f32; 2] = [112.0, 34.0];
/// Height of a line of small text, pixels.
const LINE: f32 = 27.0;
/// Height of a panel's title, pixels.
const TITLE: f32 = 42.0;
/// Height of the bar, pixels.
const BAR: f32 = 32.0;

const PAPER: Rgb = Rgb(255, 255, 255);
const INK: Rgb = Rgb(24, 30, 40);
const QUIET_INK: Rgb = Rgb(92, 102, 118);
const WARNING_INK: Rgb = Rgb(170, 68, 0);
const GRID: Rgb = Rgb(208, 214, 224);
const FULL: Rgb = Rgb(0, 90, 160);
const AGREE: Rgb = Rgb(0, 158, 115);
const ONE_APART: Rgb = Rgb(240, 228, 66);
const MORE: Rgb = Rgb(213, 94, 0);

/// Draws `concordance` as PNG into `out`.
///
/// # Errors
/// What `out` says.
pub fn write_picture(concordance: &Concordance, out: &mut dyn io::Write) -> io::Result<()> {
    let findings: Vec<&FindingFigures> =
        concordance.figures.findings.iter().filter(|finding| finding.side.is_none()).collect();
    let width = PANELS_ABREAST as f32 * (PANEL_WIDTH + MARGIN) + MARGIN;
    let characters = ((width - 2.0 * MARGIN) / Font::Small.width("m")) as usize;
    let head = head(concordance, findings.is_empty(), characters);
    let top = MARGIN + TITLE + head.len() as f32 * LINE + MARGIN;
    let rows: Vec<&[&FindingFigures]> = findings.chunks(PANELS_ABREAST).collect();
    let tallest = |row: &[&FindingFigures]| row.iter().map(|f| panel_height(f)).fold(0.0, f32::max) + MARGIN;
    let height = top + rows.iter().map(|row| tallest(row)).sum::<f32>();
    let mut canvas = Canvas::new(width as u32, height as u32, PAPER)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the picture has no size"))?;
    canvas.text("Texts held against readings", [MARGIN, MARGIN], Font::LargeBold, INK);
    for (i, (line, ink)) in head.iter().enumerate() {
        canvas.text(line, [MARGIN, MARGIN + TITLE + i as f32 * LINE], Font::Small, *ink);
    }
    let mut y = top;
    for row in rows {
        for (i, finding) in row.iter().enumerate() {
            draw_panel(&mut canvas, finding, [MARGIN + i as f32 * (PANEL_WIDTH + MARGIN), y]);
        }
        y += tallest(row);
    }
    canvas.write_png(out)
}

/// The lines below the title.
fn head(concordance: &Concordance, is_empty: bool, characters: usize) -> Vec<(String, Rgb)> {
    let mut lines = Vec::new();
    let mut say = |text: &str, ink: Rgb| lines.extend(wrapped(text, characters).into_iter().map(|line| (line, ink)));
    say(NOTICE, WARNING_INK);
    for sentence in concordance.totals.sentences() {
        say(&sentence, QUIET_INK);
    }
    say(&concordance.choices(), QUIET_INK);
    say("Rows: the text; columns: the reading; darker: a larger share of the row; framed: both agree.", INK);
    if let Some(diameters) = &concordance.figures.canal_diameter {
        say(&format!("canal-diameter: {}", diameter_line(diameters)), INK);
    }
    if is_empty {
        say("Nothing that both speak of.", INK);
    }
    lines
}

/// Height of title, counts, names of columns, rows, bar, its legend, and the figures.
fn panel_height(finding: &FindingFigures) -> f32 {
    TITLE
        + 2.0 * LINE
        + finding.confusion.len() as f32 * CELL[1]
        + LINE / 2.0
        + BAR
        + 1.5 * LINE
        + figures(finding).len() as f32 * LINE
}

fn draw_panel(canvas: &mut Canvas, finding: &FindingFigures, [x, mut y]: [f32; 2]) {
    canvas.text(finding.finding, [x, y], Font::LargeBold, INK);
    y += TITLE;
    let counts = format!(
        "{} pairs of {} studies; {} at doubtful levels",
        finding.pairs, finding.studies, finding.doubtful_pairs
    );
    canvas.text(&counts, [x, y], Font::Small, QUIET_INK);
    y += LINE;
    let width = CELL[0].min((PANEL_WIDTH - NAMES_WIDTH) / finding.read.len().max(1) as f32);
    for (i, name) in finding.read.iter().enumerate() {
        centred(canvas, name, [x + NAMES_WIDTH + i as f32 * width, y], width, INK);
    }
    y += LINE;
    for row in &finding.confusion {
        draw_row(canvas, row, [x, y], width);
        y += CELL[1];
    }
    y += LINE / 2.0;
    draw_bar(canvas, &parts(finding), [x, y]);
    y += BAR + LINE + LINE / 2.0;
    for line in figures(finding) {
        canvas.text(&line, [x, y], Font::Small, INK);
        y += LINE;
    }
}

fn centred(canvas: &mut Canvas, text: &str, [x, y]: [f32; 2], width: f32, ink: Rgb) {
    canvas.text(text, [x + (width - Font::Small.width(text)) / 2.0, y], Font::Small, ink);
}

fn draw_row(canvas: &mut Canvas, row: &ConfusionRow, [x, y]: [f32; 2], width: f32) {
    let inset = (CELL[1] - Font::Small.height()) / 2.0;
    canvas.text(row.said, [x, y + inset], Font::Small, INK);
    let all: u32 = row.counts.iter().sum();
    for (i, count) in row.counts.iter().enumerate() {
        let share = if all == 0 { 0.0 } else { *count as f32 / all as f32 };
        let left = x + NAMES_WIDTH + i as f32 * width;
        canvas.fill([left, y], [width, CELL[1]], GRID);
        canvas.fill([left + 1.0, y + 1.0], [width - 2.0, CELL[1] - 2.0], mixed(share));
        if row.agrees.contains(&i) {
            let (right, below) = (left + width - 3.0, y + CELL[1] - 3.0);
            let frame =
                [[left + 3.0, y + 3.0], [right, y + 3.0], [right, below], [left + 3.0, below], [left + 3.0, y + 3.0]];
            canvas.line(&frame, Pen::new(AGREE, 2.5));
        }
        let ink = if share > 0.55 { PAPER } else { INK };
        centred(canvas, &count.to_string(), [left, y + inset], width, ink);
    }
}

/// White at no share, [`FULL`] at all of it.
fn mixed(share: f32) -> Rgb {
    let mix = |full: u8| (255.0 + (f32::from(full) - 255.0) * share.clamp(0.0, 1.0)) as u8;
    Rgb(mix(FULL.0), mix(FULL.1), mix(FULL.2))
}

/// The parts of the bar: name, how many, colour.
fn parts(finding: &FindingFigures) -> Vec<(&'static str, u32, Rgb)> {
    if finding.scale.is_graded() {
        vec![("exact", finding.exact, AGREE), ("one apart", finding.one_apart, ONE_APART), ("more", finding.more, MORE)]
    } else {
        let cells =
            finding.confusion.iter().flat_map(|row| row.counts.iter().enumerate().map(move |(i, n)| (row, i, n)));
        let agree: u32 = cells.filter(|(row, i, _)| row.agrees.contains(i)).map(|(_, _, n)| n).sum();
        vec![("same presence", agree, AGREE), ("contradict", finding.pairs.saturating_sub(agree), MORE)]
    }
}

fn draw_bar(canvas: &mut Canvas, parts: &[(&str, u32, Rgb)], [x, y]: [f32; 2]) {
    let all: u32 = parts.iter().map(|(_, n, _)| n).sum();
    canvas.fill([x, y], [PANEL_WIDTH, BAR], GRID);
    let (mut left, mut legend) = (x, x);
    for (name, n, colour) in parts {
        let width = if all == 0 { 0.0 } else { PANEL_WIDTH * *n as f32 / all as f32 };
        canvas.fill([left, y], [width, BAR], *colour);
        left += width;
        canvas.fill([legend, y + BAR + 7.0], [16.0, 16.0], *colour);
        let text = format!("{name} {n}");
        canvas.text(&text, [legend + 22.0, y + BAR + 5.0], Font::Small, INK);
        legend += 22.0 + Font::Small.width(&text) + 26.0;
    }
}

/// The figures that fit below the bar.
fn figures(finding: &FindingFigures) -> Vec<String> {
    let shown = |names: &[(&str, Measure)]| {
        let words = names.iter().filter_map(|(name, measure)| {
            let interval = finding
                .value(*measure)?
                .interval
                .map_or_else(String::new, |[low, high]| format!(" ({low:.2}-{high:.2})"));
            Some(format!("{name} {:.2}{interval}", number(finding, *measure)?))
        });
        words.collect::<Vec<_>>().join("  ")
    };
    let lines = [
        shown(&[("kappa, linear", Measure::LinearKappa), ("quadratic", Measure::QuadraticKappa)]),
        shown(&[("sensitivity", Measure::Sensitivity), ("specificity", Measure::Specificity)]),
        shown(&[("kappa, presence", Measure::PresenceKappa), ("in set", Measure::InSet)]),
    ];
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}
