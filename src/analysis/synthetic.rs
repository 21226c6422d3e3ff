//! A spine of boxes with known geometry, rasterised into a semantic mask: the truth of the tests here.
//!
//! Rigid boxes grow upwards from S1, whose front corner is cut away as a first sacral body's is, bent by a share of the lordosis at every disc; the canal is a
//! tube behind them. No tissue and no noise: that is the phantom's business.

use super::volume::{SemanticMask, Slice, Volume};
use crate::spine::{Structure, Vec3};

/// What the spine looks like and how it is cut into slices.
#[derive(Debug, Clone)]
pub(crate) struct SyntheticSpine {
    /// Vertebrae above S1.
    pub(crate) vertebrae: usize,
    /// Bend spread over the five lowest discs, degrees.
    pub(crate) lordosis_deg: f64,
    /// Tilt of S1's upper endplate, degrees.
    pub(crate) sacral_slope_deg: f64,
    /// Greatest sideways place of the spine, mm.
    pub(crate) scoliosis_mm: f64,
    /// Forward slip of the vertebra with this index (0 is L5) and all above it.
    pub(crate) slip: Option<(usize, f64)>,
    /// Bodies left out of the mask (0 is L5).
    pub(crate) lost: Vec<usize>,
    pub(crate) sacrum: bool,
    /// S2 in the mask, in the class of the sacrum.
    pub(crate) s2: bool,
    pub(crate) discs: bool,
    pub(crate) canal: bool,
    pub(crate) pixel_mm: f64,
    pub(crate) slices: usize,
    pub(crate) slice_mm: f64,
}

impl Default for SyntheticSpine {
    fn default() -> Self {
        Self {
            vertebrae: 7,
            lordosis_deg: 45.0,
            sacral_slope_deg: 38.0,
            scoliosis_mm: 0.0,
            slip: None,
            lost: Vec::new(),
            sacrum: true,
            s2: false,
            discs: true,
            canal: true,
            pixel_mm: 0.8,
            slices: 17,
            slice_mm: 4.0,
        }
    }
}

pub(crate) const BODY_HEIGHT_MM: f64 = 27.0;
pub(crate) const BODY_DEPTH_MM: f64 = 34.0;
pub(crate) const DISC_HEIGHT_MM: f64 = 9.0;
pub(crate) const CANAL_AP_MM: f64 = 14.0;
/// Half of a width that is the same all along, mm.
const BODY_HALF_WIDTH_MM: f64 = 22.0;
const CANAL_HALF_WIDTH_MM: f64 = 9.0;
const FIELD_MM: f64 = 330.0;
/// How much of the depth and of the height of a sacral body its cut corner takes.
const SACRAL_CORNER: f64 = 0.57;

/// A box: its centre and the way to the head, in the slice plane (x to the back, y to the feet), mm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Box2 {
    pub(crate) centre_mm: [f64; 2],
    pub(crate) up: [f64; 2],
    half_depth_mm: f64,
    half_height_mm: f64,
    structure: Structure,
}

impl Box2 {
    fn local(&self, at_mm: [f64; 2]) -> [f64; 2] {
        let d = [at_mm[0] - self.centre_mm[0], at_mm[1] - self.centre_mm[1]];
        [-d[0] * self.up[1] + d[1] * self.up[0], d[0] * self.up[0] + d[1] * self.up[1]]
    }

    pub(crate) fn holds(&self, at_mm: [f64; 2]) -> bool {
        let [u, v] = self.local(at_mm);
        let within = u.abs() <= self.half_depth_mm && v.abs() <= self.half_height_mm;
        within && !(self.structure == Structure::Sacrum && self.beyond_the_sacrums_front(u, v))
    }

    /// The sacrum's front runs back towards its foot: the corner there is cut away.
    fn beyond_the_sacrums_front(&self, to_back_mm: f64, to_head_mm: f64) -> bool {
        let share = |at: f64, half: f64| (at + half) / (2.0 * half);
        share(to_back_mm, self.half_depth_mm) + share(to_head_mm, self.half_height_mm) < SACRAL_CORNER
    }
}

/// What was built, to be compared with what is found.
pub(crate) struct Rendered {
    pub(crate) volume: Volume,
    pub(crate) mask: SemanticMask,
    /// S1 first; then the vertebrae, lost ones too.
    pub(crate) bodies: Vec<Box2>,
    /// The lowest lies above S1.
    pub(crate) discs: Vec<Box2>,
    scoliosis_mm: f64,
}

impl Rendered {
    /// Sideways place of the spine's middle at a height.
    pub(crate) fn sideways_mm(&self, y_mm: f64) -> f64 {
        sideways_mm(self.scoliosis_mm, y_mm)
    }

    /// The patient position of a box's centre.
    pub(crate) fn centre_lps_mm(&self, part: &Box2) -> Vec3 {
        let [x, y] = part.centre_mm;
        [-self.sideways_mm(y), x, -y]
    }

    /// Writes a disk of a structure into the mask, in every slice.
    pub(crate) fn with_blob(mut self, structure: Structure, centre_mm: [f64; 2], radius_mm: f64) -> Self {
        let (rows, columns, pixel) = (self.volume.rows, self.volume.columns, self.volume.row_spacing_mm);
        for (i, channel) in self.mask.channels.iter_mut().enumerate() {
            let (row, column) = ((i / columns) % rows, i % columns);
            let (x, y) = (column as f64 * pixel, row as f64 * pixel);
            if (x - centre_mm[0]).hypot(y - centre_mm[1]) <= radius_mm {
                *channel = structure as u8;
            }
        }
        self
    }
}

