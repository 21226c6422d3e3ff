//! Hand labels (`tests/labels/*.labels`, see docs/labelling.md) held against what the program says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use deepspine::labels::{Attributes, Direction, Extent, Finding, Label, Place, Presence, Side};

/// One label at one level, as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) place: String,
    pub(crate) finding: Finding,
    pub(crate) side: Option<Side>,
    pub(crate) presence: Presence,
    pub(crate) extent: String,
    pub(crate) attributes: String,
}

impl Entry {
    /// What is compared apart from how much and what else.
    pub(crate) fn statement(&self) -> (String, Finding, Option<Side>, Presence) {
        (self.place.clone(), self.finding, self.side, self.presence)
    }

    pub(crate) fn line(&self) -> String {
        let words = [
            self.side.map_or("", Side::name),
            if self.presence == Presence::Present { "" } else { self.presence.name() },
            &self.extent,
            &self.attributes,
        ];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        format!("{} | {} {}", self.place, self.finding.name(), words.join(" ")).trim_end().to_owned()
    }
}

/// A note or a text, with what it says.
#[derive(Debug)]
pub(crate) struct Case {
    /// Number of the note, or the phenomenon of a text.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) entries: BTreeSet<Entry>,
}

/// Name, text, labels before they are expanded.
type RawCase = (String, String, Vec<(Place, Entry)>);

/// The cases of a file; a note's text is found by `text_of`.
pub(crate) fn read(file: &str, text_of: impl Fn(&str) -> Option<String>) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/labels").join(file);
    let content = std::fs::read_to_string(&path).expect("the labels are there");
    let mut raw: Vec<RawCase> = Vec::new();
    for (number, line) in content.lines().enumerate() {
        let at = || format!("{file}:{}: {line}", number + 1);
        if let Some(note) = line.strip_prefix("note ") {
            let text = text_of(note.trim()).unwrap_or_else(|| panic!("{}: no such note", at()));
            raw.push((note.trim().to_owned(), text, Vec::new()));
        } else if let Some(phenomenon) = line.strip_prefix("text ") {
            raw.push((phenomenon.trim().to_owned(), String::new(), Vec::new()));
        } else if let Some(text) = line.strip_prefix('>') {
            let (_, whole, _) = raw.last_mut().expect("a text begins with its phenomenon");
            let _ = writeln!(whole, "{}", text.strip_prefix(' ').unwrap_or(text));
        } else if !line.trim().is_empty() && !line.starts_with('#') {
            let (_, _, labels) = raw.last_mut().expect("a label is of a note or text");
            labels.extend(label_line(line).unwrap_or_else(|| panic!("{}: is no label", at())));
        }
    }
    raw.into_iter()
        .map(|(name, text, labels)| Case { name, text: text.trim_end().to_owned(), entries: expanded(labels) })
        .collect()
}

/// `levels | finding words`, one entry a level.
pub(crate) fn label_line(line: &str) -> Option<Vec<(Place, Entry)>> {
    let (levels, said) = line.split_once('|')?;
    let mut words = said.split_whitespace();
    let finding = Finding::from_name(words.next()?)?;
    let (mut side, mut presence, mut extent, mut attributes) =
        (None, Presence::Present, String::new(), Attributes::default());
    for word in words {
        if let Some(found) = Side::from_name(word) {
            side = Some(found);
        } else if let Some(found) = Presence::from_name(word) {
            presence = found;
        } else if let Ok(found) = word.parse::<Extent>() {
            extent = found.to_string();
        } else if let Some(found) = Direction::from_name(word) {
            attributes.direction = Some(found);
        } else if let Some(number) = word.strip_prefix("type") {
            attributes.modic_type = Some(number.parse().ok()?);
        } else if let Some(number) = word.strip_prefix("grade") {
            attributes.slip_grade = Some(number.parse().ok()?);
        } else {
            attributes.size_mm = Some(word.strip_suffix("mm")?.parse().ok()?);
        }
    }
    levels
        .split_whitespace()
        .map(|level| {
            let place: Place = level.parse().ok()?;
            let entry = Entry {
                place: place.to_string(),
                finding,
                side,
                presence,
                extent: extent.clone(),
                attributes: attributes.to_string(),
            };
            Some((place, entry))
        })
        .collect()
}

