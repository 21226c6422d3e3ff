//! One text against the reading of its study: a [`Pair`] for each thing that both speak of.

use super::reading::{Grade, Level, Reading};
use super::subject::{Said, Scale, Subject, said};
use crate::labels::policy::{self, NotMentioned, OneGrade, Policy};
use crate::labels::{Finding, Label, LevelSource, Place, Presence, Section, Side, Span};
use crate::spine::Disc;

/// How a text and a reading stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The reading's grade lies in what the text says.
    Agree,
    /// It lies one grade beside it.
    OneApart,
    /// It lies further away.
    More,
    /// The text gives no grade, and one of the two says that it is there, the other that it is not.
    Contradict,
}

impl Agreement {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::OneApart => "one-apart",
            Self::More => "more",
            Self::Contradict => "contradict",
        }
    }
}

/// The words of a text, and why they stand at their level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Where they stand in the text.
    pub span: Span,
    /// What they are.
    pub quote: String,
    /// Why the label stands at its level.
    pub level_source: LevelSource,
    /// The part of the report.
    pub section: Section,
    /// Whether findings and impression say different things of it.
    pub conflict: bool,
}

/// What a text says of a subject, and what the reading says of the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The level.
    pub disc: Disc,
    /// Whether its name is sure enough.
    pub is_sure: bool,
    /// What the text says.
    pub said: Said,
    /// What the reading says.
    pub grade: Grade,
    /// The words; none where normal is assumed.
    pub words: Option<Words>,
}

impl Pair {
    /// The scale.
    #[must_use]
    pub const fn scale(&self) -> Scale {
        self.grade.subject.scale()
    }

    /// How many grades the reading lies beside what the text says, where that is a grade.
    #[must_use]
    pub fn distance(&self) -> Option<u8> {
        self.said.is_grade(self.scale()).then(|| self.beside())
    }

    fn beside(&self) -> u8 {
        let (from, to) = self.said.ranks(self.scale());
        from.saturating_sub(self.grade.rank).max(self.grade.rank.saturating_sub(to))
    }

    /// How the two stand to each other.
    #[must_use]
    pub fn agreement(&self) -> Agreement {
        match (self.beside(), self.distance()) {
            (0, _) => Agreement::Agree,
            (_, Some(1)) => Agreement::OneApart,
            (_, Some(_)) => Agreement::More,
            (_, None) => Agreement::Contradict,
        }
    }

    /// Whether one says that it is there and the other that it is not.
    #[must_use]
    pub fn contradicts_presence(&self) -> bool {
        self.said.is_normal() != (self.grade.rank < self.scale().first_abnormal())
    }

    /// Whether an auditor should look at it.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.contradicts_presence() || self.agreement() == Agreement::More
    }

    /// Whether the prediction set holds what the text says; `None` where there is no set.
    #[must_use]
    pub fn in_set(&self) -> Option<bool> {
        let (from, to) = self.said.ranks(self.scale());
        (self.grade.set != 0).then(|| (from..=to).any(|rank| self.grade.set >> rank & 1 == 1))
    }
}

/// A diameter of the canal that the text gives, and the one that was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Diameter {
    /// The level.
    pub disc: Disc,
    /// Whether its name is sure enough.
    pub is_sure: bool,
    /// What the text says, mm.
    pub said_mm: f64,
    /// What was measured, mm.
    pub read_mm: f64,
    /// The words.
    pub words: Words,
}

impl Diameter {
    /// The measured less the said, mm.
    #[must_use]
    pub fn difference_mm(&self) -> f64 {
        self.read_mm - self.said_mm
    }
}

/// Everything that one text and its reading both speak of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Compared {
    /// Grades.
    pub pairs: Vec<Pair>,
    /// Diameters.
    pub diameters: Vec<Diameter>,
    /// Statements about a level that the reading has not.
    pub elsewhere: usize,
    /// Statements about a finding with sides that name none.
    pub unsided: usize,
}

/// Holds the text's `labels` against `reading`.
#[must_use]
pub fn compare(text: &str, labels: &[Label], reading: &Reading, policy: Policy) -> Compared {
    let mut compared = Compared::default();
    for level in &reading.levels {
        let pairs = level.grades.iter().filter_map(|grade| pair(text, labels, level, *grade, policy));
        compared.pairs.extend(pairs);
        compared.diameters.extend(diameter(text, labels, level, policy));
    }
    for label in labels.iter().filter(|label| is_compared(label)) {
        let is_there = |disc: Disc| reading.levels.iter().any(|level| level.disc == disc);
        compared.elsewhere += usize::from(matches!(label.place, Place::Disc(disc) if !is_there(disc)));
        compared.unsided += usize::from(is_unsided(label));
    }
    compared
}

fn is_compared(label: &Label) -> bool {
    let is_subject = Subject::ALL.into_iter().any(|subject| subject.is_said_by(label));
    label.presence != Presence::Past && (is_subject || label.finding == Finding::CanalDiameter)
}

fn is_unsided(label: &Label) -> bool {
    let is_sided = Subject::ALL.into_iter().any(|subject| subject.is_sided() && subject.is_said_by(label));
    is_sided && ![Side::Left, Side::Right].into_iter().any(|side| policy::is_on(label, side))
}

fn pair(text: &str, labels: &[Label], level: &Level, grade: Grade, policy: Policy) -> Option<Pair> {
    let (said, words) = match said(labels, (grade.subject, grade.side, level.disc), policy) {
        Some((said, label)) => (said, Some(words(text, label))),
        None if policy.not_mentioned == NotMentioned::AssumeNormal => (Said::AssumedNormal, None),
        None => return None,
    };
    Some(Pair { disc: level.disc, is_sure: level.is_sure, said, grade, words })
}

