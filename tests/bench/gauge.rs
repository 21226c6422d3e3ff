//! What a process and its folders take, and whether that grows.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a process holds of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gauge {
    /// Memory of it that is in RAM, KiB.
    pub(crate) rss_kib: u64,
    /// The same, what is shared with others counted by its share, KiB.
    pub(crate) pss_kib: u64,
    /// Open file descriptors.
    pub(crate) descriptors: u64,
    /// Threads.
    pub(crate) threads: u64,
}

/// Looks at process `id`; zeros where it is gone.
pub(crate) fn read(id: u32) -> Gauge {
    let text = |name: &str| std::fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
    let entries = |name: &str| std::fs::read_dir(format!("/proc/{id}/{name}")).map_or(0, |l| l.count() as u64);
    let rollup = text("smaps_rollup");
    let kib = |name: &str| {
        let line = rollup.lines().find_map(|l| l.strip_prefix(name));
        line.and_then(|l| l.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
    };
    Gauge { rss_kib: kib("Rss:"), pss_kib: kib("Pss:"), descriptors: entries("fd"), threads: entries("task") }
}

/// What lies below `folder`, bytes on the disk; what vanishes meanwhile counts nothing.
pub(crate) fn bytes_below(folder: &Path) -> u64 {
    let Ok(listing) = std::fs::read_dir(folder) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes_below(&entry.path()),
        Ok(about) => about.blocks() * 512,
        Err(_) => 0,
    };
    listing.flatten().map(of).sum()
}

/// The journal and its companions in `state_dir`, bytes.
pub(crate) fn journal_bytes(state_dir: &Path) -> u64 {
    let sizes = ["journal.db", "journal.db-wal", "journal.db-shm"]
        .map(|name| std::fs::metadata(state_dir.join(name)).map_or(0, |m| m.len()));
    sizes.iter().sum()
}

/// The slope of the straight line through points (x, y) by least squares, y per x; 0 of fewer than two.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    let together: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    if spread > 0.0 { together / spread } else { 0.0 }
}
