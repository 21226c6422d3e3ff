//! The house can't drift: who may import whom, and who alone may import which library.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Our modules from the innermost outwards: one may import itself and what stands before it.
const LAYERS: [&str; 12] = [
    "spine",
    "http",
    "labels",
    "inference",
    "analysis",
    "dicom",
    "phantom",
    "export",
    "evaluation",
    "appliance",
    "fleet",
    "cli",
];

/// A library (as its path begins in code), and the only places in `src` that may name it.
const SOLE_IMPORTERS: [(&str, &[&str]); 23] = [
    ("tract_onnx", &["inference/"]),
    ("tract_core", &["inference/"]),
    ("pulp", &["inference/convolution/"]),
    ("tract_cuda", &["inference/"]),
    ("dicom_core", &["dicom/"]),
    ("dicom_object", &["dicom/"]),
    ("dicom_encoding", &["dicom/"]),
    ("dicom_dictionary_std", &["dicom/"]),
    ("dicom_ul", &["dicom/"]),
    ("rumqttc", &["appliance/mqtt/"]),
    ("rusqlite", &["appliance/journal", "fleet/store/sqlite"]),
    ("postgres::", &["fleet/store/"]),
    ("ratatui", &["fleet/terminal/"]),
    ("x509_cert", &["appliance/mqtt/certificate"]),
    ("systemd_journal_logger", &["appliance/systemd"]),
    ("landlock", &["appliance/reader/sandbox"]),
    ("seccompiler", &["appliance/reader/system_calls"]),
    ("libc", &["appliance/reader/system_calls"]),
    ("httparse", &["http/"]),
    ("tiny_skia", &["export/"]),
    ("zip::", &["dicom/"]),
    ("clap", &["cli/"]),
    ("csv::", &["cli/labels", "evaluation/lines"]),
];

/// Modules of the reading room may not name these: it is pure.
const NOT_IN_ANALYSIS: [&str; 5] = ["std::fs", "std::net", "std::process", "std::time", "std::io"];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&src, &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a source file is text"))
        })
        .collect()
}

/// The lines of code, without comments: what is said in documentation is no import.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).filter(|line| !line.trim().is_empty())
}

fn names(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        let word = |c: char| c.is_alphanumeric() || c == '_';
        !before.is_some_and(word) && (path.ends_with("::") || !after.is_some_and(word))
    })
}

#[test]
fn imports_point_inward() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let own = file.split(['/', '.']).next().unwrap_or_default();
        let Some(own_layer) = LAYERS.iter().position(|l| *l == own) else { continue };
        for line in code(&text) {
            for outer in &LAYERS[own_layer + 1..] {
                if names(line, &format!("crate::{outer}")) {
                    wrong.push(format!("{file}: {} imports {outer}: {}", own, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point outward:\n{}", wrong.join("\n"));
}

#[test]
fn each_module_of_the_crate_has_its_layer() {
    let modules: Vec<_> = sources()
        .iter()
        .find(|(file, _)| file == "lib.rs")
        .map(|(_, text)| {
            code(text).filter_map(|l| l.trim().strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned)).collect()
        })
        .unwrap_or_default();
    let mut known = LAYERS.map(str::to_owned).to_vec();
    known.sort();
    assert_eq!(modules, known, "lib.rs and the layers of this test differ");
}

#[test]
fn a_library_has_one_importer() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (library, homes) in SOLE_IMPORTERS {
            if homes.iter().any(|home| file.starts_with(home)) {
                continue;
            }
            for line in code(&text).filter(|line| names(line, library)) {
                wrong.push(format!("{file}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "libraries outside their home:\n{}", wrong.join("\n"));
}

#[test]
fn the_reading_room_is_pure() {
    let mut wrong = Vec::new();
    for (file, text) in sources().into_iter().filter(|(file, _)| file.starts_with("analysis/")) {
        for line in code(&text) {
            if NOT_IN_ANALYSIS.iter().any(|path| names(line, path)) {
                wrong.push(format!("{file}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "analysis touches the world:\n{}", wrong.join("\n"));
}

#[test]
fn each_module_says_what_it_is_for() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(file, _)| file).collect();
    assert!(silent.is_empty(), "files without a //! at their head: {silent:?}");
}

#[test]
fn nothing_is_unsafe() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("Cargo.toml");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
}
