//! A child is shut in: it reads what it is given, writes one folder, and gets at nothing else.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use deepspine::appliance::reader::child::{ChildError, Program, ask};
use deepspine::appliance::reader::limits::{self, Limits};
use deepspine::appliance::reader::protocol::{FileOutcome, ReadReply, ReadRequest, ScanReply, ScanRequest};
use deepspine::appliance::reader::sandbox::{self, Rooms};
use deepspine::export::Bundle;
use deepspine::inference::Device;
use deepspine::phantom::{Parameters, Phantom, SeriesKind, Stack, StudyPlan, write_study};
use rustix::process::{getppid, test_kill_process};

/// Names the folder in which this very test, started again, is to shut itself in.
const ROOM: &str = "DEEPSPINE_TEST_ROOM";
/// Says that its networks would run on a GPU.
const WITH_A_GPU: &str = "DEEPSPINE_TEST_WITH_A_GPU";
/// Names the limit that this very test, started again, is to break.
const EXCESS: &str = "DEEPSPINE_TEST_EXCESS";
/// How long a child of these tests may take.
const PATIENCE: Duration = Duration::from_secs(300);

fn child(verb: &str) -> Program {
    let supervisor = format!("--supervisor={}", std::process::id());
    let arguments = [verb, "--memory-mib=512", "--cpu-secs=300", &supervisor];
    Program { path: env!("CARGO_BIN_EXE_deepspine").into(), arguments: arguments.map(Into::into).to_vec() }
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models")
}

fn phantom_files(dir: &Path) -> Vec<PathBuf> {
    let plan = StudyPlan {
        series: vec![SeriesKind::SagittalT2],
        sagittal: Stack { fov_mm: 270.0, matrix: 192, slices: 5, thickness_mm: 4.0, spacing_mm: 4.4 },
        ..StudyPlan::default()
    };
    let phantom = Phantom::new(&Parameters::default()).expect("the usual phantom");
    write_study(&phantom, &plan, dir).expect("the test's folder can be written").files
}

fn scan(paths: &[PathBuf], readable: &Path) -> Vec<FileOutcome> {
    let request = ScanRequest::Files { paths: paths.to_vec(), readable: vec![readable.to_owned()] };
    match ask(&child("child-scan"), &request, PATIENCE, &|| true) {
        Ok(ScanReply::Files { outcomes }) => outcomes,
        other => unreachable!("the child scans: {other:?}"),
    }
}

/// The report of the study below `folder`, read by both children.
fn report_of(folder: &Path, files: Vec<PathBuf>) -> serde_json::Value {
    for batch in files.chunks(64) {
        let outcomes = scan(batch, folder);
        assert!(outcomes.iter().all(|o| matches!(o, FileOutcome::Instance { .. })), "{outcomes:?}");
    }
    let spool = tempfile::tempdir().expect("a folder");
    let request = ReadRequest {
        paths: files,
        readable: vec![folder.to_owned(), models()],
        spool_dir: spool.path().to_owned(),
        models_dir: Some(models()),
        threads: 2,
        alpha_percent: 10,
    };
    match ask(&child("child-read"), &request, PATIENCE, &|| true) {
        Ok(ReadReply::Done(outcome)) => Bundle::read(&outcome.bundle).expect("the bundle is whole").report_value(),
        other => unreachable!("the child reads: {other:?}"),
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    deepspine::dicom::find_files(&[folder.to_owned()]).expect("the folder is readable").files
}

#[test]
fn a_study_is_read_alike_inside_and_outside() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = phantom_files(dir.path());
    let inside = report_of(dir.path(), files);
    let outside = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .args(["analyze", "--format", "json", "--models"])
        .arg(models())
        .arg(dir.path())
        .output()
        .expect("the binary runs");
    let outside: serde_json::Value = serde_json::from_slice(&outside.stdout).expect("a report is JSON");
    assert!(inside["levels"].as_array().is_some_and(|levels| levels.len() >= 5));
    for part in ["levels", "vertebrae", "quality", "series", "models"] {
        assert!(!inside[part].is_null(), "{part}");
        assert_eq!(inside[part], outside[part], "{part}");
    }
}

