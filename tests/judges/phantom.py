"""Errors of `deepspine analyze` against the truth of phantoms (arithmetic, not patients), one varied phantom a seed.

Every figure here is on PHANTOMS. Levels are compared by name; a level that is in view and was not named, or has no
value, is counted as missing, and one whose centre lies more than half a vertebra from its truth as misnamed. Spines of
four or six lumbar vertebrae can't be told from five without the ribs: their names are counted apart."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import common

# Report's name of a measurement -> truth's name.
LEVEL = {
    "canal_ap_disc_mm": "canal_ap_mm",
    "disc_height_anterior_mm": "height_anterior_mm",
    "disc_height_middle_mm": "height_middle_mm",
    "disc_height_posterior_mm": "height_posterior_mm",
    "slip_mm": "slip_mm",
    "segmental_lordosis_deg": "segmental_lordosis_deg",
}
VERTEBRA = {
    "height_anterior_mm": "height_anterior_mm",
    "height_middle_mm": "height_middle_mm",
    "height_posterior_mm": "height_posterior_mm",
    "depth_mm": "depth_mm",
    "canal_ap_body_mm": "canal_ap_mm",
}
MISNAMED_MM = 15.0


def make(arguments, seed, folder):
    flags = [] if arguments.default else ["--varied"]
    command = [arguments.binary, "phantom", "--out", str(folder), "--seed", str(seed), *flags]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads((folder / "truth.json").read_text())


def read(arguments, seed):
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        truth = make(arguments, seed, work / "study")
        report = common.analyze(arguments, work / "study", work / "out")
        if arguments.keep:
            shutil.copytree(work / "out", arguments.keep / str(seed), dirs_exist_ok=True)
    return seed, truth, report


def note(errors, missing, name, ours, truth):
    if ours is None:
        missing[name] += 1
    else:
        errors[name].append(ours - truth)


def compare(report, truth, errors, missing):
    """Adds this phantom's errors; returns how many names were wrong without saying."""
    misnamed = 0
    for kind, names, in_view in (("levels", LEVEL, "discs_in_view"), ("vertebrae", VERTEBRA, "vertebrae_in_view")):
        true = {t["name"]: t for t in truth["discs" if kind == "levels" else "vertebrae"] if t["name"] in truth[in_view]}
        ours = {o["name"]: o for o in report[kind] if o["name"]}
        for name, t in true.items():
            o = ours.get(name)
            if o is None:
                missing[f"{kind} not named"] += 1
                continue
            centre = o["plane"]["centre_lps_mm"] if kind == "levels" else o["centre_lps_mm"]
            away = float(np.linalg.norm(np.subtract(centre, t["centre_lps_mm"])))
            if away > MISNAMED_MM:
                misnamed += 1
                continue
            errors[f"{kind} centre_mm"].append(away)
            # S1 has no lower endplate of its own in view: its heights are no vertebra's heights.
            for measure, true_name in names.items() if name != "S1" else ():
                note(errors, missing, f"{kind} {measure}", o["measurements"][measure], t[true_name])
    lumbar = report["lumbar"] or {}
    if {"L1", "S1"} <= set(truth["vertebrae_in_view"]):
        note(errors, missing, "lumbar_lordosis_deg", lumbar.get("lumbar_lordosis_deg"), truth["lumbar_lordosis_deg"])
        note(errors, missing, "sacral_slope_deg", lumbar.get("sacral_slope_deg"), truth["sacral_slope_deg"])
    return misnamed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    common.add_arguments(parser, data=False)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--default", action="store_true", help="the default anatomy and imaging, not varied ones")
    arguments = parser.parse_args()
    common.header()
    errors, missing, refused, misnamed = defaultdict(list), defaultdict(int), [], {4: [], 5: [], 6: []}
    spines, unnamed = defaultdict(int), defaultdict(int)
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    with ThreadPoolExecutor(2) as pool:
        for seed, truth, report in pool.map(lambda seed: read(arguments, seed), seeds):
            lumbar = sum(v["name"].startswith("L") for v in truth["vertebrae"])
            spines[lumbar] += 1
            if report is None or report["refusal"]:
                refused.append(seed)
                continue
            unnamed[lumbar] += all(level["name"] in (None, "unknown") for level in report["levels"])
            if compare(report, truth, errors, missing):
                misnamed[lumbar].append(seed)
    print(f"PHANTOMS, seeds {seeds[0]} to {seeds[-1]}; refused {refused or 'none'}")
    for lumbar, count in sorted(spines.items()):
        print(f"{lumbar} lumbar vertebrae: {count} spines, {unnamed[lumbar]} left without names, wrong names in {misnamed[lumbar] or 'none'}")
    print(f"{'':44}  n     mean |e|   bias    worst")
    for name, values in sorted(errors.items()):
        v = np.array(values)
        print(f"{name:44} {len(v):4}  {np.abs(v).mean():7.2f}  {v.mean():7.2f}  {np.abs(v).max():7.2f}   missing {missing[name]}")
    for name in ("levels not named", "vertebrae not named"):
        print(f"{name}: {missing[name]}")
    if misnamed[5]:
        sys.exit(1)


if __name__ == "__main__":
    main()
