//! What a truth file may say, and how it is told what is wrong.

use super::*;
use serde_json::{Value, json};

fn set(study: Value) -> Value {
    json!({
        "schema": TRUTH_SCHEMA, "name": "ours", "about": "Ten studies, our own.",
        "structures": {"1": "vertebra", "255": "unlabelled"}, "studies": [study],
    })
}

fn parsed(file: &Value) -> Result<TruthSet, String> {
    parse(file.to_string().as_bytes(), Path::new("ours.json")).map_err(|e| e.to_string())
}

fn refused(study: Value) -> String {
    parsed(&set(study)).unwrap_err()
}

#[test]
fn a_whole_study_is_read() {
    let study = json!({
        "path": "a", "subject": "1", "group": "T2", "masks": {"1.2.3": "a.png"}, "vertebrae": {"L1": [0, 1, 2.5]},
        "outlines": {"instance": "1.2.3", "vertebrae": {"L1": [[[0, 0], [4, 0], [4, 4]]]}},
        "discs_in_view": 7, "s1_in_view": true, "lumbar_count": 5,
    });
    let read = parsed(&set(study)).unwrap();
    assert_eq!(read.structures[&1], MaskClass::Vertebra);
    assert_eq!(read.structures[&0], MaskClass::Background);
    assert_eq!(read.studies[0].vertebrae["L1"], [0.0, 1.0, 2.5]);
    assert_eq!(read.resolve(Path::new("x.png")), Path::new("x.png"));
}

#[test]
fn errors_name_the_file_and_the_key() {
    let study = |more: Value| {
        let mut study = json!({"path": "a", "subject": "1", "discs_in_view": 7});
        study.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused(study)
    };
    let of = |more, expected: &str| {
        let said = study(more);
        assert!(said.starts_with("ours.json") && said.contains(expected), "{said}");
    };
    of(json!({"disks": 4}), "unknown field `disks`");
    of(json!({"vertebrae": {"L9": [0, 0, 0]}}), "`studies[0].vertebrae.L9` is no vertebra's name");
    of(json!({"vertebrae": {"L1": [0, 0, 1e9]}}), "`studies[0].vertebrae.L1` is no position");
    of(json!({"discs_in_view": 99}), "`studies[0].discs_in_view` is more than");
    of(json!({"subject": ""}), "`studies[0].subject` must be one line");
    of(json!({"lumbar_count": 2}), "`studies[0].lumbar_count`");
    of(json!({"outlines": {"instance": "1", "vertebrae": {"L1": [[[0, 0], [1, 1]]]}}}), "a polygon of 2 points");
    let unknown = refused(json!({"path": "a", "subject": "1"}));
    assert!(unknown.contains("`studies[0].path` is a study of which nothing is known"), "{unknown}");
}

#[test]
fn a_set_has_a_name_a_table_and_studies() {
    let study = json!({"path": "a", "subject": "1", "masks": {"1": "a.png"}});
    let changed = |key: &str, value: Value| {
        let mut file = set(study.clone());
        file[key] = value;
        parsed(&file).unwrap_err()
    };
    assert!(changed("schema", json!("deepspine.truth/2")).contains("reads deepspine.truth/1"));
    assert!(changed("name", json!("a -->")).contains("`name` must be"));
    assert!(changed("studies", json!([])).contains("`studies` has 0 studies"));
    assert!(changed("structures", json!({})).contains("`studies[0].masks` need the table"));
    assert!(changed("structures", json!({"256": "disc"})).contains("`structures.256`"));
    assert!(changed("structures", json!({"1": "bone"})).contains("unknown variant `bone`"));
    assert!(parse(b"not json", Path::new("x.json")).unwrap_err().to_string().starts_with("x.json is no deepspine"));
}
