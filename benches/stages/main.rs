//! What each stage of a reading costs, and the whole: `cargo bench`, or `cargo bench -- segmentation` for those whose names hold a word.
//!
//! Everything is made from one phantom study ([`scene`]). `bench/footprint` measures whole processes and writes docs/footprint.md; here
//! stages are taken apart.

mod files;
mod reading;
mod results;
mod scene;

use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;

/// Runs of each bench: a slice takes a tenth of a second, a reading some, and two slow cores must be done within minutes.
const SAMPLES: usize = 12;
const MEASURED: Duration = Duration::from_secs(3);
const WARM_UP: Duration = Duration::from_millis(500);

fn settings() -> Criterion {
    Criterion::default().sample_size(SAMPLES).measurement_time(MEASURED).warm_up_time(WARM_UP)
}

criterion_group! {
    name = stages;
    config = settings();
    targets = files::benches, reading::benches, results::benches
}
criterion_main!(stages);
