"""Holds ways to make prediction sets against each other on predictions of real examinations.

    python -m confidence.compare [--data ../../../shared/data] [--splits 100]

`conformal/lumbar_predictions.csv` (Lu, Angelopoulos and Pomerantz, MICCAI 2022): the examinations are split at random, one half
calibrates, the other is judged. Nothing is tuned; all that is fitted is fitted on the calibrating half. Prints a line a way: by class
the mean coverage, its standard deviation over splits and the mean size, then the mean size over all levels. Every set is the run
of neighbours around the likeliest grade that holds all which are let in. At the end: what ships, cross-fitted with scaling and cuts.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np

from . import calibrate, figures

GRADES = 4
SOFT = 0.6


def load(data):
    """P(grade) [n, 4], truth [n], examination [n]; levels without a score or with the label -1 are left out."""
    said, truth, exam = [], [], []
    with open(data / "conformal/lumbar_predictions.csv", newline="") as file:
        for row in csv.DictReader(file):
            for place in (key.removeprefix("true_") for key in row if key.startswith("true_")):
                label, score = row[f"true_{place}"], row[f"score_{place}"]
                if label and score and float(label) >= 0:
                    said.append(json.loads(score))
                    truth.append(int(float(label)))
                    exam.append(int(row["exam"]))
    said = np.array(said)
    return said / said.sum(1, keepdims=True), np.array(truth), np.array(exam)


# Scores [n, G] of how ill a grade fits: a set holds those that are small enough.

def unlikely(p):
    """-log P (Sadinle, Lei and Wasserman 2019)."""
    return -np.log(np.maximum(p, 1e-300))


def unlikely_beside_the_mode(p):
    return unlikely(p) - unlikely(p).min(1, keepdims=True)


def tail(p):
    """The rarer of the two tails that begin at the grade."""
    return unlikely(np.minimum(p.cumsum(1), p[:, ::-1].cumsum(1)[:, ::-1]))


def mass(p):
    """Mass of the greedy run of neighbours that first holds the grade (adaptive sets)."""
    rows = np.arange(len(p))
    score = np.empty_like(p)
    first = last = p.argmax(1)
    total = p.max(1)
    score[rows, first] = total
    padded = np.pad(p, ((0, 0), (1, 1)), constant_values=-1.0)
    for _ in range(GRADES - 1):
        below, above = padded[rows, first], padded[rows, last + 2]
        down = below > above
        first, last = np.where(down, first - 1, first), np.where(down, last, last + 1)
        total = total + np.where(down, below, above)
        score[rows, np.where(down, first, last)] = total
    return score


def soft(score):
    def of_softened(p):
        softened = p**SOFT
        return score(softened / softened.sum(1, keepdims=True))

    return of_softened


# Thresholds [G] from the scores of the true grades of the calibrating half.

def quantile(score, weight, subjects, alpha):
    order = np.argsort(score)
    at = np.flatnonzero(np.cumsum(weight[order]) / (subjects + 1) >= 1 - alpha - 1e-9)
    return score[order][at[0]] if len(at) else np.inf


def marginal(score, truth, exam, alpha):
    return np.full(GRADES, quantile(score, np.ones(len(score)), len(score), alpha))


def by_class(score, truth, exam, alpha):
    return np.array([marginal(score[truth == c], None, None, alpha)[0] for c in range(GRADES)])


def between(score, truth, exam, alpha):
    return (by_class(score, truth, exam, alpha) + marginal(score, truth, exam, alpha)) / 2


def rare_together(score, truth, exam, alpha):
    return by_class(score, np.minimum(truth, GRADES - 2), exam, alpha)[[0, 1, 2, 2]]


def by_class_and_subject(score, truth, exam, alpha):
    found = []
    for c in range(GRADES):
        _, who, levels = np.unique(exam[truth == c], return_inverse=True, return_counts=True)
        found.append(quantile(score[truth == c], 1 / levels[who], len(levels), alpha))
    return np.array(found)


WAYS = [
    ("mass of the run, marginal", mass, marginal),
    ("mass of the run, by class", mass, by_class),
    ("the same, softened by .6, marginal", soft(mass), marginal),
    ("the same, softened by .6, by class", soft(mass), by_class),
    ("-log P, marginal", unlikely, marginal),
    ("-log P, half-way to by class", unlikely, between),
    ("-log P, moderate and severe together", unlikely, rare_together),
    ("-log P / P(mode), by class", unlikely_beside_the_mode, by_class),
    ("rarer tail, by class", tail, by_class),
    ("-log P softened by .6, by class", soft(unlikely), by_class),
    ("-log P, by class", unlikely, by_class),
    ("-log P, by class and subject (ships)", unlikely, by_class_and_subject),
]


def judged(p, truth, exam, score, thresholds, alpha, splits):
    """Of each split: coverage by class, size by class, mean size, [splits, 2 G + 1]."""
    rng = np.random.default_rng(calibrate.SEED)
    names, scores = np.unique(exam), score(p)
    mode = p.argmax(1)
    found = []
    for _ in range(splits):
        known = np.isin(exam, rng.permutation(names)[: len(names) // 2])
        own = scores[np.arange(len(p)), truth]
        held = scores <= thresholds(own[known], truth[known], exam[known], alpha)
        held[np.arange(len(p)), mode] = True
        first, last = held.argmax(1), GRADES - 1 - held[:, ::-1].argmax(1)
        size, right = last - first + 1, (first <= truth) & (truth <= last)
        of_class = [~known & (truth == c) for c in range(GRADES)]
        found.append([right[m].mean() for m in of_class] + [size[m].mean() for m in of_class] + [size[~known].mean()])
    return np.array(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[4] / "shared/data")
    parser.add_argument("--splits", type=int, default=100)
    options = parser.parse_args()
    p, truth, exam = load(options.data)
    print(f"{len(np.unique(exam))} examinations, levels by class {np.bincount(truth)}, seed {calibrate.SEED}")
    for alpha in (0.05, 0.1, 0.2):
        print(f"alpha {alpha}")
        for name, score, thresholds in WAYS:
            found = judged(p, truth, exam, score, thresholds, alpha, options.splits)
            mean, sd = found.mean(0), found.std(0)
            classes = "  ".join(f"{mean[c]:.3f} ±{sd[c]:.3f} at {mean[GRADES + c]:.2f}" for c in range(GRADES))
            print(f"{name:38} {classes}  mean size {mean[-1]:.2f} ±{sd[-1]:.2f}")
    worse = p[:, ::-1].cumsum(1)[:, ::-1][:, 1:].clip(1e-12, 1 - 1e-9)
    logits = np.log(worse) - np.log1p(-worse)
    for groups in ([0, 1, 2, 3], [0, 0, 1, 2]):
        print(f"cross-fitted with scaling and cuts, classes of the grades {groups}")
        print(figures.lines(logits, np.array(groups)[truth], groups, exam))


if __name__ == "__main__":
    main()
