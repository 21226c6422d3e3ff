"""Who is trained on, who is kept for choices, who is only ever judged. Chosen once, by a fixed seed, and written down.

    python -m segmentation.splits --data ../../../shared/data    (from models/training; writes splits.toml)
"""

import argparse
import tomllib
from pathlib import Path

import numpy as np

from . import sources

SEED = 20261123
FILE = Path(__file__).resolve().parent.parent / "splits.toml"


def spread(ids, count, rng):
    """One of each of `count` equal runs of the sorted ids: random, but from everywhere."""
    return sorted(int(rng.choice(run)) for run in np.array_split(np.array(sorted(ids)), count))


def choose(data):
    rng = np.random.default_rng(SEED)
    chosen = {}
    for name, ids, held, validation in (
        ("spider", sources.spider_subjects(data), 7, 4),
        ("sudirman", sources.sudirman_complete(data), 50, 20),
    ):
        held_out = spread(ids, held, rng)
        kept = spread(set(ids) - set(held_out), validation, rng)
        chosen[name] = {
            "held_out": held_out,
            "validation": kept,
            "train": sorted(set(ids) - set(held_out) - set(kept)),
        }
    parts = folds(chosen["spider"])
    # The network that ships is the first fold's, trained on: choices are made on the fold that it left out.
    chosen["spider"]["validation"], chosen["spider"]["train"] = parts[0], sorted(sum(parts[1:], []))
    return chosen, parts


def folds(spider, count=5):
    """SPIDER's subjects outside the held-out seven, in five parts of the cross-validation: every fifth of a shuffle."""
    kept = sorted(spider["train"] + spider["validation"])
    order = np.random.default_rng(SEED + 1).permutation(kept)
    return [sorted(int(s) for s in order[k::count]) for k in range(count)]


def load():
    return tomllib.loads(FILE.read_text())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=sources.DATA)
    chosen, parts = choose(parser.parse_args().data)
    lines = [
        "# Written by segmentation/splits.py; the seed fixes it. By subject. The held-out subjects are in no training,",
        "# pseudo-label, choice or calibration of any network here. `validation` is for choices while training.",
        "# SPIDER's validation subjects are those of fold 0.",
        f"seed = {SEED}",
    ]
    for name, chosen_parts in chosen.items():
        lines += ["", f"[{name}]"] + [f"{part} = {ids}" for part, ids in chosen_parts.items()]
    lines += [
        "",
        "# Five-fold cross-validation: a fold's network trains on the other four and is judged on its own.",
        "[spider_folds]",
    ]
    lines += [f"fold_{k} = {ids}" for k, ids in enumerate(parts)]
    FILE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
