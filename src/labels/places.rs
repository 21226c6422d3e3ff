//! At which levels each head of a sentence is.

use super::heads::Head;
use super::items::{Item, Joint, What};
use super::label::{LevelSource, Place, Presence};
use super::levels::Which;
use super::lexicon::{At, Cue};
use crate::spine::{Disc, Vertebra};

/// What was said before a sentence.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// The levels that were named last.
    pub current: Vec<Place>,
    /// The heading of the line.
    pub heading: Vec<Place>,
}

/// Where a head is, why, and the item that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Where {
    /// The places; none where the part of the spine is not labelled.
    pub places: Vec<Place>,
    /// Why.
    pub source: LevelSource,
    /// The item that names them.
    pub item: Option<usize>,
}

/// Where `head` is.
pub fn place(items: &[Item], heads: &[Head], head: &Head, before: &Before) -> Where {
    if head.at == At::Spine {
        return Where { places: vec![Place::All], source: LevelSource::Global, item: None };
    }
    let several = several_at(items, head);
    if let Some(item) = named(items, heads, head) {
        let What::Levels(mention) = &items[item].what else { return unsaid() };
        if mention.is_foreign && mention.places.is_empty() {
            return Where { places: Vec::new(), source: LevelSource::Named, item: Some(item) };
        }
        let earlier = |at: usize| {
            items[..at].iter().rev().find_map(|item| match &item.what {
                What::Levels(mention) if !mention.places.is_empty() => Some(&mention.places),
                _ => None,
            })
        };
        let of_before = earlier(item).unwrap_or(&before.current);
        let said: Vec<Place> = match mention.which {
            Which::Named => mention.places.clone(),
            Which::Same => of_before.clone(),
            Which::Former => of_before.first().copied().into_iter().collect(),
            Which::Latter => of_before.last().copied().into_iter().collect(),
        };
        // "Apart from L5-S1, … no protrusion": at the others.
        if head.presence == Presence::Absent && item < head.items.0 && is_excepted(items, item) {
            return Where { places: vec![Place::Rest], source: LevelSource::Global, item: Some(item) };
        }
        let mut places = for_finding(&said, head.at, mention.is_range);
        if places.is_empty() {
            places.push(Place::Unknown);
        }
        if several.is_some() && is_emphasised(items, item) {
            places.push(Place::Several);
        }
        return Where { places, source: LevelSource::Named, item: Some(item) };
    }
    let of = |places: &[Place], source| Where { places: for_finding(places, head.at, false), source, item: None };
    if head.of_rest {
        return of(&[Place::Rest], LevelSource::Named);
    }
    if let Some(item) = several {
        return Where { places: vec![Place::Several], source: LevelSource::Named, item: Some(item) };
    }
    if !before.heading.is_empty() {
        return of(&before.heading, LevelSource::Heading);
    }
    let of_alignment = head.at == At::Slip && head.says_absent;
    if head.presence == Presence::Absent || of_alignment {
        let excepted = items[head.items.1..].iter().any(|item| item.what == What::Cue(Cue::Break));
        return of(&[if excepted { Place::Rest } else { Place::All }], LevelSource::Global);
    }
    if before.current.is_empty() { unsaid() } else { of(&before.current, LevelSource::Carried) }
}

fn unsaid() -> Where {
    Where { places: vec![Place::Unknown], source: LevelSource::Unsaid, item: None }
}

/// The levels that the sentence names for `head`: within it; after it ("bulge at L4-5"); else before it ("L4-5 bulge").
fn named(items: &[Item], heads: &[Head], head: &Head) -> Option<usize> {
    let (first, last) = head.items;
    let is_levels = |at: &usize| matches!(items[*at].what, What::Levels(_));
    if let Some(within) = (first..=last).find(is_levels) {
        return Some(within);
    }
    let before = (0..first).rev().find(is_levels);
    let after = (last + 1..items.len()).find(is_levels).filter(|at| same_clause(items, last, *at));
    let Some(at) = after else { return before };
    // "fragment behind the L5 body, below L4-5": a disc finding is at the disc.
    let names_discs = |at: &usize| matches!(&items[*at].what, What::Levels(m) if m.places.iter().any(|p| matches!(p, Place::Disc(_))));
    let next_discs = (at + 1..items.len()).find(names_discs).filter(|disc| {
        head.at == At::Disc
            && !names_discs(&at)
            && !heads.iter().any(|other| other.carrier > at && other.carrier < *disc)
    });
    let at = next_discs.unwrap_or(at);
    let heads_between = heads.iter().any(|other| other.carrier > last && other.carrier < at && !is_same(other, head));
    let is_of_other = heads_between && before.is_some();
    match before {
        Some(before) if is_of_other || !follows(items, at) || only_adds_a_vertebra(items, before, at) => Some(before),
        // "at L4-5, compressing the sac" after "L3-4: bulge" is of the last.
        _ if before.is_none() && !follows(items, at) && comes_after_a_stop(items, last, at) => None,
        _ => Some(at),
    }
}

