//! One connection: what was read, what is to be written, and until when.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::answer::Answer;
use super::request::{self, BODY_BYTES_MAX, Framing, HEAD_BYTES_MAX, Hosts, Parsed, Request};

/// How long a request may take to arrive, from its first byte to its last.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// How long an answer may take to be taken.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long a connection may say nothing between two requests, or before the first.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// How long the other side may take to close after the last answer.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);
/// Events that wait for a listener, bytes; one that is slower than that is let go.
pub(super) const EVENTS_BYTES_MAX: usize = 128 * 1024;
/// How long bytes may stay unacknowledged before the kernel gives a peer up that vanished, milliseconds.
const VANISHED_MS: u32 = 60_000;
/// Room for one read, bytes.
const READ_BYTES: usize = 4096;
/// Most that is held of what came in, bytes: one request, whose successors wait in the kernel.
const INPUT_BYTES_MAX: usize = HEAD_BYTES_MAX + BODY_BYTES_MAX;
/// What a listener is told first: how long to wait before it connects again, ms.
const RETRY: &[u8] = b"retry: 5000\n\n";

// One read may go over the end of what is held, never over what a request may have.
const _: () = assert!(READ_BYTES <= BODY_BYTES_MAX && REQUEST_LIMIT.as_secs() < ANSWER_LIMIT.as_secs());

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing of a request is there.
    Idle,
    /// A request has begun.
    Reading,
    /// An answer is being written; whether another request may follow.
    Answering { goes_on: bool },
    /// It is told events; whether it has been told any.
    Listening { told: bool },
    /// All was said; the other side is to close first, or it could lose what was said.
    Leaving,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// There is no place for it: its request is answered by that.
    surplus: bool,
    input: Vec<u8>,
    /// Something in `input` was not looked at yet.
    unseen: bool,
    /// Nothing more will come in.
    ended: bool,
    output: Vec<u8>,
    written: usize,
    stage: Stage,
    deadline: Option<Instant>,
}

