//! A sentence as a row of items: what the lexicon knows, levels, sizes, and the joints between them.

use super::label::{Extent, Place};
use super::levels::{self, Mention, Which};
use super::lexicon::{Cue, Lexicon, Meaning};
use super::tokens::{Kind, Token};
use crate::spine::{Disc, Vertebra};

/// The disc that "lumbosacral" names.
const LUMBOSACRAL: Disc = Disc::new(Vertebra::L5, Vertebra::S1);

/// A small word that joins others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// "and", "&", "as well as".
    And,
    /// "or".
    Or,
    /// A comma.
    Comma,
    /// A slash.
    Slash,
    /// A hyphen or dash with room around it.
    Dash,
    /// A colon.
    Colon,
    /// "of".
    Of,
    /// "on", "upon", "against", "with" after "contact": what a relation's structure follows.
    On,
    /// "at", "in", "to", "from": what a level or a side follows.
    At,
    /// "with".
    With,
    /// "is", "are", "appears", "remains", "measures".
    Is,
    /// "by", "due to", "causing", "resulting in".
    By,
    /// "more", "greater", "worse", "than".
    More,
    /// `?`.
    Question,
    /// An opening or closing bracket.
    Bracket,
    /// A semicolon.
    Semicolon,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A finding's word: its place in the lexicon.
    Finding(usize),
    /// A structure: its number in the lexicon.
    Structure(usize),
    /// A relation, and the phrase that says it.
    Relation(usize, u32),
    /// A cue.
    Cue(Cue),
    /// Levels.
    Levels(Mention),
    /// A size, mm.
    SizeMm(f32),
    /// "type II".
    Type(u8),
    /// "grade 1".
    Grade(u8),
    /// A small word.
    Joint(Joint),
    /// A word of no meaning here.
    Word,
}

/// A part of a sentence: what it is, and its tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it is.
    pub what: What,
    /// Its first token.
    pub first: usize,
    /// The token after its last.
    pub end: usize,
}

impl Item {
    /// Whether it is this joint.
    #[must_use]
    pub fn is_joint(&self, joint: Joint) -> bool {
        self.what == What::Joint(joint)
    }
}

/// The items of `tokens[from..to]`, which are one sentence of `text`.
pub fn items_of(text: &str, tokens: &[Token], (from, to): (usize, usize), lexicon: &Lexicon, items: &mut Vec<Item>) {
    items.clear();
    let tokens = &tokens[..to];
    let mut at = from;
    while at < to {
        let (what, end) = item_at(text, tokens, at, lexicon, items);
        items.push(Item { what, first: at, end });
        at = end;
    }
    join_levels(items);
    say_range_once(items);
    drop_names_of_roots(items, lexicon);
    join_extents(items);
}

fn item_at(text: &str, tokens: &[Token], at: usize, lexicon: &Lexicon, before: &[Item]) -> (What, usize) {
    if let Some((mention, end)) = levels::mention_at(text, tokens, at) {
        return (What::Levels(mention), end);
    }
    let in_list = before.last().is_some_and(|last| match last.what {
        What::Joint(Joint::Comma | Joint::And | Joint::Or) => {
            before.len() > 1 && matches!(before[before.len() - 2].what, What::Levels(_) | What::Joint(_))
        }
        What::Levels(_) => true,
        _ => false,
    });
    if in_list && let Some((mention, end)) = levels::bare_pair_at(text, tokens, at) {
        return (What::Levels(mention), end);
    }
    if let Some(found) = numbered(text, tokens, at, before, lexicon) {
        return found;
    }
    if let Some((meaning, end)) = lexicon.phrase_at(tokens, at) {
        return (what(meaning), end);
    }
    (joint(text, tokens, at).map_or(What::Word, What::Joint), at + 1)
}

fn what(meaning: Meaning) -> What {
    let place = |place| What::Levels(Mention { places: vec![place], ..Mention::default() });
    let before = |which| What::Levels(Mention { which, ..Mention::default() });
    match meaning {
        Meaning::Finding(number) => What::Finding(number),
        Meaning::Structure(number) => What::Structure(number),
        Meaning::Relation(number, phrase) => What::Relation(number, phrase),
        Meaning::Cue(Cue::Lumbosacral) => place(Place::Disc(LUMBOSACRAL)),
        Meaning::Cue(Cue::AllLevels) => place(Place::All),
        Meaning::Cue(Cue::RestLevels) => place(Place::Rest),
        Meaning::Cue(Cue::OneUnknownLevel) => place(Place::Unknown),
        Meaning::Cue(Cue::SameLevel) => before(Which::Same),
        Meaning::Cue(Cue::FormerLevel) => before(Which::Former),
        Meaning::Cue(Cue::LatterLevel) => before(Which::Latter),
        Meaning::Cue(cue) => What::Cue(cue),
    }
}

