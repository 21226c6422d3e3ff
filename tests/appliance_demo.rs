//! The whole chain on a phantom, as anybody who clones the repository runs it.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::process::Command;

#[test]
fn the_demonstration_ends_with_a_report_and_a_picture() {
    let output = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .args(["demo", "--clean", "--deadline-secs", "600"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    for part in ["deepspine/demo/status/health", "deepspine/demo/e/study", "deepspine/demo/e/report", "overlay.png"] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
}
