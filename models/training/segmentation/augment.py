"""One warp and one change of light for each training slice: other patients, scanners and contrasts than we have.

Randomised contrast is what carries a network trained on one sequence over to others.
"""

import numpy as np
import torch
from torch.nn import functional as F

from . import BACKGROUND, BODY, PERCENTILES, PIXEL_MM
from .targets import CODES


def coarse(rng, shape, cells, spread):
    """A smooth random field."""
    field = torch.from_numpy(rng.normal(0, spread, (1, 1, *cells)).astype(np.float32))
    return F.interpolate(field, size=shape, mode="bicubic", align_corners=True)[0, 0]


def warp_grid(rng, size, shape, pixel_mm, spine_column):
    """Where each point of a grid twice as fine as the crop comes from, in the source's pixels (row, column)."""
    fine = (2 * size[0], 2 * size[1])
    rows, columns = torch.meshgrid(
        *(torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in fine), indexing="ij"
    )
    scale = np.exp(rng.uniform(np.log(0.65), np.log(1.5)))
    stretch = np.exp(rng.normal(0, 0.05))
    turn = np.deg2rad(np.clip(rng.normal(0, 9), -20, 20))
    shear = rng.normal(0, 0.05)
    step = 0.5 * PIXEL_MM / scale
    y, x = rows * step * stretch, (columns + shear * rows) * step / stretch
    y, x = np.cos(turn) * y + np.sin(turn) * x, -np.sin(turn) * y + np.cos(turn) * x
    if rng.random() < 0.6:
        cells = rng.integers(4, 9, 2)
        spread = rng.uniform(0.5, 3.0)
        bend = torch.stack([coarse(rng, size, cells, spread) for _ in "yx"])[None]
        bend = F.interpolate(bend, size=fine, mode="bilinear")[0]
        y, x = y + bend[0], x + bend[1]
    # The middle of the crop: where the image is larger than the crop anywhere in it, now and then far off.
    extent = np.array(shape) * pixel_mm
    crop = np.array(size) * PIXEL_MM / scale
    room = np.maximum((extent - crop) / 2, 0) + np.where(rng.random(2) < 0.4, 0.3, 0.08) * np.minimum(crop, extent)
    middle = extent / 2 + rng.uniform(-1, 1, 2) * room
    if rng.random() < 0.6:  # the spine lies at the back of an image: most crops have it well inside
        middle[1] = spine_column * pixel_mm[1] + rng.uniform(-0.35, 0.35) * crop[1]
    return (y + middle[0]) / pixel_mm[0] - 0.5, (x + middle[1]) / pixel_mm[1] - 0.5


