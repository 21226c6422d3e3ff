//! What slows the board down, and how it is set: cooling, the firmware's word, power modes, the GPU's clock.
//!
//! From files alone, and each where a board has it: the kernel's cooling devices by their `type` (on a Jetson named after what they
//! throttle), the Raspberry Pi firmware's `get_throttled`, Intel's counts, cpufreq, nvpmodel's state, devfreq. A file that is missing
//! is a number that is not told.

use std::collections::BTreeMap;
use std::path::Path;

use super::machine::{Machine, entries, line, word};

/// Most cooling devices that are looked at: a board has one for each core, and a few.
const COOLING_MAX: usize = 64;
/// Most groups of cores with a clock of their own.
const POLICIES_MAX: usize = 32;
/// Most devices with a clock of their own that are looked at for the GPU.
const DEVFREQ_MAX: usize = 16;
/// How the types of cooling devices begin that slow something down; every other one, such as a fan, costs nothing.
const SLOWING_PREFIXES: [&str; 6] =
    ["cpufreq", "thermal-cpufreq", "devfreq", "thermal-devfreq", "Processor", "intel_powerclamp"];
/// What the types hold of those of a Jetson: `cpu-throttle-alert`.
const SLOWING_WORD: &str = "throttle";
/// Where the Raspberry Pi's firmware tells; hex.
const PI_FIRMWARE: &str = "/sys/devices/platform/soc/soc:firmware/get_throttled";
/// Of its bits those that say now: too little voltage, clock capped, throttled, soft limit of temperature.
const PI_NOW: u64 = 0b1111;
/// The one of them that says that the power supply is too weak.
const PI_LOW_VOLTAGE: u64 = 0b1;
/// Where nvpmodel keeps the number of the mode that it set, and what the modes are called.
const POWER_MODE_STATUS: &str = "/var/lib/nvpmodel/status";
const POWER_MODE_NAMES: &str = "/etc/nvpmodel.conf";
/// Names of a Jetson's GPU in its device tree, or the end of its device's name.
const GPU_NAMES: [&str; 4] = ["gpu", "ga10b", "gv11b", "gp10b"];
/// Rounds in a row after which a board has been slow for long: with one a minute a quarter of an hour. Readings come in bursts, and
/// the heat of a burst is gone sooner.
pub const SLOW_ROUNDS_MAX: u32 = 15;

/// What slows the machine down at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slowing {
    /// Cooling devices that slow something down, by type, with their state, 0 where they do nothing; of several of one type the highest.
    pub cooling: BTreeMap<String, u64>,
    /// The Raspberry Pi firmware's bits.
    pub firmware: Option<u64>,
    /// How often the processor was slowed down because of heat, where the kernel counts it.
    pub count: Option<u64>,
}

impl Slowing {
    /// Whether something is slowed down right now, counts apart.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.cooling.values().any(|state| *state > 0) || self.firmware.is_some_and(|bits| bits & PI_NOW != 0)
    }

    /// Whether the power supply is what is wrong.
    #[must_use]
    pub fn lacks_power(&self) -> bool {
        self.firmware.is_some_and(|bits| bits & PI_LOW_VOLTAGE != 0)
    }
}

/// For how long the machine has been slow.
#[derive(Debug, Clone, Copy, Default)]
pub struct SlowFor {
    rounds: u32,
    count: Option<u64>,
}

impl SlowFor {
    /// After one more look; whether it has been slow for long.
    pub fn after(&mut self, slowing: &Slowing) -> bool {
        let counted = slowing.count.zip(self.count).is_some_and(|(now, before)| now > before);
        self.count = slowing.count;
        self.rounds = if slowing.is_active() || counted { self.rounds.saturating_add(1) } else { 0 };
        self.rounds >= SLOW_ROUNDS_MAX
    }
}

/// The power mode that nvpmodel set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerMode {
    /// Its number. What a number means differs from board to board: the fastest has not always the highest.
    pub number: u64,
    /// Its name, such as `15W`, where the board's list has it.
    pub name: Option<String>,
}

/// A GPU that shares the board's memory.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Gpu {
    /// How busy it is, percent.
    pub load_percent: Option<f64>,
    /// Its clock, MHz.
    pub mhz: Option<f64>,
    /// The highest clock that it may have now, MHz.
    pub mhz_max: Option<f64>,
}

