//! What is compared: by which words a text says it, by which name a reading has it, and on which scale.

use serde::{Serialize, Serializer};

use crate::labels::policy::{self, Policy, Target};
use crate::labels::{Degree, Finding, Label, Presence, Side};
use crate::spine::{Disc, GradeScale, GradedFinding};

/// An ordered scale of grades, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scale {
    /// Normal to severe.
    Stenosis,
    /// Pfirrmann's grades of a disc.
    Pfirrmann,
    /// Absent or present.
    Presence,
    /// Meyerding's grades of a slip, as measured.
    Meyerding,
}

/// Grades of the longest scale.
pub(super) const GRADES_MAX: usize = 6;

impl Scale {
    /// The name, as a report writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stenosis => GradeScale::Stenosis.name(),
            Self::Pfirrmann => GradeScale::Pfirrmann.name(),
            Self::Presence => GradeScale::Presence.name(),
            Self::Meyerding => "meyerding",
        }
    }

    /// The grades, the best first.
    #[must_use]
    pub const fn grades(self) -> &'static [&'static str] {
        match self {
            Self::Stenosis => GradeScale::Stenosis.grades(),
            Self::Pfirrmann => GradeScale::Pfirrmann.grades(),
            Self::Presence => GradeScale::Presence.grades(),
            Self::Meyerding => &["none", "I", "II", "III", "IV", "V"],
        }
    }

    /// The rank of the grade called `name`.
    #[must_use]
    pub fn rank(self, name: &str) -> Option<u8> {
        self.grades().iter().position(|grade| *grade == name).and_then(|rank| u8::try_from(rank).ok())
    }

    /// The name of the grade of `rank`.
    #[must_use]
    pub fn grade(self, rank: u8) -> &'static str {
        self.grades().get(usize::from(rank)).copied().unwrap_or_default()
    }

    /// The first rank that is not normal: Pfirrmann's I and II are no degeneration.
    #[must_use]
    pub const fn first_abnormal(self) -> u8 {
        match self {
            Self::Pfirrmann => 2,
            Self::Stenosis | Self::Presence | Self::Meyerding => 1,
        }
    }

    /// Whether texts and readings can agree by grade, not by presence alone.
    #[must_use]
    pub const fn is_graded(self) -> bool {
        matches!(self, Self::Stenosis | Self::Meyerding)
    }
}

impl Serialize for Scale {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Subject {
    CentralCanal,
    Foramen,
    LateralRecess,
    Degeneration,
    Narrowing,
    Bulge,
    Herniation,
    Spondylolisthesis,
    Modic,
    SacCompression,
    RootCompression,
    SlipGrade,
}

impl Subject {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 12] = [
        Self::CentralCanal,
        Self::Foramen,
        Self::LateralRecess,
        Self::Degeneration,
        Self::Narrowing,
        Self::Bulge,
        Self::Herniation,
        Self::Spondylolisthesis,
        Self::Modic,
        Self::SacCompression,
        Self::RootCompression,
        Self::SlipGrade,
    ];

    /// The name that a report gives it; `meyerding` is measured.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CentralCanal => GradedFinding::CentralCanalStenosis.name(),
            Self::Foramen => GradedFinding::ForaminalStenosis.name(),
            Self::LateralRecess => GradedFinding::SubarticularStenosis.name(),
            Self::Degeneration => GradedFinding::DiscDegeneration.name(),
            Self::Narrowing => GradedFinding::DiscNarrowing.name(),
            Self::Bulge => GradedFinding::DiscBulge.name(),
            Self::Herniation => GradedFinding::DiscHerniation.name(),
            Self::Spondylolisthesis => GradedFinding::Spondylolisthesis.name(),
            Self::Modic => GradedFinding::ModicChange.name(),
            Self::SacCompression => GradedFinding::SacCompression.name(),
            Self::RootCompression => GradedFinding::RootCompression.name(),
            Self::SlipGrade => "meyerding",
        }
    }

    /// The one that a report calls `name` among its grades.
    #[must_use]
    pub fn of_grade(name: &str) -> Option<Self> {
        Self::ALL.into_iter().filter(|subject| *subject != Self::SlipGrade).find(|subject| subject.name() == name)
    }

    /// The scale of its grades.
    #[must_use]
    pub const fn scale(self) -> Scale {
        match self {
            Self::CentralCanal | Self::Foramen | Self::LateralRecess => Scale::Stenosis,
            Self::Degeneration => Scale::Pfirrmann,
            Self::SlipGrade => Scale::Meyerding,
            Self::Narrowing
            | Self::Bulge
            | Self::Herniation
            | Self::Spondylolisthesis
            | Self::Modic
            | Self::SacCompression
            | Self::RootCompression => Scale::Presence,
        }
    }

    /// Whether each side has its own.
    #[must_use]
    pub const fn is_sided(self) -> bool {
        matches!(self, Self::Foramen | Self::LateralRecess)
    }

    /// Whether `label` says something of it, on whatever side. That there is no extrusion does not say that there is no
    /// herniation; that there is no protrusion does.
    #[must_use]
    pub fn is_said_by(self, label: &Label) -> bool {
        let is_absent = label.presence == Presence::Absent;
        match (self, label.finding) {
            (Self::CentralCanal, Finding::CanalStenosis)
            | (Self::Foramen, Finding::ForaminalStenosis)
            | (Self::LateralRecess, Finding::LateralRecessStenosis)
            | (Self::Degeneration, Finding::Degeneration)
            | (Self::Narrowing, Finding::HeightLoss)
            | (Self::Bulge, Finding::Bulge)
            | (Self::Herniation, Finding::Herniation | Finding::Protrusion)
            | (Self::Spondylolisthesis | Self::SlipGrade, Finding::Spondylolisthesis)
            | (Self::Modic, Finding::Modic)
            | (Self::SacCompression, Finding::SacCompression)
            | (Self::RootCompression, Finding::RootCompression) => true,
            (Self::Herniation, Finding::Extrusion | Finding::Sequestration) => !is_absent,
            _ => false,
        }
    }
}

