"""Trains the one-view networks: every fold, and what ships.

    python -m grading.fit --work WORK --plan grading/plan.toml [--parallel N] [--steps-scale 0.1]

A plan is a list of runs; each writes WORK/fit/<name>_<fold>.npz (logits on the fold that it has not seen) and, for fold "all", a checkpoint.
Runs on a GPU where there is one, else on the CPU.
"""

import argparse
import math
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from . import augment, networks, sets, start
from .progress import Progress, averaged, save_whole

DEFAULTS = {
    "seed": 1, "blocks": 9, "start": "", "steps": 1500, "batch": 64, "learning_rate": 1e-3, "decay": 0.05, "ema": 0.997, "balance": 0.5, "light": 1.0,
    "seconds_max": math.inf,
}
# Crops that are judged at a time.
CHUNK = 256
WARM_STEPS = 60


def thresholds(task):
    return task.classes - 1


def targets(truth, tasks):
    """[n, thresholds] of 0 and 1 ("worse than"), and which of them are known."""
    columns, known = [], []
    for k, task in enumerate(tasks):
        for t in range(thresholds(task)):
            columns.append(truth[:, k] > t)
            known.append(truth[:, k] >= 0)
    return torch.tensor(np.stack(columns, 1), dtype=torch.float32), torch.tensor(np.stack(known, 1), dtype=torch.float32)


def column_weights(y, known, tasks):
    """How much each threshold counts, and how much more its positives."""
    share = torch.cat([torch.full((thresholds(t),), t.weight / thresholds(t)) for t in tasks])
    positive = ((y * known).sum(0) + 1) / (known.sum(0) + 2)
    more = ((1 - positive) / positive).clamp(1 / 16, 16) ** 0.5
    return share, more


def told(said):
    """`targets` of thresholds that were told one by one: 1 worse, 0 not worse, -1 not known."""
    return torch.tensor(said == 1, dtype=torch.float32), torch.tensor(said >= 0, dtype=torch.float32)


def draw_chance(said, balance=0.5):
    """How often a row is drawn: the rarer what is said of it, the more."""
    weight = np.ones(len(said))
    for k in range(said.shape[1]):
        positive, known = (said[:, k] == 1), (said[:, k] >= 0)
        if positive.any():
            weight = np.where(positive, np.maximum(weight, min((known.sum() / 2 / positive.sum()) ** balance, 6)), weight)
    return weight / max(weight.sum(), 1e-9)


def draw_weights(truth, tasks, balance):
    """How often each crop is drawn: rarer grades more often, by the rarest that it has."""
    weight = np.ones(len(truth))
    for k, _ in enumerate(tasks):
        values, counts = np.unique(truth[truth[:, k] >= 0, k], return_counts=True)
        if not len(values):
            continue
        rarity = dict(zip(values.tolist(), (counts.sum() / len(counts) / counts) ** balance))
        weight = np.maximum(weight, [min(rarity.get(v, 0), 6) for v in truth[:, k].tolist()])
    return torch.tensor(weight)


def network_of(run, crops):
    if run["set"] == "axial":
        return networks.Axial(blocks=run["blocks"])
    return networks.OneView(crops.images.shape[1], sum(map(thresholds, crops.tasks)), run["blocks"])


def mirrored_axial(x, y, known):
    """Half of the crops in the mirror, with left and right changed."""
    order = torch.tensor([0, 1, *range(6, 10), *range(2, 6)], device=x.device)
    flip = torch.rand(len(x), device=x.device) < 0.5
    pick = lambda a, b: torch.where(flip.view(-1, *[1] * (a.dim() - 1)), b, a)
    return pick(x, x.flip(-1)), pick(y, y[:, order]), pick(known, known[:, order])


def batch_of(run, x, y, known):
    x = x.float() / 255
    if run["set"] == "axial":
        x, y, known = mirrored_axial(x, y, known)
        # Which neighbour comes first is not told; either may be missing, and is then the named slice again.
        x = torch.where((torch.rand(len(x), device=x.device) < 0.5).view(-1, 1, 1, 1), x.flip(1), x)
        for side in (0, 2):
            gone = (torch.rand(len(x), device=x.device) < 0.1).view(-1, 1, 1)
            x[:, side] = torch.where(gone, x[:, 1], x[:, side])
        x = augment.moved(x, 10, 1.2, (0.08, 0.06))
    elif run["set"] == "foramina":
        x = augment.moved(x, 12, 1.2, (0.05, 0.05))
    else:
        x = augment.without_channels(augment.moved(x, 8, 1.15, (0.06, 0.05)), 0.15)
    return augment.erased(augment.relit(x, run["light"])), y, known


