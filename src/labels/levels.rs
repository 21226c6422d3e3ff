//! Levels as people write them: `L4-5`, `L4/L5`, `l4 l5`, `L4 through S1`, `L2-3 to L4-5`, `L4 on L5`.

use super::label::Place;
use super::tokens::{Kind, Token};
use crate::spine::{Disc, Vertebra};

/// Longest word that names levels, bytes: `t12-l1levels` without its hyphen.
const NAME_BYTES_MAX: usize = 11;
/// Most levels between two that are named.
const RANGE_LEVELS_MAX: usize = 12;

/// How levels are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// By their names.
    #[default]
    Named,
    /// Those of before: "the same level".
    Same,
    /// The first of those before.
    Former,
    /// The last of those before.
    Latter,
}

/// Levels that stand together in the text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mention {
    /// How they are said.
    pub which: Which,
    /// Discs, or vertebrae that are named alone.
    pub places: Vec<Place>,
    /// They come from a range of vertebrae, such as "L3 to S1".
    pub is_range: bool,
    /// It names a part of the spine of which nothing is labelled.
    pub is_foreign: bool,
}

/// A name of a vertebra: the letter of its region, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    region: char,
    number: u8,
}

impl Name {
    fn vertebra(self) -> Option<Vertebra> {
        let name = match self.region {
            'l' if (1..=6).contains(&self.number) => format!("L{}", self.number),
            's' if self.number == 1 => "S1".to_owned(),
            't' if (8..=13).contains(&self.number) => format!("T{}", self.number),
            _ => return None,
        };
        Vertebra::from_name(&name)
    }

    /// Whether it is of the spine at all: what is not in our list is of a part that is not labelled.
    fn is_foreign(self) -> bool {
        match self.region {
            'c' => (1..=8).contains(&self.number),
            't' => (5..=7).contains(&self.number),
            's' => (2..=5).contains(&self.number),
            _ => false,
        }
    }
}

/// The levels that begin at `tokens[at]`, and the token after them.
pub fn mention_at(text: &str, tokens: &[Token], at: usize) -> Option<(Mention, usize)> {
    if let Some(found) = between(text, tokens, at) {
        return Some(found);
    }
    let (first, mut next) = vertebra_or_pair(text, tokens, at)?;
    let mut mention = Mention::default();
    match first {
        Named::Pair(upper, lower) => next = pair(text, tokens, next, (upper, lower), &mut mention),
        Named::One(name) => match name.vertebra() {
            None if name.is_foreign() => {
                next = skip_foreign(text, tokens, next);
                mention.is_foreign = true;
            }
            None => return None,
            Some(upper) => next = after_vertebra(text, tokens, next, upper, &mut mention),
        },
    }
    Some((mention, next))
}

/// "between L2 and L5".
fn between(text: &str, tokens: &[Token], at: usize) -> Option<(Mention, usize)> {
    tokens.get(at).filter(|token| token.of(text).eq_ignore_ascii_case("between"))?;
    let (Named::One(upper), next) = vertebra_or_pair(text, tokens, at + 1)? else { return None };
    let joint = tokens.get(next)?;
    if joint.kind != Kind::And && !joint.of(text).eq_ignore_ascii_case("and") {
        return None;
    }
    let (upper, (lower, end)) = (upper.vertebra()?, lower_vertebra(text, tokens, next + 1, upper.vertebra()?)?);
    (upper < lower).then(|| {
        let places = discs_between(upper, lower).into_iter().map(Place::Disc).collect();
        (Mention { places, is_range: true, ..Mention::default() }, end)
    })
}

/// One name, or two in one word.
enum Named {
    One(Name),
    Pair(Vertebra, Vertebra),
}

