//! Connected pieces of one structure within one slice, and what is known of each.
//!
//! Bodies and sacrum are labelled together, because a network that leaks one class onto the other
//! still outlines the bone; which of the two a piece is, is decided by its share of sacrum pixels.
//! Bodies that touch are told apart by what is left of them after an erosion, and by their shape
//! ([`super::split`]). Joining pieces across slices is for [`super::link`].

use super::frame::Frame;
use super::split;
use crate::spine::Structure;

/// Pieces smaller than this are islands, mm².
const MIN_AREA_MM2: f64 = 12.0;
/// How far the outline of bodies is drawn in to find those that only touch, mm.
const EROSION_MM: f64 = 2.4;
/// What must be left of a body after that for it to count as one, mm².
const MIN_CORE_MM2: f64 = 16.0;
/// Labels of pieces within a slice: the part mask's bytes serve as scratch, and two values are kept apart.
const MAX_LABELS: u8 = 250;
/// A pixel that belongs to an island.
const DROPPED: u8 = 255;

/// One connected piece of a structure in one slice; lengths in mm of the slice frame.
#[derive(Debug, Clone)]
pub(crate) struct Component {
    /// Slice it lies in.
    pub(crate) slice: usize,
    /// Its label there, from 1.
    pub(crate) label: u8,
    /// Body and sacrum are both `VertebralBody` here.
    pub(crate) structure: Structure,
    pub(crate) area_mm2: f64,
    pub(crate) centre_mm: [f64; 2],
    /// Variances xx, xy, yy of its pixels' places, mm².
    pub(crate) variance_mm2: [f64; 3],
    /// Share of its pixels that the network called sacrum.
    pub(crate) sacrum_share: f64,
    /// First and last row.
    pub(crate) rows: [usize; 2],
    /// First and last column.
    pub(crate) columns: [usize; 2],
    /// Whether it reaches the image's edge.
    pub(crate) at_edge: bool,
}

/// The group in which a class is labelled: the sacrum goes with the bodies.
pub(crate) const fn group_of(channel: u8) -> Option<Structure> {
    match channel {
        1 | 5 => Some(Structure::VertebralBody),
        2 => Some(Structure::PosteriorElements),
        3 => Some(Structure::Disc),
        4 => Some(Structure::Canal),
        _ => None,
    }
}

/// Labels every slice of `channels` into `labels` (same size, zero at first) and describes the
/// pieces of each slice in ascending label. Islands and unknown channels are left 0.
pub(crate) fn label(frame: &Frame, channels: &[u8], labels: &mut [u8]) -> Vec<Vec<Component>> {
    let mut scratch = Scratch::default();
    let mut found = Vec::new();
    let slices = channels.chunks_exact(frame.slice_len()).zip(labels.chunks_exact_mut(frame.slice_len()));
    for (slice, (channels, labels)) in slices.enumerate() {
        let mut min_area_mm2 = MIN_AREA_MM2;
        // Noise may hold more pieces than there are labels: then the small ones go.
        while !label_slice(frame, channels, labels, min_area_mm2, &mut scratch) {
            labels.fill(0);
            min_area_mm2 *= 2.0;
        }
        let described = describe(frame, slice, channels, labels);
        found.push(split::long_bodies(frame, described, channels, labels));
    }
    found
}

#[derive(Default)]
struct Scratch {
    eroded: Vec<bool>,
    queue: Vec<u32>,
}

/// Labels one slice; `false` where there are more pieces than labels.
fn label_slice(frame: &Frame, channels: &[u8], labels: &mut [u8], min_area_mm2: f64, scratch: &mut Scratch) -> bool {
    let is_bone = |channel: u8| group_of(channel) == Some(Structure::VertebralBody);
    let pixels = |area_mm2: f64| ((area_mm2 / frame.pixel_area_mm2()).ceil() as usize).max(1);
    let (min_core, min_piece) = (pixels(MIN_CORE_MM2.max(min_area_mm2)), pixels(min_area_mm2));
    let Scratch { eroded, queue } = scratch;
    erode(frame, channels, is_bone, eroded);
    let mut next = 1;
    for seed in 0..channels.len() {
        if eroded[seed] && labels[seed] == 0 {
            let joins = |_: usize, i: usize| eroded[i];
            if !flood(frame.columns, labels, seed, joins, &mut next, min_core, queue) {
                return false;
            }
        }
    }
    labels.iter_mut().filter(|l| **l == DROPPED).for_each(|l| *l = 0);
    grow(frame.columns, channels, is_bone, labels, queue);
    for seed in 0..channels.len() {
        if group_of(channels[seed]).is_some() && labels[seed] == 0 {
            let joins = |from: usize, i: usize| group_of(channels[i]) == group_of(channels[from]);
            if !flood(frame.columns, labels, seed, joins, &mut next, min_piece, queue) {
                return false;
            }
        }
    }
    labels.iter_mut().filter(|l| **l == DROPPED).for_each(|l| *l = 0);
    true
}

