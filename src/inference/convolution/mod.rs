//! Convolutions faster than tract's own: one operator that takes the place of tract's where it can.
//!
//! tract multiplies matrices well and spends as long on gathering what to multiply, or runs over whole planes whose rows lie a
//! multiple of 4 KiB apart, in one set of the cache (`docs/upstream.md`). Here a tile of pixels is gathered once for all output
//! channels ([`kernel`]), from planes laid out so that gathering is copying ([`layout`]); bias, a residual that is added, and
//! limits are applied as the result is taken out. [`rewrite`] puts the operator into a network; sums are taken in another order
//! than tract's, so results differ by rounding.

mod kernel;
mod layout;
mod rewrite;
#[cfg(test)]
mod tests;

pub(super) use rewrite::{PackedWeights, with_tiled_convolutions};

use kernel::{CHANNELS, Stretch};
use layout::Layout;
use std::cell::RefCell;
use std::sync::Arc;
use tract_core::internal::{
    DatumExt, EvalContext, EvalOp, Op, StaticName, TValue, TVec, Tensor, TractResult, TypedFact, TypedOp, ensure,
    op_as_typed_op, op_out_of_plan, tvec,
};

/// Weights and biases as the kernel reads them.
#[derive(Debug, PartialEq)]
pub(super) struct Packed {
    output_channels: usize,
    /// For each group of [`CHANNELS`] output channels, for each input of a pixel, the weights of its channels; zero for channels
    /// beyond the last.
    weights: Vec<[f32; CHANNELS]>,
    bias: Vec<[f32; CHANNELS]>,
}

impl Packed {
    /// `weights`: for each output channel those of a pixel's inputs, in the order of [`Layout::offsets`].
    fn new(weights: &[f32], bias: &[f32]) -> Self {
        let inputs = weights.len() / bias.len().max(1);
        let of_group = |group: usize| {
            let of_input = move |input: usize| {
                std::array::from_fn(|c| weights.get((group * CHANNELS + c) * inputs + input).copied().unwrap_or(0.0))
            };
            (0..inputs).map(of_input)
        };
        let group_bias = |group: usize| std::array::from_fn(|c| bias.get(group * CHANNELS + c).copied().unwrap_or(0.0));
        let groups = 0..bias.len().div_ceil(CHANNELS);
        Self {
            output_channels: bias.len(),
            weights: groups.clone().flat_map(of_group).collect(),
            bias: groups.map(group_bias).collect(),
        }
    }
}

/// A convolution of one image, `1 x channels x rows x columns`, with all that can be done to its result at once.
#[derive(Debug, Clone, PartialEq)]
struct TiledConvolution {
    layout: Layout,
    /// [`Layout::offsets`], which every run needs.
    offsets: Arc<[usize]>,
    packed: Arc<Packed>,
    /// Whether a second input of the output's shape is added.
    adds: bool,
    /// The result is kept within these.
    limits: [f32; 2],
}

// No limit is a NaN.
impl Eq for TiledConvolution {}

/// What a thread needs while it computes, kept for the next time.
#[derive(Default)]
struct Room {
    flat: Vec<f32>,
    gathered: Vec<f32>,
    sums: Vec<f32>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

impl TiledConvolution {
    fn output_shape(&self) -> [usize; 4] {
        [1, self.packed.output_channels, self.layout.output[0], self.layout.output[1]]
    }

    fn compute(&self, image: &[f32], added: Option<&[f32]>, output: &mut [f32], room: &mut Room) {
        let Room { flat, gathered, sums } = room;
        self.layout.lay(image, flat);
        let plane = self.layout.output[0] * self.layout.output[1];
        for (first, pixels) in self.layout.stretches() {
            sums.resize(self.packed.bias.len() * CHANNELS * pixels, 0.0);
            let Packed { weights, bias, .. } = &*self.packed;
            let input = &flat[first..];
            Stretch { input, offsets: &self.offsets, weights, bias, sums: sums.as_mut_slice(), pixels, gathered }
                .compute();
            for (channel, (sums, output)) in sums.chunks_exact(pixels).zip(output.chunks_exact_mut(plane)).enumerate() {
                for (from, to, count) in self.layout.pieces(first, pixels) {
                    let added = added.map(|added| &added[channel * plane + to..][..count]);
                    self.take_out(&sums[from..][..count], added, &mut output[to..][..count]);
                }
            }
        }
    }

    fn take_out(&self, sums: &[f32], added: Option<&[f32]>, output: &mut [f32]) {
        let [least, most] = self.limits;
        match added {
            Some(added) => {
                for ((to, sum), more) in output.iter_mut().zip(sums).zip(added) {
                    *to = (sum + more).max(least).min(most);
                }
            }
            None => output.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum.max(least).min(most)),
        }
    }
}

impl Op for TiledConvolution {
    fn name(&self) -> StaticName {
        "TiledConvolution".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{:?}, adds: {}, limits: {:?}", self.layout, self.adds, self.limits)])
    }

    op_as_typed_op!();
}

impl EvalOp for TiledConvolution {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        ensure!(inputs.len() == 1 + usize::from(self.adds), "a convolution with {} inputs", inputs.len());
        let image = inputs[0].try_as_plain_ram()?;
        let added = inputs.get(1).map(|added| added.try_as_plain_ram()).transpose()?;
        let added = added.as_ref().map(|added| added.as_slice::<f32>()).transpose()?;
        let mut output = Tensor::zero::<f32>(&self.output_shape())?;
        let mut plain = output.try_as_plain_ram_mut()?;
        ROOM.with_borrow_mut(|room| -> TractResult<()> {
            self.compute(image.as_slice::<f32>()?, added, plain.as_slice_mut::<f32>()?, room);
            Ok(())
        })?;
        Ok(tvec!(output.into()))
    }
}

impl TypedOp for TiledConvolution {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(self.output_shape())))
    }

    tract_core::internal::as_op!();
}
