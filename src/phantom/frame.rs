//! Local frames in patient space, and shapes as signed distances in them.
//!
//! A [`Frame`] has the axes left, posterior and up of one part of the body; its coordinates are
//! called `[u, v, w]`, in mm. A signed distance is negative inside; the functions here are exact or
//! slightly short of the true distance, which is all that rasterising and a cortex need.

use crate::spine::{Vec3, add, cross, dot, length, normalised, scaled, sub};

/// An orthonormal frame in LPS patient space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) origin_lps_mm: Vec3,
    pub(super) left: Vec3,
    pub(super) posterior: Vec3,
    pub(super) up: Vec3,
}

impl Frame {
    /// The patient's own axes at `origin_lps_mm`.
    pub(super) const fn upright(origin_lps_mm: Vec3) -> Self {
        Self { origin_lps_mm, left: [1.0, 0.0, 0.0], posterior: [0.0, 1.0, 0.0], up: [0.0, 0.0, 1.0] }
    }

    /// The frame at `origin_lps_mm` whose up is `up` and whose posterior is as near `posterior` as it can be.
    pub(super) fn facing(origin_lps_mm: Vec3, up: Vec3, posterior: Vec3) -> Self {
        let up = normalised(up).unwrap_or([0.0, 0.0, 1.0]);
        let flat = sub(posterior, scaled(up, dot(posterior, up)));
        let posterior = normalised(flat).unwrap_or([0.0, 1.0, 0.0]);
        Self { origin_lps_mm, left: cross(posterior, up), posterior, up }
    }

    pub(super) fn at(self, origin_lps_mm: Vec3) -> Self {
        Self { origin_lps_mm, ..self }
    }

    /// Leaning back by `angle_rad` about the left axis: up moves towards posterior.
    pub(super) fn extended(self, angle_rad: f64) -> Self {
        let (s, c) = angle_rad.sin_cos();
        Self {
            up: add(scaled(self.up, c), scaled(self.posterior, s)),
            posterior: sub(scaled(self.posterior, c), scaled(self.up, s)),
            ..self
        }
    }

    /// Leaning to the left by `angle_rad` about the posterior axis.
    pub(super) fn leaning(self, angle_rad: f64) -> Self {
        let (s, c) = angle_rad.sin_cos();
        Self {
            up: add(scaled(self.up, c), scaled(self.left, s)),
            left: sub(scaled(self.left, c), scaled(self.up, s)),
            ..self
        }
    }

    /// Turned by `angle_rad` about the up axis: posterior moves towards the left.
    pub(super) fn turned(self, angle_rad: f64) -> Self {
        let (s, c) = angle_rad.sin_cos();
        Self {
            posterior: add(scaled(self.posterior, c), scaled(self.left, s)),
            left: sub(scaled(self.left, c), scaled(self.posterior, s)),
            ..self
        }
    }

    pub(super) fn local(&self, p_lps_mm: Vec3) -> Vec3 {
        let d = sub(p_lps_mm, self.origin_lps_mm);
        [dot(d, self.left), dot(d, self.posterior), dot(d, self.up)]
    }

    pub(super) fn lps(&self, local: Vec3) -> Vec3 {
        add(self.origin_lps_mm, self.direction(local))
    }

    /// A local direction in LPS.
    pub(super) fn direction(&self, local: Vec3) -> Vec3 {
        add(scaled(self.left, local[0]), add(scaled(self.posterior, local[1]), scaled(self.up, local[2])))
    }
}

/// `a + t (b - a)`.
pub(super) fn mix(a: f64, b: f64, t: f64) -> f64 {
    a + (b - a) * t
}

/// Length of a vector of two components; quicker than `hypot`, and no coordinate here overflows.
pub(super) fn length2(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}

