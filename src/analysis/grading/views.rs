//! The pictures of a level that networks are shown, each cut as its training pictures were (`models/training/grading/frames.py`).

use super::grid::{Crop, Grid, Pose, SlicePicture};
use crate::analysis::grey::scale_between_percentiles;
use crate::analysis::volume::Volume;
use crate::spine::{BodySide, Disc, DiscPlane, LevelReport, Vec3, Vertebra, add, cross, dot, normalised, scaled, sub};

/// Sagittal, anterior left: the disc, half a body above and below, and the canal behind it. Anchored at the disc's centre.
pub const DISC_GRID: Grid = Grid { rows_columns: [96, 144], pixel_mm: 0.5, offset_mm: [0.0, 8.0] };
/// Axial, the patient's right at the left. Anchored at the middle of the canal.
pub const AXIAL_GRID: Grid = Grid { rows_columns: [64, 96], pixel_mm: 0.52, offset_mm: [0.0, 0.0] };
/// Sagittal beside the midline. Anchored at the middle of the foramen.
pub const FORAMEN_GRID: Grid = Grid { rows_columns: [72, 72], pixel_mm: 1.12, offset_mm: [0.0, 0.0] };
/// The part of a foraminal crop that is shown, first row and column and how many, magnified to so many.
const FORAMEN_SHOWN: [usize; 3] = [8, 56, 96];
/// Rows and columns of a foraminal picture as it is shown.
pub const FORAMEN_SHOWN_SIDE: usize = FORAMEN_SHOWN[2];
/// Side of a pixel of a foraminal picture as it is shown, mm.
pub const FORAMEN_SHOWN_PIXEL_MM: f64 = FORAMEN_GRID.pixel_mm * FORAMEN_SHOWN[1] as f64 / FORAMEN_SHOWN[2] as f64;
/// Grey values between these percentiles, of a whole sagittal slice or of an axial or foraminal crop, are the picture's scale.
const PERCENTILES: [f64; 2] = [0.5, 99.5];
/// The percentiles of an axial or foraminal crop become these: the usual ones of the crops that were trained on, which were cut from
/// pictures of unknown window.
const AXIAL_LEVELS: [f32; 2] = [0.0, 0.70];
const FORAMEN_LEVELS: [f32; 2] = [0.06, 0.66];
/// A crop of which less was imaged is none.
const COVERED_LEAST: f64 = 0.75;
/// From the back of the disc to the middle of the canal, mm, where no canal was segmented: half a canal.
const CANAL_HALF_AP_MM: f64 = 6.5;
/// The middle of the foramen: above the disc's plane and before the middle of the canal, mm.
const FORAMEN_UP_MM: f64 = 6.0;
const FORAMEN_FRONT_MM: f64 = 3.0;
/// A neighbouring axial slice further off than this is no neighbour, mm.
const NEIGHBOUR_MM_MAX: f64 = 8.0;
/// Cosine of the angle between the spine and an axial slice's normal, at least.
const STEEPNESS_LEAST: f64 = 0.5;
/// A sagittal slice this far beside the place that is looked for does not show it, mm.
const BESIDE_MM_MAX: f64 = 5.0;

/// The directions of a level: unit vectors, LPS.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelFrame {
    centre_lps_mm: Vec3,
    head: Vec3,
    anterior: Vec3,
    left: Vec3,
    canal_lps_mm: Vec3,
}

impl LevelFrame {
    /// `None` where the plane's directions are none.
    pub(super) fn of(level: &LevelReport) -> Option<Self> {
        let DiscPlane { centre_lps_mm, normal_lps, anterior_lps, depth_mm } = level.plane;
        let head = normalised(normal_lps)?;
        let anterior = normalised(sub(anterior_lps, scaled(head, dot(anterior_lps, head))))?;
        // Right-handed in LPS: head x anterior is the patient's left.
        let left = normalised(cross(head, anterior))?;
        let behind = add(centre_lps_mm, scaled(anterior, -(depth_mm / 2.0 + CANAL_HALF_AP_MM)));
        let canal_lps_mm = level.canal_centre_lps_mm.unwrap_or(behind);
        Some(Self { centre_lps_mm, head, anterior, left, canal_lps_mm })
    }

    /// The middle of a foramen, so far beside the canal's.
    fn foramen_lps_mm(&self, side: BodySide, lateral_mm: f64) -> Vec3 {
        let sideways = if side == BodySide::Left { lateral_mm } else { -lateral_mm };
        let raised = add(self.canal_lps_mm, scaled(self.head, FORAMEN_UP_MM));
        add(add(raised, scaled(self.anterior, FORAMEN_FRONT_MM)), scaled(self.left, sideways))
    }
}

/// The slice of a sagittal volume that is nearest to a place, where it is near enough.
pub(super) fn slice_through(volume: &Volume, place_lps_mm: Vec3) -> Option<usize> {
    let at = dot(place_lps_mm, volume.normal_lps());
    let spacing_mm = volume.slice_spacing_mm().unwrap_or(BESIDE_MM_MAX);
    let (slice, off_mm) = volume
        .slice_positions_mm()
        .into_iter()
        .enumerate()
        .map(|(k, position)| (k, (position - at).abs()))
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    (off_mm <= spacing_mm.max(BESIDE_MM_MAX)).then_some(slice)
}

