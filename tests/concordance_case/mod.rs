//! A folder of readings and of texts that are held against them. Readings are real ones of a phantom, made once; tests add grades to their JSON.
#![allow(dead_code, clippy::unwrap_used, clippy::allow_attributes, reason = "each promise uses its part of this")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::wire;

/// The report that `analyze --out` makes of the small phantom study.
pub(crate) fn real_report() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    REPORT.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let study = dir.path().join("study");
        wire::small_study(&study);
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let output = Command::new(env!("CARGO_BIN_EXE_deepspine"))
            .args(["analyze", "--format", "json", "--threads", "2", "--models"])
            .args([&models, Path::new("--out"), &dir.path().join("out"), &study])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&fs::read(dir.path().join("out/report.json")).unwrap()).unwrap()
    })
}

pub(crate) fn grade(finding: &str, side: Option<&str>, scale: &str, grade: &str, set: &[&str]) -> Value {
    let mut object = json!({
        "finding": finding, "scale": scale, "grade": grade, "probabilities": [0.7, 0.3], "set": set, "inputs": ["sag-t2"],
    });
    if let Some(side) = side {
        object["side"] = json!(side);
    }
    object
}

pub(crate) fn canal(name: &str) -> Value {
    grade("central-canal-stenosis", None, "stenosis", name, &[name])
}

/// A folder of readings and texts.
pub(crate) struct Case {
    dir: TempDir,
    texts: Vec<Value>,
}

impl Case {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), texts: Vec::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The real report as that of study `name`, all of its levels sure and none graded but by `change`, in a folder of that name.
    pub(crate) fn reading(&self, name: &str, change: impl Fn(&mut Value)) -> Value {
        self.real_reading(name, |report| {
            report["levels"].as_array_mut().unwrap().iter_mut().for_each(|level| level["grades"] = json!([]));
            change(report);
        })
    }

    /// The same with the grades that it has.
    pub(crate) fn real_reading(&self, name: &str, change: impl Fn(&mut Value)) -> Value {
        let mut report = real_report().clone();
        report["study_key"] = json!(format!("key-of-{name}"));
        report["report_id"] = json!(format!("report-of-{name}"));
        report["accession_key"] = Value::Null;
        for level in report["levels"].as_array_mut().unwrap() {
            level["confidence"] = json!(0.95);
        }
        change(&mut report);
        self.write(&format!("readings/{name}/report.json"), &report.to_string());
        report
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn text(&mut self, id: &str, text: &str) {
        self.texts.push(json!({"id": id, "text": text}));
    }

    pub(crate) fn run(&self, more: &[&str]) -> Output {
        let lines: String = self.texts.iter().map(|text| format!("{text}\n")).collect();
        self.write("texts.jsonl", &lines);
        Command::new(env!("CARGO_BIN_EXE_deepspine"))
            .args(["labels", "--against", "readings"])
            .args(more)
            .arg("texts.jsonl")
            .current_dir(self.dir.path())
            .output()
            .unwrap()
    }

    /// The lines of `--format jsonl`: pairs and diameters, and the summary.
    pub(crate) fn lines(&self, more: &[&str], exit: i32) -> (Vec<Value>, Value, String) {
        let output = self.run(&[more, &["--format", "jsonl"]].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let summary = lines.pop().unwrap();
        assert_eq!(summary["kind"], "summary");
        (lines, summary, said)
    }
}

/// Puts `grades` to the level called `name`.
pub(crate) fn at(report: &mut Value, name: &str, grades: Vec<Value>) {
    level(report, name)["grades"] = Value::Array(grades);
}

pub(crate) fn level<'a>(report: &'a mut Value, name: &str) -> &'a mut Value {
    let levels = report["levels"].as_array_mut().unwrap();
    levels.iter_mut().find(|level| level["name"] == name).unwrap()
}

/// `level side finding known read agreement` of each pair.
pub(crate) fn pairs(lines: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let pairs = lines.iter().filter(|line| line["kind"] == "pair" && line["finding"] != "meyerding");
    pairs
        .map(|p| {
            let parts =
                [&p["level"], &p["side"], &p["finding"], &p["text"]["known"], &p["reading"]["grade"], &p["agreement"]];
            parts.map(text).join(" ")
        })
        .collect()
}

pub(crate) fn figures<'a>(summary: &'a Value, finding: &str, side: Value) -> &'a Value {
    let findings = summary["findings"].as_array().unwrap();
    findings.iter().find(|f| f["finding"] == finding && f["side"] == side).unwrap()
}
