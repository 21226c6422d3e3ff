//! The dural sac and what is in and around it: a tube along its own curve behind the bodies.

use super::arch::Arch;
use super::body::Segment;
use super::frame::{Frame, length2, mix, smooth_step};
use super::parameters::Narrowing;
use super::random::Random;
use super::skeleton::{BELOW_S1, Skeleton};
use crate::spine::{Vec3, Vertebra, add, dot, length, normalised, scaled, sub};

/// Distance between the tabulated cross-sections, mm.
const STEP_MM: f64 = 0.5;
/// Distance between the entries of the look-up by height, mm.
const HEIGHT_STEP_MM: f64 = 1.0;
/// Steps after which the search for a place's section ends, and how far off it may then be: where the
/// sac bends sharply over a slip, neighbouring sections cross and the search may swing between them.
const SEARCH_STEPS: usize = 6;
const SEARCH_TOLERANCE_MM: f64 = 2.0;
/// Rootlets of the cauda equina, both sides together.
const ROOTS: usize = 18;
/// Length over which the cord tapers to its tip, mm.
const CONUS_MM: f64 = 24.0;

/// One cross-section; its frame is perpendicular to the sac's own curve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    pub(super) frame: Frame,
    pub(super) half_width_mm: f64,
    pub(super) half_ap_mm: f64,
    /// How much narrower the back is than the front: 0 an oval, 0.4 nearly a triangle.
    trefoil: f64,
    /// Thickness of the fat behind the sac in the midline.
    fat_behind_mm: f64,
    /// Thickness of the ligamentum flavum.
    pub(super) flavum_mm: f64,
    /// How much of the CSF has given way to crowded roots, 0 to 1.
    crowding: f64,
}

/// Where a place is in the sac's own coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct CanalPlace {
    pub(super) section: usize,
    pub(super) u: f64,
    pub(super) v: f64,
}

/// What a place near the sac is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Content {
    Csf { crowding: f64 },
    Cord,
    Root,
    Dura,
}

/// The canal from S4 to T4.
#[derive(Debug, Clone)]
pub(super) struct Canal {
    pub(super) sections: Vec<Section>,
    by_height: Vec<u32>,
    lowest_mm: f64,
    /// Section at which the cord ends.
    tip: usize,
    cord_half_mm: [f64; 2],
    /// `[u, v, radius]` of each rootlet in each section; radius 0 where it has left.
    roots: Vec<[[f32; 3]; ROOTS]>,
}

/// What a section is asked to be before the table is made.
#[derive(Debug, Clone, Copy)]
struct Node {
    at: Vec3,
    posterior: Vec3,
    /// Whether it gives way to a neighbour that is too near.
    yields: bool,
    /// half width, half AP, trefoil, fat behind, flavum, crowding.
    sizes: [f64; 6],
}

impl Canal {
    pub(super) fn new(skeleton: &Skeleton, arches: &[Option<Arch>], seed: u64) -> Self {
        let mut random = Random::stream(seed, 4);
        let nodes = nodes(skeleton, arches, &mut random);
        let sections = tabulate(&nodes);
        let lowest_mm = sections.first().map_or(0.0, |s| s.frame.origin_lps_mm[2]);
        let mut canal = Self {
            by_height: by_height(&sections, lowest_mm),
            lowest_mm,
            tip: 0,
            cord_half_mm: [random.about(4.6, 0.3), random.about(3.7, 0.25)],
            roots: Vec::new(),
            sections,
        };
        canal.tip = canal.conus(skeleton, &mut random);
        canal.roots = roots(&canal.sections, canal.tip, skeleton, &mut random);
        canal
    }

    /// The cord ends between the middle of T12 and the disc under L2, most often behind L1.
    fn conus(&self, skeleton: &Skeleton, random: &mut Random) -> usize {
        let level = skeleton.vertebra(Vertebra::L1).map_or([0.0; 3], |(_, b)| b.frame.origin_lps_mm);
        let height = level[2] + random.about(-6.0, 12.0);
        self.sections.partition_point(|s| s.frame.origin_lps_mm[2] < height)
    }