#[test]
fn a_clinical_study_is_read_inside() {
    let Some(data) = common::shared_data() else {
        return common::skipped("a_clinical_study_is_read_inside", "no shared data");
    };
    let folder = data.join("rsna/study");
    let report = report_of(&folder, files_below(&folder));
    assert!(report["levels"].as_array().is_some_and(|levels| levels.len() >= 5), "{report:#}");
}

#[test]
fn every_kind_of_object_is_looked_at_alike_inside_and_outside() {
    let Some(data) = common::shared_data() else {
        return common::skipped("every_kind_of_object_is_looked_at_alike_inside_and_outside", "no shared data");
    };
    let folder = data.join("dicom");
    let paths = files_below(&folder);
    for (path, outcome) in paths.iter().zip(scan(&paths, &folder)) {
        let inside = matches!(outcome, FileOutcome::Instance { .. });
        let outside = deepspine::dicom::scan(path)
            .is_ok_and(|header| header.complete && !header.identity.study_instance_uid.is_empty());
        assert_eq!(inside, outside, "{}: {outcome:?}", path.display());
    }
}

#[test]
fn a_child_reads_no_file_outside_what_it_is_given() {
    if sandbox::available().landlock_abi == 0 {
        return common::skipped("a_child_reads_no_file_outside_what_it_is_given", "the kernel has no landlock");
    }
    let dir = tempfile::tempdir().expect("a folder");
    let file = phantom_files(&dir.path().join("in")).pop().expect("a study has files");
    let beside = dir.path().join("state.dcm");
    fs::copy(&file, &beside).expect("the test's folder can be written");
    let outcomes = scan(&[file, beside], &dir.path().join("in"));
    assert!(matches!(&outcomes[0], FileOutcome::Instance { .. }), "{outcomes:?}");
    assert!(matches!(&outcomes[1], FileOutcome::Refused { reason } if reason.contains("ermission")), "{outcomes:?}");
}

/// Shuts this process in and says of each thing whether it could do it.
fn try_everything(room: &Path) {
    let (exports, spool) = (room.join("in"), room.join("incoming"));
    let readable = [exports.clone()];
    let device = if std::env::var_os(WITH_A_GPU).is_some() { Device::Cuda } else { Device::Cpu };
    sandbox::enter(Rooms { readable: &readable, writable: Some(&spool), device, ..Rooms::default() })
        .expect("the room can be shut");
    let write_new = |path: PathBuf| -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(b"x")?;
        file.sync_all()
    };
    let tried: [(&str, io::Result<()>); 19] = [
        ("read an export", fs::read(exports.join("a")).map(drop)),
        ("list the exports", fs::read_dir(&exports).map(drop)),
        ("write a bundle", write_new(spool.join("b.tmp"))),
        ("rename the bundle", fs::rename(spool.join("b.tmp"), spool.join("b"))),
        ("start a thread", std::thread::Builder::new().spawn(|| ()).map(|thread| drop(thread.join()))),
        ("read the key", fs::read(room.join("study.key")).map(drop)),
        ("read the passwords", fs::read("/etc/passwd").map(drop)),
        ("read what others run", fs::read_dir("/proc").map(drop)),
        ("write an export", write_new(exports.join("new"))),
        ("change an export", OpenOptions::new().append(true).open(exports.join("a")).map(drop)),
        ("remove an export", fs::remove_file(exports.join("a"))),
        ("link the key into its folder", fs::hard_link(room.join("study.key"), spool.join("key"))),
        ("listen", TcpListener::bind("127.0.0.1:0").map(drop)),
        ("connect", TcpStream::connect("127.0.0.1:1883").map(drop)),
        ("send a datagram", UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("make a local socket", UnixStream::pair().map(drop)),
        ("start a program", Command::new("/bin/true").status().map(drop)),
        ("become a program", Err(Command::new("/bin/true").exec())),
        ("signal its parent", getppid().map_or(Ok(()), |parent| test_kill_process(parent).map_err(io::Error::from))),
    ];
    let in_a_thread = std::thread::spawn(|| TcpListener::bind("127.0.0.1:0").map(drop)).join().expect("no panic");
    for (what, result) in tried.into_iter().chain([("listen in a thread", in_a_thread)]) {
        eprintln!("TRIED {what}: {}", result.map_or_else(|e| format!("{:?}", e.kind()), |()| "done".to_owned()));
    }
}

