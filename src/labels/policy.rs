//! From what a report says to what a network is trained on: one grade for each level and task (Lu et al. 2018, section 2.1).
//!
//! What a report does not say is a choice, and is recorded as one: see [`Policy`].

use super::label::{Degree, Extent, Finding, LUMBAR_DISCS, Label, LevelSource, Place, Presence, Side};
use crate::spine::Disc;

/// Which grade stands where a report gives a range, or says two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OneGrade {
    /// The worse.
    #[default]
    Worse,
    /// The milder.
    Milder,
}

/// What a level is of which a report says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NotMentioned {
    /// Not mentioned.
    #[default]
    Leave,
    /// Normal, and marked as assumed.
    AssumeNormal,
}

impl OneGrade {
    /// The name of the choice.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Milder => "milder",
        }
    }
}

impl NotMentioned {
    /// The name of the choice.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leave => "leave",
            Self::AssumeNormal => "normal",
        }
    }
}

/// The choices by which labels become targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Of two grades.
    pub one_grade: OneGrade,
    /// Of no grade.
    pub not_mentioned: NotMentioned,
}

/// What is graded at a level: the paper's three tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// The spinal canal.
    CentralCanal,
    /// The left neural foramen.
    LeftForamen,
    /// The right neural foramen.
    RightForamen,
}

impl Task {
    /// All three.
    pub const ALL: [Self; 3] = [Self::CentralCanal, Self::LeftForamen, Self::RightForamen];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CentralCanal => "central-canal",
            Self::LeftForamen => "left-foramen",
            Self::RightForamen => "right-foramen",
        }
    }

    fn is_of(self, label: &Label) -> bool {
        match self {
            Self::CentralCanal => label.finding == Finding::CanalStenosis,
            Self::LeftForamen | Self::RightForamen => {
                let wanted = if self == Self::LeftForamen { Side::Left } else { Side::Right };
                label.finding == Finding::ForaminalStenosis && is_on(label, wanted)
            }
        }
    }
}

/// Whether what is said holds on `side`: without a side only an absence is of both.
#[must_use]
pub fn is_on(label: &Label, side: Side) -> bool {
    label.side.map_or(label.presence == Presence::Absent, |said| said == side || said == Side::Both)
}

/// What is known of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The report grades it; the range that it says.
    Graded(Degree, Degree),
    /// It is there, of no grade that is said.
    Present,
    /// It may be there.
    Uncertain,
    /// The report says that it is normal.
    Normal,
    /// The report says nothing, and that is taken for normal.
    AssumedNormal,
    /// The report says nothing.
    NotMentioned,
}

impl Target {
    /// The name of what is known.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Graded(..) => "graded",
            Self::Present => "present",
            Self::Uncertain => "uncertain",
            Self::Normal => "normal",
            Self::AssumedNormal => "assumed-normal",
            Self::NotMentioned => "not-mentioned",
        }
    }

    /// The one grade, where there is one: `normal`, `mild`, `moderate`, `severe`.
    #[must_use]
    pub fn grade(self, policy: Policy) -> Option<&'static str> {
        match self {
            Self::Graded(from, to) => Some(one_of(from, to, policy).name()),
            Self::Normal | Self::AssumedNormal => Some("normal"),
            Self::Present | Self::Uncertain | Self::NotMentioned => None,
        }
    }

    fn badness(self) -> u8 {
        match self {
            Self::Graded(_, Degree::Severe) => 6,
            Self::Graded(_, Degree::Moderate) => 5,
            Self::Graded(_, Degree::Mild) => 4,
            Self::Present => 3,
            Self::Uncertain => 2,
            Self::Normal | Self::AssumedNormal => 1,
            Self::NotMentioned => 0,
        }
    }
}

/// The one grade of a range.
#[must_use]
pub fn one_of(from: Degree, to: Degree, policy: Policy) -> Degree {
    match policy.one_grade {
        OneGrade::Worse => to,
        OneGrade::Milder => from,
    }
}

/// What is known of each task at each of the five lumbar levels.
#[must_use]
pub fn targets(labels: &[Label], policy: Policy) -> Vec<(Disc, Task, Target)> {
    let mut found = Vec::with_capacity(LUMBAR_DISCS.len() * Task::ALL.len());
    for disc in LUMBAR_DISCS {
        for task in Task::ALL {
            let target = said_at(labels, disc, policy, |label| task.is_of(label)).map_or(
                match policy.not_mentioned {
                    NotMentioned::Leave => Target::NotMentioned,
                    NotMentioned::AssumeNormal => Target::AssumedNormal,
                },
                |(target, _)| target,
            );
            found.push((disc, task, target));
        }
    }
    found
}

