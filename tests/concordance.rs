//! `deepspine labels --against`, what is compared and what is printed: texts held against readings, through the binary.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod concordance_case;
mod wire;

use std::fs;

use concordance_case::{Case, at, canal, figures, grade, level, pairs};
use serde_json::{Value, json};

#[test]
fn grades_agree_are_one_apart_or_more_by_level_finding_and_side() {
    let mut case = Case::new();
    case.reading("one", |report| {
        let foramen = |side, name| grade("foraminal-stenosis", Some(side), "stenosis", name, &["mild", "moderate"]);
        at(report, "L4-L5", vec![canal("moderate"), foramen("left", "mild"), foramen("right", "normal")]);
        at(report, "L5-S1", vec![canal("severe"), foramen("left", "normal"), foramen("right", "mild")]);
        at(report, "L3-L4", vec![canal("normal")]);
    });
    case.text(
        "one",
        "L4-5: mild to moderate canal stenosis, severe left foraminal stenosis. No right foraminal stenosis.\nL5-S1: moderate canal stenosis. \
         Bilateral foraminal stenosis.\nNo canal stenosis at the remaining levels.",
    );
    let (lines, summary, _) = case.lines(&[], 0);
    let mut found = pairs(&lines);
    found.sort();
    assert_eq!(
        found,
        [
            "L3-L4 - central-canal-stenosis normal normal agree",
            "L4-L5 - central-canal-stenosis graded moderate agree",
            "L4-L5 left foraminal-stenosis graded mild more",
            "L4-L5 right foraminal-stenosis normal normal agree",
            "L5-S1 - central-canal-stenosis graded severe one-apart",
            "L5-S1 left foraminal-stenosis present normal contradict",
            "L5-S1 right foraminal-stenosis present mild agree",
        ]
    );
    let canal = figures(&summary, "central-canal-stenosis", Value::Null);
    assert_eq!((&canal["exact"], &canal["one_apart"], &canal["more"]), (&json!(2), &json!(1), &json!(0)));
    assert_eq!(canal["confusion"][2], json!({"said": "moderate", "counts": [0, 0, 1, 1]}));
    let of = |name: &str| canal["figures"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap().clone();
    assert_eq!(
        of("linear-kappa"),
        json!({"name": "linear-kappa", "of": 3, "value": null, "interval": null, "too_few": true})
    );
    assert_eq!((of("in-set")["value"].as_f64(), of("in-set")["of"].as_u64()), (Some(2.0 / 3.0), Some(3)));
    let left = figures(&summary, "foraminal-stenosis", json!("left"));
    assert_eq!((&left["pairs"], &left["graded"], &left["more"]), (&json!(2), &json!(1), &json!(1)));
    assert_eq!(figures(&summary, "foraminal-stenosis", Value::Null)["pairs"], 4);
    assert_eq!(summary["totals"]["listed"], 2);
}

#[test]
fn kappas_are_those_of_the_table_worked_by_hand() {
    let mut case = Case::new();
    // Said and read: 8 normal both, 4 mild read normal, 4 mild both, 4 severe both, 4 severe read moderate: 24 pairs.
    let kinds = [
        ("No", "normal"),
        ("Mild", "normal"),
        ("Mild", "mild"),
        ("Severe", "severe"),
        ("Severe", "moderate"),
        ("No", "normal"),
    ];
    for i in 0..24 {
        let (said, read) = kinds[i % 6];
        let name = format!("s{i}");
        case.reading(&name, |report| at(report, "L4-L5", vec![canal(read)]));
        case.text(&name, &format!("{said} canal stenosis at L4-5."));
    }
    let (_, summary, _) = case.lines(&[], 0);
    let canal = figures(&summary, "central-canal-stenosis", Value::Null);
    let of = |name: &str| {
        let figure = canal["figures"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap();
        (figure["value"].as_f64().unwrap(), figure["interval"].clone())
    };
    // Margins: said 8, 8, 0, 8; read 12, 4, 4, 4. Observed distance 8 x 1. By chance, in 24ths:
    // linear 8 (4 + 8 + 12) + 8 (12 + 4 + 8) + 8 (36 + 8 + 4) = 768, 768 / 24 = 32; quadratic 8 (4 + 16 + 36) + 8 (12 + 4 + 16) +
    // 8 (108 + 16 + 4) = 1728, 1728 / 24 = 72.
    assert!((of("linear-kappa").0 - (1.0 - 8.0 / 32.0)).abs() < 1e-9);
    assert!((of("quadratic-kappa").0 - (1.0 - 8.0 / 72.0)).abs() < 1e-9);
    assert!((of("exact").0 - 16.0 / 24.0).abs() < 1e-9);
    assert!((of("sensitivity").0 - 12.0 / 16.0).abs() < 1e-9);
    // Presence: 8 both normal, 12 both not, 4 said only: observed 20/24, by chance (8 x 12 + 16 x 12) / 576 = 1/2.
    assert!((of("presence-kappa").0 - (20.0 / 24.0 - 0.5) / 0.5).abs() < 1e-9);
    for name in ["linear-kappa", "exact", "presence-kappa"] {
        let (value, interval) = of(name);
        let (low, high) = (interval[0].as_f64().unwrap(), interval[1].as_f64().unwrap());
        assert!(low < value && value < high, "{name} {value} {interval}");
    }
    assert_eq!(summary["bootstrap"], json!({"by": "study", "draws": 2000, "seed": 20_261_123}));
}

#[test]
fn discs_are_compared_by_presence() {
    let mut case = Case::new();
    let presence = |finding: &str, name: &str| grade(finding, None, "presence", name, &[]);
    case.reading("one", |report| {
        at(
            report,
            "L4-L5",
            vec![
                grade("disc-degeneration", None, "pfirrmann", "III", &["III", "IV"]),
                presence("disc-narrowing", "absent"),
                presence("disc-bulge", "absent"),
                presence("disc-herniation", "present"),
                presence("modic-change", "present"),
                presence("upper-endplate-change", "present"),
            ],
        );
        at(
            report,
            "L3-L4",
            vec![grade("disc-degeneration", None, "pfirrmann", "II", &[]), presence("disc-herniation", "absent")],
        );
    });
    case.text("one", "L4-5: degenerated disc with loss of height and possible bulge. Protrusion. No extrusion. Modic type 2.\nL3-4: no disc degeneration.");
    let (lines, _, _) = case.lines(&[], 0);
    let mut found = pairs(&lines);
    found.sort();
    assert_eq!(
        found,
        [
            "L3-L4 - disc-degeneration normal II agree",
            "L4-L5 - disc-bulge uncertain absent contradict",
            "L4-L5 - disc-degeneration present III agree",
            "L4-L5 - disc-herniation present present agree",
            "L4-L5 - disc-narrowing present absent contradict",
            "L4-L5 - modic-change present present agree",
        ]
    );
}

#[test]
fn slips_and_diameters_are_held_against_what_was_measured() {
    let mut case = Case::new();
    case.reading("one", |report| {
        level(report, "L4-L5")["measurements"]["meyerding"] = json!("I");
        level(report, "L5-S1")["measurements"]["meyerding"] = json!("none");
        level(report, "L3-L4")["measurements"]["meyerding"] = json!("none");
        level(report, "L4-L5")["measurements"]["canal_ap_disc_mm"] = json!(9.5);
        level(report, "L3-L4")["measurements"]["canal_ap_disc_mm"] = json!(12.0);
    });
    case.text(
        "one",
        "Grade 2 anterolisthesis at L4-5. Spondylolisthesis at L5-S1. No spondylolisthesis at L3-4. Canal AP diameter 8 mm at L4-5. Canal AP \
         diameter 12.5 mm at L3-4.",
    );
    let (lines, summary, _) = case.lines(&[], 0);
    let slips: Vec<String> = lines
        .iter()
        .filter(|line| line["finding"] == "meyerding")
        .map(|p| {
            format!("{} {} {} {}", p["level"], p["text"]["grade"], p["reading"]["grade"], p["agreement"])
                .replace('"', "")
        })
        .collect();
    for wanted in ["L4-L5 II I one-apart", "L5-S1 null none contradict", "L3-L4 none none agree"] {
        assert!(slips.contains(&wanted.to_owned()), "{wanted}: {slips:?}");
    }
    let differences: Vec<&Value> =
        lines.iter().filter(|l| l["kind"] == "diameter").map(|l| &l["difference_mm"]).collect();
    assert_eq!(differences, [&json!(1.5), &json!(-0.5)]);
    let diameter = &summary["canal_diameter"];
    assert_eq!((&diameter["pairs"], &diameter["mean_mm"]), (&json!(2), &json!(0.5)));
    // SD of -0.5 and 1.5 is the root of 2.
    let half = 1.96 * 2.0_f64.sqrt();
    assert!((diameter["limits_of_agreement_mm"][1].as_f64().unwrap() - (0.5 + half)).abs() < 1e-9);
}

#[test]
fn doubtful_levels_are_counted_apart_and_unknown_ones_not_compared() {
    let mut case = Case::new();
    case.reading("one", |report| {
        at(report, "L4-L5", vec![canal("severe")]);
        level(report, "L4-L5")["confidence"] = json!(0.79);
        at(report, "L5-S1", vec![canal("mild")]);
        at(report, "L3-L4", vec![canal("severe")]);
        level(report, "L3-L4")["name"] = json!("unknown");
    });
    case.text("one", "Mild canal stenosis at L3-4, L4-5 and L5-S1.");
    let (lines, summary, _) = case.lines(&[], 0);
    assert_eq!(
        pairs(&lines),
        ["L5-S1 - central-canal-stenosis graded mild agree", "L4-L5 - central-canal-stenosis graded severe more"]
    );
    assert_eq!((&lines[0]["level_sure"], &lines[1]["level_sure"]), (&json!(true), &json!(false)));
    let canal = figures(&summary, "central-canal-stenosis", Value::Null);
    assert_eq!((&canal["pairs"], &canal["more"], &canal["doubtful_pairs"]), (&json!(1), &json!(0), &json!(1)));
    let totals = &summary["totals"];
    assert_eq!((&totals["unknown_levels"], &totals["doubtful_levels"]), (&json!(1), &json!(1)));
    assert_eq!(summary["statements_at_other_levels"], 1);
}

#[test]
fn what_is_not_mentioned_is_left_or_taken_for_normal_and_recorded() {
    let mut case = Case::new();
    case.reading("one", |report| {
        at(report, "L4-L5", vec![canal("severe"), grade("modic-change", None, "presence", "absent", &[])])
    });
    case.text("one", "Fracture of L1.");
    let (lines, summary, _) = case.lines(&[], 0);
    assert_eq!((pairs(&lines).len(), &summary["policy"]["not_mentioned"]), (0, &json!("leave")));
    let (lines, summary, _) = case.lines(&["--not-mentioned", "normal"], 0);
    assert_eq!(
        pairs(&lines),
        [
            "L4-L5 - central-canal-stenosis assumed-normal severe more",
            "L4-L5 - modic-change assumed-normal absent agree"
        ]
    );
    assert_eq!(summary["policy"], json!({"one_grade": "worse", "not_mentioned": "normal"}));
    assert_eq!(figures(&summary, "modic-change", Value::Null)["assumed_normal"], 1);
}

#[test]
fn a_readings_own_grades_are_compared() {
    let mut case = Case::new();
    let report = case.real_reading("one", |_| ());
    let graded: Vec<&Value> = report["levels"].as_array().unwrap().iter().filter(|l| l["grades"].is_array()).collect();
    assert!(graded.len() >= 5, "the reading grades its levels");
    case.text(
        "one",
        "L4-5: disc bulge compressing the thecal sac and both exiting nerve roots. No disc bulge at L3-4.",
    );
    let (lines, summary, _) = case.lines(&[], 0);
    let found: Vec<String> =
        lines.iter().map(|l| format!("{} {}", l["level"], l["finding"]).replace('"', "")).collect();
    for pair in ["L3-L4 disc-bulge", "L4-L5 disc-bulge", "L4-L5 sac-compression", "L4-L5 root-compression"] {
        assert_eq!(found.iter().filter(|f| *f == pair).count(), 1, "{pair}: {found:?}");
    }
    assert_eq!(figures(&summary, "disc-bulge", Value::Null)["pairs"], 2);
}

/// A case of everything that is printed.
fn everything() -> Case {
    let mut case = Case::new();
    case.reading("<i>one", |report| {
        let foramen = |side| grade("foraminal-stenosis", Some(side), "stenosis", "normal", &["normal", "mild"]);
        at(
            report,
            "L4-L5",
            vec![
                canal("mild"),
                foramen("left"),
                foramen("right"),
                grade("disc-bulge", None, "presence", "absent", &[]),
            ],
        );
        level(report, "L4-L5")["measurements"]["canal_ap_disc_mm"] = json!(9.5);
    });
    case.text(
        "<i>one",
        "<script>alert(1)</script> L4-5: severe canal <b>stenosis</b> & severe left foraminal stenosis. Possible bulge\u{1b}[2J. Canal AP diameter 8 \
         mm. Right foraminal stenosis.",
    );
    case
}

#[test]
fn every_line_follows_the_schema_and_every_row_is_a_pair() {
    let schema: Value = serde_json::from_str(include_str!("../schemas/concordance-1.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let case = everything();
    for policy in [&["--one-grade", "milder"][..], &["--not-mentioned", "normal"]] {
        let (mut lines, summary, _) = case.lines(policy, 0);
        let pairs = lines.len();
        lines.push(summary);
        for line in &lines {
            let complaints: Vec<String> =
                validator.iter_errors(line).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(complaints.is_empty(), "{complaints:?} {line}");
        }
        let output = case.run(&[policy, &["--format", "csv"]].concat());
        let mut table = csv::Reader::from_reader(output.stdout.as_slice());
        let heading = table.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = table.records().map(|row| row.unwrap()).collect();
        assert_eq!(rows.len(), pairs);
        let of = |row: &csv::StringRecord, name: &str| {
            row.get(heading.iter().position(|column| column == name).unwrap()).unwrap().to_owned()
        };
        let canal = rows
            .iter()
            .find(|row| of(row, "finding") == "central-canal-stenosis" && of(row, "level") == "L4-L5")
            .unwrap();
        let wanted = [
            ("id", "<i>one"),
            ("said", "severe"),
            ("read", "mild"),
            ("set", "mild"),
            ("agreement", "more"),
            ("distance", "2"),
            ("in_set", "no"),
        ];
        for (name, value) in wanted {
            assert_eq!(of(canal, name), value, "{name}");
        }
        let diameter = rows.iter().find(|row| of(row, "finding") == "canal-diameter").unwrap();
        assert_eq!((of(diameter, "said"), of(diameter, "difference_mm")), ("8".to_owned(), "1.5".to_owned()));
    }
    let mut other = case.lines(&[], 0).1;
    other["patient_name"] = json!("Muster^Erika");
    assert!(!validator.is_valid(&other), "the schema refuses what it does not know");
}

#[test]
fn the_text_quotes_what_an_auditor_opens_first_and_says_what_it_is_not() {
    let case = everything();
    let output = case.run(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    for wanted in [
        "Texts are no ground truth and readings are no diagnosis",
        "1 texts: 1 with a reading",
        "central-canal-stenosis: 1 pairs of 1 studies; 1 with a grade in the text: 0 exact, 0 one apart, 1 more\n",
        "linear-kappa        not given: 1 pairs, fewer than 20",
        "canal-diameter: 1 pairs, measured less said: mean +1.50 mm",
        "<i>one  L4-L5 left foraminal-stenosis: text severe, reading normal (set: normal, mild)\n      \u{201c}severe left foraminal stenosis\u{201d}",
    ] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    let (left, bulge) = (text.find("left foraminal").unwrap(), text.find("L4-L5 disc-bulge: text uncertain").unwrap());
    assert!(left < bulge && !text.contains('\u{1b}'), "the worst first, and nothing that steers a terminal:\n{text}");
}

#[test]
fn the_page_escapes_hostile_texts_and_ids_and_marks_the_words() {
    let output = everything().run(&["--format", "html"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("&lt;i&gt;one"), "{page}");
    assert!(page.contains("<mark>severe left foraminal stenosis</mark>"), "{page}");
    assert!(page.contains("no ground truth") && page.ends_with("</html>\n"), "{page}");
    for never in ["<script", "<i>", "<b>stenosis", "\u{1b}"] {
        assert!(!page.contains(never), "{never}");
    }
}

#[test]
fn the_picture_is_a_png_with_ink_and_without_ids() {
    let case = everything();
    let output = case.run(&["--picture", "agreement.png"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = fs::read(case.path("agreement.png")).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert!(
        (1000..3000).contains(&info.width) && (600..4000).contains(&info.height),
        "{} x {}",
        info.width,
        info.height
    );
    let dark = pixels.chunks_exact(3).filter(|p| p.iter().all(|c| *c < 128)).count();
    let green = pixels.chunks_exact(3).filter(|p| **p == [0, 158, 115]).count();
    assert!(dark > 5000 && green > 500, "{dark} dark and {green} green pixels");
    let unwritable = case.run(&["--picture", "absent/agreement.png"]);
    assert_eq!(unwritable.status.code(), Some(73));
}
