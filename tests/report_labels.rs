//! What reports say, held against hand labels: every example of the lexicon, sentences of many institutions, and real notes.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

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
    assert!(right as f64 >= 0.97 * n as f64, "{right} of {n}");
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
