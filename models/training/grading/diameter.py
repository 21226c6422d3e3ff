"""The class of a canal's diameter, from pixels alone and from our own measurement, against real masks: SPIDER's T2-SPACE subjects, five folds by subject.

    python -m grading.diameter --work WORK

The truth is the canal's mask in the mid-sagittal slice, along the disc's plane as the appliance found it, in classes with limits at 8, 10 and 12 mm. From
pixels: ridge regression on what an encoder that has seen ImageNet alone makes of the disc's picture, its strength chosen within the training folds. From our
measurement: the diameter that a reading reports, by the same limits; the segmentation that ships has seen most of these subjects' masks, which flatters it.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from segmentation import sources, splits

from . import figures, frames, networks, sets

LIMITS_MM = [8.0, 10.0, 12.0]
CANAL = 3
# Correlation of an image with the slice of the stack that it is, apart from its window.
ALIKE_LEAST = 0.97
# The canal is looked for so far behind the disc's centre, mm, in such steps, in three planes.
BEHIND_MM, STEP_MM, PLANES_MM = (3.0, 60.0), 0.1, (-1.5, 0.0, 1.5)
STRENGTHS = [10.0, 100.0, 1000.0, 10000.0]


def mask_of(data, subject, image):
    """The mask of the stack's slice that this image is."""
    paths = sorted((data / "spider/t2_space/masks").glob(f"{subject}_slice*.png"), key=lambda p: int(re.search(r"slice(\d+)", p.name)[1]))
    slices = [sources.grey(data / "spider/t2_space/images" / p.name) for p in paths]
    alike = [np.corrcoef(s.ravel(), image.ravel())[0, 1] if s.shape == image.shape else 0 for s in slices]
    return np.array(Image.open(paths[int(np.argmax(alike))])) if max(alike) > ALIKE_LEAST else None


def chord_mm(mask, reading, level):
    """Median over three planes of the longest run of canal behind the disc; None where there is none."""
    anterior, normal, centre = (np.array(level["plane"][k])[1:] for k in ("anterior_lps", "normal_lps", "centre_lps_mm"))
    found = []
    for up_mm in PLANES_MM:
        behind = np.arange(*BEHIND_MM, STEP_MM)
        yz = centre + up_mm * normal - behind[:, None] * anterior
        columns = np.round((yz[:, 0] - reading["origin_lps_mm"][1]) / reading["pixel_mm"][1]).astype(int)
        rows = np.round((reading["origin_lps_mm"][2] - yz[:, 1]) / reading["pixel_mm"][0]).astype(int)
        inside = (rows >= 0) & (rows < mask.shape[0]) & (columns >= 0) & (columns < mask.shape[1])
        canal = np.zeros(len(behind), bool)
        canal[inside] = mask[rows[inside], columns[inside]] == CANAL
        runs = np.diff(np.flatnonzero(np.diff(np.r_[0, canal, 0])))[::2]
        found.append(runs.max() * STEP_MM if len(runs) else 0.0)
    return float(np.median(found)) or None


def gathered(work, data):
    """(pictures, true mm, measured mm or NaN, subjects)."""
    pictures, true, measured, who = [], [], [], []
    subjects = set(sources.spider_subjects(data)) - set(splits.load()["spider"]["held_out"])
    for line in (work / "readings.jsonl").open():
        reading = json.loads(line)
        if reading["contrast"] != "t2_space" or reading["subject"] not in subjects:
            continue
        image = sources.grey(data / reading["path"])
        mask = mask_of(data, reading["subject"], image)
        if mask is None:
            continue
        shown = frames.window(image.astype(np.float32))
        for level in reading["levels"]:
            mm = chord_mm(mask, reading, level)
            if mm:
                pictures.append(frames.sagittal_crop(shown, reading["pixel_mm"], reading["origin_lps_mm"], level["plane"]))
                true.append(mm)
                measured.append(level["measurements"]["canal_ap_disc_mm"] or np.nan)
                who.append(f"spider-{reading['subject']}")
    return np.stack(pictures), np.array(true), np.array(measured), np.array(who)


@torch.no_grad()
def seen(pictures):
    encoder = networks.Encoder(1, 11)
    encoder.start_from(networks.start_weights("lite0"))
    encoder.eval()
    # By place: where the canal's edges lie is told by columns.
    columns = lambda f: torch.cat([f.mean(2).flatten(1), f.amax(2).flatten(1)], 1)
    rows = [columns(encoder(torch.from_numpy(pictures[k : k + 64])[:, None])) for k in range(0, len(pictures), 64)]
    return torch.cat(rows).numpy()


def ridge(x, y, strength):
    mean, spread, middle = x.mean(0), x.std(0) + 1e-6, y.mean()
    z = (x - mean) / spread
    weights = z.T @ np.linalg.solve(z @ z.T + strength * np.eye(len(z)), y - middle)
    return lambda new: (new - mean) / spread @ weights + middle


def crossed(x, y, fold, strengths):
    """Predicted by networks of other folds; the strength is the best within them."""
    out = np.empty(len(y))
    for k in np.unique(fold):
        rest = fold != k
        inner = fold[rest]
        errors = [
            sum(((ridge(x[rest][inner != j], y[rest][inner != j], s)(x[rest][inner == j]) - y[rest][inner == j]) ** 2).sum() for j in np.unique(inner)) for s in strengths
        ]
        out[~rest] = ridge(x[rest], y[rest], strengths[int(np.argmin(errors))])(x[~rest])
    return out


def told(name, true_mm, said_mm, who):
    truth, said = np.digitize(true_mm, LIMITS_MM), np.digitize(said_mm, LIMITS_MM)
    average = lambda rows: np.mean([np.mean(said[rows][truth[rows] == c] == c) for c in np.unique(truth[rows])])
    low, high = figures.interval(average, who, np.random.default_rng(figures.SEED))
    error = said_mm - true_mm
    print(
        f"{name}: {len(truth)} levels of {len(set(who))} subjects, by class {np.bincount(truth, minlength=4).tolist()}; exact {np.mean(truth == said):.3f}, class average "
        f"{average(np.arange(len(truth))):.3f} ({low:.3f} to {high:.3f}), within one {np.mean(np.abs(truth - said) <= 1):.3f}, kappa quadratic {figures.kappa(truth, said, 4, 2):.3f}, "
        f"mean error {np.abs(error).mean():.2f} mm, bias {error.mean():+.2f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=sources.DATA)
    options = parser.parse_args()
    pictures, true_mm, measured_mm, who = gathered(options.work, options.data)
    fold = np.array([sets.fold_of(w) for w in who])
    from_pixels = crossed(seen(pictures), true_mm, fold, STRENGTHS)
    there = np.isfinite(measured_mm)
    told("from pixels, five folds", true_mm, from_pixels, who)
    told("from our own measurement", true_mm[there], measured_mm[there], who[there])


if __name__ == "__main__":
    main()
