//! The report on the wire: it follows its published schema, fits a message, says what it is not,
//! and names nobody.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod export_case;

use deepspine::dicom::StudyIdentity;
use deepspine::export::report::REPORT_BYTES_MAX;
use deepspine::export::{table, write_all};
use deepspine::spine::{AxialAssignment, Evidence, QualityCode, QualityFinding, Refusal, Report, Severity};
use export_case::{Case, case};
use serde_json::Value;

const SCHEMA: &str = include_str!("../schemas/report-1.schema.json");

fn errors(report: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).expect("the schema is one");
    validator.iter_errors(report).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

fn refused() -> Case {
    let mut case = case(0, false);
    case.reading.labels = None;
    case.reading.report = Report {
        refusal: Some(Refusal { code: "no-spine", text: "No spine was found.".to_owned() }),
        segmented_series: None,
        curve: None,
        lumbar: None,
        ..case.reading.report
    };
    case
}

/// The longest that a reading can get: all of a spine, all evidence, all texts long.
fn worst() -> Case {
    let mut case = case(20, true);
    let long = |n: usize| format!("{} {}", n, "a sentence that goes on and on ".repeat(20));
    let report = &mut case.reading.report;
    for (n, v) in report.vertebrae.iter_mut().enumerate() {
        v.designation.evidence = vec![Evidence { code: "counted-from-s1", text: long(n) }; 12];
        v.measurements.depth_mm.value = Err(long(n));
        v.measurements.height_middle_mm.value = Err(long(n + 100));
    }
    for (n, l) in report.levels.iter_mut().enumerate() {
        l.designation.evidence = vec![Evidence { code: "counted-from-s1", text: long(n) }; 12];
        l.measurements.slip_mm.value = Err(long(n));
        l.measurements.disc_height_index.value = Err(long(n + 100));
        let axial = |slice| AxialAssignment { series: 1, block: n, slice, distance_mm: -11.25, angle_deg: 13.25 };
        l.axial = (100..140).map(axial).collect();
    }
    let finding = |n| QualityFinding {
        code: QualityCode::RoleWithoutPhysics,
        severity: if n == 60 { Severity::Error } else { Severity::Info },
        text: long(n),
        series: Some(0),
    };
    report.quality = (0..64).map(finding).collect();
    report.series = vec![report.series[0].clone(); 40];
    case
}

#[test]
fn a_report_follows_the_published_schema() {
    for case in [case(5, true), case(7, false), refused(), worst()] {
        assert_eq!(errors(&case.bundle().report_value()), Vec::<String>::new());
    }
}

#[test]
fn the_schema_refuses_what_it_does_not_know() {
    let report = case(5, true).bundle().report_value();
    let mut other = report.clone();
    other["patient_name"] = "Muster^Erika".into();
    let mut wrong = report;
    wrong["levels"][0]["name"] = "L7-S1".into();
    assert_eq!((errors(&other).len(), errors(&wrong).len()), (1, 1));
}

#[test]
fn the_longest_report_fits_a_message_and_says_what_it_left_out() {
    let report = worst().bundle().report_value();
    let bytes = serde_json::to_vec(&report).unwrap().len();
    assert!(bytes <= REPORT_BYTES_MAX, "{bytes} bytes");
    assert_eq!(report["levels"].as_array().unwrap().len(), 19);
    assert!(!report["shortened"].as_array().unwrap().is_empty());
}

#[test]
fn an_ordinary_report_is_not_shortened() {
    let report = case(7, true).bundle().report_value();
    assert_eq!(report["shortened"].as_array().unwrap().len(), 0);
    assert_eq!(report["levels"][0]["name"], "L5-S1");
    assert_eq!(report["levels"][0]["snomed_code"], "715056000");
    assert_eq!(report["vertebrae"][1]["snomed_code"], "49668003");
    assert_eq!(report["levels"][0]["measurements"]["canal_ap_disc_mm"], 12.3);
    assert_eq!(report["levels"][0]["measurements"]["canal_area_disc_mm2"], Value::Null);
    assert_eq!(report["levels"][0]["missing"][0]["measurements"][0], "canal_area_disc_mm2");
    assert_eq!(report["methods"]["slip_mm"][0], "by-construction");
}

