"""Judges the networks of the cross-validation, each on the fold that it has not seen.

    python -m segmentation.folds --work WORK [--data DATA]    (WORK/fold_0.onnx to fold_4.onnx)

Figures are of the network alone, before the appliance rejects parts that lie along no spine.
"""

import argparse
from pathlib import Path

import numpy as np

from . import evaluate, sources, splits

BOOTSTRAP_SEED = 20261123


def interval(values):
    draws = np.random.default_rng(BOOTSTRAP_SEED).choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{np.mean(values):.3f} ({low:.3f}-{high:.3f}), worst {min(values):.3f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    table = {}
    for name, subjects in splits.load()["spider_folds"].items():
        found = evaluate.judge_spider(evaluate.session(options.work / f"{name}.onnx"), options.data, subjects)
        print(name, *(f"{c} {np.mean([row[c] for row in found.values()]):.3f}" for c in ("vertebra", "disc", "canal")))
        table |= found
    print(f"{len(table)} subjects, each by the network that has not seen it; mean (95 % interval by subject)")
    for c in ("vertebra", "disc", "canal"):
        print(f"  {c}: {interval([row[c] for row in table.values()])}")


if __name__ == "__main__":
    main()
