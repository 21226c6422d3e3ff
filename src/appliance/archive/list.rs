//! The list of an archive: one study an entry, and which of them a shard has.
//!
//! A study is known by a hash of its entry: it does not depend on where in the list the entry stands or on how many shards there are,
//! and holds no name. The same hash says which shard has the study, so that each has exactly one, whatever is added to the list.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::appliance::reader::path_bytes;
use crate::export::DeviceKey;

/// Longest entry, bytes: the longest path that Linux takes.
pub const ENTRY_BYTES_MAX: usize = 4096;
/// Most studies of one shard.
pub const STUDIES_MAX: usize = 1_000_000;
/// Most shards.
pub const SHARDS_MAX: u32 = 100_000;
/// Purpose of a hash of an entry.
const ENTRY: &str = "archive-entry";
/// Digits of a name that say which shard has it.
const SHARD_DIGITS: usize = 8;

/// A part of a list: `index` of `of`, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    of: u32,
}

impl Shard {
    /// The whole list.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether the study called `name` is this shard's.
    fn has(self, name: &str) -> bool {
        let number = name.get(..SHARD_DIGITS).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        number.unwrap_or(0) % self.of == self.index
    }

    /// As a part of a file's name.
    pub(super) fn file_name(self) -> String {
        format!("{}-of-{}", self.index, self.of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("give I/N, such as 0/4: I counts from 0 to N - 1, and N is at most {SHARDS_MAX}");
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let shard = Self { index: index.parse().map_err(|_| wrong())?, of: of.parse().map_err(|_| wrong())? };
        if shard.index < shard.of && shard.of <= SHARDS_MAX { Ok(shard) } else { Err(wrong()) }
    }
}

/// How entries are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// A line each; empty ones and those that begin with `#` are none.
    Line,
    /// A NUL after each, which may hold anything else: what `find -print0` makes.
    Nul,
}

/// A study of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// By what it is known: 32 hex digits.
    pub name: String,
    /// Its entry's place in the list, 1 first.
    pub number: u64,
    /// Its entry.
    pub entry: PathBuf,
    /// Where it is.
    pub path: PathBuf,
}

/// What of a list is a shard's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List {
    /// The studies, in the order of the list, each once.
    pub studies: Vec<Listed>,
    /// Entries that stood there before.
    pub repeated: u64,
}

/// Why a list can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It can't be read.
    #[error("the list: {0}")]
    Io(#[from] io::Error),
    /// An entry is no path.
    #[error("entry {0} of the list is longer than {ENTRY_BYTES_MAX} bytes: one path a line (or --null)")]
    EntryTooLong(u64),
    /// An entry can't be the name of a file.
    #[error("entry {0} of the list holds a NUL: is it meant for --null?")]
    Nul(u64),
    /// There are too many.
    #[error("the list has more than {STUDIES_MAX} studies for one shard: split it into more")]
    TooMany,
}

/// Reads the list; its paths are relative to `beside`.
///
/// # Errors
/// See [`ListError`]. Whether a study is there is not looked at.
pub fn read(from: &mut dyn BufRead, beside: &Path, separator: Separator, shard: Shard) -> Result<List, ListError> {
    let (mut list, mut seen) = (List::default(), BTreeSet::new());
    let mut number = 0;
    while let Some(entry) = next_entry(from, separator, number + 1)? {
        number += 1;
        if entry.is_empty() || (separator == Separator::Line && entry.starts_with(b"#")) {
            continue;
        }
        if entry.contains(&0) {
            return Err(ListError::Nul(number));
        }
        let entry = PathBuf::from(OsString::from_vec(entry));
        let name = DeviceKey::PUBLIC.keyed_hash(ENTRY, &path_bytes::escaped(&entry));
        if !shard.has(&name) {
            continue;
        }
        if !seen.insert(u128::from_str_radix(&name, 16).unwrap_or_default()) {
            list.repeated += 1;
            continue;
        }
        if list.studies.len() >= STUDIES_MAX {
            return Err(ListError::TooMany);
        }
        list.studies.push(Listed { name, number, path: beside.join(&entry), entry });
    }
    Ok(list)
}

