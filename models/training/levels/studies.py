"""Writes the studies that level identity is fitted on, with where each named vertebra lies.

    python -m levels.studies --work WORK [--data DATA]

Sudirman's training and validation patients, whole and cut above or below as a technician's box may be; SPIDER's T2-SPACE
subjects of the same parts, whose lowest outlined vertebra is L5. Held-out subjects are not read.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy import ndimage

from evaluation.series import write_sagittal_series
from segmentation import sources, splits

SEED = 20261124
# Where the lower edge of a cut image lies: the vertebra and the share of the way from its centre to the one below.
CUTS_BELOW = [("S1", 0.0), ("L5", 0.85), ("L5", 0.5), ("L5", 0.0), ("L4", 0.5), ("L4", 0.0), ("L3", 0.5)]
# The same for the upper edge.
CUTS_ABOVE = [("L2", 0.0), ("L3", 0.5), ("L3", 0.0)]


def edge(rows, cut):
    name, share = cut
    below = sources.NAMES[min(sources.NAMES.index(name) + 1, len(sources.NAMES) - 1)]
    return rows[name] + share * (rows[below] - rows[name])


def sudirman(data, work, part, patients, truth):
    polygons = sources.sudirman_polygons(data)
    for patient in patients:
        for series in ("t1", "t2"):
            image = sources.sudirman_image(data, patient, series)
            rng = np.random.default_rng([SEED, patient, series == "t2"])
            centres = {n: v.mean(axis=0) for n, v in polygons[patient].items() if n in sources.NAMES}
            if set(centres) != set(sources.NAMES):
                continue
            rows = {n: c[1] for n, c in centres.items()}
            lows = rng.choice(len(CUTS_BELOW), 3, replace=False)
            boxes = {"whole": (0, len(image))}
            boxes |= {f"below{k}": (0, int(edge(rows, CUTS_BELOW[k]))) for k in lows}
            k = rng.integers(len(CUTS_ABOVE))
            boxes[f"above{k}"] = (int(edge(rows, CUTS_ABOVE[k])), len(image))
            for name, (top, foot) in boxes.items():
                study = f"sudirman_{patient}_{series}_{name}"
                cut = image[top:foot]
                write_sagittal_series(work / study, [cut], sources.SUDIRMAN_PIXEL_MM, 4.0, series.upper(), 72000 + patient)
                at = lambda c: [0.0, -100 + c[0] * sources.SUDIRMAN_PIXEL_MM, 150 - (c[1] - top) * sources.SUDIRMAN_PIXEL_MM]
                inside = {n: at(c) for n, c in centres.items() if top <= c[1] < foot}
                truth[study] = {"set": "sudirman", "part": part, "subject": patient, "cut": name, "centres_lps_mm": inside}


def spider(data, work, part, subjects, truth):
    for subject in subjects:
        images, masks = sources.spider_volume(data, subject)
        spacing_mm, pixel_mm = sources.space_spacing_mm(data, subject), sources.SPACE_PIXEL_MM
        study = f"spider_{subject}"
        write_sagittal_series(work / study, list(images), pixel_mm, spacing_mm, "SPACE", 71000 + subject)
        truth[study] = {"set": "spider", "part": part, "subject": subject, "cut": "whole",
                        "centres_lps_mm": lowest_body(masks, pixel_mm, spacing_mm)}


def lowest_body(masks, pixel_mm, spacing_mm):
    """L5 of a SPIDER subject: the lowest body-sized piece of vertebra in the slices about the middle."""
    middle = len(masks) // 2
    best = None
    for k in range(middle - 1, middle + 2):
        labels, count = ndimage.label(ndimage.binary_opening(masks[k] == 1, iterations=4))
        for n in range(1, count + 1):
            if (labels == n).sum() * pixel_mm**2 < 300:
                continue
            row, column = ndimage.center_of_mass(labels == n)
            if best is None or row > best[0]:
                best = (row, column, k)
    row, column, k = best
    return {"L5": [-k * spacing_mm, -100 + column * pixel_mm, 150 - row * pixel_mm]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    truth, chosen = {}, splits.load()
    for part in ("train", "validation"):
        sudirman(options.data, options.work, part, chosen["sudirman"][part], truth)
        spider(options.data, options.work, part, chosen["spider"][part], truth)
    (options.work / "truth.json").write_text(json.dumps(truth))
    print(len(truth), "studies")


if __name__ == "__main__":
    main()
