//! One thread, one poll(2): over the listener, the wake-up and every connection.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::Site;
use super::connection::{Connection, EVENTS_BYTES_MAX};
use super::request::Hosts;

/// Connections that are served at a time.
pub const CONNECTIONS_MAX: usize = 16;
/// Connections beyond them, which are told that there are too many; what comes after those waits in the kernel.
pub const SURPLUS_MAX: usize = 4;
/// Connections that may be listening to events, so that there is room for whoever asks something.
pub const LISTENERS_MAX: usize = 8;
/// How long accepting rests after it failed: out of descriptors, say.
const ACCEPT_REST: Duration = Duration::from_secs(1);
/// Silence after which listeners are told that there is nothing to tell: proxies cut what is silent for a minute.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// A comment in a stream of events.
const NOTHING: &[u8] = b":\n\n";

const _: () = assert!(LISTENERS_MAX < CONNECTIONS_MAX);

/// A listener that is not yet served.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    wake: Arc<OwnedFd>,
}

/// Wakes a server, from any thread.
#[derive(Debug, Clone)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Has the server ask whether it is to go on.
    pub fn wake(&self) {
        // Cannot fail: the counter is far from full.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

impl Server {
    /// Listens at `address` from now on; port 0 is any that is free.
    ///
    /// # Errors
    /// Where the address can't be had.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        Ok(Self { listener, address, wake })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// What wakes it up.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Serves `site` on this thread for as long as `go_on` says so, which is asked after every wake-up.
    pub fn serve(self, site: impl Site, go_on: impl Fn() -> bool) {
        let hosts = Hosts::of(self.address);
        let (listener, wake) = (self.listener, self.wake);
        let mut hall =
            Hall { site, hosts, listener, wake, connections: Vec::new(), rest_until: None, events: Events::new() };
        while go_on() {
            hall.turn();
        }
    }
}

/// What listeners are told.
struct Events {
    /// The last one, as it is sent.
    last: Vec<u8>,
    /// When the site is asked again.
    due: Instant,
    /// When anything was told last.
    told: Instant,
}

impl Events {
    fn new() -> Self {
        let now = Instant::now();
        Self { last: Vec::new(), due: now, told: now }
    }
}

/// `data` as an event: each of its lines is one of the event's.
fn framed(data: &str) -> Vec<u8> {
    let lines: String = data.lines().map(|line| format!("data: {line}\n")).collect();
    (lines + "\n").into_bytes()
}

struct Hall<S> {
    site: S,
    hosts: Hosts,
    listener: TcpListener,
    wake: Arc<OwnedFd>,
    connections: Vec<Connection>,
    /// Until when nobody is let in.
    rest_until: Option<Instant>,
    events: Events,
}

impl<S: Site> Hall<S> {
    /// Waits for something to do, and does it.
    fn turn(&mut self) {
        self.rest_until = self.rest_until.filter(|until| Instant::now() < *until);
        let ready = match self.wait() {
            Ok(ready) => ready,
            Err(Errno::INTR) => return,
            Err(error) => {
                // Out of memory, say: not a reason to spin.
                log::warn!("http: {error}");
                std::thread::sleep(ACCEPT_REST);
                return;
            }
        };
        let now = Instant::now();
        // In the order in which they were waited for: those that are let in now come after them.
        let mut asked = ready.connections.iter();
        self.connections.retain_mut(|connection| {
            let is_ready = asked.next().is_some_and(|flags| !flags.is_empty());
            (!is_ready || connection.go_on(now)) && (!connection.is_late(now) || connection.out_of_time(now))
        });
        self.look(now);
        self.tell(now);
        if ready.listener {
            self.let_in(now);
        }
    }

    fn wait(&self) -> Result<Ready, Errno> {
        let now = Instant::now();
        let timeout = self.next_moment(now).map(|moment| moment.saturating_duration_since(now));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let has_room = self.connections.len() < CONNECTIONS_MAX + SURPLUS_MAX;
        let accepts = has_room && self.rest_until.is_none();
        let mut fds = vec![PollFd::new(&*self.wake, PollFlags::IN)];
        let listens_for = if accepts { PollFlags::IN } else { PollFlags::empty() };
        fds.push(PollFd::new(&self.listener, listens_for));
        fds.extend(self.connections.iter().map(|c| PollFd::from_borrowed_fd(c.stream(), c.interest())));
        poll(&mut fds, timeout.as_ref())?;
        let mut happened = fds.iter().map(PollFd::revents);
        if happened.next().is_some_and(|flags| !flags.is_empty()) {
            let mut count = [0; size_of::<u64>()];
            // Who woke us up, and how often, does not matter.
            let _ = rustix::io::read(&*self.wake, &mut count);
        }
        let rang = happened.next().is_some_and(|flags| !flags.is_empty());
        Ok(Ready { listener: accepts && rang, connections: happened.collect() })
    }

    /// When there is something to do even if nothing happens; `None`: never.
    fn next_moment(&self, now: Instant) -> Option<Instant> {
        let unseen = self.connections.iter().any(Connection::has_unseen).then_some(now);
        let late = self.connections.iter().filter_map(Connection::deadline).min();
        let event = self.connections.iter().any(Connection::listens).then_some(self.events.due);
        [unseen, late, event, self.rest_until].into_iter().flatten().min()
    }

    /// Answers one request of each connection that has one.
    fn look(&mut self, now: Instant) {
        let mut listeners = self.connections.iter().filter(|c| c.listens()).count();
        let (site, hosts) = (&mut self.site, self.hosts);
        self.connections.retain_mut(|connection| {
            let stays = !connection.has_unseen()
                || connection.look(hosts, now, |request| {
                    let answer = site.answer(request);
                    let is_one_too_many = answer.is_events() && listeners >= LISTENERS_MAX;
                    if is_one_too_many { Connection::too_many_listeners() } else { answer }
                });
            listeners += usize::from(stays && connection.is_new_listener());
            stays
        });
    }

    /// Tells listeners what has changed, and those who came since what was told last.
    fn tell(&mut self, now: Instant) {
        if !self.connections.iter().any(Connection::listens) {
            return;
        }
        let mut news = false;
        if now >= self.events.due {
            self.events.due = now + self.site.event_period();
            match self.site.event().map(|data| framed(&data)) {
                Some(event) if event.len() > EVENTS_BYTES_MAX / 2 => {
                    log::warn!("http: an event is too large to be told")
                }
                Some(event) => (self.events.last, news) = (event, true),
                None => {}
            }
        }
        let is_silent = now.saturating_duration_since(self.events.told) >= SILENCE_MAX;
        if news || is_silent {
            self.events.told = now;
        }
        let last = &self.events.last;
        self.connections.retain_mut(|connection| match connection.listens() {
            true if news || connection.is_new_listener() => connection.tell(last, now),
            true if is_silent => connection.tell(NOTHING, now),
            _ => true,
        });
    }

    fn let_in(&mut self, now: Instant) {
        while self.connections.len() < CONNECTIONS_MAX + SURPLUS_MAX {
            match self.listener.accept() {
                Ok((stream, _)) => self.take_up(stream, now),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock) => return,
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {
                }
                Err(error) => {
                    log::debug!("http: nobody is let in for a while: {error}");
                    self.rest_until = Some(now + ACCEPT_REST);
                    return;
                }
            }
        }
    }

    /// A newcomer takes the place of whoever has said nothing for longest; where all are busy it is one too many.
    fn take_up(&mut self, stream: TcpStream, now: Instant) {
        if self.connections.len() >= CONNECTIONS_MAX {
            let idle = self.connections.iter().enumerate().filter_map(|(place, c)| Some((c.idle_until()?, place)));
            if let Some((_, place)) = idle.min() {
                self.connections.remove(place);
            }
        }
        let surplus = self.connections.len() >= CONNECTIONS_MAX;
        match Connection::new(stream, surplus, now) {
            Ok(connection) => self.connections.push(connection),
            Err(error) => log::debug!("http: {error}"),
        }
    }
}

/// What happened.
struct Ready {
    listener: bool,
    connections: Vec<PollFlags>,
}
