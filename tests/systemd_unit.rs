//! The service unit holds what it promises, and the appliance lives with what it forbids.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use deepspine::appliance::reader::sandbox;
use deepspine::phantom::{Parameters, Phantom, SeriesKind, Stack, StudyPlan, write_study};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// What `systemd-analyze security` may say of the unit as shipped.
const EXPOSURE_MAX: f64 = 1.5;
/// The same with the drop-in for a GPU, which opens its devices.
const EXPOSURE_WITH_A_GPU_MAX: f64 = 1.7;
/// Names the configuration under which this very test, started again, becomes the appliance.
const CONFIGURATION: &str = "DEEPSPINE_TEST_CONFIGURATION";
/// How long the appliance may take for its self-test and one study.
const PATIENCE: Duration = Duration::from_secs(300);
/// Where the numbers of this machine's system calls stand.
const NUMBERS: [&str; 2] = ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h"];
/// `AF_UNIX`, `AF_INET`, `AF_INET6`, by the names that a unit has for them.
const FAMILIES: [(&str, u64); 3] = [("AF_UNIX", 1), ("AF_INET", 2), ("AF_INET6", 10)];
const EPERM: u32 = 1;
const PROT_WRITE: u64 = 2;
const PROT_EXEC: u64 = 4;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)
}

fn unit() -> String {
    fs::read_to_string(shipped("deepspine.service")).expect("the unit is there")
}

/// The values of `key` in the unit, in their order.
fn values(key: &str) -> Vec<String> {
    let unit = unit();
    unit.lines().filter_map(|l| l.strip_prefix(key)?.strip_prefix('=').map(str::to_owned)).collect()
}

