#!/usr/bin/env python3
"""DeepSPINE's recipe, shown once on real data: what 256 notes say, level by level, against boxes that others drew on the same patients'
images. Standard library only.

    cargo build --release --locked
    models/labels/recipe.py ../shared/data/sudirman target/release/deepspine

Bodies are named (`vertebrae.csv`), boxes are not (`discs.csv`): a box belongs to the disc whose place between two named bodies is
nearest to its middle. The boxes were drawn by people who did not follow the notes, so the figures say something about both: they are no
accuracy of either. No parameter is fitted here, so nothing is split."""

import csv
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

LEVELS = ["L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"]
BULGING = {"bulge", "protrusion", "extrusion", "herniation", "sequestration"}
NARROWING = {"canal-stenosis", "sac-compression"}
# A box farther from every disc than this share of the distance between two of them belongs to none of the five.
FAR = 0.75


def middle(polygon):
    numbers = [float(n) for n in polygon.split()]
    return sum(numbers[0::2]) / len(numbers[0::2]), sum(numbers[1::2]) / len(numbers[1::2])


def discs_of(path):
    """{patient: {level: (x, y)}}, and the mean distance between neighbouring bodies."""
    bodies = defaultdict(dict)
    for row in csv.DictReader(path.open()):
        bodies[row["patient"]][row["vertebra"]] = middle(row["polygon_xy_px"])
    places, spacing = {}, {}
    for patient, named in bodies.items():
        found, steps = {}, []
        for level in LEVELS:
            upper, lower = level.split("-")
            if upper in named and lower in named:
                (x0, y0), (x1, y1) = named[upper], named[lower]
                found[level] = ((x0 + x1) / 2, (y0 + y1) / 2)
                steps.append(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5)
        if found:
            places[patient], spacing[patient] = found, sum(steps) / len(steps)
    return places, spacing


def boxes_of(path, places, spacing):
    """{(patient, level): set of labels}, of both contrasts."""
    boxes = defaultdict(set)
    for row in csv.DictReader(path.open()):
        patient = row["patient"]
        if patient not in places:
            continue
        x, y = ((float(row[a]) + float(row[b])) / 2 for a, b in (("x0_px", "x1_px"), ("y0_px", "y1_px")))
        # Stenosis boxes lie behind the disc: what counts is how far up or down.
        level, at = min(places[patient].items(), key=lambda place: abs(place[1][1] - y))
        if abs(at[1] - y) <= FAR * spacing[patient]:
            boxes[patient, level].add(row["label"])
    return boxes


def notes_of(path, binary):
    run = subprocess.run([binary, "labels", "--format", "jsonl", str(path)], check=True, capture_output=True, text=True)
    said = {}
    for line in run.stdout.splitlines():
        report = json.loads(line)
        found = defaultdict(set)
        for label in report["labels"]:
            levels = LEVELS if label["level"] == "all" else [label["level"]]
            for level in levels:
                found[level].add((label["finding"], label["presence"]))
        said[report["id"]] = found
    return said


def state(found, findings):
    """Whether any of `findings` is said present, or only absent; None where nothing is said."""
    presences = {presence for finding, presence in found if finding in findings}
    if presences & {"present", "uncertain"}:
        return True
    return False if presences else None


def kappa(table):
    n = sum(table.values())
    agreed = (table[True, True] + table[False, False]) / n
    by_note, by_box = ((table[True, True] + table[a, b]) / n for a, b in ((True, False), (False, True)))
    chance = by_note * by_box + (1 - by_note) * (1 - by_box)
    return (agreed - chance) / (1 - chance) if chance < 1 else float("nan")


def print_table(name, findings, box_labels, said, boxes, places):
    print(f"\n{name}: note says {', '.join(sorted(findings))}; box {', '.join(sorted(box_labels))}")
    print("| level | patients | both | note alone | box alone | neither | agreement | kappa | note silent (of them boxed) |")
    print("|---|---|---|---|---|---|---|---|---|")
    whole = defaultdict(int)
    for level in [*LEVELS, "all five"]:
        table, silent, silent_boxed = defaultdict(int), 0, 0
        for patient in sorted(said.keys() & places.keys()):
            for at in LEVELS if level == "all five" else [level]:
                if at not in places[patient]:
                    continue
                boxed = bool(boxes[patient, at] & box_labels)
                noted = state(said[patient][at], findings)
                if noted is None:
                    # These notes name what is there: a level that is not named is taken for one without it.
                    silent += 1
                    silent_boxed += boxed
                table[bool(noted), boxed] += 1
        n = sum(table.values())
        both, note, box, neither = (table[key] for key in ((True, True), (True, False), (False, True), (False, False)))
        print(f"| {level} | {n} | {both} | {note} | {box} | {neither} | {(both + neither) / n:.3f} | {kappa(table):.2f} | {silent} ({silent_boxed}) |")
        whole[level] = n


def main():
    folder, binary = Path(sys.argv[1]), sys.argv[2]
    places, spacing = discs_of(folder / "vertebrae.csv")
    boxes = boxes_of(folder / "discs.csv", places, spacing)
    said = notes_of(folder / "notes.csv", binary)
    print(f"{len(said)} notes, {len(places)} patients with named bodies, {len(said.keys() & places.keys())} of them with a note")
    print_table("Bulge", BULGING, {"lumbar-bulge"}, said, boxes, places)
    print_table("Narrowing", NARROWING, {"stenosis"}, said, boxes, places)


if __name__ == "__main__":
    main()