#[test]
fn a_number_has_its_spread_beside_it_and_a_reading_without_repeats_says_nothing_of_it() {
    let repeated = case(7, true);
    let report = repeated.bundle().report_value();
    assert_eq!(report["levels"][0]["measurement_sd"]["slip_mm"], 0.12);
    assert_eq!(report["levels"][0]["measurement_sd"]["disc_height_index"], 0.123);
    assert_eq!(report["lumbar"]["measurement_sd"]["lumbar_lordosis_deg"], 0.12);
    assert!(table(&repeated.bundle().report).contains("SD of lengths 0.1 mm"));
    let mut once = repeated;
    for level in &mut once.reading.report.levels {
        level.measurements.all_mut().into_iter().for_each(|m| m.sd = None);
    }
    let report = once.bundle().report_value();
    assert_eq!(report["levels"][0].get("measurement_sd"), None);
    assert_eq!(errors(&report), Vec::<String>::new());
}

#[test]
fn a_report_says_that_it_is_no_diagnosis_and_which_models_are_not_cleared() {
    let bundle = case(5, true).bundle();
    assert!(bundle.report.notice.starts_with("Not a diagnosis"));
    assert_eq!(bundle.report.not_cleared, ["spine-segmentation"]);
    assert!(table(&bundle.report).contains("Not a diagnosis"));
}

#[test]
fn a_level_without_a_name_is_unknown_with_its_place() {
    let report = case(5, false).bundle().report_value();
    assert_eq!(
        (&report["levels"][2]["name"], &report["levels"][2]["ordinal_from_below"]),
        (&"unknown".into(), &3.into())
    );
    assert_eq!(report["levels"][2]["snomed_code"], Value::Null);
}

#[test]
fn no_identity_leaves_by_report_or_table_even_where_a_text_holds_it() {
    let mut planted = case(5, true);
    planted.identity = StudyIdentity {
        study_instance_uid: "1.2.840.99999.1.2.3".to_owned(),
        accession_number: "ACC4711".to_owned(),
        patient_id: "PID0815".to_owned(),
        patient_name: "Plantagenet^Eleonora".to_owned(),
        patient_birth_date: "19570312".to_owned(),
        patient_sex: "F".to_owned(),
        study_date: "20261123".to_owned(),
        study_time: "101500".to_owned(),
        study_id: "STUDY77".to_owned(),
        study_description: "LWS Kontrolle".to_owned(),
        referring_physician_name: "Quacksalber^Otto".to_owned(),
    };
    let text = "Eleonora PLANTAGENET pid0815 acc4711 1.2.840.99999.1.2.3 19570312 study77 lws kontrolle quacksalber \
                1.2.826.0.1.3680043.3";
    planted.reading.report.quality[0].text = text.to_owned();
    planted.reading.report.series[0].assignment.reason = text.to_owned();
    planted.reading.report.levels[0].designation.evidence[0].text = text.to_owned();
    planted.reading.report.levels[0].measurements.slip_mm.value = Err(text.to_owned());
    let bundle = planted.bundle();
    let folder = tempfile::tempdir().unwrap();
    write_all(&bundle, folder.path(), deepspine::export::Language::English).unwrap();
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    let leaving = (report + &table(&bundle.report)).to_lowercase();
    for identity in [
        "99999",
        "4711",
        "0815",
        "plantagenet",
        "eleonora",
        "19570312",
        "study77",
        "kontrolle",
        "quacksalber",
        "3680043",
    ] {
        assert!(!leaving.contains(identity), "{identity} leaves");
    }
    assert!(leaving.contains("[removed]"));
}

#[test]
fn the_table_fits_its_width() {
    for case in [case(7, true), case(20, false), refused(), worst()] {
        let table = table(&case.bundle().report);
        let widest = table.lines().map(|l| l.chars().count()).max();
        assert!(widest <= Some(110), "{widest:?}\n{table}");
    }
}
