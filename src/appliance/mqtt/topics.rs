//! Topics below the device's root.

/// Whether the appliance is there; also the will. Retained.
pub const HEALTH: &str = "status/health";
/// Version and hardware. Retained.
pub const IDENTITY: &str = "twin/identity";
/// Models with their hashes and terms. Retained.
pub const MODELS: &str = "twin/models";
/// Reports, through the journal.
pub const REPORT: &str = "e/report";
/// States of studies, through the journal.
pub const STUDY: &str = "e/study";

/// `suffix` below `root`.
#[must_use]
pub fn below(root: &str, suffix: &str) -> String {
    format!("{root}/{suffix}")
}
