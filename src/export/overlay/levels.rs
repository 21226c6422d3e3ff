//! What belongs to a disc: its plane, the canal's diameter there, and the text beside the image.

use super::{COLUMN_WIDTH, INK, LINE_HEIGHT, MARGIN, MEASURE_INK, QUIET_INK, View, WARNING_INK, ink};
use crate::export::canvas::{Canvas, Font, Pen, Rgb};
use crate::export::display::Display;
use crate::export::report::{LevelDocument, ReportDocument, UNKNOWN};
use crate::spine::{Structure, Vec3, add, scaled};

/// How a disc plane is drawn.
pub(super) const PLANE_PEN: Pen = Pen::new(INK, 1.6).faint(0.8);
/// How far behind the disc's centre the canal is looked for, mm.
const CANAL_REACH_MM: f64 = 60.0;
/// Step of that search, mm.
const STEP_MM: f64 = 0.1;
/// A run of canal shorter than this is a stray, mm.
const CANAL_MIN_MM: f64 = 1.5;
/// How far a plane is drawn beyond disc and canal, mm.
const BEYOND_MM: f64 = 2.0;
/// Half the length of the strokes at the ends of a measuring line, mm.
const TICK_MM: f64 = 1.6;
/// Height of a level's text, pixels.
const TEXT_HEIGHT: f32 = 32.0 + 2.0 * LINE_HEIGHT + 14.0;

/// Draws every level of `report`.
pub(super) fn draw(canvas: &mut Canvas, report: &ReportDocument, display: &Display, view: &View) {
    let mut marks: Vec<Mark<'_>> = report.levels.iter().map(|level| Mark::of(level, display)).collect();
    marks.retain(|m| view.holds(view.place_of(display, m.level.plane.centre_lps_mm)));
    marks.sort_by(|a, b| a.end(display, view)[1].total_cmp(&b.end(display, view)[1]));
    let wanted: Vec<f32> = marks.iter().map(|m| m.end(display, view)[1] - 16.0).collect();
    let (top, bottom) = (view.corner[1], view.corner[1] + view.size[1] - TEXT_HEIGHT);
    let left = view.corner[0] + view.size[0];
    for (mark, y) in marks.iter().zip(spread(&wanted, TEXT_HEIGHT, top, bottom)) {
        mark.draw_plane(canvas, display, view);
        let end = mark.end(display, view);
        let elbow = [left - 14.0, y + 16.0];
        canvas.line(&[end, elbow, [left + 16.0, y + 16.0]], Pen::new(QUIET_INK, 1.2).faint(0.55));
        draw_text(canvas, mark.level, [left + MARGIN, y]);
    }
}

/// A level with what was found of it in the image.
struct Mark<'a> {
    level: &'a LevelDocument,
    /// Where the canal begins and ends behind the disc's centre in its plane, mm.
    canal_mm: Option<[f64; 2]>,
}

impl<'a> Mark<'a> {
    fn of(level: &'a LevelDocument, display: &Display) -> Self {
        let steps = (CANAL_REACH_MM / STEP_MM) as usize;
        let in_canal = |n: &usize| structure_at(display, at(level, *n as f64 * STEP_MM)) == Structure::Canal as u8;
        let mut run: Option<[usize; 2]> = None;
        let mut longest: Option<[usize; 2]> = None;
        for n in (0..steps).filter(in_canal) {
            run = match run {
                Some([from, to]) if n == to + 1 => Some([from, n]),
                _ => Some([n, n]),
            };
            if run.map(length) > longest.map(length) {
                longest = run;
            }
        }
        let canal_mm = longest.map(|r| r.map(|n| n as f64 * STEP_MM)).filter(|[a, b]| b - a >= CANAL_MIN_MM);
        Self { level, canal_mm }
    }

    /// How far behind the disc's centre its line is drawn, mm.
    fn reach_mm(&self) -> f64 {
        self.canal_mm.map_or(self.level.plane.depth_mm / 2.0, |[_, back]| back) + BEYOND_MM
    }

    /// The line's end at the back, in the picture.
    fn end(&self, display: &Display, view: &View) -> [f32; 2] {
        view.place_of(display, at(self.level, self.reach_mm()))
    }

    fn draw_plane(&self, canvas: &mut Canvas, display: &Display, view: &View) {
        let place = |mm: f64| view.place_of(display, at(self.level, mm));
        let front = -(self.level.plane.depth_mm / 2.0 + BEYOND_MM);
        canvas.line(&[place(front), place(self.reach_mm())], PLANE_PEN);
        let Some(canal) = self.canal_mm.filter(|_| self.level.measurements.canal_ap_disc_mm.is_some()) else { return };
        let tick = |mm: f64| {
            let middle = at(self.level, mm);
            let along = scaled(self.level.plane.normal_lps, TICK_MM);
            [view.place_of(display, add(middle, along)), view.place_of(display, add(middle, scaled(along, -1.0)))]
        };
        let pieces = [canal.map(place), tick(canal[0]), tick(canal[1])];
        let lines = || pieces.iter().map(<[_; 2]>::as_slice);
        canvas.lines(lines(), Pen::new(Rgb(0, 0, 0), 6.0).faint(0.7));
        canvas.lines(lines(), Pen::new(MEASURE_INK, 3.0));
    }
}

