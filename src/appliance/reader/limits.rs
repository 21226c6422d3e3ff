//! The limits a child lays on itself before it touches a byte of anybody's.
//!
//! Memory is limited by `RLIMIT_DATA`: the kernel counts private writable memory there, and neither the
//! address space that thread arenas reserve nor mapped files. Those are limited by `RLIMIT_AS`, more loosely; but for
//! a child with a GPU, whose driver reserves tens of gigabytes: there the service's control group limits them.

use std::io;

use rustix::process::{Pid, Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit};
use rustix::thread::set_no_new_privs;

use crate::inference::Device;

/// Open files of a child: its pipes, one file at a time, a model, and room.
const OPEN_FILES_MAX: u64 = 256;
/// Address space of a child, bytes for each byte of memory. Readings took 2.2 to 2.6 (2 to 16 threads, series
/// of 7 and of 24 slices): the C library reserves 64 MiB for each thread, and twice that for a moment. The
/// factor is three times the most seen, because reservations grow with the threads and not with the
/// memory, and this limit is not the one that is meant to be met.
const ADDRESS_SPACE_FACTOR: u64 = 8;
/// What the host's side of a GPU's context may take beside `memory_mib`, MiB. Driver, libraries and pinned buffers are
/// not of the study; the figure is a guess on the generous side until it is measured on a board.
const CUDA_HOST_MIB: u64 = 3072;
/// Largest file that a child may write, bytes: a bundle.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// What a child is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory, MiB.
    pub memory_mib: u64,
    /// CPU time of all threads together, seconds.
    pub cpu_secs: u64,
    /// Process id of the supervisor, which the child must not outlive.
    pub supervisor: i32,
    /// What the child's networks run on.
    pub device: Device,
}

impl Limits {
    /// Private writable memory.
    fn data_bytes(self) -> u64 {
        let host_mib = if self.device == Device::Cuda { CUDA_HOST_MIB } else { 0 };
        self.memory_mib.saturating_add(host_mib) << 20
    }

    /// `None`: without a limit.
    fn address_space_bytes(self) -> Option<u64> {
        (self.device == Device::Cpu).then(|| (self.memory_mib << 20).saturating_mul(ADDRESS_SPACE_FACTOR))
    }
}

/// Lays `limits` on this process.
///
/// # Errors
/// Where the kernel refuses one, or the supervisor is gone already; the child must not work then.
pub fn apply(limits: Limits) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A supervisor that died before the line above sends no signal any more.
    if getppid().map(Pid::as_raw_pid) != Some(limits.supervisor) {
        return Err(io::Error::other("the supervisor is gone"));
    }
    for (resource, value) in [
        (Resource::Data, Some(limits.data_bytes())),
        (Resource::As, limits.address_space_bytes()),
        (Resource::Nofile, Some(OPEN_FILES_MAX)),
        (Resource::Fsize, Some(FILE_BYTES_MAX)),
        (Resource::Core, Some(0)),
    ] {
        setrlimit(resource, Rlimit { current: value, maximum: value })?;
    }
    // At the first the kernel sends SIGXCPU, which tells why the child ended; at the second SIGKILL.
    let cpu = Rlimit { current: Some(limits.cpu_secs), maximum: Some(limits.cpu_secs.saturating_add(1)) };
    setrlimit(Resource::Cpu, cpu)?;
    set_no_new_privs(true)?;
    // Best effort: without it the kernel may choose another victim, but nothing else changes.
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "1000") {
        log::debug!("oom_score_adj stays as it is: {error}");
    }
    Ok(())
}
