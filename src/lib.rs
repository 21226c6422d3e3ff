//! deepspine: an appliance that stands beside an MRI scanner, reads every lumbar study that the
//! scanner exports, and publishes what it finds over MQTT.
//!
//! # The house
//!
//! | module | is for |
//! |---|---|
//! | [`spine`] | the words of the field, as plain types |
//! | [`http`] | pages over HTTP/1.1 on one thread, everything bounded; the only importer of httparse |
//! | [`analysis`] | the reading room: pixels and models in, findings out; pure |
//! | [`inference`] | load, verify and run the networks; the only importer of tract |
//! | [`dicom`] | files to studies, studies to files; the only importer of `dicom_*` |
//! | [`phantom`] | a lumbar spine made of arithmetic, with known truth |
//! | [`export`] | the reading bundle, and what is made from it: JSON, label maps, pictures |
//! | [`labels`] | report text to level-by-level labels with the words that say them; pure |
//! | [`evaluation`] | how right readings are, by a truth file; how far they agree with the texts of radiologists |
//! | [`appliance`] | the machine room: folder, journal, children, MQTT, supervisor |
//! | `fleet` | the other end of the wire: many appliances, known from what they publish |
//! | [`cli`] | one file a verb |
//!
//! Imports point inward: `cli -> fleet -> appliance -> evaluation -> export, phantom -> dicom -> analysis -> inference ->
//! http -> spine`. `tests/architecture.rs` holds that, and who alone may import which library.
//!
//! # How a study travels
//!
//! ```text
//! export folder -> appliance::ingest: new paths -> scan (child): headers -> study complete
//!              -> journal: claimed, attempt n
//!              -> read (child): dicom -> analysis::study::read -> export::bundle, fsynced, moved
//!              -> journal, one transaction: report + outbox rows + done      <- the commit point
//!              -> exports: pictures, maps, page, objects, each a pure function of the bundle
//!              -> pacs: objects that wait -> C-STORE -> status -> row removed
//!              -> delivery: outbox row -> MQTT publish QoS 1 -> PUBACK -> row removed
//! ```
//!
//! Files and the journal are the queue; channels only wake. Whatever dies, wherever, the next start
//! finds the last committed state and goes on: at least once on the wire, exactly once by `report_id`.
//! A journal that is lost is made anew from the bundles ([`appliance::restore`]).
//!
//! # Who is there
//!
//! | thread | does |
//! |---|---|
//! | `main` | signals, service manager ([`appliance::service`]) |
//! | `ingest`, `inotify` | the export folder ([`appliance::ingest`]) |
//! | `reading` | children, and the commit of what they read ([`appliance::reading`]) |
//! | `delivery`, `mqtt-io` | the outbox; the connection ([`appliance::mqtt`]) |
//! | `pacs` | objects to the clinic's archive ([`appliance::pacs`]) |
//! | `upkeep` | room, certificates, temperatures, models, retention ([`appliance::upkeep`]) |
//! | `control` | whoever looks in ([`appliance::control`]) |
//! | `web` | the same for a browser, where it is configured ([`appliance::web`]) |
//! | `journal` | the database ([`appliance::journal`]) |
//!
//! # What is absent
//!
//! - An unbounded queue, map, retry or recursion: each has a named limit.
//! - Patient data on MQTT, in a log line or in a metric: study keys on the wire are keyed hashes.
//! - A level name without evidence: where the sacrum is not in view the level is `unknown`.
//! - A grade without its scale, its probabilities and its prediction set.
//! - A grade of a picture that is unlike all that its network was trained on.
//! - DICOM parsing in the supervisor; `unwrap`, `expect` or an indexing panic reachable from input.
//! - `unsafe` in this crate; async in this crate.
//! - A listener on the network, unless `web.listen` names one.
//! - A source DICOM file modified, moved or deleted.
//! - A model that runs although its hash differs from its manifest's.
//! - Anything half-written on disk: temporary file, fsync, rename, fsync of the folder.
//!
//! # Where to start reading
//!
//! [`analysis::study::read`] is a reading from beginning to end; [`appliance::supervisor`] is the
//! appliance from beginning to end.

pub mod analysis;
pub mod appliance;
pub mod cli;
pub mod dicom;
pub mod evaluation;
pub mod export;
#[cfg(feature = "fleet")]
pub mod fleet;
pub mod http;
pub mod inference;
pub mod labels;
pub mod phantom;
pub mod spine;
