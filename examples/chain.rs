//! Prints, as a JSON line for each study, the chain of bodies that its segmentation shows before any name is given:
//! what `models/training/levels` learns the appearance of the levels from.
//!
//! `cargo run --release --example chain -- MODELS STUDY...`

use deepspine::analysis::segmentation::segment;
use deepspine::analysis::spine_reading::describe_chain;
use deepspine::dicom;
use deepspine::inference::{ModelSet, ModelSource, SegmentationNetwork};
use serde_json::{Value, json};
use std::error::Error;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let models = arguments.next().ok_or("usage: chain MODELS STUDY...")?;
    let network = SegmentationNetwork::load(&ModelSet::open(&ModelSource::Folder(models))?)?;
    for path in arguments {
        let chain = chain(&network, &path)?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        writeln!(std::io::stdout(), "{}", json!({ "study": name, "chain": chain }))?;
    }
    Ok(())
}

/// The bodies and gaps of one study, foot to head; null where it shows no spine.
fn chain(network: &SegmentationNetwork, path: &std::path::Path) -> Result<Value, Box<dyn Error>> {
    let intake = dicom::read_studies(&[path.to_owned()])?;
    let study = intake.studies.first().ok_or("no study there")?;
    let mut images = study.images()?;
    let Some(series) = images.segmentation_series() else { return Ok(Value::Null) };
    study.load(&mut images, series)?;
    let Some(volume) = images.series[series].blocks.iter().max_by_key(|b| b.slices.len()) else {
        return Ok(Value::Null);
    };
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mask = segment(volume, network, threads, &|_| ())?.mask;
    let Some((bodies, gaps, centres)) = describe_chain(volume, &mask) else { return Ok(Value::Null) };
    let bodies: Vec<Value> = bodies
        .iter()
        .zip(centres)
        .map(|(b, centre)| {
            json!({
                "centre_lps_mm": centre, "height_mm": b.height_mm, "depth_mm": b.depth_mm, "area_mm2": b.area_mm2,
                "front_to_back": b.front_to_back, "upper_to_lower": b.upper_to_lower,
                "sacrum_share": b.sacrum_share, "at_edge": b.at_edge, "room_below_mm": b.room_below_mm,
                "canal_alongside": b.canal_alongside,
            })
        })
        .collect();
    let gaps: Vec<Value> = gaps
        .iter()
        .map(|g| {
            json!({
                "distance_mm": g.distance_mm, "lean_deg": g.lean_deg, "discs": g.discs,
                "disc_thickness_mm": g.disc_thickness_mm,
            })
        })
        .collect();
    Ok(json!({ "bodies": bodies, "gaps": gaps }))
}
