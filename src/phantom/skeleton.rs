//! The chain of vertebral bodies and discs, from the coccyx to T4, as sizes and frames.
//!
//! The chain grows from the upper endplate of S1 towards the head and towards the foot, one rigid
//! body and one disc space at a time. Coordinates are the phantom's own: LPS, in mm, with the
//! lumbar spine about the origin and the patient lying straight.

use super::body::{Body, DiscSpace, Segment};
use super::frame::Frame;
use super::parameters::{LevelParameters, Parameters, PhantomError};
use super::random::Random;
use crate::spine::{Disc, Vec3, Vertebra, add, scaled, sub};

/// Sacral segments below S1 and pieces of the coccyx.
pub(super) const BELOW_S1: usize = 6;

/// Sizes of a vertebra at its place from below, lowest lumbar first: half width, half depth, and
/// height from rim to rim, mm, and the height of the disc under it. After Panjabi 1992
/// (Spine 17:299) and Zhou 2000 (Eur Spine J 9:242), thoracic extrapolated.
const SIZES_MM: [[f64; 4]; 14] = [
    [25.0, 17.6, 29.0, 10.6],
    [24.0, 17.4, 28.8, 11.8],
    [22.8, 17.0, 28.6, 11.0],
    [21.8, 16.6, 28.2, 9.8],
    [20.8, 16.0, 27.4, 8.6],
    [19.4, 15.4, 26.0, 7.4],
    [17.8, 14.9, 24.4, 6.4],
    [16.6, 14.4, 22.8, 5.6],
    [15.8, 14.0, 21.6, 5.0],
    [15.2, 13.6, 20.8, 4.6],
    [14.8, 13.2, 20.2, 4.4],
    [14.4, 12.6, 19.6, 4.2],
    [14.0, 12.0, 19.0, 4.0],
    [13.8, 11.4, 18.5, 4.0],
];

/// Share of the lumbar lordosis that the disc under, and the body of, each lumbar vertebra takes, lowest first.
const LORDOSIS_SHARES: [[f64; 2]; 6] =
    [[0.29, 0.13], [0.21, 0.05], [0.16, 0.02], [0.11, 0.0], [0.07, -0.04], [0.03, -0.04]];

/// Half width, half depth and height, mm, of the upper end of S2 to S5 and two pieces of the
/// coccyx, and by how many degrees each bends forwards under the one above.
const BELOW_SIZES: [[f64; 4]; BELOW_S1] = [
    [17.0, 10.6, 25.0, 3.0],
    [14.0, 8.4, 21.0, 8.0],
    [12.0, 7.0, 18.0, 13.0],
    [10.0, 6.0, 15.0, 16.0],
    [8.0, 4.6, 12.0, 22.0],
    [5.0, 3.6, 10.0, 24.0],
];

/// The bodies and disc spaces of one spine.
#[derive(Debug, Clone)]
pub(super) struct Skeleton {
    /// From foot to head; S1 is at [`BELOW_S1`].
    pub(super) bodies: Vec<Body>,
    /// `discs[i]` lies between `bodies[i]` and `bodies[i + 1]`.
    pub(super) discs: Vec<DiscSpace>,
    /// Overall size of this person, 1 on average.
    pub(super) size: f64,
}

/// What bends a motion segment: its disc's and its body's angles, radians.
#[derive(Debug, Clone, Copy)]
struct Bend {
    disc: f64,
    body: f64,
    lean: f64,
    turn: f64,
}

impl Skeleton {
    pub(super) fn new(parameters: &Parameters) -> Result<Self, PhantomError> {
        parameters.validate()?;
        let mut random = Random::stream(parameters.seed, 2);
        let size = random.about(1.0, 0.045);
        let slope = parameters.sacral_slope_deg.unwrap_or_else(|| random.about(40.0, 3.0));
        let lordosis = parameters.lordosis_deg.unwrap_or_else(|| random.about(50.0, 4.5));
        let mut upwards = vec![first_sacral(parameters, slope.to_radians(), size, &mut random)];
        let mut discs_upwards = Vec::new();
        let names = parameters.vertebrae();
        let bends = bends(parameters, lordosis.to_radians());
        for (from_below, (name, bend)) in names.iter().skip(1).zip(bends).enumerate() {
            let Some(lower) = upwards.last() else { break };
            let asked = parameters.level(Disc::new(*name, names[from_below]));
            let row = size_row(from_below, usize::from(parameters.lumbar_count));
            let (disc, body) = motion_segment(lower, *name, row, bend, asked, size, &mut random);
            discs_upwards.push(disc);
            upwards.push(body);
        }
        let (below, discs_below) = below_s1(parameters, &upwards[0], size, &mut random);
        let mut bodies: Vec<Body> = below.into_iter().rev().collect();
        bodies.extend(upwards);
        let mut discs: Vec<DiscSpace> = discs_below.into_iter().rev().collect();
        discs.extend(discs_upwards);
        let mut skeleton = Self { bodies, discs, size };
        skeleton.centre();
        Ok(skeleton)
    }

