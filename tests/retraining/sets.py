"""Tiny archives in each layout that `python -m training fit` reads, made of phantoms.

    python sets.py phantoms BINARY FOLDER              # the phantoms, once
    python sets.py spider|rsna|dicom BINARY FOLDER SET # one archive of them, in SET, and its configuration SET/config.toml

Each archive has a study that is broken, and one subject that is held out.
"""

import csv
import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models/training"))

from training import mha  # noqa: E402

PHANTOMS = 6
SEED = 20261126
LEVELS = ["L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2"]
GRADES = ["normal", "mild", "moderate", "severe"]
# As small as the names of the levels stay sure.
IMAGED = ["--fov", "260", "--matrix", "208", "--slices", "9"]
DISC_RADIUS_MM = 6.0
CONFIG = """
{top}version = "0.0.1-tiny"
out = "out"
deepspine = {binary}
workers = 2

[training]
start = "none"
steps = 12
batch = 16
blocks = 2
learning-rate = 3e-3
ema = 0.8
folds = 2

[[source]]
layout = "{layout}"
path = {path}
terms = "ours"
attribution = "deepspine's own phantom"
{source}"""


def phantom(binary, folder, k):
    rng = random.Random(SEED + k)
    findings = []
    for level in LEVELS:
        for site in ("central", "left-foramen", "right-foramen"):
            findings += ["--finding", f"{level}/{site}={rng.choice(GRADES)}"]
        findings += ["--finding", f"{level}/pfirrmann={rng.randint(1, 5)}"]
    subprocess.run([binary, "phantom", "--seed", str(100 + k), "--out", str(folder / str(k)), *IMAGED, *findings], check=True, stdout=subprocess.DEVNULL)


def phantoms(binary, folder):
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda k: phantom(binary, folder, k), range(1, PHANTOMS + 1)))


def studies(folder):
    """(number, folder, discs by name) of each phantom."""
    for k in range(1, PHANTOMS + 1):
        truth = json.loads((folder / str(k) / "truth.json").read_text())
        yield k, folder / str(k), {disc["name"]: disc for disc in truth["discs"] if disc["name"] in LEVELS}


def series_of(study, end):
    (folder,) = study.glob(f"*_{end}")
    return sorted(folder.glob("*.dcm"))


def volume_of(files):
    """Slices as a volume whose axes run as no scanner's: i to the front, j to the head, k to the left."""
    slices = sorted((pydicom.dcmread(f) for f in files), key=lambda s: float(s.ImagePositionPatient[0]))
    first, last = slices[0], slices[-1]
    along, down = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
    row_mm, column_mm = (float(v) for v in first.PixelSpacing)
    values = np.stack([s.pixel_array for s in slices]).astype(np.int16)[:, ::-1, ::-1]
    across = np.subtract(last.ImagePositionPatient, first.ImagePositionPatient).astype(float)
    step = np.linalg.norm(across) / (len(slices) - 1)
    rows, columns = first.pixel_array.shape
    corner = np.array(first.ImagePositionPatient, float) + (columns - 1) * column_mm * along + (rows - 1) * row_mm * down
    return mha.Volume(values, np.array([column_mm, row_mm, step]), np.stack([-along, -down, across / np.linalg.norm(across)]), corner)


def mask_of(volume, discs):
    """A ball in each disc, labelled as SPIDER's are: 200 + its place from below."""
    values = np.zeros(volume.values.shape, np.uint8)
    k, j, i = np.indices(values.shape)
    places = volume.place(np.stack([i, j, k], -1))
    for number, level in enumerate(LEVELS, 1):
        values[np.linalg.norm(places - discs[level]["centre_lps_mm"], axis=-1) < DISC_RADIUS_MM] = 200 + number
    return mha.Volume(values, volume.spacing_mm, volume.directions, volume.origin_lps_mm)


def spider(folder, out):
    (out / "images").mkdir(parents=True)
    (out / "masks").mkdir()
    rows = []
    for k, study, discs in studies(folder):
        for name, end in (("t1", "sagittal-t1"), ("t2", "sagittal-t2")):
            volume = volume_of(series_of(study, end))
            mha.write(out / "images" / f"{k}_{name}.mha", volume, packed=k % 2 == 0)
            if k % 3:  # Of some subjects there is no mask: their discs are counted from below.
                mha.write(out / "masks" / f"{k}_{name}.mha", mask_of(volume, discs))
        for number, level in enumerate(LEVELS, 1):
            disc = discs[level]
            worn, tight = disc["pfirrmann"], GRADES.index(disc["central"])
            rows.append([k, number, int(worn > 4), int(worn > 2), int(worn > 3), 0, int(tight > 2), int(worn > 3), int(tight > 0), worn])
    (out / "images" / "99_t2.mha").write_bytes((out / "images" / "1_t2.mha").read_bytes()[:5000])
    rows.append([99, 1, 0, 0, 0, 0, 0, 0, 0, 1])
    heading = ["Patient", "IVD label", "Modic", "UP endplate", "LOW endplate", "Spondylolisthesis", "Disc herniation", "Disc narrowing", "Disc bulging"]
    heading.append("Pfirrman grade")
    write_csv(out / "radiological_gradings.csv", heading, rows)
    return 'network = "degeneration"\n', f"held-out = [{PHANTOMS}]\n"


