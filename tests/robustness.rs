//! Whatever a scanner, a header or a sender does to a study, what is read is right, unnamed or refused by a reason code.
//!
//! Phantoms only, but for the cases on shared data, which are skipped where it is absent. A phantom is no patient:
//! what is held here is the way of the reading, not its accuracy on people.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod common;

use deepspine::analysis::confidence::Alpha;
use deepspine::analysis::grading::LoadedOnly;
use deepspine::analysis::spine_reading::{SpineReading, read_spine};
use deepspine::analysis::study::{self, Progress, Reading, ReadingMeans, SeriesImages, StudyImages};
use deepspine::analysis::volume::{Slice, Volume};
use deepspine::dicom;
use deepspine::inference::{ModelSet, ModelSource, Networks};
use deepspine::phantom::{Parameters, Phantom, SeriesKind, SeriesPlan, Stack, StudyPlan};
use deepspine::spine::{QualityCode, Role, RoleAssignment, length, sub};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::OnceLock;

/// A vertebra with this name's centre lies at most this far from the truth, mm: half the way to its neighbour.
const SAME_MM: f64 = 15.0;
const USUAL: Stack = Stack { fov_mm: 280.0, matrix: 160, slices: 5, thickness_mm: 4.0, spacing_mm: 4.4 };

/// The block of a sagittal T2 series of a phantom.
fn sagittal_block(phantom: &Phantom, stack: Stack) -> SeriesPlan {
    let plan = StudyPlan { sagittal: stack, ..StudyPlan::default() };
    plan.blocks(phantom, SeriesKind::SagittalT2).swap_remove(0)
}

fn networks() -> &'static Networks {
    static NETWORKS: OnceLock<Networks> = OnceLock::new();
    NETWORKS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        Networks::load(&ModelSet::open(&ModelSource::Folder(folder)).unwrap()).unwrap()
    })
}

struct Quiet;

impl Progress for Quiet {
    fn stage(&self, _: &'static str) {}
    fn slices_segmented(&self, _: usize, _: usize) {}
}

/// Reads a volume as the only series of a study, a sagittal T2.
fn read(volume: Volume) -> Reading {
    read_with(volume, None)
}

/// Reads a volume as a study's sagittal T2, with middle slices of another series.
fn read_with(volume: Volume, second_opinion: Option<Volume>) -> Reading {
    let assignment =
        RoleAssignment { role: Role::SagittalT2, reason: "the test's own word".to_owned(), confidence: 1.0 };
    let series = vec![SeriesImages { assignment, blocks: vec![volume] }];
    let images = StudyImages { series, quality: Vec::new(), second_opinion };
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let means = ReadingMeans { networks: networks(), threads, alpha: Alpha::of_percent(10), pixels: &LoadedOnly };
    study::read(&images, means, &Quiet).unwrap()
}

fn refusal(reading: &Reading) -> Option<&'static str> {
    reading.report.refusal.as_ref().map(|r| r.code)
}

fn named(reading: &Reading) -> usize {
    reading.report.vertebrae.iter().filter(|v| v.designation.name.is_some()).count()
}

/// How many vertebrae have a name; each lies where the phantom's vertebra of that name does.
fn named_right(reading: &Reading, phantom: &Phantom) -> usize {
    let truth = phantom.truth();
    for vertebra in &reading.report.vertebrae {
        let Some(name) = vertebra.designation.name.map(|n| n.to_string()) else { continue };
        let away =
            truth.vertebrae.iter().find(|v| v.name == name).map(|v| sub(v.centre_lps_mm, vertebra.centre_lps_mm));
        assert!(away.is_some_and(|away| length(away) <= SAME_MM), "{name}: {away:?}");
    }
    named(reading)
}

fn spine(parameters: &Parameters, stack: Stack) -> (Phantom, Volume) {
    let phantom = Phantom::new(parameters).unwrap();
    let volume = phantom.render(&sagittal_block(&phantom, stack));
    (phantom, volume)
}

/// The pixels of every slice moved, the header left as it is.
fn moved(mut volume: Volume, turn: impl Fn(&mut [Vec<u16>])) -> Volume {
    for slice in &mut volume.slices {
        let mut rows: Vec<Vec<u16>> = slice.stored.chunks(volume.columns).map(<[u16]>::to_vec).collect();
        turn(&mut rows);
        slice.stored = rows.concat();
    }
    volume
}

