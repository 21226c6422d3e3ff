//! Paths in JSON, whatever bytes they hold.
//!
//! A path that is UTF-8 stands as it is. Of any other, each byte that is none stands as NUL and two
//! hexadecimal digits: no path holds a NUL, so nothing can be taken for something else.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

const ESCAPE: char = '\0';

/// Writes a list of paths.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(|path| escaped(path)))
}

/// Reads a list of paths.
///
/// # Errors
/// Those of the deserializer, and where an escape is none.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| unescaped(text).ok_or_else(|| D::Error::custom("a path with a broken escape"))).collect()
}

/// `path` as text, in which no two paths are alike.
#[must_use]
pub fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "{ESCAPE}{byte:02x}");
        }
    }
    text
}

fn unescaped(text: &str) -> Option<PathBuf> {
    let mut parts = text.split(ESCAPE);
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_through() {
        let all: Vec<u8> = (1..=255).collect();
        for bytes in [b"/in/a".as_slice(), "/in/\u{fc}\n\"\\".as_bytes(), b"\xff", b"a\xc3", b"\xc3\x28\xf0\x9f", &all]
        {
            let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
            assert_eq!(unescaped(&escaped(&path)), Some(path));
        }
    }

    #[test]
    fn what_is_utf_8_stands_as_it_is() {
        assert_eq!(escaped(Path::new("/in/\u{fc} \n.dcm")), "/in/\u{fc} \n.dcm");
    }

    #[test]
    fn a_broken_escape_is_refused() {
        for text in ["a\0", "a\0f", "a\0zz", "a\0\u{fc}"] {
            assert_eq!(unescaped(text), None, "{text:?}");
        }
    }
}
