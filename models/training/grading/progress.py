"""How a training goes on: the average of its weights, and where it stands, saved so that an interrupted run ends as an uninterrupted one would."""

import os

import torch
from torch.optim import swa_utils

# A checkpoint is written after so many steps.
SAVE_STEPS = 200


def averaged(network, ema):
    """The network's weights averaged over the steps, each new one with a share of 1 - `ema`."""
    if hasattr(swa_utils, "get_ema_multi_avg_fn"):
        return swa_utils.AveragedModel(network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(ema), use_buffers=True)
    # Before torch 2.1.
    return swa_utils.AveragedModel(network, avg_fn=lambda mean, new, _: ema * mean + (1 - ema) * new, use_buffers=True)


def save_whole(what, path):
    """`torch.save`, whole or not at all."""
    part = path.with_suffix(".part")
    torch.save(what, part)
    os.replace(part, path)


class Progress:
    """Steps done of one run, in `path`; without a path nothing is kept. `random` is a numpy generator that the run draws from as well."""

    def __init__(self, path, network, average, optimizer, random=None):
        self.path, self.parts, self.random = path, {"network": network, "average": average, "optimizer": optimizer}, random

    def taken_up(self):
        """The step at which to go on: 0 where nothing was saved."""
        if not self.path or not self.path.exists():
            return 0
        saved = torch.load(self.path, map_location="cpu")
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        torch.set_rng_state(saved["torch"])
        if self.random is not None:
            self.random.bit_generator.state = saved["random"]
        if torch.cuda.is_available():
            torch.cuda.set_rng_state_all(saved["cuda"])
        return saved["step"]

    def keep(self, step):
        """Called after each step, with how many are done."""
        if not self.path or step % SAVE_STEPS:
            return
        saved = {name: part.state_dict() for name, part in self.parts.items()} | {"step": step, "torch": torch.get_rng_state()}
        saved["random"] = self.random.bit_generator.state if self.random is not None else None
        saved["cuda"] = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        save_whole(saved, self.path)

    def over(self):
        """The run is finished and kept elsewhere."""
        if self.path and self.path.exists():
            self.path.unlink()
