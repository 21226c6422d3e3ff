//! The room that a child shuts itself into: the files it may open, the system calls it may make.
//!
//! [`enter`] is called once, after the request said what is needed and before a byte of any study is
//! read. Landlock takes away every file but those of the request and what describes the processor, as far as the kernel knows how;
//! [`super::system_calls`] takes away sockets, programs, processes and the rest. Neither can be
//! undone. [`available`] says what this machine offers, without laying anything on its caller.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};

use super::{accelerator, system_calls};
use crate::inference::Device;

/// Newest rules that are asked for; older kernels enforce what they know of them.
const NEWEST_ABI: ABI = ABI::V6;
/// What the network's kernels are chosen by: models and caches of the processor. Without it a child
/// might compute in another order, and slower, than `analyze` does.
const PROCESSOR: [&str; 2] = ["/proc/cpuinfo", "/sys/devices/system/cpu"];
/// Every step of the kernel's landlock up to [`NEWEST_ABI`].
const STEPS: [(u8, ABI); 6] = [(1, ABI::V1), (2, ABI::V2), (3, ABI::V3), (4, ABI::V4), (5, ABI::V5), (6, NEWEST_ABI)];

/// What a child may open.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rooms<'a> {
    /// Folders to read, with everything below: exports, models.
    pub readable: &'a [PathBuf],
    /// The one folder to write into.
    pub writable: Option<&'a Path>,
    /// Where a GPU's code is compiled to, where it may be.
    pub compiled_code: Option<&'a Path>,
    /// The one TCP port that it may connect to, where it may.
    pub connects_to: Option<u16>,
    /// What the networks run on: a GPU is spoken to through files, and brings libraries.
    pub device: Device,
}

/// What keeps a child in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxLevel {
    /// Version of landlock; 0 where the kernel has none, or has it switched off.
    pub landlock_abi: u8,
    /// Whether system calls are filtered.
    pub system_calls: bool,
}

impl SandboxLevel {
    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match (self.landlock_abi, self.system_calls) {
            (0, false) => "none",
            (0, true) => "no-landlock",
            (_, false) => "no-seccomp",
            (_, true) => "full",
        }
    }
}

impl fmt::Display for SandboxLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self.landlock_abi {
            0 => write!(f, "{name} (files are guarded by the service's user alone, ")?,
            abi => write!(f, "{name} (files by landlock {abi}, ")?,
        }
        f.write_str(if self.system_calls { "system calls filtered)" } else { "system calls not filtered)" })
    }
}

/// Why the room can't be shut although the kernel could.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The kernel refuses a rule.
    #[error("landlock: {0}")]
    Files(#[from] RulesetError),
    /// The kernel refuses the filter.
    #[error("seccomp: {0}")]
    SystemCalls(#[from] io::Error),
}

impl From<SandboxError> for io::Error {
    fn from(error: SandboxError) -> Self {
        Self::other(error)
    }
}

/// What this machine offers; nothing is laid on the caller.
#[must_use]
pub fn available() -> SandboxLevel {
    let known = STEPS.iter().filter(|(_, abi)| knows(*abi)).map(|(number, _)| *number);
    SandboxLevel { landlock_abi: known.max().unwrap_or(0), system_calls: system_calls::available() }
}

/// Whether the kernel has everything of `abi`; asked by making rules that nobody is put under.
fn knows(abi: ABI) -> bool {
    rules(abi, CompatLevel::HardRequirement).is_ok()
}

/// Shuts this thread, and every thread that it will start, into `rooms`; the filter of system calls
/// holds for every thread of the process.
///
/// # Errors
/// See [`SandboxError`]; what the kernel does not know is none, and missing in the level.
pub fn enter(rooms: Rooms<'_>) -> Result<SandboxLevel, SandboxError> {
    let level = available();
    if level.landlock_abi > 0 {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        rules(NEWEST_ABI, CompatLevel::BestEffort)?
            .add_rules(path_beneath_rules(rooms.readable, read))?
            .add_rules(path_beneath_rules(PROCESSOR, read))?
            .add_rules(path_beneath_rules(rooms.writable, read | writing()))?
            .add_rules(path_beneath_rules(accelerator::libraries(rooms.device), read))?
            .add_rules(path_beneath_rules(accelerator::devices(rooms.device), read | speaking()))?
            .add_rules(path_beneath_rules(rooms.compiled_code, read | writing() | AccessFs::MakeDir))?
            .add_rules(rooms.connects_to.map(|port| Ok::<_, RulesetError>(NetPort::new(port, AccessNet::ConnectTcp))))?
            .restrict_self()?;
    }
    if level.system_calls {
        system_calls::restrict(rooms.device, rooms.connects_to.is_some())?;
    }
    Ok(level)
}

/// What writing a bundle needs: make a file, fill it, rename it in its folder, or take it back.
fn writing() -> BitFlags<AccessFs> {
    AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile | AccessFs::Truncate
}

/// What a driver takes beside reading: to write to its files, and to command them.
fn speaking() -> BitFlags<AccessFs> {
    AccessFs::WriteFile | AccessFs::IoctlDev
}

/// Rules that forbid everything `abi` knows of: files, programs, TCP, signals and sockets of others.
fn rules(abi: ABI, level: CompatLevel) -> Result<RulesetCreated, RulesetError> {
    let mut rules = Ruleset::default().set_compatibility(level).handle_access(AccessFs::from_all(abi))?;
    // Asking for nothing at all is an error.
    if abi >= ABI::V4 {
        rules = rules.handle_access(AccessNet::from_all(abi))?;
    }
    if abi >= ABI::V6 {
        rules = rules.scope(Scope::from_all(abi))?;
    }
    rules.create()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_said_in_a_word_and_in_a_line() {
        let level = |landlock_abi, system_calls| SandboxLevel { landlock_abi, system_calls };
        assert_eq!(level(6, true).to_string(), "full (files by landlock 6, system calls filtered)");
        assert_eq!(level(0, true).name(), "no-landlock");
        assert_eq!(level(3, false).name(), "no-seccomp");
        assert_eq!(
            level(0, false).to_string(),
            "none (files are guarded by the service's user alone, system calls not filtered)"
        );
    }

    #[test]
    fn asking_what_there_is_takes_nothing_away() {
        assert_eq!(available(), available());
        assert!(std::fs::read("/proc/self/status").is_ok());
        assert!(std::net::TcpListener::bind("127.0.0.1:0").is_ok());
    }
}
