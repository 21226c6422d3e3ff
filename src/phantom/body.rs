//! The shape of a vertebral body and of the disc space above it, in local coordinates.

use super::frame::{Frame, length2, smooth_intersection};
use super::parameters::Narrowing;
use crate::spine::{Disc, Vec3, Vertebra};

/// Which bone a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    /// One with a name that is reported.
    Vertebra(Vertebra),
    /// S2 to S5.
    Sacral(u8),
    /// A piece of the coccyx, 1 the uppermost.
    Coccyx(u8),
}

/// A vertebral body. Its frame sits in its centre; rims are planes through the endplates' edges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    pub(super) segment: Segment,
    pub(super) frame: Frame,
    pub(super) half_width_mm: f64,
    pub(super) half_depth_mm: f64,
    /// Half the distance between the rims' planes on the axis.
    pub(super) half_height_mm: f64,
    /// Angle between the rims, taller in front positive.
    pub(super) wedge_rad: f64,
    /// The same seen from behind, taller on the right positive.
    pub(super) lateral_wedge_rad: f64,
    /// Tangents of half of either angle.
    pub(super) slopes: [f64; 2],
    /// Depth of the upper and of the lower endplate's concavity.
    pub(super) dip_mm: [f64; 2],
    /// Share by which the upper end is wider than the middle, and the lower end narrower.
    pub(super) taper: f64,
    /// Forward offset of the outline for each mm upwards.
    pub(super) shear: f64,
    /// Share by which the walls are hollowed at mid-height.
    pub(super) waist: f64,
    /// Osteophytic lip at the upper and at the lower rim.
    pub(super) lip_mm: [f64; 2],
}

/// Rounding of the rims, mm.
const RIM_ROUNDING_MM: f64 = 2.6;

impl Body {
    pub(super) fn vertebra(&self) -> Option<Vertebra> {
        match self.segment {
            Segment::Vertebra(v) => Some(v),
            Segment::Sacral(_) | Segment::Coccyx(_) => None,
        }
    }

    /// The frame on the upper rim's plane.
    pub(super) fn top_frame(&self) -> Frame {
        let tilted = self.frame.extended(self.wedge_rad / 2.0).leaning(self.lateral_wedge_rad / 2.0);
        tilted.at(self.frame.lps([0.0, -self.shear * self.half_height_mm, self.half_height_mm]))
    }

    /// The frame on the lower rim's plane.
    pub(super) fn bottom_frame(&self) -> Frame {
        let tilted = self.frame.extended(-self.wedge_rad / 2.0).leaning(-self.lateral_wedge_rad / 2.0);
        tilted.at(self.frame.lps([0.0, self.shear * self.half_height_mm, -self.half_height_mm]))
    }

    /// Radius of a sphere about the centre that holds the body.
    pub(super) fn bound_mm(&self) -> f64 {
        let wide = 1.0 + self.taper.abs();
        (self.half_width_mm * wide).hypot(self.half_height_mm * 1.25).hypot(self.half_depth_mm * 0.5) + 3.0
    }

    fn tilt_mm(&self, u: f64, v: f64) -> f64 {
        (v + self.shear * self.half_height_mm) * self.slopes[0] + u * self.slopes[1]
    }

    fn dish(&self, u: f64, v: f64, upper: bool) -> f64 {
        let sign = if upper { 1.0 } else { -1.0 };
        let wide = 1.0 + sign * self.taper;
        let x = u / (self.half_width_mm * wide);
        // The deepest place of an endplate lies behind its middle.
        let y = (v + sign * self.shear * self.half_height_mm - 0.08 * self.half_depth_mm) / (self.half_depth_mm * wide);
        (1.0 - 1.15 * (x * x + y * y)).max(0.0)
    }

    /// Height of the upper endplate over a place `u, v`.
    pub(super) fn top_mm(&self, u: f64, v: f64) -> f64 {
        self.half_height_mm - self.tilt_mm(u, v) - self.dip_mm[0] * self.dish(u, v, true)
    }

    /// Height of the lower endplate over a place `u, v`.
    pub(super) fn bottom_mm(&self, u: f64, v: f64) -> f64 {
        -self.half_height_mm + self.tilt_mm(u, v) + self.dip_mm[1] * self.dish(u, v, false)
    }

    /// Half width, half depth and middle of the outline at height `w`; the front may carry a lip.
    fn outline(&self, w: f64, anterior: bool) -> (f64, f64, f64) {
        let h = (w / self.half_height_mm).clamp(-1.2, 1.2);
        let hollow = 1.0 - self.waist * (1.0 - h * h).max(0.0);
        let scale = (1.0 + self.taper * h) * hollow;
        let lip = self.lip_mm[usize::from(h < 0.0)] * ((h.abs() - 0.55) / 0.45).clamp(0.0, 1.0).powi(2);
        let front = if anterior { lip } else { lip * 0.25 };
        (self.half_width_mm * scale + lip * 0.6, self.half_depth_mm * scale + front, -self.shear * w)
    }

