//! A lexicon made ready for the reader: every name that an entry uses is looked up, every phrase put into the tree.

use std::collections::HashMap;
use std::sync::Arc;

use super::form::{CueEntry, FindingEntry, RelationEntry, RuleEntry, SpellingEntry, StructureEntry};
use super::{Cue, FindingRule, Heading, Lexicon, LexiconError, Meaning, Relation, RelationRule};
use crate::labels::label::{Degree, Direction, Extent, Finding, Side};

/// Longest phrase, words.
const PHRASE_WORDS_MAX: usize = 8;
/// Most phrases of a lexicon.
const PHRASES_MAX: usize = 20_000;

impl Lexicon {
    pub(super) fn take_findings(&mut self, entries: Vec<FindingEntry>) -> Result<(), LexiconError> {
        for entry in entries {
            let name = entry.finding.as_deref().unwrap_or(&entry.id);
            let finding = Finding::from_name(name).ok_or_else(|| wrong(&entry.id, "is no finding that is known"))?;
            let direction = match &entry.direction {
                Some(name) => {
                    Some(Direction::from_name(name).ok_or_else(|| wrong(&entry.id, "has no such direction"))?)
                }
                None => None,
            };
            let side = match &entry.side {
                Some(name) => Some(Side::from_name(name).ok_or_else(|| wrong(&entry.id, "has no such side"))?),
                None => None,
            };
            let meaning = Meaning::Finding(self.findings.len());
            self.add_phrases(&entry.id, &entry.words, |_| meaning)?;
            self.findings.push(FindingRule {
                id: entry.id.as_str().into(),
                finding,
                at: entry.at,
                needs_size: entry.needs_size,
                needs_type: entry.needs_type,
                direction,
                side,
                snomed: entry.codes.snomed.as_deref().map(Arc::from),
            });
            self.examples.push((entry.id, entry.example));
        }
        Ok(())
    }

    pub(super) fn take_structures(
        &mut self,
        entries: Vec<StructureEntry>,
    ) -> Result<HashMap<String, usize>, LexiconError> {
        let mut numbers = HashMap::new();
        for (number, entry) in entries.into_iter().enumerate() {
            self.add_phrases(&entry.id, &entry.words, |_| Meaning::Structure(number))?;
            self.structures.push(entry.id.clone());
            numbers.insert(entry.id, number);
        }
        Ok(numbers)
    }

    pub(super) fn take_relations(
        &mut self,
        entries: Vec<RelationEntry>,
    ) -> Result<HashMap<String, usize>, LexiconError> {
        let mut numbers = HashMap::new();
        for (number, entry) in entries.into_iter().enumerate() {
            let like = match &entry.like {
                Some(id) => *numbers.get(id).ok_or_else(|| wrong(&entry.id, "is like one that is not above it"))?,
                None => number,
            };
            let extent = match &entry.extent {
                Some(text) => Some(text.parse().map_err(|()| wrong(&entry.id, "has no such extent"))?),
                None => None,
            };
            self.add_phrases(&entry.id, &entry.words, |phrase| Meaning::Relation(number, phrase))?;
            self.relations.push(Relation { like, form: entry.form, extent, absent: entry.absent });
            numbers.insert(entry.id, number);
        }
        Ok(numbers)
    }

    pub(super) fn take_rules(
        &mut self,
        entries: Vec<RuleEntry>,
        structures: &HashMap<String, usize>,
        relations: &HashMap<String, usize>,
    ) -> Result<(), LexiconError> {
        for entry in entries {
            let finding = Finding::from_name(&entry.finding).ok_or_else(|| wrong(&entry.id, "names no finding"))?;
            let relation = *relations.get(&entry.relation).ok_or_else(|| wrong(&entry.id, "names no relation"))?;
            let structure = match entry.structure.as_str() {
                "" => None,
                name => Some(*structures.get(name).ok_or_else(|| wrong(&entry.id, "names no structure"))?),
            };
            let rule = RelationRule {
                id: entry.id.as_str().into(),
                finding,
                only: entry.only,
                structure: entry.keep_structure.then(|| entry.structure.as_str().into()),
                snomed: entry.codes.snomed.as_deref().map(Arc::from),
            };
            self.rules.entry((relation, structure)).or_default().push(rule);
            self.examples.push((entry.id, entry.example));
        }
        Ok(())
    }

    pub(super) fn take_cues(&mut self, entries: Vec<CueEntry>) -> Result<(), LexiconError> {
        for entry in entries {
            let cue = cue(&entry.kind).ok_or_else(|| wrong(&entry.kind, "is no kind of cue that is known"))?;
            self.add_phrases(&entry.kind, &entry.words, |_| Meaning::Cue(cue))?;
            self.examples.push((entry.kind, entry.example));
        }
        Ok(())
    }