/// A vertebra, or a disc in one word: `L4`, `L 4`, `L4L5`, `L45`, `l5s1`.
fn vertebra_or_pair(text: &str, tokens: &[Token], at: usize) -> Option<(Named, usize)> {
    let token = tokens.get(at).filter(|token| token.kind == Kind::Word)?;
    let word = token.of(text);
    if word.len() > NAME_BYTES_MAX || !word.is_ascii() {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    // "L5/S1levels".
    let lower = lower.strip_suffix("levels").or_else(|| lower.strip_suffix("level")).unwrap_or(&lower);
    let (letters, digits) = lower.split_at(lower.find(|c: char| c.is_ascii_digit()).unwrap_or(lower.len()));
    let region = region(letters)?;
    if digits.is_empty() {
        // "L 4"; a lone letter is more often something else, so the number must stand right behind.
        let number = tokens.get(at + 1).filter(|next| next.kind == Kind::Number && next.start <= token.end + 1)?;
        let name = Name { region, number: number.of(text).parse().ok()? };
        return (region != 't').then_some((Named::One(name), at + 2));
    }
    if let Ok(number) = digits.parse::<u8>() {
        let name = Name { region, number };
        if name.vertebra().is_some() || name.is_foreign() {
            return Some((Named::One(name), at + 1));
        }
        // "L45" is the disc between.
        let (a, b) = (number / 10, number % 10);
        let upper = Name { region, number: a }.vertebra()?;
        return (region == 'l' && b == a + 1)
            .then(|| Name { region, number: b }.vertebra())
            .flatten()
            .map(|lower| (Named::Pair(upper, lower), at + 1));
    }
    let (first, second) = digits.split_at(digits.find(|c: char| c.is_ascii_alphabetic())?);
    let upper = Name { region, number: first.parse().ok()? }.vertebra()?;
    let (letters, number) = second.split_at(second.find(|c: char| c.is_ascii_digit())?);
    let lower = Name { region: self::region(letters)?, number: number.parse().ok()? }.vertebra()?;
    is_next(upper, lower).then_some((Named::Pair(upper, lower), at + 1))
}

fn region(letters: &str) -> Option<char> {
    match letters {
        "l" | "s" | "c" | "t" => letters.chars().next(),
        "d" | "th" => Some('t'),
        _ => None,
    }
}

fn is_next(upper: Vertebra, lower: Vertebra) -> bool {
    match (upper, lower) {
        (Vertebra::L5, Vertebra::S1) | (Vertebra::T12, Vertebra::L1) => true,
        (Vertebra::T12, Vertebra::T13) | (Vertebra::T13, Vertebra::L1) | (Vertebra::L5, Vertebra::L6) => true,
        (Vertebra::L6, Vertebra::S1) => true,
        _ => lower.above() == Some(upper) && lower != Vertebra::L6 && lower != Vertebra::T13,
    }
}

/// What joins two names: a mark of a pair, a word of a range, "on".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    Mark,
    Range,
    On,
}

fn joint(text: &str, tokens: &[Token], at: usize) -> Option<(Joint, usize)> {
    let token = tokens.get(at)?;
    match token.kind {
        Kind::Hyphen | Kind::Slash => {
            // "L4 - L5", "L4/-5"; two marks at most.
            let doubled = tokens.get(at + 1).is_some_and(|next| matches!(next.kind, Kind::Hyphen | Kind::Slash));
            Some((Joint::Mark, at + 1 + usize::from(doubled)))
        }
        Kind::Word => match token.of(text).to_ascii_lowercase().as_str() {
            "to" | "through" | "thru" | "till" | "until" | "upto" => Some((Joint::Range, at + 1)),
            "down" | "up" => match tokens.get(at + 1)?.of(text).to_ascii_lowercase().as_str() {
                "to" => Some((Joint::Range, at + 2)),
                _ => None,
            },
            "on" | "over" | "upon" => Some((Joint::On, at + 1)),
            _ => None,
        },
        _ => None,
    }
}

/// The vertebra that `tokens[at]` names behind `upper`, where a bare number will do.
fn lower_vertebra(text: &str, tokens: &[Token], at: usize, upper: Vertebra) -> Option<(Vertebra, usize)> {
    if let Some((Named::One(name), next)) = vertebra_or_pair(text, tokens, at) {
        return Some((name.vertebra()?, next));
    }
    let token = tokens.get(at).filter(|token| token.kind == Kind::Number)?;
    let number: u8 = token.of(text).parse().ok()?;
    let region = match upper {
        Vertebra::L5 | Vertebra::L6 if number == 1 => 's',
        Vertebra::T12 | Vertebra::T13 if number == 1 => 'l',
        _ if upper.is_lumbar() => 'l',
        Vertebra::S1 => 's',
        _ => 't',
    };
    Some((Name { region, number }.vertebra()?, at + 1))
}

