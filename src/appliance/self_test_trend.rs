//! Self-tests over time: the last of them with what they found, kept in the state folder.
//!
//! One result says that the installation works; a row of them says that it still does, and which figure has been moving.

use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::clock;
use super::one_line::one_line;
use super::self_test::{Check, Kept};
use crate::export::write_private;
use crate::inference::Device;

/// Self-tests that are kept.
pub const TESTS_MAX: usize = 100;
/// Longest reason that is kept, bytes.
const PROBLEM_BYTES_MAX: usize = 240;
/// Largest file that is read, bytes: far more than as many tests take.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Name of the file in the state folder: lines of JSON, the oldest first.
const FILE_NAME: &str = "self-tests.jsonl";

/// One self-test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// When it ended, RFC 3339.
    pub time: String,
    /// What the networks ran on: [`Device::name`].
    pub device: String,
    /// Whether it passed.
    pub passed: bool,
    /// What was checked; nothing where it could not be done.
    pub checks: Vec<Check>,
    /// Why it could not be done.
    pub problem: Option<String>,
}

impl Tested {
    /// A test that ended now.
    #[must_use]
    pub fn now(device: Device, result: &Result<Kept, String>) -> Self {
        // JSON knows no infinity.
        let finite = |check: &Check| Check {
            value: if check.value.is_finite() { check.value } else { f64::MAX },
            ..check.clone()
        };
        let kept = result.as_ref().ok();
        Self {
            time: clock::now_rfc3339(),
            device: device.name().to_owned(),
            passed: kept.is_some_and(Kept::passed),
            checks: kept.map(|kept| kept.checks.iter().map(finite).collect()).unwrap_or_default(),
            problem: result.as_ref().err().map(|why| one_line::<PROBLEM_BYTES_MAX>(why).to_string()),
        }
    }
}

/// The self-tests that are kept in `state_dir`, the oldest first; a line that is none is passed over.
#[must_use]
pub fn load(state_dir: &Path) -> Vec<Tested> {
    let mut text = String::new();
    let file = std::fs::File::open(state_dir.join(FILE_NAME));
    if file.and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text)).is_err() {
        return Vec::new();
    }
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Keeps `tested`, durably, at the cost of the oldest.
///
/// # Errors
/// As the file system gives them.
pub fn add(state_dir: &Path, tested: Tested) -> io::Result<()> {
    let mut tests = load(state_dir);
    tests.push(tested);
    let from = tests.len().saturating_sub(TESTS_MAX);
    let mut text = String::new();
    for tested in tests.iter().skip(from) {
        text += &serde_json::to_string(tested)?;
        text.push('\n');
    }
    write_private(&state_dir.join(FILE_NAME), text.as_bytes())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn kept(value: f64) -> Result<Kept, String> {
        Ok(Kept { made_by: "a".to_owned(), checks: vec![Check { name: "n".to_owned(), value, max: 1.0 }] })
    }

    #[test]
    fn the_last_tests_are_kept_in_their_order_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()), Vec::new());
        for n in 0..TESTS_MAX + 3 {
            add(dir.path(), Tested::now(Device::Cpu, &kept(n as f64))).unwrap();
        }
        let tests = load(dir.path());
        assert_eq!(tests.len(), TESTS_MAX);
        assert_eq!((tests[0].checks[0].value, tests[0].passed), (3.0, false));
    }

    #[test]
    fn what_could_not_be_taken_or_done_is_kept_too_and_damage_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        add(dir.path(), Tested::now(Device::Cpu, &kept(f64::NAN))).unwrap();
        let path = dir.path().join(FILE_NAME);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}{{ half a li\n")).unwrap();
        add(dir.path(), Tested::now(Device::Cpu, &Err("no room\n".to_owned()))).unwrap();
        let tests = load(dir.path());
        assert_eq!(tests.iter().map(|t| t.passed).collect::<Vec<_>>(), [false, false]);
        assert_eq!((tests[0].checks[0].value, tests[1].problem.as_deref()), (f64::MAX, Some("no room ")));
    }
}
