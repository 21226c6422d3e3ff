//! The outline of a vertebral body in the sagittal plane of the curve: walls, endplates, corners.
//!
//! Walls are found on lines across the body, endplates on lines along the curve; each is a robust
//! polynomial through its edge points, so that spurs, veins and ragged pixels weigh little. An
//! endplate is a parabola (they are concave); its ends, on the walls, are the corners that a
//! radiologist would mark. A wall is a line, set through its points in the third next to the
//! corner, because walls are hollow at mid-height.

use super::fit::Polynomial;
use super::probe::{Probe, Run};
use crate::analysis::curve::{Directions, median, offset};
use crate::analysis::parts::Body;
use crate::spine::{Vec3, length, sub};

/// Lines across the body lie within this share of its height from the centre.
const WALL_REACH: f64 = 0.34;
const WALL_LINES: i32 = 10;
/// Lines along the curve lie between these shares of the depth: the rims are rounded.
const ENDPLATE_FROM: f64 = 0.1;
const ENDPLATE_LINES: i32 = 26;
/// How far beyond half its extent a body is looked for, as a share of the extent.
const LOOK: f64 = 0.85;
/// A corner lies at most this far in front of or behind its wall at mid-height, mm.
const CORNER_MM: f64 = 12.0;
/// An endplate's line must run through the body within this of its middle, as a share of the height.
const THROUGH: f64 = 0.35;

/// An endplate by its two corners, slice frame, mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Endplate {
    pub(super) anterior_mm: Vec3,
    pub(super) posterior_mm: Vec3,
    /// Its middle, on the endplate itself.
    pub(super) middle_mm: Vec3,
}

impl Endplate {
    /// Distance of the two corners, mm.
    pub(super) fn depth_mm(&self) -> f64 {
        length(sub(self.posterior_mm, self.anterior_mm))
    }

    /// Angle of the line from the anterior to the posterior corner in the slice plane, falling to the back positive, degrees.
    pub(super) fn tilt_deg(&self) -> f64 {
        let d = sub(self.posterior_mm, self.anterior_mm);
        d[1].atan2(d[0]).to_degrees()
    }

    /// The place at a share of the depth, from the anterior (0) to the posterior corner (1), on the parabola.
    pub(super) fn at(&self, share: f64) -> Vec3 {
        // The parabola through the corners and the middle.
        let (a, m, p) = (2.0 * (share - 0.5) * (share - 1.0), 4.0 * share * (1.0 - share), 2.0 * share * (share - 0.5));
        [0, 1, 2].map(|k| a * self.anterior_mm[k] + m * self.middle_mm[k] + p * self.posterior_mm[k])
    }
}

/// What was found of a body.
#[derive(Debug, Clone)]
pub(super) struct BodyShape {
    pub(super) upper: Endplate,
    pub(super) lower: Endplate,
    /// Depth at mid-height, mm.
    pub(super) depth_mm: f64,
}

impl BodyShape {
    /// Finds the outline; `None` where walls or endplates can't be made out.
    pub(super) fn find(probe: Probe<'_>, body: &Body, directions: &Directions) -> Option<Self> {
        let place = |u: f64, v: f64| offset(offset(body.centre_mm, directions.back, u), directions.up, v);
        let across = |v: f64| {
            let reach = LOOK * body.depth_mm;
            probe.longest(place(0.0, v), directions.back, -reach, reach).map(|run| (v, run))
        };
        let lines = -WALL_LINES..=WALL_LINES;
        let walls: Vec<(f64, Run)> =
            lines.filter_map(|i| across(f64::from(i) / f64::from(WALL_LINES) * WALL_REACH * body.height_mm)).collect();
        let front: Vec<[f64; 2]> = walls.iter().map(|(v, run)| [*v, run.from_mm]).collect();
        let back: Vec<[f64; 2]> = walls.iter().map(|(v, run)| [*v, run.to_mm]).collect();
        let (front_line, back_line) = (Polynomial::robust(&front, 1)?, Polynomial::robust(&back, 1)?);
        let (from, to) = (front_line.at(0.0), back_line.at(0.0));

        let along = |u: f64| {
            let reach = LOOK * body.height_mm;
            let through = |run: &Run| run.middle_mm().abs() <= THROUGH * body.height_mm;
            probe.longest(place(u, 0.0), directions.up, -reach, reach).filter(through).map(|run| (u, run))
        };
        let share = |i: i32| ENDPLATE_FROM + (1.0 - 2.0 * ENDPLATE_FROM) * f64::from(i) / f64::from(ENDPLATE_LINES);
        let ends: Vec<(f64, Run)> = (0..=ENDPLATE_LINES).filter_map(|i| along(from + (to - from) * share(i))).collect();
        let endplate = |upper: bool| {
            let edge = |run: &Run| if upper { run.to_mm } else { run.from_mm };
            let points: Vec<[f64; 2]> = ends.iter().map(|(u, run)| [*u, edge(run)]).collect();
            let plate = Polynomial::robust(&points, 2)?;
            let sign = if upper { 1.0 } else { -1.0 };
            let corner = |points: &[[f64; 2]], line: Polynomial| {
                let wall = wall_beside(points, line, sign);
                // The parabola's end and the wall meet; the wall is steep, so that a few steps settle it.
                let u = (0..4).fold(wall.at(0.0), |u, _| wall.at(plate.at(u)));
                (u, place(u, plate.at(u)))
            };
            let ((front_u, anterior_mm), (back_u, posterior_mm)) =
                (corner(&front, front_line), corner(&back, back_line));
            let middle = (front_u + back_u) / 2.0;
            // Ragged outlines make parabolas that run away: corners lie near where the lines across found the walls.
            let plausible = |u: f64, wall: f64| (u - wall).abs() <= CORNER_MM;
            let sound = plausible(front_u, from) && plausible(back_u, to) && back_u > front_u;
            sound.then(|| Endplate { anterior_mm, posterior_mm, middle_mm: place(middle, plate.at(middle)) })
        };
        let central: Vec<f64> =
            walls.iter().filter(|(v, _)| v.abs() <= 0.1 * body.height_mm).map(|(_, run)| run.length_mm()).collect();
        Some(Self { upper: endplate(true)?, lower: endplate(false)?, depth_mm: median(&central)? })
    }
}

/// The wall's line, shifted onto its points in the third of the body on the side of `sign`.
fn wall_beside(points: &[[f64; 2]], line: Polynomial, sign: f64) -> Polynomial {
    let reach = points.iter().map(|p| p[0].abs()).fold(0.0, f64::max);
    let beside: Vec<f64> = points.iter().filter(|p| p[0] * sign >= reach * 0.5).map(|p| p[1] - line.at(p[0])).collect();
    let shift = median(&beside).unwrap_or(0.0);
    Polynomial([line.0[0] + shift, line.0[1], 0.0])
}
