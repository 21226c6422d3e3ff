//! Transfer syntaxes: how a data set is encoded, and who decodes its pixels (DICOM PS3.5 10, PS3.6 A).

use dicom_dictionary_std::uids;
use dicom_encoding::TransferSyntaxIndex;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use super::error::Reason;

/// Retired (DICOM PS3.6 A) and still sent.
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// How the elements of a data set are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    /// Whether each element names its value representation.
    pub(super) explicit_vr: bool,
    /// Whether numbers have their most significant byte first.
    pub(super) big_endian: bool,
}

impl Encoding {
    pub(super) const IMPLICIT_LITTLE: Self = Self { explicit_vr: false, big_endian: false };
    pub(super) const EXPLICIT_LITTLE: Self = Self { explicit_vr: true, big_endian: false };
    pub(super) const EXPLICIT_BIG: Self = Self { explicit_vr: true, big_endian: true };

    /// The uncompressed transfer syntax of this encoding.
    pub(super) const fn uid(self) -> &'static str {
        match (self.explicit_vr, self.big_endian) {
            (_, true) => EXPLICIT_VR_BIG_ENDIAN,
            (true, false) => uids::EXPLICIT_VR_LITTLE_ENDIAN,
            (false, false) => uids::IMPLICIT_VR_LITTLE_ENDIAN,
        }
    }

    /// The encoding that a data set starting with these bytes is in: a group number that can't be
    /// little endian, or two capitals where explicit encodings have the value representation.
    pub(super) fn guess(first: [u8; 6]) -> Self {
        let explicit_vr = first[4].is_ascii_uppercase() && first[5].is_ascii_uppercase();
        match (explicit_vr, first[0] == 0 && first[1] != 0) {
            (true, true) => Self::EXPLICIT_BIG,
            (true, false) => Self::EXPLICIT_LITTLE,
            (false, _) => Self::IMPLICIT_LITTLE,
        }
    }
}

/// Who decodes the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// Nobody: they are as they are.
    Native,
    /// [`super::rle`].
    Rle,
    /// dicom-rs with jpeg-decoder.
    Jpeg,
    /// dicom-rs with openjp2.
    Jpeg2000,
}

/// The encoding of the data set below the file meta information that `uid` stands for.
pub(super) fn encoding(uid: &str) -> Encoding {
    match uid {
        uids::IMPLICIT_VR_LITTLE_ENDIAN => Encoding::IMPLICIT_LITTLE,
        EXPLICIT_VR_BIG_ENDIAN => Encoding::EXPLICIT_BIG,
        _ => Encoding::EXPLICIT_LITTLE,
    }
}

/// Whether `uid` asks for the whole data set to be inflated first.
pub(super) fn is_deflated(uid: &str) -> bool {
    uid == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
}

/// Who decodes the pixels of transfer syntax `uid`.
///
/// JPEG-LS is refused: its only decoder is C++, which a pure Rust build for small boards is not
/// worth giving up for.
pub(super) fn codec(uid: &str) -> Result<Codec, Reason> {
    match uid {
        uids::IMPLICIT_VR_LITTLE_ENDIAN
        | uids::EXPLICIT_VR_LITTLE_ENDIAN
        | EXPLICIT_VR_BIG_ENDIAN
        | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => Ok(Codec::Native),
        uids::RLE_LOSSLESS => Ok(Codec::Rle),
        uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT | uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => {
            Ok(Codec::Jpeg)
        }
        uids::JPEG2000_LOSSLESS | uids::JPEG2000 => Ok(Codec::Jpeg2000),
        _ => {
            // One that nobody knows is not repeated: it may be anything.
            let unknown = || "unknown to us".to_owned();
            let name = TransferSyntaxRegistry.get(uid).map_or_else(unknown, |ts| ts.name().to_owned());
            Err(Reason::TransferSyntax(name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_encoding() {
        assert_eq!(Encoding::guess([8, 0, 5, 0, b'C', b'S']), Encoding::EXPLICIT_LITTLE);
        assert_eq!(Encoding::guess([0, 8, 0, 5, b'C', b'S']), Encoding::EXPLICIT_BIG);
        assert_eq!(Encoding::guess([8, 0, 5, 0, 10, 0]), Encoding::IMPLICIT_LITTLE);
    }

    #[test]
    fn a_refused_syntax_is_named() {
        let message = codec("1.2.840.10008.1.2.4.80").map_err(|e| e.to_string());
        assert!(message.is_err_and(|m| m.contains("JPEG-LS Lossless")));
    }
}
