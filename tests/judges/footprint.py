"""Peak memory and time of `deepspine analyze` as a whole process, median of five runs, with its own split by stage.

Inputs: the first held-out SPIDER T2-SPACE subject as one series (where the data are there), and a phantom series of
120 slices of 512 x 512 pixels."""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import common
from evaluation.series import write_sagittal_series
from segmentation import sources


def one_run(arguments, study, out):
    command = [arguments.binary, "analyze", "--models", arguments.models, "--out", str(out), str(study)]
    since = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=common.ROOT)
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, f"{study}: status {status}"
    timings = {t["stage"]: t["wall_ms"] for t in json.loads((out / "report.json").read_text())["timings"]}
    return usage.ru_maxrss / 1024, time.monotonic() - since, usage.ru_utime + usage.ru_stime, timings


def measure(arguments, name, study, work):
    runs = [one_run(arguments, study, work / "out") for _ in range(arguments.runs)]
    memory, wall, cpu = (np.median([r[i] for r in runs]) for i in range(3))
    stages = {s: np.median([r[3][s] for r in runs]) for s in runs[0][3]}
    split = ", ".join(f"{s} {ms:.0f}" for s, ms in stages.items())
    print(f"{name}: peak {memory:.0f} MiB, {wall:.2f} s wall, {cpu:.2f} s processor (medians of {arguments.runs}); ms by stage: {split}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    common.add_arguments(parser)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    common.header()
    print(f"{os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        if arguments.data.exists():
            subject = common.held_out("spider")[0]
            images, _ = sources.spider_volume(arguments.data, subject)
            spacing_mm = sources.space_spacing_mm(arguments.data, subject)
            write_sagittal_series(work / "space", images, sources.SPACE_PIXEL_MM, spacing_mm, "SPACE", 71000 + subject)
            measure(arguments, f"SPACE series, {len(images)} slices of {images.shape[1]} x {images.shape[2]}", work / "space", work)
        command = [arguments.binary, "phantom", "--out", str(work / "thin"), "--matrix", "512", "--slices", "120"]
        subprocess.run(command, check=True, capture_output=True)
        for folder in (work / "thin").iterdir():
            if folder.is_dir() and "t2" in folder.name and "sag" in folder.name:
                measure(arguments, "phantom series, 120 slices of 512 x 512", folder, work)


if __name__ == "__main__":
    main()
