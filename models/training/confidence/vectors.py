"""Writes what src/analysis/confidence must agree with: calibrations of made-up heads, and what they say of made-up logits.

    python -m confidence.vectors            # tests/confidence_case/vectors.json, which tests/confidence_agrees.rs reads
"""

import json
from pathlib import Path

import numpy as np

from .calibrate import SEED, apply, calibrate

FILE = Path(__file__).resolve().parents[3] / "tests/confidence_case/vectors.json"
ALPHAS = [0.01, 0.1, 0.17, 0.5]
SUBJECTS, LEVELS, UNSEEN = 70, 140, 25
# Classes of the grades, and how frequent each class is: in the second normal and mild are one, in the third and fourth a class is thin.
HEADS = [
    ([0, 1, 2, 3], [0.3, 0.25, 0.25, 0.2]),
    ([0, 0, 1, 2], [0.4, 0.3, 0.3]),
    ([0, 1, 2, 3], [0.45, 0.45, 0.1, 0.0]),
    ([0, 1, 1, 2, 2], [0.1, 0.45, 0.45]),
    ([0, 1], [0.6, 0.4]),
]


def made_up(rng, groups, shares, n):
    """Logits of a head that is badly scaled, and the classes behind them."""
    truth = rng.choice(len(shares), n, p=shares)
    first = np.searchsorted(groups, truth)
    place = first + rng.random(n) * (np.searchsorted(groups, truth, "right") - first)
    thresholds = len(groups) - 1
    seen = place[:, None] - np.arange(1, thresholds + 1) + rng.normal(0, 0.7, (n, 1)) + rng.normal(0, 0.3, (n, thresholds))
    scale, shift = rng.uniform(0.7, 4, thresholds), rng.normal(0, 1, thresholds)
    return np.round(seen * scale + shift, 3), truth


def case(rng, groups, shares):
    logits, truth = made_up(rng, groups, shares, LEVELS + UNSEEN)
    subject = rng.integers(SUBJECTS, size=LEVELS)
    calibration = calibrate(logits[:LEVELS], truth[:LEVELS], groups, subject)
    unseen = logits[LEVELS:]
    said = []
    for alpha in ALPHAS:
        out = apply(calibration, unseen, alpha)
        said.append({"alpha": alpha, "thin": out["thin"]} | {k: out[k].tolist() for k in ("first", "last")})
    return calibration | {
        "logits": logits[:LEVELS].tolist(),
        "truth": truth[:LEVELS].tolist(),
        "subject": subject.tolist(),
        "unseen": unseen.tolist(),
        "probabilities": np.round(out["probabilities"], 9).tolist(),
        "grade": out["grade"].tolist(),
        "sets": said,
    }


def main():
    rng = np.random.default_rng(SEED)
    cases = [case(rng, groups, shares) for groups, shares in HEADS]
    FILE.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    FILE.write_text(f"[\n{lines}\n]\n")
    print(FILE, FILE.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
