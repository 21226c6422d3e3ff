//! The structured report: DICOM PS3.16 TID 1500, a measurement group (TID 1501) for each level and each vertebra.
//!
//! What is measured is a NUM with its standard deviation between repeats; what is graded is a CODE, with the side that it
//! is on, the grades that can't be excluded, and the probability of each. The text says what a name rests on, and that
//! nothing here is a diagnosis.

use serde::Serialize;
use std::collections::BTreeMap;

use super::super::bundle::Bundle;
use super::super::report::{CodedText, GradeDocument, LevelDocument, UNKNOWN, VertebraDocument, numbers_by_key};
use super::{all_sources, concepts, sources};
use crate::dicom::uid_from;
use crate::dicom::write::report::{ContentItem, Relation, StructuredReport, Value, encode as encode_report};
use crate::dicom::write::{Code, DerivedObject};
use crate::spine::GradeScale;

const TITLE: Code = Code::dicom("126000", "Imaging Measurement Report");
const TEMPLATE: &str = "1500";
const COMMENT: Code = Code::dicom("121106", "Comment");

/// The report of `bundle` as a file.
pub(super) fn encode(bundle: &Bundle, object: DerivedObject<'_>) -> Result<Vec<u8>, String> {
    let mut content = context(bundle);
    let images = sources(bundle, bundle.segmented.as_ref());
    if !images.is_empty() {
        content.push(library(images));
    }
    let groups = groups(bundle);
    if !groups.is_empty() {
        content.push(container(Code::dicom("126010", "Imaging Measurements"), groups));
    }
    content.push(container(Code::new("C0034375", "UMLS", "Qualitative Evaluations"), remarks(bundle)));
    let report = StructuredReport { object, title: TITLE, template: TEMPLATE, content, evidence: all_sources(bundle) };
    encode_report(&report)
}

fn container(concept: Code, children: Vec<ContentItem>) -> ContentItem {
    ContentItem::new(Relation::Contains, concept, Value::Container(None)).with(children)
}

/// Language, who observed (TID 1002), what was done.
fn context(bundle: &Bundle) -> Vec<ContentItem> {
    let observer = |value: &'static str, meaning: &'static str, what: Value| {
        ContentItem::new(Relation::HasObservationContext, Code::dicom(value, meaning), what)
    };
    let modifier = |value: &'static str, meaning: &'static str, what: Code| {
        ContentItem::new(Relation::HasConceptModifier, Code::dicom(value, meaning), Value::Code(what))
    };
    let english = Code::new("en-US", "RFC5646", "English (United States)");
    let device = uid_from(format!("deepspine {}", bundle.report.analysis_version).as_bytes());
    let text = |text: &str| Value::Text(text.to_owned());
    vec![
        modifier("121049", "Language of Content Item and Descendants", english),
        observer("121005", "Observer Type", Value::Code(Code::dicom("121007", "Device"))),
        observer("121012", "Device Observer UID", Value::Uid(device)),
        observer("121013", "Device Observer Name", text("deepspine")),
        observer("121014", "Device Observer Manufacturer", text("deepspine")),
        observer(
            "121015",
            "Device Observer Model Name",
            text(&format!("deepspine {}", bundle.report.analysis_version)),
        ),
        modifier("121058", "Procedure reported", Code::snomed("113091000", "Magnetic resonance imaging")),
    ]
}

/// The images that were segmented (TID 1600).
fn library(images: Vec<crate::dicom::write::Referenced>) -> ContentItem {
    let modality = ContentItem::new(
        Relation::HasAcquisitionContext,
        Code::dicom("121139", "Modality"),
        Value::Code(Code::dicom("MR", "Magnetic Resonance")),
    );
    let image = |image| ContentItem {
        relation: Relation::Contains,
        concept: None,
        value: Value::Image(image),
        children: Vec::new(),
    };
    let entries = std::iter::once(modality).chain(images.into_iter().map(image)).collect();
    let group = container(Code::dicom("126200", "Image Library Group"), entries);
    container(Code::dicom("111028", "Image Library"), vec![group])
}

