//! How a lexicon is written: the tables of its TOML file.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) struct File {
    pub(super) version: u32,
    #[serde(default)]
    pub(super) finding: Vec<FindingEntry>,
    #[serde(default)]
    pub(super) structure: Vec<StructureEntry>,
    #[serde(default)]
    pub(super) relation: Vec<RelationEntry>,
    #[serde(default)]
    pub(super) rule: Vec<RuleEntry>,
    #[serde(default)]
    pub(super) cue: Vec<CueEntry>,
    #[serde(default)]
    pub(super) spelling: SpellingEntry,
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
pub(super) struct Codes {
    pub(super) snomed: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FindingEntry {
    pub(super) id: String,
    pub(super) finding: Option<String>,
    pub(super) at: At,
    pub(super) words: Vec<String>,
    #[serde(default)]
    pub(super) needs_size: bool,
    #[serde(default)]
    pub(super) needs_type: bool,
    pub(super) direction: Option<String>,
    pub(super) side: Option<String>,
    #[serde(default)]
    pub(super) codes: Codes,
    #[serde(flatten)]
    pub(super) example: Example,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StructureEntry {
    pub(super) id: String,
    pub(super) words: Vec<String>,
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
pub(super) struct RelationEntry {
    pub(super) id: String,
    pub(super) like: Option<String>,
    pub(super) form: Form,
    pub(super) extent: Option<String>,
    #[serde(default)]
    pub(super) absent: bool,
    pub(super) words: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RuleEntry {
    pub(super) id: String,
    pub(super) relation: String,
    pub(super) structure: String,
    pub(super) finding: String,
    pub(super) only: Option<Vec<String>>,
    #[serde(default)]
    pub(super) keep_structure: bool,
    #[serde(default)]
    pub(super) codes: Codes,
    #[serde(flatten)]
    pub(super) example: Example,
}

#[derive(Debug, Deserialize)]
pub(super) struct CueEntry {
    pub(super) kind: String,
    pub(super) words: Vec<String>,
    #[serde(flatten)]
    pub(super) example: Example,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpellingEntry {
    #[serde(default)]
    pub(super) clinical: Vec<String>,
    #[serde(default)]
    pub(super) keep: Vec<String>,
}
