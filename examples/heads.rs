//! Time and memory of all grading networks of a set, in one thread: `heads MODELS [LEVELS] [REPEATS]` loads the segmentation network and runs it once,
//! then loads what grades and runs it on so many levels (6), several times; prints the milliseconds of the fastest and of the median run, and how much the
//! process's peak of resident memory rose above segmentation's.
//!
//! `cargo run --release --example heads -- models/research`

use deepspine::analysis::grading::views::{AXIAL_GRID, DISC_GRID, FORAMEN_SHOWN_SIDE};
use deepspine::inference::{DEGENERATION, GradingNetwork, ModelSet, ModelSource, STENOSIS, SegmentationNetwork};
use std::error::Error;
use std::io::Write;
use std::time::Instant;

/// Rows and columns of a usual sagittal slice on the network's pixels.
const SLICE: usize = 288;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let models = arguments.first().ok_or("usage: heads MODELS [LEVELS] [REPEATS]")?;
    let levels: usize = arguments.get(1).map_or(Ok(6), |n| n.parse())?;
    let repeats: usize = arguments.get(2).map_or(Ok(20), |n| n.parse())?;
    let set = ModelSet::open(&ModelSource::Folder(models.into()))?;
    SegmentationNetwork::load(&set)?.plan(SLICE, SLICE)?.run(&picture(SLICE * SLICE))?;
    let of_segmentation = peak_kib()?;

    let since = Instant::now();
    let degeneration = GradingNetwork::load(&set, DEGENERATION)?;
    let stenosis = GradingNetwork::load(&set, STENOSIS)?;
    let loading_ms = since.elapsed().as_secs_f64() * 1e3;
    let disc = picture(2 * DISC_GRID.pixels());
    let axial = picture(3 * AXIAL_GRID.pixels());
    let foramen = picture(FORAMEN_SHOWN_SIDE * FORAMEN_SHOWN_SIDE);
    let mut times_ms = Vec::new();
    for _ in 0..repeats.max(1) {
        let since = Instant::now();
        for _ in 0..levels {
            if let Some(network) = &degeneration {
                network.run(&[&disc])?;
            }
            if let Some(network) = &stenosis {
                network.run(&[&axial, &foramen, &foramen, &[1.0; 3]])?;
            }
        }
        times_ms.push(since.elapsed().as_secs_f64() * 1e3);
    }
    times_ms.sort_by(f64::total_cmp);
    let (fastest, median) = (times_ms[0], times_ms[times_ms.len() / 2]);
    let above_mib = (peak_kib()? - of_segmentation) as f64 / 1024.0;
    writeln!(
        std::io::stdout(),
        "{levels} levels: {fastest:.0} ms fastest, {median:.0} ms median of {repeats}; loading {loading_ms:.0} ms; peak memory {above_mib:.1} MiB above \
         segmentation's {:.1} MiB",
        of_segmentation as f64 / 1024.0
    )?;
    Ok(())
}

/// No zeros: they are faster on some processors.
fn picture(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 1000) as f32 / 1000.0).collect()
}

/// The process's peak of resident memory, KiB (proc(5), VmHWM).
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
