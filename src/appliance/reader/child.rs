//! The supervisor's half: starts a child, asks it, waits no longer than allowed, and ends it.
//!
//! A child that dies, hangs, floods or answers something else is one [`ChildError`], which says what
//! the caller must know to count an attempt. Ending a child is always certain: it is killed and
//! waited for. The thread that starts children must live as long as the process, because the
//! child's parent-death signal follows that thread.

use std::ffi::OsString;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::protocol::{read_frame, write_frame};

/// How often a wait lets its caller show that it is alive.
const BEAT_PERIOD: Duration = Duration::from_millis(500);

/// How a child is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Program {
    /// This very executable, even after its file was replaced by an upgrade, in the hidden role
    /// `verb`, with the limits it is to lay on itself.
    #[must_use]
    pub fn this_binary(verb: &str, memory_mib: u64, cpu_secs: u64) -> Self {
        let arguments = [
            verb.to_owned(),
            format!("--memory-mib={memory_mib}"),
            format!("--cpu-secs={cpu_secs}"),
            format!("--supervisor={}", std::process::id()),
        ];
        Self { path: "/proc/self/exe".into(), arguments: arguments.map(OsString::from).to_vec() }
    }
}

/// Why a child gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It could not be started: the machine's fault, not the study's.
    #[error("a child could not be started: {0}")]
    Start(io::Error),
    /// It ended before it answered.
    #[error("the child ended without an answer ({0})")]
    Died(ExitStatus),
    /// It did not answer in time and was killed.
    #[error("the child was killed after {} s without an answer", .0.as_secs())]
    TimedOut(Duration),
    /// It was killed because the supervisor stops.
    #[error("the child was ended because the appliance stops")]
    Stopped,
    /// It answered with something that is no answer and was killed.
    #[error("the child's answer can't be used ({0})")]
    Garbled(io::Error),
}

/// Starts `program`, asks it `request`, and gives its answer within `time_limit`. `go_on` is called
/// while waiting; where it says no, the child is ended. The child is gone when this returns.
///
/// # Errors
/// See [`ChildError`].
pub fn ask<Q, A>(
    program: &Program,
    request: &Q,
    time_limit: Duration,
    go_on: &dyn Fn() -> bool,
) -> Result<A, ChildError>
where
    Q: Serialize + Sync,
    A: DeserializeOwned + Send,
{
    let mut child = start(program).map_err(ChildError::Start)?;
    let answer = converse(&mut child, request, time_limit, go_on);
    // Killing a child that has ended is no error; waiting leaves no zombie behind.
    let _ = child.kill();
    let status = child.wait().map_err(ChildError::Start)?;
    match answer {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(ChildError::Died(status)),
        Err(Conversation::Stopped) => Err(ChildError::Stopped),
        Err(Conversation::TimedOut) => Err(ChildError::TimedOut(time_limit)),
        Err(Conversation::Broken(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(ChildError::Died(status))
        }
        Err(Conversation::Broken(error)) => Err(ChildError::Garbled(error)),
    }
}

fn start(program: &Program) -> io::Result<Child> {
    // What a child says for itself may quote a study, so it is shown only to somebody who debugs.
    let stderr = if log::max_level() >= log::LevelFilter::Debug { Stdio::inherit() } else { Stdio::null() };
    Command::new(&program.path)
        .args(&program.arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
}

enum Conversation {
    Stopped,
    TimedOut,
    Broken(io::Error),
}

/// Writes and reads on threads of their own, so that neither a child that does not listen nor one that
/// does not answer holds up the deadline; both threads end with the child, which is killed here on
/// every way out.
fn converse<Q, A>(
    child: &mut Child,
    request: &Q,
    time_limit: Duration,
    go_on: &dyn Fn() -> bool,
) -> Result<Option<A>, Conversation>
where
    Q: Serialize + Sync,
    A: DeserializeOwned + Send,
{
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Conversation::Broken(io::Error::other("the child has no pipes")));
    };
    let deadline = Instant::now() + time_limit;
    let (answered, answer) = sync_channel(1);
    std::thread::scope(|scope| {
        // The child sees the end of its requests when `stdin` is dropped. A child that ends early is
        // noticed by the one that reads.
        scope.spawn(move || {
            let _ = write_frame(&mut stdin, request);
        });
        scope.spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let first = read_frame::<A>(&mut stdout);
            let _ = answered.send(first.and_then(|a| nothing_more(&mut stdout).map(|()| a)));
        });
        loop {
            if !go_on() {
                let _ = child.kill();
                return Err(Conversation::Stopped);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match answer.recv_timeout(left.min(BEAT_PERIOD)) {
                Ok(answer) => {
                    let _ = child.kill();
                    return answer.map_err(Conversation::Broken);
                }
                Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
                Err(_) => {
                    let _ = child.kill();
                    return Err(Conversation::TimedOut);
                }
            }
        }
    })
}

fn nothing_more(from: &mut impl Read) -> io::Result<()> {
    match from.read(&mut [0; 1])? {
        0 => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "more than one answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::appliance::reader::protocol::{ScanReply, ScanRequest};

    fn shell(script: &str, time_limit: Duration) -> Result<ScanReply, ChildError> {
        let program = Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] };
        ask(&program, &ScanRequest::Files { paths: vec!["/in/x".into()] }, time_limit, &|| true)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_child_that_dies_is_told_from_one_that_hangs() {
        assert!(matches!(shell("kill -9 $$", LONG), Err(ChildError::Died(_))));
        let begun = Instant::now();
        assert!(matches!(shell("exec sleep 60", Duration::from_millis(200)), Err(ChildError::TimedOut(_))));
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn a_child_that_floods_is_ended_by_the_cap() {
        let begun = Instant::now();
        assert!(matches!(shell("exec tr '\\0' '\\377' </dev/zero", LONG), Err(ChildError::Garbled(_))));
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn an_answer_that_is_cut_short_is_no_answer() {
        assert!(matches!(shell("printf '\\100\\0\\0\\0{'", LONG), Err(ChildError::Died(_))));
    }

    #[test]
    fn an_answer_is_given_whole() {
        let reply = shell("cat >/dev/null; printf '\\40\\0\\0\\0{\"answer\":\"files\",\"outcomes\":[]}'", LONG);
        assert!(matches!(reply, Ok(ScanReply::Files { outcomes }) if outcomes.is_empty()));
    }

    #[test]
    fn a_child_that_can_not_be_started_is_not_the_studys_fault() {
        let program = Program { path: "/nonexistent".into(), arguments: Vec::new() };
        let answer = ask::<_, ScanReply>(&program, &ScanRequest::Study { headers: Vec::new() }, LONG, &|| true);
        assert!(matches!(answer, Err(ChildError::Start(_))));
    }
}
