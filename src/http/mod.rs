//! Pages over HTTP/1.1, for whoever has something to show: a [`Site`] answers, a [`Server`] does the rest.
//!
//! | part | is |
//! |---|---|
//! | [`answer`] | what a site answers, and the headers that every answer carries |
//! | [`request`] | bytes to a request, or to why they are none; the only importer of httparse |
//! | [`connection`] | one connection: what was read, what is to be written, until when |
//! | [`server`] | one thread, one poll(2) over all connections |
//! | [`openmetrics`] | numbers in Prometheus's format, for a site that has some |
//!
//! Everything is bounded by a named constant: connections, sizes, and the time that each step may take. Without a
//! connection the thread sleeps in the kernel for ever. Pages that want to move are sent events
//! (text/event-stream), which the site is asked for only while somebody listens.
//!
//! Not here: TLS, names and passwords, compression, files. Whoever needs those puts a proxy before it.

pub mod answer;
mod connection;
pub mod openmetrics;
pub mod request;
pub mod server;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

pub use answer::{Answer, POLICY, POLICY_SELF_CONTAINED};
pub use request::{Method, Request};
pub use server::{Server, Waker};

use std::time::Duration;

/// What answers.
pub trait Site {
    /// The answer to `request`. A HEAD comes as a GET, and its answer's body is not sent.
    fn answer(&mut self, request: &Request<'_>) -> Answer;

    /// What has changed since it was asked last, as the data of one event; `None` where nothing has.
    fn event(&mut self) -> Option<String>;

    /// How often it is asked at most, while somebody listens.
    fn event_period(&self) -> Duration;
}
