//! The bundle and what is made from it: the same files again and again, and a clear word where a file is damaged.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod export_case;

use deepspine::export::{Bundle, BundleError, DeviceKey, Language, write_all};
use export_case::{case, top_row};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    paths.map(|p| (p.file_name().unwrap().into(), std::fs::read(&p).unwrap())).collect()
}

#[test]
fn every_export_is_a_pure_function_of_the_bundle_file() {
    let (spool, first, second) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bundle = case(5, true).bundle();
    let path = bundle.write_atomically(spool.path()).unwrap();
    assert_eq!(path.file_name().unwrap().to_str().unwrap(), format!("{}.bundle", bundle.report_id()));
    let kept = Bundle::read(&path).unwrap();
    assert_eq!(kept, bundle);
    write_all(&bundle, first.path(), Language::English).unwrap();
    write_all(&kept, second.path(), Language::English).unwrap();
    let once = contents(second.path());
    write_all(&kept, second.path(), Language::English).unwrap();
    assert_eq!(once, contents(second.path()), "written twice");
    assert_eq!(contents(first.path()), once);
    let names: Vec<_> = once.keys().map(|k| k.to_str().unwrap()).collect();
    assert_eq!(names, ["instances.nii.gz", "overlay.png", "page.html", "report.json", "semantic.nii.gz"]);
}

#[test]
fn a_damaged_bundle_is_refused_with_its_name_wherever_it_is_damaged() {
    let spool = tempfile::tempdir().unwrap();
    let path = case(5, true).bundle().write_atomically(spool.path()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for n in 0..64 {
        let at = whole.len() * n / 64;
        std::fs::write(&path, &whole[..at]).unwrap();
        let cut = Bundle::read(&path).unwrap_err();
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        std::fs::write(&path, &flipped).unwrap();
        for error in [cut, Bundle::read(&path).unwrap_err()] {
            assert!(matches!(error, BundleError::Damaged { .. }), "{error}");
            assert!(error.to_string().contains(".bundle"), "{error}");
        }
    }
}

#[test]
fn a_supervisor_puts_its_own_key_on_a_child_s_bundle() {
    let bundle = case(5, true).bundle();
    let again = bundle.clone().keyed_with(&DeviceKey::new([7; 32]));
    let other = bundle.clone().keyed_with(&DeviceKey::new([8; 32]));
    assert_eq!(again.report_id(), bundle.report_id());
    assert_ne!(other.report_id(), bundle.report_id());
    assert_ne!(other.study_key(), bundle.study_key());
    assert_eq!(bundle.with_revision(2).report_value()["revision"], 2);
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_all(&case(5, true).bundle(), &folder.path().join("missing"), Language::English).unwrap_err();
    assert!(error.to_string().contains("missing/report.json"), "{error}");
}

#[test]
fn the_picture_is_large_and_shows_the_front_on_the_left() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = case(5, true).bundle();
    write_all(&bundle, folder.path(), Language::English).unwrap();
    let file = std::fs::File::open(folder.path().join("overlay.png")).unwrap();
    let reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
    assert!(reader.info().height >= 1400 && reader.info().width >= 1100);
    let display = bundle.display.expect("the case has pixels");
    let [body, posterior] = [5, 2].map(|structure| {
        let places = display.semantic.iter().enumerate().filter(|(_, s)| **s == structure);
        places.map(|(i, _)| i % display.width).sum::<usize>()
            / display.semantic.iter().filter(|s| **s == structure).count()
    });
    assert!(body < posterior);
    assert!(top_row(0) > top_row(4), "the case is built from below");
}

#[test]
fn a_bent_spine_is_shown_along_its_bend() {
    let mut bent = case(5, true);
    let straight = bent.bundle().display.expect("pixels");
    for (n, point) in bent.reading.report.curve.as_mut().expect("a curve").points_lps_mm.iter_mut().enumerate() {
        point[0] += 10.0 * (n as f64 / 20.0).sin();
    }
    let curved = bent.bundle().display.expect("pixels");
    assert!(!straight.curved && curved.curved);
    assert_eq!(straight.slices, [3, 3]);
    assert!(curved.slices[0] <= 1 && curved.slices[1] >= 5, "{:?}", curved.slices);
    assert_eq!((straight.width, straight.origin_lps_mm), (curved.width, curved.origin_lps_mm));
}
