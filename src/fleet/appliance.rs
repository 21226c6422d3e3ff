//! What is known of one appliance, and how it stands.
//!
//! The will of a connection may arrive after the birth of the next: it is known by its session, which is not the one
//! that the appliance spoke with last. A retained status is as old as it says where its clock can be believed; where
//! it can't, it counts from when it was received.

use std::collections::BTreeMap;

use serde::Serialize;

use super::store::{Drift, Kept};
use super::wire::{Alarm, Health, Identity, Malformed, Model, Numbers, Said, Status};
use crate::appliance::clock::PLAUSIBLE_FROM_UNIX_SECS;

/// Most alarms of an appliance that are kept.
const ALARMS_MAX: usize = 32;
/// A status older than so many of its intervals is late.
pub const LATE_INTERVALS: i64 = 2;
/// One older than so many is that of a lost appliance.
pub const LOST_INTERVALS: i64 = 10;
/// A clock that is off by more than this is said to be, milliseconds.
pub const CLOCK_OFF_MS: i64 = 5 * 60 * 1000;

/// How an appliance stands; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Its will came, or nothing for ten intervals.
    Lost,
    /// Its status is older than two intervals.
    Late,
    /// It publishes, and has not said how it is.
    Silent,
    /// Something is wrong, but it works.
    Degraded,
    /// All is well.
    Up,
}

impl Standing {
    /// All of them, the worst first.
    pub const ALL: [Self; 5] = [Self::Lost, Self::Late, Self::Silent, Self::Degraded, Self::Up];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Late => "late",
            Self::Silent => "silent",
            Self::Degraded => "degraded",
            Self::Up => "up",
        }
    }
}

/// The last status that an appliance said itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spoken {
    health: Health,
    /// From when on it counts, by our clock.
    at_ms: i64,
}

/// One appliance.
#[derive(Debug, Clone, Default)]
pub struct Appliance {
    spoken: Option<Spoken>,
    /// A will, or an orderly end, since the last status.
    down: Option<Spoken>,
    identity: Option<Identity>,
    models: Box<[Model]>,
    alarms: BTreeMap<Box<str>, Alarm>,
    numbers: Numbers,
    /// Messages that made no sense, and what was wrong with the last of them.
    malformed: u64,
    last_malformed: Option<&'static str>,
    /// How far its clock is off, where that is far.
    clock_off_ms: Option<i64>,
    /// What the store knows.
    kept: Kept,
    drifts: Vec<Drift>,
}

impl Appliance {
    /// Takes up what it says at `now_ms`; `retained`: the broker had kept it.
    pub fn hear(&mut self, said: &Said, retained: bool, now_ms: i64) {
        match said {
            Said::Health(health) => self.hear_health(health, retained, now_ms),
            Said::Identity(identity) => self.identity = Some(identity.clone()),
            Said::Models(models) => self.models = models.clone(),
            Said::Alarm(name, Some(alarm)) => {
                if self.alarms.len() < ALARMS_MAX || self.alarms.contains_key(name) {
                    self.alarms.insert(name.clone(), alarm.clone());
                }
            }
            Said::Alarm(name, None) => drop(self.alarms.remove(name)),
            Said::Numbers(_, numbers) => self.numbers.update(numbers),
            Said::Event(_) | Said::TakenBack | Said::Other => {}
        }
    }

    fn hear_health(&mut self, health: &Health, retained: bool, now_ms: i64) {
        let made_ms = health.made_ms;
        let off_ms = made_ms - now_ms;
        let believable = made_ms >= PLAUSIBLE_FROM_UNIX_SECS * 1000 && off_ms < CLOCK_OFF_MS;
        let at_ms = if retained && believable && health.clock_synced != Some(false) { made_ms } else { now_ms };
        let spoken = Spoken { health: health.clone(), at_ms };
        if health.status == Status::Down {
            self.down = Some(spoken);
            return;
        }
        // A new connection of ours brings again what the broker keeps, which makes it no younger.
        let known = retained && self.spoken.as_ref().is_some_and(|known| known.health == *health);
        if !known {
            self.clock_off_ms = (!retained && off_ms.abs() > CLOCK_OFF_MS).then_some(off_ms);
            self.spoken = Some(spoken);
            self.down = None;
        }
    }

