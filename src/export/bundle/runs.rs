//! A mask as run lengths, deflated: what a hundred megabytes of voxels weigh in a bundle.
//!
//! Slice by slice, row by row: pairs of a value (one byte) and how often it follows itself (LEB128,
//! as in DWARF), no run crossing from one slice into the next; the whole stream deflated (RFC
//! 1951). So a reader needs no more memory than a slice.

use super::BundleError;
use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::io::{self, BufReader, Read, Write};

/// The bytes of a LEB128 number below 2^35, more than any slice has pixels.
const LEB128_BYTES_MAX: u32 = 5;

/// A run-length coded, deflated mask of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunMask {
    /// The deflated runs.
    pub(super) deflated: Vec<u8>,
}

impl RunMask {
    /// Codes `values`, slices of `slice_len` voxels one after the other.
    ///
    /// # Errors
    /// Never in practice: the coder writes to memory.
    pub(super) fn encode(values: &[u8], slice_len: usize) -> io::Result<Self> {
        let mut out = DeflateEncoder::new(Vec::new(), Compression::fast());
        for slice in values.chunks(slice_len.max(1)) {
            for run in slice.chunk_by(|a, b| a == b) {
                out.write_all(&run[..1])?;
                write_leb128(&mut out, run.len())?;
            }
        }
        Ok(Self { deflated: out.finish()? })
    }

    /// Reads the mask slice by slice.
    #[must_use]
    pub fn slices(&self, slice_len: usize) -> RunSlices<'_> {
        RunSlices { runs: BufReader::new(DeflateDecoder::new(self.deflated.as_slice())), slice_len }
    }
}

/// Decodes a [`RunMask`], one slice a call.
#[derive(Debug)]
pub struct RunSlices<'a> {
    runs: BufReader<DeflateDecoder<&'a [u8]>>,
    slice_len: usize,
}

impl RunSlices<'_> {
    /// The next slice's voxels, put in place of what `slice` held.
    ///
    /// # Errors
    /// [`BundleError::Mask`] where the runs end early or do not fill whole slices.
    pub fn next_into(&mut self, slice: &mut Vec<u8>) -> Result<(), BundleError> {
        slice.clear();
        while slice.len() < self.slice_len {
            let mut value = [0];
            self.runs.read_exact(&mut value).map_err(BundleError::Mask)?;
            let length = read_leb128(&mut self.runs).map_err(BundleError::Mask)?;
            if length == 0 || length > self.slice_len - slice.len() {
                return Err(BundleError::Mask(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a run is longer than its slice",
                )));
            }
            slice.resize(slice.len() + length, value[0]);
        }
        Ok(())
    }
}

fn write_leb128(out: &mut impl Write, mut number: usize) -> io::Result<()> {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return out.write_all(&[low]);
        }
        out.write_all(&[low | 0x80])?;
    }
}

fn read_leb128(input: &mut impl Read) -> io::Result<usize> {
    let mut number = 0_u64;
    for place in 0..LEB128_BYTES_MAX {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        number |= u64::from(byte[0] & 0x7f) << (7 * place);
        if byte[0] & 0x80 == 0 {
            return usize::try_from(number).map_err(io::Error::other);
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "a run length has too many digits"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_mask_comes_back_slice_by_slice() {
        let values: Vec<u8> = (0..3 * 1000).map(|i| if i % 1000 < 300 { 0 } else { (i / 170) as u8 }).collect();
        let mask = RunMask::encode(&values, 1000).unwrap();
        assert!(mask.deflated.len() < 200);
        let (mut slices, mut slice) = (mask.slices(1000), Vec::new());
        for expected in values.chunks(1000) {
            slices.next_into(&mut slice).unwrap();
            assert_eq!(slice, expected);
        }
        assert!(slices.next_into(&mut slice).is_err(), "a fourth slice out of three");
    }

    #[test]
    fn runs_that_do_not_fit_their_slice_are_refused() {
        let mask = RunMask::encode(&[1; 100], 100).unwrap();
        assert!(mask.slices(60).next_into(&mut Vec::new()).is_err());
    }
}
