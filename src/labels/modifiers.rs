//! Extents, sides, sizes, types and grades, each put on the head that it is of.

use super::heads::Head;
use super::items::{Item, Joint, What};
use super::label::{Extent, Finding, Side};
use super::lexicon::Cue;

/// Words that may stand between a modifier and what it is of.
const WORDS_BETWEEN_MAX: usize = 4;

/// Puts every modifier of a sentence on its head. A second extent of the same head makes a head of its own: "mild on the right
/// and severe on the left".
pub fn attach(items: &[Item], heads: &mut Vec<Head>) {
    for at in 0..items.len() {
        match items[at].what {
            What::Cue(Cue::Extent(extent)) => attach_extent(items, heads, at, extent),
            What::Cue(Cue::Side(side)) => attach_side(items, heads, at, side),
            What::SizeMm(mm) => {
                if let Some(head) = nearest(items, heads, at, |_| true) {
                    heads[head].attributes.size_mm.get_or_insert(mm);
                    heads[head].include(at);
                }
            }
            What::Type(number) => {
                if let Some(head) = nearest(items, heads, at, |head| head.finding == Finding::Modic) {
                    heads[head].attributes.modic_type.get_or_insert(number);
                    heads[head].include(at);
                }
            }
            What::Grade(number) => {
                if let Some(head) = nearest(items, heads, at, |head| head.finding == Finding::Spondylolisthesis) {
                    heads[head].attributes.slip_grade.get_or_insert(number);
                    heads[head].include(at);
                }
            }
            _ => {}
        }
    }
}

/// The head nearest to an item: right before it is nearer than right after.
fn nearest(items: &[Item], heads: &[Head], at: usize, wanted: impl Fn(&Head) -> bool) -> Option<usize> {
    let distance = |head: &Head| {
        let (first, last) = head.items;
        // Of two as near, a size stands before what it is of: "3 mm bulge".
        if at < first { 2 * (first - at) - 1 } else { 2 * at.saturating_sub(last) }
    };
    let crosses = |head: &Head| {
        let (from, to) = (at.min(head.items.1), at.max(head.items.0));
        items[from..to].iter().any(|item| item.is_joint(Joint::Semicolon) || item.what == What::Cue(Cue::Other))
    };
    heads
        .iter()
        .enumerate()
        .filter(|(_, head)| wanted(head) && !crosses(head))
        .min_by_key(|(_, head)| distance(head))
        .map(|(i, _)| i)
}

/// What a modifier is of.
enum Target {
    /// The heads of the carrier at this item.
    Carrier(usize),
    /// Something that is not labelled.
    Other,
    /// Nothing on this side.
    Nothing,
}

fn is_carrier(heads: &[Head], item: usize) -> bool {
    heads.iter().any(|head| head.carrier == item || head.predicate == item)
}

fn to_the_right(items: &[Item], heads: &[Head], at: usize, after_is: bool) -> Target {
    let mut words = 0;
    let mut next = at + 1;
    while let Some(item) = items.get(next) {
        match &item.what {
            _ if is_carrier(heads, next) => return Target::Carrier(next),
            What::Finding(_) | What::Structure(_) | What::Levels(_) | What::SizeMm(_) | What::Type(_) => {}
            What::Cue(Cue::Other) => return Target::Other,
            What::Cue(Cue::Zone | Cue::Side(_) | Cue::Extent(_) | Cue::May | Cue::Section(_)) => {}
            What::Word if words < WORDS_BETWEEN_MAX => words += 1,
            What::Joint(Joint::Of | Joint::Dash) => {}
            What::Joint(Joint::And | Joint::Slash) if !after_is => {}
            What::Joint(Joint::Comma) if goes_on(items, next) => {}
            _ => return Target::Nothing,
        }
        next += 1;
    }
    Target::Nothing
}

/// "mild, diffuse bulge": after the comma comes another adjective, and a carrier soon.
fn goes_on(items: &[Item], comma: usize) -> bool {
    matches!(items.get(comma + 1).map(|item| &item.what), Some(What::Cue(Cue::Zone)))
}

fn to_the_left(items: &[Item], heads: &[Head], at: usize) -> Target {
    for before in (0..at).rev() {
        match &items[before].what {
            _ if is_carrier(heads, before) => return Target::Carrier(before),
            What::Cue(Cue::Other) => return Target::Other,
            What::Cue(Cue::Break) | What::Joint(Joint::Semicolon) => return Target::Nothing,
            _ => {}
        }
    }
    Target::Nothing
}

