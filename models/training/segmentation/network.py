"""A U-Net shaped for an edge device: few channels where there are many pixels.

Only Conv, Relu, ConvTranspose, Concat and Add reach the exported graph: no op computes a size from another tensor's
shape, so a runtime can fix height and width when it loads the model.
"""

from dataclasses import dataclass

import torch
from torch import nn

from . import CLASSES


@dataclass(frozen=True)
class Shape:
    """Widths from the finest grid to the coarsest, how much the stem shrinks, and how the ways down and up are joined."""

    widths: tuple
    stem: int = 2
    join: str = "concat"


# Compared by segmentation.search: Dice against the time a slice takes in the appliance. `SHAPE` is what it chose.
SHAPES = {
    "wide": Shape((28, 56, 84, 112, 140)),
    "slim": Shape((20, 44, 72, 112, 160)),
    "added": Shape((24, 48, 80, 112, 144), join="add"),
    "coarse": Shape((40, 72, 112, 152), stem=4),
    "coarse-added": Shape((48, 96, 144, 176), stem=4, join="add"),
}
SHAPE = "slim"


def conv_norm(inputs, outputs, kernel=3, stride=1):
    padding = (kernel - stride + 1) // 2 if stride > 1 else kernel // 2
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs, momentum=0.03),
    )


class Residual(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, width):
        super().__init__()
        self.first = conv_norm(width, width)
        self.second = conv_norm(width, width)
        self.relu = nn.ReLU(inplace=False)

    def forward(self, x):
        return self.relu(x + self.second(self.relu(self.first(x))))


class Down(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.reduce = nn.Sequential(conv_norm(inputs, outputs, 3, 2), nn.ReLU())
        self.refine = Residual(outputs)

    def forward(self, x):
        return self.refine(self.reduce(x))


class Up(nn.Module):
    """Doubles the grid, joins what the way down saw at this size, and mixes the two."""

    def __init__(self, inputs, outputs, concat):
        super().__init__()
        self.concat = concat
        self.grow = nn.ConvTranspose2d(inputs, outputs, 2, 2)
        self.join = nn.Sequential(conv_norm(2 * outputs if concat else outputs, outputs), nn.ReLU())
        self.refine = nn.Sequential(conv_norm(outputs, outputs), nn.ReLU())

    def forward(self, x, skip):
        grown = self.grow(x)
        return self.refine(self.join(torch.cat([grown, skip], 1) if self.concat else grown + skip))


class SpineNet(nn.Module):
    def __init__(self, shape=SHAPE, classes=len(CLASSES)):
        super().__init__()
        shape = SHAPES[shape]
        widths, stem = shape.widths, shape.stem
        # The stem shrinks the grid at once: convolutions at full resolution cost most and add least.
        self.stem = nn.Sequential(
            conv_norm(1, widths[0], stem + 2, stem), nn.ReLU(), conv_norm(widths[0], widths[0]), nn.ReLU()
        )
        self.downs = nn.ModuleList(Down(a, b) for a, b in zip(widths, widths[1:]))
        pairs = reversed(list(zip(widths, widths[1:])))
        self.ups = nn.ModuleList(Up(b, a, shape.join == "concat") for a, b in pairs)
        self.head = nn.ConvTranspose2d(widths[0], classes, 2 * stem, stem, stem // 2)

    def forward(self, x):
        skips = [self.stem(x)]
        for down in self.downs:
            skips.append(down(skips[-1]))
        x = skips.pop()
        for up in self.ups:
            x = up(x, skips.pop())
        return self.head(x)


def parameter_count(network):
    return sum(p.numel() for p in network.parameters())
