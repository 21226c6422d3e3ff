//! Whoever makes a mistake in the configuration is told file, line and key.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

fn check_config(file: &Path, overrides: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deepspine"));
    command.arg("check-config").arg(file);
    for text in overrides {
        command.args(["--set", text]);
    }
    command.output().expect("the binary runs")
}

fn complaints(text: &str, overrides: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("config.toml");
    std::fs::write(&file, text).expect("the test's folder can be written");
    let output = check_config(&file, overrides);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let said = String::from_utf8(output.stderr).expect("text");
    said.replace(&file.display().to_string(), "config.toml")
}

#[test]
fn the_configuration_that_we_ship_is_accepted() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/config.toml");
    let output = check_config(&file, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_known_one() {
    let said = complaints("[ingest]\nfolder = \"/in\"\nquiet-sec = 3\n", &[]);
    assert!(
        said.contains("config.toml:3: `ingest.quiet-sec` is not a known key; did you mean `ingest.quiet-secs`?"),
        "{said}"
    );
}

#[test]
fn every_mistake_is_told_at_once() {
    let said = complaints("[reader]\nmemory-mib = 1\nthreads = \"many\"\n[mqtt]\nbroker = \"http://x\"\n", &[]);
    for part in
        ["config.toml:2: `reader.memory-mib`", "config.toml:3: `reader.threads`", "config.toml:5: `mqtt.broker`"]
    {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let said = complaints("[ingest]\nfolder = \n", &[]);
    assert!(said.contains("config.toml:2: is not TOML"), "{said}");
}

#[test]
fn the_command_line_is_named_as_the_place_of_its_mistakes() {
    let said = complaints("", &["ingest.folders=/in", "nothing"]);
    assert!(said.contains("--set: `ingest.folders` is not a known key; did you mean `ingest.folder`?"), "{said}");
    assert!(said.contains("--set: `nothing` is not of the form key=value"), "{said}");
}

#[test]
fn drop_ins_come_after_the_file_and_the_command_line_after_both() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("config.toml");
    std::fs::create_dir(dir.path().join("config.d")).expect("the test's folder can be written");
    std::fs::write(&file, "[reader]\nthreads = 1\nmemory-mib = 100\nmax-attempts = 1\n").expect("a file");
    std::fs::write(dir.path().join("config.d/10-a.toml"), "reader.threads = 2\nreader.memory-mib = 200\n")
        .expect("a file");
    let output = check_config(&file, &["reader.threads=3"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = String::from_utf8(output.stdout).expect("text");
    let line = |key: &str| shown.lines().find(|l| l.starts_with(key)).unwrap_or_default().to_owned();
    assert!(line("reader.threads").ends_with("= 3  # --set"), "{shown}");
    assert!(
        line("reader.memory-mib").contains("= 200  #") && line("reader.memory-mib").ends_with("10-a.toml:2"),
        "{shown}"
    );
    assert!(line("reader.max-attempts").ends_with("config.toml:4"), "{shown}");
}
