//! What the wall clock says, and whether it can be believed.

use std::path::Path;

/// Where systemd-timesyncd says that the clock is synchronised; absent where something else keeps it.
const TIMESYNC_DIR: &str = "/run/systemd/timesync";

/// Now, RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn now_rfc3339() -> String {
    format!("{:.3}", jiff::Timestamp::now())
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
