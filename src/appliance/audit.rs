//! Who learned an identity or had something done, when: lines of JSON in the state folder, and in the log.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;

use super::clock;

/// Name of the file in the state folder.
const FILE_NAME: &str = "audit.log";
/// Name of the file before it.
const OLD_FILE_NAME: &str = "audit.log.1";
/// Size from which on a new file is begun, bytes.
const BYTES_MAX: u64 = 1 << 20;

/// Who did something.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    /// A user of this machine, by its control socket.
    User {
        /// User id.
        uid: u32,
        /// Process id.
        pid: i32,
    },
    /// Whoever looks at the appliance's page.
    Page,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { uid, .. } => write!(f, "user {uid}"),
            Self::Page => f.write_str("the page"),
        }
    }
}

/// Writes down, durably, that somebody did `what` to `key`.
pub(super) fn write(state_dir: &Path, what: &str, key: &str, by: By) -> io::Result<()> {
    let path = state_dir.join(FILE_NAME);
    if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() >= BYTES_MAX) {
        std::fs::rename(&path, state_dir.join(OLD_FILE_NAME))?;
    }
    let (time, said) = (clock::now_rfc3339(), by.to_string());
    let line = match by {
        By::User { uid, pid } => json!({ "time": time, "what": what, "key": key, "uid": uid, "pid": pid }),
        By::Page => json!({ "time": time, "what": what, "key": key, "by": said }),
    };
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()?;
    log::warn!("audit: {what} {key} by {said}");
    Ok(())
}
