"""Dice of `deepspine analyze` on the held-out SPIDER T2-SPACE subjects, each written as one DICOM series.

Data: SPIDER (van der Graaf et al. 2024, CC BY 4.0). Truth: its masks (vertebra with posterior elements, disc,
canal). Dice is taken over all slices of a subject; stray islands of the masks are kept as they are."""

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import common

PIXEL_MM = 0.46875


def slices_of(folder, subject):
    paths = sorted(folder.glob(f"{subject}_slice*.png"), key=lambda p: int(p.stem.split("slice")[1]))
    return np.stack([np.asarray(Image.open(p)) for p in paths])


def slice_spacing_mm(data, subject):
    with open(data / "spider/series.csv") as f:
        row = next(r for r in csv.DictReader(f) if r["subject"] == str(subject) and r["series"] == "t2_space")
    return float(row["SpacingBetweenSlices"] or row["SliceThickness"])


def judge(arguments, subject, work):
    space = arguments.data / "spider/t2_space"
    images, truth = slices_of(space / "images", subject), slices_of(space / "masks", subject)
    study = work / f"study-{subject}"
    common.write_sagittal_series(study, images, PIXEL_MM, slice_spacing_mm(arguments.data, subject), "SPACE", 71000 + subject)
    report = common.analyze(arguments, study, work / f"out-{subject}")
    if report is None or report.get("refusal"):
        return None
    labels = common.label_map(work / f"out-{subject}/semantic.nii.gz", truth.shape)
    # The sacrum is not outlined in SPIDER: our S1 is nobody's vertebra there.
    ours = {1: np.isin(labels, [common.BODY, common.POSTERIOR]), 2: labels == common.DISC, 3: labels == common.CANAL}
    return [common.dice(ours[k], truth == k) for k in (1, 2, 3)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    common.add_arguments(parser)
    arguments = parser.parse_args()
    common.header()
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.keep or Path(temporary)
        rows = {s: judge(arguments, s, work) for s in common.held_out("spider")}
    print("subject  vertebra  disc   canal")
    for subject, row in rows.items():
        print(f"{subject:7}  " + ("refused" if row is None else "  ".join(f"{d:.3f}   " for d in row)))
    table = np.array([row or [0, 0, 0] for row in rows.values()])
    for name, column in zip(("vertebra", "disc", "canal"), table.T):
        print(f"{name}: mean Dice {common.interval(column)}, worst {column.min():.3f}, {len(column)} subjects")


if __name__ == "__main__":
    main()
