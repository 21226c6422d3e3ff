//! The whole way from a mask to a measured spine, on spines of boxes.
#![expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]

use super::*;
use crate::analysis::synthetic::{
    BODY_DEPTH_MM, BODY_HEIGHT_MM, CANAL_AP_MM, DISC_HEIGHT_MM, Rendered, SyntheticSpine,
};
use crate::spine::{Measurement, Meyerding, Structure, Vertebra, length, sub};

fn read(rendered: &Rendered) -> SpineReading {
    read_spine(&rendered.volume, rendered.mask.clone()).unwrap()
}

fn names(reading: &SpineReading) -> Vec<&'static str> {
    reading.vertebrae.iter().map(|v| v.designation.name.map_or("?", Vertebra::name)).collect()
}

fn disc_names(reading: &SpineReading) -> Vec<String> {
    reading.levels.iter().map(|l| l.designation.name.map_or("?".to_owned(), |d| d.to_string())).collect()
}

fn has(reading: &SpineReading, code: QualityCode) -> bool {
    reading.quality.iter().any(|q| q.code == code)
}

const ALL: [&str; 8] = ["S1", "L5", "L4", "L3", "L2", "L1", "T12", "T11"];

#[test]
fn every_vertebra_of_a_whole_spine_is_named_whatever_its_shape() {
    for (lordosis_deg, sacral_slope_deg, scoliosis_mm) in
        [(25.0, 20.0, 0.0), (45.0, 38.0, 0.0), (65.0, 55.0, 0.0), (40.0, 35.0, 14.0)]
    {
        let rendered = SyntheticSpine { lordosis_deg, sacral_slope_deg, scoliosis_mm, ..Default::default() }.render();
        let reading = read(&rendered);
        assert_eq!(names(&reading), ALL, "lordosis {lordosis_deg}");
        assert_eq!(disc_names(&reading)[..3], ["L5-S1", "L4-L5", "L3-L4"]);
        assert_eq!(reading.levels.len(), 7);
    }
}

#[test]
fn centres_of_bodies_and_discs_are_found_within_a_millimetre() {
    for scoliosis_mm in [0.0, 12.0] {
        let rendered = SyntheticSpine { scoliosis_mm, ..Default::default() }.render();
        let reading = read(&rendered);
        // S1 lacks a corner, and its middle is not that of its box.
        for (found, truth) in reading.vertebrae.iter().zip(&rendered.bodies).skip(1) {
            let away = length(sub(found.centre_lps_mm, rendered.centre_lps_mm(truth)));
            assert!(away < 1.0, "{:?} is {away:.2} mm away", found.designation.name);
        }
        for (found, truth) in reading.levels.iter().zip(&rendered.discs) {
            let away = length(sub(found.plane.centre_lps_mm, rendered.centre_lps_mm(truth)));
            assert!(away < 1.0, "{:?} is {away:.2} mm away", found.designation.name);
        }
        assert!(reading.curve.residual_mm < 1.5, "{}", reading.curve.residual_mm);
    }
}

/// Mean and worst absolute difference of measurements from one truth.
fn errors<'a>(taken: impl Iterator<Item = &'a Measurement>, truth: f64) -> (f64, f64) {
    let off: Vec<f64> = taken.map(|m| (m.get().unwrap() - truth).abs()).collect();
    (off.iter().sum::<f64>() / off.len() as f64, off.iter().copied().fold(0.0, f64::max))
}

#[test]
fn sizes_are_measured_within_a_fraction_of_a_pixel() {
    for slices in [1, 17] {
        let reading = read(&SyntheticSpine { slices, ..Default::default() }.render());
        let bodies: Vec<_> = reading.vertebrae[1..].iter().map(|v| &v.measurements).collect();
        let levels: Vec<_> = reading.levels.iter().map(|l| &l.measurements).collect();
        let heights = bodies.iter().flat_map(|m| [&m.height_anterior_mm, &m.height_middle_mm, &m.height_posterior_mm]);
        for (what, (mean, worst)) in [
            ("height", errors(heights, BODY_HEIGHT_MM)),
            ("depth", errors(bodies.iter().map(|m| &m.depth_mm), BODY_DEPTH_MM)),
            ("canal at body", errors(bodies.iter().map(|m| &m.canal_ap_body_mm), CANAL_AP_MM)),
            ("disc", errors(levels.iter().map(|m| &m.disc_height_middle_mm), DISC_HEIGHT_MM)),
            ("canal at disc", errors(levels.iter().map(|m| &m.canal_ap_disc_mm), CANAL_AP_MM)),
        ] {
            assert!(mean < 0.4 && worst < 1.1, "{what} in {slices} slices: mean {mean:.2}, worst {worst:.2} mm");
        }
        assert!((reading.lumbar.lumbar_lordosis_deg.get().unwrap() - 45.0).abs() < 1.5);
        assert!((reading.lumbar.sacral_slope_deg.get().unwrap() - 38.0).abs() < 1.5);
    }
}

