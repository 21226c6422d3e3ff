"""The calibration of each head, from networks that have not seen the subjects, and what they predict of these: `predictions.csv`."""

import csv
import os
from dataclasses import dataclass

import numpy as np

from confidence import calibrate
from confidence.predictions import folds_by_subject

from .learn import ALL, HELD_OUT

# A threshold is told where so many subjects at least lie on either side of it.
TOLD_SUBJECTS_LEAST = 2
# Of the truths that touch a threshold, at most this share may leave it open; else the grades on its two sides are one class.
OPEN_MOST = 0.5
# The error rate of the sets in predictions.csv.
SET_ALPHA = 0.1
GRADES_MOST = 5
COLUMNS = ["subject", "study", "level", "side", "finding", "scale", "group", *(f"p{k}" for k in range(GRADES_MOST)), "grade", "set", "thin", "truth"]


@dataclass
class Head:
    """`rows` are those that calibrate it, `truth` [rows] their class, `logits` [rows, thresholds] of networks that had not seen them."""

    finding: object
    side: str
    output: int
    given: tuple
    groups: list
    rows: np.ndarray
    truth: np.ndarray
    logits: np.ndarray
    late_rows: np.ndarray
    late_logits: np.ndarray
    calibration: dict = None

    @property
    def group(self):
        return " + ".join(view.replace("_left", "").replace("_right", "") for view in self.given) or "any view"


def grouping(spans, grades, subject):
    """The class of each grade: a class ends at each threshold that the truths tell apart; None where they tell none."""
    groups, at = [0], 0
    for k in range(grades - 1):
        worse, better = spans[:, 0] > k, (spans[:, 1] >= 0) & (spans[:, 1] <= k)
        told = min(len(set(subject[worse])), len(set(subject[better]))) >= TOLD_SUBJECTS_LEAST
        open_ = (spans[:, 0] >= 0) & ~worse & ~better
        # Only truths that end at the threshold can leave it open by mistake: those of `normal or mild` at the first.
        touching = open_.sum() + (spans[:, 0] == k + 1).sum() + (spans[:, 1] == k).sum()
        at += told and open_.sum() <= OPEN_MOST * touching
        groups.append(int(at))
    return groups if at else None


def classes_of(spans, groups):
    """The class of each truth; -1 where it lies in several, or nothing is known."""
    groups = np.array(groups)
    low, high = groups[np.maximum(spans[:, 0], 0)], groups[np.maximum(spans[:, 1], 0)]
    return np.where((spans[:, 0] >= 0) & (low == high), low, -1)


def heads_of(learner, log):
    """Every head that the truths can calibrate; the others are named in the log."""
    data, folds = learner.data, learner.config.folds
    fitted = [learner.fold(k) for k in range(folds)]
    whole = learner.fold(ALL)
    found, left_out = [], []
    for finding, side, output, given, there in learner.heads():
        spans = data.said[finding.name, side]
        name = " ".join(filter(None, [finding.name, side, "from", " + ".join(given) or "any view"]))
        judged = there & data.first & (data.part != HELD_OUT)
        groups = grouping(np.where(judged[:, None], spans, -1), len(finding.grades), data.subject)
        if groups is None:
            left_out.append(name)
            continue
        truth = classes_of(spans, groups)
        rows = np.flatnonzero(judged & (truth >= 0))
        logits = np.full((len(rows), len(finding.grades) - 1), np.nan)
        for k, network in enumerate(fitted):
            mine = np.flatnonzero(data.part[rows] == k)
            if len(mine):
                logits[mine] = learner.logits(network, rows[mine], given)[:, output : output + logits.shape[1]]
        late = np.flatnonzero(there & data.first & (data.part == HELD_OUT) & (truth >= 0))
        late_logits = learner.logits(whole, late, given)[:, output : output + logits.shape[1]] if len(late) else np.zeros((0, logits.shape[1]))
        head = Head(finding, side, output, given, groups, rows, truth[rows], logits, late, late_logits)
        head.calibration = calibrate.calibrate(head.logits, head.truth, groups, data.subject[rows], learner.config.seed)
        found.append(head)
        straddling = int((judged & (spans[:, 0] >= 0) & (truth < 0)).sum())
        wide = f"; {straddling} truths too wide for a class" if straddling else ""
        log(f"{name}: {len(rows)} levels by class {np.bincount(head.truth, minlength=max(groups) + 1).tolist()}{wide}")
    if left_out:
        log(f"not graded, because the truths tell no two grades apart in {TOLD_SUBJECTS_LEAST} subjects each: {'; '.join(left_out)}")
    return found


def thin_classes(head):
    """Words for each class that has too few subjects for a promise at the usual error rate."""
    said = []
    for c, of_class in enumerate(head.calibration["classes"]):
        if calibrate.is_thin(of_class, SET_ALPHA):
            names = "/".join(head.finding.grades[g] for g, group in enumerate(head.groups) if group == c)
            said.append(f"{names} {of_class['subjects']} subjects, {of_class['levels']} levels")
    return said


def predictions(head, data, seed):
    """Rows of predictions.csv: unseen folds, each calibrated on other subjects; held-out subjects with the calibration that ships."""
    fold = folds_by_subject(data.subject[head.rows], seed)
    for f in np.unique(fold):
        mine = fold == f
        others = calibrate.calibrate(head.logits[~mine], head.truth[~mine], head.groups, data.subject[head.rows[~mine]], seed)
        yield from lines(head, data, head.rows[mine], calibrate.apply(others, head.logits[mine], SET_ALPHA), head.group)
    if len(head.late_rows):
        yield from lines(head, data, head.late_rows, calibrate.apply(head.calibration, head.late_logits, SET_ALPHA), f"held-out, {head.group}")


def lines(head, data, rows, said, group):
    grades = head.finding.grades
    for k, row in enumerate(rows):
        low, high = data.said[head.finding.name, head.side][row]
        chances = [f"{p:.5f}" for p in said["probabilities"][k]]
        yield [
            data.subject[row], data.study[row], data.name[row], head.side or "", head.finding.name, head.finding.scale, group,
            *chances, *[""] * (GRADES_MOST - len(chances)), grades[said["grade"][k]], "|".join(grades[said["first"][k] : said["last"][k] + 1]),
            int(bool(said["thin"])), "/".join(dict.fromkeys([grades[low], grades[high]])),
        ]


def write_predictions(path, heads, data, seed):
    part = path.with_suffix(".part")
    with open(part, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for head in heads:
            table.writerows(predictions(head, data, seed))
    os.replace(part, path)
