//! What is true of a phantom: its own arithmetic, measured as [`crate::spine::LevelMeasurements`],
//! [`crate::spine::VertebraMeasurements`] and [`crate::spine::LumbarMeasurements`] define it.
//!
//! Nothing here looks at rendered pixels. The unevenness that is laid on bone surfaces (below half
//! a millimetre, without a mean) is left out. All positions are in LPS patient space.

use super::Phantom;
use super::body::Body;
use super::frame::Frame;
use super::parameters::Narrowing;
use super::scene::Scene;
use super::skeleton::BELOW_S1;
use crate::spine::{
    CanalStanding, Designation, Disc, DiscPlane, LevelMeasurements, LevelReport, Measurement, Vec3, Vertebra, add, dot,
    length, normalised, scaled, sub,
};
use serde::{Deserialize, Serialize};

/// The truth of one phantom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Vertebrae from foot to head, S1 first.
    pub vertebrae: Vec<VertebraTruth>,
    /// Discs from foot to head, the one above S1 first.
    pub discs: Vec<DiscTruth>,
    /// Angle between the upper endplates of L1 and S1 in the patient's sagittal plane, degrees.
    pub lumbar_lordosis_deg: f64,
    /// Angle between the upper endplate of S1 and the left-posterior plane, degrees.
    pub sacral_slope_deg: f64,
    /// Largest angle between the frontal tilts of lumbar endplates, degrees (Cobb).
    pub scoliosis_deg: f64,
    /// Whether S1 is square with a large disc under it.
    pub transitional: bool,
}

/// The truth of one vertebra.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VertebraTruth {
    /// Its name, such as `L4`.
    pub name: String,
    /// Centre of mass of the body, LPS mm.
    pub centre_lps_mm: Vec3,
    /// Distance of the anterior corners, mm.
    pub height_anterior_mm: f64,
    /// Distance of the endplates' middles, mm.
    pub height_middle_mm: f64,
    /// Distance of the posterior corners, mm.
    pub height_posterior_mm: f64,
    /// Depth at mid-height in the midline, mm.
    pub depth_mm: f64,
    /// AP diameter of the dural sac in the midline at mid-body, mm.
    pub canal_ap_mm: f64,
    /// Cross-section of the dural sac at mid-body, mm².
    pub canal_area_mm2: f64,
}

/// The truth of one disc level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscTruth {
    /// Its name, such as `L4-L5`.
    pub name: String,
    /// Centre of mass, LPS mm.
    pub centre_lps_mm: Vec3,
    /// Unit tangent of the curve through the bodies' centres, towards the head.
    pub normal_lps: Vec3,
    /// Unit vector in the plane towards the front.
    pub anterior_lps: Vec3,
    /// Extent from front to back in the midline, mm.
    pub depth_mm: f64,
    /// Height along the normal at the anterior sixth, mm.
    pub height_anterior_mm: f64,
    /// Height in the middle, mm.
    pub height_middle_mm: f64,
    /// Height at the posterior sixth, mm.
    pub height_posterior_mm: f64,
    /// Mean of the heights over the depth of the endplate above, a ratio.
    pub height_index: f64,
    /// AP diameter of the dural sac in the midline of the disc's plane, mm.
    pub canal_ap_mm: f64,
    /// Cross-section of the dural sac in the disc's plane, mm².
    pub canal_area_mm2: f64,
    /// Place of the posterior corner above along the endplate below, from its posterior corner, forwards positive, mm.
    pub slip_mm: f64,
    /// The slip as a share of the endplate below, %.
    pub slip_percent: f64,
    /// Angle between the upper endplates of the vertebra above and below, degrees.
    pub segmental_lordosis_deg: f64,
    /// Pfirrmann's grade.
    pub pfirrmann: u8,
    /// Narrowing of the central canal.
    pub central: Narrowing,
    /// Narrowing of the left foramen.
    pub left_foramen: Narrowing,
    /// Narrowing of the right foramen.
    pub right_foramen: Narrowing,
}

impl DiscTruth {
    /// The level as a reading would give it that finds the disc where it is: named, and measured in nothing but the disc's height.
    #[must_use]
    pub fn level(&self, ordinal_from_below: usize) -> LevelReport {
        let names = self.name.split_once('-');
        let name = names.and_then(|(u, l)| Some(Disc::new(Vertebra::from_name(u)?, Vertebra::from_name(l)?)));
        LevelReport {
            designation: Designation { name, ordinal_from_below, confidence: 1.0, evidence: Vec::new() },
            plane: DiscPlane {
                centre_lps_mm: self.centre_lps_mm,
                normal_lps: self.normal_lps,
                anterior_lps: self.anterior_lps,
                depth_mm: self.depth_mm,
            },
            measurements: LevelMeasurements {
                disc_height_middle_mm: Measurement::taken(self.height_middle_mm, "mm", "truth"),
                ..LevelMeasurements::missing("not taken")
            },
            canal: CanalStanding::default(),
            canal_centre_lps_mm: None,
            axial: Vec::new(),
            grades: Vec::new(),
            ungraded: Vec::new(),
        }
    }
}

