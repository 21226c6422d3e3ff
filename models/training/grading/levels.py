"""Trains the stenosis network on levels: whatever views a level has, whatever was said of it.

    python -m grading.levels --work WORK --name NAME --fold K|all [--without rsna] [--start lite0] [--steps N]

Truths of "worse than normal, mild, moderate", a column a threshold, -1 where a truth does not tell: RSNA's `Normal/Mild` is not worse than
mild, and nothing is known of normal; a note's compression is worse than normal, and nothing more is known; a note's "no compression" is normal.

No real set has axial and mid-sagittal pictures of one level. So that the trunk knows both together, a level with an axial view is now and then given
the disc of another patient of whom a note says the same of the canal. No figure is of such pairs.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from . import augment, networks, sets, start
from .fit import CHUNK, draw_chance, prepared, set_rate
from .progress import Progress, averaged, save_whole

SITES = ["canal", "left_recess", "left_foramen", "right_recess", "right_foramen"]
MIRROR = [0, 1, 2, *range(9, 15), *range(3, 9)]
RSNA_BOUNDS = {-1: (-1, -1, -1), 0: (-1, 0, 0), 1: (1, 1, 0), 2: (1, 1, 1)}
NOTE_BOUNDS = {-1: (-1, -1, -1), 0: (0, 0, 0), 1: (1, -1, -1)}


class Rows:
    """Levels as the network is taught them: `views` [n, 4] of (axial, foramen_left, foramen_right, disc) indices into `pictures`, -1 where a view is
    missing, and what is `said` of the thresholds [n, 15]. Without pictures of discs the branch that sees them is not taught."""

    def __init__(self, views, said, group, part, pictures, device):
        self.views, self.said, self.group, self.part = np.array(views), np.array(said, np.int8), np.array(group), np.array(part)
        self.pictures = {view: torch.from_numpy(images).to(device) for view, images in pictures.items()}

    def picture(self, view, index):
        """[n, ...] of 0 to 1; zeros where the view is missing (index -1)."""
        crops = self.pictures[view]
        k = torch.from_numpy(index).to(crops.device)
        return crops[k.clamp(min=0)].float() / 255 * (k >= 0).view(-1, 1, 1, 1)

    def disc(self, index):
        return self.picture("disc", index) if "disc" in self.pictures else None

    def shown_foramina(self, x):
        """As the network sees them: the appliance's views are already so."""
        return x


class Levels(Rows):
    """The levels of the RSNA crops and of Sudirman's notes."""

    def __init__(self, work, device):
        self.axial, self.foramina, self.discs = sets.axial(work), sets.foramina(work), sets.discs(work)
        rows = self.rsna(work) + self.sudirman()
        pictures = {"axial": self.axial.images, "foramen": self.foramina.images, "disc": self.discs.images}
        super().__init__(*([r[k] for r in rows] for k in range(4)), pictures, device)

    def shown_foramina(self, x):
        return prepared({"set": "foramina"}, x)

    def rsna(self, work):
        a, f = np.load(work / "axial.npz"), np.load(work / "foramina.npz")
        foramen = {(s, level, side): k for k, (s, level, side) in enumerate(zip(f["study"].tolist(), f["level"], f["side"]))}
        rows, used = [], set()
        for k, (study, level) in enumerate(zip(a["study"].tolist(), a["level"])):
            sides = [foramen.get((study, level, side), -1) for side in ("left", "right")]
            used.update(sides)
            truth = self.axial.truth[k].tolist()
            # Where both sets grade a foramen, they are one grade of one reader; the crop's own is taken.
            for j, column in ((0, 2), (1, 4)):
                truth[column] = int(self.foramina.truth[sides[j], 0]) if sides[j] >= 0 else truth[column]
            rows.append(((k, *sides, -1), sum((RSNA_BOUNDS[t] for t in truth), ()), self.axial.group[k], self.axial.part[k]))
        alone = {}
        for (study, level, side), k in foramen.items():
            if k not in used:
                alone.setdefault((study, level), [-1, -1])[side == "right"] = k
        for sides in alone.values():
            truth = [-1, -1, -1, -1, -1]
            for j, column in ((0, 2), (1, 4)):
                truth[column] = int(self.foramina.truth[sides[j], 0]) if sides[j] >= 0 else -1
            one = max(sides)
            rows.append(((-1, *sides, -1), sum((RSNA_BOUNDS[t] for t in truth), ()), self.foramina.group[one], self.foramina.part[one]))
        return rows

    def sudirman(self):
        column = [t.name for t in self.discs.tasks].index
        sac, left, right = column("note_sac"), column("note_root_left"), column("note_root_right")
        rows = []
        for k, group in enumerate(self.discs.group):
            t = self.discs.truth[k]
            if group.startswith("sudirman") and max(t[sac], t[left], t[right]) >= 0:
                nothing = (-1, -1, -1)
                said = NOTE_BOUNDS[t[sac]] + nothing + NOTE_BOUNDS[t[left]] + nothing + NOTE_BOUNDS[t[right]]
                rows.append(((-1, -1, -1, k), said, group, self.discs.part[k]))
        return rows


