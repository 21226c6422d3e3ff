//! Any filter, product by product.

use super::kernel::Stretch;
use super::layout::Layout;
use super::{CHANNELS, Finish, Packed, Room};
use pulp::{Arch, Simd, WithSimd};
use std::sync::Arc;

/// Where the planes lie, and the weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Direct {
    layout: Layout,
    /// [`Layout::offsets`], which every run needs.
    offsets: Arc<[usize]>,
    packed: Arc<Packed>,
}

impl Direct {
    pub(super) fn new(layout: Layout, packed: Arc<Packed>) -> Self {
        Self { offsets: layout.offsets().into(), layout, packed }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn output_channels(&self) -> usize {
        self.packed.output_channels
    }

    pub(super) fn compute(&self, image: &[f32], room: &mut Room, finish: &mut Finish<'_>) {
        let Room { flat, gathered, sums, .. } = room;
        self.layout.lay(image, flat);
        let Packed { weights, bias, .. } = &*self.packed;
        for (first, pixels) in self.layout.stretches() {
            sums.resize(bias.len() * CHANNELS * pixels, 0.0);
            let input = &flat[first..];
            Stretch { input, offsets: &self.offsets, weights, bias, sums: sums.as_mut_slice(), pixels, gathered }
                .compute();
            Arch::new().dispatch(TakeOut { direct: self, sums, first, pixels, finish });
        }
    }
}

/// Hands the sums of a stretch over, row by row.
struct TakeOut<'a, 'b> {
    direct: &'a Direct,
    sums: &'a [f32],
    first: usize,
    pixels: usize,
    finish: &'a mut Finish<'b>,
}

impl WithSimd for TakeOut<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Direct { layout, packed, .. } = self.direct;
        let plane = layout.output[0] * layout.output[1];
        for (channel, sums) in self.sums.chunks_exact(self.pixels).take(packed.output_channels).enumerate() {
            for (from, to, count) in layout.pieces(self.first, self.pixels) {
                self.finish.take(channel * plane + to, &sums[from..][..count]);
            }
        }
    }
}