/// What a program of systemd says; `None`, and the test `name` skipped, where there is none.
fn told_by(name: &str, program: &str, arguments: &[&str]) -> Option<Output> {
    let output = Command::new(program).args(arguments).env("SYSTEMD_COLORS", "0").output();
    if output.is_err() {
        common::skipped(name, &format!("no {program}"));
    }
    output.ok()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How exposed the unit at `path` is, with its drop-ins, and all that is said of it; `None`, and the test `name` skipped, where
/// nobody can say.
fn exposure(name: &str, path: &Path) -> Option<(f64, String)> {
    let path = path.display().to_string();
    let output = told_by(name, "systemd-analyze", &["security", "--offline=true", "--no-pager", &path])?;
    let verdict = text(&output.stdout);
    let Some((_, level)) = verdict.split_once("Overall exposure level for deepspine.service: ") else {
        common::skipped(name, "this systemd-analyze can't judge a unit that does not run");
        return None;
    };
    let level = level.split_whitespace().next().and_then(|l| l.parse().ok()).expect("a number");
    eprintln!("exposure {level}");
    Some((level, verdict))
}

#[test]
fn the_unit_as_shipped_is_little_exposed() {
    const NAME: &str = "the_unit_as_shipped_is_little_exposed";
    let Some((level, verdict)) = exposure(NAME, &shipped("deepspine.service")) else { return };
    assert!(level <= EXPOSURE_MAX, "{verdict}");
}

#[test]
fn the_drop_in_for_a_gpu_opens_its_devices_and_little_else() {
    const NAME: &str = "the_drop_in_for_a_gpu_opens_its_devices_and_little_else";
    let example = fs::read_to_string(shipped("cuda.conf.example")).expect("it is there");
    let mut keys: Vec<&str> =
        example.lines().filter(|l| !l.starts_with(['#', '['])).filter_map(|l| Some(l.split_once('=')?.0)).collect();
    keys.dedup();
    let expected = [
        "PrivateDevices",
        "DeviceAllow",
        "SupplementaryGroups",
        "MemoryMax",
        "CacheDirectory",
        "CacheDirectoryMode",
        "Environment",
    ];
    assert_eq!(keys, expected);
    let dir = tempfile::tempdir().expect("a folder");
    let unit = dir.path().join("deepspine.service");
    let drop_ins = dir.path().join("deepspine.service.d");
    fs::copy(shipped("deepspine.service"), &unit).expect("the test's folder can be written");
    fs::create_dir(&drop_ins).expect("the test's folder can be written");
    fs::write(drop_ins.join("cuda.conf"), example).expect("the test's folder can be written");
    let Some((level, verdict)) = exposure(NAME, &unit) else { return };
    assert!(verdict.contains("/dev/nvmap:rw"), "the drop-in was not looked at\n{verdict}");
    assert!(level <= EXPOSURE_WITH_A_GPU_MAX, "{verdict}");
}

#[test]
fn the_unit_is_verified_without_a_word() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("deepspine.service");
    // The program is asked for where it is built.
    let here = unit().replace("/usr/bin/deepspine", env!("CARGO_BIN_EXE_deepspine"));
    fs::write(&path, here).expect("the test's folder can be written");
    let path = path.display().to_string();
    let arguments = ["verify", "--man=no", "--recursive-errors=no", &path];
    let Some(output) = told_by("the_unit_is_verified_without_a_word", "systemd-analyze", &arguments) else { return };
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn users_groups_and_folders_are_made_as_they_are_told() {
    const NAME: &str = "users_groups_and_folders_are_made_as_they_are_told";
    if !geteuid().is_root() {
        return common::skipped(NAME, "only root can give folders away");
    }
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir(root.path().join("etc")).expect("the test's folder can be written");
    let option = format!("--root={}", root.path().display());
    let sysusers = shipped("deepspine.sysusers").display().to_string();
    let Some(output) = told_by(NAME, "systemd-sysusers", &[&option, &sysusers]) else { return };
    assert!(output.status.success(), "{}", text(&output.stderr));
    let tmpfiles = shipped("deepspine.tmpfiles").display().to_string();
    let Some(output) = told_by(NAME, "systemd-tmpfiles", &[&option, "--create", &tmpfiles]) else { return };
    assert!(output.status.success(), "{}", text(&output.stderr));

    let groups = fs::read_to_string(root.path().join("etc/group")).expect("groups were made");
    let group_of = |gid: u32| -> String {
        let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
        lines.find(|l| l[2] == gid.to_string()).map_or("root".to_owned(), |l| l[0].to_owned())
    };
    for (folder, mode, group) in [
        ("srv/deepspine/in", 0o2770, "deepspine-in"),
        ("srv/deepspine/out", 0o2750, "deepspine-out"),
        ("var/lib/deepspine", 0o700, "deepspine"),
    ] {
        let about = fs::metadata(root.path().join(folder)).expect("it was made");
        assert_eq!((about.permissions().mode() & 0o7777, group_of(about.gid())), (mode, group.to_owned()), "{folder}");
    }
    for group in values("SupplementaryGroups").iter().flat_map(|v| v.split_whitespace()) {
        let member = groups.lines().any(|l| l.starts_with(&format!("{group}:")) && l.ends_with(":deepspine"));
        assert!(member, "{group} in\n{groups}");
    }
}

#[test]
fn the_drop_in_for_credentials_adds_them_and_nothing_else() {
    let example = fs::read_to_string(shipped("credentials.conf.example")).expect("it is there");
    let lines: Vec<&str> = example.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
    assert_eq!(lines.first(), Some(&"[Service]"));
    let names: Vec<&str> = lines[1..]
        .iter()
        .map(|l| l.strip_prefix("LoadCredential=").and_then(|l| l.split(':').next()).unwrap_or(l))
        .collect();
    assert_eq!(names, ["mqtt-password", "mqtt-ca", "mqtt-client-cert", "mqtt-client-key", "study-key", "web-token"]);
    assert!(values("LoadCredential").is_empty(), "a missing file would keep the service from starting");
}

/// The system calls of `set` and of the sets in it, as this systemd expands them.
fn expand(set: &str, calls: &mut BTreeSet<String>) {
    if !set.starts_with('@') {
        calls.insert(set.to_owned());
        return;
    }
    let output = Command::new("systemd-analyze").args(["syscall-filter", "--no-pager", set]).output();
    let listing = text(&output.expect("it was there a moment ago").stdout);
    let members = listing.lines().filter(|l| l.starts_with(' ')).map(str::trim).filter(|l| !l.starts_with('#'));
    members.for_each(|member| expand(member, calls));
}

/// What the unit's filter allows, by name.
fn allowed_calls() -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    // systemd puts it into every list of what is allowed.
    expand("@default", &mut allowed);
    for value in values("SystemCallFilter") {
        let (taken_away, sets) = value.strip_prefix('~').map_or((false, value.as_str()), |sets| (true, sets));
        let mut calls = BTreeSet::new();
        sets.split_whitespace().for_each(|set| expand(set, &mut calls));
        if taken_away {
            allowed.retain(|call| !calls.contains(call));
        } else {
            allowed.extend(calls);
        }
    }
    allowed
}

