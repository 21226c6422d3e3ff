//! Pairs of many studies to figures with their intervals, in memory that does not grow with the archive.
//!
//! Intervals are bootstrapped by study. Beyond [`CLUSTERS_MAX`] studies, several of them, always in the same way, are drawn together: sums over
//! independent studies are as good to draw as the studies themselves.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;

use super::compare::{Compared, Diameter, Pair};
use super::counts::{Counts, KAPPA_PAIRS_MIN, Measure, agreeing, rows};
use super::subject::{Scale, Subject};
use crate::evaluation::statistics::Differences;
use crate::evaluation::statistics::bootstrap::{self, DRAWS, SEED};
use crate::labels::Side;

/// Groups of studies that are drawn.
pub(super) const CLUSTERS_MAX: usize = 1000;

/// Pairs being counted.
#[derive(Debug, Default)]
pub struct Tally {
    studies: usize,
    subjects: BTreeMap<(Subject, Option<Side>), Series>,
    diameters: BTreeMap<usize, Differences>,
    doubtful_diameters: usize,
    elsewhere: usize,
    unsided: usize,
}

/// Pairs of a subject.
#[derive(Debug, Default)]
struct Series {
    by_cluster: BTreeMap<usize, Counts>,
    doubtful: Counts,
    studies: usize,
}

impl Tally {
    /// Counts what was found in one study.
    pub fn add(&mut self, compared: &Compared) {
        let cluster = self.studies % CLUSTERS_MAX;
        self.studies += 1;
        self.elsewhere += compared.elsewhere;
        self.unsided += compared.unsided;
        let mut here: Vec<(Subject, Option<Side>)> = Vec::new();
        for pair in &compared.pairs {
            let Pair { grade, .. } = pair;
            let sides = [Some(None), grade.side.map(Some)];
            for key in sides.into_iter().flatten().map(|side| (grade.subject, side)) {
                let series = self.subjects.entry(key).or_default();
                if pair.is_sure {
                    series.by_cluster.entry(cluster).or_default().add(pair);
                    series.studies += usize::from(!here.contains(&key));
                    here.push(key);
                } else {
                    series.doubtful.add(pair);
                }
            }
        }
        for diameter in &compared.diameters {
            self.add_diameter(cluster, diameter);
        }
    }

    fn add_diameter(&mut self, cluster: usize, diameter: &Diameter) {
        if diameter.is_sure {
            self.diameters.entry(cluster).or_default().add(diameter.difference_mm());
        } else {
            self.doubtful_diameters += 1;
        }
    }

    /// The figures of all.
    #[must_use]
    pub fn finish(self) -> Figures {
        let subjects = self.subjects.iter().map(|((subject, side), series)| series.finish(*subject, *side));
        Figures {
            bootstrap: Bootstrap { by: "study", draws: DRAWS, seed: SEED },
            statements_at_other_levels: self.elsewhere,
            statements_without_side: self.unsided,
            findings: subjects.collect(),
            canal_diameter: diameters(&self.diameters.into_values().collect::<Vec<_>>(), self.doubtful_diameters),
        }
    }
}

/// How well texts and readings agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// Statements about a level that the reading has not.
    pub statements_at_other_levels: usize,
    /// Statements about a finding with sides that name none.
    pub statements_without_side: usize,
    /// By finding, sides together, then by side.
    pub findings: Vec<FindingFigures>,
    /// The canal's diameter; `None` where no text gives one.
    pub canal_diameter: Option<DiameterFigures>,
}

/// How intervals were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bootstrap {
    /// What was drawn.
    pub by: &'static str,
    /// How often.
    pub draws: usize,
    /// From which seed.
    pub seed: u64,
}

/// The figures of a finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingFigures {
    /// The finding.
    pub finding: &'static str,
    /// The side; `None` for all of them together.
    pub side: Option<&'static str>,
    /// The scale of the reading's grades.
    pub scale: Scale,
    /// Studies.
    pub studies: usize,
    /// Pairs at levels whose name is sure.
    pub pairs: u32,
    /// Of them those in which the text gives a grade.
    pub graded: u32,
    /// The reading's grade lies in what the text says.
    pub exact: u32,
    /// One beside.
    pub one_apart: u32,
    /// Further away.
    pub more: u32,
    /// Pairs in which normal was assumed.
    pub assumed_normal: u32,
    /// Names of the columns of `confusion`: what the reading says.
    pub read: &'static [&'static str],
    /// By what the text says.
    pub confusion: Vec<ConfusionRow>,
    /// The figures.
    pub figures: Vec<Value>,
    /// Pairs at levels whose name is doubtful: in none of the figures above.
    pub doubtful_pairs: u32,
    /// Of them those that agree by presence.
    pub doubtful_presence_agrees: u32,
}

