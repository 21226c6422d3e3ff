//! Where a piece belongs along the chain: into which space between bodies, to which vertebra.

use crate::spine::Vec3;

/// How far along a space (as a share, from the lower centre to the upper) the middle of a disc may lie.
const DISC_ALONG: std::ops::RangeInclusive<f64> = 0.1..=0.9;
/// How far beside the line of centres, mm.
const DISC_ACROSS_MM: f64 = 28.0;
/// Posterior elements lie this much lower than the body they belong to, mm: the spinous process hangs, the pedicles don't.
const POSTERIOR_DROP_MM: f64 = 10.0;
/// How far behind the bodies' centres posterior elements reach, mm.
const POSTERIOR_BEHIND_MM: std::ops::RangeInclusive<f64> = 5.0..=95.0;

/// A place in the space between two bodies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct InSpace {
    /// 0 below the lowest body, i between the bodies i - 1 and i, the number of bodies above the highest.
    pub(crate) space: usize,
    /// How far along it, from the lower centre (0) to the upper (1).
    pub(crate) along: f64,
}

/// The bodies' centres and axes, in the slice plane.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The centres, with one made up below and above them.
    points_mm: Vec<[f64; 2]>,
    /// Unit direction towards the head at each body.
    ups: Vec<[f64; 2]>,
    pitch_mm: f64,
}

impl Places {
    /// The places along a chain of at least two bodies, foot to head.
    pub(crate) fn of(centres_mm: &[Vec3], pitch_mm: f64) -> Option<Self> {
        let flat: Vec<[f64; 2]> = centres_mm.iter().map(|c| [c[0], c[1]]).collect();
        let (&[first, second, ..], &[.., before, last]) = (flat.as_slice(), flat.as_slice()) else { return None };
        let points_mm = [&[beyond(second, first, pitch_mm)?][..], &flat, &[beyond(before, last, pitch_mm)?]].concat();
        let ups = points_mm.windows(3).map(|w| direction(w[0], w[2])).collect::<Option<Vec<_>>>()?;
        Some(Self { points_mm, ups, pitch_mm })
    }

    /// The space in which a place lies, if it lies in one.
    pub(crate) fn space_of(&self, at_mm: [f64; 2]) -> Option<InSpace> {
        let candidates = self.points_mm.windows(2).enumerate().filter_map(|(space, w)| {
            let up = direction(w[0], w[1])?;
            let away = [at_mm[0] - w[0][0], at_mm[1] - w[0][1]];
            let length_mm = (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1]);
            let along = (away[0] * up[0] + away[1] * up[1]) / length_mm;
            let across_mm = (away[0] * up[1] - away[1] * up[0]).abs();
            let fits = DISC_ALONG.contains(&along) && across_mm <= DISC_ACROSS_MM;
            fits.then_some((InSpace { space, along }, (along - 0.5).abs() * length_mm + across_mm))
        });
        candidates.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place)
    }

    /// The body to which posterior elements at a place belong.
    pub(crate) fn posterior_of(&self, at_mm: [f64; 2]) -> Option<usize> {
        let bodies = self.points_mm.iter().skip(1).zip(&self.ups).enumerate();
        let (body, drop_mm, behind_mm) = bodies
            .map(|(i, (centre, up))| {
                let away = [at_mm[0] - centre[0], at_mm[1] - centre[1]];
                let along = away[0] * up[0] + away[1] * up[1];
                (i, (along + POSTERIOR_DROP_MM).abs(), away[1] * up[0] - away[0] * up[1])
            })
            .min_by(|a, b| a.1.total_cmp(&b.1))?;
        (drop_mm <= self.pitch_mm && POSTERIOR_BEHIND_MM.contains(&behind_mm)).then_some(body)
    }

    /// Unit direction towards the head at a body.
    pub(crate) fn up(&self, body: usize) -> [f64; 2] {
        self.ups[body]
    }
}

/// The unit direction from one point to another.
fn direction(from: [f64; 2], to: [f64; 2]) -> Option<[f64; 2]> {
    let d = [to[0] - from[0], to[1] - from[1]];
    let length = d[0].hypot(d[1]);
    (length > 1e-6).then(|| [d[0] / length, d[1] / length])
}

/// The point `distance` beyond `to`, coming from `from`.
fn beyond(from: [f64; 2], to: [f64; 2], distance: f64) -> Option<[f64; 2]> {
    direction(from, to).map(|d| [to[0] + d[0] * distance, to[1] + d[1] * distance])
}

/// Distances between neighbouring centres in the slice plane, mm: sideways places are too rough to add.
pub(crate) fn steps_mm(centres_mm: &[Vec3]) -> Vec<f64> {
    centres_mm.windows(2).map(|w| (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1])).collect()
}
