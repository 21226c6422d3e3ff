//! The picture: the mid-sagittal image with what was found drawn on it, as a PNG.
//!
//! Left the image, enlarged smoothly: outlines of the parts, the spine curve, a line across each
//! disc and the canal behind it, the canal's diameter measured there, names on the bodies. Right, in
//! line with its disc, what was measured at each level, so that no text hides anatomy. Below, what
//! the colours mean, what the picture was taken from, and what a reader must know. It says that it
//! is no diagnosis and carries no identity. Colours are those of Okabe and Ito (2008), which
//! colour-blind people can tell apart.
//!
//! [`super::canvas`] draws, [`contour`] traces the masks, [`levels`] places what belongs to a disc.

mod contour;
mod levels;

use super::bundle::Bundle;
use super::canvas::{Canvas, Font, Pen, Rgb};
use super::display::Display;
use super::report::{NOTICE, ReportDocument, UNKNOWN};
use super::wrapping::wrapped;
use crate::spine::{SURE_ENOUGH, Structure, Vec3};
use std::io;

/// Height of the enlarged image, pixels.
const IMAGE_HEIGHT: f32 = 1240.0;
/// Widest that the enlarged image may become, pixels.
const IMAGE_WIDTH_MAX: f32 = 1240.0;
/// Width of the column at its right, pixels.
const COLUMN_WIDTH: f32 = 470.0;
/// Height of the title above it, pixels.
const TITLE_HEIGHT: f32 = 92.0;
/// Space at the edges, pixels.
const MARGIN: f32 = 24.0;
/// Height of a line of small text, pixels.
const LINE_HEIGHT: f32 = 26.0;
/// Narrowest picture, so that the text below has room, pixels.
const WIDTH_MIN: f32 = 1200.0;
/// Image shown around what was segmented: front, above, back, below, mm.
const SHOWN_AROUND_MM: [f64; 4] = [38.0, 18.0, 28.0, 22.0];
/// Findings listed below the image.
const FINDINGS_SHOWN: usize = 6;

const BACKGROUND: Rgb = Rgb(12, 13, 15);
const INK: Rgb = Rgb(232, 232, 232);
const QUIET_INK: Rgb = Rgb(160, 165, 172);
const WARNING_INK: Rgb = Rgb(255, 190, 70);
const CURVE_INK: Rgb = Rgb(255, 255, 255);
const MEASURE_INK: Rgb = Rgb(255, 255, 255);

/// Colour of a structure's outline.
pub(super) const fn ink(structure: Structure) -> Rgb {
    match structure {
        Structure::Background => QUIET_INK,
        Structure::VertebralBody => Rgb(86, 180, 233),
        Structure::PosteriorElements => Rgb(0, 158, 115),
        Structure::Disc => Rgb(230, 159, 0),
        Structure::Canal => Rgb(204, 121, 167),
        Structure::Sacrum => Rgb(240, 228, 66),
    }
}

/// Draws the picture of `bundle` on its `display` image, as PNG into `out`.
///
/// # Errors
/// What `out` says; [`io::ErrorKind::InvalidData`] where the image has no size.
pub fn write(bundle: &Bundle, display: &Display, out: &mut dyn io::Write) -> io::Result<()> {
    draw(bundle, display)?.write_png(out)
}

/// Draws the picture of `bundle` on its `display` image.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] where the image has no size.
pub(super) fn draw(bundle: &Bundle, display: &Display) -> io::Result<Canvas> {
    let report = &bundle.report;
    let view = View::of(display);
    let width = (view.size[0] + COLUMN_WIDTH).max(WIDTH_MIN);
    let footer = footer(report, display, (width - 2.0 * MARGIN) as usize / Font::Small.character_width());
    let below = view.corner[1] + view.size[1] + MARGIN;
    let height = below + LEGEND_HEIGHT + footer.len() as f32 * LINE_HEIGHT + MARGIN;
    let mut canvas = Canvas::new(width as u32, height as u32, BACKGROUND)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the display image has no size"))?;
    draw_title(&mut canvas, report, width);
    canvas.image(&view.grey(display), view.crop[2], view.corner, view.scale);
    draw_outlines(&mut canvas, display, &view);
    draw_curve(&mut canvas, bundle, display, &view);
    levels::draw(&mut canvas, report, display, &view);
    draw_names(&mut canvas, report, display, &view);
    draw_frame(&mut canvas, &view);
    draw_legend(&mut canvas, [MARGIN, below]);
    for (i, (line, fill)) in footer.iter().enumerate() {
        let y = below + LEGEND_HEIGHT + i as f32 * LINE_HEIGHT;
        canvas.text(line, [MARGIN, y], Font::Small, *fill);
    }
    Ok(canvas)
}