/// "type II", "grade 1", "8 mm", "1.2 cm"; a bare number or numeral right after Modic is its type.
fn numbered(text: &str, tokens: &[Token], at: usize, before: &[Item], lexicon: &Lexicon) -> Option<(What, usize)> {
    let token = tokens.get(at)?;
    if token.kind == Kind::Number {
        let said = token.of(text);
        let digits = said.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(said.len());
        let (number, own_unit) = said.split_at(digits);
        let number: f32 = number.parse().ok()?;
        let next = tokens.get(at + 1).filter(|_| own_unit.is_empty());
        let (unit, end) = match next {
            Some(next) => (next.of(text), at + 2),
            None => (own_unit, at + 1),
        };
        return match unit.to_ascii_lowercase().as_str() {
            "mm" | "mms" | "millimeters" | "millimetres" => Some((What::SizeMm(number), end)),
            "cm" | "cms" => Some((What::SizeMm((number * 100.0).round() / 10.0), end)),
            _ if after_modic(before, lexicon) => numeral(said).map(|n| (What::Type(n), at + 1)),
            _ => None,
        };
    }
    let word = token.of(text);
    // "typeII", in one word.
    if let Some(number) = word.get(..4).filter(|w| w.eq_ignore_ascii_case("type")).and_then(|_| numeral(&word[4..])) {
        return Some((What::Type(number), at + 1));
    }
    let named = |text_of: &str| {
        tokens.get(at + 1).and_then(|next| numeral(next.of(text))).filter(|_| word.eq_ignore_ascii_case(text_of))
    };
    if let Some(number) = named("type").or_else(|| named("types")) {
        return Some((What::Type(number), at + 2));
    }
    if let Some(number) = named("grade").or_else(|| named("gr")).or_else(|| named("meyerding")) {
        return Some((What::Grade(number), at + 2));
    }
    if after_modic(before, lexicon)
        && let Some(number) = numeral(word)
    {
        return Some((What::Type(number), at + 1));
    }
    None
}

fn after_modic(before: &[Item], lexicon: &Lexicon) -> bool {
    before.last().is_some_and(|item| match item.what {
        What::Finding(number) => {
            lexicon.findings.get(number).is_some_and(|f| f.finding == super::label::Finding::Modic)
        }
        _ => false,
    })
}

fn numeral(word: &str) -> Option<u8> {
    Some(match word.to_ascii_lowercase().as_str() {
        "1" | "i" | "one" => 1,
        "2" | "ii" | "two" => 2,
        "3" | "iii" | "three" => 3,
        "4" | "iv" => 4,
        "5" | "v" => 5,
        _ => return None,
    })
}

fn joint(text: &str, tokens: &[Token], at: usize) -> Option<Joint> {
    let token = tokens.get(at)?;
    Some(match token.kind {
        Kind::Comma => Joint::Comma,
        Kind::And => Joint::And,
        Kind::Slash => Joint::Slash,
        Kind::Colon => Joint::Colon,
        Kind::Semicolon => Joint::Semicolon,
        Kind::Question => Joint::Question,
        Kind::Greater => Joint::More,
        Kind::Open | Kind::Close => Joint::Bracket,
        Kind::Hyphen => Joint::Dash,
        Kind::Word => match token.of(text).to_ascii_lowercase().as_str() {
            "and" | "plus" | "also" => Joint::And,
            "or" => Joint::Or,
            "of" | "involving" => Joint::Of,
            "on" | "upon" | "against" | "onto" | "over" => Joint::On,
            "at" | "in" | "to" | "from" | "toward" | "towards" | "behind" | "affecting" => Joint::At,
            "with" => Joint::With,
            "is" | "are" | "appears" | "appear" | "remains" | "remain" | "appeared" | "was" | "were" | "measures"
            | "graded" | "shows" | "show" => Joint::Is,
            "by" | "due" | "causing" | "causes" | "cause" | "resulting" | "producing" | "leading" | "secondary"
            | "results" | "leads" | "produces" => Joint::By,
            "more" | "greater" | "worse" | "than" | "most" | "less" => Joint::More,
            _ => return None,
        },
        _ => return None,
    })
}

