//! Graphs of ours beside those that tract-onnx makes, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::inference::{ModelSet, ModelSource};
use std::path::Path;
use tract_core::prelude::{DatumExt, IntoRunnable};
use tract_onnx::prelude::InferenceModelExt;

fn run(model: TypedModel, inputs: &[Tensor]) -> Vec<f32> {
    let plan = model.into_decluttered().unwrap().into_optimized().unwrap().into_runnable().unwrap();
    let outputs = plan.run(inputs.iter().map(|t| t.clone().into()).collect()).unwrap();
    outputs[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
}

/// tract-onnx's own way in, which knows all operators, is the judge.
fn same_as_tract_onnx(path: &Path, shapes: &[Vec<usize>]) {
    let bytes = std::fs::read(path).unwrap();
    let inputs: Vec<Tensor> = shapes
        .iter()
        .enumerate()
        .map(|(k, shape)| {
            let values: Vec<f32> =
                (0..shape.iter().product::<usize>()).map(|i| ((i * (7 + k) % 101) as f32) / 101.0).collect();
            Tensor::from_shape(shape, &values).unwrap()
        })
        .collect();
    let mut judge = tract_onnx::onnx().model_for_read(&mut bytes.as_slice()).unwrap();
    for (k, shape) in shapes.iter().enumerate() {
        judge = judge.with_input_fact(k, f32::fact(shape).into()).unwrap();
    }
    let expected = run(judge.into_typed().unwrap(), &inputs);
    let found = run(NetworkGraph::read(&bytes).unwrap().for_inputs(shapes).unwrap(), &inputs);
    assert!(!expected.is_empty() && expected.iter().any(|v| *v != expected[0]));
    assert_eq!(expected, found, "{}", path.display());
}

#[test]
fn every_network_of_ours_is_the_graph_that_tract_onnx_makes_of_it() {
    for folder in ["models", "models/research"] {
        let set = ModelSet::open(&ModelSource::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))).unwrap();
        for entry in &set.manifest().model {
            let mut shapes: Vec<Vec<usize>> =
                entry.inputs.iter().map(|i| std::iter::once(1).chain(i.shape.iter().copied()).collect()).collect();
            if shapes.is_empty() {
                shapes.push(vec![1, 1, 96, 64]);
            }
            same_as_tract_onnx(&entry.path(), &shapes);
        }
    }
}

/// A file of one operator, whose output is `y`.
fn file_of(node: NodeProto, set: i64) -> ModelProto {
    let named = |name: &str| tract_onnx::pb::ValueInfoProto { name: name.to_string(), ..Default::default() };
    let graph = tract_onnx::pb::GraphProto {
        node: vec![node],
        input: vec![named("x")],
        output: vec![named("y")],
        ..Default::default()
    };
    let opset = tract_onnx::pb::OperatorSetIdProto { domain: String::new(), version: set };
    ModelProto { graph: Some(graph), opset_import: vec![opset], ..Default::default() }
}

fn node(op_type: &str, input: &str) -> NodeProto {
    NodeProto {
        op_type: op_type.to_string(),
        input: vec![input.to_string()],
        output: vec!["y".to_string()],
        ..Default::default()
    }
}

fn refusal(file: ModelProto) -> String {
    let made = NetworkGraph::new(file).and_then(|graph| graph.for_inputs(&[vec![2, 2]]));
    format!("{:#}", made.unwrap_err())
}

#[test]
fn what_is_none_of_our_networks_is_refused_by_name() {
    let relu = NetworkGraph::new(file_of(node("Relu", "x"), 17)).unwrap().for_inputs(&[vec![2, 2]]).unwrap();
    assert_eq!(run(relu, &[Tensor::from_shape(&[2, 2], &[-1.0_f32, 0.5, -0.5, 2.0]).unwrap()]), [0.0, 0.5, 0.0, 2.0]);
    assert_eq!(refusal(file_of(node("LSTM", "x"), 17)), "LSTM (y): no operator of our networks");
    assert_eq!(refusal(file_of(node("Relu", "nowhere"), 17)), "Relu (y): nothing gives \"nowhere\"");
    assert_eq!(refusal(file_of(node("Relu", "x"), 18)), "its operators are of ONNX's set 18, not 13..=17");
    assert_eq!(refusal(file_of(node("Unsqueeze", "x"), 17)), "Unsqueeze (y): an input is missing");
    assert!(NetworkGraph::read(&[0xff; 64]).is_err());
}
