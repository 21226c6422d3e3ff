//! Millimetres and degrees of the parts of one spine.
//!
//! Everything is measured in the sagittal plane of the curve (which leaves the middle slice where
//! the spine is scoliotic) and in planes perpendicular to the curve, on outlines interpolated within
//! and between slices. Angles of endplates are those of the line through their corners, in the
//! slices' plane. What can't be taken is missing with its reason; no grade of narrowing is made here.

mod body;
mod canal;
mod disc;
mod fit;
mod probe;
pub(super) mod reference;
mod reference_table;

use super::curve::{Directions, offset};
use super::parts::{DiscPart, SpineParts};
use crate::spine::{
    DiscPlane, LevelMeasurements, LumbarMeasurements, Measurement, Meyerding, Vec3, Vertebra, VertebraMeasurements,
    add, dot, length, normalised, scaled, sub,
};
use body::{BodyShape, Endplate};
use disc::DiscExtent;
use probe::Probe;

/// Below this a slip is none: the neighbours of a healthy segment lie up to so far apart (Iguchi 2002, Spine 27:1644), mm.
pub const SLIP_THRESHOLD_MM: f64 = 3.0;
/// A disc's mask whose centre lies this far from the middle between the endplates is a fragment of it, mm.
const ASTRAY_MM: f64 = 5.0;
/// So is one that is less deep than this share of the bodies beside it.
const FRAGMENT_DEPTH: f64 = 0.45;
/// Distance of two corners of one wall.
const HEIGHT_METHOD: &str = "endplate-corners";
/// Distance of the endplates' own middles.
const MIDDLE_HEIGHT_METHOD: &str = "endplate-middles";
/// Quotient of two other measurements.
const RATIO_METHOD: &str = "quotient";
/// Chord of the body at mid-height.
const DEPTH_METHOD: &str = "mid-height-chord";
/// From the posterior corner of the lower vertebra's upper endplate to that of the upper vertebra's
/// lower one, along the lower vertebra's endplate. A healthy wedge of 10 degrees reads as up to 1 mm backwards.
const SLIP_METHOD: &str = "posterior-corners";
/// Angle of two lines through endplate corners in the slices' plane.
const ANGLE_METHOD: &str = "endplate-lines";

/// Outlines of bodies and extents of discs, found once.
pub(super) struct Shapes {
    bodies: Vec<Result<BodyShape, &'static str>>,
    discs: Vec<DiscShape>,
}

struct DiscShape {
    centre_mm: Vec3,
    directions: Directions,
    extent: Option<DiscExtent>,
    /// Its number in the part mask, where its mask is whole enough to be measured on.
    number: Option<u8>,
}

impl Shapes {
    /// Finds the outlines of all parts.
    pub(super) fn of(spine: &SpineParts) -> Self {
        let shape = |i: usize| {
            let body = &spine.bodies[i];
            if body.at_edge {
                return Err("the image's edge cuts this vertebra");
            }
            let directions = spine.curve.directions(spine.curve.nearest_mm(body.centre_mm));
            BodyShape::find(probe(spine, body.number), body, &directions).ok_or("its outline could not be made out")
        };
        let bodies: Vec<_> = (0..spine.bodies.len()).map(shape).collect();
        let discs = spine.discs.iter().map(|d| DiscShape::of(spine, &bodies, d)).collect();
        Self { bodies, discs }
    }

    fn body(&self, index: Option<usize>) -> Result<&BodyShape, &'static str> {
        match index.and_then(|i| self.bodies.get(i)) {
            Some(Ok(shape)) => Ok(shape),
            Some(Err(reason)) => Err(reason),
            None => Err("the vertebra was not found"),
        }
    }

    /// The endplates below and above a disc.
    fn facing(&self, part: &DiscPart) -> Result<(&Endplate, &Endplate), &'static str> {
        Ok((&self.body(part.lower)?.upper, &self.body(part.upper)?.lower))
    }
}

