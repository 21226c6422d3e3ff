//! The posterior elements of a vertebra: pedicles, pars, articular, transverse and spinous
//! processes, laminae; and what stands in their place on the sacrum.

use super::body::{Body, Segment};
use super::frame::{Capsule, mix, rounded_box, smooth_union};
use super::random::Random;
use crate::spine::{Vec3, Vertebra};

/// Sizes of one arch, in the frame of its body, mm.
#[derive(Debug, Clone)]
pub(super) struct Arch {
    /// Half the width of the bony canal between the pedicles.
    pub(super) canal_half_width_mm: f64,
    /// Place of the body's posterior wall.
    pub(super) wall_mm: f64,
    /// Where the pedicle's lower edge is.
    pub(super) pedicle_floor_mm: f64,
    /// Tip of the spinous process.
    pub(super) tip: Vec3,
    /// Corners of a box that holds the right half.
    low: Vec3,
    high: Vec3,
    shape: Shape,
}

/// Parts of the right half, mirrored for the left; `u` is the distance from the midline.
#[derive(Debug, Clone)]
enum Shape {
    Free(Box<Free>),
    Fused(Fused),
}

/// The arch of a vertebra that moves.
#[derive(Debug, Clone)]
struct Free {
    /// Pedicle, superior articular process, pars with the inferior one, transverse process.
    limbs: [Capsule; 4],
    /// By how much each is flattened in height before its distance is taken: below 1 it is taller than wide.
    stretch: [f64; 4],
    lamina: Capsule,
    spinous: Spinous,
}

/// The lateral mass, roof and crest of a sacral segment.
#[derive(Debug, Clone, Copy)]
struct Fused {
    wing: Vec3,
    wing_half: Vec3,
    roof_mm: f64,
    roof_half: Vec3,
    crest_mm: f64,
}

#[derive(Debug, Clone, Copy)]
struct Spinous {
    root: Vec3,
    tip: Vec3,
    half_height_mm: f64,
    half_width_mm: f64,
}

/// Beyond this from its box an arch is not looked at more closely, mm.
const FAR_MM: f64 = 4.0;
/// Fillet between limbs, mm.
const FILLET_MM: f64 = 2.5;

impl Arch {
    pub(super) fn new(body: &Body, from_s1: i32, size: f64, random: &mut Random) -> Option<Self> {
        match body.segment {
            Segment::Coccyx(_) => None,
            Segment::Sacral(n) => Some(Self::fused(body, 0.62 - 0.12 * f64::from(n - 2), size)),
            Segment::Vertebra(Vertebra::S1) => Some(Self::fused(body, 1.0, size)),
            Segment::Vertebra(v) => Some(Self::free(body, v.is_lumbar(), from_s1, size, random)),
        }
    }

    fn free(body: &Body, lumbar: bool, from_s1: i32, size: f64, random: &mut Random) -> Self {
        let low = ((6.0 - f64::from(from_s1)) / 5.0).clamp(0.0, 1.0);
        let half_height = body.half_height_mm;
        let wall = body.posterior_wall_mm(0.0);
        let canal = mix(10.6, 13.2, low) * size;
        let back = wall + mix(18.6, 19.4, low) * size * random.about(1.0, 0.02);
        let pedicle_half = mix(3.6, 6.6, low) * size;
        let axis = canal + pedicle_half;
        let pedicle_up = half_height * 0.42;
        let pillar = wall + 12.5 * size;
        let limb = |a: Vec3, b: Vec3, radius_a: f64, radius_b: f64| Capsule { a, b, radius_a, radius_b };
        let reach = if lumbar { mix(19.0, 23.0, 1.0 - (low - 0.5).abs()) } else { 11.0 } * size;
        let limbs = [
            limb(
                [axis, wall - 5.0, pedicle_up],
                [axis + 0.5, pillar - 1.0, pedicle_up * 0.9],
                pedicle_half,
                pedicle_half,
            ),
            limb([axis - 0.5, pillar, pedicle_up * 0.6], [axis - 1.0, pillar + 0.5, half_height + 6.5], 4.6, 4.0),
            limb(
                [axis - 1.0, pillar + 1.5, pedicle_up * 0.4],
                [axis - 3.5, pillar + 7.5, -half_height - 8.5],
                4.4,
                4.2,
            ),
            limb([axis + 1.0, wall + 7.0, pedicle_up * 0.8], [axis + reach, wall + 13.0, pedicle_up * 1.1], 4.2, 3.0),
        ];
        let droop = if lumbar { mix(0.26, 0.12, low) } else { 0.75 };
        let length = if lumbar { mix(29.0, 24.0, low * low) } else { 27.0 } * size * random.about(1.0, 0.05);
        let root = [0.0, back + 4.0, -half_height * 0.42];
        let tip = [0.0, root[1] + length, root[2] - length * droop];
        let lamina = limb([canal + 1.0, back - 3.5, -1.0], [0.0, back + 4.2, -half_height * 0.42], 3.2, 3.4);
        let spinous = Spinous {
            root,
            tip,
            half_height_mm: if lumbar { mix(11.5, 9.0, low * low) } else { 6.0 } * size * random.about(1.0, 0.06),
            half_width_mm: mix(3.0, 3.8, low),
        };
        Self {
            canal_half_width_mm: canal,
            wall_mm: wall,
            pedicle_floor_mm: pedicle_up - half_height * 0.5,
            tip,
            low: [0.0, wall - 5.0 - pedicle_half, tip[2].min(-half_height - 8.5) - 14.0],
            high: [axis + reach + 5.0, tip[1] + 4.0, half_height + 12.0],
            shape: Shape::Free(Box::new(Free {
                limbs,
                stretch: [pedicle_half / (half_height * 0.5), 0.85, 0.8, 0.75],
                lamina,
                spinous,
            })),
        }
    }

