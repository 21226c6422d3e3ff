"""How unlike its training a picture is: metal, motion, another contrast, another place.

    python -m grading.strangeness --work WORK [--crops 150]      # what is noticed, on simulated faults of pictures that were not trained on

What an encoder sees behind two early blocks (`networks.TAPS`) are a few hundred numbers a picture: mean and spread of the channels, and their means by
place. Strangeness is their Mahalanobis distance from those of the training crops, covariance shrunk, along the directions in which they vary most, in units
of the distance that one training picture in a hundred exceeds when the distances are taken from other subjects'; the largest of the three counts.
It is part of the network that ships (`release.py`).
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from . import frames, levels, networks, sets
from .fit import prepared

# Share of the identity in a covariance of standardised features.
SHRUNK = 0.1
# At most so many directions of them count: the others hold noise.
DIRECTIONS = 128
# One training picture in so many is strange.
USUAL = 0.99
CHUNK = 64
SEED = 20261126
# Crops that strangeness is fitted on: more change nothing.
FITTED = 2000


def some(rows, count=FITTED, seed=SEED):
    """At most `count` of the rows that are true."""
    return np.sort(np.random.default_rng(seed).permutation(np.flatnonzero(rows))[:count])


def whitening(features):
    """Linear map after which the length of a row is its Mahalanobis distance over the root of the dimensions."""
    mean, spread = features.mean(0), features.std(0) + 1e-6
    z = (features - mean) / spread
    variance, directions = np.linalg.eigh(z.T @ z / len(z))
    most = np.argsort(variance)[::-1][:DIRECTIONS]
    weight = directions[:, most].T / np.sqrt((1 - SHRUNK) * variance[most] + SHRUNK)[:, None] / spread / np.sqrt(len(most))
    return weight, -weight @ mean


def lengths(map_, features):
    weight, bias = map_
    return np.linalg.norm(features @ weight.T + bias, axis=1)


class Strangeness(nn.Module):
    """Features behind each tap -> [n, 1]."""

    def __init__(self, by_tap, fold):
        """`by_tap`: a list of [n, dimensions]; `fold` [n] tells subjects apart."""
        super().__init__()
        maps, crossed = [], []
        for features in by_tap:
            features = features.astype(np.float64)
            distance = np.empty(len(features))
            for k in np.unique(fold):
                distance[fold == k] = lengths(whitening(features[fold != k]), features[fold == k])
            unit = np.quantile(distance, USUAL)
            weight, bias = whitening(features)
            layer = nn.Linear(features.shape[1], len(weight))
            layer.weight.data, layer.bias.data = (torch.tensor(v / unit, dtype=torch.float32) for v in (weight, bias))
            maps.append(layer)
            crossed.append(distance / unit)
        self.maps = nn.ModuleList(maps)
        # The strangest training picture, seen from other subjects'.
        self.strangest = float(np.max(crossed))

    def forward(self, taps):
        return torch.cat([m(t).square().sum(1, keepdim=True).sqrt() for m, t in zip(self.maps, taps)], 1).amax(1, keepdim=True)


@torch.no_grad()
def features(encoder, pictures, count):
    """Of `count` pictures, given in runs by `pictures(first, last)`: a list of [count, dimensions], one a tap."""
    rows = [encoder.looked(pictures(k, min(k + CHUNK, count)))[1] for k in range(0, count, CHUNK)]
    return [torch.cat(tap).numpy() for tap in zip(*rows)]


def of_crops(encoder, data, index, fold, changed=lambda x: x):
    """Fits strangeness on the crops `index` of `data`, a function from index to pictures."""
    return Strangeness(features(encoder, lambda a, b: changed(data(index[a:b])), len(index)), fold[index])


class Gated(nn.Module):
    """A network of one picture that gives its strangeness behind its logits, in as many ways as there are gates."""

    def __init__(self, network, gates):
        super().__init__()
        self.network, self.gates = network, nn.ModuleList(gates)

    def forward(self, x):
        features, taps = self.network.encoder.looked(x)
        return torch.cat([self.network.head(networks.pooled(features)), *(gate(taps) for gate in self.gates)], 1)


def gate_lines(given, output, strangeness):
    """A manifest's entry."""
    refused = max(strangeness.strangest, 1.0)
    views = ", ".join(f'"{v}"' for v in given)
    return ["", "[[model.gate]]", f"given = [{views}]", f"output = {output}", "strange = 1.0", f"refused = {refused:.4f}"]


