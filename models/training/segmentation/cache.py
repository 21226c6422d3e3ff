"""Makes the training arrays once: bytes on disk, so that the processor's time goes to the network."""

import os

import numpy as np

from . import SACRUM, labels, sources, splits
from .targets import UNKNOWN


def spider(data, subjects):
    for subject in subjects:
        images, masks = sources.spider_volume(data, subject)
        for image, codes in zip(images, labels.spider_codes(masks)):
            yield subject, image, codes, sources.SPACE_PIXEL_MM


def sudirman(data, patients):
    polygons = sources.sudirman_polygons(data)
    for patient in patients:
        images = [sources.sudirman_image(data, patient, c) for c in ("t1", "t2")]
        codes = labels.sudirman_codes(images, polygons[patient])
        for image in images:
            yield patient, image, codes, sources.SUDIRMAN_PIXEL_MM


def write(path, items):
    """One array for all pixels, and where each slice lies in it: sizes differ between slices. Each item names its subject."""
    subjects, images, codes, shapes, pixels = [], [], [], [], []
    for subject, image, code, pixel_mm in items:
        subjects.append(subject)
        images.append(image.ravel())
        codes.append(code.ravel())
        shapes.append(image.shape)
        pixels.append(np.broadcast_to(pixel_mm, 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"part-{path.name}")
    np.savez(
        partial,
        subjects=subjects,
        images=np.concatenate(images),
        codes=np.concatenate(codes),
        shapes=shapes,
        pixels=pixels,
    )
    os.replace(partial, path)


class Slices:
    """A cache file, read back: item i is (image bytes, codes, [row, column] pixel in mm). `without`: subjects left out."""

    def __init__(self, path, without=()):
        with np.load(path) as file:
            self.images, self.codes = file["images"], file["codes"]
            self.shapes, self.pixels = file["shapes"], file["pixels"]
            self.kept = np.nonzero(~np.isin(file["subjects"], list(without)))[0]
        self.starts = np.concatenate([[0], np.cumsum(self.shapes.prod(1))])

    def __len__(self):
        return len(self.kept)

    def __getitem__(self, place):
        i = self.kept[place]
        span = slice(self.starts[i], self.starts[i + 1])
        return self.images[span].reshape(self.shapes[i]), self.codes[span].reshape(self.shapes[i]), self.pixels[i]


def prepare(data, work):
    work.mkdir(parents=True, exist_ok=True)
    chosen = splits.load()
    # SPIDER's validation subjects are one fold: the other folds train on them.
    for name, make, parts in (("spider", spider, ("train", "validation")), ("sudirman", sudirman, ("train",))):
        path = work / f"{name}.npz"
        if not path.exists():
            write(path, make(data, sum((chosen[name][part] for part in parts), [])))


def phantom(folder):
    """<seed>/{image_<k>.png, label_<k>.png, pixel_mm.txt}: labels by class, 255 where nothing is known."""
    for pixel in sorted(folder.glob("*/pixel_mm.txt")):
        pixel_mm = [float(v) for v in pixel.read_text().split()]
        for image in sorted(pixel.parent.glob("image_*.png")):
            codes = sources.grey(image.with_name(image.name.replace("image", "label")))
            seed = int(pixel.parent.name)
            yield seed, sources.grey(image), np.where(codes > SACRUM, UNKNOWN, codes).astype(np.uint8), pixel_mm


def prepare_phantom(folder, work):
    path = work / "phantom.npz"
    if not path.exists():
        write(path, phantom(folder))
