"""What canals measure at each lumbar level, for the percentiles beside a reading's own: writes `src/analysis/measure/reference_table.rs`.

    python -m grading.reference --work WORK

After `grading.readings`: SPIDER's mid-sagittal T2 and T1 images as the appliance reads them, a level by its name, without the held-out subjects.
There is no such table of areas: no set at hand shows the whole width of the canal.
"""

import argparse
import json
import tomllib
from collections import defaultdict
from pathlib import Path

import numpy as np

from .crops import LEVELS

ROOT = Path(__file__).resolve().parents[3]
PERCENTS = [2.5, 5, 10, 25, 50, 75, 90, 95, 97.5]


def diameters(work):
    """{contrast: {level: mm}}."""
    held_out = tomllib.loads((ROOT / "models/manifest.toml").read_text())["held_out"]["spider"]
    found = defaultdict(lambda: defaultdict(list))
    for line in (work / "readings.jsonl").open():
        reading = json.loads(line)
        if reading["set"] != "spider" or reading["contrast"] not in ("t1", "t2") or reading["subject"] in held_out:
            continue
        for level in reading["levels"]:
            mm = level["measurements"]["canal_ap_disc_mm"]
            if level["name"] in LEVELS and mm is not None:
                found[reading["contrast"]][level["name"]].append(mm)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    found = diameters(parser.parse_args().work)
    text = [
        "//! Antero-posterior diameters of canals in the disc's plane, mm, L1-L2 first and L5-S1 last. Written by `python -m grading.reference`.",
        "",
        "use super::reference::Curve;",
        "",
        "/// The percentiles that the tables hold.",
        f"pub(super) const AT_PERCENT: Curve = {[float(p) for p in PERCENTS]};",
    ]
    for contrast in ("t2", "t1"):
        text += [f"/// On {contrast.upper()}.", "#[rustfmt::skip]", f"pub(super) const {contrast.upper()}_MM: [Curve; {len(LEVELS)}] = ["]
        for name in reversed(LEVELS):
            values = found[contrast][name]
            curve = ", ".join(f"{v:.1f}" for v in np.percentile(values, PERCENTS))
            text.append(f"    [{curve}], // {len(values)} levels")
        text.append("];")
    (ROOT / "src/analysis/measure/reference_table.rs").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
