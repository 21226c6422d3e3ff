//! From a semantic mask to the parts of one spine: bodies, discs, posterior elements and canal.
//!
//! [`find`] labels connected pieces slice by slice ([`components`]), cuts bodies that run together
//! ([`split`], [`propagate`]), joins pieces across slices ([`link`]) and keeps the bodies that follow one another
//! along one smooth line beside one canal ([`chain`]). [`Chain::assemble`] then gives every kept
//! part a number and everything else back to the background. Names are for [`super::level`],
//! millimetres for [`super::measure`].

mod assemble;
mod canal;
mod centre;
mod chain;
mod components;
pub(crate) mod frame;
mod link;
mod places;
mod profile;
mod propagate;
mod split;

pub(crate) use assemble::{Body, DiscPart, PartKind, SpineParts};
pub(crate) use chain::SACRUM_SHARE;

use super::curve::median;
use super::level::{ChainBody, ChainGap};
use super::volume::SemanticMask;
use crate::spine::{Structure, Vec3};
use canal::CanalOutline;
use components::Component;
use frame::Frame;
use link::Candidate;
use places::{InSpace, Places};
use profile::Profile;

/// Fewer bodies than this along one line are no spine.
pub const MIN_BODIES: usize = 3;
/// A candidate is a fragment of a body where it lies within these shares of its height and depth from the centre.
const FRAGMENT_ALONG: f64 = 0.5;
const FRAGMENT_ACROSS: f64 = 0.65;
/// Discs with less than this area in their largest piece are none, mm²: between bodies, and beyond the ends of the chain.
const MIN_DISC_MM2: f64 = 30.0;
const MIN_END_DISC_MM2: f64 = 100.0;
/// Pieces of disc this far apart along one space, as a share of it, are two discs.
const TWO_DISCS_APART: f64 = 0.25;

/// The highest body is left out where its section is a smaller share of the next one's than this: it is less than half in view, or
/// half made out where the coil's field ends, and nothing of it can be measured.
const HALF_IN_VIEW: f64 = 0.5;

/// The bodies that make up the spine, with all pieces found.
pub(crate) struct Chain {
    frame: Frame,
    components: Vec<Component>,
    labels: Vec<u8>,
    candidates: Vec<Candidate>,
    /// For each body, foot to head, the indices of its candidates: itself, then its fragments.
    members: Vec<Vec<usize>>,
    /// The candidate of a body above these that was left out.
    cut_above: Option<usize>,
    canal: CanalOutline,
    places: Places,
}

/// Finds the chain of bodies in a mask of `frame`'s size; `None` where no three bodies follow one another.
pub(crate) fn find(frame: Frame, mask: &SemanticMask) -> Option<Chain> {
    let mut labels = vec![0; mask.channels.len()];
    let mut slices = components::label(&frame, &mask.channels, &mut labels);
    propagate::cut_joined(&frame, &mask.channels, &mut labels, &mut slices);
    let components: Vec<Component> = slices.into_iter().flatten().collect();
    let candidates = link::candidates(&frame, &components, &labels);
    let canal = CanalOutline::of(&frame, &components, &labels);
    let mut bodies = chain::best(&frame, &candidates, &components, &canal);
    let area_mm2 = |b: &usize| candidates[*b].area_mm2;
    let cut_above = match bodies.as_slice() {
        [.., next, highest] if area_mm2(highest) < HALF_IN_VIEW * area_mm2(next) => bodies.pop(),
        _ => None,
    };
    if bodies.len() < MIN_BODIES {
        return None;
    }
    let centres: Vec<Vec3> = bodies.iter().map(|b| candidates[*b].centre_mm).collect();
    let places = Places::of(&centres, median(&places::steps_mm(&centres))?)?;
    let members = with_fragments(&bodies, &candidates, &places);
    Some(Chain { frame, components, labels, candidates, members, cut_above, canal, places })
}

