"""Axial slices of each level, and the pictures that it is graded from, cut in its own frame (src/analysis/level/axial.rs, src/analysis/grading)."""

import numpy as np
from grading import frames
from PIL import Image
from scipy import ndimage
from segmentation import CANAL

from .curve import unit

AXIAL_MARGIN_MM, UNKNOWN_HALF_HEIGHT_MM, AXIAL_ANGLE_DEG = 3.0, 4.0, 45.0
HALF_SLAB_MM, FAR_MM, VOXELS_LEAST = 3.0, 60.0, 12
COVERED_LEAST, NEIGHBOUR_MM_MAX, STEEPNESS_LEAST, BESIDE_MM_MAX = 0.75, 8.0, 0.5, 5.0
CANAL_HALF_AP_MM, FORAMEN_UP_MM, FORAMEN_FRONT_MM = 6.5, 6.0, 3.0
LATERAL_MM, LATERAL_USUAL_MM = {"L5": 21.0, "L6": 21.0, "L4": 18.0, "L3": 16.5, "L2": 15.5, "L1": 15.5}, 17.0
# The part of a foraminal crop that is shown, and its size then.
FORAMEN_FIRST, FORAMEN_COUNT, FORAMEN_SIDE = 8, 56, 96
SIGMA_LEAST = 0.1


def assign_axial(levels, study):
    for level in levels:
        plane = level["plane"]
        height = level["measurements"]["disc_height_middle_mm"]
        reach = (UNKNOWN_HALF_HEIGHT_MM if height is None else height / 2) + AXIAL_MARGIN_MM
        for s, series in enumerate(study.series):
            if series.role not in ("ax-t2", "ax-t1"):
                continue
            for b, volume in enumerate(series.blocks):
                angle = np.degrees(np.arccos(min(abs(volume.normal @ plane["normal_lps"]), 1.0)))
                if angle >= AXIAL_ANGLE_DEG:
                    continue
                off = plane["centre_lps_mm"] - volume.origins
                column, row = off @ volume.right / volume.spacing_mm[1], off @ volume.down / volume.spacing_mm[0]
                within = (column >= -0.5) & (column <= volume.shape[1] - 0.5) & (row >= -0.5) & (row <= volume.shape[0] - 0.5)
                distance = off @ volume.normal
                for k in np.flatnonzero(within & (np.abs(distance) <= reach)):
                    level["axial"].append({"series": s, "block": b, "slice": int(k), "distance_mm": float(distance[k]), "angle_deg": float(angle)})


def canal_centres(levels, volume, semantic):
    slices, rows, columns = np.nonzero(semantic == CANAL)
    at = volume.origins[slices] + np.multiply.outer(columns * volume.spacing_mm[1], volume.right) + np.multiply.outer(rows * volume.spacing_mm[0], volume.down)
    for level in levels:
        normal = level["plane"]["normal_lps"]
        off = at - level["plane"]["centre_lps_mm"]
        up = off @ normal
        near = np.abs(up) <= HALF_SLAB_MM
        near[near] = np.linalg.norm(off[near] - np.multiply.outer(up[near], normal), axis=1) <= FAR_MM
        level["canal_centre"] = at[near].mean(0) if near.sum() >= VOXELS_LEAST else None


class LevelFrame:
    def __init__(self, level):
        plane = level["plane"]
        self.centre, self.head = plane["centre_lps_mm"], unit(plane["normal_lps"])
        self.anterior = unit(plane["anterior_lps"] - self.head * (plane["anterior_lps"] @ self.head))
        self.left = unit(np.cross(self.head, self.anterior))
        behind = self.centre - self.anterior * (plane["depth_mm"] / 2 + CANAL_HALF_AP_MM)
        self.canal = behind if level["canal_centre"] is None else level["canal_centre"]

    def foramen(self, side, name):
        lateral = LATERAL_MM.get((name or "").split("-")[0], LATERAL_USUAL_MM)
        sideways = self.left * (lateral if side == "left" else -lateral)
        return self.canal + self.head * FORAMEN_UP_MM + self.anterior * FORAMEN_FRONT_MM + sideways


