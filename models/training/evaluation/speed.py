"""What a slice costs: operations, the file's size, and tract's time beside ONNX Runtime's on one core, taking turns.

    cargo build --release --example speed
    python -m evaluation.speed [--models ../../models] [--shape slim] [--size 256] [--rounds 30]
"""

import argparse
import hashlib
import os
import subprocess
import tempfile
import time
import tomllib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import storage
from segmentation import search
from segmentation.network import SHAPES

ROOT = Path(__file__).resolve().parents[3]
WARM_UP = 3


def gmac(path, size):
    """Multiplications and additions of the convolutions in an ONNX file for one size x size slice, in 1e9."""
    model = onnx.load(path)
    for dimension, value in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 1, size, size)):
        dimension.ClearField("dim_param")
        dimension.dim_value = value
    for known in (model.graph.output, model.graph.value_info):
        del known[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None))
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    shapes = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in [*graph.input, *graph.value_info, *graph.output]
    }
    weights = {w.name.removesuffix(storage.SUFFIX): list(w.dims) for w in graph.initializer}
    total = 0
    for node in graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            # Each weight meets each place of the output of a convolution, of the input of a transposed one.
            places = shapes[node.output[0] if node.op_type == "Conv" else node.input[0]][2:]
            total += int(np.prod(weights[node.input[1]])) * int(np.prod(places))
    return total / 1e9


class Tract:
    """The appliance's runtime, one run a call."""

    def __init__(self, binary, models, size):
        command = [binary, models, str(size), str(size)]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run_ms(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return float(self.child.stdout.readline())

    def end(self):
        self.child.stdin.close()
        self.child.wait()


@contextmanager
def model_set(models, onnx=None):
    """The folder of the model set, or of one like it with another network of the same input and output."""
    if onnx is None:
        yield str(models)
        return
    manifest = (models / "manifest.toml").read_text()
    entry = next(m for m in tomllib.loads(manifest)["model"] if m["name"] == "segmentation")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        digest = hashlib.sha256(onnx.read_bytes()).hexdigest()
        (folder / "manifest.toml").write_text(manifest.replace(entry["sha256"], digest))
        (folder / entry["file"]).write_bytes(onnx.read_bytes())
        yield temporary


def onnx_runtime(path, size):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    # The same values as examples/speed.rs.
    values = (np.arange(size * size, dtype=np.int64) * 7919 % 1000).astype(np.float32) / 1000
    feed = {"slice": values.reshape(1, 1, size, size)}

    def run_ms():
        since = time.perf_counter()
        session.run(["logits"], feed)
        return (time.perf_counter() - since) * 1e3

    return run_ms


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--onnx", type=Path, help="another file in place of the set's own")
    parser.add_argument("--shape", choices=SHAPES, help="compare with segmentation.search's count of this shape")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--binary", default=str(ROOT / "target/release/examples/speed"))
    options = parser.parse_args()
    # One core for both, and for this script, which sleeps while the other one runs.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    manifest = (options.models / "manifest.toml").read_text()
    entry = next(m for m in tomllib.loads(manifest)["model"] if m["name"] == "segmentation")
    path = options.onnx or options.models / entry["file"]
    count = gmac(path, options.size)
    print(f"{path.name}: {2 * count:.2f} GFLOP a {options.size} x {options.size} slice ({count:.3f} GMAC), {path.stat().st_size / 1e6:.2f} MB")
    if options.shape:
        print(f"shape {options.shape}: {2 * search.gmac(options.shape, options.size):.2f} GFLOP by segmentation.search")
    with model_set(options.models, options.onnx) as models:
        tract, ours = Tract(options.binary, models, options.size), []
        theirs_run, theirs = onnx_runtime(path, options.size), []
        for k in range(WARM_UP + options.rounds):
            pair = tract.run_ms(), theirs_run()
            if k >= WARM_UP:
                ours.append(pair[0])
                theirs.append(pair[1])
        tract.end()
    ours, theirs = np.array(ours), np.array(theirs)
    spread = lambda v: f"median {np.median(v):.1f} ms (quartiles {np.percentile(v, 25):.1f} to {np.percentile(v, 75):.1f}, least {v.min():.1f})"
    print(f"one core, taking turns, {options.rounds} rounds")
    print(f"tract:        {spread(ours)}")
    print(f"ONNX Runtime: {spread(theirs)}")
    print(f"tract / ONNX Runtime: median of pairs {np.median(ours / theirs):.2f}, of the least {ours.min() / theirs.min():.2f}")


if __name__ == "__main__":
    main()
