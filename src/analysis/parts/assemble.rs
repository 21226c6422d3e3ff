//! Every kept part gets its number and its centre; everything else becomes background.

use super::canal::CanalPath;
use super::centre::{in_plane, lateral_mm};
use super::components::Component;
use super::frame::Frame;
use super::link::Candidate;
use super::{Chain, MIN_DISC_MM2};
use crate::analysis::curve::SpineCurve;
use crate::analysis::volume::{PartMask, SemanticMask};
use crate::spine::{Structure, Vec3, add, dot, scaled, sub};

/// How far behind the curve the canal runs, mm.
const CANAL_BEHIND_MM: std::ops::RangeInclusive<f64> = 3.0..=55.0;
/// Rejected candidates smaller than this are not worth counting, mm².
const COUNTED_MM2: f64 = 40.0;

/// A vertebral body, or S1; slice frame.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// Its number in the part mask.
    pub(crate) number: u8,
    /// Centre in the sagittal plane of the curve, mm.
    pub(crate) centre_mm: Vec3,
    /// Extent along and across the curve, mm: those of a rectangle with the same variances.
    pub(crate) height_mm: f64,
    pub(crate) depth_mm: f64,
    /// Whether the image's edge cuts it.
    pub(crate) at_edge: bool,
}

/// A disc, or the space between two bodies in which none was segmented.
#[derive(Debug, Clone)]
pub(crate) struct DiscPart {
    /// Its number in the part mask; `None` where no disc was segmented.
    pub(crate) number: Option<u8>,
    /// Centre in the sagittal plane of the curve, mm.
    pub(crate) centre_mm: Vec3,
    /// Index of the body below; `None` below the lowest.
    pub(crate) lower: Option<usize>,
    /// Index of the body above; `None` above the highest.
    pub(crate) upper: Option<usize>,
    /// Which of the discs of its space it is, from below: 1 only above a lost vertebra.
    pub(crate) place: usize,
}

/// What a number of the part mask stands for, by index into bodies or discs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartKind {
    Body(usize),
    Posterior(usize),
    Disc(usize),
    Canal,
    /// What is in view of a vertebra above the highest body: it keeps its place in the masks and is neither named nor measured.
    Cut,
}

/// The parts of one spine, foot to head.
pub(crate) struct SpineParts {
    pub(crate) frame: Frame,
    pub(crate) bodies: Vec<Body>,
    pub(crate) discs: Vec<DiscPart>,
    pub(crate) canal: Option<u8>,
    pub(crate) curve: SpineCurve,
    /// What each number stands for, with its structure; the first has number 1.
    pub(crate) kinds: Vec<(PartKind, Structure)>,
    pub(crate) part_of: PartMask,
    pub(crate) semantic: SemanticMask,
    /// How many segmented parts were rejected.
    pub(crate) rejected: usize,
}

/// Numbers given so far, and which component has which.
struct Numbering {
    kinds: Vec<(PartKind, Structure)>,
    of_component: Vec<u8>,
}

impl Numbering {
    /// Gives the components the next number; `None` where there are no components or no numbers left.
    fn give(&mut self, kind: PartKind, structure: Structure, components: &[usize]) -> Option<u8> {
        let number = u8::try_from(self.kinds.len() + 1).ok()?;
        if components.is_empty() {
            return None;
        }
        self.kinds.push((kind, structure));
        components.iter().for_each(|c| self.of_component[*c] = number);
        Some(number)
    }
}

