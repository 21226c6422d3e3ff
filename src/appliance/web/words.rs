//! The pages' words, from a file for each language.

use std::collections::BTreeMap;

use crate::export::Language;

/// Bytes of a MiB, as a divisor.
const MIB: f64 = 1024.0 * 1024.0;
/// Mebibytes from which on gibibytes are said.
const GIB_FROM_MIB: f64 = 10.0 * 1024.0;

/// The words of one language.
#[derive(Debug)]
pub(super) struct Words {
    words: BTreeMap<String, String>,
    pub(super) language: Language,
}

impl Words {
    /// The words of `language`. A damaged file is a fault of the program, and leaves the keys.
    pub(super) fn of(language: Language) -> Self {
        let file = match language {
            Language::English => include_str!("messages/en.toml"),
            Language::German => include_str!("messages/de.toml"),
        };
        Self { words: toml::from_str(file).unwrap_or_default(), language }
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

    /// The word for `name` among those of `kind`, such as `state`; the name itself where there is none.
    pub(super) fn of_kind<'a>(&'a self, kind: &str, name: &'a str) -> &'a str {
        self.words.get(&format!("{kind}-{name}")).map_or(name, String::as_str)
    }

    /// A number as it is written in this language.
    pub(super) fn number(&self, value: f64, decimals: usize) -> String {
        format!("{value:.decimals$}").replace('.', &self.language.decimal_mark().to_string())
    }

    /// A duration, roughly.
    pub(super) fn duration(&self, secs: u64) -> String {
        match secs {
            0..=119 => self.filled("seconds", &[&secs.to_string()]),
            120..=7199 => self.filled("minutes", &[&(secs / 60).to_string()]),
            7200..=172_799 => self.filled("hours", &[&(secs / 3600).to_string()]),
            _ => self.filled("days", &[&(secs / 86_400).to_string()]),
        }
    }

    /// A duration without its seconds, so that it does not move all the time.
    pub(super) fn whole_minutes(&self, secs: u64) -> String {
        if secs < 120 { self.filled("minutes", &[&(secs / 60).to_string()]) } else { self.duration(secs) }
    }

    /// How long ago something was.
    pub(super) fn ago(&self, secs: u64) -> String {
        if secs < 60 { self.get("just-now").to_owned() } else { self.filled("ago", &[&self.whole_minutes(secs)]) }
    }

    /// Milliseconds as seconds.
    pub(super) fn millis(&self, ms: u64) -> String {
        self.filled("seconds", &[&self.number(ms as f64 / 1e3, 1)])
    }

    /// A size.
    pub(super) fn bytes(&self, bytes: u64) -> String {
        let mib = bytes as f64 / MIB;
        if mib >= GIB_FROM_MIB {
            format!("{} GiB", self.number(mib / 1024.0, 1))
        } else {
            format!("{} MiB", self.number(mib, 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::appliance::alarms::Severity;
    use crate::appliance::journal::StudyState;

    #[test]
    fn every_language_has_the_same_keys_and_a_word_for_every_state_and_severity() {
        let english = Words::of(Language::English);
        assert!(english.words.len() > 50);
        for language in Language::ALL {
            let words = Words::of(language);
            assert_eq!(
                words.words.keys().collect::<Vec<_>>(),
                english.words.keys().collect::<Vec<_>>(),
                "{language:?}"
            );
            for state in StudyState::ALL {
                assert!(words.words.contains_key(&format!("state-{}", state.name())), "{language:?}: {}", state.name());
            }
            for severity in [Severity::Warning, Severity::Minor, Severity::Major, Severity::Critical] {
                assert!(words.words.contains_key(&format!("severity-{}", severity.name())), "{language:?}");
            }
        }
    }

    #[test]
    fn numbers_and_times_are_written_as_the_language_has_them() {
        let (english, german) = (Words::of(Language::English), Words::of(Language::German));
        assert_eq!((english.bytes(3 << 19), german.bytes(3 << 19)), ("1.5 MiB".to_owned(), "1,5 MiB".to_owned()));
        assert_eq!((english.ago(600), german.ago(600)), ("10 min ago".to_owned(), "vor 10 min".to_owned()));
        assert_eq!(
            (english.ago(59), english.ago(60), english.ago(119)),
            ("just now".into(), "1 min ago".into(), "1 min ago".into())
        );
        assert_eq!((german.whole_minutes(6), german.whole_minutes(7200)), ("0 min".to_owned(), "2 h".to_owned()));
        assert_eq!(english.bytes(20 << 30), "20.0 GiB");
    }
}
