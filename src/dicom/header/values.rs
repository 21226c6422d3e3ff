//! Values out of a parsed data set: what is there and makes sense, or nothing.

use dicom_core::Tag;
use dicom_object::InMemDicomObject;

use crate::dicom::limits::{TEXT_CHARS_MAX, TEXT_VALUES_MAX};
use crate::spine::Vec3;

/// A text without padding, cut to [`TEXT_CHARS_MAX`]; `None` where absent or empty.
pub(super) fn text(data: &InMemDicomObject, tag: Tag) -> Option<String> {
    let value = data.get(tag)?.to_str().ok()?;
    let trimmed: String = value.trim_matches(['\0', ' ']).chars().take(TEXT_CHARS_MAX).collect();
    (!trimmed.is_empty()).then_some(trimmed)
}

/// The values of a multi-valued code string, upper case; empty where absent.
pub(super) fn text_list(data: &InMemDicomObject, tag: Tag) -> Vec<String> {
    let Some(values) = data.get(tag).and_then(|element| element.to_multi_str().ok()) else {
        return Vec::new();
    };
    values
        .iter()
        .take(TEXT_VALUES_MAX)
        .map(|value| value.trim_matches(['\0', ' ']).chars().take(TEXT_CHARS_MAX).collect::<String>().to_uppercase())
        .collect()
}

/// The first number, where it is finite.
pub(super) fn number(data: &InMemDicomObject, tag: Tag) -> Option<f64> {
    numbers(data, tag)?.first().copied()
}

/// All numbers, where all are finite.
pub(super) fn numbers(data: &InMemDicomObject, tag: Tag) -> Option<Vec<f64>> {
    let values = data.get(tag)?.to_multi_float64().ok()?;
    (!values.is_empty() && values.iter().all(|value| value.is_finite())).then_some(values)
}

/// The first whole number.
pub(super) fn whole(data: &InMemDicomObject, tag: Tag) -> Option<i32> {
    data.get(tag)?.to_int::<i32>().ok()
}

/// Three numbers.
pub(super) fn vector(data: &InMemDicomObject, tag: Tag) -> Option<Vec3> {
    numbers(data, tag)?.try_into().ok()
}

/// The first item of a sequence.
pub(super) fn first_item(data: &InMemDicomObject, tag: Tag) -> Option<&InMemDicomObject> {
    data.get(tag)?.items()?.first()
}