/// What a text says of a subject at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// That it is normal.
    Normal,
    /// Nothing, and that is taken for normal.
    AssumedNormal,
    /// A grade, or a range of them: ranks.
    Graded {
        /// The milder end.
        from: u8,
        /// The worse end.
        to: u8,
        /// The one that stands for the range by the policy.
        one: u8,
    },
    /// That it is there, of no grade.
    Present,
    /// That it may be there.
    Uncertain,
}

impl Said {
    /// The name of what is said.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::AssumedNormal => "assumed-normal",
            Self::Graded { .. } => "graded",
            Self::Present => "present",
            Self::Uncertain => "uncertain",
        }
    }

    /// Whether it is said to be normal, or taken for it.
    #[must_use]
    pub const fn is_normal(self) -> bool {
        matches!(self, Self::Normal | Self::AssumedNormal)
    }

    /// The ranks of `scale` that agree with it: from and to.
    #[must_use]
    pub fn ranks(self, scale: Scale) -> (u8, u8) {
        let worst = u8::try_from(scale.grades().len()).unwrap_or(1).saturating_sub(1);
        match self {
            Self::Normal | Self::AssumedNormal => (0, scale.first_abnormal() - 1),
            Self::Graded { from, to, .. } => (from, to),
            Self::Present | Self::Uncertain => (scale.first_abnormal(), worst),
        }
    }

    /// Whether it is a grade, so that a distance from it can be counted in grades.
    #[must_use]
    pub const fn is_grade(self, scale: Scale) -> bool {
        scale.is_graded() && matches!(self, Self::Normal | Self::AssumedNormal | Self::Graded { .. })
    }

    /// As it is written in a list: `mild-moderate`, `present`.
    #[must_use]
    pub fn written(self, scale: Scale) -> String {
        match self {
            Self::Normal => {
                scale.grades().first().copied().filter(|_| scale != Scale::Pfirrmann).unwrap_or("absent").to_owned()
            }
            Self::Graded { from, to, .. } if from == to => scale.grade(from).to_owned(),
            Self::Graded { from, to, .. } => format!("{}-{}", scale.grade(from), scale.grade(to)),
            Self::AssumedNormal | Self::Present | Self::Uncertain => self.name().to_owned(),
        }
    }
}

/// What a text says of `subject` at `disc`, on `side` where it has sides, and the label that says it.
#[must_use]
pub(super) fn said(
    labels: &[Label],
    (subject, side, disc): (Subject, Option<Side>, Disc),
    policy: Policy,
) -> Option<(Said, &Label)> {
    let is_of = |label: &Label| subject.is_said_by(label) && side.is_none_or(|side| policy::is_on(label, side));
    if subject == Subject::SlipGrade {
        return slip_grade(labels, disc, policy, is_of);
    }
    // Of several kinds that make one subject, one that is there makes it: no choice of the milder undoes it.
    let presence = Policy { one_grade: policy::OneGrade::Worse, ..policy };
    let policy_here = if subject.scale().is_graded() { policy } else { presence };
    let (target, label) = policy::said_at(labels, disc, policy_here, is_of)?;
    Some((of_target(target, subject.scale(), policy)?, label))
}

fn slip_grade(labels: &[Label], disc: Disc, policy: Policy, is_of: impl Fn(&Label) -> bool) -> Option<(Said, &Label)> {
    let grade_of = |label: &Label| label.attributes.slip_grade.filter(|_| label.presence == Presence::Present);
    let with_grade = policy::said_at(labels, disc, policy, |label| is_of(label) && grade_of(label).is_some());
    if let Some((_, label)) = with_grade {
        let grades = labels.iter().filter(|l| is_of(l) && policy::covers(labels, l, disc)).filter_map(grade_of);
        let (from, to) = grades.fold((u8::MAX, 0), |(from, to), grade| (from.min(grade), to.max(grade)));
        let one = if policy.one_grade == policy::OneGrade::Worse { to } else { from };
        return Some((Said::Graded { from, to, one }, label));
    }
    let (target, label) = policy::said_at(labels, disc, policy, is_of)?;
    Some((of_target(target, Scale::Presence, policy)?, label))
}

