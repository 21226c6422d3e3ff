//! Who learned an identity, when: lines of JSON in the state folder, and in the log.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;

use super::answer::Caller;
use crate::appliance::clock;

/// Name of the file in the state folder.
const FILE_NAME: &str = "audit.log";
/// Name of the file before it.
const OLD_FILE_NAME: &str = "audit.log.1";
/// Size from which on a new file is begun, bytes.
const BYTES_MAX: u64 = 1 << 20;

/// Writes down, durably, that `caller` did `what` to `key`.
pub(super) fn write(state_dir: &Path, what: &str, key: &str, caller: Caller) -> io::Result<()> {
    let path = state_dir.join(FILE_NAME);
    if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() >= BYTES_MAX) {
        std::fs::rename(&path, state_dir.join(OLD_FILE_NAME))?;
    }
    let line = json!({ "time": clock::now_rfc3339(), "what": what, "key": key, "uid": caller.uid, "pid": caller.pid });
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()?;
    log::warn!("audit: {what} {key} by user {}", caller.uid);
    Ok(())
}
