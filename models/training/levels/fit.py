"""Fits which body of a chain is S1, and prints the table that `src/analysis/level/identity_table.rs` holds.

    cargo run --release --example chain -- MODELS WORK/*/ > WORK/chains.jsonl
    python -m levels.fit --work WORK [--phantoms PHANTOMS] [--table ../../src/analysis/level/identity_table.rs]

Every body of a chain is a candidate with a score, linear in what tells S1 from its neighbours; that S1 is not in the
chain at all has the score 0. The weights maximise the likelihood of the training part under a weak Gaussian prior; what
share of the choices is wrong on the validation part at which probability is printed beside it.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from .shape import FEATURES, SHAPE, features

# Nearer than this to the truth's centre a body is that vertebra, mm.
SAME_MM = 13.0
PRIOR = 0.02
# The rules of src/analysis/level/anchor.rs.
ROOM_BELOW = 0.3
LEAST_PROBABILITY, LEAST_PROBABILITY_AGAINST_ODDS, SURE_PROBABILITY = 0.5, 0.98, 0.95
ODD, VERY_ODD = 12.0, 30.0


def truth_index(chain, centres):
    """Index of S1 in the chain; None where it is not there; False where the truth can't tell."""
    at = np.array([b["centre_lps_mm"] for b in chain["bodies"]])
    near = lambda name: (lambda d: int(d.argmin()) if d.min() < SAME_MM else None)(np.linalg.norm(at - centres[name], axis=1))
    if "S1" in centres:
        found = near("S1")
        if found is not None:
            return found
        # The lowest named body that was found says where S1 would be.
    for name in ("L5", "L6"):
        if name in centres and near(name) is not None:
            return near(name) - 1 if near(name) > 0 else None
    named = [near(n) for n in centres if near(n) is not None]
    if "S1" in centres or not named:
        return False
    return None if min(named) == 0 else False


def load(work, phantoms):
    truth = json.loads((work / "truth.json").read_text())
    rows = []
    for path in work.glob("chains*.jsonl"):
        for line in path.open():
            row = json.loads(line)
            if row["chain"] and row["study"] in truth:
                t = truth[row["study"]]
                rows.append((row["study"], t["part"], t["set"], row["chain"], truth_index(row["chain"], t["centres_lps_mm"])))
    if phantoms:
        for line in (phantoms / "chains.jsonl").open():
            row = json.loads(line)
            t = json.loads((phantoms / row["study"] / "truth.json").read_text())
            centres = {v["name"]: v["centre_lps_mm"] for v in t["vertebrae"] if v["name"] in t["vertebrae_in_view"]}
            part = "train" if int(row["study"]) % 2 else "validation"
            if row["chain"]:
                rows.append((row["study"], part, "phantom", row["chain"], truth_index(row["chain"], centres)))
    return [r for r in rows if r[4] is not False and len(r[3]["bodies"]) >= 3]


def design(chain):
    bodies, gaps = chain["bodies"], chain["gaps"]
    return np.array([features(bodies, gaps, i) for i in range(len(gaps))])