    /// The body of `vertebra` and its index.
    pub(super) fn vertebra(&self, vertebra: Vertebra) -> Option<(usize, &Body)> {
        self.bodies.iter().enumerate().find(|(_, b)| b.segment == Segment::Vertebra(vertebra))
    }

    /// Puts the middle between the upper endplates of S1 and L1 at the origin.
    fn centre(&mut self) {
        let top = |b: &Body| b.frame.lps([0.0, 0.0, b.half_height_mm]);
        let Some((_, l1)) = self.vertebra(Vertebra::L1) else { return };
        let middle = scaled(add(top(l1), top(&self.bodies[BELOW_S1])), 0.5);
        let shift = |at: &mut Vec3| *at = sub(*at, middle);
        self.bodies.iter_mut().for_each(|b| shift(&mut b.frame.origin_lps_mm));
        self.discs.iter_mut().for_each(|d| shift(&mut d.frame.origin_lps_mm));
    }
}

/// Row of [`SIZES_MM`]: a sixth lumbar vertebra repeats the first one's size, a missing one skips it.
fn size_row(from_below: usize, lumbar_count: usize) -> [f64; 4] {
    let row = match (lumbar_count, from_below) {
        (4, i) if i >= 4 => i + 1,
        (6, i) if i >= 5 => i - 1,
        (_, i) => i,
    };
    SIZES_MM[row.min(SIZES_MM.len() - 1)]
}

/// The bends from the lowest lumbar vertebra to T4.
fn bends(parameters: &Parameters, lordosis: f64) -> Vec<Bend> {
    let count = usize::from(parameters.lumbar_count);
    let total: f64 = LORDOSIS_SHARES[..count].iter().flatten().sum();
    let cobb = parameters.scoliosis_deg.to_radians();
    // The tangent of the curve leans one way below the apex and the other way above it; the
    // patient's own upright is kept at the sacrum and above the thoracolumbar junction.
    let lean_of = |from_below: usize| {
        let place = from_below as f64 / (count as f64 - 1.0).max(1.0);
        let rise = (place * 4.0 + 1.0).min(1.0) * (1.0 - ((place - 1.0) / 0.8).clamp(0.0, 1.0));
        cobb / 2.0 * rise * (std::f64::consts::PI * place.clamp(0.0, 1.0)).cos()
    };
    (0..parameters.vertebrae().len() - 1)
        .map(|i| {
            let below = if i == 0 { 0.0 } else { lean_of(i - 1) };
            let [disc, body] = match LORDOSIS_SHARES.get(i).filter(|_| i < count) {
                Some(shares) => shares.map(|share| share / total * lordosis),
                None => [-0.5_f64.to_radians(), if i < count + 2 { -2.0_f64 } else { -3.2_f64 }.to_radians()],
            };
            let apex = 1.0 - (2.0 * i as f64 / (count as f64 - 1.0) - 1.0).abs().min(1.0);
            let turn = cobb * 0.25 * (apex - previous_apex(i, count));
            Bend { disc, body, lean: lean_of(i) - below, turn }
        })
        .collect()
}

fn previous_apex(i: usize, count: usize) -> f64 {
    if i == 0 { 0.0 } else { 1.0 - (2.0 * (i - 1) as f64 / (count as f64 - 1.0) - 1.0).abs().min(1.0) }
}

/// Share of its height that a disc keeps at each of Pfirrmann's grades.
const HEIGHT_KEPT: [f64; 5] = [1.0, 0.99, 0.92, 0.76, 0.5];
/// Posterior bulge of a disc at each of Pfirrmann's grades, mm.
const BULGE_MM: [f64; 5] = [0.0, 0.3, 0.8, 1.6, 2.2];

