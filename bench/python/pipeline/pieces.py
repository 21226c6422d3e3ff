"""Connected pieces of one structure in each slice, cut where bodies run together (src/analysis/parts/components.rs, split.rs, propagate.rs)."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from segmentation import BODY, CANAL, DISC, POSTERIOR, SACRUM

MIN_AREA_MM2 = 12.0
EROSION_MM = 2.4
MIN_CORE_MM2 = 16.0
# Bodies and sacrum are labelled together.
GROUPS = np.array([0, BODY, POSTERIOR, DISC, CANAL, BODY], np.uint8)

LONG_MM, LONG_RATIO, MIN_RISE = 47.0, 1.45, 0.64
PITCH_MM, CUT_WINDOW, OFF_MIDDLE_COST, MIXED, MAX_PIECES = 35.0, 0.3, 0.2, (0.2, 0.8), 8

COVERED_SHARE, COVERED_MM2 = 0.4, {BODY: 130.0, DISC: 50.0}
JOINED_OVER_LARGER = 1.3
WHOLE_BODY_MM2 = (350.0, 1900.0)


@dataclass
class Piece:
    """Lengths in mm of the slice frame; `box` the rows and columns it lies in."""

    slice: int
    label: int
    structure: int
    area_mm2: float
    centre_mm: np.ndarray
    variance_mm2: tuple  # xx, xy, yy
    sacrum_share: float
    box: tuple
    at_edge: bool


def find(frame, mask):
    """(labels [slices, rows, columns], pieces by slice)."""
    labels = np.zeros(mask.shape, np.int32)
    pieces = []
    for k, channels in enumerate(mask):
        label_slice(frame, channels, labels[k])
        pieces.append(cut_long(frame, describe(frame, k, channels, labels[k]), channels, labels[k]))
    cut_joined(frame, mask, labels, pieces)
    return labels, pieces


def label_slice(frame, channels, labels):
    # Only where something was segmented: slices are mostly background.
    boxes = ndimage.find_objects((channels > 0).astype(np.uint8))
    if not boxes:
        return
    box = boxes[0]
    channels, labels = channels[box], labels[box]
    groups = GROUPS[channels]
    bone = groups == BODY
    reach = [int(EROSION_MM / mm + 0.5) for mm in frame.spacing_mm]
    padded = np.pad(bone, [(r, r) for r in reach])  # the image's edge is no bone
    core = ndimage.minimum_filter(padded, [2 * r + 1 for r in reach])[tuple(slice(r, -r or None) for r in reach)]
    least = lambda mm2: max(int(np.ceil(mm2 / frame.pixel_mm2)), 1)
    following = number(core, labels, 0, least(MIN_CORE_MM2))
    grow(labels, bone)
    for group in (BODY, POSTERIOR, DISC, CANAL):
        following = number((groups == group) & (labels == 0), labels, following, least(MIN_AREA_MM2))


def number(mask, labels, last, least):
    """Numbers the pieces of `mask` of at least so many pixels from `last` on; the last number given."""
    found, count = ndimage.label(mask)
    if count:
        large = np.bincount(found.ravel(), minlength=count + 1) >= least
        large[0] = False
        numbers = np.where(large, last + np.cumsum(large), 0)
        np.maximum(labels, numbers[found], out=labels)
        last += int(large.sum())
    return last


def grow(labels, into):
    """Gives every pixel of `into` that touches a labelled one that label, step by step."""
    while True:
        free = into & (labels == 0)
        near = np.zeros_like(labels)
        near[1:] = labels[:-1]
        for here, there in ((np.s_[:-1], np.s_[1:]), (np.s_[:, 1:], np.s_[:, :-1]), (np.s_[:, :-1], np.s_[:, 1:])):
            near[here] = np.where(near[here] == 0, labels[there], near[here])
        gained = free & (near != 0)
        if not gained.any():
            return
        labels[gained] = near[gained]


def describe(frame, k, channels, labels):
    rows, columns = np.nonzero(labels)
    if not len(rows):
        return []
    label, classes = labels[rows, columns], channels[rows, columns]
    total = lambda weights=None: np.bincount(label, weights)
    n = np.maximum(total(), 1)
    mean = lambda weights: total(weights) / n
    x, y, sacrum = mean(columns), mean(rows), mean(classes == SACRUM)
    dy, dx = frame.spacing_mm
    xx, xy, yy = mean(columns**2) - x * x, mean(columns * rows) - x * y, mean(rows**2) - y * y
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        within = labels[box] == number
        structure = int(GROUPS[channels[box][within][0]])
        edges = box[0].start == 0 or box[1].start == 0 or box[0].stop == labels.shape[0] or box[1].stop == labels.shape[1]
        at = frame.at_pixel(x[number], y[number], k)
        variance = (xx[number] * dx * dx, xy[number] * dx * dy, yy[number] * dy * dy)
        found.append(Piece(k, number, structure, n[number] * frame.pixel_mm2, at[:2], variance, sacrum[number], box, edges))
    return found


def cut_long(frame, pieces, channels, labels):
    """Cuts pieces of bone that are too long for one body across their waists."""
    last, cut = max((p.label for p in pieces), default=0), False
    for piece in pieces:
        axis = long_axis(piece) if piece.structure == BODY else None
        if axis is None:
            continue
        direction, length = axis
        rows, columns = np.nonzero(labels == piece.label)
        offset = (frame.at_pixel(columns, rows, piece.slice)[..., :2] - piece.centre_mm) @ direction
        for at in cuts(piece, length, offset, channels[rows, columns] == SACRUM):
            last, cut = last + 1, True
            labels[rows[offset > at], columns[offset > at]] = last
    return describe(frame, pieces[0].slice, channels, labels) if cut else pieces


def long_axis(piece):
    xx, xy, yy = piece.variance_mm2
    mean, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    long, short = np.sqrt(12 * (mean + spread)), np.sqrt(12 * max(mean - spread, 0))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    direction = np.array([np.cos(angle), np.sin(angle)]) * (-1 if np.sin(angle) < 0 else 1)
    return (direction, long) if long > LONG_MM and long > LONG_RATIO * short and direction[1] >= MIN_RISE else None


def cuts(piece, length, offset, sacral):
    count = int(np.clip(int(length / PITCH_MM + 0.5), 2, MAX_PIECES))
    pitch, steps = length / count, int(np.ceil(length)) + 1
    step = np.rint(offset + length / 2).astype(int)
    inside = (step >= 0) & (step < steps)
    widths = np.stack([np.bincount(step[inside & (sacral == s)], minlength=steps) for s in (False, True)], 1).astype(float)
    if count == 2 and MIXED[0] <= piece.sacrum_share < MIXED[1]:
        body_beyond = widths[::-1, 0].cumsum()[::-1]
        sacrum_before = np.concatenate([[0], widths[:-1, 1].cumsum()])
        return [float(np.argmin(sacrum_before + body_beyond)) - length / 2]
    found = []
    for k in range(1, count):
        middle, window = k * pitch, CUT_WINDOW * pitch
        near = np.arange(int(middle - window), min(int(middle + window) + 1, steps))
        cost = widths[near].sum(1) * (1 + OFF_MIDDLE_COST * ((near - middle) / window) ** 2)
        found.append(float(near[np.argmin(cost)]) - length / 2)
    return found


def cut_joined(frame, mask, labels, pieces):
    """From the fullest slice outwards, pieces that run together are divided as the slice beside shows them apart."""
    whole = [sum(p.structure == BODY and WHOLE_BODY_MM2[0] <= p.area_mm2 <= WHOLE_BODY_MM2[1] for p in of) for of in pieces]
    count = len(pieces)
    start = min((k for k in range(count) if whole[k] == max(whole)), key=lambda k: abs(k - count // 2))
    for k, beside in [(k, k - 1) for k in range(start + 1, count)] + [(k, k + 1) for k in range(start - 1, -1, -1)]:
        last, cut = max((p.label for p in pieces[k]), default=0), False
        for piece in pieces[k]:
            seeds = covered(frame, piece, labels[k], labels[beside], pieces[beside])
            if len(seeds) < 2:
                continue
            numbers = [piece.label, *range(last + 1, last + len(seeds))]
            last, cut = numbers[-1], True
            own, other = labels[k][piece.box], labels[beside][piece.box]
            mine, divided = own == piece.label, np.zeros_like(own)
            for theirs, ours in zip(seeds, numbers):
                divided[mine & (other == theirs)] = ours
            grow(divided, mine)
            own[mine] = np.where(divided[mine] > 0, divided[mine], piece.label)
        if cut:
            pieces[k] = describe(frame, k, mask[k], labels[k])


def covered(frame, piece, own, other, beside):
    """Labels of the pieces of the slice beside that `piece` covers, where it looks like several run together."""
    least = COVERED_MM2.get(piece.structure)
    if least is None or piece.area_mm2 < 2 * least:
        return []
    shared = np.bincount(other[piece.box][own[piece.box] == piece.label]) * frame.pixel_mm2
    area = lambda p: shared[p.label] if p.label < len(shared) else 0.0
    seeds = [p for p in beside if p.structure == piece.structure and area(p) >= max(least, COVERED_SHARE * p.area_mm2)]
    larger = max((p.area_mm2 for p in seeds), default=0.0)
    return [] if piece.area_mm2 < JOINED_OVER_LARGER * larger else [p.label for p in seeds]