fn of_target(target: Target, scale: Scale, policy: Policy) -> Option<Said> {
    Some(match target {
        Target::Graded(from, to) if scale == Scale::Stenosis => {
            Said::Graded { from: rank_of(from), to: rank_of(to), one: rank_of(policy::one_of(from, to, policy)) }
        }
        Target::Graded(..) | Target::Present => Said::Present,
        Target::Uncertain => Said::Uncertain,
        Target::Normal => Said::Normal,
        Target::AssumedNormal => Said::AssumedNormal,
        Target::NotMentioned => return None,
    })
}

const fn rank_of(degree: Degree) -> u8 {
    match degree {
        Degree::Mild => 1,
        Degree::Moderate => 2,
        Degree::Severe => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::policy::OneGrade;
    use crate::labels::{Labeller, Lexicon};
    use crate::spine::Vertebra;

    const L4_L5: Disc = Disc::new(Vertebra::L4, Vertebra::L5);

    fn of(text: &str, subject: Subject, side: Option<Side>, disc: Disc, policy: Policy) -> Option<Said> {
        let lexicon = Lexicon::built_in();
        let labels = Labeller::new(&lexicon).label(text).labels;
        said(&labels, (subject, side, disc), policy).map(|(said, _)| said)
    }

    fn at_l4_l5(text: &str, subject: Subject) -> Option<Said> {
        of(text, subject, None, L4_L5, Policy::default())
    }

    #[test]
    fn a_range_keeps_both_ends_and_one_of_them_by_the_policy() {
        let text = "Mild to moderate canal stenosis at L4-5.";
        let milder = Policy { one_grade: OneGrade::Milder, ..Policy::default() };
        assert_eq!(at_l4_l5(text, Subject::CentralCanal), Some(Said::Graded { from: 1, to: 2, one: 2 }));
        let said = of(text, Subject::CentralCanal, None, L4_L5, milder);
        assert_eq!(said, Some(Said::Graded { from: 1, to: 2, one: 1 }));
    }

    #[test]
    fn a_side_that_is_not_said_is_none_and_an_absence_is_of_both() {
        let sided = |text: &str, side| of(text, Subject::Foramen, Some(side), L4_L5, Policy::default());
        let text = "Severe left foraminal stenosis at L4-5.";
        assert_eq!(sided(text, Side::Left), Some(Said::Graded { from: 3, to: 3, one: 3 }));
        assert_eq!(sided(text, Side::Right), None);
        assert_eq!(sided("Foraminal stenosis at L4-5.", Side::Right), None);
        assert_eq!(sided("No foraminal stenosis at L4-5.", Side::Right), Some(Said::Normal));
    }

    #[test]
    fn any_kind_of_herniation_is_one_and_no_extrusion_is_none_said() {
        let milder = Policy { one_grade: OneGrade::Milder, ..Policy::default() };
        let text = "L4-5: protrusion. No extrusion.";
        assert_eq!(of(text, Subject::Herniation, None, L4_L5, milder), Some(Said::Present));
        assert_eq!(at_l4_l5("L4-5: no extrusion.", Subject::Herniation), None);
        assert_eq!(at_l4_l5("L4-5: no protrusion.", Subject::Herniation), Some(Said::Normal));
    }

    #[test]
    fn what_is_about_the_whole_lumbar_spine_is_not_about_a_thoracic_disc() {
        let text = "No canal stenosis.";
        let t12 = Disc::new(Vertebra::T12, Vertebra::L1);
        assert_eq!(at_l4_l5(text, Subject::CentralCanal), Some(Said::Normal));
        assert_eq!(of(text, Subject::CentralCanal, None, t12, Policy::default()), None);
    }

    #[test]
    fn a_slip_has_meyerdings_grade_or_is_there() {
        let text = "Grade 2 anterolisthesis at L4-5.";
        assert_eq!(at_l4_l5(text, Subject::SlipGrade), Some(Said::Graded { from: 2, to: 2, one: 2 }));
        assert_eq!(at_l4_l5("Mild anterolisthesis at L4-5.", Subject::SlipGrade), Some(Said::Present));
        assert_eq!(at_l4_l5("No spondylolisthesis.", Subject::SlipGrade), Some(Said::Normal));
    }

    #[test]
    fn pfirrmanns_first_two_grades_are_no_degeneration() {
        assert_eq!(Said::Normal.ranks(Scale::Pfirrmann), (0, 1));
        assert_eq!(Said::Present.ranks(Scale::Pfirrmann), (2, 4));
        assert_eq!(Said::Uncertain.ranks(Scale::Stenosis), (1, 3));
    }
}