/// After `upper`: a pair, a range, "on" another, the same without a joint (`l4 l5`), or the vertebra alone.
fn after_vertebra(text: &str, tokens: &[Token], at: usize, upper: Vertebra, mention: &mut Mention) -> usize {
    if let Some((joint, next)) = joint(text, tokens, at) {
        if let Some((lower, after)) = lower_vertebra(text, tokens, next, upper) {
            match joint {
                Joint::Mark | Joint::On if is_next(upper, lower) => {
                    return pair(text, tokens, after, (upper, lower), mention);
                }
                Joint::Mark | Joint::Range if upper < lower => {
                    // "L1-L2 to …" was a pair; "L2-L5", "L4 to S1" are ranges. A range may end in a disc: "L3 to L4-5".
                    let (last, after) = end_of_range(text, tokens, after, lower);
                    mention.places.extend(discs_between(upper, last).into_iter().map(Place::Disc));
                    mention.is_range = true;
                    return after;
                }
                _ => {}
            }
        }
        // "S1-S2", "S1/2": below what is labelled.
        if joint == Joint::Mark && upper == Vertebra::S1 && tokens.get(next).is_some_and(|t| t.of(text).contains('2')) {
            mention.is_foreign = true;
            return next + 1;
        }
    } else if let Some((Named::One(name), after)) = vertebra_or_pair(text, tokens, at)
        && let Some(lower) = name.vertebra()
        && is_next(upper, lower)
    {
        return pair(text, tokens, after, (upper, lower), mention);
    }
    mention.places.push(Place::Vertebra(upper));
    at
}

/// A disc is named; a chain (`L3-4-5`) or a range (`L2-3 to L4-5`) may go on from it.
fn pair(
    text: &str,
    tokens: &[Token],
    mut at: usize,
    (upper, mut lower): (Vertebra, Vertebra),
    mention: &mut Mention,
) -> usize {
    mention.places.push(Place::Disc(Disc::new(upper, lower)));
    while let Some((joint, next)) = joint(text, tokens, at) {
        let Some((third, after)) = lower_vertebra(text, tokens, next, lower) else { break };
        // "L3-4/L4-5" are two pairs; the second is for the caller.
        let begins_a_pair = self::joint(text, tokens, after).is_some_and(|(joint, then)| {
            joint == Joint::Mark && lower_vertebra(text, tokens, then, third).is_some_and(|(l, _)| is_next(third, l))
        });
        match joint {
            Joint::Mark if is_next(lower, third) && !begins_a_pair => {
                mention.places.push(Place::Disc(Disc::new(lower, third)));
                (lower, at) = (third, after);
            }
            // "L3-4 - L5-S1".
            Joint::Mark if begins_a_pair && third > lower => {
                let (last, after) = end_of_range(text, tokens, after, third);
                mention.places.extend(discs_between(lower, last).into_iter().map(Place::Disc));
                mention.is_range = true;
                return after;
            }
            Joint::Range if lower <= third => {
                let (last, after) = end_of_range(text, tokens, after, third);
                mention.places.extend(discs_between(lower, last).into_iter().map(Place::Disc));
                mention.is_range = true;
                return after;
            }
            _ => break,
        }
    }
    at
}

/// A range that ends at `last` ends at the disc below it where that is named: "L2-3 to L4-5".
fn end_of_range(text: &str, tokens: &[Token], at: usize, last: Vertebra) -> (Vertebra, usize) {
    if let Some((Joint::Mark, next)) = joint(text, tokens, at)
        && let Some((lower, after)) = lower_vertebra(text, tokens, next, last)
        && is_next(last, lower)
    {
        return (lower, after);
    }
    (last, at)
}

fn discs_between(upper: Vertebra, lower: Vertebra) -> Vec<Disc> {
    let mut discs = Vec::new();
    let mut at = lower;
    while at > upper && discs.len() < RANGE_LEVELS_MAX {
        let Some(above) = at.above() else { break };
        discs.push(Disc::new(above, at));
        at = above;
    }
    discs.reverse();
    discs
}

