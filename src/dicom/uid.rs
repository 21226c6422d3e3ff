//! Unique identifiers made of a seed, so that the same input gets the same name again.

use sha2::{Digest, Sha256};

/// A DICOM UID in the UUID-derived root `2.25` (DICOM PS3.5 B.2), from the SHA-256 of `seed`.
///
/// The digest's first 16 bytes become a version 8 UUID (RFC 9562, 5.8), whose decimal value follows
/// the root: at most 44 characters. The same seed always gives the same UID.
#[must_use]
pub fn uid_from(seed: &[u8]) -> String {
    let digest = Sha256::digest(seed);
    let mut bytes = [0u8; 16];
    for (byte, digest_byte) in bytes.iter_mut().zip(digest.iter()) {
        *byte = *digest_byte;
    }
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_the_same_uid_every_time_and_another_seed_another() {
        let a = uid_from(b"study 1");
        assert_eq!(a, uid_from(b"study 1"));
        assert_ne!(a, uid_from(b"study 2"));
        assert!(a.starts_with("2.25.") && a.len() <= 64, "{a}");
        assert!(!a["2.25.".len()..].starts_with('0'));
    }
}