/// What the report says at `disc` of whatever `is_of` picks, and the label that says it; `None` where it says nothing. A statement that names
/// the level counts for more than one about the whole lumbar spine.
pub fn said_at(
    labels: &[Label],
    disc: Disc,
    policy: Policy,
    is_of: impl Fn(&Label) -> bool,
) -> Option<(Target, &Label)> {
    let of_level = |general: bool| {
        labels
            .iter()
            .filter(|label| is_of(label) && covers(labels, label, disc))
            .filter(|label| (label.level_source == LevelSource::Global) == general)
            .filter_map(|label| Some((known(label)?, label)))
            .reduce(|a, b| pick(a, b, policy))
    };
    of_level(false).or_else(|| of_level(true))
}

/// Whether `label`, one of `labels`, holds at `disc`: it names it, or is about the whole lumbar spine or its remaining levels.
#[must_use]
pub fn covers(labels: &[Label], label: &Label, disc: Disc) -> bool {
    match label.place {
        Place::Disc(at) => at == disc,
        Place::All => LUMBAR_DISCS.contains(&disc),
        Place::Rest => {
            LUMBAR_DISCS.contains(&disc)
                && !labels.iter().any(|l| l.place == Place::Disc(disc) && l.presence != Presence::Absent)
        }
        Place::Vertebra(_) | Place::Several | Place::Unknown => false,
    }
}

fn known(label: &Label) -> Option<Target> {
    Some(match (label.presence, label.extent) {
        (Presence::Absent, _) => Target::Normal,
        (Presence::Uncertain, _) => Target::Uncertain,
        (Presence::Present, Some(Extent::Graded { from, to })) => Target::Graded(from, to),
        (Presence::Present, _) => Target::Present,
        (Presence::Past, _) => return None,
    })
}

fn pick<'a>(a: (Target, &'a Label), b: (Target, &'a Label), policy: Policy) -> (Target, &'a Label) {
    let a_is_worse = a.0.badness() >= b.0.badness();
    if a_is_worse == (policy.one_grade == OneGrade::Worse) { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Labeller, Lexicon};

    fn target(text: &str, policy: Policy, level: usize, task: Task) -> (Target, Option<&'static str>) {
        let lexicon = Lexicon::built_in();
        let labels = Labeller::new(&lexicon).label(text).labels;
        let wanted = LUMBAR_DISCS[level];
        let found = targets(&labels, policy).into_iter().find(|(disc, t, _)| *disc == wanted && *t == task);
        found.map(|(_, _, target)| (target, target.grade(policy))).unwrap_or((Target::NotMentioned, None))
    }

    #[test]
    fn a_range_gives_the_worse_grade_unless_the_milder_is_asked_for() {
        let text = "Mild to moderate canal stenosis at L4-5.";
        let milder = Policy { one_grade: OneGrade::Milder, ..Policy::default() };
        assert_eq!(target(text, Policy::default(), 3, Task::CentralCanal).1, Some("moderate"));
        assert_eq!(target(text, milder, 3, Task::CentralCanal).1, Some("mild"));
    }

    #[test]
    fn what_is_not_said_is_a_choice() {
        let text = "Severe left foraminal stenosis at L5-S1.";
        let normal = Policy { not_mentioned: NotMentioned::AssumeNormal, ..Policy::default() };
        assert_eq!(target(text, Policy::default(), 4, Task::RightForamen), (Target::NotMentioned, None));
        assert_eq!(target(text, normal, 4, Task::RightForamen), (Target::AssumedNormal, Some("normal")));
        assert_eq!(target(text, normal, 4, Task::LeftForamen).1, Some("severe"));
    }

    #[test]
    fn what_names_the_level_counts_for_more_than_what_is_about_all() {
        let text = "L4-5: moderate canal stenosis.\nAdequate spinal canal.";
        assert_eq!(target(text, Policy::default(), 3, Task::CentralCanal).1, Some("moderate"));
        assert_eq!(target(text, Policy::default(), 2, Task::CentralCanal), (Target::Normal, Some("normal")));
    }
}
