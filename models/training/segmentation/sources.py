"""Reads the released image sets as they lie on disk. Knows folders and tables, nothing of training."""

import csv
import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
SPACE_PIXEL_MM = 0.46875
# The sets' makers do not say how large Sudirman's pixels are: lumbar bodies measure right with a field of about 280 mm.
SUDIRMAN_PIXEL_MM = 280 / 384
NAMES = ["L1", "L2", "L3", "L4", "L5", "S1"]
# A vertebra between L5 and S1 was left out, and S1 outlined together with S2.
SUDIRMAN_MISTAKEN = {12}


def grey(path):
    return np.array(Image.open(path).convert("L"))


def spider_subjects(data):
    return sorted({int(p.name.split("_")[0]) for p in (data / "spider/t2_space/masks").glob("*.png")})


def spider_volume(data, subject):
    """Images and masks of a subject's slices, in order: two arrays [slice, row, column]."""
    masks = sorted(
        (data / "spider/t2_space/masks").glob(f"{subject}_slice*.png"),
        key=lambda p: int(re.search(r"slice(\d+)", p.name)[1]),
    )
    return (
        np.stack([grey(data / "spider/t2_space/images" / p.name) for p in masks]),
        np.stack([np.array(Image.open(p)) for p in masks]),
    )


def space_spacing_mm(data, subject):
    """Distance of a T2-SPACE subject's slices, mm."""
    with open(data / "spider/series.csv", newline="") as file:
        row = next(r for r in csv.DictReader(file) if r["subject"] == str(subject) and r["series"] == "t2_space")
    return float(row["SpacingBetweenSlices"] or row["SliceThickness"])


# A mid-sagittal image whose field is larger or smaller than this, in mm, has a wrong pixel size in the table.
FIELD_MM = (170, 440)


# Mid-sagittal images that the set holds head down.
STORED_UPSIDE_DOWN = {"35_t2_space", "52_t1", "52_t2_space", "55_t1", "55_t2_space", "57_t1", "57_t2", "57_t2_space"}


def midsagittal(data, excluded_subjects):
    """(subject, contrast, path, pixel_mm [row, column]) of every T1 and T2 mid-sagittal image of the other subjects,
    but for those whose pixel size can't be right or that lie head down."""
    with open(data / "spider/series.csv", newline="") as file:
        spacing = {(int(r["subject"]), r["series"]): r["PixelSpacing"] for r in csv.DictReader(file)}
    found = []
    for path in sorted((data / "spider/midsagittal").glob("*.png")):
        subject, contrast = path.stem.split("_", 1)
        pixel = spacing.get((int(subject), contrast), "")
        usable = contrast in ("t1", "t2") and pixel and path.stem not in STORED_UPSIDE_DOWN
        if usable and int(subject) not in excluded_subjects:
            pixel_mm = [float(v) for v in pixel.strip("[]").split(",")]
            with Image.open(path) as image:
                field_mm = [image.height * pixel_mm[0], image.width * pixel_mm[1]]
            if all(FIELD_MM[0] <= f <= FIELD_MM[1] for f in field_mm):
                found.append((int(subject), contrast, path, pixel_mm))
    return found


def sudirman_polygons(data):
    """patient -> vertebra -> polygon [points, (x, y)] in pixels. A name given twice keeps the first."""
    polygons = {}
    with open(data / "sudirman/vertebrae.csv", newline="") as file:
        for row in csv.DictReader(file):
            points = np.array(row["polygon_xy_px"].split(), float).reshape(-1, 2)
            polygons.setdefault(int(row["patient"]), {}).setdefault(row["vertebra"], points)
    return polygons


def sudirman_complete(data):
    """Patients with both contrasts and all of L1 to S1 outlined."""
    return sorted(
        patient
        for patient, named in sudirman_polygons(data).items()
        if set(NAMES) <= set(named)
        and patient not in SUDIRMAN_MISTAKEN
        and all((data / f"sudirman/{c}/{patient:04d}.jpg").exists() for c in ("t1", "t2"))
    )


def sudirman_image(data, patient, contrast):
    return grey(data / f"sudirman/{contrast}/{patient:04d}.jpg")


def fill(shape, polygon):
    """The pixels inside a polygon."""
    image = Image.new("L", (shape[1], shape[0]))
    ImageDraw.Draw(image).polygon([tuple(p) for p in polygon], fill=1)
    return np.array(image, bool)
