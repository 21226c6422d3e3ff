//! How often texts and readings agree: the table of one against the other, and the figures of it.

use std::ops::RangeInclusive;

use super::compare::{Agreement, Pair};
use super::subject::{GRADES_MAX, Said, Scale};
use crate::evaluation::statistics::kappa;

/// Rows of a table: the grades that a text may give, presence without a grade, and uncertainty.
pub(super) const ROWS: usize = GRADES_MAX + 2;
/// The row of what is there without a grade.
pub(super) const PRESENT_ROW: usize = GRADES_MAX;
/// The row of what may be there.
pub(super) const UNCERTAIN_ROW: usize = GRADES_MAX + 1;
/// Fewest pairs of which a kappa is given: fewer say little, and their intervals say less.
pub const KAPPA_PAIRS_MIN: u32 = 20;

/// A figure of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Share of the pairs with a grade in which the reading's lies in what the text says.
    Exact,
    /// Share in which it lies there or one beside.
    WithinOne,
    /// Weighted kappa, linear weights.
    LinearKappa,
    /// Weighted kappa, quadratic weights.
    QuadraticKappa,
    /// Share of the pairs with a prediction set that holds what the text says.
    InSet,
    /// Share in which both say that it is there, or both that it is not.
    PresenceAgreement,
    /// Of what the text says is there, the share that the reading found.
    Sensitivity,
    /// Of what the text says is not there, the share that the reading left.
    Specificity,
    /// Cohen's kappa on presence.
    PresenceKappa,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Exact,
        Self::WithinOne,
        Self::LinearKappa,
        Self::QuadraticKappa,
        Self::InSet,
        Self::PresenceAgreement,
        Self::Sensitivity,
        Self::Specificity,
        Self::PresenceKappa,
    ];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::WithinOne => "within-one",
            Self::LinearKappa => "linear-kappa",
            Self::QuadraticKappa => "quadratic-kappa",
            Self::InSet => "in-set",
            Self::PresenceAgreement => "presence-agreement",
            Self::Sensitivity => "sensitivity",
            Self::Specificity => "specificity",
            Self::PresenceKappa => "presence-kappa",
        }
    }

    /// Whether it is a kappa, and no share.
    #[must_use]
    pub const fn is_kappa(self) -> bool {
        matches!(self, Self::LinearKappa | Self::QuadraticKappa | Self::PresenceKappa)
    }
}

/// Pairs of one subject, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// By what the text says ([`ROWS`]) and the reading's rank.
    pub table: [[u32; GRADES_MAX]; ROWS],
    /// Pairs in which the text gives a grade and the reading's lies in it.
    pub exact: u32,
    /// One beside.
    pub one_apart: u32,
    /// Further away.
    pub more: u32,
    /// Pairs whose prediction set holds what the text says.
    pub in_set: u32,
    /// Pairs with a prediction set.
    pub with_set: u32,
    /// Pairs in which normal was assumed.
    pub assumed: u32,
}

impl Counts {
    /// Counts `pair`.
    pub fn add(&mut self, pair: &Pair) {
        let cell = self.table.get_mut(row(pair.said)).and_then(|row| row.get_mut(usize::from(pair.grade.rank)));
        if let Some(cell) = cell {
            *cell += 1;
        }
        if pair.distance().is_some() {
            match pair.agreement() {
                Agreement::Agree => self.exact += 1,
                Agreement::OneApart => self.one_apart += 1,
                Agreement::More | Agreement::Contradict => self.more += 1,
            }
        }
        self.with_set += u32::from(pair.in_set().is_some());
        self.in_set += u32::from(pair.in_set() == Some(true));
        self.assumed += u32::from(pair.said == Said::AssumedNormal);
    }

