//! When a study is complete: DICOM has no end-of-series signal, so time and roles decide.
//!
//! Pure: the clock comes in as a [`Duration`] since some fixed moment, and nothing is done but
//! deciding.

use std::time::Duration;

use crate::appliance::config::Ingest;
use crate::appliance::reader::protocol::StudySummary;
use crate::spine::Role;

/// One study while its files come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    first: Duration,
    last: Duration,
    /// Waited since the first and since the last file before the appliance was started again.
    before: Waited,
    /// Somebody says that all of it is there.
    announced: bool,
    summary: Option<StudySummary>,
}

/// How long a study has waited. No wall clock is asked, as it may begin in 1970 and jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waited {
    /// Since its first file.
    pub since_first: Duration,
    /// Since its last file.
    pub since_last: Duration,
}

/// What to do about a study now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing before this moment, unless a file comes.
    Wait(Duration),
    /// Find out which roles its series take; then decide again.
    Summarise,
    /// Read it.
    Ready(Why),
}

/// Why a study is read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Everything required and wanted is there.
    Complete,
    /// A sentinel file says that everything is there.
    Announced,
    /// What is missing or has gaps was waited for long enough.
    WaitedLongEnough,
    /// Its first file came too long ago.
    Forced,
}

impl Why {
    /// A word for the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Announced => "announced by a sentinel file",
            Self::WaitedLongEnough => "waited long enough for the rest",
            Self::Forced => "first file too long ago",
        }
    }
}

/// What of the required and wanted roles a study has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Coverage {
    /// Something required is missing.
    Insufficient,
    /// It can be read, but something is missing or has gaps.
    Partial,
    /// Everything is there.
    Full,
}

impl Arrival {
    /// A study whose first file came at `now`.
    #[must_use]
    pub const fn begun(now: Duration) -> Self {
        Self::resumed(now, Waited { since_first: Duration::ZERO, since_last: Duration::ZERO })
    }

    /// A study that had waited when the appliance was started again at `now`.
    #[must_use]
    pub const fn resumed(now: Duration, before: Waited) -> Self {
        Self { first: now, last: now, before, announced: false, summary: None }
    }

    /// Another file of it came at `now`.
    pub fn file_came(&mut self, now: Duration) {
        self.last = now;
        self.before.since_last = Duration::ZERO;
        self.announced = false;
        self.summary = None;
    }

    /// A sentinel file says that what was looked at is all of it.
    pub fn announced(&mut self) {
        self.announced = true;
    }

    /// How long it has waited at `now`.
    #[must_use]
    pub fn waited(&self, now: Duration) -> Waited {
        Waited {
            since_first: self.before.since_first + now.saturating_sub(self.first),
            since_last: self.before.since_last + now.saturating_sub(self.last),
        }
    }

    /// Its series were found to take these roles.
    pub fn summarised(&mut self, summary: StudySummary) {
        self.summary = Some(summary);
    }

    /// What to do at `now`. `unseen_since` is when the oldest file came that nobody has looked at yet: it
    /// may be this study's, unless it came after the quiet time; so other studies can't hold this one back.
    #[must_use]
    pub fn decide(&self, rules: &Ingest, now: Duration, unseen_since: Option<Duration>) -> Decision {
        let forced_at = self.forced_at(rules);
        if now >= forced_at {
            return Decision::Ready(Why::Forced);
        }
        if self.announced {
            return Decision::Ready(Why::Announced);
        }
        let quiet_at = self.last + rules.quiet;
        if now < quiet_at {
            return Decision::Wait(quiet_at.min(forced_at));
        }
        if unseen_since.is_some_and(|since| since <= quiet_at) {
            return Decision::Wait(forced_at);
        }
        let Some(summary) = &self.summary else { return Decision::Summarise };
        let given_up_at = self.last + rules.wanted_wait.saturating_sub(self.before.since_last);
        match coverage(rules, summary) {
            Coverage::Full => Decision::Ready(Why::Complete),
            Coverage::Partial if now >= given_up_at => Decision::Ready(Why::WaitedLongEnough),
            Coverage::Partial => Decision::Wait(given_up_at.min(forced_at)),
            Coverage::Insufficient => Decision::Wait(forced_at),
        }
    }

