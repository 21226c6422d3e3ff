//! The shipped model sets without their gates: phantoms are unlike real pictures, and the research set's gates refuse their axial ones.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Puts both sets into `folder`, and returns that of the research set, which adds to the other.
pub(crate) fn research_set(folder: &Path) -> PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let research = folder.join("research");
    fs::create_dir_all(&research).expect("a folder");
    for (from, to) in [(shipped.clone(), folder.to_path_buf()), (shipped.join("research"), research.clone())] {
        for file in fs::read_dir(&from).expect("a model set").flatten().map(|entry| entry.path()) {
            if file.extension().is_some_and(|ending| ending == "onnx") {
                fs::copy(&file, to.join(file.file_name().expect("a name"))).expect("copied");
            }
        }
        let manifest = fs::read_to_string(from.join("manifest.toml")).expect("a manifest");
        fs::write(to.join("manifest.toml"), without_gates(&manifest)).expect("written");
    }
    research
}

/// A gate is a table whose lines end with an empty one.
fn without_gates(manifest: &str) -> String {
    let tables = manifest.split_inclusive("\n\n").filter(|table| !table.trim_start().starts_with("[[model.gate]]"));
    let kept: String = tables.collect();
    assert!(kept.len() < manifest.len() && !kept.contains("model.gate"), "no gate was found, or one is left");
    kept
}
