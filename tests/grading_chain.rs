//! A report's grades say what was graded, how sure it is, from what, and under which terms.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Probabilities are written to a thousandth.
const ROUNDING: f64 = 0.004;

fn models(set: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(set).display().to_string()
}

/// The report on a phantom study in `folder`, and its first words on stderr where there is none.
fn report(folder: &Path, set: &str, more: &[&str]) -> Value {
    let out = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .arg("analyze")
        .arg(folder)
        .args(["--format", "json", "--models", &models(set)])
        .args(more)
        .output()
        .expect("the program runs");
    serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)))
}

fn phantom(folder: &Path) {
    let status = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .args(["phantom", "--seed", "5", "--finding", "L4-L5/central=severe", "--out"])
        .arg(folder)
        .status()
        .expect("the program runs");
    assert!(status.success());
}

fn grades(report: &Value) -> Vec<(&str, &Value)> {
    let levels = report["levels"].as_array().expect("levels");
    levels
        .iter()
        .flat_map(|level| {
            let name = level["name"].as_str().unwrap_or_default();
            level["grades"].as_array().map_or(&[][..], Vec::as_slice).iter().map(move |grade| (name, grade))
        })
        .collect()
}

/// Size of all prediction sets together.
fn sizes(report: &Value) -> usize {
    grades(report).iter().map(|(_, g)| g["set"].as_array().map_or(0, Vec::len)).sum()
}

#[test]
fn grades_carry_their_scale_probabilities_set_and_inputs() {
    let dir = tempfile::tempdir().expect("a folder");
    phantom(dir.path());
    let free = report(dir.path(), "", &[]);
    let research = report(dir.path(), "research", &[]);
    let strict = report(dir.path(), "research", &["--alpha-percent", "2"]);

    // The free set grades the disc, the research set stenosis as well, under its own terms.
    let has = |r: &Value, finding: &str| grades(r).iter().any(|(_, g)| g["finding"] == finding);
    assert!(has(&free, "disc-degeneration") && !has(&free, "central-canal-stenosis"));
    assert!(has(&research, "disc-degeneration") && has(&research, "central-canal-stenosis"));
    let terms = |r: &Value| r["models"].to_string().contains("NON-COMMERCIAL");
    assert!(!terms(&free) && terms(&research));

    let of_l4 = |side: Option<&str>, finding: &str| {
        let is = |g: &Value| g["finding"] == finding && g["side"].as_str() == side;
        grades(&research).iter().filter(|(level, g)| *level == "L4-L5" && is(g)).count()
    };
    for side in [Some("left"), Some("right")] {
        assert_eq!((of_l4(side, "foraminal-stenosis"), of_l4(side, "subarticular-stenosis")), (1, 1));
    }
    assert_eq!(of_l4(None, "central-canal-stenosis"), 1);

    for (level, grade) in grades(&research) {
        let probabilities: Vec<f64> =
            grade["probabilities"].as_array().expect("some").iter().filter_map(Value::as_f64).collect();
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < ROUNDING, "{level}: {grade}");
        let set = grade["set"].as_array().expect("a set");
        assert!(set.contains(&grade["grade"]), "{level}: {grade}");
        // No truth tells normal from mild: a set never holds one without the other.
        let holds = |name: &str| set.iter().any(|g| g == name);
        assert_eq!(grade["scale"] == "stenosis" && holds("normal"), grade["scale"] == "stenosis" && holds("mild"));
        assert!(!grade["inputs"].as_array().expect("inputs").is_empty());
    }
    assert!(sizes(&strict) > sizes(&research), "fewer errors need larger sets");
    assert_ne!(strict["report_id"], research["report_id"], "another error rate is another reading");
}

#[test]
fn a_view_that_is_missing_is_named_and_its_findings_are_not_given() {
    let dir = tempfile::tempdir().expect("a folder");
    phantom(dir.path());
    for series in std::fs::read_dir(dir.path()).expect("series").flatten() {
        if series.file_name().to_string_lossy().contains("axial") {
            std::fs::remove_dir_all(series.path()).expect("removed");
        }
    }
    let report = report(dir.path(), "research", &[]);
    let level = report["levels"].as_array().expect("levels").iter().find(|l| l["name"] == "L4-L5").expect("L4-L5");
    assert!(level["ungraded"].to_string().contains("no-axial-t2"), "{level}");
    let finding = |name: &str| grades(&report).iter().any(|(at, g)| *at == "L4-L5" && g["finding"] == name);
    assert!(!finding("central-canal-stenosis") && !finding("subarticular-stenosis") && finding("foraminal-stenosis"));
}