#[test]
fn the_canal_has_an_area_where_there_are_slices_and_a_reason_where_there_are_none() {
    let area = |slices| {
        read(&SyntheticSpine { slices, ..Default::default() }.render()).levels[2]
            .measurements
            .canal_area_disc_mm2
            .clone()
    };
    // 14 mm deep and 18 mm wide; slices of 4 mm know the width to about one of them.
    assert!((area(17).get().unwrap() - 252.0).abs() < 45.0, "{:?}", area(17));
    assert!(area(1).value.unwrap_err().contains("one slice"));
    assert!(area(3).value.unwrap_err().contains("whole width"));
}

#[test]
fn a_slip_of_five_mm_is_found() {
    for slip_mm in [5.0, -4.0, 11.0] {
        let reading = read(&SyntheticSpine { slip: Some((1, slip_mm)), ..Default::default() }.render());
        assert_eq!(names(&reading), ALL, "{slip_mm} mm: {:?}", reading.quality);
        let m = &reading.levels[1].measurements;
        assert!((m.slip_mm.get().unwrap() - slip_mm).abs() < 1.0, "{:?}", m.slip_mm);
        assert_ne!(m.meyerding, Some(Meyerding::None));
        assert_eq!(reading.levels[2].measurements.meyerding, Some(Meyerding::None));
    }
}

#[test]
fn a_vertebra_lost_on_the_way_does_not_shift_the_names() {
    let reading = read(&SyntheticSpine { lost: vec![2], ..Default::default() }.render());
    assert_eq!(names(&reading), ["S1", "L5", "L4", "L2", "L1", "T12", "T11"]);
    assert_eq!(disc_names(&reading), ["L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2", "T12-L1", "T11-T12"]);
    let evidence = |i: usize| reading.vertebrae[i].designation.evidence.iter().any(|e| e.code == "gap-bridged");
    assert!(evidence(3) && !evidence(2));
    assert!(reading.vertebrae[3].designation.confidence < reading.vertebrae[2].designation.confidence);
}

#[test]
fn a_lost_l5_is_not_taken_for_a_long_disc() {
    let reading = read(&SyntheticSpine { lost: vec![0], ..Default::default() }.render());
    assert!(names(&reading).iter().all(|n| *n == "?"), "{:?}", names(&reading));
    assert!(has(&reading, QualityCode::LevelConflict));
}

#[test]
fn without_a_sacrum_there_are_places_and_no_names() {
    let reading = read(&SyntheticSpine { sacrum: false, ..Default::default() }.render());
    assert_eq!(names(&reading), vec!["?"; 7]);
    assert!(has(&reading, QualityCode::NoAnchor));
    let places: Vec<_> = reading.levels.iter().map(|l| l.designation.ordinal_from_below).collect();
    assert_eq!(places, [1, 2, 3, 4, 5, 6, 7], "the lowest disc is there without its sacrum");
    assert!(reading.lumbar.lumbar_lordosis_deg.value.is_err());
}

#[test]
fn a_piece_of_s2_below_s1_does_not_move_the_names() {
    let reading = read(&SyntheticSpine { s2: true, ..Default::default() }.render());
    assert_eq!(names(&reading), ALL);
}

#[test]
fn s2_alone_is_not_taken_for_the_sacrum() {
    // S1 in the class of the bodies, and the smaller S2 in that of the sacrum.
    let mut rendered = SyntheticSpine { s2: true, ..Default::default() }.render();
    let s1_bottom = rendered.bodies[0];
    let (columns, pixel) = (rendered.volume.columns, rendered.volume.row_spacing_mm);
    let rows = rendered.volume.rows;
    for (i, channel) in rendered.mask.channels.iter_mut().enumerate() {
        let at = [(i % columns) as f64 * pixel, ((i / columns) % rows) as f64 * pixel];
        if *channel == Structure::Sacrum as u8 && s1_bottom.holds(at) {
            *channel = Structure::VertebralBody as u8;
        }
    }
    let reading = read(&rendered);
    assert!(names(&reading).iter().all(|n| *n == "?"), "{:?}", names(&reading));
}