impl DiscShape {
    fn of(spine: &SpineParts, bodies: &[Result<BodyShape, &'static str>], part: &DiscPart) -> Self {
        let directions_at = |centre: Vec3| spine.curve.directions(spine.curve.nearest_mm(centre));
        let shape = |i: Option<usize>| i.and_then(|i| bodies.get(i)).and_then(|b| b.as_ref().ok());
        let facing = shape(part.lower).zip(shape(part.upper)).map(|(below, above)| (&below.upper, &above.lower));
        let between = facing.map(|(below, above)| scaled(add(below.middle_mm, above.middle_mm), 0.5));
        let (centre_mm, segmented) = match between {
            Some(between) if length(sub(between, part.centre_mm)) > ASTRAY_MM => (between, false),
            Some(between) if part.number.is_none() => (between, false),
            _ => (part.centre_mm, part.number.is_some()),
        };
        let directions = directions_at(centre_mm);
        let body_depth_mm = [part.lower, part.upper].into_iter().flatten().map(|i| spine.bodies[i].depth_mm);
        let least_mm = FRAGMENT_DEPTH * body_depth_mm.fold(0.0, f64::max);
        let own = part.number.filter(|_| segmented).and_then(|number| {
            let extent = DiscExtent::find(probe(spine, number), centre_mm, &directions)?;
            (extent.depth_mm() >= least_mm).then_some((number, extent))
        });
        let between = facing.map(|(below, above)| {
            let half = (below.depth_mm() + above.depth_mm()) / 4.0;
            DiscExtent { front_mm: -half, back_mm: half }
        });
        Self { centre_mm, directions, extent: own.map(|o| o.1).or(between), number: own.map(|o| o.0) }
    }
}

fn probe(spine: &SpineParts, number: u8) -> Probe<'_> {
    Probe { frame: &spine.frame, parts: &spine.part_of.parts, number }
}

/// What is measured at vertebra `index`.
pub(super) fn vertebra(spine: &SpineParts, shapes: &Shapes, index: usize) -> VertebraMeasurements {
    let body = &spine.bodies[index];
    let directions = spine.curve.directions(spine.curve.nearest_mm(body.centre_mm));
    let (canal_ap_body_mm, canal_area_body_mm2) =
        canal::across(spine.canal.map(|n| probe(spine, n)), body.centre_mm, &directions);
    let shape = shapes.body(Some(index));
    let height = |method: &'static str, ends: &dyn Fn(&BodyShape) -> (Vec3, Vec3)| match shape {
        Ok(shape) => {
            let (top, bottom) = ends(shape);
            Measurement::taken(length(sub(top, bottom)), "mm", method)
        }
        Err(reason) => Measurement::missing(reason, "mm", method),
    };
    let height_anterior_mm = height(HEIGHT_METHOD, &|s| (s.upper.anterior_mm, s.lower.anterior_mm));
    let height_middle_mm = height(MIDDLE_HEIGHT_METHOD, &|s| (s.upper.middle_mm, s.lower.middle_mm));
    let height_posterior_mm = height(HEIGHT_METHOD, &|s| (s.upper.posterior_mm, s.lower.posterior_mm));
    VertebraMeasurements {
        anterior_posterior_ratio: ratio(&height_anterior_mm, &height_posterior_mm),
        middle_posterior_ratio: ratio(&height_middle_mm, &height_posterior_mm),
        height_anterior_mm,
        height_middle_mm,
        height_posterior_mm,
        depth_mm: match shape {
            Ok(shape) => Measurement::taken(shape.depth_mm, "mm", DEPTH_METHOD),
            Err(reason) => Measurement::missing(reason, "mm", DEPTH_METHOD),
        },
        canal_ap_body_mm,
        canal_area_body_mm2,
    }
}

