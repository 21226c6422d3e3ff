"""What stands before and after the network at run time. The appliance repeats these steps; change both or neither."""

import numpy as np
from PIL import Image

from . import PERCENTILES, PIXEL_MM, SIZE_MULTIPLE


def resize(image, height, width):
    """Separable triangle filter with half-pixel centres, widened when it shrinks: PIL's BILINEAR on floats."""
    return np.asarray(Image.fromarray(image.astype(np.float32), "F").resize((width, height), Image.Resampling.BILINEAR))


def rescale(image):
    low, high = np.percentile(image, PERCENTILES)
    if high <= low:
        return np.zeros_like(image)
    return ((np.clip(image, low, high) - low) / (high - low)).astype(np.float32)


def margins(size):
    """Zeros before and after, up to the next multiple: the odd one goes after."""
    missing = -size % SIZE_MULTIPLE
    return missing // 2, missing - missing // 2


def before(image, pixel_mm):
    """A slice (anterior left, head up, [row, column] spacing in mm) to the network's input [1, 1, H, W], and its crop."""
    row_mm, column_mm = np.broadcast_to(pixel_mm, 2)
    height = max(int(image.shape[0] * row_mm / PIXEL_MM + 0.5), 1)
    width = max(int(image.shape[1] * column_mm / PIXEL_MM + 0.5), 1)
    x = rescale(resize(image, height, width))
    top, bottom = margins(height)
    left, right = margins(width)
    x = np.pad(x, ((top, bottom), (left, right)))
    return x[None, None], (slice(top, top + height), slice(left, left + width))


def after(logits, crop, shape):
    """Logits [1, classes, H, W] to probabilities [classes, *shape] on the slice's own pixels."""
    logits = logits[0][(slice(None), *crop)]
    p = np.exp(logits - logits.max(0))
    p /= p.sum(0)
    return np.stack([resize(c, *shape) for c in p])