fn numbers() -> Option<BTreeMap<String, i64>> {
    let header = NUMBERS[usize::from(cfg!(target_arch = "aarch64"))];
    let text = fs::read_to_string(header).ok()?;
    let entries = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.by_ref().find(|w| w.starts_with("__NR"))?;
        let name = name.strip_prefix("__NR3264_").or_else(|| name.strip_prefix("__NR_"))?;
        Some((name.to_owned(), words.next()?.parse().ok()?))
    });
    Some(entries.collect())
}

fn masked(argument: u8, mask: u64, value: u64) -> SeccompRule {
    let operator = SeccompCmpOp::MaskedEq(mask);
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value);
    SeccompRule::new(vec![condition.expect("an argument")]).expect("a rule")
}

/// The unit's filter: its system calls, its address families, and no memory that becomes code.
fn filter(numbers: &BTreeMap<String, i64>) -> BpfProgram {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        allowed_calls().iter().filter_map(|name| Some((*numbers.get(name)?, Vec::new()))).collect();
    let families = values("RestrictAddressFamilies").concat();
    let families = FAMILIES.iter().filter(|(name, _)| families.split_whitespace().any(|f| f == *name));
    let mut restrict = |name: &str, allowed: Vec<SeccompRule>| {
        let number = numbers[name];
        assert!(rules.insert(number, allowed).is_some(), "{name} is in the filter");
    };
    restrict("socket", families.map(|(_, family)| masked(0, u64::MAX >> 32, *family)).collect());
    assert_eq!(values("MemoryDenyWriteExecute"), ["yes"]);
    restrict("mmap", vec![masked(2, PROT_EXEC, 0), masked(2, PROT_WRITE, 0)]);
    restrict("mprotect", vec![masked(2, PROT_EXEC, 0)]);
    let architecture = std::env::consts::ARCH.try_into().expect("an architecture of the appliance");
    let filter = SeccompFilter::new(rules, SeccompAction::Errno(EPERM), SeccompAction::Allow, architecture);
    filter.expect("a filter").try_into().expect("a program")
}

/// Lays the unit's filter on this process, which then becomes the appliance.
fn become_the_appliance(configuration: &Path) {
    let filter = filter(&numbers().expect("they were there a moment ago"));
    apply_filter(&filter).expect("the kernel takes the filter");
    let error = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .args(["run", "--models", concat!(env!("CARGO_MANIFEST_DIR"), "/models"), "--config"])
        .arg(configuration)
        .exec();
    unreachable!("the appliance does not start: {error}");
}

