//! What a sentence speaks of: findings by a word of their own, and relations with their structures.

use std::sync::Arc;

use super::items::{Item, Joint, What};
use super::label::{Attributes, Extent, Finding, Presence, Side};
use super::lexicon::{At, Cue, Form, Lexicon, Relation, RelationRule};

/// Words that may stand between a relation and its structure.
const WORDS_BETWEEN_MAX: usize = 4;
/// Words that may stand between a joint of a list and its next structure.
const WORDS_IN_LIST_MAX: usize = 2;

/// One finding that a sentence speaks of.
#[derive(Debug, Clone)]
pub struct Head {
    /// What is found.
    pub finding: Finding,
    /// What "at L4" means for it.
    pub at: At,
    /// What of, where that is part of the label.
    pub structure: Option<Arc<str>>,
    /// Id of the rule.
    pub rule: Arc<str>,
    /// Concept of SNOMED CT, where the rule has one.
    pub snomed: Option<Arc<str>>,
    /// The item that carries it: a finding, or a structure; the relation where no structure is said.
    pub carrier: usize,
    /// The item by whose place its presence is decided: the finding, or the relation.
    pub predicate: usize,
    /// Its relation says that it is absent.
    pub says_absent: bool,
    /// A verb's: it hangs on what stands before.
    pub hangs_on: bool,
    /// It is labelled only with a size, or a type.
    pub needs: Needs,
    /// A word may name its side together with that of others.
    pub has_sides: bool,
    /// First and last item of it here.
    pub items: (usize, usize),
    /// First and last item that say it, wherever they stand: what was said before and is said again of another place.
    pub said: (usize, usize),
    /// How much.
    pub extent: Option<Extent>,
    /// On which side.
    pub side: Option<Side>,
    /// Whether it is there.
    pub presence: Presence,
    /// What else is said.
    pub attributes: Attributes,
    /// It is no label after all.
    pub dropped: bool,
    /// It is absent at the levels that are not named.
    pub of_rest: bool,
    /// It was said again at this item, of one before: "mild on the right and severe on the left".
    pub born: usize,
    /// The item that says how much.
    pub extent_item: Option<usize>,
    /// The item by whose place its presence is decided instead of the predicate's.
    pub judged_at: Option<usize>,
    /// What is said of its presence by the very word that says it again.
    pub forced: Option<Presence>,
}

/// What must be said with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A size in mm.
    Size,
    /// Modic's type.
    Type,
}

impl Head {
    /// One that is there, of which nothing else is said yet; `rule` is its id and concept.
    fn new(
        (finding, at): (Finding, At),
        (rule, snomed): (&Arc<str>, Option<&Arc<str>>),
        carrier: usize,
        predicate: usize,
    ) -> Self {
        let items = (carrier.min(predicate), carrier.max(predicate));
        Self {
            finding,
            at,
            structure: None,
            rule: Arc::clone(rule),
            snomed: snomed.cloned(),
            carrier,
            predicate,
            says_absent: false,
            hangs_on: false,
            needs: Needs::Nothing,
            has_sides: false,
            items,
            said: items,
            extent: None,
            side: None,
            presence: Presence::Present,
            attributes: Attributes::default(),
            dropped: false,
            of_rest: false,
            born: 0,
            extent_item: None,
            judged_at: None,
            forced: None,
        }
    }

    /// Takes `item` among those that say it.
    pub fn include(&mut self, item: usize) {
        self.items = (self.items.0.min(item), self.items.1.max(item));
        self.said = (self.said.0.min(item), self.said.1.max(item));
    }
}

/// The heads of a sentence, in its order.
pub fn heads_of(items: &[Item], lexicon: &Lexicon) -> Vec<Head> {
    let mut heads = Vec::new();
    let mut taken = vec![false; items.len()];
    for (at, item) in items.iter().enumerate() {
        match item.what {
            What::Finding(number) => heads.extend(of_finding(at, number, lexicon)),
            What::Relation(number, phrase) => {
                let structures = structures_of(items, at, number, &taken, lexicon);
                for &structure in &structures {
                    taken[structure] = true;
                }
                let known = heads.len();
                of_relation(items, at, (number, phrase), &structures, lexicon, &mut heads);
                if structures.is_empty() && heads.len() == known {
                    heads.extend(of_what_was_said(items, at, number, &heads, lexicon));
                }
            }
            _ => {}
        }
    }
    heads.sort_by_key(|head| head.carrier);
    heads
}

fn of_finding(at: usize, number: usize, lexicon: &Lexicon) -> Option<Head> {
    let rule = lexicon.findings.get(number)?;
    let needs = match (rule.needs_size, rule.needs_type) {
        (true, _) => Needs::Size,
        (_, true) => Needs::Type,
        _ => Needs::Nothing,
    };
    Some(Head {
        needs,
        has_sides: true,
        side: rule.side,
        attributes: Attributes { direction: rule.direction, ..Attributes::default() },
        ..Head::new((rule.finding, rule.at), (&rule.id, rule.snomed.as_ref()), at, at)
    })
}

