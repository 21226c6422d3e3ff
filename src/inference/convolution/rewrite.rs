//! Puts the operator into a network, and draws into it what follows.

use super::depthwise::{Depthwise, Filters};
use super::direct::Direct;
use super::layout::Layout;
use super::transposed::Transposed;
use super::winograd::{self, Winograd};
use super::{Packed, TiledConvolution, Way, kernel};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tract_core::internal::{Datum, OutletId, Tensor, TractResult, TypedFact, TypedModel, TypedModelPatch, TypedNode};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cnn::{Conv, Deconv, KernelFormat, PoolSpec};
use tract_core::ops::nn::DataFormat;

/// Output pixels below which a convolution over all channels is left to tract: a tile would be mostly empty.
const PIXELS_MIN: usize = 32;

const NO_LIMITS: [f32; 2] = [f32::NEG_INFINITY, f32::INFINITY];

/// The weights of one network's convolutions by name: all its plans, for whatever size, share them.
#[derive(Debug, Default)]
pub(in crate::inference) struct PackedWeights {
    depthwise: ByName<Filters>,
    direct: ByName<Packed>,
    winograd: ByName<winograd::Weights>,
}

type ByName<T> = Mutex<HashMap<String, Arc<T>>>;

impl PackedWeights {
    /// `weights` are asked for by the first plan alone. In `groups` as many as channels, each has a filter of its own.
    fn way<'a>(
        &self,
        node: &TypedNode,
        layout: Layout,
        groups: usize,
        weights: impl FnOnce() -> Cow<'a, [f32]>,
        bias: &[f32],
    ) -> Way {
        if groups > 1 {
            let filters = known(&self.depthwise, &node.name, || Filters::new(&weights(), bias));
            Way::Depthwise(Depthwise::new(layout, filters))
        } else if Winograd::suits(&layout) {
            let weights = known(&self.winograd, &node.name, || winograd::Weights::new(&weights(), bias));
            Way::Winograd(Winograd::new(layout, weights))
        } else {
            Way::Direct(Direct::new(layout, known(&self.direct, &node.name, || Packed::new(&weights(), bias))))
        }
    }
}

fn known<T>(by_name: &ByName<T>, name: &str, make: impl FnOnce() -> T) -> Arc<T> {
    // The lock only guards the map: a poisoned one is still whole.
    let mut by_name = by_name.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(by_name.entry(name.to_string()).or_insert_with(|| Arc::new(make())))
}

/// A decluttered network made ready to run: with tiled convolutions, where the processor has vectors, and tract's own choice for the
/// other operators.
///
/// # Errors
/// tract's, where the network is not sound.
pub(in crate::inference) fn with_tiled_convolutions(
    mut model: TypedModel,
    packed: &PackedWeights,
) -> TractResult<TypedModel> {
    if kernel::has_vectors() {
        replace_convolutions(&mut model, packed)?;
    }
    // Not `into_optimized`, which would declutter once more.
    model.optimize()?;
    Ok(model)
}

fn replace_convolutions(model: &mut TypedModel, packed: &PackedWeights) -> TractResult<()> {
    for id in 0..model.nodes().len() {
        let node = model.node(id);
        if let Some(op) = tiled(model, node, packed)? {
            let inputs: Vec<OutletId> = node.inputs.iter().take(1).copied().collect();
            TypedModelPatch::replace_single_op(model, node, &inputs, op)?.apply(model)?;
        }
    }
    // A patch appends what it makes, so that each is met again with what follows it next.
    let mut id = 0;
    while id < model.nodes().len() {
        if let Some(patch) = with_successor(model, id)? {
            patch.apply(model)?;
        }
        id += 1;
    }
    model.compact()
}

/// The operator in place of `node`, where that is a convolution that it can do.
fn tiled(model: &TypedModel, node: &TypedNode, packed: &PackedWeights) -> TractResult<Option<TiledConvolution>> {
    let (conv, deconv) = (node.op_as::<Conv>(), node.op_as::<Deconv>());
    let conv = conv.filter(|c| c.q_params.is_none() && c.kernel_fmt == KernelFormat::OIHW);
    let groups = conv.map_or(1, |c| c.group);
    let deconv = deconv.filter(|d| d.adjustments.iter().all(|more| *more == 0) && d.group == 1);
    let deconv = deconv.filter(|d| d.kernel_format == KernelFormat::OIHW);
    let Some(spec) = conv.map(|c| &c.pool_spec).or(deconv.map(|d| &d.pool_spec)) else { return Ok(None) };
    let Some(Inputs { image, batch, kernel, bias }) = inputs(model, node, spec)? else { return Ok(None) };
    // Of several channels together: all of them, or each alone.
    if groups > 1 && (groups != image[0] || groups != spec.output_channels) {
        return Ok(None);
    }
    let transposed = if deconv.is_some() { transposed(spec, image)? } else { None };
    let layout = match &transposed {
        Some(transposed) => {
            let ([_, rows, columns], [kernel, padding]) = (image, transposed.plain_kernel_and_padding());
            let input = [rows, columns];
            Layout { channels: image[0], input, output: input, kernel, stride: 1, padding }
        }
        None if deconv.is_some() => return Ok(None),
        None => plain_layout(spec, image),
    };
    if groups == 1 && layout.output.iter().product::<usize>() < PIXELS_MIN {
        return Ok(None);
    }
    let square = transposed.as_ref().map_or(1, |t| t.stride);
    let bias: Vec<f32> = bias.iter().flat_map(|b| std::iter::repeat_n(*b, square * square)).collect();
    let kernel = kernel.try_as_plain_ram()?;
    let kernel = kernel.as_slice::<f32>()?;
    let weights = || transposed.map_or(Cow::Borrowed(kernel), |t| Cow::Owned(t.plain_weights(kernel)));
    let way = packed.way(node, layout, groups, weights, &bias);
    Ok(Some(TiledConvolution { way, batch, square, adds: false, limits: NO_LIMITS }))
}

