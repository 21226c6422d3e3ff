//! The fleet: the other end of the wire. Many appliances, known from what they publish alone.
//!
//! | module | is for |
//! |---|---|
//! | [`wire`] | topics and payloads of appliances, understood; nothing of them is trusted |
//! | [`appliance`] | what is known of one appliance, and how it stands: up, degraded, late, lost |
//! | [`roll`] | all of them, in memory, bounded |
//! | [`view`] | what a person sees: the broken ones first, totals, a table, JSON |
//! | [`store`] | what outlives the process: messages by sequence number, gaps, numbers, grades |
//! | [`collector`] | from the broker into the store, acknowledged once it is there |
//! | [`drift`] | whether a site's grades are still spread as they were |
//! | [`terminal`] | the view on a terminal |
//! | [`page`], [`metrics`], [`site`] | the same over HTTP, and as numbers for Prometheus |
//! | [`command`] | has an appliance do something, and waits for what comes of it |
//! | [`simulate`] | a load of appliances that do not exist, with faults |
//!
//! State (`status`, `twin`, alarms) is retained by the broker, so each collector subscribes to all of it and keeps it
//! in memory. Events (`e/*`) and numbers (`m/*`) may be shared among several collectors; what these know of one another
//! stands in the store. An event is acknowledged once its batch is committed, and is known again by device, sequence
//! number and message id: it arrives at least once and counts once.

pub mod appliance;
pub mod collector;
pub mod command;
pub mod drift;
pub mod metrics;
pub mod page;
pub mod roll;
pub mod simulate;
pub mod site;
pub mod store;
pub mod terminal;
pub mod view;
pub mod wire;
