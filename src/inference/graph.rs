//! A network's file as a graph of tract's, for inputs of known sizes.
//!
//! tract-onnx reads the file and gives the operators their meaning, but its own way in registers all of ONNX, and with it
//! brings recurrences, tree ensembles and Fourier transforms into the program. Here are those that our networks are made
//! of: a file with another operator is refused by the operator's name before anything of it runs.

use std::collections::HashMap;
use std::sync::Arc;
use tract_core::internal::{
    AxesMapping, AxisOp, Datum, DatumType, OutletId, TVec, Tensor, TractResult, TypedFact, TypedModel, bail, ensure,
    format_err, tvec,
};
use tract_core::model::SpecialOps;
use tract_core::ops::array::{CumSum, StridedSlice};
use tract_core::ops::change_axes::wire_with_rank_broadcast;
use tract_core::ops::cnn::{Deconv, KernelFormat, PaddingSpec, PoolSpec};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::nn::DataFormat;
use tract_core::ops::{cast, math};
use tract_onnx::data_resolver::FopenDataResolver;
use tract_onnx::pb::{ModelProto, NodeProto, TensorProto};
use tract_onnx::prelude::Framework;
use tract_onnx::tract_hir::internal::Expansion;
use tract_onnx::tract_hir::ops::binary::InferenceBinOp;
use tract_onnx::tract_hir::ops::matmul::MatMulInference;
use tract_onnx::tract_hir::ops::nn::{Reduce, Reducer};
use tract_onnx::tract_hir::ops::{activations, array, cnn};

/// Versions of ONNX's operator set in which the operators below mean the same.
const OPERATOR_SETS: std::ops::RangeInclusive<i64> = 13..=17;

/// A network as its file says, for inputs of any size.
pub(super) struct NetworkGraph {
    inputs: Vec<String>,
    outputs: Vec<String>,
    nodes: Vec<NodeProto>,
    /// Weights and other tensors that the file holds, by name, as stored.
    constants: HashMap<String, Arc<Tensor>>,
}

impl NetworkGraph {
    /// Reads an ONNX file's `bytes`.
    ///
    /// # Errors
    /// Where it is no ONNX, of another operator set, or holds what is none of our networks'.
    pub(super) fn read(mut bytes: &[u8]) -> TractResult<Self> {
        Self::new(tract_onnx::Onnx::default().proto_model_for_read(&mut bytes)?)
    }

    fn new(file: ModelProto) -> TractResult<Self> {
        let set = file.opset_import.iter().find(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
        let version = set.map_or(0, |set| set.version);
        ensure!(OPERATOR_SETS.contains(&version), "its operators are of ONNX's set {version}, not {OPERATOR_SETS:?}");
        let Some(graph) = file.graph else { bail!("the file holds no graph") };
        let mut constants = HashMap::new();
        for tensor in &graph.initializer {
            constants.insert(tensor.name.clone(), load(tensor)?);
        }
        for node in graph.node.iter().filter(|n| n.op_type == "Constant") {
            constants.insert(output_name(node)?.to_string(), load(node.get_attr("value")?)?);
        }
        let given = |name: &String| !constants.contains_key(name);
        Ok(Self {
            inputs: graph.input.into_iter().map(|i| i.name).filter(given).collect(),
            outputs: graph.output.into_iter().map(|o| o.name).collect(),
            nodes: graph.node.into_iter().filter(|n| n.op_type != "Constant").collect(),
            constants,
        })
    }

    /// The graph for inputs of these `shapes`, in the file's order.
    ///
    /// # Errors
    /// Where it takes another number of inputs, or its operators don't fit each other.
    pub(super) fn for_inputs(&self, shapes: &[Vec<usize>]) -> TractResult<TypedModel> {
        ensure!(shapes.len() == self.inputs.len(), "it takes {} inputs, not {}", self.inputs.len(), shapes.len());
        let mut wiring = Wiring { constants: &self.constants, model: TypedModel::default(), outlets: HashMap::new() };
        for (name, shape) in self.inputs.iter().zip(shapes) {
            let outlet = wiring.model.add_source(name, TypedFact::dt_shape(f32::datum_type(), shape.as_slice()))?;
            wiring.outlets.insert(name, outlet);
        }
        for node in &self.nodes {
            let name = output_name(node)?;
            let outlet = wiring.wire(node, name).map_err(|e| e.context(format!("{} ({name})", node.op_type)))?;
            wiring.outlets.insert(name, outlet);
        }
        let outputs: Vec<OutletId> = self.outputs.iter().map(|name| wiring.outlet(name)).collect::<TractResult<_>>()?;
        wiring.model.select_output_outlets(&outputs)?;
        Ok(wiring.model)
    }
}

impl std::fmt::Debug for NetworkGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NetworkGraph({} operators)", self.nodes.len())
    }
}

