//! A whole report: its sections, lines and sentences in order, and what each carries over to the next.

use std::sync::Arc;

use super::heads::{Head, heads_of};
use super::items::{Item, What, items_of};
use super::label::{Extent, Finding, Label, LevelSource, Place, Presence, Section, Span};
use super::lexicon::{Cue, Lexicon};
use super::places::{Where, place};
use super::standing::Standing;
use super::tokens::{Kind, Token, WordBuffer, tokenize};
use super::{modifiers, scope};

/// Longest sentence, tokens; a longer one is read in parts, so that the time grows with the text and no faster.
const SENTENCE_TOKENS_MAX: usize = 160;
/// Words with which a line may begin that goes on a sentence of the line before.
const GOES_ON: [&str; 12] =
    ["and", "or", "with", "which", "thecal", "nerve", "exit", "exiting", "neural", "foraminal", "stenosis", "levels"];
/// Words with which no sentence ends.
const LEFT_OPEN: [&str; 13] =
    ["the", "of", "and", "at", "with", "to", "or", "compressing", "encroaching", "mild", "moderate", "severe", "disc"];

/// What was found in one report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Labelled {
    /// The labels, in the order of the text.
    pub labels: Vec<Label>,
}

/// Labels reports, one after the other.
#[derive(Debug)]
pub struct Labeller<'a> {
    lexicon: &'a Lexicon,
    words: WordBuffer<'a>,
    tokens: Vec<Token>,
    items: Vec<Item>,
}

impl<'a> Labeller<'a> {
    /// A labeller by `lexicon`.
    #[must_use]
    pub fn new(lexicon: &'a Lexicon) -> Self {
        Self { lexicon, words: lexicon.word_buffer(), tokens: Vec::new(), items: Vec::new() }
    }

    /// Every label of one report. The time grows with the length of the text.
    pub fn label(&mut self, text: &str) -> Labelled {
        let mut tokens = std::mem::take(&mut self.tokens);
        let mut items = std::mem::take(&mut self.items);
        tokenize(text, &mut self.words, &mut tokens);
        let mut standing = Standing::default();
        let mut labels = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let (end, next) = sentence_end(text, &tokens, at);
            let begins_line = at == 0 || tokens[at - 1].kind == Kind::LineEnd;
            if begins_line {
                standing.begin_line(at > 1 && tokens[at - 2].kind == Kind::LineEnd);
            }
            items_of(text, &tokens, (at, end), self.lexicon, &mut items);
            let from = if begins_line { standing.take_headings(&items) } else { 0 };
            // "Comparison: … Today there is a bulge."
            if standing.is_silent
                && !standing.silent_by_heading
                && items.first().is_some_and(|i| i.what == What::Cue(Cue::Now))
            {
                standing.is_silent = false;
            }
            if !standing.is_silent && from < items.len() {
                self.sentence(&items[from..], &tokens, &mut standing, &mut labels);
            }
            at = next;
        }
        set_characters(text, &mut labels);
        let labels = once_each(labels);
        self.tokens = tokens;
        self.items = items;
        Labelled { labels: flag_conflicts(labels) }
    }

    fn sentence(&self, items: &[Item], tokens: &[Token], standing: &mut Standing, labels: &mut Vec<Label>) {
        let mut heads = heads_of(items, self.lexicon);
        if heads.is_empty() {
            heads.extend(standing.said_again(items));
        }
        if heads.is_empty() {
            return;
        }
        modifiers::attach(items, &mut heads);
        scope::decide(items, &mut heads);
        share_side_of_operation(&mut heads);
        standing.last = heads.last().cloned().or(standing.last.take());
        let mut named: Option<(usize, Vec<Place>)> = None;
        let each = respectively(items, &heads);
        for (i, head) in heads.iter().enumerate() {
            let mut found = place(items, &heads, head, &standing.before);
            if let Some(places) = &each {
                found.places = vec![places[i]];
            }
            if let (Some(item), false) = (found.item, found.places.is_empty())
                && named.as_ref().is_none_or(|(last, _)| item >= *last)
            {
                named = Some((item, found.places.clone()));
            }
            labels.extend(labels_of(items, tokens, head, &found, standing.section));
        }
        if let Some((_, places)) = named {
            standing.before.current = places;
        }
    }
}

/// "L4-5 and L5-S1 show a bulge and a protrusion respectively": a level for each head.
fn respectively(items: &[Item], heads: &[Head]) -> Option<Vec<Place>> {
    items.iter().find(|item| item.what == What::Cue(Cue::Respectively))?;
    items.iter().find_map(|item| match &item.what {
        What::Levels(mention) if mention.places.len() == heads.len() => Some(mention.places.clone()),
        _ => None,
    })
}

/// "Right hemilaminectomy and discectomy" is one operation.
fn share_side_of_operation(heads: &mut [Head]) {
    let side = heads.iter().filter(|head| head.finding == Finding::PostOperative).find_map(|head| head.side);
    for head in heads.iter_mut().filter(|head| head.finding == Finding::PostOperative) {
        head.side = head.side.or(side);
    }
}

/// Where the sentence that begins at `at` ends, and where the next begins.
fn sentence_end(text: &str, tokens: &[Token], at: usize) -> (usize, usize) {
    for (i, token) in tokens.iter().enumerate().skip(at).take(SENTENCE_TOKENS_MAX) {
        match token.kind {
            Kind::Stop => return (i, i + 1),
            Kind::LineEnd if !goes_on(text, tokens, at, i) => return (i, i + 1),
            _ => {}
        }
    }
    let end = (at + SENTENCE_TOKENS_MAX).min(tokens.len());
    (end, end)
}