def set_rate(optimizer, most, step, done):
    """Rises over the first steps, and falls by a half cosine over the whole (`done`, 0 to 1)."""
    for group in optimizer.param_groups:
        group["lr"] = most * min((step + 1) / WARM_STEPS, 0.5 + 0.5 * math.cos(math.pi * done))


def prepared(run, x):
    """What every network of the set is shown: foramina are cut closer and magnified."""
    return F.interpolate(x[..., 8:64, 8:64], size=(96, 96), mode="bilinear", align_corners=False) if run["set"] == "foramina" else x


@torch.no_grad()
def logits_of(run, network, images, device):
    network.eval()
    found = []
    for k in range(0, len(images), CHUNK):
        x = prepared(run, images[k : k + CHUNK].to(device).float() / 255)
        found.append(network(x).float().cpu())
    return torch.cat(found).numpy() if found else np.zeros((0, 0), np.float32)


def taught(run, crops, seen):
    """(targets, which are known, how often each crop is drawn) of the crops that are seen."""
    if crops.said is not None:
        return *told(crops.said[seen]), torch.tensor(draw_chance(crops.said[seen], run["balance"]))
    return *targets(crops.truth[seen], crops.tasks), draw_weights(crops.truth[seen], crops.tasks, run["balance"])


def train(run, crops, device, seen, log, checkpoint=None):
    torch.manual_seed(run["seed"])
    network = network_of(run, crops)
    log(start.begin(network, run["start"]))
    network = network.to(device, memory_format=torch.channels_last)
    average = averaged(network, run["ema"])
    images = torch.from_numpy(crops.images[seen]).to(device)
    y, known, draws = taught(run, crops, seen)
    share, more = (t.to(device) for t in column_weights(y, known, crops.tasks))
    y, known = y.to(device), known.to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=run["learning_rate"], weight_decay=run["decay"])
    mixed = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    begun, progress = time.monotonic(), Progress(checkpoint, network, average, optimizer)
    for step in range(progress.taken_up(), run["steps"]):
        done = max(step / run["steps"], (time.monotonic() - begun) / run["seconds_max"])
        if done >= 1:
            log(f"ends at step {step}: the time is used up")
            break
        set_rate(optimizer, run["learning_rate"], step, done)
        network.train()
        pick = torch.multinomial(draws, run["batch"], replacement=True).to(device)
        x, t, k = batch_of(run, images[pick], y[pick], known[pick])
        with mixed:
            out = network(prepared(run, x))
        loss = F.binary_cross_entropy_with_logits(out.float(), t, weight=k * share * (1 + t * (more - 1)), reduction="sum") / run["batch"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        average.update_parameters(network)
        progress.keep(step + 1)
        if step % 200 == 0 or step + 1 == run["steps"]:
            log(f"step {step} loss {loss.item():.4f} {(time.monotonic() - begun) / (step + 1):.3f} s a step")
    return average.module


def one(options, run):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    crops = sets.LOAD[run["set"]](options.work)
    fold, name = run["fold"], f"{run['name']}_{run['fold']}"
    judged = crops.part == (-1 if fold == "all" else fold)
    network = train(run, crops, device, (crops.part >= 0) & ~judged, lambda text: print(name, text, flush=True))
    index = np.where(judged)[0]
    logits = logits_of(run, network, torch.from_numpy(crops.images[index]), device)
    folder = options.work / "fit"
    folder.mkdir(exist_ok=True)
    np.savez(folder / f"{name}.npz", index=index, logits=logits)
    if fold == "all":
        save_whole({"run": run, "state": {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}}, folder / f"{name}.pt")


def runs_of(plan):
    """Every run of a plan with its fold, defaults filled in."""
    entries = tomllib.loads(plan.read_text())
    return [DEFAULTS | entries.get("defaults", {}) | r | {"fold": f} for r in entries["run"] for f in r.get("folds", [0, 1, 2, 3, 4, "all"])]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--parallel", type=int, default=1, help="runs at a time")
    parser.add_argument("--only", type=int, help="number of the one run to do, in this process")
    parser.add_argument("--steps-scale", type=float, default=1.0)
    options = parser.parse_args()
    runs = runs_of(options.plan)
    if options.only is not None:
        run = runs[options.only]
        torch.set_num_threads(1 if options.parallel > 1 else max(1, torch.get_num_threads()))
        one(options, run | {"steps": max(1, int(run["steps"] * options.steps_scale))})
        return
    todo = [k for k, r in enumerate(runs) if not (options.work / "fit" / f"{r['name']}_{r['fold']}.npz").exists()]

    def start(k):
        return subprocess.run([sys.executable, "-m", "grading.fit", *sys.argv[1:], "--only", str(k)]).returncode

    with ThreadPoolExecutor(options.parallel) as pool:
        failed = sum(code != 0 for code in pool.map(start, todo))
    sys.exit(f"{failed} runs failed" if failed else 0)


if __name__ == "__main__":
    main()
