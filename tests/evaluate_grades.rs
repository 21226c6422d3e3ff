//! `deepspine evaluate` on grades: truths as JSON and as a table, studies that are read now or were read before, tables of
//! predictions, and every way out: terminal, JSON, page, rows, card.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod judged;
mod ungated;

use judged::{PREDICTIONS, close, deepspine, evaluate, figures, grades, said};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const TRUTHS: &str = "study,subject,level,side,finding,grade\n";

/// The research set, which takes phantoms for what they are not.
fn research(folder: &Path) -> String {
    ungated::research_set(&folder.join("models")).display().to_string()
}

/// Forty predictions of the canal: of each class ten, with answers as in a table that was counted by hand.
fn by_hand() -> String {
    let cells = [(0, 0), (0, 1), (1, 1), (1, 1), (2, 0), (2, 2), (3, 2), (3, 3)];
    let names = ["normal", "mild", "moderate", "severe"];
    let mut text = PREDICTIONS.to_owned();
    for i in 0..40 {
        let (truth, answer) = cells[i % 8];
        let p: Vec<&str> = (0..4).map(|grade| if grade == answer { "0.7" } else { "0.1" }).collect();
        let set = if answer == 0 { "normal|mild" } else { names[answer] };
        let (truth, answer) = (names[truth], names[answer]);
        writeln!(text, "s{i},L4-L5,,central-canal-stenosis,stenosis,g,{},{truth},{answer},{set},0,", p.join(","))
            .unwrap();
    }
    text
}

#[test]
fn a_table_of_predictions_gives_the_figures_that_were_computed_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.csv"), by_hand()).unwrap();
    let document = figures(folder.path(), &["--predictions", "mine.csv"]);
    assert_eq!((&document["sets"][0]["name"], &document["model"]), (&json!("mine"), &Value::Null));
    let canal = grades(&document, "central-canal-stenosis", None);
    assert_eq!((&canal["truths"], &canal["answered"], &canal["subjects"]), (&json!(40), &json!(40), &json!(40)));
    assert_eq!(canal["confusion"][2], json!({"truth": "moderate", "counts": [5, 0, 5, 0]}));
    let values = &canal["figures"];
    // Right of each class: 1/2, 1, 1/2, 1/2. Kappas as in `evaluation::statistics`.
    for (name, wanted) in [
        ("class_average", 0.625),
        ("exact", 0.625),
        ("within_one", 0.875),
        ("linear_kappa", 11.0 / 19.0),
        ("quadratic_kappa", 2.0 / 3.0),
    ] {
        assert!(close(&values[name], wanted), "{name}: {}", values[name]);
    }
    // Sets hold: of normal 5 of 10, of mild 10, of moderate 5, of severe 5; 10 of 40 sets have two grades.
    let sets = &values["sets"];
    assert!(close(&sets["coverage"], 25.0 / 40.0) && close(&sets["mean_size"], 1.25), "{sets}");
    assert!(close(&sets["by_truth"][2]["coverage"], 0.5), "{sets}");
    // Worse than normal: 30 are. Answers other than normal have .9 to be worse, normal .3: of 30 positives 25, of 10 negatives 5.
    let first = &values["thresholds"][0];
    assert_eq!((&first["positives"], &first["negatives"]), (&json!(30), &json!(10)));
    assert_eq!(first["auroc"]["value"], Value::Null, "of so few an interval alone is given");
    let [low, high] = [0, 1].map(|i| first["auroc"]["interval"][i].as_f64().unwrap());
    let area = (25.0 * 5.0 + (25.0 * 5.0 + 5.0 * 5.0) / 2.0) / 300.0;
    assert!(low < area && area < high, "{low} {area} {high}");
    assert_eq!(
        figures(folder.path(), &["--predictions", "mine.csv"])["sets"],
        document["sets"],
        "drawn alike each time"
    );
}