/// "No canal stenosis except at L4-5, where there is moderate narrowing": of the canal. "Degenerative disc bulge": of the disc.
fn of_what_was_said(items: &[Item], at: usize, number: usize, heads: &[Head], lexicon: &Lexicon) -> Option<Head> {
    let relation = lexicon.relations.get(number)?;
    let like = |item: usize| match items[item].what {
        What::Relation(other, _) => lexicon.relations.get(other).map(|relation| relation.like),
        _ => None,
    };
    if let (What::Relation(_, phrase), Some(What::Finding(next))) =
        (&items[at].what, items.get(at + 1).map(|i| &i.what))
        && lexicon.findings.get(*next)?.at == At::Disc
        && relation.form == Form::Participle
    {
        let rule = lexicon.rule(number, *phrase, lexicon.structure("disc"))?;
        if rule.finding == Finding::Degeneration {
            return Some(relation_head(at, at, (rule, None), relation, lexicon));
        }
    }
    let last = heads.iter().rev().find(|head| head.predicate != head.carrier || like(head.predicate).is_some())?;
    (like(last.predicate) == Some(relation.like) && relation.form == Form::Noun).then(|| Head {
        carrier: at,
        predicate: at,
        items: (at, at),
        said: (last.said.0.min(at), last.said.1.max(at)),
        extent: relation.extent,
        extent_item: None,
        side: None,
        attributes: Attributes::default(),
        ..last.clone()
    })
}

fn of_relation(
    items: &[Item],
    at: usize,
    (number, phrase): (usize, u32),
    structures: &[usize],
    lexicon: &Lexicon,
    heads: &mut Vec<Head>,
) {
    let Some(relation) = lexicon.relations.get(number) else { return };
    let said = |structure: Option<usize>| match structure {
        Some(item) => match items[item].what {
            What::Structure(kind) => lexicon.rule(number, phrase, Some(kind)).map(|rule| (rule, Some(kind))),
            _ => None,
        },
        None => lexicon.rule(number, phrase, None).map(|rule| (rule, None)),
    };
    let candidates: Vec<Option<usize>> =
        if structures.is_empty() { vec![None] } else { structures.iter().copied().map(Some).collect() };
    for structure in candidates {
        if let Some(said) = said(structure) {
            heads.push(relation_head(at, structure.unwrap_or(at), said, relation, lexicon));
        }
    }
}

/// What relation and structure say together; `kind` is the structure's, where one is said.
fn relation_head(
    at: usize,
    carrier: usize,
    (rule, kind): (&RelationRule, Option<usize>),
    relation: &Relation,
    lexicon: &Lexicon,
) -> Head {
    let named_at = match rule.finding {
        Finding::Degeneration | Finding::HeightLoss | Finding::AnnularFissure => At::Disc,
        Finding::Spondylolisthesis => At::Slip,
        _ => At::Vertebra,
    };
    Head {
        structure: rule.structure.clone(),
        says_absent: relation.absent,
        hangs_on: relation.form == Form::Verb,
        has_sides: kind.is_some_and(|kind| lexicon.has_sides(kind)),
        extent: relation.extent,
        ..Head::new((rule.finding, named_at), (&rule.id, rule.snomed.as_ref()), carrier, at)
    }
}

/// The structures of which the relation at `items[at]` says something.
fn structures_of(items: &[Item], at: usize, number: usize, taken: &[bool], lexicon: &Lexicon) -> Vec<usize> {
    let Some(relation) = lexicon.relations.get(number) else { return Vec::new() };
    let right = || list_to_the_right(items, at, lexicon);
    let left = || list_to_the_left(items, at, taken, relation.form == Form::Participle, lexicon);
    let or = |first: Vec<usize>, second: &dyn Fn() -> Vec<usize>| if first.is_empty() { second() } else { first };
    match relation.form {
        Form::Verb => or(right(), &left),
        Form::Noun => {
            let of = items.get(at + 1).is_some_and(|next| matches!(next.what, What::Joint(Joint::Of | Joint::On)));
            if of { or(right(), &left) } else { or(left(), &right) }
        }
        Form::Participle => {
            let beside = items[at + 1..]
                .iter()
                .position(|next| {
                    !matches!(next.what, What::Cue(Cue::Zone | Cue::Side(_) | Cue::Section(_)) | What::Levels(_))
                })
                .is_some_and(|skip| matches!(items[at + 1 + skip].what, What::Structure(_)));
            if beside { right() } else { left() }
        }
    }
}

fn is_modifier(item: &Item) -> bool {
    matches!(
        item.what,
        What::Cue(Cue::Zone | Cue::Side(_) | Cue::Extent(_) | Cue::NotASide | Cue::Section(_))
            | What::Levels(_)
            | What::SizeMm(_)
    )
}