impl Chain {
    /// Numbers the parts from body `first` upwards. `bridged` tells of each gap above whether a
    /// vertebra is missing in it; a disc below the lowest body is kept where `below` says so.
    /// `None` where no curve can be laid through what is left.
    pub(crate) fn assemble(
        self,
        first: usize,
        bridged: &[bool],
        below: bool,
        mut semantic: SemanticMask,
    ) -> Option<SpineParts> {
        let mut numbering = Numbering { kinds: Vec::new(), of_component: vec![0; self.components.len()] };
        let rough: Vec<Vec3> = self.members[first..].iter().map(|m| self.candidates[m[0]].centre_mm).collect();
        let rough = SpineCurve::fit(&rough)?;
        let path = self.canal_path(first);
        let canal = self.canal_components(&rough, path.as_ref());
        let lateral: Vec<Vec3> = (first..self.members.len())
            .filter_map(|i| {
                let z = lateral_mm(&self.frame, &self.pieces(&self.body_components(i)), path.as_ref())?;
                Some([self.body(i).centre_mm[0], self.body(i).centre_mm[1], z])
            })
            .collect();
        let midline = SpineCurve::fit(&lateral)?;
        let bodies = self.number_bodies(first, &midline, &mut numbering)?;
        let discs = self.number_discs(first, bridged, below, &midline, &bodies, &mut numbering);
        let curve = SpineCurve::fit(&centres(&bodies, &discs))?;
        let canal = numbering.give(PartKind::Canal, Structure::Canal, &canal);
        if let Some(cut) = self.cut_above {
            numbering.give(PartKind::Cut, Structure::VertebralBody, &self.candidates[cut].components);
        }
        self.number_posterior(first, &mut numbering);
        let rejected = self.rejected(&numbering);
        let Self { frame, components, mut labels, .. } = self;
        renumber(&frame, &components, &numbering, &mut labels, &mut semantic);
        let kinds = numbering.kinds;
        Some(SpineParts {
            frame,
            bodies,
            discs,
            canal,
            curve,
            kinds,
            part_of: PartMask { parts: labels },
            semantic,
            rejected,
        })
    }

    fn pieces(&self, indices: &[usize]) -> Vec<&Component> {
        indices.iter().map(|i| &self.components[*i]).collect()
    }

    fn body_components(&self, index: usize) -> Vec<usize> {
        self.members[index].iter().flat_map(|m| self.candidates[*m].components.iter().copied()).collect()
    }

    /// The canal's way sideways, looked for from the middle of all bodies on.
    fn canal_path(&self, first: usize) -> Option<CanalPath> {
        let bodies = || (first..self.members.len()).map(|i| self.body(i).centre_mm[2]);
        self.canal.path(&self.frame, bodies().sum::<f64>() / bodies().count().max(1) as f64)
    }

    /// The components of the canal that runs behind the bodies.
    fn canal_components(&self, curve: &SpineCurve, path: Option<&CanalPath>) -> Vec<usize> {
        let behind = |c: &&Candidate| {
            let s_mm = curve.nearest_mm(c.centre_mm);
            let away_mm = dot(sub(c.centre_mm, curve.at(s_mm)), curve.directions(s_mm).back);
            c.structure == Structure::Canal && CANAL_BEHIND_MM.contains(&away_mm)
        };
        let on_path = |component: &usize| path.is_some_and(|path| self.canal.on_path(*component, path));
        self.candidates.iter().filter(behind).flat_map(|c| c.components.iter().copied()).filter(on_path).collect()
    }

    fn number_bodies(&self, first: usize, midline: &SpineCurve, numbering: &mut Numbering) -> Option<Vec<Body>> {
        let mut bodies = Vec::new();
        for i in first..self.members.len() {
            let (body, up) = (self.body(i), self.places.up(i));
            let components = self.body_components(i);
            let is_sacrum = body.sacrum_share > super::SACRUM_SHARE;
            let structure = if is_sacrum { Structure::Sacrum } else { Structure::VertebralBody };
            let number = numbering.give(PartKind::Body(bodies.len()), structure, &components)?;
            let z_mm = midline.at(midline.nearest_mm(body.centre_mm))[2];
            bodies.push(Body {
                number,
                centre_mm: in_plane(&self.frame, &self.pieces(&components), z_mm).unwrap_or(body.centre_mm),
                height_mm: body.extent_mm(up),
                depth_mm: body.extent_mm([-up[1], up[0]]),
                at_edge: body.at_edge,
            });
        }
        Some(bodies)
    }

