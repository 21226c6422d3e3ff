//! The image to show: one mid-sagittal picture of the spine, eight bits deep, square pixels.
//!
//! Head is up and the front is on the left, however the series was stored. Where the spine leaves
//! one slice (scoliosis), each row of the picture is taken from where the spine curve runs at its
//! height, and behind it from where the canal runs: a curved planar reformat in the left-right
//! direction. Otherwise it is the one slice nearest to the curve, untouched by interpolation between
//! slices. The masks are sampled on the same pixels. [`course`] finds the way; drawing on the picture
//! is [`super::overlay`]'s work.

mod course;

use self::course::Course;
use crate::analysis::study::Labels;
use crate::analysis::volume::Volume;
use crate::spine::{Vec3, dot, scaled, sub};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// Pixels of a side of the picture.
pub const DISPLAY_SIDE_MAX: usize = 1024;
/// Shares of the pixels that become black and white.
const WINDOW_PERCENTILES: [f64; 2] = [0.01, 0.995];

/// The picture with its masks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// Pixels in a row.
    pub width: usize,
    /// Pixels in a column.
    pub height: usize,
    /// Side of a pixel, mm.
    pub pixel_mm: f64,
    /// Place of the centre of the first pixel in its slice's plane, LPS mm.
    pub origin_lps_mm: Vec3,
    /// Unit direction to the right of the picture, to the patient's back.
    pub right_lps: Vec3,
    /// Unit direction downwards in the picture, to the patient's feet.
    pub down_lps: Vec3,
    /// First and last slice that the picture was taken from, counted from 0.
    pub slices: [usize; 2],
    /// How many slices there are.
    pub slice_count: usize,
    /// Whether it follows the spine through several slices.
    pub curved: bool,
    /// Grey values.
    #[serde(skip)]
    pub grey: Vec<u8>,
    /// [`crate::spine::Structure`] discriminants; zeros where nothing was segmented.
    #[serde(skip)]
    pub semantic: Vec<u8>,
    /// Part numbers, 0 for none.
    #[serde(skip)]
    pub part_of: Vec<u8>,
}

/// How the picture's axes lie in the slices' grid.
#[derive(Debug, Clone, Copy)]
struct Axis {
    /// Whether this axis runs along the slices' rows (column index grows) or along their columns.
    along_row: bool,
    /// Whether it runs against the direction in which the index grows.
    reversed: bool,
    /// Pixels of the slice along it.
    pixels: usize,
    /// Their distance, mm.
    spacing_mm: f64,
    /// Unit direction in which the picture's index grows.
    direction_lps: Vec3,
}

impl Axis {
    fn of(volume: &Volume, along_row: bool, towards_lps: Vec3) -> Self {
        let (direction, pixels, spacing_mm) = if along_row {
            (volume.row_direction_lps, volume.columns, volume.column_spacing_mm)
        } else {
            (volume.column_direction_lps, volume.rows, volume.row_spacing_mm)
        };
        let reversed = dot(direction, towards_lps) < 0.0;
        let direction_lps = if reversed { scaled(direction, -1.0) } else { direction };
        Self { along_row, reversed, pixels, spacing_mm, direction_lps }
    }

    /// Length, mm.
    fn extent_mm(&self) -> f64 {
        self.pixels as f64 * self.spacing_mm
    }

    /// Fractional index in the slice of a place along the axis, mm from the picture's edge.
    fn index(&self, mm: f64) -> f64 {
        let forwards = mm / self.spacing_mm - 0.5;
        if self.reversed { (self.pixels - 1) as f64 - forwards } else { forwards }
    }

    /// Place along the axis, mm from the picture's edge, of a fractional index in the slice.
    fn mm(&self, index: f64) -> f64 {
        let forwards = if self.reversed { (self.pixels - 1) as f64 - index } else { index };
        (forwards + 0.5) * self.spacing_mm
    }
}

