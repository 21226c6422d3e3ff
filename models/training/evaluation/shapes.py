"""Draws what segmentation.search found: Dice on the validation subjects against the time that a slice takes in tract, as a
share of the chosen shape's.

    cargo build --release --example speed
    python -m evaluation.shapes --work WORK [--out ../segmentation_shapes.svg]

Prints the table beside it. Shapes take turns on one core, so that a busy machine slows all of them alike.
"""

import argparse
import json
import os
from contextlib import ExitStack
from pathlib import Path

import matplotlib
import numpy as np

from segmentation.network import SHAPE

from .speed import ROOT, WARM_UP, Tract, model_set

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  (after the choice of a backend that needs no screen)

STRUCTURES = {"vertebra": "o", "disc": "s", "canal": "^"}


def times_ms(paths, options):
    """Milliseconds of each network, one row a round."""
    with ExitStack() as stack:
        sets = [stack.enter_context(model_set(options.models, path)) for path in paths]
        running = [Tract(options.binary, models, options.size) for models in sets]
        rounds = np.array([[tract.run_ms() for tract in running] for _ in range(WARM_UP + options.rounds)])
        for tract in running:
            tract.end()
    return rounds[WARM_UP:]


def draw(rows, shares, path):
    figure, axes = pyplot.subplots(figsize=(6.4, 4.2), layout="constrained")
    for structure, marker in STRUCTURES.items():
        axes.plot(shares, [row[structure] for row in rows], marker, fillstyle="none", color="black", label=structure)
    for row, share in zip(rows, shares):
        axes.annotate(row["shape"], (share, min(row[s] for s in STRUCTURES)), (0, -14), textcoords="offset points", ha="center")
    axes.set_xlabel(f"time of a 256 x 256 slice in tract, of that of {SHAPE}")
    axes.set_ylabel(f"Dice of 6 validation subjects after {rows[0]['steps']} steps")
    axes.legend(loc="center")
    axes.margins(0.12)
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--out", type=Path, default=ROOT / "models/segmentation_shapes.svg")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--binary", default=str(ROOT / "target/release/examples/speed"))
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    paths = sorted((options.work / "search").glob("*.onnx"))
    rows = [json.loads(path.with_suffix(".json").read_text()) for path in paths]
    rounds_ms = times_ms(paths, options)
    chosen = [row["shape"] for row in rows].index(SHAPE)
    shares = np.median(rounds_ms / rounds_ms[:, [chosen]], 0)
    print("| shape | GMAC | time in tract | vertebra | disc | canal | Sudirman's bodies |\n|---|---|---|---|---|---|---|")
    for row, share in sorted(zip(rows, shares), key=lambda pair: -pair[0]["gmac"]):
        figures = " | ".join(f"{row[name]:.3f}".lstrip("0") for name in (*STRUCTURES, "body"))
        print(f"| {row['shape']} | {row['gmac']:.2f} | {share:.2f} | {figures} |")
    draw(rows, shares, options.out)


if __name__ == "__main__":
    main()
