"""Trains the segmentation network on CPU cores, resumable, the same weights for the same seed and sources.

    python -m segmentation.train --data ../../../shared/data --work ../../../train    (from models/training)

Each core is a process with its own part of the batch; gradients are averaged once a step. On cores shared with other
work that is much quicker than threads, which wait for each other at every layer. Convolutions run in bfloat16 where
the processor has it; weights, statistics and the loss stay in float32.
"""

import argparse
import copy
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from . import augment, cache, shipped, sources, splits, targets
from .network import SHAPE, SHAPES, SpineNet, parameter_count

# How often a set's slices are drawn, before the shares of the sets at hand are made to sum to one.
SHARES = {"spider": 0.42, "sudirman": 0.36, "midsagittal": 0.16, "phantom": 0.15, "nothing": 0.03}
# Crops (rows, columns): small ones for speed, then, for the last part of a training, such as the appliance sees.
SMALL_CROPS = [(224, 160), (192, 192), (256, 160)]
FULL_CROPS = [(256, 256), (256, 224), (320, 256)]
FULL_CROPS_FROM = 0.85
# How many batches the norms of an exported network are laid out by.
UNFOLDING_BATCHES = 8


def arguments(given=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--work", type=Path, required=True, help="caches and checkpoints; outside the repository")
    parser.add_argument("--phantom", type=Path, help="folder of synthetic slices with labels")
    parser.add_argument("--pseudo", action="store_true", help="use the teacher's labels made by segmentation.pseudo")
    parser.add_argument("--steps", type=int, default=6000, help="the learning rate falls towards this step")
    parser.add_argument("--until", type=int, help="stop here, before the rate has fallen, to go on later")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shape", choices=SHAPES, default=SHAPE)
    parser.add_argument("--fold", type=int, default=0, help="leave out this fold of splits.toml; 0 holds the validation part")
    parser.add_argument("--without-spider", action="store_true", help="a common start for the folds, which none has seen")
    parser.add_argument("--spider-share", type=float, default=SHARES["spider"], help="how often SPIDER is drawn, of about one")
    parser.add_argument("--start", type=Path, help="begin with the averaged weights of this checkpoint, or an exported file")
    parser.add_argument("--checkpoint", type=Path, help="where to save and go on from (WORK/checkpoint.pt)")
    options = parser.parse_args(given)
    # Where the processor can't multiply bfloat16, it is converted to and fro and takes three times as long.
    options.bfloat16 = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return options


def load_sources(options):
    folder = options.work / "cache"
    loaded = {"nothing": augment.Nothing()}
    if not options.without_spider:
        left_out = splits.load()["spider_folds"][f"fold_{options.fold}"]
        loaded["spider"] = cache.Slices(folder / "spider.npz", left_out)
    loaded["sudirman"] = cache.Slices(folder / ("sudirman_pseudo.npz" if options.pseudo else "sudirman.npz"))
    if options.pseudo:
        loaded["midsagittal"] = cache.Slices(folder / "midsagittal_pseudo.npz")
    if options.phantom:
        loaded["phantom"] = cache.Slices(folder / "phantom.npz")
    return loaded


def batch(loaded, options, step, rank):
    """Drawn from the seed, the step and the place in the batch alone, so a resumed run goes on as if never stopped."""
    names = list(loaded)
    shares = np.array([options.spider_share if n == "spider" else SHARES[n] for n in names])
    size = (FULL_CROPS if step >= FULL_CROPS_FROM * options.steps else SMALL_CROPS)[step % 3]
    pairs = []
    for place in range(rank, options.batch, options.processes):
        rng = np.random.default_rng([options.seed, step, place])
        source = loaded[names[rng.choice(len(names), p=shares / shares.sum())]]
        pairs.append(augment.slice_of(rng, *source[rng.integers(len(source))], size))
    images, codes = zip(*pairs)
    return torch.stack(images)[:, None], torch.stack(codes)


def start(options, loaded):
    """What was trained before, from a checkpoint or from an exported file, whose norms are laid out by the first batches."""
    if options.start.suffix == ".onnx":
        images = [batch(loaded, options, step, 0)[0] for step in range(UNFOLDING_BATCHES)]
        return shipped.unfolded(options.start, options.shape, images)
    return torch.load(options.start)["average"]


def rate(options, step):
    warm = min(1.0, (step + 1) / 100)
    return options.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(step / options.steps, 1))))


def average_gradients(network, processes):
    if processes > 1:
        flat = torch.cat([p.grad.reshape(-1) for p in network.parameters()])
        dist.all_reduce(flat)
        flat /= processes
        for p, g in zip(network.parameters(), flat.split([p.numel() for p in network.parameters()])):
            p.grad.copy_(g.view_as(p))


def follow(average, network, step):
    """The exported weights are a running mean of the trained ones: smoother, and better than any single step."""
    keep = min(0.998, (step + 1) / (step + 20))
    with torch.no_grad():
        for a, b in zip(average.state_dict().values(), network.state_dict().values()):
            a.lerp_(b, 1 - keep) if a.is_floating_point() else a.copy_(b)


def save(path, **state):
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    os.replace(temporary, path)


def run(rank, options):
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    if options.processes > 1:
        store = f"file://{options.work.resolve()}/rendezvous-{os.getppid()}"
        dist.init_process_group("gloo", init_method=store, rank=rank, world_size=options.processes)
    loaded = load_sources(options)
    network = SpineNet(options.shape).to(memory_format=torch.channels_last)
    if options.start:
        # Of the same shape; what was learnt on the way stays, the optimizer begins anew.
        network.load_state_dict(start(options, loaded))
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=1e-4)
    path, step = options.checkpoint or options.work / "checkpoint.pt", 0
    if path.exists():
        state = torch.load(path)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    if rank == 0:
        print({n: len(s) for n, s in loaded.items()}, parameter_count(network), "parameters, from step", step, flush=True)
    began, losses = time.time(), []
    last = min(options.until or options.steps, options.steps)
    while step < last:
        images, codes = batch(loaded, options, step, rank)
        for group in optimizer.param_groups:
            group["lr"] = rate(options, step)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.bfloat16):
            logits = network(images.contiguous(memory_format=torch.channels_last))
        value = targets.loss(logits.float(), codes)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        average_gradients(network, options.processes)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        follow(average, network, step)
        losses.append(value.item())
        step += 1
        if rank == 0 and step % 50 == 0:
            pace = (time.time() - began) / len(losses)
            print(f"{time.strftime('%T')} step {step} loss {np.mean(losses[-50:]):.4f} {pace:.2f} s/step", flush=True)
        if rank == 0 and (step % 200 == 0 or step == last):
            state = {"shape": options.shape, "network": network.state_dict(), "average": average.state_dict()}
            save(path, **state, optimizer=optimizer.state_dict(), step=step, options=str(vars(options)))


def main():
    options = arguments()
    cache.prepare(options.data, options.work / "cache")
    if options.phantom:
        cache.prepare_phantom(options.phantom, options.work / "cache")
    if options.processes == 1:
        run(0, options)
    else:
        torch.multiprocessing.spawn(run, (options,), options.processes)


if __name__ == "__main__":
    main()