impl Connection {
    /// Takes `stream` up; `surplus` where there is no place for it.
    pub(super) fn new(stream: TcpStream, surplus: bool, now: Instant) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        rustix::net::sockopt::set_tcp_user_timeout(&stream, VANISHED_MS)?;
        Ok(Self {
            stream,
            surplus,
            input: Vec::new(),
            unseen: false,
            ended: false,
            output: Vec::new(),
            written: 0,
            stage: Stage::Idle,
            deadline: Some(now + IDLE_LIMIT),
        })
    }

    pub(super) fn stream(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// What it waits for.
    pub(super) fn interest(&self) -> PollFlags {
        match self.stage {
            Stage::Idle | Stage::Reading | Stage::Leaving => PollFlags::IN,
            Stage::Answering { .. } => PollFlags::OUT,
            Stage::Listening { .. } if self.has_output() => PollFlags::IN | PollFlags::OUT,
            Stage::Listening { .. } => PollFlags::IN,
        }
    }

    /// When it has to have gone on.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether it should have gone on by now.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// Whether it has something that can be looked at without waiting.
    pub(super) fn has_unseen(&self) -> bool {
        self.unseen && matches!(self.stage, Stage::Idle | Stage::Reading)
    }

    /// Whether it only waits for another request, and since then until when.
    pub(super) fn idle_until(&self) -> Option<Instant> {
        self.deadline.filter(|_| self.stage == Stage::Idle && !self.surplus)
    }

    pub(super) fn listens(&self) -> bool {
        matches!(self.stage, Stage::Listening { .. })
    }

    /// Whether it listens and was told nothing yet.
    pub(super) fn is_new_listener(&self) -> bool {
        self.stage == Stage::Listening { told: false }
    }

    /// Goes on as far as it can without waiting; whether it stays.
    pub(super) fn go_on(&mut self, now: Instant) -> bool {
        match self.stage {
            Stage::Idle | Stage::Reading => self.read(now),
            Stage::Answering { .. } => self.write(now),
            Stage::Listening { .. } => self.says_nothing() && self.write(now),
            Stage::Leaving => self.says_nothing(),
        }
    }

    /// After its time; whether it stays. Only whoever is in the middle of a request is told.
    pub(super) fn out_of_time(&mut self, now: Instant) -> bool {
        match self.stage {
            Stage::Reading => {
                let answer = Answer::refused(408, "The request took too long.");
                self.begin(answer, Framing { bytes: self.input.len(), head_only: false, goes_on: false }, now)
            }
            _ => false,
        }
    }

    /// Looks at what came in, and begins to answer where that is a request; whether it stays.
    pub(super) fn look(&mut self, hosts: Hosts, now: Instant, answer: impl FnOnce(&Request<'_>) -> Answer) -> bool {
        self.unseen = false;
        let (answer, framing) = match request::parse(&self.input, hosts) {
            Parsed::Begun => return !self.ended,
            Parsed::Refused(status, why) => {
                let answer = match status {
                    405 => Answer::refused(status, why).with_header("Allow", "GET, HEAD, POST"),
                    _ => Answer::refused(status, why),
                };
                (answer, Framing { bytes: self.input.len(), head_only: false, goes_on: false })
            }
            Parsed::Whole(_, framing) if self.surplus => {
                (Answer::refused(503, "Too many are looking; try again."), Framing { goes_on: false, ..framing })
            }
            Parsed::Whole(request, framing) => (answer(&request), framing),
        };
        self.begin(answer, framing, now)
    }

    /// Says that there are too many listeners already.
    pub(super) fn too_many_listeners() -> Answer {
        Answer::refused(503, "Too many are listening; try again.")
    }

    fn begin(&mut self, answer: Answer, framing: Framing, now: Instant) -> bool {
        self.input.drain(..framing.bytes.min(self.input.len()));
        let listens = answer.is_events() && !framing.head_only;
        let goes_on = framing.goes_on && !answer.is_events() && !self.ended;
        self.stage = if listens { Stage::Listening { told: false } } else { Stage::Answering { goes_on } };
        self.deadline = Some(now + ANSWER_LIMIT);
        self.output = answer.into_message(framing.head_only, goes_on);
        self.written = 0;
        if listens {
            self.input = Vec::new();
            self.output.extend_from_slice(RETRY);
        }
        self.write(now)
    }

    /// Tells a listener `event`, as it is sent; whether it stays.
    pub(super) fn tell(&mut self, event: &[u8], now: Instant) -> bool {
        self.stage = Stage::Listening { told: true };
        // What was written is not kept.
        self.output.drain(..self.written.min(self.output.len()));
        self.written = 0;
        if self.output.len() + event.len() > EVENTS_BYTES_MAX {
            return false;
        }
        // The limit runs from the oldest that waits.
        if self.output.is_empty() {
            self.deadline = Some(now + ANSWER_LIMIT);
        }
        self.output.extend_from_slice(event);
        self.write(now)
    }

    fn has_output(&self) -> bool {
        self.written < self.output.len()
    }

    fn read(&mut self, now: Instant) -> bool {
        let mut bytes = [0; READ_BYTES];
        while self.input.len() < INPUT_BYTES_MAX && !self.ended {
            match self.stream.read(&mut bytes) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.input.extend(bytes.iter().take(count));
                    self.unseen = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        if self.stage == Stage::Idle && self.unseen {
            self.stage = Stage::Reading;
            self.deadline = Some(now + REQUEST_LIMIT);
        }
        // Whoever closed its side after a whole request still wants the answer.
        self.unseen || !self.ended
    }

    /// Whether the other side is there and says nothing that would have to be kept.
    fn says_nothing(&mut self) -> bool {
        let mut bytes = [0; READ_BYTES];
        match self.stream.read(&mut bytes) {
            Ok(0) => false,
            // One that leaves may still be sending what nobody wants; the limit of time ends that.
            Ok(_) => self.stage == Stage::Leaving,
            Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    fn write(&mut self, now: Instant) -> bool {
        while let Some(rest) = self.output.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return false,
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.output = Vec::new();
        self.written = 0;
        self.after_output(now)
    }

    /// All was written; whether it stays.
    fn after_output(&mut self, now: Instant) -> bool {
        match self.stage {
            Stage::Answering { goes_on: true } if self.input.is_empty() => {
                self.input = Vec::new();
                self.stage = Stage::Idle;
                self.deadline = Some(now + IDLE_LIMIT);
            }
            Stage::Answering { goes_on: true } => {
                self.unseen = true;
                self.stage = Stage::Reading;
                self.deadline = Some(now + REQUEST_LIMIT);
            }
            Stage::Answering { goes_on: false } => {
                self.stage = Stage::Leaving;
                self.deadline = Some(now + LEAVE_LIMIT);
                return self.stream.shutdown(Shutdown::Write).is_ok();
            }
            Stage::Listening { .. } => self.deadline = None,
            Stage::Idle | Stage::Reading | Stage::Leaving => {}
        }
        true
    }
}