/// Each body with the candidates that lie within its outline: what a vein, a fracture or the network broke off.
fn with_fragments(bodies: &[usize], candidates: &[Candidate], places: &Places) -> Vec<Vec<usize>> {
    let mut members: Vec<Vec<usize>> = bodies.iter().map(|b| vec![*b]).collect();
    for (index, fragment) in candidates.iter().enumerate() {
        if fragment.structure != Structure::VertebralBody || bodies.contains(&index) {
            continue;
        }
        let home = bodies.iter().enumerate().find(|(i, b)| {
            let (body, up) = (&candidates[**b], places.up(*i));
            let away = [fragment.centre_mm[0] - body.centre_mm[0], fragment.centre_mm[1] - body.centre_mm[1]];
            let along = (away[0] * up[0] + away[1] * up[1]).abs();
            let across = (away[0] * up[1] - away[1] * up[0]).abs();
            let (height, depth) = (body.extent_mm(up), body.extent_mm([-up[1], up[0]]));
            along <= FRAGMENT_ALONG * height && across <= FRAGMENT_ACROSS * depth && fragment.area_mm2 < body.area_mm2
        });
        if let Some((i, _)) = home {
            members[i].push(index);
        }
    }
    members
}

impl Chain {
    fn body(&self, index: usize) -> &Candidate {
        &self.candidates[self.members[index][0]]
    }

    /// What the names need to know of the bodies, foot to head.
    pub(crate) fn bodies(&self) -> Vec<ChainBody> {
        let describe = |i: usize| {
            let (body, up) = (self.body(i), self.places.up(i));
            let profile = Profile::of(body, up, &self.components, &self.labels, &self.frame);
            ChainBody {
                height_mm: body.extent_mm(up),
                depth_mm: body.extent_mm([-up[1], up[0]]),
                area_mm2: body.area_mm2,
                front_to_back: profile.front_to_back,
                upper_to_lower: profile.upper_to_lower,
                sacrum_share: body.sacrum_share,
                at_edge: body.at_edge,
                room_below_mm: self.frame.rows as f64 * self.frame.row_spacing_mm
                    - body.centre_mm[1]
                    - body.extent_mm(up) / 2.0,
                canal_alongside: self.canal.alongside(body.centre_mm),
            }
        };
        (0..self.members.len()).map(describe).collect()
    }

    /// The centres of the bodies, foot to head.
    pub(crate) fn centres_lps_mm(&self) -> Vec<Vec3> {
        (0..self.members.len()).map(|i| self.frame.to_lps(self.body(i).centre_mm)).collect()
    }

    /// What lies between neighbouring bodies, foot to head.
    pub(crate) fn gaps(&self) -> Vec<ChainGap> {
        let centres: Vec<Vec3> = (0..self.members.len()).map(|i| self.body(i).centre_mm).collect();
        let discs = self.disc_candidates();
        let steps = places::steps_mm(&centres).into_iter().enumerate();
        let gap = |(i, distance_mm): (usize, f64)| {
            let mut inside: Vec<(f64, f64)> = discs
                .iter()
                .filter(|(c, place)| place.space == i + 1 && self.candidates[*c].area_mm2 >= MIN_DISC_MM2)
                .map(|(c, place)| (place.along, self.candidates[*c].extent_mm(self.places.up(i + 1))))
                .collect();
            inside.sort_by(|a, b| a.0.total_cmp(&b.0));
            let apart = inside.windows(2).any(|w| w[1].0 - w[0].0 >= TWO_DISCS_APART);
            let (lower, upper) = (centres[i], centres[i + 1]);
            ChainGap {
                distance_mm,
                lean_deg: (upper[0] - lower[0]).atan2(lower[1] - upper[1]).to_degrees(),
                discs: inside.len().min(1 + usize::from(apart)),
                disc_thickness_mm: inside.iter().map(|d| d.1).fold(0.0, f64::max),
            }
        };
        steps.map(gap).collect()
    }

    /// Candidates for discs that lie in a space of the chain, with their places: in each space those
    /// large enough to be one, and the fragments beside them.
    fn disc_candidates(&self) -> Vec<(usize, InSpace)> {
        let in_space = |(i, c): (usize, &Candidate)| {
            let place = self.places.space_of([c.centre_mm[0], c.centre_mm[1]])?;
            (c.structure == Structure::Disc).then_some((i, place))
        };
        let mut found: Vec<(usize, InSpace)> = self.candidates.iter().enumerate().filter_map(in_space).collect();
        let ends = [0, self.members.len()];
        let large = |(i, place): &(usize, InSpace)| {
            let least = if ends.contains(&place.space) { MIN_END_DISC_MM2 } else { MIN_DISC_MM2 };
            self.candidates[*i].area_mm2 >= least
        };
        let filled: Vec<usize> = found.iter().filter(|f| large(f)).map(|(_, place)| place.space).collect();
        found.retain(|(_, place)| filled.contains(&place.space));
        found
    }
}
