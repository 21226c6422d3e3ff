"""Judges the exported network and writes its entry of models/manifest.toml: nothing in the entry is typed by hand.

    python -m segmentation.release --part held_out --version 0.1.0 --steps 4300
"""

import argparse
import datetime
import hashlib
import re
from pathlib import Path

import numpy as np

from . import CLASSES, PERCENTILES, PIXEL_MM, SIZE_MULTIPLE, evaluate, sources, splits

SETS = """\
  { set = "SPIDER", licence = "CC BY 4.0", attribution = "van der Graaf et al., Lumbar spine segmentation in MR images, Scientific Data 2024, doi 10.1038/s41597-024-03090-w" },
  { set = "Sudirman, Lumbar Spine MRI Dataset", licence = "CC BY 4.0", attribution = "Al-Kafri, Sudirman et al., doi 10.17632/k57fr854j2; polygons: 'backspine' set" },
  { set = "phantom", licence = "ours", attribution = "deepspine's own phantom" },"""
TERMS = "Trained on CC BY 4.0 data with attribution; no non-commercial data. Not a diagnosis."


def mean(table, name):
    return float(np.mean([row[name] for row in table.values()]))


def metrics(part, spider, sudirman):
    rows = [f'judged_on = "{part}"']
    for name in ("vertebra", "disc", "canal", "body", "posterior"):
        worst = min(row[name] for row in spider.values())
        rows.append(f"spider_{name}_dice = {{ mean = {mean(spider, name):.4f}, worst = {worst:.4f} }}")
    rows += [f"sudirman_{name}_dice = {mean(sudirman, name):.4f}" for name in ("bone", "body", "sacrum")]
    for contrast in ("t1", "t2"):
        right = [row["right"] == 6 for (_, c), row in sudirman.items() if c == contrast]
        rows.append(f"sudirman_all_names_right_{contrast} = {np.mean(right):.4f}")
    return rows


def entry(options, rows):
    digest = hashlib.sha256(options.model.read_bytes()).hexdigest()
    classes = ", ".join(f'"{c}"' for c in CLASSES)
    low, high = PERCENTILES
    return f"""\
[[model]]
name = "segmentation"
version = "{options.version}"
file = "{options.model.name}"
sha256 = "{digest}"
terms = "{TERMS}"
classes = [{classes}]
input = {{ name = "slice", pixel_mm = {PIXEL_MM}, size_multiple = {SIZE_MULTIPLE}, percentiles = [{low}, {high}] }}
seed = 1
steps = {options.steps}
trained_on = [
{SETS}
]

[model.metrics] # segmentation.release, {datetime.date.today()}
""" + "\n".join(rows) + "\n"


def others(path):
    """The manifest's entries for other networks, as they stand."""
    text = path.read_text() if path.exists() else ""
    blocks = re.split(r"^(?=\[\[model\]\])", text, flags=re.M)[1:]
    return [b for b in blocks if '\nname = "segmentation"\n' not in b]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--model", type=Path, default=evaluate.MODEL)
    parser.add_argument("--part", choices=["validation", "held_out"], default="validation")
    parser.add_argument("--version", required=True)
    parser.add_argument("--steps", type=int, required=True)
    options = parser.parse_args()
    spider, sudirman = evaluate.judge(options.model, options.data, options.part)
    chosen = splits.load()
    held_out = "\n".join(f"{name} = {chosen[name]['held_out']}" for name in ("spider", "sudirman"))
    head = (
        "# The networks of the appliance. Entries are written by the scripts under training/.\n\n"
        "# No network, label, choice or calibration here has seen these subjects.\n"
        f"[held_out]\n{held_out}\n"
    )
    path = options.model.with_name("manifest.toml")
    ours = entry(options, metrics(options.part, spider, sudirman))
    path.write_text("\n".join([head, ours, *others(path)]))


if __name__ == "__main__":
    main()
