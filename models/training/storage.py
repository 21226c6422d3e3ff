"""Weights are stored in half precision and computed in single: half the bytes, the same network to three digits.

    python -m storage ../segmentation.onnx ../degeneration.onnx ../research/stenosis.onnx

rewrites networks that are not stored so yet, prints how far their weights moved, and puts their new hashes into the manifest
beside each. The exports call `halve` themselves.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Behind the name of a weight that is stored in half precision; the network casts it to the name itself.
SUFFIX = ".half"
# Fewer values than this are not worth a cast.
VALUES_MIN = 256


def halve(path):
    """Rewrites an ONNX file; returns the largest change of a weight as a share of the largest of its tensor."""
    model = onnx.load(path)
    casts, moved = [], 0.0
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < VALUES_MIN:
            continue
        half = values.astype(np.float16)
        assert np.isfinite(half).all(), f"{path}: {tensor.name} has weights beyond half precision"
        moved = max(moved, float(np.abs(half.astype(np.float32) - values).max() / max(np.abs(values).max(), 1e-30)))
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, name + SUFFIX))
        casts.append(helper.make_node("Cast", [name + SUFFIX], [name], name=f"{name}.single", to=TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    part = Path(f"{path}.part")
    onnx.save(model, part)
    part.replace(path)
    return moved


def weights(path):
    """The weights of an ONNX file by name, in single precision, however they are stored."""
    arrays = {t.name.removesuffix(SUFFIX): numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    return {name: a.astype(np.float32) if a.dtype == np.float16 else a.copy() for name, a in arrays.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", type=Path, nargs="+")
    for path in parser.parse_args().networks:
        before, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
        moved = halve(path)
        after = hashlib.sha256(path.read_bytes()).hexdigest()
        manifest = path.parent / "manifest.toml"
        text = manifest.read_text()
        assert before in text, f"{manifest} does not name {path} as it was"
        manifest.write_text(text.replace(before, after))
        print(f"{path.name}: {size:,} to {path.stat().st_size:,} bytes, weights moved by {moved:.1e} of the largest at most")


if __name__ == "__main__":
    main()
