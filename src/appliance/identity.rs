//! The device's key, made at the first start, and what it is used for beside the keys of studies.
//!
//! A study's UID never goes into a topic, a log line or a report: its keyed hash does
//! ([`DeviceKey::study_key`]). Children never see the key.

use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

pub use crate::export::DeviceKey;

/// Name of the key file in the state folder.
const KEY_FILE: &str = "study.key";

/// Purpose of a hash of an instance: SeriesInstanceUID and SOPInstanceUID.
pub const INSTANCE: &str = "instance";
/// Purpose of a hash of what a reading is given: instances and digests.
pub const INPUT: &str = "input";
/// Purpose of a message's id: topic, report and state.
pub const MESSAGE: &str = "message";

/// The key kept in `state_dir`, made there (0600, fsynced, renamed) where there is none yet.
///
/// # Errors
/// Where the file can't be read or made, or holds something else than a key.
pub fn load_or_create_key(state_dir: &Path) -> io::Result<DeviceKey> {
    let path = state_dir.join(KEY_FILE);
    match std::fs::File::open(&path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(DeviceKey::BYTES as u64 + 1).read_to_end(&mut bytes)?;
            let key = bytes.try_into().map_err(|_| {
                io::Error::other(format!("{} does not hold a key of {} bytes", path.display(), DeviceKey::BYTES))
            })?;
            Ok(DeviceKey::new(key))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => create_key(state_dir),
        Err(error) => Err(error),
    }
}

fn create_key(state_dir: &Path) -> io::Result<DeviceKey> {
    let mut key = [0; DeviceKey::BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let temporary = state_dir.join(format!("{KEY_FILE}.new"));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(&key)?;
    file.sync_all()?;
    std::fs::rename(&temporary, state_dir.join(KEY_FILE))?;
    std::fs::File::open(state_dir)?.sync_all()?;
    Ok(DeviceKey::new(key))
}

/// `bytes` random bytes as hexadecimal digits: an id for a session.
///
/// # Errors
/// Where the kernel gives no randomness.
pub fn random_hex(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(random.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

/// Makes a private folder (0700) and its parents where absent.
///
/// # Errors
/// As the file system gives them.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = load_or_create_key(dir.path()).unwrap();
        let again = load_or_create_key(dir.path()).unwrap();
        assert_eq!(first.study_key("1.2"), again.study_key("1.2"));
        let mode = std::fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(KEY_FILE), b"short").unwrap();
        assert!(load_or_create_key(dir.path()).is_err());
    }
}
