//! What reports say, held against hand labels: every example of the lexicon, sentences of many institutions, and real notes.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "the figures are its output")]

mod common;
mod labelled;

use std::collections::{BTreeMap, BTreeSet};

use deepspine::labels::{Labeller, Lexicon};
use labelled::{Case, Count, Entry, by_finding, extents, label_line, read, said};

/// The columns of the notes' table, patient and note, quoted as RFC 4180 has it.
fn notes() -> Option<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(common::shared_data()?.join("sudirman/notes.csv")).ok()?;
    let mut records: Vec<Vec<String>> = vec![vec![String::new()]];
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(c) = chars.next() {
        let record = records.last_mut().expect("there is always one");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                record.last_mut().expect("a field").push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(String::new()),
            '\n' if !quoted => records.push(vec![String::new()]),
            '\r' if !quoted => {}
            c => record.last_mut().expect("a field").push(c),
        }
    }
    Some(records.into_iter().skip(1).filter(|r| r.len() == 2).map(|r| (r[0].clone(), r[1].clone())).collect())
}

type Pair = (BTreeSet<Entry>, BTreeSet<Entry>);

fn compare(cases: &[Case]) -> Vec<Pair> {
    let lexicon = Lexicon::built_in();
    let mut labeller = Labeller::new(&lexicon);
    cases.iter().map(|case| (case.entries.clone(), said(&labeller.label(&case.text).labels))).collect()
}

/// Shows where program and hand differ, for those who write rules.
fn show(cases: &[Case], pairs: &[Pair]) {
    for (case, (expected, said)) in cases.iter().zip(pairs).filter(|(_, (expected, said))| expected != said) {
        println!("---- {}\n{}", case.name, case.text);
        expected.difference(said).for_each(|entry| println!("   missing   {}", entry.line()));
        said.difference(expected).for_each(|entry| println!("   too much  {}", entry.line()));
    }
}

/// Prints the figures of `pairs`; all findings together.
fn figures(name: &str, pairs: &[Pair]) -> Count {
    let mut all = Count::default();
    for (finding, count) in by_finding(pairs) {
        println!("{name}: {:<24} {}", finding.name(), count.line());
        all.right += count.right;
        all.too_much += count.too_much;
        all.missing += count.missing;
    }
    println!("{name}: {:<24} {}", "all", all.line());
    let (right, n) = extents(pairs);
    println!("{name}: extents                  {right} of {n} right ({:.3})", right as f64 / n.max(1) as f64);
    all
}

/// Prints how many texts are wholly right, by phenomenon.
fn phenomena(name: &str, cases: &[Case], pairs: &[Pair]) -> (usize, usize) {
    let mut by: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (case, (expected, said)) in cases.iter().zip(pairs) {
        let (right, n) = by.entry(&case.name).or_default();
        *right += usize::from(expected == said);
        *n += 1;
    }
    for (phenomenon, (right, n)) in &by {
        println!("{name}: {phenomenon:<40} {right} of {n}");
    }
    by.values().fold((0, 0), |(a, b), (right, n)| (a + right, b + n))
}

#[test]
fn every_entry_of_the_lexicon_does_what_its_example_says() {
    let lexicon = Lexicon::built_in();
    let mut labeller = Labeller::new(&lexicon);
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (id, example) in lexicon.examples() {
        let Some(text) = &example.example else { continue };
        tried += 1;
        let lines = example.expect.iter().map(|line| label_line(line).unwrap_or_else(|| panic!("{id}: {line}")));
        let file: String =
            lines.flatten().map(|(place, entry)| format!("{place}{}\n", &entry.line()[entry.place.len()..])).collect();
        let expected = labelled::entries(&file);
        let said = said(&labeller.label(text).labels);
        if expected != said {
            let lines = |set: &BTreeSet<Entry>| set.iter().map(Entry::line).collect::<Vec<_>>().join("; ");
            wrong.push(format!("{id}: {text}\n   expected {}\n   said     {}", lines(&expected), lines(&said)));
        }
    }
    println!("{tried} examples");
    assert!(wrong.is_empty(), "{} of {tried} examples:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn sentences_of_many_institutions_are_understood() {
    let cases = read("sentences.labels", |_| None);
    let pairs = compare(&cases);
    show(&cases, &pairs);
    figures("sentences", &pairs);
    let (right, n) = phenomena("sentences", &cases, &pairs);
    println!("sentences: {right} of {n} wholly right");
    assert!(right as f64 >= 0.96 * n as f64, "{right} of {n}");
}

#[test]
fn the_notes_to_develop_with_are_understood() {
    let Some(notes) = notes() else {
        return common::skipped("the_notes_to_develop_with_are_understood", "the data are not there");
    };
    let cases = read("develop.labels", |note| notes.get(note).cloned());
    let pairs = compare(&cases);
    show(&cases, &pairs);
    let all = figures("develop", &pairs);
    assert!(all.f1() >= 0.97, "{}", all.line());
}

#[test]
fn sentences_of_one_who_did_not_see_the_rules_are_understood() {
    let cases = read("unseen.labels", |_| None);
    let pairs = compare(&cases);
    show(&cases, &pairs);
    figures("unseen", &pairs);
    let (right, n) = phenomena("unseen", &cases, &pairs);
    println!("unseen: {right} of {n} wholly right");
}

#[test]
fn the_notes_to_judge_by_are_understood() {
    let Some(notes) = notes() else {
        return common::skipped("the_notes_to_judge_by_are_understood", "the data are not there");
    };
    let cases = read("judge.labels", |note| notes.get(note).cloned());
    let pairs = compare(&cases);
    // What differs is shown by level and finding alone: the texts are not to be read.
    for (case, (expected, said)) in cases.iter().zip(&pairs) {
        expected.difference(said).for_each(|entry| println!("judge: {} missing   {}", case.name, entry.line()));
        said.difference(expected).for_each(|entry| println!("judge: {} too much  {}", case.name, entry.line()));
    }
    let all = figures("judge", &pairs);
    assert!(all.f1() >= 0.90, "{}", all.line());
}

/// Every text that the tests have.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = read("sentences.labels", |_| None).into_iter().map(|case| case.text).collect();
    texts.extend(notes().into_iter().flatten().map(|(_, note)| note));
    texts
}