/// The next entry without its separator; `None` at the end.
fn next_entry(from: &mut dyn BufRead, separator: Separator, number: u64) -> Result<Option<Vec<u8>>, ListError> {
    let end = if separator == Separator::Nul { 0 } else { b'\n' };
    let mut entry = Vec::new();
    // The separator, a carriage return before it, and one byte more than may be.
    if from.take(ENTRY_BYTES_MAX as u64 + 3).read_until(end, &mut entry)? == 0 {
        return Ok(None);
    }
    if entry.last() == Some(&end) {
        entry.pop();
    }
    if separator == Separator::Line && entry.last() == Some(&b'\r') {
        entry.pop();
    }
    if entry.len() > ENTRY_BYTES_MAX { Err(ListError::EntryTooLong(number)) } else { Ok(Some(entry)) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn listed(text: &[u8], separator: Separator, shard: &str) -> Result<List, ListError> {
        read(&mut &*text, Path::new("/archive"), separator, shard.parse().unwrap())
    }

    #[test]
    fn a_line_is_a_study_beside_the_list_or_where_it_says() {
        let list = listed(b"# of 2019\n\na b\r\n/other/c.zip", Separator::Line, "0/1").unwrap();
        let paths: Vec<_> = list.studies.iter().map(|s| (s.number, s.path.to_str().unwrap())).collect();
        assert_eq!(paths, [(3, "/archive/a b"), (4, "/other/c.zip")]);
    }

    #[test]
    fn between_nuls_everything_is_a_path() {
        let list = listed(b"# a\n\0\xff\0", Separator::Nul, "0/1").unwrap();
        assert_eq!(list.studies.len(), 2);
        assert_eq!(list.studies[0].entry, Path::new("# a\n"));
        assert_eq!(list.studies[0].name.len(), 32);
    }

    #[test]
    fn each_study_is_one_shards_wherever_it_stands() {
        let text: String = (0..1000).map(|n| format!("s{n}\n")).collect();
        let whole = listed(text.as_bytes(), Separator::Line, "0/1").unwrap();
        let mut names = BTreeSet::new();
        for index in 0..7 {
            let part = listed(text.as_bytes(), Separator::Line, &format!("{index}/7")).unwrap();
            assert!((80..=220).contains(&part.studies.len()), "{} of 1000", part.studies.len());
            for study in part.studies {
                assert!(names.insert(study.name));
            }
        }
        assert_eq!(names, whole.studies.into_iter().map(|s| s.name).collect());
        let moved = listed(b"x\ns5\n", Separator::Line, "0/1").unwrap();
        assert!(names.contains(&moved.studies[1].name));
    }

    #[test]
    fn an_entry_that_stands_there_twice_is_one_study() {
        let list = listed(b"a\nb\na\n", Separator::Line, "0/1").unwrap();
        assert_eq!((list.studies.len(), list.repeated), (2, 1));
    }

    #[test]
    fn a_list_that_is_none_is_refused_with_its_place() {
        let long = [b"a\n".as_slice(), &[b'x'; ENTRY_BYTES_MAX + 1]].concat();
        assert!(matches!(listed(&long, Separator::Line, "0/1"), Err(ListError::EntryTooLong(2))));
        let longest = [[b'x'; ENTRY_BYTES_MAX].as_slice(), b"\r\ny"].concat();
        assert_eq!(listed(&longest, Separator::Line, "0/1").unwrap().studies.len(), 2);
        assert!(matches!(listed(b"a\0b\0", Separator::Line, "0/1"), Err(ListError::Nul(1))));
    }

    #[test]
    fn a_shard_counts_from_nought() {
        assert_eq!("3/4".parse::<Shard>().unwrap().to_string(), "3/4");
        for wrong in ["4/4", "1", "0/0", "-1/2", "a/b", "0/1000000"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