#[test]
fn the_filter_of_the_unit_is_a_filter() {
    if told_by("the_filter_of_the_unit_is_a_filter", "systemd-analyze", &["--version"]).is_none() {
        return;
    }
    let allowed = allowed_calls();
    for needed in ["openat", "socket", "execve", "landlock_restrict_self", "seccomp", "prlimit64", "fchownat"] {
        assert!(allowed.contains(needed), "{needed}");
    }
    for refused in ["mount", "ptrace", "bpf", "setuid", "reboot", "sched_setaffinity", "setrlimit", "init_module"] {
        assert!(!allowed.contains(refused), "{refused}");
    }
}

/// The folder of a study: the clinical one, or a phantom below `dir` where that is absent.
fn study(dir: &Path) -> PathBuf {
    if let Some(data) = common::shared_data() {
        return data.join("rsna/study");
    }
    let folder = dir.join("in");
    let plan = StudyPlan {
        series: vec![SeriesKind::SagittalT2],
        sagittal: Stack { fov_mm: 270.0, matrix: 192, slices: 5, thickness_mm: 4.0, spacing_mm: 4.4 },
        ..StudyPlan::default()
    };
    let phantom = Phantom::new(&Parameters::default()).expect("the usual phantom");
    write_study(&phantom, &plan, &folder).expect("the test's folder can be written");
    folder
}

#[test]
fn a_study_is_read_under_the_filter_of_the_unit() {
    const NAME: &str = "a_study_is_read_under_the_filter_of_the_unit";
    if let Some(configuration) = std::env::var_os(CONFIGURATION) {
        return become_the_appliance(Path::new(&configuration));
    }
    if told_by(NAME, "systemd-analyze", &["--version"]).is_none() {
        return;
    }
    if numbers().is_none() {
        return common::skipped(NAME, "no header with the numbers of system calls");
    }
    let dir = tempfile::tempdir().expect("a folder");
    let folder = study(dir.path());
    let configuration = dir.path().join("config.toml");
    let lines = format!(
        "[ingest]\nfolder = \"{1}\"\nquiet-secs = 0\nwanted = []\n\
         [storage]\nstate-dir = \"{0}/state\"\nout-dir = \"{0}/out\"\n[reader]\nthreads = 2\n",
        dir.path().display(),
        folder.display()
    );
    fs::write(&configuration, lines).expect("the test's folder can be written");
    let log = dir.path().join("log");
    let mut appliance = Command::new(std::env::current_exe().expect("a test has a file"))
        .args([NAME, "--exact", "--nocapture"])
        .env(CONFIGURATION, &configuration)
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).expect("the test's folder can be written"))
        .spawn()
        .expect("a test can be started again");
    let said = || fs::read_to_string(&log).unwrap_or_default();
    let begun = Instant::now();
    let report = loop {
        let reports = fs::read_dir(dir.path().join("out")).into_iter().flatten().flatten();
        if let Some(report) = reports.map(|e| e.path().join("report.json")).find(|path| path.is_file()) {
            break Some(report);
        }
        let ended = appliance.try_wait().expect("it is our child").is_some();
        if ended || begun.elapsed() > PATIENCE {
            break None;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let process = fs::read_to_string(format!("/proc/{}/status", appliance.id())).unwrap_or_default();
    kill_process(Pid::from_child(&appliance), Signal::TERM).expect("it is our child");
    let status = appliance.wait().expect("it is our child");
    let report = report.unwrap_or_else(|| unreachable!("no report; the appliance said\n{}", said()));
    let report = fs::read_to_string(report).expect("the report is there");
    let report: serde_json::Value = serde_json::from_str(&report).expect("a report is JSON");
    assert!(report["levels"].as_array().is_some_and(|levels| levels.len() >= 5), "{report:#}");
    assert!(process.contains("\nSeccomp:\t2\n"), "it ran under no filter\n{process}");
    assert!(status.success(), "{status}\n{}", said());
    // As without the unit: its filter leaves the children what they shut themselves in with.
    let level = format!("children are shut in: {}", sandbox::available());
    assert!(said().contains(&level), "{}", said());
    assert!(!said().contains("not permitted"), "{}", said());
}
