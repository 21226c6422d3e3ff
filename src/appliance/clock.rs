//! What the wall clock says, and whether it can be believed.

use std::path::Path;

/// Where systemd-timesyncd says that the clock is synchronised; absent where something else keeps it.
const TIMESYNC_DIR: &str = "/run/systemd/timesync";

/// No clock that was set shows a moment before this one: 2025-01-01.
pub const PLAUSIBLE_FROM_UNIX_SECS: i64 = 1_735_689_600;

/// Now, RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn now_rfc3339() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// Now, seconds since the epoch.
#[must_use]
pub fn now_unix_secs() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Now, milliseconds since the epoch.
#[must_use]
pub fn now_unix_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// The moment `unix_secs`, RFC 3339 in UTC; `None` where no calendar reaches it.
#[must_use]
pub fn rfc3339_of(unix_secs: i64) -> Option<String> {
    jiff::Timestamp::from_second(unix_secs).ok().map(|moment| moment.to_string())
}

/// Seconds since `unix_secs`; `None` where either moment comes from a clock that was not set: a board
/// without a battery starts in 1970.
#[must_use]
pub fn age_secs(unix_secs: i64) -> Option<u64> {
    let now = now_unix_secs();
    (unix_secs >= PLAUSIBLE_FROM_UNIX_SECS && now >= unix_secs).then(|| now.abs_diff(unix_secs))
}

/// Whether the clock is synchronised; `None` where nobody says.
#[must_use]
pub fn clock_synced() -> Option<bool> {
    synced_according_to(Path::new(TIMESYNC_DIR))
}

fn synced_according_to(dir: &Path) -> Option<bool> {
    dir.is_dir().then(|| dir.join("synchronized").exists())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_unknown_where_nobody_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(synced_according_to(&dir.path().join("absent")), None);
        assert_eq!(synced_according_to(dir.path()), Some(false));
        std::fs::write(dir.path().join("synchronized"), b"").unwrap();
        assert_eq!(synced_according_to(dir.path()), Some(true));
    }

    #[test]
    fn time_is_utc_with_milliseconds() {
        let now = now_rfc3339();
        assert!(now.ends_with('Z') && now.len() == "2026-01-01T00:00:00.000Z".len(), "{now}");
    }
}
