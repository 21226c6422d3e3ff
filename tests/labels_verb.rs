//! `deepspine labels` as it is used: every form of input and output, order, what can't be read, pipes.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use serde_json::Value;

fn labels(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .arg("labels")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it is a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A child that ends early does not read to the end.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("it only writes");
    output
}

fn objects(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

/// `level finding presence grade` of each label.
fn said(object: &Value) -> Vec<String> {
    let labels = object["labels"].as_array().expect("labels");
    labels
        .iter()
        .map(|l| {
            let text = |key: &str| l[key].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", text("level"), text("finding"), text("presence"), text("grade"))
        })
        .collect()
}

#[test]
fn standard_input_is_one_report_and_is_shown_with_its_labels() {
    let output = labels(&[], b"Mild canal stenosis at L4-5.\nNo disc herniation.\n");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("[Mild canal stenosis] at L4-5."), "{text}");
    assert!(text.contains("L4-L5    canal-stenosis, mild"), "{text}");
    assert!(text.contains("all      herniation, ABSENT"), "{text}");
}

#[test]
fn json_lines_keep_their_order_and_ids_and_follow_the_schema() {
    let schema: Value = serde_json::from_str(include_str!("../schemas/labels-1.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let input: String = (0..5000)
        .map(|i| format!("{{\"id\": \"r{i}\", \"text\": \"Level L{}-{}: moderate canal stenosis, Modic type II, 3 mm retrolisthesis.\"}}\n", 1 + i % 4, 2 + i % 4))
        .collect();
    let output = labels(&["--input", "jsonl", "--format", "jsonl", "--threads", "3"], input.as_bytes());
    assert!(output.status.success());
    let all = objects(&output);
    assert_eq!(all.len(), 5000);
    for (i, object) in all.iter().enumerate() {
        assert_eq!(object["id"], format!("r{i}"));
        assert_eq!(said(object)[0], format!("L{}-L{} canal-stenosis present moderate", 1 + i % 4, 2 + i % 4));
    }
    let complaints: Vec<String> =
        all.iter().take(50).flat_map(|o| validator.iter_errors(o).map(|e| e.to_string()).collect::<Vec<_>>()).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(all[0]["targets"].as_array().map(Vec::len), Some(15));
    assert_eq!(all[0]["targets"][0]["grade"], "moderate");
}

#[test]
fn what_can_t_be_read_is_told_with_its_place_and_the_rest_goes_on() {
    let input = b"{\"text\": \"L4-5 bulge\"}\n{\"txt\": 1}\nnonsense\n\xff\xfe\n{\"text\": \"L5-S1 bulge\"}\n";
    let output = labels(&["--input", "jsonl", "--format", "jsonl"], input);
    assert_eq!(output.status.code(), Some(65));
    assert_eq!(
        objects(&output).iter().map(|o| said(o)[0].clone()).collect::<Vec<_>>(),
        ["L4-L5 bulge present -", "L5-S1 bulge present -"]
    );
    let told = String::from_utf8(output.stderr).unwrap();
    for wanted in
        ["stdin:2: has no key", "stdin:3: is no JSON object", "stdin:4: is not UTF-8", "3 reports could not be read"]
    {
        assert!(told.contains(wanted), "{told}");
    }
}

#[test]
fn tables_and_folders_are_read_and_a_table_is_written() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.csv"), "patient,note\n7,\"L4-5: bulge,\nmild\"\n8,x,y\n9,L5-S1 protrusion\n")
        .unwrap();
    std::fs::create_dir(dir.path().join("b")).unwrap();
    std::fs::write(dir.path().join("b/one.txt"), "\u{feff}Severe left foraminal stenosis at L5-S1.\r\n").unwrap();
    std::fs::write(dir.path().join("b/picture.png"), [0, 1, 2]).unwrap();
    let output = labels(&["--format", "csv", dir.path().to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a.csv:row 2: has 3 fields, the heading 2"));
    let mut table = csv::Reader::from_reader(output.stdout.as_slice());
    let rows: Vec<csv::StringRecord> = table.records().map(|row| row.unwrap()).collect();
    let of = |row: &csv::StringRecord| format!("{} {} {} {} {}", &row[0], &row[1], &row[2], &row[4], &row[7]);
    assert_eq!(
        rows.iter().map(of).collect::<Vec<_>>(),
        ["7 L4-L5 bulge  mild", "9 L5-S1 protrusion  ", "one L5-S1 foraminal-stenosis left severe"]
    );
    assert_eq!((&rows[2][12], &rows[2][14], &rows[2][16]), ("3", "1", "Severe left foraminal stenosis"));
}

#[test]
fn other_encodings_and_lines_are_read() {
    let output =
        labels(&["--input", "lines", "--encoding", "latin-1", "--format", "jsonl"], b"L4-5 bulge \xb5\nNo fracture\n");
    assert!(output.status.success());
    assert_eq!(
        objects(&output).iter().map(|o| said(o)[0].clone()).collect::<Vec<_>>(),
        ["L4-L5 bulge present -", "all fracture absent normal"]
    );
}

#[test]
fn one_grade_and_what_is_not_mentioned_are_options_and_recorded() {
    let report = b"Mild to moderate canal stenosis at L4-5.";
    let target = |arguments: &[&str], at: usize| {
        let output = labels(&[arguments, &["--format", "jsonl"]].concat(), report);
        objects(&output)[0].clone()["targets"][at].clone()
    };
    assert_eq!(target(&[], 9)["grade"], "moderate");
    assert_eq!(target(&["--one-grade", "milder"], 9)["grade"], "mild");
    assert_eq!(
        (target(&[], 0)["grade"].clone(), target(&[], 0)["known"].clone()),
        (Value::Null, Value::from("not-mentioned"))
    );
    let assumed = target(&["--not-mentioned", "normal"], 0);
    assert_eq!((assumed["grade"].as_str(), assumed["known"].as_str()), (Some("normal"), Some("assumed-normal")));
    let output = labels(&["--one-grade", "milder", "--not-mentioned", "normal", "--format", "jsonl"], report);
    assert_eq!(objects(&output)[0]["policy"], serde_json::json!({ "one_grade": "milder", "not_mentioned": "normal" }));
}

#[test]
fn the_page_shows_no_markup_of_a_report() {
    let output = labels(&["--format", "html"], b"<script>alert(1)</script> L4-5 <b>bulge</b> & \x1b[2J");
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("<mark class=\"present\""),
        "{page}"
    );
    assert!(!page.contains("<script>") && !page.contains('\u{1b}') && page.ends_with("</html>\n"), "{page}");
}

#[test]
fn a_lexicon_of_ones_own_is_used_and_a_wrong_one_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    std::fs::write(&path, "version = 7\n[[finding]]\nid = \"bulge\"\nat = \"disc\"\nwords = [\"wulst\"]\n").unwrap();
    let output = labels(&["--lexicon", path.to_str().unwrap(), "--format", "jsonl"], b"L4-5 Wulst, L5-S1 bulge");
    assert_eq!(said(&objects(&output)[0]), ["L4-L5 bulge present -"]);
    assert_eq!(objects(&output)[0]["lexicon"], 7);
    std::fs::write(&path, "version = 7\n[[finding]]\nid = \"hump\"\nat = \"disc\"\nwords = []\n").unwrap();
    let output = labels(&["--lexicon", path.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&output.stderr).contains("entry hump: is no finding that is known"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .args(["labels", "--input", "lines", "--format", "jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..20_000 {
        if stdin.write_all(b"L4-5 bulge\n").is_err() {
            break;
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

fn text(tag: Tag, vr: VR, value: &str) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, vr, value)
}

fn item(kind: &str, name: &str, value: Option<&str>, below: Vec<InMemDicomObject>) -> InMemDicomObject {
    let mut item = InMemDicomObject::new_empty();
    let mut concept = InMemDicomObject::new_empty();
    concept.put(text(tags::CODE_MEANING, VR::LO, name));
    item.put(text(tags::VALUE_TYPE, VR::CS, kind));
    item.put(DataElement::new(tags::CONCEPT_NAME_CODE_SEQUENCE, VR::SQ, DataSetSequence::from(vec![concept])));
    if let Some(value) = value {
        item.put(text(tags::TEXT_VALUE, VR::UT, value));
    }
    if !below.is_empty() {
        item.put(DataElement::new(tags::CONTENT_SEQUENCE, VR::SQ, DataSetSequence::from(below)));
    }
    item
}

fn write(mut object: InMemDicomObject, class: &str, path: &Path) {
    object.put(text(tags::SOP_CLASS_UID, VR::UI, class));
    object.put(text(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.4"));
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    object.with_meta(meta).unwrap().write_to_file(path).unwrap();
}

#[test]
fn structured_reports_and_encapsulated_texts_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut report = InMemDicomObject::new_empty();
    let section =
        |name: &str, value: &str| item("CONTAINER", name, None, vec![item("TEXT", name, Some(value), Vec::new())]);
    let sections = vec![
        section("Findings", "L4-L5: mild canal stenosis."),
        section("Conclusions", "Severe canal stenosis at L4-L5."),
    ];
    report.put(DataElement::new(tags::CONTENT_SEQUENCE, VR::SQ, DataSetSequence::from(sections)));
    write(report, uids::BASIC_TEXT_SR_STORAGE, &dir.path().join("sr.dcm"));
    let mut document = InMemDicomObject::new_empty();
    document.put(text(tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT, VR::LO, "text/plain"));
    document.put(DataElement::new(
        tags::ENCAPSULATED_DOCUMENT,
        VR::OB,
        dicom_core::PrimitiveValue::from(b"No fracture.".to_vec()),
    ));
    write(document, uids::ENCAPSULATED_CDA_STORAGE, &dir.path().join("text.dcm"));
    let mut pdf = InMemDicomObject::new_empty();
    pdf.put(text(tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT, VR::LO, "application/pdf"));
    pdf.put(DataElement::new(tags::ENCAPSULATED_DOCUMENT, VR::OB, dicom_core::PrimitiveValue::from(b"%PDF".to_vec())));
    write(pdf, uids::ENCAPSULATED_PDF_STORAGE, &dir.path().join("z.dcm"));
    let output = labels(&["--format", "jsonl", dir.path().to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(65));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("z.dcm: holds no text of a report: its document is not text")
    );
    let all = objects(&output);
    assert_eq!(said(&all[0]), ["L4-L5 canal-stenosis present mild", "L4-L5 canal-stenosis present severe"]);
    assert!(
        all[0]["labels"].as_array().unwrap().iter().all(|label| label["conflict"] == true),
        "the two sections disagree"
    );
    assert_eq!(
        (all[0]["id"].as_str(), said(&all[1])),
        (Some("1.2.3.4"), vec!["all fracture absent normal".to_owned()])
    );
}
