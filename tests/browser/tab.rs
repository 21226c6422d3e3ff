//! A page that stays open in Chromium, and is asked and used over its debugging protocol: JSON over a WebSocket (RFC 6455).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often a wait looks.
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// The bit of a frame's first byte that says that it is whole, with the kind of text.
const WHOLE_TEXT: u8 = 0x81;
/// A client's frames are masked; a mask of zeros leaves them as they are.
const MASKED: u8 = 0x80;

/// An open page.
pub(crate) struct Tab {
    browser: Child,
    socket: BufReader<TcpStream>,
    asked: u64,
    _profile: tempfile::TempDir,
}

impl Tab {
    /// Opens `address`; `None` where Chromium is not installed.
    pub(crate) fn open(address: &str) -> Option<Self> {
        let profile = tempfile::tempdir().unwrap();
        let browser = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--remote-debugging-port=0", &format!("--user-data-dir={}", profile.path().display()), address])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let port = wait("the browser names its port", || {
            std::fs::read_to_string(profile.path().join("DevToolsActivePort")).ok()?.lines().next()?.parse::<u16>().ok()
        });
        let place = wait("the page is open", || {
            let pages: Value = serde_json::from_slice(&pages(port)?).ok()?;
            let page = pages.as_array()?.iter().find(|page| page["type"] == "page")?;
            Some(page["webSocketDebuggerUrl"].as_str()?.split_once(&format!(":{port}"))?.1.to_owned())
        });
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(
            stream,
            "GET {place} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        .unwrap();
        let mut socket = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            socket.read_line(&mut line).unwrap();
        }
        Some(Self { browser, socket, asked: 0, _profile: profile })
    }

    /// What `expression` is in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        self.asked += 1;
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        self.send(&json!({ "id": self.asked, "method": "Runtime.evaluate", "params": parameters }).to_string());
        loop {
            let answer: Value = serde_json::from_slice(&self.receive()).unwrap();
            if answer["id"] == self.asked {
                assert!(answer["result"]["exceptionDetails"].is_null(), "{expression}: {answer}");
                return answer["result"]["result"]["value"].clone();
            }
        }
    }

    /// Waits until `expression` holds in the page, which may still be loading.
    pub(crate) fn until(&mut self, expression: &str) {
        let holds = format!("(() => {{ try {{ return {expression}; }} catch {{ return false; }} }})()");
        wait(expression, || (self.value(&holds) == true).then_some(()));
    }

    fn send(&mut self, text: &str) {
        let length = u16::try_from(text.len()).unwrap();
        let mut frame = vec![WHOLE_TEXT, MASKED | 126];
        frame.extend(length.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.socket.get_mut().write_all(&frame).unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        let mut head = [0; 2];
        self.socket.read_exact(&mut head).unwrap();
        let further = match head[1] {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mut length = [0; 8];
        self.socket.read_exact(&mut length[8 - further..]).unwrap();
        let length = if further == 0 { u64::from(head[1]) } else { u64::from_be_bytes(length) };
        let mut text = vec![0; usize::try_from(length).unwrap()];
        self.socket.read_exact(&mut text).unwrap();
        text
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "gave up waiting until {what}");
        std::thread::sleep(LOOK_PERIOD);
    }
}

/// The browser's list of its pages.
fn pages(port: u16) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    write!(stream, "GET /json/list HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").ok()?;
    let mut answer = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        answer.read_line(&mut line).ok()?;
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).ok()?;
    Some(body)
}