class Batches:
    """Draws rows of the three kinds in fixed numbers: axial (with what foramina it has), foramina alone, disc alone."""

    def __init__(self, levels, rows, counts, seed):
        self.levels, self.counts = levels, counts
        self.random = np.random.default_rng(seed)
        views, said = levels.views[rows], levels.said[rows]
        kinds = [views[:, 0] >= 0, (views[:, 0] < 0) & (views[:, 3] < 0), views[:, 3] >= 0]
        self.kinds = [rows[k] for k in kinds]
        self.chance = [draw_chance(said[k]) for k in kinds]
        self.foramina = views[:, 1:3][views[:, 1:3] >= 0]
        # Discs by what a note says of their canal: 0 nothing there, 1 compressed.
        self.discs = [views[kinds[2] & (said[:, 0] == v), 3] for v in (0, 1)]

    def draw(self):
        """(views [n, 4], known thresholds [n, 15]); axial rows whose canal is graded have a disc that says the same."""
        rows = [self.random.choice(r, n, p=c) if n else r[:0] for r, c, n in zip(self.kinds, self.chance, self.counts)]
        rows = np.concatenate(rows)
        views, said = self.levels.views[rows].copy(), self.levels.said[rows]
        for k in range(self.counts[0]):
            # Not worse than mild, or moderate or worse.
            if said[k, 1] >= 0 and len(self.discs[said[k, 1]]):
                views[k, 3] = self.random.choice(self.discs[said[k, 1]])
        return views, said

    def stand_in(self, index):
        """Where no picture is, another's: seen by the branch for its statistics, and masked behind it."""
        if not len(self.foramina):
            return index
        return np.where(index >= 0, index, self.random.choice(self.foramina, len(index)))


def varied_axial(axial):
    """Which neighbour comes first is not told; either may be missing, and is then the named slice again."""
    n, device = len(axial), axial.device
    axial = torch.where((torch.rand(n, device=device) < 0.5).view(-1, 1, 1, 1), axial.flip(1), axial)
    for slice_ in (0, 2):
        gone = (torch.rand(n, device=device) < 0.1).view(-1, 1, 1)
        axial[:, slice_] = torch.where(gone, axial[:, 1], axial[:, slice_])
    return augment.erased(augment.relit(augment.moved(axial, 10, 1.2, (0.08, 0.06))))


def shown(batches, device):
    """One batch: pictures as they may come, sides changed in half of the levels, views missing now and then."""
    levels, (a, f, d) = batches.levels, batches.counts
    views, said = batches.draw()
    n, chance = len(views), lambda p: torch.rand(n, device=device) < p
    y = (torch.tensor(said, device=device) == 1).float()
    known = (torch.tensor(said, device=device) >= 0).float()
    present = torch.tensor(views >= 0, dtype=torch.float32, device=device)
    axial = levels.picture("axial", views[:a, 0]) if a else None
    sides = [levels.picture("foramen", batches.stand_in(views[: a + f, k])) for k in (1, 2)]
    disc = levels.disc(np.concatenate([np.maximum(views[:a, 3], 0), views[a + f :, 3]]))
    flip = chance(0.5)
    pick = lambda x, mirrored, rows=slice(None): torch.where(flip[rows].view(-1, *[1] * (x.dim() - 1)), mirrored, x)
    y, known, present = pick(y, y[:, MIRROR]), pick(known, known[:, MIRROR]), pick(present, present[:, [0, 2, 1, 3]])
    sides = [pick(sides[j], sides[1 - j], slice(0, a + f)) for j in (0, 1)]
    if axial is not None:
        axial = varied_axial(pick(axial, axial.flip(-1), slice(0, a)))
    if a + f:
        sides = [levels.shown_foramina(augment.erased(augment.relit(augment.moved(s, 12, 1.2, (0.05, 0.05))))) for s in sides]
    if disc is not None:
        disc = augment.erased(augment.relit(augment.without_channels(augment.moved(disc, 8, 1.15, (0.06, 0.05)), 0.2)))
    # The other patient's disc is there in a third of the levels. Of a level's own views either may be taken away where the other stays.
    borrowed = (torch.arange(n, device=device) < a) & ~chance(0.35)
    own = present.clone()
    own[:a, 3] = 0
    several = own.sum(1) > 1
    no_axial = several & chance(0.25)
    no_sides = several & ~no_axial & chance(0.33)
    return axial, sides, disc, present * (~torch.stack([no_axial, no_sides, no_sides, borrowed], 1)), y, known