#[test]
fn ranges_weights_and_what_is_not_answered_are_counted_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = PREDICTIONS.to_owned();
    for i in 0..20 {
        // Of twenty that are normal or mild, in which either answer is right, each counting four; and ten severe called moderate.
        let grade = if i % 2 == 0 { "normal" } else { "mild" };
        writeln!(text, "a{i},,left,foraminal-stenosis,stenosis,,0.5,0.5,0,0,Normal/Mild,{grade},normal|mild,0,4")
            .unwrap();
        let row = "foraminal-stenosis,stenosis,,0,0,0.6,0.4,severe,moderate,moderate|severe,1,1";
        (i < 10).then(|| writeln!(text, "b{i},,left,{row}").unwrap());
    }
    text += "c,1,left,foraminal-stenosis,stenosis,,,,,,moderate,,,,\n";
    fs::write(folder.path().join("mine.csv"), text).unwrap();
    let document = figures(folder.path(), &["--predictions", "mine.csv"]);
    let foramen = grades(&document, "foraminal-stenosis", Some("left"));
    assert_eq!(foramen["classes"], json!(["normal/mild", "moderate", "severe"]));
    assert_eq!((&foramen["truths"], &foramen["answered"]), (&json!(31), &json!(30)));
    assert_eq!(foramen["unanswered"], json!({"not answered": 1}));
    assert!(close(&foramen["figures"]["exact"], 20.0 / 30.0));
    assert!(close(&foramen["reweighted"]["exact"], 80.0 / 90.0));
    assert!(close(&foramen["figures"]["class_average"], 0.5), "of the two classes that were answered");
    let (sets, thin) = (&foramen["figures"]["sets"], &foramen["figures"]["thin_sets"]);
    assert_eq!((&sets["coverage"]["of"], &thin["coverage"]["of"]), (&json!(20), &json!(10)));
    assert!(close(&sets["mean_size"], 1.0) && close(&thin["mean_size"], 2.0), "sizes count classes");
    let text = String::from_utf8(evaluate(folder.path(), &["--predictions", "mine.csv"]).stdout).unwrap();
    assert!(text.contains("30 of 31 truths answered, 30 subjects; unanswered: 1 not answered"), "{text}");
    assert!(text.contains("re-weighted:"), "{text}");
}

#[test]
fn truths_of_their_own_file_are_joined_to_predictions() {
    let folder = tempfile::tempdir().unwrap();
    let row = |subject: &str, level: &str| format!("{subject},{level},,disc-bulge,presence,,0.2,0.8,,,,,,,\n");
    fs::write(folder.path().join("mine.csv"), format!("{PREDICTIONS}{}{}", row("a", "L4-L5"), row("b", "1"))).unwrap();
    let truths = "a,p,l4/l5,,disc-bulge,present\nx/b,q,1,,disc-bulge,absent\nc,r,L5-S1,,disc-bulge,absent\n";
    fs::write(folder.path().join("truth.csv"), format!("{TRUTHS}{truths}")).unwrap();
    let document = figures(folder.path(), &["--predictions", "mine.csv", "--truth", "truth.csv"]);
    let bulge = grades(&document, "disc-bulge", None);
    assert_eq!((&bulge["truths"], &bulge["answered"]), (&json!(3), &json!(2)));
    assert_eq!(bulge["unanswered"], json!({"no prediction": 1}));
    assert_eq!(
        bulge["confusion"],
        json!([{"truth": "absent", "counts": [0, 1]}, {"truth": "present", "counts": [0, 1]}])
    );
    let alone = evaluate(folder.path(), &["--predictions", "mine.csv"]);
    assert_eq!(alone.status.code(), Some(64), "{}", said(&alone));
    assert!(said(&alone).contains("2 predictions have no truth"), "{}", said(&alone));
}

