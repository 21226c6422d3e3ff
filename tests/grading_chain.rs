//! A report's grades say what was graded, how sure it is, from what, and under which terms.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod ungated;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Probabilities are written to a thousandth.
const ROUNDING: f64 = 0.004;

fn shipped(set: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(set)
}

/// The report on the study in `folder`, and its first words on stderr where there is none.
fn report(folder: &Path, models: &Path, more: &[&str]) -> Value {
    let out = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .arg("analyze")
        .arg(folder)
        .args(["--format", "json", "--models"])
        .arg(models)
        .args(more)
        .output()
        .expect("the program runs");
    serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)))
}

fn phantom(folder: &Path, more: &[&str]) {
    let status = Command::new(env!("CARGO_BIN_EXE_deepspine"))
        .args(["phantom", "--seed", "5", "--finding", "L4-L5/central=severe", "--out"])
        .arg(folder)
        .args(more)
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
    phantom(dir.path(), &[]);
    let sets = tempfile::tempdir().expect("a folder");
    let ungated = ungated::research_set(sets.path());
    let free = report(dir.path(), &shipped(""), &[]);
    let research = report(dir.path(), &ungated, &[]);
    let strict = report(dir.path(), &ungated, &["--alpha-percent", "2"]);

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
    phantom(dir.path(), &[]);
    for series in std::fs::read_dir(dir.path()).expect("series").flatten() {
        if series.file_name().to_string_lossy().contains("axial") {
            std::fs::remove_dir_all(series.path()).expect("removed");
        }
    }
    let sets = tempfile::tempdir().expect("a folder");
    let report = report(dir.path(), &ungated::research_set(sets.path()), &[]);
    let level = report["levels"].as_array().expect("levels").iter().find(|l| l["name"] == "L4-L5").expect("L4-L5");
    assert!(level["ungraded"].to_string().contains("no-axial-t2"), "{level}");
    let finding = |name: &str| grades(&report).iter().any(|(at, g)| *at == "L4-L5" && g["finding"] == name);
    assert!(!finding("central-canal-stenosis") && !finding("subarticular-stenosis") && finding("foraminal-stenosis"));
}

#[test]
fn a_picture_unlike_all_of_training_is_refused_with_a_code_and_what_rests_on_it_is_not_graded() {
    let dir = tempfile::tempdir().expect("a folder");
    phantom(dir.path(), &[]);
    // A drawn axial slice is not what a network knows that was trained on patients.
    let report = report(dir.path(), &shipped("research"), &[]);
    let level = report["levels"].as_array().expect("levels").iter().find(|l| l["name"] == "L4-L5").expect("L4-L5");
    assert!(level["ungraded"].to_string().contains("strange-axial-t2"), "{level}");
    assert!(report["quality"].to_string().contains("strange-picture"), "{report}");
    let graded = |finding: &str| grades(&report).iter().any(|(at, g)| *at == "L4-L5" && g["finding"] == finding);
    assert!(!graded("central-canal-stenosis") && graded("disc-degeneration"), "{level}");
    let widest = |g: &Value| g["set"].as_array().is_some_and(|set| set.len() >= 2);
    assert!(grades(&report).iter().filter(|(_, g)| g["set_strange"] == true).all(|(_, g)| widest(g)), "{report}");
}

#[test]
fn a_patient_is_graded_and_the_canal_stands_among_others() {
    let name = "a_patient_is_graded_and_the_canal_stands_among_others";
    let Some(study) = common::shared_data().map(|data| data.join("rsna/study")).filter(|study| study.is_dir()) else {
        return common::skipped(name, "no clinical study beside the repository");
    };
    let report = report(&study, &shipped("research"), &[]);
    let graded =
        |level: &str, finding: &str| grades(&report).iter().any(|(at, g)| *at == level && g["finding"] == finding);
    for level in ["L1-L2", "L2-L3", "L3-L4", "L4-L5"] {
        assert!(graded(level, "central-canal-stenosis") && graded(level, "foraminal-stenosis"), "{level}");
    }
    let is_lumbar = |l: &Value| l["name"].as_str().is_some_and(|name| name.starts_with('L'));
    for level in report["levels"].as_array().expect("levels").iter().filter(|l| is_lumbar(l)) {
        let percentile = level["canal"]["ap_percentile"].as_f64().expect("a percentile");
        assert!((2.0..=98.0).contains(&percentile), "{level}");
        let class = match percentile {
            p if p < 5.0 => "below-p5",
            p if p < 25.0 => "p5-p25",
            p if p <= 75.0 => "p25-p75",
            _ => "above-p75",
        };
        assert_eq!(level["canal"]["ap_class"], class);
        assert!(level["canal"]["ap_over_body"].as_f64().is_some_and(|ratio| (0.1..2.0).contains(&ratio)), "{level}");
    }
    let canal = |l: &Value| l["name"] == "L2-L3" && l["canal"]["ap_class"] == "below-p5";
    assert!(report["levels"].as_array().expect("levels").iter().any(canal), "the narrowest canal of the study");
}

/// A NumPy array of float32: its shape as it is written, and its values.
fn array(path: &Path) -> (String, Vec<f32>) {
    let bytes = std::fs::read(path).expect("an array");
    let header = String::from_utf8_lossy(&bytes[10..128]).into_owned();
    let shape = header.split_once('(').and_then(|(_, rest)| rest.split_once(')')).expect("a shape").0.to_owned();
    (shape, bytes[128..].chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four"))).collect())
}

#[test]
fn analyze_writes_the_views_that_it_grades_from_and_says_which_are_missing() {
    let dir = tempfile::tempdir().expect("a folder");
    let (study, out) = (dir.path().join("study"), dir.path().join("out"));
    phantom(&study, &["--fov", "260", "--matrix", "208", "--slices", "9"]);
    let axial = std::fs::read_dir(&study).expect("series").filter_map(Result::ok).map(|e| e.path());
    for folder in axial.filter(|p| p.ends_with("4_axial-t2")) {
        std::fs::remove_dir_all(folder).expect("it can be removed");
    }
    let found = report(&study, &shipped("research"), &["--views", "--out", &out.display().to_string()]);

    let index = std::fs::read(out.join("views/views.json")).expect("an index");
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    assert_eq!(index["schema"], "deepspine.views/1");
    let levels = index["levels"].as_array().expect("levels");
    let names = |levels: &[Value]| levels.iter().map(|l| l["name"].to_string()).collect::<Vec<_>>();
    assert_eq!(names(levels), names(found["levels"].as_array().expect("levels")));
    for (input, shape) in [("disc", "2, 96, 144"), ("axial", "3, 64, 96"), ("foramen_left", "1, 96, 96")] {
        let (written, values) = array(&out.join("views").join(format!("{input}.npy")));
        assert!(written.contains(&format!("{}, {shape}", levels.len())), "{input}: {written}");
        let bright = values.iter().filter(|v| **v > 0.5).count();
        assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
        assert_eq!(bright == 0, input == "axial", "{input}: {bright} bright pixels");
    }
    for level in levels {
        let missing = level["missing"].as_array().expect("a list");
        assert!(missing.iter().any(|m| m["view"] == "axial" && m["code"] == "no-axial-t2"), "{level}");
        assert!(level["views"].as_array().expect("a list").contains(&"t2".into()), "{level}");
    }
    assert!(out.join("views/views.png").is_file());
}
