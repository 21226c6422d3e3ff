"""A network that stands labels what nobody outlined, where it is sure, in images that the next one may train on.

    python -m segmentation.pseudo --work WORK [--teacher FILE.onnx]

What people outlined stays as they outlined it. Held-out and validation subjects get no labels here.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage

from . import BODY, SACRUM, cache, evaluate, labels, sources, splits
from .targets import NOT_OUTLINED, NOT_SACRUM, SETS, UNKNOWN

SURE = 0.85
SCALES = (1.0,)


def opinion(network, images, pixel_mm):
    """Mean probabilities over aligned images of one patient and over SCALES."""
    pixel_mm = np.broadcast_to(pixel_mm, 2)
    return np.mean([evaluate.probabilities(network, i, pixel_mm * s) for i in images for s in SCALES], 0)


def sure_classes(p, allowed, otherwise):
    """The likeliest of the allowed classes where it is sure among them, else the code as it was."""
    among = np.zeros_like(p)
    among[allowed] = p[allowed]
    among /= np.maximum(among.sum(0), 1e-6)
    return np.where(among.max(0) >= SURE, among.argmax(0), otherwise).astype(np.uint8)


def sudirman(network, data, patients):
    polygons = sources.sudirman_polygons(data)
    for patient in patients:
        images = [sources.sudirman_image(data, patient, c) for c in ("t1", "t2")]
        codes = labels.sudirman_codes(images, polygons[patient])
        p = opinion(network, images, sources.SUDIRMAN_PIXEL_MM)
        for code in (NOT_OUTLINED, NOT_SACRUM):
            codes = np.where(codes == code, sure_classes(p, SETS[code], code), codes)
        for image in images:
            yield patient, image, codes, sources.SUDIRMAN_PIXEL_MM


def doubtful_bones(classes, pixel_mm):
    """Parts that are half body and half sacrum, second sacra, and crumbs: not taught as anything."""
    bone = (classes == BODY) | (classes == SACRUM)
    parts, count = ndimage.label(bone)
    sacrum = evaluate.largest(classes == SACRUM)
    doubtful = np.zeros(classes.shape, bool)
    for i in range(1, count + 1):
        part = parts == i
        area = part.sum() * np.prod(pixel_mm)
        share = (classes[part] == SACRUM).mean()
        other_sacrum = share > 0.5 and not (part & sacrum).any()
        if area < evaluate.SMALLEST_BODY_MM2 or 0.05 < share < 0.95 or other_sacrum:
            doubtful |= part
    return ndimage.binary_dilation(doubtful, iterations=2)


def midsagittal(network, data, excluded):
    for subject, _, path, pixel_mm in sources.midsagittal(data, excluded):
        image = sources.grey(path)
        p = opinion(network, [image], pixel_mm)
        codes = sure_classes(p, SETS[UNKNOWN], UNKNOWN)
        yield subject, image, np.where(doubtful_bones(p.argmax(0), pixel_mm), UNKNOWN, codes).astype(np.uint8), pixel_mm


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, default=evaluate.MODEL, help="trained on the same splits")
    options = parser.parse_args()
    network, chosen = evaluate.session(options.teacher), splits.load()
    folder = options.work / "cache"
    cache.write(folder / "sudirman_pseudo.npz", sudirman(network, options.data, chosen["sudirman"]["train"]))
    excluded = {*chosen["spider"]["held_out"], *chosen["spider"]["validation"]}
    cache.write(folder / "midsagittal_pseudo.npz", midsagittal(network, options.data, excluded))


if __name__ == "__main__":
    main()
