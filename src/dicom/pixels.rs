//! Pixels of one frame: from the file, through its codec, to stored values that one slope and one
//! intercept turn into real ones.

mod codestream;
mod library;
mod rle;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{DicomError, Limit, Reason};
use super::header::{InstanceHeader, PixelFormat};
use super::limits::ENCODED_FRAME_BYTES_MAX;
use super::object::{Object, PixelPlace};
use super::syntax::{self, Codec};
use super::walk::Fragments;

/// The pixels of one frame. Real value = `stored * slope + intercept`, MONOCHROME1 inverted, padding
/// replaced by the lowest value of the image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    /// `rows * columns` values, row by row.
    pub(super) stored: Vec<u16>,
    pub(super) slope: f32,
    pub(super) intercept: f32,
}

/// The real values of frame `frame` of a scanned file, row by row as they are stored in it: rescaled,
/// MONOCHROME1 inverted, padding replaced by the lowest value.
///
/// # Errors
/// Where the file can't be read, or the frame can't be decoded.
pub fn read_frame(header: &InstanceHeader, frame: usize) -> Result<Vec<f32>, DicomError> {
    let at = |reason: Reason| reason.at(&header.path);
    let mut object = Object::open(&header.path).map_err(at)?;
    let decoded = decode(&mut object, header, frame).map_err(at)?;
    Ok(decoded.stored.iter().map(|value| f32::from(*value) * decoded.slope + decoded.intercept).collect())
}

/// Decodes frame `index` of an open object whose header is `header`.
pub(super) fn decode(object: &mut Object, header: &InstanceHeader, index: usize) -> Result<Frame, Reason> {
    header.pixels.check()?;
    let native = native_bytes(object, header, index)?;
    let frame = header.frames.get(index).ok_or(Reason::Malformed("a frame is missing"))?;
    let mut stored = unpack(&native, &header.pixels);
    if stored.len() != header.pixels.rows * header.pixels.columns {
        return Err(Reason::Truncated("a frame"));
    }
    replace_padding(&mut stored, &header.pixels);
    if header.pixels.inverted {
        let largest = largest_code(&header.pixels);
        stored.iter_mut().for_each(|value| *value = largest - *value);
    }
    let zero = if header.pixels.signed { f32::from(sign_offset(&header.pixels)) } else { 0.0 };
    Ok(Frame { stored, slope: frame.slope, intercept: frame.intercept - zero * frame.slope })
}

/// The uncompressed bytes of one frame, little endian.
fn native_bytes(object: &mut Object, header: &InstanceHeader, index: usize) -> Result<Vec<u8>, Reason> {
    let format = &header.pixels;
    let frame_bytes = format.frame_bytes() as u64;
    let codec = syntax::codec(&object.syntax_uid)?;
    let place = object.pixels.take().ok_or(Reason::NotAnImage)?;
    let bytes = match (&place, codec) {
        // some exports keep a compressed syntax's name and store the pixels as they are
        (PixelPlace::Native { offset, present, .. }, _) => {
            let start = frame_bytes * index as u64;
            if start + frame_bytes > *present {
                Err(Reason::Truncated("the pixel data"))
            } else {
                object.bytes(offset + start, frame_bytes).map(|bytes| little_endian(bytes, object, format))
            }
        }
        (PixelPlace::Encapsulated(_), Codec::Native) => {
            Err(Reason::Malformed("pixel data are encapsulated in an uncompressed transfer syntax"))
        }
        (PixelPlace::Encapsulated(fragments), codec) => encoded_frame(object, fragments, header.frames.len(), index)
            .and_then(|encoded| decode_encapsulated(codec, &object.syntax_uid, encoded, format)),
    };
    object.pixels = Some(place);
    bytes
}

fn little_endian(mut bytes: Vec<u8>, object: &Object, format: &PixelFormat) -> Vec<u8> {
    if object.encoding.big_endian && format.bits_allocated == 16 {
        bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.reverse());
    }
    bytes
}

fn decode_encapsulated(
    codec: Codec,
    syntax_uid: &str,
    encoded: Vec<u8>,
    format: &PixelFormat,
) -> Result<Vec<u8>, Reason> {
    match codec {
        Codec::Rle => return rle::decode(&encoded, format),
        Codec::Jpeg => codestream::check_jpeg(&encoded, format)?,
        Codec::Jpeg2000 => codestream::check_jpeg2000(&encoded, format)?,
        Codec::Native => {}
    }
    catch_unwind(AssertUnwindSafe(|| library::decode(syntax_uid, encoded, format)))
        .map_err(|_| Reason::Decode("the decoder gave up".to_owned()))?
}

/// The fragments of one frame, joined (DICOM PS3.5 A.4).
fn encoded_frame(object: &mut Object, fragments: &Fragments, frames: usize, index: usize) -> Result<Vec<u8>, Reason> {
    let spans = frame_spans(fragments, frames, index)?;
    let length: u64 = spans.iter().map(|(_, length)| u64::from(*length)).sum();
    if length > ENCODED_FRAME_BYTES_MAX {
        return Err(Limit::EncodedFrameBytes(length).into());
    }
    let mut encoded = Vec::new();
    for (offset, length) in spans {
        encoded.append(&mut object.bytes(*offset, u64::from(*length))?);
    }
    Ok(encoded)
}

