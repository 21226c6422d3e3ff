//! Body or posterior elements: where a truth outlines vertebrae in one piece, the canal's middle line parts them.
//!
//! The same line as in `models/training/segmentation/labels.py`: one for all slices, because lateral slices see little
//! canal and there the pedicle joins body and posterior parts; carried on below the canal's end along its last course.

use super::masks::Masks;
use super::truth::MaskClass;
use crate::analysis::volume::SemanticMask;
use crate::spine::Structure;

/// Rows over which the line's median is taken, mm.
const MEDIAN_MM: f64 = 7.0;
/// Standard deviation of the Gauss that smooths it, mm.
const SMOOTH_MM: f64 = 1.9;
/// Course from which it is carried on, mm.
const COURSE_MM: f64 = 18.75;
/// What is left off its end, where the sac tapers, mm.
const TAPER_MM: f64 = 1.4;
/// Pixels of canal in a row of a slice from which that slice has a say.
const SAY_PIXELS: usize = 4;

/// The masks as a semantic mask that the reading room understands; `None` where a vertebra must be parted and no canal is
/// outlined.
pub(super) fn semantic(masks: &Masks) -> Option<SemanticMask> {
    let needs_line = masks.truth.contains(&MaskClass::Vertebra);
    let line = if needs_line { canal_line(masks)? } else { Vec::new() };
    let (rows, columns) = (masks.volume.rows, masks.volume.columns);
    let structure = |(at, class): (usize, &MaskClass)| match class {
        MaskClass::Background | MaskClass::Unlabelled => Structure::Background,
        MaskClass::Vertebra if ((at % columns) as f64) > line[at / columns % rows] => Structure::PosteriorElements,
        MaskClass::Vertebra | MaskClass::Body => Structure::VertebralBody,
        MaskClass::Posterior => Structure::PosteriorElements,
        MaskClass::Disc => Structure::Disc,
        MaskClass::Canal => Structure::Canal,
        MaskClass::Sacrum => Structure::Sacrum,
    };
    Some(SemanticMask { channels: masks.truth.iter().enumerate().map(|v| structure(v) as u8).collect() })
}

/// Column of the canal's middle for each row; `None` without a canal.
fn canal_line(masks: &Masks) -> Option<Vec<f64>> {
    let (rows, columns) = (masks.volume.rows, masks.volume.columns);
    let middles: Vec<Option<f64>> = (0..rows).map(|row| middle(masks, row, columns)).collect();
    let known: Vec<usize> = (0..rows).filter(|row| middles[*row].is_some()).collect();
    let values: Vec<f64> = middles.iter().copied().flatten().collect();
    let (first, end) = (*known.first()?, *known.last()?);
    let in_rows = |mm: f64| mm / masks.volume.row_spacing_mm;
    let filtered = median_filtered(&values, (in_rows(MEDIAN_MM) / 2.0).round() as usize);
    let mut line: Vec<f64> = (0..rows).map(|row| between(&known, &filtered, row.clamp(first, end))).collect();
    line = smoothed(&line, in_rows(SMOOTH_MM).max(0.5));
    let last = end.saturating_sub(in_rows(TAPER_MM).round() as usize);
    let course = (in_rows(COURSE_MM).round() as usize).max(1);
    let slope = (line[last] - line[last.saturating_sub(course)]) / course as f64;
    let from = line[last];
    for (row, column) in line.iter_mut().enumerate().skip(last) {
        *column = from + slope * (row - last) as f64;
    }
    Some(line)
}

/// Median over slices of the canal's middle in a row; where no slice shows enough of it, the mean of what they show.
fn middle(masks: &Masks, row: usize, columns: usize) -> Option<f64> {
    let rows = masks.volume.rows;
    let mut seen = vec![false; columns];
    let mut middles = Vec::new();
    for slice in 0..masks.volume.slices.len() {
        let start = (slice * rows + row) * columns;
        let of_row = masks.truth.get(start..start + columns)?;
        let canal: Vec<usize> = (0..columns).filter(|c| of_row[*c] == MaskClass::Canal).collect();
        canal.iter().for_each(|c| seen[*c] = true);
        if canal.len() >= SAY_PIXELS {
            middles.push(canal.iter().sum::<usize>() as f64 / canal.len() as f64);
        }
    }
    if middles.is_empty() {
        let columns: Vec<usize> = (0..columns).filter(|c| seen[*c]).collect();
        return (!columns.is_empty()).then(|| columns.iter().sum::<usize>() as f64 / columns.len() as f64);
    }
    middles.sort_by(f64::total_cmp);
    let half = middles.len() / 2;
    Some(if middles.len().is_multiple_of(2) { (middles[half - 1] + middles[half]) / 2.0 } else { middles[half] })
}