    /// Place of the posterior wall in the midline at height `w`.
    pub(super) fn posterior_wall_mm(&self, w: f64) -> f64 {
        let (_, half_depth, middle) = self.outline(w, false);
        middle + half_depth
    }

    /// Place of the anterior wall in the midline at height `w`.
    pub(super) fn anterior_wall_mm(&self, w: f64) -> f64 {
        let (_, half_depth, middle) = self.outline(w, true);
        middle - half_depth
    }

    /// Signed distance to the surface.
    pub(super) fn distance(&self, local: Vec3) -> f64 {
        let [u, v, w] = local;
        let ends = (w - self.top_mm(u, v)).max(self.bottom_mm(u, v) - w);
        if ends > 8.0 {
            return ends;
        }
        let middle = -self.shear * w;
        let (half_width, half_depth, _) = self.outline(w, v < middle);
        let walls = outline_distance(u, v - middle, half_width, half_depth);
        smooth_intersection(ends, walls, RIM_ROUNDING_MM)
    }
}

/// Distance to a body's outline seen from above: an ellipse in front, flattened behind.
pub(super) fn outline_distance(u: f64, v: f64, half_width: f64, half_depth: f64) -> f64 {
    let (x, y) = (u / half_width, v / half_depth);
    let (xx, yy) = (x * x, y * y);
    let round = (xx + yy).sqrt();
    let r = if v > 0.0 { 0.35 * round + 0.65 * (xx * xx + yy * yy).sqrt().sqrt() } else { round };
    if r < 1e-6 {
        return -half_depth.min(half_width);
    }
    length2(u, v) * (1.0 - 1.0 / r)
}

/// The space between two bodies, filled by a disc or its remnant.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiscSpace {
    /// Its name; remnants inside the sacrum have none.
    pub(super) disc: Option<Disc>,
    /// Half-way between the rims it lies between.
    pub(super) frame: Frame,
    pub(super) half_width_mm: f64,
    pub(super) half_depth_mm: f64,
    /// Distance between the rims on the axis.
    pub(super) height_mm: f64,
    /// Pfirrmann's grade, 1 to 5.
    pub(super) pfirrmann: u8,
    /// How far it stands out behind, in the midline.
    pub(super) bulge_mm: f64,
    /// How far it stands out into the left and the right foramen.
    pub(super) foraminal_bulge_mm: [f64; 2],
    pub(super) central: Narrowing,
    /// Left, right.
    pub(super) foramina: [Narrowing; 2],
    pub(super) slip_mm: f64,
}

/// Where in a disc a place is.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiscPlace {
    /// Signed distance to the surface.
    pub(super) distance_mm: f64,
    /// 0 in the middle, 1 at the outline.
    pub(super) radius: f64,
    /// -1 at the lower, 1 at the upper endplate.
    pub(super) height: f64,
    /// Front or back, -1 to 1.
    pub(super) depth: f64,
}

impl DiscSpace {
    /// A disc without a name and without findings.
    pub(super) fn remnant(pfirrmann: u8) -> Self {
        Self {
            disc: None,
            frame: Frame::upright([0.0; 3]),
            half_width_mm: 0.0,
            half_depth_mm: 0.0,
            height_mm: 0.0,
            pfirrmann,
            bulge_mm: 0.0,
            foraminal_bulge_mm: [0.0; 2],
            central: Narrowing::Normal,
            foramina: [Narrowing::Normal; 2],
            slip_mm: 0.0,
        }
    }

    /// Radius of a sphere about the centre that holds the disc.
    pub(super) fn bound_mm(&self) -> f64 {
        self.half_width_mm.max(self.half_depth_mm + self.slip_mm.abs()) + self.height_mm / 2.0 + 5.0
    }

    /// Where `p_mm`, in the phantom's coordinates, is between `lower` and `upper`.
    pub(super) fn place(&self, p_mm: Vec3, lower: &Body, upper: &Body) -> DiscPlace {
        let [u, v, _] = self.frame.local(p_mm);
        let behind = (v / self.half_depth_mm).max(0.0);
        let foramen = self.foraminal_bulge_mm[usize::from(u < 0.0)] * (u.abs() / self.half_width_mm).min(1.0);
        let depth = self.half_depth_mm + if v > 0.0 { (self.bulge_mm.max(foramen)) * behind.min(1.0) } else { 0.4 };
        let walls = outline_distance(u, v, self.half_width_mm + 0.3 + foramen * 0.5, depth);
        let (below, above) = (lower.frame.local(p_mm), upper.frame.local(p_mm));
        let over_lower = below[2] - lower.top_mm(below[0], below[1]);
        let under_upper = upper.bottom_mm(above[0], above[1]) - above[2];
        let open = (over_lower + under_upper).max(0.1);
        let ends = (-over_lower).max(-under_upper);
        DiscPlace {
            distance_mm: smooth_intersection(ends, walls, 1.6),
            radius: (1.0 + walls / length2(u, v).max(self.half_depth_mm * 0.5)).max(0.0),
            height: (over_lower - under_upper) / open,
            depth: v / depth,
        }
    }
}
