//! The last look at a text before it leaves: no identity goes with it.
//!
//! Texts of a report are written without identity where they are made. This guard makes sure:
//! it knows the study's own identifiers and replaces them, and replaces whatever looks like a UID.

/// Characters of a text; a longer one is cut with an ellipsis.
pub(super) const TEXT_CHARS_MAX: usize = 240;
/// Identifiers shorter than this are not searched for: they would hit ordinary words and numbers.
const IDENTIFIER_CHARS_MIN: usize = 4;
/// Dots in a token of digits and dots from which it is taken for a UID rather than for a version.
const UID_DOTS_MIN: usize = 4;
/// What stands where something was removed.
const REMOVED: &str = "[removed]";

/// Knows what must not leave.
#[derive(Debug)]
pub(in crate::export) struct TextGuard {
    identifiers: Vec<String>,
}

impl TextGuard {
    /// A guard against these values and, of those in several parts (person names), their parts.
    pub(in crate::export) fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut identifiers: Vec<String> = values
            .into_iter()
            .flat_map(|v| std::iter::once(v).chain(v.split(['^', '='])))
            .map(|v| v.trim_matches(['\0', ' ']).to_lowercase())
            .filter(|v| v.chars().count() >= IDENTIFIER_CHARS_MIN)
            .collect();
        identifiers.sort_by_key(|v| std::cmp::Reverse(v.len()));
        identifiers.dedup();
        Self { identifiers }
    }

    /// `text` without identity, on one line, at most [`TEXT_CHARS_MAX`] characters.
    pub(in crate::export) fn clean(&self, text: &str) -> String {
        let words = text.split_whitespace().map(|w| if looks_like_uid(w) { REMOVED } else { w });
        let mut clean = words.collect::<Vec<_>>().join(" ");
        for identifier in &self.identifiers {
            clean = without(&clean, identifier);
        }
        if clean.chars().count() > TEXT_CHARS_MAX {
            clean = clean.chars().take(TEXT_CHARS_MAX - 3).chain("...".chars()).collect();
        }
        clean
    }
}

fn looks_like_uid(word: &str) -> bool {
    let core = word.trim_matches(|c: char| !c.is_ascii_digit());
    core.chars().all(|c| c.is_ascii_digit() || c == '.') && core.matches('.').count() >= UID_DOTS_MIN
}

/// `text` with every occurrence of `needle` (lower case) replaced, in whatever case it stands.
fn without(text: &str, needle: &str) -> String {
    let lower = text.to_lowercase();
    if !lower.contains(needle) {
        return text.to_owned();
    }
    // Lower-casing may change lengths outside ASCII; then the lower-case text is the safe one.
    let base = if lower.len() == text.len() { text } else { lower.as_str() };
    let mut out = String::new();
    let mut from = 0;
    for (at, _) in lower.match_indices(needle) {
        out.push_str(base.get(from..at).unwrap_or_default());
        out.push_str(REMOVED);
        from = at + needle.len();
    }
    out.push_str(base.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_of_the_study_are_removed_in_any_case() {
        let guard = TextGuard::new(["Muster^Erika", "PAT-0815", "42"]);
        assert_eq!(
            guard.clean("file of MUSTER, erika (pat-0815), 42 slices"),
            "file of [removed], [removed] ([removed]), 42 slices"
        );
    }

    #[test]
    fn what_looks_like_a_uid_is_removed_and_a_version_is_not() {
        let guard = TextGuard::new([]);
        assert_eq!(guard.clean("series 1.2.840.10008.5.1, model 0.1.0"), "series [removed] model 0.1.0");
    }

    #[test]
    fn a_text_stays_on_one_line_and_within_its_length() {
        let clean = TextGuard::new([]).clean(&"a\nb ".repeat(500));
        assert_eq!(clean.chars().count(), TEXT_CHARS_MAX);
        assert!(!clean.contains('\n'));
    }
}
