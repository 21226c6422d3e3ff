//! What lies where before, between and after switches.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::inference::MANIFEST_NAME;

/// A set of one network that nobody loads; its `version` is all that differs.
fn set_in(folder: &Path, version: &str) -> String {
    let manifest = format!(
        "[[model]]\nname = \"segmentation\"\nversion = \"{version}\"\nfile = \"net.onnx\"\n\
         sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\nterms = \"test\"\n\
         classes = [\"0\", \"1\", \"2\", \"3\", \"4\", \"5\"]\n\
         input = {{ pixel_mm = 1.0, size_multiple = 32, percentiles = [0.5, 99.5] }}\n"
    );
    fs::write(folder.join(MANIFEST_NAME), manifest).unwrap();
    fs::write(folder.join("net.onnx"), "abc").unwrap();
    ModelSet::open(&ModelSource::Folder(folder.to_path_buf())).unwrap().sha256().to_owned()
}

fn shelf() -> (TempDir, Shelf) {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(&dir.path().join("models")).unwrap();
    (dir, shelf)
}

fn switch_to(shelf: &Shelf, version: &str) -> String {
    let locked = shelf.lock().unwrap();
    let staging = locked.staging().unwrap();
    let sha256 = set_in(staging.path(), version);
    locked.keep(&staging, &sha256).unwrap();
    locked.switch_to(&sha256).unwrap();
    sha256
}

fn version_in(place: &Path) -> String {
    ModelSet::open(&ModelSource::Folder(place.to_path_buf())).unwrap().manifest().model[0].version.clone()
}

fn former_versions(shelf: &Shelf) -> Vec<String> {
    shelf.former().unwrap().into_iter().map(|(_, set)| set.manifest().model[0].version.clone()).collect()
}

#[test]
fn two_former_sets_are_kept_and_older_ones_removed() {
    let (_dir, shelf) = shelf();
    let first = switch_to(&shelf, "1");
    for version in ["2", "3", "4"] {
        switch_to(&shelf, version);
    }
    assert_eq!((version_in(shelf.place()), former_versions(&shelf)), ("4".into(), vec!["3".into(), "2".into()]));
    assert!(!shelf.sets.join(first).exists());
    // One of them again is in force once, and former no more.
    switch_to(&shelf, "2");
    assert_eq!((version_in(shelf.place()), former_versions(&shelf)), ("2".into(), vec!["4".into(), "3".into()]));
}

#[test]
fn a_folder_that_stands_in_the_place_is_taken_along() {
    let (_dir, shelf) = shelf();
    fs::create_dir(shelf.place()).unwrap();
    set_in(shelf.place(), "by hand");
    fs::write(shelf.place().join("notes.txt"), "of the administrator").unwrap();
    switch_to(&shelf, "1");
    assert_eq!((version_in(shelf.place()), former_versions(&shelf)), ("1".into(), vec!["by hand".into()]));
    assert!(shelf.former().unwrap()[0].1.folder().join("notes.txt").is_file());
}

#[test]
fn a_folder_without_a_set_is_set_aside_and_an_empty_one_removed() {
    let (_dir, shelf) = shelf();
    fs::create_dir(shelf.place()).unwrap();
    switch_to(&shelf, "1");
    assert!(former_versions(&shelf).is_empty());
    fs::remove_file(shelf.place()).unwrap();
    fs::create_dir(shelf.place()).unwrap();
    fs::write(shelf.place().join("notes.txt"), "of the administrator").unwrap();
    switch_to(&shelf, "2");
    let names = fs::read_dir(&shelf.sets).unwrap().flatten().map(|e| e.file_name().into_string().unwrap());
    let aside: Vec<String> = names.filter(|name| name.starts_with(SET_ASIDE_PREFIX)).collect();
    assert!(shelf.sets.join(&aside[0]).join("notes.txt").is_file());
}

#[test]
fn what_a_power_cut_left_is_put_right_by_the_next() {
    let (_dir, shelf) = shelf();
    let first = switch_to(&shelf, "1");
    // Cut before the switch: a set in the making, one that is whole, and the next link.
    fs::create_dir(shelf.sets.join(".staging-x")).unwrap();
    let never = shelf.sets.join("0".repeat(HASH_DIGITS));
    fs::create_dir(&never).unwrap();
    std::os::unix::fs::symlink("models.sets/x", shelf.sets.join(NEXT_LINK)).unwrap();
    drop(shelf.lock().unwrap());
    assert!(!never.exists() && !shelf.sets.join(".staging-x").exists() && !shelf.sets.join(NEXT_LINK).is_symlink());
    assert_eq!(version_in(shelf.place()), "1");
    // Cut right after the switch from a folder: it lies where the link was, and no list knows of it.
    let taken_out = shelf.sets.join(NEXT_LINK);
    fs::create_dir(&taken_out).unwrap();
    set_in(&taken_out, "by hand");
    fs::remove_file(shelf.sets.join(HISTORY_FILE)).unwrap();
    drop(shelf.lock().unwrap());
    assert_eq!((version_in(shelf.place()), former_versions(&shelf)), ("1".into(), vec!["by hand".into()]));
    assert_eq!(shelf.in_force(), Some(first));
}

#[test]
fn what_is_not_ours_is_not_replaced() {
    let (dir, shelf) = shelf();
    std::os::unix::fs::symlink(dir.path(), shelf.place()).unwrap();
    assert!(matches!(shelf.lock().unwrap_err(), ModelSetError::Occupied { .. }));
    assert!(Shelf::at(&dir.path().join("research")).is_err());
    assert!(Shelf::at(&dir.path().join("nowhere/models")).is_err());
}

#[test]
fn a_second_process_is_told_to_wait() {
    let (_dir, shelf) = shelf();
    let _held = shelf.lock().unwrap();
    assert!(matches!(shelf.lock().unwrap_err(), ModelSetError::Busy(_)));
}
