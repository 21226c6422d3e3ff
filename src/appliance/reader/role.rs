//! The child's half: lays its limits on itself, reads one request, shuts itself in, works, answers, ends.

use std::io;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use serde::de::DeserializeOwned;

use super::limits::{self, Limits};
use super::protocol::{
    ArchiveRequest, ExportRequest, ReadReply, ReadRequest, ScanReply, ScanRequest, SelfTestReply, SelfTestRequest,
    read_frame, write_frame,
};
use super::sandbox::{self, Rooms};
use super::{archived, work};

/// Memory of a reading for each of its threads, MiB, where it chooses their number. Each takes some 25 MiB for
/// a slice of 512 x 512 at work, beside what the study takes whatever their number: 16 in 512 MiB ran out.
const MEMORY_MIB_A_THREAD: u64 = 64;

/// Which kind of child this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Looks at files and summarises studies.
    Scan,
    /// Reads one study.
    Read,
    /// Tests the installation.
    SelfTest,
    /// Makes the clinic's files of one bundle.
    Export,
    /// Reads one study of an archive and makes its files.
    Archive,
}

/// Why a child did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// A limit or the sandbox can't be laid on; nothing was looked at.
    #[error("it can't shut itself in: {0}")]
    NotShutIn(io::Error),
    /// The supervisor says nothing that can be understood, or does not listen.
    #[error(transparent)]
    Pipe(#[from] io::Error),
}

/// Is the child: one request from standard input, one answer on standard output.
///
/// # Errors
/// See [`RoleError`].
pub fn serve(role: Role, limits: Limits) -> Result<(), RoleError> {
    limits::apply(limits).map_err(RoleError::NotShutIn)?;
    match role {
        Role::Scan => scan(request()?),
        Role::Read => read(request()?, limits.memory_mib),
        Role::SelfTest => self_test(request()?, limits.memory_mib),
        Role::Export => export(&request()?),
        Role::Archive => archive(request()?, limits.memory_mib),
    }
}

fn scan(request: ScanRequest) -> Result<(), RoleError> {
    let (ScanRequest::Files { readable, .. } | ScanRequest::Study { readable, .. }) = &request;
    shut_in(readable, None)?;
    let reply = match request {
        ScanRequest::Files { paths, .. } => ScanReply::Files { outcomes: work::scan_batch(&paths) },
        ScanRequest::Study { headers, .. } => ScanReply::Study(work::summarise(&headers)),
    };
    Ok(write_frame(&mut io::stdout().lock(), &reply)?)
}

fn read(mut request: ReadRequest, memory_mib: u64) -> Result<(), RoleError> {
    request.threads = threads(request.threads, memory_mib);
    shut_in(&request.readable, Some(&request.spool_dir))?;
    let reply = match work::read_study(&request) {
        Ok(outcome) => ReadReply::Done(outcome),
        Err(reason) => ReadReply::Failed { reason: reason.to_string() },
    };
    Ok(write_frame(&mut io::stdout().lock(), &reply)?)
}

fn self_test(mut request: SelfTestRequest, memory_mib: u64) -> Result<(), RoleError> {
    request.threads = threads(request.threads, memory_mib);
    shut_in(&request.readable, None)?;
    let reply = match work::test_installation(&request) {
        Ok(checks) => SelfTestReply::Done { checks },
        Err(reason) => SelfTestReply::Failed { reason: reason.to_string() },
    };
    Ok(write_frame(&mut io::stdout().lock(), &reply)?)
}

fn export(request: &ExportRequest) -> Result<(), RoleError> {
    shut_in(std::slice::from_ref(&request.bundle), Some(&request.out_dir))?;
    Ok(write_frame(&mut io::stdout().lock(), &work::export_bundle(request))?)
}

fn archive(mut request: ArchiveRequest, memory_mib: u64) -> Result<(), RoleError> {
    request.threads = threads(request.threads, memory_mib);
    shut_in(&[request.paths.as_slice(), &request.model_folders].concat(), Some(&request.room))?;
    Ok(write_frame(&mut io::stdout().lock(), &archived::read_study(&request))?)
}

fn request<T: DeserializeOwned>() -> io::Result<T> {
    Ok(read_frame(&mut io::stdin().lock())?.ok_or(io::ErrorKind::UnexpectedEof)?)
}

fn shut_in(readable: &[PathBuf], writable: Option<&Path>) -> Result<(), RoleError> {
    sandbox::enter(Rooms { readable, writable }).map(drop).map_err(|error| RoleError::NotShutIn(error.into()))
}

/// So many threads; for 0 as many as cores, as far as the memory goes. Asked before the child is shut in:
/// how many of the cores the service may use stands in files that are closed afterwards.
fn threads(asked: usize, memory_mib: u64) -> usize {
    if asked > 0 {
        return asked;
    }
    let by_memory = usize::try_from(memory_mib / MEMORY_MIB_A_THREAD).unwrap_or(usize::MAX);
    available_parallelism().map_or(1, usize::from).min(by_memory).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_follow_cores_and_memory_where_nobody_asks_for_a_number() {
        let cores = available_parallelism().map_or(1, usize::from);
        assert_eq!(threads(3, 64), 3);
        assert_eq!(threads(0, 1), 1);
        assert_eq!(threads(0, u64::MAX), cores);
        assert_eq!(threads(0, 2 * MEMORY_MIB_A_THREAD), cores.min(2));
    }
}
