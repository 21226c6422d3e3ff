//! Whatever lies in the export folder, intake goes on: for the other files, the other studies, in bounded memory.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod simulated;
mod wire;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use deepspine::appliance::journal::{FileState, Journal};
use deepspine::appliance::reader::child::Program;
use deepspine::appliance::reading::{Programs, Starter};
use deepspine::appliance::supervisor::{Appliance, Options};
use deepspine::inference::ModelSource;
use deepspine::phantom::{Parameters, Phantom, SeriesKind, Stack, StudyPlan, write_study};
use simulated::Simulation;
use wire::{program, settings, until};

/// Most memory of the supervisor, KiB.
const SUPERVISOR_KIB_MAX: u64 = 256 * 1024;
/// A user that may read nothing of others.
const NOBODY: u32 = 65_534;

/// The hidden verb of the binary under test, by way of a shell that first runs `before`.
fn child(verb: &'static str, before: String) -> Starter {
    Box::new(move |memory_mib, cpu_secs| {
        let Program { path, arguments } = program(verb, memory_mib, cpu_secs);
        let script = OsString::from(format!("{before}\nexec \"$0\" \"$@\""));
        Program { path: "/bin/sh".into(), arguments: [vec!["-c".into(), script, path.into()], arguments].concat() }
    })
}

fn start(dir: &Path, overrides: &[&str], programs: Programs) -> (Appliance, Journal) {
    std::fs::create_dir_all(dir.join("in")).expect("the test's folder can be written");
    let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_owned()).collect();
    let appliance = Appliance::start(Options {
        settings: settings(dir, &overrides),
        models: ModelSource::Folder(dir.join("no models")),
        rescan_period: Duration::from_millis(50),
        programs,
    });
    let journal = Journal::open(&dir.join("state"));
    (appliance.expect("the appliance starts"), journal.expect("a second look into the journal"))
}

fn known(journal: &Journal) -> Vec<(PathBuf, FileState)> {
    let files = journal.known_files_after(Path::new(""), 1_000_000).expect("the journal works");
    files.into_iter().map(|(path, _, state)| (path, state)).collect()
}

#[test]
fn links_pipes_and_sockets_are_passed_by_and_names_may_be_any_bytes() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("in");
    std::fs::create_dir(&folder).expect("the test's folder can be written");
    symlink(&folder, folder.join("loop")).expect("the test's folder can be written");
    symlink("two", folder.join("one")).expect("the test's folder can be written");
    symlink("one", folder.join("two")).expect("the test's folder can be written");
    symlink("/dev/zero", folder.join("endless.dcm")).expect("the test's folder can be written");
    rustix::fs::mknodat(rustix::fs::CWD, folder.join("pipe.dcm"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("a FIFO can be made");
    let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket.dcm")).expect("a socket can be made");
    let every_byte: Vec<u8> = (1..=255).filter(|byte| *byte != b'/').collect();
    let mut names: Vec<Vec<u8>> =
        [b"\n\r\x1b[2J".as_slice(), b"\xff\xfe", b"a\xc3", b"\"},{\"", b"--help", b"%n'; DROP TABLE files"]
            .map(<[u8]>::to_vec)
            .to_vec();
    names.extend(every_byte.chunks(200).map(|bytes| [b"b".as_slice(), bytes].concat()));
    let mut expected: Vec<PathBuf> = names.iter().map(|name| folder.join(OsStr::from_bytes(name))).collect();
    expected.sort();
    for path in &expected {
        std::fs::write(path, "junk").expect("the test's folder can be written");
    }
    let programs = Programs { scan: child("child-scan", String::new()), ..Programs::default() };
    let (appliance, journal) = start(dir.path(), &[], programs);
    until("every file is looked at", || known(&journal).len() >= expected.len());
    appliance.check().expect("every thread goes on");
    appliance.stop();
    let (paths, states): (Vec<_>, Vec<_>) = known(&journal).into_iter().unzip();
    assert_eq!(paths, expected);
    assert!(states.iter().all(|state| *state == FileState::Refused));
}

/// A file of a few kilobytes that unpacks to a gigabyte.
fn bombs() -> Vec<(String, Vec<u8>)> {
    let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        deflated.write_all(&zeros).expect("memory can be written");
    }
    let deflated = deflated.finish().expect("memory can be written");
    let mut object = vec![0; 128];
    object.extend_from_slice(b"DICM");
    let mut element = |tag: [u8; 4], vr: &[u8; 2], value: &[u8]| {
        object.extend_from_slice(&tag);
        object.extend_from_slice(vr);
        object.extend_from_slice(&(value.len() as u16).to_le_bytes());
        object.extend_from_slice(value);
    };
    let syntax = b"1.2.840.10008.1.2.1.99";
    let class = b"1.2.840.10008.5.1.4.1.1.4\0";
    let group_length = (8 + class.len() + 8 + 4 + 8 + syntax.len()) as u32;
    element([2, 0, 0, 0], b"UL", &group_length.to_le_bytes());
    element([2, 0, 2, 0], b"UI", class);
    element([2, 0, 3, 0], b"UI", b"1.2\0");
    element([2, 0, 16, 0], b"UI", syntax);
    object.extend_from_slice(&deflated);
    vec![("bomb.dcm".to_owned(), object), ("bomb.zlib".to_owned(), deflated)]
}

