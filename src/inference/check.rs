//! Whether an entry of a manifest is one that this version can use.

use super::{CropInput, DEGENERATION, GradingHead, ModelEntry, PictureGate, SEGMENTATION, STENOSIS, SegmentationInput};
use crate::spine::{BodySide, GradeScale, GradedFinding, Structure};
use std::path::Path;

/// Networks are sized for slices whose pixels lie in this range, mm.
const PIXEL_MM_RANGE: std::ops::RangeInclusive<f64> = 0.2..=4.0;
/// The network's stride can't exceed this.
const SIZE_MULTIPLE_MAX: usize = 256;
/// A grading network has at most so many inputs and heads, an input so many values.
const INPUTS_MAX: usize = 8;
const HEADS_MAX: usize = 64;
const INPUT_LEN_MAX: usize = 1 << 20;

/// How the name of a network's file ends.
const NETWORK_ENDING: &str = ".onnx";

/// What is wrong with the entries of one manifest: one sentence that names the model and the key.
pub(super) fn check_entries(entries: &[ModelEntry]) -> Result<(), String> {
    if entries.is_empty() {
        return Err("names no model".to_owned());
    }
    for (k, entry) in entries.iter().enumerate() {
        check_entry(entry)?;
        if entries.iter().take(k).any(|other| other.name == entry.name) {
            return Err(format!("model {}: is there twice", entry.name));
        }
    }
    Ok(())
}

fn check_entry(entry: &ModelEntry) -> Result<(), String> {
    let name = &entry.name;
    let plain = Path::new(&entry.file).components().count() == 1 && !entry.file.starts_with('.');
    if !plain || !entry.file.ends_with(NETWORK_ENDING) {
        return Err(format!(
            "model {name}: file {:?} must be a name beside the manifest that ends with {NETWORK_ENDING}",
            entry.file
        ));
    }
    if entry.terms.trim().is_empty() {
        return Err(format!("model {name}: terms is empty; a network without terms is not used"));
    }
    match name.as_str() {
        SEGMENTATION => check_segmentation(entry),
        DEGENERATION | STENOSIS => check_grading(entry),
        _ => Err(format!("model {name}: this version knows {SEGMENTATION}, {DEGENERATION} and {STENOSIS}")),
    }
}

fn check_grading(entry: &ModelEntry) -> Result<(), String> {
    let name = &entry.name;
    let possible = |input: &CropInput| {
        let len = input.shape.iter().try_fold(1_usize, |len, n| len.checked_mul(*n)).unwrap_or(usize::MAX);
        (1..=INPUT_LEN_MAX).contains(&len)
    };
    if !(1..=INPUTS_MAX).contains(&entry.inputs.len()) || !entry.inputs.iter().all(possible) {
        return Err(format!("model {name}: inputs must be 1 to {INPUTS_MAX}, of 1 to {INPUT_LEN_MAX} values"));
    }
    if !(1..=HEADS_MAX).contains(&entry.head.len()) {
        return Err(format!("model {name}: has {} heads, 1 to {HEADS_MAX} are possible", entry.head.len()));
    }
    if entry.gate.len() > HEADS_MAX || !entry.gate.iter().all(is_gate) {
        return Err(format!(
            "model {name}: a gate names its views and an output, and 0 < strange <= refused; at most {HEADS_MAX}"
        ));
    }
    entry
        .head
        .iter()
        .try_for_each(|head| check_head(head).map_err(|e| format!("model {name}: head {}: {e}", head.finding)))
}

fn is_gate(gate: &PictureGate) -> bool {
    let rises = 0.0 < gate.strange && gate.strange <= gate.refused && gate.refused.is_finite();
    rises && !gate.given.is_empty() && gate.output <= INPUT_LEN_MAX
}

fn check_head(head: &GradingHead) -> Result<(), String> {
    GradedFinding::from_name(&head.finding).ok_or("this version does not know the finding")?;
    let scale = GradeScale::from_name(&head.scale).ok_or_else(|| format!("scale {:?} is not known", head.scale))?;
    if let Some(side) = &head.side {
        BodySide::from_name(side).ok_or_else(|| format!("side {side:?} is neither left nor right"))?;
    }
    let grades = scale.grades().len();
    let thresholds = [head.slopes.len(), head.offsets.len(), head.cuts.len()];
    if thresholds != [grades - 1; 3] || head.classes.len() != grades || head.output > INPUT_LEN_MAX {
        return Err(format!("scale {} has {grades} grades, and {} thresholds", head.scale, grades - 1));
    }
    Ok(())
}

fn check_segmentation(entry: &ModelEntry) -> Result<(), String> {
    let name = &entry.name;
    if entry.classes.len() != Structure::COUNT {
        return Err(format!(
            "model {name}: has {} classes, this version reads {}",
            entry.classes.len(),
            Structure::COUNT
        ));
    }
    let SegmentationInput { pixel_mm, size_multiple, percentiles: [low, high] } = entry.input;
    if !PIXEL_MM_RANGE.contains(&pixel_mm) {
        return Err(format!("model {name}: input.pixel_mm = {pixel_mm} is outside {PIXEL_MM_RANGE:?}"));
    }
    if !(1..=SIZE_MULTIPLE_MAX).contains(&size_multiple) {
        return Err(format!("model {name}: input.size_multiple = {size_multiple} is outside 1..={SIZE_MULTIPLE_MAX}"));
    }
    if !(0.0 <= low && low < high && high <= 100.0) {
        return Err(format!("model {name}: input.percentiles = [{low}, {high}] must ascend within 0..=100"));
    }
    Ok(())
}