def shares(known, y):
    """What each threshold counts: canal double, and positives by their rarity."""
    share = torch.tensor([2.0] * 3 + [1.0] * 12) / 3
    positive = ((y * known).sum(0) + 1) / (known.sum(0) + 2)
    return share, ((1 - positive) / positive).clamp(1 / 16, 16) ** 0.5


def train(levels, rows, options, device, log, checkpoint=None):
    torch.manual_seed(options.seed)
    network = networks.Stenosis(options.blocks)
    log(start.begin(network, options.start))
    network = network.to(device, memory_format=torch.channels_last)
    average = averaged(network, options.ema)
    counts = tuple(options.counts)
    said = torch.tensor(levels.said[rows])
    share, more = (t.to(device) for t in shares((said >= 0).float(), (said == 1).float()))
    batches = Batches(levels, rows, counts, options.seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=0.05)
    begun, progress = time.monotonic(), Progress(checkpoint, network, average, optimizer, batches.random)
    for step in range(progress.taken_up(), options.steps):
        done = max(step / options.steps, (time.monotonic() - begun) / options.seconds_max)
        if done >= 1:
            log(f"ends at step {step}: the time is used up")
            break
        set_rate(optimizer, options.learning_rate, step, done)
        network.train()
        axial, sides, disc, present, t, k = shown(batches, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            out = network.of_batch(axial, sides, disc, present, counts)
        loss = F.binary_cross_entropy_with_logits(out.float(), t, weight=k * share * (1 + t * (more - 1)), reduction="sum") / sum(counts)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        average.update_parameters(network)
        progress.keep(step + 1)
        if step % 200 == 0 or step + 1 == options.steps:
            log(f"step {step} loss {loss.item():.4f} {(time.monotonic() - begun) / (step + 1):.3f} s a step")
    return average.module


@torch.no_grad()
def logits_of(network, levels, views, device):
    network.eval()
    found = []
    for k in range(0, len(views), CHUNK):
        v = views[k : k + CHUNK]
        pictures = [levels.picture("axial", v[:, 0]), *(levels.shown_foramina(levels.picture("foramen", v[:, j])) for j in (1, 2))]
        present = torch.tensor(v >= 0, dtype=torch.float32, device=device)
        found.append(network(*pictures, levels.disc(v[:, 3]), present).float().cpu())
    return torch.cat(found).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--fold", required=True, help="the fold that judges, or `all`")
    parser.add_argument("--without", choices=["rsna"], help="a set that is not trained on")
    parser.add_argument("--start", help="lite0, or a file of its weights; without it training begins at random")
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--counts", type=int, nargs=3, default=(80, 64, 32), help="levels of a batch: axial, foramina alone, disc alone")
    parser.add_argument("--seconds-max", type=float, default=math.inf, help="ends sooner, the learning rate falling with the time")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--ema", type=float, default=0.997)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        torch.set_num_threads(1)
    everything = Levels(options.work, device)
    fold = -1 if options.fold == "all" else int(options.fold)
    rsna = np.char.startswith(everything.group, "rsna")
    seen = (everything.part >= 0) & (everything.part != fold) & ~(rsna & (options.without == "rsna"))
    name = f"{options.name}_{options.fold}"
    network = train(everything, np.where(seen)[0], options, device, lambda text: print(name, text, flush=True))
    index = np.where(everything.part == fold)[0]
    folder = options.work / "fit"
    folder.mkdir(exist_ok=True)
    if len(index):
        views = everything.views[index]
        axial_alone, sagittal_alone = views.copy(), views.copy()
        axial_alone[:, 1:3], sagittal_alone[:, 0] = -1, -1
        looks = {"logits": views, "axial_alone": axial_alone, "sagittal_alone": sagittal_alone}
        np.savez(folder / f"{name}.npz", index=index, **{k: logits_of(network, everything, v, device) for k, v in looks.items()})
    state = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    save_whole({"name": options.name, "blocks": options.blocks, "state": state}, folder / f"{name}.pt")


if __name__ == "__main__":
    main()