fn motion_segment(
    lower: &Body,
    name: Vertebra,
    row: [f64; 4],
    bend: Bend,
    asked: LevelParameters,
    size: f64,
    random: &mut Random,
) -> (DiscSpace, Body) {
    let drawn = (1.6 + random.unit() * 2.2).round() as u8;
    let pfirrmann = asked.pfirrmann.unwrap_or(drawn).clamp(1, 5);
    let worn = usize::from(pfirrmann - 1);
    let own = |mean: f64, random: &mut Random| mean * size * random.about(1.0, 0.02);
    let [half_width, half_depth, height, disc_height] = row;
    let (half_width, half_depth) = (own(half_width, random), own(half_depth, random));
    let height = own(height, random);
    let disc_height = own(disc_height, random) * HEIGHT_KEPT[worn];
    // What the disc can't open or close without its endplates touching, the body takes as wedging.
    let room = ((disc_height - 2.2).max(0.3) / half_depth.max(lower.half_depth_mm)).atan();
    let disc_bend = bend.disc.clamp(-room, room);
    let lean_room = ((disc_height - 2.0).max(0.2) / half_width).atan();
    let disc_lean = (bend.lean * 0.55).clamp(-lean_room, lean_room);
    let (body_bend, body_lean) = (bend.body + bend.disc - disc_bend, bend.lean - disc_lean);

    let base = lower.top_frame();
    let middle = base.extended(disc_bend / 2.0).leaning(disc_lean / 2.0);
    let rise = scaled(middle.up, disc_height);
    let under = sub(add(base.origin_lps_mm, rise), scaled(base.posterior, asked.slip_mm));
    let inferior = base.extended(disc_bend).leaning(disc_lean).turned(bend.turn).at(under);
    let centre = inferior.extended(body_bend / 2.0).leaning(body_lean / 2.0);
    let osteophyte = [0.0, 0.2, 0.6, 1.4, 2.2][worn] * random.between(0.5, 1.3);
    let body = Body {
        segment: Segment::Vertebra(name),
        frame: centre.at(add(under, scaled(centre.up, height / 2.0))),
        half_width_mm: half_width,
        half_depth_mm: half_depth,
        half_height_mm: height / 2.0,
        wedge_rad: body_bend,
        lateral_wedge_rad: body_lean,
        slopes: [body_bend, body_lean].map(|angle| (angle / 2.0).tan()),
        dip_mm: [random.about(1.5, 0.3), random.about(1.9, 0.35)],
        taper: random.about(-0.015, 0.008),
        shear: 0.0,
        waist: random.about(0.075, 0.015),
        lip_mm: [0.0, osteophyte],
    };
    let frame = middle.at(scaled(add(base.origin_lps_mm, under), 0.5));
    (disc_between(lower, &body, frame, disc_height, pfirrmann, asked), body)
}

fn disc_between(
    lower: &Body,
    upper: &Body,
    frame: Frame,
    height_mm: f64,
    pfirrmann: u8,
    asked: LevelParameters,
) -> DiscSpace {
    DiscSpace {
        disc: Some(asked.disc),
        frame,
        half_width_mm: (upper.half_width_mm + lower.half_width_mm * (1.0 + lower.taper)) / 2.0,
        half_depth_mm: (upper.half_depth_mm + lower.half_depth_mm * (1.0 + lower.taper)) / 2.0,
        height_mm,
        pfirrmann,
        bulge_mm: BULGE_MM[usize::from(pfirrmann - 1)] + asked.central.choose([0.0, 0.9, 1.8, 2.8]),
        foraminal_bulge_mm: [asked.left_foramen, asked.right_foramen].map(|g| g.choose([0.0, 0.8, 1.8, 2.8])),
        central: asked.central,
        foramina: [asked.left_foramen, asked.right_foramen],
        slip_mm: asked.slip_mm,
    }
}

fn first_sacral(parameters: &Parameters, slope: f64, size: f64, random: &mut Random) -> Body {
    let height = 29.0 * size * random.about(1.0, 0.03);
    let wedge = random.about(5.0, 2.0).to_radians();
    let superior = Frame::upright([0.0; 3]).extended(-slope);
    let centre = superior.extended(-wedge / 2.0);
    Body {
        segment: Segment::Vertebra(Vertebra::S1),
        frame: centre.at(scaled(centre.up, -height / 2.0)),
        half_width_mm: 22.0 * size,
        half_depth_mm: if parameters.transitional { 15.6 } else { 13.9 } * size * random.about(1.0, 0.02),
        half_height_mm: height / 2.0,
        wedge_rad: wedge,
        lateral_wedge_rad: 0.0,
        slopes: [(wedge / 2.0).tan(), 0.0],
        dip_mm: [random.about(1.0, 0.25), 0.4],
        taper: if parameters.transitional { 0.07 } else { random.about(0.22, 0.02) },
        shear: random.about(0.06, 0.02),
        waist: 0.05,
        lip_mm: [0.0, 0.0],
    }
}