#[test]
fn samples_their_truncations_and_bombs_cost_no_more_than_their_child() {
    let Some(data) = common::shared_data() else {
        common::skipped("samples_their_truncations_and_bombs_cost_no_more_than_their_child", "no shared data");
        return;
    };
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("in");
    std::fs::create_dir(&folder).expect("the test's folder can be written");
    let mut files = bombs();
    for entry in std::fs::read_dir(data.join("dicom")).expect("the samples can be read") {
        let path = entry.expect("the samples can be read").path();
        let bytes = std::fs::read(&path).expect("a sample can be read");
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        for part in [0, 1, 5, 10, 50, 90, 99, 100] {
            files.push((format!("{part:03}-{name}"), bytes[..bytes.len() * part / 100].to_vec()));
        }
    }
    for (name, bytes) in &files {
        std::fs::write(folder.join(name), bytes).expect("the test's folder can be written");
    }
    let runs = dir.path().join("runs");
    let scan = child("child-scan", format!("echo run >>'{}'", runs.display()));
    let read = child("child-read", String::new());
    let (appliance, journal) = start(dir.path(), &[], Programs { scan, read, self_test: None, ..Programs::default() });
    let settled = || {
        let files = known(&journal);
        (files.len(), files.iter().filter(|(_, state)| *state == FileState::Suspect).count())
    };
    until("every file has its verdict", || settled() == (files.len(), 0));
    appliance.check().expect("every thread goes on");
    // The last file to come is looked at like the first.
    std::fs::write(folder.join("last.dcm"), "junk").expect("the test's folder can be written");
    until("a later file has its verdict", || settled() == (files.len() + 1, 0));
    appliance.stop();
    let accepted = known(&journal).iter().filter(|(_, state)| *state == FileState::Accepted).count();
    assert!(accepted > 0, "whole samples are instances");
    let children = std::fs::read_to_string(runs).expect("children ran").lines().count();
    eprintln!("{} files, {accepted} accepted, {children} children", files.len());
    assert!(children <= files.len(), "one child each at most, and most share one");
}

#[test]
fn a_study_whose_files_are_swapped_while_it_is_read_is_read_again_and_nothing_is_mixed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (file, runs) = (dir.path().join("in/1.dcm"), dir.path().join("runs"));
    let answer = r#"
answer() {
  printf "$(printf '\\%03o\\%03o\\000\\000' $((${#1} % 256)) $((${#1} / 256)))%s" "$1"
}
request=$(tail -c +5)
"#;
    let scan = format!(
        r#"{answer}
case $request in
*'"ask":"files"'*)
  answer '{{"answer":"files","outcomes":[{{"outcome":"instance","study_uid":"1.2","series_uid":"1.2.3","instance_uid":"1.2.3.4","digest":"'"$(cat '{file}')"'","header":"h"}}]}}' ;;
