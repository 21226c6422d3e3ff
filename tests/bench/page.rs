//! The appliance's page, asked as a browser does, over a plain socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::{DEADLINE, within};

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(DEADLINE))?;
    Ok(stream)
}

/// What is answered to `METHOD PATH` with `headers`, each ending its line; `None` where nobody answers.
pub(crate) fn ask(port: u16, method: &str, path: &str, headers: &str) -> Option<Reply> {
    let mut stream = connect(port).ok()?;
    let host = if headers.contains("Host:") { String::new() } else { format!("Host: localhost:{port}\r\n") };
    write!(stream, "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{headers}\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, head, body: answer[end + 4..].to_vec() })
}

/// What is answered to a GET.
pub(crate) fn get(port: u16, path: &str) -> Reply {
    ask(port, "GET", path, "").unwrap_or_else(|| panic!("nobody answers {path} at port {port}"))
}

/// Whether somebody answers there within the deadline.
pub(crate) fn answers(port: u16) -> bool {
    within(DEADLINE, || ask(port, "GET", "/healthz", "").is_some())
}

/// What listeners are told.
pub(crate) struct Events(BufReader<TcpStream>);

impl Events {
    pub(crate) fn listen(port: u16) -> Self {
        let mut stream = connect(port).expect("the page answers");
        write!(stream, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("the page listens");
        Self(BufReader::new(stream))
    }

    /// The data of the next event.
    pub(crate) fn next(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).expect("an event in time"), 0, "the stream of events ended");
            if let Some(data) = line.strip_prefix("data: ") {
                return data.trim_end().to_owned();
            }
        }
    }
}
