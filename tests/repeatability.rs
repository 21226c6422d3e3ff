//! Each number of a reading carries how well it repeats: little on a clean phantom, more where the images are worse.
//!
//! Phantoms only: what is held here is that doubt is seen and said, not how large it is on people.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]
#![expect(clippy::print_stdout, reason = "the figures are for whoever runs it")]

use deepspine::analysis::confidence::Alpha;
use deepspine::analysis::grading::LoadedOnly;
use deepspine::analysis::study::{self, Progress, Reading, ReadingMeans, SeriesImages, StudyImages};
use deepspine::analysis::volume::Volume;
use deepspine::inference::{ModelSet, ModelSource, Networks};
use deepspine::phantom::{Imaging, Parameters, Phantom, SeriesKind, Stack, StudyPlan};
use deepspine::spine::{Role, RoleAssignment};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::OnceLock;

const SMALL: Stack = Stack { fov_mm: 280.0, matrix: 160, slices: 5, thickness_mm: 4.0, spacing_mm: 4.4 };

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

/// The reading of a phantom's sagittal T2 as a whole study.
fn read(stack: Stack, imaging: Imaging) -> Reading {
    let phantom = Phantom::new(&Parameters::default()).unwrap();
    let plan = StudyPlan { sagittal: stack, imaging, ..StudyPlan::default() };
    let volume: Volume = phantom.render(&plan.blocks(&phantom, SeriesKind::SagittalT2)[0]);
    let assignment =
        RoleAssignment { role: Role::SagittalT2, reason: "the test's own word".to_owned(), confidence: 1.0 };
    let images = StudyImages {
        series: vec![SeriesImages { assignment, blocks: vec![volume] }],
        quality: Vec::new(),
        second_opinion: None,
    };
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let means = ReadingMeans { networks: networks(), threads, alpha: Alpha::of_percent(10), pixels: &LoadedOnly };
    study::read(&images, means, &Quiet).unwrap()
}

/// The spread of all lengths of a reading, and of how many lengths.
fn length_sds_mm(reading: &Reading) -> (Vec<f64>, usize) {
    let of_levels = reading.report.levels.iter().flat_map(|l| l.measurements.all());
    let of_all = of_levels.chain(reading.report.vertebrae.iter().flat_map(|v| v.measurements.all()));
    let lengths: Vec<_> = of_all.filter(|m| m.unit == "mm" && m.get().is_some()).collect();
    (lengths.iter().filter_map(|m| m.sd).collect(), lengths.len())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[test]
fn the_lengths_of_a_clean_phantom_repeat_within_millimetres() {
    let reading = read(SMALL, Imaging::default());
    let (sds, lengths) = length_sds_mm(&reading);
    println!(
        "{} of {lengths} lengths: median {:.2} mm, most {:.2} mm",
        sds.len(),
        median(&sds),
        sds.iter().copied().fold(0.0, f64::max)
    );
    assert!(sds.len() * 10 >= lengths * 9, "{} of {lengths}", sds.len());
    assert!(sds.iter().all(|sd| (0.0..3.0).contains(sd)), "{sds:?}");
    assert!(median(&sds) > 0.0 && median(&sds) < 0.5, "{sds:?}");
    assert!(reading.report.lumbar.unwrap().sacral_slope_deg.sd.is_none_or(|sd| sd < 5.0));
}

#[test]
fn worse_images_repeat_worse() {
    let of = |stack, imaging| median(&length_sds_mm(&read(stack, imaging)).0);
    let clean = of(SMALL, Imaging::default());
    let noisy = of(SMALL, Imaging { noise: 0.15, ..Imaging::default() });
    let coarse = of(Stack { matrix: 96, ..SMALL }, Imaging::default());
    println!("median SD: clean {clean:.3} mm, noisy {noisy:.3} mm, coarse {coarse:.3} mm");
    assert!(noisy > clean, "{clean} {noisy}");
}