def log_choice(weights, x):
    scores = np.append(x @ weights, 0.0)
    return scores - np.logaddexp.reduce(scores)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--phantoms", type=Path)
    parser.add_argument("--table", type=Path)
    options = parser.parse_args()
    rows = load(options.work, options.phantoms)
    fit = [(design(c), len(c["gaps"]) if t is None else t) for _, part, _, c, t in rows if part == "train"]
    fit = [(x, t) for x, t in fit if t <= len(x)]

    def cost(w):
        total, gradient = 0.5 * PRIOR * (w @ w), PRIOR * w
        for x, t in fit:
            log_p = log_choice(w, x)
            total -= log_p[t]
            p = np.exp(log_p[:-1])
            p[t:t + 1] -= 1.0 if t < len(x) else 0.0
            gradient = gradient + x.T @ p
        return total, gradient

    weights = minimize(cost, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x
    for name, w in zip(FEATURES, weights):
        print(f"{name:20} {w:8.3f}")
    mean, precision = usual_s1([r for r in rows if r[1] == "train" and r[2] == "sudirman"])
    if options.table:
        options.table.write_text(table(weights, mean, precision))
    for part in ("train", "validation"):
        for name in ("sudirman", "spider", "phantom"):
            judged = [r for r in rows if r[1] == part and r[2] == name]
            if judged:
                report(part, name, judged, weights, mean, precision)


def usual_s1(rows):
    """Mean and inverse covariance of the features of SHAPE over first sacral bodies in full view."""
    shown = [(c, t) for study, _, _, c, t in rows if t is not None and t + 1 < len(c["gaps"]) and "below" not in study]
    shapes = np.array([[f for f, n in zip(features(c["bodies"], c["gaps"], t), FEATURES) if n in SHAPE] for c, t in shown])
    return shapes.mean(0), np.linalg.inv(np.cov(shapes.T))


def table(weights, mean, precision):
    number = lambda v: f"{v:.4f}"
    rows = ",\n    ".join(f"[{', '.join(number(v) for v in row)}]" for row in precision)
    return f"""//! Written by `models/training/levels/fit.py`: how S1 differs from its neighbours in chains of training patients.

use super::identity::{{FEATURES, SHAPE}};

/// A candidate's score for a unit of each feature.
#[rustfmt::skip]
pub(super) const WEIGHTS: [f64; FEATURES] = [
    {", ".join(number(w) for w in weights)},
];

/// The usual first sacral body: the mean of the features of its shape.
pub(super) const USUAL: [f64; SHAPE] = [{", ".join(number(v) for v in mean)}];

/// The inverse of their covariance.
#[rustfmt::skip]
pub(super) const PRECISION: [[f64; SHAPE]; SHAPE] = [
    {rows},
];
"""


def report(part, name, judged, weights, mean, precision):
    """What the appliance's rules (src/analysis/level/anchor.rs) make of the chains: named surely, with a doubt, though the
    image ends in S1, or not at all."""
    said = {"sure": [], "doubtful": [], "cut": [], "not named": []}
    for study, _, _, chain, truth in judged:
        index, word = decision(chain, weights, mean, precision)
        said[word].append((study, index, truth))
    wrong = {word: [s for s, index, truth in rows if index is not None and index != truth] for word, rows in said.items()}
    present = [(word, truth) for word, rows in said.items() for _, _, truth in rows if truth is not None]
    print(f"{part} {name}: {len(judged)} chains, {len(present)} with S1:", *(f"{w} {len(r)}" for w, r in said.items()))
    print("   with S1:", *(f"{w} {sum(v == w for v, _ in present)}" for w in said), "; wrong:", wrong["sure"], "with a doubt:", wrong["doubtful"], "cut:", wrong["cut"])


def decision(chain, weights, mean, precision):
    bodies, gaps = chain["bodies"], chain["gaps"]
    sacral = [b["sacrum_share"] > 0.5 for b in bodies]
    if not any(sacral):
        return None, "not named"
    index = sacral.index(True)
    while index + 1 < len(bodies) and sacral[index + 1]:
        index += 1
    if any(sacral[index + 1:]) or index >= len(gaps):
        return None, "not named"
    s1 = bodies[index]
    cut = s1["at_edge"] or s1["room_below_mm"] < ROOM_BELOW * s1["height_mm"]
    p = np.exp(log_choice(weights, design(chain)))
    shape = np.array([f for f, n in zip(features(bodies, gaps, index), FEATURES) if n in SHAPE]) - mean
    odd = shape @ precision @ shape if index + 1 < len(gaps) and not cut else 0.0
    least = LEAST_PROBABILITY_AGAINST_ODDS if cut or odd > VERY_ODD else LEAST_PROBABILITY
    if p.argmax() != index or p[index] < least:
        return None, "not named"
    return index, "cut" if cut else "doubtful" if p[index] < SURE_PROBABILITY or odd > ODD else "sure"


if __name__ == "__main__":
    main()