fn attach_extent(items: &[Item], heads: &mut Vec<Head>, at: usize, extent: Extent) {
    let after_is = at > 0 && matches!(items[at - 1].what, What::Joint(Joint::Is | Joint::Colon | Joint::Dash));
    match to_the_right(items, heads, at, after_is) {
        Target::Carrier(carrier) => {
            for head in heads.iter_mut() {
                // One word before the relation is of all of its structures, one before a structure of it and those after it.
                let by_relation = head.predicate == carrier && head.carrier != carrier;
                let by_structure = head.carrier == carrier || shares_relation(items, head, carrier);
                if by_structure || (by_relation && plain(head)) {
                    put_extent(head, extent);
                    head.include(at);
                }
            }
        }
        Target::Other => {}
        Target::Nothing => {
            if let Target::Carrier(carrier) = to_the_left(items, heads, at) {
                extent_after(heads, carrier, at, extent);
            }
        }
    }
}

fn plain(head: &Head) -> bool {
    matches!(head.extent, None | Some(Extent::Abutting))
}

/// Contact that is mild is mild; that it is contact stays said by its finding.
fn put_extent(head: &mut Head, extent: Extent) {
    head.extent = Some(extent);
}

/// Whether `head` is of the same relation as the structure at `carrier`, and stands after it in the list.
fn shares_relation(items: &[Item], head: &Head, carrier: usize) -> bool {
    matches!(items[carrier].what, What::Structure(_))
        && head.carrier > carrier
        && head.predicate != head.carrier
        && ((head.predicate > head.carrier) == (head.predicate > carrier))
        && items[carrier..head.carrier].iter().all(|item| !matches!(item.what, What::Relation(..) | What::Finding(_)))
        && items[carrier..head.predicate.max(carrier)].iter().filter(|item| matches!(item.what, What::Relation(..))).count() == 0
}

/// "Stenosis: moderate", and the second of "mild on the right and severe on the left".
fn extent_after(heads: &mut Vec<Head>, carrier: usize, at: usize, extent: Extent) {
    let of_carrier = |head: &Head| head.carrier == carrier || head.predicate == carrier;
    if heads.iter().filter(|head| of_carrier(head)).all(|head| head.extent.is_none()) {
        for head in heads.iter_mut().filter(|head| of_carrier(head)) {
            head.extent = Some(extent);
            head.include(at);
        }
        return;
    }
    let again: Vec<Head> = heads
        .iter()
        .filter(|head| of_carrier(head))
        .map(|head| Head {
            extent: Some(extent),
            side: None,
            carrier: at,
            predicate: at,
            items: (at, at),
            hangs_on: false,
            ..head.clone()
        })
        .collect();
    heads.extend(again);
    heads.sort_by_key(|head| head.carrier);
}

fn attach_side(items: &[Item], heads: &mut [Head], at: usize, side: Side) {
    let before = at.checked_sub(1).map(|i| &items[i].what);
    let said_after = matches!(before, Some(What::Joint(Joint::At | Joint::On | Joint::More | Joint::Bracket | Joint::Comma)))
        || (matches!(before, Some(What::Word | What::Cue(Cue::Extent(_))))
            && at > 1
            && matches!(items[at - 2].what, What::Joint(Joint::At | Joint::On | Joint::More | Joint::Bracket)));
    let is_beside = (at + 1..items.len())
        .find(|next| !matches!(items[*next].what, What::Word | What::Cue(Cue::Zone) | What::Levels(_)))
        .is_some_and(|next| is_carrier(heads, next) && !said_by_bracket(items, at));
    let right = to_the_right(items, heads, at, false);
    let left = to_the_left(items, heads, at);
    let more = (at.saturating_sub(3)..at).any(|i| items[i].is_joint(Joint::More));
    let target = match (&right, &left) {
        (Target::Carrier(_), _) if is_beside && !(said_after && more) => right,
        (_, Target::Carrier(_)) if said_after => left,
        (Target::Carrier(_), _) => right,
        (Target::Other, _) => return,
        _ => left,
    };
    let Target::Carrier(carrier) = target else { return };
    for head in heads.iter_mut() {
        let by_relation = head.predicate == carrier && head.carrier != carrier && head.has_sides;
        let shared = shares_relation(items, head, carrier) && carrier > at && head.has_sides;
        if head.carrier == carrier || by_relation || shared {
            // "More to the left" changes nothing where a side is named.
            if more && head.side.is_some() {
                head.include(at);
                continue;
            }
            head.side = Some(head.side.map_or(side, |known| known.and(side)));
            head.include(at);
        }
    }
}

fn said_by_bracket(items: &[Item], at: usize) -> bool {
    items.get(at + 1).is_some_and(|next| next.is_joint(Joint::Bracket))
}
