//! All parts of one person together: what is at a place, asked of the parts that are near it.

use super::arch::Arch;
use super::body::{DiscPlace, DiscSpace, Segment};
use super::canal::{Canal, Content};
use super::frame::{Frame, smooth_step, smooth_union};
use super::organ::{Foramen, Organ, foramina, organs};
use super::parameters::{Parameters, PhantomError};
use super::random::{Random, SmoothNoise};
use super::skeleton::{BELOW_S1, Skeleton};
use super::soft::Soft;
use super::tissue::{Matter, Tissue};
use crate::spine::{Structure, Vec3, Vertebra, length, sub};

/// Thickness of a vertebral body's cortex and of an arch's, mm.
const BODY_CORTEX_MM: f64 = 0.75;
const ARCH_CORTEX_MM: f64 = 0.95;
/// How far under the surface of an arch its joint with the next one reaches, mm.
const JOINT_DEPTH_MM: f64 = 3.0;
/// How far the lateral masses of the sacrum run into each other, mm.
const SACRAL_FUSION_MM: f64 = 9.0;
/// Thickness of the longitudinal ligaments on bodies and discs, mm.
const LIGAMENT_MM: f64 = 0.9;

/// The parts of one person, in the phantom's own coordinates.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) skeleton: Skeleton,
    pub(super) arches: Vec<Option<Arch>>,
    pub(super) canal: Canal,
    soft: Soft,
    organs: Vec<Organ>,
    foramina: Vec<Foramen>,
    noise: SmoothNoise,
    /// How the patient lies.
    pub(super) patient: Frame,
    /// Fatty change of the marrow beside worn endplates (Modic type 2), by disc.
    modic: Vec<f64>,
    /// How patchy the marrow is.
    patchy: f64,
}

/// The parts that may hold places inside one sphere.
#[derive(Debug, Clone, Default)]
pub(super) struct Near {
    bodies: Vec<u16>,
    discs: Vec<u16>,
    arches: Vec<u16>,
    foramina: Vec<u16>,
    organs: Vec<u16>,
    canal: bool,
}

impl Scene {
    pub(super) fn new(parameters: &Parameters) -> Result<Self, PhantomError> {
        let skeleton = Skeleton::new(parameters)?;
        let seed = parameters.seed;
        let mut random = Random::stream(seed, 7);
        let arch = |(i, body)| Arch::new(body, i as i32 - BELOW_S1 as i32, skeleton.size, &mut random);
        let arches: Vec<_> = skeleton.bodies.iter().enumerate().map(arch).collect();
        let soft = Soft::new(&skeleton, &arches, seed);
        let modic = (skeleton.discs.iter())
            .map(|d| {
                if d.disc.is_some() && d.pfirrmann >= 4 && random.chance(0.5) { random.between(0.25, 0.7) } else { 0.0 }
            })
            .collect();
        let [leaning, turned] = parameters.leaning_turned_deg.map(f64::to_radians);
        Ok(Self {
            canal: Canal::new(&skeleton, &arches, seed),
            organs: organs(&skeleton, &arches, &soft, seed),
            foramina: foramina(&skeleton, &arches),
            noise: SmoothNoise::new(&mut random),
            patient: Frame::upright([0.0; 3]).leaning(leaning).turned(turned),
            patchy: random.between(0.1, 0.3),
            modic,
            soft,
            arches,
            skeleton,
        })
    }

    /// Where the skin of the back is furthest behind, mm.
    pub(super) fn back_mm(&self) -> f64 {
        self.soft.back_mm()
    }

    /// Place of the spine's front wall at a height, mm.
    pub(super) fn front_of_spine_mm(&self, height_mm: f64) -> f64 {
        let girdle = self.soft.girdle(height_mm);
        girdle.middle[1] - girdle.half_depth_mm
    }

