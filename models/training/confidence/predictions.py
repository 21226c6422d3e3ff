"""What a head says of levels that neither its network nor its calibration saw, row by row, and the table that `deepspine evaluate --predictions` reads.

    found = cross_fitted(logits, truth, groups, subject)       # each fold of subjects with what the others calibrate
    rows = table(found, truth, groups, finding=..., subject=..., level=..., group=...)
    write(path, rows)
"""

import csv
import os

import numpy as np

from .calibrate import SEED, apply, calibrate

FOLDS = 5
# Of the sets that are judged, as the appliance's default.
ALPHA = 0.1
GRADES = {
    "stenosis": ["normal", "mild", "moderate", "severe"],
    "pfirrmann": ["I", "II", "III", "IV", "V"],
    "presence": ["absent", "present"],
}
COLUMNS = ["subject", "level", "side", "finding", "scale", "group", "truth", "grade", "p0", "p1", "p2", "p3", "p4", "set", "thin", "weight"]


def folds_by_subject(subject, seed=SEED):
    names, who = np.unique(subject, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(names)) % FOLDS)[who]


def cross_fitted(logits, truth, groups, subject, alphas=(ALPHA,), times=None, seed=SEED):
    """As `calibrate.apply` gives it, for every row; `first`, `last` and `thin` a row an alpha. `times` [n]: how often calibration counts a row."""
    n = len(truth)
    times = np.ones(n, int) if times is None else times
    found = {"probabilities": np.empty((n, len(groups))), "grade": np.empty(n, int)}
    found |= {key: np.empty((len(alphas), n), int) for key in ("first", "last", "thin")}
    fold = folds_by_subject(subject, seed)
    for f in range(FOLDS):
        mine = fold == f
        others = np.repeat(np.where(~mine)[0], times[~mine])
        calibration = calibrate(logits[others], truth[others], groups, subject[others], seed)
        for a, alpha in enumerate(alphas):
            out = apply(calibration, logits[mine], alpha)
            found["first"][a, mine], found["last"][a, mine], found["thin"][a, mine] = out["first"], out["last"], bool(out["thin"])
        found["probabilities"][mine], found["grade"][mine] = out["probabilities"], out["grade"]
    return found


def applied(calibration, logits, alpha=ALPHA):
    """The same of one calibration, such as the one that ships."""
    out = apply(calibration, logits, alpha)
    one = lambda values: np.broadcast_to(np.asarray(values, int), (1, len(logits)))
    return {**out, "first": one(out["first"]), "last": one(out["last"]), "thin": one(bool(out["thin"]))}


def table(found, truth, groups, *, finding, scale, subject, level, group, side="", weight=None):
    """Rows of the table; a truth that is several grades is written as their range."""
    grades, groups = GRADES[scale], np.asarray(groups)
    ranges = ["/".join(sorted({grades[np.flatnonzero(groups == c)[e]] for e in (0, -1)}, key=grades.index)) for c in range(groups.max() + 1)]
    rows = []
    for k, t in enumerate(truth):
        first, last = found["first"][0, k], found["last"][0, k]
        row = {
            "subject": subject[k], "level": level[k], "side": side, "finding": finding, "scale": scale, "group": group, "truth": ranges[t],
            "grade": grades[found["grade"][k]], "set": "|".join(grades[first : last + 1]), "thin": int(found["thin"][0, k]),
            "weight": "" if weight is None else f"{weight[k]:.6g}",
        }
        rows.append(row | {f"p{g}": f"{p:.6f}" for g, p in enumerate(found["probabilities"][k])})
    return rows


def write(path, rows):
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        out.writeheader()
        out.writerows(rows)
    os.replace(part, path)
    print(f"{path}: {len(rows)} predictions")