    /// Adds what `other` counted.
    pub fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.table.iter_mut().flatten().zip(other.table.iter().flatten()) {
            *mine += theirs;
        }
        self.exact += other.exact;
        self.one_apart += other.one_apart;
        self.more += other.more;
        self.in_set += other.in_set;
        self.with_set += other.with_set;
        self.assumed += other.assumed;
    }

    /// Pairs.
    #[must_use]
    pub fn pairs(&self) -> u32 {
        self.table.iter().flatten().sum()
    }

    /// Pairs in which the text gives a grade.
    #[must_use]
    pub const fn graded(&self) -> u32 {
        self.exact + self.one_apart + self.more
    }

    /// By presence: text is normal, is not; each by reading is normal, is not.
    #[must_use]
    pub fn presence(&self, scale: Scale) -> [[u32; 2]; 2] {
        let mut presence = [[0; 2]; 2];
        for (r, row) in self.table.iter().enumerate() {
            for (rank, count) in row.iter().enumerate() {
                presence[usize::from(r > 0)][usize::from(rank >= usize::from(scale.first_abnormal()))] += count;
            }
        }
        presence
    }

    /// Of what `measure` is the share: how many, and of how many; `None` for a kappa, and where the scale has no such figure.
    #[must_use]
    pub fn share(&self, measure: Measure, scale: Scale) -> Option<(u32, u32)> {
        let [[both_normal, only_read], [only_said, both]] = self.presence(scale);
        match measure {
            Measure::Exact => scale.is_graded().then_some((self.exact, self.graded())),
            Measure::WithinOne => scale.is_graded().then_some((self.exact + self.one_apart, self.graded())),
            Measure::InSet => Some((self.in_set, self.with_set)),
            Measure::PresenceAgreement => Some((both_normal + both, self.pairs())),
            Measure::Sensitivity => Some((both, both + only_said)),
            Measure::Specificity => Some((both_normal, both_normal + only_read)),
            Measure::LinearKappa | Measure::QuadraticKappa | Measure::PresenceKappa => None,
        }
    }

    /// The figure; `None` where it is not defined.
    #[must_use]
    pub fn figure(&self, measure: Measure, scale: Scale) -> Option<f64> {
        match measure {
            Measure::LinearKappa if scale.is_graded() => self.weighted_kappa(scale, 1),
            Measure::QuadraticKappa if scale.is_graded() => self.weighted_kappa(scale, 2),
            Measure::LinearKappa | Measure::QuadraticKappa => None,
            Measure::PresenceKappa => {
                let presence = self.presence(scale);
                kappa(2, 1, |said, read| f64::from(presence[said][read]))
            }
            _ => self.share(measure, scale).filter(|(_, all)| *all > 0).map(|(of, all)| f64::from(of) / f64::from(all)),
        }
    }

    fn weighted_kappa(&self, scale: Scale, power: i32) -> Option<f64> {
        kappa(scale.grades().len(), power, |said, read| f64::from(self.table[said][read]))
    }

    /// The pairs on which `measure` rests.
    #[must_use]
    pub fn rests_on(&self, measure: Measure, scale: Scale) -> u32 {
        match measure {
            Measure::LinearKappa | Measure::QuadraticKappa => self.graded(),
            Measure::PresenceKappa => self.pairs(),
            _ => self.share(measure, scale).map_or(0, |(_, all)| all),
        }
    }
}

/// The row of what a text says.
fn row(said: Said) -> usize {
    match said {
        Said::Normal | Said::AssumedNormal => 0,
        Said::Graded { one, .. } => usize::from(one),
        Said::Present => PRESENT_ROW,
        Said::Uncertain => UNCERTAIN_ROW,
    }
}

/// The rows of a table of `scale` that can be other than empty, and their names.
#[must_use]
pub(super) fn rows(scale: Scale) -> Vec<(usize, &'static str)> {
    let graded: Vec<(usize, &str)> = match scale {
        Scale::Stenosis | Scale::Meyerding => scale.grades().iter().copied().enumerate().collect(),
        Scale::Pfirrmann | Scale::Presence => vec![(0, "absent")],
    };
    graded.into_iter().chain([(PRESENT_ROW, "present"), (UNCERTAIN_ROW, "uncertain")]).collect()
}

