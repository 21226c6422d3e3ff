//! Structured reports: a tree of content items as a Comprehensive 3D SR (DICOM PS3.3 A.35.13).
//!
//! Only the value types that a measurement report needs are there (PS3.3 C.17.3.2).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::code::Code;
use super::derived::{DerivedObject, Referenced, by_series};
use super::put::{decimal, encode_object, item, put_sequence};

/// How a content item belongs to the one above it (PS3.3 C.17.3.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The parent contains it.
    Contains,
    /// It says who observed, with what, whom.
    HasObservationContext,
    /// It says how what is listed was acquired.
    HasAcquisitionContext,
    /// It narrows the parent's concept.
    HasConceptModifier,
    /// It describes the parent.
    HasProperties,
}

impl Relation {
    const fn name(self) -> &'static str {
        match self {
            Self::Contains => "CONTAINS",
            Self::HasObservationContext => "HAS OBS CONTEXT",
            Self::HasAcquisitionContext => "HAS ACQ CONTEXT",
            Self::HasConceptModifier => "HAS CONCEPT MOD",
            Self::HasProperties => "HAS PROPERTIES",
        }
    }
}

/// What a content item holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Others; with the template of DICOM's that it follows (PS3.16), where that has to be said.
    Container(Option<&'static str>),
    /// A concept.
    Code(Code),
    /// Words.
    Text(String),
    /// A number with its unit.
    Number(f64, Code),
    /// A UID.
    Uid(String),
    /// An image, or one frame of it.
    Image(Referenced),
}

/// One content item, and what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentItem {
    /// How it belongs to the one above.
    pub relation: Relation,
    /// What it is about; an image may do without.
    pub concept: Option<Code>,
    /// What it holds.
    pub value: Value,
    /// What belongs to it.
    pub children: Vec<Self>,
}

impl ContentItem {
    /// An item without children.
    #[must_use]
    pub fn new(relation: Relation, concept: Code, value: Value) -> Self {
        Self { relation, concept: Some(concept), value, children: Vec::new() }
    }

    /// The same with `children`.
    #[must_use]
    pub fn with(mut self, children: Vec<Self>) -> Self {
        self.children = children;
        self
    }

    fn to_item(&self) -> InMemDicomObject {
        item(|item| {
            item.put_str(tags::RELATIONSHIP_TYPE, VR::CS, self.relation.name());
            put_content(item, self.concept.as_ref(), &self.value, &self.children);
        })
    }
}

/// Concept, value and children (PS3.3 C.17.3).
fn put_content(object: &mut InMemDicomObject, concept: Option<&Code>, value: &Value, children: &[ContentItem]) {
    if let Some(concept) = concept {
        concept.put(object, tags::CONCEPT_NAME_CODE_SEQUENCE);
    }
    let value_type = match value {
        Value::Container(template) => {
            object.put_str(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
            if let Some(identifier) = template {
                let template = item(|item| {
                    item.put_str(tags::MAPPING_RESOURCE, VR::CS, "DCMR");
                    item.put_str(tags::TEMPLATE_IDENTIFIER, VR::CS, *identifier);
                });
                put_sequence(object, tags::CONTENT_TEMPLATE_SEQUENCE, vec![template]);
            }
            "CONTAINER"
        }
        Value::Code(code) => {
            code.put(object, tags::CONCEPT_CODE_SEQUENCE);
            "CODE"
        }
        Value::Text(text) => {
            object.put_str(tags::TEXT_VALUE, VR::UT, &**text);
            "TEXT"
        }
        Value::Number(number, unit) => {
            let measured = item(|item| {
                item.put_str(tags::NUMERIC_VALUE, VR::DS, decimal(*number));
                unit.put(item, tags::MEASUREMENT_UNITS_CODE_SEQUENCE);
            });
            put_sequence(object, tags::MEASURED_VALUE_SEQUENCE, vec![measured]);
            "NUM"
        }
        Value::Uid(uid) => {
            object.put_str(tags::UID, VR::UI, &**uid);
            "UIDREF"
        }
        Value::Image(image) => {
            put_sequence(object, tags::REFERENCED_SOP_SEQUENCE, vec![image.to_item()]);
            "IMAGE"
        }
    };
    object.put_str(tags::VALUE_TYPE, VR::CS, value_type);
    if !children.is_empty() {
        put_sequence(object, tags::CONTENT_SEQUENCE, children.iter().map(ContentItem::to_item).collect());
    }
}

/// A report to be written: its title, the template that it follows, what stands in it.
#[derive(Debug, Clone, PartialEq)]
pub struct StructuredReport<'a> {
    /// Patient, study, series, device.
    pub object: DerivedObject<'a>,
    /// The title of the document.
    pub title: Code,
    /// Its template (PS3.16), such as `1500`.
    pub template: &'static str,
    /// What it contains.
    pub content: Vec<ContentItem>,
    /// All images that it rests on, those of its content among them.
    pub evidence: Vec<Referenced>,
}

/// The report as a file.
///
/// # Errors
/// What the encoder says.
pub fn encode(report: &StructuredReport<'_>) -> Result<Vec<u8>, String> {
    let mut object = InMemDicomObject::new_empty();
    report.object.put_common(&mut object, uids::COMPREHENSIVE3_DSR_STORAGE, "SR");
    put_sequence(&mut object, tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new());
    put_sequence(&mut object, tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, Vec::new());
    object.put_str(tags::COMPLETION_FLAG, VR::CS, "COMPLETE");
    object.put_str(tags::VERIFICATION_FLAG, VR::CS, "UNVERIFIED");
    let evidence = item(|item| {
        item.put_str(tags::STUDY_INSTANCE_UID, VR::UI, &*report.object.identity.study_instance_uid);
        let series = by_series(&report.evidence, tags::REFERENCED_SOP_SEQUENCE);
        put_sequence(item, tags::REFERENCED_SERIES_SEQUENCE, series);
    });
    if !report.evidence.is_empty() {
        put_sequence(&mut object, tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![evidence]);
    }
    put_content(&mut object, Some(&report.title), &Value::Container(Some(report.template)), &report.content);
    encode_object(uids::COMPREHENSIVE3_DSR_STORAGE, &report.object.sop_instance_uid, object, report.object.packing)
}