    /// Lists in `near` the parts within `radius_mm` of `centre_mm`.
    pub(super) fn gather(&self, centre_mm: Vec3, radius_mm: f64, near: &mut Near) {
        let touches = |at: Vec3, bound: f64| length(sub(at, centre_mm)) < bound + radius_mm;
        let keep = |list: &mut Vec<u16>, which: &mut dyn Iterator<Item = (usize, (Vec3, f64))>| {
            list.clear();
            list.extend(which.filter(|(_, (at, bound))| touches(*at, *bound)).map(|(i, _)| i as u16));
        };
        let bodies = &self.skeleton.bodies;
        let body = |(i, b): (usize, &super::body::Body)| (i, (b.frame.origin_lps_mm, b.bound_mm()));
        keep(&mut near.bodies, &mut bodies.iter().enumerate().map(body));
        let disc = |(i, d): (usize, &DiscSpace)| (i, (d.frame.origin_lps_mm, d.bound_mm()));
        keep(&mut near.discs, &mut self.skeleton.discs.iter().enumerate().map(disc));
        let arch =
            |(i, a): (usize, &Option<Arch>)| a.as_ref().map(|a| (i, (bodies[i].frame.origin_lps_mm, a.bound_mm())));
        keep(&mut near.arches, &mut self.arches.iter().enumerate().filter_map(arch));
        keep(&mut near.foramina, &mut self.foramina.iter().enumerate().map(|(i, f)| (i, f.bounds(&self.skeleton))));
        keep(&mut near.organs, &mut self.organs.iter().enumerate().map(|(i, o)| (i, o.bounds())));
        near.canal = !near.arches.is_empty();
    }

    /// What is at `p_mm`, given the parts near it.
    pub(super) fn matter(&self, p_mm: Vec3, near: &Near) -> Matter {
        let girdle = self.soft.girdle(p_mm[2]);
        let depth = self.soft.depth(p_mm, &girdle);
        if depth < 0.0 {
            return Matter::AIR;
        }
        self.spine(p_mm, near)
            .or_else(|| self.organ(p_mm, near))
            .unwrap_or_else(|| self.soft.matter(p_mm, depth, &girdle, &self.noise))
    }

    /// What of the spine holds a place: sac before bodies, discs, arches, foramina, the canal's fat.
    fn spine(&self, p: Vec3, near: &Near) -> Option<Matter> {
        let in_canal = near.canal.then(|| self.canal.place(p)).flatten();
        if let Some(at) = in_canal {
            let distance = self.canal.sac_distance(at);
            if distance < 0.0 {
                return Some(self.sac(self.canal.content(at, distance), p));
            }
        }
        let mut skin_mm = f64::MAX;
        for i in near.bodies.iter().map(|i| usize::from(*i)) {
            let body = &self.skeleton.bodies[i];
            let local = body.frame.local(p);
            let distance = self.uneven(body.distance(local), p, 0.45);
            if distance < 0.0 {
                return Some(self.body(i, local, distance, p));
            }
            skin_mm = skin_mm.min(distance);
        }
        for i in near.discs.iter().map(|i| usize::from(*i)) {
            let place = self.disc_place(i, p);
            if place.distance_mm < 0.0 {
                return Some(self.disc(i, &place, p));
            }
            skin_mm = skin_mm.min(place.distance_mm);
        }
        if let Some(matter) = self.arch(p, near) {
            return Some(matter);
        }
        if skin_mm < LIGAMENT_MM {
            return Some(Matter::blend(Tissue::Ligament, Tissue::Cortex, 0.5));
        }
        self.beside(p, near, in_canal)
    }

    /// The organ in which a place lies deepest, so that the pieces of a tube have no walls between them.
    fn organ(&self, p: Vec3, near: &Near) -> Option<Matter> {
        let distances =
            near.organs.iter().map(|i| (&self.organs[usize::from(*i)], self.organs[usize::from(*i)].distance(p)));
        let (organ, place) = distances.min_by(|a, b| a.1.0.total_cmp(&b.1.0)).filter(|(_, (d, _))| *d < 0.0)?;
        Some(organ.matter(p, place, &self.noise))
    }

