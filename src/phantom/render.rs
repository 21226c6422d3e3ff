//! From the scene to slices: rasterising, partial volume, coil, noise.
//!
//! Each pixel takes one sample in the middle of its voxel; pixels on a border between tissues take
//! four more, spread over the voxel and through the slice's thickness. Only the parts near a tile of
//! pixels are asked. Slices are shared out over the cores; each draws its noise from its own stream,
//! so the result does not depend on how many there are.

use super::frame::{mix, smooth_step};
use super::plan::{Imaging, SeriesPlan};
use super::random::Random;
use super::scene::{Near, Scene};
use super::tissue::{Contrast, Matter, Relaxation, Tissue};
use crate::analysis::volume::{Slice, Volume};
use crate::spine::{Vec3, add, cross, scaled};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Pixels along a side of the tiles that share one list of near parts.
const TILE: usize = 12;
/// Largest number of threads that share the slices.
const THREADS_MAX: usize = 8;
/// Samples of a border pixel besides its middle: column and row in pixels, depth in slice thicknesses.
const SPREAD: [[f64; 3]; 4] = [[-0.27, -0.23, -0.36], [0.23, -0.27, 0.13], [0.27, 0.23, 0.36], [-0.23, 0.27, -0.13]];
/// Weight of a pixel's neighbours in the scanner's point spread, on each side.
const POINT_SPREAD: f32 = 0.16;
/// Stored value of fat (see [`brightest`]) at the coil's best place, before the vendor's scaling.
const REFERENCE_STORED: f32 = 1500.0;
/// Largest stored value: 12 bits.
const STORED_MAX: f32 = 4095.0;

/// The samples of one slice, and its labels.
pub(super) struct Raster {
    middle: Vec<Matter>,
    /// Further samples of border pixels, [`SPREAD`]'s length each.
    border: Vec<(u32, [Matter; SPREAD.len()])>,
}

/// A slice's pixel grid in the phantom's own coordinates.
struct Grid {
    origin: Vec3,
    column_step: Vec3,
    row_step: Vec3,
    through: Vec3,
}

impl Grid {
    fn new(scene: &Scene, plan: &SeriesPlan, slice: usize) -> Self {
        let turn = |d: Vec3| scene.patient.at([0.0; 3]).local(d);
        let normal = cross(plan.row_direction_lps, plan.column_direction_lps);
        Self {
            origin: scene.patient.local(plan.origins_lps_mm[slice]),
            column_step: turn(scaled(plan.row_direction_lps, plan.column_spacing_mm)),
            row_step: turn(scaled(plan.column_direction_lps, plan.row_spacing_mm)),
            through: turn(scaled(normal, plan.thickness_mm)),
        }
    }

    fn at(&self, column: f64, row: f64, depth: f64) -> Vec3 {
        add(
            add(self.origin, scaled(self.column_step, column)),
            add(scaled(self.row_step, row), scaled(self.through, depth)),
        )
    }
}

impl Raster {
    pub(super) fn new(scene: &Scene, plan: &SeriesPlan, slice: usize, supersampled: bool) -> Self {
        let grid = Grid::new(scene, plan, slice);
        let tiles = plan.columns.div_ceil(TILE);
        let near = near_tiles(scene, plan, &grid);
        let near_at = |column: usize, row: usize| &near[(row / TILE) * tiles + column / TILE];
        let mut middle = Vec::with_capacity(plan.rows * plan.columns);
        for row in 0..plan.rows {
            for column in 0..plan.columns {
                middle.push(scene.matter(grid.at(column as f64, row as f64, 0.0), near_at(column, row)));
            }
        }
        let mut border = Vec::new();
        for index in if supersampled { border_pixels(&middle, plan) } else { Vec::new() } {
            let (column, row) = (index % plan.columns, index / plan.columns);
            let near = near_at(column, row);
            let sample = |[c, r, d]: [f64; 3]| scene.matter(grid.at(column as f64 + c, row as f64 + r, d), near);
            border.push((index as u32, SPREAD.map(sample)));
        }
        Self { middle, border }
    }

    /// Labels of the pixels' middles, and the index of the part each belongs to.
    pub(super) fn labels(&self) -> impl Iterator<Item = (u8, u8)> {
        self.middle.iter().map(|m| (m.label, m.part))
    }

