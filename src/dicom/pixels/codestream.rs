//! Looks at the size that a JPEG or JPEG 2000 codestream declares before a decoder allocates it.

use crate::dicom::error::{Limit, Reason};
use crate::dicom::header::PixelFormat;
use crate::dicom::limits::TILES_MAX;

/// Start of a JPEG 2000 codestream followed by its size marker (ISO/IEC 15444-1 A.4, A.5.1).
const JPEG2000_START: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];
/// Bytes in which the start of a codestream is looked for: a JP2 header may stand before it.
const JPEG2000_SEARCH_BYTES: usize = 4096;

fn unlike_header() -> Reason {
    Reason::Decode("the size in its codestream is not the size in its header".to_owned())
}

/// Holds the image and tile size of a JPEG 2000 codestream against the header.
pub(super) fn check_jpeg2000(encoded: &[u8], format: &PixelFormat) -> Result<(), Reason> {
    let start = encoded
        .windows(JPEG2000_START.len())
        .take(JPEG2000_SEARCH_BYTES)
        .position(|window| window == JPEG2000_START)
        .ok_or_else(|| Reason::Decode("it is no JPEG 2000 codestream".to_owned()))?;
    // after both markers: length 2, capabilities 2, then eight 32-bit numbers and the component count
    let words = encoded.get(start + 8..start + 40).map(|bytes| bytes.as_chunks::<4>().0);
    let Some([width, height, left, top, tile_width, tile_height, _, _]) = words else {
        return Err(Reason::Truncated("a codestream"));
    };
    let number = |bytes: &[u8; 4]| u64::from(u32::from_be_bytes(*bytes));
    let (width, height) = (number(width).saturating_sub(number(left)), number(height).saturating_sub(number(top)));
    let components = encoded.get(start + 40..start + 42);
    if width != format.columns as u64 || height != format.rows as u64 || components != Some(&[0, 1]) {
        return Err(unlike_header());
    }
    let (tile_width, tile_height) = (number(tile_width).max(1), number(tile_height).max(1));
    let tiles = width.div_ceil(tile_width).saturating_mul(height.div_ceil(tile_height));
    if tiles > TILES_MAX {
        return Err(Limit::Tiles(tiles).into());
    }
    Ok(())
}

/// Holds the frame size of a JPEG stream against the header (ITU-T T.81 B.2.2).
pub(super) fn check_jpeg(encoded: &[u8], format: &PixelFormat) -> Result<(), Reason> {
    let mut rest = encoded.strip_prefix(&[0xFF, 0xD8]).ok_or_else(|| Reason::Decode("it is no JPEG".to_owned()))?;
    loop {
        let [0xFF, marker, after @ ..] = rest else {
            return Err(Reason::Decode("its markers are broken".to_owned()));
        };
        if *marker == 0xFF {
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let [high, low, ..] = after else { return Err(Reason::Truncated("a JPEG")) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let is_frame = matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC);
        if is_frame {
            let [_, _, precision, h1, h0, w1, w0, components, ..] = after else {
                return Err(Reason::Truncated("a JPEG"));
            };
            if matches!(marker, 0xC0..=0xC2) && *precision != 8 {
                let what = "they are lossy JPEG of more than 8 bits; export them as JPEG 2000, RLE or uncompressed";
                return Err(Reason::PixelFormat(what.to_owned()));
            }
            let (height, width) = (u16::from_be_bytes([*h1, *h0]), u16::from_be_bytes([*w1, *w0]));
            let same = usize::from(height) == format.rows && usize::from(width) == format.columns && *components == 1;
            return if same { Ok(()) } else { Err(unlike_header()) };
        }
        rest = after.get(length.max(2)..).ok_or(Reason::Truncated("a JPEG"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(rows: usize, columns: usize) -> PixelFormat {
        PixelFormat {
            rows,
            columns,
            samples: 1,
            bits_allocated: 16,
            bits_stored: 12,
            high_bit: 11,
            signed: false,
            inverted: false,
            photometric: "MONOCHROME2".to_owned(),
            padding: None,
        }
    }

    fn size_marker(side: u32, tile: u32) -> Vec<u8> {
        let mut bytes = JPEG2000_START.to_vec();
        bytes.extend([0, 41, 0, 0]);
        for word in [side, side, 0, 0, tile, tile, 0, 0] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend([0, 1, 15, 1, 1]);
        bytes
    }

    #[test]
    fn a_codestream_larger_than_its_header_never_reaches_the_decoder() {
        assert!(check_jpeg2000(&size_marker(64, 64), &format(64, 64)).is_ok());
        assert!(check_jpeg2000(&size_marker(60_000, 60_000), &format(64, 64)).is_err());
        let jpeg = [0xFF, 0xD8, 0xFF, 0xC3, 0, 11, 12, 0, 64, 0, 64, 1, 1, 0x11, 0];
        assert!(check_jpeg(&jpeg, &format(64, 64)).is_ok());
        assert!(check_jpeg(&jpeg, &format(64, 32)).is_err());
    }

    #[test]
    fn lossy_jpeg_of_twelve_bits_is_refused_by_name() {
        let jpeg = [0xFF, 0xD8, 0xFF, 0xC1, 0, 11, 12, 0, 64, 0, 64, 1, 1, 0x11, 0];
        assert!(matches!(check_jpeg(&jpeg, &format(64, 64)), Err(Reason::PixelFormat(_))));
    }

    #[test]
    fn a_codestream_of_a_million_tiles_is_refused() {
        let tiny = size_marker(1024, 1);
        assert!(matches!(check_jpeg2000(&tiny, &format(1024, 1024)), Err(Reason::Limit(Limit::Tiles(_)))));
    }
}
