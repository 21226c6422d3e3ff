//! What may be told of how a child ended: never its own words, which may quote a study.
//!
//! A child's stderr is listened to line by line. Of a panic only its place in the source is kept, of
//! an allocation that failed only that it did; everything else is forgotten at once. With the
//! exit status and the limits that the child was given, that makes [`LastWords`].

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::Signal;

/// Longest line that is looked at, bytes; what comes after is skipped up to the next line.
const LINE_BYTES_MAX: u64 = 1024;
/// Longest place in a source that is kept, bytes.
const PLACE_BYTES_MAX: usize = 120;

/// What was heard on a child's stderr that may be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// Where in the source the first panic was.
    panicked_at: Option<String>,
    /// Whether memory was refused.
    out_of_memory: bool,
}

/// The limits whose breaking ends a child, as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Given {
    /// Memory, MiB.
    pub memory_mib: Option<u64>,
    /// CPU time, seconds.
    pub cpu_secs: Option<u64>,
}

/// How a child ended, without a word of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWords {
    status: ExitStatus,
    heard: Heard,
    given: Given,
}

impl LastWords {
    /// Of a child that ended with `status`.
    #[must_use]
    pub fn new(status: ExitStatus, heard: Heard, given: Given) -> Self {
        Self { status, heard, given }
    }

    /// The exit code, where it ended by itself.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl fmt::Display for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signal = self.status.signal();
        let limit = |value: Option<u64>, unit| value.map(|v| format!(" ({v} {unit})")).unwrap_or_default();
        if self.heard.out_of_memory {
            return write!(f, "it ran out of its memory{}", limit(self.given.memory_mib, "MiB"));
        }
        if let Some(place) = &self.heard.panicked_at {
            return write!(f, "it panicked at {place}");
        }
        match signal.and_then(Signal::from_named_raw) {
            Some(Signal::XCPU) => write!(f, "it used up its CPU time{}", limit(self.given.cpu_secs, "s")),
            Some(Signal::KILL) => f.write_str("it was killed from outside; the machine may have run out of memory"),
            _ => write!(f, "{}", self.status),
        }
    }
}

/// Listens to a child until its stderr ends. At debug level its lines are shown as they are.
pub fn listen(stderr: impl Read) -> Heard {
    let mut stderr = BufReader::new(stderr);
    let mut heard = Heard::default();
    let mut line = Vec::new();
    let mut begins = true;
    loop {
        line.clear();
        match stderr.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return heard,
            Ok(_) => {}
        }
        let ends = line.ends_with(b"\n");
        if begins {
            let text = String::from_utf8_lossy(&line);
            log::debug!("a child says: {}", text.trim_end());
            note(text.trim_end(), &mut heard);
        }
        begins = ends;
    }
}

fn note(line: &str, heard: &mut Heard) {
    if let Some(place) = place_of_panic(line) {
        heard.panicked_at.get_or_insert(place);
    }
    let bytes = line.strip_prefix("memory allocation of ").and_then(|rest| rest.strip_suffix(" bytes failed"));
    heard.out_of_memory |= bytes.is_some_and(|b| !b.is_empty() && b.chars().all(|c| c.is_ascii_digit()));
    // The network's own allocator says it so, as a panic.
    heard.out_of_memory |= line.starts_with("failed to allocate Layout {");
}

/// The place in the line with which a panic begins, in short: of our crate from `src/`, of another
/// from its name and version, of the standard library from `library/`.
fn place_of_panic(line: &str) -> Option<String> {
    let (_, place) = line.strip_prefix("thread '")?.rsplit_once(" panicked at ")?;
    let place = place.strip_suffix(':')?;
    let place = match place.split_once("/registry/src/") {
        // The folder of the registry's index comes before the crate's.
        Some((_, below)) => below.split_once('/')?.1,
        None => match place.split_once("/library/") {
            Some((_, _)) => place.get(place.find("/library/")? + 1..)?,
            None => place.starts_with("src/").then_some(place)?,
        },
    };
    is_a_place(place).then(|| place.to_owned())
}

