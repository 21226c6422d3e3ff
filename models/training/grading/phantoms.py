"""The stenosis network's task on phantoms, the only set that has axial and foraminal pictures of one level with four grades. **Simulated disease.**

    cargo run --release --example phantom_views -- 1 500 WORK/phantoms.bin
    python -m grading.phantoms --work WORK --start s_all --seeds 1..100      # heads are fitted on these, the others judge
    python -m grading.phantoms --work WORK --start lite0 --seeds 1..100 --on-patients

A phantom's canal and foramina get grades by chance (Lee 2011, Lee 2010); its levels are its own, and their views are cut as the appliance cuts them. The
branches of a network that stands (`s_all`: trained on RSNA; `lite0`: ImageNet's) are not changed; on what they see of the views, an ordered head a site is
fitted with views taken away now and then. Prints the class average over four grades with both views and with each alone. `--on-patients` says what such
heads make of RSNA's axial crops: what is left without RSNA in training.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from . import figures, frames, levels, networks, release

# Rows and columns of a foramen as a network is shown it.
FORAMEN_SIDE = 96
STEPS = 600
BATCH = 256
CHUNK = 64


def seeds_of(text):
    first, last = text.split("..")
    return range(int(first), int(last) + 1)


def loaded(work):
    """{name: array} over all levels of WORK/phantoms.bin."""
    side, rows, columns = FORAMEN_SIDE, frames.AXIAL.rows, frames.AXIAL.columns
    record = np.dtype([
        ("seed", "<u4"), ("truth", "u1", 3), ("present", "u1", 3), ("axial", "u1", (3, rows, columns)), ("left", "u1", (1, side, side)), ("right", "u1", (1, side, side)),
    ])
    return np.fromfile(work / "phantoms.bin", record)


class Heads(nn.Module):
    """Canal from the axial picture and both foramina; a foramen from its own half of the axial picture and its own."""

    def __init__(self, width):
        super().__init__()
        self.missing = nn.Parameter(torch.zeros(2, width))
        self.canal, self.foramen = (networks.head(2 * width, 3, 64, 0.2) for _ in "cf")

    def forward(self, axial, foramen, present):
        """`axial` [n, 2, width] seen from the left and from the right side, `foramen` [n, 2, width], `present` [n, 3] -> [n, 3 sites, 3 thresholds]."""
        shown = lambda x, there, k: there[:, None] * x + (1 - there[:, None]) * self.missing[k]
        a = [shown(axial[:, side], present[:, 0], 0) for side in (0, 1)]
        f = [shown(foramen[:, side], present[:, 1 + side], 1) for side in (0, 1)]
        pairs = [torch.cat([a[side], f[side]], 1) for side in (0, 1)]
        canal = (self.canal(pairs[0]) + self.canal(pairs[1])) / 2
        return torch.stack([canal, self.foramen(pairs[0]), self.foramen(pairs[1])], 1)


def branches(options):
    if options.start == "lite0":
        axial, foramen = networks.Encoder(3), networks.Encoder(1)
        for encoder in (axial, foramen):
            encoder.start_from(networks.start_weights("lite0"))
    else:
        whole = release.loaded(networks.Stenosis(), options.work / "fit" / f"{options.start}.pt")
        axial, foramen = whole.axial, whole.foramen
    return axial.eval(), foramen.eval()


@torch.no_grad()
def axial_features(encoder, pictures):
    """Seen from the left side (in the mirror) and from the right."""
    rows = []
    for k in range(0, len(pictures), CHUNK):
        x = torch.from_numpy(pictures[k : k + CHUNK]).float() / 255
        whole = [encoder(side) for side in (x.flip(-1), x)]
        rows.append(torch.stack([torch.cat([networks.pooled(f), networks.pooled(f[..., : f.shape[-1] // 2])], 1) for f in whole], 1))
    return torch.cat(rows)


@torch.no_grad()
def foramen_features(encoder, pictures):
    rows = [networks.pooled(encoder(torch.from_numpy(pictures[k : k + CHUNK]).float() / 255)) for k in range(0, len(pictures), CHUNK)]
    return torch.cat([r.repeat(1, 2) for r in rows])


def fitted(axial, foramen, present, truth, rows):
    torch.manual_seed(1)
    heads = Heads(axial.shape[-1])
    optimizer = torch.optim.AdamW(heads.parameters(), lr=1e-3, weight_decay=0.05)
    rng = np.random.default_rng(1)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (0.5 + 0.5 * np.cos(np.pi * step / STEPS))
        i = rng.choice(rows, BATCH)
        there = present[i].clone()
        alone = torch.rand(len(i))
        there[alone < 0.25, 0] = 0
        there[alone > 0.75, 1:] = 0
        told = (truth[i][:, :, None] > torch.arange(3)).float()
        loss = F.binary_cross_entropy_with_logits(heads(axial[i], foramen[i], there), told)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return heads.eval()


def class_average(said, truth):
    return np.mean([np.mean(said[truth == k] == k) for k in range(4)])


@torch.no_grad()
def judge(options):
    found = loaded(options.work)
    seed = found["seed"]
    truth, present = torch.from_numpy(found["truth"].astype(int)), torch.from_numpy(found["present"].astype(np.float32))
    axial_branch, foramen_branch = branches(options)
    axial = axial_features(axial_branch, found["axial"])
    foramen = torch.stack([foramen_features(foramen_branch, found[side]) for side in ("left", "right")], 1)
    # As many numbers as the axial branch gives: whole and near.
    mean, spread = axial.mean((0, 1)), axial.std((0, 1)) + 1e-6
    mean_f, spread_f = foramen.mean((0, 1)), foramen.std((0, 1)) + 1e-6
    fitting = np.flatnonzero(np.isin(seed, list(seeds_of(options.seeds))))
    judging = np.flatnonzero(~np.isin(seed, list(seeds_of(options.seeds))) & found["present"].all(1))
    with torch.enable_grad():
        heads = fitted((axial - mean) / spread, (foramen - mean_f) / spread_f, present, truth, fitting)
    print(f"{options.start}: heads fitted on {len(set(seed[fitting]))} phantoms, judged on {len(set(seed[judging]))} others, {len(judging)} levels (simulated disease)")
    t = truth[judging].numpy()
    for name, mask in (("both views", [1, 1, 1]), ("axial alone", [1, 0, 0]), ("foramina alone", [0, 1, 1])):
        there = present[judging] * torch.tensor(mask)
        out = heads((axial[judging] - mean) / spread, (foramen[judging] - mean_f) / spread_f, there)
        grade = torch.cumprod((out > 0).int(), 2).sum(2).numpy()
        sides = class_average(grade[:, 1:].ravel(), t[:, 1:].ravel())
        print(f"  {name:15} class average over four grades: canal {class_average(grade[:, 0], t[:, 0]):.3f}, foramina {sides:.3f}")
    if options.on_patients:
        on_patients(options, heads, axial_branch, mean, spread, foramen.shape[-1])


@torch.no_grad()
def on_patients(options, heads, branch, mean, spread, width):
    data = levels.Levels(options.work, torch.device("cpu"))
    known = np.flatnonzero(data.axial.truth[:, 0] >= 0)
    pictures = [frames.levelled(data.picture("axial", known[k : k + CHUNK]), frames.AXIAL_LEVELS) for k in range(0, len(known), CHUNK)]
    seen = axial_features(branch, np.round(255 * torch.cat(pictures).numpy()).astype(np.uint8))
    there = torch.tensor([[1.0, 0.0, 0.0]]).expand(len(seen), 3)
    out = heads((seen - mean) / spread, torch.zeros(len(seen), 2, width), there)[:, 0].numpy()
    truth, group = data.axial.truth[known, 0], np.unique(data.axial.group[known], return_inverse=True)[1]
    for k in (0, 1):
        y, score = truth > k, out[:, 1 + k]
        low, high = figures.interval(lambda rows, y=y, score=score: figures.auroc(score[rows], y[rows]), group, np.random.default_rng(figures.SEED))
        print(f"  on {len(known)} axial crops of RSNA, {['moderate or worse', 'severe'][k]}: AUROC {figures.auroc(score, y):.3f} ({low:.3f} to {high:.3f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", required=True, metavar="FIRST..LAST")
    parser.add_argument("--start", default="lite0")
    parser.add_argument("--on-patients", action="store_true")
    judge(parser.parse_args())


if __name__ == "__main__":
    main()
