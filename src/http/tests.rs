//! Hostile and ordinary clients at a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::connection::{ANSWER_LIMIT, Connection, IDLE_LIMIT, REQUEST_LIMIT};
use super::request::{BODY_BYTES_MAX, HEAD_BYTES_MAX, Hosts};
use super::server::{CONNECTIONS_MAX, LISTENERS_MAX};
use super::{Answer, Method, Request, Server, Site, Waker};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// More than the kernel holds for one connection.
const LARGE: usize = 16 << 20;

/// Answers with what it was asked, and tells an event of a given size each time.
struct Echo {
    asked: Arc<AtomicUsize>,
    event_bytes: usize,
}

impl Site for Echo {
    fn answer(&mut self, request: &Request<'_>) -> Answer {
        match (request.method, request.path) {
            (Method::Get, "/events") => Answer::events(),
            (Method::Get, "/large") => Answer::text("x".repeat(LARGE)),
            (Method::Get, "/nowhere") => Answer::not_found(),
            _ => Answer::text(format!(
                "{:?} {} {} {:?} {}",
                request.method,
                request.path,
                request.query,
                request.bearer,
                String::from_utf8_lossy(request.body)
            )),
        }
    }

    fn event(&mut self) -> Option<String> {
        let count = self.asked.fetch_add(1, Ordering::SeqCst);
        Some(format!("{count}\n{}", "y".repeat(self.event_bytes)))
    }

    fn event_period(&self) -> Duration {
        Duration::from_millis(2)
    }
}

/// A server of [`Echo`] that ends with this.
struct Running {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(event_bytes: usize) -> Self {
        let server = Server::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let (address, waker) = (server.local_address(), server.waker());
        let (asked, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (site, ends) = (Echo { asked: Arc::clone(&asked), event_bytes }, Arc::clone(&over));
        let thread = std::thread::spawn(move || server.serve(site, || !ends.load(Ordering::SeqCst)));
        Self { address, asked, over, waker, thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// What is answered to `bytes` until the connection is closed.
    fn ask(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        rest(&mut stream)
    }

    /// What is answered to a GET of `path` on a connection of its own.
    fn get(&self, path: &str) -> String {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // One that was let go may end with a reset.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until `wanted` has come `times`.
fn read_until(stream: &mut TcpStream, wanted: &str, times: usize) -> String {
    let (mut text, mut chunk) = (String::new(), [0; 65_536]);
    while text.matches(wanted).count() < times {
        let count = stream.read(&mut chunk).unwrap();
        assert_ne!(count, 0, "it ended after {} bytes", text.len());
        text += &String::from_utf8_lossy(&chunk[..count]);
    }
    text
}

fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").map_or("", |rest| &rest[..3])
}

/// Two ends of a connection.
fn pair(now: Instant) -> (TcpStream, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    (client, Connection::new(listener.accept().unwrap().0, false, now).unwrap())
}

/// Has `connection` read until it has something to look at.
fn until_unseen(connection: &mut Connection, now: Instant) {
    let begun = Instant::now();
    while !connection.has_unseen() {
        assert!(begun.elapsed() < DEADLINE);
        assert!(connection.go_on(now));
    }
}

#[test]
fn every_answer_says_what_its_page_may_do() {
    let server = Running::start(0);
    for path in ["/", "/nowhere"] {
        let answer = server.get(path).to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
             connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'\r\n",
            "x-content-type-options: nosniff\r\n",
            "referrer-policy: no-referrer\r\n",
            "cache-control: no-store\r\n",
        ] {
            assert!(answer.contains(header), "{header} is not in {answer}");
        }
    }
}

#[test]
fn a_request_may_come_byte_by_byte_and_several_at_once_are_answered_in_order() {
    let server = Running::start(0);
    let first = "POST /a?b=c HTTP/1.1\r\nHost: localhost\r\nauthorization: bearer t0 \r\nContent-Length: 4\r\n\r\nbody";
    let last = "GET /z HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for byte in first.bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    let answer = read_until(&mut stream, "body", 1);
    assert!(answer.ends_with("Post /a b=c Some(\"t0\") body"), "{answer}");
    stream.write_all(format!("{first}{first}{last}").as_bytes()).unwrap();
    let answers = rest(&mut stream);
    let said: Vec<&str> = answers.split("HTTP/1.1 200 OK").skip(1).collect();
    assert_eq!(said.len(), 3, "{answers}");
    assert!(said[0].ends_with("body") && said[1].ends_with("body"), "{answers}");
    assert!(said[2].ends_with("Get /z  None "), "{answers}");
}

#[test]
fn what_is_no_request_is_refused_and_ends_the_connection() {
    let server = Running::start(0);
    let host = "Host: localhost\r\n";
    let long = "x".repeat(HEAD_BYTES_MAX);
    let many = "a: b\r\n".repeat(100);
    for (bytes, wanted) in [
        ("nonsense\r\n\r\n".to_owned(), "400"),
        ("\u{16}\u{3}\u{1}\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/2.0\r\n{host}\r\n"), "505"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\n{host}{host}\r\n"), "400"),
        (format!("GET http://localhost/ HTTP/1.1\r\n{host}\r\n"), "400"),
        (format!("PUT / HTTP/1.1\r\n{host}\r\n"), "405"),
        (format!("CONNECT localhost:22 HTTP/1.1\r\n{host}\r\n"), "405"),
        (format!("GET /{long} HTTP/1.1\r\n{host}\r\n"), "431"),
        (format!("GET /{long}"), "431"),
        (format!("GET / HTTP/1.1\r\n{host}{many}\r\n"), "431"),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: {}\r\n\r\n", BODY_BYTES_MAX + 1), "413"),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 99999999999999999999\r\n\r\n"), "413"),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n"), "400"),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), "400"),
        (format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "411"),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(), "421"),
        ("GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n".to_owned(), "421"),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1@evil\r\n\r\n".to_owned(), "421"),
    ] {
        let answer = server.ask(bytes.as_bytes());
        assert_eq!(status(&answer), wanted, "{bytes:?}: {answer}");
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
    }
    assert_eq!(status(&server.get("/")), "200", "it still answers");
}