def rsna(folder, out):
    said = {"normal": "Normal/Mild", "mild": "Normal/Mild", "moderate": "Moderate", "severe": "Severe"}
    sites = {
        "spinal_canal_stenosis": ("central", "Spinal Canal Stenosis"), "left_neural_foraminal_narrowing": ("left_foramen", "Left Neural Foraminal Narrowing"),
        "right_neural_foraminal_narrowing": ("right_foramen", "Right Neural Foraminal Narrowing"),
    }
    train, marks, descriptions = [], [], []
    for k, study, discs in studies(folder):
        name = 1000 + k
        for number, (end, description) in enumerate([("sagittal-t1", "Sagittal T1"), ("sagittal-t2", "Sagittal T2/STIR"), ("axial-t2", "Axial T2")], 1):
            into = out / "train_images" / str(name) / str(10 * name + number)
            into.mkdir(parents=True)
            for file in series_of(study, end):
                object_ = pydicom.dcmread(file)
                if k == 1:  # As some of the set's objects are: what a series is stands in the table alone.
                    del object_.SeriesDescription
                object_.save_as(into / f"{object_.InstanceNumber}.dcm")
            descriptions.append([name, 10 * name + number, description])
        row = {"study_id": name}
        for condition, (site, words) in sites.items():
            for level in LEVELS:
                key = level.lower().replace("-", "_")
                row[f"{condition}_{key}"] = said[discs[level][site]]
                marks.append([name, 10 * name + 2, *mark(series_of(study, "sagittal-t2"), discs[level]["centre_lps_mm"]), words, level.replace("-", "/")])
        for side in ("left", "right"):
            for level in LEVELS:
                row[f"{side}_subarticular_stenosis_{level.lower().replace('-', '_')}"] = said[discs[level]["central"]] if level != "L1-L2" else ""
        train.append(row)
    marks = [[study, series, instance, words, level, x, y] for study, series, instance, x, y, words, level in marks]
    # One mark a level off: that pair is dropped.
    marks[0][6] += 90
    broken = out / "train_images" / "1099" / "1"
    broken.mkdir(parents=True)
    (broken / "1.dcm").write_bytes(b"no image")
    train.append(dict(train[0], study_id=1099))
    write_csv(out / "train.csv", list(train[0]), [list(row.values()) for row in train])
    write_csv(out / "train_label_coordinates.csv", ["study_id", "series_id", "instance_number", "condition", "level", "x", "y"], marks)
    write_csv(out / "train_series_descriptions.csv", ["study_id", "series_id", "series_description"], descriptions)
    return 'network = "stenosis"\n', f"held-out = [{1000 + PHANTOMS}]\n"


def mark(files, place):
    """(instance number, x, y) of a place on the slice nearest to it."""
    def of(slice_):
        along, down = np.array(slice_.ImageOrientationPatient, float).reshape(2, 3)
        off = np.subtract(place, np.array(slice_.ImagePositionPatient, float))
        row_mm, column_mm = (float(v) for v in slice_.PixelSpacing)
        return abs(off @ np.cross(along, down)), int(slice_.InstanceNumber), off @ along / column_mm, off @ down / row_mm

    return min(of(pydicom.dcmread(f, stop_before_pixels=True)) for f in files)[1:]


def dicom(folder, out, binary):
    texts = []
    for k, study, discs in studies(folder):
        link = out / "studies" / f"exam-{k}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(study, target_is_directory=True)
        # Some texts are known by the folder, some by the study's UID.
        header = pydicom.dcmread(series_of(study, "sagittal-t2")[0], stop_before_pixels=True)
        texts.append({"id": f"exam-{k}" if k % 2 else str(header.StudyInstanceUID), "text": report(discs)})
    (out / "studies" / "exam-99").mkdir()
    (out / "studies" / "exam-99" / "notes.txt").write_text("no image")
    texts.append({"id": "exam-98", "text": "L4-L5: disc bulge."})
    (out / "reports.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts))
    with open(out / "labels.jsonl", "w") as file:
        subprocess.run([binary, "labels", "--format", "jsonl", str(out / "reports.jsonl")], check=True, stdout=file)
    # This layout's network adds to the base set; the others' come with it.
    top = 'network = "stenosis"\nbundle = "addition"\nfindings = ["central-canal-stenosis", "foraminal-stenosis"]\n'
    return top, 'labels = "labels.jsonl"\nheld-out = ["nobody"]\n'


def report(discs):
    said = []
    for level in LEVELS:
        of = discs[level]
        canal = "No spinal canal stenosis." if of["central"] == "normal" else f"{of['central'].capitalize()} spinal canal stenosis."
        words = [f"{level}: {canal}"]
        for side in ("left", "right"):
            grade = of[f"{side}_foramen"]
            words.append(f"No {side} foraminal stenosis." if grade == "normal" else f"{grade.capitalize()} {side} foraminal stenosis.")
        said.append(" ".join(words))
    return "\n".join(said)


def write_csv(path, heading, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([heading, *rows])


def main():
    layout, binary, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if layout == "phantoms":
        phantoms(binary, folder)
        return
    out = Path(sys.argv[4])
    out.mkdir(parents=True)
    top, source = dicom(folder, out, binary) if layout == "dicom" else {"spider": spider, "rsna": rsna}[layout](folder, out)
    path = out / "studies" if layout == "dicom" else out
    (out / "config.toml").write_text(CONFIG.format(top=top, binary=json.dumps(binary), layout=layout, path=json.dumps(str(path)), source=source))


if __name__ == "__main__":
    main()
