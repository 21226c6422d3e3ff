//! The packages hold what they promise: contents, the same bytes twice, and a life from installation to purge.
//!
//! They are made of the program under test, stripped; what ships is built by `cross/build`, and tried on the boards'
//! userlands by `cross/emulate`.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use deepspine::phantom::{Parameters, Phantom, Stack, StudyPlan, write_study};
use rustix::process::geteuid;
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// What the package of an older version is called; its program reads journals of schema 1.
const OLDER: &str = "0.1.0";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C.UTF-8").output();
    output.unwrap_or_else(|error| unreachable!("{}: {error}", program.display()))
}

/// What `program` says on standard output; it ends well.
fn told(program: &str, arguments: &[&str]) -> String {
    let output = run(Path::new(program), arguments);
    assert!(output.status.success(), "{program} {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// The program under test, stripped, and the packages of it; made once.
struct Made {
    dir: TempDir,
}

impl Made {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn deb(&self) -> String {
        self.path(&format!("a/deepspine_{}_amd64.deb", env!("CARGO_PKG_VERSION"))).display().to_string()
    }

    fn research(&self) -> String {
        self.path(&format!("a/deepspine-models-research_{}_all.deb", env!("CARGO_PKG_VERSION"))).display().to_string()
    }

    fn package(&self, into: &str) {
        let output = Command::new(Path::new(ROOT).join("packaging/build"))
            .arg(TARGET)
            .arg(self.path("deepspine"))
            .arg(self.path(into))
            .env("PACKAGE_COMPRESSION", "gzip")
            .output()
            .expect("the script is there");
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

/// `None`, and `name` skipped, where packages can't be made.
fn made(name: &str) -> Option<&'static Made> {
    static MADE: OnceLock<Made> = OnceLock::new();
    if cfg!(not(target_arch = "x86_64")) {
        common::skipped(name, "the program under test is not for amd64");
        return None;
    }
    if let Some(absent) = ["dpkg-deb", "python3", "strip", "xz"].iter().find(|program| !there(program)) {
        common::skipped(name, &format!("no {absent}"));
        return None;
    }
    Some(MADE.get_or_init(|| {
        let made = Made { dir: tempfile::tempdir().expect("a folder") };
        let stripped = made.path("deepspine").display().to_string();
        told("strip", &["-o", &stripped, env!("CARGO_BIN_EXE_deepspine")]);
        made.package("a");
        made
    }))
}

#[test]
fn a_package_is_the_same_bytes_twice() {
    let Some(made) = made("a_package_is_the_same_bytes_twice") else { return };
    made.package("b");
    let names = |folder: &str| -> BTreeSet<_> {
        fs::read_dir(made.path(folder)).expect("it was made").flatten().map(|e| e.file_name()).collect()
    };
    assert_eq!(names("a"), names("b"));
    assert_eq!(names("a").len(), 3, "{:?}", names("a"));
    for name in names("a") {
        let read = |folder: &str| fs::read(made.path(folder).join(&name)).expect("a file");
        assert!(read("a") == read("b"), "{name:?} differs");
    }
}

#[test]
fn the_package_carries_all_that_it_promises() {
    let Some(made) = made("the_package_carries_all_that_it_promises") else { return };
    let listing = told("dpkg-deb", &["--contents", &made.deb()]);
    for line in listing.lines() {
        assert!(line.contains(" root/root "), "{line}");
    }
    let files: BTreeSet<&str> =
        listing.lines().filter_map(|l| l.split_whitespace().nth(5)?.strip_prefix('.')).collect();
    for file in [
        "/usr/bin/deepspine",
        "/usr/share/deepspine/models/manifest.toml",
        "/usr/share/deepspine/models/segmentation.onnx",
        "/usr/share/deepspine/models/degeneration.onnx",
        "/lib/systemd/system/deepspine.service",
        "/lib/systemd/system/deepspine-storescp.service",
        "/usr/lib/sysusers.d/deepspine.conf",
        "/usr/lib/sysusers.d/deepspine-storescp.conf",
        "/usr/lib/tmpfiles.d/deepspine.conf",
        "/etc/deepspine/config.toml",
        "/etc/deepspine/config.d/",
        "/usr/share/doc/deepspine/examples/credentials.conf.example",
        "/usr/share/doc/deepspine/examples/cuda.conf.example",
        "/usr/share/man/man1/deepspine.1.gz",
        "/usr/share/man/man1/deepspine-outbox-export.1.gz",
        "/usr/share/bash-completion/completions/deepspine",
        "/usr/share/zsh/vendor-completions/_deepspine",
        "/usr/share/fish/vendor_completions.d/deepspine.fish",
        "/usr/share/deepspine/api/asyncapi.yaml",
        "/usr/share/deepspine/schemas/report-1.schema.json",
        "/usr/share/doc/deepspine/copyright",
        "/usr/share/doc/deepspine/THIRD-PARTY.gz",
        "/usr/share/doc/deepspine/changelog.gz",
    ] {
        assert!(files.contains(file), "{file} in\n{listing}");
    }
    assert!(
        !files.iter().any(|f| f.contains("research") || f.starts_with("/srv") || f.starts_with("/var")),
        "{listing}"
    );
    let conffiles = told("dpkg-deb", &["--info", &made.deb(), "conffiles"]);
    assert_eq!(conffiles.trim(), "/etc/deepspine/config.toml\n/etc/deepspine/storescp.env");
    let control = told("dpkg-deb", &["--field", &made.deb()]);
    for line in
        [&format!("Version: {}", env!("CARGO_PKG_VERSION")), "Architecture: amd64", "Depends: libc6 (>= 2.31), "]
    {
        assert!(control.contains(line), "{line} in\n{control}");
    }
    assert!(!control.contains('@') || control.matches('@').count() == 1, "a placeholder is left in\n{control}");

    let research = told("dpkg-deb", &["--contents", &made.research()]);
    assert!(research.contains("./usr/share/deepspine/models/research/stenosis.onnx"), "{research}");
    let control = told("dpkg-deb", &["--field", &made.research()]);
    assert!(control.contains("consent") && control.contains("Architecture: all"), "{control}");
}

#[test]
fn the_archive_for_other_distributions_has_the_same_files_and_an_installer() {
    let name = "the_archive_for_other_distributions_has_the_same_files_and_an_installer";
    let Some(made) = made(name) else { return };
    let folder = format!("deepspine-{}-amd64", env!("CARGO_PKG_VERSION"));
    let archive = made.path(&format!("a/{folder}.tar.gz")).display().to_string();
    let listing = told("tar", &["--list", "--gunzip", "--file", &archive]);
    for file in ["install.sh", "root/usr/bin/deepspine", "root/usr/lib/systemd/system/deepspine.service"] {
        assert!(listing.lines().any(|l| l == format!("{folder}/{file}")), "{file} in\n{listing}");
    }
    let installer = Path::new(ROOT).join("packaging/install.sh");
    told("sh", &["-n", &installer.display().to_string()]);
}

#[test]
fn every_part_of_the_program_is_named_with_its_licence() {
    let Some(made) = made("every_part_of_the_program_is_named_with_its_licence") else { return };
    let unpacked = made.path("unpacked").display().to_string();
    told("dpkg-deb", &["--extract", &made.deb(), &unpacked]);
    let doc = Path::new(&unpacked).join("usr/share/doc/deepspine");
    let copyright = fs::read_to_string(doc.join("copyright")).expect("it was promised");
    for part in ["SQLite", "BoringSSL", "tract-core 0.23.9: MIT", "jpeg-encoder", "rumqttc 0.25.1: Apache-2.0"] {
        assert!(copyright.contains(part), "{part} in\n{copyright}");
    }
    // What only the tests need is not in the program.
    assert!(!copyright.contains("jsonschema") && !copyright.contains("clap_mangen"), "{copyright}");
    let texts = told("gzip", &["-dc", &doc.join("THIRD-PARTY.gz").display().to_string()]);
    for text in ["ring 0.17", "Apache License"] {
        assert!(texts.contains(text), "{text}");
    }
    let mode = fs::metadata(Path::new(&unpacked).join("usr/bin/deepspine")).expect("it was promised").permissions();
    assert_eq!(mode.mode() & 0o7777, 0o755);
}

#[test]
fn lintian_finds_no_error() {
    const NAME: &str = "lintian_finds_no_error";
    if !there("lintian") {
        return common::skipped(NAME, "no lintian");
    }
    let Some(made) = made(NAME) else { return };
    let output = run(Path::new("lintian"), &["--allow-root", "--fail-on", "error", &made.deb(), &made.research()]);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let overrides =
        fs::read_to_string(Path::new(ROOT).join("packaging/deepspine/lintian-overrides")).expect("overrides");
    let lines: Vec<&str> = overrides.lines().collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        assert!(at > 0 && lines[at - 1].starts_with('#'), "no reason is given for: {line}");
    }
}

#[test]
fn the_check_of_a_program_finds_what_may_not_ship() {
    const NAME: &str = "the_check_of_a_program_finds_what_may_not_ship";
    if !there("readelf") || cfg!(not(target_arch = "x86_64")) {
        return common::skipped(NAME, "no readelf, or another machine");
    }
    let check = Path::new(ROOT).join("cross/check");
    let output = run(&check, &[env!("CARGO_BIN_EXE_deepspine"), TARGET]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for line in ["√ machine", "√ position-independent", "√ stack without code", "√ no search path", "× stripped"]
    {
        assert!(said.lines().any(|l| l.starts_with(line)), "{line} in\n{said}");
    }
    for line in ["× at most", "× no folder of the machine that built it"] {
        assert!(said.lines().any(|l| l.starts_with(line)), "{line} in\n{said}");
    }
    let said = text(&run(&check, &[env!("CARGO_BIN_EXE_deepspine"), "aarch64-unknown-linux-gnu"]).stdout);
    assert!(said.contains("× machine"), "{said}");
    assert_eq!(run(&check, &[env!("CARGO_BIN_EXE_deepspine"), "riscv64"]).status.code(), Some(64));
}

/// The package of an older version, whose program reads journals of schema 1.
fn older(made: &Made, deb: &Path) {
    let unpacked = made.path("older").display().to_string();
    told("dpkg-deb", &["--raw-extract", &made.deb(), &unpacked]);
    let change = |file: &str, from: &str, to: &str| {
        let path = Path::new(&unpacked).join(file);
        let before = fs::read_to_string(&path).expect("it is in the package");
        assert!(before.contains(from), "{from} in {file}");
        fs::write(path, before.replace(from, to)).expect("the test's folder can be written");
    };
    let version = env!("CARGO_PKG_VERSION");
    change("DEBIAN/control", &format!("Version: {version}"), &format!("Version: {OLDER}"));
    change("DEBIAN/preinst", "schema=3", "schema=1");
    change("DEBIAN/postinst", "echo 3 >", "echo 1 >");
    told("dpkg-deb", &["--root-owner-group", "-Znone", "--build", &unpacked, &deb.display().to_string()]);
}

#[test]
fn a_package_lives_from_installation_to_purge() {
    const NAME: &str = "a_package_lives_from_installation_to_purge";
    if !geteuid().is_root() || !there("unshare") {
        return common::skipped(NAME, "only root can lay a layer over its system");
    }
    if !run(Path::new("dpkg"), &["--status", "systemd"]).status.success() {
        return common::skipped(NAME, "no systemd is installed here, on which the package depends");
    }
    let Some(made) = made(NAME) else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name);
    fs::copy(made.deb(), path("new.deb")).expect("the test's folder can be written");
    older(made, &path("old.deb"));
    let journal = rusqlite::Connection::open(path("journal.db")).expect("a database");
    journal.execute_batch(include_str!("packages/journal-1.sql")).expect("the older schema");
    drop(journal);
    let plan = StudyPlan {
        sagittal: Stack { fov_mm: 270.0, matrix: 192, slices: 5, thickness_mm: 4.0, spacing_mm: 4.4 },
        ..StudyPlan::default()
    };
    let phantom = Phantom::new(&Parameters::default()).expect("the usual phantom");
    write_study(&phantom, &plan, &path("phantom")).expect("the test's folder can be written");

    let script = Path::new(ROOT).join("tests/packages/life.sh").display().to_string();
    let dir = dir.path().display().to_string();
    let begin = ["--mount", "--propagation", "private", "sh", &script, &dir];
    let output = run(Path::new("unshare"), &begin);
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    if said.contains("mount: ") && !said.contains('√') {
        return common::skipped(NAME, "no layer can be laid over this system");
    }
    assert!(output.status.success(), "{said}");
    eprintln!("{said}");
}