    /// Where `p_mm` is along the canal; `None` far from it.
    pub(super) fn place(&self, p_mm: Vec3) -> Option<CanalPlace> {
        let row = ((p_mm[2] - self.lowest_mm) / HEIGHT_STEP_MM).max(0.0) as usize;
        let mut index = *self.by_height.get(row.min(self.by_height.len().checked_sub(1)?))? as usize;
        for _ in 0..SEARCH_STEPS {
            let frame = &self.sections[index].frame;
            let along = dot(sub(p_mm, frame.origin_lps_mm), frame.up);
            let step = (along / STEP_MM * 0.85).round() as i64;
            if step == 0 {
                break;
            }
            index = (index as i64 + step).clamp(0, self.sections.len() as i64 - 1) as usize;
        }
        let [u, v, w] = self.sections[index].frame.local(p_mm);
        (w.abs() < SEARCH_TOLERANCE_MM).then_some(CanalPlace { section: index, u, v })
    }

    /// Signed distance to the dural sac.
    pub(super) fn sac_distance(&self, at: CanalPlace) -> f64 {
        let s = &self.sections[at.section];
        let y = at.v / s.half_ap_mm;
        let x = at.u / (s.half_width_mm * (1.0 - s.trefoil * y.clamp(-1.0, 1.0)));
        let r = length2(x, y);
        if r < 1e-6 { -s.half_ap_mm } else { length2(at.u, at.v) * (1.0 - 1.0 / r) }
    }

    /// Signed distance of a place in the phantom's coordinates to the sac.
    pub(super) fn sac_distance_at(&self, p_mm: Vec3) -> f64 {
        self.place(p_mm).map_or(f64::MAX, |at| self.sac_distance(at))
    }

    /// What is inside the sac at a place whose distance to its wall is `distance` (negative).
    pub(super) fn content(&self, at: CanalPlace, distance: f64) -> Content {
        if distance > -0.3 {
            return Content::Dura;
        }
        if self.in_cord(at) {
            return Content::Cord;
        }
        let near = |[u, v, radius]: &[f32; 3]| {
            let (du, dv) = (at.u as f32 - u, at.v as f32 - v);
            du * du + dv * dv < radius * radius
        };
        if self.roots.get(at.section).is_some_and(|roots| roots.iter().any(near)) {
            return Content::Root;
        }
        Content::Csf { crowding: self.sections[at.section].crowding }
    }

    fn in_cord(&self, at: CanalPlace) -> bool {
        let above_mm = (at.section as f64 - self.tip as f64) * STEP_MM;
        if above_mm <= 0.0 {
            return false;
        }
        let s = &self.sections[at.section];
        let taper = smooth_step(-4.0, CONUS_MM, above_mm);
        let behind = mix(0.25, 0.05, taper) * s.half_ap_mm;
        (at.u / (self.cord_half_mm[0] * taper)).hypot((at.v - behind) / (self.cord_half_mm[1] * taper)) < 1.0
    }

    /// What the fat and ligament behind and beside the sac are: the depth into the ligamentum
    /// flavum (negative in the fat before it), where the place belongs to the canal at all.
    pub(super) fn behind(&self, at: CanalPlace) -> Option<f64> {
        let s = &self.sections[at.section];
        let beside = at.u.abs() / s.half_width_mm.max(5.0);
        if beside > 1.5 || at.v < -s.half_ap_mm - 10.0 {
            return None;
        }
        let edge = s.half_ap_mm * (1.0 - 0.55 * (beside * beside).min(1.0));
        Some(at.v - edge - s.fat_behind_mm * (1.0 - beside).max(0.0) - 0.5)
    }
}

/// Diameters, half width, and how the canal looks behind a body or disc, by its grade.
struct Narrowed {
    ap_mm: f64,
    half_width_mm: f64,
    trefoil: f64,
    fat_behind_mm: f64,
    flavum_mm: f64,
    crowding: f64,
}

impl Narrowed {
    fn sizes(&self) -> [f64; 6] {
        [self.half_width_mm, self.ap_mm / 2.0, self.trefoil, self.fat_behind_mm, self.flavum_mm, self.crowding]
    }
}

