"""Sagittal slices to a mask: the whole slice, then the spine's surroundings on finer pixels, the mean of both and of neighbours (src/analysis/segmentation)."""

from dataclasses import dataclass

import numpy as np
from segmentation import CANAL, preprocess

FINE = 0.8
MARGIN_MM, FIRST_MARGIN_MM = 15.0, 25.0
PIXELS_MIN = 3
SHOWN_MM2_MIN = 100.0
SIDE_MAX = 1024
CERTAIN = 255.0
SIGMA_MM = 1.5
REACH_MM = 3.0 * SIGMA_MM
# From this probability on the network is sure of a pixel.
SURE = 0.95


@dataclass(frozen=True)
class Nudge:
    """How a slice lies otherwise on the network's pixels."""

    rows: float = 0.0
    columns: float = 0.0
    scale: float = 1.0


STILL = Nudge()


def taps(count, to, shift):
    """Weights [to, k] and places [to, k] of a triangle filter, heard `shift` input pixels further on."""
    ratio = count / to
    support = max(ratio, 1.0)
    centre = np.clip((np.arange(to) + 0.5) * ratio + shift, 0, count)
    first = np.maximum(np.floor(centre - support + 0.5), 0).astype(int)
    places = first[:, None] + np.arange(int(np.ceil(2 * support)) + 1)
    weights = np.maximum(1 - np.abs(places + 0.5 - centre[:, None]) / support, 0) * (places < count)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32), np.minimum(places, count - 1)


class Resize:
    """From one [rows, columns] to another; Pillow does it where nothing is shifted."""

    def __init__(self, shape, to, shift=(0.0, 0.0)):
        self.to = to
        self.axes = [taps(n, m, s) for n, m, s in zip(shape, to, shift)] if any(shift) else None

    def __call__(self, picture):
        if self.axes is None:
            return preprocess.resize(picture, *self.to)
        for weights, places in reversed(self.axes):
            picture = np.ascontiguousarray(picture.T)
            picture = sum(weights[:, k, None] * picture[places[:, k]] for k in range(places.shape[1]))
        return picture


class Grid:
    """The network's pixels over a slice, shrunk and shifted by a nudge."""

    def __init__(self, shape, spacing_mm, pixel_mm, nudge=STILL):
        self.whole = [max(int(n * mm / pixel_mm + 0.5), 1) for n, mm in zip(shape, spacing_mm)]
        self.shape = [max(int(n * nudge.scale + 0.5), 1) for n in self.whole]
        self.nudge = (nudge.rows, nudge.columns)

    def from_slice(self, shape):
        return Resize(shape, self.shape, [s * n / m for s, n, m in zip(self.nudge, shape, self.shape)])

    def back_to(self, shape):
        return Resize(self.shape, shape, [-s for s in self.nudge])


