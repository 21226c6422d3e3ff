"""How often a measured and a graded slip speak against each other, by the rule of `src/analysis/grading/conflict.rs`.

    python -m grading.conflicts --work WORK [RUN...]
"""

import argparse
from pathlib import Path

import numpy as np

from confidence import calibrate

from . import crops as cropping
from . import figures, sets

NO_SLIP_PERCENT, SLIP_PERCENT = 3.0, 12.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", default=["deg", "deg2"])
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    crops, z = sets.discs(options.work), np.load(options.work / "discs.npz")
    logits = np.mean([figures.gathered(options.work, run, crops) for run in options.runs], 0)
    names = [t.name for t in crops.tasks]
    k = names.index("spondylolisthesis")
    logit = logits[:, [sum(t.classes - 1 for t in crops.tasks[:k])]]
    percent = np.abs(z["measured"][:, cropping.MEASURED.index("slip_percent")])
    use = (z["look"] == "t2") & np.isfinite(logit[:, 0]) & np.isfinite(percent)
    graded = use & (crops.truth[:, k] >= 0)
    calibration = calibrate.calibrate(logit[graded], crops.truth[graded, k], [0, 1], np.unique(crops.group[graded], return_inverse=True)[1])
    for alpha in (0.05, 0.1, 0.2):
        said = calibrate.apply(calibration, logit[use], alpha)
        slip_alone = (said["first"] == 1) & (percent[use] < NO_SLIP_PERCENT)
        measured_alone = (said["last"] == 0) & (percent[use] > SLIP_PERCENT)
        print(f"alpha {alpha}: {use.sum()} levels; graded and not measured {slip_alone.mean():.4f}, measured and not graded {measured_alone.mean():.4f}")


if __name__ == "__main__":
    main()
