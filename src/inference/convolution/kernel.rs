//! The inner loop: a filter over a plane that was laid out flat, four output channels and a few vectors of pixels at a time.
//!
//! A matrix product whose right side is gathered as it is needed (Goto and van de Geijn 2008, "Anatomy of high-performance matrix
//! multiplication"): for a tile of neighbouring pixels a stretch of their inputs is copied together, and every group of output
//! channels is computed from that copy while it lies in the first-level cache. The sums stay in registers.

use pulp::{Arch, Simd, WithSimd};

/// Output channels that are computed together.
pub(super) const CHANNELS: usize = 4;
/// Vectors of pixels in a tile: with [`CHANNELS`] as many sums as the registers hold beside what is multiplied.
const VECTORS: usize = if cfg!(target_arch = "aarch64") { 4 } else { 2 };
/// Most pixels of a tile, on any processor.
pub(super) const TILE_MAX: usize = 64;
/// Inputs of a pixel that are gathered together: a tile of them fits in 32 KiB.
const GATHERED: usize = 256;

/// Whether this processor has vectors of floats; without, there is nothing to gain.
pub(super) fn has_vectors() -> bool {
    !matches!(Arch::new(), Arch::Scalar)
}

/// Pixels of a tile on this processor.
pub(super) fn tile_pixels() -> usize {
    struct Pixels;
    impl WithSimd for Pixels {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            VECTORS * S::F32_LANES
        }
    }
    Arch::new().dispatch(Pixels)
}

/// One stretch of a convolution's output.
pub(super) struct Stretch<'a> {
    /// The planes, padded, one after the other, from the stretch's first pixel on.
    pub(super) input: &'a [f32],
    /// Where a pixel's inputs lie, counted from the pixel.
    pub(super) offsets: &'a [usize],
    /// For each group of channels, for each input, the weights of the group's channels.
    pub(super) weights: &'a [[f32; CHANNELS]],
    /// For each group.
    pub(super) bias: &'a [[f32; CHANNELS]],
    /// `pixels` sums for each channel, channel by channel.
    pub(super) sums: &'a mut [f32],
    /// A multiple of [`tile_pixels`].
    pub(super) pixels: usize,
    /// Room to gather in.
    pub(super) gathered: &'a mut Vec<f32>,
}

impl Stretch<'_> {
    /// Computes the sums with the widest vectors that the processor has.
    pub(super) fn compute(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Stretch<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = VECTORS * S::F32_LANES;
        self.gathered.resize(GATHERED * tile, 0.0);
        for pixel in (0..self.pixels).step_by(tile) {
            for (part, offsets) in self.offsets.chunks(GATHERED).enumerate() {
                let inputs = &mut self.gathered[..offsets.len() * tile];
                for (to, offset) in inputs.chunks_exact_mut(tile).zip(offsets) {
                    copy::<S, VECTORS>(vectors::<S>(&self.input[pixel + offset..][..tile]), vectors_mut::<S>(to));
                }
                for (group, bias) in self.bias.iter().enumerate() {
                    let first = group * self.offsets.len() + part * GATHERED;
                    let weights = &self.weights[first..][..offsets.len()];
                    let sums = &mut self.sums[group * CHANNELS * self.pixels..][..CHANNELS * self.pixels];
                    let mut own: [[S::f32s; VECTORS]; CHANNELS] = std::array::from_fn(|channel| {
                        if part == 0 {
                            return [simd.splat_f32s(bias[channel]); VECTORS];
                        }
                        let so_far = vectors::<S>(&sums[channel * self.pixels + pixel..][..tile]);
                        std::array::from_fn(|v| so_far[v])
                    });
                    multiply(simd, inputs, weights, &mut own);
                    for (channel, own) in own.into_iter().enumerate() {
                        let to = &mut sums[channel * self.pixels + pixel..][..tile];
                        copy::<S, VECTORS>(&own, vectors_mut::<S>(to));
                    }
                }
            }
        }
    }
}

/// Adds to `sums` the products of a tile's gathered inputs and the weights of one group.
#[inline(always)]
fn multiply<S: Simd>(simd: S, inputs: &[f32], weights: &[[f32; CHANNELS]], sums: &mut [[S::f32s; VECTORS]; CHANNELS]) {
    let mut own = *sums;
    for (input, weight) in vectors::<S>(inputs).chunks_exact(VECTORS).zip(weights) {
        let input: [S::f32s; VECTORS] = std::array::from_fn(|v| input[v]);
        for channel in 0..CHANNELS {
            let weight = simd.splat_f32s(weight[channel]);
            for v in 0..VECTORS {
                own[channel][v] = simd.mul_add_e_f32s(input[v], weight, own[channel][v]);
            }
        }
    }
    *sums = own;
}

/// One tile of one input or channel: of a length that the compiler knows, so that it is as many registers and no call.
#[inline(always)]
pub(super) fn copy<S: Simd, const VECTORS: usize>(from: &[S::f32s], to: &mut [S::f32s]) {
    to[..VECTORS].copy_from_slice(&from[..VECTORS]);
}

/// The whole vectors of a slice.
#[inline(always)]
pub(super) fn vectors<S: Simd>(values: &[f32]) -> &[S::f32s] {
    S::as_simd_f32s(values).0
}

#[inline(always)]
pub(super) fn vectors_mut<S: Simd>(values: &mut [f32]) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(values).0
}
