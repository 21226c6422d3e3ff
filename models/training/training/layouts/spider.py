"""SPIDER as released (Zenodo 10159290): images/N_t1.mha, N_t2.mha, N_t2_SPACE.mha, masks/ of the same names, radiological_gradings.csv.

The volumes are written as DICOM series, so that the appliance reads them as it reads a scanner's. A graded disc is known by its mask (200 + its label),
where there is one, and then found again wherever it lies; else by its place from below.
"""

import hashlib
import re
from collections import defaultdict

import numpy as np
from scipy import ndimage

from evaluation import series

from .. import mha
from ..findings import Truth
from ..problems import Problem
from . import tables
from .study import Study

GRADINGS = "radiological_gradings.csv"
# Column: finding, lowest and highest value. Modic's type, and an end plate's kind of change, are taught as any or none.
COLUMNS = {
    "Pfirrman grade": ("disc-degeneration", 1, 5), "Disc narrowing": ("disc-narrowing", 0, 1), "Disc bulging": ("disc-bulge", 0, 1),
    "Disc herniation": ("disc-herniation", 0, 1), "Spondylolisthesis": ("spondylolisthesis", 0, 1), "Modic": ("modic-change", 0, 3),
    "UP endplate": ("upper-endplate-change", 0, 3), "LOW endplate": ("lower-endplate-change", 0, 3),
}
FILE_NAME = re.compile(r"(?P<subject>\d+)_(?P<contrast>t1|t2|t2_space)", re.IGNORECASE)
WEIGHTING = {"t1": "T1", "t2": "T2", "t2_space": "SPACE"}
DISC_LABEL = 200
DISCS_MAX = 50
# A disc's mask of fewer voxels is none.
MASK_VOXELS_LEAST = 20
# The brightest voxels become this; MR values have no unit.
STORED_MAX = 4095


def studies(source, log):
    graded = gradings(source.path / GRADINGS)
    images = defaultdict(dict)
    for path in sorted((source.path / "images").glob("*.mha")):
        named = FILE_NAME.fullmatch(path.stem)
        if named:
            images[named["subject"]][named["contrast"].lower()] = path
        else:
            log(f"{source.name}: {path.name} is none of N_t1, N_t2, N_t2_SPACE: left out")
    if not images:
        raise Problem(f"{source.path / 'images'} holds no N_t1.mha or N_t2.mha")
    absent = [subject for subject in graded if subject not in images]
    if absent:
        log(f"{source.name}: {len(absent)} graded subjects have no image: {', '.join(absent[:10])}")
    found = []
    for subject, of_subject in images.items():
        # SPACE is T2 too: where a subject has both, it is a second look at the same discs.
        looks = [{c: p for c, p in of_subject.items() if c != "t2_space" or "t2" not in of_subject}]
        if len(of_subject) > len(looks[0]):
            looks.append({"t2_space": of_subject["t2_space"]})
        for look, chosen in enumerate(looks):
            truths = located(graded.get(subject, {}), chosen, source.path / "masks", log)
            make = lambda folder, s=subject, c=chosen: write_dicom(folder, s, c)
            name = subject + ("" if look == 0 else "-space")
            found.append(Study(source.name, name, subject, sorted(chosen.values()), make=make, first=look == 0, truths=truths))
    return found


def gradings(path):
    """{subject: {disc label: {finding: (low, high)}}}."""
    graded = defaultdict(dict)
    for line, row in tables.rows(path, ["Patient", "IVD label", *COLUMNS]):
        subject, disc = tables.whole(row["patient"]), tables.whole(row["ivd label"])
        if subject is None or disc is None:
            raise Problem(f"{path}:{line}: Patient and IVD label must be numbers")
        of_disc = graded[str(subject)].setdefault(disc, {})
        for column, (finding, least, most) in COLUMNS.items():
            value = tables.whole(row[tables.plain(column)])
            if value is None and not row[tables.plain(column)]:
                continue
            if value is None or not least <= value <= most:
                raise Problem(f"{path}:{line}: {column} = {row[tables.plain(column)]!r} is outside {least} to {most}")
            of_disc[finding] = value - 1 if least else min(value, 1)
    return graded


