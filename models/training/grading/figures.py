"""Figures of the grading networks: what unseen folds say against the truth.

    python -m grading.figures --work WORK NAME...          # runs of grading.fit; several names: their logits are averaged

Prints, a truth a line: n, AUROC of each threshold with its 95 % interval (bootstrap by subject, seed 20261126), class-average accuracy, linear and
quadratic weighted kappa, within one grade, ECE after scaling. Scaling (a slope and an offset a threshold) and the decisions of a grade are fitted on
the other folds, never on the one that they are judged on.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from . import sets

SEED = 20261126
BOOTSTRAPS = 300
ECE_BINS = 10
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


def scaling(logit, y):
    """(slope, offset) by which the threshold's logit becomes a probability."""
    def loss(p):
        z = p[0] * logit + p[1]
        return np.mean(np.logaddexp(0, z) - y * z) + 1e-4 * (p[0] - 1) ** 2

    return minimize(loss, [1.0, 0.0], method="BFGS").x


def probabilities(worse):
    """P of each grade from P(worse than k), made to fall with k."""
    worse = np.minimum.accumulate(worse, 1)
    return -np.diff(np.concatenate([np.ones((len(worse), 1)), worse, np.zeros((len(worse), 1))], 1), axis=1)


def decide(worse, cuts):
    """The grade: how many thresholds are passed, from the mildest on."""
    return np.cumprod(worse >= cuts, axis=1).sum(1)


def class_average(truth, grade, classes):
    return np.mean([np.mean(grade[truth == c] == c) for c in range(classes) if (truth == c).any()])


def kappa(truth, grade, classes, power):
    seen = np.histogram2d(truth, grade, bins=[np.arange(classes + 1) - 0.5] * 2)[0]
    far = np.abs(np.subtract.outer(np.arange(classes), np.arange(classes))) ** power
    chance = np.outer(seen.sum(1), seen.sum(0)) / seen.sum()
    return 1 - (far * seen).sum() / max((far * chance).sum(), 1e-9)


def best_cuts(worse, truth, classes, aim):
    """Cuts that are best by `aim`, threshold by threshold, three times round."""
    cuts = np.full(classes - 1, 0.5)
    choices = np.linspace(0.04, 0.9, 44)
    for _ in range(3):
        for k in range(classes - 1):
            scores = []
            for c in choices:
                trial = cuts.copy()
                trial[k] = c
                scores.append(aim(truth, decide(worse, trial), classes))
            # The middle of what is nearly as good: less of it is chance.
            good = choices[np.array(scores) >= max(scores) - 0.003]
            cuts[k] = good[len(good) // 2]
    return cuts


def ece(probability, y):
    edges = np.quantile(probability, np.linspace(0, 1, ECE_BINS + 1)[1:-1])
    place = np.digitize(probability, edges)
    return sum(abs(probability[place == b].mean() - y[place == b].mean()) * (place == b).mean() for b in np.unique(place))


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


def scaled(logit, truth, part):
    """P(worse than k) with scalings of the other folds; logits [n, thresholds]."""
    worse = np.empty_like(logit)
    for fold in np.unique(part):
        mine = part == fold
        other = ~mine if (~mine).any() else mine
        for k in range(logit.shape[1]):
            slope, offset = scaling(logit[other, k], (truth[other] > k).astype(float))
            worse[mine, k] = 1 / (1 + np.exp(-(slope * logit[mine, k] + offset)))
    return worse


def decided(worse, truth, part, classes, aim):
    grade = np.empty(len(truth), int)
    for fold in np.unique(part):
        mine = part == fold
        other = ~mine if (~mine).any() else mine
        grade[mine] = decide(worse[mine], best_cuts(worse[other], truth[other], classes, aim))
    return grade


def line(task, logit, truth, part, group):
    rng = np.random.default_rng(SEED)
    said = [f"{task.name:20} n {len(truth):5}"]
    worse = scaled(logit, truth, part)
    for k in range(task.classes - 1):
        y = truth > k
        if min(y.sum(), (~y).sum()) < FEWEST:
            continue
        low, high = interval(lambda rows, k=k, y=y: auroc(logit[rows, k], y[rows]), group, rng)
        said.append(f">{k} ({y.sum()}) {auroc(logit[:, k], y):.3f} [{low:.3f} {high:.3f}] ece {ece(worse[:, k], y):.3f}")
    by_class = decided(worse, truth, part, task.classes, class_average)
    said.append(f"class-average {class_average(truth, by_class, task.classes):.3f}")
    if task.classes > 2:
        plain = decide(worse, np.full(task.classes - 1, 0.5))
        for name, grade in (("cuts for classes", by_class), ("cuts .5", plain)):
            linear, quadratic = (kappa(truth, grade, task.classes, p) for p in (1, 2))
            near = np.mean(np.abs(truth - grade) <= 1)
            said.append(f"| {name}: acc {np.mean(truth == grade):.3f} avg {class_average(truth, grade, task.classes):.3f} kappa {linear:.3f} {quadratic:.3f} within one {near:.3f}")
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
            print(line(task, logits[rows, column : column + width], crops.truth[rows, k].astype(int), crops.part[rows], crops.group[rows]))
        column += width


if __name__ == "__main__":
    main()
