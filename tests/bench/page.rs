//! The appliance's page, asked as a browser does, over a plain socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use super::mosquitto::free_port;
use super::service::Service;
use super::site::Site;
use super::{DEADLINE, until, within};

/// A token that is long enough.
pub(crate) const TOKEN: &str = "correct-horse-battery-staple";

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

/// A site with its page at a free port, and `settings` on top.
pub(crate) fn site_with_page(settings: &[(&str, &str)]) -> (Site, u16) {
    let port = free_port();
    let listen = format!("\"127.0.0.1:{port}\"");
    let own = [("web.listen", listen.as_str()), ("storage.headroom-mib", "0")];
    (Site::new("page", "mqtt://127.0.0.1:9", &[&own, settings].concat()), port)
}

/// Its appliance, once the page answers.
pub(crate) fn started(site: &Site, port: u16) -> Service {
    let service = Service::start(site, &[]);
    assert!(answers(port), "the page does not answer");
    service
}

/// The key of the site's only study, once it is read and its files are there, with a picture among them.
pub(crate) fn read_with_a_picture(site: &Site, port: u16) -> String {
    until("the study is read and its files are written", || {
        let done =
            get(port, "/").text().contains("class=\"badge done\"><span aria-hidden=\"true\">✓</span> read</span></p>");
        done && site
            .journal_reports()
            .is_some_and(|ids| ids.iter().any(|id| site.out_dir().join(id).join("page.html").exists()))
    });
    let report = site.journal_reports().and_then(|ids| ids.first().cloned()).expect("a report");
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/overlay.png");
    std::fs::copy(picture, site.out_dir().join(report).join("overlay.png")).expect("the test's folder can be written");
    site.study_keys().remove(0)
}

/// Puts [`TOKEN`] into a file; the value of `web.token-file`.
pub(crate) fn token_file(site: &Site) -> String {
    let file = site.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).expect("the test's folder can be written");
    format!("\"{}\"", file.display())
}