/// Whether the line after the line end at `at` goes on the sentence: it begins in lower case with a word that begins none, or the
/// line was left in the middle.
fn goes_on(text: &str, tokens: &[Token], from: usize, at: usize) -> bool {
    let Some(next) = tokens.get(at + 1).filter(|next| next.kind == Kind::Word) else { return false };
    let word = next.of(text);
    if at == from || !word.starts_with(char::is_lowercase) {
        return false;
    }
    if matches!(tokens[at - 1].kind, Kind::Colon | Kind::Question | Kind::Semicolon) {
        return false;
    }
    let last = tokens[at - 1];
    let ends_open = matches!(last.kind, Kind::Comma | Kind::Hyphen | Kind::Slash | Kind::And)
        || LEFT_OPEN.iter().any(|word| last.of(text).eq_ignore_ascii_case(word));
    ends_open || GOES_ON.contains(&word)
}

fn labels_of(items: &[Item], tokens: &[Token], head: &Head, found: &Where, section: Section) -> Vec<Label> {
    let span = |first: usize, last: usize| Span {
        start_byte: tokens[items[first].first].start,
        end_byte: tokens[items[last].end - 1].end,
        ..Span::default()
    };
    found
        .places
        .iter()
        .map(|place| Label {
            place: *place,
            finding: head.finding,
            structure: head.structure.clone(),
            side: head.side,
            presence: head.presence,
            extent: head.extent,
            attributes: head.attributes,
            evidence: span(head.said.0, head.said.1),
            level_evidence: found.item.map(|item| span(item, item)),
            level_source: if *place == Place::Unknown && found.item.is_none() {
                LevelSource::Unsaid
            } else {
                found.source
            },
            section,
            rule: Arc::clone(&head.rule),
            snomed: head.snomed.clone(),
            conflict: false,
        })
        .collect()
}

/// Counts characters once through the text, however many labels there are.
fn set_characters(text: &str, labels: &mut [Label]) {
    let mut ends: Vec<&mut Span> = labels
        .iter_mut()
        .flat_map(|label| std::iter::once(&mut label.evidence).chain(label.level_evidence.as_mut()))
        .collect();
    let mut bytes: Vec<usize> = ends.iter().flat_map(|span| [span.start_byte, span.end_byte]).collect();
    bytes.sort_unstable();
    bytes.dedup();
    let mut counted = Vec::with_capacity(bytes.len());
    let (mut at, mut count) = (0, 0);
    for byte in &bytes {
        count += text.get(at..*byte).map_or(0, |part| part.chars().count());
        at = *byte;
        counted.push(count);
    }
    let character = |byte: usize| bytes.binary_search(&byte).map_or(0, |i| counted[i]);
    for span in &mut ends {
        (span.start_char, span.end_char) = (character(span.start_byte), character(span.end_byte));
    }
}

/// Said twice in a section, labelled once: the first stays.
fn once_each(labels: Vec<Label>) -> Vec<Label> {
    type Key = (Place, Finding, Option<super::Side>, Presence, Option<Extent>, String, Section, Option<Arc<str>>);
    let mut seen: std::collections::HashSet<Key> = std::collections::HashSet::with_capacity(labels.len());
    labels
        .into_iter()
        .filter(|l| {
            let attributes = l.attributes.to_string();
            seen.insert((l.place, l.finding, l.side, l.presence, l.extent, attributes, l.section, l.structure.clone()))
        })
        .collect()
}

/// Marks labels of which the impression says something else than what stands before it.
fn flag_conflicts(mut labels: Vec<Label>) -> Vec<Label> {
    use std::collections::HashMap;
    type Said = Vec<usize>;
    let mut by_subject: HashMap<(Place, Finding), Said> = HashMap::new();
    for (i, label) in labels.iter().enumerate() {
        by_subject.entry((label.place, label.finding)).or_default().push(i);
    }
    let mut conflicting = Vec::new();
    for said in by_subject.values() {
        for &a in said {
            for &b in said {
                let (first, second) = (&labels[a], &labels[b]);
                if first.section != Section::Impression
                    && second.section == Section::Impression
                    && disagree(first, second)
                {
                    conflicting.extend([a, b]);
                }
            }
        }
    }
    for i in conflicting {
        labels[i].conflict = true;
    }
    labels
}

fn disagree(a: &Label, b: &Label) -> bool {
    let same_side = match (a.side, b.side) {
        (Some(a), Some(b)) => a == b || a == super::Side::Both || b == super::Side::Both,
        _ => true,
    };
    let there = |presence: Presence| matches!(presence, Presence::Present | Presence::Uncertain);
    let past = a.presence == Presence::Past || b.presence == Presence::Past;
    let presence = there(a.presence) != there(b.presence);
    let extents = match (a.extent, b.extent) {
        (Some(Extent::Graded { from: a, to: b }), Some(Extent::Graded { from: c, to: d })) => b < c || d < a,
        _ => false,
    };
    same_side && !past && (presence || extents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vertebra_in_brackets_is_a_level_unless_it_names_a_root() {
        let lexicon = Lexicon::built_in();
        let mut labeller = Labeller::new(&lexicon);
        let mut places =
            |text: &str| labeller.label(text).labels.iter().map(|l| l.place.to_string()).collect::<Vec<_>>();
        assert_eq!(places("Old compression fracture (L1)."), ["L1"]);
        assert_eq!(places("L4-5 protrusion compressing the nerve root (L5)."), ["L4-L5", "L4-L5"]);
    }
}
