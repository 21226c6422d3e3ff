//! Whether CSF is bright in sagittal slices: the last resort where neither timing nor words tell the
//! weighting.
//!
//! In the band where the spinal canal lies below the skin of the back, a T2-weighted slice has one
//! bright strip of 5 to 25 mm from top to bottom, the dural sac; a T1-weighted slice has only scraps
//! of fat. The measure is the mean height, along the best unbroken path from top to bottom, of what
//! is brighter than everything 25 mm wide around it. It does not segment anything.

use crate::analysis::volume::Volume;

/// Depth of the band below the skin of the back, mm.
const DEPTH_MM: std::ops::Range<usize> = 42..115;
/// Part of the image's height that is looked at.
const HEIGHT_PARTS: (f64, f64) = (0.2, 0.75);
/// Percentiles between which intensities are taken to run from 0 to 1.
const PERCENTILES: (f64, f64) = (0.02, 0.99);
/// Smoothing windows down and across, mm.
const SMOOTH_MM: (usize, usize) = (9, 3);
/// Smoothed intensity of skin against air.
const SKIN: f32 = 0.1;
/// Strips wider than this don't count as bright ones, mm.
const STRIP_MM_MAX: usize = 25;
/// Higher than this above its surroundings a place counts no more: scraps of fat don't make a sac.
const HEIGHT_MAX: f32 = 0.35;
/// At least this high on average: bright. Of single mid-sagittal slices of SPIDER and the Sudirman set,
/// 83 % of 296 T2-weighted ones and 6 % of 249 T1-weighted ones are.
const BRIGHT_MIN: f64 = 0.31;
/// At most this high: dark, as 3 % of the T2-weighted and half of the T1-weighted ones are.
const DARK_MAX: f64 = 0.25;
/// Between the two it is unclear; the middle tells to which side it leans.
const MIDDLE: f64 = 0.28;
/// Heights of two series that differ by less than this say nothing of each other.
const DIFFERENCE_MIN: f64 = 0.02;
/// Fewest rows and columns, mm, in which a spine can be looked for.
const EXTENT_MM_MIN: usize = 60;

/// What the pixels say of CSF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Csf {
    Bright,
    Dark,
    /// Rather bright than dark, or the other way.
    Unclear {
        leaning_bright: bool,
    },
}

/// A grid of 1 mm pixels, row by row.
struct Grid {
    columns: usize,
    values: Vec<f32>,
}

impl Grid {
    fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.columns.max(1))
    }

    fn transposed(&self) -> Self {
        let rows = self.rows().len();
        let values = (0..self.columns).flat_map(|c| self.rows().filter_map(move |row| row.get(c).copied())).collect();
        Self { columns: rows, values }
    }

    /// Applies `filter` to each row.
    fn filtered(&self, filter: impl Fn(&[f32]) -> Vec<f32>) -> Self {
        Self { columns: self.columns, values: self.rows().flat_map(filter).collect() }
    }
}

/// Height, 0 to 1, of the bright strip in the median of the volume's slices, which must be sagittal with
/// anterior left and head up; `None` where they are too small to tell.
pub(super) fn csf_height(volume: &Volume) -> Option<f64> {
    let mut heights: Vec<f64> = (0..volume.slices.len()).filter_map(|slice| strip_height(volume, slice)).collect();
    heights.sort_by(f64::total_cmp);
    heights.get(heights.len() / 2).copied()
}

/// What a height says of CSF, beside the greatest height in the study's other sagittal series: where
/// canals are narrow or winding no strip is high, but a T2-weighted one is still higher.
pub(super) fn judge(height: f64, greatest_other: Option<f64>) -> Csf {
    let above = |by: f64| greatest_other.is_some_and(|other| height >= other + by);
    if height >= BRIGHT_MIN {
        Csf::Bright
    } else if above(DIFFERENCE_MIN) {
        Csf::Unclear { leaning_bright: true }
    } else if height <= DARK_MAX {
        Csf::Dark
    } else {
        Csf::Unclear { leaning_bright: height >= MIDDLE && (greatest_other.is_none() || above(-DIFFERENCE_MIN)) }
    }
}

/// Height, 0 to 1, of the bright strip in one slice.
fn strip_height(volume: &Volume, slice: usize) -> Option<f64> {
    let smooth = |grid: &Grid, width| grid.filtered(|row| moving_mean(row, width));
    let grid = millimetres(volume, slice)?;
    let grid = smooth(&smooth(&grid, SMOOTH_MM.1).transposed(), SMOOTH_MM.0).transposed();
    let mut skin: Vec<usize> = grid.rows().filter_map(|row| row.iter().rposition(|value| *value > SKIN)).collect();
    skin.sort_unstable();
    let skin = *skin.get(skin.len() / 2)?;
    let (first, last) = (skin.saturating_sub(DEPTH_MM.end), skin.checked_sub(DEPTH_MM.start)?);
    let band = Grid { columns: last - first, values: grid.rows().flat_map(|row| &row[first..last]).copied().collect() };
    (band.columns >= STRIP_MM_MAX).then(|| best_path(&band.filtered(above_surroundings)))
}

