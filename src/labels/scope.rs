//! Whether each head is there, may be, was, or is not: negation, doubt and comparison, each as far as it reaches.

use super::heads::{Head, Needs};
use super::items::{Item, Joint, What};
use super::label::{Extent, Finding, Presence};
use super::lexicon::Cue;

/// What holds at a place of the sentence.
#[derive(Debug, Clone, Copy, Default)]
struct Holding {
    /// The cue that negates, where one does.
    no: Option<usize>,
    /// It negates at the levels that are not named.
    of_rest: bool,
    may: Option<usize>,
    was: Option<usize>,
    /// Nothing is labelled from here on.
    no_label: bool,
    /// But operations that were done.
    spares_operations: bool,
}

/// Decides the presence of every head, and drops what is no label.
pub fn decide(items: &[Item], heads: &mut Vec<Head>) {
    let mut holding = Holding::default();
    let mut head_since_no = false;
    for at in 0..items.len() {
        let heads_before = heads.iter().any(|head| head.carrier < at);
        step(items, at, &mut holding, (head_since_no, heads_before));
        if matches!(items[at].what, What::Cue(Cue::No | Cue::Not | Cue::NoRest)) {
            head_since_no = false;
        }
        for head in heads.iter_mut().filter(|head| head.judged_at.unwrap_or(head.predicate) == at) {
            head_since_no = true;
            apply(head, &holding);
        }
        match items[at].what {
            What::Cue(Cue::NoAfter) if !heads.iter().any(|head| head.carrier == at) => {
                said_after(items, heads, at, Presence::Absent);
            }
            // "Protrusion - no."
            What::Cue(Cue::No) if at + 1 == items.len() => said_after(items, heads, at, Presence::Absent),
            What::Cue(Cue::NoLabelAfter) => {
                heads.iter_mut().filter(|head| head.items.1 < at).for_each(|head| head.dropped = true);
            }
            What::Cue(Cue::MayAfter) => said_after(items, heads, at, Presence::Uncertain),
            What::Joint(Joint::Question) if !begins_phrase(items, at) => {
                said_after(items, heads, at, Presence::Uncertain);
            }
            _ => {}
        }
    }
    let fractured = heads.iter().any(|head| head.finding == Finding::Fracture);
    heads.retain(|head| {
        // The height that is lost with a fracture is the vertebra's; an operation that may be done was not.
        let is_of_fracture = fractured && head.finding == Finding::HeightLoss;
        let is_planned = head.finding == Finding::PostOperative && head.presence == Presence::Uncertain;
        !head.dropped
            && !is_of_fracture
            && !is_planned
            && match head.needs {
                Needs::Nothing => true,
                Needs::Size => head.attributes.size_mm.is_some(),
                Needs::Type => head.attributes.modic_type.is_some(),
            }
    });
}

