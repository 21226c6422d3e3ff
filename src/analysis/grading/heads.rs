//! From a network's logits to gradings: which head speaks for which views, and what its calibration makes of it.

use super::Given;
use crate::analysis::confidence::{
    Alpha, ClassCurve, ConfidenceError, Coverage, GradeCalibration, GradeClasses, OrdinalLink, SetTable, Threshold,
};
use crate::inference::{GradingHead, GradingNetwork, InferenceError};
use crate::spine::{BodySide, GradeScale, GradedFinding, Grading, SetCoverage};

/// One head of a network, ready.
#[derive(Debug)]
struct Head {
    finding: GradedFinding,
    side: Option<BodySide>,
    scale: GradeScale,
    given: Vec<String>,
    output: usize,
    calibration: GradeCalibration,
}

/// All heads of one network.
#[derive(Debug)]
pub(super) struct Heads {
    model: String,
    heads: Vec<Head>,
}

impl Heads {
    /// # Errors
    /// [`InferenceError::Network`] where the manifest's calibration is none.
    pub(super) fn of(network: &GradingNetwork) -> Result<Self, InferenceError> {
        let model = network.model_use().name;
        let bad = |finding: &str, what: &dyn std::fmt::Display| InferenceError::Network {
            name: model.clone(),
            message: format!("head {finding} of the manifest: {what}; install the model set again"),
        };
        let ready = |entry: &GradingHead| {
            let known = (GradedFinding::from_name(&entry.finding), GradeScale::from_name(&entry.scale));
            let (Some(finding), Some(scale)) = known else {
                return Err(bad(&entry.finding, &"its finding or its scale is not known"));
            };
            Ok(Head {
                finding,
                side: entry.side.as_deref().and_then(BodySide::from_name),
                scale,
                given: entry.given.clone(),
                output: entry.output,
                calibration: calibration(entry).map_err(|e| bad(&entry.finding, &e))?,
            })
        };
        Ok(Self { heads: network.heads().iter().map(ready).collect::<Result<_, _>>()?, model: model.clone() })
    }

    /// What the heads make of `logits` where `views` are there: each finding by the head that asks for the most of them. A finding
    /// none of whose heads has the views it needs, or whose logits are no numbers, is not graded.
    pub(super) fn gradings(&self, logits: &[f32], given: &Given, alpha: Alpha) -> Vec<Grading> {
        let has_views = |head: &&Head| head.given.iter().all(|needed| given.views.contains(&needed.as_str()));
        let mut chosen: Vec<&Head> = Vec::new();
        for head in self.heads.iter().filter(has_views) {
            match chosen.iter_mut().find(|c| (c.finding, c.side) == (head.finding, head.side)) {
                Some(known) if known.given.len() < head.given.len() => *known = head,
                Some(_) => {}
                None => chosen.push(head),
            }
        }
        chosen.into_iter().filter_map(|head| self.grading(head, logits, given, alpha)).collect()
    }

    fn grading(&self, head: &Head, logits: &[f32], given: &Given, alpha: Alpha) -> Option<Grading> {
        let count = head.scale.grades().len() - 1;
        let own: Vec<f64> = logits.get(head.output..head.output + count)?.iter().map(|v| f64::from(*v)).collect();
        let is_strange = given.strange.iter().any(|v| head.given.is_empty() || head.given.iter().any(|g| g == v));
        let widest = Alpha::of_percent(0);
        let read = head.calibration.read(&own, if is_strange { widest } else { alpha }).ok()?;
        Some(Grading {
            finding: head.finding,
            side: head.side,
            scale: head.scale,
            grade: read.grade,
            probabilities: read.probabilities.of_grade().to_vec(),
            set: [*read.set.grades.start(), *read.set.grades.end()],
            coverage: match read.set.coverage {
                _ if is_strange => SetCoverage::Strange,
                Coverage::Calibrated => SetCoverage::Calibrated,
                Coverage::Thin { .. } => SetCoverage::Thin,
            },
            inputs: given.inputs.clone(),
            model: self.model.clone(),
        })
    }
}

fn calibration(entry: &GradingHead) -> Result<GradeCalibration, ConfidenceError> {
    let thresholds = entry.slopes.iter().zip(&entry.offsets).zip(&entry.cuts).map(|((slope, offset), cut)| Threshold {
        slope: *slope,
        offset: *offset,
        cut: *cut,
    });
    let link = OrdinalLink::new(GradeClasses::new(entry.classes.clone())?, thresholds.collect())?;
    let curves = entry.calibration.iter().map(|class| ClassCurve {
        levels: class.levels,
        subjects: class.subjects,
        least_probability: class.least_probability.clone(),
    });
    GradeCalibration::new(link, SetTable::new(entry.alphas.clone(), curves.collect())?)
}