/// Steps over the rest of a name such as `C5-6`, `S2-3`.
fn skip_foreign(text: &str, tokens: &[Token], at: usize) -> usize {
    match joint(text, tokens, at) {
        Some((Joint::Mark, next)) => match tokens.get(next) {
            Some(token) if token.kind == Kind::Number || token.of(text).len() <= 3 => next + 1,
            _ => at,
        },
        _ => at,
    }
}

/// A pair of bare numbers, such as `4-5` or `5-S1`, which is a level only in a list of levels.
pub fn bare_pair_at(text: &str, tokens: &[Token], at: usize) -> Option<(Mention, usize)> {
    let number: u8 = tokens.get(at).filter(|token| token.kind == Kind::Number)?.of(text).parse().ok()?;
    let upper = Name { region: 'l', number }.vertebra()?;
    let (Joint::Mark, next) = joint(text, tokens, at + 1)? else { return None };
    let (lower, after) = lower_vertebra(text, tokens, next, upper)?;
    is_next(upper, lower).then(|| {
        let mut mention = Mention::default();
        let end = pair(text, tokens, after, (upper, lower), &mut mention);
        (mention, end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::lexicon::Lexicon;
    use crate::labels::tokens::tokenize;

    fn places(text: &str) -> String {
        let lexicon = Lexicon::built_in();
        let mut tokens = Vec::new();
        tokenize(text, &mut lexicon.word_buffer(), &mut tokens);
        let (mut at, mut found) = (0, Vec::new());
        while at < tokens.len() {
            match mention_at(text, &tokens, at).or_else(|| bare_pair_at(text, &tokens, at)) {
                Some((mention, next)) if mention.is_foreign => {
                    found.push("foreign".to_owned());
                    at = next;
                }
                Some((mention, next)) => {
                    found.extend(mention.places.iter().map(ToString::to_string));
                    at = next;
                }
                None => at += 1,
            }
        }
        found.join(" ")
    }

    #[test]
    fn every_way_to_write_a_level_is_understood() {
        for (text, expected) in [
            ("L4-5", "L4-L5"),
            ("L4/5", "L4-L5"),
            ("L4-L5", "L4-L5"),
            ("L 4 - 5", "L4-L5"),
            ("L4L5", "L4-L5"),
            ("l4 l5", "L4-L5"),
            ("L45", "L4-L5"),
            ("L4\u{2013}L5", "L4-L5"),
            ("L5/S1", "L5-S1"),
            ("l5s1", "L5-S1"),
            ("D12-L1", "T12-L1"),
            ("T12/L1", "T12-L1"),
            ("L4 through S1", "L4-L5 L5-S1"),
            ("L2-3 to L4-5", "L2-L3 L3-L4 L4-L5"),
            ("L2-3 through S1", "L2-L3 L3-L4 L4-L5 L5-S1"),
            ("L2-L5", "L2-L3 L3-L4 L4-L5"),
            ("L3-4, L4-5 and L5-S1", "L3-L4 L4-L5 L5-S1"),
            ("L3-4, 4-5, 5-S1", "L3-L4 L4-L5 L5-S1"),
            ("L3-4-5", "L3-L4 L4-L5"),
            ("L3-L4-L5-S1", "L3-L4 L4-L5 L5-S1"),
            ("L3/4/&L4/5", "L3-L4 L4-L5"),
            ("L3-4/L4-5", "L3-L4 L4-L5"),
            ("L4 on L5", "L4-L5"),
            ("L3/4 - L5/S1", "L3-L4 L4-L5 L5-S1"),
            ("between L1 and L4", "L1-L2 L2-L3 L3-L4"),
            ("L2-5", "L2-L3 L3-L4 L4-L5"),
            ("L4/L5 & L5/S1levels", "L4-L5 L5-S1"),
            ("L4 and L5", "L4 L5"),
            ("L5-L6 and L6-S1", "L5-L6 L6-S1"),
            ("C5-6", "foreign"),
            ("S2", "foreign"),
            ("S1-S2", "foreign"),
            ("T2 signal on T1 images", ""),
            ("in 10/12 cases", ""),
            ("L7", ""),
        ] {
            assert_eq!(places(text), expected, "{text}");
        }
    }
}