    fn signal(&self, signals: &[f32; Tissue::COUNT]) -> Vec<f32> {
        let mut image: Vec<f32> = self.middle.iter().map(|m| m.signal(signals)).collect();
        for (index, samples) in &self.border {
            if let Some(pixel) = image.get_mut(*index as usize) {
                let more: f32 = samples.iter().map(|m| m.signal(signals)).sum();
                *pixel = (*pixel + more) / (SPREAD.len() as f32 + 1.0);
            }
        }
        image
    }
}

fn near_tiles(scene: &Scene, plan: &SeriesPlan, grid: &Grid) -> Vec<Near> {
    let half = TILE as f64 / 2.0;
    let reach = (half * plan.column_spacing_mm).hypot(half * plan.row_spacing_mm).hypot(plan.thickness_mm / 2.0) + 0.5;
    let mut near = Vec::new();
    for row in (0..plan.rows).step_by(TILE) {
        for column in (0..plan.columns).step_by(TILE) {
            let mut list = Near::default();
            scene.gather(grid.at(column as f64 + half - 0.5, row as f64 + half - 0.5, 0.0), reach, &mut list);
            near.push(list);
        }
    }
    near
}

/// Pixels that differ from a neighbour.
fn border_pixels(middle: &[Matter], plan: &SeriesPlan) -> Vec<usize> {
    let differs =
        |a: &Matter, b: &Matter| a.tissue != b.tissue || a.other != b.other || (a.share - b.share).abs() > 0.35;
    let mut marked = vec![false; middle.len()];
    for row in 0..plan.rows {
        for column in 0..plan.columns {
            let index = row * plan.columns + column;
            let next = [(column + 1 < plan.columns, index + 1), (row + 1 < plan.rows, index + plan.columns)];
            for (_, other) in next.into_iter().filter(|(inside, _)| *inside) {
                if differs(&middle[index], &middle[other]) {
                    (marked[index], marked[other]) = (true, true);
                }
            }
        }
    }
    marked.iter().enumerate().filter(|(_, m)| **m).map(|(i, _)| i).collect()
}

/// The volumes of series that share one geometry and differ in their contrast and imaging.
pub(super) fn render(scene: &Scene, seed: u64, plan: &SeriesPlan, others: &[(Contrast, Imaging)]) -> Vec<Volume> {
    let own = Relaxation::drawn(seed);
    let looks: Vec<(Contrast, Imaging)> =
        std::iter::once((plan.contrast, plan.imaging)).chain(others.iter().copied()).collect();
    let slices = for_each_slice(plan.origins_lps_mm.len(), |slice| {
        let raster = Raster::new(scene, plan, slice, true);
        let shaded = |(series, (contrast, imaging)): (usize, &(Contrast, Imaging))| {
            let signals = contrast.signals(&own);
            let image = point_spread(&raster.signal(&signals), plan.columns);
            let mut random = Random::stream(seed ^ imaging.noise_seed, 1000 + (series * 4096 + slice) as u64);
            stored(scene, plan, slice, image, brightest(&signals), imaging, &mut random)
        };
        looks.iter().enumerate().map(shaded).collect::<Vec<_>>()
    });
    (0..looks.len())
        .map(|series| volume(plan, slices.iter().map(|images| images.get(series).cloned().unwrap_or_default())))
        .collect()
}

/// The signal that sets the scale: fat's, or that of water where fat is suppressed.
fn brightest(signals: &[f32; Tissue::COUNT]) -> f32 {
    let of = |tissue: Tissue| signals[tissue as usize];
    of(Tissue::Fat).max(0.6 * of(Tissue::Csf)).max(1.6 * of(Tissue::Muscle))
}

/// `make` for every slice, shared out over the cores, in the order of the slices.
pub(super) fn for_each_slice<T: Send>(count: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(count));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX).min(count.max(1));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let slice = next.fetch_add(1, Ordering::Relaxed);
                    if slice >= count {
                        break;
                    }
                    let made = make(slice);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((slice, made));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(slice, _)| *slice);
    done.into_iter().map(|(_, made)| made).collect()
}