/// Median over `reach` neighbours on both sides, the ends repeated.
fn median_filtered(values: &[f64], reach: usize) -> Vec<f64> {
    let at = |i: isize| values[i.clamp(0, values.len() as isize - 1) as usize];
    (0..values.len() as isize)
        .map(|i| {
            let mut window: Vec<f64> = (i - reach as isize..=i + reach as isize).map(at).collect();
            window.sort_by(f64::total_cmp);
            window[reach]
        })
        .collect()
}

/// Gauss of standard deviation `sigma`, cut at four of them, the ends repeated.
fn smoothed(values: &[f64], sigma: f64) -> Vec<f64> {
    let reach = (4.0 * sigma + 0.5) as isize;
    let weights: Vec<f64> = (-reach..=reach).map(|d| (-0.5 * (d as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let at = |i: isize| values[i.clamp(0, values.len() as isize - 1) as usize];
    (0..values.len() as isize)
        .map(|i| weights.iter().zip(-reach..=reach).map(|(w, d)| w * at(i + d)).sum::<f64>() / sum)
        .collect()
}

/// The value at `row`, which lies between the first and the last known row.
fn between(known: &[usize], values: &[f64], row: usize) -> f64 {
    let after = known.partition_point(|k| *k < row);
    if known[after] == row || after == 0 {
        return values[after];
    }
    let share = (row - known[after - 1]) as f64 / (known[after] - known[after - 1]) as f64;
    values[after - 1] + share * (values[after] - values[after - 1])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;
    use crate::analysis::volume::{Slice, Volume};

    const ROWS: usize = 80;
    const COLUMNS: usize = 60;

    /// One slice of 1 mm pixels: vertebra everywhere, a canal of six columns that starts at `first(row)` above row 60.
    fn masks(first: impl Fn(usize) -> usize) -> Masks {
        let class = |at: usize| {
            let (row, column) = (at / COLUMNS, at % COLUMNS);
            let canal = row < 60 && (first(row)..first(row) + 6).contains(&column);
            if canal { MaskClass::Canal } else { MaskClass::Vertebra }
        };
        let slice = Slice { origin_lps_mm: [0.0; 3], stored: Vec::new(), slope: 1.0, intercept: 0.0, source: 0 };
        Masks {
            volume: Volume {
                rows: ROWS,
                columns: COLUMNS,
                row_spacing_mm: 1.0,
                column_spacing_mm: 1.0,
                row_direction_lps: [0.0, 1.0, 0.0],
                column_direction_lps: [0.0, 0.0, -1.0],
                slices: vec![slice],
            },
            truth: (0..ROWS * COLUMNS).map(class).collect(),
            values: Vec::new(),
            ours: Vec::new(),
        }
    }

    #[test]
    fn what_lies_before_the_canal_is_body_and_behind_it_posterior() {
        let parted = semantic(&masks(|_| 30)).unwrap().channels;
        let at = |row: usize, column: usize| Structure::from_channel(parted[row * COLUMNS + column]).unwrap();
        assert_eq!(at(20, 29), Structure::VertebralBody);
        assert_eq!(at(20, 32), Structure::Canal);
        assert_eq!(at(20, 36), Structure::PosteriorElements);
        assert_eq!((at(75, 32), at(75, 33)), (Structure::VertebralBody, Structure::PosteriorElements));
    }

    #[test]
    fn below_its_end_the_line_goes_on_along_its_course() {
        let line = canal_line(&masks(|row| 10 + row / 2)).unwrap();
        // It runs back by half a column a row; at row 79 that is column 10 + 79 / 2 + 2.5.
        assert!((line[40] - 32.3).abs() < 0.6, "{}", line[40]);
        assert!((line[79] - 51.8).abs() < 1.5, "{}", line[79]);
    }

    #[test]
    fn without_a_canal_nothing_is_parted() {
        let mut masks = masks(|_| 30);
        masks.truth.iter_mut().filter(|c| **c == MaskClass::Canal).for_each(|c| *c = MaskClass::Background);
        assert_eq!(semantic(&masks), None);
    }
}
