//! One reading against what is known of its study.

use super::field::Field;
use super::figures::{Kind, Sample};
use super::grades::Answers;
use super::masks::Masks;
use super::names::{TrueNames, TrueVertebra};
use super::outlines::Outlined;
use super::truth::{TruthSet, TruthStudy};
use super::view::{Named, Read, named_vertebrae};
use super::{claims, discs, measures, names, outlines, overlap, phantoms};
use crate::export::Bundle;
use crate::phantom::StudyTruth;

const READ: &str = "read (studies)";

/// What one study gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    /// Values for the figures.
    pub samples: Vec<Sample>,
    /// What is wrong with the reading, or with the truth.
    pub failures: Vec<String>,
}

/// Holds the reading of `study` (or the reason why there is none) against what `set` knows of it. A truth that does not fit
/// the reading is a failure of the study; so is a spine that was not read.
#[must_use]
pub fn judge(set: &TruthSet, study: &TruthStudy, reading: Result<&Bundle, &str>) -> Judged {
    let read = Read::of(reading);
    let mut judged = Judged::default();
    if study.not_lumbar {
        judged.samples = not_lumbar(&read, &mut judged.failures);
        return judged;
    }
    match read {
        Read::Spine(_) => {}
        Read::Refused(code) => judged.failures.push(format!("refused: {code}")),
        Read::Failed(text) => judged.failures.push(text.to_owned()),
    }
    judged.samples.push(Sample::yes_no(READ, Kind::Share, read.spine().is_some()));
    // The truth of a study that was not read is as good as that of one that was, but can't be laid on voxels.
    let field = read.spine().map(|bundle| Field::of(bundle).map_err(|e| e.to_string())).transpose();
    match field.map(Option::flatten) {
        Ok(field) => judged.against(set, study, &read, field.as_ref()),
        Err(text) => judged.failures.push(text),
    }
    judged
}

/// What a finished report says of having been read: its voxels are gone, so names, discs and masks can't be judged.
#[must_use]
pub fn judge_report(answers: Result<&Answers, &str>) -> Judged {
    let failure = match answers {
        Ok(answers) => answers.refusal().map(|code| format!("refused: {code}")),
        Err(text) => Some(text.to_owned()),
    };
    let samples = vec![Sample::yes_no(READ, Kind::Share, failure.is_none())];
    Judged { samples, failures: failure.into_iter().collect() }
}

impl Judged {
    fn against(&mut self, set: &TruthSet, study: &TruthStudy, read: &Read<'_>, field: Option<&Field>) {
        if !study.masks.is_empty() {
            let samples = match (read.spine(), field) {
                (Some(bundle), Some(field)) => masks(set, study, bundle, field, &mut self.failures),
                _ => no_masks(set, study),
            };
            self.samples.extend(samples);
        }
        let phantom = study.truth.as_ref().map(|path| phantoms::load(&set.resolve(path)));
        let phantom = phantom.transpose().unwrap_or_else(|text| {
            self.failures.push(text);
            None
        });
        let count = study.lumbar_count.map(usize::from).or_else(|| phantom.as_ref().map(phantoms::lumbar_count));
        if let Some(truth) = self.true_names(study, phantom.as_ref(), field) {
            let unusual = count.is_some_and(|count| count != phantoms::USUAL_LUMBAR);
            self.samples.extend(names::judge(read, &truth, unusual, &mut self.failures));
        }
        if let Some(in_view) = study.discs_in_view {
            self.samples.extend(discs::number_in_view(read, in_view, &mut self.failures));
        }
        if let Some(count) = count {
            let transitional = phantom.as_ref().is_some_and(|p| p.anatomy.transitional);
            self.samples.push(phantoms::anomaly(read, count, transitional));
        }
        if let (Some(bundle), Some(truth)) = (read.spine(), &phantom) {
            self.samples.extend(phantoms::measurements(&bundle.report, truth));
        }
    }

