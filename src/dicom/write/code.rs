//! Coded concepts.

use std::borrow::Cow;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::put::{item, put_sequence};

/// A coded concept (DICOM PS3.3 8.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Code Value, at most 16 characters.
    pub value: Cow<'static, str>,
    /// Coding Scheme Designator, such as `SCT`, `DCM` or `UCUM`.
    pub scheme: &'static str,
    /// Code Meaning, at most 64 characters.
    pub meaning: Cow<'static, str>,
}

impl Code {
    /// A concept of the scheme `scheme`.
    #[must_use]
    pub const fn new(value: &'static str, scheme: &'static str, meaning: &'static str) -> Self {
        Self { value: Cow::Borrowed(value), scheme, meaning: Cow::Borrowed(meaning) }
    }

    /// A concept of DICOM's own (PS3.16 annex D).
    #[must_use]
    pub const fn dicom(value: &'static str, meaning: &'static str) -> Self {
        Self::new(value, "DCM", meaning)
    }

    /// A SNOMED CT concept.
    #[must_use]
    pub const fn snomed(value: &'static str, meaning: &'static str) -> Self {
        Self::new(value, "SCT", meaning)
    }

    /// A UCUM unit.
    #[must_use]
    pub const fn unit(value: &'static str, meaning: &'static str) -> Self {
        Self::new(value, "UCUM", meaning)
    }

    fn to_item(&self) -> InMemDicomObject {
        item(|item| {
            item.put_str(tags::CODE_VALUE, VR::SH, &*self.value);
            item.put_str(tags::CODING_SCHEME_DESIGNATOR, VR::SH, self.scheme);
            item.put_str(tags::CODE_MEANING, VR::LO, &*self.meaning);
        })
    }

    /// Puts it as the only item of a sequence.
    pub(super) fn put(&self, object: &mut InMemDicomObject, tag: Tag) {
        put_sequence(object, tag, vec![self.to_item()]);
    }
}
