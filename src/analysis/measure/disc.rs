//! Heights and depth of a disc in the sagittal plane of the curve.

use super::body::Endplate;
use super::probe::Probe;
use crate::analysis::curve::{Directions, median, offset};
use crate::spine::{Measurement, Vec3, dot, sub};

/// Length of the disc's own mask along the curve, at a share of its depth.
pub(super) const MASK_METHOD: &str = "disc-mask";
/// Distance of the two endplates along the curve, where no disc was segmented.
pub(super) const ENDPLATES_METHOD: &str = "facing-endplates";

/// Where the heights are taken: shares of the depth from the front.
pub(super) const SHARES: [f64; 3] = [1.0 / 6.0, 0.5, 5.0 / 6.0];

/// How far from its centre a disc is looked for, across and along the curve, mm.
const ACROSS_MM: f64 = 32.0;
const ALONG_MM: f64 = 13.0;
/// The depth is the median over this stretch along the curve, a height over this stretch across it; half widths in mm.
const DEPTH_STRETCH_MM: f64 = 1.5;
const HEIGHT_STRETCH_MM: f64 = 1.5;
/// Lines on each side of the middle one.
const LINES: i32 = 3;

/// A disc's outline: front and back edge, distances from its centre towards the back, mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct DiscExtent {
    pub(super) front_mm: f64,
    pub(super) back_mm: f64,
}

impl DiscExtent {
    /// The extent of the part in the plane through `centre_mm`; `None` where it isn't met there.
    pub(super) fn find(disc: Probe<'_>, centre_mm: Vec3, directions: &Directions) -> Option<Self> {
        let runs: Vec<_> = stretch(DEPTH_STRETCH_MM)
            .filter_map(|v| disc.longest(offset(centre_mm, directions.up, v), directions.back, -ACROSS_MM, ACROSS_MM))
            .collect();
        let edge = |of: &dyn Fn(&super::probe::Run) -> f64| median(&runs.iter().map(of).collect::<Vec<_>>());
        let found = Self { front_mm: edge(&|r| r.from_mm)?, back_mm: edge(&|r| r.to_mm)? };
        (found.back_mm > found.front_mm).then_some(found)
    }

    pub(super) fn depth_mm(&self) -> f64 {
        self.back_mm - self.front_mm
    }

    fn at_mm(&self, share: f64) -> f64 {
        self.front_mm + share * self.depth_mm()
    }
}

/// Offsets of the lines over a stretch.
fn stretch(half_mm: f64) -> impl Iterator<Item = f64> {
    (-LINES..=LINES).map(move |i| f64::from(i) / f64::from(LINES) * half_mm)
}

/// Height at a share of the depth, from the disc's mask.
pub(super) fn height_of_mask(
    disc: Probe<'_>,
    centre_mm: Vec3,
    directions: &Directions,
    extent: &DiscExtent,
    share: f64,
) -> Measurement {
    let lengths: Vec<f64> = stretch(HEIGHT_STRETCH_MM)
        .filter_map(|du| {
            let origin = offset(centre_mm, directions.back, extent.at_mm(share) + du);
            disc.longest(origin, directions.up, -ALONG_MM, ALONG_MM).map(|run| run.length_mm())
        })
        .collect();
    match median(&lengths) {
        Some(height_mm) => Measurement::taken(height_mm, "mm", MASK_METHOD),
        None => Measurement::missing("the disc has no extent here", "mm", MASK_METHOD),
    }
}

/// Height at a share of the depth, between the endplate below and the one above.
pub(super) fn height_between(below: &Endplate, above: &Endplate, directions: &Directions, share: f64) -> Measurement {
    let height_mm = dot(sub(above.at(share), below.at(share)), directions.up);
    if height_mm < 0.0 {
        return Measurement::missing("the endplates overlap", "mm", ENDPLATES_METHOD);
    }
    Measurement::taken(height_mm, "mm", ENDPLATES_METHOD)
}
