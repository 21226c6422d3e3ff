//! RLE Lossless (DICOM PS3.5 G): PackBits, one segment a byte plane.
//!
//! Ours, because dicom-rs 0.10 allocates as many segment offsets as the header declares, which
//! aborts the process where memory is limited.

use crate::dicom::error::Reason;
use crate::dicom::header::PixelFormat;

const HEADER_BYTES: usize = 64;
const SEGMENTS_MAX: usize = 15;

/// Decodes one frame into little-endian bytes.
pub(super) fn decode(encoded: &[u8], format: &PixelFormat) -> Result<Vec<u8>, Reason> {
    let planes = usize::from(format.bits_allocated / 8);
    let pixels = format.rows * format.columns;
    let (words, _) = encoded.as_chunks::<4>();
    let segments = words.first().map_or(0, |word| u32::from_le_bytes(*word) as usize);
    if encoded.len() < HEADER_BYTES || segments != planes || segments > SEGMENTS_MAX {
        return Err(Reason::Decode("the RLE header doesn't fit the image".to_owned()));
    }
    let offset = |index: usize| words.get(1 + index).map_or(encoded.len(), |word| u32::from_le_bytes(*word) as usize);
    let mut bytes = vec![0; pixels * planes];
    for plane in 0..planes {
        let end = if plane + 1 < planes { offset(plane + 1) } else { encoded.len() };
        let segment = encoded
            .get(offset(plane)..end)
            .ok_or_else(|| Reason::Decode("an RLE segment lies outside its frame".to_owned()))?;
        // the most significant byte plane comes first
        let places = bytes.iter_mut().skip(planes - 1 - plane).step_by(planes);
        let written = unpack_bits(segment, places);
        if written != pixels {
            return Err(Reason::Decode(format!("an RLE segment ends after {written} of {pixels} pixels")));
        }
    }
    Ok(bytes)
}

/// Fills `places` from a PackBits segment (DICOM PS3.5 G.3.2) and says how many were filled.
fn unpack_bits<'a>(segment: &[u8], mut places: impl Iterator<Item = &'a mut u8>) -> usize {
    let mut rest = segment;
    let mut written = 0;
    while let Some((&control, after)) = rest.split_first() {
        let count = match control {
            0x00..=0x7F => usize::from(control) + 1,
            0x80 => 0,
            0x81..=0xFF => 257 - usize::from(control),
        };
        let taken =
            if control <= 0x7F { count.min(after.len()) } else { usize::from(control != 0x80).min(after.len()) };
        let (values, remaining) = after.split_at(taken);
        rest = remaining;
        let Some(&last) = values.last() else { continue };
        for index in 0..if control <= 0x7F { taken } else { count } {
            let Some(place) = places.next() else { return written };
            *place = values.get(index).copied().unwrap_or(last);
            written += 1;
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_literals_are_unpacked() {
        let mut bytes = [0; 8];
        let written = unpack_bits(&[2, 1, 2, 3, 0x80, 0xFD, 9, 0, 5], bytes.iter_mut());
        assert_eq!((written, bytes), (8, [1, 2, 3, 9, 9, 9, 9, 5]));
    }

    #[test]
    fn a_segment_that_is_cut_off_fills_less_and_never_panics() {
        let mut bytes = [0; 8];
        assert_eq!(unpack_bits(&[7, 1, 2], bytes.iter_mut()), 2);
        assert_eq!(unpack_bits(&[0xFD], bytes.iter_mut()), 0);
    }
}