fn sideways_mm(scoliosis_mm: f64, y_mm: f64) -> f64 {
    scoliosis_mm * (std::f64::consts::PI * (y_mm / FIELD_MM)).sin()
}

impl SyntheticSpine {
    pub(crate) fn render(&self) -> Rendered {
        let (bodies, discs) = self.boxes();
        let side = (FIELD_MM / self.pixel_mm) as usize;
        let positions: Vec<f64> =
            (0..self.slices).map(|k| (k as f64 - (self.slices as f64 - 1.0) / 2.0) * self.slice_mm).collect();
        let volume = Volume {
            rows: side,
            columns: side,
            row_spacing_mm: self.pixel_mm,
            column_spacing_mm: self.pixel_mm,
            row_direction_lps: [0.0, 1.0, 0.0],
            column_direction_lps: [0.0, 0.0, -1.0],
            slices: positions
                .iter()
                .enumerate()
                .map(|(source, z)| Slice {
                    origin_lps_mm: [-z, 0.0, 0.0],
                    stored: Vec::new(),
                    slope: 1.0,
                    intercept: 0.0,
                    source,
                })
                .collect(),
        };
        let mut channels = Vec::with_capacity(side * side * self.slices);
        for z in positions {
            for row in 0..side {
                for column in 0..side {
                    let at = [column as f64 * self.pixel_mm, row as f64 * self.pixel_mm];
                    channels.push(self.channel(&bodies, &discs, at, z - sideways_mm(self.scoliosis_mm, at[1])));
                }
            }
        }
        Rendered { volume, mask: SemanticMask { channels }, bodies, discs, scoliosis_mm: self.scoliosis_mm }
    }

    fn channel(&self, bodies: &[Box2], discs: &[Box2], at_mm: [f64; 2], beside_mm: f64) -> u8 {
        if beside_mm.abs() > BODY_HALF_WIDTH_MM {
            return 0;
        }
        let mut shown = bodies.iter().enumerate().filter(|(i, _)| match i {
            0 => self.sacrum,
            i => !self.lost.contains(&(i - 1)),
        });
        if let Some((_, body)) = shown.find(|(_, b)| b.holds(at_mm)) {
            return body.structure as u8;
        }
        if self.s2 && s2_below(&bodies[0]).holds(at_mm) {
            return Structure::Sacrum as u8;
        }
        if self.discs && discs.iter().any(|d| d.holds(at_mm)) {
            return Structure::Disc as u8;
        }
        let in_canal = |b: &Box2| {
            let [u, v] = b.local(at_mm);
            let from = BODY_DEPTH_MM / 2.0 + 2.0;
            v.abs() <= b.half_height_mm + 3.0 && u >= from && u <= from + CANAL_AP_MM
        };
        let canal = self.canal && beside_mm.abs() <= CANAL_HALF_WIDTH_MM && bodies.iter().chain(discs).any(in_canal);
        if canal { Structure::Canal as u8 } else { 0 }
    }

    /// Bodies from S1 up, and the discs above each but the last.
    fn boxes(&self) -> (Vec<Box2>, Vec<Box2>) {
        let part = |centre_mm, angle: f64, half_height_mm, structure| Box2 {
            centre_mm,
            up: [angle.sin(), -angle.cos()],
            half_depth_mm: if structure == Structure::Sacrum { 15.0 } else { BODY_DEPTH_MM / 2.0 },
            half_height_mm,
            structure,
        };
        // Tilted forwards at the sacrum: towards the head is towards the front.
        let mut angle = -self.sacral_slope_deg.to_radians();
        let step = self.lordosis_deg.to_radians() / 5.0;
        let s1 = part([175.0, 285.0], angle, 14.0, Structure::Sacrum);
        let (mut bodies, mut discs) = (vec![s1], Vec::new());
        for i in 0..self.vertebrae {
            let below = bodies[bodies.len() - 1];
            let go = |from: [f64; 2], up: [f64; 2], by: f64| [from[0] + up[0] * by, from[1] + up[1] * by];
            let mut top = go(below.centre_mm, below.up, below.half_height_mm);
            let bend = if i < 5 { step } else { 0.0 };
            let disc_angle = angle + bend / 2.0;
            angle += bend;
            let disc_up = [disc_angle.sin(), -disc_angle.cos()];
            discs.push(part(go(top, disc_up, DISC_HEIGHT_MM / 2.0), disc_angle, DISC_HEIGHT_MM / 2.0, Structure::Disc));
            top = go(top, disc_up, DISC_HEIGHT_MM);
            let up = [angle.sin(), -angle.cos()];
            if let Some((_, slip_mm)) = self.slip.filter(|(at, _)| *at == i) {
                top = go(top, [below.up[1], -below.up[0]], slip_mm);
            }
            bodies.push(part(go(top, up, BODY_HEIGHT_MM / 2.0), angle, BODY_HEIGHT_MM / 2.0, Structure::VertebralBody));
        }
        (bodies, discs)
    }
}

/// A smaller box under S1.
fn s2_below(s1: &Box2) -> Box2 {
    let by = -(14.0 + 2.0 + 11.0);
    Box2 {
        centre_mm: [s1.centre_mm[0] + s1.up[0] * by, s1.centre_mm[1] + s1.up[1] * by],
        half_depth_mm: 10.0,
        half_height_mm: 11.0,
        ..*s1
    }
}
