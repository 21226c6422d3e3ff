//! Runs the segmentation network on one slice for each line of standard input, in one thread, and prints the milliseconds:
//! so that `models/training/evaluation/speed.py` can take turns with another runtime in the same minute.
//!
//! `cargo run --release --example speed -- MODELS ROWS COLUMNS`

use deepspine::inference::{ModelSet, ModelSource, Networks, SegmentationNetwork};
use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [models, rows, columns] = arguments.as_slice() else { return Err("usage: speed MODELS ROWS COLUMNS".into()) };
    let (rows, columns) = (rows.parse::<usize>()?, columns.parse::<usize>()?);
    let set = ModelSet::open(&ModelSource::Folder(models.into()))?;
    let (network, loaded) = timed(|| SegmentationNetwork::load(&set));
    let network = network?;
    let (plan, planned) = timed(|| network.plan(rows, columns));
    let (networks, all_loaded) = timed(|| Networks::load(&set));
    drop(networks?);
    eprintln!("loaded in {loaded:.1} ms, prepared in {planned:.1} ms; all networks of the set in {all_loaded:.1} ms");
    let plan = plan?;
    // No zeros: they are faster on some processors.
    let slice: Vec<f32> = (0..rows * columns).map(|i| ((i * 7919) % 1000) as f32 / 1000.0).collect();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        line?;
        let (logits, ms) = timed(|| plan.run(&slice));
        logits?;
        writeln!(out, "{ms:.3}")?;
        out.flush()?;
    }
    Ok(())
}

/// What `of` gives, and the milliseconds that it took.
fn timed<T>(of: impl FnOnce() -> T) -> (T, f64) {
    let since = Instant::now();
    (of(), since.elapsed().as_secs_f64() * 1e3)
}
