//! How fast reports are labelled on one core: reports a second of one median length, and microseconds a kilobyte from 1 kB to 1 MB, which must
//! not grow. `cargo run --release --example label_rate`
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::time::Instant;

use deepspine::labels::{Labeller, Lexicon};

/// A note of 190 bytes, as the median of 256 real ones has.
const NOTE: &str = "Feature of muscle spasm.\nDiffuse disc bulges noted at L3/L4 & L4/L5 levels, mildly compressing the thecal sac and \
encroaching exit nerve roots.\nMild central protrusion at L5-S1. No fracture.\n";
const ROUNDS: usize = 40_000;

fn main() {
    let lexicon = Lexicon::built_in();
    let mut labeller = Labeller::new(&lexicon);
    let begun = Instant::now();
    let labels: usize = (0..ROUNDS).map(|_| labeller.label(NOTE).labels.len()).sum();
    let took = begun.elapsed().as_secs_f64();
    println!(
        "{:.0} reports/s of {} bytes, {:.1} labels each",
        ROUNDS as f64 / took,
        NOTE.len(),
        labels as f64 / ROUNDS as f64
    );
    // As lines, and as one line without an end.
    for (name, unit) in [("lines", NOTE.to_owned()), ("one line", NOTE.replace(['\n', '.'], " "))] {
        for kilobytes in [1, 4, 16, 64, 256, 1024] {
            let text = unit.repeat(kilobytes * 1000 / unit.len() + 1);
            let rounds = 2048 / kilobytes;
            let begun = Instant::now();
            for _ in 0..rounds {
                labeller.label(&text);
            }
            let us = begun.elapsed().as_secs_f64() * 1e6 / rounds as f64;
            println!("{name}, {kilobytes} kB: {:.1} us/kB", us * 1000.0 / text.len() as f64);
        }
    }
}