def sample_image(image, rows, columns, sharp):
    source = torch.from_numpy(image).float()[None, None]
    height, width = image.shape
    grid = torch.stack([columns * (2 / (width - 1)) - 1, rows * (2 / (height - 1)) - 1], -1)[None]
    fine = F.grid_sample(source, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    if sharp:
        return F.avg_pool2d(fine, 2)[0, 0]
    # The triangle filter that halves a grid, as the preprocessing has it.
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    fine = F.conv2d(F.pad(fine, (1, 1, 0, 0), mode="replicate"), taps[None, None, None], stride=(1, 2))
    return F.conv2d(F.pad(fine, (0, 0, 1, 1), mode="replicate"), taps[None, None, :, None], stride=(2, 1))[0, 0]


def sample_codes(codes, rows, columns):
    """The share of each code in each pixel of the crop, and where the crop lies inside the image."""
    height, width = codes.shape
    r, c = rows.round().long(), columns.round().long()
    inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
    flat = torch.from_numpy(codes).view(-1)[(r.clamp(0, height - 1) * width + c.clamp(0, width - 1)).view(-1)]
    flat = torch.where(inside, flat.view(r.shape), torch.tensor(BACKGROUND, dtype=torch.uint8))
    quarters = [flat[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    counts = [sum((q == k).view(torch.uint8) for q in quarters) for k in range(CODES)]
    return torch.stack(counts).float() / 4, inside[::2, ::2]


def rescale(image, inside):
    """As the preprocessing: clip to percentiles, to [0, 1]."""
    values = image[inside].numpy()[::5]  # a fifth of the pixels tell as much
    if len(values) < 100:
        return torch.zeros_like(image)
    low, high = np.percentile(values, PERCENTILES)
    return ((image - low) / max(high - low, 1e-6)).clamp(0, 1)


def contrast(rng, x):
    """A random curve through the grey values: mostly rising, a quarter of the curves neither rising nor falling."""
    kind = rng.random()
    if kind < 0.15:
        return x
    if kind < 0.5:
        return x ** float(np.exp(rng.normal(0, 0.5)))
    if kind < 0.97:
        knots = rng.random(rng.integers(4, 8))
        if kind < 0.72:
            knots = np.sort(knots)
        if rng.random() < 0.8:
            knots[0] = rng.uniform(0, 0.1)  # air is dark in almost every image
        table = np.interp(np.linspace(0, 1, 256), np.linspace(0, 1, len(knots)), knots).astype(np.float32)
        return torch.from_numpy(table)[(x * 255).long().clamp(0, 255)] + x * 0.02
    return 1 - x


def light(rng, x):
    """Uneven coils: smooth, and falling off from the back."""
    if rng.random() < 0.5:
        x = x * torch.exp(coarse(rng, x.shape, rng.integers(2, 5, 2), rng.uniform(0.05, 0.45)))
    if rng.random() < 0.35:
        fall = np.exp(-np.linspace(rng.uniform(0.5, 3), 0, x.shape[1])).astype(np.float32)
        x = x * torch.from_numpy(fall)
    return x


def blur(rng, x):
    """Fewer pixels than ours, often in one direction only."""
    shape = x.shape
    if rng.random() < 0.35:
        factors = np.where(rng.random(2) < 0.75, rng.uniform(1, 2.6, 2), 1)
        small = [max(int(n / f), 8) for n, f in zip(x.shape, factors)]
        x = F.interpolate(x[None, None], size=small, mode="bilinear", antialias=True)
        x = F.interpolate(x, size=[int(n) for n in shape], mode="bilinear")[0, 0]
    return x


def noise(rng, x):
    """Noise of a magnitude image: never below zero, and correlated now and then."""
    if rng.random() < 0.6:
        level = float(np.exp(rng.uniform(np.log(0.005), np.log(0.12))))
        seed = torch.Generator().manual_seed(int(rng.integers(2**31)))
        real = torch.randn(x.shape, generator=seed) * level
        imaginary = torch.randn(x.shape, generator=seed) * level
        x = torch.sqrt((x + real) ** 2 + imaginary**2)
    return x


def cut(rng, x, inside):
    """A field that ends early on one or two sides: a small field of view, a saturation band, a coil that reaches no further."""
    if rng.random() < 0.2:
        kept = inside.clone()
        height, width = x.shape
        for _ in range(rng.integers(1, 3)):
            share = rng.uniform(0.05, 0.4)
            side = rng.integers(4)
            if side < 2:
                rows = int(share * height)
                kept[slice(0, rows) if side else slice(height - rows, None)] = False
            else:
                columns = int(0.6 * share * width)
                kept[:, slice(0, columns) if side == 2 else slice(width - columns, None)] = False
        return kept
    return inside


def motion(rng, x):
    """Ghosts along the phase direction: copies of the image, shifted and faint."""
    if rng.random() < 0.12:
        axis = int(rng.integers(2))
        shift = int(rng.integers(8, x.shape[axis] // 3))
        strength = float(rng.uniform(0.04, 0.22))
        x = x + strength * (torch.roll(x, shift, axis) + torch.roll(x, -shift, axis)) / 2
    return x


def metal(rng, x):
    """Screws, rods and cages: signal lost in a blob with a bright rim on one side."""
    if rng.random() < 0.06:
        rows, columns = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in x.shape), indexing="ij")
        for _ in range(rng.integers(1, 5)):
            row, column = rng.uniform(0.2, 0.8, 2) * x.shape
            tall, wide = rng.uniform(2, 8), rng.uniform(4, 18)
            far = ((rows - row) / tall) ** 2 + ((columns - column) / wide) ** 2
            x = x * (1 - torch.exp(-(far**2))) + 1.3 * torch.exp(-((far - 1.6 + 0.5 * (rows > row)) ** 2) * 4) * (rows > row)
    return x


class Nothing:
    """Images without a spine, so that none is found in them: noise, ellipses, stripes."""

    def __len__(self):
        return 1 << 16

    def __getitem__(self, i):
        rng = np.random.default_rng([77, i])
        shape = tuple(rng.integers(160, 400, 2))
        x = np.zeros(shape, np.float32)
        rows, columns = np.indices(shape)
        for _ in range(rng.integers(0, 14)):
            row, column = rng.uniform(0, 1, 2) * shape
            tall, wide = np.exp(rng.uniform(np.log(6), np.log(160), 2))
            turn = rng.uniform(0, np.pi)
            y, z = rows - row, columns - column
            y, z = np.cos(turn) * y + np.sin(turn) * z, np.cos(turn) * z - np.sin(turn) * y
            blob = (y / tall) ** 2 + (z / wide) ** 2
            x = np.where((blob < 1) & (blob > rng.choice([0, 0, 0.8])), rng.uniform(0, 1), x)
        if rng.random() < 0.5:
            x += 0.3 * coarse(rng, shape, rng.integers(4, 40, 2), 1.0).numpy()
        if rng.random() < 0.2:
            x += 0.4 * np.sin(rows * rng.uniform(0.1, 0.6) + columns * rng.normal(0, 0.1))
        x += rng.normal(0, rng.uniform(0.005, 0.2), shape)
        image = (255 * (x - x.min()) / max(np.ptp(x), 1e-6)).astype(np.uint8)
        return image, np.zeros(shape, np.uint8), np.full(2, rng.uniform(0.5, 1.2))


def slice_of(rng, image, codes, pixel_mm, size):
    """A training pair from a stored slice: image [h, w] in [0, 1], shares of codes [CODES, h, w]."""
    spine = np.nonzero((codes == BODY).any(0))[0]
    column = spine.mean() if len(spine) else image.shape[1] / 2
    rows, columns = warp_grid(rng, size, image.shape, np.asarray(pixel_mm, float), column)
    x = sample_image(image, rows, columns, sharp=rng.random() < 0.4)
    shares, inside = sample_codes(codes, rows, columns)
    kept = cut(rng, x, inside)
    if kept is not inside:
        shares[:, ~kept] = 0
        shares[BACKGROUND, ~kept] = 1
        x, inside = x * kept, kept
    x = metal(rng, motion(rng, light(rng, contrast(rng, rescale(x, inside)))))
    x = rescale(x, inside)
    # Noise before the loss of resolution is as a scanner interpolates; after it, as a scanner measures.
    x = blur(rng, noise(rng, x)) if rng.random() < 0.3 else noise(rng, blur(rng, x))
    x = rescale(x, inside)
    return (x * inside if rng.random() < 0.8 else x), shares