def only(channel):
    """Pictures of which one channel is there."""

    def changed(x):
        blank = torch.zeros_like(x)
        blank[:, channel] = x[:, channel]
        return blank

    return changed


def disc_pictures(crops):
    return lambda index: torch.tensor(crops.images[index]).float() / 255


def axial_pictures(data):
    return lambda index: frames.levelled(data.picture("axial", index), frames.AXIAL_LEVELS)


def foramen_pictures(data):
    return lambda index: prepared({"set": "foramina"}, frames.levelled(data.picture("foramen", index), frames.FORAMEN_LEVELS))


def void(x):
    """Metal: no signal in a disc of a quarter to half the height, a bright rim."""
    n, _, rows, columns = x.shape
    y, z = torch.meshgrid(torch.arange(rows).float(), torch.arange(columns).float(), indexing="ij")
    at = [size * (0.2 + 0.6 * torch.rand(n, 1, 1)) for size in (rows, columns)]
    away = ((y - at[0]) ** 2 + (z - at[1]) ** 2).sqrt()[:, None]
    radius = (rows * (0.125 + 0.125 * torch.rand(n, 1, 1)))[:, None]
    return torch.where(away < radius, 0.0, torch.where(away < 1.15 * radius, 1.0, x))


def ghosts(x):
    """Motion: two ghosts of a quarter of the strength each, a fifth of the height away."""
    away = x.shape[-2] // 5
    return (x + 0.4 * (torch.roll(x, away, -2) + torch.roll(x, -away, -2))) / 1.8


def coarse(x, times):
    return F.interpolate(F.interpolate(x, scale_factor=1 / times, mode="area"), size=x.shape[-2:], mode="bilinear", align_corners=False)


def closer(x):
    rows, columns = (n // 4 for n in x.shape[-2:])
    return F.interpolate(x[..., rows:-rows, columns:-columns], size=x.shape[-2:], mode="bilinear", align_corners=False)


def elsewhere(x):
    """Half a picture up and a third of one to the side."""
    return torch.roll(x, (x.shape[-2] // 2, x.shape[-1] // 3), (-2, -1))


FAULTS = {
    "none": lambda x: x, "metal": void, "motion": ghosts, "a third of the resolution": lambda x: coarse(x, 3), "a fifth": lambda x: coarse(x, 5),
    "noise .1": lambda x: (x + 0.1 * torch.randn_like(x)).clamp(0, 1), "noise .2": lambda x: (x + 0.2 * torch.randn_like(x)).clamp(0, 1),
    "inverted": lambda x: 1 - x, "upside down": lambda x: x.flip(-2), "twice the size": closer, "another place": elsewhere,
    "nothing": lambda x: torch.full_like(x, 0.5),
}


def judge(name, encoder, strangeness, data, index):
    """Prints the share of pictures that each fault makes strange, and that are refused."""
    print(f"{name}, {len(index)} pictures of subjects that were not trained on: share that is strange, and refused (limit {strangeness.strangest:.2f})")
    for fault, changed in FAULTS.items():
        torch.manual_seed(SEED)
        with torch.no_grad():
            found = strangeness([torch.tensor(t) for t in features(encoder, lambda a, b: changed(data(index[a:b])), len(index))])
        print(f"  {fault:26} {(found > 1).float().mean():.2f} {(found > strangeness.strangest).float().mean():.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--crops", type=int, default=150)
    options = parser.parse_args()
    from .release import degeneration_members, loaded

    crops = sets.discs(options.work)
    encoder = degeneration_members(options.work, ["deg"], crops)[0].encoder
    present = np.load(options.work / "discs.npz")["present"]
    both = present.sum(1) == 2
    data = disc_pictures(crops)
    strangeness = of_crops(encoder, data, some(both & (crops.part >= 0)), crops.part)
    unseen = some(both & (crops.part < 0), options.crops)
    judge("disc, T2 and T1", encoder, strangeness, data, unseen)
    judge("disc, T1 where T2 should be and the reverse", encoder, strangeness, lambda i: data(i).flip(1), unseen)
    stenosis = levels.Levels(options.work, torch.device("cpu"))
    network = loaded(networks.Stenosis(), options.work / "fit" / "s_0.pt")
    for name, crops, encoder, data in (
        ("axial", stenosis.axial, network.axial, axial_pictures(stenosis)), ("foramen", stenosis.foramina, network.foramen, foramen_pictures(stenosis)),
    ):
        strangeness = of_crops(encoder, data, some(crops.part != 0), crops.part)
        judge(name, encoder, strangeness, data, some(crops.part == 0, options.crops))


if __name__ == "__main__":
    main()
