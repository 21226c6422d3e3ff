//! The pictures of a page, as SVG: confusion, ROC curves, what was said against what was seen, coverage and size of sets, differences
//! against means.
//!
//! Colours are those of Okabe and Ito (2008), which colour-blind people can tell apart; lines differ by their dashes and points by their
//! shapes too, so that a print without colours can be read.

use super::figures::{ConfusionRow, Sets, Threshold};
use super::measured::MeasuredFigures;
use crate::export::html::escaped;
use std::fmt::Write as _;

/// Width and height of a picture, and of what surrounds its field: left, above, right, below.
const SIZE: [f64; 2] = [330.0, 300.0];
const AROUND: [f64; 4] = [54.0, 26.0, 14.0, 44.0];
/// Colours and dashes of the lines of a picture, one after the other.
const LINES: [(&str, &str); 4] = [("#0072b2", "none"), ("#d55e00", "7 3"), ("#009e73", "2 3"), ("#cc79a7", "9 3 2 3")];
/// Height of a row of a confusion matrix, and of a truth of the sets.
const ROW: f64 = 30.0;
/// How the elements look: as attributes, because not every reader of a page lays its styles on pictures.
const FRAME: &str = "stroke=\"#9aa5b5\"";
const EMPTY: &str = "fill=\"none\" stroke=\"#9aa5b5\"";
const RIGHT: &str = "stroke=\"#009e73\" stroke-width=\"3\"";
const LINE: &str = "fill=\"none\" stroke-width=\"2\"";
const POINT: &str = "fill=\"#0072b2\" fill-opacity=\"0.45\"";
const START: &str = "fill=\"#1c2430\"";
const MIDDLE: &str = "text-anchor=\"middle\" fill=\"#1c2430\"";
const WHITE: &str = "text-anchor=\"middle\" fill=\"#fff\"";
const END: &str = "text-anchor=\"end\" fill=\"#1c2430\"";
/// Width of the longest title of a confusion matrix.
const TITLE_WIDTH: f64 = 240.0;
/// Share of a row from which a cell is so dark that its number is white.
const DARK: f64 = 0.55;

/// A field with its two axes.
struct Plot {
    svg: String,
    x: [f64; 2],
    y: [f64; 2],
    size: [f64; 2],
    left: f64,
}

impl Plot {
    fn new(title: &str, x: [f64; 2], y: [f64; 2]) -> Self {
        Self::sized(title, x, y, SIZE, AROUND[0])
    }