/// Whether `place` is a path in a source with line and column, and can't be anybody's name.
fn is_a_place(place: &str) -> bool {
    let mut parts = place.rsplitn(3, ':');
    let number = |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_digit()));
    let (column, line, path) = (parts.next(), parts.next(), parts.next().unwrap_or_default());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c);
    let file = path.strip_suffix(".rs").is_some_and(|p| !p.is_empty() && p.chars().all(plain));
    number(column) && number(line) && file && place.len() <= PLACE_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: Given = Given { memory_mib: Some(512), cpu_secs: Some(600) };

    fn signalled(signal: Signal) -> ExitStatus {
        ExitStatus::from_raw(signal.as_raw())
    }

    fn words(status: ExitStatus, stderr: &str) -> String {
        LastWords::new(status, listen(stderr.as_bytes()), GIVEN).to_string()
    }

    #[test]
    fn of_a_panic_only_its_place_is_told() {
        let exit = ExitStatus::from_raw(101 << 8);
        let told = |place: &str| {
            words(
                exit,
                &format!("\nthread 'main' (4711) panicked at {place}:\nDOE^JANE has no pixels\nnote: run with\n"),
            )
        };
        assert_eq!(told("src/dicom/pixels.rs:12:5"), "it panicked at src/dicom/pixels.rs:12:5");
        assert_eq!(
            told(
                "/home/build/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/dicom-object-0.10.1/src/file.rs:7:33"
            ),
            "it panicked at dicom-object-0.10.1/src/file.rs:7:33"
        );
        assert_eq!(
            told("/rustc/0123456789abcdef/library/core/src/option.rs:1:2"),
            "it panicked at library/core/src/option.rs:1:2"
        );
        for disguised in ["DOE^JANE:1:1", "src/DOE JANE.rs:1:1", "/srv/in/doe.rs:1:1", "src/x.rs:one:1", "src/x.rs"] {
            assert_eq!(told(disguised), "exit status: 101", "{disguised}");
        }
    }

    #[test]
    fn the_first_panic_is_the_one_told() {
        let both = "thread 'a' panicked at src/a.rs:1:1:\nx\nthread 'b' panicked at src/b.rs:2:2:\n";
        assert_eq!(words(ExitStatus::from_raw(101 << 8), both), "it panicked at src/a.rs:1:1");
    }

    #[test]
    fn a_limit_that_was_broken_is_named() {
        let refused = "memory allocation of 1073741824 bytes failed\n";
        assert_eq!(words(signalled(Signal::ABORT), refused), "it ran out of its memory (512 MiB)");
        let network = "thread 'a' panicked at src/a.rs:1:1:\nfailed to allocate Layout { size: 11796480, align: 32 }\n";
        assert_eq!(words(signalled(Signal::ABORT), network), "it ran out of its memory (512 MiB)");
        assert_eq!(words(signalled(Signal::XCPU), ""), "it used up its CPU time (600 s)");
        assert!(words(signalled(Signal::KILL), "").contains("killed from outside"));
        assert_eq!(words(signalled(Signal::SEGV), ""), "signal: 11 (SIGSEGV)");
        assert_eq!(
            words(signalled(Signal::ABORT), "memory allocation of DOE^JANE bytes failed\n"),
            "signal: 6 (SIGABRT)"
        );
    }

    #[test]
    fn a_flood_without_a_line_is_heard_out_in_little_memory() {
        let flood = std::io::repeat(b'x').take(50 << 20);
        assert_eq!(listen(flood), Heard::default());
    }

    #[test]
    fn what_follows_in_a_long_line_is_no_line_of_its_own() {
        let padding = "x".repeat(LINE_BYTES_MAX as usize);
        assert_eq!(listen(format!("{padding}thread 'a' panicked at src/a.rs:1:1:\n").as_bytes()), Heard::default());
    }
}