fn ratio(numerator: &Measurement, denominator: &Measurement) -> Measurement {
    match (&numerator.value, &denominator.value) {
        (Ok(n), Ok(d)) => Measurement::taken(n / d, "1", RATIO_METHOD),
        (Err(reason), _) | (_, Err(reason)) => Measurement::missing(reason.clone(), "1", RATIO_METHOD),
    }
}

/// The plane of disc `index`.
pub(super) fn disc_plane(spine: &SpineParts, shapes: &Shapes, index: usize) -> DiscPlane {
    let shape = &shapes.discs[index];
    let neighbours = [spine.discs[index].lower, spine.discs[index].upper];
    let nearby = neighbours.into_iter().flatten().map(|i| spine.bodies[i].depth_mm).fold(0.0, f64::max);
    DiscPlane {
        centre_lps_mm: spine.frame.to_lps(shape.centre_mm),
        normal_lps: spine.frame.direction_to_lps(shape.directions.up),
        anterior_lps: spine.frame.direction_to_lps(scaled(shape.directions.back, -1.0)),
        depth_mm: shape.extent.map_or(nearby, |e| e.depth_mm()),
    }
}

/// What is measured at disc `index`.
pub(super) fn level(spine: &SpineParts, shapes: &Shapes, index: usize) -> LevelMeasurements {
    let (part, shape) = (&spine.discs[index], &shapes.discs[index]);
    let (canal_ap_disc_mm, canal_area_disc_mm2) =
        canal::across(spine.canal.map(|n| probe(spine, n)), canal_origin(shape), &shape.directions);
    let [anterior, middle, posterior] = disc::SHARES.map(|share| disc_height(spine, shapes, index, share));
    let (slip_mm, slip_percent, meyerding) = slip(shapes.facing(part));
    let lordosis = shapes.body(part.upper).and_then(|upper| Ok((upper, shapes.body(part.lower)?)));
    LevelMeasurements {
        canal_ap_disc_mm,
        canal_area_disc_mm2,
        disc_height_index: height_index([&anterior, &middle, &posterior], shapes.body(part.upper)),
        disc_height_anterior_mm: anterior,
        disc_height_middle_mm: middle,
        disc_height_posterior_mm: posterior,
        slip_mm,
        slip_percent,
        meyerding,
        segmental_lordosis_deg: match lordosis {
            Ok((upper, lower)) => angle(&upper.upper, &lower.upper),
            Err(reason) => Measurement::missing(reason, "deg", ANGLE_METHOD),
        },
    }
}

/// Half-way between centre and back edge: the canal is looked for behind it.
fn canal_origin(shape: &DiscShape) -> Vec3 {
    let back_mm = shape.extent.map_or(0.0, |e| (e.back_mm / 2.0).max(0.0));
    offset(shape.centre_mm, shape.directions.back, back_mm)
}

fn disc_height(spine: &SpineParts, shapes: &Shapes, index: usize, share: f64) -> Measurement {
    let (part, shape) = (&spine.discs[index], &shapes.discs[index]);
    if let Some(number) = shape.number {
        let Some(extent) = &shape.extent else {
            return Measurement::missing("the disc does not reach the curve's plane", "mm", disc::MASK_METHOD);
        };
        return disc::height_of_mask(probe(spine, number), shape.centre_mm, &shape.directions, extent, share);
    }
    match shapes.facing(part) {
        Ok((below, above)) => disc::height_between(below, above, &shape.directions, share),
        Err(reason) => Measurement::missing(reason, "mm", disc::ENDPLATES_METHOD),
    }
}

/// Mean of the three heights over the depth of the endplate above.
fn height_index(heights: [&Measurement; 3], above: Result<&BodyShape, &'static str>) -> Measurement {
    let [Some(a), Some(m), Some(p)] = heights.map(Measurement::get) else {
        return Measurement::missing("not all three heights could be taken", "1", RATIO_METHOD);
    };
    match above {
        Ok(above) => Measurement::taken((a + m + p) / 3.0 / above.lower.depth_mm(), "1", RATIO_METHOD),
        Err(reason) => Measurement::missing(reason, "1", RATIO_METHOD),
    }
}

