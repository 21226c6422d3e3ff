//! The words and rules, as a radiologist writes them (`models/labels/lexicon.toml`), made ready for the reader.
//!
//! Words are compared in lower case, without hyphens and apostrophes. Every entry is put into one tree of words; the
//! longest phrase that fits is taken. Words that are near to one of the lexicon's, and to nothing else, are
//! taken for it: see [`Lexicon::corrected`].

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::label::{Degree, Direction, Extent, Finding, Side};
use super::tokens::{Token, WordBuffer};

/// The lexicon that is built in.
pub const BUILT_IN: &str = include_str!("../../models/labels/lexicon.toml");
/// Longest phrase, words.
const PHRASE_WORDS_MAX: usize = 8;
/// Most phrases of a lexicon.
const PHRASES_MAX: usize = 20_000;
/// A word shorter than this is what it is.
const CORRECTED_LETTERS_MIN: usize = 5;
/// A word of so many letters may differ in two of them from what it was meant to be.
const TWO_EDITS_LETTERS_MIN: usize = 9;

/// Why a lexicon can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LexiconError {
    /// It is no TOML, or not of this form.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// An entry names what there is not.
    #[error("entry {entry}: {what}")]
    Entry {
        /// Its id or kind.
        entry: String,
        /// What is wrong with it.
        what: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct File {
    version: u32,
    #[serde(default)]
    finding: Vec<FindingEntry>,
    #[serde(default)]
    structure: Vec<StructureEntry>,
    #[serde(default)]
    relation: Vec<RelationEntry>,
    #[serde(default)]
    rule: Vec<RuleEntry>,
    #[serde(default)]
    cue: Vec<CueEntry>,
    #[serde(default)]
    spelling: SpellingEntry,
}

/// An example of an entry, and what it says.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Example {
    /// The text.
    pub example: Option<String>,
    /// What it says, a line of `docs/labelling.md` each.
    #[serde(default)]
    pub expect: Vec<String>,
}

