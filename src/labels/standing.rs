//! Where the reader of a report stands: its section, the heading of the line, and what sentences before said.

use super::heads::Head;
use super::items::{Item, Joint, What};
use super::label::{Attributes, Finding, Place, Section};
use super::lexicon::{Cue, Heading};
use super::places::Before;

/// Longest heading, items.
const HEADING_ITEMS_MAX: usize = 9;

/// Where the reader of a report stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    pub(super) section: Section,
    /// Nothing is labelled here: another part of the spine, an indication.
    pub(super) is_silent: bool,
    pub(super) silent_by_heading: bool,
    pub(super) before: Before,
    /// The heading stood alone on its line, and holds for the lines after it.
    pub(super) heading_holds: bool,
    /// What was found last.
    pub(super) last: Option<Head>,
}

impl Standing {
    pub(super) fn begin_line(&mut self, after_blank: bool) {
        if after_blank {
            self.heading_holds = false;
        }
        if !self.heading_holds {
            self.before.heading.clear();
        }
    }

    /// Takes the headings with which a line begins; the first item that is none.
    pub(super) fn take_headings(&mut self, items: &[Item]) -> usize {
        let mut from = items.iter().take_while(|item| is_bullet(item)).count();
        if let Some((heading, end)) = section_heading(&items[from..]) {
            self.enter(heading);
            from += end;
        }
        if let Some((places, end)) = level_heading(&items[from..]) {
            if self.silent_by_heading {
                return items.len();
            }
            self.is_silent = false;
            self.before.heading.clone_from(&places);
            self.before.current = places;
            from += end;
            self.heading_holds = from >= items.len();
        }
        from
    }

    /// "Another one is seen at L4": what was found last, where this sentence says.
    pub(super) fn said_again(&self, items: &[Item]) -> Option<Head> {
        let is_type = |item: &Item| matches!(item.what, What::Type(_));
        let modic = self.last.as_ref().is_some_and(|head| head.finding == Finding::Modic);
        let again = items.iter().position(|item| item.what == What::Cue(Cue::Again));
        let at = again.or_else(|| items.iter().position(is_type).filter(|_| modic))?;
        items.iter().find(|item| matches!(item.what, What::Levels(_)))?;
        let last = self.last.clone()?;
        Some(Head {
            carrier: at,
            predicate: at,
            items: (at, at),
            said: (at, at),
            attributes: Attributes::default(),
            extent: None,
            extent_item: None,
            side: None,
            born: 0,
            ..last
        })
    }

    pub(super) fn enter(&mut self, heading: Heading) {
        self.before = Before::default();
        self.heading_holds = false;
        self.silent_by_heading = heading == Heading::Foreign;
        self.is_silent = matches!(heading, Heading::NoLabels | Heading::Foreign);
        match heading {
            Heading::Findings => self.section = Section::Findings,
            Heading::Impression => self.section = Section::Impression,
            Heading::NoLabels | Heading::Foreign | Heading::Lumbar => {}
        }
    }
}

fn is_bullet(item: &Item) -> bool {
    matches!(item.what, What::Joint(Joint::Dash | Joint::Bracket))
}

/// A heading of a section: its words, and a colon or the end of the line behind them.
fn section_heading(items: &[Item]) -> Option<(Heading, usize)> {
    let colon = items.iter().take(HEADING_ITEMS_MAX).position(|item| item.is_joint(Joint::Colon));
    let end = colon.or((items.len() <= HEADING_ITEMS_MAX).then_some(items.len()))?;
    let mut heading = None;
    for item in &items[..end] {
        match &item.what {
            What::Cue(Cue::Section(found)) => match (heading, found) {
                // "LSS and C. spine": the lumbar spine is among them.
                (_, Heading::Lumbar) | (None, _) => heading = Some(*found),
                _ => {}
            },
            What::Word
            | What::Joint(
                Joint::And | Joint::Of | Joint::Comma | Joint::Dash | Joint::Slash | Joint::With | Joint::At,
            ) => {}
            What::Cue(Cue::Other | Cue::No | Cue::Nothing | Cue::NoLabel) if heading.is_some() => {}
            _ => return None,
        }
    }
    // A line of a few words without a colon is a heading only where it says nothing else.
    let heading = heading?;
    let is_long =
        colon.is_none() && matches!(heading, Heading::NoLabels | Heading::Impression | Heading::Findings) && end > 3;
    (!is_long).then_some((heading, colon.map_or(end, |colon| colon + 1)))
}

/// A heading of levels: "L4-L5:", "L4-5 -", "At L4-5,", or levels alone on their line.
fn level_heading(items: &[Item]) -> Option<(Vec<Place>, usize)> {
    let begin = items
        .iter()
        .take(3)
        .take_while(|item| {
            matches!(item.what, What::Word | What::Joint(Joint::At | Joint::Colon) | What::Cue(Cue::Section(_)))
        })
        .count();
    let What::Levels(mention) = &items.get(begin)?.what else { return None };
    if mention.places.is_empty() {
        return None;
    }
    let mut end = begin + 1;
    while items
        .get(end)
        .is_some_and(|item| matches!(item.what, What::Word | What::Structure(_) | What::Joint(Joint::Bracket)))
        && end < begin + 4
    {
        end += 1;
    }
    let closes = |item: &Item| matches!(item.what, What::Joint(Joint::Colon | Joint::Dash));
    match items.get(end) {
        None if end == begin + 1 => Some((mention.places.clone(), end)),
        Some(item) if closes(item) => Some((mention.places.clone(), end + 1)),
        Some(item) if item.is_joint(Joint::Comma) && begin > 0 => Some((mention.places.clone(), end + 1)),
        _ => None,
    }
}
