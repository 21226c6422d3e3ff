//! From bytes to a request, or to why they are none.

use std::net::SocketAddr;

/// Longest head of a request: its first line and headers, bytes.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Longest body of a request, bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Most headers of a request; a browser sends about twenty.
const HEADERS_MAX: usize = 64;

/// What a request wants. A HEAD is a GET whose body nobody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// To see something.
    Get,
    /// To have something done.
    Post,
}

/// A request, as a site sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// What it wants.
    pub method: Method,
    /// The path, as it was sent: it begins with `/`, and nothing in it is decoded.
    pub path: &'a str,
    /// What stands after the first `?`; empty where there is none.
    pub query: &'a str,
    /// The token of an `Authorization: Bearer` header (RFC 6750).
    pub bearer: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// Names under which a server may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hosts {
    /// Any: other machines reach it by names that it does not know.
    Any,
    /// Those of this machine for itself. A page from elsewhere whose name was made to point here (DNS rebinding)
    /// carries its own name.
    Loopback,
}

impl Hosts {
    /// Those for a listener at `address`.
    pub(super) fn of(address: SocketAddr) -> Self {
        if address.ip().to_canonical().is_loopback() { Self::Loopback } else { Self::Any }
    }

    /// Whether `host`, as its header has it, is one of them. Its port may be another: a tunnel's end has its own.
    fn admits(self, host: &str) -> bool {
        if self == Self::Any {
            return true;
        }
        let is_port = |text: &str| text.is_empty() || text.bytes().all(|b| b.is_ascii_digit());
        let names = ["localhost", "127.0.0.1", "[::1]"];
        names.iter().any(|name| {
            let Some((begin, rest)) = host.split_at_checked(name.len()) else { return false };
            begin.eq_ignore_ascii_case(name) && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
        })
    }
}

/// What bytes that came in are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// The beginning of a request.
    Begun,
    /// A request.
    Whole(Request<'a>, Framing),
    /// None that is answered: the status and a sentence.
    Refused(u16, &'static str),
}

/// How a request lies in its bytes, and how its answer is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framing {
    /// Bytes that belong to it.
    pub(super) bytes: usize,
    /// Its answer has no body.
    pub(super) head_only: bool,
    /// Another request may follow.
    pub(super) goes_on: bool,
}

/// The request at the beginning of `input`.
pub(super) fn parse(input: &[u8], hosts: Hosts) -> Parsed<'_> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let head_bytes = match head.parse(input) {
        Ok(httparse::Status::Complete(bytes)) if bytes <= HEAD_BYTES_MAX => bytes,
        Ok(httparse::Status::Partial) if input.len() < HEAD_BYTES_MAX => return Parsed::Begun,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            return Parsed::Refused(431, "The request's head is too large.");
        }
        Err(httparse::Error::Version) => return Parsed::Refused(505, "Only HTTP/1.1 is spoken here."),
        Err(_) => return Parsed::Refused(400, "This is no request."),
    };
    match whole(&head, input, head_bytes, hosts) {
        Ok(parsed) => parsed,
        Err((status, why)) => Parsed::Refused(status, why),
    }
}

/// The request whose head is `head`, once its body is there.
fn whole<'a>(
    head: &httparse::Request<'_, 'a>,
    input: &'a [u8],
    head_bytes: usize,
    hosts: Hosts,
) -> Result<Parsed<'a>, (u16, &'static str)> {
    let (method, head_only) = match head.method {
        Some("GET") => (Method::Get, false),
        Some("HEAD") => (Method::Get, true),
        Some("POST") => (Method::Post, false),
        _ => return Err((405, "Only GET, HEAD and POST are answered.")),
    };
    let host = only(head, "Host")?.ok_or((400, "The request names no host."))?;
    if !hosts.admits(host) {
        return Err((421, "Only this machine's own names for itself are answered: localhost, 127.0.0.1, [::1]."));
    }
    if only(head, "Transfer-Encoding")?.is_some() {
        return Err((411, "A body has to say its length."));
    }
    let body_bytes = body_bytes(only(head, "Content-Length")?)?;
    let bytes = head_bytes + body_bytes;
    let Some(body) = input.get(head_bytes..bytes) else { return Ok(Parsed::Begun) };
    let target = head.path.filter(|target| target.starts_with('/')).ok_or((400, "Only paths are answered."))?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let closes = only(head, "Connection")?.is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let goes_on = head.version == Some(1) && !closes;
    let bearer = only(head, "Authorization")?.and_then(bearer);
    Ok(Parsed::Whole(Request { method, path, query, bearer, body }, Framing { bytes, head_only, goes_on }))
}

/// The value of a header that may be there once.
fn only<'a>(head: &httparse::Request<'_, 'a>, name: &str) -> Result<Option<&'a str>, (u16, &'static str)> {
    let mut values = head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(header), None) => {
            std::str::from_utf8(header.value).map(|value| Some(value.trim())).map_err(|_| (400, "A header is no text."))
        }
        (Some(_), Some(_)) => Err((400, "A header stands there twice.")),
    }
}

fn body_bytes(length: Option<&str>) -> Result<usize, (u16, &'static str)> {
    let Some(length) = length else { return Ok(0) };
    if length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
        return Err((400, "The body's length is no number."));
    }
    match length.parse() {
        Ok(bytes) if bytes <= BODY_BYTES_MAX => Ok(bytes),
        _ => Err((413, "The request's body is too large.")),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}
