"""Judges the cross-validation through the appliance: each fold's subjects by the network that has not seen them.

    python -m evaluation.folds --work WORK --binary ../../target/release/deepspine

WORK holds fold_1.onnx to fold_4.onnx; fold 0 is judged with the model set that ships. Prints the mean over all subjects of the
five folds with its 95 % interval, bootstrapped by subject, and leaves `deepspine evaluate`'s own JSON in WORK/fold_<k>.json.
"""

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np

from segmentation import sources

from . import truths
from .speed import ROOT, model_set

FOLDS = range(5)
DRAWS, SEED = 2000, 20261123


def read(fold, options):
    """The figures of one fold, by name."""
    name = f"spider_fold_{fold}"
    truths.make(options, name)
    onnx = options.work / f"fold_{fold}.onnx" if fold else None
    with model_set(options.models, onnx) as models:
        command = [options.binary, "evaluate", "--models", models, "--truth", options.work / f"{name}.json", "--json"]
        printed = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout
    (options.work / f"fold_{fold}.json").write_text(printed)
    return figures(json.loads(printed))


def figures(printed):
    group = printed["sets"][0]["groups"][-1]
    return {f["name"]: f for f in group["figures"]}


def joined(folds, name):
    """Mean over all values of the folds, its interval by subject, the worst, and the folds' own means."""
    parts = [f[name] for f in folds if name in f]
    subjects = [np.array(s["values"], float) for p in parts for s in p["by_subject"]]
    is_error = parts[0]["kind"] == "error"
    sizes = [abs(v) if is_error else v for v in subjects]
    sums, counts = np.array([v.sum() for v in sizes]), np.array([len(v) for v in sizes])
    draws = np.random.default_rng(SEED).integers(len(sums), size=(DRAWS, len(sums)))
    low, high = np.percentile(sums[draws].sum(1) / counts[draws].sum(1), [2.5, 97.5])
    worst = [p["worst"] for p in parts if p["worst"] is not None]
    tail = f", worst {max(worst, key=abs) if is_error else min(worst):.3f}" if worst else ""
    bias = f", bias {np.concatenate(subjects).mean():+.3f}" if is_error else ""
    by_fold = " ".join(f"{p['mean']:.3f}" for p in parts)
    return f"{sums.sum() / counts.sum():.3f} ({low:.3f}-{high:.3f}){bias}{tail}; by fold {by_fold}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--binary", default=str(ROOT / "target/release/deepspine"))
    parser.add_argument("--judged", action="store_true", help="only put together WORK/fold_<k>.json as they stand")
    options = parser.parse_args()
    if options.judged:
        found = [figures(json.loads((options.work / f"fold_{k}.json").read_text())) for k in FOLDS]
    else:
        found = [read(k, options) for k in FOLDS]
    subjects = sum(f["Dice vertebra"]["subjects"] for f in found)
    print(f"{subjects} subjects in {len(found)} folds, each read with a network that has not seen it")
    for name in ("Dice vertebra", "Dice disc", "Dice canal", "discs found within 3 mm", "canal AP at the disc",
                 "disc height anterior", "disc height middle", "disc height posterior"):
        print(f"  {name}: {joined(found, name)}")
    claimed = sum(f["parts claimed where there is none"]["sum"] for f in found)
    print(f"  parts claimed where there is none: {claimed:.0f}")


if __name__ == "__main__":
    main()