/// The entries of lines of labels.
pub(crate) fn entries(lines: &str) -> BTreeSet<Entry> {
    expanded(lines.lines().flat_map(|line| label_line(line).expect("a label")).collect())
}

/// What the program says, in the same form.
pub(crate) fn said(labels: &[Label]) -> BTreeSet<Entry> {
    expanded(
        labels
            .iter()
            .map(|label| {
                let entry = Entry {
                    place: label.place.to_string(),
                    finding: label.finding,
                    side: label.side,
                    presence: label.presence,
                    extent: label.extent.map(|extent| extent.to_string()).unwrap_or_default(),
                    attributes: label.attributes.to_string(),
                };
                (label.place, entry)
            })
            .collect(),
    )
}

/// `all` at five levels; `rest` at those of them at which nothing else is named present.
fn expanded(labels: Vec<(Place, Entry)>) -> BTreeSet<Entry> {
    let lumbar: Vec<String> = deepspine::labels::label::LUMBAR_DISCS.iter().map(ToString::to_string).collect();
    let named: BTreeSet<String> = labels
        .iter()
        .filter(|(place, entry)| matches!(place, Place::Disc(_)) && entry.presence != Presence::Absent)
        .map(|(_, entry)| entry.place.clone())
        .collect();
    let mut entries = BTreeSet::new();
    for (place, entry) in labels {
        let places: Vec<String> = match place {
            Place::All => lumbar.clone(),
            Place::Rest => lumbar.iter().filter(|level| !named.contains(*level)).cloned().collect(),
            _ => vec![entry.place.clone()],
        };
        entries.extend(places.into_iter().map(|place| Entry { place, ..entry.clone() }));
    }
    entries
}

/// Right, too much, missing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) right: usize,
    pub(crate) too_much: usize,
    pub(crate) missing: usize,
}

impl Count {
    pub(crate) fn f1(self) -> f64 {
        let wrong = self.too_much + self.missing;
        if self.right + wrong == 0 { 1.0 } else { 2.0 * self.right as f64 / (2 * self.right + wrong) as f64 }
    }

    pub(crate) fn line(self) -> String {
        let of = |n: usize| if n == 0 { 1.0 } else { self.right as f64 / n as f64 };
        format!(
            "precision {:.3} recall {:.3} F1 {:.3} (n {})",
            of(self.right + self.too_much),
            of(self.right + self.missing),
            self.f1(),
            self.right + self.missing
        )
    }
}

/// Counts statements by finding.
pub(crate) fn by_finding(cases: &[(BTreeSet<Entry>, BTreeSet<Entry>)]) -> BTreeMap<Finding, Count> {
    let mut counts: BTreeMap<Finding, Count> = BTreeMap::new();
    for (expected, said) in cases {
        let statements = |set: &BTreeSet<Entry>| set.iter().map(Entry::statement).collect::<BTreeSet<_>>();
        let (expected, said) = (statements(expected), statements(said));
        for statement in expected.union(&said) {
            let count = counts.entry(statement.1).or_default();
            match (expected.contains(statement), said.contains(statement)) {
                (true, true) => count.right += 1,
                (false, true) => count.too_much += 1,
                _ => count.missing += 1,
            }
        }
    }
    counts
}

/// Of the statements that both make and for which either has an extent: how many have the same, of how many.
pub(crate) fn extents(cases: &[(BTreeSet<Entry>, BTreeSet<Entry>)]) -> (usize, usize) {
    let (mut right, mut all) = (0, 0);
    for (expected, said) in cases {
        let of = |set: &BTreeSet<Entry>| {
            let mut found: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
            for entry in set {
                found.entry(entry.statement()).or_default().insert(entry.extent.clone());
            }
            found
        };
        let (expected, said) = (of(expected), of(said));
        for (statement, wanted) in &expected {
            let Some(found) = said.get(statement) else { continue };
            if wanted.iter().chain(found).any(|extent| !extent.is_empty()) {
                all += 1;
                right += usize::from(wanted == found);
            }
        }
    }
    (right, all)
}
