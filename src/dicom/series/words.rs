//! What the words of a header say about an acquisition: Series Description, Protocol Name, Sequence
//! Name. Only classes of keywords come out, never the text, which may hold identity.

use super::role::Weighting;
use crate::dicom::header::Physics;

/// What the words say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Words {
    pub(super) weighting: Option<Weighting>,
    pub(super) localizer: bool,
    pub(super) derived: bool,
}

const LOCALIZER_WORDS: [&str; 12] = [
    "LOC",
    "LOCALIZER",
    "LOCALISER",
    "LOCA",
    "SCOUT",
    "SURVEY",
    "PILOT",
    "3PLANE",
    "3PL",
    "TRIPLAN",
    "AAHSCOUT",
    "PLANSCAN",
];
const DERIVED_WORDS: [&str; 8] = ["MPR", "MIP", "ADC", "SUB", "SUBTRACTION", "REFORMAT", "SCREENSHOT", "MYELO"];
const FAT_WORDS: [&str; 12] =
    ["FS", "FATSAT", "FSAT", "SPIR", "SPAIR", "FATSUPP", "CHESS", "WATER", "TIRM", "STIR", "DIXON", "MDIXON"];
const STIR_WORDS: [&str; 2] = ["STIR", "TIRM"];

/// Reads the words. The description counts before the protocol, and that before the sequence.
pub(super) fn read(physics: &Physics) -> Words {
    let texts = [&physics.series_description, &physics.protocol_name, &physics.sequence_name];
    let mut words = Words::default();
    for text in texts {
        let tokens = tokens(text);
        words.weighting = words.weighting.or_else(|| weighting(&tokens));
        words.localizer |= any(&tokens, &LOCALIZER_WORDS);
        words.derived |= any(&tokens, &DERIVED_WORDS);
    }
    words
}

/// Upper-case runs of letters, digits and `*`.
fn tokens(text: &str) -> Vec<String> {
    text.to_uppercase()
        .split(|c: char| !(c.is_alphanumeric() || c == '*'))
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .collect()
}

fn any(tokens: &[String], words: &[&str]) -> bool {
    tokens.iter().any(|token| words.contains(&token.as_str()))
}

/// Whether a token starts with `name` (such as `T1`) and no further digit: `T1W`, `T1TSE`, not `T12`.
fn starts_a_word(tokens: &[String], name: &str) -> bool {
    tokens
        .iter()
        .any(|token| token.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit())))
}

fn weighting(tokens: &[String]) -> Option<Weighting> {
    let (t1, t2) = (starts_a_word(tokens, "T1"), starts_a_word(tokens, "T2"));
    let gradient = tokens.iter().any(|token| token.starts_with("T2*")) || any(tokens, &["MEDIC", "MERGE", "MFFE"]);
    let fat = any(tokens, &FAT_WORDS) || tokens.windows(2).any(|pair| pair == ["FAT", "SAT"]);
    if any(tokens, &STIR_WORDS) {
        return Some(Weighting::FatSuppressed);
    }
    match (t1, t2) {
        (true, true) => None,
        (true, false) if fat => Some(Weighting::T1FatSuppressed),
        (true, false) => Some(Weighting::T1),
        (false, true) if fat => Some(Weighting::FatSuppressed),
        (false, true) if gradient => Some(Weighting::T2Star),
        (false, true) => Some(Weighting::T2),
        (false, false) if gradient => Some(Weighting::T2Star),
        (false, false) if starts_a_word(tokens, "PD") => Some(Weighting::ProtonDensity),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(description: &str) -> Words {
        read(&Physics { series_description: description.to_owned(), ..Physics::default() })
    }

    #[test]
    fn descriptions_of_many_vendors_are_understood() {
        for (text, weighting) in [
            ("T1", Some(Weighting::T1)),
            ("Sag T2 FSE", Some(Weighting::T2)),
            ("t2_tse_sag_384", Some(Weighting::T2)),
            ("T2W_TSE_sag", Some(Weighting::T2)),
            ("SAG T1 FLAIR", Some(Weighting::T1)),
            ("sag STIR", Some(Weighting::FatSuppressed)),
            ("T2 SAG FAT SAT", Some(Weighting::FatSuppressed)),
            ("T1 FS +C", Some(Weighting::T1FatSuppressed)),
            ("AX T2* MERGE", Some(Weighting::T2Star)),
            ("T12-S1 PLANNING", None),
            ("lumbar", None),
        ] {
            assert_eq!(said(text).weighting, weighting, "{text}");
        }
    }

    #[test]
    fn localizers_and_reformats_are_known_by_their_words() {
        assert!(said("3-plane LOC").localizer && said("Survey").localizer && !said("L-spine local").localizer);
        assert!(said("COR MPR").derived && !said("T2 SAG").derived);
    }
}