/// Which part of the display image is shown, and where.
#[derive(Debug, Clone, PartialEq)]
struct View {
    /// First column and row, number of columns and rows.
    crop: [usize; 4],
    /// Pixels of the picture for one of the image.
    scale: f32,
    /// Upper left corner in the picture.
    corner: [f32; 2],
    /// Size in the picture.
    size: [f32; 2],
    /// Pixels of the picture for a millimetre.
    pixels_per_mm: f32,
}

impl View {
    fn of(display: &Display) -> Self {
        let crop = shown(display);
        let (columns, rows) = (crop[2] as f32, crop[3] as f32);
        let scale = (IMAGE_HEIGHT / rows).min(IMAGE_WIDTH_MAX / columns);
        Self {
            crop,
            scale,
            corner: [0.0, TITLE_HEIGHT],
            size: [columns * scale, rows * scale],
            pixels_per_mm: scale / display.pixel_mm as f32,
        }
    }

    fn grey(&self, display: &Display) -> Vec<u8> {
        let [x, y, columns, rows] = self.crop;
        (y..y + rows).flat_map(|row| display.grey.iter().skip(row * display.width + x).take(columns).copied()).collect()
    }

    /// Place in the picture of a place in the display image, in pixels from the centre of its first.
    fn place(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let along = |p: f32, first: usize, corner: f32| (p - first as f32 + 0.5) * self.scale + corner;
        [along(x, self.crop[0], self.corner[0]), along(y, self.crop[1], self.corner[1])]
    }

    /// Place in the picture of a patient position.
    fn place_of(&self, display: &Display, position_lps_mm: Vec3) -> [f32; 2] {
        self.place(display.pixel_of(position_lps_mm).map(|x| x as f32))
    }

    /// Whether a place in the picture is on the image.
    fn holds(&self, [x, y]: [f32; 2]) -> bool {
        let within = |p: f32, from: f32, size: f32| p >= from && p <= from + size;
        within(x, self.corner[0], self.size[0]) && within(y, self.corner[1], self.size[1])
    }
}

/// The part of the image around what was segmented, or all of it: column, row, columns, rows.
fn shown(display: &Display) -> [usize; 4] {
    let mut least = [usize::MAX; 2];
    let mut most = [0; 2];
    for (i, _) in display.semantic.iter().enumerate().filter(|(_, s)| **s != 0) {
        let at = [i % display.width, i / display.width];
        least = [least[0].min(at[0]), least[1].min(at[1])];
        most = [most[0].max(at[0]), most[1].max(at[1])];
    }
    if least[0] > most[0] {
        return [0, 0, display.width, display.height];
    }
    let [front, above, back, below] = SHOWN_AROUND_MM.map(|mm| (mm / display.pixel_mm) as usize);
    let x = least[0].saturating_sub(front);
    let y = least[1].saturating_sub(above);
    let right = (most[0] + back + 1).min(display.width);
    let bottom = (most[1] + below + 1).min(display.height);
    [x, y, right - x, bottom - y]
}

fn draw_title(canvas: &mut Canvas, report: &ReportDocument, width: f32) {
    canvas.text("Lumbar spine, automatic reading", [MARGIN, 14.0], Font::LargeBold, INK);
    let line = format!("deepspine {}   report {}   {}", report.analysis_version, report.report_id, report.produced_at);
    canvas.text(&line, [MARGIN, 54.0], Font::Small, QUIET_INK);
    let notice = "NOT FOR DIAGNOSIS";
    canvas.text(notice, [width - MARGIN - Font::LargeBold.width(notice), 14.0], Font::LargeBold, WARNING_INK);
}

