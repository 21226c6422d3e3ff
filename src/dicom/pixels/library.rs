//! Hands one encoded frame to the decoders that come with dicom-rs.

use std::borrow::Cow;

use dicom_core::value::C;
use dicom_encoding::TransferSyntaxIndex;
use dicom_encoding::adapters::{PixelDataObject, RawPixelData};
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

use crate::dicom::error::Reason;
use crate::dicom::header::PixelFormat;

/// One encoded frame, as the decoders want to see an object.
struct EncodedFrame<'a> {
    syntax_uid: &'a str,
    format: &'a PixelFormat,
    encoded: Vec<u8>,
}

/// Decodes one frame of transfer syntax `syntax_uid` into little-endian bytes.
pub(super) fn decode(syntax_uid: &str, encoded: Vec<u8>, format: &PixelFormat) -> Result<Vec<u8>, Reason> {
    let reader = TransferSyntaxRegistry
        .get(syntax_uid)
        .and_then(|syntax| syntax.pixel_data_reader())
        .ok_or_else(|| Reason::Decode("its codec is not built in".to_owned()))?;
    let mut bytes = Vec::new();
    reader
        .decode_frame(&EncodedFrame { syntax_uid, format, encoded }, 0, &mut bytes)
        // What the library says may quote the object.
        .map_err(|_| Reason::Decode("its codec makes nothing of them".to_owned()))?;
    Ok(bytes)
}

impl PixelDataObject for EncodedFrame<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.syntax_uid
    }

    fn rows(&self) -> Option<u16> {
        u16::try_from(self.format.rows).ok()
    }

    fn cols(&self) -> Option<u16> {
        u16::try_from(self.format.columns).ok()
    }

    fn samples_per_pixel(&self) -> Option<u16> {
        Some(self.format.samples)
    }

    fn bits_allocated(&self) -> Option<u16> {
        Some(self.format.bits_allocated)
    }

    fn bits_stored(&self) -> Option<u16> {
        Some(self.format.bits_stored)
    }

    fn photometric_interpretation(&self) -> Option<&str> {
        Some(&self.format.photometric)
    }

    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }

    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }

    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(&self.encoded))
    }

    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        None
    }

    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        Some(RawPixelData { fragments: C::from_vec(vec![self.encoded.clone()]), offset_table: C::new() })
    }
}