impl FindingFigures {
    /// The figure called `measure`, where it has one.
    #[must_use]
    pub fn value(&self, measure: Measure) -> Option<&Value> {
        self.figures.iter().find(|value| value.name == measure.name())
    }
}

/// A row of a confusion matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfusionRow {
    /// What the text says; of a range the one grade by the policy.
    pub said: &'static str,
    /// How often the reading says what the columns name.
    pub counts: Vec<u32>,
    /// The columns that agree with it.
    #[serde(skip)]
    pub agrees: RangeInclusive<usize>,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// Its name.
    pub name: &'static str,
    /// The pairs on which it rests.
    pub of: u32,
    /// Its value; `None` where it is not defined, or [`Value::too_few`].
    pub value: Option<f64>,
    /// Its 95 % interval; `None` where drawing shows nothing.
    pub interval: Option<[f64; 2]>,
    /// Whether a kappa is not given because there are fewer than [`KAPPA_PAIRS_MIN`] pairs.
    pub too_few: bool,
}

impl Series {
    fn finish(&self, subject: Subject, side: Option<Side>) -> FindingFigures {
        let scale = subject.scale();
        let clusters: Vec<Counts> = self.by_cluster.values().copied().collect();
        let all = sum(&mut clusters.iter());
        let width = scale.grades().len();
        let confusion = rows(scale).into_iter().map(|(row, said)| ConfusionRow {
            said,
            counts: all.table.get(row).map(|row| row.iter().take(width).copied().collect()).unwrap_or_default(),
            agrees: agreeing(scale, row),
        });
        let [[normal, _], [_, present]] = self.doubtful.presence(scale);
        FindingFigures {
            finding: subject.name(),
            side: side.map(Side::name),
            scale,
            studies: self.studies,
            pairs: all.pairs(),
            graded: all.graded(),
            exact: all.exact,
            one_apart: all.one_apart,
            more: all.more,
            assumed_normal: all.assumed,
            read: scale.grades(),
            confusion: confusion.collect(),
            figures: values(&clusters, &all, scale),
            doubtful_pairs: self.doubtful.pairs(),
            doubtful_presence_agrees: normal + present,
        }
    }
}

fn sum(counts: &mut dyn Iterator<Item = &Counts>) -> Counts {
    counts.fold(Counts::default(), |mut all, one| {
        all.join(one);
        all
    })
}

fn values(clusters: &[Counts], all: &Counts, scale: Scale) -> Vec<Value> {
    let intervals = bootstrap::intervals(clusters, |drawn| {
        let drawn = sum(drawn);
        Measure::ALL.map(|measure| drawn.figure(measure, scale))
    });
    let with_interval = Measure::ALL.into_iter().zip(intervals);
    let is_of_scale = |measure: Measure| {
        scale.is_graded() || all.share(measure, scale).is_some() || measure == Measure::PresenceKappa
    };
    with_interval
        .filter(|(measure, _)| is_of_scale(*measure))
        .map(|(measure, interval)| {
            let of = all.rests_on(measure, scale);
            let too_few = measure.is_kappa() && of < KAPPA_PAIRS_MIN;
            let value = all.figure(measure, scale).filter(|_| !too_few);
            // Where every draw gives the same, drawing shows nothing.
            let drawn = interval.filter(|[low, high]| low < high);
            let interval = at_an_end(clusters, all, measure, scale).or(drawn);
            Value { name: measure.name(), of, value, interval: value.and(interval), too_few }
        })
        .collect()
}

/// The interval of a share that is 0 or 1: there drawing again shows nothing, and still it is not known to be so.
fn at_an_end(clusters: &[Counts], all: &Counts, measure: Measure, scale: Scale) -> Option<[f64; 2]> {
    let (of, among) = all.share(measure, scale).filter(|(_, among)| *among > 0)?;
    let studies = clusters.iter().filter(|c| c.share(measure, scale).is_some_and(|(_, among)| among > 0)).count();
    let rate = bootstrap::rate_below(studies);
    match of {
        0 => Some([0.0, rate]),
        of if of == among => Some([1.0 - rate, 1.0]),
        _ => None,
    }
}

/// The canal's diameters: the measured less the said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiameterFigures {
    /// Pairs at levels whose name is sure.
    pub pairs: usize,
    /// Mean difference, mm.
    pub mean_mm: Option<f64>,
    /// Its 95 % interval.
    pub mean_interval_mm: Option<[f64; 2]>,
    /// Within which 95 % of differences are expected to lie, mm; `None` of fewer than two.
    pub limits_of_agreement_mm: Option<[f64; 2]>,
    /// Pairs at levels whose name is doubtful.
    pub doubtful_pairs: usize,
}