/// What a bare "at L4" means for a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// The disc below.
    Disc,
    /// The vertebra.
    Vertebra,
    /// "L4 on L5" is the disc between.
    Slip,
    /// Discs where a range is named, else what is named.
    Operation,
    /// The whole lumbar spine, where nothing is named.
    Spine,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    snomed: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FindingEntry {
    id: String,
    finding: Option<String>,
    at: At,
    words: Vec<String>,
    #[serde(default)]
    needs_size: bool,
    #[serde(default)]
    needs_type: bool,
    direction: Option<String>,
    side: Option<String>,
    #[serde(default)]
    codes: Codes,
    #[serde(flatten)]
    example: Example,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StructureEntry {
    id: String,
    words: Vec<String>,
}

/// Where a relation looks for its structures first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// After "of", else before.
    Noun,
    /// After.
    Verb,
    /// Right after, else before.
    Participle,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RelationEntry {
    id: String,
    like: Option<String>,
    form: Form,
    extent: Option<String>,
    #[serde(default)]
    absent: bool,
    words: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct RuleEntry {
    id: String,
    relation: String,
    structure: String,
    finding: String,
    only: Option<Vec<String>>,
    #[serde(default)]
    keep_structure: bool,
    #[serde(default)]
    codes: Codes,
    #[serde(flatten)]
    example: Example,
}

#[derive(Debug, Deserialize)]
struct CueEntry {
    kind: String,
    words: Vec<String>,
    #[serde(flatten)]
    example: Example,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpellingEntry {
    #[serde(default)]
    clinical: Vec<String>,
    #[serde(default)]
    keep: Vec<String>,
}

/// A word that changes what others say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    /// How much.
    Extent(Extent),
    /// On which side.
    Side(Side),
    /// Looks like a side, and is none.
    NotASide,
    /// What follows is absent.
    No,
    /// What follows, or what came before where nothing does, is absent.
    Not,
    /// What came before is absent.
    NoAfter,
    /// Looks like a negation, and is none.
    Nothing,
    /// What follows is absent at the other levels.
    NoRest,
    /// What follows may be.
    May,
    /// What came before may be.
    MayAfter,
    /// What follows was.
    Was,
    /// What follows is.
    Now,
    /// What follows is no label.
    NoLabel,
    /// What follows is no label, unless it is a done operation.
    NoLabelHistory,
    /// What came before is no label.
    NoLabelAfter,
    /// What was said of the words before ends here.
    Break,
    /// A noun that takes a word to itself.
    Other,
    /// A zone of a disc.
    Zone,
    /// L5-S1.
    Lumbosacral,
    /// Every lumbar level.
    AllLevels,
    /// The levels that are not named.
    RestLevels,
    /// The level before.
    SameLevel,
    /// The first of the levels before.
    FormerLevel,
    /// The last of the levels before.
    LatterLevel,
    /// The first finding is at the first level, the second at the second.
    Respectively,
    /// The side that follows is the other one.
    Opposite,
    /// What was found before is here too.
    Again,
    /// More than one level.
    SeveralLevels,
    /// A level, not said which.
    OneUnknownLevel,
    /// What follows is where there is most of it, and not the only place.
    Emphasis,
    /// A heading.
    Section(Heading),
}

/// What a heading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading {
    /// What was found.
    Findings,
    /// The conclusion.
    Impression,
    /// Nothing that is labelled.
    NoLabels,
    /// Another part of the body.
    Foreign,
    /// The lumbar spine again.
    Lumbar,
}

/// A finding that is said by a word of its own.
#[derive(Debug, Clone)]
pub struct FindingRule {
    /// Id of the entry.
    pub id: Arc<str>,
    /// What is found.
    pub finding: Finding,
    /// What "at L4" means.
    pub at: At,
    /// It is said only where a size in mm is.
    pub needs_size: bool,
    /// It is said only where a type is.
    pub needs_type: bool,
    /// Where to it slipped.
    pub direction: Option<Direction>,
    /// The side that the word says.
    pub side: Option<Side>,
    /// Concept of SNOMED CT.
    pub snomed: Option<Arc<str>>,
}

/// A word by which something is said of a structure.
#[derive(Debug, Clone)]
pub struct Relation {
    /// The relation that the rules name.
    pub like: usize,
    /// Where it looks for structures.
    pub form: Form,
    /// How much it says by itself.
    pub extent: Option<Extent>,
    /// It says that the finding is absent.
    pub absent: bool,
}

/// What relation and structure say together.
#[derive(Debug, Clone)]
pub struct RelationRule {
    /// Id of the entry.
    pub id: Arc<str>,
    /// What is found.
    pub finding: Finding,
    /// Only where the relation is said by one of these phrases.
    only: Option<Vec<String>>,
    /// The structure is part of the label.
    pub structure: Option<Arc<str>>,
    /// Concept of SNOMED CT.
    pub snomed: Option<Arc<str>>,
}

/// What a phrase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A finding: its place in [`Lexicon::findings`].
    Finding(usize),
    /// A structure: its number.
    Structure(usize),
    /// A relation: its place in [`Lexicon::relations`], and the number of its phrase.
    Relation(usize, u32),
    /// A cue.
    Cue(Cue),
}

/// The words and rules.
#[derive(Debug)]
pub struct Lexicon {
    /// Its version.
    pub version: u32,
    /// Findings of a word of their own.
    pub findings: Vec<FindingRule>,
    /// Relations.
    pub relations: Vec<Relation>,
    /// By relation that the rules name, and structure; `None` where no structure is said.
    rules: HashMap<(usize, Option<usize>), Vec<RelationRule>>,
    words: HashMap<Box<str>, u32>,
    /// Clinical words by length and first letter, against which misspelt ones are held.
    by_shape: HashMap<(usize, char), Vec<(Box<str>, u32)>>,
    tree: HashMap<(u32, u32), u32>,
    meanings: HashMap<u32, Meaning>,
    phrases: Vec<String>,
    examples: Vec<(String, Example)>,
    structures: Vec<String>,
}

