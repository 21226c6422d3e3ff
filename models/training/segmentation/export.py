"""From a checkpoint to models/segmentation.onnx: norms folded, any multiple of 32, checked against the trained network.

    python -m segmentation.export --checkpoint WORK/checkpoint.pt [--out ../segmentation.onnx]
"""

import argparse
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

import storage

from .network import SpineNet

OUT = Path(__file__).resolve().parents[2] / "segmentation.onnx"
# Weights in half precision move a logit by this at most.
HALVED_LOGITS_MAX = 0.1
OPS = {"Conv", "Relu", "ConvTranspose", "Concat", "Add"}


def trained(checkpoint):
    state = torch.load(checkpoint)
    network = SpineNet(state["shape"])
    network.load_state_dict(state["average"])
    return network.eval(), state["step"]


def fold(module):
    """Every convolution takes in the norm behind it."""
    for name, child in module.named_children():
        parts = list(child.children()) if isinstance(child, torch.nn.Sequential) else []
        if len(parts) == 2 and isinstance(parts[1], torch.nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(*parts))
        else:
            fold(child)
    return module


def write(network, path):
    torch.onnx.export(
        network,
        (torch.rand(1, 1, 256, 256),),
        str(path),
        input_names=["slice"],
        output_names=["logits"],
        dynamic_axes={"slice": {2: "height", 3: "width"}, "logits": {2: "height", 3: "width"}},
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(path)
    onnx.checker.check_model(model)
    extra = {n.op_type for n in model.graph.node} - OPS
    assert not extra, f"the runtime is not asked for {extra}"
    assert not [n for n in model.graph.node if n.op_type == "BatchNormalization"]


def agree(network, path):
    """The largest difference from the network as trained, over sizes it was not exported with."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for height, width in ((256, 256), (320, 288), (96, 416)):
        x = np.random.default_rng(height).random((1, 1, height, width), np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(x)).numpy()
        (found,) = session.run(["logits"], {"slice": x})
        assert found.shape == expected.shape == (1, 6, height, width)
        worst = max(worst, float(np.abs(found - expected).max()))
    return worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network, step = trained(options.checkpoint)
    part = options.out.with_suffix(".part")
    write(fold(trained(options.checkpoint)[0]), part)
    worst = agree(network, part)
    assert worst < 1e-3, worst
    storage.halve(part)
    stored = agree(network, part)
    assert stored < HALVED_LOGITS_MAX, stored
    os.replace(part, options.out)
    print(f"step {step}: {options.out.stat().st_size / 1e6:.2f} MB, differs from the trained network by at most {worst:.1e}, as it is stored by {stored:.1e}")


if __name__ == "__main__":
    main()
