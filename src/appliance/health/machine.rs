//! What the kernel tells of the machine: temperatures, memory, disk, wear.
//!
//! Thermal zones are told apart by their `type`, never by their number, which changes from kernel to kernel.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Most thermal zones that are looked at.
const ZONES_MAX: usize = 32;
/// Most trip points of one zone.
const TRIPS_MAX: usize = 12;
/// Most disks that are looked at.
const DISKS_MAX: usize = 8;

/// Where the kernel tells; tests name other folders.
#[derive(Debug, Clone)]
pub struct Machine {
    /// What `/` is.
    root: PathBuf,
    pub(super) sys: PathBuf,
    proc: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self::below(Path::new("/"))
    }
}

/// One thermal zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zone {
    /// Its temperature, degrees Celsius.
    pub celsius: f64,
    /// The lowest temperature from which on the kernel slows the board down, degrees Celsius.
    pub passive_celsius: Option<f64>,
    /// The temperature at which the kernel switches the board off, degrees Celsius.
    pub critical_celsius: Option<f64>,
}

/// Memory, MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Memory of this process that is in RAM.
    pub resident_kib: u64,
    /// Memory that programs can still get.
    pub available_kib: u64,
}

/// Room on a file system, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// What we may still write.
    pub free_bytes: u64,
    /// All of it.
    pub total_bytes: u64,
}

impl Machine {
    /// The machine whose `/sys`, `/proc` and other files lie below `root`.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_path_buf(), sys: root.join("sys"), proc: root.join("proc") }
    }

    /// A file by its absolute path.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Thermal zones by their type; of several of one type the hottest.
    #[must_use]
    pub fn zones(&self) -> BTreeMap<String, Zone> {
        let mut zones = BTreeMap::new();
        for dir in entries(&self.sys.join("class/thermal"), "thermal_zone", ZONES_MAX) {
            let (Some(kind), Some(celsius)) = (line(&dir.join("type")), milli(&dir.join("temp"))) else { continue };
            let zone =
                Zone { celsius, passive_celsius: trip(&dir, "passive"), critical_celsius: trip(&dir, "critical") };
            let hottest = zones.entry(word(&kind)).or_insert(zone);
            if celsius > hottest.celsius {
                *hottest = zone;
            }
        }
        zones
    }

    /// Memory of this process and of the machine.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory {
            resident_kib: kib(&self.proc.join("self/status"), "VmRSS:"),
            available_kib: kib(&self.proc.join("meminfo"), "MemAvailable:"),
        }
    }

    /// The load over one minute.
    #[must_use]
    pub fn load(&self) -> Option<f64> {
        line(&self.proc.join("loadavg"))?.split_whitespace().next()?.parse().ok()
    }

    /// How much of an eMMC's life is used up, percent, by disk: JEDEC's estimate in steps of ten.
    #[must_use]
    pub fn wear_percent(&self) -> BTreeMap<String, u64> {
        let mut wear = BTreeMap::new();
        for dir in entries(&self.sys.join("block"), "mmcblk", DISKS_MAX) {
            let Some(text) = line(&dir.join("device/life_time")) else { continue };
            let worst =
                text.split_whitespace().filter_map(|s| u64::from_str_radix(s.strip_prefix("0x")?, 16).ok()).max();
            if let (Some(steps), Some(name)) = (worst.filter(|steps| *steps > 0), dir.file_name()) {
                wear.insert(word(&name.to_string_lossy()), steps.min(11) * 10);
            }
        }
        wear
    }

    /// What the board is, where the device tree or the firmware says.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        let device_tree = line(&self.proc.join("device-tree/model"));
        device_tree
            .or_else(|| line(&self.sys.join("class/dmi/id/product_name")))
            .map(|text| text.chars().filter(|c| !c.is_control()).take(80).collect())
    }
}