/// A tensor of the file; none of ours keeps its values in another.
fn load(tensor: &TensorProto) -> TractResult<Arc<Tensor>> {
    let values = tract_onnx::tensor::load_tensor(&FopenDataResolver, tensor, None)?;
    Ok(Arc::new(values))
}

/// A node's only output, which names it: a node's own name may be missing.
fn output_name(node: &NodeProto) -> TractResult<&str> {
    match &node.output[..] {
        [name] if !name.is_empty() => Ok(name),
        _ => bail!("{} with {} outputs", node.op_type, node.output.len()),
    }
}

/// A graph while it is made.
struct Wiring<'a> {
    constants: &'a HashMap<String, Arc<Tensor>>,
    model: TypedModel,
    outlets: HashMap<&'a str, OutletId>,
}

impl<'a> Wiring<'a> {
    /// Where the tensor `name` comes out; a constant is put in when it is first asked for.
    fn outlet(&mut self, name: &'a str) -> TractResult<OutletId> {
        if let Some(outlet) = self.outlets.get(name) {
            return Ok(*outlet);
        }
        let Some(value) = self.constants.get(name) else { bail!("nothing gives {name:?}") };
        let outlet = self.model.add_const(name, Arc::clone(value))?;
        self.outlets.insert(name, outlet);
        Ok(outlet)
    }

    /// Puts `node` in; its operators are called `name`.
    fn wire(&mut self, node: &'a NodeProto, name: &'a str) -> TractResult<OutletId> {
        // An optional input that is left out has an empty name.
        let mut inputs: TVec<Option<OutletId>> = tvec!();
        for input in &node.input {
            inputs.push(if input.is_empty() { None } else { Some(self.outlet(input)?) });
        }
        if node.op_type == "Clip" {
            return self.limits(name, &inputs);
        }
        let given: TVec<OutletId> = inputs.iter().flatten().copied().collect();
        ensure!(!given.is_empty() && given.len() == inputs.len(), "an input is missing");
        let outlets = self.operator(node, name, &given)?;
        outlets.first().copied().ok_or_else(|| format_err!("it gives nothing"))
    }

    fn operator(&mut self, node: &NodeProto, name: &str, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let model = &mut self.model;
        match node.op_type.as_str() {
            "Add" => InferenceBinOp(Box::new(math::Add)).wire(name, model, inputs),
            "Sub" => InferenceBinOp(Box::new(math::Sub)).wire(name, model, inputs),
            "Mul" => InferenceBinOp(Box::new(math::Mul)).wire(name, model, inputs),
            "Div" => InferenceBinOp(Box::new(math::Div)).wire(name, model, inputs),
            "Pow" => InferenceBinOp(Box::new(math::Pow)).wire(name, model, inputs),
            "Sqrt" => model.wire_node(name, math::sqrt(), inputs),
            "Relu" => activations::Clip::new(Some(0.0), None).wire(name, model, inputs),
            "Softplus" => activations::Softplus.wire(name, model, inputs),
            "Cast" => self.cast(node, name, inputs[0]),
            "Conv" => convolution(node)?.wire(name, model, inputs),
            "ConvTranspose" => transposed_convolution(node, name, model, inputs),
            "AveragePool" => mean_pooling(node)?.wire(name, model, inputs),
            "ReduceMax" => reduction(node, Reducer::Max)?.wire(name, model, inputs),
            "ReduceMean" => reduction(node, Reducer::Mean)?.wire(name, model, inputs),
            "ReduceSum" => self.sum(node, name, inputs),
            "MatMul" => MatMulInference::default().wire(name, model, inputs),
            "Gemm" => dense(node, name, model, inputs),
            "Concat" => array::Concat::new(node.get_attr("axis")?).wire(name, model, inputs),
            "Flatten" => array::Flatten::new(node.get_attr_opt("axis")?.unwrap_or(1)).wire(name, model, inputs),
            "Gather" => array::Gather::new(node.get_attr_opt("axis")?.unwrap_or(0)).wire(name, model, inputs),
            "Unsqueeze" => {
                let axes = self.integers(inputs.get(1))?.into_iter().map(|a| a as isize).collect();
                array::AddDims::new(axes).wire(name, &mut self.model, &inputs[..1])
            }
            "Slice" => model.wire_node(name, slice(inputs.len()), inputs),
            "CumSum" => self.running_sum(node, name, inputs),
            _ => bail!("no operator of our networks"),
        }
    }

