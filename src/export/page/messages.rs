//! The page's words, from a file for each language.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A language that a page can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its tag (RFC 5646), as the configuration writes it.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language of this tag.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The decimal mark between whole and broken part.
    #[must_use]
    pub const fn decimal_mark(self) -> char {
        match self {
            Self::English => '.',
            Self::German => ',',
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::English => include_str!("messages/en.toml"),
            Self::German => include_str!("messages/de.toml"),
        }
    }
}

/// The words of one language.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Messages {
    severity: BTreeMap<String, String>,
    finding_name: BTreeMap<String, String>,
    grade_name: BTreeMap<String, String>,
    quantity_name: BTreeMap<String, String>,
    #[serde(flatten)]
    words: BTreeMap<String, String>,
    #[serde(skip)]
    pub(super) language: Language,
}

impl Messages {
    /// The words of `language`.
    ///
    /// # Errors
    /// Where its file is damaged: a fault of the program.
    pub(super) fn of(language: Language) -> Result<Self, String> {
        let read: Self = toml::from_str(language.file()).map_err(|e| e.to_string())?;
        Ok(Self { language, ..read })
    }

    /// The words called `key`; the key itself where there are none.
    pub(super) fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.words.get(key).map_or(key, String::as_str)
    }

    /// The words called `key` with `values` in their places.
    pub(super) fn filled(&self, key: &str, values: &[&str]) -> String {
        let mut text = self.get(key).to_owned();
        for (place, value) in values.iter().enumerate() {
            text = text.replace(&format!("{{{place}}}"), value);
        }
        text
    }

    pub(super) fn severity<'a>(&'a self, name: &'a str) -> &'a str {
        self.severity.get(name).map_or(name, String::as_str)
    }

    pub(super) fn finding<'a>(&'a self, name: &'a str) -> &'a str {
        self.finding_name.get(name).map_or(name, String::as_str)
    }

    /// A grade of any scale; Pfirrmann's and Meyerding's are numerals everywhere.
    pub(super) fn grade<'a>(&'a self, name: &'a str) -> &'a str {
        self.grade_name.get(name).map_or(name, String::as_str)
    }

    /// A quantity by its key in the report; `None` for what the page does not show.
    pub(super) fn quantity(&self, key: &str) -> Option<&str> {
        self.quantity_name.get(key).map(String::as_str)
    }

    /// A number as it is written in this language.
    pub(super) fn number(&self, value: f64, decimals: usize) -> String {
        format!("{value:.decimals$}").replace('.', &self.language.decimal_mark().to_string())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::spine::{GradeScale, GradedFinding};

    #[test]
    fn every_language_has_the_same_keys_and_a_word_for_every_finding_and_grade() {
        let keys = |m: &Messages| -> Vec<String> {
            let maps = [&m.words, &m.severity, &m.finding_name, &m.grade_name, &m.quantity_name];
            maps.into_iter().flat_map(|map| map.keys().cloned()).collect()
        };
        let english = Messages::of(Language::English).unwrap();
        for language in Language::ALL {
            let messages = Messages::of(language).unwrap();
            assert_eq!(keys(&english), keys(&messages), "{language:?}");
            for finding in GradedFinding::ALL {
                assert_ne!(messages.finding(finding.name()), finding.name(), "{language:?}");
            }
            for grade in [GradeScale::Stenosis, GradeScale::Presence].into_iter().flat_map(|s| s.grades()) {
                assert!(messages.grade_name.contains_key(*grade), "{language:?}: {grade}");
            }
        }
    }
}
