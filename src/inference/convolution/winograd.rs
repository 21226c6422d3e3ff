//! A 3 x 3 filter at half the products: four rows of output at a time from six of input.
//!
//! Winograd's minimal filtering F(4, 3) (Winograd 1980, "Arithmetic complexity of computations"; Lavin and Gray 2016, "Fast
//! algorithms for convolutional neural networks", arXiv 1509.09308) along the columns of an image alone: six rows become six sums
//! of rows, each is filtered along its length by [`kernel`](super::kernel) with weights of its own, and the six results become
//! four rows of output; 18 products take the place of 36. Along both axes it would be 36 in place of 144, and what is added along
//! rows would no longer be whole vectors. Sums of rows are at most ten times as large as the rows: what is lost by rounding stays
//! below what is lost by the order of sums.

use super::kernel::{self, CHANNELS, Stretch};
use super::layout::Layout;
use super::{Finish, Packed, Room};
use pulp::{Arch, Simd, WithSimd};
use std::sync::Arc;

/// Rows of output in a tile.
const ROWS: usize = 4;
/// Sums of rows that a tile needs: its rows of input, too.
const SUMS: usize = 6;
/// Taps of the filter, along either axis.
const TAPS: usize = 3;
/// Pixels of tiles that are computed before they are taken out: their sums stay in the second-level cache.
const BAND: usize = 512;
/// For each sum of rows, what its weights are of the three above each other (Lavin and Gray 2016, equation 4.2.3).
const WEIGHTS: [[f32; TAPS]; SUMS] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// The weights of each sum of rows, and the biases.
#[derive(Debug, PartialEq)]
pub(super) struct Weights {
    of_sums: [Packed; SUMS],
    bias: Vec<f32>,
}

impl Weights {
    /// `weights` as for [`Packed::new`], of a filter of three rows and columns.
    pub(super) fn new(weights: &[f32], bias: &[f32]) -> Self {
        let none = vec![0.0; bias.len()];
        let of_sum = |factors: [f32; TAPS]| {
            let of_filter = |filter: &[f32]| -> [f32; TAPS] {
                std::array::from_fn(|column| (0..TAPS).map(|row| factors[row] * filter[row * TAPS + column]).sum())
            };
            let weights: Vec<f32> = weights.chunks_exact(TAPS * TAPS).flat_map(of_filter).collect();
            Packed::new(&weights, &none)
        };
        Self { of_sums: WEIGHTS.map(of_sum), bias: bias.to_vec() }
    }

    pub(super) fn output_channels(&self) -> usize {
        self.bias.len()
    }
}

/// How an image is cut into tiles, and bands of tiles.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Winograd {
    layout: Layout,
    weights: Arc<Weights>,
    /// Rows of tiles in a band.
    band: usize,
    /// Where the inputs of a pixel lie in a band, counted from the pixel.
    offsets: Arc<[usize]>,
}

impl Winograd {
    /// Whether this way fits, and saves anything.
    pub(super) fn suits(layout: &Layout) -> bool {
        let rows = layout.output[0];
        layout.kernel == [TAPS; 2] && layout.stride == 1 && rows.div_ceil(ROWS) * SUMS < rows * TAPS
    }

    /// For a layout that this way [suits](Winograd::suits).
    pub(super) fn new(layout: Layout, weights: Arc<Weights>) -> Self {
        let tiles = layout.output[0].div_ceil(ROWS);
        let bands = (tiles * pitch(&layout)).div_ceil(BAND).min(tiles);
        let band = tiles.div_ceil(bands);
        let plane = band * pitch(&layout);
        let offsets =
            (0..layout.channels).flat_map(|channel| (0..TAPS).map(move |tap| channel * plane + tap)).collect();
        Self { layout, weights, band, offsets }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn output_channels(&self) -> usize {
        self.weights.output_channels()
    }

    pub(super) fn compute(&self, image: &[f32], room: &mut Room, finish: &mut Finish<'_>) {
        let tiles = self.layout.output[0].div_ceil(ROWS);
        let pitch = pitch(&self.layout);
        let tile = kernel::tile_pixels();
        // The last tile of pixels looks further than the last plane goes.
        let flat_len = self.layout.channels * self.band * pitch + tile + TAPS;
        room.flat.resize(SUMS * flat_len, 0.0);
        room.rows.resize(ROWS * self.layout.input[1].max(self.layout.output[1]), 0.0);
        for first in (0..tiles).step_by(self.band) {
            let band = self.band.min(tiles - first);
            let pixels = (band * pitch).next_multiple_of(tile);
            let sums_len = self.weights.bias.len().next_multiple_of(CHANNELS) * pixels;
            room.sums.resize(SUMS * sums_len, 0.0);
            let flat = room.flat.as_mut_slice();
            Arch::new().dispatch(LayOut { of: self, image, first, band, flat, nothing: &mut room.rows });
            let parts = room.flat.chunks_exact(flat_len).zip(room.sums.chunks_exact_mut(sums_len));
            for ((input, sums), Packed { weights, bias, .. }) in parts.zip(&self.weights.of_sums) {
                let (offsets, gathered) = (&self.offsets, &mut room.gathered);
                Stretch { input, offsets, weights, bias, sums, pixels, gathered }.compute();
            }
            let (sums, rows) = (&room.sums, &mut room.rows);
            Arch::new().dispatch(TakeOut { of: self, sums, pixels, first, band, rows, finish });
        }
    }
}

/// Lays the sums of rows out: for each sum, for each channel, a band's rows of tiles one after the other.
struct LayOut<'a> {
    of: &'a Winograd,
    image: &'a [f32],
    /// The band's first row of tiles, and how many it has.
    first: usize,
    band: usize,
    /// In it lie the sums one after the other.
    flat: &'a mut [f32],
    /// Room for a row that lies outside of the image.
    nothing: &'a mut [f32],
}

