//! The child's half: lays its limits on itself, reads one request, works, answers, ends.

use std::io;

use super::limits::{self, Limits};
use super::protocol::{
    ReadReply, ReadRequest, ScanReply, ScanRequest, SelfTestReply, SelfTestRequest, read_frame, write_frame,
};
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

/// Is the child: one request from standard input, one answer on standard output.
///
/// # Errors
/// Where a limit can't be laid, or the supervisor says nothing that can be understood.
pub fn serve(role: Role, limits: Limits) -> io::Result<()> {
    limits::apply(limits)?;
    let (mut from, mut to) = (io::stdin().lock(), io::stdout().lock());
    match role {
        Role::Scan => match read_frame(&mut from)?.ok_or(io::ErrorKind::UnexpectedEof)? {
            ScanRequest::Files { paths } => {
                write_frame(&mut to, &ScanReply::Files { outcomes: work::scan_batch(&paths) })
            }
            ScanRequest::Study { headers } => write_frame(&mut to, &ScanReply::Study(work::summarise(&headers))),
        },
        Role::Read => {
            let request: ReadRequest = read_frame(&mut from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let reply = match work::read_study(&request) {
                Ok(outcome) => ReadReply::Done(outcome),
                Err(reason) => ReadReply::Failed { reason: reason.to_string() },
            };
            write_frame(&mut to, &reply)
        }
        Role::SelfTest => {
            let request: SelfTestRequest = read_frame(&mut from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let reply = match work::test_installation(&request) {
                Ok(checks) => SelfTestReply::Done { checks },
                Err(reason) => SelfTestReply::Failed { reason: reason.to_string() },
            };
            write_frame(&mut to, &reply)
        }
    }
}