    /// Puts phrases into the tree; of two entries with the same phrase the first has it.
    fn add_phrases(
        &mut self,
        entry: &str,
        phrases: &[String],
        meaning: impl Fn(u32) -> Meaning,
    ) -> Result<(), LexiconError> {
        for phrase in phrases {
            if self.phrases.len() >= PHRASES_MAX {
                return Err(wrong(entry, &format!("is beyond the {PHRASES_MAX} phrases that a lexicon may have")));
            }
            let number = u32::try_from(self.phrases.len()).unwrap_or(u32::MAX);
            self.phrases.push(phrase.clone());
            let mut forms = vec![phrase.clone()];
            let is_short = !phrase.contains(' ') && phrase.chars().count() <= 3;
            if !is_short && phrase.chars().last().is_some_and(|c| c.is_alphabetic() && c != 's') {
                forms.push(format!("{phrase}s"));
            }
            for form in forms {
                let words: Vec<&str> = form.split(' ').filter(|word| !word.is_empty()).collect();
                if words.is_empty() || words.len() > PHRASE_WORDS_MAX {
                    return Err(wrong(
                        entry,
                        &format!("has a phrase of no words, or more than {PHRASE_WORDS_MAX}: {form:?}"),
                    ));
                }
                self.add_form(&words, meaning(number));
            }
        }
        Ok(())
    }

    fn add_form(&mut self, words: &[&str], meaning: Meaning) {
        let mut node = 0;
        for word in words {
            let next_word = u32::try_from(self.words.len() + 1).unwrap_or(u32::MAX);
            let word = *self.words.entry((*word).into()).or_insert(next_word);
            let next_node = u32::try_from(self.tree.len() + 1).unwrap_or(u32::MAX);
            node = *self.tree.entry((node, word)).or_insert(next_node);
        }
        self.meanings.entry(node).or_insert(meaning);
    }

    pub(super) fn shape_words(&mut self, spelling: &SpellingEntry) {
        for word in &spelling.clinical {
            if let Some(number) = self.words.get(word.as_str()) {
                let first = word.chars().next().unwrap_or_default();
                let shape = (word.chars().count(), first);
                self.by_shape.entry(shape).or_default().push((word.as_str().into(), *number));
            }
        }
        for word in &spelling.keep {
            // Known, and in no phrase.
            let next = u32::try_from(self.words.len() + 1).unwrap_or(u32::MAX);
            self.words.entry(word.as_str().into()).or_insert(next);
        }
    }
}

fn wrong(entry: &str, what: &str) -> LexiconError {
    LexiconError::Entry { entry: entry.to_owned(), what: what.to_owned() }
}

fn cue(kind: &str) -> Option<Cue> {
    if let Some(degree) = Degree::from_name(kind) {
        return Some(Cue::Extent(Extent::of(degree)));
    }
    if let Some(side) = Side::from_name(kind) {
        return Some(Cue::Side(side));
    }
    Some(match kind {
        "significant" => Cue::Extent(Extent::Significant),
        "not-a-side" => Cue::NotASide,
        "no" => Cue::No,
        "not" => Cue::Not,
        "no-after" => Cue::NoAfter,
        "nothing" => Cue::Nothing,
        "no-rest" => Cue::NoRest,
        "may" => Cue::May,
        "may-after" => Cue::MayAfter,
        "was" => Cue::Was,
        "now" => Cue::Now,
        "no-label" => Cue::NoLabel,
        "no-label-history" => Cue::NoLabelHistory,
        "no-label-after" => Cue::NoLabelAfter,
        "former-level" => Cue::FormerLevel,
        "latter-level" => Cue::LatterLevel,
        "respectively" => Cue::Respectively,
        "opposite" => Cue::Opposite,
        "again" => Cue::Again,
        "break" => Cue::Break,
        "other" => Cue::Other,
        "zone" => Cue::Zone,
        "lumbosacral" => Cue::Lumbosacral,
        "all-levels" => Cue::AllLevels,
        "rest-levels" => Cue::RestLevels,
        "same-level" => Cue::SameLevel,
        "several-levels" => Cue::SeveralLevels,
        "one-unknown-level" => Cue::OneUnknownLevel,
        "emphasis" => Cue::Emphasis,
        "section-findings" => Cue::Section(Heading::Findings),
        "section-impression" => Cue::Section(Heading::Impression),
        "section-none" => Cue::Section(Heading::NoLabels),
        "section-foreign" => Cue::Section(Heading::Foreign),
        "section-lumbar" => Cue::Section(Heading::Lumbar),
        _ => return None,
    })
}