    /// Nerves and fat in the foramina, then fat and ligament in the canal.
    fn beside(&self, p: Vec3, near: &Near, in_canal: Option<super::canal::CanalPlace>) -> Option<Matter> {
        let foramen = near.foramina.iter().find_map(|i| {
            let foramen = &self.foramina[usize::from(*i)];
            foramen.matter(self.skeleton.bodies[foramen.upper].frame.local(p))
        });
        if foramen.is_some() {
            return self.organ(p, near).or(foramen);
        }
        let at = in_canal?;
        let into_flavum = self.canal.behind(at)?;
        let section = &self.canal.sections[at.section];
        if into_flavum < 0.0 {
            return Some(Matter::blend(Tissue::Fat, Tissue::SlowBlood, 0.12 + 0.2 * self.noise.grain(p, 3.0)));
        }
        (into_flavum < section.flavum_mm && at.u.abs() < section.half_width_mm + 2.0)
            .then(|| Matter::of(Tissue::Ligament))
    }

    /// A distance made uneven by up to `mm`: no bone is a polished solid.
    fn uneven(&self, distance: f64, p: Vec3, mm: f64) -> f64 {
        if distance.abs() > 4.0 { distance } else { distance + mm * self.noise.grain(p, 6.5) }
    }

    fn sac(&self, content: Content, p: Vec3) -> Matter {
        let matter = match content {
            Content::Csf { crowding } => {
                let strands = 0.75 + 0.35 * self.noise.at([p[0] / 1.3, p[1] / 1.3, p[2] / 14.0]);
                Matter::blend(Tissue::Csf, Tissue::Root, crowding * strands)
            }
            Content::Cord => Matter::of(Tissue::Cord),
            Content::Root => Matter::blend(Tissue::Root, Tissue::Csf, 0.1),
            Content::Dura => Matter::blend(Tissue::Csf, Tissue::Ligament, 0.6),
        };
        matter.labelled(Structure::Canal as u8, 0)
    }

    fn body(&self, i: usize, local: Vec3, distance: f64, p: Vec3) -> Matter {
        let body = &self.skeleton.bodies[i];
        let label = match body.segment {
            Segment::Vertebra(Vertebra::S1) => Structure::Sacrum as u8,
            Segment::Vertebra(_) => Structure::VertebralBody as u8,
            Segment::Sacral(_) | Segment::Coccyx(_) => Matter::UNLABELLED,
        };
        let matter = if basivertebral(body.posterior_wall_mm(0.0), local) && i > BELOW_S1 {
            Matter::blend(Tissue::Marrow, Tissue::SlowBlood, 0.35 + 0.3 * self.noise.grain(p, 5.0))
        } else if distance > -BODY_CORTEX_MM * (1.0 + 0.7 * self.noise.grain(p, 4.0)) {
            Matter::of(Tissue::Cortex)
        } else {
            self.marrow(i, local, p)
        };
        matter.labelled(label, i)
    }

    /// Marrow, patchy, with trabecular grain and Modic's change beside worn discs.
    fn marrow(&self, i: usize, local: Vec3, p: Vec3) -> Matter {
        let body = &self.skeleton.bodies[i];
        let to_end = |above: bool| {
            let gap = if above {
                body.top_mm(local[0], local[1]) - local[2]
            } else {
                local[2] - body.bottom_mm(local[0], local[1])
            };
            smooth_step(9.0, 3.0, gap + 2.5 * self.noise.grain(p, 6.0))
        };
        let change = self.modic.get(i).map_or(0.0, |m| m * to_end(true))
            + i.checked_sub(1).and_then(|d| self.modic.get(d)).map_or(0.0, |m| m * to_end(false));
        let patches = self.noise.grain(p, 7.0) + 0.7 * self.noise.grain(p, 3.0);
        let grain = 0.1 * self.noise.grain(p, 1.3);
        Matter::blend(Tissue::Marrow, Tissue::Fat, change + (0.35 * self.patchy * patches).max(0.0))
            .gained(1.0 + grain + 1.1 * self.patchy * patches)
    }

