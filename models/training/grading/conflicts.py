"""How often what was measured and what was graded speak against each other, by the rules of `src/analysis/grading/conflict.rs`.

    python -m grading.conflicts --work WORK [RUN...]

A slip: SPIDER and Sudirman. A canal: SPIDER alone, whose pixels have a known size; graded is the sac's compression, by networks of folds that
have not seen the subject.
"""

import argparse
from pathlib import Path

import numpy as np

from confidence import calibrate

from . import crops as cropping
from . import figures, reference, sets

NO_SLIP_PERCENT, SLIP_PERCENT = 3.0, 12.0
NARROW_PERCENTILE, WIDE_PERCENTILE = 5.0, 75.0


class Unseen:
    """What folds that have not seen them say of SPIDER's and Sudirman's T2 discs."""

    def __init__(self, work, runs):
        self.crops, self.z = sets.discs(work), np.load(work / "discs.npz")
        self.logits = np.mean([figures.gathered(work, run, self.crops) for run in runs], 0)

    def measured(self, name):
        return self.z["measured"][:, cropping.MEASURED.index(name)]

    def said(self, name, rows, alpha):
        """(all rows that were graded, first and last of their sets) of a presence."""
        k = [t.name for t in self.crops.tasks].index(name)
        logit = self.logits[:, [sum(t.classes - 1 for t in self.crops.tasks[:k])]]
        truth = self.crops.truth[:, k]
        seen = (self.z["look"] == "t2") & np.isfinite(logit[:, 0])
        known = seen & (truth >= 0)
        calibration = calibrate.calibrate(logit[known], truth[known], [0, 1], np.unique(self.crops.group[known], return_inverse=True)[1])
        rows = rows & seen
        out = calibrate.apply(calibration, logit[rows], alpha)
        return rows, out["first"], out["last"]


def percentiles(unseen, work):
    """Of each disc's diameter, NaN where it has none."""
    known = reference.diameters(work)["t2"]
    names = [cropping.LEVELS[d - 1] if 0 < d <= len(cropping.LEVELS) else "" for d in unseen.z["disc"].tolist()]
    curves = {name: np.percentile(values, reference.PERCENTS) for name, values in known.items()}
    mm = unseen.measured("canal_ap_disc_mm")
    return np.array([np.interp(v, curves[n], reference.PERCENTS) if n in curves else np.nan for v, n in zip(mm, names)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", default=["deg", "deg2"])
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    unseen = Unseen(options.work, options.runs)
    percent, percentile = np.abs(unseen.measured("slip_percent")), percentiles(unseen, options.work)
    spider = np.char.startswith(unseen.crops.group, "spider")
    for alpha in (0.05, 0.1, 0.2):
        rows, first, last = unseen.said("spondylolisthesis", np.isfinite(percent), alpha)
        graded, measured = (first == 1) & (percent[rows] < NO_SLIP_PERCENT), (last == 0) & (percent[rows] > SLIP_PERCENT)
        print(f"slip, alpha {alpha}: {rows.sum()} levels; graded and not measured {graded.mean():.4f}, measured and not graded {measured.mean():.4f}")
        rows, first, last = unseen.said("note_sac", spider & np.isfinite(percentile), alpha)
        touched, measured = (first == 1) & (percentile[rows] > WIDE_PERCENTILE), (last == 0) & (percentile[rows] < NARROW_PERCENTILE)
        print(f"canal, alpha {alpha}: {rows.sum()} levels; measured and not graded {measured.mean():.4f}; sac compressed in a wide canal, no conflict, {touched.mean():.4f}")


if __name__ == "__main__":
    main()
