//! A grading network is trained anew from each layout of an archive by one command, to a bundle that the appliance loads.
//!
//! `tests/retraining/sets.py` makes the archives of phantoms. Training needs Python with torch, which `tests/run` installs on
//! Debian; `DEEPSPINE_TRAINING_PYTHON` names another.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::skipped;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What training imports, and the one call that fails where torch and NumPy do not fit each other.
const NEEDED: &str = "import onnx, onnxruntime, pydicom, scipy, torch; torch.zeros(1).numpy()";

/// Folder of the phantoms that all archives are made of, below the one that Cargo gives tests: a static is not dropped, and would leave it behind in
/// another. One archive is trained at a time: each takes all cores, and says how long it took.
static PHANTOMS: Mutex<Option<PathBuf>> = Mutex::new(None);
const PHANTOMS_FOLDER: &str = "retraining-phantoms";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Python that can train.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("DEEPSPINE_TRAINING_PYTHON").map(PathBuf::from);
    let known = [root().join("target/training-python/bin/python"), PathBuf::from("python3")];
    named.into_iter().chain(known).find(|python| {
        Command::new(python).args(["-W", "ignore", "-c", NEEDED]).output().is_ok_and(|out| out.status.success())
    })
}

fn run(python: &Path, arguments: &[&OsStr]) -> Output {
    let out = Command::new(python)
        .args(["-W", "ignore"])
        .args(arguments)
        .current_dir(root().join("models/training"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python starts");
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{arguments:?}: {said}");
    out
}

/// A bundle of the layout, the phantoms' folder, and what the run said; `None`, and said so, where nothing can train.
fn retrained(test: &str, layout: &str, work: &Path) -> Option<(PathBuf, PathBuf, String)> {
    let Some(python) = python() else {
        skipped(test, "no Python with torch, scipy, onnx, onnxruntime and pydicom");
        return None;
    };
    let binary = env!("CARGO_BIN_EXE_deepspine").as_ref();
    let script = root().join("tests/retraining/sets.py");
    let mut phantoms = PHANTOMS.lock().unwrap_or_else(PoisonError::into_inner);
    let begun = Instant::now();
    let folder = phantoms.get_or_insert_with(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PHANTOMS_FOLDER);
        run(&python, &[script.as_os_str(), "phantoms".as_ref(), binary, folder.as_os_str()]);
        folder
    });
    let set = work.join("set");
    run(&python, &[script.as_os_str(), layout.as_ref(), binary, folder.as_os_str(), set.as_os_str()]);
    let config = set.join("config.toml");
    let out = run(&python, &["-m".as_ref(), "training".as_ref(), "fit".as_ref(), config.as_os_str()]);
    let said = String::from_utf8(out.stdout).expect("a log is text");
    eprintln!("{layout}: from archive to bundle in {:.1} minutes", begun.elapsed().as_secs_f64() / 60.0);
    Some((set.join("out"), folder.clone(), said))
}

/// The report on one phantom with the models of a folder.
fn report(phantoms: &Path, models: &Path) -> Value {
    let out = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .arg("analyze")
        .arg(phantoms.join("2"))
        .args(["--format", "json", "--models"])
        .arg(models)
        .output()
        .expect("the program runs");
    serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)))
}