    /// Weights are stored in half precision: a constant is converted at once.
    fn cast(&mut self, node: &NodeProto, name: &str, input: OutletId) -> TractResult<TVec<OutletId>> {
        let to: DatumType = node.get_attr("to")?;
        if let Some(value) = &self.model.outlet_fact(input)?.konst {
            let value = value.cast_to_dt(to)?.into_owned();
            return Ok(tvec!(self.model.add_const(name, value)?));
        }
        self.model.wire_node(name, cast::cast(to), &[input])
    }

    /// Clip: a lower and an upper limit, each of which may be left out.
    fn limits(&mut self, name: &str, inputs: &[Option<OutletId>]) -> TractResult<OutletId> {
        let Some(mut outlet) = inputs.first().copied().flatten() else { bail!("an input is missing") };
        if let Some(least) = inputs.get(1).copied().flatten() {
            outlet =
                wire_with_rank_broadcast(format!("{name}.min"), &mut self.model, math::max(), &[outlet, least])?[0];
        }
        if let Some(most) = inputs.get(2).copied().flatten() {
            outlet = wire_with_rank_broadcast(format!("{name}.max"), &mut self.model, math::min(), &[outlet, most])?[0];
        }
        Ok(outlet)
    }

    /// ReduceSum takes its axes as an input from set 13 on, the other reductions only from 18.
    fn sum(&mut self, node: &NodeProto, name: &str, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let axes = self.integers(inputs.get(1))?;
        let keep = node.get_attr_opt("keepdims")?.unwrap_or(true);
        Reduce::new(Some(axes), keep, Reducer::Sum).wire(name, &mut self.model, &inputs[..1])
    }

    fn running_sum(&mut self, node: &NodeProto, name: &str, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let [axis] = self.integers(inputs.get(1))?[..] else { bail!("one axis is wanted") };
        let axis = from_end(axis, self.model.outlet_fact(inputs[0])?.rank())?;
        let op = CumSum { axis, exclusive: flag(node, "exclusive")?, reverse: flag(node, "reverse")? };
        self.model.wire_node(name, op, &inputs[..1])
    }

    /// The values of a constant input.
    fn integers(&self, input: Option<&OutletId>) -> TractResult<Vec<i64>> {
        let Some(input) = input else { bail!("an input is missing") };
        let Some(value) = &self.model.outlet_fact(*input)?.konst else { bail!("an input is no constant") };
        let value = value.cast_to::<i64>()?;
        Ok(value.try_as_plain_ram()?.as_slice::<i64>()?.to_vec())
    }
}

/// An attribute that is no unless it is said.
fn flag(node: &NodeProto, name: &str) -> TractResult<bool> {
    Ok(node.get_attr_opt(name)?.unwrap_or(false))
}

/// An axis that may be counted from the end.
fn from_end(axis: i64, rank: usize) -> TractResult<usize> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    ensure!((0..rank as i64).contains(&counted), "axis {axis} of {rank}");
    Ok(counted as usize)
}

/// Slice, whose axes and steps are its fourth and fifth input.
fn slice(inputs: usize) -> StridedSlice {
    let optional = |input: usize| (input < inputs).then_some(input);
    StridedSlice {
        optional_axes_input: optional(3),
        optional_steps_input: optional(4),
        begin_mask: 0,
        end_mask: 0,
        shrink_axis_mask: 0,
    }
}