fn upside_down(rows: &mut [Vec<u16>]) {
    rows.reverse();
}

fn front_to_back(rows: &mut [Vec<u16>]) {
    rows.iter_mut().for_each(|row| row.reverse());
}

/// Values from a multiplicative generator: noise without a random number library.
fn noise(count: usize) -> Vec<u16> {
    let step = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((*state >> 54) as u16)
    };
    std::iter::repeat_n((), count).scan(20_260_101, |state, ()| step(state)).collect()
}

#[test]
fn a_spine_that_lies_otherwise_than_its_header_claims_is_refused() {
    let (phantom, volume) = spine(&Parameters::default(), USUAL);
    assert!(named_right(&read(volume.clone()), &phantom) >= 6);
    for turn in [upside_down as fn(&mut [Vec<u16>]), front_to_back] {
        assert_eq!(refusal(&read(moved(volume.clone(), turn))), Some("orientation-conflict"));
    }
    let half = moved(moved(volume, upside_down), front_to_back);
    let reading = read(half);
    assert!(refusal(&reading).is_some() || named(&reading) == 0);
}

#[test]
fn two_series_that_disagree_on_s1_name_nothing() {
    let (phantom, volume) = spine(&Parameters::default(), USUAL);
    let second = Volume { slices: volume.slices[1..4].to_vec(), ..volume.clone() };
    let agreeing = read_with(volume.clone(), Some(second.clone()));
    assert!(named_right(&agreeing, &phantom) >= 6);
    let evidence = &agreeing.report.vertebrae[0].designation.evidence;
    assert!(evidence.iter().any(|e| e.code == "second-series-agrees"), "{evidence:?}");
    // One level higher: what is L5 here is S1 there.
    let mut shifted = second;
    let centre_mm = |i: usize| agreeing.report.vertebrae[i].centre_lps_mm;
    let way_mm = sub(centre_mm(1), centre_mm(0));
    for slice in &mut shifted.slices {
        slice.origin_lps_mm = [0, 1, 2].map(|k| slice.origin_lps_mm[k] + if k == 0 { 0.0 } else { way_mm[k] });
    }
    let disagreeing = read_with(volume, Some(shifted));
    assert_eq!((refusal(&disagreeing), named(&disagreeing)), (None, 0));
    assert!(disagreeing.report.quality.iter().any(|q| q.code == QualityCode::LevelConflict));
}

#[test]
fn noise_and_shuffled_blocks_hold_no_spine() {
    let (_, volume) = spine(&Parameters::default(), Stack { slices: 3, ..USUAL });
    let mut only_noise = volume.clone();
    for slice in &mut only_noise.slices {
        slice.stored = noise(slice.stored.len());
    }
    assert_eq!(refusal(&read(only_noise)), Some("no-spine"));
    let shuffled = moved(volume, |rows| {
        // Strips of 20 columns, and of 20 rows, in another order.
        let strips = |k: usize| (k / 20 * 3 % 8) * 20 + k % 20;
        let from = rows.to_vec();
        for (r, row) in rows.iter_mut().enumerate() {
            for (c, value) in row.iter_mut().enumerate() {
                *value = from[strips(r)][strips(c)];
            }
        }
    });
    assert_eq!(named(&read(shuffled)), 0);
}

#[test]
fn thoracic_slices_get_no_names() {
    let phantom = Phantom::new(&Parameters::default()).unwrap();
    let plan = StudyPlan { sagittal: USUAL, centre_shift_mm: [0.0, 0.0, 200.0], ..StudyPlan::default() };
    let volume = phantom.render(&plan.blocks(&phantom, SeriesKind::SagittalT2)[0]);
    let reading = read(volume);
    assert_eq!((refusal(&reading), named(&reading)), (None, 0));
    assert!(reading.report.vertebrae.len() >= 5);
}

#[test]
fn a_strong_scoliosis_that_leaves_the_middle_slice_is_named_right() {
    for scoliosis_deg in [35.0, -45.0] {
        let parameters = Parameters { seed: 414, scoliosis_deg, ..Parameters::default() };
        let (phantom, volume) = spine(&parameters, Stack { slices: 15, ..USUAL });
        assert!(named_right(&read(volume), &phantom) >= 6, "{scoliosis_deg}");
    }
}

