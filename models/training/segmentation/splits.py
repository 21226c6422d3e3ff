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
    return chosen


def load():
    return tomllib.loads(FILE.read_text())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=sources.DATA)
    chosen = choose(parser.parse_args().data)
    lines = [
        "# Written by segmentation/splits.py; the seed fixes it. By subject. The held-out subjects are in no training,",
        "# pseudo-label, choice or calibration of any network here. `validation` is for choices while training.",
        f"seed = {SEED}",
    ]
    for name, parts in chosen.items():
        lines += ["", f"[{name}]"] + [f"{part} = {ids}" for part, ids in parts.items()]
    FILE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
