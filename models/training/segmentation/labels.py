"""From released outlines to a code a pixel (see targets.py): what each set can teach, and no more."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from . import BACKGROUND, BODY, CANAL, DISC, POSTERIOR, SACRUM, sources
from .targets import MAYBE_SACRUM, NOT_OUTLINED, NOT_SACRUM

SPIDER_VERTEBRA, SPIDER_DISC, SPIDER_CANAL = 1, 2, 3


def canal_line(masks):
    """Column of the canal's middle for each row, from all slices of a subject, carried on beyond its ends.

    One line for all slices: lateral slices see little canal, and there the pedicle joins body and posterior parts.
    """
    rows, columns = np.nonzero((masks == SPIDER_CANAL).any(0))
    line = np.full(masks.shape[1], np.nan)
    for row in np.unique(rows):
        middles = [np.nonzero(s[row] == SPIDER_CANAL)[0] for s in masks]
        line[row] = np.median([m.mean() for m in middles if len(m) > 3] or [columns[rows == row].mean()])
    known = np.nonzero(~np.isnan(line))[0]
    line = np.interp(np.arange(len(line)), known, ndimage.median_filter(line[known], 15, mode="nearest"))
    line = ndimage.gaussian_filter1d(line, 4, mode="nearest")
    last = known[-1] - 3
    below = np.arange(last, len(line))
    slope = (line[last] - line[max(last - 40, 0)]) / 40
    line[below] = line[last] + slope * (below - last)
    return line


def lowest_disc(masks):
    """Middle and downward normal (row, column) of the lowest disc, seen where the canal is widest."""
    widest = np.argsort([-(s == SPIDER_CANAL).sum() for s in masks])[:3]
    parts, count = ndimage.label((masks[widest] == SPIDER_DISC).sum(0) >= 2)
    points = [np.argwhere(parts == i + 1) for i in range(count)]
    disc = max((p for p in points if len(p) > 150), key=lambda p: p[:, 0].mean())
    middle = disc.mean(0)
    _, _, axes = np.linalg.svd(disc - middle, full_matrices=False)
    normal = axes[1] if axes[1][0] > 0 else -axes[1]
    # A disc worn away leaves a whole vertebra below the lowest one outlined.
    body = np.argwhere((masks[widest] == SPIDER_VERTEBRA).all(0)) - middle
    down, across = body @ normal, body @ np.array([-normal[1], normal[0]])
    under = body[(down > 10) & (down < 90) & (np.abs(across) < 60)]
    if len(under) > 1200:
        middle = middle + normal * (np.percentile(under @ normal, 95) + 4)
    return middle, normal


def spider_codes(masks, pixel_mm=sources.SPACE_PIXEL_MM):
    """SPIDER outlines every vertebra, disc and canal in view, but no sacrum."""
    codes = np.full(masks.shape, BACKGROUND, np.uint8)
    behind = np.arange(masks.shape[2])[None] > canal_line(masks)[:, None]
    middle, normal = lowest_disc(masks)
    offset = np.moveaxis(np.indices(masks.shape[1:]), 0, -1) - middle
    down = offset @ normal * pixel_mm
    across = offset @ np.array([-normal[1], normal[0]]) * pixel_mm
    codes[:, (down > 0) & (down < 45) & (np.abs(across) < 32)] = MAYBE_SACRUM
    codes[(masks == SPIDER_VERTEBRA) & ~behind] = BODY
    codes[(masks == SPIDER_VERTEBRA) & behind] = POSTERIOR
    codes[masks == SPIDER_DISC] = DISC
    codes[masks == SPIDER_CANAL] = CANAL
    return codes


def spine_line(named):
    """Points down the bodies' middles, carried on above L1 and along the sacrum's bend; and L1's and S1's places in it."""
    middles = np.array([named[n].mean(0) for n in sources.NAMES])
    step = middles[0] - middles[1]
    above = [middles[0] + step * k for k in (4, 3, 2, 1)]
    step, below = middles[5] - middles[4], []
    at = middles[5]
    for _ in range(5):
        turn = np.deg2rad(-12)  # the sacrum bends back, and back is towards the right of the image
        step = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ step
        below.append(at := at + 0.75 * step)
    return np.array([*above, *middles, *below]), 4, 9


def beside_spine(shape, named):
    """For each pixel: its place along the spine's points (float), and how far it lies behind them, in pixels."""
    points, first, last = spine_line(named)
    places = np.arange(0, len(points) - 1 + 1e-6, 0.02)
    dense = np.stack([np.interp(places, np.arange(len(points)), points[:, k]) for k in (0, 1)], 1)
    tangents = np.gradient(dense, axis=0)
    tangents = ndimage.gaussian_filter1d(tangents, 12, axis=0, mode="nearest")
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    grid = np.moveaxis(np.indices(shape)[::-1], 0, -1).reshape(-1, 2)
    _, nearest = cKDTree(dense).query(grid)
    away = grid - dense[nearest]
    # Down is the way along; behind (to the right) is a quarter turn from it.
    behind = away[:, 0] * tangents[nearest, 1] - away[:, 1] * tangents[nearest, 0]
    distance = np.linalg.norm(away, axis=1) * np.sign(behind)
    return places[nearest].reshape(shape) - first, distance.reshape(shape), last - first


def air(images):
    """Where every contrast of a patient is dark over some width."""
    dark = [ndimage.gaussian_filter(i.astype(float), 3) < 0.05 * np.percentile(i, 99) for i in images]
    return np.logical_and.reduce(dark)


def sudirman_codes(images, named, pixel_mm=sources.SUDIRMAN_PIXEL_MM):
    """Sudirman's bodies L1 to L5 and S1 are outlined: above is unlabelled spine, far from the spine is none."""
    shape = images[0].shape
    along, behind, last = beside_spine(shape, named)
    half = 17 / pixel_mm
    codes = np.full(shape, NOT_OUTLINED, np.uint8)
    in_sacrum = along > last
    codes[(behind < -half - np.where(in_sacrum, 14, 7) / pixel_mm)] = BACKGROUND
    codes[behind > half + np.where(in_sacrum, 40, 62) / pixel_mm] = BACKGROUND
    codes[air(images) & (behind > half + 22 / pixel_mm)] = BACKGROUND
    codes[(along < -0.45) & (np.abs(behind) < half + 7 / pixel_mm)] = NOT_SACRUM
    for name in sources.NAMES:
        codes[sources.fill(shape, named[name])] = SACRUM if name == "S1" else BODY
    return codes
