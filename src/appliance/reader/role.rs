//! The child's half: lays its limits on itself, reads one request, shuts itself in, works, answers, ends.

use std::io;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use serde::de::DeserializeOwned;

use super::limits::{self, Limits};
use super::protocol::{
    ReadReply, ReadRequest, ScanReply, ScanRequest, SelfTestReply, SelfTestRequest, read_frame, write_frame,
};
use super::sandbox::{self, Rooms};
use super::work;

/// Which kind of child this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Looks at files and summarises studies.
    Scan,
    /// Reads one study.
    Read,
    /// Tests the installation.
    SelfTest,
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
        Role::Read => read(request()?),
        Role::SelfTest => self_test(request()?),
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

fn read(mut request: ReadRequest) -> Result<(), RoleError> {
    request.threads = threads(request.threads);
    shut_in(&request.readable, Some(&request.spool_dir))?;
    let reply = match work::read_study(&request) {
        Ok(outcome) => ReadReply::Done(outcome),
        Err(reason) => ReadReply::Failed { reason: reason.to_string() },
    };
    Ok(write_frame(&mut io::stdout().lock(), &reply)?)
}

fn self_test(mut request: SelfTestRequest) -> Result<(), RoleError> {
    request.threads = threads(request.threads);
    shut_in(&request.readable, None)?;
    let reply = match work::test_installation(&request) {
        Ok(checks) => SelfTestReply::Done { checks },
        Err(reason) => SelfTestReply::Failed { reason: reason.to_string() },
    };
    Ok(write_frame(&mut io::stdout().lock(), &reply)?)
}

fn request<T: DeserializeOwned>() -> io::Result<T> {
    Ok(read_frame(&mut io::stdin().lock())?.ok_or(io::ErrorKind::UnexpectedEof)?)
}

fn shut_in(readable: &[PathBuf], writable: Option<&Path>) -> Result<(), RoleError> {
    sandbox::enter(Rooms { readable, writable }).map(drop).map_err(|error| RoleError::NotShutIn(error.into()))
}

/// So many threads; as many as cores for 0. Asked before the child is shut in: how many of the cores
/// the service may use stands in files that are closed afterwards.
fn threads(asked: usize) -> usize {
    if asked > 0 { asked } else { available_parallelism().map_or(1, usize::from) }
}