    /// The truth of names, from outlines, centres or the phantom; of the outlines also their Dice.
    fn true_names(
        &mut self,
        study: &TruthStudy,
        phantom: Option<&StudyTruth>,
        field: Option<&Field>,
    ) -> Option<TrueNames> {
        let mut truth = match (&study.outlines, field) {
            (Some(outlines), Some(field)) => match Outlined::on(field, outlines) {
                Ok(outlined) => {
                    self.samples.push(outlined.dice(field));
                    Some(outlined.names(field))
                }
                Err(text) => {
                    self.failures.push(text);
                    None
                }
            },
            (Some(outlines), None) => {
                self.samples.push(outlines::none_found());
                Some(unplaced(outlines.vertebrae.keys()))
            }
            (None, _) if !study.vertebrae.is_empty() => Some(TrueNames {
                vertebrae: study.vertebrae.iter().map(|(name, centre)| in_view(name, *centre)).collect(),
                slice: None,
                s1_in_view: None,
            }),
            (None, _) => phantom.map(phantoms::names),
        }?;
        let has_s1 = truth.vertebrae.iter().any(|v| v.name == "S1" && v.in_view);
        truth.s1_in_view = study.s1_in_view.or(truth.s1_in_view).or(Some(has_s1));
        Some(truth)
    }
}

/// Vertebrae of a study that was not read: they are named nowhere, so it does not matter where they are.
fn unplaced<'a>(names: impl Iterator<Item = &'a String>) -> TrueNames {
    TrueNames { vertebrae: names.map(|name| in_view(name, [0.0; 3])).collect(), slice: None, s1_in_view: None }
}

fn in_view(name: &str, centre_lps_mm: [f64; 3]) -> TrueVertebra {
    TrueVertebra { name: name.to_owned(), centre_lps_mm, outline: None, in_view: true }
}

fn masks(
    set: &TruthSet,
    study: &TruthStudy,
    bundle: &Bundle,
    field: &Field,
    failures: &mut Vec<String>,
) -> Vec<Sample> {
    let masks = match Masks::open(set, study, field) {
        Ok(masks) => masks,
        Err(text) => {
            failures.push(text);
            return Vec::new();
        }
    };
    let centres = discs::centres_lps_mm(&masks);
    let mut samples = overlap::dice_of_masks(&masks, &set.structures);
    samples.extend(discs::found(&bundle.report, &centres, masks.volume.normal_lps(), failures));
    samples.extend(claims::claimed(&bundle.report, &masks, &centres, failures));
    samples.extend(measures::against_masks(&bundle.report, &masks, failures));
    samples
}

fn no_masks(set: &TruthSet, study: &TruthStudy) -> Vec<Sample> {
    let mut samples = overlap::none_found(&set.structures);
    samples.extend(discs::none_found(study.discs_in_view));
    samples
}

/// What is no lumbar spine must get no sure name.
fn not_lumbar(read: &Read<'_>, failures: &mut Vec<String>) -> Vec<Sample> {
    let named = read.spine().map_or_else(Vec::new, |bundle| named_vertebrae(&bundle.report));
    let sure: Vec<String> = named.iter().filter(|n| n.is_sure()).map(sure_name).collect();
    if !sure.is_empty() {
        failures.push(format!("no lumbar spine, and yet sure of {}", sure.join(", ")));
    }
    let share = |name: &str, yes| Sample::yes_no(name, Kind::Share, yes);
    let mut samples = vec![
        share("sure names (studies)", !sure.is_empty()),
        share("names, none sure (studies)", !named.is_empty() && sure.is_empty()),
        share("read, no names (studies)", read.spine().is_some() && named.is_empty()),
        share("refused with a code (studies)", matches!(read, Read::Refused(_))),
        share("no study that can be read (studies)", matches!(read, Read::Failed(_))),
    ];
    if let Read::Refused(code) = read {
        samples.push(Sample::total(format!("refused: {code}"), 1));
    }
    samples
}

fn sure_name(named: &Named) -> String {
    format!("{} ({:.2})", named.name, named.confidence)
}
