//! Messages through a pipe or a socket of the machine: JSON in frames of bounded length.
//!
//! A frame is its length (`u32`, little-endian) and that many bytes. A frame longer than
//! [`FRAME_BYTES_MAX`] is refused before a byte of it is kept.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest frame, bytes: the headers of a study of [`STUDY_FILES_MAX`](super::reader::protocol::STUDY_FILES_MAX) files.
pub const FRAME_BYTES_MAX: usize = 32 << 20;

/// Writes one frame.
///
/// # Errors
/// Those of the pipe, and `InvalidData` for a message longer than [`FRAME_BYTES_MAX`].
pub fn write_frame(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(message).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= FRAME_BYTES_MAX);
    let length = length.ok_or_else(|| too_long(bytes.len()))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads one frame; `None` at the end of the stream.
///
/// # Errors
/// Those of the pipe, and `InvalidData` for a frame that is too long or not the message expected.
pub fn read_frame<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(too_long(length));
    }
    let mut bytes = Vec::new();
    // Grows with what arrives, so that a length alone costs no memory.
    if from.take(length as u64).read_to_end(&mut bytes)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| not_understood(&error))
}

/// The error's own text would quote what it did not understand, which may be of a study.
fn not_understood(error: &serde_json::Error) -> io::Error {
    let (kind, at) = (error.classify(), error.column());
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a frame that is not the message expected ({kind:?}, byte {at})"),
    )
}

fn too_long(length: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes; {FRAME_BYTES_MAX} are allowed"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::appliance::reader::protocol::{ScanReply, ScanRequest};
    use std::path::PathBuf;

    fn no_utf_8() -> PathBuf {
        use std::os::unix::ffi::OsStringExt;
        std::ffi::OsString::from_vec(b"/in/\xff\n.dcm".to_vec()).into()
    }

    #[test]
    fn a_message_goes_through_a_pipe_unchanged() {
        let paths = vec!["/in/a b".into(), "/in/ü".into(), no_utf_8()];
        let request = ScanRequest::Files { paths, readable: vec!["/in".into()] };
        let mut pipe = Vec::new();
        write_frame(&mut pipe, &request).unwrap();
        let mut from = pipe.as_slice();
        assert_eq!(read_frame::<ScanRequest>(&mut from).unwrap(), Some(request));
        assert_eq!(read_frame::<ScanRequest>(&mut from).unwrap(), None);
    }

    #[test]
    fn a_length_beyond_the_cap_is_refused_at_once() {
        let mut endless = io::repeat(0xff);
        let error = read_frame::<ScanReply>(&mut endless).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_is_not_understood_is_not_quoted() {
        let body = br#"{"answer":"DOE^JANE"}"#;
        let frame = [&(body.len() as u32).to_le_bytes()[..], body].concat();
        let error = read_frame::<ScanReply>(&mut frame.as_slice()).unwrap_err();
        assert!(!error.to_string().contains("DOE"), "{error}");
    }

    #[test]
    fn a_frame_cut_short_is_an_error_not_an_end() {
        let mut pipe = Vec::new();
        write_frame(&mut pipe, &ScanRequest::Study { headers: vec!["h".into()], readable: Vec::new() }).unwrap();
        pipe.pop();
        assert!(read_frame::<ScanRequest>(&mut pipe.as_slice()).is_err());
    }
}