/// Offsets are of the text that was given, and characters and bytes agree; the quote alone says the finding again, unless it is
/// said of what a sentence before named.
fn check_evidence(text: &str, lexicon: &Lexicon, labeller: &mut Labeller<'_>) -> usize {
    let labels = labeller.label(text).labels;
    for label in &labels {
        for span in std::iter::once(&label.evidence).chain(label.level_evidence.as_ref()) {
            let quote = span.quote(text).unwrap_or_else(|| panic!("{span:?} is not of {text:?}"));
            assert!(!quote.trim().is_empty(), "{label:?}");
            let by_characters: String =
                text.chars().skip(span.start_char).take(span.end_char - span.start_char).collect();
            assert_eq!(by_characters, quote);
        }
    }
    let carried = labels.iter().filter(|label| {
        let quote = label.evidence.quote(text).unwrap_or_default();
        let again = Labeller::new(lexicon).label(quote).labels;
        let names_again = ["another", "type"].iter().any(|word| quote.to_lowercase().contains(word));
        again.iter().any(|l| l.finding == label.finding) || names_again
    });
    let missing = labels.len() - carried.count();
    assert_eq!(missing, 0, "a quote does not carry its label: {text:?}: {labels:#?}");
    labels.len()
}

#[test]
fn every_span_quotes_the_words_that_carry_its_label() {
    let lexicon = Lexicon::built_in();
    let mut labeller = Labeller::new(&lexicon);
    let count: usize = texts().iter().map(|text| check_evidence(text, &lexicon, &mut labeller)).sum();
    println!("{count} labels");
    assert!(count > 500);
}

/// A sequence of numbers (Vigna's splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

#[test]
fn whatever_is_given_offsets_hold_and_nothing_panics() {
    let seed = std::env::var("DEEPSPINE_LABELS_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_126);
    println!("seed {seed} (DEEPSPINE_LABELS_SEED)");
    let mut random = Random(seed);
    let lexicon = Lexicon::built_in();
    let mut labeller = Labeller::new(&lexicon);
    let texts = texts();
    let strange = [
        "\u{feff}",
        "\r\n",
        "\u{202e}",
        "\u{5e2}\u{5de}\u{5d5}\u{5d3} \u{627}\u{644}\u{639}\u{645}\u{648}\u{62f} ",
        "<div><b>",
        "</b></div>",
        "<a href=\"L4-5 > bulge\">",
        "&nbsp;",
        "&#60;",
        "<",
        "&",
        "\0",
        "\u{1f9b4}",
        "e\u{301}",
        "ﬁ",
        "L",
        "-",
        "/",
        "(",
        "4",
        "mm",
        "no ",
        "but ",
        ", ",
        ": ",
        "??",
        "\u{2028}",
        "\u{130}",
        "\u{df}",
    ];
    for _ in 0..3000 {
        let mut text = texts[random.below(texts.len())].clone();
        for _ in 0..random.below(12) {
            let boundaries: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
            let (a, b) = (boundaries[random.below(boundaries.len())], boundaries[random.below(boundaries.len())]);
            match random.below(3) {
                0 => text.insert_str(a, strange[random.below(strange.len())]),
                1 => text.replace_range(a.min(b)..a.max(b), ""),
                _ => text.insert_str(a, &texts[random.below(texts.len())].clone()),
            }
            if text.is_empty() {
                break;
            }
        }
        for label in labeller.label(&text).labels {
            let span = label.evidence;
            let quote = span.quote(&text).unwrap_or_else(|| panic!("seed {seed}: {span:?} is not of {text:?}"));
            assert_eq!(
                text.chars().skip(span.start_char).take(span.end_char - span.start_char).collect::<String>(),
                quote
            );
        }
        let bytes: Vec<u8> = (0..random.below(400)).map(|_| random.below(256) as u8).collect();
        labeller.label(&String::from_utf8_lossy(&bytes));
    }
    let long = "no disc bulge stenosis of the canal and foramen left mild L4-5 , ".repeat(16_000);
    assert!(!labeller.label(&long).labels.is_empty(), "a megabyte in one line");
    labeller.label(&"<".repeat(1 << 20));
    labeller.label(&"&amp".repeat(1 << 18));
    labeller.label(&"canal and ".repeat(1 << 17));
}
