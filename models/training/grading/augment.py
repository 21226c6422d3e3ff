"""What is done to a batch of crops: other patients, scanners and centres than we have. Runs where the batch lies."""

import math

import torch
from torch.nn import functional as F


def uniform(n, low, high, device):
    return torch.rand(n, device=device) * (high - low) + low


def moved(x, turn_deg=10.0, scale=1.18, shift=(0.06, 0.06), stretch=0.06):
    """Turned, scaled, stretched and shifted (a share of the rows and of the columns)."""
    n, _, rows, columns = x.shape
    d = x.device
    angle = uniform(n, -turn_deg, turn_deg, d) * math.pi / 180
    size = torch.exp(uniform(n, -math.log(scale), math.log(scale), d))
    along = torch.exp(uniform(n, -stretch, stretch, d))
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    aspect = rows / columns
    theta = torch.stack(
        [
            torch.stack([cos * along, -sin * aspect, 2 * uniform(n, -shift[1], shift[1], d)], 1),
            torch.stack([sin / aspect, cos / along, 2 * uniform(n, -shift[0], shift[0], d)], 1),
        ],
        1,
    )
    return F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False)


def field(n, cells, shape, d):
    return F.interpolate(torch.randn(n, 1, *cells, device=d), size=shape, mode="bicubic", align_corners=True)


def relit(x, light=1.0):
    """Another contrast curve for each channel, uneven light, another window (all in the measure of `light`), noise, loss of resolution."""
    n, channels, rows, columns = x.shape
    d = x.device
    there = (x.amax((2, 3), keepdim=True) > 0).float()
    x = x.clamp(1e-4, 1) ** torch.exp(torch.randn(n, channels, 1, 1, device=d).clamp(-2, 2) * 0.22 * light)
    x = x * (1 + 0.12 * light * field(n, (3, 3), (rows, columns), d))
    x = (x - 0.5) * torch.exp(torch.randn(n, channels, 1, 1, device=d) * 0.12 * light) + 0.5 + 0.05 * light * torch.randn(n, channels, 1, 1, device=d)
    coarse = F.interpolate(F.interpolate(x, scale_factor=0.5, mode="area"), size=(rows, columns), mode="bilinear", align_corners=False)
    share = (uniform(n, -0.7, 0.9, d).clamp(0, 1)).view(n, 1, 1, 1)
    x = x + share * (coarse - x)
    x = x + torch.randn_like(x) * (0.05 * torch.rand(n, 1, 1, 1, device=d) ** 2 * 1.6)
    return (x * there).clamp(0, 1)


def erased(x, share=0.3, most=0.25):
    """A rectangle without picture, in some."""
    n, _, rows, columns = x.shape
    d = x.device
    high, wide = (uniform(n, 0.05, most, d) for _ in "hw")
    y, z = uniform(n, 0, 1, d), uniform(n, 0, 1, d)
    r = (torch.arange(rows, device=d) + 0.5) / rows
    c = (torch.arange(columns, device=d) + 0.5) / columns
    inside = ((r[None] - y[:, None]).abs() < high[:, None] / 2)[:, :, None] & ((c[None] - z[:, None]).abs() < wide[:, None] / 2)[:, None]
    inside &= (torch.rand(n, device=d) < share)[:, None, None]
    return x.masked_fill(inside[:, None], 0)


def without_channels(x, share):
    """Channels taken away from some: an input that is missing. One at least stays."""
    n, channels = x.shape[:2]
    there = x.amax((2, 3)) > 0
    gone = (torch.rand(n, channels, device=x.device) < share) & there
    gone &= ~((there & ~gone).sum(1, keepdim=True) == 0)
    return x * (~gone)[:, :, None, None]
