"""From logits, truths and subjects to a head's calibration: scaling, cuts, and the table of its prediction sets.

    calibration = calibrate(logits, truth, groups, subject)

`logits` [n, G - 1] are "worse than grade k", mildest first, of a network that has not been taught these subjects; `groups` [G] is
the calibration class of each grade (0 0 1 2 where no truth tells normal from mild); `truth` [n] is a calibration class;
`subject` [n] says whose level it is. What comes back is a plain dict, to be written as TOML (`toml`) and read by
src/analysis/confidence, which computes the same from it: probabilities, decisions and sets below are that module's, row by row.
"""

import math

import numpy as np

SEED = 20261126

# As in src/analysis/confidence.
ALPHAS = [0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5]
FEWEST_SUBJECTS = 30
ROUNDING = 1e-9

# What the scaling believes before it sees anything, as if it were so many levels: slope 1, offset 0. Of an offset it believes
# little, because a network that was taught with class weights is far off.
SLOPE_LEVELS, OFFSET_LEVELS = 1.0, 0.05
# A head's logit may be worthless, not upside down.
FLATTEST = 0.05
NEWTON_STEPS = 50

# Cuts are the mean over so many bootstraps of the subjects: the best cut of one sample is chance within a few hundredths.
BOOTSTRAPS = 50
ROUNDS = 3
CHOICES = 1 / (1 + np.exp(-np.linspace(-4, 4, 81)))
# Steps below the best of a bootstrap that are as good.
AS_GOOD = 0.002
DIGITS = 6


def dividing(groups):
    """Which thresholds lie between two classes, so that truths can calibrate them, [G - 1] bool."""
    return np.diff(np.asarray(groups)) == 1


