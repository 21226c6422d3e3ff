"""DICOM files to series in their roles: blocks of parallel slices, ordered, turned upright (src/dicom)."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom

from .roles import role_of

PARALLEL_TOLERANCE = 0.0035
SAME_PLACE_MM = 0.1
LATERAL_JUMP_MM, LATERAL_LEAN = 2.0, 0.25
AXIAL_BLOCK_FACTOR = 2.5
# Slices of the second series that are read, as fractions of the way through it.
LOOKED_AT = (0.42, 0.5, 0.58)
PLANES = ["sagittal", "coronal", "axial"]
UPRIGHT = {"sagittal": ((0, 1, 0), (0, 0, -1)), "coronal": ((1, 0, 0), (0, 0, -1)), "axial": ((1, 0, 0), (0, 1, 0))}
TO_SEGMENT = ["sag-t2", "sag-t1", "sag-fs"]


@dataclass
class Volume:
    """A block of parallel slices; `origins` [n, 3] LPS mm, `pixels` a function from slice number to real values."""

    shape: tuple
    spacing_mm: tuple  # of rows, of columns
    right: np.ndarray
    down: np.ndarray
    origins: np.ndarray
    datasets: list
    turn: tuple
    plane: str
    cache: dict = field(default_factory=dict)

    @property
    def normal(self):
        return np.cross(self.right, self.down)

    def positions_mm(self):
        return self.origins @ self.normal

    def spacing_between_mm(self):
        gaps = np.sort(np.diff(self.positions_mm()))
        return float(gaps[len(gaps) // 2]) if len(gaps) else None

    def picture(self, k):
        """Slice `k` as float32, decoded once."""
        if k not in self.cache:
            dataset = self.datasets[k]
            slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
            self.cache[k] = turned(dataset.pixel_array, self.turn).astype(np.float32) * np.float32(slope) + np.float32(intercept)
        return self.cache[k]

    def column_row(self, places):
        """Fractional columns and rows of places [..., 3] projected along the normal onto slice 0."""
        off = places - self.origins[0]
        return off @ self.right / self.spacing_mm[1], off @ self.down / self.spacing_mm[0]

    def only(self, slices):
        """The same block with these slices."""
        cache = {i: self.cache[k] for i, k in enumerate(slices) if k in self.cache}
        return Volume(self.shape, self.spacing_mm, self.right, self.down, self.origins[slices], [self.datasets[k] for k in slices], self.turn, self.plane, cache)


@dataclass
class Series:
    role: str
    confidence: float
    blocks: list

    @property
    def largest(self):
        return max(self.blocks, key=lambda b: len(b.origins))


class Study:
    def __init__(self, paths):
        files = [f for p in map(Path, paths) for f in (sorted(p.rglob("*")) if p.is_dir() else [p]) if f.is_file()]
        self.datasets = [d for d in map(read, files) if d is not None]
        if not self.datasets:
            raise SystemExit(f"no DICOM images in {', '.join(map(str, paths))}")
        by_series = defaultdict(list)
        for d in self.datasets:
            by_series[int(d.get("SeriesNumber") or 1 << 31), str(d.SeriesInstanceUID)].append(d)
        self.series = [series_of(by_series[key]) for key in sorted(by_series)]

    @property
    def uid(self):
        return str(self.datasets[0].StudyInstanceUID)

    def surest(self, role):
        """The surest series of a role; among equals the one with more slices."""
        found = [s for s in self.series if s.role == role and s.blocks]
        return max(found, key=lambda s: (s.confidence, len(s.largest.origins)), default=None)

    def to_segment(self):
        """(the series to segment, the one for a second opinion)."""
        found = [s for s in map(self.surest, TO_SEGMENT) if s]
        return (found + [None, None])[:2]

    def pixel_digests(self):
        """(SOP Instance UID, SHA-256 of the pixel data as it is in the file) of every instance."""
        return [(str(d.SOPInstanceUID), hashlib.sha256(d.PixelData).hexdigest()) for d in self.datasets]


def read(path):
    try:
        dataset = pydicom.dcmread(path)
    except pydicom.errors.InvalidDicomError:
        return None
    return dataset if "PixelData" in dataset and "ImageOrientationPatient" in dataset else None


def middle_slices(volume):
    last = len(volume.origins) - 1
    return volume.only(list(dict.fromkeys(int(part * last + 0.5) for part in LOOKED_AT)))


def series_of(datasets):
    groups = []
    for d in datasets:
        plane, turn, geometry = upright(d)
        alike = lambda g: g[0][0] == plane and same(g[0][2], geometry)
        home = next((g for g in groups if alike(g)), None)
        (home.append if home else lambda x: groups.append([x]))((plane, turn, geometry, d))
    blocks = [b for group in groups for stack in stacks(group) for b in split(stack)]
    counts = defaultdict(int)
    for b in blocks:
        counts[b.plane] += len(b.origins)
    main = max(counts, key=counts.get)
    role, confidence = role_of(datasets[0], main, counts)
    return Series(role, confidence, sorted((b for b in blocks if b.plane == main), key=lambda b: b.positions_mm()[0]))


def upright(d):
    """Plane, turn (transposed, columns reversed, rows reversed) and geometry (shape, spacing, right, down, origin) after it."""
    right, down = (np.array(d.ImageOrientationPatient[k : k + 3], float) for k in (0, 3))
    shape, spacing = (d.Rows, d.Columns), tuple(float(v) for v in d.PixelSpacing)
    origin = np.array(d.ImagePositionPatient, float)
    plane = PLANES[int(np.argmax(np.abs(np.cross(right, down))))]
    to_right, to_down = (np.array(v, float) for v in UPRIGHT[plane])
    transposed = abs(right @ to_right) < abs(down @ to_right)
    if transposed:
        right, down, shape, spacing = down, right, shape[::-1], spacing[::-1]
    mirrored = right @ to_right < 0
    if mirrored:
        origin, right = origin + right * (shape[1] - 1) * spacing[1], -right
    upside_down = down @ to_down < 0
    if upside_down:
        origin, down = origin + down * (shape[0] - 1) * spacing[0], -down
    return plane, (transposed, mirrored, upside_down), (shape, spacing, right, down, origin)


def turned(pixels, turn):
    transposed, mirrored, upside_down = turn
    pixels = pixels.T if transposed else pixels
    return pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1]


def same(a, b):
    close = lambda u, v: np.linalg.norm(u - v) <= PARALLEL_TOLERANCE
    return a[0] == b[0] and np.allclose(a[1], b[1], rtol=1e-3, atol=0) and close(a[2], b[2]) and close(a[3], b[3])


def stacks(group):
    """Parallel slices in order, apart where their first pixels jump sideways."""
    _, _, (_, _, right, down, _), _ = group[0]
    along = lambda one: float(one[2][4] @ np.cross(right, down))
    across = lambda one: np.array([one[2][4] @ right, one[2][4] @ down])
    found = []
    for one in sorted(group, key=along):
        fits = lambda s: np.linalg.norm(across(one) - across(s[-1])) <= LATERAL_JUMP_MM + LATERAL_LEAN * (along(one) - along(s[-1]))
        home = next((s for s in reversed(found) if fits(s)), None)
        if home is None:
            found.append([one])
        elif along(one) - along(home[-1]) >= SAME_PLACE_MM:
            home.append(one)
    return found


def split(stack):
    """Blocks of a stack: axial ones end at wide gaps."""
    plane, turn, (shape, spacing, right, down, _), _ = stack[0]
    origins = np.array([one[2][4] for one in stack])
    gaps = np.diff(origins @ np.cross(right, down))
    usual = np.sort(gaps)[len(gaps) // 2] if len(gaps) else 0.0
    ends = np.flatnonzero(gaps > AXIAL_BLOCK_FACTOR * usual) + 1 if plane == "axial" else []
    for part in np.split(np.arange(len(stack)), ends):
        yield Volume(shape, spacing, right, down, origins[part], [stack[k][3] for k in part], turn, plane)
