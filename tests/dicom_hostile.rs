//! Cut and broken files: a result or a clear error, never a panic, never above 256 MB.

#![expect(clippy::expect_used, reason = "what fails to hold fails the test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use deepspine::dicom;

/// Points at which each object is cut.
const CUTS: usize = 64;
/// Broken copies made of each small object.
const BROKEN_COPIES: usize = 64;
/// Objects larger than this are cut, not broken at random.
const SMALL_BYTES: usize = 100_000;
/// Most memory that the process may have used, KiB.
const PEAK_KIB_MAX: u64 = 256 * 1024;

fn objects(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join("dicom")).expect("the folder is readable");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the entry is readable").path()).collect();
    paths.sort();
    assert_eq!(paths.len(), 24);
    paths
}

/// Reads a file as far as it can be read; says whether it gave pixels.
fn read_all(path: &Path) -> bool {
    let Ok(header) = dicom::scan(path) else { return false };
    let usable = header.refused.is_none();
    let decoded = (0..header.frames.len()).map(|frame| dicom::read_frame(&header, frame)).filter(Result::is_ok).count();
    assert!(!usable || header.complete, "{}: what is used is complete", path.display());
    for study in &mut dicom::assemble(vec![header]) {
        study.settle_roles();
        let _ = study.images();
        let _ = study.pixel_digests();
    }
    usable && decoded > 0
}

fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn assert_modest_memory() {
    if let Some(peak) = peak_kib() {
        assert!(peak <= PEAK_KIB_MAX, "{peak} KiB were used");
    }
}

#[test]
fn an_object_cut_anywhere_gives_a_result_or_an_error() {
    let Some(data) = common::shared_data() else {
        return common::skipped("an_object_cut_anywhere_gives_a_result_or_an_error", "no shared data");
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("cut.dcm");
    for object in objects(&data) {
        let bytes = fs::read(&object).expect("the object is readable");
        for cut in 0..CUTS {
            fs::write(&path, &bytes[..bytes.len() * cut / CUTS]).expect("the copy is writable");
            // padding may follow whole pixel data, so that a late cut can leave a usable object
            if read_all(&path) {
                assert!(cut * 10 > CUTS * 9, "{}: cut at {cut} of {CUTS} and still used", object.display());
            }
        }
    }
    assert_modest_memory();
}

#[test]
fn an_object_broken_at_random_gives_a_result_or_an_error() {
    let Some(data) = common::shared_data() else {
        return common::skipped("an_object_broken_at_random_gives_a_result_or_an_error", "no shared data");
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("broken.dcm");
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for object in objects(&data) {
        let whole = fs::read(&object).expect("the object is readable");
        if whole.len() > SMALL_BYTES {
            continue;
        }
        for _ in 0..BROKEN_COPIES {
            let mut bytes = whole.clone();
            for _ in 0..1 + random() % 4 {
                let at = 132.min(bytes.len() / 2) + random() % (bytes.len() - 132.min(bytes.len() / 2));
                bytes[at] = [0x00, 0xFF, 0x7F, random() as u8][random() % 4];
            }
            fs::write(&path, bytes).expect("the copy is writable");
            read_all(&path);
        }
    }
    assert_modest_memory();
}

#[test]
fn a_short_file_that_declares_gigabytes_costs_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bogus.dcm");
    for (vr, tag) in
        [(*b"OB", [0x28, 0x00, 0x10, 0x00]), (*b"UN", [0x09, 0x00, 0x10, 0x10]), (*b"SQ", [0x00, 0x52, 0x29, 0x92])]
    {
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        bytes.extend([0x02, 0, 0x10, 0, b'U', b'I', 20, 0]);
        bytes.extend(b"1.2.840.10008.1.2.1\0");
        bytes.extend(tag);
        bytes.extend(vr);
        bytes.extend([0, 0, 0xF0, 0xFF, 0xFF, 0xEF]);
        bytes.resize(8192, 0);
        fs::write(&path, bytes).expect("the file is writable");
        let error = dicom::scan(&path).expect_err("the length is a lie");
        assert_eq!(error.reason.code(), "truncated");
    }
    assert_modest_memory();
}

#[test]
fn junk_is_told_from_a_broken_object() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in [("empty", &b""[..]), ("notes.txt", b"patient seen today"), ("DICOMDIR.bak", &[0xFF; 5000])]
    {
        fs::write(folder.path().join(name), content).expect("the file is writable");
    }
    let intake = dicom::read_studies(&[folder.path().to_owned()]).expect("the folder is readable");
    assert_eq!((intake.studies.len(), intake.refused.len(), intake.skipped), (0, 0, 3));
}