#[test]
fn hostile_tables_are_refused_by_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |option: &str, name: &str, content: &[u8], expected: &str| {
        fs::write(folder.path().join(name), content).unwrap();
        let output = evaluate(folder.path(), &[option, name]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(65), "{said}");
        assert!(said.contains(name) && said.contains(expected) && !said.contains("panicked"), "{expected}: {said}");
        assert!(output.stdout.is_empty());
    };
    let good = "a,L4-L5,,disc-bulge,presence,,0.2,0.8,,,present,,,,\n";
    let predictions = |row: &str| [PREDICTIONS, good, row].concat().into_bytes();
    let bulge = |rest: &str| format!("b,L4-L5,,disc-bulge,presence,,{rest}\n");
    refused("--predictions", "p.csv", b"", "has no column `subject`");
    refused("--predictions", "p.csv", &[0xff; 5000], "is no table: line 1: is not UTF-8");
    refused("--predictions", "p.csv", &[b'"'; 300_000], "p.csv");
    refused("--predictions", "p.csv", PREDICTIONS.replace("thin", "thick").as_bytes(), "has a column `thick`");
    refused(
        "--predictions",
        "p.csv",
        &predictions(&bulge("0.2,0.9,,,present,,,,")),
        "line 3, column `p0` has probabilities",
    );
    refused("--predictions", "p.csv", &predictions(&bulge("0.2,0.8,,,mild,,,,")), "line 3, column `truth` is no grade");
    refused("--predictions", "p.csv", &predictions(&bulge("0.2,0.8,,,present,,,,1e99")), "line 3, column `weight`");
    refused("--predictions", "p.csv", &predictions("b,L4-L5\n"), "line 3: has 2 fields, the heading 15");
    refused("--predictions", "p q.csv", &predictions(""), "names its figures by its file's name");
    refused(
        "--truth",
        "t.csv",
        b"study,subject,level,side,finding,grade\na,b,L4-L5,,disc-bulge,worse\n",
        "line 2, column `grade`",
    );
    refused("--truth", "t.csv", b"study,subject\na,b\n", "has no column `level`");
    let json = r#"{"schema": "deepspine.truth/1", "name": "t", "about": "x", "studies": [{"path": "a", "subject": "1",
 "grades": [{"level": "L4-L5", "finding": "disc-bulge", "grade": "worse"}]}]}"#;
    refused("--truth", "t.json", json.as_bytes(), "`grade` is no grade of the scale presence");
    refused("--truth", "t.json", json.as_bytes(), "at line 2 column");
    let twice = json
        .replace("worse", "present")
        .replace("}]}]}", "}, {\"level\": \"L4/L5\", \"finding\": \"disc-bulge\", \"present\": false}]}]}");
    refused("--truth", "t.json", twice.as_bytes(), "`studies[0].grades[1]` is there twice: disc-bulge at L4-L5");
    let gone = evaluate(folder.path(), &["--predictions", "nowhere.csv"]);
    assert_eq!(gone.status.code(), Some(66), "{}", said(&gone));
    let both = evaluate(folder.path(), &["--predictions", "p.csv", "--readings", "x", "--truth", "t.csv"]);
    assert_eq!(both.status.code(), Some(64), "{}", said(&both));
}

/// Whether every element of a page is ended, and in order.
fn is_well_formed(page: &str) -> bool {
    const WITHOUT_END: [&str; 2] = ["meta", "!doctype"];
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else { return false };
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or_default();
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') && !WITHOUT_END.contains(&name) {
            open.push(name);
        }
    }
    open.is_empty()
}

#[test]
fn the_page_has_pictures_and_nothing_of_others_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let evil = by_hand().replace(",g,", ",<script>alert(1)</script>\"&,").replace("\"&", "'&");
    let many: String =
        (0..5).map(|i| evil.lines().skip(1).map(|row| format!("{i}{row}\n")).collect::<String>()).collect();
    fs::write(folder.path().join("mine.csv"), format!("{PREDICTIONS}{many}")).unwrap();
    let output = evaluate(folder.path(), &["--predictions", "mine.csv", "--page", "page.html", "--csv", "rows.csv"]);
    assert!(output.status.success(), "{}", said(&output));
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(is_well_formed(&page), "{page}");
    for title in
        ["Truth (rows) and answer (columns)", "ROC: probability to be worse", "Said and seen", "Prediction sets"]
    {
        assert!(page.contains(&format!("<title>{title}")), "{title}");
    }
    assert!(!page.contains("http"), "nothing from elsewhere");
    let rows = fs::read_to_string(folder.path().join("rows.csv")).unwrap();
    assert_eq!(rows.lines().count(), 201);
    assert!(rows.lines().nth(1).unwrap().ends_with("normal,normal,,0.7,0.1,0.1,0.1,,normal|mild,0,1"), "{rows}");
}

