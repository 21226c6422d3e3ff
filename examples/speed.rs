//! Runs the segmentation network on one slice for each line of standard input, in one thread, and prints the milliseconds:
//! so that `models/training/evaluation/speed.py` can take turns with another runtime in the same minute.
//!
//! `cargo run --release --example speed -- MODELS ROWS COLUMNS`

use deepspine::inference::{ModelSet, ModelSource, SegmentationNetwork};
use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [models, rows, columns] = arguments.as_slice() else { return Err("usage: speed MODELS ROWS COLUMNS".into()) };
    let (rows, columns) = (rows.parse::<usize>()?, columns.parse::<usize>()?);
    let set = ModelSet::open(&ModelSource::Folder(models.into()))?;
    let plan = SegmentationNetwork::load(&set)?.plan(rows, columns)?;
    // No zeros: they are faster on some processors.
    let slice: Vec<f32> = (0..rows * columns).map(|i| ((i * 7919) % 1000) as f32 / 1000.0).collect();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        line?;
        let since = Instant::now();
        plan.run(&slice)?;
        let ms = since.elapsed().as_secs_f64() * 1e3;
        writeln!(out, "{ms:.3}")?;
        out.flush()?;
    }
    Ok(())
}
