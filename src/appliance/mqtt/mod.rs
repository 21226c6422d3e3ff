//! The wire: topics, payloads, the connection to the broker, and delivery from the outbox.
//!
//! The only importer of rumqttc. [`session`] drives one connection after another on the thread
//! `mqtt-io`; [`delivery`] owns the outbox rows on the thread of that name, and removes a row only on
//! its PUBACK. rumqttc's own queue is not trusted with anything: every connection begins with a
//! fresh client, and what was not acknowledged is taken from the journal again. [`loopback`] is a
//! small broker for the demonstration and the tests. [`listener`] and [`talker`] are the other end of the wire:
//! what a fleet receives and says.

pub mod ahead;
pub mod backoff;
pub(super) mod certificate;
mod client;
pub mod command;
pub mod delivery;
pub mod listener;
pub mod loopback;
pub mod numbers;
pub mod payload;
mod reach;
pub mod session;
mod standing;
pub mod subscriber;
pub mod suspicion;
pub mod talker;
pub(super) mod tls;
pub mod topics;
pub mod window;
