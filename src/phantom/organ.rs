//! Vessels, nerves, bowel and other organs: tubes and ellipsoids with what fills them.

use super::arch::Arch;
use super::frame::{Capsule, ellipsoid, mix};
use super::parameters::Narrowing;
use super::random::{Random, SmoothNoise};
use super::skeleton::{BELOW_S1, Skeleton};
use super::soft::Soft;
use super::tissue::{Matter, Tissue};
use crate::spine::{Vec3, Vertebra, add, sub};

/// What an organ is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Artery,
    Vein,
    Nerve,
    Kidney,
    Liver,
    Bladder,
    /// A loop of bowel; the number says how much gas is in it.
    Bowel(f64),
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Tube(Capsule),
    Egg { centre: Vec3, half: Vec3 },
}

/// One piece of an organ, in the phantom's coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Organ {
    shape: Shape,
    kind: Kind,
}

impl Organ {
    /// Centre and radius of a sphere around it.
    pub(super) fn bounds(&self) -> (Vec3, f64) {
        match self.shape {
            Shape::Tube(capsule) => capsule.bounds(),
            Shape::Egg { centre, half } => (centre, half[0].max(half[1]).max(half[2])),
        }
    }

    /// Signed distance to its surface, and the place along a tube, 0 to 1.
    pub(super) fn distance(&self, p: Vec3) -> (f64, f64) {
        match self.shape {
            Shape::Tube(capsule) => capsule.distance(p),
            Shape::Egg { centre, half } => (ellipsoid(sub(p, centre), half), 0.0),
        }
    }

    /// What it is made of at `p`, which is inside.
    pub(super) fn matter(&self, p: Vec3, (distance, along): (f64, f64), noise: &SmoothNoise) -> Matter {
        match self.kind {
            Kind::Artery if distance > -1.3 => Matter::of(Tissue::Muscle),
            Kind::Artery => Matter::of(Tissue::Blood),
            Kind::Vein if distance > -0.7 => Matter::of(Tissue::Muscle),
            Kind::Vein => Matter::blend(Tissue::Blood, Tissue::SlowBlood, 0.12),
            Kind::Nerve => Matter::of(Tissue::Root),
            Kind::Kidney if distance > -7.0 => Matter::of(Tissue::Organ),
            Kind::Kidney => Matter::blend(Tissue::Organ, Tissue::Fat, 0.4 + 0.8 * noise.grain(p, 9.0)),
            Kind::Liver => Matter::of(Tissue::Organ).gained(0.75 + 0.06 * noise.grain(p, 6.0)),
            Kind::Bladder if distance > -3.0 => Matter::of(Tissue::Muscle),
            Kind::Bladder => Matter::of(Tissue::Urine),
            Kind::Bowel(gas) => bowel(p, distance, along, gas, noise),
        }
    }
}

/// Wall, folds that reach into the lumen, and what is inside: gas above, mush elsewhere.
fn bowel(p: Vec3, distance: f64, along: f64, gas: f64, noise: &SmoothNoise) -> Matter {
    let fold = (along * 19.0 + 2.0 * noise.grain(p, 15.0)).sin() > 0.55;
    let wall = if fold { 5.5 } else { 2.0 };
    if distance > -wall {
        return Matter::of(Tissue::BowelWall).gained(0.9);
    }
    let mush = noise.grain(p, 6.0) + 0.5 * noise.grain(p, 2.5);
    if mush + gas * 2.0 > 1.1 {
        return Matter::of(Tissue::Gas);
    }
    Matter::blend(Tissue::BowelContent, Tissue::Urine, 0.15 * gas).gained(0.7 + 0.35 * mush)
}