impl Lexicon {
    /// The lexicon that is built in.
    ///
    /// # Panics
    /// Never: a test reads it.
    #[must_use]
    pub fn built_in() -> Self {
        #[expect(clippy::expect_used, reason = "a test reads it")]
        Self::parse(BUILT_IN).expect("the built-in lexicon is right")
    }

    /// Reads a lexicon.
    ///
    /// # Errors
    /// See [`LexiconError`].
    pub fn parse(text: &str) -> Result<Self, LexiconError> {
        let file: File = toml::from_str(text)?;
        let mut lexicon = Self {
            version: file.version,
            findings: Vec::new(),
            relations: Vec::new(),
            rules: HashMap::new(),
            words: HashMap::new(),
            by_shape: HashMap::new(),
            tree: HashMap::new(),
            meanings: HashMap::new(),
            phrases: Vec::new(),
            examples: Vec::new(),
            structures: Vec::new(),
        };
        lexicon.take_findings(file.finding)?;
        let structures = lexicon.take_structures(file.structure)?;
        let relations = lexicon.take_relations(file.relation)?;
        lexicon.take_rules(file.rule, &structures, &relations)?;
        lexicon.take_cues(file.cue)?;
        lexicon.shape_words(&file.spelling);
        Ok(lexicon)
    }