impl Display {
    /// The picture of `volume` along `curve_lps_mm` with the masks of `labels`; `None` where the
    /// volume has no pixels or no size. An empty curve shows the middle slice.
    #[must_use]
    pub(super) fn new(volume: &Volume, labels: Option<&Labels>, curve_lps_mm: &[Vec3]) -> Option<Self> {
        if !volume.has_pixels() || volume.slice_len() == 0 {
            return None;
        }
        let row_is_depth = volume.row_direction_lps[1].abs() >= volume.column_direction_lps[1].abs();
        let across = Axis::of(volume, row_is_depth, [0.0, 1.0, 0.0]);
        let down = Axis::of(volume, !row_is_depth, [0.0, 0.0, -1.0]);
        let finest = volume.row_spacing_mm.min(volume.column_spacing_mm);
        let longest = across.extent_mm().max(down.extent_mm());
        let pixel_mm = finest.max(longest / DISPLAY_SIDE_MAX as f64);
        if !(pixel_mm.is_finite() && pixel_mm > 0.0) {
            return None;
        }
        let side = |axis: Axis| ((axis.extent_mm() / pixel_mm).round() as usize).clamp(1, DISPLAY_SIDE_MAX);
        let (width, height) = (side(across), side(down));
        let course = Course::new(volume, [across, down], (height, pixel_mm), curve_lps_mm, labels);
        let sampler = Sampler::new(volume, across, down);
        let origin_lps_mm = sampler.position_lps_mm(0.5 * pixel_mm, 0.5 * pixel_mm);
        let mut display = Self {
            width,
            height,
            pixel_mm,
            origin_lps_mm,
            right_lps: across.direction_lps,
            down_lps: down.direction_lps,
            slices: course.slices(),
            slice_count: volume.slices.len(),
            curved: !matches!(course, Course::Flat(_)),
            grey: Vec::new(),
            semantic: Vec::with_capacity(width * height),
            part_of: Vec::with_capacity(width * height),
        };
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            let down_mm = (y as f64 + 0.5) * pixel_mm;
            for x in 0..width {
                let across_mm = (x as f64 + 0.5) * pixel_mm;
                let depth = course.depth(y, across_mm);
                values.push(sampler.value(across_mm, down_mm, depth));
                let voxel = labels.and_then(|_| sampler.nearest_voxel(across_mm, down_mm, depth));
                let label = |mask: Option<&[u8]>| voxel.and_then(|v| mask?.get(v).copied()).unwrap_or(0);
                display.semantic.push(label(labels.map(|l| l.semantic.channels.as_slice())));
                display.part_of.push(label(labels.map(|l| l.part_of.parts.as_slice())));
            }
        }
        display.grey = windowed(&values);
        Some(display)
    }

    /// Where a patient position lies in the picture, in fractional pixels from the centre of the first.
    #[must_use]
    pub fn pixel_of(&self, position_lps_mm: Vec3) -> [f64; 2] {
        let d = sub(position_lps_mm, self.origin_lps_mm);
        [dot(d, self.right_lps) / self.pixel_mm, dot(d, self.down_lps) / self.pixel_mm]
    }

    /// Its three planes, deflated.
    pub(super) fn deflated_planes(&self) -> io::Result<Vec<u8>> {
        let mut out = DeflateEncoder::new(Vec::new(), Compression::fast());
        for plane in [&self.grey, &self.semantic, &self.part_of] {
            out.write_all(plane)?;
        }
        out.finish()
    }

    /// The picture with planes that [`Display::deflated_planes`] made, or what is wrong with them.
    pub(super) fn with_planes(mut self, deflated: &[u8]) -> Result<Self, String> {
        let sides = 1..=DISPLAY_SIDE_MAX;
        if !sides.contains(&self.width) || !sides.contains(&self.height) {
            return Err(format!("its picture has {} x {} pixels", self.width, self.height));
        }
        let mut planes = DeflateDecoder::new(deflated);
        for plane in [&mut self.grey, &mut self.semantic, &mut self.part_of] {
            plane.resize(self.width * self.height, 0);
            planes.read_exact(plane).map_err(|e| format!("its picture: {e}"))?;
        }
        Ok(self)
    }
}