/// Distance between the samples that find a centre of mass, mm.
const CENTRE_STEP_MM: f64 = 2.0;
/// Distance between the samples that find an area, mm.
const AREA_STEP_MM: f64 = 0.4;
/// How far edges are looked for, mm.
const REACH_MM: f64 = 45.0;

pub(super) fn truth(phantom: &Phantom) -> Truth {
    let scene = &phantom.scene;
    let bodies = &scene.skeleton.bodies;
    let named = |v: Vertebra| scene.skeleton.vertebra(v).map(|(_, b)| b);
    let tilt = |b: &Body| sagittal_tilt_deg(scene.patient.direction(b.top_frame().posterior));
    let (l1, s1) = (named(Vertebra::L1).map_or(0.0, tilt), tilt(&bodies[BELOW_S1]));
    let lumbar = bodies.iter().filter(|b| b.vertebra().is_some_and(Vertebra::is_lumbar));
    let leans: Vec<f64> = lumbar
        .flat_map(|b| [b.top_frame(), b.bottom_frame()])
        .map(|f| scene.patient.direction(f.left))
        .map(|left| (-left[2]).atan2(left[0]).to_degrees())
        .collect();
    let most = leans.iter().copied().fold(f64::MIN, f64::max);
    let least = leans.iter().copied().fold(f64::MAX, f64::min);
    Truth {
        vertebrae: (BELOW_S1..bodies.len()).filter_map(|i| vertebra(scene, i)).collect(),
        discs: (BELOW_S1..scene.skeleton.discs.len()).filter_map(|i| disc(scene, i)).collect(),
        lumbar_lordosis_deg: s1 - l1,
        sacral_slope_deg: s1,
        scoliosis_deg: most - least,
        transitional: phantom.parameters.transitional,
    }
}

/// Angle at which a line to the back rises above the horizontal in the sagittal plane, degrees.
fn sagittal_tilt_deg(posterior: Vec3) -> f64 {
    posterior[2].atan2(posterior[1]).to_degrees()
}

/// Corners of a body in the midline of its own frame, as `[v, w]`: of the upper endplate in front and behind, then of the lower.
fn corners(body: &Body) -> [[f64; 2]; 4] {
    let rim = 0.8 * body.half_height_mm;
    let corner = |v: f64, upper: bool| [v, if upper { body.top_mm(0.0, v) } else { body.bottom_mm(0.0, v) }];
    [
        corner(body.anterior_wall_mm(rim), true),
        corner(body.posterior_wall_mm(rim), true),
        corner(body.anterior_wall_mm(-rim), false),
        corner(body.posterior_wall_mm(-rim), false),
    ]
}

