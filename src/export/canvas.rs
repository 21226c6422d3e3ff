//! Lines and letters on an opaque picture: the only place that knows the drawing libraries.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};
use std::io;
use tiny_skia::{
    Color, FilterQuality, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapPaint, PremultipliedColorU8, Rect,
    Stroke, StrokeDash, Transform,
};

/// Pixels by which the dark halo of a text surrounds it.
const HALO: isize = 3;
/// What stands for a character that the font lacks.
const MISSING_CHARACTER: char = '?';

/// An opaque colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// Size and weight of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Font {
    /// 20 pixels.
    Small,
    /// 20 pixels, bold.
    SmallBold,
    /// 32 pixels, bold.
    LargeBold,
}

impl Font {
    const fn parts(self) -> (FontWeight, RasterHeight) {
        match self {
            Self::Small => (FontWeight::Regular, RasterHeight::Size20),
            Self::SmallBold => (FontWeight::Bold, RasterHeight::Size20),
            Self::LargeBold => (FontWeight::Bold, RasterHeight::Size32),
        }
    }

    /// Height of a line, pixels.
    pub(crate) const fn height(self) -> f32 {
        self.parts().1.val() as f32
    }

    /// Width of a character, pixels.
    pub(crate) const fn character_width(self) -> usize {
        let (weight, height) = self.parts();
        get_raster_width(weight, height)
    }

