//! Discs: whether each one of the truth is reported where it lies, and whether as many are reported as are in view.

use super::figures::{Kind, Sample};
use super::masks::Masks;
use super::pieces::{pieces, shape};
use super::truth::MaskClass;
use super::view::{Read, says_cut};
use crate::analysis::volume::Volume;
use crate::export::report::ReportDocument;
use crate::spine::{Vec3, add, dot, length, scaled, sub};
use std::collections::BTreeSet;

/// Furthest that the centre of a reported level may lie from the disc's, in the plane of the slices, mm. Across them a
/// stack often ends before the disc does, so that its mask's middle is the stack's and not the disc's.
const SAME_DISC_MM: f64 = 3.0;
/// Smallest section of a disc in a middle slice; less is a stray island, mm².
const DISC_MM2_MIN: f64 = 40.0;

const FOUND: &str = "discs found within 3 mm";
const AS_MANY: &str = "discs reported = in view (studies)";
const AS_MANY_OR_SAID: &str = "discs reported = in view, or a cut end said (studies)";
const DIFFERENCE: &str = "discs reported - in view";

/// Centres of the truth's discs, LPS mm. Where several values of the masks mean disc, each is one; otherwise each
/// connected piece that is no stray island in the middle half of the slices.
pub(super) fn centres_lps_mm(masks: &Masks) -> Vec<Vec3> {
    let is_disc = masks.of(&[MaskClass::Disc]);
    let values: BTreeSet<u8> = is_disc.iter().zip(&masks.values).filter(|(d, _)| **d).map(|(_, v)| *v).collect();
    let candidates = if values.len() > 1 {
        let of = |value: u8| (0..is_disc.len()).filter(|at| is_disc[*at] && masks.values[*at] == value).collect();
        values.into_iter().map(of).collect()
    } else {
        pieces(&is_disc, shape(&masks.volume))
    };
    let large = |piece: &Vec<usize>| largest_middle_section_mm2(&masks.volume, piece) >= DISC_MM2_MIN;
    candidates.into_iter().filter(large).map(|piece| centre_lps_mm(&masks.volume, &piece)).collect()
}

fn largest_middle_section_mm2(volume: &Volume, piece: &[usize]) -> f64 {
    let slices = volume.slices.len();
    let middle = slices / 4..slices - slices / 4;
    let section = |slice: usize| piece.iter().filter(|at| **at / volume.slice_len() == slice).count();
    let pixels = middle.map(section).max().unwrap_or(0);
    pixels as f64 * volume.row_spacing_mm * volume.column_spacing_mm
}

fn centre_lps_mm(volume: &Volume, piece: &[usize]) -> Vec3 {
    let place = |at: &usize| {
        let (slice, in_slice) = (at / volume.slice_len(), at % volume.slice_len());
        volume.position_lps_mm((in_slice % volume.columns) as f64, (in_slice / volume.columns) as f64, slice)
    };
    scaled(piece.iter().map(place).fold([0.0; 3], add), 1.0 / piece.len() as f64)
}

/// For each disc of the truth, whether a level is reported there. `normal_lps` is that of the slices.
pub(super) fn found(
    report: &ReportDocument,
    discs: &[Vec3],
    normal_lps: Vec3,
    failures: &mut Vec<String>,
) -> Vec<Sample> {
    let away = |disc: &Vec3| {
        let centres = report.levels.iter().map(|l| in_plane_mm(l.plane.centre_lps_mm, *disc, normal_lps));
        centres.min_by(f64::total_cmp).unwrap_or(f64::INFINITY)
    };
    let mut samples = Vec::new();
    for (from_below, disc) in in_order(discs).into_iter().enumerate() {
        let away_mm = away(disc);
        if away_mm > SAME_DISC_MM {
            failures.push(format!("disc {} from below: nearest level {away_mm:.1} mm away", from_below + 1));
        }
        samples.push(Sample::yes_no(FOUND, Kind::Share, away_mm <= SAME_DISC_MM));
    }
    samples
}

