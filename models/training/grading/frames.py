"""Crops in the frame of a disc level, as `src/analysis/grading` makes them at run time: same grids, same axes, same grey values.

A grid is (rows, columns, mm a pixel, mm by which its middle lies off the anchor [down, right]).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class Grid:
    rows: int
    columns: int
    pixel_mm: float
    # Where the crop's middle lies from its anchor, mm: towards the foot (axial: back), and towards the right of the picture.
    offset_mm: tuple[float, float] = (0.0, 0.0)


# Sagittal, anterior left: the disc, half a body above and below, and the canal behind it. The anchor is the disc's centre.
DISC = Grid(96, 144, 0.5, (0.0, 8.0))
# Axial, patient's right at the left of the picture. The anchor is the middle of the canal.
AXIAL = Grid(64, 96, 0.52)
# Sagittal beside the midline, in the image's own axes. The anchor is the middle of the foramen.
FORAMEN = Grid(72, 72, 1.12)
# Grey values between these percentiles of a whole slice (axial and foraminal: of the crop) become 0 to 1.
PERCENTILES = (0.5, 99.5)


def window(image, percentiles=PERCENTILES):
    """Grey values as 0 to 1, cut off outside the percentiles."""
    low, high = np.percentile(image, percentiles)
    return np.clip((image - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)


def sagittal_crop(image, pixel_mm, origin_lps_mm, plane, grid=DISC):
    """A crop of a windowed sagittal slice whose rows run down and columns back, in the disc's frame; [rows, columns], 0 outside."""
    anterior, normal = (np.array(plane[k])[1:] for k in ("anterior_lps", "normal_lps"))
    centre = np.array(plane["centre_lps_mm"])[1:]
    down = (np.arange(grid.rows) - (grid.rows - 1) / 2) * grid.pixel_mm + grid.offset_mm[0]
    back = (np.arange(grid.columns) - (grid.columns - 1) / 2) * grid.pixel_mm + grid.offset_mm[1]
    yz = centre - down[:, None, None] * normal - back[None, :, None] * anterior
    columns = (yz[..., 0] - origin_lps_mm[1]) / pixel_mm[1]
    rows = (origin_lps_mm[2] - yz[..., 1]) / pixel_mm[0]
    # Where pixels are finer than the grid's, what lies between is averaged first.
    sigma = [max(0.0, 0.5 * grid.pixel_mm / mm - 0.5) for mm in pixel_mm]
    smooth = ndimage.gaussian_filter(image, sigma) if max(sigma) > 0.1 else image
    return ndimage.map_coordinates(smooth, [rows, columns], order=1, mode="constant")


# The percentiles of an axial or foraminal crop become these (`views.rs` says why).
AXIAL_LEVELS = (0.0, 0.70)
FORAMEN_LEVELS = (0.06, 0.66)


def levelled(crops, levels):
    """Crops [n, ...] of a torch batch, each brought to the usual levels by its own percentiles."""
    flat = crops.flatten(1).numpy()
    low, high = (v[:, None] for v in np.percentile(flat, PERCENTILES, axis=1))
    share = (flat - low) / np.maximum(high - low, 1e-6)
    return crops.new_tensor(np.clip(levels[0] + share * (levels[1] - levels[0]), 0, 1)).view_as(crops)
