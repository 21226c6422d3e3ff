//! `deepspine labels --against`, which reading a text belongs to: ids, keys, folders, revisions, and files that are no readings.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod concordance_case;
mod wire;

use std::fs;
use std::process::Command;

use concordance_case::{Case, at, canal, pairs, real_report};
use deepspine::export::DeviceKey;
use serde_json::json;

#[test]
fn an_id_that_fits_two_studies_is_compared_with_none() {
    let mut case = Case::new();
    case.reading("one", |report| report["accession_key"] = json!("same"));
    case.reading("two", |report| report["accession_key"] = json!("same"));
    case.write("readings/more/two.json", &case.reading("three", |_| {}).to_string());
    case.text("same", "Bulge at L4-5.");
    case.text("two", "Bulge at L4-5.");
    case.text("key-of-two", "Grade 1 anterolisthesis at L4-5.");
    case.text("report-of-two", "Bulge at L4-5.");
    case.text("key-of-two", "No spondylolisthesis.");
    let (lines, summary, said) = case.lines(&[], 65);
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| line["id"] == "key-of-two" && line["text"]["known"] != "normal"), "{lines:?}");
    let totals = &summary["totals"];
    assert_eq!(
        (&totals["ambiguous_texts"], &totals["second_texts"], &totals["joined"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!((&totals["texts_without_reading"], &totals["readings_without_text"]), (&json!(1), &json!(2)));
    for wanted in [
        "texts.jsonl:1: the id \"same\" fits 2 readings",
        "texts.jsonl:2: the id \"two\" fits 2 readings",
        "texts.jsonl:5: the id \"key-of-two\" is of a study that has a text already",
        "2 texts have an id that fits several readings, 1 texts are of a study that has one already",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn a_text_is_joined_by_the_keyed_hash_of_its_id() {
    let mut case = Case::new();
    let site = DeviceKey::new([0xab; DeviceKey::BYTES]);
    case.write("site.key", &"ab".repeat(DeviceKey::BYTES));
    case.reading("a", |report| {
        report["study_key"] = json!(site.study_key("1.2.840.1"));
        at(report, "L4-L5", vec![canal("mild")]);
    });
    case.reading("b", |report| {
        report["accession_key"] = json!(site.accession_key("ACC-7"));
        at(report, "L4-L5", vec![canal("mild")]);
    });
    case.text("1.2.840.1", "Mild canal stenosis at L4-5.");
    case.text("ACC-7", "Mild canal stenosis at L4-5.");
    let (lines, summary, _) = case.lines(&["--study-key-file", "site.key"], 0);
    assert_eq!((pairs(&lines).len(), &summary["totals"]["joined"]), (2, &json!(2)));
    let (lines, summary, _) = case.lines(&[], 0);
    assert_eq!((pairs(&lines).len(), &summary["totals"]["texts_without_reading"]), (0, &json!(2)));
    case.write("bad.key", "short");
    let output = case.run(&["--study-key-file", "bad.key"]);
    assert_eq!(output.status.code(), Some(65), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(case.run(&["--study-key-file", "none.key"]).status.code(), Some(66));
}

#[test]
fn a_real_reading_is_joined_by_its_studys_uid_under_the_public_key() {
    // The UID stands in the phantom's headers; `analyze` hashes it with the key that everybody knows.
    let report = real_report();
    let public = DeviceKey::new([0; DeviceKey::BYTES]);
    let dir = tempfile::tempdir().unwrap();
    let intake = deepspine::dicom::read_studies(&[{
        wire::small_study(dir.path());
        dir.path().to_owned()
    }])
    .unwrap();
    let uid = &intake.studies[0].identity.study_instance_uid;
    assert_eq!(report["study_key"], json!(public.study_key(uid)));
    let mut case = Case::new();
    case.write("readings/x/report.json", &report.to_string());
    case.text(uid, "Adequate spinal canal.");
    let (_, summary, _) = case.lines(&[], 0);
    assert_eq!(summary["totals"]["joined"], 1);
}

#[test]
fn of_two_readings_of_a_study_the_higher_revision_counts_and_that_is_said() {
    let mut case = Case::new();
    case.reading("old", |report| at(report, "L4-L5", vec![canal("severe")]));
    case.reading("new", |report| {
        report["study_key"] = json!("key-of-old");
        report["revision"] = json!(2);
        at(report, "L4-L5", vec![canal("mild")]);
    });
    case.reading("refused", |report| {
        report["refusal"] = json!({"code": "no-spine", "text": "No spine was found."});
        report["levels"] = json!([]);
    });
    case.text("old", "Mild canal stenosis at L4-5.");
    case.text("refused", "Mild canal stenosis at L4-5.");
    let (lines, summary, said) = case.lines(&[], 0);
    assert_eq!(pairs(&lines), ["L4-L5 - central-canal-stenosis graded mild agree"]);
    assert!(said.contains("report report-of-new (revision 2) counts, report-of-old (revision 1) does not"), "{said}");
    let totals = &summary["totals"];
    assert_eq!(
        (&totals["superseded_readings"], &totals["refused"], &totals["joined"]),
        (&json!(1), &json!(1), &json!(2))
    );
    assert_eq!(summary["statements_at_other_levels"], 0, "a refused reading has no levels to miss");
}

#[test]
fn what_is_no_reading_is_told_with_its_path_and_the_rest_goes_on() {
    let mut case = Case::new();
    case.reading("good", |report| at(report, "L4-L5", vec![canal("mild")]));
    case.reading("wrong", |report| at(report, "L4-L5", vec![canal("terrible")]));
    case.write("readings/a/other.json", "{\"schema\": \"deepspine.truth/1\"}");
    case.write("readings/a/deep.json", &"[".repeat(200_000));
    case.write("readings/a/huge.json", &" ".repeat(5 << 20));
    case.write("readings/a/note.txt", "no report");
    fs::write(case.path("readings/a/bytes.json"), b"\xff\xfe\x00").unwrap();
    std::os::unix::fs::symlink("..", case.path("readings/a/loop")).unwrap();
    case.text("good", "Mild canal stenosis at L4-5.");
    let (lines, summary, said) = case.lines(&["--against", "absent.json"], 65);
    assert_eq!((pairs(&lines).len(), &summary["totals"]["unreadable_readings"]), (1, &json!(6)));
    for wanted in [
        "readings/wrong/report.json: is a wrong deepspine.report/1: `levels[",
        "readings/a/other.json: is no deepspine report",
        "readings/a/deep.json: is no deepspine report",
        "readings/a/huge.json: is no deepspine report: it has more than",
        "readings/a/bytes.json: is no deepspine report: it is not UTF-8",
        "absent.json: No such file",
        "6 files are no readings; all others are compared",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert!(!said.contains("note.txt") && !said.contains("panicked"), "{said}");
    let nothing = Case::new();
    fs::create_dir(nothing.path("readings")).unwrap();
    assert_eq!(nothing.run(&[]).status.code(), Some(66));
}

#[test]
fn the_options_of_a_comparison_need_readings() {
    for option in ["--study-key-file", "--picture"] {
        let output = Command::new(env!("CARGO_BIN_EXE_deepspine")).args(["labels", option, "x"]).output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        assert!(String::from_utf8_lossy(&output.stderr).contains("--against"));
    }
}
