//! Puts the operator into a network, and draws into it what follows.

use super::{Layout, Packed, TiledConvolution, kernel};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tract_core::internal::{Datum, OutletId, TractResult, TypedFact, TypedModel, TypedModelPatch, TypedNode};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::cnn::{Conv, KernelFormat};
use tract_core::ops::nn::DataFormat;

/// Output pixels below which a convolution is left to tract: a tile would be mostly empty.
const PIXELS_MIN: usize = 32;

/// The weights of one network's convolutions by name: all its plans, for whatever size, share them.
#[derive(Debug, Default)]
pub(in crate::inference) struct PackedWeights(Mutex<HashMap<String, Arc<Packed>>>);

impl PackedWeights {
    fn of(&self, node: &TypedNode, weights: &[f32], bias: &[f32]) -> Arc<Packed> {
        // The lock only guards the map: a poisoned one is still whole.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(node.name.clone()).or_insert_with(|| Arc::new(Packed::new(weights, bias))))
    }
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
    let Some(conv) = node.op_as::<Conv>() else { return Ok(None) };
    let spec = &conv.pool_spec;
    let plain = conv.group == 1
        && conv.q_params.is_none()
        && conv.kernel_fmt == KernelFormat::OIHW
        && spec.data_format == DataFormat::NCHW
        && spec.rank() == 2
        && spec.dilations().iter().all(|d| *d == 1)
        && spec.strides().iter().all(|s| *s == spec.stride(0));
    let [image, kernel, bias] = node.inputs[..] else { return Ok(None) };
    let (Some(kernel), Some(bias)) = (&model.outlet_fact(kernel)?.konst, &model.outlet_fact(bias)?.konst) else {
        return Ok(None);
    };
    let image = model.outlet_fact(image)?;
    let floats = [image.datum_type, kernel.datum_type(), bias.datum_type()].iter().all(|t| *t == f32::datum_type());
    let (true, true, Some(&[1, channels, rows, columns])) = (plain, floats, image.shape.as_concrete()) else {
        return Ok(None);
    };
    let padding = spec.computed_padding(&[rows, columns]);
    let output = [padding[0].convoluted, padding[1].convoluted];
    if output.iter().product::<usize>() < PIXELS_MIN {
        return Ok(None);
    }
    let (kernel, bias) = (kernel.try_as_plain_ram()?, bias.try_as_plain_ram()?);
    let (kernel, bias) = (kernel.as_slice::<f32>()?, bias.as_slice::<f32>()?);
    let bias = if bias.len() == 1 { vec![bias[0]; spec.output_channels] } else { bias.to_vec() };
    let layout = Layout {
        channels,
        input: [rows, columns],
        output,
        kernel: [spec.kernel_shape[0], spec.kernel_shape[1]],
        stride: spec.stride(0),
        padding: [padding[0].pad_before, padding[1].pad_before],
    };
    Ok(Some(TiledConvolution {
        offsets: layout.offsets().into(),
        layout,
        packed: packed.of(node, kernel, &bias),
        adds: false,
        limits: [f32::NEG_INFINITY, f32::INFINITY],
    }))
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
        "Add" if !op.adds && other != own && op.limits == [f32::NEG_INFINITY, f32::INFINITY] => {
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