/// All organs of one person.
pub(super) fn organs(skeleton: &Skeleton, arches: &[Option<Arch>], soft: &Soft, seed: u64) -> Vec<Organ> {
    let mut random = Random::stream(seed, 6);
    let mut organs = Vec::new();
    nerves(skeleton, arches, &mut organs);
    vessels(skeleton, soft, &mut random, &mut organs);
    let height = |v: Vertebra| skeleton.vertebra(v).map_or(0.0, |(_, b)| b.frame.origin_lps_mm[2]);
    let (l1, s1) = (height(Vertebra::L1), height(Vertebra::S1));
    for side in [1.0, -1.0] {
        let z = l1 - random.between(5.0, 25.0);
        let at = soft.girdle(z).middle;
        let centre = [at[0] + side * random.between(62.0, 72.0), at[1] + 4.0, z];
        organs.push(Organ { shape: Shape::Egg { centre, half: [25.0, 25.0, 55.0] }, kind: Kind::Kidney });
    }
    let liver = [-70.0, soft.girdle(l1 + 60.0).middle[1] - 65.0, l1 + 62.0];
    organs.push(Organ { shape: Shape::Egg { centre: liver, half: [85.0, 62.0, 75.0] }, kind: Kind::Liver });
    let sacrum = skeleton.bodies[BELOW_S1 - 3].frame.origin_lps_mm;
    let filling = random.between(0.5, 1.25);
    let bladder = [random.about(0.0, 3.0), sacrum[1] - 95.0, sacrum[2] - 45.0];
    organs.push(Organ {
        shape: Shape::Egg { centre: bladder, half: [38.0 * filling, 32.0 * filling, 30.0 * filling] },
        kind: Kind::Bladder,
    });
    bowels([l1, s1], soft, &mut random, &mut organs);
    rectum(skeleton, &mut random, &mut organs);
    organs
}

/// Spinal nerves from the sac through each foramen; a severe narrowing flattens the root.
fn nerves(skeleton: &Skeleton, arches: &[Option<Arch>], organs: &mut Vec<Organ>) {
    for (i, disc) in skeleton.discs.iter().enumerate().skip(BELOW_S1) {
        let (Some(upper), Some(arch)) = (skeleton.bodies.get(i + 1), arches.get(i + 1).and_then(Option::as_ref)) else {
            continue;
        };
        for (side, grade) in [1.0, -1.0].into_iter().zip(disc.foramina) {
            let canal = arch.canal_half_width_mm;
            let floor = arch.pedicle_floor_mm;
            let shrunk = grade.choose([1.0, 1.0, 0.95, 0.55]);
            let path = [
                ([canal - 4.0, arch.wall_mm + 6.0, floor + 6.0], 1.4),
                ([canal + 3.0, arch.wall_mm + 5.5, floor - 4.0], 2.7 * shrunk),
                ([canal + 13.0, arch.wall_mm + 1.0, floor - 12.0], 2.4 * shrunk),
                ([canal + 22.0, arch.wall_mm - 6.0, floor - 27.0], 2.2),
            ];
            for pair in path.windows(2) {
                let place = |at: Vec3| upper.frame.lps([side * at[0], at[1], at[2]]);
                let tube =
                    Capsule { a: place(pair[0].0), b: place(pair[1].0), radius_a: pair[0].1, radius_b: pair[1].1 };
                organs.push(Organ { shape: Shape::Tube(tube), kind: Kind::Nerve });
            }
        }
    }
}

/// Aorta on the left and vena cava on the right before the spine, dividing at L4 and L5.
fn vessels(skeleton: &Skeleton, soft: &Soft, random: &mut Random, organs: &mut Vec<Organ>) {
    let sway = random.between(-4.0, 6.0);
    for (kind, aside, radius, parts) in
        [(Kind::Artery, 7.0 + sway, 8.6, Vertebra::L4), (Kind::Vein, -15.0 + sway, 9.5, Vertebra::L5)]
    {
        let end = skeleton.vertebra(parts).map_or(0.0, |(_, b)| b.frame.origin_lps_mm[2]);
        let before = |z: f64, aside: f64, radius: f64| {
            let g = soft.girdle(z);
            [g.middle[0] + aside, g.middle[1] - g.half_depth_mm - radius - 2.5, z]
        };
        let mut tube = |a: Vec3, b: Vec3, radius: f64| {
            let capsule = Capsule { a, b, radius_a: radius, radius_b: radius * 0.97 };
            organs.push(Organ { shape: Shape::Tube(capsule), kind });
        };
        for step in 0..24 {
            let z = end + f64::from(step) * 12.0;
            tube(before(z, aside, radius), before(z + 12.0, aside, radius), radius);
        }
        for side in [1.0, -1.0] {
            for step in 0..7 {
                let place = |k: f64| {
                    before(end - k * 9.0, mix(aside, side * (10.0 + k * 8.0), (k / 3.0).min(1.0)), radius * 0.6)
                };
                tube(place(f64::from(step)), place(f64::from(step) + 1.0), radius * 0.58);
            }
        }
    }
}