/// A mid-sagittal slice, a volume of one, windowed as a whole, for disc crops.
pub(super) fn disc_picture(slice: &Volume) -> Option<SlicePicture> {
    let mut picture = SlicePicture::new(slice, 0, DISC_GRID.pixel_mm)?;
    scale_between_percentiles(picture.values_mut(), PERCENTILES, [0.0, 1.0]);
    Some(picture)
}

/// The disc in its own frame, out of a slice by [`disc_picture`].
pub(super) fn disc_crop(picture: &SlicePicture, frame: &LevelFrame) -> Option<Vec<f32>> {
    let pose = Pose {
        anchor_lps_mm: frame.centre_lps_mm,
        right_lps: scaled(frame.anterior, -1.0),
        down_lps: scaled(frame.head, -1.0),
    };
    covered(picture.crop(&DISC_GRID, &pose)?)
}

/// The canal in an axial slice, between the patient's right at the left and the front at the top. Not yet levelled.
pub(super) fn axial_crop(picture: &SlicePicture, frame: &LevelFrame) -> Option<Vec<f32>> {
    let pose = Pose {
        anchor_lps_mm: canal_on_slice(picture.geometry(), frame)?,
        right_lps: frame.left,
        down_lps: scaled(frame.anterior, -1.0),
    };
    covered(picture.crop(&AXIAL_GRID, &pose)?)
}

/// Where the canal, followed along the spine, meets a slice: laid onto a steep or distant slice along the slice's own normal it would be
/// missed. `None` where the slice runs along the spine.
fn canal_on_slice(slice: &Volume, frame: &LevelFrame) -> Option<Vec3> {
    let (normal, canal_lps_mm) = (slice.normal_lps(), frame.canal_lps_mm);
    let off_mm = dot(sub(slice.slices.first()?.origin_lps_mm, canal_lps_mm), normal);
    let steepness = dot(frame.head, normal);
    (steepness.abs() > STEEPNESS_LEAST).then(|| add(canal_lps_mm, scaled(frame.head, off_mm / steepness)))
}

/// The slices before and after an axial one where they are its neighbours; itself where they are not.
pub(super) fn neighbours(volume: &Volume, slice: usize) -> [usize; 3] {
    let positions = volume.slice_positions_mm();
    let near = |other: Option<usize>| {
        let off_mm = |k: &usize| Some((positions.get(*k)? - positions.get(slice)?).abs());
        other.filter(|k| off_mm(k).is_some_and(|mm| mm <= NEIGHBOUR_MM_MAX)).unwrap_or(slice)
    };
    [near(slice.checked_sub(1)), slice, near(slice.checked_add(1))]
}

/// Levels the three slices of an axial picture together.
pub(super) fn axial_levelled(mut crops: Vec<f32>) -> Vec<f32> {
    scale_between_percentiles(&mut crops, PERCENTILES, AXIAL_LEVELS);
    crops
}

/// Where a foramen of the level of this name is looked for.
pub(super) fn foramen_lps_mm(frame: &LevelFrame, side: BodySide, disc: Option<Disc>) -> Vec3 {
    let lateral_mm = match disc.map(|disc| disc.upper) {
        Some(Vertebra::L5 | Vertebra::L6) => 21.0,
        Some(Vertebra::L4) => 18.0,
        Some(Vertebra::L3) => 16.5,
        Some(Vertebra::L1 | Vertebra::L2) => 15.5,
        _ => 17.0,
    };
    frame.foramen_lps_mm(side, lateral_mm)
}

/// A foramen in a sagittal slice beside the midline, in the patient's own axes, levelled and magnified as it is shown.
pub(super) fn foramen_crop(picture: &SlicePicture, foramen_lps_mm: Vec3) -> Option<Vec<f32>> {
    let pose = Pose { anchor_lps_mm: foramen_lps_mm, right_lps: [0.0, 1.0, 0.0], down_lps: [0.0, 0.0, -1.0] };
    let mut crop = covered(picture.crop(&FORAMEN_GRID, &pose)?)?;
    scale_between_percentiles(&mut crop, PERCENTILES, FORAMEN_LEVELS);
    Some(magnified(&crop))
}

fn covered(crop: Crop) -> Option<Vec<f32>> {
    (crop.covered >= COVERED_LEAST).then_some(crop.values)
}

/// The shown part of a foraminal crop, bilinear, its pixels' edges on the part's edges.
fn magnified(crop: &[f32]) -> Vec<f32> {
    let [first, count, side] = FORAMEN_SHOWN;
    let columns = FORAMEN_GRID.rows_columns[1];
    let from = |i: usize| {
        let at = ((i as f64 + 0.5) * count as f64 / side as f64 - 0.5).clamp(0.0, count as f64 - 1.0);
        let below = (at.floor() as usize).min(count - 1);
        (first + below, first + (below + 1).min(count - 1), (at - at.floor()) as f32)
    };
    let value = |row: usize, column: usize| crop.get(row * columns + column).copied().unwrap_or(0.0);
    let mut out = Vec::with_capacity(side * side);
    for row in 0..side {
        let (r0, r1, fr) = from(row);
        for column in 0..side {
            let (c0, c1, fc) = from(column);
            let above = value(r0, c0) * (1.0 - fc) + value(r0, c1) * fc;
            let below = value(r1, c0) * (1.0 - fc) + value(r1, c1) * fc;
            out.push(above * (1.0 - fr) + below * fr);
        }
    }
    out
}