fn words(text: &str, label: &Label) -> Words {
    Words {
        span: label.evidence,
        quote: label.evidence.quote(text).unwrap_or_default().to_owned(),
        level_source: label.level_source,
        section: label.section,
        conflict: label.conflict,
    }
}

/// Of several diameters at a level the smallest counts, or the largest by the policy of the milder.
fn diameter(text: &str, labels: &[Label], level: &Level, policy: Policy) -> Option<Diameter> {
    let read_mm = level.canal_ap_mm?;
    let sizes = labels
        .iter()
        .filter(|l| l.finding == Finding::CanalDiameter && l.presence == Presence::Present)
        .filter(|l| policy::covers(labels, l, level.disc))
        .filter_map(|l| Some((l.attributes.size_mm?, l)));
    let (said_mm, label) = match policy.one_grade {
        OneGrade::Worse => sizes.min_by(|a, b| a.0.total_cmp(&b.0)),
        OneGrade::Milder => sizes.max_by(|a, b| a.0.total_cmp(&b.0)),
    }?;
    let said_mm = f64::from(said_mm);
    said_mm.is_finite().then(|| Diameter {
        disc: level.disc,
        is_sure: level.is_sure,
        said_mm,
        read_mm,
        words: words(text, label),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::labels::{Labeller, Lexicon};
    use crate::spine::Vertebra;

    fn level(grades: &[(Subject, Option<Side>, u8, u8)]) -> Level {
        let grades = grades.iter().map(|&(subject, side, rank, set)| Grade { subject, side, rank, set });
        Level {
            disc: Disc::new(Vertebra::L4, Vertebra::L5),
            is_sure: true,
            grades: grades.collect(),
            canal_ap_mm: Some(9.5),
        }
    }

    fn compared(text: &str, level: Level, policy: Policy) -> Compared {
        let lexicon = Lexicon::built_in();
        let labels = Labeller::new(&lexicon).label(text).labels;
        let reading = Reading {
            study_key: "s".into(),
            accession_key: None,
            report_id: "r".into(),
            revision: 1,
            produced_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            is_refused: false,
            unknown_levels: 0,
            levels: vec![level],
        };
        compare(text, &labels, &reading, policy)
    }

    fn canal(text: &str, rank: u8) -> Pair {
        compared(text, level(&[(Subject::CentralCanal, None, rank, 0b0110)]), Policy::default()).pairs.remove(0)
    }

    #[test]
    fn a_range_has_no_distance_inside_it() {
        let text = "Mild to moderate canal stenosis at L4-5.";
        let of = |rank| (canal(text, rank).distance(), canal(text, rank).agreement());
        assert_eq!(of(1), (Some(0), Agreement::Agree));
        assert_eq!(of(2), (Some(0), Agreement::Agree));
        assert_eq!(of(3), (Some(1), Agreement::OneApart));
        assert_eq!(of(0), (Some(1), Agreement::OneApart));
        assert_eq!(canal("Severe canal stenosis at L4-5.", 1).agreement(), Agreement::More);
    }

    #[test]
    fn normal_against_mild_is_one_apart_and_contradicts() {
        let pair = canal("No canal stenosis at L4-5.", 1);
        assert_eq!(
            (pair.agreement(), pair.contradicts_presence(), pair.is_listed()),
            (Agreement::OneApart, true, true)
        );
        let pair = canal("Mild canal stenosis at L4-5.", 2);
        assert_eq!(
            (pair.agreement(), pair.contradicts_presence(), pair.is_listed()),
            (Agreement::OneApart, false, false)
        );
    }

    #[test]
    fn what_has_no_grade_is_compared_as_presence() {
        for text in ["Canal stenosis at L4-5.", "Possible canal stenosis at L4-5."] {
            assert_eq!((canal(text, 3).agreement(), canal(text, 3).distance()), (Agreement::Agree, None));
            assert_eq!(canal(text, 0).agreement(), Agreement::Contradict);
        }
    }

    #[test]
    fn the_set_is_held_against_the_range() {
        let in_set = |text| canal(text, 1).in_set();
        assert_eq!(in_set("Severe canal stenosis at L4-5."), Some(false));
        assert_eq!(in_set("Moderate to severe canal stenosis at L4-5."), Some(true));
        assert_eq!(in_set("Canal stenosis at L4-5."), Some(true));
        assert_eq!(in_set("No canal stenosis at L4-5."), Some(false));
    }

    #[test]
    fn what_is_not_said_is_not_compared_or_assumed_normal() {
        let grades = [(Subject::CentralCanal, None, 0, 0), (Subject::Modic, None, 1, 0)];
        let text = "Moderate canal stenosis at L4-5.";
        assert_eq!(compared(text, level(&grades), Policy::default()).pairs.len(), 1);
        let normal = Policy { not_mentioned: NotMentioned::AssumeNormal, ..Policy::default() };
        let pairs = compared(text, level(&grades), normal).pairs;
        assert_eq!((pairs[1].said, pairs[1].agreement()), (Said::AssumedNormal, Agreement::Contradict));
        assert!(pairs[1].words.is_none());
    }

    #[test]
    fn diameters_are_held_against_the_measured_one() {
        let found = compared("Canal AP diameter 8 mm at L4-5.", level(&[]), Policy::default());
        let differences: Vec<_> = found.diameters.iter().map(|d| (d.said_mm, d.difference_mm())).collect();
        assert_eq!(differences, [(8.0, 1.5)]);
    }

    #[test]
    fn statements_elsewhere_and_without_a_side_are_counted() {
        let found = compared("Bulge at L3-4. Foraminal stenosis at L4-5.", level(&[]), Policy::default());
        assert_eq!((found.elsewhere, found.unsided), (1, 1));
    }
}