/// Loops of bowel before the retroperitoneum, from the diaphragm into the pelvis.
fn bowels([l1, s1]: [f64; 2], soft: &Soft, random: &mut Random, organs: &mut Vec<Organ>) {
    /// Loops, and pieces in each.
    const LOOPS: usize = 46;
    const PIECES: usize = 5;
    for _ in 0..LOOPS {
        let z = random.between(s1 - 80.0, l1 + 70.0);
        let g = soft.girdle(z.max(s1 - 10.0));
        let before = random.between(34.0, 118.0);
        let mut at = [random.between(-75.0, 75.0), g.middle[1] - g.half_depth_mm - before, z];
        let radius = random.between(8.0, 16.0);
        let kind = Kind::Bowel(if random.chance(0.4) { random.between(0.35, 0.8) } else { random.between(0.0, 0.3) });
        let mut heading = [random.between(-1.0, 1.0), random.between(-0.5, 0.5), random.between(-1.0, 1.0)];
        for _ in 0..PIECES {
            heading.iter_mut().for_each(|h| *h = (*h + random.between(-0.8, 0.8)).clamp(-1.2, 1.2));
            let next = add(at, [heading[0] * 14.0, heading[1] * 9.0, heading[2] * 14.0]);
            let capsule = Capsule { a: at, b: next, radius_a: radius, radius_b: radius * random.between(0.85, 1.1) };
            organs.push(Organ { shape: Shape::Tube(capsule), kind });
            at = next;
        }
    }
}

/// The rectum before the lower sacrum.
fn rectum(skeleton: &Skeleton, random: &mut Random, organs: &mut Vec<Organ>) {
    let radius = random.between(9.0, 15.0);
    let kind = Kind::Bowel(random.between(0.1, 0.7));
    let places: Vec<Vec3> = (skeleton.bodies[..BELOW_S1 - 1].iter())
        .map(|b| b.frame.lps([random.between(-6.0, 6.0), -b.half_depth_mm - radius - random.between(7.0, 14.0), 0.0]))
        .collect();
    for pair in places.windows(2) {
        let capsule = Capsule { a: pair[0], b: pair[1], radius_a: radius, radius_b: radius };
        organs.push(Organ { shape: Shape::Tube(capsule), kind });
    }
}

/// The space between two pedicles that fat, or what has taken its place, fills.
#[derive(Debug, Clone, Copy)]
pub(super) struct Foramen {
    /// Index of the upper body, in whose frame the rest is.
    pub(super) upper: usize,
    centre: Vec3,
    half: Vec3,
    fat_half: Vec3,
}

impl Foramen {
    pub(super) fn bounds(&self, skeleton: &Skeleton) -> (Vec3, f64) {
        (skeleton.bodies[self.upper].frame.lps(self.centre), self.half[0].max(self.half[1]).max(self.half[2]))
    }

    /// What fills it at a place in the upper body's frame, where it holds the place.
    pub(super) fn matter(&self, local: Vec3) -> Option<Matter> {
        let d = sub(local, self.centre);
        if ellipsoid(d, self.half) > 0.0 {
            return None;
        }
        Some(if ellipsoid(d, self.fat_half) < 0.0 {
            Matter::of(Tissue::Fat)
        } else if d[1] < 0.0 {
            Matter::of(Tissue::Annulus)
        } else {
            Matter::of(Tissue::Ligament)
        })
    }
}

/// Both foramina of every level from L5-S1 up.
pub(super) fn foramina(skeleton: &Skeleton, arches: &[Option<Arch>]) -> Vec<Foramen> {
    let level = |(i, disc): (usize, &super::body::DiscSpace)| {
        let (upper, arch) = (skeleton.bodies.get(i + 1)?, arches.get(i + 1)?.as_ref()?);
        let top = arch.pedicle_floor_mm + 1.0;
        let bottom = -upper.half_height_mm - disc.height_mm - 1.0;
        let half = [11.0, 6.6, (top - bottom) / 2.0];
        Some([1.0, -1.0].into_iter().zip(disc.foramina).map(move |(side, grade): (f64, Narrowing)| {
            let kept: [f64; 2] = grade.choose([[1.0, 1.0], [0.5, 0.95], [0.44, 0.5], [0.2, 0.3]]);
            let centre = [side * (arch.canal_half_width_mm + 6.0), arch.wall_mm + 5.4, (top + bottom) / 2.0];
            Foramen { upper: i + 1, centre, half, fat_half: [half[0], half[1] * kept[0], half[2] * kept[1]] }
        }))
    };
    skeleton.discs.iter().enumerate().skip(BELOW_S1).filter_map(level).flatten().collect()
}
