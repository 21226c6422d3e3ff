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

/// Numbers of the machine. Not acknowledged, not kept.
pub const SYSTEM: &str = "m/system";
/// Numbers of the readings. Not acknowledged, not kept.
pub const INFERENCE: &str = "m/inference";
/// Numbers of the outbox. Not acknowledged, not kept.
pub const QUEUE: &str = "m/queue";
/// Alarms, below which each has its name. Retained; an empty payload clears one.
pub const ALARM: &str = "a";
/// Commands, below which stand their type and id. Retained.
pub const COMMAND: &str = "cmd";

/// `suffix` below `root`.
#[must_use]
pub fn below(root: &str, suffix: &str) -> String {
    format!("{root}/{suffix}")
}
