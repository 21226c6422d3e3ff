//! Convolutions faster than tract's own: one operator that takes the place of tract's where it can.
//!
//! tract multiplies matrices well and spends as long on gathering what to multiply, or runs over whole planes whose rows lie a
//! multiple of 4 KiB apart, in one set of the cache (`docs/upstream.md`). Here a tile of pixels is gathered once for all output
//! channels ([`kernel`]), from planes laid out so that gathering is copying ([`direct`]); a 3 x 3 filter needs half the products
//! ([`winograd`]), a filter for each channel needs nothing gathered ([`depthwise`]), and a transposed convolution is a plain one whose sums are spread ([`transposed`]). A residual that is added, and
//! limits are applied as the result is taken out. [`rewrite`] puts the operator into a network; sums are taken in another order than tract's, so results differ by rounding.

mod depthwise;
mod direct;
mod kernel;
mod layout;
mod rewrite;
#[cfg(test)]
mod tests;
mod transposed;
mod winograd;

pub(super) use rewrite::{PackedWeights, with_tiled_convolutions};

use depthwise::Depthwise;
use direct::Direct;
use kernel::CHANNELS;
use std::cell::RefCell;
use tract_core::internal::{
    DatumExt, EvalContext, EvalOp, Op, StaticName, TValue, TVec, Tensor, TractResult, TypedFact, TypedOp, ensure,
    op_as_typed_op, op_out_of_plan, tvec,
};
use winograd::Winograd;

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

/// How the sums are computed.
#[derive(Debug, Clone, PartialEq)]
enum Way {
    Depthwise(Depthwise),
    Direct(Direct),
    Winograd(Winograd),
}

/// A convolution of one image, `channels x rows x columns`, with all that can be done to its result at once.
#[derive(Debug, Clone, PartialEq)]
struct TiledConvolution {
    way: Way,
    /// Whether image and result have an axis of length 1 before their channels.
    batch: bool,
    /// Edge of the square of output pixels over which the sums of one pixel are spread, see [`transposed`]; 1 where they are not.
    square: usize,
    /// Whether a second input of the output's shape is added.
    adds: bool,
    /// The result is kept within these.
    limits: [f32; 2],
}

// No weight and no limit is a NaN.
impl Eq for TiledConvolution {}

/// What a thread needs while it computes, kept for the next time.
#[derive(Default)]
struct Room {
    flat: Vec<f32>,
    gathered: Vec<f32>,
    sums: Vec<f32>,
    rows: Vec<f32>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

impl TiledConvolution {
    /// Channels, rows and columns.
    fn output_sizes(&self) -> [usize; 3] {
        let (layout, channels) = match &self.way {
            Way::Depthwise(depthwise) => (depthwise.layout(), depthwise.output_channels()),
            Way::Direct(direct) => (direct.layout(), direct.output_channels()),
            Way::Winograd(winograd) => (winograd.layout(), winograd.output_channels()),
        };
        let [rows, columns] = layout.output.map(|n| n * self.square);
        [channels / self.square.pow(2), rows, columns]
    }

    fn output_shape(&self) -> TVec<usize> {
        self.batch.then_some(1).into_iter().chain(self.output_sizes()).collect()
    }

    fn compute(&self, image: &[f32], added: Option<&[f32]>, output: &mut [f32], room: &mut Room) {
        let [_, rows, columns] = self.output_sizes();
        let of_sums = [rows / self.square, columns / self.square];
        let mut finish = Finish { added, limits: self.limits, square: self.square, of_sums, output };
        match &self.way {
            Way::Depthwise(depthwise) => depthwise.compute(image, room, &mut finish),
            Way::Direct(direct) => direct.compute(image, room, &mut finish),
            Way::Winograd(winograd) => winograd.compute(image, room, &mut finish),
        }
    }
}

/// Where sums end.
struct Finish<'a> {
    added: Option<&'a [f32]>,
    limits: [f32; 2],
    square: usize,
    /// Rows and columns of a plane of sums.
    of_sums: [usize; 2],
    output: &'a mut [f32],
}

impl Finish<'_> {
    /// Takes some sums of one row, from pixel number `at` of all planes of sums on. To be drawn into code for the widest vectors.
    #[inline(always)]
    fn take(&mut self, at: usize, sums: &[f32]) {
        let [least, most] = self.limits;
        if self.square > 1 {
            return self.spread(at, sums);
        }
        let output = &mut self.output[at..][..sums.len()];
        match self.added.map(|added| &added[at..][..sums.len()]) {
            Some(added) => {
                for ((to, sum), more) in output.iter_mut().zip(sums).zip(added) {
                    *to = (sum + more).max(least).min(most);
                }
            }
            None => output.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum.max(least).min(most)),
        }
    }

    #[inline(always)]
    fn spread(&mut self, at: usize, sums: &[f32]) {
        let ([rows, columns], square) = (self.of_sums, self.square);
        let (channel, row, column) = (at / (rows * columns), at / columns % rows, at % columns);
        let (channel, part) = (channel / square.pow(2), channel % square.pow(2));
        let row = (channel * rows + row) * square + part / square;
        let first = (row * columns + column) * square + part % square;
        let [least, most] = self.limits;
        let output = self.output[first..].iter_mut().step_by(square).zip(sums);
        match self.added.map(|added| added[first..].iter().step_by(square)) {
            Some(added) => output.zip(added).for_each(|((to, sum), more)| *to = (sum + more).max(least).min(most)),
            None => output.for_each(|(to, sum)| *to = sum.max(least).min(most)),
        }
    }
}

impl Op for TiledConvolution {
    fn name(&self) -> StaticName {
        "TiledConvolution".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!("{:?}, adds: {}, limits: {:?}", self.output_shape(), self.adds, self.limits)])
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
