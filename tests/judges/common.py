"""What the judges share: running the binary, and where the training code lies that writes a series as DICOM.

How right readings are is `deepspine evaluate`'s business (docs/evaluation.md). Every judge here prints its command."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CANAL = 61

# Packages `evaluation` (series as DICOM) and `segmentation` (the image sets).
sys.path.insert(0, str(ROOT / "models/training"))


def add_arguments(parser, data=True):
    parser.add_argument("--binary", default=str(ROOT / "target/release/deepspine"))
    parser.add_argument("--models", default=str(ROOT / "models"))
    parser.add_argument("--keep", type=Path, help="keep studies and results in this folder")
    if data:
        parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")


def header():
    print("command:", " ".join(["python", *sys.argv]))


def held_out(name):
    with open(ROOT / "models/manifest.toml", "rb") as f:
        return tomllib.load(f)["held_out"][name]


def analyze(arguments, study, out):
    """Runs `deepspine analyze` on a folder; its report, or None where it failed (said on stderr)."""
    command = [arguments.binary, "analyze", "--models", arguments.models, "--format", "json", "--out", str(out), str(study)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        print(f"{study}: exit {done.returncode}: {done.stderr.strip()}", file=sys.stderr)
        return None
    return json.loads((Path(out) / "report.json").read_text())