    fn take_findings(&mut self, entries: Vec<FindingEntry>) -> Result<(), LexiconError> {
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

    fn take_structures(&mut self, entries: Vec<StructureEntry>) -> Result<HashMap<String, usize>, LexiconError> {
        let mut numbers = HashMap::new();
        for (number, entry) in entries.into_iter().enumerate() {
            self.add_phrases(&entry.id, &entry.words, |_| Meaning::Structure(number))?;
            self.structures.push(entry.id.clone());
            numbers.insert(entry.id, number);
        }
        Ok(numbers)
    }

    fn take_relations(&mut self, entries: Vec<RelationEntry>) -> Result<HashMap<String, usize>, LexiconError> {
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

    fn take_rules(
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

    fn take_cues(&mut self, entries: Vec<CueEntry>) -> Result<(), LexiconError> {
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
            if !phrase.contains(' ') && phrase.chars().count() > 3 && !phrase.ends_with('s') {
                forms.push(format!("{phrase}s"));
            } else if phrase.contains(' ') && phrase.chars().last().is_some_and(|c| c.is_alphabetic() && c != 's') {
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

    fn shape_words(&mut self, spelling: &SpellingEntry) {
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

    /// The number of a word as it is written; `None` where it is in no phrase.
    #[must_use]
    pub fn word(&self, word: &str) -> Option<u32> {
        self.words.get(word).copied()
    }

    /// The number of the one word that `word` was most likely meant to be: it has its first letter, and differs by one
    /// insertion, deletion, exchange or swap of letters; by two in long words.
    #[must_use]
    pub fn corrected(&self, word: &str) -> Option<u32> {
        let letters: Vec<char> = word.chars().collect();
        if letters.len() < CORRECTED_LETTERS_MIN || letters.len() > 24 || !letters.iter().all(|c| c.is_alphabetic()) {
            return None;
        }
        let edits_max = if letters.len() >= TWO_EDITS_LETTERS_MIN { 2 } else { 1 };
        let mut best: Option<(usize, u32)> = None;
        for length in letters.len().saturating_sub(edits_max)..=letters.len() + edits_max {
            for (known, number) in self.by_shape.get(&(length, letters[0])).into_iter().flatten() {
                let known: Vec<char> = known.chars().collect();
                let edits = edits(&letters, &known);
                if edits <= edits_max && best.is_none_or(|(fewest, _)| edits < fewest) {
                    best = Some((edits, *number));
                }
            }
        }
        best.map(|(_, number)| number)
    }

    /// The longest phrase that begins at `tokens[at]`: what it is, and the token after it. Hyphens between words count for
    /// nothing.
    #[must_use]
    pub fn phrase_at(&self, tokens: &[Token], at: usize) -> Option<(Meaning, usize)> {
        let (mut node, mut i, mut found) = (0, at, None);
        while let Some(token) = tokens.get(i) {
            if i > at && token.is_hyphen() {
                i += 1;
                continue;
            }
            let Some(next) = token.word.and_then(|word| self.tree.get(&(node, word))) else { break };
            node = *next;
            i += 1;
            if let Some(meaning) = self.meanings.get(&node) {
                found = Some((*meaning, i));
            }
        }
        found
    }

    /// What relation (by phrase) and structure say together; `None` for no structure.
    #[must_use]
    pub fn rule(&self, relation: usize, phrase: u32, structure: Option<usize>) -> Option<&RelationRule> {
        let like = self.relations.get(relation)?.like;
        let said = self.phrases.get(phrase as usize)?;
        let rules = self.rules.get(&(like, structure))?;
        rules.iter().find(|rule| rule.only.as_ref().is_none_or(|only| only.iter().any(|phrase| phrase == said)))
    }

    /// The structure called `id`.
    #[must_use]
    pub fn structure(&self, id: &str) -> Option<usize> {
        self.structures.iter().position(|known| known == id)
    }

    /// Whether structure `number` is the nerve roots, which are named after vertebrae.
    #[must_use]
    pub fn is_root(&self, number: usize) -> bool {
        self.structures.get(number).is_some_and(|id| id == "root")
    }

    /// Whether structure `number` has two sides of which a word may name one for several structures.
    #[must_use]
    pub fn has_sides(&self, number: usize) -> bool {
        self.structures
            .get(number)
            .is_some_and(|id| !matches!(id.as_str(), "canal" | "sac" | "disc" | "disc-height" | "disc-signal"))
    }

    /// Every example, with the entry that it is of.
    #[must_use]
    pub fn examples(&self) -> &[(String, Example)] {
        &self.examples
    }

    /// A buffer for the words of texts.
    #[must_use]
    pub fn word_buffer(&self) -> WordBuffer<'_> {
        WordBuffer::new(self)
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

/// Insertions, deletions, exchanges and swaps of neighbours between two words (optimal string alignment).
fn edits(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut rows = [(0..width).collect::<Vec<_>>(), vec![0; width], vec![0; width]];
    for i in 1..=a.len() {
        let (now, before, earlier) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i;
        for j in 1..width {
            let exchange = rows[before][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = exchange.min(rows[before][j] + 1).min(rows[now][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[earlier][j - 2] + 1);
            }
            rows[now][j] = least;
        }
    }
    rows[a.len() % 3][width - 1]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        let count = |a: &str, b: &str| edits(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(count("stenosis", "stenosis"), 0);
        assert_eq!(count("stenoisis", "stenosis"), 1);
        assert_eq!(count("formanial", "foraminal"), 2);
        assert_eq!(count("protusion", "protrusion"), 1);
        assert_eq!(count("", "abc"), 3);
    }

    #[test]
    fn misspelt_words_are_what_they_were_meant_to_be() {
        let lexicon = Lexicon::built_in();
        for (wrong, right) in [("stenoisis", "stenosis"), ("protusion", "protrusion"), ("formanial", "foraminal")] {
            assert_eq!(lexicon.corrected(wrong), lexicon.word(right), "{wrong}");
        }
        assert_eq!(lexicon.corrected("spaghetti"), None);
        assert_eq!(lexicon.corrected("root"), None, "short words are what they are");
    }

    #[test]
    fn a_wrong_lexicon_is_told_by_its_entry() {
        let error = Lexicon::parse("version = 1\n[[cue]]\nkind = \"nope\"\nwords = []").unwrap_err();
        assert!(error.to_string().contains("nope"), "{error}");
        let error = Lexicon::parse("version = 1\nwords = []").unwrap_err();
        assert!(error.to_string().contains("unknown field"), "{error}");
    }
}
