//! The device's key, and the keyed hashes that stand for identity wherever something leaves the device.
//!
//! A study's UID never goes into a topic, a log line or a report: its HMAC-SHA-256 (RFC 2104) under a
//! key that stays on the device does. Children never see that key; a reading child gets one derived
//! for its own study.

use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Length of the device's key, bytes.
const KEY_BYTES: usize = 32;
/// Bytes of a hash that a key on the wire keeps: 128 bits.
const SHORT_HASH_BYTES: usize = 16;
/// Name of the key file in the state folder.
const KEY_FILE: &str = "study.key";

/// Purpose of a hash of an instance: SeriesInstanceUID and SOPInstanceUID.
pub const INSTANCE: &str = "instance";
/// Purpose of a hash of what a reading is given: instances and digests.
pub const INPUT: &str = "input";
/// Purpose of a message's id: topic, report and state.
pub const MESSAGE: &str = "message";

/// The device's secret key.
#[derive(Clone)]
pub struct DeviceKey([u8; KEY_BYTES]);

impl DeviceKey {
    /// Length of a key.
    pub const BYTES: usize = KEY_BYTES;

    /// The key made of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The key of a study.
    #[must_use]
    pub fn study_key(&self, study_instance_uid: &str) -> String {
        self.keyed_hash("study", study_instance_uid.trim_matches(['\0', ' ']))
    }

    /// The key kept in `state_dir`, made there (0600, fsynced, renamed) where there is none yet.
    ///
    /// # Errors
    /// Where the file can't be read or made, or holds something else than a key.
    pub fn load_or_create(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(KEY_FILE);
        match std::fs::File::open(&path) {
            Ok(mut file) => {
                let mut bytes = Vec::new();
                file.by_ref().take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
                let key = bytes.try_into().map_err(|_| {
                    io::Error::other(format!("{} does not hold a key of {KEY_BYTES} bytes", path.display()))
                })?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(state_dir),
            Err(error) => Err(error),
        }
    }

    fn create(state_dir: &Path) -> io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let temporary = state_dir.join(format!("{KEY_FILE}.new"));
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&key)?;
        file.sync_all()?;
        std::fs::rename(&temporary, state_dir.join(KEY_FILE))?;
        std::fs::File::open(state_dir)?.sync_all()?;
        Ok(Self(key))
    }

    /// HMAC-SHA-256 of the purpose, a newline and `message`: its first 128 bits as 32 hex digits.
    #[must_use]
    pub fn keyed_hash(&self, purpose: &str, message: &str) -> String {
        // A key shorter than SHA-256's block of 64 bytes is padded with zeros (RFC 2104).
        let mut block = [0; 64];
        block[..KEY_BYTES].copy_from_slice(&self.0);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        mac.update(purpose.as_bytes());
        mac.update(b"\n");
        mac.update(message.as_bytes());
        hex(mac.finalize().into_bytes().get(..SHORT_HASH_BYTES).unwrap_or_default())
    }
}

/// Lower-case hexadecimal digits of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |text, byte| text + &format!("{byte:02x}"))
}

/// `bytes` random bytes as hexadecimal digits: an id for a session.
///
/// # Errors
/// Where the kernel gives no randomness.
pub fn random_hex(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(hex(&random))
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
        let first = DeviceKey::load_or_create(dir.path()).unwrap();
        let again = DeviceKey::load_or_create(dir.path()).unwrap();
        assert_eq!(first.study_key("1.2"), again.study_key("1.2"));
        let mode = std::fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_site_computes_the_same_key_with_openssl() {
        // printf 'study\n1.2.840.1' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b…0b (32 bytes)
        let key = DeviceKey([0x0b; KEY_BYTES]);
        assert_eq!(key.study_key("1.2.840.1"), "f3636e5fb3676349f2a37e7e5afddc83");
        assert_ne!(key.keyed_hash(INSTANCE, "1.2.840.1"), key.study_key("1.2.840.1"));
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(KEY_FILE), b"short").unwrap();
        assert!(DeviceKey::load_or_create(dir.path()).is_err());
    }
}