fn step(items: &[Item], at: usize, holding: &mut Holding, (head_since_no, heads_before): (bool, bool)) {
    let next = items.get(at + 1).map(|item| &item.what);
    let graded = matches!(next, Some(What::Cue(Cue::Extent(Extent::Graded { .. }))));
    match &items[at].what {
        What::Cue(Cue::Break) | What::Joint(Joint::Semicolon) => {
            let Holding { no_label, spares_operations, .. } = *holding;
            *holding = Holding { no_label, spares_operations, ..Holding::default() };
        }
        What::Cue(Cue::No | Cue::Not) => (holding.no, holding.of_rest) = (Some(at), false),
        What::Cue(Cue::NoRest) => (holding.no, holding.of_rest) = (Some(at), true),
        What::Cue(Cue::May) => holding.may = Some(at),
        What::Joint(Joint::Question) if begins_phrase(items, at) => holding.may = Some(at),
        What::Cue(Cue::Was) => holding.was = Some(at),
        What::Cue(Cue::Now) => holding.was = None,
        What::Cue(Cue::NoLabel) => (holding.no_label, holding.spares_operations) = (true, false),
        What::Cue(Cue::NoLabelHistory) if !holding.no_label => {
            (holding.no_label, holding.spares_operations) = (true, true);
        }
        // "nil fracture": nothing stands before it.
        What::Cue(Cue::NoAfter)
            if !heads_before
                && matches!(next, Some(What::Finding(_) | What::Structure(_) | What::Cue(Cue::Extent(_)))) =>
        {
            (holding.no, holding.of_rest) = (Some(at), false);
        }
        What::Joint(Joint::Comma) => {
            holding.may = None;
            let begins_anew = graded
                || matches!(
                    next,
                    Some(What::Levels(_) | What::Joint(Joint::With) | What::Cue(Cue::May | Cue::Side(_)))
                );
            if begins_anew && head_since_no {
                holding.no = None;
            }
        }
        What::Joint(Joint::With) => (holding.no, holding.may) = (holding.no.filter(|_| !head_since_no), None),
        What::Joint(Joint::And) if graded && head_since_no => holding.no = None,
        // A new predicate, unless what is negated is still to come: "neither canal nor foramina are narrowed".
        What::Joint(Joint::Is) if head_since_no => holding.no = None,
        What::Joint(Joint::By) => {
            holding.may = None;
            if head_since_no {
                holding.no = None;
            }
        }
        _ => {}
    }
}

fn apply(head: &mut Head, holding: &Holding) {
    if holding.no_label && !(holding.spares_operations && head.finding == Finding::PostOperative) {
        head.dropped = true;
    }
    if let Some(presence) = head.forced {
        head.presence = presence;
        return;
    }
    let negated = holding.no.is_some();
    head.presence = match (negated, head.says_absent) {
        (true, false) | (false, true) => Presence::Absent,
        _ if holding.may.is_some() => Presence::Uncertain,
        _ if holding.was.is_some() => Presence::Past,
        _ => Presence::Present,
    };
    if negated {
        head.of_rest = holding.of_rest;
        head.include(holding.no.unwrap_or(head.predicate));
        // "No significant stenosis" is none at all.
        if head.presence == Presence::Absent {
            head.extent = None;
        }
    }
    if head.says_absent && head.presence == Presence::Absent {
        head.extent = None;
    }
    if let Some(cue) = holding.may.filter(|_| head.presence == Presence::Uncertain) {
        head.include(cue);
    }
    if let Some(cue) = holding.was.filter(|_| head.presence == Presence::Past) {
        head.include(cue);
    }
}

/// What is said after a head is of it, and of those with which it is joined.
fn said_after(items: &[Item], heads: &mut [Head], at: usize, presence: Presence) {
    let mut reached = at;
    for head in heads.iter_mut().rev().filter(|head| head.items.1 < at) {
        let between = items.get(head.items.1 + 1..reached).unwrap_or_default();
        let is_apart = between.iter().any(|item| {
            matches!(item.what, What::Finding(_) | What::Relation(..) | What::Cue(Cue::Break | Cue::Other))
                || item.is_joint(Joint::Semicolon)
        });
        let is_joined = reached == at
            || between.iter().any(|item| matches!(item.what, What::Joint(Joint::And | Joint::Or | Joint::Slash)));
        if is_apart || !is_joined {
            return;
        }
        reached = head.items.0;
        head.presence = presence;
        if presence == Presence::Absent {
            head.extent = None;
        }
        head.include(at);
    }
}

/// A question mark before a phrase: at the beginning, or after a comma or a word of none of ours.
fn begins_phrase(items: &[Item], at: usize) -> bool {
    let follows = items.get(at + 1).is_some_and(|next| {
        !matches!(next.what, What::Word | What::Joint(_)) && !matches!(next.what, What::Cue(Cue::NoLabel | Cue::Other))
    });
    let opens = at == 0 || matches!(items[at - 1].what, What::Joint(_) | What::Levels(_) | What::Word);
    follows && opens
}