fn narrowed(grade: Narrowing, ap_mm: f64, half_width_mm: f64, trefoil: f64, random: &mut Random) -> Narrowed {
    // Diameter and width of the sac by grade; areas come out near Schönström's 100 and 75 mm².
    let ap_to_mm = grade.choose([f64::MAX, 10.4, 8.0, 5.2]) * random.about(1.0, 0.04);
    Narrowed {
        ap_mm: ap_mm.min(ap_to_mm),
        half_width_mm: half_width_mm * grade.choose([1.0, 0.88, 0.76, 0.62]),
        trefoil: (trefoil + grade.choose([0.0, 0.05, 0.1, 0.12])).min(0.4),
        fat_behind_mm: grade.choose([8.0, 5.0, 2.6, 1.0]) * random.about(1.0, 0.1),
        flavum_mm: grade.choose([2.8, 3.8, 5.0, 6.2]),
        crowding: grade.choose([0.0, 0.12, 0.42, 0.85]),
    }
}

/// From foot to head: below, middle and above of each body, and each disc between.
fn nodes(skeleton: &Skeleton, arches: &[Option<Arch>], random: &mut Random) -> Vec<Node> {
    let own = random.about(1.0, 0.045) * skeleton.size;
    let mut nodes = Vec::new();
    for (i, body) in skeleton.bodies.iter().enumerate() {
        let Some(arch) = arches[i].as_ref().filter(|_| !matches!(body.segment, Segment::Sacral(5))) else { continue };
        let usual = usual_sac(i as f64 - BELOW_S1 as f64, own, arch.canal_half_width_mm);
        let node = |w: f64, wall: f64, frame: &Frame, sac: &Narrowed, gap: f64| Node {
            at: frame.lps([0.0, wall + gap + sac.ap_mm / 2.0, w]),
            posterior: frame.posterior,
            yields: false,
            sizes: sac.sizes(),
        };
        let lumbar = i > BELOW_S1;
        let sac = |fat: f64, random: &mut Random| {
            let plain = narrowed(Narrowing::Normal, usual[0], usual[1], usual[2], random);
            Narrowed { fat_behind_mm: if lumbar { fat } else { 3.0 }, ..plain }
        };
        let gap = usual[3];
        for (place, fat) in [(-0.72, 5.5), (0.0, 1.6), (0.72, 4.5)] {
            let w = place * body.half_height_mm;
            let plain = node(w, body.posterior_wall_mm(w), &body.frame, &sac(fat, random), gap);
            nodes.push(Node { yields: place != 0.0, ..plain });
        }
        let Some(disc) = skeleton.discs.get(i).filter(|d| d.disc.is_some()) else { continue };
        let above = usual_sac(i as f64 + 0.5 - BELOW_S1 as f64, own, arch.canal_half_width_mm);
        let sac = narrowed(disc.central, above[0] * 0.97 - 0.12 * disc.slip_mm.abs(), above[1], above[2], random);
        let overhang = disc.slip_mm.abs() / 2.0;
        let wall = disc.half_depth_mm + disc.bulge_mm * 0.9 + overhang;
        let gap = if i == BELOW_S1 { gap * 0.6 } else { 0.6 };
        // Across the curve through the bodies, in whose planes levels are measured; over a short
        // stretch, as a disc's bulge is.
        let along = sub(skeleton.bodies[i + 1].frame.origin_lps_mm, body.frame.origin_lps_mm);
        let across = Frame::facing(disc.frame.origin_lps_mm, along, disc.frame.posterior);
        nodes.extend([-1.5, 1.5].map(|w| node(w, wall, &across, &sac, gap)));
    }
    spaced(nodes)
}

