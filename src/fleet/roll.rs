//! The roll: every appliance that is known, in memory.

use std::collections::BTreeMap;

use super::appliance::Appliance;
use super::store::{Drift, Gap, Kept, NumbersRow, Standings};
use super::wire::{Malformed, Root, Said, understand};
use crate::appliance::mqtt::topics;

/// Most appliances that are kept; further ones are counted.
pub const APPLIANCES_MAX: usize = 200_000;

/// Every appliance, and what could not be taken up.
#[derive(Debug, Default)]
pub struct Roll {
    appliances: BTreeMap<Box<str>, Appliance>,
    /// Messages of appliances for which there was no room.
    turned_away: u64,
    /// Messages on topics that are no appliance's.
    strange: u64,
}

/// A message of a device, understood.
#[derive(Debug)]
pub struct Understood<'a> {
    /// Whose it is.
    pub device: &'a str,
    /// What it says, or what is wrong with it.
    pub said: Result<Said, Malformed>,
}

impl Roll {
    /// Understands a message and takes it up at `now_ms`; `None` where it is no appliance's.
    pub fn hear<'a>(
        &mut self,
        root: &Root,
        (topic, payload): (&'a str, &[u8]),
        retained: bool,
        now_ms: i64,
    ) -> Option<Understood<'a>> {
        let Some((device, suffix)) = root.split(topic) else {
            self.strange += 1;
            return None;
        };
        let said = understand(suffix, payload);
        if suffix == topics::HEALTH && said == Ok(Said::TakenBack) {
            // Whoever clears an appliance's status takes it off the roll.
            self.appliances.remove(device);
        } else if !matches!(said, Ok(Said::TakenBack | Said::Other)) {
            self.take_up(device, &said, retained, now_ms);
        }
        Some(Understood { device, said })
    }

    fn take_up(&mut self, device: &str, said: &Result<Said, Malformed>, retained: bool, now_ms: i64) {
        if !self.appliances.contains_key(device) && self.appliances.len() >= APPLIANCES_MAX {
            self.turned_away += 1;
            return;
        }
        let appliance = self.appliances.entry(device.into()).or_default();
        match said {
            Ok(said) => appliance.hear(said, retained, now_ms),
            Err(malformed) => appliance.mishear(*malformed),
        }
    }

    /// Takes over what the store knows: gaps and counts of all, and numbers that other collectors took.
    pub fn refresh(&mut self, standings: Standings, numbers: &[NumbersRow]) {
        let mut gaps: BTreeMap<Box<str>, Vec<Gap>> = BTreeMap::new();
        for gap in standings.gaps {
            gaps.entry(gap.device.clone()).or_default().push(gap);
        }
        let counts: BTreeMap<Box<str>, (u64, u64)> =
            standings.counts.into_iter().map(|c| (c.device, (c.repeats, c.malformed))).collect();
        for (device, appliance) in &mut self.appliances {
            let (repeats, malformed) = counts.get(device).copied().unwrap_or_default();
            appliance.keep(Kept { gaps: gaps.remove(device).unwrap_or_default(), repeats, malformed });
        }
        for row in numbers {
            if let Some(appliance) = self.appliances.get_mut(&row.device) {
                appliance.hear_numbers(&row.numbers);
            }
        }
    }

    /// Takes over how the grades of some appliances drift.
    pub fn drift(&mut self, drifts: BTreeMap<Box<str>, Vec<Drift>>) {
        for (device, drifts) in drifts {
            if let Some(appliance) = self.appliances.get_mut(&device) {
                appliance.drift(drifts);
            }
        }
    }

    /// All of them, by name.
    #[must_use]
    pub fn appliances(&self) -> &BTreeMap<Box<str>, Appliance> {
        &self.appliances
    }

    /// Messages of appliances for which there was no room.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// Messages on topics that are no appliance's.
    #[must_use]
    pub fn strange(&self) -> u64 {
        self.strange
    }
}