fn length([from, to]: [usize; 2]) -> usize {
    to - from
}

/// The place `mm` behind the disc's centre in its plane, LPS mm.
fn at(level: &LevelDocument, mm: f64) -> Vec3 {
    add(level.plane.centre_lps_mm, scaled(level.plane.anterior_lps, -mm))
}

/// The structure in the image at a patient position; background outside.
fn structure_at(display: &Display, position_lps_mm: Vec3) -> u8 {
    let [x, y] = display.pixel_of(position_lps_mm).map(f64::round);
    if x < 0.0 || y < 0.0 || x >= display.width as f64 {
        return 0;
    }
    display.semantic.get(y as usize * display.width + x as usize).copied().unwrap_or(0)
}

fn draw_text(canvas: &mut Canvas, level: &LevelDocument, [x, y]: [f32; 2]) {
    let m = &level.measurements;
    let (name, fill) = if level.name == UNKNOWN {
        (format!("unknown, no. {} from below", level.ordinal_from_below), WARNING_INK)
    } else {
        let (name, fill) = super::called(&level.name, level.ordinal_from_below, level.confidence);
        (name, if fill == INK { ink(Structure::Disc) } else { fill })
    };
    let font = if level.name == UNKNOWN { Font::SmallBold } else { Font::LargeBold };
    canvas.text(&name, [x, y + (32.0 - font.height()) / 2.0], font, fill);
    if level.name != UNKNOWN {
        let sure = format!("name confidence {:.2}", level.confidence);
        canvas.text(&sure, [x + font.width(&name) + 16.0, y + 9.0], Font::Small, QUIET_INK);
    }
    let mm = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.1}"));
    let area = m.canal_area_disc_mm2.map_or_else(String::new, |v| format!(", {v:.0} mm2"));
    let canal = match m.canal_ap_disc_mm {
        Some(v) => {
            let percentile = level.canal.as_ref().and_then(|c| c.ap_percentile);
            let standing = percentile.map_or_else(String::new, |p| format!(" (percentile {p:.0})"));
            format!("canal AP {v:.1} mm{standing}{area}")
        }
        None => format!("canal AP not taken{area}"),
    };
    canvas.text(&canal, [x, y + 34.0], Font::SmallBold, INK);
    let heights = [m.disc_height_anterior_mm, m.disc_height_middle_mm, m.disc_height_posterior_mm];
    let slip = m.slip_mm.filter(|_| m.meyerding.as_deref().is_some_and(|g| g != "none"));
    let slip = slip.map_or_else(String::new, |v| format!(", slip {v:+.1}"));
    let line = if heights.iter().all(Option::is_none) {
        format!("disc height not taken{slip}")
    } else {
        format!("disc height {} mm{slip}", heights.map(mm).join("/"))
    };
    let room = ((COLUMN_WIDTH - MARGIN) / Font::Small.character_width() as f32) as usize;
    let line: String = line.chars().take(room).collect();
    canvas.text(&line, [x, y + 34.0 + LINE_HEIGHT], Font::Small, QUIET_INK);
}

/// Upper edges of texts of one height that want to stand at `wanted` (ascending), moved apart so that
/// none overlaps the next, between `top` and `bottom`, packed evenly where there is no room.
fn spread(wanted: &[f32], height: f32, top: f32, bottom: f32) -> Vec<f32> {
    let step = height.min((bottom - top).max(0.0) / (wanted.len().saturating_sub(1)).max(1) as f32);
    let mut places: Vec<f32> = Vec::with_capacity(wanted.len());
    for w in wanted {
        let least = places.last().map_or(top, |p| p + step);
        places.push(w.max(least));
    }
    let mut most = bottom;
    for p in places.iter_mut().rev() {
        *p = p.min(most);
        most = *p - step;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn texts_stay_where_they_want_to_be_if_they_can() {
        assert_eq!(spread(&[10.0, 100.0, 200.0], 50.0, 0.0, 500.0), [10.0, 100.0, 200.0]);
    }

    #[test]
    fn texts_never_overlap_and_stay_in_view() {
        let places = spread(&[10.0, 20.0, 480.0, 490.0, 700.0], 50.0, 0.0, 500.0);
        assert!(places.windows(2).all(|w| w[1] - w[0] >= 50.0 - 1e-3), "{places:?}");
        assert!(places[0] >= 0.0 && places[4] <= 500.0, "{places:?}");
    }

    #[test]
    fn too_many_texts_are_packed() {
        let places = spread(&[0.0; 30], 50.0, 0.0, 500.0);
        assert!(places[0] >= -1e-3 && places[29] <= 500.0 + 1e-3, "{places:?}");
    }
}
