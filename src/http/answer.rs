//! What is answered, and the headers that every answer carries.

use std::fmt::Write as _;

/// What a page may load and do, where its answer says nothing else: its own files, and no script within the page.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; \
                          form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// The same for a page that carries its look and its pictures within itself, and has no script.
pub const POLICY_SELF_CONTAINED: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                                         form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// HTML.
pub const HTML: &str = "text/html; charset=utf-8";
/// Plain text.
pub const TEXT: &str = "text/plain; charset=utf-8";
/// JSON.
pub const JSON: &str = "application/json";
/// Events (HTML Standard, 9.2).
const EVENTS: &str = "text/event-stream";

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    content_type: &'static str,
    policy: &'static str,
    header: Option<(&'static str, &'static str)>,
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Bytes(Vec<u8>),
    Events,
}

impl Answer {
    /// 200 with `body` of a media type.
    #[must_use]
    pub fn bytes(content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status: 200, content_type, policy: POLICY, header: None, body: Body::Bytes(body) }
    }

    /// 200 with a page.
    #[must_use]
    pub fn page(html: String) -> Self {
        Self::bytes(HTML, html.into_bytes())
    }

    /// 200 with JSON.
    #[must_use]
    pub fn json(json: String) -> Self {
        Self::bytes(JSON, json.into_bytes())
    }

    /// 200 with plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::bytes(TEXT, text.into().into_bytes())
    }

    /// The events of the site from now on.
    #[must_use]
    pub fn events() -> Self {
        Self { content_type: EVENTS, body: Body::Events, ..Self::bytes(EVENTS, Vec::new()) }
    }

    /// `status` with a sentence for whoever asked.
    #[must_use]
    pub fn refused(status: u16, why: impl Into<String>) -> Self {
        Self::text(why.into() + "\n").with_status(status)
    }

    /// 404.
    #[must_use]
    pub fn not_found() -> Self {
        Self::refused(404, "There is nothing at this address.")
    }

    /// 405, where only `allowed`, such as `POST`, is.
    #[must_use]
    pub fn wrong_method(allowed: &'static str) -> Self {
        Self::refused(405, format!("Only {allowed} is answered here.")).with_header("Allow", allowed)
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with another Content-Security-Policy than [`POLICY`].
    #[must_use]
    pub fn with_policy(self, policy: &'static str) -> Self {
        Self { policy, ..self }
    }

    /// The same with one header more, in the place of one that was given so before.
    #[must_use]
    pub fn with_header(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Its body; empty where it is of events.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        match &self.body {
            Body::Bytes(bytes) => bytes,
            Body::Events => &[],
        }
    }

    /// Whether events follow.
    #[must_use]
    pub(super) fn is_events(&self) -> bool {
        self.body == Body::Events
    }

    /// Head and body as they are sent; `goes_on`: another request may follow on this connection.
    pub(super) fn into_message(self, head_only: bool, goes_on: bool) -> Vec<u8> {
        let mut head =
            format!("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n", self.status, phrase(self.status), self.content_type);
        let own = [
            ("Content-Security-Policy", self.policy),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
            ("Connection", if goes_on { "keep-alive" } else { "close" }),
        ];
        for (name, value) in own.into_iter().chain(self.header) {
            // Writing to a string can't fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        // Events have no length: they end with the connection.
        if let Body::Bytes(bytes) = &self.body {
            let _ = write!(head, "Content-Length: {}\r\n", bytes.len());
        }
        head += "\r\n";
        let mut message = head.into_bytes();
        if let (Body::Bytes(bytes), false) = (self.body, head_only) {
            message.extend(bytes);
        }
        message
    }
}

/// The reason phrase of the statuses that are used here (RFC 9110, 15).
const fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