fn reduction(node: &NodeProto, reducer: Reducer) -> TractResult<Reduce> {
    let keep = node.get_attr_opt("keepdims")?.unwrap_or(true);
    Ok(Reduce::new(node.get_attr_opt_vec("axes")?, keep, reducer))
}

/// Padding before and after, by axis.
fn padding(node: &NodeProto) -> TractResult<(TVec<usize>, TVec<usize>)> {
    ensure!(node.get_attr_opt::<&str>("auto_pad")?.is_none_or(|auto| auto == "NOTSET"), "auto_pad");
    let pads: TVec<usize> = node.get_attr_opt_tvec("pads")?.unwrap_or_else(|| tvec!(0; 4));
    let (before, after) = pads.split_at(pads.len() / 2);
    Ok((before.into(), after.into()))
}

fn convolution(node: &NodeProto) -> TractResult<cnn::Conv> {
    let (before, after) = padding(node)?;
    Ok(cnn::Conv {
        padding: PaddingSpec::Explicit(before, after),
        kernel_shape: node.get_attr_opt_tvec("kernel_shape")?,
        group: node.get_attr_opt("group")?,
        dilations: node.get_attr_opt_tvec("dilations")?,
        strides: node.get_attr_opt_tvec("strides")?,
        bias_input: (node.input.len() == 3).then_some(2),
        ..cnn::Conv::default()
    })
}

/// ConvTranspose, whose kernel is stored with its input channels first.
fn transposed_convolution(
    node: &NodeProto,
    name: &str,
    model: &mut TypedModel,
    inputs: &[OutletId],
) -> TractResult<TVec<OutletId>> {
    let &[image, kernel, bias] = inputs else { bail!("kernel and bias are wanted") };
    ensure!(node.get_attr_opt::<usize>("group")?.unwrap_or(1) == 1, "groups");
    for attribute in ["output_padding", "output_shape"] {
        ensure!(node.get_attr_opt_tvec::<usize>(attribute)?.is_none(), "{attribute}");
    }
    let (before, after) = padding(node)?;
    let kernel = model.wire_node(format!("{name}.kernel"), AxisOp::Move(0, 1), &[kernel])?[0];
    let shape = model.outlet_fact(kernel)?.shape.clone();
    let Some(&[output_channels, input_channels, ..]) = shape.as_concrete() else { bail!("its kernel has no size") };
    let spec = PoolSpec::new(
        DataFormat::NCHW,
        shape.as_concrete().unwrap_or_default()[2..].into(),
        PaddingSpec::Explicit(before, after),
        node.get_attr_opt_tvec("dilations")?,
        node.get_attr_opt_tvec("strides")?,
        input_channels,
        output_channels,
    );
    let op = Deconv::new(spec, KernelFormat::OIHW, tvec!(0; shape.rank() - 2), 1);
    model.wire_node(name, op, &[image, kernel, bias])
}

fn mean_pooling(node: &NodeProto) -> TractResult<cnn::HirSumPool> {
    let (before, after) = padding(node)?;
    let round_up = flag(node, "ceil_mode")?;
    let spec = PoolSpec::new(
        DataFormat::NCHW,
        node.get_attr_tvec("kernel_shape")?,
        PaddingSpec::ExplicitOnnxPool(before, after, round_up),
        node.get_attr_opt_tvec("dilations")?,
        node.get_attr_opt_tvec("strides")?,
        0,
        0,
    );
    Ok(cnn::HirSumPool::new(spec, flag(node, "count_include_pad")?, true))
}

/// Gemm: a product of two matrices and a bias.
fn dense(node: &NodeProto, name: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
    let &[a, b, bias] = inputs else { bail!("weights and bias are wanted") };
    for factor in ["alpha", "beta"] {
        ensure!(node.get_attr_opt::<f32>(factor)?.unwrap_or(1.0) == 1.0, "{factor}");
    }
    let axes = AxesMapping::for_numpy_matmul(2, flag(node, "transA")?, flag(node, "transB")?, false)?;
    let product = model.wire_node(format!("{name}.product"), EinSum::new(axes, f32::datum_type()), &[a, b])?[0];
    wire_with_rank_broadcast(name, model, math::add(), &[product, bias])
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
