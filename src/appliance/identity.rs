//! The device's key, made at the first start, and what it is used for beside the keys of studies.
//!
//! A study's UID never goes into a topic, a log line or a report: its keyed hash does
//! ([`DeviceKey::study_key`]). Children never see the key.

use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

pub use crate::export::DeviceKey;
use crate::export::write_private;

/// Name of the key file in the state folder.
const KEY_FILE: &str = "study.key";
/// A key in hex digits with a line end, and one byte more.
const KEY_FILE_BYTES_MAX: u64 = 2 * DeviceKey::BYTES as u64 + 3;

/// Purpose of a hash of an instance: SeriesInstanceUID and SOPInstanceUID.
pub const INSTANCE: &str = "instance";
/// Purpose of a hash of what a reading is given: instances and digests.
pub const INPUT: &str = "input";
/// Purpose of a hash of a file's path.
pub const FILE: &str = "file";
/// Purpose of a message's id: topic, report and state.
pub const MESSAGE: &str = "message";

/// The key kept in `state_dir`, made there (0600, fsynced, renamed) where there is none yet; with
/// `site_file` the site's own key, whose file holds the bytes or their hex digits.
///
/// # Errors
/// Where the file can't be read or made, or holds something else than a key.
pub fn load_or_create_key(state_dir: &Path, site_file: Option<&Path>) -> io::Result<DeviceKey> {
    if let Some(file) = site_file {
        return read_key(file);
    }
    let path = state_dir.join(KEY_FILE);
    match read_key(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create_key(&path),
        other => other,
    }
}

/// The key that `path` holds, as bytes or hex digits.
///
/// # Errors
/// Where the file can't be read or holds something else.
pub fn read_key(path: &Path) -> io::Result<DeviceKey> {
    let mut bytes = Vec::new();
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    std::fs::File::open(path).map_err(named)?.take(KEY_FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(named)?;
    let text = bytes.trim_ascii();
    let key = if text.len() == 2 * DeviceKey::BYTES { from_hex(text) } else { bytes.try_into().ok() };
    key.map(DeviceKey::new).ok_or_else(|| {
        let wanted = format!("{} bytes or {} hex digits", DeviceKey::BYTES, 2 * DeviceKey::BYTES);
        io::Error::other(format!("{} does not hold a key of {wanted}", path.display()))
    })
}

fn from_hex(digits: &[u8]) -> Option<[u8; DeviceKey::BYTES]> {
    let mut key = [0; DeviceKey::BYTES];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

fn create_key(path: &Path) -> io::Result<DeviceKey> {
    let mut key = [0; DeviceKey::BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    write_private(path, &key)?;
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
        let first = load_or_create_key(dir.path(), None).unwrap();
        let again = load_or_create_key(dir.path(), None).unwrap();
        assert_eq!(first.study_key("1.2"), again.study_key("1.2"));
        let mode = std::fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_site_gives_its_own_key_as_bytes_or_digits() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("site.key");
        std::fs::write(&file, [0xab; DeviceKey::BYTES]).unwrap();
        let bytes = load_or_create_key(dir.path(), Some(&file)).unwrap();
        std::fs::write(&file, format!("{}\n", "ab".repeat(DeviceKey::BYTES))).unwrap();
        let digits = load_or_create_key(dir.path(), Some(&file)).unwrap();
        assert_eq!(bytes.study_key("1.2"), digits.study_key("1.2"));
        assert!(load_or_create_key(dir.path(), Some(&dir.path().join("absent"))).is_err());
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(KEY_FILE), b"short").unwrap();
        assert!(load_or_create_key(dir.path(), None).is_err());
    }
}