impl WithSimd for LayOut<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Layout { input: [rows, columns], padding, channels, .. } = self.of.layout;
        let pitch = pitch(&self.of.layout);
        let left = padding[1];
        let inside = columns.min(pitch - left);
        self.nothing.fill(0.0);
        let nothing = &self.nothing[..inside];
        let mut parts = self.flat.chunks_exact_mut(self.flat.len() / SUMS);
        let mut parts: [&mut [f32]; SUMS] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        for channel in 0..channels {
            let plane = &self.image[channel * rows * columns..][..rows * columns];
            for tile in 0..self.band {
                let of_row = |i: usize| {
                    let row = ((self.first + tile) * ROWS + i).checked_sub(padding[0]).filter(|r| *r < rows);
                    row.map_or(nothing, |row| &plane[row * columns..][..inside])
                };
                let at = (channel * self.of.band + tile) * pitch;
                let to = parts.each_mut().map(|part| {
                    let (before, rest) = part[at..][..pitch].split_at_mut(left);
                    let (middle, after) = rest.split_at_mut(inside);
                    before.fill(0.0);
                    after.fill(0.0);
                    middle
                });
                sums_of_rows(std::array::from_fn(of_row), to);
            }
        }
    }
}

/// Makes rows of what a band's filters gave, and hands them over.
struct TakeOut<'a, 'b> {
    of: &'a Winograd,
    /// For each sum of rows, for each channel `pixels` values.
    sums: &'a [f32],
    pixels: usize,
    first: usize,
    band: usize,
    /// Room for a tile's rows.
    rows: &'a mut [f32],
    finish: &'a mut Finish<'b>,
}

impl WithSimd for TakeOut<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let [output_rows, columns] = self.of.layout.output;
        let pitch = pitch(&self.of.layout);
        let sums_len = self.sums.len() / SUMS;
        let rows = &mut self.rows[..ROWS * columns];
        for (channel, bias) in self.of.weights.bias.iter().enumerate() {
            for tile in 0..self.band {
                let at = channel * self.pixels + tile * pitch;
                rows_of_sums(std::array::from_fn(|i| &self.sums[i * sums_len + at..][..columns]), *bias, rows);
                let first = (self.first + tile) * ROWS;
                for (row, sums) in (first..output_rows).zip(rows.chunks_exact(columns)) {
                    self.finish.take((channel * output_rows + row) * columns, sums);
                }
            }
        }
    }
}

/// Pixels from one row of tiles to the next.
fn pitch(layout: &Layout) -> usize {
    layout.output[1] + TAPS - 1
}

/// Lavin and Gray 2016, equation 4.2.1.
#[inline(always)]
fn sums_of_rows(rows: [&[f32]; SUMS], to: [&mut [f32]; SUMS]) {
    let columns = to[0].len();
    let [a, b, c, d, e, f] = rows.map(|row| &row[..columns]);
    let [t0, t1, t2, t3, t4, t5] = to.map(|row| &mut row[..columns]);
    for i in 0..columns {
        let (far, odd) = (e[i] - 4.0 * c[i], d[i] - 4.0 * b[i]);
        let (near, twice) = (e[i] - c[i], 2.0 * (d[i] - b[i]));
        t0[i] = 4.0 * a[i] - 5.0 * c[i] + e[i];
        t1[i] = far + odd;
        t2[i] = far - odd;
        t3[i] = near + twice;
        t4[i] = near - twice;
        t5[i] = 4.0 * b[i] - 5.0 * d[i] + f[i];
    }
}

/// Lavin and Gray 2016, equation 4.2.4.
#[inline(always)]
fn rows_of_sums(sums: [&[f32]; SUMS], bias: f32, to: &mut [f32]) {
    let columns = to.len() / ROWS;
    let [a, b, c, d, e, f] = sums.map(|sums| &sums[..columns]);
    let (upper, lower) = to.split_at_mut(2 * columns);
    let ((t0, t1), (t2, t3)) = (upper.split_at_mut(columns), lower.split_at_mut(columns));
    let (t2, t3) = (&mut t2[..columns], &mut t3[..columns]);
    for i in 0..columns {
        let (s, t) = (b[i] + c[i] + bias, b[i] - c[i] + bias);
        let (u, v) = (d[i] + e[i], d[i] - e[i]);
        t0[i] = a[i] + s + u;
        t1[i] = t + 2.0 * v;
        t2[i] = s + 4.0 * u;
        t3[i] = t + 8.0 * v + f[i];
    }
}