fn is_same(a: &Head, b: &Head) -> bool {
    a.predicate == b.predicate
}

fn same_clause(items: &[Item], from: usize, to: usize) -> bool {
    items[from..to].iter().all(|item| item.what != What::Cue(Cue::Break) && !item.is_joint(Joint::Semicolon))
}

/// Whether the levels at `at` follow what they are of: "bulge at L4-5", "bulge (L4-5)", "bulge L4-5", and not ", L4-5 bulge".
fn follows(items: &[Item], at: usize) -> bool {
    let mut before = at;
    while before > 0 && matches!(items[before - 1].what, What::Word | What::Cue(Cue::Emphasis | Cue::Section(_))) {
        before -= 1;
    }
    let is_heading = items.get(at + 1).is_some_and(|next| next.is_joint(Joint::Colon));
    let Some(previous) = before.checked_sub(1) else { return false };
    !is_heading
        && !matches!(
            items[previous].what,
            What::Joint(Joint::Comma | Joint::And | Joint::Colon | Joint::Dash | Joint::Or)
        )
        || is_emphasised(items, at)
}

fn comes_after_a_stop(items: &[Item], from: usize, at: usize) -> bool {
    items[from..at].iter().any(|item| item.is_joint(Joint::Colon))
}

/// "L4-5 bulge reaching down to L5": the vertebra is no level of the bulge.
fn only_adds_a_vertebra(items: &[Item], before: usize, at: usize) -> bool {
    let all = |item: &Item, wanted: fn(&Place) -> bool| match &item.what {
        What::Levels(mention) => !mention.places.is_empty() && mention.places.iter().all(wanted),
        _ => false,
    };
    all(&items[before], |place| !matches!(place, Place::Vertebra(_)))
        && all(&items[at], |place| matches!(place, Place::Vertebra(_)))
}

/// The word that says that a head is at several levels, in the same clause.
fn several_at(items: &[Item], head: &Head) -> Option<usize> {
    let clause_of = |at: usize| {
        items[..at].iter().filter(|i| i.what == What::Cue(Cue::Break) || i.is_joint(Joint::Semicolon)).count()
    };
    let mine = clause_of(head.carrier);
    (0..items.len()).find(|at| items[*at].what == What::Cue(Cue::SeveralLevels) && clause_of(*at) == mine)
}

/// "noticeably at L4-5": there too, and not only there.
fn is_emphasised(items: &[Item], levels: usize) -> bool {
    items[..levels]
        .iter()
        .rev()
        .take(4)
        .take_while(|item| !matches!(item.what, What::Finding(_) | What::Structure(_) | What::Relation(..)))
        .any(|item| matches!(item.what, What::Cue(Cue::Emphasis)))
}

/// "Except at L4-5", "apart from L5-S1".
fn is_excepted(items: &[Item], levels: usize) -> bool {
    items[..levels]
        .iter()
        .rev()
        .take(3)
        .take_while(|item| matches!(item.what, What::Word | What::Joint(Joint::At) | What::Cue(Cue::Break)))
        .any(|item| item.what == What::Cue(Cue::Break))
}

/// What the named places mean for a finding: a disc finding "at L4" is of the disc below.
fn for_finding(places: &[Place], at: At, is_range: bool) -> Vec<Place> {
    let below = |vertebra: Vertebra| match vertebra {
        Vertebra::L5 => Some(Disc::new(Vertebra::L5, Vertebra::S1)),
        Vertebra::S1 => None,
        upper => Vertebra::ALL.into_iter().find(|v| v.above() == Some(upper)).map(|lower| Disc::new(upper, lower)),
    };
    let mut found: Vec<Place> = Vec::with_capacity(places.len());
    for place in places {
        let meant = match (place, at) {
            (Place::Vertebra(vertebra), At::Disc | At::Slip) if !is_range => {
                below(*vertebra).map_or(Place::Unknown, Place::Disc)
            }
            _ => *place,
        };
        if !found.contains(&meant) {
            found.push(meant);
        }
    }
    found
}