*) answer '{{"answer":"study","whole_roles":["sag-t2","sag-t1","ax-t2"],"gapped_roles":[]}}' ;;
esac
"#,
        file = file.display()
    );
    // The first reading sees the file swapped under it; the others say what they saw.
    let read = format!(
        r#"{answer}
echo run >>'{runs}'
[ "$(wc -l <'{runs}')" = 1 ] && echo second >'{file}'
answer '{{"answer":"failed","reason":"saw the '"$(cat '{file}')"'"}}'
"#,
        runs = runs.display(),
        file = file.display()
    );
    let shell = |script: String| -> Starter {
        Box::new(move |_, _| Program {
            path: "/bin/sh".into(),
            arguments: vec![OsString::from("-c"), OsString::from(&script)],
        })
    };
    let programs = Programs { scan: shell(scan), read: shell(read), self_test: None, ..Programs::default() };
    let (appliance, journal) = start(dir.path(), &["ingest.quiet-secs=0", "reader.max-attempts=2"], programs);
    std::fs::write(&file, "first").expect("the test's folder can be written");
    until("the study came to its end", || {
        known(&journal).len() == 1 && journal.open_studies().expect("the journal works").is_empty()
    });
    appliance.stop();
    let attempts = std::fs::read_to_string(runs).expect("the child ran").lines().count();
    assert_eq!(attempts, 3, "the reading that was disturbed does not count as one of two attempts");
}

/// `deepspine run` as a service of its own, and the memory that it takes.
struct Service(Child);

impl Service {
    fn start(dir: &Path, user: Option<u32>) -> Self {
        let config = dir.join("config.toml");
        let text = format!(
            "[ingest]\nfolder = \"{0}/in\"\nquiet-secs = 1\nwanted = []\n[storage]\nstate-dir = \"{0}/state\"\nout-dir = \"{0}/out\"\nruntime-dir = \"{0}/run\"\n",
            dir.display()
        );
        std::fs::write(&config, text).expect("the test's folder can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_deepspine"));
        command.args(["run", "--config"]).arg(&config).arg("--models");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("models")).stderr(Stdio::null());
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        Self(command.spawn().expect("the binary runs"))
    }

    fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("the service runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The journal of a service, once the service has made it. Not before its control socket is there: a second
/// opener in the midst of the making would leave files that are the test's user's, not the service's.
fn journal_of(dir: &Path) -> Journal {
    until("the service has made its journal", || dir.join("run/control.sock").exists());
    let mut journal = None;
    until("the journal can be opened", || {
        journal = Journal::open(&dir.join("state")).ok();
        journal.is_some()
    });
    journal.expect("just opened")
}

#[test]
fn an_unreadable_folder_blinds_nobody_to_the_rest_and_its_files_are_not_taken_for_gone() {
    let dir = tempfile::tempdir().expect("a folder");
    let is_root = rustix::process::geteuid().is_root();
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our own folder");
    };
    set(dir.path(), 0o777);
    let folder = dir.path().join("in");
    for sub in ["closed/deeper", "open"] {
        std::fs::create_dir_all(folder.join(sub)).expect("the test's folder can be written");
    }
    let (hidden, removed) = (folder.join("closed/deeper/1.dcm"), folder.join("open/2.dcm"));
    for path in [&hidden, &removed] {
        std::fs::write(path, "junk").expect("the test's folder can be written");
    }
    let runnable = !is_root
        || Command::new(env!("CARGO_BIN_EXE_deepspine"))
            .arg("--version")
            .uid(NOBODY)
            .stdout(Stdio::null())
            .status()
            .is_ok();
    if !runnable {
        let name = "an_unreadable_folder_blinds_nobody_to_the_rest_and_its_files_are_not_taken_for_gone";
        common::skipped(name, "root reads everything, and nobody else may run the binary here");
        return;
    }
    let _service = Service::start(dir.path(), is_root.then_some(NOBODY));
    let journal = journal_of(dir.path());
    let paths = || known(&journal).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    until("both are looked at", || paths() == [hidden.clone(), removed.clone()]);
    set(&folder.join("closed"), 0o000);
    std::fs::remove_file(&removed).expect("our own folder");
    let later = folder.join("open/3.dcm");
    std::fs::write(&later, "junk").expect("the test's folder can be written");
    until("the removed one is forgotten, the hidden one kept, the later one looked at", || {
        paths() == [hidden.clone(), later.clone()]
    });
    set(&folder.join("closed"), 0o755);
}