/// Room on the file system that holds `folder`, or will.
///
/// # Errors
/// As the file system gives them.
pub fn room(folder: &Path) -> std::io::Result<Room> {
    let nearest = folder.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let disk = rustix::fs::statvfs(nearest)?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Ok(Room { free_bytes: bytes(disk.f_bavail), total_bytes: bytes(disk.f_blocks) })
}

pub(super) fn entries(folder: &Path, prefix: &str, limit: usize) -> Vec<PathBuf> {
    let Ok(listing) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = listing
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .take(limit)
        .collect();
    found.sort();
    found
}

/// The lowest trip point of a kind that is in use: one that is not has zero or less.
fn trip(zone: &Path, kind: &str) -> Option<f64> {
    (0..TRIPS_MAX)
        .filter(|n| line(&zone.join(format!("trip_point_{n}_type"))).is_some_and(|of| of == kind))
        .filter_map(|n| milli(&zone.join(format!("trip_point_{n}_temp"))).filter(|celsius| *celsius > 0.0))
        .min_by(f64::total_cmp)
}

fn milli(path: &Path) -> Option<f64> {
    line(path)?.parse::<f64>().ok().map(|milli| milli / 1e3)
}

/// The first line of a small file of the kernel's.
pub(super) fn line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(|line| line.trim_matches(['\0', ' ']).to_owned()).filter(|line| !line.is_empty())
}

fn kib(path: &Path, label: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let found = text.lines().find_map(|line| line.strip_prefix(label));
    found.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A name of the kernel's as a key on the wire.
pub(super) fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(40).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn file(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn zones_are_known_by_their_type_and_their_critical_point() {
        let dir = tempfile::tempdir().unwrap();
        for (n, kind, temp) in [(0, "cpu-thermal", 51_500), (1, "gpu-thermal", 49_000), (7, "cpu-thermal", 60_250)] {
            let zone = format!("sys/class/thermal/thermal_zone{n}");
            file(dir.path(), &format!("{zone}/type"), &format!("{kind}\n"));
            file(dir.path(), &format!("{zone}/temp"), &format!("{temp}\n"));
        }
        file(dir.path(), "sys/class/thermal/thermal_zone7/trip_point_0_type", "passive\n");
        file(dir.path(), "sys/class/thermal/thermal_zone7/trip_point_0_temp", "-274000\n");
        file(dir.path(), "sys/class/thermal/thermal_zone7/trip_point_1_type", "critical\n");
        file(dir.path(), "sys/class/thermal/thermal_zone7/trip_point_1_temp", "104500\n");
        let zones = Machine::below(dir.path()).zones();
        assert_eq!(zones.len(), 2);
        assert_eq!(zones["cpu-thermal"], Zone { celsius: 60.25, passive_celsius: None, critical_celsius: Some(104.5) });
    }

    #[test]
    fn memory_load_and_wear_are_read_and_may_be_absent() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::below(dir.path());
        assert_eq!((machine.memory(), machine.load(), machine.model()), (Memory::default(), None, None));
        file(dir.path(), "proc/self/status", "Name:\tx\nVmRSS:\t    5120 kB\n");
        file(dir.path(), "proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    2048 kB\n");
        file(dir.path(), "proc/loadavg", "0.25 0.1 0.1 1/100 42\n");
        file(dir.path(), "sys/block/mmcblk0/device/life_time", "0x01 0x03\n");
        file(dir.path(), "proc/device-tree/model", "NVIDIA Jetson Orin Nano\0");
        assert_eq!(machine.memory(), Memory { resident_kib: 5120, available_kib: 2048 });
        assert_eq!((machine.load(), machine.wear_percent()["mmcblk0"]), (Some(0.25), 30));
        assert_eq!(machine.model().unwrap(), "NVIDIA Jetson Orin Nano");
    }

    #[test]
    fn this_machine_has_room() {
        assert!(room(Path::new("/tmp/no such folder")).unwrap().total_bytes > 0);
    }
}