#[test]
fn a_card_has_the_figures_of_predictions_between_its_marks() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("predictions_mine.csv"), by_hand()).unwrap();
    let card = folder.path().join("card.md");
    fs::write(&card, "# Card\n<!-- evaluate: predictions_mine -->\nold figures\n<!-- end -->\nafter\n").unwrap();
    let output = evaluate(folder.path(), &["--predictions", "predictions_mine.csv", "--card", "card.md"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = fs::read_to_string(&card).unwrap();
    assert!(
        text.contains("`deepspine evaluate --predictions predictions_mine.csv`") && !text.contains("old figures"),
        "{text}"
    );
    assert!(text.contains("| central-canal-stenosis | g | 40 of 40 truths answered, 40 subjects: normal 10, mild 10, moderate 10, severe 10 | 0.625 ("));
    assert!(
        text.contains("| central-canal-stenosis | g | normal | 30 of 40 | (")
            && text.ends_with("<!-- end -->\nafter\n"),
        "{text}"
    );
    assert!(!text.contains("Failures"), "nothing was read, so nothing failed: {text}");
}

/// A folder with a phantom study, its truth as a table, and the report of it in `readings/study-1/`.
fn phantom(folder: &Path) {
    let made = deepspine(
        folder,
        &["phantom", "--seed", "3", "--finding", "L4-L5/central=severe", "--out", "elsewhere/study-1"],
    );
    assert!(made.status.success(), "{}", said(&made));
    let truths = "study-1,p1,L4-L5,,central-canal-stenosis,severe\n\
                  study-1,p1,L4-L5,left,foraminal-stenosis,Normal/Mild\n\
                  study-1,p1,1,,disc-degeneration,present\n\
                  study-1,p1,T8-T9,,disc-bulge,absent\n\
                  study-1,p1,L4-L5,,canal_ap_disc_mm,9\n\
                  gone,p2,L4-L5,,disc-bulge,absent\n";
    fs::write(folder.join("ours.csv"), format!("{TRUTHS}{truths}")).unwrap();
}

#[test]
fn studies_are_read_now_or_were_read_before_and_the_figures_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    phantom(folder.path());
    let research = research(folder.path());
    let now = figures(folder.path(), &["--truth", "ours.csv", "--models", &research, "elsewhere"]);
    let canal = grades(&now, "central-canal-stenosis", None);
    assert_eq!((&canal["truths"], &canal["answered"]), (&json!(1), &json!(1)));
    let bulge = grades(&now, "disc-bulge", None);
    assert_eq!(bulge["unanswered"].as_object().unwrap().len(), 2, "{bulge}");
    assert_eq!(bulge["unanswered"]["not read"], 1);
    let measured = &now["sets"][0]["measurements"][0];
    assert_eq!((&measured["measurement"], &measured["answered"]), (&json!("canal_ap_disc_mm"), &json!(1)));
    assert_eq!(measured["bias"]["value"], Value::Null, "one pair has no bias");
    let failures = now["sets"][0]["failures"].to_string();
    assert!(failures.contains("gone") && !failures.contains(folder.path().to_str().unwrap()), "{failures}");

    let written =
        deepspine(folder.path(), &["analyze", "elsewhere/study-1", "--models", &research, "--out", "readings/study-1"]);
    assert!(written.status.success(), "{}", said(&written));
    let before = figures(folder.path(), &["--truth", "ours.csv", "--readings", "readings"]);
    let without_missing = |document: &Value| {
        let mut all = document["sets"][0]["grades"].clone();
        all.as_array_mut().unwrap().iter_mut().for_each(|g| drop(g["unanswered"].take()));
        all
    };
    assert_eq!(without_missing(&before), without_missing(&now));
    assert_eq!(before["sets"][0]["measurements"], now["sets"][0]["measurements"]);
    assert_eq!(grades(&before, "disc-bulge", None)["unanswered"]["no reading"], 1);
}

#[test]
fn a_phantom_knows_its_own_grades_and_measurements() {
    let folder = tempfile::tempdir().unwrap();
    phantom(folder.path());
    let truth = json!({
        "schema": "deepspine.truth/1", "name": "phantoms", "about": "A phantom, no patient.",
        "studies": [{"path": "elsewhere/study-1", "subject": "5", "truth": "elsewhere/study-1/truth.json",
                     "grades": [{"level": "L4-L5", "finding": "disc-bulge", "present": true}]}],
    });
    let schema: Value = serde_json::from_str(include_str!("../schemas/truth-1.schema.json")).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&truth));
    fs::write(folder.path().join("ours.json"), truth.to_string()).unwrap();
    let document = figures(folder.path(), &["--truth", "ours.json", "--models", &research(folder.path())]);
    let canal = grades(&document, "central-canal-stenosis", None);
    let severe = canal["confusion"].as_array().unwrap().iter().find(|row| row["truth"] == "severe");
    assert!(severe.is_some() && canal["truths"].as_u64().unwrap() >= 5, "{canal}");
    let both = grades(&document, "foraminal-stenosis", Some("both"));
    assert_eq!(both["truths"].as_u64().unwrap(), 2 * canal["truths"].as_u64().unwrap());
    let names: Vec<_> =
        document["sets"][0]["measurements"].as_array().unwrap().iter().map(|m| &m["measurement"]).collect();
    assert!(names.contains(&&json!("slip_mm")) && names.contains(&&json!("canal_ap_disc_mm")), "{names:?}");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").display().to_string();
    let free = figures(folder.path(), &["--truth", "ours.json", "--models", &shipped]);
    let canal = grades(&free, "central-canal-stenosis", None);
    assert_eq!(canal["answered"], 0, "the free set grades no stenosis, and that is counted: {canal}");
    assert!(!canal["unanswered"].as_object().unwrap().is_empty());
}