def crop(volume, picture, origin, grid, anchor, right, down):
    """The crop of `grid` at `anchor`, its axes laid flat into the slice; None where too little of it was imaged."""
    normal = volume.normal
    flat = lambda d: unit(d - normal * (d @ normal))
    down, right = flat(down), flat(right)
    right = unit(right - down * (right @ down))
    along = lambda n, offset: (np.arange(n) - (n - 1) / 2) * grid.pixel_mm + offset
    places = anchor + np.multiply.outer(along(grid.rows, grid.offset_mm[0]), down)[:, None] + np.multiply.outer(along(grid.columns, grid.offset_mm[1]), right)
    off = places - origin
    columns, rows = off @ volume.right / volume.spacing_mm[1], off @ volume.down / volume.spacing_mm[0]
    inside = (columns >= 0) & (columns <= volume.shape[1] - 1) & (rows >= 0) & (rows <= volume.shape[0] - 1)
    if inside.mean() < COVERED_LEAST:
        return None
    values = ndimage.map_coordinates(picture, [rows, columns], order=1, mode="nearest", output=np.float32)
    return np.where(inside, values, np.float32(0))


def levelled(values, levels):
    low, high = np.percentile(values, frames.PERCENTILES)
    share = (values - low) / max(high - low, 1e-6)
    return np.clip(levels[0] + share * (levels[1] - levels[0]), 0, 1).astype(np.float32)


class Cutter:
    """A slice is prepared once for all levels that share it."""

    def __init__(self, study):
        self.study, self.pictures = study, {}
        self.sagittal = {role: series.largest if (series := study.surest(role)) else None for role in ("sag-t2", "sag-t1")}

    def picture(self, volume, k, grid, windowed=False):
        key = (id(volume), k, grid.pixel_mm)
        if key not in self.pictures:
            picture = volume.picture(k)
            sigma = [max(0.0, 0.5 * grid.pixel_mm / mm - 0.5) for mm in volume.spacing_mm]
            picture = ndimage.gaussian_filter(picture, sigma) if max(sigma) > SIGMA_LEAST else picture
            self.pictures[key] = frames.window(picture) if windowed else picture
        return self.pictures[key]

    def through(self, role, place):
        """The sagittal slice nearest to a place, where one is near enough."""
        volume = self.sagittal[role]
        if volume is None:
            return None, None
        away = np.abs(volume.positions_mm() - place @ volume.normal)
        k = int(away.argmin())
        return volume, k if away[k] <= max(volume.spacing_between_mm() or BESIDE_MM_MAX, BESIDE_MM_MAX) else None

    def disc(self, role, level):
        frame = LevelFrame(level)
        volume, k = self.through(role, frame.centre)
        if k is None:
            return None
        return crop(volume, self.picture(volume, k, frames.DISC, True), volume.origins[k], frames.DISC, frame.centre, -frame.anterior, -frame.head)

    def axial(self, level):
        frame = LevelFrame(level)
        found = [a for a in level["axial"] if self.study.series[a["series"]].role == "ax-t2"]
        if not found:
            return None
        named = min(found, key=lambda a: abs(a["distance_mm"]))
        volume, k = self.study.series[named["series"]].blocks[named["block"]], named["slice"]
        own = self.axial_crop(volume, k, frame)
        if own is None:
            return None
        positions = volume.positions_mm()
        beside = lambda j: self.axial_crop(volume, j, frame) if 0 <= j < len(positions) and abs(positions[j] - positions[k]) <= NEIGHBOUR_MM_MAX else None
        crops = [own if c is None else c for c in (beside(k - 1), own, beside(k + 1))]
        return levelled(np.stack(crops), frames.AXIAL_LEVELS)

    def axial_crop(self, volume, k, frame):
        steepness = frame.head @ volume.normal
        if abs(steepness) <= STEEPNESS_LEAST:
            return None
        anchor = frame.canal + frame.head * ((volume.origins[k] - frame.canal) @ volume.normal / steepness)
        return crop(volume, self.picture(volume, k, frames.AXIAL), volume.origins[k], frames.AXIAL, anchor, frame.left, -frame.anterior)

    def foramen(self, level, side):
        place = LevelFrame(level).foramen(side, level["name"])
        volume, k = self.through("sag-t1", place)
        if k is None:
            return None
        grid = frames.FORAMEN
        values = crop(volume, self.picture(volume, k, grid), volume.origins[k], grid, place, np.array([0.0, 1, 0]), np.array([0.0, 0, -1]))
        if values is None:
            return None
        part = slice(FORAMEN_FIRST, FORAMEN_FIRST + FORAMEN_COUNT)
        shown = Image.fromarray(levelled(values, frames.FORAMEN_LEVELS)[part, part])
        return np.asarray(shown.resize((FORAMEN_SIDE, FORAMEN_SIDE), Image.Resampling.BILINEAR))
