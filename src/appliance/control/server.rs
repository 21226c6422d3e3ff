//! The thread `control`: answers one request a connection, one connection at a time.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::answer::{Caller, answer};
use super::socket_path;
use super::words::{REQUEST_BYTES_MAX, Reply, Request, Why};
use crate::appliance::actions::Actions;
use crate::appliance::frame::{read_frame, write_frame};

/// The group that may ask.
const ADMIN_GROUP: &str = "deepspine-admin";
/// Owner and group may ask.
const SOCKET_MODE: u32 = 0o660;
/// How long one caller may take for its request, or for taking its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long accepting rests after it failed.
const ACCEPT_REST: Duration = Duration::from_secs(1);

/// The socket, and what is behind it.
pub struct Control {
    listener: Option<UnixListener>,
    actions: Actions,
}

impl Control {
    /// Opens the socket in the runtime folder. An appliance works without it, so where that is not possible a
    /// line in the log says so, and nothing else changes.
    #[must_use]
    pub fn open(actions: Actions) -> Self {
        let runtime_dir = actions.shared.settings().storage.runtime_dir.clone();
        let listener = match listen(&runtime_dir) {
            Ok(listener) => Some(listener),
            Err(error) => {
                log::warn!("nobody can look in while this runs: {}: {error}", socket_path(&runtime_dir).display());
                None
            }
        };
        Self { listener, actions }
    }

    /// Answers from now on, on a thread of its own that ends with the process.
    ///
    /// # Errors
    /// Where the operating system gives no thread.
    pub fn start(self) -> io::Result<()> {
        let Self { listener, actions } = self;
        let Some(listener) = listener else { return Ok(()) };
        std::thread::Builder::new().name("control".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                match stream {
                    Ok(stream) => {
                        if let Err(error) = serve(stream, &actions) {
                            log::debug!("control: {error}");
                        }
                    }
                    // Out of descriptors, say: not a reason to spin.
                    Err(_) => std::thread::sleep(ACCEPT_REST),
                }
                if actions.shared.stopping() {
                    return;
                }
            }
        })?;
        Ok(())
    }
}

fn listen(runtime_dir: &Path) -> io::Result<UnixListener> {
    std::fs::create_dir_all(runtime_dir)?;
    let path = socket_path(runtime_dir);
    if UnixStream::connect(&path).is_ok() {
        return Err(io::Error::other("another deepspine answers there (storage.runtime-dir)"));
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    if let Some(group) = group_id(ADMIN_GROUP)
        && let Err(error) = std::os::unix::fs::chown(&path, None, Some(group))
    {
        log::warn!("members of {ADMIN_GROUP} can't look in: {error}");
    }
    Ok(listener)
}

/// The group's number, as `/etc/group` has it (group(5)).
fn group_id(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    let line = groups.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

fn serve(stream: UnixStream, actions: &Actions) -> io::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(&stream)?;
    let uid = peer.uid.as_raw();
    let trusted = uid == 0 || uid == rustix::process::geteuid().as_raw();
    let caller = Caller { uid, pid: peer.pid.as_raw_pid(), trusted };
    let from = UntilDeadline { stream: &stream, deadline: Instant::now() + PATIENCE };
    let reply = match read_frame::<Request>(&mut from.take(REQUEST_BYTES_MAX)) {
        Ok(Some(request)) => answer(actions, &request, caller),
        Ok(None) => return Ok(()),
        Err(error) => Reply::Refused { why: Why::Request, text: format!("the request can't be understood: {error}") },
    };
    stream.set_write_timeout(Some(PATIENCE))?;
    write_frame(&mut &stream, &reply)
}

/// A stream that is read until a moment, however slowly bytes trickle in.
struct UntilDeadline<'a> {
    stream: &'a UnixStream,
    deadline: Instant,
}

impl Read for UntilDeadline<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        (&mut &*self.stream).read(buffer)
    }
}