    /// A message of it made no sense.
    pub fn mishear(&mut self, malformed: Malformed) {
        self.malformed += 1;
        self.last_malformed = Some(malformed.0);
    }

    /// Numbers that another collector took.
    pub fn hear_numbers(&mut self, numbers: &Numbers) {
        self.numbers.update(numbers);
    }

    /// Takes over what the store knows.
    pub fn keep(&mut self, kept: Kept) {
        self.kept = kept;
    }

    /// Takes over how its grades drift.
    pub fn drift(&mut self, drifts: Vec<Drift>) {
        self.drifts = drifts;
    }

    /// The end that counts: a will of an earlier connection than the last that spoke is none.
    fn ended(&self) -> Option<&Spoken> {
        let down = self.down.as_ref()?;
        let other = |session: &str| session != &*down.health.session;
        let is_late = self.spoken.as_ref().is_some_and(|spoken| other(&spoken.health.session))
            || self.identity.as_ref().is_some_and(|identity| other(&identity.session));
        (!is_late).then_some(down)
    }

    /// Whether it said, or its will did, that it is gone.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended().is_some()
    }

    /// How it stands at `now_ms`.
    #[must_use]
    pub fn standing(&self, now_ms: i64) -> Standing {
        if self.ended().is_some() {
            return Standing::Lost;
        }
        let (Some(last), spoke) = (self.spoken.as_ref().or(self.down.as_ref()), self.spoken.is_some()) else {
            return Standing::Silent;
        };
        let interval_ms = i64::try_from(last.health.interval_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
        let age_ms = now_ms.saturating_sub(last.at_ms);
        if age_ms > interval_ms.saturating_mul(LOST_INTERVALS) {
            Standing::Lost
        } else if age_ms > interval_ms.saturating_mul(LATE_INTERVALS) {
            Standing::Late
        } else if !spoke {
            Standing::Silent
        } else if last.health.status == Status::Degraded {
            Standing::Degraded
        } else {
            Standing::Up
        }
    }

    /// How old its last status is, seconds.
    #[must_use]
    pub fn age_s(&self, now_ms: i64) -> Option<u64> {
        let last = self.ended().or(self.spoken.as_ref())?;
        Some(now_ms.saturating_sub(last.at_ms).max(0).unsigned_abs() / 1000)
    }

    /// What it is.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Its models, `name version`.
    #[must_use]
    pub fn models(&self) -> String {
        let named = self.models.iter().map(|model| format!("{} {}", model.name, model.version));
        named.collect::<Vec<_>>().join(", ")
    }

    /// Alarms that stand, by name.
    #[must_use]
    pub fn alarms(&self) -> &BTreeMap<Box<str>, Alarm> {
        &self.alarms
    }

    /// Its numbers.
    #[must_use]
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Messages of it that made no sense: of this process, or of all where the store knows more.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed.max(self.kept.malformed)
    }

    /// What was wrong with the last of them.
    #[must_use]
    pub fn last_malformed(&self) -> Option<&'static str> {
        self.last_malformed
    }

    /// How far its clock is off, seconds, where that is far.
    #[must_use]
    pub fn clock_off_s(&self) -> Option<i64> {
        self.clock_off_ms.map(|off| off / 1000)
    }

    /// What the store knows of it.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// How its grades drift.
    #[must_use]
    pub fn drifts(&self) -> &[Drift] {
        &self.drifts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn health(status: Status, session: &str, made_ms: i64) -> Said {
        Said::Health(Health { status, session: session.into(), interval_s: 60, made_ms, clock_synced: Some(true) })
    }

    fn identity(session: &str) -> Said {
        let name = |text: &str| -> Box<str> { text.into() };
        let (version, board, architecture) = (name("1"), name(""), name("x86_64"));
        Said::Identity(Identity { session: name(session), version, board, architecture, commands: Box::default() })
    }

    #[test]
    fn an_appliance_is_up_then_late_then_lost() {
        let mut one = Appliance::default();
        assert_eq!(one.standing(NOW_MS), Standing::Silent);
        one.hear(&health(Status::Up, "a", NOW_MS), false, NOW_MS);
        for (after_s, standing) in [
            (0, Standing::Up),
            (120, Standing::Up),
            (121, Standing::Late),
            (600, Standing::Late),
            (601, Standing::Lost),
        ] {
            assert_eq!(one.standing(NOW_MS + after_s * 1000), standing, "after {after_s} s");
        }
        one.hear(&health(Status::Degraded, "a", NOW_MS), false, NOW_MS);
        assert_eq!(one.standing(NOW_MS), Standing::Degraded);
        one.hear(&health(Status::Down, "a", NOW_MS), false, NOW_MS);
        assert_eq!(one.standing(NOW_MS), Standing::Lost);
        one.hear(&health(Status::Up, "b", NOW_MS), false, NOW_MS);
        assert_eq!(one.standing(NOW_MS), Standing::Up);
    }

    #[test]
    fn a_will_that_comes_after_the_next_birth_is_no_end() {
        let mut one = Appliance::default();
        one.hear(&health(Status::Up, "b", NOW_MS), false, NOW_MS);
        one.hear(&health(Status::Down, "a", NOW_MS), false, NOW_MS);
        assert_eq!(one.standing(NOW_MS), Standing::Up);
        // Known from what the broker keeps alone: the twin's session tells.
        let mut other = Appliance::default();
        other.hear(&health(Status::Down, "a", NOW_MS), true, NOW_MS);
        assert_eq!(other.standing(NOW_MS), Standing::Lost);
        other.hear(&identity("b"), true, NOW_MS);
        assert_eq!(other.standing(NOW_MS), Standing::Silent);
        assert_eq!(other.standing(NOW_MS + 121_000), Standing::Late);
    }

    #[test]
    fn what_the_broker_kept_is_as_old_as_it_says_unless_its_clock_is_wrong() {
        let mut one = Appliance::default();
        one.hear(&health(Status::Up, "a", NOW_MS - 700_000), true, NOW_MS);
        assert_eq!(one.standing(NOW_MS), Standing::Lost);
        let mut young = Appliance::default();
        young.hear(&health(Status::Up, "a", 1000), true, NOW_MS);
        assert_eq!(young.standing(NOW_MS), Standing::Up);
        // The same again, on a new connection of ours, is no news.
        young.hear(&health(Status::Up, "a", 1000), true, NOW_MS + 130_000);
        assert_eq!(young.standing(NOW_MS + 130_000), Standing::Late);
        assert_eq!(young.clock_off_s(), None);
        // Said again it is, even by a clock that stands still.
        young.hear(&health(Status::Up, "a", 1000), false, NOW_MS + 130_000);
        assert_eq!(young.standing(NOW_MS + 130_000), Standing::Up);
        young.hear(&health(Status::Up, "a", 61_000), false, NOW_MS);
        assert!(young.clock_off_s().is_some_and(|off| off < -1_000_000_000));
    }

    #[test]
    fn alarms_are_bounded_and_cleared() {
        let mut one = Appliance::default();
        let alarm = Alarm { rank: 2, severity: "major", text: "x".into(), since: "".into() };
        for n in 0..100 {
            one.hear(&Said::Alarm(format!("a{n}").into(), Some(alarm.clone())), true, NOW_MS);
        }
        assert_eq!(one.alarms().len(), ALARMS_MAX);
        one.hear(&Said::Alarm("a0".into(), None), true, NOW_MS);
        assert_eq!(one.alarms().len(), ALARMS_MAX - 1);
    }
}