/// The slip between the endplates below and above a disc: mm, per cent, grade.
fn slip(facing: Result<(&Endplate, &Endplate), &'static str>) -> (Measurement, Measurement, Option<Meyerding>) {
    let missing = |reason: &str| {
        let of = |unit| Measurement::missing(reason, unit, SLIP_METHOD);
        (of("mm"), of("%"), None)
    };
    let (below, above) = match facing {
        Ok(facing) => facing,
        Err(reason) => return missing(reason),
    };
    let Some(forwards) = normalised(sub(below.anterior_mm, below.posterior_mm)) else {
        return missing("the endplate below has no direction");
    };
    let slip_mm = dot(sub(above.posterior_mm, below.posterior_mm), forwards);
    let percent = 100.0 * slip_mm / below.depth_mm();
    let grade = meyerding(slip_mm, percent);
    (Measurement::taken(slip_mm, "mm", SLIP_METHOD), Measurement::taken(percent, "%", SLIP_METHOD), Some(grade))
}

/// Meyerding's grade (1932), by quarters of the endplate below, forwards or backwards.
fn meyerding(slip_mm: f64, percent: f64) -> Meyerding {
    match percent.abs() {
        _ if slip_mm.abs() < SLIP_THRESHOLD_MM => Meyerding::None,
        p if p <= 25.0 => Meyerding::I,
        p if p <= 50.0 => Meyerding::II,
        p if p <= 75.0 => Meyerding::III,
        p if p <= 100.0 => Meyerding::IV,
        _ => Meyerding::V,
    }
}

/// Angle between two endplates, the upper one given first; lordosis positive.
fn angle(upper: &Endplate, lower: &Endplate) -> Measurement {
    let difference = upper.tilt_deg() - lower.tilt_deg();
    let wrapped = (difference + 180.0).rem_euclid(360.0) - 180.0;
    Measurement::taken(wrapped, "deg", ANGLE_METHOD)
}

/// What is measured on the lumbar spine as a whole, from the vertebrae's names, foot to head.
pub(super) fn lumbar(spine: &SpineParts, shapes: &Shapes, names: &[Option<Vertebra>]) -> LumbarMeasurements {
    let endplate = |vertebra: Vertebra| match names.iter().position(|n| *n == Some(vertebra)) {
        Some(index) => shapes.body(Some(index)).map(|shape| &shape.upper).map_err(str::to_owned),
        None => Err(format!("no vertebra could be named {vertebra}")),
    };
    let lumbar_lordosis_deg = match (endplate(Vertebra::L1), endplate(Vertebra::S1)) {
        (Ok(l1), Ok(s1)) => angle(l1, s1),
        (Err(reason), _) | (_, Err(reason)) => Measurement::missing(reason, "deg", ANGLE_METHOD),
    };
    let sacral_slope_deg = match endplate(Vertebra::S1) {
        Ok(s1) => {
            let along = spine.frame.direction_to_lps(sub(s1.posterior_mm, s1.anterior_mm));
            // How far the endplate rises to the back against the plane of left and posterior.
            Measurement::taken(along[2].atan2(along[0].hypot(along[1])).to_degrees(), "deg", ANGLE_METHOD)
        }
        Err(reason) => Measurement::missing(reason, "deg", ANGLE_METHOD),
    };
    LumbarMeasurements { lumbar_lordosis_deg, sacral_slope_deg }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meyerding_counts_quarters_of_the_endplate_below() {
        assert_eq!(meyerding(2.0, 6.0), Meyerding::None);
        assert_eq!(meyerding(5.0, 15.0), Meyerding::I);
        assert_eq!(meyerding(-10.0, -29.0), Meyerding::II);
        assert_eq!(meyerding(40.0, 120.0), Meyerding::V);
    }
}