fn list_to_the_right(items: &[Item], at: usize, lexicon: &Lexicon) -> Vec<usize> {
    let mut words = 0;
    let mut found = Vec::new();
    let mut next = at + 1;
    // To the first structure.
    loop {
        let Some(item) = items.get(next) else { return found };
        match &item.what {
            What::Structure(_) => break,
            What::Word if words < WORDS_BETWEEN_MAX => words += 1,
            What::Joint(Joint::Of | Joint::On | Joint::At | Joint::With | Joint::Bracket | Joint::Dash) => {}
            What::Cue(Cue::Not | Cue::May | Cue::Emphasis) => {}
            _ if is_modifier(item) => {}
            _ => return found,
        }
        next += 1;
    }
    // And on, as long as it is a list.
    loop {
        if is_of_other(items, next) {
            return found;
        }
        if belongs_to_a_noun(items, next, at, lexicon) && !found.is_empty() {
            return found;
        }
        found.push(next);
        let Some(after) = next_in_list(items, next) else { return found };
        next = after;
    }
}

/// "Signal of the cord", "height of the vertebral bodies": of nothing that is labelled.
fn is_of_other(items: &[Item], structure: usize) -> bool {
    items.get(structure + 1).is_some_and(|item| item.is_joint(Joint::Of))
        && items[structure + 2..]
            .iter()
            .find(|item| item.what != What::Word)
            .is_some_and(|item| item.what == What::Cue(Cue::Other))
}

/// "… and moderate canal stenosis": the canal is the stenosis's.
fn belongs_to_a_noun(items: &[Item], structure: usize, relation: usize, lexicon: &Lexicon) -> bool {
    let next = items[structure + 1..].iter().enumerate().find(|(_, item)| !is_modifier(item));
    next.is_some_and(|(skip, item)| match item.what {
        What::Relation(number, _) => {
            structure + 1 + skip != relation
                && lexicon.relations.get(number).is_some_and(|relation| relation.form == Form::Noun)
        }
        // "…, left foraminal disc protrusion": the zone of a disc.
        What::Finding(_) => true,
        _ => false,
    })
}

/// The structure that goes on the list after the one at `at`.
fn next_in_list(items: &[Item], at: usize) -> Option<usize> {
    let (mut joined, mut words) = (false, 0);
    for (next, item) in items.iter().enumerate().skip(at + 1) {
        match &item.what {
            What::Structure(_) if joined => return Some(next),
            What::Joint(Joint::And | Joint::Or | Joint::Comma | Joint::Slash) => joined = true,
            What::Joint(Joint::Of | Joint::On | Joint::Bracket) => {}
            What::Word if words < WORDS_IN_LIST_MAX => words += 1,
            _ if is_modifier(item) => {}
            _ => return None,
        }
    }
    None
}

fn list_to_the_left(items: &[Item], at: usize, taken: &[bool], shares: bool, lexicon: &Lexicon) -> Vec<usize> {
    let mut words = 0;
    // "The discs are desiccated and narrowed": of the same discs.
    let mut is_shared = false;
    let is_participle = |item: &Item| match item.what {
        What::Relation(number, _) => lexicon.relations.get(number).is_some_and(|r| r.form == Form::Participle),
        _ => false,
    };
    let mut found = Vec::new();
    let mut next = at;
    // To the nearest structure.
    loop {
        let Some(before) = next.checked_sub(1) else { return found };
        next = before;
        match &items[next].what {
            What::Structure(_) if !taken[next] || is_shared => break,
            What::Relation(..) if shares && is_participle(&items[next]) => is_shared = true,
            What::Joint(Joint::And | Joint::Comma)
                if shares && next.checked_sub(1).is_some_and(|before| is_participle(&items[before])) => {}
            What::Word if words < WORDS_BETWEEN_MAX => words += 1,
            What::Joint(Joint::Is | Joint::Bracket | Joint::Colon | Joint::Dash | Joint::At | Joint::More) => {}
            What::Cue(
                Cue::No | Cue::Not | Cue::May | Cue::Nothing | Cue::Now | Cue::Was | Cue::NoRest | Cue::Emphasis,
            ) => {}
            _ if is_modifier(&items[next]) => {}
            _ => return found,
        }
    }
    found.push(next);
    // And on, as long as it is a list.
    let (mut joined, mut words) = (false, 0);
    while let Some(before) = next.checked_sub(1) {
        next = before;
        match &items[next].what {
            // "nerve root roots".
            What::Structure(kind) if !joined && items[next + 1].what == What::Structure(*kind) => {}
            What::Structure(_) if joined && (!taken[next] || is_shared) => {
                found.push(next);
                (joined, words) = (false, 0);
            }
            What::Joint(Joint::And | Joint::Or | Joint::Comma | Joint::Slash) => joined = true,
            What::Cue(Cue::No) => {}
            What::Word if words < WORDS_IN_LIST_MAX => words += 1,
            _ if is_modifier(&items[next]) => {}
            _ => break,
        }
    }
    found.reverse();
    found
}