fn apart(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn vertebra(scene: &Scene, index: usize) -> Option<VertebraTruth> {
    let body = &scene.skeleton.bodies[index];
    let [front_top, back_top, front_bottom, back_bottom] = corners(body);
    let middle = |a: [f64; 2], b: [f64; 2]| (a[0] + b[0]) / 2.0;
    let (top_v, bottom_v) = (middle(front_top, back_top), middle(front_bottom, back_bottom));
    let top = [top_v, body.top_mm(0.0, top_v)];
    let bottom = [bottom_v, body.bottom_mm(0.0, bottom_v)];
    let centre = centre_of_mass(&body.frame, body.bound_mm(), |local| body.distance(local));
    let (canal_ap_mm, canal_area_mm2) = canal(scene, body.frame.at(centre));
    Some(VertebraTruth {
        name: body.vertebra()?.name().to_owned(),
        centre_lps_mm: scene.patient.lps(centre),
        height_anterior_mm: apart(front_top, front_bottom),
        height_middle_mm: apart(top, bottom),
        height_posterior_mm: apart(back_top, back_bottom),
        depth_mm: body.posterior_wall_mm(0.0) - body.anterior_wall_mm(0.0),
        canal_ap_mm,
        canal_area_mm2,
    })
}

fn disc(scene: &Scene, index: usize) -> Option<DiscTruth> {
    let space = &scene.skeleton.discs[index];
    let name = space.disc?;
    let (lower, upper) = (&scene.skeleton.bodies[index], &scene.skeleton.bodies[index + 1]);
    let distance = |p: Vec3| space.place(p, lower, upper).distance_mm;
    let centre = centre_of_mass(&space.frame, space.bound_mm(), |local| distance(space.frame.lps(local)));
    let along = sub(upper.frame.origin_lps_mm, lower.frame.origin_lps_mm);
    let plane = Frame::facing(centre, along, space.frame.posterior);
    let edge = |from: Vec3, direction: Vec3| extent(&distance, from, direction);
    let (front, back) = (edge(centre, scaled(plane.posterior, -1.0)), edge(centre, plane.posterior));
    let depth_mm = front + back;
    let height = |share: f64| {
        let at = add(centre, scaled(plane.posterior, share * depth_mm - front));
        edge(at, plane.up) + edge(at, scaled(plane.up, -1.0))
    };
    let heights = [height(1.0 / 6.0), height(0.5), height(5.0 / 6.0)];
    let (slip_mm, endplate_mm) = slip(lower, upper);
    let [_, _, front_bottom, back_bottom] = corners(upper);
    let (canal_ap_mm, canal_area_mm2) = canal(scene, plane);
    let tilt = |b: &Body| sagittal_tilt_deg(scene.patient.direction(b.top_frame().posterior));
    Some(DiscTruth {
        name: name.to_string(),
        centre_lps_mm: scene.patient.lps(centre),
        normal_lps: scene.patient.direction(plane.up),
        anterior_lps: scene.patient.direction(scaled(plane.posterior, -1.0)),
        depth_mm,
        height_anterior_mm: heights[0],
        height_middle_mm: heights[1],
        height_posterior_mm: heights[2],
        height_index: heights.iter().sum::<f64>() / 3.0 / apart(front_bottom, back_bottom),
        canal_ap_mm,
        canal_area_mm2,
        slip_mm,
        slip_percent: 100.0 * slip_mm / endplate_mm,
        segmental_lordosis_deg: tilt(lower) - tilt(upper),
        pfirrmann: space.pfirrmann,
        central: space.central,
        left_foramen: space.foramina[0],
        right_foramen: space.foramina[1],
    })
}

/// The slip of `upper` on `lower`, and the length of the endplate below, mm.
fn slip(lower: &Body, upper: &Body) -> (f64, f64) {
    let place = |body: &Body, [v, w]: [f64; 2]| body.frame.lps([0.0, v, w]);
    let [front, back, ..] = corners(lower).map(|c| place(lower, c));
    let above = place(upper, corners(upper)[3]);
    let endplate = sub(front, back);
    let forwards = normalised(endplate).unwrap_or([0.0, -1.0, 0.0]);
    (dot(sub(above, back), forwards), length(endplate))
}

/// Distance from `from`, inside, to the surface along `direction`, mm.
fn extent(distance: &impl Fn(Vec3) -> f64, from: Vec3, direction: Vec3) -> f64 {
    let at = |t: f64| distance(add(from, scaled(direction, t)));
    let mut inside = 0.0;
    while inside < REACH_MM && at(inside + 0.25) < 0.0 {
        inside += 0.25;
    }
    let mut outside = inside + 0.25;
    for _ in 0..20 {
        let middle = (inside + outside) / 2.0;
        if at(middle) < 0.0 { inside = middle } else { outside = middle }
    }
    inside
}

/// Centre of mass of what is inside, in the phantom's coordinates.
fn centre_of_mass(frame: &Frame, bound_mm: f64, distance: impl Fn(Vec3) -> f64) -> Vec3 {
    let steps = (bound_mm / CENTRE_STEP_MM).ceil() as i32;
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for i in -steps..=steps {
        for j in -steps..=steps {
            for k in -steps..=steps {
                let local = [i, j, k].map(|n| f64::from(n) * CENTRE_STEP_MM);
                if distance(local) < 0.0 {
                    sum = add(sum, local);
                    count += 1.0;
                }
            }
        }
    }
    frame.lps(scaled(sum, 1.0 / f64::max(count, 1.0)))
}

/// AP diameter in the midline and area of the sac in the plane of `plane`, mm and mm².
fn canal(scene: &Scene, plane: Frame) -> (f64, f64) {
    let distance = |p: Vec3| scene.canal.sac_distance_at(p);
    // Where the sac's own axis meets the plane.
    let height = |f: &Frame| dot(sub(f.origin_lps_mm, plane.origin_lps_mm), plane.up).abs();
    let near = |f: &&Frame| length(sub(f.origin_lps_mm, plane.origin_lps_mm)) < REACH_MM;
    let axis =
        scene.canal.sections.iter().map(|s| &s.frame).filter(near).min_by(|a, b| height(a).total_cmp(&height(b)));
    let Some(axis) = axis else { return (0.0, 0.0) };
    let offset = sub(axis.origin_lps_mm, plane.origin_lps_mm);
    let centre = sub(axis.origin_lps_mm, scaled(plane.up, dot(offset, plane.up)));
    if distance(centre) >= 0.0 {
        return (0.0, 0.0);
    }
    let ap = extent(&distance, centre, plane.posterior) + extent(&distance, centre, scaled(plane.posterior, -1.0));
    let steps = (18.0 / AREA_STEP_MM) as i32;
    let inside = (-steps..=steps)
        .flat_map(|i| (-steps..=steps).map(move |j| [f64::from(i) * AREA_STEP_MM, f64::from(j) * AREA_STEP_MM]))
        .filter(|[u, v]| distance(add(centre, add(scaled(plane.left, *u), scaled(plane.posterior, *v)))) < 0.0)
        .count();
    (ap, inside as f64 * AREA_STEP_MM * AREA_STEP_MM)
}
