"""Takes training up from an exported file: the norms that export folded away are laid out again, so that nothing changes.

A fresh norm would rescale what the folded convolutions give. Each gets the mean and the spread that its convolution has on
training images, and the scale and offset that undo them: the network as a whole stays the one that was exported.
"""

import onnx
import torch
from onnx import numpy_helper

from .export import fold
from .network import SpineNet


def unfolded(path, shape, images):
    """The network of `path`, with norms that fit `images` (count, 1, rows, columns); a list of them may differ in size."""
    stored = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in onnx.load(path).graph.initializer}
    bare = fold(SpineNet(shape).eval())
    bare.load_state_dict(stored)
    network = SpineNet(shape)
    norms = {n: m for n, m in network.named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
    for name, norm in norms.items():
        place = name.rsplit(".", 1)[0]  # of the convolution and its norm in one, as exported
        network.get_submodule(f"{place}.0").weight.data.copy_(stored[f"{place}.weight"])
        mean, spread = outputs_of(bare, place, images)
        offset = stored[f"{place}.bias"]
        norm.running_mean.copy_(mean - offset)
        norm.running_var.copy_(spread)
        norm.weight.data.copy_(torch.sqrt(spread + norm.eps))
        norm.bias.data.copy_(mean)
    plain = {k: v for k, v in stored.items() if k in network.state_dict()}
    network.load_state_dict(plain, strict=False)
    network.eval()
    worst = max(float((network(i) - bare(i)).detach().abs().max()) for i in images)
    assert worst < 1e-2, f"{path} was not laid out again as it was: off by {worst}"
    return network.train().state_dict()


def outputs_of(bare, place, images):
    """Mean and variance, by channel, of what the convolution at `place` gives."""
    seen = []
    hook = bare.get_submodule(place).register_forward_hook(lambda _, __, out: seen.append(out.flatten(2).transpose(0, 1).flatten(1)))
    with torch.no_grad():
        for image in images:
            bare(image)
    hook.remove()
    variance, mean = torch.var_mean(torch.cat(seen, 1), dim=1)
    return mean, variance