    fn sized(title: &str, x: [f64; 2], y: [f64; 2], size: [f64; 2], left: f64) -> Self {
        let [width, height] = size;
        let title = escaped(title);
        let svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" font-family=\"system-ui,sans-serif\" font-size=\"12\" aria-label=\"{title}\">\
             <title>{title}</title><text font-size=\"13\" font-weight=\"bold\" fill=\"#1c2430\" x=\"{left}\" y=\"16\">{title}</text>\n"
        );
        Self { svg, x, y, size, left }
    }

    fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let share = |v: f64, [low, high]: [f64; 2]| (v - low) / (high - low);
        let [right, below] = [self.size[0] - AROUND[2], self.size[1] - AROUND[3]];
        [self.left + share(x, self.x) * (right - self.left), below - share(y, self.y) * (below - AROUND[1])]
    }

    /// Frame, ticks and names of the axes; `digits` behind the points of the ticks.
    fn axes(&mut self, names: [&str; 2], ticks: [usize; 2], digits: [usize; 2]) {
        let [left, top] = self.at([self.x[0], self.y[1]]);
        let [right, below] = self.at([self.x[1], self.y[0]]);
        self.element(format_args!(
            "<rect {EMPTY} x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            right - left,
            below - top
        ));
        let step = |[low, high]: [f64; 2], i: usize, n: usize| low + (high - low) * i as f64 / n.max(1) as f64;
        for i in 0..=ticks[0] {
            let value = step(self.x, i, ticks[0]);
            let [x, _] = self.at([value, self.y[0]]);
            self.text(MIDDLE, [x, below + 15.0], &format!("{value:.*}", digits[0]));
        }
        for i in (0..=ticks[1]).filter(|_| ticks[1] > 0) {
            let value = step(self.y, i, ticks[1]);
            let [_, y] = self.at([self.x[0], value]);
            self.text(END, [left - 5.0, y + 4.0], &format!("{value:.*}", digits[1]));
        }
        self.text(MIDDLE, [f64::midpoint(left, right), below + 33.0], names[0]);
        let (x, y) = (13.0, f64::midpoint(top, below));
        let name = escaped(names[1]);
        self.element(format_args!("<text {MIDDLE} transform=\"translate({x} {y:.1}) rotate(-90)\">{name}</text>"));
    }

    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string can't fail.
        let _ = writeln!(self.svg, "{element}");
    }

    fn text(&mut self, look: &str, [x, y]: [f64; 2], text: &str) {
        self.element(format_args!("<text {look} x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(text)));
    }

    fn line(&mut self, points: &[[f64; 2]], (colour, dashes): (&str, &str)) {
        let points: Vec<String> = points.iter().map(|p| self.at(*p)).map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        self.element(format_args!(
            "<polyline {LINE} stroke=\"{colour}\" stroke-dasharray=\"{dashes}\" points=\"{}\"/>",
            points.join(" ")
        ));
    }

    /// A line of the legend, `place` from below, in the right lower corner of the field.
    fn legend(&mut self, place: usize, text: &str, (colour, dashes): (&str, &str)) {
        let [right, below] = self.at([self.x[1], self.y[0]]);
        let y = below - 10.0 - 15.0 * place as f64;
        self.text(END, [right - 34.0, y + 4.0], text);
        self.element(format_args!(
            "<line {LINE} stroke=\"{colour}\" stroke-dasharray=\"{dashes}\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            right - 29.0,
            right - 5.0
        ));
    }

    fn finish(self) -> String {
        self.svg + "</svg>\n"
    }
}

fn line_of(place: usize) -> (&'static str, &'static str) {
    LINES.get(place % LINES.len()).copied().unwrap_or(("#000", "none"))
}

/// A confusion matrix: a cell is as blue as its share of its row is large; right answers are framed.
pub(super) fn confusion(classes: &[String], rows: &[ConfusionRow]) -> String {
    let names = rows.iter().map(|row| row.truth.chars().count()).max().unwrap_or_default();
    let left = 16.0 + 7.0 * names as f64;
    let longest = classes.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let cell = (7.0 * longest as f64 + 8.0).max(58.0);
    let (columns, lines) = (classes.len() as f64, rows.len() as f64);
    let size = [left + (columns * cell).max(TITLE_WIDTH) + AROUND[2], AROUND[1] + 20.0 + lines * ROW + 28.0];
    let mut plot = Plot::sized("Truth (rows) and answer (columns)", [0.0, 1.0], [0.0, 1.0], size, left);
    for (i, class) in classes.iter().enumerate() {
        plot.text(MIDDLE, [left + (i as f64 + 0.5) * cell, AROUND[1] + 13.0], class);
    }
    for (i, row) in rows.iter().enumerate() {
        let y = AROUND[1] + 20.0 + i as f64 * ROW;
        plot.text(END, [left - 6.0, y + 20.0], &row.truth);
        let all: usize = row.counts.iter().sum();
        for (j, count) in row.counts.iter().enumerate() {
            let share = if all == 0 { 0.0 } else { *count as f64 / all as f64 };
            let x = left + j as f64 * cell;
            let is_right = (row.right.0..=row.right.1).contains(&j);
            plot.element(format_args!(
                "<rect {} fill=\"#005aa0\" fill-opacity=\"{share:.2}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                if is_right { RIGHT } else { FRAME },
                x + 1.5,
                y + 1.5,
                cell - 3.0,
                ROW - 3.0
            ));
            plot.text(if share >= DARK { WHITE } else { MIDDLE }, [x + cell / 2.0, y + 20.0], &count.to_string());
        }
    }
    plot.text(START, [left, size[1] - 10.0], "framed: right");
    plot.finish()
}

/// ROC curves, one a threshold.
pub(super) fn roc(thresholds: &[Threshold]) -> String {
    let mut plot = Plot::new("ROC: probability to be worse", [0.0, 1.0], [0.0, 1.0]);
    plot.axes(["false positive rate", "true positive rate"], [5, 5], [1, 1]);
    plot.line(&[[0.0, 0.0], [1.0, 1.0]], ("#bbb", "none"));
    let drawn: Vec<&Threshold> =
        thresholds.iter().filter(|t| !t.curve.is_empty() && t.auroc.interval.is_some()).collect();
    for (i, threshold) in drawn.iter().enumerate() {
        plot.line(&threshold.curve, line_of(i));
        let area = threshold.auroc.value.map_or_else(String::new, |area| format!(" {area:.3}"));
        plot.legend(drawn.len() - 1 - i, &format!("> {}{area}", threshold.worse_than), line_of(i));
    }
    plot.finish()
}

/// What was said against what was seen, a point a bin.
pub(super) fn reliability(thresholds: &[Threshold]) -> String {
    let mut plot = Plot::new("Said and seen, by tenths", [0.0, 1.0], [0.0, 1.0]);
    plot.axes(["probability that was said", "share that was seen"], [5, 5], [1, 1]);
    plot.line(&[[0.0, 0.0], [1.0, 1.0]], ("#bbb", "none"));
    let drawn: Vec<&Threshold> = thresholds.iter().filter(|t| !t.bins.is_empty()).collect();
    for (i, threshold) in drawn.iter().enumerate() {
        let points: Vec<[f64; 2]> = threshold.bins.iter().map(|bin| [bin.said, bin.seen]).collect();
        plot.line(&points, line_of(i));
        for [x, y] in points.iter().map(|point| plot.at(*point)).collect::<Vec<_>>() {
            let colour = line_of(i).0;
            plot.element(format_args!("<circle fill=\"{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"));
        }
        let error = threshold.calibration_error.value.map_or_else(String::new, |error| format!(" {error:.3}"));
        plot.legend(drawn.len() - 1 - i, &format!("> {}{error}", threshold.worse_than), line_of(i));
    }
    plot.finish()
}

/// Coverage of the sets by truth with its interval, and their size beside it.
pub(super) fn coverage(sets: &Sets, title: &str) -> String {
    let rows: Vec<_> = sets.by_truth.iter().filter(|row| row.coverage.of > 0).collect();
    let names = rows.iter().map(|row| row.truth.chars().count()).max().unwrap_or_default();
    let left = 26.0 + 7.0 * names as f64;
    let size = [left + 290.0, AROUND[1] + AROUND[3] + ROW * rows.len() as f64];
    let count = rows.len() as f64;
    let mut plot = Plot::sized(title, [0.0, 1.25], [0.0, count], size, left);
    let [x0, y0] = plot.at([0.0, count]);
    let [x1, y1] = plot.at([1.0, 0.0]);
    plot.element(format_args!(
        "<rect {EMPTY} x=\"{x0:.1}\" y=\"{y0:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
        x1 - x0,
        y1 - y0
    ));
    for tick in 0..=5 {
        let value = f64::from(tick) / 5.0;
        let [x, y] = plot.at([value, 0.0]);
        plot.text(MIDDLE, [x, y + 15.0], &format!("{value:.1}"));
    }
    let [middle, below] = plot.at([0.5, 0.0]);
    plot.text(MIDDLE, [middle, below + 33.0], "share of sets that hold the truth");
    plot.text(MIDDLE, [plot.at([1.125, 0.0])[0], AROUND[1] - 4.0], "size");
    for (i, row) in rows.iter().enumerate() {
        let y = count - 0.5 - i as f64;
        let [_, pixel] = plot.at([0.0, y]);
        plot.text(END, [left - 6.0, pixel + 4.0], &row.truth);
        if let Some([low, high]) = row.coverage.interval {
            plot.line(&[[low, y], [high, y]], line_of(0));
        }
        if let Some(value) = row.coverage.value {
            let [x, y] = plot.at([value, y]);
            plot.element(format_args!("<circle fill=\"{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>", line_of(0).0));
        }
        let size = row.mean_size.map_or_else(|| "-".to_owned(), |size| format!("{size:.2}"));
        plot.text(MIDDLE, [plot.at([1.125, y])[0], pixel + 4.0], &size);
    }
    plot.finish()
}

/// Bland and Altman's picture: differences against means, with bias and limits of agreement.
pub(super) fn differences(figures: &MeasuredFigures) -> String {
    let limits = figures.limits.each_ref().map(|limit| limit.value);
    let lines = [Some(0.0), figures.bias.value, limits[0], limits[1]];
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let margin = ((high - low) * 0.06).max(0.1);
        [low - margin, high + margin]
    };
    let x = range(&mut figures.points.iter().map(|p| p[0]));
    let y = range(&mut figures.points.iter().map(|p| p[1]).chain(lines.into_iter().flatten()));
    let title = format!("{}: difference against mean", figures.measurement);
    let mut plot = Plot::new(&title, x, y);
    plot.axes([&format!("mean of ours and the truth {}", figures.unit), "ours less the truth"], [4, 4], [1, 1]);
    for point in &figures.points {
        let [cx, cy] = plot.at(*point);
        plot.element(format_args!("<circle {POINT} cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"2.5\"/>"));
    }
    plot.line(&[[x[0], 0.0], [x[1], 0.0]], ("#bbb", "none"));
    for value in limits.into_iter().flatten() {
        plot.line(&[[x[0], value], [x[1], value]], line_of(1));
    }
    if let Some(bias) = figures.bias.value {
        plot.line(&[[x[0], bias], [x[1], bias]], line_of(2));
    }
    plot.finish()
}