fn volume(plan: &SeriesPlan, pixels: impl Iterator<Item = Vec<u16>>) -> Volume {
    let slice = |(source, (stored, origin)): (usize, (Vec<u16>, &Vec3))| Slice {
        origin_lps_mm: *origin,
        stored,
        slope: 1.0,
        intercept: 0.0,
        source,
    };
    Volume {
        rows: plan.rows,
        columns: plan.columns,
        row_spacing_mm: plan.row_spacing_mm,
        column_spacing_mm: plan.column_spacing_mm,
        row_direction_lps: plan.row_direction_lps,
        column_direction_lps: plan.column_direction_lps,
        slices: pixels.zip(&plan.origins_lps_mm).enumerate().map(slice).collect(),
    }
}

fn point_spread(image: &[f32], columns: usize) -> Vec<f32> {
    let blend = |before: f32, here: f32, after: f32| here + POINT_SPREAD * (before + after - 2.0 * here);
    let mut across = image.to_vec();
    for (row, out) in image.chunks_exact(columns).zip(across.chunks_exact_mut(columns)) {
        for (three, out) in row.windows(3).zip(out.iter_mut().skip(1)) {
            *out = blend(three[0], three[1], three[2]);
        }
    }
    let mut down = across.clone();
    let inner = across.len().saturating_sub(columns);
    for i in columns..inner {
        down[i] = blend(across[i - columns], across[i], across[i + columns]);
    }
    down
}

/// Shades the signal by the coil and the saturation band, adds Rician noise (Gudbjartsson 1995,
/// MRM 34:910) and stores it in 12 bits.
fn stored(
    scene: &Scene,
    plan: &SeriesPlan,
    slice: usize,
    image: Vec<f32>,
    reference: f32,
    imaging: &Imaging,
    random: &mut Random,
) -> Vec<u16> {
    /// The shading is smooth, so it is computed for every so many pixels only.
    const PATCH: usize = 8;
    let grid = Grid::new(scene, plan, slice);
    let patches = plan.columns.div_ceil(PATCH) + 1;
    let shading: Vec<f32> = (0..plan.rows.div_ceil(PATCH) + 1)
        .flat_map(|row| (0..patches).map(move |column| (column, row)))
        .map(|(column, row)| coil(scene, imaging, grid.at((column * PATCH) as f64, (row * PATCH) as f64, 0.0)))
        .collect();
    let scale = REFERENCE_STORED / reference.max(1e-3);
    let sigma = f64::from(REFERENCE_STORED) * imaging.noise;
    let shade = |i: usize| {
        let (column, row) = (i % plan.columns, i / plan.columns);
        let (c, r) = (column / PATCH, row / PATCH);
        let (fc, fr) = ((column % PATCH) as f32 / PATCH as f32, (row % PATCH) as f32 / PATCH as f32);
        let of = |c: usize, r: usize| shading[r * patches + c];
        let line = |r: usize| of(c, r) + (of(c + 1, r) - of(c, r)) * fc;
        line(r) + (line(r + 1) - line(r)) * fr
    };
    let pixel = |(i, signal): (usize, f32)| {
        let (real, imaginary) = random.normal_pair();
        let real = signal * scale * shade(i) + (real * sigma) as f32;
        let imaginary = (imaginary * sigma) as f32;
        (real * real + imaginary * imaginary).sqrt().min(STORED_MAX).round() as u16
    };
    image.into_iter().enumerate().map(pixel).collect()
}

/// Sensitivity of a spine coil under the back, and the saturation band before the spine.
fn coil(scene: &Scene, imaging: &Imaging, p: Vec3) -> f32 {
    /// Distance under the back at which a bare surface coil has lost half, mm.
    const HALF_MM: f64 = 80.0;
    let reach = scene.back_mm() - p[1];
    let near = 1.75 / (1.0 + (reach.max(0.0) / HALF_MM).powi(2));
    let ends = (-(p[2] / 210.0).powi(4)).exp();
    let shading = mix(1.0, near * ends, imaging.coil);
    let before = scene.front_of_spine_mm(p[2]) - p[1];
    let saturated = imaging.saturation * smooth_step(18.0, 38.0, before);
    (shading * (1.0 - 0.88 * saturated)) as f32
}
