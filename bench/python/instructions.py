"""Instructions retired by stage, by valgrind's callgrind: a figure that no other load and no clock changes. And an estimate from it for two ARM cores.

Callgrind has no AVX-512, so that kernels for AVX2 run. It is about fifty times slower than the machine: the study is small.
"""

import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

# A stage by the function that does it, and by whose call it counts: the same functions read the repeats and the second series.
STAGES = {
    "models": (r"networks::Networks::load$", r""),
    "headers": (r"dicom::intake::read_studies$", r""),
    "pixels": (r"Study>::images$", r""),
    "digests": (r"Study>::pixel_digests$", r""),
    "segmentation": (r"analysis::segmentation::segment(_as)?$", r"analysis::study::read$|pipeline::"),
    "curve-levels-measurements": (r"analysis::spine_reading::read_spine$", r"analysis::study::read$|pipeline::"),
    "orientation": (r"analysis::plausibility::lie$", r""),
    "second-looks": (r"analysis::second_looks::judge$", r""),
    "axial-slices": (r"analysis::level::axial::axial_slices$", r""),
    "grading": (r"analysis::grading::Grader::grade$", r""),
    "bundle": (r"bundle::Bundle::from_reading$", r""),
}
# What runs networks: most of it is kernels, whose instructions are the wider the fewer.
NETWORKS = r"inference::network::SegmentationPlan::run$|inference::grading::GradingNetwork::run$"

# name, clock in GHz, cores: Raspberry Pi 5 (BCM2712), Jetson Orin Nano 8 GB at 15 W.
CORES = [("Cortex-A76 (Raspberry Pi 5)", 2.4, 4), ("Cortex-A78AE (Jetson Orin Nano)", 1.5, 6)]
# Instructions a cycle, sustained: both decode four at most (Arm's software optimisation guides), and memory takes its part.
IPC_RANGE = (1.2, 2.4)
# AVX2 works on eight floats an instruction, NEON on four.
NEON_FACTOR = 2.0


def calls(path):
    """{(caller, callee): instructions of its calls, all that they call with them}, and the total."""
    names, found, total = {}, Counter(), 0
    caller = callee = None
    counts_call = False

    def named(word):
        number, _, name = word.partition(" ")
        names.setdefault(number, re.sub(r"'\d+$|\[[^\]]*\]", "", name))
        return names[number]

    for line in path.read_text().splitlines():
        if line.startswith("fn="):
            caller = named(line[3:])
        elif line.startswith("cfn="):
            callee = named(line[4:])
        elif line.startswith("calls="):
            counts_call = True
        elif counts_call:
            found[caller, callee] += int(line.split()[1])
            counts_call = False
        elif line.startswith(("totals:", "summary:")):
            total = max(total, int(line.split()[1]))
    return found, total


def measure(options, study):
    """Instructions of the whole, of each stage and of the networks."""
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(options.deepspine.resolve()), "analyze", "--format", "json"]
        command += ["--threads", "1", "--models", str(options.models.resolve()), str(study)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"valgrind ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        found, total = calls(out)
    if not total:
        raise SystemExit("callgrind counted nothing: its output has another form than this script reads")

    def of(by, from_):
        # Where one of the names calls the other, the outer call has it already.
        hits = {pair: n for pair, n in found.items() if re.search(by, pair[1]) and re.search(from_, pair[0]) and not re.search(by, pair[0])}
        return sum(hits.values())

    stages = {stage: of(*where) for stage, where in STAGES.items()}
    return {"total": total, "stages": {k: n for k, n in stages.items() if n}, "networks": of(NETWORKS, r"")}


def estimate(figures, wall_ratio):
    """(core, least s, most s) for one core, of a study that takes `wall_ratio` times the instructions of the one that was counted."""
    networks = figures["networks"] * NEON_FACTOR
    counted = (networks + figures["total"] - figures["networks"]) * wall_ratio
    return [(name, cores, counted / (IPC_RANGE[1] * ghz * 1e9), counted / (IPC_RANGE[0] * ghz * 1e9)) for name, ghz, cores in CORES]