class Canvas:
    """The window of a grid that the network is shown, and the zeros around it."""

    def __init__(self, volume, grid, window=None, multiple=preprocess.SIZE_MULTIPLE):
        self.grid, self.to_grid = grid, grid.from_slice(volume.shape)
        size = [w[1] for w in window] if window else grid.whole
        self.padded = [-(-n // multiple) * multiple for n in size]
        if window:
            ends = zip(window, self.padded, grid.shape)
            window = [(first, min(padded, end - first)) for (at, _), padded, end in ends for first in [min(at, max(end - padded, 0))]]
        else:
            window = [(0, n) for n in grid.shape]
        self.shown = tuple(slice(first, first + n) for first, n in window)
        margins = [((padded - n) // 2, n) for padded, (_, n) in zip(self.padded, window)]
        self.placed = tuple(slice(first, first + n) for first, n in margins)

    def tensor(self, picture):
        small = preprocess.rescale(self.to_grid(picture))
        tensor = np.zeros((1, 1, *self.padded), np.float32)
        tensor[0, 0][self.placed] = small[self.shown]
        return tensor

    def probabilities(self, logits):
        """[classes, rows, columns] of the whole grid; what was not shown is background."""
        z = logits[0][(slice(None), *self.placed)]
        p = np.exp(z - z.max(0))
        p /= p.sum(0)
        whole = np.zeros((len(p), *self.grid.shape), np.float32)
        whole[0] = 1
        whole[(slice(None), *self.shown)] = p
        return whole


def kept(p):
    return np.rint(p * CERTAIN).astype(np.uint8)


def surroundings(seen, first, grid, margin):
    """((top, rows), (left, columns)) of `grid` around what the slices show; None where they show nothing."""
    window = []
    for axis in (0, 1):
        shown = np.flatnonzero(sum(s.sum(1 - axis) for s in seen) >= PIXELS_MIN)
        if not len(shown):
            return None
        ratio = grid[axis] / first[axis]
        start = int(max(np.floor(shown[0] * ratio - margin), 0))
        window.append((start, min(int(np.ceil((shown[-1] + 1) * ratio + margin)), grid[axis]) - start))
    return window


def full_height(window, shape):
    """The same columns, all rows."""
    return window and [(0, shape[0]), window[1]]


@dataclass(frozen=True)
class Segmentation:
    """Classes [slices, rows, columns] on the volume's own pixels, and what else its slices told."""

    mask: np.ndarray
    # (window of the first pass's grid, window of the finer grid), or None where no slice shows a spine.
    surroundings: tuple | None
    # For each slice (mean probability of structures, mm² of which the network is sure).
    certainties: list


def seen_in(p):
    return (p[1:] > p[0]).any(0)


def first_pass(volume, network, pool, nudge, known):
    """Each slice's probabilities and certainty in the first pass, and the canvas of a whole slice."""
    pixel_mm, count = network.entry["input"]["pixel_mm"], len(volume.origins)
    grid = Grid(volume.shape, volume.spacing_mm, pixel_mm, nudge)
    whole = Canvas(volume, grid)
    canvas = Canvas(volume, grid, known[0]) if known else whole

    def of(k):
        p = canvas.probabilities(network.run({"slice": canvas.tensor(volume.picture(k))}))
        return kept(p), certainty(p, pixel_mm)

    return list(pool(of, range(count))), whole


def segment(volume, network, pool, nudge=STILL, known=None):
    """`pool` is a function like map; `known` are surroundings that are."""
    pixel_mm, count = network.entry["input"]["pixel_mm"], len(volume.origins)
    found, coarse = first_pass(volume, network, pool, nudge, known)
    first, certainties = [p for p, _ in found], [c for _, c in found]
    grid = Grid(volume.shape, volume.spacing_mm, pixel_mm * FINE, nudge)
    seen = [seen_in(p) for p in first]
    if not known:
        shape = coarse.grid.shape
        near = full_height(surroundings(seen, shape, shape, FIRST_MARGIN_MM / pixel_mm), shape)
        known = near and (near, surroundings(seen, shape, grid.whole, MARGIN_MM / (pixel_mm * FINE)))
    if not known:
        return Segmentation(np.zeros((count, *volume.shape), np.uint8), None, certainties)
    window = known[1]
    fine = Canvas(volume, grid, window)
    look = lambda canvas, k: canvas.probabilities(network.run({"slice": canvas.tensor(volume.picture(k))}))
    cut = tuple(slice(at, at + n) for at, n in window)
    coarse_back, fine_back = coarse.grid.back_to(grid.whole), grid.back_to(grid.whole)

    def both(k):
        mean = np.stack([coarse_back(c.astype(np.float32) / CERTAIN)[cut] for c in first[k]])
        if seen[k].sum() >= SHOWN_MM2_MIN / pixel_mm**2 and max(fine.padded) <= SIDE_MAX:
            mean = (mean + np.stack([fine_back(c)[cut] for c in look(fine, k)])) / 2
        return kept(mean)

    fields = list(pool(both, range(count)))
    positions, to_slice = volume.positions_mm(), Resize(grid.whole, volume.shape)

    def likeliest(k):
        away = positions - positions[k]
        near = np.flatnonzero(np.abs(away) <= REACH_MM)
        weights = np.exp(-0.5 * (away[near] / SIGMA_MM) ** 2)
        mean = np.tensordot((weights / weights.sum()).astype(np.float32), np.stack([fields[j] for j in near]).astype(np.float32), 1)
        best = None
        for c, values in enumerate(mean):
            whole = np.full(grid.whole, CERTAIN if c == 0 else 0.0, np.float32)
            whole[cut] = values
            values = to_slice(whole)
            if best is None:
                best, classes = values, np.zeros(volume.shape, np.uint8)
            else:
                classes[values > best] = c
                best = np.maximum(best, values)
        return classes

    return Segmentation(np.stack(list(pool(likeliest, range(count)))), known, certainties)


def certainty(p, pixel_mm):
    """(mean probability of structures, mm² of which the network is sure) from class probabilities."""
    likeliest = p[1:].max(0)
    structures = likeliest[likeliest > p[0]]
    return float(structures.mean()) if structures.size else 0.0, float((structures >= SURE).sum() * pixel_mm**2)


def certainties_turned(volume, k, turns, known, network, pool):
    """The certainty of one slice once its rows, its columns or both are turned, each way within the surroundings, which turn with it."""
    pixel_mm = network.entry["input"]["pixel_mm"]
    grid = Grid(volume.shape, volume.spacing_mm, pixel_mm)

    def of(turn):
        window = [(n - at - size if flip else at, size) for (at, size), n, flip in zip(known[0], grid.shape, turn)]
        canvas = Canvas(volume, grid, window)
        picture = volume.picture(k)[tuple(slice(None, None, -1 if flip else 1) for flip in turn)]
        return certainty(canvas.probabilities(network.run({"slice": canvas.tensor(picture)})), pixel_mm)

    return list(pool(of, turns))


def by_canal(mask):
    """(canal pixels, pixels of any structure) of each slice."""
    return [(int((m == CANAL).sum()), int((m != 0).sum())) for m in mask]
