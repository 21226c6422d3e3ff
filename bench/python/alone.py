"""Networks alone on one core: tract as the appliance sets it up against ONNX Runtime, taking turns, at the sizes that a study uses."""

import collections
import os
import subprocess
import sys
import time

import numpy as np
from measuring import PIPELINE, middle

WARM_UP = 2

sys.path.insert(0, str(PIPELINE))


def sizes_of(options, study):
    """[(network, {input: shape}, runs)] of one study, by reading it with the Python pipeline."""
    from pipeline.networks import Networks
    from pipeline.reading import Reader

    networks, seen = Networks(options.models), collections.Counter()
    for name, network in networks.by_name.items():

        def counting(inputs, name=name, run=network.run):
            seen[name, tuple((k, v.shape) for k, v in inputs.items())] += 1
            return run(inputs)

        network.run = counting
    Reader(networks, 1).read([study])
    return networks, [(name, dict(shapes), runs) for (name, shapes), runs in sorted(seen.items())]


def values(shape):
    """As examples/speed.rs has them: no zeros, which are faster on some processors."""
    count = int(np.prod(shape))
    return ((np.arange(count, dtype=np.int64) * 7919) % 1000).astype(np.float32).reshape(shape) / 1000


class Tract:
    def __init__(self, options, name, shapes):
        words = [str(n) for n in next(iter(shapes.values()))[2:]] if name == "segmentation" else [name]
        command = [str(options.speed.resolve()), str(options.models.resolve()), *words]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run_ms(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return float(self.child.stdout.readline())

    def end(self):
        self.child.stdin.close()
        self.child.wait()


def compare(options, study, rounds):
    """Rows (network, size, runs in a study, tract ms, ONNX Runtime ms, ratio's median of pairs)."""
    cores = os.sched_getaffinity(0)
    networks, sizes = sizes_of(options, study)
    os.sched_setaffinity(0, {max(cores)})
    rows = []
    try:
        for name, shapes, runs in sizes:
            session, feed = networks.by_name[name].session, {k: values(s) for k, s in shapes.items()}
            tract, pairs = Tract(options, name, shapes), []
            for k in range(WARM_UP + rounds):
                ours = tract.run_ms()
                since = time.perf_counter()
                session.run(None, feed)
                pairs += [(ours, (time.perf_counter() - since) * 1e3)] if k >= WARM_UP else []
            tract.end()
            size = " x ".join(str(n) for n in next(iter(shapes.values()))[2:]) if name == "segmentation" else "a level"
            rows.append((name, size, runs, middle([p[0] for p in pairs]), middle([p[1] for p in pairs]), middle([a / b for a, b in pairs])))
    finally:
        os.sched_setaffinity(0, cores)
    return rows