#[test]
fn this_machines_names_are_answered_whatever_the_port_of_a_tunnel() {
    let server = Running::start(0);
    for host in ["localhost", "LOCALHOST:1234", "127.0.0.1:80", "[::1]:8080", "[::1]"] {
        let answer = server.ask(format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes());
        assert_eq!(status(&answer), "200", "{host}: {answer}");
    }
    assert_eq!(Hosts::of(([192, 0, 2, 1], 80).into()), Hosts::Any);
}

#[test]
fn a_head_has_the_length_of_its_page_and_nothing_else() {
    let server = Running::start(0);
    let answer = server.ask(b"HEAD /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.contains(&format!("Content-Length: {LARGE}\r\n")) && answer.ends_with("\r\n\r\n"), "{answer}");
    let answer = server.ask(b"HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.contains("text/event-stream") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn whoever_closes_its_side_is_still_answered() {
    let server = Running::start(0);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(status(&rest(&mut stream)), "200");
}

#[test]
fn events_are_asked_for_only_while_somebody_listens_and_each_listener_hears_them() {
    let server = Running::start(0);
    let listen = |server: &Running| {
        let mut stream = server.connect();
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream
    };
    assert_eq!(status(&server.get("/")), "200");
    assert_eq!(server.asked.load(Ordering::SeqCst), 0, "nobody listens");
    let (mut one, mut two) = (listen(&server), listen(&server));
    for stream in [&mut one, &mut two] {
        let text = read_until(stream, "data: ", 20);
        assert!(text.contains("Content-Type: text/event-stream\r\n") && text.contains("\n\ndata: "), "{text}");
        assert!(!text.contains("Content-Length"), "{text}");
    }
    drop((one, two));
    // Once both are noticed to be gone, nothing is asked any more.
    let begun = Instant::now();
    let mut before = usize::MAX;
    loop {
        for _ in 0..20 {
            assert_eq!(status(&server.get("/")), "200");
        }
        let now = server.asked.load(Ordering::SeqCst);
        if now == before {
            break;
        }
        assert!(begun.elapsed() < DEADLINE);
        before = now;
    }
    let many: Vec<TcpStream> = (0..LISTENERS_MAX).map(|_| listen(&server)).collect();
    for mut stream in &many {
        let _ = stream.read(&mut [0; 1]).unwrap();
    }
    assert_eq!(status(&rest(&mut listen(&server))), "503", "there is room left for others");
    assert_eq!(status(&server.get("/")), "200");
}

#[test]
fn a_listener_that_does_not_read_is_let_go_and_the_others_are_not() {
    let server = Running::start(60_000);
    let request = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (mut slow, mut good) = (server.connect(), server.connect());
    slow.write_all(request).unwrap();
    assert_eq!(slow.read(&mut [0; 1]).unwrap(), 1);
    good.write_all(request).unwrap();
    let (mut heard, mut chunk) = (0, vec![0; 1 << 20]);
    while heard < 3 * LARGE {
        heard += good.read(&mut chunk).unwrap();
    }
    // What the kernel held for it, and then the end.
    assert!(rest(&mut slow).len() < 2 * LARGE);
}

#[test]
fn an_answer_that_is_not_taken_ends_by_its_time() {
    let now = Instant::now();
    let (mut client, mut connection) = pair(now);
    client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    until_unseen(&mut connection, now);
    assert!(connection.look(Hosts::Loopback, now, |_| Answer::text("x".repeat(LARGE))));
    assert!(!connection.is_late(now + ANSWER_LIMIT - Duration::from_millis(1)));
    assert!(connection.is_late(now + ANSWER_LIMIT) && !connection.out_of_time(now + ANSWER_LIMIT));
}

#[test]
fn a_request_that_takes_too_long_is_told_so_and_silence_is_not() {
    let now = Instant::now();
    let (mut client, mut connection) = pair(now);
    assert!(connection.is_late(now + IDLE_LIMIT) && !connection.out_of_time(now + IDLE_LIMIT));
    client.write_all(b"GET / HT").unwrap();
    until_unseen(&mut connection, now);
    assert!(connection.look(Hosts::Loopback, now, |_| Answer::not_found()));
    let late = now + REQUEST_LIMIT;
    assert!(connection.is_late(late) && connection.out_of_time(late));
    drop(connection);
    assert_eq!(status(&rest(&mut client)), "408");
}

#[test]
fn too_many_are_told_so_and_whoever_is_silent_makes_room() {
    let server = Running::start(0);
    let mut busy: Vec<TcpStream> = (0..CONNECTIONS_MAX - 1).map(|_| server.connect()).collect();
    for stream in &mut busy {
        stream.write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 1);
    }
    let mut silent = server.connect();
    silent.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    read_until(&mut silent, "None ", 1);
    // The place of the silent one is taken, whose connection ends.
    let mut last = server.connect();
    last.write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(last.read(&mut [0; 1]).unwrap(), 1);
    assert_eq!(rest(&mut silent), "");
    assert_eq!(status(&server.get("/")), "503", "all places are taken");
    drop(busy);
    let begun = Instant::now();
    while status(&server.get("/")) != "200" {
        assert!(begun.elapsed() < DEADLINE, "the places are not given back");
    }
}
