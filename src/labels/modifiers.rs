//! Extents, sides, sizes, types and grades, each put on the head that it is of.

use super::heads::Head;
use super::items::{Item, Joint, What};
use super::label::{Extent, Finding, Presence, Side};
use super::lexicon::Cue;

/// Words that may stand between a modifier and what it is of.
const WORDS_BETWEEN_MAX: usize = 4;
/// How much farther a modifier is from what stands behind a comma or an "and".
const ACROSS_A_JOINT: usize = 12;

/// Puts every modifier of a sentence on its head. A second extent of the same head makes a head of its own: "mild on the right
/// and severe on the left".
pub fn attach(items: &[Item], heads: &mut Vec<Head>) {
    for at in 0..items.len() {
        match items[at].what {
            What::Cue(Cue::Extent(extent)) => attach_extent(items, heads, at, extent),
            What::Cue(Cue::Side(side)) => attach_side(items, heads, at, side),
            What::Cue(Cue::NoAfter) if names_where(items, at) => said_again_as_absent(items, heads, at),
            // "the protrusion at L3-4 does not".
            What::Cue(Cue::Not) if at + 1 == items.len() => said_again_as_absent(items, heads, at),
            What::SizeMm(mm) => attach_size(items, heads, at, mm),
            What::Type(number) => {
                let right_before =
                    heads.iter().position(|head| head.finding == Finding::Modic && head.items.1 + 1 == at);
                let of_modic = |head: &Head| head.finding == Finding::Modic;
                if let Some(head) = right_before.or_else(|| nearest(items, heads, at, of_modic)) {
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

fn attach_size(items: &[Item], heads: &mut Vec<Head>, at: usize, mm: f32) {
    // "a 9 mm synovial cyst".
    if items.get(at + 1).is_some_and(|next| next.what == What::Cue(Cue::Other)) {
        return;
    }
    let Some(nearest) = nearest(items, heads, at, |_| true) else { return };
    let head = &mut heads[nearest];
    if head.attributes.size_mm.is_none() {
        head.attributes.size_mm = Some(mm);
        head.include(at);
    } else if head.finding == Finding::CanalDiameter {
        // "AP diameter: L3-4 12 mm, L4-5 9 mm".
        let mut again = again_at(head, at);
        again.attributes.size_mm = Some(mm);
        heads.push(again);
        heads.sort_by_key(|head| head.carrier);
    }
}

fn again_at(head: &Head, at: usize) -> Head {
    let said = (head.said.0.min(at), head.said.1.max(at));
    Head {
        carrier: at,
        predicate: at,
        items: (at, at),
        said,
        hangs_on: false,
        born: at,
        judged_at: None,
        ..head.clone()
    }
}

/// The head nearest to an item: right before it is nearer than right after.
fn nearest(items: &[Item], heads: &[Head], at: usize, wanted: impl Fn(&Head) -> bool) -> Option<usize> {
    let distance = |head: &Head| {
        let (first, last) = head.items;
        // Of two as near, a size stands before what it is of: "3 mm bulge".
        let steps = if at < first { 2 * (first - at) - 1 } else { 2 * at.saturating_sub(last) };
        let (from, to) = (at.min(last), at.max(first));
        let joints =
            items[from..to].iter().filter(|item| matches!(item.what, What::Joint(Joint::And | Joint::Comma))).count();
        // "…, 6 mm thick, narrowing …": of what stands before.
        let measures = at < first && items[from..to].iter().any(|item| item.is_joint(Joint::Comma));
        steps + ACROSS_A_JOINT * (joints + usize::from(measures))
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// How far to the right a modifier looks for what it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// To the next comma.
    Phrase,
    /// To the next "and": it stands behind "is".
    Predicate,
    /// Across commas: nothing stands before it.
    Sentence,
}

fn to_the_right(items: &[Item], heads: &[Head], at: usize, reach: Reach) -> Target {
    let mut words = 0;
    for (next, item) in items.iter().enumerate().skip(at + 1) {
        match &item.what {
            _ if is_carrier(heads, next) => return Target::Carrier(next),
            What::Finding(_) | What::Structure(_) | What::Levels(_) | What::SizeMm(_) | What::Type(_) => {}
            // "mild degenerative scoliosis": a relation of nothing that is labelled.
            What::Relation(..) => {}
            What::Cue(Cue::Other) => return Target::Other,
            What::Cue(
                Cue::SeveralLevels | Cue::Zone | Cue::Side(_) | Cue::Extent(_) | Cue::May | Cue::Section(_) | Cue::Now,
            ) => {}
            What::Word if words < WORDS_BETWEEN_MAX => words += 1,
            What::Joint(Joint::Of | Joint::Dash) => {}
            What::Joint(Joint::Bracket) if holds_a_size(items, next) => {}
            What::Joint(Joint::Bracket) if is_aside(items, next) => {}
            What::Joint(Joint::Bracket) if next == at + 1 && is_carrier(heads, next + 1) => {}
            What::Joint(Joint::And | Joint::Slash) if reach != Reach::Predicate => {}
            What::Joint(Joint::Comma) if reach == Reach::Sentence || goes_on(items, next) => {}
            _ => return Target::Nothing,
        }
    }
    Target::Nothing
}

/// "mild, diffuse bulge", "previously mild, now severe": after the comma comes another adjective, and a carrier soon.
fn goes_on(items: &[Item], comma: usize) -> bool {
    matches!(items.get(comma + 1).map(|item| &item.what), Some(What::Cue(Cue::Zone | Cue::Now)))
}

/// "Lt (S1) nerve root": a bracket around one item.
fn is_aside(items: &[Item], bracket: usize) -> bool {
    let is_bracket =
        |at: Option<usize>| at.and_then(|at| items.get(at)).is_some_and(|item| item.is_joint(Joint::Bracket));
    is_bracket(Some(bracket + 2)) || is_bracket(bracket.checked_sub(2))
}

fn holds_a_size(items: &[Item], bracket: usize) -> bool {
    let is_size =
        |at: Option<usize>| at.and_then(|at| items.get(at)).is_some_and(|item| matches!(item.what, What::SizeMm(_)));
    is_size(bracket.checked_sub(1)) || is_size(Some(bracket + 1))
}

fn to_the_left(items: &[Item], heads: &[Head], at: usize) -> Target {
    let mut in_clause = true;
    for before in (0..at).rev() {
        match &items[before].what {
            _ if is_carrier(heads, before) => return Target::Carrier(before),
            What::Joint(Joint::Semicolon) => in_clause = false,
            What::Cue(Cue::Other) if in_clause => return Target::Other,
            What::Cue(Cue::Break) => return Target::Nothing,
            _ => {}
        }
    }
    Target::Nothing
}

/// Whether the words behind `at` say where: "absent on the right", "slight at L3-4".
fn names_where(items: &[Item], at: usize) -> bool {
    let mut rest =
        items[at + 1..].iter().take_while(|item| matches!(item.what, What::Word | What::Joint(Joint::At | Joint::On)));
    rest.any(|item| matches!(item.what, What::Joint(_)))
        && items[at + 1..]
            .iter()
            .find(|item| !matches!(item.what, What::Word | What::Joint(Joint::At | Joint::On)))
            .is_some_and(|item| matches!(item.what, What::Levels(_) | What::Cue(Cue::Side(_))))
}

fn names_a_side(items: &[Item], at: usize) -> bool {
    items[at + 1..]
        .iter()
        .take(3)
        .find(|item| !matches!(item.what, What::Word | What::Joint(Joint::At | Joint::On)))
        .is_some_and(|item| matches!(item.what, What::Cue(Cue::Side(_))))
}

fn said_again_as_absent(items: &[Item], heads: &mut Vec<Head>, at: usize) {
    let hanging = heads.iter().rev().find(|head| head.hangs_on && items[at].what == What::Cue(Cue::Not));
    let carrier = match (hanging, to_the_left(items, heads, at)) {
        (Some(head), _) => head.carrier,
        (None, Target::Carrier(carrier)) => carrier,
        _ => return,
    };
    let again: Vec<Head> = heads
        .iter()
        .filter(|head| head.carrier == carrier || head.predicate == carrier)
        .map(|head| Head { extent: None, side: None, forced: Some(Presence::Absent), ..again_at(head, at) })
        .collect();
    heads.extend(again);
    heads.sort_by_key(|head| head.carrier);
}

fn attach_extent(items: &[Item], heads: &mut Vec<Head>, at: usize, extent: Extent) {
    let after_is = at > 0 && matches!(items[at - 1].what, What::Joint(Joint::Is | Joint::Colon | Joint::Dash));
    match to_the_right(items, heads, at, if after_is { Reach::Predicate } else { Reach::Phrase }) {
        Target::Carrier(carrier) => extent_before(items, heads, carrier, at, extent),
        Target::Other => {}
        Target::Nothing => match (to_the_left(items, heads, at), to_the_right(items, heads, at, Reach::Sentence)) {
            (Target::Carrier(carrier), _) => extent_after(items, heads, carrier, at, extent),
            (Target::Nothing, Target::Carrier(carrier)) => extent_before(items, heads, carrier, at, extent),
            _ => {}
        },
    }
}

/// One word before the relation is of all of its structures, one before a structure of it and those after it.
fn extent_before(items: &[Item], heads: &mut Vec<Head>, carrier: usize, at: usize, extent: Extent) {
    let mut again = Vec::new();
    let of_carrier = predicates_of(heads, carrier);
    for head in heads.iter_mut() {
        let by_relation = head.predicate == carrier && head.carrier != carrier;
        let by_structure = head.carrier == carrier || shares_relation(items, head, carrier, &of_carrier);
        let plain = matches!(head.extent, None | Some(Extent::Abutting));
        if !(by_structure || (by_relation && plain)) {
            continue;
        }
        match head.extent_item.filter(|_| head.carrier == carrier) {
            // "Significant right and minor left stenosis", "previously mild, now severe stenosis": two of them.
            Some(first) if is_another(items, first, at, head) => {
                let mut other = head.clone();
                (other.extent, other.extent_item, other.born, other.side) = (Some(extent), Some(at), at, None);
                other.items = (at, head.items.1);
                head.judged_at = Some(first);
                again.push(other);
            }
            _ => {
                (head.extent, head.extent_item) = (Some(extent), Some(at));
                head.include(at);
            }
        }
    }
    heads.extend(again);
    heads.sort_by_key(|head| (head.carrier, head.born));
}

fn is_another(items: &[Item], first: usize, second: usize, head: &Head) -> bool {
    let between = &items[first + 1..second];
    let other_time = between.iter().any(|item| item.what == What::Cue(Cue::Now));
    let joined = between.iter().any(|item| matches!(item.what, What::Joint(Joint::And | Joint::Comma)));
    other_time
        || (joined && head.side.is_some() && between.iter().any(|item| matches!(item.what, What::Cue(Cue::Side(_)))))
}

/// The relations of which the structure at `carrier` is.
fn predicates_of(heads: &[Head], carrier: usize) -> Vec<usize> {
    heads.iter().filter(|head| head.carrier == carrier).map(|head| head.predicate).collect()
}

/// Whether `head` is of the same relation as the structure at `carrier`, and stands after it in the list.
fn shares_relation(items: &[Item], head: &Head, carrier: usize, of_carrier: &[usize]) -> bool {
    of_carrier.contains(&head.predicate)
        && matches!(items[carrier].what, What::Structure(_))
        && head.carrier > carrier
        && head.predicate != head.carrier
        && ((head.predicate > head.carrier) == (head.predicate > carrier))
        && items[carrier..head.carrier].iter().all(|item| !matches!(item.what, What::Relation(..) | What::Finding(_)))
        && !items[carrier..head.predicate.max(carrier)].iter().any(|item| matches!(item.what, What::Relation(..)))
}

/// "Stenosis: moderate", and the second of "mild on the right and severe on the left".
fn extent_after(items: &[Item], heads: &mut Vec<Head>, carrier: usize, at: usize, extent: Extent) {
    let of_carrier = |head: &Head| head.carrier == carrier || head.predicate == carrier;
    if heads.iter().filter(|head| of_carrier(head)).all(|head| head.extent.is_none()) {
        for head in heads.iter_mut().filter(|head| of_carrier(head)) {
            (head.extent, head.extent_item) = (Some(extent), Some(at));
            head.include(at);
        }
        return;
    }
    let sided = names_a_side(items, at);
    let again: Vec<Head> = heads
        .iter()
        .filter(|head| of_carrier(head))
        .map(|head| Head {
            extent: Some(extent),
            extent_item: Some(at),
            side: head.side.filter(|_| !sided),
            ..again_at(head, at)
        })
        .collect();
    heads.extend(again);
    heads.sort_by_key(|head| (head.carrier, head.born));
}

fn attach_side(items: &[Item], heads: &mut [Head], at: usize, side: Side) {
    // "at both L4-5 and L5-S1".
    if side == Side::Both
        && let Some(What::Levels(mention)) = items.get(at + 1).map(|next| &next.what)
        && mention.places.len() > 1
    {
        return;
    }
    let opposite = (at.saturating_sub(4)..at).any(|i| items[i].what == What::Cue(Cue::Opposite));
    let side = match side {
        Side::Left if opposite => Side::Right,
        Side::Right if opposite => Side::Left,
        other => other,
    };
    let before = at.checked_sub(1).map(|i| &items[i].what);
    let said_after =
        matches!(before, Some(What::Joint(Joint::At | Joint::On | Joint::More | Joint::Bracket | Joint::Comma)))
            || (matches!(before, Some(What::Word | What::Cue(Cue::Extent(_))))
                && at > 1
                && matches!(items[at - 2].what, What::Joint(Joint::At | Joint::On | Joint::More | Joint::Bracket)));
    let is_beside = (at + 1..items.len())
        .find(|next| !matches!(items[*next].what, What::Word | What::Cue(Cue::Zone) | What::Levels(_)))
        .is_some_and(|next| {
            is_carrier(heads, next) && !items.get(at + 1).is_some_and(|next| next.is_joint(Joint::Bracket))
        });
    let left = to_the_left(items, heads, at);
    let reach = if left == Target::Nothing { Reach::Sentence } else { Reach::Phrase };
    let right = to_the_right(items, heads, at, reach);
    let more = (at.saturating_sub(3)..at).any(|i| items[i].is_joint(Joint::More));
    let target = match (right, left) {
        (Target::Carrier(_), _) if is_beside && !(said_after && more) => right,
        // "due to bilateral pars defects".
        (Target::Other, _) if items.get(at + 1).is_some_and(|next| next.what == What::Cue(Cue::Other)) => return,
        (_, Target::Carrier(_)) if said_after => left,
        (Target::Carrier(_), _) => right,
        (Target::Other, _) => return,
        _ => left,
    };
    let Target::Carrier(carrier) = target else { return };
    put_side(items, heads, (carrier, at), side, more);
}

fn put_side(items: &[Item], heads: &mut [Head], (carrier, at): (usize, usize), side: Side, more: bool) {
    let born = heads.iter().filter(|head| head.carrier == carrier && head.born <= at).map(|head| head.born).max();
    let of_carrier = predicates_of(heads, carrier);
    let alone = heads.iter().filter(|head| head.predicate == carrier && head.carrier != carrier).count() == 1;
    for head in heads.iter_mut() {
        let by_relation = head.predicate == carrier && head.carrier != carrier && (head.has_sides || alone);
        let shared = shares_relation(items, head, carrier, &of_carrier) && carrier > at && head.has_sides;
        let own = head.carrier == carrier && Some(head.born) == born;
        if !(own || by_relation || shared) {
            continue;
        }
        head.include(at);
        // "More to the left" changes nothing where a side is named.
        if more && head.side.is_some() {
            continue;
        }
        // "Bilateral stenosis, severe on the right and mild on the left".
        let parted = head.side == Some(Side::Both)
            && head.extent_item.is_some_and(|extent| extent < at && extent > head.carrier);
        head.side = Some(head.side.filter(|_| !parted).map_or(side, |known| known.and(side)));
    }
}