impl Machine {
    /// What slows it down.
    #[must_use]
    pub fn slowing(&self) -> Slowing {
        let mut cooling = BTreeMap::new();
        for dir in entries(&self.sys.join("class/thermal"), "cooling_device", COOLING_MAX) {
            let Some(kind) = line(&dir.join("type")).filter(|kind| slows(kind)) else { continue };
            // One that is off may say -1.
            let Some(state) = line(&dir.join("cur_state")).and_then(|text| text.parse::<i64>().ok()) else { continue };
            let highest = cooling.entry(word(&kind)).or_insert(0);
            *highest = (*highest).max(u64::try_from(state).unwrap_or(0));
        }
        let firmware = line(&self.file(PI_FIRMWARE));
        let hex = |text: String| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
        let count = line(&self.sys.join("devices/system/cpu/cpu0/thermal_throttle/package_throttle_count"));
        Slowing { cooling, firmware: firmware.and_then(hex), count: count.and_then(|text| text.parse().ok()) }
    }

    /// How much of its highest clock the slowest group of cores may use now, percent: a power mode or the cooling takes the rest.
    #[must_use]
    pub fn clock_limit_percent(&self) -> Option<f64> {
        let policies = entries(&self.sys.join("devices/system/cpu/cpufreq"), "policy", POLICIES_MAX);
        let limits = policies.iter().filter_map(|dir| {
            let limit = number(&dir.join("scaling_max_freq"))?;
            let highest = number(&dir.join("cpuinfo_max_freq")).filter(|highest| *highest > 0.0)?;
            Some(limit / highest * 100.0)
        });
        limits.min_by(f64::total_cmp)
    }

    /// The power mode of a Jetson.
    #[must_use]
    pub fn power_mode(&self) -> Option<PowerMode> {
        let number = line(&self.file(POWER_MODE_STATUS))?.strip_prefix("pmode:")?.trim().parse().ok()?;
        let names = std::fs::read_to_string(self.file(POWER_MODE_NAMES)).unwrap_or_default();
        let name = names.lines().filter_map(mode_of_line).find(|(of, _)| *of == number).map(|(_, name)| name);
        Some(PowerMode { number, name })
    }

    /// The GPU of a Jetson.
    #[must_use]
    pub fn gpu(&self) -> Option<Gpu> {
        let dir = entries(&self.sys.join("class/devfreq"), "", DEVFREQ_MAX).into_iter().find(|dir| is_gpu(dir))?;
        let mhz = |file: &str| number(&dir.join(file)).map(|hz| hz / 1e6);
        // In tenths of a percent.
        let load_percent = number(&dir.join("device/load")).map(|tenths| tenths / 10.0);
        Some(Gpu { load_percent, mhz: mhz("cur_freq"), mhz_max: mhz("max_freq") })
    }
}

fn slows(kind: &str) -> bool {
    kind.contains(SLOWING_WORD) || SLOWING_PREFIXES.iter().any(|prefix| kind.starts_with(prefix))
}

fn is_gpu(dir: &Path) -> bool {
    let named = line(&dir.join("device/of_node/name"));
    let of_folder = || Some(dir.file_name()?.to_str()?.rsplit_once('.')?.1.to_owned());
    named.or_else(of_folder).is_some_and(|name| GPU_NAMES.contains(&name.as_str()))
}

/// The number and name in a line such as `< POWER_MODEL ID=0 NAME=15W >`.
fn mode_of_line(text: &str) -> Option<(u64, String)> {
    let model = text.trim().strip_prefix('<')?.trim_start().strip_prefix("POWER_MODEL")?;
    let value = |key: &str| model.split_whitespace().find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
    Some((value("ID")?.parse().ok()?, value("NAME")?.chars().take(40).collect()))
}

fn number(path: &Path) -> Option<f64> {
    line(path)?.parse::<f64>().ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slowing(state: u64, firmware: Option<u64>, count: Option<u64>) -> Slowing {
        Slowing { cooling: BTreeMap::from([("cpu-throttle-alert".to_owned(), state)]), firmware, count }
    }

    #[test]
    fn what_happened_before_is_not_now() {
        // Bits 16 to 19 say that it has happened since the start.
        assert!(!slowing(0, Some(0x50000), Some(7)).is_active());
        assert!(slowing(1, None, None).is_active());
        assert!(slowing(0, Some(0x50005), None).is_active() && slowing(0, Some(0x50005), None).lacks_power());
        assert!(!slowing(0, Some(0x4), None).lacks_power());
    }

    #[test]
    fn only_a_board_that_stays_slow_has_been_slow_for_long() {
        let mut slow = SlowFor::default();
        let mut rounds = |state, count, times| (0..times).any(|_| slow.after(&slowing(state, None, count)));
        assert!(!rounds(1, None, SLOW_ROUNDS_MAX - 1));
        assert!(!rounds(0, None, 1));
        assert!(!rounds(1, None, SLOW_ROUNDS_MAX - 1));
        assert!(rounds(1, None, 1));
        assert!(!rounds(0, Some(100), 30), "a count that stands still is of long ago");
        let mut counting = SlowFor::default();
        assert!((0..=u64::from(SLOW_ROUNDS_MAX)).any(|n| counting.after(&slowing(0, None, Some(n)))));
    }
}