/// S2 to the coccyx, from head to foot, and the remnants of the discs above each.
fn below_s1(parameters: &Parameters, s1: &Body, size: f64, random: &mut Random) -> (Vec<Body>, Vec<DiscSpace>) {
    let (mut bodies, mut discs): (Vec<Body>, Vec<DiscSpace>) = (Vec::new(), Vec::new());
    for (i, [half_width, half_depth, height, bend_deg]) in BELOW_SIZES.into_iter().enumerate() {
        let upper = bodies.last().unwrap_or(s1);
        let remnant_mm = match i {
            0 if parameters.transitional => random.between(5.5, 7.5),
            0 => random.between(2.6, 4.4),
            1 => random.between(1.4, 2.4),
            _ => random.between(1.0, 1.8),
        };
        let square = if i == 0 && parameters.transitional { 1.2 } else { 1.0 };
        let bend = (bend_deg * random.about(1.0, 0.15)).to_radians();
        let base = upper.bottom_frame();
        let middle = base.extended(bend / 2.0);
        let over = sub(base.origin_lps_mm, scaled(middle.up, remnant_mm));
        let centre = base.extended(bend);
        let half_height = height * size / 2.0;
        let half_depth = half_depth * size * square;
        discs.push(DiscSpace {
            disc: None,
            frame: middle.at(scaled(add(base.origin_lps_mm, over), 0.5)),
            half_width_mm: half_width * size * 0.8,
            half_depth_mm: half_depth * if i == 0 { 0.98 } else { 0.9 },
            height_mm: remnant_mm,
            ..DiscSpace::remnant(if i == 0 && parameters.transitional { 2 } else { 4 })
        });
        bodies.push(Body {
            segment: if i < 4 { Segment::Sacral(i as u8 + 2) } else { Segment::Coccyx(i as u8 - 3) },
            frame: centre.at(sub(over, scaled(centre.up, half_height))),
            half_width_mm: half_width * size,
            half_depth_mm: half_depth * 0.9,
            half_height_mm: half_height,
            wedge_rad: 0.0,
            lateral_wedge_rad: 0.0,
            slopes: [0.0; 2],
            dip_mm: [0.3, 0.3],
            taper: 0.11,
            shear: 0.0,
            waist: 0.06,
            lip_mm: [0.0; 2],
        });
    }
    (bodies, discs)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test says so by failing")]
mod tests {
    use super::*;

    fn tilt_deg(up: Vec3) -> f64 {
        (-up[1]).atan2(up[2]).to_degrees()
    }

    #[test]
    fn lordosis_and_slope_are_what_was_asked() {
        for lumbar_count in 4..=6 {
            let p = Parameters {
                lumbar_count,
                lordosis_deg: Some(52.0),
                sacral_slope_deg: Some(38.0),
                ..Parameters::default()
            };
            let s = Skeleton::new(&p).unwrap();
            let s1 = tilt_deg(s.vertebra(Vertebra::S1).unwrap().1.top_frame().up);
            let l1 = tilt_deg(s.vertebra(Vertebra::L1).unwrap().1.top_frame().up);
            assert!((s1 - 38.0).abs() < 1e-6 && (s1 - l1 - 52.0).abs() < 1e-6, "{s1} {l1}");
        }
    }

    #[test]
    fn a_curve_convex_to_the_left_has_its_apex_on_the_left() {
        let p = Parameters { scoliosis_deg: 30.0, ..Parameters::default() };
        let s = Skeleton::new(&p).unwrap();
        let x = |v| s.vertebra(v).unwrap().1.frame.origin_lps_mm[0];
        assert!(x(Vertebra::L3) > x(Vertebra::S1) + 5.0 && x(Vertebra::L3) > x(Vertebra::T11) + 5.0);
        let leans: Vec<f64> = s.bodies.iter().map(|b| b.frame.up[0].asin().to_degrees()).collect();
        let most = leans.iter().copied().fold(f64::MIN, f64::max);
        let least = leans.iter().copied().fold(f64::MAX, f64::min);
        assert!((most - least - 30.0).abs() < 6.0, "{most} {least}");
    }
}
