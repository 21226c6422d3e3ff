//! Each channel by a filter of its own: the convolutions between the products of a network that grades.
//!
//! There is nothing to gather for other channels, so that each tap is a product of neighbouring pixels as they lie and one weight:
//! a few vectors of pixels stay in registers over all taps.

use super::kernel::{copy, vectors, vectors_mut};
use super::layout::Layout;
use super::{Finish, Room};
use pulp::{Arch, Simd, WithSimd};
use std::sync::Arc;

/// Vectors of pixels that are computed together.
const VECTORS: usize = 4;

/// The weights of each channel's filter, row by row, and the biases.
#[derive(Debug, PartialEq)]
pub(super) struct Filters {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// Where the planes lie, and the weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Depthwise {
    layout: Layout,
    /// Where the inputs of a pixel lie, counted from the pixel, in the planes of any one channel.
    offsets: Arc<[usize]>,
    filters: Arc<Filters>,
}

impl Filters {
    pub(super) fn new(weights: &[f32], bias: &[f32]) -> Self {
        Self { weights: weights.to_vec(), bias: bias.to_vec() }
    }
}

impl Depthwise {
    pub(super) fn new(layout: Layout, filters: Arc<Filters>) -> Self {
        let offsets = Layout { channels: 1, ..layout.clone() }.offsets().into();
        Self { layout, offsets, filters }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn output_channels(&self) -> usize {
        self.filters.bias.len()
    }

    pub(super) fn compute(&self, image: &[f32], room: &mut Room, finish: &mut Finish<'_>) {
        let Room { flat, sums, .. } = room;
        self.layout.lay(image, flat);
        Arch::new().dispatch(Filter { of: self, flat, sums, finish });
    }
}

struct Filter<'a, 'b> {
    of: &'a Depthwise,
    flat: &'a [f32],
    /// Room for one channel's.
    sums: &'a mut Vec<f32>,
    finish: &'a mut Finish<'b>,
}

impl WithSimd for Filter<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Depthwise { layout, offsets, filters } = self.of;
        let tile = VECTORS * S::F32_LANES;
        let pixels = layout.pixels().next_multiple_of(tile);
        let plane = layout.output[0] * layout.output[1];
        self.sums.resize(pixels, 0.0);
        let of_channels = filters.weights.chunks_exact(offsets.len()).zip(&filters.bias);
        for (channel, (weights, bias)) in of_channels.enumerate() {
            let input = &self.flat[layout.channel_at(channel)..];
            for (at, sums) in self.sums.chunks_exact_mut(tile).enumerate() {
                let mut own = [simd.splat_f32s(*bias); VECTORS];
                for (offset, weight) in offsets.iter().zip(weights) {
                    let input = vectors::<S>(&input[at * tile + offset..][..tile]);
                    let weight = simd.splat_f32s(*weight);
                    for v in 0..VECTORS {
                        own[v] = simd.mul_add_e_f32s(input[v], weight, own[v]);
                    }
                }
                copy::<S, VECTORS>(&own, vectors_mut::<S>(sums));
            }
            for (from, to, count) in layout.pieces(0, pixels) {
                self.finish.take(channel * plane + to, &self.sums[from..][..count]);
            }
        }
    }
}
