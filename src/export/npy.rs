//! Arrays as NumPy reads them (format version 1.0).

use std::io::{self, Write};

/// The header ends at a multiple of this.
const HEADER_ALIGNED: usize = 64;
/// Before the header's text: magic, version, length.
const PREAMBLE_BYTES: usize = 10;

/// Writes values as float32, little-endian, row by row.
pub(super) fn write(shape: &[usize], values: &[f32], out: &mut dyn Write) -> io::Result<()> {
    let sizes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", sizes.trim_end());
    let end = (PREAMBLE_BYTES + header.len() + 1).next_multiple_of(HEADER_ALIGNED);
    header.extend(std::iter::repeat_n(' ', end - PREAMBLE_BYTES - header.len() - 1));
    header.push('\n');
    let length = u16::try_from(header.len()).map_err(io::Error::other)?;
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_array_has_the_header_that_numpy_writes() {
        // python3 -c 'import numpy, io; f = io.BytesIO(); numpy.save(f, numpy.float32([[1, 2]])); print(f.getvalue())'
        let mut expected =
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }".to_vec();
        expected.resize(127, b' ');
        expected.extend_from_slice(b"\n\x00\x00\x80?\x00\x00\x00@");
        let mut bytes = Vec::new();
        write(&[1, 2], &[1.0, 2.0], &mut bytes).unwrap();
        assert_eq!(bytes.len(), expected.len());
        // Spaces and commas of the shape are free; NumPy itself writes it as here but for the last comma.
        let same = |b: &[u8]| String::from_utf8_lossy(b).replace(", )", ")").replace(",)", ")").replace(' ', "");
        assert_eq!(same(&bytes), same(&expected));
    }
}