#[test]
fn thick_slices_with_gaps_and_a_field_of_half_a_metre_are_named_right() {
    let few = Stack { slices: 9, thickness_mm: 5.0, spacing_mm: 6.5, ..USUAL };
    let wide = Stack { fov_mm: 480.0, matrix: 320, ..USUAL };
    for (stack, least) in [(few, 6), (wide, 9)] {
        let (phantom, volume) = spine(&Parameters { seed: 6, ..Parameters::default() }, stack);
        assert!(named_right(&read(volume), &phantom) >= least, "{stack:?}");
    }
}

#[test]
fn a_wrong_pixel_spacing_is_refused_or_said() {
    let phantom = Phantom::new(&Parameters::default()).unwrap();
    let plan = sagittal_block(&phantom, Stack { matrix: 112, ..USUAL });
    let (volume, mask) = (phantom.render(&plan), phantom.mask(&plan));
    let scaled_by = |factor: f64| {
        let volume = Volume {
            row_spacing_mm: volume.row_spacing_mm * factor,
            column_spacing_mm: volume.column_spacing_mm * factor,
            ..volume.clone()
        };
        read_spine(&volume, mask.clone())
    };
    let unusual = |r: &SpineReading| r.quality.iter().any(|q| q.code == QualityCode::SizeUnusual);
    assert!(!unusual(&scaled_by(1.0).unwrap()));
    for factor in [0.5, 1.45] {
        assert!(scaled_by(factor).as_ref().is_ok_and(unusual), "{factor}");
    }
    for factor in [0.25, 2.5] {
        assert!(scaled_by(factor).is_err(), "{factor}");
    }
}

#[test]
fn no_sample_object_of_another_kind_gets_a_name() {
    let Some(data) = common::shared_data() else {
        return common::skipped("no_sample_object_of_another_kind_gets_a_name", "no shared data");
    };
    let mut read_any = 0;
    for entry in std::fs::read_dir(data.join("dicom")).unwrap() {
        let intake = dicom::read_studies(&[entry.unwrap().path()]).unwrap();
        for study in &intake.studies {
            let Ok(mut images) = study.images() else { continue };
            for series in 0..images.series.len() {
                // What can't be decoded has no pixels, and is left out below.
                let _ = study.load(&mut images, series);
            }
            for block in images.series.into_iter().flat_map(|series| series.blocks).filter(Volume::has_pixels) {
                // The header as it is, and as though the object filled a lumbar field.
                let spacing_mm = 280.0 / block.columns as f64;
                let grown = Volume { row_spacing_mm: spacing_mm, column_spacing_mm: spacing_mm, ..block.clone() };
                assert_eq!((named(&read(block)), named(&read(grown))), (0, 0));
                read_any += 1;
            }
        }
    }
    assert!(read_any >= 5, "{read_any}");
}

#[test]
fn a_patient_turned_against_the_header_is_refused_and_upright_is_not() {
    let name = "a_patient_turned_against_the_header_is_refused_and_upright_is_not";
    let Some(data) = common::shared_data() else { return common::skipped(name, "no shared data") };
    let file = std::fs::File::open(data.join("spider/midsagittal/5_t2.png")).unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    let slice = Slice {
        origin_lps_mm: [0.0, -150.0, 150.0],
        stored: bytes.iter().map(|b| u16::from(*b)).collect(),
        slope: 1.0,
        intercept: 0.0,
        source: 0,
    };
    let upright = Volume {
        rows: info.height as usize,
        columns: info.width as usize,
        row_spacing_mm: 0.585_937_5,
        column_spacing_mm: 0.585_937_5,
        row_direction_lps: [0.0, 1.0, 0.0],
        column_direction_lps: [0.0, 0.0, -1.0],
        slices: vec![slice],
    };
    assert!(named(&read(upright.clone())) >= 6);
    for turn in [upside_down as fn(&mut [Vec<u16>]), front_to_back] {
        assert!(refusal(&read(moved(upright.clone(), turn))).is_some());
    }
}