/// Reads a volume at places given in the picture's own plane.
struct Sampler<'a> {
    volume: &'a Volume,
    across: Axis,
    down: Axis,
    /// How far each slice's first pixel is shifted in the plane against the middle slice's, in pixels.
    shifts: Vec<[f64; 2]>,
}

impl<'a> Sampler<'a> {
    fn new(volume: &'a Volume, across: Axis, down: Axis) -> Self {
        let reference = volume.slices.len() / 2;
        let shifts = (volume.slices.iter())
            .map(|s| {
                let (column, row) = volume.column_row(s.origin_lps_mm, reference);
                [column, row]
            })
            .collect();
        Self { volume, across, down, shifts }
    }

    /// (column, row) in the middle slice.
    fn column_row(&self, across_mm: f64, down_mm: f64) -> [f64; 2] {
        let (a, d) = (self.across.index(across_mm), self.down.index(down_mm));
        if self.across.along_row { [a, d] } else { [d, a] }
    }

    fn position_lps_mm(&self, across_mm: f64, down_mm: f64) -> Vec3 {
        let [column, row] = self.column_row(across_mm, down_mm);
        self.volume.position_lps_mm(column, row, self.volume.slices.len() / 2)
    }

    /// The image between the two slices around `depth`, linear in all three directions.
    fn value(&self, across_mm: f64, down_mm: f64, depth: f64) -> f32 {
        let at = self.column_row(across_mm, down_mm);
        let low = depth.floor().max(0.0) as usize;
        let share = (depth - low as f64) as f32;
        let near = self.in_slice(at, low);
        if share <= 0.0 {
            return near;
        }
        near * (1.0 - share) + self.in_slice(at, low + 1) * share
    }

    fn in_slice(&self, at: [f64; 2], slice: usize) -> f32 {
        let slice = slice.min(self.volume.slices.len() - 1);
        let clamped = |x: f64, pixels: usize| x.clamp(0.0, (pixels - 1) as f64);
        let column = clamped(at[0] - self.shifts[slice][0], self.volume.columns);
        let row = clamped(at[1] - self.shifts[slice][1], self.volume.rows);
        let (c, r) = (column as usize, row as usize);
        let (c1, r1) = ((c + 1).min(self.volume.columns - 1), (r + 1).min(self.volume.rows - 1));
        let (u, v) = ((column - c as f64) as f32, (row - r as f64) as f32);
        let value = |c, r| self.volume.value(c, r, slice);
        let upper = value(c, r) * (1.0 - u) + value(c1, r) * u;
        let lower = value(c, r1) * (1.0 - u) + value(c1, r1) * u;
        upper * (1.0 - v) + lower * v
    }

    /// Index into a mask of the voxel nearest to a place; `None` outside of the volume.
    fn nearest_voxel(&self, across_mm: f64, down_mm: f64, depth: f64) -> Option<usize> {
        let slice = (depth.round().max(0.0) as usize).min(self.volume.slices.len() - 1);
        let [column, row] = self.column_row(across_mm, down_mm);
        let inside = |x: f64, pixels: usize| (x >= 0.0 && x < pixels as f64).then_some(x as usize);
        let column = inside((column - self.shifts[slice][0]).round(), self.volume.columns)?;
        let row = inside((row - self.shifts[slice][1]).round(), self.volume.rows)?;
        Some(slice * self.volume.slice_len() + row * self.volume.columns + column)
    }
}

