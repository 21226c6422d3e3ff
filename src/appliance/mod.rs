//! The machine room: everything that touches the world.
//!
//! [`supervisor`] is where it is put together; read it first. No DICOM byte is parsed in this
//! process: `reader` starts children that do.

pub mod accelerator;
pub mod actions;
pub mod alarms;
pub mod archive;
mod audit;
pub mod bundles;
pub mod checkup;
pub mod clock;
pub mod config;
pub mod control;
pub mod fitness;
pub mod frame;
pub mod health;
pub mod identity;
pub mod ingest;
pub mod journal;
pub mod model_sets;
pub mod model_watch;
pub mod mqtt;
pub mod one_line;
pub mod overview;
pub mod pacs;
mod pass;
pub mod reader;
pub mod reading;
pub mod restore;
pub mod self_test;
pub mod self_test_trend;
pub mod service;
pub mod shared;
pub mod supervisor;
pub mod systemd;
pub mod upkeep;
pub mod web;
