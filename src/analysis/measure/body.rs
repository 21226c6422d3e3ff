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
/// Nine points in ten of an endplate that is a parabola lie this near to it, mm.
const PARABOLA_MM: f64 = 0.9;
/// Points within this share of the depth settle an endplate's end or middle.
const NEAR_END: f64 = 0.22;
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
        let search = Search { probe, body, directions };
        let walls = search.walls();
        let [front, back] = [Wall::through(&walls, |run| run.from_mm)?, Wall::through(&walls, |run| run.to_mm)?];
        let ends = search.ends(front.line.at(0.0), back.line.at(0.0));
        let central: Vec<f64> =
            walls.iter().filter(|(v, _)| v.abs() <= 0.1 * body.height_mm).map(|(_, run)| run.length_mm()).collect();
        Some(Self {
            upper: search.endplate(&ends, [&front, &back], 1.0)?,
            lower: search.endplate(&ends, [&front, &back], -1.0)?,
            depth_mm: median(&central)?,
        })
    }
}

/// Lines through a body, in its own coordinates: `u` to the back and `v` to the head of its centre, mm.
struct Search<'a> {
    probe: Probe<'a>,
    body: &'a Body,
    directions: &'a Directions,
}

impl Search<'_> {
    fn place(&self, u: f64, v: f64) -> Vec3 {
        offset(offset(self.body.centre_mm, self.directions.back, u), self.directions.up, v)
    }

    /// Where lines across the body enter and leave it, by `v`.
    fn walls(&self) -> Vec<(f64, Run)> {
        let reach = LOOK * self.body.depth_mm;
        let heights =
            (-WALL_LINES..=WALL_LINES).map(|i| f64::from(i) / f64::from(WALL_LINES) * WALL_REACH * self.body.height_mm);
        heights
            .filter_map(|v| {
                self.probe.longest(self.place(0.0, v), self.directions.back, -reach, reach).map(|run| (v, run))
            })
            .collect()
    }

    /// Where lines along the curve enter and leave the body, by `u`, between its walls at `from` and `to`.
    fn ends(&self, from: f64, to: f64) -> Vec<(f64, Run)> {
        let reach = LOOK * self.body.height_mm;
        let share = |i: i32| ENDPLATE_FROM + (1.0 - 2.0 * ENDPLATE_FROM) * f64::from(i) / f64::from(ENDPLATE_LINES);
        let through = |run: &Run| run.middle_mm().abs() <= THROUGH * self.body.height_mm;
        let along = |u: f64| self.probe.longest(self.place(u, 0.0), self.directions.up, -reach, reach).filter(through);
        (0..=ENDPLATE_LINES)
            .map(|i| from + (to - from) * share(i))
            .filter_map(|u| along(u).map(|run| (u, run)))
            .collect()
    }

    /// The upper (`sign` 1) or lower (-1) endplate, between the walls in front and behind.
    fn endplate(&self, ends: &[(f64, Run)], [front, back]: [&Wall; 2], sign: f64) -> Option<Endplate> {
        let edge = |run: &Run| if sign > 0.0 { run.to_mm } else { run.from_mm };
        let points: Vec<[f64; 2]> = ends.iter().map(|(u, run)| [*u, edge(run)]).collect();
        let plate = plate(&points)?;
        let corner = |wall: &Wall| {
            let wall_line = wall.beside(sign);
            // The parabola's end and the wall meet; the wall is steep, so that a few steps settle it.
            let u = (0..4).fold(wall_line.at(0.0), |u, _| wall_line.at(plate.at(u)));
            ((u - wall.line.at(0.0)).abs() <= CORNER_MM).then_some(u)
        };
        // Ragged outlines make polynomials that run away: then there is no corner.
        let (front_u, back_u) = (corner(front)?, corner(back)?);
        let depth = back_u - front_u;
        // Each end and the middle is set onto its own points.
        let on_points = |u: f64| {
            let near = points.iter().filter(|p| (p[0] - u).abs() <= NEAR_END * depth);
            plate.at(u) + median(&near.map(|p| p[1] - plate.at(p[0])).collect::<Vec<_>>()).unwrap_or(0.0)
        };
        let middle_u = (front_u + back_u) / 2.0;
        (depth > 0.0).then(|| Endplate {
            anterior_mm: self.place(front_u, on_points(front_u)),
            posterior_mm: self.place(back_u, on_points(back_u)),
            middle_mm: self.place(middle_u, on_points(middle_u)),
        })
    }
}

/// The parabola through an endplate's points; a line where a dent makes them none, whose parabola would rise beyond the rims.
fn plate(points: &[[f64; 2]]) -> Option<Polynomial> {
    let parabola = Polynomial::robust(points, 2)?;
    let mut away: Vec<f64> = points.iter().map(|p| (p[1] - parabola.at(p[0])).abs()).collect();
    away.sort_by(f64::total_cmp);
    let nearly_worst = away.get(away.len() * 9 / 10).copied()?;
    if nearly_worst <= PARABOLA_MM { Some(parabola) } else { Polynomial::robust(points, 1) }
}

/// The anterior or posterior wall.
struct Wall {
    /// Edge points (v, u).
    points: Vec<[f64; 2]>,
    /// u over v.
    line: Polynomial,
}

impl Wall {
    fn through(walls: &[(f64, Run)], edge: impl Fn(&Run) -> f64) -> Option<Self> {
        let points: Vec<[f64; 2]> = walls.iter().map(|(v, run)| [*v, edge(run)]).collect();
        let line = Polynomial::robust(&points, 1)?;
        Some(Self { points, line })
    }

    /// Its line, shifted onto its points in the third of the body on the side of `sign`.
    fn beside(&self, sign: f64) -> Polynomial {
        let reach = self.points.iter().map(|p| p[0].abs()).fold(0.0, f64::max);
        let beside = self.points.iter().filter(|p| p[0] * sign >= reach * 0.5).map(|p| p[1] - self.line.at(p[0]));
        let shift = median(&beside.collect::<Vec<_>>()).unwrap_or(0.0);
        Polynomial([self.line.0[0] + shift, self.line.0[1], 0.0])
    }
}