    /// What came while the appliance was not running gets the quiet time to be looked at.
    fn forced_at(&self, rules: &Ingest) -> Duration {
        let left = rules.force_after.saturating_sub(self.before.since_first);
        self.first + left.max(rules.quiet.min(rules.force_after))
    }
}

fn coverage(rules: &Ingest, summary: &StudySummary) -> Coverage {
    let whole = |role: Role| summary.whole_roles.iter().any(|r| r == role.name());
    let there = |role: Role| whole(role) || summary.gapped_roles.iter().any(|r| r == role.name());
    let of_required = |role: &Role| match role {
        role if whole(*role) => Coverage::Full,
        role if there(*role) => Coverage::Partial,
        // A study without any sagittal T2 is read from its sagittal T1, once it is clear that none comes.
        Role::SagittalT2 if there(Role::SagittalT1) => Coverage::Partial,
        _ => Coverage::Insufficient,
    };
    let required = rules.required.iter().map(of_required).min().unwrap_or(Coverage::Full);
    let wanted = if rules.wanted.iter().all(|r| whole(*r)) { Coverage::Full } else { Coverage::Partial };
    required.min(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Ingest {
        Ingest {
            folder: "/in".into(),
            required: vec![Role::SagittalT2],
            wanted: vec![Role::AxialT2, Role::SagittalT1],
            quiet: secs(15),
            wanted_wait: secs(1800),
            force_after: secs(5400),
            sentinel: None,
        }
    }

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn study(whole: &[&str], gapped: &[&str]) -> Arrival {
        let names = |roles: &[&str]| roles.iter().map(|r| (*r).to_owned()).collect();
        let mut arrival = Arrival::begun(secs(100));
        arrival.summarised(StudySummary { whole_roles: names(whole), gapped_roles: names(gapped) });
        arrival
    }

    const ALL: [&str; 3] = ["sag-t2", "sag-t1", "ax-t2"];

    #[test]
    fn a_study_with_everything_is_ready_after_the_quiet_time() {
        assert_eq!(study(&ALL, &[]).decide(&rules(), secs(114), None), Decision::Wait(secs(115)));
        assert_eq!(study(&ALL, &[]).decide(&rules(), secs(115), None), Decision::Ready(Why::Complete));
    }

    #[test]
    fn roles_are_asked_for_only_once_it_is_quiet() {
        let mut arrival = Arrival::begun(secs(100));
        assert_eq!(arrival.decide(&rules(), secs(101), None), Decision::Wait(secs(115)));
        assert_eq!(arrival.decide(&rules(), secs(115), None), Decision::Summarise);
        arrival.file_came(secs(116));
        assert_eq!(arrival.decide(&rules(), secs(120), None), Decision::Wait(secs(131)));
    }

    #[test]
    fn a_new_file_asks_for_the_roles_again() {
        let mut arrival = study(&ALL, &[]);
        arrival.file_came(secs(110));
        assert_eq!(arrival.decide(&rules(), secs(125), None), Decision::Summarise);
    }

    #[test]
    fn files_that_nobody_looked_at_hold_a_study_back_until_it_is_forced() {
        assert_eq!(study(&ALL, &[]).decide(&rules(), secs(200), Some(secs(101))), Decision::Wait(secs(5500)));
        assert_eq!(study(&ALL, &[]).decide(&rules(), secs(5500), Some(secs(101))), Decision::Ready(Why::Forced));
    }

    #[test]
    fn files_of_later_studies_hold_nothing_back() {
        assert_eq!(study(&ALL, &[]).decide(&rules(), secs(200), Some(secs(116))), Decision::Ready(Why::Complete));
    }

    #[test]
    fn wanted_series_are_waited_for_since_the_last_file() {
        let mut arrival = study(&["sag-t2"], &[]);
        assert_eq!(arrival.decide(&rules(), secs(200), None), Decision::Wait(secs(1900)));
        assert_eq!(arrival.decide(&rules(), secs(1900), None), Decision::Ready(Why::WaitedLongEnough));
        arrival.file_came(secs(1000));
        arrival.summarised(StudySummary { whole_roles: vec!["sag-t2".into()], gapped_roles: Vec::new() });
        assert_eq!(arrival.decide(&rules(), secs(1900), None), Decision::Wait(secs(2800)));
    }

    #[test]
    fn gaps_in_a_required_series_are_waited_for_like_a_wanted_one() {
        let arrival = study(&["sag-t1", "ax-t2"], &["sag-t2"]);
        assert_eq!(arrival.decide(&rules(), secs(200), None), Decision::Wait(secs(1900)));
        assert_eq!(arrival.decide(&rules(), secs(1900), None), Decision::Ready(Why::WaitedLongEnough));
    }

    #[test]
    fn a_study_without_sagittal_t2_is_read_from_its_t1_once_none_comes() {
        let arrival = study(&["sag-t1", "ax-t2"], &[]);
        assert_eq!(arrival.decide(&rules(), secs(200), None), Decision::Wait(secs(1900)));
        assert_eq!(arrival.decide(&rules(), secs(1900), None), Decision::Ready(Why::WaitedLongEnough));
    }

    #[test]
    fn a_study_without_anything_required_is_forced_since_its_first_file() {
        let mut arrival = study(&["ax-t2"], &[]);
        assert_eq!(arrival.decide(&rules(), secs(4000), None), Decision::Wait(secs(5500)));
        arrival.file_came(secs(5499));
        assert_eq!(arrival.decide(&rules(), secs(5500), None), Decision::Ready(Why::Forced));
    }

    #[test]
    fn what_was_waited_before_a_restart_counts() {
        let before = Waited { since_first: secs(5000), since_last: secs(1000) };
        let mut arrival = Arrival::resumed(secs(100), before);
        assert_eq!(arrival.waited(secs(160)), Waited { since_first: secs(5060), since_last: secs(1060) });
        arrival.summarised(StudySummary { whole_roles: Vec::new(), gapped_roles: Vec::new() });
        assert_eq!(arrival.decide(&rules(), secs(200), None), Decision::Wait(secs(500)));
        let patient = Ingest { required: Vec::new(), force_after: secs(50_000), ..rules() };
        assert_eq!(arrival.decide(&patient, secs(200), None), Decision::Wait(secs(900)), "1000 s of 1800 were over");
        arrival.file_came(secs(160));
        assert_eq!(arrival.waited(secs(170)).since_last, secs(10));
    }

    #[test]
    fn a_study_whose_time_was_up_before_a_restart_still_gets_the_quiet_time() {
        let arrival = Arrival::resumed(secs(100), Waited { since_first: secs(9000), since_last: secs(9000) });
        assert_eq!(arrival.decide(&rules(), secs(101), None), Decision::Wait(secs(115)));
        assert_eq!(arrival.decide(&rules(), secs(115), None), Decision::Ready(Why::Forced));
    }

    #[test]
    fn an_announced_study_is_ready_at_once_unless_another_file_comes() {
        let mut arrival = study(&[], &[]);
        arrival.announced();
        assert_eq!(arrival.decide(&rules(), secs(101), None), Decision::Ready(Why::Announced));
        arrival.file_came(secs(102));
        assert_eq!(arrival.decide(&rules(), secs(103), None), Decision::Wait(secs(117)));
    }

    #[test]
    fn without_any_wish_a_quiet_study_is_ready() {
        let rules = Ingest { required: Vec::new(), wanted: Vec::new(), ..rules() };
        assert_eq!(study(&[], &[]).decide(&rules, secs(115), None), Decision::Ready(Why::Complete));
    }
}