def logistic(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def penalised(columns, fixed, worse, believed, levels):
    """Coefficients [k] of columns [n, k] by logistic regression beside a fixed part [n]: Newton's method on the likelihood, less
    levels * (coefficient - believed)^2."""
    def loss(at):
        z = columns @ at + fixed
        return np.sum(np.logaddexp(0, z) - worse * z) + np.sum(levels * (at - believed) ** 2)

    at = believed.copy()
    for _ in range(NEWTON_STEPS):
        p = logistic(columns @ at + fixed)
        gradient = columns.T @ (p - worse) + 2 * levels * (at - believed)
        step = np.linalg.solve((columns * (p * (1 - p))[:, None]).T @ columns + np.diag(2 * levels), gradient)
        size = 1.0
        while loss(at - size * step) > loss(at) and size > 1e-6:
            size /= 2
        at = at - size * step
        if np.abs(size * step).max() < 1e-9:
            break
    return at


def scaling(logit, worse):
    """(slope, offset) by which a threshold's logit becomes P(worse than it)."""
    believed, levels = np.array([1.0, 0.0]), np.array([SLOPE_LEVELS, OFFSET_LEVELS])
    columns = np.stack([logit, np.ones_like(logit)], 1)
    slope, offset = penalised(columns, np.zeros_like(logit), worse, believed, levels)
    if slope < FLATTEST:
        slope = FLATTEST
        (offset,) = penalised(columns[:, 1:], slope * logit, worse, believed[1:], levels[1:])
    return slope, offset


def worse_than(logits, thresholds, groups):
    """P(worse than grade k), [n, G - 1], never rising with k; thresholds inside a class are held between those around it."""
    slope = np.array([t["slope"] for t in thresholds])
    offset = np.array([t["offset"] for t in thresholds])
    return ordered(logistic(slope * logits + offset), groups)


def ordered(worse, groups):
    worse = worse.copy()
    between = dividing(groups)
    worse[:, between] = np.minimum.accumulate(worse[:, between], 1)
    ceiling = np.ones(len(worse))
    for k in range(worse.shape[1]):
        if not between[k]:
            after = np.flatnonzero(between[k:])
            floor = worse[:, k + after[0]] if len(after) else np.zeros(len(worse))
            worse[:, k] = np.minimum(np.maximum(worse[:, k], floor), ceiling)
        ceiling = worse[:, k]
    return worse


def of_grades(worse):
    """P(grade), [n, G], from P(worse than k)."""
    return -np.diff(np.concatenate([np.ones((len(worse), 1)), worse, np.zeros((len(worse), 1))], 1), axis=1)


def of_classes(grades, groups):
    """P(class), [n, classes], from P(grade)."""
    return grades @ np.eye(max(groups) + 1)[np.asarray(groups)]


def passed(worse, cuts):
    """How many thresholds are passed, from the mildest on."""
    return np.cumprod(worse >= cuts, axis=1).sum(1).astype(int)


def decide(worse, cuts, groups):
    """The grade: the class by the thresholds between classes, then the grade in it by those inside."""
    groups, cuts = np.asarray(groups), np.asarray(cuts)
    between = dividing(groups)
    classes = passed(worse[:, between], cuts[between])
    grade = np.searchsorted(groups, classes)
    going = np.ones(len(worse), bool)
    for k in np.flatnonzero(~between):
        inside = groups[k] == classes
        going &= ~inside | (worse[:, k] >= cuts[k])
        grade += inside & going
    return grade


def best_cuts(worse, truth, weight):
    """Cuts between classes, [classes - 1], at which the mean over classes of what is right is largest, threshold by threshold."""
    classes = worse.shape[1] + 1
    share = weight / np.maximum(np.bincount(truth, weight, classes), 1e-9)[truth]
    cuts = np.full(classes - 1, 0.5)
    for _ in range(ROUNDS):
        for k in range(classes - 1):
            reached = passed(worse[:, :k], cuts[:k]) == k
            beyond = k + 1 + passed(worse[:, k + 1 :], cuts[k + 1 :])
            gain = share * reached * ((truth == beyond).astype(float) - (truth == k))
            place = np.searchsorted(CHOICES, worse[:, k], "right")  # so many of the choices are passed
            gains = np.bincount(place, gain, len(CHOICES) + 1)[::-1].cumsum()[::-1][1:] / classes
            good = np.flatnonzero(gains >= gains.max() - AS_GOOD)
            cuts[k] = CHOICES[good[len(good) // 2]]
    return cuts


def stable_cuts(worse, truth, subject, seed):
    """The mean (of log odds) of the best cuts over bootstraps by subject."""
    rng = np.random.default_rng(seed)
    names, who = np.unique(subject, return_inverse=True)
    drawn = []
    for _ in range(BOOTSTRAPS):
        times = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        drawn.append(best_cuts(worse, truth, times[who].astype(float)))
    odds = np.log(drawn) - np.log1p(-np.array(drawn))
    return logistic(odds.mean(0))


def floored(value):
    """Six digits, never more than the value: a threshold that is cut short lets more in."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value)) - DIGITS + 1)
    return float(f"{math.floor(value / unit * (1 + 1e-12)) * unit:.{DIGITS}g}")


def curve(probability, subject):
    """Of one class: n, subjects, and from which P(class) on a set holds it, at each of ALPHAS.

    Every subject weighs the same, and the next one is given the weight of one more (Lee, Barber and Willett 2023). Where the
    subjects are too few for an alpha the least probability seen stands, 1 where none was seen; the class is thin there.
    """
    names, who, levels = np.unique(subject, return_inverse=True, return_counts=True)
    order = np.argsort(-probability, kind="stable")
    covered = np.cumsum(1 / ((len(names) + 1) * levels[who][order]))
    least = []
    for alpha in ALPHAS:
        at = np.flatnonzero(covered >= 1 - alpha - ROUNDING)
        least.append(probability[order][at[0] if len(at) else -1] if len(order) else 1.0)
    return {"levels": len(order), "subjects": len(names), "least_probability": [floored(p) for p in least]}


def table(classes, truth, subject):
    """A curve a class, from P(class) [n, classes]."""
    return [curve(classes[truth == c, c], subject[truth == c]) for c in range(classes.shape[1])]


def is_thin(of_class, alpha):
    return of_class["subjects"] < FEWEST_SUBJECTS or (of_class["subjects"] + 1) * alpha < 1 - ROUNDING


def sets(classes, decided, curves, alpha):
    """First and last class of each set, [n] and [n], and the thin classes: `classes` [n, classes], `decided` [n] a class."""
    column = np.flatnonzero(np.array(ALPHAS) <= alpha + ROUNDING)[-1]
    held = classes >= [c["least_probability"][column] for c in curves]
    held[np.arange(len(held)), decided] = True
    count = len(curves)
    first, last = held.argmax(1), count - 1 - held[:, ::-1].argmax(1)
    thin = [c for c in range(count) if is_thin(curves[c], ALPHAS[column])]
    for c in reversed(thin):
        first = np.where(first == c + 1, c, first)
    for c in thin:
        last = np.where(last == c - 1, c, last)
    return first, last, thin


def calibrate(logits, truth, groups, subject, seed=SEED):
    """The calibration of a head as a plain dict; the arguments are at the head of this file. Rows with a NaN or a truth < 0 are
    left out."""
    logits, truth, subject = np.asarray(logits, float), np.asarray(truth, int), np.asarray(subject)
    groups = [int(g) for g in groups]
    between = dividing(groups)
    if groups[0] != 0 or not np.isin(np.diff(groups), (0, 1)).all() or logits.shape[1] != len(groups) - 1:
        raise ValueError(f"{logits.shape[1]} thresholds and the classes {groups} of the grades do not fit")
    if truth.max(initial=0) > max(groups):
        raise ValueError(f"truth {truth.max()} is none of the classes of {groups}")
    usable = np.isfinite(logits).all(1) & (truth >= 0)
    logits, truth, subject = logits[usable], truth[usable], subject[usable]
    thresholds = [{"slope": 1.0, "offset": 0.0, "cut": 0.5} for _ in between]
    for c, k in enumerate(np.flatnonzero(between)):
        slope, offset = scaling(logits[:, k], (truth > c).astype(float))
        thresholds[k].update(slope=round(float(slope), DIGITS), offset=round(float(offset), DIGITS))
    worse = worse_than(logits, thresholds, groups)
    for k, cut in zip(np.flatnonzero(between), stable_cuts(worse[:, between], truth, subject, seed)):
        thresholds[k]["cut"] = round(float(cut), DIGITS)
    curves = table(of_classes(of_grades(worse), groups), truth, subject)
    return {"class_of_grade": groups, "alphas": ALPHAS, "thresholds": thresholds, "classes": curves}


def apply(calibration, logits, alpha):
    """What the appliance says of each row: P(grade), the grade, first and last grade of its set."""
    groups = calibration["class_of_grade"]
    worse = worse_than(np.asarray(logits, float), calibration["thresholds"], groups)
    grades = of_grades(worse)
    grade = decide(worse, [t["cut"] for t in calibration["thresholds"]], groups)
    groups = np.asarray(groups)
    first, last, thin = sets(of_classes(grades, groups), groups[grade], calibration["classes"], alpha)
    return {
        "probabilities": grades,
        "grade": grade,
        "first": np.searchsorted(groups, first),
        "last": np.searchsorted(groups, last, "right") - 1,
        "thin": thin,
    }


def toml(calibration, name):
    """The lines of a manifest, below the table `name`."""
    def row(values):
        return "[" + ", ".join(repr(v) for v in values) + "]"

    lines = [f"[{name}]"] + [f"{key.replace('_', '-')} = {row(calibration[key])}" for key in ("class_of_grade", "alphas")]
    for t in calibration["thresholds"]:
        lines += ["", f"[[{name}.thresholds]]"] + [f"{key} = {value!r}" for key, value in t.items()]
    for c in calibration["classes"]:
        lines += ["", f"[[{name}.classes]]", f"levels = {c['levels']}", f"subjects = {c['subjects']}"]
        lines += [f"least-probability = {row(c['least_probability'])}"]
    return "\n".join(lines) + "\n"
