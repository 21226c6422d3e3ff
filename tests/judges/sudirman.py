"""Body Dice and level names of `deepspine analyze` on the held-out Sudirman patients, T1 and T2, as one-slice studies.

Data: Lumbar Spine MRI Dataset (Al-Kafri, Sudirman et al., CC BY 4.0) with the 'backspine' polygons L1 ... L5, S1.
The pixel size is not known: 0.73 mm (a field of 280 mm) is assumed for every patient. Bodies that are not outlined
(T12 and above, S2 and below) are unlabelled, not background: our parts that touch no polygon and lie beyond the
outlined ones are left out of the Dice."""

import argparse
import csv
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import common

PIXEL_MM = 0.73
NUMBERS = {"L1": 20, "L2": 21, "L3": 22, "L4": 23, "L5": 24, "S1": 26}


def image_path(arguments, patient, weighting):
    return arguments.data / f"sudirman/{weighting.lower()}/{patient:04d}.jpg"


def polygons(data):
    """patient -> vertebra -> list of polygons in pixels."""
    found = defaultdict(lambda: defaultdict(list))
    with open(data / "sudirman/vertebrae.csv") as f:
        for row in csv.DictReader(f):
            numbers = [float(v) for v in row["polygon_xy_px"].split()]
            found[int(row["patient"])][row["vertebra"]].append(list(zip(numbers[::2], numbers[1::2])))
    return found


def filled(shape, shapes):
    image = Image.new("1", shape[::-1])
    for polygon in shapes:
        ImageDraw.Draw(image).polygon(polygon, fill=1)
    return np.asarray(image)


def beyond(shape, masks):
    """Pixels above the top of the highest outlined body or below the foot of the lowest, where anatomy is unlabelled."""
    rows = np.nonzero(np.any([m.any(axis=1) for m in masks.values()], axis=0))[0]
    region = np.zeros(shape, bool)
    region[: rows.min()] = True
    region[rows.max() + 1 :] = True
    return region


def judge(arguments, patient, weighting, shapes, work):
    image = np.asarray(Image.open(image_path(arguments, patient, weighting)).convert("L"))
    name = f"{patient}-{weighting}"
    common.write_sagittal_series(work / name, [image], PIXEL_MM, 4.0, weighting, 72000 + patient)
    report = common.analyze(arguments, work / name, work / f"out-{name}")
    truth = {v: filled(image.shape, p) for v, p in shapes.items() if v in NUMBERS}
    if report is None or report.get("refusal"):
        return {"dice": 0.0, "right": False, "silent": False, "said": "refused"}
    maps = work / f"out-{name}"
    shape = (1, *image.shape)
    semantic = common.label_map(maps / "semantic.nii.gz", shape)[0]
    instances = common.label_map(maps / "instances.nii.gz", shape)[0]
    ours = np.isin(semantic, [common.BODY, common.SACRUM])
    outlined = np.any(list(truth.values()), axis=0)
    judged = ~beyond(image.shape, truth) & ~unlabelled_neighbour(ours, outlined, truth)
    names = {v: given_name(instances, ours, mask) for v, mask in truth.items()}
    return {
        "dice": common.dice(ours & judged, outlined),
        "right": all(names[v] == NUMBERS[v] for v in truth),
        "silent": any(n not in (None, NUMBERS[v]) for v, n in names.items()),
        "said": " ".join(f"{v}={n}" for v, n in names.items() if n != NUMBERS[v]),
    }


def unlabelled_neighbour(ours, outlined, truth):
    """Our parts (by connected component) that touch no polygon and whose centre lies beyond the outlined chain's ends."""
    region = np.zeros_like(ours)
    ends = [np.argwhere(truth[v]).mean(axis=0) for v in ("L1", "S1") if v in truth]
    for component in components(ours):
        centre = component.mean(axis=0)
        inside = outlined[component[:, 0], component[:, 1]].any()
        if not inside and (centre[0] < ends[0][0] or centre[0] > ends[-1][0]):
            region[component[:, 0], component[:, 1]] = True
    return region


def components(mask):
    """Connected components as arrays of (row, column), by flood fill."""
    left = mask.copy()
    for seed in np.argwhere(mask):
        if not left[tuple(seed)]:
            continue
        stack, found = [tuple(seed)], []
        left[tuple(seed)] = False
        while stack:
            r, c = stack.pop()
            found.append((r, c))
            for q in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
                if 0 <= q[0] < mask.shape[0] and 0 <= q[1] < mask.shape[1] and left[q]:
                    left[q] = False
                    stack.append(q)
        yield np.array(found)


def given_name(instances, bodies, mask):
    """The number that most of our body pixels inside the polygon carry; None where most of it has none."""
    inside = instances[mask & bodies]
    if len(inside) < 0.3 * mask.sum():
        return None
    values, counts = np.unique(inside, return_counts=True)
    return int(values[counts.argmax()]) or None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    common.add_arguments(parser)
    arguments = parser.parse_args()
    common.header()
    outlines, results = polygons(arguments.data), {}
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.keep or Path(temporary)
        for patient in common.held_out("sudirman"):
            for weighting in ("T1", "T2"):
                if image_path(arguments, patient, weighting).exists() and outlines[patient]:
                    results[patient, weighting] = judge(arguments, patient, weighting, outlines[patient], work)
    for (patient, weighting), r in results.items():
        if not r["right"] or r["dice"] < 0.9:
            print(f"patient {patient} {weighting}: Dice {r['dice']:.3f} {'SILENTLY WRONG ' if r['silent'] else ''}{r['said']}")
    for weighting in ("T1", "T2"):
        summary(weighting, [[r] for (_, w), r in results.items() if w == weighting])
    patients = defaultdict(list)
    for (patient, _), r in results.items():
        patients[patient].append(r)
    summary("T1 and T2", list(patients.values()))


def summary(name, patients):
    n = len(patients)
    right = sum(all(r["right"] for r in p) for p in patients)
    silent = sum(any(r["silent"] for r in p) for p in patients)
    body = [float(np.mean([r["dice"] for r in p])) for p in patients]
    print(f"{name}: {n} patients; body Dice {common.interval(body)}, worst {min(body):.3f}; "
          f"all names right {right} ({100 * right / n:.0f} %), wrong without saying {silent} ({100 * silent / n:.0f} %)")


if __name__ == "__main__":
    main()
