//! The page of a study: one file that needs nothing else, in each language, without a fault that a browser or axe-core finds.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod browser;
mod common;
mod export_case;

use browser::chromium;
use deepspine::dicom::StudyIdentity;
use deepspine::export::{Bundle, Language, PAGE_FILE, write_all};
use export_case::case;
use std::path::{Path, PathBuf};

/// A page may not be larger, bytes.
const PAGE_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// A page that stands still is judged as it will be in so many milliseconds.
const VIRTUAL_TIME: &str = "--virtual-time-budget=20000";
/// A4 at 72 dots an inch.
const A4_POINTS: [f64; 2] = [594.96, 841.92];

fn bundle(named: bool) -> Bundle {
    let mut bundle = case(5, named).bundle();
    bundle.identity = StudyIdentity {
        patient_name: "O'Hara <b>&\"^Zoë".to_owned(),
        patient_id: "P-4".to_owned(),
        study_date: "20260102".to_owned(),
        ..StudyIdentity::default()
    };
    bundle
}

fn page(bundle: &Bundle, language: Language, folder: &Path) -> (PathBuf, String) {
    write_all(bundle, folder, language).unwrap();
    let path = folder.join(PAGE_FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn a_page_is_one_small_file_without_script_or_anything_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    for (named, language) in [(true, Language::English), (false, Language::German)] {
        let (path, text) = page(&bundle(named), language, folder.path());
        assert!(std::fs::metadata(&path).unwrap().len() <= PAGE_BYTES_MAX);
        for absent in ["<script", "http://", "https://", "<link", "@import", "url("] {
            assert!(!text.contains(absent), "{absent}");
        }
        let sources: Vec<&str> = text.split("src=\"").skip(1).collect();
        assert_eq!(sources.len(), 1 + 4 * 2, "the overview, and two pictures of each of four levels");
        assert!(sources.iter().all(|s| s.starts_with("data:image/png;base64,")));
        assert!(text.contains("default-src 'none'"));
        assert!(text.contains(&format!("<html lang=\"{}\">", language.tag())));
    }
}

#[test]
fn every_level_its_grades_and_whose_study_it_is_stand_there_and_no_name_is_markup() {
    let folder = tempfile::tempdir().unwrap();
    let (_, text) = page(&bundle(true), Language::English, folder.path());
    for wanted in
        ["L5-S1", "L2-L3", "Foraminal stenosis, left", "Disc degeneration (Pfirrmann)", "mild", "12.3 mm", "2026-01-02"]
    {
        assert!(text.contains(wanted), "no {wanted}");
    }
    assert!(text.contains("O&#39;Hara &lt;b&gt;&amp;&quot; Zoë") && !text.contains("<b>&"));
    let (_, text) = page(&bundle(false), Language::German, folder.path());
    for wanted in
        ["Höhe ohne Namen, 1. von unten", "Stenose des Foramens, links", "leicht", "12,3 mm", "Keine Diagnose"]
    {
        assert!(text.contains(wanted), "no {wanted}");
    }
}

#[test]
fn a_browser_opens_it_without_complaint_shows_it_whole_and_prints_it_on_a4() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = page(&bundle(true), Language::English, folder.path());
    let (png, pdf) = (folder.path().join("page.png"), folder.path().join("page.pdf"));
    let shot = format!("--screenshot={}", png.display());
    let address = format!("file://{}", path.display());
    let Some((_, said)) = chromium(&[VIRTUAL_TIME, "--window-size=1000,1400", &shot], &address) else {
        return common::skipped(
            "a_browser_opens_it_without_complaint_shows_it_whole_and_prints_it_on_a4",
            "chromium is not installed",
        );
    };
    let complaints = browser::complaints(&said);
    assert!(complaints.is_empty(), "{complaints:#?}");
    let (size, pixels) = browser::picture(&png);
    assert_eq!(size, (1000, 1400));
    assert!(pixels.iter().filter(|p| **p < 40).count() > pixels.len() / 20, "the overview is dark");
    chromium(&[VIRTUAL_TIME, "--no-pdf-header-footer", &format!("--print-to-pdf={}", pdf.display())], &address)
        .unwrap();
    let printed = String::from_utf8_lossy(&std::fs::read(&pdf).unwrap()).into_owned();
    let boxes: Vec<&str> = printed.split("/MediaBox [").skip(1).map(|b| b.split_once(']').expect("a box").0).collect();
    assert!(!boxes.is_empty());
    for sizes in boxes {
        let sizes: Vec<f64> = sizes.split_whitespace().map(|n| n.parse().unwrap()).collect();
        assert!(sizes[2..].iter().zip(A4_POINTS).all(|(a, b)| (a - b).abs() < 1.5), "{sizes:?}");
    }
}

#[test]
fn axe_core_finds_no_fault_that_keeps_anybody_out() {
    let test = "axe_core_finds_no_fault_that_keeps_anybody_out";
    let Some(axe) = browser::axe() else { return common::skipped(test, "no Python has axe-core-python") };
    let folder = tempfile::tempdir().unwrap();
    for (named, language) in [(true, Language::English), (false, Language::German)] {
        let (_, text) = page(&bundle(named), language, folder.path());
        // The page itself allows no script: a copy does.
        let begin = text.find("<meta http-equiv").expect("a policy");
        let end = begin + text[begin..].find('>').expect("its end") + 1;
        let copy = format!("{}{}", &text[..begin], &text[end..]);
        let Some((faults, passed)) = browser::judged(&axe, &copy) else {
            return common::skipped(test, "chromium is not installed");
        };
        assert_eq!(faults, "", "{language:?}");
        assert!(passed > 10, "{passed} rules were looked at");
    }
}