/// Levels joined by commas, "and", "&" are one mention: "L3-4, L4-5 and L5-S1".
fn join_levels(items: &mut Vec<Item>) {
    let mut joined: Vec<Item> = Vec::with_capacity(items.len());
    let mut at = 0;
    while at < items.len() {
        let mut item = items[at].clone();
        at += 1;
        while let What::Levels(mention) = &mut item.what {
            let joints = joints_of_list(items, at);
            let Some(Item { what: What::Levels(next), end, .. }) = items.get(at + joints) else { break };
            // "L4-5 this level" is no list.
            if next.which != Which::Named || mention.which != Which::Named {
                break;
            }
            mention.places.extend(next.places.iter().copied());
            mention.is_foreign |= next.is_foreign;
            mention.is_range |= next.is_range;
            item.end = *end;
            at += joints + 1;
        }
        joined.push(item);
    }
    *items = joined;
}

/// How many joints go on a list of levels at `at`: "," "and", "and of" before a level that nothing hangs on.
fn joints_of_list(items: &[Item], at: usize) -> usize {
    let joints = items[at..].iter().take(2).take_while(|i| is_list_joint(i)).count();
    let prepositions = items[at + joints..]
        .iter()
        .take(1)
        .filter(|item| matches!(item.what, What::Joint(Joint::Of | Joint::At)))
        .count();
    let hangs_on_it =
        |item: &Item| matches!(item.what, What::Finding(_) | What::Relation(..) | What::Structure(_) | What::Cue(_));
    let ends = !items.get(at + joints + prepositions + 1).is_some_and(hangs_on_it);
    if joints > 0 && prepositions > 0 && ends { joints + prepositions } else { joints }
}

/// "at every level from L2-3 to L5-S1" is those levels, "at the lower level (L5-S1)" that one.
fn say_range_once(items: &mut [Item]) {
    for at in 1..items.len() {
        let all = |item: &Item| matches!(&item.what, What::Levels(mention) if mention.places == [Place::All] || mention.places == [Place::Unknown]);
        let named = matches!(&items[at].what, What::Levels(mention) if !mention.places.is_empty());
        let from = at.saturating_sub(3);
        if named && matches!(items[at - 1].what, What::Joint(Joint::At | Joint::Bracket)) && !all(&items[at]) {
            for item in &mut items[from..at] {
                if all(item) {
                    item.what = What::Word;
                }
            }
        }
    }
}

fn is_list_joint(item: &Item) -> bool {
    matches!(item.what, What::Joint(Joint::And | Joint::Or | Joint::Comma | Joint::Slash))
}

/// "S1 nerve root", "L5 and S1 roots": the vertebra names the root and is no level.
fn drop_names_of_roots(items: &mut [Item], lexicon: &Lexicon) {
    for at in 0..items.len() {
        let What::Levels(mention) = &items[at].what else { continue };
        let only_vertebrae = mention.places.iter().all(|place| matches!(place, Place::Vertebra(_)));
        if mention.places.is_empty() && !mention.is_foreign || !only_vertebrae {
            continue;
        }
        let next = items[at + 1..]
            .iter()
            .take(3)
            .find(|item| !matches!(item.what, What::Word | What::Joint(Joint::Bracket) | What::Cue(Cue::Zone)));
        let is_root = |item: Option<&Item>| matches!(item.map(|i| &i.what), Some(What::Structure(number)) if lexicon.is_root(*number));
        // "nerve root (S1)".
        let follows_root = at > 1 && items[at - 1].is_joint(Joint::Bracket) && is_root(items.get(at - 2));
        if is_root(next) || follows_root {
            items[at].what = What::Word;
        }
    }
}

/// "mild to moderate", "mild/moderate", "mild-moderate" are one extent.
fn join_extents(items: &mut Vec<Item>) {
    let mut at = 0;
    while at + 2 < items.len() {
        let is_joint =
            |item: &&Item| matches!(item.what, What::Joint(Joint::Slash | Joint::Dash | Joint::Or | Joint::At));
        let joints = items[at + 1..].iter().take(3).take_while(is_joint).count();
        let other = items.get(at + 1 + joints).map(|item| &item.what);
        let (
            What::Cue(Cue::Extent(Extent::Graded { from, .. })),
            Some(What::Cue(Cue::Extent(Extent::Graded { to, .. }))),
        ) = (&items[at].what, other)
        else {
            at += 1;
            continue;
        };
        if joints > 0 {
            let (from, to) = ((*from).min(*to), (*from).max(*to));
            items[at].what = What::Cue(Cue::Extent(Extent::Graded { from, to }));
            items[at].end = items[at + 1 + joints].end;
            items.drain(at + 1..=at + 1 + joints);
        } else {
            at += 1;
        }
    }
}
