//! The text of a report that is a DICOM object: a structured report (PS3.3 A.35) or an encapsulated text (PS3.3 A.45).

use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::error::{DicomError, Reason};
use super::header::parse;
use super::object::Object;
use super::walk::Element;

/// Depth to which the content of a structured report is followed.
const CONTENT_DEPTH_MAX: usize = 10;

/// A report's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportText {
    /// SOPInstanceUID (0008,0018).
    pub sop_instance_uid: String,
    /// What it says; a concept's name stands as a heading before its text.
    pub text: String,
}

/// Reads the text of the report at `path`.
///
/// # Errors
/// Where the file can't be read, is no DICOM object, or holds no text: an encapsulated PDF is none.
pub fn read_report(path: &Path) -> Result<ReportText, DicomError> {
    read(path).map_err(|reason| reason.at(path))
}

fn read(path: &Path) -> Result<ReportText, Reason> {
    let object = Object::open_keeping(path, is_of_a_report)?;
    let data = parse(&object)?;
    let sop_instance_uid = text(&data, tags::SOP_INSTANCE_UID).unwrap_or_default();
    let text = match data.element(tags::ENCAPSULATED_DOCUMENT) {
        Ok(document) => {
            let kind = text(&data, tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT).unwrap_or_default();
            if !kind.starts_with("text/") {
                return Err(Reason::NoReport("its document is not text; export it as text or as a structured report"));
            }
            let bytes = document.to_bytes().map_err(|_| Reason::Parse)?;
            let bytes = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
            match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => bytes.iter().copied().map(char::from).collect(),
            }
        }
        Err(_) => {
            let mut said = String::new();
            content(&data, 0, &mut said);
            said
        }
    };
    if text.trim().is_empty() {
        Err(Reason::NoReport("it has no text item"))
    } else {
        Ok(ReportText { sop_instance_uid, text })
    }
}

fn is_of_a_report(element: Element) -> bool {
    const KEPT: [Tag; 6] = [
        tags::SPECIFIC_CHARACTER_SET,
        tags::SOP_CLASS_UID,
        tags::SOP_INSTANCE_UID,
        tags::CONTENT_SEQUENCE,
        tags::ENCAPSULATED_DOCUMENT,
        tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT,
    ];
    KEPT.contains(&element.tag)
}

fn text(data: &InMemDicomObject, tag: Tag) -> Option<String> {
    let value = data.element(tag).ok()?.to_str().ok()?;
    Some(value.trim_matches(['\0', ' ']).to_owned())
}

/// Adds what the content items say, depth first.
fn content(data: &InMemDicomObject, depth: usize, said: &mut String) {
    let Ok(items) = data.element(tags::CONTENT_SEQUENCE) else { return };
    if depth >= CONTENT_DEPTH_MAX {
        return;
    }
    for item in items.items().into_iter().flatten() {
        let name = item
            .element(tags::CONCEPT_NAME_CODE_SEQUENCE)
            .ok()
            .and_then(|names| names.items())
            .and_then(|names| names.first())
            .and_then(|name| text(name, tags::CODE_MEANING));
        match (text(item, tags::VALUE_TYPE).as_deref(), name) {
            (Some("TEXT"), name) => {
                if let Some(name) = name {
                    *said += &format!("{name}:\n");
                }
                *said += &text(item, tags::TEXT_VALUE).unwrap_or_default();
                said.push('\n');
            }
            (Some("CONTAINER"), Some(name)) => *said += &format!("{name}:\n"),
            _ => {}
        }
        content(item, depth + 1, said);
    }
}
