"""What the scripts of `bench/` share: processes timed from outside, medians with their spread, where everything lies."""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [sys.executable, "-m", "pipeline"]
PIPELINE = ROOT / "bench/python"


def add_arguments(parser):
    parser.add_argument("--deepspine", type=Path, default=ROOT / "target/release/deepspine", help="the binary that is measured")
    parser.add_argument("--maker", type=Path, help="the binary that makes phantoms, where the measured one is too old to")
    parser.add_argument("--models", type=Path, default=ROOT / "models/research")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="threads over which slices are spread")


@dataclass
class Run:
    """A process: from exec until it ended, seconds; the peak of its resident memory; what it wrote."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    out: str


def run(command, cwd=ROOT):
    # A file, no pipe: nobody has to read it while the process is awaited.
    with tempfile.TemporaryFile("w+") as out:
        since = time.perf_counter()
        child = subprocess.Popen([str(c) for c in command], stdout=out, stderr=subprocess.PIPE, text=True, cwd=cwd)
        complaint = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - since
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{' '.join(map(str, command))} ended with {child.returncode}: {complaint.strip()[-500:]}")
        out.seek(0)
        return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.read())


def analyze(options, study, threads=None):
    command = [options.deepspine.resolve(), "analyze", "--format", "json", "--models", options.models.resolve()]
    return run([*command, "--threads", threads or options.threads, Path(study).resolve()])


def stages(done):
    """{stage: ms} of a report."""
    return {t["stage"]: t["wall_ms"] for t in json.loads(done.out)["timings"]}


def middle(values):
    return statistics.median(values)


def spread(values, unit="", digits=2):
    """The median with the least and the most."""
    return f"{middle(values):.{digits}f}{unit} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def maker(options):
    return (options.maker or options.deepspine).resolve()


def phantom(options, out, **asked):
    """A phantom study in `out`; keywords are the verb's options."""
    words = [w for name, value in asked.items() for w in (f"--{name.replace('_', '-')}", str(value))]
    run([maker(options), "phantom", "--out", out, *words])
    return out


def study(options, out, seed=1):
    """The study that speed is judged on."""
    run([ROOT / "bench/study", out, seed, maker(options)])
    return out


def status_kib(pid, key):
    """A line of /proc/PID/status, KiB; None where the process is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    line = next((line for line in text.splitlines() if line.startswith(f"{key}:")), None)
    return int(line.split()[1]) if line else None


def machine():
    """One line that says what this was measured on."""
    names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("model name", "Model"))]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024**2
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({names[0] if names else platform.machine()}), {memory:.0f} GiB memory, Linux {platform.release()}, load {load:.1f} when it began"


def version(options):
    return run([options.deepspine.resolve(), "--version"]).out.strip()
