//! The pairs that an auditor opens first: more than one grade apart, or there for one and not for the other.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::compare::{Compared, Pair};
use super::reading::Reading;
use super::subject::Said;

/// Pairs that are kept, the worst of them; a table or JSON Lines has all.
pub const LISTED_KEPT_MAX: usize = 500;
/// Characters of the text shown before the evidence, and after it.
const AROUND_CHARS_MAX: usize = 120;
/// Characters of the evidence shown.
const QUOTE_CHARS_MAX: usize = 400;
/// What stands for what is left out.
const LEFT_OUT: &str = " \u{2026} ";

/// A pair to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The text's id, as it was given.
    pub id: String,
    /// The reading's id.
    pub report_id: Box<str>,
    /// When the reading was made.
    pub produced_at: Timestamp,
    /// The pair; its words may be shortened.
    pub pair: Pair,
    /// What stands before the words.
    pub before: String,
    /// What stands after them.
    pub after: String,
}

impl Listed {
    /// Order: sure levels, then the furthest apart, then the newest.
    fn rank(&self) -> (bool, Reverse<u8>, Reverse<Timestamp>) {
        (!self.pair.is_sure, Reverse(gravity(&self.pair)), Reverse(self.produced_at))
    }

    /// The finding with its side, and where.
    #[must_use]
    pub fn place(&self) -> String {
        let side = self.pair.grade.side.map_or_else(String::new, |side| format!(" {}", side.name()));
        let doubt = if self.pair.is_sure { "" } else { " (level doubtful)" };
        format!("{}{doubt}{side} {}", self.pair.disc, self.pair.grade.subject.name())
    }

    /// What both say.
    #[must_use]
    pub fn both(&self) -> String {
        let scale = self.pair.scale();
        let set = self.pair.grade.set_names();
        let set = if set.is_empty() { String::new() } else { format!(" (set: {})", set.join(", ")) };
        format!("text {}, reading {}{set}", self.pair.said.written(scale), scale.grade(self.pair.grade.rank))
    }
}

/// How far apart two are: twice the distance in grades; of presence alone as much as a grade and a half, less where the text doubts or is silent.
fn gravity(pair: &Pair) -> u8 {
    match (pair.said, pair.distance()) {
        (Said::AssumedNormal, _) => 0,
        (Said::Uncertain, _) => 1,
        (_, Some(distance)) => 2 * distance,
        (_, None) => 3,
    }
}

/// The pairs of one study to look at, with what stands around their words in `text`.
#[must_use]
pub fn listed(id: &str, text: &str, reading: &Reading, compared: &Compared) -> Vec<Listed> {
    let to_look_at = compared.pairs.iter().filter(|pair| pair.is_listed());
    to_look_at
        .map(|pair| {
            let mut pair = pair.clone();
            let (mut before, mut after) = (String::new(), String::new());
            if let Some(words) = &mut pair.words {
                before = end_of(text.get(..words.span.start_byte).unwrap_or_default());
                after = beginning_of(text.get(words.span.end_byte..).unwrap_or_default(), AROUND_CHARS_MAX);
                words.quote = beginning_of(&words.quote, QUOTE_CHARS_MAX);
            }
            let (id, report_id) = (id.to_owned(), reading.report_id.clone());
            Listed { id, report_id, produced_at: reading.produced_at, pair, before, after }
        })
        .collect()
}

fn beginning_of(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => text.get(..at).unwrap_or_default().to_owned() + LEFT_OUT,
        None => text.to_owned(),
    }
}

fn end_of(text: &str) -> String {
    match text.char_indices().nth_back(AROUND_CHARS_MAX) {
        Some((at, c)) => LEFT_OUT.to_owned() + text.get(at + c.len_utf8()..).unwrap_or_default(),
        None => text.to_owned(),
    }
}

/// Keeps the worst of many.
#[derive(Debug, Default)]
pub struct Worst {
    kept: Vec<Listed>,
    /// How many there were.
    pub seen: usize,
}

impl Worst {
    /// Takes what is to be looked at in one study.
    pub fn extend(&mut self, listed: Vec<Listed>) {
        self.seen += listed.len();
        self.kept.extend(listed);
        if self.kept.len() > 2 * LISTED_KEPT_MAX {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        self.kept.sort_by_key(Listed::rank);
        self.kept.truncate(LISTED_KEPT_MAX);
    }

    /// The worst, the worst first.
    #[must_use]
    pub fn finish(mut self) -> Vec<Listed> {
        self.shorten();
        self.kept
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::evaluation::concordance::reading::Grade;
    use crate::evaluation::concordance::subject::Subject;
    use crate::spine::{Disc, Vertebra};

    fn one(id: usize, said: Said, rank: u8, is_sure: bool, day: usize) -> Listed {
        let grade = Grade { subject: Subject::CentralCanal, side: None, rank, set: 0 };
        let disc = Disc::new(Vertebra::L4, Vertebra::L5);
        Listed {
            id: id.to_string(),
            report_id: "r".into(),
            produced_at: format!("2026-01-{day:02}T00:00:00Z").parse().unwrap(),
            pair: Pair { disc, is_sure, said, grade, words: None },
            before: String::new(),
            after: String::new(),
        }
    }

    #[test]
    fn the_worst_stand_first_then_the_newest_and_doubtful_levels_last() {
        let severe = Said::Graded { from: 3, to: 3, one: 3 };
        let mut worst = Worst::default();
        worst.extend(vec![
            one(0, severe, 0, false, 9),
            one(1, severe, 1, true, 1),
            one(2, Said::Present, 0, true, 1),
            one(3, severe, 1, true, 2),
            one(4, severe, 0, true, 1),
            one(5, Said::AssumedNormal, 3, true, 9),
            one(6, Said::Uncertain, 0, true, 9),
        ]);
        let order: Vec<String> = worst.finish().into_iter().map(|listed| listed.id).collect();
        assert_eq!(order, ["4", "3", "1", "2", "6", "5", "0"]);
    }

    #[test]
    fn of_many_the_worst_are_kept_and_all_are_counted() {
        let mut worst = Worst::default();
        for i in 0..5 * LISTED_KEPT_MAX {
            worst.extend(vec![one(i, Said::Normal, if i % 100 == 0 { 3 } else { 1 }, true, 1)]);
        }
        assert_eq!(worst.seen, 5 * LISTED_KEPT_MAX);
        let kept = worst.finish();
        assert_eq!(kept.len(), LISTED_KEPT_MAX);
        assert_eq!(kept.iter().filter(|listed| listed.pair.grade.rank == 3).count(), 25);
    }

    #[test]
    fn what_stands_around_is_cut_between_characters() {
        let long = "\u{e4}".repeat(500);
        assert_eq!(end_of(&long).chars().count(), AROUND_CHARS_MAX + 3);
        assert_eq!(beginning_of(&long, 10), "\u{e4}".repeat(10) + LEFT_OUT);
        assert_eq!((end_of("short"), beginning_of("short", 10)), ("short".to_owned(), "short".to_owned()));
    }
}
