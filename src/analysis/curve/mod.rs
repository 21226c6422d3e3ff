//! The spine's curve: a robust smoothing spline through the centres of bodies and discs.
//!
//! [`SpineCurve`] lives in the slice frame and is parametrised by the length of the chain of
//! centres, from foot to head; it gives places, tangents towards the head and the directions of the
//! plane perpendicular to it. Which parts belong to the curve was decided before, in [`super::parts`].

mod spline;

use super::parts::frame::Frame;
use crate::spine::{CurveFit, Vec3, cross, length, normalised, scaled, sub};
use spline::Spline;

/// Distance between the points of the reported curve, mm.
pub const POINT_SPACING_MM: f64 = 5.0;
/// Stiffness within the sagittal plane: at a body or disc every 18 mm it lets waves longer than
/// about 60 mm pass, so that the lumbosacral bend stays, mm³.
const SAGITTAL_STIFFNESS: f64 = 450.0;
/// Stiffness sideways, where thick slices tell less: waves longer than about 150 mm, mm³.
const LATERAL_STIFFNESS: f64 = 18_000.0;
/// Step in which the arc length is summed, mm.
const ARC_STEP_MM: f64 = 0.5;

/// The middle of a sample; `None` of an empty one.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some((sorted[sorted.len() / 2 - 1] + upper) / 2.0)
}

/// Directions at a place of the curve, unit vectors of the slice frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directions {
    /// Along the curve, towards the head.
    pub(crate) up: Vec3,
    /// Perpendicular to `up` and within the slices' plane, towards the back.
    pub(crate) back: Vec3,
    /// Perpendicular to both.
    pub(crate) side: Vec3,
}

/// The fitted curve.
#[derive(Debug, Clone)]
pub(crate) struct SpineCurve {
    coordinates: [Spline; 3],
    end_mm: f64,
    residual_mm: f64,
}

impl SpineCurve {
    /// Fits centres given from foot to head (slice frame, mm); `None` for fewer than two distinct ones.
    pub(crate) fn fit(centres_mm: &[Vec3]) -> Option<Self> {
        let mut knots = Vec::with_capacity(centres_mm.len());
        let mut kept: Vec<Vec3> = Vec::with_capacity(centres_mm.len());
        for centre in centres_mm {
            let step = kept.last().map_or(0.0, |last| length(sub(*centre, *last)));
            if !step.is_finite() || (!kept.is_empty() && step < 1.0) {
                continue;
            }
            knots.push(knots.last().copied().unwrap_or(0.0) + step);
            kept.push(*centre);
        }
        let weights = vec![1.0; kept.len()];
        let fit = |axis: usize, stiffness: f64| {
            let values: Vec<f64> = kept.iter().map(|c| c[axis]).collect();
            Spline::robust(&knots, &values, &weights, stiffness)
        };
        let coordinates = [fit(0, SAGITTAL_STIFFNESS)?, fit(1, SAGITTAL_STIFFNESS)?, fit(2, LATERAL_STIFFNESS)?];
        let mut curve = Self { coordinates, end_mm: *knots.last()?, residual_mm: 0.0 };
        let squared: f64 = knots.iter().zip(&kept).map(|(s, c)| length(sub(curve.at(*s), *c)).powi(2)).sum();
        curve.residual_mm = (squared / kept.len() as f64).sqrt();
        Some(curve)
    }

    /// The place at parameter `s_mm`; beyond its ends the curve goes on straight.
    pub(crate) fn at(&self, s_mm: f64) -> Vec3 {
        [0, 1, 2].map(|axis| self.coordinates[axis].at(s_mm).0)
    }

    /// The directions at parameter `s_mm`.
    pub(crate) fn directions(&self, s_mm: f64) -> Directions {
        let slope = [0, 1, 2].map(|axis| self.coordinates[axis].at(s_mm).1);
        let up = normalised(slope).unwrap_or([0.0, -1.0, 0.0]);
        // Within the slices' plane and perpendicular to `up`, the way that the columns grow.
        let back = normalised([-up[1], up[0], 0.0]).unwrap_or([1.0, 0.0, 0.0]);
        Directions { up, back, side: cross(up, back) }
    }