/// Names of the findings that the model `name` graded.
fn graded(report: &Value) -> Vec<String> {
    let levels = report["levels"].as_array().expect("levels").iter();
    let grades = levels.flat_map(|level| level["grades"].as_array().cloned().unwrap_or_default());
    let mut names: Vec<String> = grades.map(|grade| grade["finding"].as_str().unwrap_or_default().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// What every bundle comes with: figures of unseen subjects, a card with its terms, and a log in which both checks and the self-test passed.
fn assert_whole(out: &Path, network: &str, said: &str) {
    let card = std::fs::read_to_string(out.join("bundle").join(format!("{network}.md"))).expect("a card");
    for words in ["deepspine's own phantom", "Thin classes", "fold 1:", "0.0.1-tiny", "differ by at most"] {
        assert!(card.contains(words), "the card lacks {words:?}:\n{card}");
    }
    let predictions = std::fs::read_to_string(out.join("predictions.csv")).expect("predictions");
    assert!(predictions.starts_with("subject,study,level,side,finding,scale,group,p0,"), "{predictions}");
    assert!(predictions.lines().count() > 20, "{predictions}");
    for words in ["beside PyTorch", "beside ONNX Runtime", "self-test of segmentation", "is ready"] {
        assert!(said.contains(words), "the log lacks {words:?}:\n{said}");
    }
    assert!(!out.join(".bundle.part").exists());
}

#[test]
fn spider_as_released_becomes_a_whole_set_that_the_appliance_grades_with() {
    let work = tempfile::tempdir().expect("a folder");
    let name = "spider_as_released_becomes_a_whole_set_that_the_appliance_grades_with";
    let Some((out, phantoms, said)) = retrained(name, "spider", work.path()) else { return };
    assert_whole(&out, "degeneration", &said);
    assert!(said.contains("spider/99: not used") && said.contains("the file is cut"), "a bad study is named:\n{said}");
    assert!(said.contains("1 of them held out"), "{said}");
    let found = report(&phantoms, &out.join("bundle"));
    assert!(graded(&found).contains(&"disc-degeneration".to_owned()), "{found}");
    assert!(found["models"].to_string().contains("Trained on spider: ours. Not a diagnosis."), "{}", found["models"]);
}

#[test]
fn the_rsna_layout_becomes_a_whole_set_and_its_marks_check_the_names() {
    let work = tempfile::tempdir().expect("a folder");
    let name = "the_rsna_layout_becomes_a_whole_set_and_its_marks_check_the_names";
    let Some((out, phantoms, said)) = retrained(name, "rsna", work.path()) else { return };
    assert_whole(&out, "stenosis", &said);
    assert!(said.contains("rsna/1099: not used"), "a bad study is named:\n{said}");
    assert!(said.contains("1 marked at another level"), "a mark that lies a level off is dropped:\n{said}");
    let manifest = std::fs::read_to_string(out.join("bundle/manifest.toml")).expect("a manifest");
    assert!(manifest.contains("classes = [0, 0, 1, 2]"), "no truth tells normal from mild:\n{manifest}");
    let found = graded(&report(&phantoms, &out.join("bundle")));
    for finding in ["disc-degeneration", "central-canal-stenosis", "subarticular-stenosis", "foraminal-stenosis"] {
        assert!(found.contains(&finding.to_owned()), "{finding} is not among {found:?}");
    }
}

#[test]
fn dicom_with_labels_of_reports_becomes_a_network_that_adds_to_a_set() {
    let work = tempfile::tempdir().expect("a folder");
    let name = "dicom_with_labels_of_reports_becomes_a_network_that_adds_to_a_set";
    let Some((out, phantoms, said)) = retrained(name, "dicom", work.path()) else { return };
    assert_whole(&out, "stenosis", &said);
    for words in ["exam-99 holds no DICOM image", "1 texts have no study", "'nobody' is to be held out, and no level"] {
        assert!(said.contains(words), "the log lacks {words:?}:\n{said}");
    }
    let manifest = std::fs::read_to_string(out.join("bundle/manifest.toml")).expect("a manifest");
    assert!(manifest.contains("adds_to = \"..\"") && !manifest.contains("\"segmentation\""), "{manifest}");
    assert!(manifest.contains("classes = [0, 1, 2, 3]"), "reports tell four grades:\n{manifest}");
    // Installed, it lies within the set that it adds to.
    let models = work.path().join("models");
    std::fs::create_dir(&models).unwrap();
    for file in ["manifest.toml", "segmentation.onnx", "degeneration.onnx"] {
        std::fs::copy(root().join("models").join(file), models.join(file)).unwrap();
    }
    std::fs::rename(out.join("bundle"), models.join("research")).unwrap();
    let found = graded(&report(&phantoms, &models.join("research")));
    assert!(
        found.contains(&"central-canal-stenosis".to_owned()) && found.contains(&"disc-bulge".to_owned()),
        "{found:?}"
    );
}

#[test]
fn training_refuses_what_it_should_goes_on_where_it_was_cut_off_and_believes_no_doubtful_name() {
    let name = "training_refuses_what_it_should_goes_on_where_it_was_cut_off_and_believes_no_doubtful_name";
    let Some(python) = python() else {
        return skipped(name, "no Python with torch, scipy, onnx, onnxruntime and pydicom");
    };
    let out = run(&python, &[root().join("tests/retraining/checks.py").as_os_str()]);
    eprint!("{}", String::from_utf8_lossy(&out.stdout));
}