/// What a process that the test `name`, started again, shuts in can do: nothing but what it is there for.
fn shut_in_again(name: &str, with_a_gpu: bool) {
    if let Some(room) = std::env::var_os(ROOM) {
        return try_everything(Path::new(&room));
    }
    if sandbox::available().name() != "full" {
        return common::skipped(name, &sandbox::available().to_string());
    }
    let dir = tempfile::tempdir().expect("a folder");
    for folder in ["in", "incoming"] {
        fs::create_dir(dir.path().join(folder)).expect("the test's folder can be written");
    }
    for file in ["in/a", "study.key"] {
        fs::write(dir.path().join(file), "x").expect("the test's folder can be written");
    }
    let output = Command::new(std::env::current_exe().expect("a test has a file"))
        .args([name, "--exact", "--nocapture"])
        .env(ROOM, dir.path())
        .envs(with_a_gpu.then_some((WITH_A_GPU, "1")))
        .output()
        .expect("a test can be started again");
    let text = String::from_utf8_lossy(&output.stderr);
    let tried: BTreeMap<&str, &str> = text.lines().filter_map(|l| l.split_once("TRIED ")?.1.split_once(": ")).collect();
    assert_eq!(tried.len(), 20, "{text}");
    let needed = ["read an export", "list the exports", "write a bundle", "rename the bundle", "start a thread"];
    for (what, result) in tried {
        let expected = if needed.contains(&what) { "done" } else { "PermissionDenied" };
        assert_eq!(result, expected, "{what}");
    }
    assert_eq!(fs::read(dir.path().join("in/a")).expect("it is still there"), b"x");
}

#[test]
fn a_child_in_its_room_can_do_nothing_else() {
    shut_in_again("a_child_in_its_room_can_do_nothing_else", false);
}

#[test]
fn a_child_with_a_gpu_can_do_no_more_than_speak_to_it() {
    shut_in_again("a_child_with_a_gpu_can_do_no_more_than_speak_to_it", true);
}

/// Breaks one limit under the real ones.
fn break_limit(excess: &str) {
    let supervisor = getppid().expect("a test was started by one").as_raw_nonzero().get();
    limits::apply(Limits { memory_mib: 64, cpu_secs: 1, supervisor, device: Device::Cpu }).expect("limits can be laid");
    match excess {
        "memory" => {
            let mut kept = Vec::new();
            while std::hint::black_box(kept.len()) < usize::MAX {
                kept.push(vec![1_u8; 1 << 20]);
            }
        }
        "cpu" => {
            let mut turns = 0_u64;
            while std::hint::black_box(turns) < u64::MAX {
                turns += 1;
            }
        }
        _ => std::thread::sleep(PATIENCE),
    }
}

/// What becomes of a child that breaks the limit `excess`.
fn end_of(name: &str, excess: &str) -> ChildError {
    let me = std::env::current_exe().expect("a test has a file");
    // Its stdout stays open as another number, because a test's own lines are no answer.
    let script = format!("{EXCESS}={excess} exec \"$0\" --exact {name} --nocapture 3>&1 >/dev/null");
    let arguments = ["-c".into(), script.into(), me.into(), "--memory-mib=64".into(), "--cpu-secs=1".into()];
    let program = Program { path: "/bin/sh".into(), arguments: arguments.to_vec() };
    let request = ScanRequest::Study { headers: Vec::new(), readable: Vec::new() };
    ask::<_, ScanReply>(&program, &request, Duration::from_secs(20), &|| true).expect_err("it never answers")
}

#[test]
fn a_child_that_allocates_without_end_runs_out_of_its_memory() {
    if let Ok(excess) = std::env::var(EXCESS) {
        return break_limit(&excess);
    }
    let end = end_of("a_child_that_allocates_without_end_runs_out_of_its_memory", "memory");
    assert_eq!(end.to_string(), "the child ended without an answer: it ran out of its memory (64 MiB)");
}

#[test]
fn a_child_that_computes_without_end_uses_up_its_time() {
    if let Ok(excess) = std::env::var(EXCESS) {
        return break_limit(&excess);
    }
    let end = end_of("a_child_that_computes_without_end_uses_up_its_time", "cpu");
    assert_eq!(end.to_string(), "the child ended without an answer: it used up its CPU time (1 s)");
}