#[test]
fn sacrum_leaking_onto_l5_does_not_move_the_names() {
    let mut rendered = SyntheticSpine::default().render();
    let l5 = rendered.bodies[1];
    let (columns, rows, pixel) = (rendered.volume.columns, rendered.volume.rows, rendered.volume.row_spacing_mm);
    for (i, channel) in rendered.mask.channels.iter_mut().enumerate() {
        let (x, y) = ((i % columns) as f64 * pixel, ((i / columns) % rows) as f64 * pixel);
        if *channel == Structure::VertebralBody as u8 && l5.holds([x, y]) && x < l5.centre_mm[0] - 4.0 {
            *channel = Structure::Sacrum as u8;
        }
    }
    assert_eq!(names(&read(&rendered)), ALL);
}

#[test]
fn vertebrae_in_bowel_and_fat_are_rejected() {
    let rendered = SyntheticSpine::default()
        .render()
        .with_blob(Structure::VertebralBody, [60.0, 200.0], 16.0)
        .with_blob(Structure::Sacrum, [90.0, 305.0], 15.0)
        .with_blob(Structure::VertebralBody, [300.0, 140.0], 17.0)
        .with_blob(Structure::VertebralBody, [300.0, 180.0], 17.0)
        .with_blob(Structure::Disc, [40.0, 100.0], 9.0);
    let reading = read(&rendered);
    assert_eq!(names(&reading), ALL);
    assert!(reading.curve.rejected_parts >= 5);
    let at = |x: f64, y: f64| {
        let pixel = rendered.volume.row_spacing_mm;
        reading.semantic.channels[(y / pixel) as usize * rendered.volume.columns + (x / pixel) as usize]
    };
    assert_eq!([at(60.0, 200.0), at(90.0, 305.0), at(300.0, 140.0), at(40.0, 100.0)], [0; 4]);
}

#[test]
fn bodies_that_run_together_are_told_apart() {
    // A bridge as wide as half the disc, in every slice.
    let truth = SyntheticSpine::default().render();
    let [x, y] = truth.discs[3].centre_mm;
    let rendered = truth.with_blob(Structure::VertebralBody, [x - 8.0, y], 8.0);
    assert_eq!(names(&read(&rendered)), ALL);
}

#[test]
fn names_stand_without_discs_and_canal_and_are_trusted_less() {
    let whole = read(&SyntheticSpine::default().render());
    let bare = read(&SyntheticSpine { discs: false, canal: false, slices: 1, ..Default::default() }.render());
    assert_eq!(names(&bare), ALL);
    assert!(bare.vertebrae[1].designation.confidence < whole.vertebrae[1].designation.confidence);
    let height = bare.levels[1].measurements.disc_height_middle_mm.get().unwrap();
    assert!((height - DISC_HEIGHT_MM).abs() < 1.0, "{height}");
    assert!(bare.levels[1].measurements.canal_ap_disc_mm.value.is_err());
}

#[test]
fn parts_and_masks_agree() {
    let reading = read(&SyntheticSpine::default().render());
    for (number, class) in reading.part_of.parts.iter().zip(&reading.semantic.channels) {
        let structure =
            usize::from(*number).checked_sub(1).map_or(Structure::Background, |i| reading.parts[i].structure);
        assert_eq!(structure as u8, *class);
    }
}

/// Splitmix64 (Steele 2014): enough chance for masks.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[test]
fn no_mask_makes_it_panic() {
    let template = SyntheticSpine { slices: 4, pixel_mm: 1.7, ..Default::default() }.render();
    for seed in 0..40_u64 {
        let mut noise = Noise(seed);
        let mut mask = template.mask.clone();
        let (share, block) = (noise.next() % 60, 1 + (noise.next() % 300) as usize);
        for piece in mask.channels.chunks_mut(block) {
            if noise.next() % 60 < share {
                // Beyond the classes too: a mask may hold any byte.
                piece.fill((noise.next() % 8) as u8);
            }
        }
        eprintln!("seed {seed}");
        let again = read_spine(&template.volume, mask.clone());
        assert_eq!(read_spine(&template.volume, mask), again);
    }
    for class in 0..=6 {
        let mask = SemanticMask { channels: vec![class; template.mask.channels.len()] };
        assert_eq!(read_spine(&template.volume, mask).err(), Some(NoSpine::TooFewBodies));
    }
}

#[test]
fn a_mask_of_another_size_is_refused() {
    let rendered = SyntheticSpine { slices: 1, pixel_mm: 2.0, ..Default::default() }.render();
    let mask = SemanticMask { channels: vec![0; 5] };
    assert!(matches!(read_spine(&rendered.volume, mask), Err(NoSpine::MaskSize { found: 5, .. })));
}