/// Leaves out nodes that yield where their neighbours come too near: behind a lordotic spine the
/// planes of bodies and discs run into each other.
fn spaced(nodes: Vec<Node>) -> Vec<Node> {
    /// Least distance between neighbours along the canal, mm.
    const APART_MM: f64 = 4.5;
    let mut kept: Vec<Node> = Vec::new();
    for (i, node) in nodes.iter().enumerate() {
        let up = |from: &Node| {
            let ahead = nodes.get(i + 1).map_or(node.at, |next| next.at);
            dot(sub(node.at, from.at), normalised(sub(ahead, from.at)).unwrap_or([0.0, 0.0, 1.0]))
        };
        while kept.last().is_some_and(|last| last.yields && !node.yields && up(last) < APART_MM) {
            kept.pop();
        }
        if !node.yields || kept.last().is_none_or(|last| up(last) >= APART_MM) {
            kept.push(*node);
        }
    }
    kept
}

/// AP diameter, half width, trefoil and gap behind the body of an unremarkable sac at a place
/// counted in vertebrae above S1, mm.
fn usual_sac(above_s1: f64, own: f64, bony_half_width_mm: f64) -> [f64; 4] {
    if above_s1 < 0.0 {
        // The sac tapers to its end behind S2.
        let taper = (1.0 + (above_s1 + 0.25) / 2.1).clamp(0.0, 1.0);
        return [(10.5 * taper).max(0.6) * own, (8.5 * taper).max(0.5) * own, 0.1, mix(3.0, 5.0, taper)];
    }
    let low = ((6.0 - above_s1) / 5.0).clamp(0.0, 1.0);
    let ap = mix(15.0, 13.4, smooth_step(0.0, 1.0, low)) * own - if above_s1 < 0.8 { 1.3 } else { 0.0 };
    let half_width = bony_half_width_mm * mix(0.86, 0.76, low);
    let gap = if above_s1 < 1.0 { mix(4.2, 2.4, above_s1) } else { mix(1.6, 2.2, low) };
    [ap, half_width, mix(0.02, 0.24, low), gap]
}

/// Cross-sections every [`STEP_MM`] along a smooth curve through the nodes.
fn tabulate(nodes: &[Node]) -> Vec<Section> {
    let mut points: Vec<Node> = Vec::new();
    for k in 0..nodes.len().saturating_sub(1) {
        let pick = |i: isize| nodes[(k as isize + i).clamp(0, nodes.len() as isize - 1) as usize];
        let four = [pick(-1), pick(0), pick(1), pick(2)];
        let steps = (length(sub(four[2].at, four[1].at)) / STEP_MM).ceil().max(1.0) as usize;
        for step in 0..steps {
            points.push(catmull_rom(&four, step as f64 / steps as f64));
        }
    }
    smooth(&mut points, 8);
    let last = points.len().saturating_sub(1);
    (0..points.len())
        .map(|i| {
            let along = sub(points[(i + 1).min(last)].at, points[i.saturating_sub(1)].at);
            let [half_width_mm, half_ap_mm, trefoil, fat_behind_mm, flavum_mm, crowding] = points[i].sizes;
            Section {
                frame: Frame::facing(points[i].at, along, points[i].posterior),
                half_width_mm,
                half_ap_mm,
                trefoil,
                fat_behind_mm,
                flavum_mm,
                crowding,
            }
        })
        .collect()
}

fn catmull_rom(four: &[Node; 4], t: f64) -> Node {
    let weights = [
        ((2.0 - t) * t - 1.0) * t / 2.0,
        ((3.0 * t - 5.0) * t * t + 2.0) / 2.0,
        ((4.0 - 3.0 * t) * t + 1.0) * t / 2.0,
        (t - 1.0) * t * t / 2.0,
    ];
    let sum = |of: fn(&Node) -> Vec3| {
        four.iter().zip(weights).fold([0.0; 3], |total, (node, weight)| add(total, scaled(of(node), weight)))
    };
    // Sizes are interpolated without overshoot, so that none turns negative.
    let smooth = t * t * (3.0 - 2.0 * t);
    let sizes = std::array::from_fn(|i| mix(four[1].sizes[i], four[2].sizes[i], smooth));
    Node { at: sum(|n| n.at), posterior: sum(|n| n.posterior), yields: false, sizes }
}