/// The ranks of `scale` that agree with what `row` says.
#[must_use]
pub(super) fn agreeing(scale: Scale, row: usize) -> RangeInclusive<usize> {
    let first = usize::from(scale.first_abnormal());
    match row {
        0 => 0..=first - 1,
        PRESENT_ROW | UNCERTAIN_ROW => first..=scale.grades().len() - 1,
        graded => graded..=graded,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::evaluation::concordance::reading::Grade;
    use crate::evaluation::concordance::subject::Subject;
    use crate::spine::{Disc, Vertebra};

    fn counts(cells: &[(usize, usize, u32)]) -> Counts {
        let mut counts = Counts::default();
        for &(said, read, n) in cells {
            counts.table[said][read] = n;
        }
        counts
    }

    fn close(value: Option<f64>, wanted: f64) -> bool {
        (value.unwrap() - wanted).abs() < 1e-9
    }

    #[test]
    fn kappa_on_presence_is_as_by_hand() {
        // 20 both normal, 5 only read, 10 only said, 15 both: observed 35/50 = .7, by chance (25*30 + 25*20)/2500 = .5.
        let counts = counts(&[(0, 0, 20), (0, 1, 5), (PRESENT_ROW, 0, 10), (PRESENT_ROW, 1, 15)]);
        assert_eq!(counts.presence(Scale::Presence), [[20, 5], [10, 15]]);
        let figure = |measure| counts.figure(measure, Scale::Presence);
        assert!(close(figure(Measure::PresenceKappa), 0.4));
        assert!(close(figure(Measure::PresenceAgreement), 0.7));
        assert!(close(figure(Measure::Sensitivity), 0.6));
        assert!(close(figure(Measure::Specificity), 0.8));
        assert_eq!(figure(Measure::LinearKappa), None);
    }

    #[test]
    fn weighted_kappas_are_as_by_hand() {
        // Said: 2 normal, 2 mild, 0 moderate, 2 severe; read: 1, 3, 1, 1. Disagreements: normal-mild 1, severe-moderate 1.
        let counts = counts(&[(0, 0, 1), (0, 1, 1), (1, 1, 2), (3, 2, 1), (3, 3, 1)]);
        // Linear: observed 1 + 1 = 2 (in thirds). By chance, said x read x distance / 6:
        //   normal 2 (1*0 + 3*1 + 1*2 + 1*3) = 16; mild 2 (1 + 0 + 1 + 2) = 8; severe 2 (3 + 6 + 1 + 0) = 20; 44 / 6.
        assert!(close(counts.figure(Measure::LinearKappa, Scale::Stenosis), 1.0 - 2.0 / (44.0 / 6.0)));
        // Quadratic: observed 2 (in ninths); normal 2 (0 + 3 + 4 + 9) = 32; mild 2 (1 + 0 + 1 + 4) = 12; severe 2 (9 + 12 + 1) = 44.
        assert!(close(counts.figure(Measure::QuadraticKappa, Scale::Stenosis), 1.0 - 2.0 / (88.0 / 6.0)));
    }

    #[test]
    fn a_table_with_one_grade_only_has_no_kappa() {
        let all_normal = counts(&[(0, 0, 30)]);
        assert_eq!(all_normal.figure(Measure::LinearKappa, Scale::Stenosis), None);
        assert_eq!(all_normal.figure(Measure::PresenceKappa, Scale::Stenosis), None);
        assert_eq!(Counts::default().figure(Measure::PresenceKappa, Scale::Stenosis), None);
        assert_eq!(all_normal.figure(Measure::Sensitivity, Scale::Stenosis), None);
    }

    #[test]
    fn pfirrmanns_third_grade_is_the_first_that_is_degenerated() {
        let counts = counts(&[(0, 1, 4), (0, 2, 1), (PRESENT_ROW, 1, 2), (PRESENT_ROW, 4, 3), (UNCERTAIN_ROW, 2, 1)]);
        assert_eq!(counts.presence(Scale::Pfirrmann), [[4, 1], [2, 4]]);
    }

    #[test]
    fn pairs_are_counted_by_what_they_are() {
        let pair = |said, rank, set| Pair {
            disc: Disc::new(Vertebra::L4, Vertebra::L5),
            is_sure: true,
            said,
            grade: Grade { subject: Subject::CentralCanal, side: None, rank, set },
            words: None,
        };
        let mut counts = Counts::default();
        counts.add(&pair(Said::Graded { from: 1, to: 2, one: 2 }, 1, 0b0010));
        counts.add(&pair(Said::Normal, 1, 0b0010));
        counts.add(&pair(Said::AssumedNormal, 2, 0));
        counts.add(&pair(Said::Present, 0, 0b0001));
        assert_eq!((counts.exact, counts.one_apart, counts.more), (1, 1, 1));
        assert_eq!((counts.in_set, counts.with_set, counts.assumed, counts.pairs()), (1, 3, 1, 4));
        assert_eq!((counts.table[2][1], counts.table[PRESENT_ROW][0]), (1, 1));
        let mut twice = counts;
        twice.join(&counts);
        assert_eq!((twice.pairs(), twice.graded(), twice.with_set), (8, 6, 6));
    }
}