    /// Width of a text, pixels.
    pub(crate) fn width(self, text: &str) -> f32 {
        (self.character_width() * text.chars().count()) as f32
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pen {
    pub(crate) colour: Rgb,
    pub(crate) opacity: f32,
    pub(crate) width: f32,
    /// Lengths of a dash and of the gap after it, pixels.
    pub(crate) dash: Option<[f32; 2]>,
}

impl Pen {
    pub(crate) const fn new(colour: Rgb, width: f32) -> Self {
        Self { colour, opacity: 1.0, width, dash: None }
    }

    pub(crate) const fn faint(self, opacity: f32) -> Self {
        Self { opacity, ..self }
    }

    pub(crate) const fn dashed(self, on: f32, off: f32) -> Self {
        Self { dash: Some([on, off]), ..self }
    }
}

/// A picture being drawn; places are pixels from its upper left corner.
pub(crate) struct Canvas(Pixmap);

impl Canvas {
    /// A picture of one colour; `None` where it has no size or too much.
    pub(crate) fn new(width: u32, height: u32, background: Rgb) -> Option<Self> {
        let mut pixmap = Pixmap::new(width, height)?;
        pixmap.fill(colour(background, 1.0));
        Some(Self(pixmap))
    }

    /// Draws a grey image of `width` columns, enlarged smoothly, its upper left corner at `at`.
    pub(crate) fn image(&mut self, grey: &[u8], width: usize, at: [f32; 2], scale: f32) {
        let height = grey.len() / width.max(1);
        let (Ok(w), Ok(h)) = (u32::try_from(width), u32::try_from(height)) else { return };
        let Some(mut source) = Pixmap::new(w, h) else { return };
        for (pixel, g) in source.pixels_mut().iter_mut().zip(grey) {
            *pixel = opaque(Rgb(*g, *g, *g));
        }
        let paint = PixmapPaint { quality: FilterQuality::Bicubic, ..PixmapPaint::default() };
        let place = Transform::from_row(scale, 0.0, 0.0, scale, at[0], at[1]);
        self.0.draw_pixmap(0, 0, source.as_ref(), &paint, place, None);
    }

    /// Draws a line through `points`.
    pub(crate) fn line(&mut self, points: &[[f32; 2]], pen: Pen) {
        self.lines(std::iter::once(points), pen);
    }

    /// Draws several lines at once, so that where they meet nothing is drawn twice.
    pub(crate) fn lines<'a>(&mut self, lines: impl IntoIterator<Item = &'a [[f32; 2]]>, pen: Pen) {
        let mut builder = PathBuilder::new();
        for line in lines {
            for (i, [x, y]) in line.iter().enumerate() {
                if i == 0 { builder.move_to(*x, *y) } else { builder.line_to(*x, *y) }
            }
        }
        if let Some(path) = builder.finish() {
            self.stroke(&path, pen);
        }
    }

    /// Fills a rectangle of `size`, its upper left corner at `at`; nothing where it has no size.
    pub(crate) fn fill(&mut self, at: [f32; 2], size: [f32; 2], fill: Rgb) {
        if let Some(rectangle) = Rect::from_xywh(at[0], at[1], size[0], size[1]) {
            self.0.fill_rect(rectangle, &paint(fill, 1.0), Transform::identity(), None);
        }
    }

    fn stroke(&mut self, path: &Path, pen: Pen) {
        let stroke = Stroke {
            width: pen.width,
            line_cap: if pen.dash.is_some() { LineCap::Butt } else { LineCap::Round },
            line_join: LineJoin::Round,
            dash: pen.dash.and_then(|d| StrokeDash::new(d.to_vec(), 0.0)),
            ..Stroke::default()
        };
        self.0.stroke_path(path, &paint(pen.colour, pen.opacity), &stroke, Transform::identity(), None);
    }

    /// Writes `text` with its upper left corner at `at`.
    pub(crate) fn text(&mut self, text: &str, at: [f32; 2], font: Font, fill: Rgb) {
        let (x, y) = (at[0].round() as isize, at[1].round() as isize);
        for (i, c) in text.chars().enumerate() {
            self.glyph(c, x + (i * font.character_width()) as isize, y, font, fill);
        }
    }

    /// Writes `text` with a dark halo, so that it can be read on any image.
    pub(crate) fn text_on_image(&mut self, text: &str, at: [f32; 2], font: Font, fill: Rgb) {
        let halo = (-HALO..=HALO).flat_map(|dy| (-HALO..=HALO).map(move |dx| (dx, dy)));
        for (dx, dy) in halo.filter(|(dx, dy)| dx * dx + dy * dy <= HALO * HALO + 1) {
            self.text(text, [at[0] + dx as f32, at[1] + dy as f32], font, Rgb(0, 0, 0));
        }
        self.text(text, at, font, fill);
    }

    fn glyph(&mut self, c: char, x: isize, y: isize, font: Font, fill: Rgb) {
        let (weight, height) = font.parts();
        let Some(glyph) = get_raster(c, weight, height).or_else(|| get_raster(MISSING_CHARACTER, weight, height))
        else {
            return;
        };
        let (width, height) = (self.0.width() as isize, self.0.height() as isize);
        let pixels = self.0.pixels_mut();
        for (row, line) in glyph.rows().enumerate() {
            for (column, coverage) in line.iter().enumerate() {
                let (px, py) = (x + column as isize, y + row as isize);
                if *coverage == 0 || px < 0 || py < 0 || px >= width || py >= height {
                    continue;
                }
                if let Some(pixel) = pixels.get_mut((py * width + px) as usize) {
                    *pixel = mixed(*pixel, fill, *coverage);
                }
            }
        }
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> [u32; 2] {
        [self.0.width(), self.0.height()]
    }

    /// Red, green and blue of each pixel, row by row.
    pub(crate) fn rgb(&self) -> Vec<u8> {
        self.0.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect()
    }

    /// Encodes the picture as PNG.
    pub(crate) fn write_png(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut encoder = png::Encoder::new(out, self.0.width(), self.0.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.add_text_chunk("Comment".to_owned(), "Not a diagnosis".to_owned()).map_err(io::Error::other)?;
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&self.rgb()).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)
    }
}

fn colour(Rgb(r, g, b): Rgb, opacity: f32) -> Color {
    Color::from_rgba8(r, g, b, (opacity.clamp(0.0, 1.0) * 255.0) as u8)
}

fn paint(fill: Rgb, opacity: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(colour(fill, opacity));
    paint.anti_alias = true;
    paint
}

fn opaque(Rgb(r, g, b): Rgb) -> PremultipliedColorU8 {
    colour(Rgb(r, g, b), 1.0).premultiply().to_color_u8()
}

/// `over` on an opaque pixel, covering it by `coverage` of 255.
fn mixed(under: PremultipliedColorU8, over: Rgb, coverage: u8) -> PremultipliedColorU8 {
    let mix = |u: u8, o: u8| {
        let c = u16::from(coverage);
        ((u16::from(u) * (255 - c) + u16::from(o) * c + 127) / 255) as u8
    };
    opaque(Rgb(mix(under.red(), over.0), mix(under.green(), over.1), mix(under.blue(), over.2)))
}