/// The part of a slice that is looked at, on a grid of 1 mm, intensities from 0 to 1.
fn millimetres(volume: &Volume, slice: usize) -> Option<Grid> {
    let stored = &volume.slices.get(slice)?.stored;
    let rows_mm = volume.rows as f64 * volume.row_spacing_mm;
    let columns = (volume.columns as f64 * volume.column_spacing_mm) as usize;
    let (top, bottom) = ((rows_mm * HEIGHT_PARTS.0) as usize, (rows_mm * HEIGHT_PARTS.1) as usize);
    if columns < EXTENT_MM_MIN || bottom - top < EXTENT_MM_MIN || columns > 2048 || bottom > 2048 {
        return None;
    }
    let mut sorted = stored.clone();
    sorted.sort_unstable();
    let percentile = |part: f64| sorted.get((part * (sorted.len().saturating_sub(1)) as f64) as usize).copied();
    let (low, high) = (f32::from(percentile(PERCENTILES.0)?), f32::from(percentile(PERCENTILES.1)?));
    let mut values = Vec::with_capacity((bottom - top) * columns);
    for y_mm in top..bottom {
        let row = ((y_mm as f64 + 0.5) / volume.row_spacing_mm) as usize;
        for x_mm in 0..columns {
            let column = ((x_mm as f64 + 0.5) / volume.column_spacing_mm) as usize;
            let value = f32::from(*stored.get(row * volume.columns + column)?);
            values.push(((value - low) / (high - low).max(1.0)).clamp(0.0, 1.0));
        }
    }
    Some(Grid { columns, values })
}

fn moving_mean(row: &[f32], width: usize) -> Vec<f32> {
    windows(row, width).map(|window| window.iter().sum::<f32>() / window.len() as f32).collect()
}

/// What a row has above its opening with [`STRIP_MM_MAX`]: strips narrower than that.
fn above_surroundings(row: &[f32]) -> Vec<f32> {
    let eroded: Vec<f32> = windows(row, STRIP_MM_MAX).map(|w| w.iter().copied().fold(f32::MAX, f32::min)).collect();
    let opened = windows(&eroded, STRIP_MM_MAX).map(|w| w.iter().copied().fold(f32::MIN, f32::max));
    row.iter().zip(opened).map(|(value, around)| (value - around).min(HEIGHT_MAX)).collect()
}

/// For each place of `row`, the window of `width` around it, cut at the ends.
fn windows(row: &[f32], width: usize) -> impl Iterator<Item = &[f32]> {
    (0..row.len()).map(move |i| &row[i.saturating_sub(width / 2)..(i + width / 2 + 1).min(row.len())])
}

/// The mean along the best path from the first row to the last that moves at most one column a row.
fn best_path(grid: &Grid) -> f64 {
    let mut sums = vec![0.0_f32; grid.columns];
    for row in grid.rows() {
        sums = windows(&sums, 3)
            .zip(row)
            .map(|(before, here)| here + before.iter().copied().fold(f32::MIN, f32::max))
            .collect();
    }
    f64::from(sums.into_iter().fold(0.0, f32::max)) / grid.rows().len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::volume::Slice;

    /// A back of 200 x 200 mm: air, skin, tissue, and a strip of `strip` 60 mm below the skin.
    fn back(strip: u16) -> Volume {
        let value = |column: usize| match column {
            180.. => 0,
            170..180 => 900,
            112..126 => strip,
            _ => 350,
        };
        Volume {
            rows: 200,
            columns: 200,
            row_spacing_mm: 1.0,
            column_spacing_mm: 1.0,
            row_direction_lps: [0.0, 1.0, 0.0],
            column_direction_lps: [0.0, 0.0, -1.0],
            slices: vec![Slice {
                origin_lps_mm: [0.0; 3],
                stored: (0..200 * 200).map(|i| value(i % 200)).collect(),
                slope: 1.0,
                intercept: 0.0,
                source: 0,
            }],
        }
    }

    #[test]
    fn a_bright_sac_is_t2_and_a_dark_one_is_not() {
        let seen = |strip| csf_height(&back(strip)).map(|height| judge(height, None));
        assert_eq!(seen(1000), Some(Csf::Bright));
        assert_eq!(seen(120), Some(Csf::Dark));
        assert!(matches!(seen(610), Some(Csf::Unclear { .. })));
    }

    #[test]
    fn of_two_series_with_a_narrow_canal_the_brighter_one_is_rather_t2() {
        assert_eq!(judge(0.24, Some(0.21)), Csf::Unclear { leaning_bright: true });
        assert_eq!(judge(0.21, Some(0.24)), Csf::Dark);
        assert_eq!(judge(0.29, Some(0.5)), Csf::Unclear { leaning_bright: false });
    }

    #[test]
    fn an_image_too_small_for_a_spine_tells_nothing() {
        let small = Volume { row_spacing_mm: 0.1, column_spacing_mm: 0.1, ..back(1000) };
        assert_eq!(csf_height(&small), None);
    }
}
