//! What a viewer gets: DICOM objects that verifiers and readers of others take, once by their UID, lying on the anatomy.
//!
//! `dciodvfy` (dicom3tools) and `dsrdump` (dcmtk) judge every object; `tests/judges/viewer_objects.py` reads them by
//! highdicom and lays the segmentation beside the label maps.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod export_case;

use deepspine::dicom::{self, StudyIdentity};
use deepspine::export::objects::ViewerObject;
use deepspine::export::{Bundle, Language, SourceInstance, SourceSeries, write_all};
use deepspine::phantom::{Parameters, Phantom, StudyPlan, Vendor, write_study};
use deepspine::spine::Structure;
use export_case::case;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A study of a woman whose name is not ASCII, with everything that a case can hold.
fn bundle(bodies: usize, named: bool) -> Bundle {
    let mut bundle = case(bodies, named).bundle();
    let identity = &mut bundle.identity;
    *identity = StudyIdentity {
        study_instance_uid: dicom::uid_from(b"a study"),
        accession_number: "A-17".to_owned(),
        patient_id: "P-4".to_owned(),
        patient_name: "Müller^Zoë".to_owned(),
        patient_birth_date: "19700101".to_owned(),
        patient_sex: "F".to_owned(),
        study_date: "20260102".to_owned(),
        study_time: "101500".to_owned(),
        study_id: "1".to_owned(),
        study_description: "MR lumbar spine".to_owned(),
        referring_physician_name: String::new(),
    };
    bundle.source_series = vec![SourceSeries {
        series_instance_uid: dicom::uid_from(b"a series"),
        sop_class_uid: "1.2.840.10008.5.1.4.1.1.4".to_owned(),
        frame_of_reference_uid: dicom::uid_from(b"a frame of reference"),
    }];
    // A report that had to be shortened keeps codes without their sentences.
    bundle.report.levels.iter_mut().take(1).flat_map(|l| &mut l.evidence).for_each(|e| e.text.clear());
    for instance in &mut bundle.instances {
        *instance = SourceInstance { series: Some(0), ..instance.clone() };
    }
    bundle
}

fn objects_of(bundle: &Bundle, folder: &Path) -> Vec<PathBuf> {
    let written = write_all(bundle, folder, Language::English).unwrap();
    written.into_iter().filter(|path| path.extension().is_some_and(|e| e == "dcm")).collect()
}

/// Errors that `dciodvfy` finds; `None` where it is not installed. It does not inflate, so that dcmtk does.
fn verified(path: &Path) -> Option<Vec<String>> {
    let plain = path.with_extension("plain");
    let inflated = Command::new("dcmconv").arg("+te").arg(path).arg(&plain).status().ok()?;
    assert!(inflated.success(), "dcmtk can't inflate {}", path.display());
    let said = Command::new("dciodvfy").arg(&plain).output().ok()?;
    let said = String::from_utf8_lossy(&said.stderr).into_owned() + &String::from_utf8_lossy(&said.stdout);
    Some(said.lines().filter(|line| line.starts_with("Error")).map(str::to_owned).collect())
}

#[test]
fn the_verifier_finds_no_error_in_any_object() {
    let test = "the_verifier_finds_no_error_in_any_object";
    for (bodies, named) in [(5, true), (5, false), (2, true)] {
        let folder = tempfile::tempdir().unwrap();
        let objects = objects_of(&bundle(bodies, named), folder.path());
        assert_eq!(objects.len(), ViewerObject::ALL.len());
        for object in objects {
            let Some(errors) = verified(&object) else {
                return common::skipped(test, "dciodvfy (dicom3tools) is not installed");
            };
            assert!(errors.is_empty(), "{}: {errors:#?}", object.display());
        }
    }
}

