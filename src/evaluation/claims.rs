//! Parts that a report claims where the masks have none.

use super::figures::Sample;
use super::masks::Masks;
use super::truth::MaskClass;
use crate::analysis::volume::Volume;
use crate::export::report::ReportDocument;
use crate::spine::Vec3;

/// Furthest that a part's centre may lie from the mask of its kind, mm: a worn disc is thinner than its centre is sure.
const BESIDE_MM: f64 = 3.0;
const CLAIMED: &str = "parts claimed where there is none";
const BONE: [MaskClass; 4] = [MaskClass::Vertebra, MaskClass::Body, MaskClass::Posterior, MaskClass::Sacrum];

/// Counts vertebrae and levels whose centre lies in no part of their kind. Not judged is what lies beyond the masks, where
/// nobody looked, and, where no sacrum is outlined, S1 and what lies below the lowest disc. `discs` are the truth's, LPS mm.
pub(super) fn claimed(
    report: &ReportDocument,
    masks: &Masks,
    discs: &[Vec3],
    failures: &mut Vec<String>,
) -> Vec<Sample> {
    let sacrum = masks.truth.contains(&MaskClass::Sacrum);
    let lowest_mm = discs.iter().map(|d| d[2]).fold(f64::INFINITY, f64::min);
    let below = |p: Vec3| !sacrum && lowest_mm.is_finite() && p[2] < lowest_mm - BESIDE_MM;
    let mut count = 0;
    let mut look = |name: &str, centre: Vec3, mask: &[bool]| {
        if !below(centre) && near(&masks.volume, mask, &masks.truth, centre) == Some(false) {
            failures.push(format!("{name} claimed at {centre:.1?} (LPS mm), where the masks have none"));
            count += 1;
        }
    };
    let (bone, disc) = (masks.of(&BONE), masks.of(&[MaskClass::Disc]));
    for v in report.vertebrae.iter().filter(|v| sacrum || v.name != "S1") {
        look(&format!("vertebra {} ({} from below)", v.name, v.ordinal_from_below), v.centre_lps_mm, &bone);
    }
    for l in &report.levels {
        look(&format!("level {} ({} from below)", l.name, l.ordinal_from_below), l.plane.centre_lps_mm, &disc);
    }
    vec![Sample::total(CLAIMED, count)]
}

/// Whether `mask` has a voxel within [`BESIDE_MM`] of a place in its slice; `None` where the place lies in no slice with a
/// mask, outside the image, or where nobody looked.
fn near(volume: &Volume, mask: &[bool], truth: &[MaskClass], place_lps_mm: Vec3) -> Option<bool> {
    let index = volume.slice_index(place_lps_mm);
    if index < -0.5 || index > volume.slices.len() as f64 - 0.5 {
        return None;
    }
    let slice = (index.round() as usize).min(volume.slices.len() - 1);
    let (column, row) = volume.column_row(place_lps_mm, slice);
    let inside = |at: f64, end: usize| at > -0.5 && at < end as f64 - 0.5;
    if !inside(column, volume.columns) || !inside(row, volume.rows) {
        return None;
    }
    let at = |row: usize, column: usize| (slice * volume.rows + row) * volume.columns + column;
    if truth[at(row.round() as usize, column.round() as usize)] == MaskClass::Unlabelled {
        return None;
    }
    let span = |middle: f64, spacing_mm: f64, end: usize| {
        let reach = BESIDE_MM / spacing_mm;
        (middle - reach).ceil().max(0.0) as usize..((middle + reach).floor() as usize + 1).min(end)
    };
    let away_mm = |r: usize, c: usize| {
        ((r as f64 - row) * volume.row_spacing_mm).hypot((c as f64 - column) * volume.column_spacing_mm)
    };
    let mut rows = span(row, volume.row_spacing_mm, volume.rows);
    Some(rows.any(|r| {
        let mut columns = span(column, volume.column_spacing_mm, volume.columns);
        columns.any(|c| mask[at(r, c)] && away_mm(r, c) <= BESIDE_MM)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::volume::Slice;

    #[test]
    fn a_place_is_near_a_voxel_within_three_millimetres_of_its_own_slice() {
        let slice = |k: usize| Slice {
            origin_lps_mm: [-5.0 * k as f64, 0.0, 0.0],
            stored: Vec::new(),
            slope: 1.0,
            intercept: 0.0,
            source: k,
        };
        let volume = Volume {
            rows: 10,
            columns: 10,
            row_spacing_mm: 1.0,
            column_spacing_mm: 1.0,
            row_direction_lps: [0.0, 1.0, 0.0],
            column_direction_lps: [0.0, 0.0, -1.0],
            slices: vec![slice(0), slice(1)],
        };
        let (mut mask, mut truth) = (vec![false; 200], vec![MaskClass::Background; 200]);
        mask[100 + 5 * 10 + 5] = true;
        truth[100] = MaskClass::Unlabelled;
        let place = |x: f64, column: f64, row: f64| near(&volume, &mask, &truth, [x, column, -row]);
        assert_eq!(place(-5.0, 5.0, 8.0), Some(true));
        assert_eq!(place(-5.0, 5.0, 8.2), Some(false));
        assert_eq!(place(0.0, 5.0, 5.0), Some(false), "the voxel is in the other slice");
        assert_eq!(place(-5.0, 0.0, 0.0), None, "nobody looked there");
        assert_eq!(place(-9.0, 5.0, 5.0), None, "beyond the slices");
        assert_eq!(place(-5.0, 12.0, 5.0), None, "outside the image");
    }
}