    /// The parameter of the curve's place nearest to `at_mm`.
    pub(crate) fn nearest_mm(&self, at_mm: Vec3) -> f64 {
        let away = |s: f64| length(sub(self.at(s), at_mm));
        let (from, to) = (-40.0, self.end_mm + 40.0);
        let steps = ((to - from) / 4.0) as usize;
        let coarse = (0..=steps).map(|i| from + 4.0 * i as f64).min_by(|a, b| away(*a).total_cmp(&away(*b)));
        let mut best = coarse.unwrap_or(0.0);
        let mut step = 2.0;
        while step > 0.01 {
            best = [best - step, best, best + step]
                .into_iter()
                .min_by(|a, b| away(*a).total_cmp(&away(*b)))
                .unwrap_or(best);
            step /= 2.0;
        }
        best
    }

    /// The report's curve: points evenly spaced by arc length, from the lowest centre to the highest.
    pub(crate) fn report(&self, frame: &Frame, rejected_parts: usize) -> CurveFit {
        let mut points = vec![self.at(0.0)];
        let (mut travelled, mut last) = (0.0, self.at(0.0));
        let steps = (self.end_mm / ARC_STEP_MM).ceil() as usize;
        for i in 1..=steps {
            let here = self.at(self.end_mm * i as f64 / steps as f64);
            let step = length(sub(here, last));
            let mut wanted = POINT_SPACING_MM - travelled;
            while wanted <= step && step > 0.0 {
                let share = wanted / step;
                points.push([0, 1, 2].map(|k| last[k] + (here[k] - last[k]) * share));
                wanted += POINT_SPACING_MM;
            }
            travelled = step - (wanted - POINT_SPACING_MM);
            last = here;
        }
        let points_lps_mm = points.into_iter().map(|p| frame.to_lps(p)).collect();
        CurveFit { points_lps_mm, residual_mm: self.residual_mm, rejected_parts }
    }
}

/// A place some way from another along a direction, mm.
pub(crate) fn offset(from_mm: Vec3, direction: Vec3, distance_mm: f64) -> Vec3 {
    crate::spine::add(from_mm, scaled(direction, distance_mm))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that fails here has found its fault")]
mod tests {
    use super::*;

    fn arc() -> Vec<Vec3> {
        (0..12).map(|i| f64::from(i) * 0.09).map(|a| [40.0 - 200.0 * a.cos(), -200.0 * a.sin(), 10.0]).collect()
    }

    #[test]
    fn the_tangent_of_a_lordosis_is_perpendicular_to_its_radius() {
        let curve = SpineCurve::fit(&arc()).unwrap();
        let s = curve.end_mm / 2.0;
        let directions = curve.directions(s);
        let radius = normalised(sub(curve.at(s), [40.0, 0.0, 10.0])).unwrap();
        assert!(crate::spine::dot(directions.up, radius).abs() < 0.02);
        assert!(directions.up[1] < 0.0 && directions.back[0] > 0.0);
        assert!(curve.residual_mm < 0.3, "{}", curve.residual_mm);
    }

    #[test]
    fn the_nearest_place_of_a_point_beside_the_curve_is_at_its_foot() {
        let curve = SpineCurve::fit(&arc()).unwrap();
        let directions = curve.directions(100.0);
        let beside = offset(curve.at(100.0), directions.back, 15.0);
        assert!((curve.nearest_mm(beside) - 100.0).abs() < 0.5);
    }

    #[test]
    fn one_centre_makes_no_curve() {
        assert!(SpineCurve::fit(&[[1.0, 2.0, 3.0]]).is_none());
        assert!(SpineCurve::fit(&[[f64::NAN; 3]; 4]).is_none());
    }
}
