//! A phantom's study: the same seed gives the same bytes, and a DICOM validator finds no error in them.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

use deepspine::phantom::{
    Parameters, Phantom, PhantomError, SeriesKind, Stack, StudyPlan, StudyTruth, Vendor, WrittenStudy, write_labels,
    write_study,
};
use std::fs;
use std::path::Path;
use std::process::Command;

fn small_plan() -> StudyPlan {
    StudyPlan {
        sagittal: Stack { fov_mm: 280.0, matrix: 96, slices: 3, thickness_mm: 4.0, spacing_mm: 4.4 },
        axial: Stack { fov_mm: 180.0, matrix: 64, slices: 2, thickness_mm: 4.0, spacing_mm: 4.4 },
        ..StudyPlan::default()
    }
}

fn written(seed: u64, plan: &StudyPlan, folder: &Path) -> WrittenStudy {
    let phantom = Phantom::new(&Parameters { seed, ..Parameters::default() }).unwrap();
    write_study(&phantom, plan, folder).unwrap()
}

fn bytes(study: &WrittenStudy) -> Vec<Vec<u8>> {
    let truth = study.folder.join("truth.json");
    study.files.iter().chain([&truth]).map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let of = |seed, name: &str| bytes(&written(seed, &small_plan(), &folder.path().join(name)));
    let first = of(5, "a");
    assert_eq!(first.len(), 9 + 3 + 3 + 5 * 2 + 1);
    assert!(first == of(5, "b"));
    assert!(first != of(6, "c"));
}

#[test]
fn truth_json_says_what_is_in_view() {
    let folder = tempfile::tempdir().unwrap();
    let plan = StudyPlan { centre_shift_mm: [0.0, 0.0, 150.0], ..small_plan() };
    let study = written(3, &plan, folder.path());
    let read: StudyTruth = serde_json::from_slice(&fs::read(folder.path().join("truth.json")).unwrap()).unwrap();
    assert_eq!(read.seed, 3);
    assert_eq!(read.vertebrae_in_view, study.truth.vertebrae_in_view);
    assert!(!read.vertebrae_in_view.contains(&"S1".to_owned()), "{:?}", read.vertebrae_in_view);
    assert!(read.vertebrae_in_view.contains(&"L1".to_owned()), "{:?}", read.vertebrae_in_view);
    let whole = written(3, &small_plan(), &folder.path().join("whole")).truth;
    for name in ["S1", "L5", "L1", "T12"] {
        assert!(whole.vertebrae_in_view.contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn a_plan_that_cannot_be_rendered_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let phantom = Phantom::new(&Parameters::default()).unwrap();
    let refused = |plan: StudyPlan| match write_study(&phantom, &plan, folder.path()) {
        Err(PhantomError::Parameter { name, .. }) => name,
        _ => "",
    };
    let mut plan = small_plan();
    plan.sagittal.fov_mm = 20.0;
    assert_eq!(refused(plan), "fov_mm");
    let mut plan = small_plan();
    plan.axial.slices = 0;
    assert_eq!(refused(plan), "slices");
    let mut plan = small_plan();
    plan.imaging.noise = -1.0;
    assert_eq!(refused(plan), "noise");
}

#[test]
fn label_maps_have_every_class_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let phantom = Phantom::new(&Parameters::default()).unwrap();
    let plan = small_plan();
    let block = &plan.blocks(&phantom, SeriesKind::SagittalT2)[0];
    write_labels(&phantom, block, &[1], folder.path()).unwrap();
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["image_1.png", "label_1.png", "pixel_mm.txt"]);
    let mask = phantom.mask(block).channels;
    let middle = &mask[96 * 96..2 * 96 * 96];
    for class in 1..=5 {
        assert!(middle.contains(&class), "class {class}");
    }
}

#[test]
fn dciodvfy_finds_no_error() {
    if Command::new("dciodvfy").arg("-version").output().is_err() {
        println!("SKIPPED: dciodvfy (dicom3tools) is not installed");
        return;
    }
    for vendor in [Vendor::Siemens, Vendor::Philips, Vendor::Ge] {
        let folder = tempfile::tempdir().unwrap();
        let series = [SeriesKind::Localizer, SeriesKind::SagittalT2, SeriesKind::SagittalStir, SeriesKind::AxialT2];
        let plan = StudyPlan { vendor, series: series.to_vec(), ..small_plan() };
        for file in written(2, &plan, folder.path()).files {
            let said = Command::new("dciodvfy").arg(&file).output().unwrap();
            let said = String::from_utf8_lossy(&said.stderr).into_owned() + &String::from_utf8_lossy(&said.stdout);
            let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("Error")).collect();
            assert!(errors.is_empty(), "{vendor:?} {}: {errors:#?}", file.display());
        }
    }
}