def located(discs, chosen, masks, log):
    """The truths of a look, each with where its disc lies."""
    centres = {}
    for path in chosen.values():
        try:
            centres |= {k: v for k, v in disc_centres(masks / path.name).items() if k not in centres}
        except (Problem, OSError) as problem:
            log(f"{problem}; its discs are counted from below")
    return [
        Truth(finding, grade, grade, ordinal=None if disc in centres else disc, centre_lps_mm=centres.get(disc))
        for disc, of_disc in sorted(discs.items()) for finding, grade in of_disc.items()
    ]


def disc_centres(path):
    """{disc label: the middle of its mask}; nothing where there is no mask."""
    if not path.is_file():
        return {}
    volume = mha.read(path)
    counts = np.bincount(np.clip(volume.values.ravel().astype(int), 0, DISC_LABEL + DISCS_MAX), minlength=DISC_LABEL + DISCS_MAX)
    labels = [label for label in range(DISC_LABEL + 1, DISC_LABEL + DISCS_MAX) if counts[label] >= MASK_VOXELS_LEAST]
    middles = ndimage.center_of_mass(np.ones(volume.values.shape, np.uint8), volume.values, labels) if labels else []
    return {label - DISC_LABEL: tuple(volume.place(middle[::-1])) for label, middle in zip(labels, middles)}


def uid(*words):
    """A UID by the words, the same in every run."""
    return f"2.25.{int(hashlib.sha256('/'.join(words).encode()).hexdigest()[:30], 16)}"


def write_dicom(folder, subject, chosen):
    for number, (contrast, path) in enumerate(sorted(chosen.items()), 1):
        slices, places, orientation, pixel_mm, spacing_mm = sagittal(mha.read(path), path)
        identity = series.Identity(
            subject, f"Subject^{subject}", uid(subject), uid(subject, contrast), uid(subject, "frame"), lambda k, c=contrast: uid(subject, c, str(k)), number,
        )
        series.write_series(folder / contrast, slices, places, orientation, pixel_mm, spacing_mm, WEIGHTING[contrast], identity)


def sagittal(volume, path):
    """Slices across the axis that runs left to right, rows towards the foot and columns towards the back: turned by whole axes, never resampled."""
    values = np.asarray(volume.values, float).transpose(2, 1, 0)
    directions = volume.directions
    across = int(np.abs(directions[:, 0]).argmax())
    down = int(np.where(np.arange(3) == across, -1, np.abs(directions[:, 2])).argmax())
    back = 3 - across - down
    if across == down or abs(directions[across, 0]) < 0.5:
        raise Problem(f"{path}: no axis runs from left to right")
    # Towards the patient's right, the foot and the back.
    signs = {across: -np.sign(directions[across, 0]), down: -np.sign(directions[down, 2]), back: np.sign(directions[back, 1])}
    first = [0 if signs[axis] > 0 else values.shape[axis] - 1 for axis in range(3)]
    for axis, sign in signs.items():
        values = values if sign > 0 else np.flip(values, axis)
    values = values.transpose(across, down, back)
    low, high = float(values.min()), float(np.percentile(values, 99.9))
    stored = np.clip((values - low) / max(high - low, 1e-9) * STORED_MAX, 0, STORED_MAX).round().astype(np.uint16)
    step = signs[across] * directions[across] * volume.spacing_mm[across]
    places = [volume.place(first) + k * step for k in range(len(stored))]
    orientation = [*(signs[back] * directions[back]), *(signs[down] * directions[down])]
    pixel_mm = [volume.spacing_mm[down], volume.spacing_mm[back]]
    return list(stored), places, orientation, pixel_mm, float(volume.spacing_mm[across])
