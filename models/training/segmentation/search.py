"""Compares network shapes: the same short training for each, Dice on the validation subjects, and what a slice costs.

    python -m segmentation.search --work WORK [--steps 400] [--shapes slim added]    (WORK/search/<shape>.onnx, .json)

Short trainings rank shapes roughly; the figures say nothing of a finished network.
"""

import argparse
import copy
import json
from pathlib import Path

import numpy as np
import torch

from . import evaluate, export, sources, splits, train
from .network import SHAPES, SpineNet, parameter_count


def gmac(shape, size=256):
    """Multiplications and additions of one size x size slice, in 1e9."""
    network, total = SpineNet(shape), []

    def count(layer, inputs, output):
        taps = layer.kernel_size[0] * layer.kernel_size[1]
        transposed = isinstance(layer, torch.nn.ConvTranspose2d)
        total.append(taps * (inputs[0].numel() * layer.out_channels if transposed else output.numel() * layer.in_channels))

    for layer in network.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 1, size, size))
    return sum(total) / 1e9


def judge(path, data):
    network, chosen = evaluate.session(path), splits.load()
    spider = evaluate.judge_spider(network, data, chosen["spider"]["validation"])
    sudirman = evaluate.judge_sudirman(network, data, chosen["sudirman"]["validation"])
    mean = lambda table, name: round(float(np.mean([row[name] for row in table.values()])), 4)
    return {name: mean(spider, name) for name in ("vertebra", "disc", "canal")} | {"body": mean(sudirman, "body")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    options = parser.parse_args()
    folder = options.work / "search"
    folder.mkdir(exist_ok=True, parents=True)
    train.cache.prepare(options.data, options.work / "cache")
    for shape in options.shapes:
        path = folder / f"{shape}.pt"
        arguments = ["--work", str(options.work), "--checkpoint", str(path), "--shape", shape]
        arguments += ["--steps", str(options.steps), "--processes", "1"]
        train.run(0, train.arguments(arguments))
        network, _ = export.trained(path)
        export.write(export.fold(copy.deepcopy(network)), path.with_suffix(".onnx"))
        row = {"shape": shape, "steps": options.steps, "gmac": round(gmac(shape), 3)}
        row |= {"parameters": parameter_count(network)} | judge(path.with_suffix(".onnx"), options.data)
        path.with_suffix(".json").write_text(json.dumps(row) + "\n")
        print(row, flush=True)


if __name__ == "__main__":
    main()
