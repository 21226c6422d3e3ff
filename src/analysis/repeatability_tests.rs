//! What repeats say of a reading, on a spine of boxes whose repeats are made by hand.
#![expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]

use super::*;
use crate::analysis::synthetic::SyntheticSpine;

/// A spine whose bodies are named from S1 up, whatever the naming thinks of boxes.
fn spine() -> SpineReading {
    let rendered = SyntheticSpine { slices: 1, ..Default::default() }.render();
    let mut spine = read_spine(&rendered.volume, rendered.mask).unwrap();
    rename(&mut spine, Some(Vertebra::S1));
    spine
}

/// Names every vertebra, counted up from `lowest`.
fn rename(spine: &mut SpineReading, lowest: Option<Vertebra>) {
    let mut name = lowest;
    for vertebra in &mut spine.vertebrae {
        vertebra.designation = Designation { name, confidence: 0.9, ..vertebra.designation.clone() };
        name = name.and_then(Vertebra::above);
    }
}

fn weighed(change: impl Fn(usize, &mut SpineReading)) -> SpineReading {
    let mut own = spine();
    let repeat = |i: usize| {
        let mut repeat = own.clone();
        change(i, &mut repeat);
        Some(repeat)
    };
    let repeats: Vec<_> = (0..NUDGES.len()).map(repeat).collect();
    weigh(&mut own, &repeats, |_| true);
    own
}

fn texts(spine: &SpineReading) -> Vec<&str> {
    let unstable = spine.quality.iter().filter(|q| q.code == QualityCode::ReadingUnstable);
    unstable.map(|q| q.text.as_str()).collect()
}

#[test]
fn the_spread_of_few_values_is_that_of_their_middle_half() {
    assert_eq!(robust_sd(&[1.0, 2.0]), None);
    assert!((robust_sd(&[1.0, 2.0, 30.0]).unwrap() - 1.495 * 1.4826).abs() < 1e-9);
    assert!((robust_sd(&[1.0, 2.0, 3.0, 400.0]).unwrap() - 1.363 * 1.4826).abs() < 1e-9);
    assert_eq!(robust_sd(&[5.0; 4]), Some(0.0));
}

#[test]
fn the_middle_slices_are_those_with_most_canal() {
    let canal = Structure::Canal as u8;
    let slice = |pixels: usize| (0..9).map(move |i| if i < pixels { canal } else { Structure::VertebralBody as u8 });
    let channels = [0, 2, 9, 8, 7, 0, 0].into_iter().flat_map(slice).collect();
    assert_eq!(middle_slices(&SemanticMask { channels }, 9), Some(2..5));
    assert_eq!(middle_slices(&SemanticMask { channels: slice(1).collect() }, 9), Some(0..1));
    assert_eq!(middle_slices(&SemanticMask { channels: Vec::new() }, 9), None);
}

#[test]
fn a_number_that_moves_between_repeats_has_its_spread_and_one_out_of_the_slices_has_none() {
    let spread_of = |spine: &SpineReading| spine.levels[1].measurements.slip_mm.sd;
    let moved = weighed(|i, repeat| repeat.levels[1].measurements.slip_mm.value = Ok(i as f64));
    assert!(spread_of(&moved).is_some_and(|sd| sd > 0.5), "{:?}", spread_of(&moved));
    assert!(texts(&moved).is_empty() && moved.vertebrae[3].designation.confidence == 0.9);
    let area = moved.levels.iter().filter_map(|l| l.measurements.canal_area_disc_mm2.sd).count();
    let (mut own, repeats) = (spine(), vec![Some(spine()); NUDGES.len()]);
    weigh(&mut own, &repeats, |_| false);
    assert_eq!((area, spread_of(&own), own.lumbar.sacral_slope_deg.sd), (0, None, None));
}

#[test]
fn a_vertebra_that_most_repeats_lose_is_said_and_less_sure() {
    let lost = weighed(|i, repeat| {
        if i > 0 {
            repeat.vertebrae.remove(3);
        }
    });
    assert_eq!(lost.vertebrae[3].measurements.depth_mm.sd, None);
    assert!((lost.vertebrae[3].designation.confidence - 0.9 * 0.5).abs() < 1e-9);
    assert!(texts(&lost).iter().any(|t| t.contains("L3 did not show up")), "{:?}", texts(&lost));
}

#[test]
fn a_name_that_one_repeat_contradicts_is_withheld_everywhere() {
    let named = spine().parts.iter().filter(|p| p.vertebra.is_some()).count();
    let shifted = weighed(|i, repeat| rename(repeat, Some(if i == 0 { Vertebra::L5 } else { Vertebra::S1 })));
    assert!(shifted.vertebrae.iter().all(|v| v.designation.name.is_none() && v.designation.confidence == 0.0));
    assert!(shifted.parts.iter().all(|p| p.vertebra.is_none()), "{named} were named");
    assert!(shifted.lumbar.lumbar_lordosis_deg.value.is_err() && shifted.lumbar.sacral_slope_deg.value.is_err());
    assert!(texts(&shifted)[0].contains("S1, L5"), "{:?}", texts(&shifted));
}

#[test]
fn a_name_that_the_repeats_do_not_give_again_is_kept_and_doubted() {
    let unnamed = weighed(|_, repeat| rename(repeat, None));
    assert!(unnamed.vertebrae.iter().all(|v| (v.designation.confidence - 0.9 / 4.0).abs() < 1e-9));
    assert!(texts(&unnamed)[0].contains("could mostly not be named again"), "{:?}", texts(&unnamed));
}

#[test]
fn repeats_that_show_no_spine_leave_a_reading_without_spread() {
    let mut own = spine();
    weigh(&mut own, &[None, None, None], |_| true);
    assert!(own.vertebrae.iter().all(|v| v.measurements.depth_mm.sd.is_none() && v.designation.confidence < 0.3));
    assert!(texts(&own)[0].contains("did not show up"));
}