/// Point between two points.
pub(super) fn between(a: Vec3, b: Vec3, t: f64) -> Vec3 {
    add(a, scaled(sub(b, a), t))
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smooth_step(low: f64, high: f64, x: f64) -> f64 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Union of two shapes, filleted over `k` mm.
pub(super) fn smooth_union(a: f64, b: f64, k: f64) -> f64 {
    let h = (k - (a - b).abs()).max(0.0) / k;
    a.min(b) - h * h * k * 0.25
}

/// Intersection of two shapes, its edge rounded over `k` mm.
pub(super) fn smooth_intersection(a: f64, b: f64, k: f64) -> f64 {
    -smooth_union(-a, -b, k)
}

/// A line from `a` to `b` with a radius that grows evenly from `radius_a` to `radius_b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Capsule {
    pub(super) a: Vec3,
    pub(super) b: Vec3,
    pub(super) radius_a: f64,
    pub(super) radius_b: f64,
}

impl Capsule {
    /// Distance to the surface, and the place along the line, 0 at `a` to 1 at `b`.
    pub(super) fn distance(&self, p: Vec3) -> (f64, f64) {
        let (along, from_a) = (sub(self.b, self.a), sub(p, self.a));
        let t = (dot(from_a, along) / dot(along, along).max(1e-9)).clamp(0.0, 1.0);
        (length(sub(from_a, scaled(along, t))) - mix(self.radius_a, self.radius_b, t), t)
    }

    /// Centre and radius of a sphere around it.
    pub(super) fn bounds(&self) -> (Vec3, f64) {
        (between(self.a, self.b, 0.5), length(sub(self.b, self.a)) / 2.0 + self.radius_a.max(self.radius_b))
    }
}

/// Distance to a box of these half sides about the origin, its edges rounded by `rounding`.
pub(super) fn rounded_box(p: Vec3, half: Vec3, rounding: f64) -> f64 {
    let q = [p[0].abs() - half[0] + rounding, p[1].abs() - half[1] + rounding, p[2].abs() - half[2] + rounding];
    let outside = length([q[0].max(0.0), q[1].max(0.0), q[2].max(0.0)]);
    outside + q[0].max(q[1]).max(q[2]).min(0.0) - rounding
}

/// Approximate distance to an ellipsoid of these half axes about the origin.
pub(super) fn ellipsoid(p: Vec3, half: Vec3) -> f64 {
    let r = length([p[0] / half[0], p[1] / half[1], p[2] / half[2]]);
    let g = length([p[0] / (half[0] * half[0]), p[1] / (half[1] * half[1]), p[2] / (half[2] * half[2])]);
    if g < 1e-9 { -half[0].min(half[1]).min(half[2]) } else { r * (r - 1.0) / g }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_goes_to_patient_space_and_back() {
        let f = Frame::upright([1.0, 2.0, 3.0]).extended(0.3).leaning(-0.2).turned(0.1);
        let back = f.local(f.lps([4.0, -5.0, 6.0]));
        assert!(length(sub(back, [4.0, -5.0, 6.0])) < 1e-9);
        assert!(length(sub(cross(f.left, f.posterior), f.up)) < 1e-9, "the frame stays right-handed");
    }

    #[test]
    fn leaning_left_moves_the_head_to_the_left() {
        assert!(Frame::upright([0.0; 3]).leaning(0.1).lps([0.0, 0.0, 10.0])[0] > 0.9);
        assert!(Frame::upright([0.0; 3]).extended(0.1).lps([0.0, 0.0, 10.0])[1] > 0.9);
    }

    #[test]
    fn distances_are_zero_on_the_surface() {
        assert!(ellipsoid([0.0, 5.0, 0.0], [3.0, 5.0, 7.0]).abs() < 1e-9);
        assert!(rounded_box([2.0, 0.0, 0.0], [2.0, 3.0, 4.0], 0.5).abs() < 1e-9);
        let c = Capsule { a: [0.0; 3], b: [0.0, 0.0, 10.0], radius_a: 2.0, radius_b: 4.0 };
        assert!(c.distance([3.0, 0.0, 5.0]).0.abs() < 1e-9);
    }
}