fn plain_layout(spec: &PoolSpec, [channels, rows, columns]: [usize; 3]) -> Layout {
    let padding = spec.computed_padding(&[rows, columns]);
    Layout {
        channels,
        input: [rows, columns],
        output: [padding[0].convoluted, padding[1].convoluted],
        kernel: [spec.kernel_shape[0], spec.kernel_shape[1]],
        stride: spec.stride(0),
        padding: [padding[0].pad_before, padding[1].pad_before],
    }
}

/// A transposed convolution's sizes, where its output is larger by its stride.
fn transposed(spec: &PoolSpec, [input_channels, rows, columns]: [usize; 3]) -> TractResult<Option<Transposed>> {
    let (stride, sizes) = (spec.stride(0), [rows, columns]);
    let padding =
        spec.padding.compute_for_deconv(&sizes, &spec.kernel_shape, &spec.dilations(), &spec.strides(), &[0, 0])?;
    let grows = padding.iter().zip(sizes).all(|(p, n)| p.deconvoluted == n * stride);
    Ok(grows.then(|| Transposed {
        input_channels,
        output_channels: spec.output_channels,
        kernel: [spec.kernel_shape[0], spec.kernel_shape[1]],
        stride,
        padding: [padding[0].pad_before, padding[1].pad_before],
    }))
}

/// What a convolution is made of, where it is one that the operator can do.
struct Inputs<'a> {
    /// Channels, rows and columns.
    image: [usize; 3],
    /// Whether the image has an axis before them: tract takes it away where products of matrices stand around.
    batch: bool,
    kernel: &'a Tensor,
    /// One for each output channel.
    bias: Vec<f32>,
}

fn inputs<'a>(model: &'a TypedModel, node: &TypedNode, spec: &PoolSpec) -> TractResult<Option<Inputs<'a>>> {
    let plain = matches!(spec.data_format, DataFormat::NCHW | DataFormat::CHW)
        && spec.rank() == 2
        && spec.dilations().iter().all(|d| *d == 1)
        && spec.strides().iter().all(|s| *s == spec.stride(0));
    let [image, kernel, bias] = node.inputs[..] else { return Ok(None) };
    let (Some(kernel), Some(bias)) = (&model.outlet_fact(kernel)?.konst, &model.outlet_fact(bias)?.konst) else {
        return Ok(None);
    };
    let image = model.outlet_fact(image)?;
    let floats = [image.datum_type, kernel.datum_type(), bias.datum_type()].iter().all(|t| *t == f32::datum_type());
    let (true, true, Some(shape)) = (plain, floats, image.shape.as_concrete()) else { return Ok(None) };
    let (batch, image) = match *shape {
        [1, channels, rows, columns] => (true, [channels, rows, columns]),
        [channels, rows, columns] => (false, [channels, rows, columns]),
        _ => return Ok(None),
    };
    let bias = bias.try_as_plain_ram()?;
    let bias = bias.as_slice::<f32>()?;
    let bias = if bias.len() == 1 { vec![bias[0]; spec.output_channels] } else { bias.to_vec() };
    Ok(Some(Inputs { image, batch, kernel, bias }))
}

/// The node with number `id` and its only successor as one, where the first is the operator and the second a sum with a tensor
/// of the same shape, or a limit.
fn with_successor(model: &TypedModel, id: usize) -> TractResult<Option<TypedModelPatch>> {
    let node = model.node(id);
    let Some(op) = node.op_as::<TiledConvolution>() else { return Ok(None) };
    let own = OutletId::new(id, 0);
    let Some(next) = model.single_succ(id)?.filter(|_| !model.outputs.contains(&own)) else { return Ok(None) };
    let (Some(binary), &[a, b]) = (next.op_as::<TypedBinOp>(), &next.inputs[..]) else { return Ok(None) };
    let other = if a == own { b } else { a };
    let fact = model.outlet_fact(other)?;
    let mut inputs = node.inputs.to_vec();
    let mut op = op.clone();
    match binary.0.name() {
        "Add" if !op.adds && other != own && op.limits == NO_LIMITS => {
            if fact.datum_type != f32::datum_type() || fact.shape != model.outlet_fact(own)?.shape {
                return Ok(None);
            }
            op.adds = true;
            inputs.push(other);
        }
        "Max" => match uniform(fact)? {
            // Taken before the upper limit: where that is set already, the order would be another.
            Some(least) if op.limits[1] == f32::INFINITY => op.limits[0] = op.limits[0].max(least),
            _ => return Ok(None),
        },
        "Min" => match uniform(fact)? {
            Some(most) => op.limits[1] = op.limits[1].min(most),
            None => return Ok(None),
        },
        _ => return Ok(None),
    }
    let mut patch = TypedModelPatch::default();
    let inputs = patch.taps(model, &inputs)?;
    let made = patch.wire_node(&next.name, op, &inputs)?;
    patch.shunt_outside(model, OutletId::new(next.id, 0), made[0])?;
    patch.obliterate(id)?;
    patch.obliterate(next.id)?;
    Ok(Some(patch))
}

/// The one value of a constant.
fn uniform(fact: &TypedFact) -> TractResult<Option<f32>> {
    let uniform = fact.konst.as_ref().and_then(|k| k.as_uniform());
    uniform.filter(|u| u.datum_type() == f32::datum_type()).map(|u| u.cast_to_scalar::<f32>()).transpose()
}
