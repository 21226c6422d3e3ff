//! Runs a network once for each line of standard input, in one thread, and prints the milliseconds: so that `bench/compare` and
//! `models/training/evaluation/speed.py` can take turns with another runtime in the same minute.
//!
//! `cargo run --release --example speed -- MODELS ROWS COLUMNS` runs the segmentation network on one slice,
//! `… -- MODELS NAME` a network that grades, on one level.

use deepspine::inference::{GradingNetwork, ModelSet, ModelSource, SegmentationNetwork};
use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

const USAGE: &str = "usage: speed MODELS ROWS COLUMNS | speed MODELS NAME";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [models, what @ ..] = arguments.as_slice() else { return Err(USAGE.into()) };
    let set = ModelSet::open(&ModelSource::Folder(models.into()))?;
    match what {
        [rows, columns] => {
            let (rows, columns) = (rows.parse::<usize>()?, columns.parse::<usize>()?);
            let plan = SegmentationNetwork::load(&set)?.plan(rows, columns)?;
            let slice = picture(rows * columns);
            take_turns(|| Ok(plan.run(&slice).map(drop)?))
        }
        [name] => {
            let network = GradingNetwork::load(&set, name)?.ok_or("the set has no network of that name")?;
            network.ready()?;
            let entry = set.manifest().model.iter().find(|m| m.name == *name);
            let lengths = entry.into_iter().flat_map(|m| &m.inputs).map(|i| i.shape.iter().product());
            let views: Vec<Vec<f32>> = lengths.map(picture).collect();
            let inputs: Vec<&[f32]> = views.iter().map(Vec::as_slice).collect();
            take_turns(|| Ok(network.run(&inputs).map(drop)?))
        }
        _ => Err(USAGE.into()),
    }
}

/// No zeros: they are faster on some processors.
fn picture(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 1000) as f32 / 1000.0).collect()
}

fn take_turns(run: impl Fn() -> Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        line?;
        let since = Instant::now();
        run()?;
        let ms = since.elapsed().as_secs_f64() * 1e3;
        writeln!(out, "{ms:.3}")?;
        out.flush()?;
    }
    Ok(())
}
