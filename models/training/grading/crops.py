"""Writes the crops that the grading networks are trained on, each truth apart.

    python -m grading.crops --work WORK [--data DATA] [--binary ../../target/release/deepspine]

After `grading.readings`. WORK/discs.npz: SPIDER's graded discs and Sudirman's, T2 and T1, in the frames of our own levels; WORK/axial.npz
and WORK/foramina.npz: the RSNA crops as they were cut. -1 is a truth that is missing.
"""

import argparse
import csv
import json
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from segmentation import sources

from . import frames

LEVELS = ["L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2"]
SPIDER_TRUTHS = ["pfirrmann", "narrowing", "bulging", "herniation", "spondylolisthesis", "modic", "endplate_upper", "endplate_lower"]
SUDIRMAN_TRUTHS = ["note_sac", "note_root_left", "note_root_right", "note_bulge", "box_degenerated", "box_bulge", "box_stenosis", "box_slip"]
RSNA_GRADES = {"Normal/Mild": 0, "Moderate": 1, "Severe": 2}
AXIAL_TRUTHS = ["canal", "left_subarticular", "right_subarticular", "left_foramen", "right_foramen"]
MEASURED = ["disc_height_index", "slip_percent", "canal_ap_disc_mm", "disc_height_middle_mm"]
# What a note says of a level: nothing, that it is not there, that it is.
SAID = {"absent": 0, "present": 1}
BULGING = {"bulge", "protrusion", "extrusion", "herniation", "sequestration"}
BOXES = {"degenerated": "box_degenerated", "lumbar-bulge": "box_bulge", "stenosis": "box_stenosis", "spondylolisthesis": "box_slip"}
# A box farther from every disc than this belongs to none of them, mm.
BOX_FAR_MM = 20.0


def levels_from_below(reading):
    """{1: level of L5-S1, 2: ...} where our reading names the lowest disc L5-S1, else where the sacrum is not told: nothing."""
    levels = reading["levels"]
    return {k: level for k, level in enumerate(levels, 1)} if levels and levels[0]["name"] == "L5-S1" else {}


class Cropper:
    def __init__(self, data):
        self.data, self.cache = data, {}

    def crop(self, reading, level):
        path = self.data / reading["path"]
        if path not in self.cache:
            self.cache = {path: frames.window(sources.grey(path).astype(np.float32))}
        crop = frames.sagittal_crop(self.cache[path], reading["pixel_mm"], reading["origin_lps_mm"], level["plane"])
        return np.round(255 * crop).astype(np.uint8)


def empty_pair():
    """T2 and T1, [2, rows, columns]."""
    return np.zeros((2, frames.DISC.rows, frames.DISC.columns), np.uint8)


def spider_discs(data, readings):
    graded = defaultdict(dict)
    with open(data / "spider/gradings.csv", newline="") as file:
        for row in csv.DictReader(file):
            graded[int(row["subject"])][int(row["disc_from_below"])] = row
    cropper, rows, left_out = Cropper(data), [], Counter()
    for subject, discs in sorted(graded.items()):
        # Where there is no T2, Pfirrmann's grade can't be given, and the table has a 1 for every disc.
        gradable = any((c, subject) in readings for c in ("t2", "t2_space"))
        # T2-SPACE is T2 too: where a subject has both, it is a second look at the same discs.
        looks = [("t2", "t1"), ("t2_space", None)]
        for t2_name, t1_name in looks:
            found = {c: levels_from_below(readings[c, subject]) for c in (t2_name, t1_name) if (c, subject) in readings}
            for number, row in sorted(discs.items()):
                images, present = empty_pair(), [0, 0]
                for k, contrast in enumerate((t2_name, t1_name)):
                    level = found.get(contrast, {}).get(number)
                    if level:
                        images[k], present[k] = cropper.crop(readings[contrast, subject], level), 1
                if not any(present):
                    left_out[t2_name] += (t2_name, subject) in readings
                    continue
                level = found.get(t2_name, {}).get(number) or found[t1_name][number]
                rows.append({
                    "set": "spider", "subject": subject, "disc": number, "look": t2_name, "images": images, "present": present,
                    "measured": measured(level), "truth": {t: int(row[t]) if gradable or t != "pfirrmann" else -1 for t in SPIDER_TRUTHS},
                })
    print("SPIDER: discs that were graded and not found or not named by our reading:", dict(left_out))
    return rows


def measured(level):
    values = [level["measurements"].get(name) for name in MEASURED]
    return [np.nan if v is None else v for v in values]


def notes(options):
    """(patient, level) -> truths that the notes give, by `deepspine labels`."""
    command = [options.binary, "labels", "--input", "csv", "--format", "jsonl", str(options.data / "sudirman/notes.csv")]
    said = defaultdict(lambda: dict.fromkeys(SUDIRMAN_TRUTHS, -1))
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        report = json.loads(line)
        for label in report["labels"]:
            value = SAID.get(label["presence"], -1)
            if value < 0 or label["level"] not in [*LEVELS, "all"]:
                continue
            # A statement about the whole lumbar spine holds for each level of which nothing else is said.
            for level in LEVELS if label["level"] == "all" else [label["level"]]:
                truths = said[int(report["id"]), level]
                for name in truths_of(label):
                    truths[name] = max(truths[name], value)
    return said


def truths_of(label):
    if label["finding"] == "sac-compression" or label["finding"] == "canal-stenosis":
        return ["note_sac"]
    if label["finding"] in ("root-compression", "foraminal-stenosis", "lateral-recess-stenosis"):
        return [f"note_root_{s}" for s in (["left", "right"] if label["side"] in (None, "both") else [label["side"]])]
    return ["note_bulge"] if label["finding"] in BULGING else []


