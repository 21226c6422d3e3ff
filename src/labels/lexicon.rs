//! The words and rules, as a radiologist writes them (`models/labels/lexicon.toml`), made ready for the reader.
//!
//! Words are compared in lower case, without hyphens and apostrophes. Every entry is put into one tree of words; the
//! longest phrase that fits is taken. Words that are near to one of the lexicon's, and to nothing else, are
//! taken for it: see [`Lexicon::corrected`].

mod build;
mod form;
mod spelling;

use std::collections::HashMap;
use std::sync::Arc;

use super::label::{Direction, Extent, Finding, Side};
use super::tokens::{Kind, Token, WordBuffer};
pub use form::{At, Example, Form};
use spelling::edits;

/// The lexicon that is built in.
pub const BUILT_IN: &str = include_str!("../../models/labels/lexicon.toml");
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

/// "h/o", "r/o", "s/p": the slash is part of the word.
fn is_slash_of_letters(tokens: &[Token], slash: usize) -> bool {
    let is_letter = |at: Option<usize>| at.and_then(|at| tokens.get(at)).is_some_and(|t| t.end - t.start == 1);
    tokens[slash].kind == Kind::Slash && is_letter(slash.checked_sub(1)) && is_letter(Some(slash + 1))
}

/// A word, and its number.
type KnownWord = (Box<str>, u32);

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
    by_shape: HashMap<(usize, char), Vec<KnownWord>>,
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
        let file: form::File = toml::from_str(text)?;
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
            if i > at && (token.is_hyphen() || is_slash_of_letters(tokens, i)) {
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

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