fn draw_outlines(canvas: &mut Canvas, display: &Display, view: &View) {
    for (structure, segments) in contour::outlines(&display.semantic, &display.part_of, display.width) {
        let fill = ink(Structure::from_channel(structure).unwrap_or(Structure::Background));
        let placed: Vec<contour::Segment> = segments.iter().map(|s| s.map(|p| view.place(p))).collect();
        canvas.lines(placed.iter().map(<[_; 2]>::as_slice), Pen::new(fill, 2.2));
    }
}

fn draw_curve(canvas: &mut Canvas, bundle: &Bundle, display: &Display, view: &View) {
    let points: Vec<[f32; 2]> =
        (bundle.curve_lps_mm.iter()).map(|p| view.place_of(display, *p)).filter(|p| view.holds(*p)).collect();
    canvas.line(&points, Pen::new(CURVE_INK, 1.8).faint(0.75).dashed(9.0, 7.0));
}

fn draw_names(canvas: &mut Canvas, report: &ReportDocument, display: &Display, view: &View) {
    for v in &report.vertebrae {
        let centre = view.place_of(display, v.centre_lps_mm);
        let (text, fill) = called(&v.name, v.ordinal_from_below, v.confidence);
        let at = [centre[0] - Font::LargeBold.width(&text) / 2.0, centre[1] - Font::LargeBold.height() / 2.0];
        if view.holds(centre) {
            canvas.text_on_image(&text, at, Font::LargeBold, fill);
        }
    }
}

/// How a name is written, and how plainly its doubt shows.
fn called(name: &str, ordinal_from_below: usize, confidence: f64) -> (String, Rgb) {
    if name == UNKNOWN {
        (format!("?{ordinal_from_below}"), WARNING_INK)
    } else if confidence < SURE_ENOUGH {
        (format!("{name}?"), WARNING_INK)
    } else {
        (name.to_owned(), INK)
    }
}

/// Orientation letters and the scale bar.
fn draw_frame(canvas: &mut Canvas, view: &View) {
    let font = Font::LargeBold;
    let (w, h) = (font.width("A"), font.height());
    let ([x, y], [width, height]) = (view.corner, view.size);
    let middle = [x + (width - w) / 2.0, y + (height - h) / 2.0];
    canvas.text_on_image("A", [x + 12.0, middle[1]], font, INK);
    canvas.text_on_image("P", [x + width - w - 12.0, middle[1]], font, INK);
    // Names of vertebrae run down the middle: head and foot stand beside them, in front.
    let in_front = x + width * 0.2;
    canvas.text_on_image("H", [in_front, y + 8.0], font, INK);
    canvas.text_on_image("F", [x + width * 0.5, y + height - h - 8.0], font, INK);
    draw_scale_bar(canvas, [x + MARGIN, y + height - MARGIN], view.pixels_per_mm);
}

/// Five centimetres, from `left` to the right.
fn draw_scale_bar(canvas: &mut Canvas, left: [f32; 2], pixels_per_mm: f32) {
    const CENTIMETRES: usize = 5;
    let centimetre = 10.0 * pixels_per_mm;
    let bar = [left, [left[0] + CENTIMETRES as f32 * centimetre, left[1]]];
    let ticks: Vec<[[f32; 2]; 2]> = (0..=CENTIMETRES)
        .map(|n| {
            let x = left[0] + n as f32 * centimetre;
            let tall = if n % CENTIMETRES == 0 { 16.0 } else { 9.0 };
            [[x, left[1]], [x, left[1] - tall]]
        })
        .collect();
    let lines = || std::iter::once(bar.as_slice()).chain(ticks.iter().map(<[_; 2]>::as_slice));
    canvas.lines(lines(), Pen::new(Rgb(0, 0, 0), 5.0));
    canvas.lines(lines(), Pen::new(INK, 2.0));
    canvas.text_on_image("5 cm", [bar[1][0] + 12.0, left[1] - 17.0], Font::SmallBold, INK);
}

/// Height of the legend, pixels.
const LEGEND_HEIGHT: f32 = 2.0 * LINE_HEIGHT + 14.0;