#[test]
fn a_folder_swapped_away_forgets_nothing_and_one_emptied_by_hand_does() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut at = Simulation::start(dir.path(), &[]);
    for role in ["sag-t2", "sag-t1", "ax-t2"] {
        at.export("a", "1.1", role, 0..10);
    }
    at.export("b", "1.2", "ax-t2", 0..10);
    at.until_secs(100);
    assert_eq!((at.looked_at, at.reports.len(), at.desk.depth()), (40, 1, (40, 1)));
    let (folder, away) = (at.folder(), dir.path().join("away"));
    std::fs::rename(&folder, &away).expect("the test's folder can be written");
    at.pass_secs(600);
    std::fs::create_dir(&folder).expect("the test's folder can be written");
    // Long enough for the other study's time to be up: nothing is read from a folder that is not there.
    at.pass_secs(9000);
    assert_eq!((at.looked_at, at.reports.len(), at.desk.depth()), (40, 1, (40, 1)));
    std::fs::remove_dir(&folder).expect("it is empty");
    std::fs::rename(&away, &folder).expect("the test's folder can be written");
    at.pass_secs(100);
    assert_eq!((at.looked_at, at.reports.len(), at.desk.depth()), (40, 2, (40, 0)), "only what was due is read");
    for sub in ["a", "b"] {
        std::fs::remove_dir_all(folder.join(sub)).expect("our own folder");
    }
    at.pass_secs(100);
    assert_eq!(at.desk.depth(), (0, 0));
    assert!(known(&at.journal).is_empty());
}

#[test]
fn files_that_vanish_before_they_are_looked_at_hold_nothing_up() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut at = Simulation::start(dir.path(), &[]);
    for round in 0..20 {
        at.export("gone", &format!("9.{round}"), "ax-t2", 0..5);
        at.pass_secs(1 + round % 4);
        std::fs::remove_dir_all(at.folder().join("gone")).expect("our own folder");
        at.wake();
    }
    for role in ["sag-t2", "sag-t1", "ax-t2"] {
        at.export("a", "1.1", role, 0..10);
    }
    at.pass_secs(30);
    assert!(at.reports.iter().any(|report| report.study == "1.1"), "{:?}", at.reports);
    assert_eq!(known(&at.journal).len(), 30, "and nothing of what is gone is kept");
}

#[test]
fn a_study_is_read_while_a_hundred_thousand_other_files_wait() {
    // A hundred thousand files are made and removed far faster in memory.
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder");
    let folder = dir.path().join("in");
    for sub in 0..100 {
        let sub = folder.join(format!("old/{sub}"));
        std::fs::create_dir_all(&sub).expect("the test's folder can be written");
        for file in 0..1000 {
            std::fs::File::create(sub.join(file.to_string())).expect("the test's folder can be written");
        }
    }
    let plan = StudyPlan {
        series: vec![SeriesKind::SagittalT2],
        sagittal: Stack { fov_mm: 270.0, matrix: 192, slices: 7, thickness_mm: 4.0, spacing_mm: 4.4 },
        ..StudyPlan::default()
    };
    let phantom = Phantom::new(&Parameters::default()).expect("the usual phantom");
    let service = Service::start(dir.path(), None);
    let journal = journal_of(dir.path());
    until("the old files are being looked at", || !known(&journal).is_empty());
    write_study(&phantom, &plan, &folder.join("new")).expect("the test's folder can be written");
    let mut exported = Vec::new();
    let begun = std::time::Instant::now();
    while exported.is_empty() {
        assert!(begun.elapsed() < wire::DEADLINE * 5, "gave up waiting for the report");
        std::thread::sleep(Duration::from_millis(100));
        let out = std::fs::read_dir(dir.path().join("out"));
        exported = out.map(|entries| entries.flatten().collect()).unwrap_or_default();
    }
    let (looked_at, peak_kib) = (known(&journal).len(), service.peak_kib());
    eprintln!("reported after {:?} with {looked_at} files looked at, peak {peak_kib} KiB", begun.elapsed());
    assert!(looked_at < 100_000, "the others were still waiting");
    assert!(peak_kib <= SUPERVISOR_KIB_MAX, "{peak_kib} KiB");
}