fn groups(bundle: &Bundle) -> Vec<ContentItem> {
    let report = &bundle.report;
    let mut groups: Vec<ContentItem> = report.levels.iter().rev().map(|level| level_group(bundle, level)).collect();
    groups.extend(report.vertebrae.iter().rev().map(|vertebra| vertebra_group(bundle, vertebra)));
    if let Some(lumbar) = &report.lumbar {
        let measurements = numbers(lumbar, &lumbar.measurement_sd);
        if !measurements.is_empty() {
            let about = About {
                tracked: "lumbar spine".to_owned(),
                finding: concepts::ours("LUMBAR-SPINE", "The lumbar spine as a whole"),
                site: concepts::LUMBAR_SPINE,
            };
            groups.push(group(bundle, &about, measurements));
        }
    }
    groups
}

/// What a group is about.
struct About {
    /// What it is called in this reading, once.
    tracked: String,
    finding: Code,
    site: Code,
}

/// A measurement group (TID 1501) with what says whose it is.
fn group(bundle: &Bundle, about: &About, content: Vec<ContentItem>) -> ContentItem {
    let uid = uid_from(format!("{} {}", bundle.report_id(), about.tracked).as_bytes());
    let text = |value: &'static str, meaning: &'static str, text: String| {
        ContentItem::new(Relation::HasConceptModifier, Code::dicom(value, meaning), Value::Text(text))
    };
    let mut children = vec![
        ContentItem::new(
            Relation::HasObservationContext,
            Code::dicom("112039", "Tracking Identifier"),
            Value::Text(about.tracked.clone()),
        ),
        ContentItem::new(
            Relation::HasObservationContext,
            Code::dicom("112040", "Tracking Unique Identifier"),
            Value::Uid(uid),
        ),
        ContentItem::new(Relation::Contains, Code::dicom("121071", "Finding"), Value::Code(about.finding.clone())),
        ContentItem::new(
            Relation::HasConceptModifier,
            Code::snomed("363698007", "Finding Site"),
            Value::Code(about.site.clone()),
        ),
        text("111001", "Algorithm Name", "deepspine".to_owned()),
        text("111003", "Algorithm Version", bundle.report.analysis_version.clone()),
    ];
    let networks: Vec<String> = bundle.report.models.iter().map(|m| format!("{} {}", m.name, m.version)).collect();
    if !networks.is_empty() {
        children.push(text("111002", "Algorithm Parameters", format!("networks: {}", networks.join(", "))));
    }
    children.extend(content);
    container(Code::dicom("125007", "Measurement Group"), children)
}

fn level_group(bundle: &Bundle, level: &LevelDocument) -> ContentItem {
    let about = About {
        tracked: tracked(&level.name, "level", level.ordinal_from_below),
        finding: concepts::ours("DISC-LEVEL", "Disc level"),
        site: site(level.snomed_code.as_deref(), &level.name, "disc", concepts::DISC),
    };
    let mut content = numbers(&level.measurements, &level.measurement_sd);
    content.extend(level.canal.iter().flat_map(|canal| numbers(canal, &BTreeMap::new())));
    if let Some(meyerding) = &level.measurements.meyerding {
        let concept = concepts::ours("MEYERDING", "Grade of the measured slip after Meyerding");
        content.push(ContentItem::new(Relation::Contains, concept, Value::Code(concepts::grade(meyerding))));
    }
    content.extend(level.grades.iter().map(grade));
    content.extend(comments(&level.evidence));
    content.extend(comments(&level.ungraded));
    group(bundle, &about, content)
}

fn vertebra_group(bundle: &Bundle, vertebra: &VertebraDocument) -> ContentItem {
    let about = About {
        tracked: tracked(&vertebra.name, "vertebra", vertebra.ordinal_from_below),
        finding: concepts::ours("VERTEBRA", "Vertebra"),
        site: match vertebra.name.as_str() {
            "S1" => concepts::SACRUM,
            name => site(vertebra.snomed_code.as_deref(), name, "vertebra", concepts::VERTEBRA),
        },
    };
    let mut content = numbers(&vertebra.measurements, &vertebra.measurement_sd);
    content.extend(comments(&vertebra.evidence));
    group(bundle, &about, content)
}