/// Distance in the plane with this unit normal, mm.
fn in_plane_mm(a: Vec3, b: Vec3, normal_lps: Vec3) -> f64 {
    let d = sub(a, b);
    length(sub(d, scaled(normal_lps, dot(d, normal_lps))))
}

/// From foot to head.
fn in_order(discs: &[Vec3]) -> Vec<&Vec3> {
    let mut ordered: Vec<&Vec3> = discs.iter().collect();
    ordered.sort_by(|a, b| a[2].total_cmp(&b[2]));
    ordered
}

/// None of the discs was found; `discs` where their number is known, else one stands for all.
pub(super) fn none_found(discs: Option<usize>) -> Vec<Sample> {
    vec![Sample::yes_no(FOUND, Kind::Share, false); discs.unwrap_or(1).max(1)]
}

/// The number of levels that are reported against the number of discs in view.
pub(super) fn number_in_view(read: &Read<'_>, in_view: usize, failures: &mut Vec<String>) -> Vec<Sample> {
    let report = read.spine().map(|bundle| &bundle.report);
    let reported = report.map_or(0, |r| r.levels.len());
    let said = report.is_some_and(says_cut);
    if reported != in_view {
        let said = if said { "; a cut end is said" } else { "" };
        failures.push(format!("{in_view} discs in view, {reported} reported{said}"));
    }
    vec![
        Sample::yes_no(AS_MANY, Kind::Share, reported == in_view),
        Sample::yes_no(AS_MANY_OR_SAID, Kind::Share, reported == in_view || said),
        Sample::error(DIFFERENCE, "1", reported as f64 - in_view as f64),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::volume::Slice;

    /// `slices` slices of 20 x 20 pixels of 2 mm; discs are blocks of 5 columns and 2 rows (40 mm²), and a stray pixel.
    fn masks(slices: usize, two_values: bool) -> Masks {
        let value = |at: usize| match (at / 20 % 20, at % 20) {
            (2 | 3, 5..10) => 2,
            (10 | 11, 5..10) => 2 + u8::from(two_values),
            (18, 18) => 2,
            _ => 0,
        };
        let values: Vec<u8> = (0..slices * 400).map(value).collect();
        let class = |v: &u8| if *v == 0 { MaskClass::Background } else { MaskClass::Disc };
        let origin = |k: usize| Slice {
            origin_lps_mm: [-4.0 * k as f64, 0.0, 0.0],
            stored: Vec::new(),
            slope: 1.0,
            intercept: 0.0,
            source: k,
        };
        Masks {
            volume: Volume {
                rows: 20,
                columns: 20,
                row_spacing_mm: 2.0,
                column_spacing_mm: 2.0,
                row_direction_lps: [0.0, 1.0, 0.0],
                column_direction_lps: [0.0, 0.0, -1.0],
                slices: (0..slices).map(origin).collect(),
            },
            truth: values.iter().map(class).collect(),
            ours: vec![0; values.len()],
            values,
        }
    }

    #[test]
    fn pieces_are_discs_and_islands_are_none() {
        let found = centres_lps_mm(&masks(3, false));
        assert_eq!(found, [[-4.0, 14.0, -5.0], [-4.0, 14.0, -21.0]]);
    }

    #[test]
    fn what_lies_across_the_slices_does_not_count() {
        assert_eq!(in_plane_mm([9.0, 3.0, 4.0], [0.0; 3], [-1.0, 0.0, 0.0]), 5.0);
    }

    #[test]
    fn values_tell_discs_apart() {
        assert_eq!(centres_lps_mm(&masks(1, true)).len(), 2);
    }

    #[test]
    fn without_a_reading_no_disc_is_found() {
        assert_eq!(none_found(Some(6)).len(), 6);
        assert!(none_found(None).iter().all(|s| s.value == 0.0));
        let mut failures = Vec::new();
        let samples = number_in_view(&Read::Refused("no-spine"), 7, &mut failures);
        assert_eq!(samples.iter().map(|s| s.value).collect::<Vec<_>>(), [0.0, 0.0, -7.0]);
        assert_eq!(failures, ["7 discs in view, 0 reported"]);
    }
}
