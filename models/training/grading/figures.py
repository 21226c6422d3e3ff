"""Figures of the grading networks: what unseen folds say against the truth.

    python -m grading.figures --work WORK NAME...          # runs of grading.fit; several names: their logits are averaged

Prints, a truth a line: n, AUROC of each threshold with its 95 % interval (bootstrap by subject, seed 20261126), linear and quadratic weighted kappa and
the share within one grade, then what `confidence.figures` prints: ECE, class-average accuracy, coverage and size of the sets. Scaling and the
decisions of a grade are fitted on other subjects than they are judged on.
"""

import argparse
from pathlib import Path

import numpy as np

from confidence import calibrate
from confidence.figures import cross_fitted, lines

from . import sets

SEED = 20261126
BOOTSTRAPS = 300
# What is worse than nothing known of a threshold: fewer positives or negatives than this give no figure.
FEWEST = 8


def auroc(score, y):
    order = np.argsort(score, kind="mergesort")
    ranks = np.empty(len(score))
    sorted_score = score[order]
    first = np.searchsorted(sorted_score, sorted_score, "left")
    last = np.searchsorted(sorted_score, sorted_score, "right")
    ranks[order] = (first + last + 1) / 2
    n1, n0 = y.sum(), (~y).sum()
    return (ranks[y].sum() - n1 * (n1 + 1) / 2) / (n1 * n0) if n1 and n0 else np.nan


def interval(figure, group, rng):
    """95 % of the figure over subjects drawn again; `figure` takes row numbers."""
    rows = {}
    for i, g in enumerate(group):
        rows.setdefault(g, []).append(i)
    rows = [np.array(r) for r in rows.values()]
    drawn = [figure(np.concatenate([rows[k] for k in rng.integers(len(rows), size=len(rows))])) for _ in range(BOOTSTRAPS)]
    return np.nanpercentile(drawn, [2.5, 97.5])


def kappa(truth, grade, classes, power):
    seen = np.histogram2d(truth, grade, bins=[np.arange(classes + 1) - 0.5] * 2)[0]
    far = np.abs(np.subtract.outer(np.arange(classes), np.arange(classes))) ** power
    chance = np.outer(seen.sum(1), seen.sum(0)) / seen.sum()
    return 1 - (far * seen).sum() / max((far * chance).sum(), 1e-9)


def gathered(work, name, crops):
    """Logits on unseen folds of one run, [n, thresholds]; NaN where there are none."""
    logits = None
    for fold in range(sets.FOLDS):
        path = work / "fit" / f"{name}_{fold}.npz"
        if not path.exists():
            continue
        z = np.load(path)
        if logits is None:
            logits = np.full((len(crops.images), z["logits"].shape[1]), np.nan)
        logits[z["index"]] = z["logits"]
    if logits is None:
        raise SystemExit(f"no run {name} in {work / 'fit'}")
    return logits


def line(task, logit, truth, subject, groups):
    """AUROC of the thresholds that the truth tells, and how the grades agree that other subjects' calibration decides."""
    rng = np.random.default_rng(SEED)
    said = [f"{task.name:20} n {len(truth):5}"]
    for k, column in enumerate(np.flatnonzero(calibrate.dividing(groups))):
        y = truth > k
        if min(y.sum(), (~y).sum()) < FEWEST:
            continue
        low, high = interval(lambda rows, k=column, y=y: auroc(logit[rows, k], y[rows]), subject, rng)
        said.append(f">{k} ({y.sum()}) {auroc(logit[:, column], y):.3f} [{low:.3f} {high:.3f}]")
    if task.classes > 2:
        found = cross_fitted(logit, truth, groups, subject)
        linear, quadratic = (kappa(found["truth"], found["decided"], task.classes, p) for p in (1, 2))
        near = np.mean(np.abs(found["truth"] - found["decided"]) <= 1)
        said.append(f"kappa linear {linear:.3f} quadratic {quadratic:.3f} within one {near:.3f}")
    return " ".join(said)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--set", required=True, choices=list(sets.LOAD))
    options = parser.parse_args()
    crops = sets.LOAD[options.set](options.work)
    logits = np.mean([gathered(options.work, name, crops) for name in options.names], 0)
    column = 0
    print(f"== {' + '.join(options.names)}")
    for k, task in enumerate(crops.tasks):
        width = task.classes - 1
        rows = (crops.truth[:, k] >= 0) & np.isfinite(logits[:, column])
        if rows.any():
            subject = np.unique(crops.group[rows], return_inverse=True)[1]
            judged = logits[rows, column : column + width], crops.truth[rows, k].astype(int)
            print(line(task, *judged, subject, range(task.classes)))
            print(lines(*judged, list(range(task.classes)), subject))
        column += width


if __name__ == "__main__":
    main()
