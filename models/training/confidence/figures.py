"""Figures of a head's calibration under cross-fitting: each fold of subjects is judged with what the others calibrate.

    print(lines(logits, truth, groups, subject))

ECE of each threshold (equal-mass bins), class-average accuracy of the decided class, coverage and mean size of the sets by class.
Sizes are in calibration classes. For choosing while training; what is told of a network is `deepspine evaluate`'s of the same rows (`predictions`).
"""

import numpy as np

from . import predictions
from .calibrate import SEED, of_classes

ECE_BINS = 10


def ece(probability, y):
    """Expected calibration error over bins of equal mass."""
    order = np.argsort(probability, kind="stable")
    bins = [b for b in np.array_split(order, ECE_BINS) if len(b)]
    return float(sum(abs(probability[b].mean() - y[b].mean()) * len(b) for b in bins) / len(order))


def cross_fitted(logits, truth, groups, subject, alphas=(0.1,), seed=SEED):
    """The figures as a dict; arguments as `calibrate.calibrate`'s."""
    logits, truth, subject = np.asarray(logits, float), np.asarray(truth, int), np.asarray(subject)
    usable = np.isfinite(logits).all(1) & (truth >= 0)
    logits, truth, subject = logits[usable], truth[usable], subject[usable]
    groups = np.asarray(groups)
    classes = groups.max() + 1
    rows = predictions.cross_fitted(logits, truth, groups, subject, alphas, seed=seed)
    said, decided = of_classes(rows["probabilities"], groups), groups[rows["grade"]]
    first, last = groups[rows["first"]], groups[rows["last"]]
    worse = said[:, ::-1].cumsum(1)[:, ::-1][:, 1:]
    present = [c for c in range(classes) if (truth == c).any()]
    found = {
        "truth": truth,
        "decided": decided,
        "levels": [int((truth == c).sum()) for c in range(classes)],
        "ece": [ece(worse[:, k], (truth > k).astype(float)) for k in range(classes - 1)],
        "class_average": float(np.mean([(decided[truth == c] == c).mean() for c in present])),
        "sets": [],
    }
    for a, alpha in enumerate(alphas):
        held, size = (first[a] <= truth) & (truth <= last[a]), last[a] - first[a] + 1
        found["sets"].append({
            "alpha": alpha,
            "coverage": {c: float(held[truth == c].mean()) for c in present},
            "size": {c: float(size[truth == c].mean()) for c in present},
            "mean_size": float(size.mean()),
        })
    return found


def lines(logits, truth, groups, subject, alphas=(0.05, 0.1, 0.2)):
    found = cross_fitted(logits, truth, groups, subject, alphas)
    said = [f"levels {found['levels']}; ECE {' '.join(f'{e:.3f}' for e in found['ece'])}; class-average {found['class_average']:.3f}"]
    for s in found["sets"]:
        by_class = ", ".join(f"{c}: {s['coverage'][c]:.3f} at {s['size'][c]:.2f}" for c in s["coverage"])
        said.append(f"alpha {s['alpha']}: coverage at size by class {by_class}; mean size {s['mean_size']:.2f}")
    return "\n".join(said)