    /// The lateral mass and the roof of a sacral segment, `share` as large as that of S1.
    fn fused(body: &Body, share: f64, size: f64) -> Self {
        let wall = body.posterior_wall_mm(0.0);
        let canal = mix(9.0, 14.0, share) * size;
        let back = wall + mix(7.0, 15.0, share) * size;
        let crest = mix(4.0, 11.0, share);
        let reach = mix(18.0, 34.0, share) * size;
        Self {
            canal_half_width_mm: canal,
            wall_mm: wall,
            pedicle_floor_mm: 0.0,
            tip: [0.0, back + 4.0 + crest, 0.0],
            low: [0.0, wall - 4.0 - mix(8.0, 15.0, share), -1.2 * body.half_height_mm],
            high: [canal + reach * 1.2, back + 6.0 + crest, 1.2 * body.half_height_mm + 1.0],
            shape: Shape::Fused(Fused {
                wing: [canal + reach * 0.55, wall - 4.0, 1.0],
                wing_half: [reach * 0.62, mix(8.0, 15.0, share), body.half_height_mm * 1.12],
                roof_mm: back + 2.4,
                roof_half: [canal + 2.0, 2.6, body.half_height_mm * 0.92],
                crest_mm: crest,
            }),
        }
    }

    /// Radius of a sphere about the body's centre that holds the arch.
    pub(super) fn bound_mm(&self) -> f64 {
        let back = self.tip[1].hypot(self.tip[2]) + 10.0;
        match &self.shape {
            Shape::Free(free) => {
                let [_, _, inferior, transverse] = &free.limbs;
                back.max(transverse.b[0].hypot(transverse.b[1]) + 5.0).max(inferior.b[2].abs() + 34.0)
            }
            Shape::Fused(fused) => back.max(fused.wing[0] + fused.wing_half[0] + 10.0),
        }
    }

    /// Signed distance to the surface; outside, it may be short.
    pub(super) fn distance(&self, local: Vec3) -> f64 {
        let [u, v, w] = [local[0].abs(), local[1], local[2]];
        let beyond = |x: f64, axis: usize| (self.low[axis] - x).max(x - self.high[axis]);
        let out = beyond(u, 0).max(beyond(v, 1)).max(beyond(w, 2));
        if out > FAR_MM {
            return out;
        }
        match &self.shape {
            Shape::Free(free) => free.distance([u, v, w]),
            Shape::Fused(fused) => fused.distance([u, v, w]),
        }
    }
}

impl Free {
    fn distance(&self, [u, v, w]: Vec3) -> f64 {
        // The lamina is a line drawn out in height.
        let Capsule { a, b, .. } = self.lamina;
        let tall = ((w - mix(a[2], b[2], 0.5)).abs() - 6.5).max(0.0);
        let (lamina, _) = self.lamina.distance([u, v, b[2] + (a[2] - b[2]) * (u / a[0]).min(1.0) + tall]);
        let mut distance = smooth_union(self.spinous.distance([u, v, w]), lamina, FILLET_MM);
        for (limb, stretch) in self.limbs.iter().zip(self.stretch) {
            let flattened = |p: Vec3| [p[0], p[1], p[2] * stretch];
            let squeezed = Capsule { a: flattened(limb.a), b: flattened(limb.b), ..*limb };
            distance = smooth_union(distance, squeezed.distance(flattened([u, v, w])).0, FILLET_MM);
        }
        distance
    }
}

impl Fused {
    fn distance(&self, [u, v, w]: Vec3) -> f64 {
        let mass = rounded_box([u - self.wing[0], v - self.wing[1], w - self.wing[2]], self.wing_half, 7.0);
        let sag = u * 0.22;
        let roof = rounded_box([u, v - self.roof_mm + sag, w], self.roof_half, 2.0);
        let crest_half = [2.6, self.crest_mm / 2.0 + 2.0, self.roof_half[2] * 0.8];
        let crest = rounded_box([u, v - self.roof_mm - self.crest_mm / 2.0, w], crest_half, 2.0);
        smooth_union(smooth_union(mass, roof, FILLET_MM), crest, FILLET_MM)
    }
}

impl Spinous {
    fn distance(&self, p: Vec3) -> f64 {
        let (dv, dw) = (self.tip[1] - self.root[1], self.tip[2] - self.root[2]);
        let length = dv.hypot(dw);
        let (v, w) = (p[1] - self.root[1], p[2] - self.root[2]);
        let (along, across) = ((v * dv + w * dw) / length, (w * dv - v * dw) / length);
        // A hatchet: taller and thicker towards the tip.
        let out = (along / length).clamp(0.0, 1.0);
        let half = [self.half_width_mm * (0.75 + 0.4 * out), length / 2.0, self.half_height_mm * (0.82 + 0.25 * out)];
        // Its lower edge bellies out, its upper edge is hollow.
        let belly = across + 1.6 * (std::f64::consts::PI * out).sin();
        rounded_box([p[0] * 1.4, along - length / 2.0, belly], [half[0] * 1.4, half[1], half[2]], 4.2)
    }
}