fn diameters(clusters: &[Differences], doubtful_pairs: usize) -> Option<DiameterFigures> {
    let all = Differences::joined(clusters);
    let pairs = all.n as usize;
    if pairs + doubtful_pairs == 0 {
        return None;
    }
    let [drawn] = bootstrap::intervals(clusters, |drawn| [Differences::joined(drawn).mean()]);
    let mean_interval_mm = drawn.filter(|[low, high]| low < high);
    Some(DiameterFigures {
        pairs,
        mean_mm: all.mean(),
        mean_interval_mm,
        limits_of_agreement_mm: all.limits(),
        doubtful_pairs,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::evaluation::concordance::compare::Words;
    use crate::evaluation::concordance::reading::Grade;
    use crate::evaluation::concordance::subject::Said;
    use crate::labels::{LevelSource, Section, Span};
    use crate::spine::{Disc, Vertebra};

    const L4_L5: Disc = Disc::new(Vertebra::L4, Vertebra::L5);

    fn pair(side: Side, one: u8, rank: u8, is_sure: bool) -> Pair {
        let grade = Grade { subject: Subject::Foramen, side: Some(side), rank, set: 1 << rank };
        Pair { disc: L4_L5, is_sure, said: Said::Graded { from: one, to: one, one }, grade, words: None }
    }

    fn study(pairs: Vec<Pair>) -> Compared {
        Compared { pairs, ..Compared::default() }
    }

    #[test]
    fn sides_are_pooled_and_apart_and_doubtful_levels_are_in_neither() {
        let mut tally = Tally::default();
        for _ in 0..15 {
            tally.add(&study(vec![pair(Side::Left, 1, 1, true), pair(Side::Right, 3, 2, true)]));
        }
        tally.add(&study(vec![pair(Side::Left, 3, 1, false)]));
        let figures = tally.finish();
        let of = |side| figures.findings.iter().find(|f| f.side == side).unwrap();
        let pooled = of(None);
        assert_eq!((pooled.studies, pooled.pairs, pooled.exact, pooled.one_apart, pooled.more), (15, 30, 15, 15, 0));
        assert_eq!((pooled.doubtful_pairs, pooled.doubtful_presence_agrees), (1, 1));
        assert_eq!((of(Some("left")).exact, of(Some("right")).exact), (15, 0));
        assert_eq!(pooled.value(Measure::Exact).unwrap().value, Some(0.5));
        assert_eq!(pooled.value(Measure::Exact).unwrap().interval, None, "every study has one of each");
        assert!(!pooled.value(Measure::LinearKappa).unwrap().too_few);
        let few = of(Some("left")).value(Measure::LinearKappa).unwrap();
        assert_eq!((few.too_few, few.value, few.of), (true, None, 15));
    }

    #[test]
    fn a_share_of_all_is_not_known_to_be_all() {
        let mut tally = Tally::default();
        for _ in 0..50 {
            tally.add(&study(vec![pair(Side::Left, 1, 1, true)]));
        }
        let figures = tally.finish();
        let [low, high] = figures.findings[0].value(Measure::Exact).unwrap().interval.unwrap();
        assert!((low - 0.942).abs() < 0.001 && high == 1.0, "{low}");
    }

    #[test]
    fn more_studies_than_are_drawn_are_drawn_together() {
        let mut tally = Tally::default();
        for i in 0..2 * CLUSTERS_MAX {
            tally.add(&study(vec![pair(Side::Left, 1, if i % 4 < 2 { 1 } else { 3 }, true)]));
        }
        let figures = tally.finish();
        let exact = figures.findings[0].value(Measure::Exact).unwrap().clone();
        assert_eq!((exact.of, figures.findings[0].studies), (2000, 2000));
        assert_eq!(exact.value, Some(0.5));
    }

    #[test]
    fn limits_of_agreement_are_as_by_hand() {
        let words = Words {
            span: Span::default(),
            quote: String::new(),
            level_source: LevelSource::Named,
            section: Section::Body,
            conflict: false,
        };
        let diameter = |read_mm| Diameter { disc: L4_L5, is_sure: true, said_mm: 10.0, read_mm, words: words.clone() };
        let mut tally = Tally::default();
        for read_mm in [9.0, 10.0, 11.0] {
            tally.add(&Compared { diameters: vec![diameter(read_mm)], ..Compared::default() });
        }
        tally.add(&Compared { diameters: vec![Diameter { is_sure: false, ..diameter(1.0) }], ..Compared::default() });
        let figures = tally.finish().canal_diameter.unwrap();
        // Differences -1, 0, 1: mean 0, SD 1.
        assert_eq!((figures.pairs, figures.mean_mm, figures.doubtful_pairs), (3, Some(0.0), 1));
        assert_eq!(figures.limits_of_agreement_mm, Some([-1.96, 1.96]));
    }
}
