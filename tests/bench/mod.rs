//! The fault bench: the real binary between real files and a real mosquitto, and what breaks them.
//!
//! | part | is |
//! |---|---|
//! | [`site`] | folders and configuration of one appliance, and what it left in them |
//! | [`service`] | `deepspine run` at a site, and its end by any signal |
//! | [`mosquitto`] | the broker, with and without TLS, access list, quotas |
//! | [`proxy`] | the way to the broker, and what a bad network or broker does on it |
//! | [`ledger`] | whatever a subscriber received, across restarts of the broker |
//! | [`line`] | a broker that comes and goes, with its ledger |
//! | [`stand`] | many sites at one broker, each with a fault of its own |
//! | [`studies`] | as many small studies as are wanted |
//! | [`certificates`] | a certificate authority with good and bad certificates |
//! | [`clock`] | a wall clock that the test sets, and what a time service says of it |
//! | [`page`] | the appliance's page, asked as a browser does |
//! | [`gauge`] | what a process and its folders take, and whether that grows |
//! | [`shim`] | faults between the supervisor and its files: kill points, errors, power cuts |
//!
//! Everything has a short form, which `cargo test` runs, and a long one (`DEEPSPINE_BENCH=long`);
//! `tests/fault-bench` runs the long forms and prints their figures. What is random is drawn from a
//! seed that is printed, and given again in `DEEPSPINE_BENCH_SEED`.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::allow_attributes,
    reason = "each test uses its part"
)]

pub(crate) mod certificates;
pub(crate) mod clock;
pub(crate) mod gauge;
pub(crate) mod ledger;
pub(crate) mod line;
pub(crate) mod mosquitto;
pub(crate) mod page;
pub(crate) mod proxy;
pub(crate) mod random;
pub(crate) mod service;
pub(crate) mod shim;
pub(crate) mod site;
pub(crate) mod stand;
pub(crate) mod studies;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives it up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);
/// How often a wait looks.
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// Whether the long form is asked for.
pub(crate) fn long() -> bool {
    std::env::var("DEEPSPINE_BENCH").is_ok_and(|form| form == "long")
}

/// `short` or `long`, whichever form runs; `DEEPSPINE_BENCH_COUNT` overrides both.
pub(crate) fn count(short: usize, long_form: usize) -> usize {
    let asked = std::env::var("DEEPSPINE_BENCH_COUNT").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(if long() { long_form } else { short })
}

/// Looks until `done` or [`DEADLINE`].
pub(crate) fn until(what: &str, done: impl FnMut() -> bool) {
    assert!(within(DEADLINE, done), "gave up waiting until {what}");
}

/// Whether `done` came within `limit`.
pub(crate) fn within(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if done() {
            return true;
        }
        if begun.elapsed() > limit {
            return false;
        }
        std::thread::sleep(LOOK_PERIOD);
    }
}

/// Says a figure as a row of the table that `tests/fault-bench` prints.
pub(crate) fn figure(line: &str, figure: &str) {
    println!("| {line} | {figure} |");
}

/// One at a time: two cores carry one bench, and a port that one gives back for a moment is not the other's.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
