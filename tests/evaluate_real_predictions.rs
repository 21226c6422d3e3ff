//! The figures of `deepspine evaluate` on predictions of real examinations (Lu, Angelopoulos and Pomerantz, MICCAI 2022) are those of
//! another computation.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod common;
mod judged;

use common::{shared_data, skipped};
use judged::{PREDICTIONS, close, figures, grades};
use std::fmt::Write as _;
use std::fs;

#[test]
fn figures_of_real_predictions_are_those_of_another_computation() {
    const NAME: &str = "figures_of_real_predictions_are_those_of_another_computation";
    let Some(file) = shared_data().map(|data| data.join("conformal/lumbar_predictions.csv")).filter(|f| f.is_file())
    else {
        skipped(NAME, "no conformal/lumbar_predictions.csv");
        return;
    };
    let (mut rows, mut text) = (Vec::new(), PREDICTIONS.to_owned());
    let names = ["normal", "mild", "moderate", "severe"];
    let mut table = csv::Reader::from_path(file).unwrap();
    let header = table.headers().unwrap().clone();
    let column = |name: String| header.iter().position(|h| h == name).unwrap();
    let places: Vec<&str> =
        header.iter().filter_map(|h| h.strip_prefix("true_")).filter(|p| p.ends_with("center")).collect();
    for record in table.records().map(Result::unwrap) {
        for place in &places {
            let truth = record[column(format!("true_{place}"))].parse::<f64>().ok().filter(|t| *t >= 0.0);
            let Ok(p) = serde_json::from_str::<[f64; 4]>(&record[column(format!("score_{place}"))]) else { continue };
            let Some(truth) = truth.map(|t| t as usize) else { continue };
            let answer = (0..4).fold(0, |most, i| if p[i] > p[most] { i } else { most });
            // A set of all grades that are at least a tenth as probable as the most probable one.
            let set: Vec<usize> = (0..4).filter(|i| p[*i] >= p[answer] / 10.0).collect();
            let level = place.trim_end_matches("_center");
            let written = set.iter().map(|i| names[*i]).collect::<Vec<_>>().join("|");
            let p4 = p.map(|p| p.to_string()).join(",");
            let (exam, true_name) = (&record[0], names[truth]);
            writeln!(text, "{exam},{level},,central-canal-stenosis,stenosis,,{p4},{true_name},,{written},,").unwrap();
            rows.push((truth, answer, p, set));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("real.csv"), text).unwrap();
    let document = figures(folder.path(), &["--predictions", "real.csv"]);
    let values = &grades(&document, "central-canal-stenosis", None)["figures"];
    let mut recalls = 0.0;
    for truth in 0..4 {
        let of: Vec<_> = rows.iter().filter(|r| r.0 == truth).collect();
        let share = |yes: usize| yes as f64 / of.len() as f64;
        recalls += share(of.iter().filter(|r| r.1 == truth).count()) / 4.0;
        let row = &values["sets"]["by_truth"][truth];
        assert!(close(&row["coverage"], share(of.iter().filter(|r| r.3.contains(&truth)).count())), "{row}");
        let size = row["mean_size"].as_f64().unwrap();
        assert!((size - share(of.iter().map(|r| r.3.len()).sum())).abs() < 1e-9, "{row}");
    }
    assert!(close(&values["class_average"], recalls), "{}", values["class_average"]);
    assert!((0.4..0.9).contains(&recalls));
    // The area by its definition: every pair of a positive and a negative one.
    let worse = |p: &[f64; 4]| p[2] + p[3];
    let (mut right, mut all) = (0.0, 0.0);
    for positive in rows.iter().filter(|r| r.0 > 1) {
        for negative in rows.iter().filter(|r| r.0 <= 1) {
            let (a, b) = (worse(&positive.2), worse(&negative.2));
            right += if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            };
            all += 1.0;
        }
    }
    let area = &values["thresholds"][1]["auroc"];
    let [low, high] = [0, 1].map(|i| area["interval"][i].as_f64().unwrap());
    let value = right / all;
    assert!(low < value && value < high && high - low < 0.1, "{low} {value} {high}");
    assert!(area["value"].is_null() || close(area, value), "{area} {value}");
}