/// Marks the pixels whose surroundings, a box of twice [`EROSION_MM`], are all bone.
fn erode(frame: &Frame, channels: &[u8], is_bone: impl Fn(u8) -> bool, eroded: &mut Vec<bool>) {
    let reach = |spacing_mm: f64| (EROSION_MM / spacing_mm).round() as usize;
    eroded.clear();
    eroded.extend(channels.iter().map(|c| is_bone(*c)));
    if !eroded.contains(&true) {
        return;
    }
    let (rows, columns) = (frame.rows, frame.columns);
    for row in 0..rows {
        erode_line(eroded, row * columns, 1, columns, reach(frame.column_spacing_mm));
    }
    for column in 0..columns {
        erode_line(eroded, column, columns, rows, reach(frame.row_spacing_mm));
    }
}

/// Shortens every run of a line by `reach` at both ends.
fn erode_line(values: &mut [bool], start: usize, step: usize, count: usize, reach: usize) {
    let mut from = 0;
    while from < count {
        if !values[start + from * step] {
            from += 1;
            continue;
        }
        let mut to = from;
        while to < count && values[start + to * step] {
            to += 1;
        }
        for place in (from..to).filter(|p| p - from < reach || to - p <= reach) {
            values[start + place * step] = false;
        }
        from = to;
    }
}

/// Labels the piece at `seed` with `next`, or as dropped where it has fewer than `min_pixels`;
/// `false` where the labels are used up.
fn flood(
    columns: usize,
    labels: &mut [u8],
    seed: usize,
    joins: impl Fn(usize, usize) -> bool,
    next: &mut u8,
    min_pixels: usize,
    queue: &mut Vec<u32>,
) -> bool {
    queue.clear();
    queue.push(seed as u32);
    labels[seed] = *next;
    let mut head = 0;
    while head < queue.len() {
        let from = queue[head] as usize;
        head += 1;
        for to in neighbours(from, columns, labels.len()).into_iter().flatten() {
            if labels[to] == 0 && joins(from, to) {
                labels[to] = *next;
                queue.push(to as u32);
            }
        }
    }
    if queue.len() < min_pixels {
        queue.iter().for_each(|i| labels[*i as usize] = DROPPED);
        return true;
    }
    *next += 1;
    *next <= MAX_LABELS
}

/// Gives every bone pixel that touches a labelled one the label of the nearest, step by step.
fn grow(columns: usize, channels: &[u8], is_bone: impl Fn(u8) -> bool, labels: &mut [u8], queue: &mut Vec<u32>) {
    queue.clear();
    queue.extend((0..labels.len()).filter(|i| labels[*i] != 0).map(|i| i as u32));
    let mut head = 0;
    while head < queue.len() {
        let from = queue[head] as usize;
        head += 1;
        for to in neighbours(from, columns, labels.len()).into_iter().flatten() {
            if labels[to] == 0 && is_bone(channels[to]) {
                labels[to] = labels[from];
                queue.push(to as u32);
            }
        }
    }
}

/// The four neighbours of a pixel that lie in the slice.
pub(crate) fn neighbours(index: usize, columns: usize, count: usize) -> [Option<usize>; 4] {
    let column = index % columns;
    [
        index.checked_sub(columns),
        (column > 0).then(|| index - 1),
        (column + 1 < columns).then(|| index + 1),
        (index + columns < count).then_some(index + columns),
    ]
}

#[derive(Clone, Default)]
struct Sums {
    group: Option<Structure>,
    pixels: f64,
    sacrum: f64,
    first: [f64; 2],
    second: [f64; 3],
    rows: [usize; 2],
    columns: [usize; 2],
}

/// Describes the labelled pieces of one slice, in ascending label.
pub(crate) fn describe(frame: &Frame, slice: usize, channels: &[u8], labels: &[u8]) -> Vec<Component> {
    let mut sums = vec![Sums::default(); 256];
    for (row, (channels, labels)) in
        channels.chunks_exact(frame.columns).zip(labels.chunks_exact(frame.columns)).enumerate()
    {
        for (column, (channel, label)) in channels.iter().zip(labels).enumerate().filter(|(_, (_, l))| **l != 0) {
            let s = &mut sums[usize::from(*label)];
            if s.pixels == 0.0 {
                s.group = group_of(*channel);
                (s.rows, s.columns) = ([row, row], [column, column]);
            }
            let (x, y) = (column as f64, row as f64);
            s.pixels += 1.0;
            s.sacrum += f64::from(u8::from(*channel == Structure::Sacrum as u8));
            s.first = [s.first[0] + x, s.first[1] + y];
            s.second = [s.second[0] + x * x, s.second[1] + x * y, s.second[2] + y * y];
            s.rows[1] = row;
            s.columns = [s.columns[0].min(column), s.columns[1].max(column)];
        }
    }
    let described = sums.iter().enumerate().filter_map(|(label, s)| component(frame, slice, label as u8, s));
    described.collect()
}

