//! The child's half: lays its limits on itself, reads one request, shuts itself in, works, answers, ends.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use serde::de::DeserializeOwned;

use super::limits::{self, Limits};
use super::protocol::{
    ArchiveRequest, ExportRequest, ReadReply, ReadRequest, ScanReply, ScanRequest, SelfTestReply, SelfTestRequest,
    SendReply, SendRequest,
};
use super::sandbox::{self, Rooms};
use super::threads::{self, Given};
use super::{accelerator, archived, sending, work};
use crate::appliance::frame::{read_frame, write_frame};
use crate::appliance::health::heat::Heat;

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
    /// Sends objects of one bundle to the clinic's archive.
    Send,
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
        Role::Read => read(request()?, limits),
        Role::SelfTest => self_test(request()?, limits),
        Role::Export => export(&request()?),
        Role::Send => send(&request()?),
        Role::Archive => archive(request()?, limits),
    }
}

fn scan(request: ScanRequest) -> Result<(), RoleError> {
    let (ScanRequest::Files { readable, .. } | ScanRequest::Study { readable, .. }) = &request;
    shut_in(Rooms { readable, ..Rooms::default() })?;
    let reply = match request {
        ScanRequest::Files { paths, .. } => ScanReply::Files { outcomes: work::scan_batch(&paths) },
        ScanRequest::Study { headers, .. } => ScanReply::Study(work::summarise(&headers)),
    };
    Ok(write_frame(&mut io::stdout().lock(), &reply)?)
}

// A GPU's driver is opened before the child shuts itself in, and before a byte of a study is read: it names its threads in /proc,
// looks for a service behind a socket and links its devices, none of which a child has any use for afterwards.
fn read(mut request: ReadRequest, limits: Limits) -> Result<(), RoleError> {
    request.threads = threads(request.threads, limits);
    let (readable, writable) = (request.readable.as_slice(), Some(request.spool_dir.as_path()));
    let opened = limits.device.open();
    shut_in(Rooms { readable, writable, device: limits.device, ..Rooms::default() })?;
    let reply = match opened.map_err(Into::into).and_then(|()| work::read_study(&request, limits.device)) {
        Ok(outcome) => ReadReply::Done(outcome),
        Err(reason) => ReadReply::Failed { reason: reason.to_string() },
    };
    Ok(write_frame(&mut io::stdout().lock(), &reply)?)
}

fn self_test(mut request: SelfTestRequest, limits: Limits) -> Result<(), RoleError> {
    request.threads = threads(request.threads, limits);
    let compiled_code = accelerator::compiled_code(limits.device);
    let (readable, compiled_code) = (request.readable.as_slice(), compiled_code.as_deref());
    let opened = limits.device.open();
    shut_in(Rooms { readable, compiled_code, device: limits.device, ..Rooms::default() })?;
    let reply = match opened.map_err(Into::into).and_then(|()| work::test_installation(&request, limits.device)) {
        Ok(checks) => SelfTestReply::Done { checks },
        Err(reason) => SelfTestReply::Failed { reason: reason.to_string() },
    };
    Ok(write_frame(&mut io::stdout().lock(), &reply)?)
}

fn export(request: &ExportRequest) -> Result<(), RoleError> {
    let (readable, writable) = (std::slice::from_ref(&request.bundle), Some(request.out_dir.as_path()));
    shut_in(Rooms { readable, writable, ..Rooms::default() })?;
    Ok(write_frame(&mut io::stdout().lock(), &work::export_bundle(request))?)
}

// Names are asked for before the child shuts itself in, because that takes files and sockets of the C library's own choice;
// nothing that the archive says is heard before.
fn send(request: &SendRequest) -> Result<(), RoleError> {
    let resolved = (request.host.trim_matches(['[', ']']), request.port).to_socket_addrs();
    let readable = std::slice::from_ref(&request.bundle);
    shut_in(Rooms { readable, connects_to: Some(request.port), ..Rooms::default() })?;
    let reply = match resolved.map(Iterator::collect::<Vec<SocketAddr>>) {
        Ok(addresses) => sending::send(request, &addresses),
        Err(error) => {
            let reason = format!("the name {} leads nowhere: {error}", request.host);
            SendReply::Unreachable { sent: Vec::new(), reason }
        }
    };
    Ok(write_frame(&mut io::stdout().lock(), &reply)?)
}

fn archive(mut request: ArchiveRequest, limits: Limits) -> Result<(), RoleError> {
    request.threads = threads(request.threads, limits);
    let readable = [request.paths.as_slice(), &request.model_folders].concat();
    shut_in(Rooms { readable: &readable, writable: Some(request.room.as_path()), ..Rooms::default() })?;
    Ok(write_frame(&mut io::stdout().lock(), &archived::read_study(&request))?)
}

fn request<T: DeserializeOwned>() -> io::Result<T> {
    Ok(read_frame(&mut io::stdin().lock())?.ok_or(io::ErrorKind::UnexpectedEof)?)
}

fn shut_in(rooms: Rooms<'_>) -> Result<(), RoleError> {
    sandbox::enter(rooms).map(drop).map_err(|error| RoleError::NotShutIn(error.into()))
}

/// Settles the number where the supervisor leaves it open. Asked before the child is shut in: how many of the cores the service
/// may use stands in files that are closed afterwards.
fn threads(asked: usize, limits: Limits) -> usize {
    let Limits { memory_mib, device, .. } = limits;
    threads::threads(Given { asked, cores: threads::cores(), memory_mib, heat: Heat::Cool, device }).get()
}
