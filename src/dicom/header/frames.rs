//! Where the frames of an object lie in the patient (DICOM PS3.3 C.7.6.2 and, of enhanced objects,
//! C.7.6.16.2.1, .3 and .4).

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use serde::{Deserialize, Serialize};

use super::values::{first_item, number, numbers, text, text_list, vector};
use crate::spine::{Vec3, dot, length, normalised};

/// Largest deviation of a direction's length from one, and of two directions from a right angle
/// (as a cosine), that is taken for rounding.
const DIRECTION_TOLERANCE: f64 = 0.01;
/// Largest believable distance between pixels, mm.
const PIXEL_SPACING_MM_MAX: f64 = 20.0;
/// Farthest believable position from the scanner's origin, mm.
const POSITION_MM_MAX: f64 = 1.0e5;

/// Position, orientation and pixel spacing of a frame in LPS patient space.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FrameGeometry {
    /// Centre of the first pixel, mm.
    pub origin_lps_mm: Vec3,
    /// Unit direction in which the column index grows.
    pub row_direction_lps: Vec3,
    /// Unit direction in which the row index grows.
    pub column_direction_lps: Vec3,
    /// Distance between rows and between columns, mm; absent where the header has none.
    pub pixel_spacing_mm: Option<[f64; 2]>,
}

/// What differs from frame to frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameHeader {
    /// Where it lies; absent where the header doesn't say so in a way that can be believed.
    pub geometry: Option<FrameGeometry>,
    /// Rescale Slope; 1 where absent.
    pub slope: f32,
    /// Rescale Intercept; 0 where absent.
    pub intercept: f32,
    /// Echo time, ms, where it is given by frame.
    pub echo_time_ms: Option<f64>,
    /// Frame Type, upper case, where it is given by frame.
    pub frame_type: Vec<String>,
}

/// The headers of `count` frames.
pub(super) fn read(data: &InMemDicomObject, count: usize) -> Vec<FrameHeader> {
    let shared = first_item(data, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    let per_frame = data.get(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).and_then(|element| element.items());
    (0..count)
        .map(|index| {
            let own = per_frame.and_then(|frames| frames.get(index));
            // a classic multi-frame object has one position, which is its first frame's
            let plain = (index == 0 || per_frame.is_some()).then_some(data);
            frame(&Places { own, shared, plain })
        })
        .collect()
}

/// Where an attribute of a frame may stand, in the order of precedence.
struct Places<'a> {
    own: Option<&'a InMemDicomObject>,
    shared: Option<&'a InMemDicomObject>,
    plain: Option<&'a InMemDicomObject>,
}

impl<'a> Places<'a> {
    fn find<T>(&self, group: Tag, read: impl Fn(&'a InMemDicomObject) -> Option<T>) -> Option<T> {
        let in_group = |groups: Option<&'a InMemDicomObject>| groups.and_then(|g| first_item(g, group)).and_then(&read);
        in_group(self.own).or_else(|| in_group(self.shared)).or_else(|| self.plain.and_then(&read))
    }
}

fn frame(places: &Places<'_>) -> FrameHeader {
    let transformation = tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE;
    let slope = places.find(transformation, |item| number(item, tags::RESCALE_SLOPE));
    let intercept = places.find(transformation, |item| number(item, tags::RESCALE_INTERCEPT));
    FrameHeader {
        geometry: geometry(places),
        slope: slope.map(|s| s as f32).filter(|s| s.is_normal()).unwrap_or(1.0),
        intercept: intercept.map(|i| i as f32).filter(|i| i.is_finite()).unwrap_or(0.0),
        echo_time_ms: places.find(tags::MR_ECHO_SEQUENCE, |item| number(item, tags::EFFECTIVE_ECHO_TIME)),
        frame_type: places
            .find(tags::MR_IMAGE_FRAME_TYPE_SEQUENCE, |item| {
                text(item, tags::FRAME_TYPE).map(|_| text_list(item, tags::FRAME_TYPE))
            })
            .unwrap_or_default(),
    }
}

fn geometry(places: &Places<'_>) -> Option<FrameGeometry> {
    let origin_lps_mm =
        places.find(tags::PLANE_POSITION_SEQUENCE, |item| vector(item, tags::IMAGE_POSITION_PATIENT))?;
    let orientation: [f64; 6] = places
        .find(tags::PLANE_ORIENTATION_SEQUENCE, |item| numbers(item, tags::IMAGE_ORIENTATION_PATIENT))?
        .try_into()
        .ok()?;
    let [rx, ry, rz, cx, cy, cz] = orientation;
    let (row_direction_lps, column_direction_lps) = directions([rx, ry, rz], [cx, cy, cz])?;
    let pixel_spacing_mm = places
        .find(tags::PIXEL_MEASURES_SEQUENCE, |item| numbers(item, tags::PIXEL_SPACING))
        .and_then(|spacing| <[f64; 2]>::try_from(spacing).ok())
        .filter(|spacing| spacing.iter().all(|mm| *mm > 0.0 && *mm <= PIXEL_SPACING_MM_MAX));
    origin_lps_mm.iter().all(|mm| mm.abs() <= POSITION_MM_MAX).then_some(FrameGeometry {
        origin_lps_mm,
        row_direction_lps,
        column_direction_lps,
        pixel_spacing_mm,
    })
}

/// Two unit directions at a right angle, or nothing where they are not that but for rounding.
fn directions(row: Vec3, column: Vec3) -> Option<(Vec3, Vec3)> {
    let is_unit = |v| (length(v) - 1.0).abs() <= DIRECTION_TOLERANCE;
    let (row_unit, column_unit) = (normalised(row)?, normalised(column)?);
    (is_unit(row) && is_unit(column) && dot(row_unit, column_unit).abs() <= DIRECTION_TOLERANCE)
        .then_some((row_unit, column_unit))
}

#[cfg(test)]
mod tests {
    use super::directions;

    #[test]
    fn directions_that_are_no_directions_are_not_believed() {
        assert!(directions([0.0, 1.0, 0.0], [0.0, 0.0, -1.0]).is_some());
        assert!(directions([0.0, 0.0, 0.0], [0.0, 0.0, -1.0]).is_none());
        assert!(directions([0.0, 1.0, 0.0], [0.0, 1.0, 0.0]).is_none());
        assert!(directions([0.0, 2.0, 0.0], [0.0, 0.0, -1.0]).is_none());
    }
}
