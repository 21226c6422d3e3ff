//! The device's key, and the keyed hashes by which studies are known outside of it.
//!
//! Nothing that leaves the device names a patient, a study or an instance; what leaves is
//! HMAC-SHA-256 (RFC 2104) under a key that stays here. A site that gave the key itself can compute
//! the same values: each message is plain text, its first line the purpose, so that equal values
//! in different fields never hash alike. Hashes are the first 128 bits of the HMAC as 32 lower-case
//! hex digits: enough that no two studies of a device's life meet, short enough to be read aloud.
//!
//! This module makes no key and reads no file: the machine room does.

use super::bundle::SourceInstance;
use crate::spine::ModelUse;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::{self, Write as _};

/// Bytes of the HMAC that a keyed hash keeps: 128 bits.
const KEPT_BYTES: usize = 16;
/// Block size of SHA-256, to which RFC 2104 pads a key with zeros.
const BLOCK_BYTES: usize = 64;

/// The secret under which this device hashes identifiers.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceKey([u8; Self::BYTES]);

impl DeviceKey {
    /// Length of a key.
    pub const BYTES: usize = 32;
    /// The key of whoever has none: the same reading has the same id on every machine. What is hashed with it is no
    /// pseudonym, because anybody can hash what they guess.
    pub const PUBLIC: Self = Self::new([0; Self::BYTES]);

    /// The key made of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA-256 of `purpose`, a newline and `message`: its first 128 bits in hex.
    #[must_use]
    pub fn keyed_hash(&self, purpose: &str, message: &str) -> String {
        let mut block = [0; BLOCK_BYTES];
        block[..Self::BYTES].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(purpose.as_bytes());
        mac.update(b"\n");
        mac.update(message.as_bytes());
        hex(&mac.finalize().into_bytes()[..KEPT_BYTES])
    }

    /// The key of a study: [`DeviceKey::keyed_hash`] of `study` and the StudyInstanceUID.
    #[must_use]
    pub fn study_key(&self, study_instance_uid: &str) -> String {
        self.keyed_hash("study", dicom_trimmed(study_instance_uid))
    }

    /// The key of an order: [`DeviceKey::keyed_hash`] of `accession` and the AccessionNumber;
    /// `None` where that is empty.
    #[must_use]
    pub fn accession_key(&self, accession_number: &str) -> Option<String> {
        let number = dicom_trimmed(accession_number);
        (!number.is_empty()).then(|| self.keyed_hash("accession", number))
    }

    /// The id of a reading: [`DeviceKey::keyed_hash`] of `report` and one line for each thing that
    /// makes the reading what it is, in this order: `analysis VERSION`; sorted, `model NAME VERSION
    /// SHA256`; sorted, `setting NAME=VALUE`; sorted, `instance UID SHA256`, the digest being that
    /// of the pixels. The same reading has the same id; any other has another.
    #[must_use]
    pub fn report_id(
        &self,
        analysis_version: &str,
        models: &[ModelUse],
        settings: &[(String, String)],
        instances: &[SourceInstance],
    ) -> String {
        let models = models.iter().map(|m| format!("model {} {} {}", m.name, m.version, m.sha256));
        let settings = settings.iter().map(|(name, value)| format!("setting {name}={value}"));
        let instances =
            instances.iter().map(|i| format!("instance {} {}", dicom_trimmed(&i.sop_instance_uid), i.pixel_sha256));
        let mut message = format!("analysis {analysis_version}\n");
        for mut lines in [models.collect::<Vec<_>>(), settings.collect(), instances.collect()] {
            // A multi-frame object stands in the list once for each frame.
            lines.sort();
            lines.dedup();
            for line in lines {
                message.push_str(&line.replace('\n', " "));
                message.push('\n');
            }
        }
        self.keyed_hash("report", &message)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(secret)")
    }
}

/// Lower-case hex digits of `bytes`.
#[must_use]
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut s, b| {
        // Writing to a String can't fail.
        let _ = write!(s, "{b:02x}");
        s
    })
}

/// A DICOM value without its padding: UIDs end with NUL, texts with a space (PS3.5 6.2).
fn dicom_trimmed(value: &str) -> &str {
    value.trim_matches(['\0', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DeviceKey {
        DeviceKey::new([0x0b; 32])
    }

    fn instances() -> Vec<SourceInstance> {
        ["1.2.3", "1.2.4"].map(|uid| SourceInstance::new(uid, &[7; 32])).to_vec()
    }

    #[test]
    fn a_site_computes_the_same_key_with_openssl() {
        // printf 'study\n1.2.840.1' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b…0b (32 bytes)
        assert_eq!(key().study_key("1.2.840.1\0"), "f3636e5fb3676349f2a37e7e5afddc83");
    }

    #[test]
    fn the_same_reading_has_the_same_id_in_whatever_order_its_files_came() {
        let mut reversed = instances();
        reversed.reverse();
        let id = key().report_id("0.1.0", &[], &[], &instances());
        assert_eq!(id, key().report_id("0.1.0", &[], &[], &reversed));
        assert_eq!(id.len(), 32);
    }

    #[test]
    fn any_other_reading_has_another_id() {
        let id = key().report_id("0.1.0", &[], &[], &instances());
        let model = ModelUse { name: "s".into(), version: "1".into(), sha256: "ab".into(), terms: String::new() };
        let mut other_pixels = instances();
        other_pixels[0].pixel_sha256 = hex(&[8; 32]);
        for other in [
            key().report_id("0.1.1", &[], &[], &instances()),
            key().report_id("0.1.0", &[model], &[], &instances()),
            key().report_id("0.1.0", &[], &[("a".into(), "b".into())], &instances()),
            key().report_id("0.1.0", &[], &[], &instances()[1..]),
            key().report_id("0.1.0", &[], &[], &other_pixels),
            DeviceKey::new([1; 32]).report_id("0.1.0", &[], &[], &instances()),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn an_empty_accession_number_has_no_key() {
        assert_eq!(key().accession_key("  "), None);
        assert_ne!(key().accession_key("A1"), Some(key().study_key("A1")));
    }

    #[test]
    fn the_key_is_not_shown() {
        assert_eq!(format!("{:?}", key()), "DeviceKey(secret)");
    }
}