/// Nothing was segmented, or the sacrum in two pieces: both were seen on varied phantoms.
#[test]
fn a_refused_study_and_a_sacrum_in_pieces_pass_the_verifier_too() {
    let mut refused = bundle(0, true);
    refused.segmented = None;
    let mut pieces = bundle(5, false);
    let parts = &mut pieces.segmented.as_mut().expect("a segmentation").parts;
    for (ordinal, part) in (1..).zip(parts.iter_mut().filter(|p| p.vertebra().is_none()).take(2)) {
        part.structure = Structure::Sacrum as u8;
        part.ordinal_from_below = ordinal;
    }
    for (bundle, expected) in [(refused, 2), (pieces, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let objects = objects_of(&bundle, folder.path());
        assert_eq!(objects.len(), expected);
        for object in objects {
            let errors = verified(&object).unwrap_or_default();
            assert!(errors.is_empty(), "{}: {errors:#?}", object.display());
        }
        let test = "a_refused_study_and_a_sacrum_in_pieces_pass_the_verifier_too";
        if expected == 3 && !judged(test, folder.path()) {
            return;
        }
    }
}

#[test]
fn dsrdump_reads_the_report_with_its_grades_and_sites() {
    let folder = tempfile::tempdir().unwrap();
    let objects = objects_of(&bundle(5, true), folder.path());
    let report = objects.iter().find(|p| p.ends_with("report.dcm")).expect("a report");
    let Ok(out) = Command::new("dsrdump").args(["+Pc", "+U8"]).arg(report).output() else {
        return common::skipped(
            "dsrdump_reads_the_report_with_its_grades_and_sites",
            "dsrdump (dcmtk) is not installed",
        );
    };
    let said = String::from_utf8_lossy(&out.stdout);
    let complained = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{complained}");
    let errors: Vec<&str> = complained.lines().filter(|l| l.starts_with("E:") || l.starts_with("F:")).collect();
    assert!(errors.is_empty(), "{complained}");
    for wanted in [
        "Müller",
        "84020006,SCT,\"L4-L5 disc\"",
        "255604002,SCT,\"Mild\"",
        "AP diameter of the spinal canal",
        "Not a diagnosis",
    ] {
        assert!(said.contains(wanted), "no {wanted} in\n{said}");
    }
}

/// Every UID of an object, as `dcmdump` finds it.
fn uids(path: &Path, element: &str) -> Option<BTreeSet<String>> {
    let out = Command::new("dcmdump").args(["-q", "+P", element, "-s"]).arg(path).output().ok()?;
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    Some(said.lines().filter_map(|l| Some(l.split_once('[')?.1.split_once(']')?.0.to_owned())).collect())
}

#[test]
fn the_same_reading_gives_the_same_objects_and_another_gives_others() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (bundle(5, true), bundle(4, true));
    let mut other = two.clone();
    other.settings.push(("alpha-percent".to_owned(), "20".to_owned()));
    let other = other.keyed_with(&deepspine::export::DeviceKey::new([7; 32]));
    let mut all = BTreeSet::new();
    for (name, bundle) in [("one", &one), ("other", &other)] {
        for object in ViewerObject::ALL {
            let bytes = object.encode(bundle, object.packing()).unwrap().expect("an object");
            assert_eq!(Some(&bytes), object.encode(bundle, object.packing()).unwrap().as_ref(), "made again");
            let path = folder.path().join(format!("{name}-{}", object.file_name()));
            std::fs::write(&path, bytes).unwrap();
            let Some(uid) = uids(&path, "0008,0018") else {
                return common::skipped(
                    "the_same_reading_gives_the_same_objects_and_another_gives_others",
                    "dcmdump (dcmtk) is not installed",
                );
            };
            assert_eq!(uid.len(), 1, "{uid:?}");
            assert!(uid.iter().all(|u| all.insert(u.clone())), "{uid:?} again in {name}");
        }
    }
}

#[test]
fn a_bundle_that_does_not_know_its_series_gives_no_object() {
    let old = case(5, true).bundle();
    for object in ViewerObject::ALL {
        assert_eq!(object.encode(&old, object.packing()).unwrap(), None);
    }
}

/// A Python that has highdicom; `DEEPSPINE_TRAINING_PYTHON` names one.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("DEEPSPINE_TRAINING_PYTHON").map(PathBuf::from);
    let known = [root.join("target/training-python/bin/python"), PathBuf::from("python3")];
    named.into_iter().chain(known).find(|python| {
        Command::new(python).args(["-c", "import highdicom"]).output().is_ok_and(|out| out.status.success())
    })
}

fn judged(test: &str, folder: &Path) -> bool {
    let Some(python) = python() else {
        common::skipped(test, "no Python has highdicom");
        return false;
    };
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/viewer_objects.py");
    let out = Command::new(python).arg("-W").arg("ignore").arg(judge).arg(folder).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    true
}

#[test]
fn highdicom_reads_report_and_segmentation_and_the_masks_lie_where_the_label_maps_do() {
    let test = "highdicom_reads_report_and_segmentation_and_the_masks_lie_where_the_label_maps_do";
    for (bodies, named) in [(5, true), (5, false)] {
        let folder = tempfile::tempdir().unwrap();
        objects_of(&bundle(bodies, named), folder.path());
        if !judged(test, folder.path()) {
            return;
        }
    }
}

/// A phantom that lies askew, with its axial blocks angled to the discs, read by the program itself.
#[test]
fn a_study_s_own_reading_is_taken_by_verifier_and_readers() {
    let test = "a_study_s_own_reading_is_taken_by_verifier_and_readers";
    for (seed, leaning_turned_deg, vendor) in [(3, [0.0, 0.0], Vendor::Siemens), (4, [7.0, -9.0], Vendor::Philips)] {
        let folder = tempfile::tempdir().unwrap();
        let phantom = Phantom::new(&Parameters { seed, leaning_turned_deg, ..Parameters::default() }).unwrap();
        write_study(&phantom, &StudyPlan { vendor, ..StudyPlan::default() }, &folder.path().join("study")).unwrap();
        let out = folder.path().join("out");
        let mut analyze = Command::new(env!("CARGO_BIN_EXE_deepspine"));
        analyze.arg("analyze").arg(folder.path().join("study")).arg("--out").arg(&out);
        let done = analyze.args(["--models", "models"]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        for object in ViewerObject::ALL {
            let Some(errors) = verified(&out.join(object.file_name())) else {
                return common::skipped(test, "dciodvfy (dicom3tools) is not installed");
            };
            assert!(errors.is_empty(), "seed {seed}, {}: {errors:#?}", object.file_name());
        }
        if !judged(test, &out) {
            return;
        }
    }
}
