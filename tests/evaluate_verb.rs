//! `deepspine evaluate`, from truth file to figures: a small phantom whose masks the phantom drew itself, truth files that
//! want to do harm, and the blocks of a model card.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

use deepspine::analysis::volume::Volume;
use deepspine::dicom;
use deepspine::phantom::{Parameters, Phantom, SeriesKind, Stack, StudyPlan, write_study};
use serde_json::{Value, json};
use std::fs;
use std::io::BufWriter;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const SIDE: usize = 160;

fn plan() -> StudyPlan {
    StudyPlan {
        series: vec![SeriesKind::SagittalT2],
        sagittal: Stack { fov_mm: 260.0, matrix: SIDE, slices: 3, thickness_mm: 4.0, spacing_mm: 4.4 },
        ..StudyPlan::default()
    }
}

fn evaluate(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .arg("evaluate")
        .args(["--threads", "2", "--models"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("models"))
        .args(more)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn write_png(path: &Path, side: usize, values: &[u8]) {
    let mut encoder = png::Encoder::new(BufWriter::new(fs::File::create(path).unwrap()), side as u32, side as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(values).unwrap();
}

/// A folder with `phantom/`, its masks, and what a truth file says of it.
fn phantom_study() -> (TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    let phantom = Phantom::new(&Parameters { seed: 3, ..Parameters::default() }).unwrap();
    let plan = plan();
    let study = folder.path().join("phantom");
    write_study(&phantom, &plan, &study).unwrap();
    let block = &plan.blocks(&phantom, SeriesKind::SagittalT2)[0];
    let drawn = phantom.mask(block).channels;
    let intake = dicom::read_studies(&[study]).unwrap();
    let images = intake.studies[0].images().unwrap();
    let volume: &Volume = &images.series[0].blocks[0];
    let mut masks = serde_json::Map::new();
    for (k, slice) in volume.slices.iter().enumerate() {
        let uid = &intake.studies[0].instances[slice.source].sop_instance_uid;
        let nearest = |origin: &[f64; 3]| (origin[0] - slice.origin_lps_mm[0]).abs();
        let drawn_slice = (0..plan.sagittal.slices)
            .min_by(|a, b| nearest(&block.origins_lps_mm[*a]).total_cmp(&nearest(&block.origins_lps_mm[*b])))
            .unwrap();
        let name = format!("mask_{k}.png");
        write_png(&folder.path().join(&name), SIDE, &drawn[drawn_slice * SIDE * SIDE..(drawn_slice + 1) * SIDE * SIDE]);
        masks.insert(uid.clone(), json!(name));
    }
    let truth = json!({
        "path": "phantom", "subject": "one", "group": "T2", "masks": masks, "truth": "phantom/truth.json",
    });
    (folder, truth)
}

fn truth_file(studies: &[Value]) -> Value {
    json!({
        "schema": "deepspine.truth/1", "name": "ours", "about": "A phantom, no patient.", "seed": "3",
        "structures": {"1": "body", "2": "posterior", "3": "disc", "4": "canal", "5": "sacrum"},
        "studies": studies,
    })
}

fn write_truth(folder: &Path, file: &Value) {
    fs::write(folder.join("ours.json"), file.to_string()).unwrap();
}

fn figure<'a>(document: &'a Value, group: &str, name: &str) -> &'a Value {
    let groups = document["sets"][0]["groups"].as_array().unwrap();
    let figures = groups.iter().find(|g| g["group"] == group).unwrap()["figures"].as_array().unwrap();
    figures.iter().find(|f| f["name"] == name).unwrap_or(&Value::Null)
}

#[test]
fn a_phantom_with_its_own_masks_is_judged_from_truth_file_to_figures() {
    let (folder, study) = phantom_study();
    let gone = json!({"path": "gone", "subject": "two", "group": "T2", "discs_in_view": 7});
    write_truth(folder.path(), &truth_file(&[study, gone]));
    let output = evaluate(folder.path(), &["--truth", "ours.json", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mean = |name: &str| figure(&document, "T2", name)["mean"].as_f64().unwrap();
    // The network knows the phantom: it was taught with it. Masks laid upside down or on other slices give some 0.3.
    for (name, least) in [("Dice vertebra", 0.75), ("Dice body", 0.8), ("Dice disc", 0.6), ("Dice canal", 0.6)] {
        assert!((least..=1.0).contains(&mean(name)), "{name} {}", mean(name));
    }
    assert!(mean("vertebrae named right") > 0.5 && mean("vertebrae named wrong") == 0.0);
    assert!(mean("canal AP at the disc") < 4.0);
    let centres = figure(&document, "T2", "distance of disc centres");
    assert!(centres["values"].as_u64().unwrap() >= 4 && centres["mean"].as_f64().unwrap() < 4.0, "{centres}");
    // The study that is not there is a failure of its own, and no end.
    assert_eq!(figure(&document, "T2", "read (studies)")["sum"], 1.0);
    assert_eq!(figure(&document, "T2", "discs reported - in view")["mean"], 7.0);
    let failures = document["sets"][0]["failures"].as_array().unwrap();
    assert!(failures.iter().any(|f| f["study"] == "gone" && f["text"].as_str().unwrap().starts_with("not read: ")));
    assert_eq!(document["bootstrap"], json!({"by": "subject", "draws": 2000, "seed": 20_261_123}));
}

#[test]
fn a_mask_of_another_size_is_a_failure_of_its_study_by_file() {
    let (folder, study) = phantom_study();
    write_png(&folder.path().join("mask_1.png"), 32, &[0; 32 * 32]);
    write_truth(folder.path(), &truth_file(&[study]));
    let output = evaluate(folder.path(), &["--truth", "ours.json"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("mask_1.png: 32 rows and 32 columns, where the slice has 160 and 160"), "{text}");
    assert!(!text.contains("Dice vertebra"), "{text}");
}

#[test]
fn hostile_truth_files_are_refused_by_file_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |content: &[u8], exit: i32, expected: &str| {
        fs::write(folder.path().join("ours.json"), content).unwrap();
        let output = evaluate(folder.path(), &["--truth", "ours.json"]);
        assert_eq!(output.status.code(), Some(exit), "{}", said(&output));
        let said = said(&output);
        assert!(said.contains("ours.json") && said.contains(expected), "{expected}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    };
    let study = json!({"path": "a", "subject": "1", "discs_in_view": 7});
    let with = |key: &str, value: Value| {
        let mut study = study.clone();
        study[key] = value;
        truth_file(&[study]).to_string().into_bytes()
    };
    refused(b"MZ\x00\xff not json", 65, "is no deepspine.truth/1");
    refused(&[b'['; 200_000], 65, "is no deepspine.truth/1");
    refused(&with("disks_in_view", json!(3)), 65, "unknown field `disks_in_view`");
    refused(&with("vertebrae", json!({"L7": [0, 0, 0]})), 65, "`studies[0].vertebrae.L7`");
    refused(&with("discs_in_view", json!(-1)), 65, "invalid value");
    refused(&with("subject", json!("x".repeat(100))), 65, "`studies[0].subject`");
    refused(truth_file(&[]).to_string().as_bytes(), 65, "`studies` has 0 studies");
    let huge = fs::File::create(folder.path().join("ours.json")).unwrap();
    huge.set_len(3 << 30).unwrap();
    let output = evaluate(folder.path(), &["--truth", "ours.json"]);
    assert_eq!(output.status.code(), Some(65), "{}", said(&output));
    assert!(said(&output).contains("more than the 67108864 bytes"), "{}", said(&output));
    let output = evaluate(folder.path(), &["--truth", "nowhere.json"]);
    assert_eq!(output.status.code(), Some(66), "{}", said(&output));
}

#[test]
fn a_card_is_rewritten_between_its_marks_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let study = json!({"path": "gone", "subject": "1", "discs_in_view": 7});
    write_truth(folder.path(), &truth_file(&[study]));
    let card = folder.path().join("card.md");
    let text = "# Card\n\n<!-- evaluate: ours -->\nold figures\n<!-- end -->\n\nafter\n<!-- evaluate: other -->\nkept\n<!-- end -->\n";
    fs::write(&card, text).unwrap();
    let arguments = ["--truth", "ours.json", "--card", "card.md"];
    let output = evaluate(folder.path(), &arguments);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("block `other` of card.md stays as it is"), "{}", said(&output));
    let rewritten = fs::read_to_string(&card).unwrap();
    assert!(rewritten.starts_with("# Card\n\n<!-- evaluate: ours -->\nA phantom, no patient.\n"), "{rewritten}");
    assert!(
        rewritten.ends_with("<!-- end -->\n\nafter\n<!-- evaluate: other -->\nkept\n<!-- end -->\n"),
        "{rewritten}"
    );
    assert!(!rewritten.contains("old figures"), "{rewritten}");
    assert!(rewritten.contains("`deepspine evaluate --truth ours.json`"), "{rewritten}");
    assert!(
        rewritten.contains("| discs reported - in view | 1 | 7.00 (7.00 to 7.00) | -7.00 | -7.00 (gone) |"),
        "{rewritten}"
    );
    assert!(
        !rewritten.contains(folder.path().to_str().unwrap()),
        "a card names no folder of this machine: {rewritten}"
    );
    evaluate(folder.path(), &arguments);
    assert_eq!(fs::read_to_string(&card).unwrap(), rewritten, "the same figures make the same card");
}

#[test]
fn a_card_without_the_block_or_its_end_is_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    write_truth(folder.path(), &truth_file(&[json!({"path": "gone", "subject": "1", "discs_in_view": 7})]));
    for (text, expected) in [
        (
            "# Card\n<!-- evaluate: theirs -->\n<!-- end -->\n",
            "has no block `<!-- evaluate: ours -->`; it has `theirs`",
        ),
        ("<!-- evaluate: ours -->\nx\n", "line 1: block `ours` has no `<!-- end -->`"),
    ] {
        fs::write(folder.path().join("card.md"), text).unwrap();
        let output = evaluate(folder.path(), &["--truth", "ours.json", "--card", "card.md"]);
        assert_eq!(output.status.code(), Some(65), "{}", said(&output));
        assert!(said(&output).contains("card.md") && said(&output).contains(expected), "{}", said(&output));
        assert!(output.stdout.is_empty());
        assert_eq!(fs::read_to_string(folder.path().join("card.md")).unwrap(), text);
    }
}

#[test]
fn truth_files_follow_their_schema() {
    let schema: Value = serde_json::from_str(include_str!("../schemas/truth-1.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let (_folder, study) = phantom_study();
    let more = json!({
        "path": "a", "subject": "1", "vertebrae": {"L1": [0.0, 1.0, 2.0]}, "discs_in_view": 7, "s1_in_view": false,
        "outlines": {"instance": "1.2", "vertebrae": {"S1": [[[0, 0], [1, 0], [1, 1]]]}}, "lumbar_count": 5,
    });
    let good = truth_file(&[study, more, json!({"path": "b", "subject": "2", "not_lumbar": true})]);
    let errors: Vec<String> = validator.iter_errors(&good).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    for bad in
        [json!({"path": "a", "subject": "1"}), json!({"path": "a", "subject": "1", "vertebrae": {"L9": [0, 0, 0]}})]
    {
        assert!(!validator.is_valid(&truth_file(&[bad])));
    }
}