def boxes(data, readings, found):
    """(patient, level) -> truths that the boxes give: a disc of which a box of the patient says nothing is 0."""
    drawn = defaultdict(list)
    with open(data / "sudirman/discs.csv", newline="") as file:
        for row in csv.DictReader(file):
            drawn[int(row["patient"])].append(row)
    truths = {}
    for (contrast, patient), levels in found.items():
        if contrast != "t2" or not drawn[patient]:
            continue
        of_patient = {k: dict.fromkeys(BOXES.values(), 0) for k in levels}
        centres = {k: 150 - levels[k]["plane"]["centre_lps_mm"][2] for k in levels}
        for row in drawn[patient]:
            if row["label"] in BOXES and levels:
                at = (float(row["y0_px"]) + float(row["y1_px"])) / 2 * sources.SUDIRMAN_PIXEL_MM
                k = min(centres, key=lambda k: abs(centres[k] - at))
                if abs(centres[k] - at) < BOX_FAR_MM:
                    of_patient[k][BOXES[row["label"]]] = 1
        truths |= {(patient, LEVELS[k - 1]): t for k, t in of_patient.items() if k <= 5}
    return truths


def sudirman_discs(options, readings):
    said, cropper, rows = notes(options), Cropper(options.data), []
    patients = sorted({subject for _, subject in readings} - sources.SUDIRMAN_MISTAKEN)
    found = {(c, p): levels_from_below(readings[c, p]) for c in ("t1", "t2") for p in patients if (c, p) in readings}
    boxed = boxes(options.data, readings, found)
    for patient in patients:
        # The two images of a patient lie upon each other: T2's levels are T1's.
        levels = found.get(("t2", patient)) or found.get(("t1", patient)) or {}
        for k, level in list(levels.items())[:5]:
            images, present = empty_pair(), [0, 0]
            for c, contrast in enumerate(("t2", "t1")):
                if (contrast, patient) in readings:
                    images[c], present[c] = cropper.crop(readings[contrast, patient], level), 1
            truth = said[patient, LEVELS[k - 1]] | boxed.get((patient, LEVELS[k - 1]), {})
            rows.append({
                "set": "sudirman", "subject": patient, "disc": k, "look": "t2", "images": images, "present": present,
                "measured": measured(level), "truth": truth,
            })
    return rows


def write_discs(options):
    read = [json.loads(line) for line in (options.work / "readings.jsonl").open()]
    by_set = {s: {(r["contrast"], r["subject"]): r for r in read if r["set"] == s} for s in ("spider", "sudirman")}
    rows = spider_discs(options.data, by_set["spider"]) + sudirman_discs(options, by_set["sudirman"])
    names = SPIDER_TRUTHS + SUDIRMAN_TRUTHS
    np.savez(
        options.work / "discs.npz", images=np.stack([r["images"] for r in rows]), present=np.array([r["present"] for r in rows], np.uint8),
        set=np.array([r["set"] for r in rows]), subject=np.array([r["subject"] for r in rows]), disc=np.array([r["disc"] for r in rows]),
        look=np.array([r["look"] for r in rows]), measured=np.array([r["measured"] for r in rows], np.float32), names=np.array(names),
        truth=np.array([[r["truth"].get(n, -1) for n in names] for r in rows], np.int8),
    )
    print("discs:", Counter((r["set"], r["look"], tuple(r["present"])) for r in rows))


def resized(image, rows, columns):
    return np.array(Image.fromarray(image).resize((columns, rows), Image.Resampling.BILINEAR))


def write_axial(options):
    images, truth, study, level = [], [], [], []
    grid = frames.AXIAL
    with open(options.data / "rsna/axial.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        strip = sources.grey(options.data / "rsna/axial" / row["file"])
        height, width = len(strip) // 3, strip.shape[1]
        # Pixel size is not known: a crop is as wide as the grid, and its middle is the canal's.
        tall = round(grid.columns * height / width)
        crop = np.zeros((3, grid.rows, grid.columns), np.uint8)
        for k in range(3):
            whole = resized(strip[k * height : (k + 1) * height], tall, grid.columns)
            top = (grid.rows - tall) // 2
            a, b = max(top, 0), min(top + tall, grid.rows)
            crop[k, a:b] = whole[a - top : b - top]
        images.append(crop)
        truth.append([RSNA_GRADES.get(row[name], -1) for name in AXIAL_TRUTHS])
        study.append(int(row["study"]))
        level.append(row["level_by_radiologist_landmark"] or row["level_by_model"])
    np.savez(
        options.work / "axial.npz", images=np.stack(images), truth=np.array(truth, np.int8), study=np.array(study), level=np.array(level),
        names=np.array(AXIAL_TRUTHS),
    )
    print("axial:", len(images))


def write_foramina(options):
    with open(options.data / "rsna/foramina.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    np.savez(
        options.work / "foramina.npz", images=np.stack([sources.grey(options.data / "rsna/foramina" / r["file"]) for r in rows]),
        truth=np.array([RSNA_GRADES[r["grade"]] for r in rows], np.int8), study=np.array([int(r["study"]) for r in rows]),
        level=np.array([r["level"] for r in rows]), side=np.array([r["side"] for r in rows]),
    )
    print("foramina:", len(rows))


def main():
    root = Path(__file__).resolve().parents[3]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--binary", default=str(root / "target/release/deepspine"), help="labels the notes")
    options = parser.parse_args()
    write_discs(options)
    write_axial(options)
    write_foramina(options)


if __name__ == "__main__":
    main()