    fn disc_place(&self, i: usize, p: Vec3) -> DiscPlace {
        self.skeleton.discs[i].place(p, &self.skeleton.bodies[i], &self.skeleton.bodies[i + 1])
    }

    /// Nucleus and annulus by Pfirrmann's grade: bright, bright with a cleft, grey, dark, black.
    fn disc(&self, i: usize, at: &DiscPlace, p: Vec3) -> Matter {
        let disc = &self.skeleton.discs[i];
        let label = if disc.disc.is_some() { Structure::Disc as u8 } else { Matter::UNLABELLED };
        let radius = at.radius + 0.1 * at.depth + 0.08 * self.noise.grain(p, 5.0);
        let inner = smooth_step(0.84, 0.6, radius) * smooth_step(1.0, 0.62, at.height.abs());
        let bright = [1.0, 0.88, 0.45, 0.16, 0.0][usize::from(disc.pfirrmann.clamp(1, 5) - 1)];
        let cleft = if disc.pfirrmann == 1 {
            0.0
        } else {
            0.55 * smooth_step(0.24, 0.05, (at.height + 0.1 * self.noise.grain(p, 8.0)).abs())
        };
        let share = inner * (1.0 - cleft);
        let matter = if bright > 0.3 {
            Matter::blend(Tissue::Annulus, Tissue::Nucleus, share * bright)
        } else {
            Matter::blend(Tissue::Annulus, Tissue::NucleusWorn, share * (0.45 + bright))
        };
        let rim = 1.0 - 0.55 * smooth_step(0.86, 0.98, radius) - 0.25 * smooth_step(0.8, 1.0, at.height.abs());
        let worn = if disc.pfirrmann == 5 { 0.75 } else { 1.0 };
        matter.gained(rim * worn * (1.0 + 0.1 * self.noise.grain(p, 2.5))).labelled(label, i)
    }

    /// The arch that holds a place; where two meet, their joint.
    fn arch(&self, p: Vec3, near: &Near) -> Option<Matter> {
        let (mut first, mut second, mut index, mut sacral) = (f64::MAX, f64::MAX, 0, f64::MAX);
        for i in near.arches.iter().map(|i| usize::from(*i)) {
            let Some(arch) = &self.arches[i] else { continue };
            let distance = self.uneven(arch.distance(self.skeleton.bodies[i].frame.local(p)), p, 1.1);
            if i <= BELOW_S1 {
                sacral = smooth_union(sacral, distance, SACRAL_FUSION_MM);
                continue;
            }
            if distance < first {
                (second, first, index) = (first, distance, i);
            } else {
                second = second.min(distance);
            }
        }
        if first.min(sacral) > 0.0 {
            return None;
        }
        let free = first <= sacral;
        if !free {
            first = sacral;
        }
        let label = if free { Structure::PosteriorElements as u8 } else { Matter::UNLABELLED };
        let to_joint = (second - first) / 2.0;
        let matter = if free && first > -JOINT_DEPTH_MM && to_joint < 0.45 {
            Matter::of(Tissue::Cartilage)
        } else if first > -ARCH_CORTEX_MM * (1.0 + 0.8 * self.noise.grain(p, 4.0))
            || (free && first > -JOINT_DEPTH_MM && to_joint < 1.2)
        {
            Matter::of(Tissue::Cortex)
        } else {
            Matter::blend(Tissue::Marrow, Tissue::Fat, 0.2 + 0.2 * self.noise.grain(p, 4.0))
                .gained(0.95 + 0.12 * self.noise.grain(p, 2.0))
        };
        Some(matter.labelled(label, index))
    }
}

/// The cleft of the basivertebral vein: a wedge from the middle of the posterior wall.
fn basivertebral(wall_mm: f64, local: Vec3) -> bool {
    let depth = wall_mm - local[1];
    let open = 1.0 - depth / 9.0;
    open > 0.0 && local[2].abs() < 1.7 * open + 0.3 && local[0].abs() < 5.0 * open + 1.0
}