/// Grey values between the percentiles of [`WINDOW_PERCENTILES`].
fn windowed(values: &[f32]) -> Vec<u8> {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f32::total_cmp);
    let at = |share: f64| sorted.get((share * sorted.len().saturating_sub(1) as f64) as usize).copied();
    let [black, white] = WINDOW_PERCENTILES.map(|p| at(p).unwrap_or(0.0));
    let range = (white - black).max(f32::EPSILON);
    values.iter().map(|v| ((v - black) / range * 255.0).clamp(0.0, 255.0) as u8).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::analysis::volume::Slice;

    /// Five slices from left to right, 4 mm apart, of 30 x 20 pixels of 2 x 1 mm whose value is their slice.
    fn volume(row_direction_lps: Vec3, column_direction_lps: Vec3) -> Volume {
        let (rows, columns) = (30, 20);
        let slice = |k: usize| Slice {
            origin_lps_mm: [8.0 - 4.0 * k as f64, 0.0, 0.0],
            stored: (0..rows * columns).map(|i| (100 * k + i / columns) as u16).collect(),
            slope: 1.0,
            intercept: 0.0,
            source: k,
        };
        Volume {
            rows,
            columns,
            row_spacing_mm: 2.0,
            column_spacing_mm: 1.0,
            row_direction_lps,
            column_direction_lps,
            slices: (0..5).map(slice).collect(),
        }
    }

    #[test]
    fn head_is_up_and_front_is_left_however_the_series_was_stored() {
        for (row, column) in [
            ([0.0, 1.0, 0.0], [0.0, 0.0, -1.0]),
            ([0.0, -1.0, 0.0], [0.0, 0.0, 1.0]),
            ([0.0, 0.0, -1.0], [0.0, 1.0, 0.0]),
            ([0.0, 0.0, 1.0], [0.0, -1.0, 0.0]),
        ] {
            let volume = volume(row, column);
            let display = Display::new(&volume, None, &[]).unwrap();
            let place = |p: Vec3| display.pixel_of(p);
            assert!(place([0.0, 9.0, 0.0])[0] > place([0.0, 0.0, 0.0])[0], "the back is on the right");
            assert!(place([0.0, 0.0, 9.0])[1] < place([0.0, 0.0, 0.0])[1], "the head is up");
            let (size, tall) = ([display.width, display.height], row[1] != 0.0);
            assert_eq!(size, if tall { [20, 60] } else { [60, 20] });
            let corners = [[0, 0], [19, 0], [0, 29], [19, 29]].map(|[c, r]| {
                let [x, y] = display.pixel_of(volume.position_lps_mm(f64::from(c), f64::from(r), 2));
                x > -1.0 && y > -1.0 && x < display.width as f64 && y < display.height as f64
            });
            assert_eq!(corners, [true; 4]);
        }
    }

    #[test]
    fn a_straight_spine_is_shown_on_the_slice_nearest_to_it() {
        let curve: Vec<Vec3> = (0..60).map(|mm| [-4.3, 10.0, f64::from(-mm)]).collect();
        let display = Display::new(&volume([0.0, 1.0, 0.0], [0.0, 0.0, -1.0]), None, &curve).unwrap();
        assert_eq!((display.curved, display.slices, display.slice_count), (false, [3, 3], 5));
    }

    #[test]
    fn a_bent_spine_takes_each_row_from_where_it_runs() {
        let volume = volume([0.0, 1.0, 0.0], [0.0, 0.0, -1.0]);
        let curve: Vec<Vec3> = (0..60).map(|mm| [8.0 - f64::from(mm) * 16.0 / 60.0, 10.0, f64::from(-mm)]).collect();
        let display = Display::new(&volume, None, &curve).unwrap();
        assert_eq!((display.curved, display.slices), (true, [0, 4]));
        let column: Vec<u8> = display.grey.chunks(display.width).map(|row| row[10]).collect();
        assert!(column.windows(2).all(|w| w[1] >= w[0]), "brighter from slice to slice: {column:?}");
        assert!(column[55] > column[5] + 150);
    }

    #[test]
    fn without_pixels_there_is_nothing_to_show() {
        let mut volume = volume([0.0, 1.0, 0.0], [0.0, 0.0, -1.0]);
        volume.slices[2].stored.clear();
        assert_eq!(Display::new(&volume, None, &[]), None);
    }
}
