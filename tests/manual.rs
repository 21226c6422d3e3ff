//! The manual pages and completions that the packages carry say what the command line is.
//!
//! They lie in `packaging/`, because whoever makes a package for another machine can't run the program.
//! `UPDATE_MANUAL=1 cargo test --test manual` writes them anew.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap_complete::Shell;

/// Stands for the version, which the package knows.
const VERSION: &str = "@VERSION@";
/// Set, the files are written instead of compared.
const UPDATE: &str = "UPDATE_MANUAL";

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging")
}

/// A page for `command` and one for each verb below it that is shown, by file name.
fn pages(command: &clap::Command, made: &mut BTreeMap<String, Vec<u8>>) {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        pages(verb, made);
    }
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let page = clap_mangen::Man::new(command.clone()).source(format!("deepspine {VERSION}")).manual("deepspine");
    let mut text = Vec::new();
    page.render(&mut text).expect("memory takes it");
    made.insert(format!("man/{name}.1"), text);
}

/// Everything that is made from the definition, by its path in `packaging/`.
fn made() -> BTreeMap<String, Vec<u8>> {
    let mut made = BTreeMap::new();
    let mut command = deepspine::cli::command().version(VERSION).disable_help_subcommand(true);
    command.build();
    pages(&command, &mut made);
    // What is hidden is started by the program itself: nobody types it.
    let shown: Vec<_> = deepspine::cli::command().get_subcommands().filter(|v| !v.is_hide_set()).cloned().collect();
    let bare = deepspine::cli::command();
    let mut bare = clap::Command::new("deepspine")
        .version(VERSION)
        .about(bare.get_about().cloned().unwrap_or_default())
        .subcommand_required(true)
        .subcommands(shown);
    for (shell, name) in
        [(Shell::Bash, "deepspine.bash"), (Shell::Zsh, "deepspine.zsh"), (Shell::Fish, "deepspine.fish")]
    {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut bare, "deepspine", &mut text);
        made.insert(format!("completions/{name}"), text);
    }
    made
}

#[test]
fn the_packages_manual_is_the_command_lines() {
    let made = made();
    if std::env::var_os(UPDATE).is_some() {
        for folder in ["man", "completions"].map(|f| packaging().join(f)) {
            if folder.exists() {
                fs::remove_dir_all(&folder).expect("the folder can be emptied");
            }
            fs::create_dir_all(&folder).expect("the folder can be made");
        }
        for (name, text) in &made {
            fs::write(packaging().join(name), text).expect("the file can be written");
        }
    }
    let mut there: Vec<String> = ["man", "completions"]
        .iter()
        .flat_map(|folder| fs::read_dir(packaging().join(folder)).into_iter().flatten())
        .filter_map(|e| Some(e.ok()?.path().strip_prefix(packaging()).ok()?.display().to_string()))
        .collect();
    there.sort();
    let wanted: Vec<String> = made.keys().cloned().collect();
    let again = format!("run `{UPDATE}=1 cargo test --test manual` and commit what it writes");
    assert_eq!(there, wanted, "{again}");
    for (name, text) in made {
        assert!(fs::read(packaging().join(&name)).ok() == Some(text), "packaging/{name} is not up to date: {again}");
    }
}

#[test]
fn each_verb_that_is_shown_has_a_page_and_no_other() {
    let names: Vec<String> = made().into_keys().collect();
    for verb in ["", "-run", "-analyze", "-studies-list", "-outbox-import-acks", "-self-test"] {
        assert!(names.contains(&format!("man/deepspine{verb}.1")), "{verb} in {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("child") || name.contains("-help")), "{names:?}");
}

/// What a program says of a file; `None`, and `name` skipped, where there is no such program.
fn judged(name: &str, program: &str, arguments: &[&str], file: &Path) -> Option<Output> {
    let output =
        Command::new(program).args(arguments).arg(file).env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80").output();
    if output.is_err() {
        common::skipped(name, &format!("no {program}"));
    }
    output.ok()
}

#[test]
fn every_page_is_rendered_without_a_warning() {
    for page in fs::read_dir(packaging().join("man")).expect("pages are there").flatten() {
        let arguments = ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"];
        let Some(output) = judged("every_page_is_rendered_without_a_warning", "man", &arguments, &page.path()) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{}: {said}", page.path().display());
    }
}

#[test]
fn every_completion_is_read_by_its_shell() {
    const NAME: &str = "every_completion_is_read_by_its_shell";
    for (shell, no_run) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let file = packaging().join(format!("completions/deepspine.{shell}"));
        // bash judges on every machine; the others where they are installed.
        if shell != "bash" && Command::new(shell).arg("--version").output().is_err() {
            continue;
        }
        let Some(output) = judged(NAME, shell, &[no_run], &file) else { return };
        assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
