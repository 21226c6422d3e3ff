//! Frames to blocks: order, gaps, duplicates, angled stacks.

use super::*;
use crate::spine::{add, scaled};

/// A frame of an axial slice tilted by `tilt_deg` about the left-right axis, `position_mm` along its normal from `at_mm`.
fn axial(source: usize, tilt_deg: f64, at_mm: Vec3, position_mm: f64) -> Placed {
    let (s, c) = tilt_deg.to_radians().sin_cos();
    let (row, column) = ([1.0, 0.0, 0.0], [0.0, c, -s]);
    let normal = crate::spine::cross(row, column);
    Placed {
        source,
        geometry: FrameGeometry {
            origin_lps_mm: add(at_mm, scaled(normal, position_mm)),
            row_direction_lps: row,
            column_direction_lps: column,
            pixel_spacing_mm: Some([0.5, 0.5]),
        },
        rows: 8,
        columns: 8,
        order: (0, source),
    }
}

fn sagittal(source: usize, position_mm: f64) -> Placed {
    Placed {
        source,
        geometry: FrameGeometry {
            origin_lps_mm: [-position_mm, -100.0, 100.0],
            row_direction_lps: [0.0, 1.0, 0.0],
            column_direction_lps: [0.0, 0.0, -1.0],
            pixel_spacing_mm: Some([0.5, 0.5]),
        },
        rows: 8,
        columns: 8,
        order: (0, source),
    }
}

fn sorted(frames: Vec<Placed>) -> (Sorted, Vec<QualityCode>) {
    let mut findings = Vec::new();
    let sorted = sort(frames, &mut findings);
    (sorted, findings.iter().map(|f| f.code).collect())
}

fn sources(block: &Block) -> Vec<usize> {
    block.slices.iter().map(|slice| slice.source).collect()
}

#[test]
fn slices_are_ordered_along_the_normal_whatever_their_numbers() {
    let positions = [8.0, 0.0, 4.0, 12.0];
    let (sorted, codes) = sorted(positions.iter().enumerate().map(|(i, p)| sagittal(i, *p)).collect());
    assert_eq!(sources(&sorted.blocks[0]), [1, 2, 0, 3]);
    assert!(sorted.blocks[0].volume.slice_positions_mm().is_sorted());
    assert!(codes.is_empty());
}

#[test]
fn a_missing_slice_is_a_gap_and_the_series_is_not_all_there() {
    let (sorted, codes) =
        sorted([0.0, 4.0, 8.0, 16.0, 20.0].iter().enumerate().map(|(i, p)| sagittal(i, *p)).collect());
    assert_eq!((sorted.blocks.len(), sorted.missing_slices), (1, 1));
    assert_eq!(codes, [QualityCode::SliceGap]);
}

#[test]
fn a_slice_at_the_place_of_another_is_left_out() {
    let (sorted, codes) = sorted([0.0, 4.0, 4.0, 8.0].iter().enumerate().map(|(i, p)| sagittal(i, *p)).collect());
    assert_eq!(sources(&sorted.blocks[0]), [0, 1, 3]);
    assert_eq!(codes, [QualityCode::DuplicateSlice]);
}

#[test]
fn uneven_distances_are_told() {
    let (_, codes) = sorted([0.0, 4.0, 8.0, 13.0, 17.0].iter().enumerate().map(|(i, p)| sagittal(i, *p)).collect());
    assert_eq!(codes, [QualityCode::UnevenSpacing]);
}

#[test]
fn angled_axial_stacks_are_blocks_of_their_own() {
    let mut frames = Vec::new();
    for (level, tilt_deg) in [5.0, -3.0, 18.0].into_iter().enumerate() {
        for k in 0..4 {
            frames.push(axial(frames.len(), tilt_deg, [0.0, 0.0, level as f64 * 35.0], k as f64 * 4.0));
        }
    }
    let (sorted, codes) = sorted(frames);
    assert_eq!(sorted.blocks.iter().map(|b| b.slices.len()).collect::<Vec<_>>(), [4, 4, 4]);
    assert!(codes.is_empty(), "{codes:?}");
}

#[test]
fn axial_stacks_that_are_parallel_by_chance_are_told_apart() {
    let mut frames: Vec<Placed> = (0..4).map(|k| axial(k, 10.0, [0.0; 3], k as f64 * 4.0)).collect();
    frames.extend((4..8).map(|k| axial(k, 10.0, [0.0, 6.0, 0.0], k as f64 * 4.0 + 5.0)));
    frames.extend((8..12).map(|k| axial(k, 10.0, [0.0, 6.0, 0.0], k as f64 * 4.0 + 60.0)));
    let (sorted, codes) = sorted(frames);
    assert_eq!(sorted.blocks.len(), 3);
    assert!(codes.is_empty(), "{codes:?}");
}

#[test]
fn one_slice_is_a_block() {
    let (sorted, codes) = sorted(vec![sagittal(0, 3.0)]);
    assert_eq!(sorted.blocks.len(), 1);
    assert!(codes.is_empty());
}