    fn number_discs(
        &self,
        first: usize,
        bridged: &[bool],
        below: bool,
        midline: &SpineCurve,
        bodies: &[Body],
        numbering: &mut Numbering,
    ) -> Vec<DiscPart> {
        let found = self.disc_candidates();
        let mut discs = Vec::new();
        for space in usize::from(!below)..=bodies.len() {
            let neighbours = (space.checked_sub(1), (space < bodies.len()).then_some(space));
            let lost = space.checked_sub(1).and_then(|gap| bridged.get(gap)) == Some(&true);
            for place in 0..=usize::from(lost) {
                let components: Vec<usize> = found
                    .iter()
                    .filter(|(_, p)| p.space == space + first && (!lost || (place == 1) == (p.along > 0.5)))
                    .flat_map(|(c, _)| self.candidates[*c].components.iter().copied())
                    .collect();
                let number = numbering.give(PartKind::Disc(discs.len()), Structure::Disc, &components);
                let centre_mm = match (number, neighbours) {
                    (Some(_), _) => self.disc_centre(&components, midline),
                    (None, (Some(lower), Some(upper))) if !lost => {
                        Some(scaled(add(bodies[lower].centre_mm, bodies[upper].centre_mm), 0.5))
                    }
                    (None, _) => None,
                };
                let (lower, upper) = neighbours;
                discs.extend(centre_mm.map(|centre_mm| DiscPart { number, centre_mm, lower, upper, place }));
            }
        }
        discs
    }

    fn disc_centre(&self, components: &[usize], midline: &SpineCurve) -> Option<Vec3> {
        let pieces = self.pieces(components);
        let largest = pieces.iter().max_by(|a, b| a.area_mm2.total_cmp(&b.area_mm2))?;
        let about = [largest.centre_mm[0], largest.centre_mm[1], self.frame.slice_z_mm(largest.slice)];
        let z_mm = midline.at(midline.nearest_mm(about))[2];
        in_plane(&self.frame, &pieces, z_mm).or(Some(about))
    }

    fn number_posterior(&self, first: usize, numbering: &mut Numbering) {
        let mut by_body = vec![Vec::new(); self.members.len()];
        for (i, c) in self.components.iter().enumerate().filter(|(_, c)| c.structure == Structure::PosteriorElements) {
            if let Some(body) = self.places.posterior_of(c.centre_mm) {
                by_body[body].push(i);
            }
        }
        for (body, components) in by_body.iter().skip(first).enumerate() {
            numbering.give(PartKind::Posterior(body), Structure::PosteriorElements, components);
        }
    }

    fn rejected(&self, numbering: &Numbering) -> usize {
        let given = |c: &Candidate| c.components.iter().any(|i| numbering.of_component[*i] != 0);
        self.candidates.iter().filter(|c| c.area_mm2 >= COUNTED_MM2.max(MIN_DISC_MM2) && !given(c)).count()
    }
}

/// Centres of bodies and segmented discs in order along the chain.
fn centres(bodies: &[Body], discs: &[DiscPart]) -> Vec<Vec3> {
    let segmented = |d: &&DiscPart| d.number.is_some();
    let mut ordered = Vec::new();
    for space in 0..=bodies.len() {
        let below = space.checked_sub(1);
        ordered.extend(below.map(|b| bodies[b].centre_mm));
        let inside = discs
            .iter()
            .filter(segmented)
            .filter(|d| d.lower == below && d.upper == Some(space).filter(|s| *s < bodies.len()));
        ordered.extend(inside.map(|d| d.centre_mm));
    }
    ordered
}

/// Turns labels into part numbers, and sets every voxel's class to that of its part.
fn renumber(
    frame: &Frame,
    components: &[Component],
    numbering: &Numbering,
    labels: &mut [u8],
    semantic: &mut SemanticMask,
) {
    let channel = |number: u8| -> u8 {
        let index = usize::from(number).checked_sub(1);
        index.and_then(|i| numbering.kinds.get(i)).map_or(Structure::Background as u8, |(_, s)| *s as u8)
    };
    let channels: Vec<u8> = (0..=u8::MAX).map(channel).collect();
    let mut tables = vec![[0_u8; 256]; frame.slices()];
    for (component, number) in components.iter().zip(&numbering.of_component) {
        tables[component.slice][usize::from(component.label)] = *number;
    }
    let length = frame.slice_len();
    let slices = labels.chunks_exact_mut(length).zip(semantic.channels.chunks_exact_mut(length)).zip(&tables);
    for ((labels, classes), table) in slices {
        for (label, class) in labels.iter_mut().zip(classes) {
            *label = table[usize::from(*label)];
            *class = channels[usize::from(*label)];
        }
    }
}