/// Which fragments are frame `index`: one each, all of them for a single frame, or as the offset table says.
fn frame_spans(fragments: &Fragments, frames: usize, index: usize) -> Result<&[(u64, u32)], Reason> {
    let spans = fragments.spans.as_slice();
    let missing = Reason::Truncated("a frame of the pixel data");
    if frames == 1 {
        return if spans.is_empty() { Err(missing) } else { Ok(spans) };
    }
    if spans.len() == frames {
        return spans.get(index..=index).ok_or(missing);
    }
    let base = spans.first().map_or(0, |(offset, _)| offset.saturating_sub(8));
    let starts_at = |frame: usize| {
        let offset = base + u64::from(*fragments.offset_table.get(frame)?);
        Some(spans.partition_point(|(value, _)| value.saturating_sub(8) < offset))
    };
    let first = starts_at(index).ok_or(Reason::Malformed("fragments can't be told apart by frame"))?;
    let last = starts_at(index + 1).unwrap_or(spans.len());
    spans.get(first..last).filter(|own| !own.is_empty()).ok_or(missing)
}

/// Stored values out of little-endian bytes: bits above and below the stored ones (overlays) masked
/// off, two's complement shifted up so that the lowest value is 0.
fn unpack(bytes: &[u8], format: &PixelFormat) -> Vec<u16> {
    let shift = format.high_bit + 1 - format.bits_stored;
    let mask = largest_code(format);
    let flip = if format.signed { sign_offset(format) } else { 0 };
    let value = |raw: u16| ((raw >> shift) & mask) ^ flip;
    if format.bits_allocated == 8 {
        bytes.iter().map(|byte| value(u16::from(*byte))).collect()
    } else {
        bytes.as_chunks::<2>().0.iter().map(|pair| value(u16::from_le_bytes(*pair))).collect()
    }
}

/// The largest value of the bits stored.
const fn largest_code(format: &PixelFormat) -> u16 {
    if format.bits_stored >= 16 { u16::MAX } else { (1 << format.bits_stored) - 1 }
}

/// What stands for zero after two's complement is shifted up: flipping the sign bit adds it.
const fn sign_offset(format: &PixelFormat) -> u16 {
    1 << format.bits_stored.saturating_sub(1)
}

/// Gives padding (DICOM PS3.3 C.7.5.1.1.2) the lowest value of the image proper, so that it never
/// looks like tissue.
fn replace_padding(stored: &mut [u16], format: &PixelFormat) {
    let Some((first, last)) = format.padding else { return };
    let code =
        |value: i32| ((value as u16) & largest_code(format)) ^ if format.signed { sign_offset(format) } else { 0 };
    let (low, high) = (code(first).min(code(last)), code(first).max(code(last)));
    let padding = low..=high;
    let Some(lowest) = stored.iter().copied().filter(|value| !padding.contains(value)).min() else { return };
    stored.iter_mut().filter(|value| padding.contains(value)).for_each(|value| *value = lowest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(bits_allocated: u16, bits_stored: u16, high_bit: u16, signed: bool) -> PixelFormat {
        PixelFormat {
            rows: 1,
            columns: 2,
            samples: 1,
            bits_allocated,
            bits_stored,
            high_bit,
            signed,
            inverted: false,
            photometric: "MONOCHROME2".to_owned(),
            padding: None,
        }
    }

    #[test]
    fn overlays_in_high_bits_are_masked_off() {
        assert_eq!(unpack(&[0xFF, 0xF1, 0x01, 0x80], &format(16, 12, 11, false)), [0x1FF, 1]);
        assert_eq!(unpack(&[0xF0, 0x1F, 0x1F, 0x00], &format(16, 12, 15, false)), [0x1FF, 1]);
    }

    #[test]
    fn negative_values_come_below_zero_and_zero_in_the_middle() {
        assert_eq!(unpack(&[0xFF, 0xFF, 0, 0], &format(16, 16, 15, true)), [0x7FFF, 0x8000]);
        assert_eq!(unpack(&[0xFF, 0x0F, 1, 0], &format(16, 12, 11, true)), [0x7FF, 0x801]);
        assert_eq!(unpack(&[0x80, 0x7F], &format(8, 8, 7, true)), [0, 0xFF]);
    }

    #[test]
    fn padding_becomes_the_lowest_value_of_the_image() {
        let mut format = format(16, 16, 15, true);
        format.padding = Some((-2000, -2000));
        let mut stored = unpack(&[0x30, 0xF8, 0x05, 0x00, 0x09, 0x00], &format);
        replace_padding(&mut stored, &format);
        assert_eq!(stored, [0x8005, 0x8005, 0x8009]);
    }

    #[test]
    fn frames_of_several_fragments_are_told_apart_by_the_offset_table() {
        let fragments =
            Fragments { offset_table: vec![0, 28], spans: vec![(108, 6), (122, 6), (136, 4)], delimited: true };
        assert!(frame_spans(&fragments, 2, 0).is_ok_and(|s| s == [(108, 6), (122, 6)]));
        assert!(frame_spans(&fragments, 2, 1).is_ok_and(|s| s == [(136, 4)]));
        assert!(frame_spans(&Fragments { offset_table: vec![], ..fragments }, 2, 1).is_err());
    }
}
