//! What 300,000 remembered files cost at a start and at each rescan.
//!
//! Takes minutes, so it runs where asked for: `cargo test --test ingest_scale -- --ignored --nocapture`, with `TMPDIR`
//! on a file system that has as many inodes.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod simulated;
mod wire;

use std::ops::ControlFlow;
use std::time::Instant;

use deepspine::appliance::ingest::listing::{self, Entry};
use deepspine::appliance::ingest::pace::Meter;
use deepspine::appliance::journal::{FileRow, FileState, Journal};
use simulated::Simulation;

const FOLDERS: usize = 1000;
const FILES_A_FOLDER: usize = 300;
/// Most bytes of memory a known file, the rest of a start included.
const BYTES_A_FILE_MAX: u64 = 48;

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("we run");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
#[ignore = "lists 300,000 files, which takes minutes; by hand, with --ignored"]
fn three_hundred_thousand_known_files_cost_little_memory_and_no_second_look() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("in");
    for sub in 0..FOLDERS {
        let sub = folder.join(sub.to_string());
        std::fs::create_dir_all(&sub).expect("the test's folder can be written");
        for file in 0..FILES_A_FOLDER {
            std::fs::File::create(sub.join(format!("{file}.dcm"))).expect("the test's folder can be written");
        }
    }
    std::fs::create_dir_all(dir.path().join("state")).expect("the test's folder can be written");
    let journal = Journal::open(&dir.path().join("state")).expect("a journal opens");
    let (mut rows, mut total) = (Vec::new(), 0);
    let mut remember = |rows: &mut Vec<FileRow>| {
        total += rows.len();
        journal.remember_files(std::mem::take(rows)).expect("the journal works");
    };
    listing::walk(&folder, &mut |entry| {
        if let Entry::File(found) = entry {
            rows.push(FileRow::bare(found.path, found.print, FileState::Refused, Some("is not DICOM".to_owned())));
        }
        if rows.len() >= 1000 {
            remember(&mut rows);
        }
        ControlFlow::Continue(())
    })
    .expect("the folder can be read");
    remember(&mut rows);
    assert_eq!(total, FOLDERS * FILES_A_FOLDER);
    drop((rows, journal));

    let before_kib = resident_kib();
    let (meter, begun) = (Meter::start(), Instant::now());
    let mut at = Simulation::start(dir.path(), &[]);
    let start = (begun.elapsed(), meter.read().cpu);
    let started_kib = resident_kib();
    assert_eq!(at.desk.depth(), (total, 0));
    let mut rescans = Vec::new();
    for _ in 0..3 {
        let meter = Meter::start();
        at.desk.step(&|| {}).expect("the journal works");
        rescans.push(meter.read());
        at.pass_secs(120);
    }
    let after_kib = resident_kib();
    eprintln!("{total} files: journal opened and recalled in {start:?} (wall, cpu of the thread)");
    eprintln!("RSS {before_kib} KiB before, {started_kib} KiB started, {after_kib} KiB after rescans {rescans:?}");
    assert_eq!((at.looked_at, at.desk.depth()), (0, (total, 0)), "nothing is looked at again");
    assert!((after_kib - before_kib) * 1024 <= BYTES_A_FILE_MAX * total as u64, "{before_kib} to {after_kib} KiB");
}
