//! The supervisor's half: starts a child, asks it, waits no longer than allowed, and ends it.
//!
//! A child that dies, hangs, floods or answers something else is one [`ChildError`], which says what
//! the caller must know to count an attempt. Ending a child is always certain: it is killed and
//! waited for. The thread that starts children must live as long as the process, because the
//! child's parent-death signal follows that thread.

use std::ffi::OsString;
use std::io::{self, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::appliance::frame::{read_frame, write_frame};
use crate::inference::Device;

use super::last_words::{self, Given, Heard, LastWords};

/// How often a wait lets its caller show that it is alive.
const BEAT_PERIOD: Duration = Duration::from_millis(500);

/// How long a child that has ended may keep its last words to itself: something else may hold its stderr.
const WORDS_WAIT: Duration = Duration::from_secs(1);
/// Exit code of a child that could not shut itself in, and so has not looked at anything.
pub const NOT_SHUT_IN: i32 = 75;
/// How the limit of memory stands in a child's arguments.
const MEMORY_ARGUMENT: &str = "--memory-mib=";
/// How the limit of CPU time stands in a child's arguments.
const CPU_ARGUMENT: &str = "--cpu-secs=";

/// How the device stands in a child's arguments; without it it is the processor.
const DEVICE_ARGUMENT: &str = "--device=";
/// What of the supervisor's own environment its children get: where a GPU's compiled code is kept, and its headers are.
const PASSED_ON: [&str; 3] = ["XDG_CACHE_HOME", "HOME", "CUDA_HOME"];

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
            format!("{MEMORY_ARGUMENT}{memory_mib}"),
            format!("{CPU_ARGUMENT}{cpu_secs}"),
            format!("--supervisor={}", std::process::id()),
        ];
        Self { path: "/proc/self/exe".into(), arguments: arguments.map(OsString::from).to_vec() }
    }

    /// The same, with networks that run on `device`.
    #[must_use]
    pub fn on(mut self, device: Device) -> Self {
        if device != Device::default() {
            self.arguments.push(format!("{DEVICE_ARGUMENT}{device}").into());
        }
        self
    }

    /// The limits among its arguments.
    fn given(&self) -> Given {
        let value = |name: &str| self.arguments.iter().find_map(|a| a.to_str()?.strip_prefix(name)?.parse().ok());
        Given { memory_mib: value(MEMORY_ARGUMENT), cpu_secs: value(CPU_ARGUMENT) }
    }
}

/// Why a child gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It could not be started: the machine's fault, not the study's.
    #[error("a child could not be started: {0}")]
    Start(io::Error),
    /// It ended before it answered.
    #[error("the child ended without an answer: {0}")]
    Died(LastWords),
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
    let words = listen(&mut child).map_err(ChildError::Start)?;
    let answer = converse(&mut child, request, time_limit, go_on);
    // Killing a child that has ended is no error; waiting leaves no zombie behind.
    let _ = child.kill();
    let status = child.wait().map_err(ChildError::Start)?;
    match answer {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(died(LastWords::new(status, heard(&words), program.given()))),
        Err(Conversation::Stopped) => Err(ChildError::Stopped),
        Err(Conversation::TimedOut) => Err(ChildError::TimedOut(time_limit)),
        Err(Conversation::Broken(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(died(LastWords::new(status, heard(&words), program.given())))
        }
        Err(Conversation::Broken(error)) => Err(ChildError::Garbled(error)),
    }
}

fn start(program: &Program) -> io::Result<Child> {
    Command::new(&program.path)
        .args(&program.arguments)
        .env_clear()
        .envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        // tract keeps the GPU's code that it compiled; the driver's own copy would lie where nobody looks after it.
        .env("CUDA_CACHE_DISABLE", "1")
        // A terminal's interrupt is for the supervisor, who ends its children: one that was interrupted beside it
        // would look like one that its study has ended.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Listens to what the child says for itself, on a thread that ends with it.
fn listen(child: &mut Child) -> io::Result<Receiver<Heard>> {
    let (tell, words) = sync_channel(1);
    if let Some(stderr) = child.stderr.take() {
        let listener = std::thread::Builder::new().name("child-stderr".to_owned());
        let listening = listener.spawn(move || {
            // Nobody waits for the words of a child that answered.
            let _ = tell.send(last_words::listen(stderr));
        });
        if let Err(error) = listening {
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
    }
    Ok(words)
}

fn heard(words: &Receiver<Heard>) -> Heard {
    words.recv_timeout(WORDS_WAIT).unwrap_or_default()
}

/// A child that could not shut itself in says nothing about what it was asked to look at.
fn died(words: LastWords) -> ChildError {
    if words.code() == Some(NOT_SHUT_IN) {
        return ChildError::Start(io::Error::other("it could not shut itself in"));
    }
    ChildError::Died(words)
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
        ask(&program, &ScanRequest::Files { paths: vec!["/in/x".into()], readable: Vec::new() }, time_limit, &|| true)
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
        let request = ScanRequest::Study { headers: Vec::new(), readable: Vec::new() };
        let answer = ask::<_, ScanReply>(&program, &request, LONG, &|| true);
        assert!(matches!(answer, Err(ChildError::Start(_))));
    }

    #[test]
    fn a_child_that_can_not_shut_itself_in_is_not_the_studys_fault() {
        let answer = shell(&format!("exit {NOT_SHUT_IN}"), LONG);
        assert!(matches!(answer, Err(ChildError::Start(_))));
    }

    #[test]
    fn a_child_that_dies_leaves_its_place_and_not_its_words() {
        let script = "echo \"thread 'main' panicked at src/a/b.rs:3:4:\" >&2; echo DOE^JANE >&2; exit 101";
        let error = shell(script, LONG).map_err(|e| e.to_string());
        assert_eq!(error, Err("the child ended without an answer: it panicked at src/a/b.rs:3:4".to_owned()));
    }

    #[test]
    fn last_words_that_somebody_else_holds_are_not_waited_for() {
        let begun = Instant::now();
        assert!(matches!(shell("sleep 30 >/dev/null & exit 3", LONG), Err(ChildError::Died(_))));
        assert!(begun.elapsed() < LONG);
    }
}
