//! How hot the processor is, beside where it begins to slow down, and how many threads that leaves a reading.
//!
//! A board that is throttled finishes later than one that was spared: near its limit a reading takes half the threads, at it one.
//! Every zone has its own limit, the kernel's passive trip point where there is one.

use std::collections::BTreeMap;

use super::machine::Zone;

/// How near to its limit a zone is warm, degrees Celsius: what half the cores are worth on a board with a fan, and more than a
/// reading heats it up in the time between two.
const NEAR_CELSIUS: f64 = 5.0;
/// Where the kernel names no passive trip point: at 80 the Raspberry Pi's firmware begins to slow down.
const LIMIT_CELSIUS: f64 = 80.0;
/// The same for Intel's and AMD's processors, which are built to be run hotter.
const LIMIT_PC_CELSIUS: f64 = 95.0;
/// The limit stays so far below the temperature at which the board is switched off.
const BELOW_CRITICAL_CELSIUS: f64 = 10.0;
/// The types of their zones.
const PC_ZONES: [&str; 2] = ["x86_pkg_temp", "k10temp"];
/// What the types of a board's processor hold, and how those of a whole chip begin; `CPU-therm` up to JetPack 5, `cpu-thermal` since.
const CPU_WORD: &str = "cpu";
const CHIP_PREFIXES: [&str; 2] = ["tj-therm", "soc-therm"];

/// How hot the processor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Heat {
    /// Far from its limit, or nobody says.
    #[default]
    Cool,
    /// Near it.
    Warm,
    /// At it.
    Hot,
}

impl Heat {
    /// The word in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cool => "cool",
            Self::Warm => "warm",
            Self::Hot => "hot",
        }
    }

    /// Of the hottest zone of the processor, each beside its own limit.
    #[must_use]
    pub fn of(zones: &BTreeMap<String, Zone>) -> Self {
        let of_processor = zones.iter().filter(|(kind, _)| is_of_the_processor(kind));
        of_processor.map(|(kind, zone)| beside(zone.celsius, limit(kind, zone))).max().unwrap_or_default()
    }

    /// How many of `threads` a reading begins with.
    #[must_use]
    pub fn leaves(self, threads: usize) -> usize {
        match self {
            Self::Cool => threads,
            Self::Warm => threads.div_ceil(2),
            Self::Hot => 1,
        }
    }
}

fn is_of_the_processor(kind: &str) -> bool {
    let lower = kind.to_ascii_lowercase();
    let is_chip = CHIP_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    lower.contains(CPU_WORD) || is_chip || PC_ZONES.contains(&kind)
}

fn limit(kind: &str, zone: &Zone) -> f64 {
    let usual = if PC_ZONES.contains(&kind) { LIMIT_PC_CELSIUS } else { LIMIT_CELSIUS };
    let below_critical = zone.critical_celsius.map_or(f64::INFINITY, |critical| critical - BELOW_CRITICAL_CELSIUS);
    zone.passive_celsius.unwrap_or(usual).min(below_critical)
}

fn beside(celsius: f64, limit: f64) -> Heat {
    match limit - celsius {
        left if left <= 0.0 => Heat::Hot,
        left if left <= NEAR_CELSIUS => Heat::Warm,
        _ => Heat::Cool,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_follows_each_zones_own_limit() {
        let orin = (Some(99.0), Some(104.5));
        for (kind, celsius, (passive, critical), heat) in [
            ("cpu-thermal", 70.0, orin, Heat::Cool),
            // The critical point is nearer than the passive one leaves room for: 94.5.
            ("cpu-thermal", 90.0, orin, Heat::Warm),
            ("cpu-thermal", 94.5, orin, Heat::Hot),
            ("CPU-therm", 94.5, orin, Heat::Hot),
            ("tj-thermal", 97.0, orin, Heat::Hot),
            // Its GPU is no business of the processor's threads.
            ("gpu-thermal", 99.0, orin, Heat::Cool),
            // A Raspberry Pi 5 names only a critical point.
            ("cpu-thermal", 74.9, (None, Some(110.0)), Heat::Cool),
            ("cpu-thermal", 75.0, (None, Some(110.0)), Heat::Warm),
            ("cpu-thermal", 80.0, (None, Some(110.0)), Heat::Hot),
            ("x86_pkg_temp", 85.0, (None, None), Heat::Cool),
            ("x86_pkg_temp", 91.0, (None, None), Heat::Warm),
            ("x86_pkg_temp", 95.0, (None, None), Heat::Hot),
            ("acpitz", 99.0, (None, None), Heat::Cool),
            ("cpu-thermal", 60.0, (Some(62.0), None), Heat::Warm),
        ] {
            let zone = Zone { celsius, passive_celsius: passive, critical_celsius: critical };
            assert_eq!(Heat::of(&BTreeMap::from([(kind.to_owned(), zone)])), heat, "{kind} {celsius}");
        }
        assert_eq!(Heat::of(&BTreeMap::new()), Heat::Cool);
    }

    #[test]
    fn heat_takes_threads_and_leaves_one() {
        for (threads, left) in [(1, [1, 1, 1]), (2, [2, 1, 1]), (5, [5, 3, 1]), (6, [6, 3, 1]), (16, [16, 8, 1])] {
            assert_eq!([Heat::Cool, Heat::Warm, Heat::Hot].map(|heat| heat.leaves(threads)), left, "{threads}");
        }
    }
}
