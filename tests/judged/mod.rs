//! What the promises of `evaluate` on grades share: running the program, and its figures.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// The heading of a table of predictions.
pub(crate) const PREDICTIONS: &str = "subject,level,side,finding,scale,group,p0,p1,p2,p3,truth,grade,set,thin,weight\n";

pub(crate) fn deepspine(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_deepspine")).args(arguments).current_dir(folder).output().unwrap()
}

pub(crate) fn evaluate(folder: &Path, arguments: &[&str]) -> Output {
    deepspine(folder, &[&["evaluate"], arguments].concat())
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What `--json` prints, which follows its schema.
pub(crate) fn figures(folder: &Path, arguments: &[&str]) -> Value {
    let output = evaluate(folder, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", said(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../schemas/figures-1.schema.json")).unwrap();
    let errors: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&document).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    document
}

pub(crate) fn grades<'a>(document: &'a Value, finding: &str, side: Option<&str>) -> &'a Value {
    let all = document["sets"][0]["grades"].as_array().unwrap();
    all.iter().find(|g| g["finding"] == finding && g["side"].as_str() == side).unwrap_or(&Value::Null)
}

pub(crate) fn close(value: &Value, wanted: f64) -> bool {
    value["value"].as_f64().is_some_and(|value| (value - wanted).abs() < 1e-9)
}
