"""Takes training up from an exported file: the norms that export folded away are laid out again, so that nothing changes.

A fresh norm would rescale what the folded convolutions give. Each gets the mean and the spread that its convolution has on
training images, and the scale and offset that undo them: the network as a whole stays the one that was exported.
"""

import torch

import storage

from .export import fold
from .network import SpineNet


def unfolded(path, shape, images):
    """The network of `path`, with norms that fit `images` (count, 1, rows, columns); a list of them may differ in size."""
    stored = {name: torch.from_numpy(values) for name, values in storage.weights(path).items()}
    bare = fold(SpineNet(shape).eval())
    bare.load_state_dict(stored)
    network = SpineNet(shape)
    norms = {n: m for n, m in network.named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
    places = {name: name.rsplit(".", 1)[0] for name in norms}  # of the convolution and its norm in one, as exported
    given = outputs_of(bare, places.values(), images)
    for name, norm in norms.items():
        place = places[name]
        network.get_submodule(f"{place}.0").weight.data.copy_(stored[f"{place}.weight"])
        mean, spread = given[place]
        norm.running_mean.copy_(mean - stored[f"{place}.bias"])
        norm.running_var.copy_(spread)
        norm.weight.data.copy_(torch.sqrt(spread + norm.eps))
        norm.bias.data.copy_(mean)
    plain = {k: v for k, v in stored.items() if k in network.state_dict()}
    network.load_state_dict(plain, strict=False)
    network.eval()
    worst = max(float((network(i) - bare(i)).detach().abs().max()) for i in images)
    assert worst < 1e-2, f"{path} was not laid out again as it was: off by {worst}"
    return network.train().state_dict()


def outputs_of(bare, places, images):
    """By place, the mean and variance of each channel that the convolution there gives."""
    sums = {place: [] for place in places}

    def note(place):
        def hook(_module, _inputs, out):
            count = torch.full((out.shape[1],), out[:, 0].numel())
            sums[place].append(torch.stack([count, out.sum((0, 2, 3)), (out**2).sum((0, 2, 3))]).double())

        return hook

    hooks = [bare.get_submodule(place).register_forward_hook(note(place)) for place in sums]
    with torch.no_grad():
        for image in images:
            bare(image)
    for hook in hooks:
        hook.remove()
    found = {}
    for place, parts in sums.items():
        count, total, squares = torch.stack(parts).sum(0)
        mean = total / count
        found[place] = (mean.float(), (squares / count - mean**2).clamp(min=0).float())
    return found