fn draw_legend(canvas: &mut Canvas, at: [f32; 2]) {
    let structures = [
        (Structure::VertebralBody, "vertebral body"),
        (Structure::Sacrum, "sacrum"),
        (Structure::Disc, "disc"),
        (Structure::Canal, "spinal canal"),
        (Structure::PosteriorElements, "posterior elements"),
    ];
    let first = structures.map(|(s, text)| (Pen::new(ink(s), 4.0), text));
    let second = [
        (Pen::new(CURVE_INK, 1.8).faint(0.75).dashed(9.0, 7.0), "spine curve"),
        (levels::PLANE_PEN, "disc plane, across the curve"),
        (Pen::new(MEASURE_INK, 4.0), "canal AP diameter in it"),
    ];
    draw_legend_line(canvas, at, &first);
    draw_legend_line(canvas, [at[0], at[1] + LINE_HEIGHT], &second);
}

fn draw_legend_line(canvas: &mut Canvas, [mut x, y]: [f32; 2], entries: &[(Pen, &str)]) {
    const SAMPLE: f32 = 40.0;
    for (pen, text) in entries {
        let middle = y + Font::Small.height() / 2.0;
        canvas.line(&[[x, middle], [x + SAMPLE, middle]], *pen);
        canvas.text(text, [x + SAMPLE + 10.0, y], Font::Small, INK);
        x += SAMPLE + 10.0 + Font::Small.width(text) + 30.0;
    }
}

/// What stands below the image, line by line.
fn footer(report: &ReportDocument, display: &Display, characters: usize) -> Vec<(String, Rgb)> {
    let mut lines = Vec::new();
    let mut say = |text: &str, fill: Rgb| lines.extend(wrapped(text, characters).into_iter().map(|l| (l, fill)));
    if let Some(refusal) = &report.refusal {
        say(&format!("NOT READ: {}", refusal.text), WARNING_INK);
    }
    say(&taken_from(report, display), INK);
    if report.vertebrae.iter().any(|v| v.name == UNKNOWN) {
        say("?1, ?2 ... are bodies without a name, counted from below.", WARNING_INK);
    }
    let findings = report.findings();
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        let fill = if finding.severity == "info" { INK } else { WARNING_INK };
        say(&format!("{}: {}", finding.severity, finding.sentence()), fill);
    }
    if let Some(more @ 1..) = findings.len().checked_sub(FINDINGS_SHOWN) {
        say(&format!("and {more} more in the report"), INK);
    }
    if let Some(line) = lumbar(report) {
        say(&line, INK);
    }
    let models: Vec<String> = report.models.iter().map(|m| format!("{} {}", m.name, m.version)).collect();
    if !models.is_empty() {
        say(&format!("Models, not cleared for diagnosis: {}.", models.join(", ")), QUIET_INK);
    }
    say(NOTICE, QUIET_INK);
    lines
}

/// The angles of the lumbar spine as a whole, in words.
fn lumbar(report: &ReportDocument) -> Option<String> {
    let l = report.lumbar.as_ref()?;
    let angles = [("lumbar lordosis L1-S1", l.lumbar_lordosis_deg), ("sacral slope", l.sacral_slope_deg)];
    let taken: Vec<String> = angles.iter().filter_map(|(n, a)| a.map(|deg| format!("{n} {deg:.1} deg"))).collect();
    (!taken.is_empty()).then(|| format!("Angles: {}.", taken.join(", ")))
}

/// Which slices the image shows, in words.
fn taken_from(report: &ReportDocument, display: &Display) -> String {
    let series = report.segmented_series.and_then(|s| report.series.get(s)).map_or("", |s| match s.role.as_str() {
        "sag-t1" => "Sagittal T1, ",
        "sag-t2" => "Sagittal T2, ",
        "sag-fs" => "Sagittal, fat suppressed, ",
        _ => "",
    });
    let [first, last] = display.slices.map(|s| s + 1);
    if display.curved {
        format!(
            "{series}curved reformat: each row is taken from where spine curve and canal run, slices {first} to {last} of \
             {}. Bends to the left and right are flattened; measure on the original slices.",
            display.slice_count
        )
    } else {
        format!("{series}slice {first} of {}, the nearest to the spine curve.", display.slice_count)
    }
}