fn tracked(name: &str, what: &str, ordinal_from_below: usize) -> String {
    if name == UNKNOWN { format!("{what} without a name, {ordinal_from_below} from below") } else { name.to_owned() }
}

fn site(code: Option<&str>, name: &str, what: &str, else_one_of: Code) -> Code {
    code.map_or(else_one_of, |code| concepts::snomed(code, format!("{name} {what}")))
}

/// What was measured, by the report's own keys.
fn numbers(measurements: &impl Serialize, sd: &BTreeMap<String, f64>) -> Vec<ContentItem> {
    let taken = numbers_by_key(measurements).filter_map(|(key, value)| {
        let (value, (concept, unit)) = (value?, concepts::quantity(&key)?);
        let repeated = sd.get(&key).map(|sd| {
            let concept = Code::snomed("386136009", "Standard Deviation");
            ContentItem::new(Relation::HasProperties, concept, Value::Number(*sd, unit.clone()))
        });
        let measured = ContentItem::new(Relation::Contains, concept, Value::Number(value, unit));
        Some(measured.with(repeated.into_iter().collect()))
    });
    taken.collect()
}

/// A grade with its side, its prediction set and its probabilities.
fn grade(grade: &GradeDocument) -> ContentItem {
    let mut about = Vec::new();
    let side = match grade.side.as_deref() {
        Some("left") => Some(Code::snomed("7771000", "Left")),
        Some("right") => Some(Code::snomed("24028007", "Right")),
        _ => None,
    };
    if let Some(side) = side {
        let concept = Code::snomed("272741003", "Laterality");
        about.push(ContentItem::new(Relation::HasConceptModifier, concept, Value::Code(side)));
    }
    let property = |concept: Code, value: Value| ContentItem::new(Relation::HasProperties, concept, value);
    let possible = concepts::ours("PREDICTION-SET", "Grade that can not be excluded");
    about.extend(grade.set.iter().map(|name| property(possible.clone(), Value::Code(concepts::grade(name)))));
    let grades = GradeScale::from_name(&grade.scale).map_or(&[] as &[&str], GradeScale::grades);
    about.extend(grades.iter().zip(&grade.probabilities).enumerate().map(|(place, (name, probability))| {
        property(concepts::probability_of(name, place), Value::Number(*probability, concepts::NO_UNITS))
    }));
    for (holds, said) in [
        (grade.set_thin, "Some grade was too rare in the calibration for the set to promise anything of it"),
        (grade.set_strange, "The picture is unlike most of training: the set promises nothing"),
    ] {
        if holds {
            about.push(property(COMMENT, Value::Text(said.to_owned())));
        }
    }
    ContentItem::new(Relation::Contains, concepts::finding(&grade.finding), Value::Code(concepts::grade(&grade.grade)))
        .with(about)
}

fn comments(texts: &[CodedText]) -> Vec<ContentItem> {
    // Where the report had to be shortened, the code is what is left.
    texts.iter().map(|t| comment(if t.text.is_empty() { &t.code } else { &t.text })).collect()
}

fn comment(text: &str) -> ContentItem {
    ContentItem::new(Relation::Contains, COMMENT, Value::Text(text.to_owned()))
}

/// What a reader must know: that it is no diagnosis, why there is no reading, what the data are like, terms of the networks.
fn remarks(bundle: &Bundle) -> Vec<ContentItem> {
    let report = &bundle.report;
    let mut remarks = vec![comment(&report.notice)];
    remarks.extend(report.refusal.iter().map(|refusal| comment(&format!("Not read: {}", refusal.text))));
    remarks.extend(report.findings().iter().map(|f| comment(&format!("{}: {}", f.severity, f.sentence()))));
    remarks.extend(report.models.iter().map(|m| {
        comment(&format!("Network {} {}, SHA-256 {}. Terms of its data: {}", m.name, m.version, m.sha256, m.terms))
    }));
    remarks
}