fn component(frame: &Frame, slice: usize, label: u8, sums: &Sums) -> Option<Component> {
    let structure = sums.group?;
    let n = sums.pixels;
    let [x, y] = sums.first.map(|s| s / n);
    let [xx, xy, yy] = sums.second.map(|s| s / n);
    let (dx, dy) = (frame.column_spacing_mm, frame.row_spacing_mm);
    let at = frame.at_pixel(x, y, slice);
    Some(Component {
        slice,
        label,
        structure,
        area_mm2: n * frame.pixel_area_mm2(),
        centre_mm: [at[0], at[1]],
        variance_mm2: [(xx - x * x) * dx * dx, (xy - x * y) * dx * dy, (yy - y * y) * dy * dy],
        sacrum_share: sums.sacrum / n,
        rows: sums.rows,
        columns: sums.columns,
        at_edge: sums.rows[0] == 0
            || sums.columns[0] == 0
            || sums.rows[1] + 1 == frame.rows
            || sums.columns[1] + 1 == frame.columns,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]
mod tests {
    use super::*;
    use crate::analysis::volume::{Slice, Volume};

    /// One slice of 1 mm pixels.
    fn slice(rows: usize, columns: usize) -> Frame {
        let slice = Slice { origin_lps_mm: [0.0; 3], stored: Vec::new(), slope: 1.0, intercept: 0.0, source: 0 };
        let volume = Volume {
            rows,
            columns,
            row_spacing_mm: 1.0,
            column_spacing_mm: 1.0,
            row_direction_lps: [0.0, 1.0, 0.0],
            column_direction_lps: [0.0, 0.0, -1.0],
            slices: vec![slice],
        };
        Frame::of(&volume).unwrap()
    }

    /// Fills rows and columns of a slice that is `columns` wide.
    fn fill(
        channels: &mut [u8],
        columns: usize,
        rows: std::ops::Range<usize>,
        range: std::ops::Range<usize>,
        channel: u8,
    ) {
        for row in rows {
            channels[row * columns + range.start..row * columns + range.end].fill(channel);
        }
    }

    fn labelled(frame: &Frame, channels: &[u8]) -> Vec<Component> {
        let mut labels = vec![0; channels.len()];
        label(frame, channels, &mut labels).concat()
    }

    #[test]
    fn bodies_that_touch_over_a_few_millimetres_are_two() {
        let frame = slice(80, 60);
        let mut channels = vec![0; 80 * 60];
        fill(&mut channels, 60, 5..32, 10..44, 1);
        fill(&mut channels, 60, 40..67, 10..44, 1);
        fill(&mut channels, 60, 32..40, 10..14, 1);
        let found = labelled(&frame, &channels);
        assert_eq!(found.len(), 2);
        assert!((found[0].area_mm2 - found[1].area_mm2).abs() < 30.0);
    }

    #[test]
    fn bodies_that_run_together_over_their_whole_depth_are_cut_across() {
        let frame = slice(90, 60);
        let mut channels = vec![0; 90 * 60];
        fill(&mut channels, 60, 5..73, 12..44, 1);
        let found = labelled(&frame, &channels);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|c| c.area_mm2 > 0.35 * 68.0 * 32.0), "{found:?}");
    }

    #[test]
    fn a_body_and_the_sacrum_that_run_together_are_cut_where_the_class_changes() {
        let frame = slice(90, 60);
        let mut channels = vec![0; 90 * 60];
        fill(&mut channels, 60, 5..36, 12..44, 1);
        fill(&mut channels, 60, 36..66, 12..44, 5);
        let mut found = labelled(&frame, &channels);
        found.sort_by(|a, b| a.centre_mm[1].total_cmp(&b.centre_mm[1]));
        assert_eq!(found.len(), 2);
        assert!(found[0].sacrum_share < 0.1 && found[1].sacrum_share > 0.9, "{found:?}");
    }

    #[test]
    fn a_large_body_is_not_cut_from_front_to_back() {
        let frame = slice(50, 80);
        let mut channels = vec![0; 50 * 80];
        fill(&mut channels, 80, 8..40, 10..62, 1);
        assert_eq!(labelled(&frame, &channels).len(), 1);
    }

    #[test]
    fn islands_are_dropped_and_noise_never_runs_out_of_labels() {
        let frame = slice(300, 300);
        let checkers: Vec<u8> = (0..300 * 300).map(|i| u8::from((i / 300 / 5 + i % 300 / 5) % 2 == 0) * 3).collect();
        let found = labelled(&frame, &checkers);
        assert!(found.len() <= usize::from(MAX_LABELS));
        let mut specks = vec![0; 300 * 300];
        specks[77] = 1;
        specks[4_000] = 4;
        assert!(labelled(&frame, &specks).is_empty());
    }
}
