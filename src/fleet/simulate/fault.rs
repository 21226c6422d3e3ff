//! What goes wrong with simulated appliances, and with which.

/// Appliances among which each fault has one.
const ONE_IN: usize = 50;

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Dies after half of the time, without a word: its will comes.
    Lost,
    /// Says nothing about itself any more.
    Late,
    /// Comes back on a new connection before the will of the old one is published.
    LateWill,
    /// Sends some events twice.
    Doubled,
    /// Leaves out some sequence numbers for good.
    Missing,
    /// Sends what makes no sense, too.
    Malformed,
    /// Raises alarms, and clears some.
    Alarms,
    /// Has a clock that was never set.
    Clock,
    /// Sends events of before its connection behind new ones.
    Backlog,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Lost,
        Self::Late,
        Self::LateWill,
        Self::Doubled,
        Self::Missing,
        Self::Malformed,
        Self::Alarms,
        Self::Clock,
        Self::Backlog,
    ];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Late => "late",
            Self::LateWill => "late-will",
            Self::Doubled => "doubled",
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Alarms => "alarms",
            Self::Clock => "clock",
            Self::Backlog => "backlog",
        }
    }
}

/// The fault of each appliance: every fault once in [`ONE_IN`] appliances, at chance, and at least once as far as there
/// are appliances.
pub(super) fn assigned(appliances: usize, faults: &[Fault], chance: &mut Chance) -> Vec<Option<Fault>> {
    let mut assigned: Vec<Option<Fault>> = vec![None; appliances];
    let each = appliances.div_ceil(ONE_IN);
    for fault in faults.iter().flat_map(|fault| std::iter::repeat_n(*fault, each)) {
        let free = assigned.iter().filter(|fault| fault.is_none()).count();
        if free == 0 {
            break;
        }
        let place = chance.below(free);
        if let Some(of_one) = assigned.iter_mut().filter(|fault| fault.is_none()).nth(place) {
            *of_one = Some(fault);
        }
    }
    assigned
}

/// Chance that can be had again (splitmix64, Steele et al. 2014); fit for no secret.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// Number `part` of `seed`.
    pub(super) fn new(seed: u64, part: u64) -> Self {
        let mut chance = Self(seed ^ part.wrapping_mul(0xd134_2543_de82_ef95));
        chance.next();
        chance
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Even over 0 to `end`, `end` left out.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_appliances_and_each_appliance_at_most_one() {
        let faults = assigned(500, &Fault::ALL, &mut Chance::new(1, 0));
        for fault in Fault::ALL {
            assert_eq!(faults.iter().filter(|of_one| **of_one == Some(fault)).count(), 10, "{}", fault.name());
        }
        assert_eq!(assigned(4, &Fault::ALL, &mut Chance::new(1, 0)).iter().flatten().count(), 4);
    }
}