/// Binomial smoothing of positions and directions, `rounds` times over three millimetres.
fn smooth(points: &mut [Node], rounds: usize) {
    const REACH: usize = 3;
    for _ in 0..rounds {
        let before = points.to_vec();
        for i in REACH..points.len().saturating_sub(REACH) {
            let blend = |of: fn(&Node) -> Vec3| {
                scaled(add(add(of(&before[i - REACH]), of(&before[i + REACH])), scaled(of(&before[i]), 2.0)), 0.25)
            };
            points[i].at = blend(|n| n.at);
            points[i].posterior = blend(|n| n.posterior);
        }
    }
}

fn by_height(sections: &[Section], lowest_mm: f64) -> Vec<u32> {
    let highest = sections.last().map_or(lowest_mm, |s| s.frame.origin_lps_mm[2]);
    let rows = ((highest - lowest_mm) / HEIGHT_STEP_MM).max(0.0) as usize + 1;
    (0..rows)
        .map(|row| {
            let height = lowest_mm + row as f64 * HEIGHT_STEP_MM;
            let index = sections.partition_point(|s| s.frame.origin_lps_mm[2] < height);
            index.min(sections.len() - 1) as u32
        })
        .collect()
}

/// The rootlets lie on the back wall of the sac, wander a little, and leave one pair a level.
fn roots(sections: &[Section], tip: usize, skeleton: &Skeleton, random: &mut Random) -> Vec<[[f32; 3]; ROOTS]> {
    struct Root {
        across: f64,
        behind: f64,
        wander: [f64; 4],
        leaves_at_mm: f64,
        radius_mm: f64,
    }
    let exits: Vec<f64> = skeleton.bodies[2..BELOW_S1 + 4].iter().rev().map(|b| b.frame.origin_lps_mm[2]).collect();
    let drawn: Vec<Root> = (0..ROOTS)
        .map(|i| {
            let side = if i % 2 == 0 { 1.0 } else { -1.0 };
            Root {
                // Those that leave first lie outermost.
                across: side * (1.0 - (i / 2) as f64 / (ROOTS / 2) as f64 * 0.94),
                behind: random.between(0.2, 0.8),
                wander: std::array::from_fn(|_| random.between(0.0, std::f64::consts::TAU)),
                leaves_at_mm: exits.get(i / 2 + 1).copied().unwrap_or(f64::MIN),
                radius_mm: random.between(0.5, 0.8),
            }
        })
        .collect();
    let place = |index: usize, root: &Root| -> [f32; 3] {
        let s = &sections[index];
        let z = s.frame.origin_lps_mm[2];
        if index > tip + (30.0 / STEP_MM) as usize || z < root.leaves_at_mm || s.half_ap_mm < 1.5 {
            return [0.0; 3];
        }
        let waves = |k: usize, length_mm: f64| (z / length_mm + root.wander[k]).sin();
        let freed = smooth_step(0.0, 22.0, z - root.leaves_at_mm);
        let beside = smooth_step(-10.0, 25.0, (index as f64 - tip as f64) * STEP_MM);
        let x = mix(root.across.signum() * 0.84, root.across * 0.72 + 0.07 * waves(0, 9.0), freed);
        let y = mix(0.1, root.behind + 0.1 * waves(1, 7.0), freed) * (1.0 - 0.3 * x * x);
        let (x, y) = (mix(x, x.signum() * x.abs().max(0.66), beside), mix(y, 0.35, beside * 0.5));
        // A narrow sac gathers them into its middle.
        let (x, y) = (x * (1.0 - 0.35 * s.crowding), mix(y, y - 0.45, s.crowding));
        let inside = 1.0 - (root.radius_mm + 0.35) / s.half_ap_mm;
        let r = (x / 0.95).hypot(y).max(inside);
        let (x, y) = (x * inside / r, y * inside / r);
        [(x * s.half_width_mm * (1.0 - s.trefoil * y)) as f32, (y * s.half_ap_mm) as f32, root.radius_mm as f32]
    };
    (0..sections.len()).map(|i| std::array::from_fn(|k| place(i, &drawn[k]))).collect()
}
