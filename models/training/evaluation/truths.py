"""Writes sets of studies with their truth for `deepspine evaluate --truth WORK/<set>.json`.

    python -m evaluation.truths --work WORK [--data DATA] spider_held_out sudirman_held_out sudirman_cuts midsagittal
    python -m evaluation.truths --work WORK --binary ../../target/release/deepspine --seeds 1..200 phantoms not_lumbar

WORK must lie outside the repository. Sets: spider_held_out, spider_fold_0 to spider_fold_4 (whole T2-SPACE stacks with
masks); sudirman_<part> (T1 and T2 with outlines) and sudirman_cuts_<part> (the same cut so that S1 is out of view), part
being held_out or validation; midsagittal (numbers of discs); phantoms; not_lumbar.
"""

import argparse
import csv
import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from levels.studies import CUTS_BELOW, edge
from segmentation import sources, splits

from .series import write_sagittal_series

SCHEMA = "deepspine.truth/1"
SEED = 20261124
SPIDER = "van der Graaf et al., Scientific Data 2024, doi 10.1038/s41597-024-03090-w, CC BY 4.0"
SUDIRMAN = "Lumbar Spine MRI Dataset, Al-Kafri, Sudirman et al., doi 10.17632/k57fr854j2, polygons of the 'backspine' set, CC BY 4.0"
SUDIRMAN_SIZE = "Pixel size not published: a field of 280 mm is assumed."
# How many studies of each kind are no lumbar spine; the sample objects come on top, up to 200 in all.
NOISE, UPSIDE_DOWN, FLIPPED, STRIPS, THORAX = 26, 40, 40, 40, 30
STRIP_ROWS = 32
THORAX_SHIFT_MM = (215, 250)


def write(options, name, about, studies, seed=None, structures=None):
    truth = {"schema": SCHEMA, "name": name, "about": about}
    truth |= ({"seed": str(seed)} if seed is not None else {}) | ({"structures": structures} if structures else {})
    path = options.work / f"{name}.json"
    path.write_text(json.dumps(truth | {"studies": studies}, indent=1) + "\n")
    print(f"{path}: {len(studies)} studies", flush=True)


def spider(options, name, subjects, which):
    """Whole stacks. Every vertebra, disc and canal in view is outlined, but no sacrum."""
    studies = []
    for subject in subjects:
        images, masks = sources.spider_volume(options.data, subject)
        folder = f"{name}/{subject}"
        spacing_mm = sources.space_spacing_mm(options.data, subject)
        uids = write_sagittal_series(
            options.work / folder, list(images), sources.SPACE_PIXEL_MM, spacing_mm, "SPACE", 71000 + subject
        )
        mask_folder = options.work / f"{name}_masks/{subject}"
        mask_folder.mkdir(parents=True, exist_ok=True)
        for k, mask in enumerate(masks):
            Image.fromarray(mask.astype(np.uint8)).save(mask_folder / f"{k:04d}.png")
        named = {uid: f"{name}_masks/{subject}/{k:04d}.png" for k, uid in enumerate(uids)}
        studies.append({"path": folder, "subject": str(subject), "group": "SPACE", "masks": named})
    about = f"SPIDER T2-SPACE, {which}, whole stacks with masks of vertebra, disc and canal; {SPIDER}."
    write(options, name, about, studies, splits.SEED, {"1": "vertebra", "2": "disc", "3": "canal"})


def sudirman(options, name, patients, part):
    studies, polygons = [], sources.sudirman_polygons(options.data)
    for patient in patients:
        for series in ("t1", "t2"):
            image = sources.sudirman_image(options.data, patient, series)
            studies.append(sudirman_study(options, f"{name}/{patient}_{series}", image, 0, patient, series, polygons[patient]))
    about = f"Mid-sagittal T1 and T2 of {len(patients)} {part} patients, one slice each, outlines L1 to S1; {SUDIRMAN}. {SUDIRMAN_SIZE}"
    write(options, name, about, studies, splits.SEED)


def sudirman_study(options, folder, image, top, patient, series, named):
    """One slice whose first row is row `top` of the whole image."""
    number = 72000 + patient
    (uid,) = write_sagittal_series(options.work / folder, [image], sources.SUDIRMAN_PIXEL_MM, 4.0, series.upper(), number)
    moved = {n: (p - [0, top]).round(2) for n, p in named.items() if n in sources.NAMES}
    inside = {n: [p.tolist()] for n, p in moved.items() if (p[:, 1].min() < len(image) - 1 and p[:, 1].max() > 0)}
    return {"path": folder, "subject": str(patient), "group": series.upper(), "outlines": {"instance": uid, "vertebrae": inside}}


def sudirman_cuts(options, name, patients, part):
    """The lower edge of the image lies above the middle of S1."""
    studies, polygons = [], sources.sudirman_polygons(options.data)
    for patient in patients:
        rows = {n: polygons[patient][n].mean(axis=0)[1] for n in sources.NAMES}
        for series in ("t1", "t2"):
            image = sources.sudirman_image(options.data, patient, series)
            for cut in (c for c in CUTS_BELOW if c[0] != "S1"):
                folder = f"{name}/{patient}_{series}_{cut[0]}_{round(100 * cut[1])}"
                below = image[: int(edge(rows, cut))]
                study = sudirman_study(options, folder, below, 0, patient, series, polygons[patient])
                studies.append(study | {"group": f"cut {cut[0]} + {cut[1]:.2f}", "s1_in_view": False})
    about = (
        f"T1 and T2 of {len(patients)} {part} patients, each image cut below so that the middle of S1 is out of view: the group "
        f"names the vertebra and the share of the way from its centre to the next one's; {SUDIRMAN}. {SUDIRMAN_SIZE}"
    )
    write(options, name, about, studies, splits.SEED)


def midsagittal_images(options):
    """(row of series.csv, path, pixel_mm, whether the size can be right) of every mid-sagittal image."""
    with open(options.data / "spider/series.csv", newline="") as file:
        rows = {(int(r["subject"]), r["series"]): r for r in csv.DictReader(file)}
    found = []
    for path in sorted((options.data / "spider/midsagittal").glob("*.png")):
        subject, contrast = path.stem.split("_", 1)
        row = rows[int(subject), contrast]
        pixel_mm = [float(v) for v in row["PixelSpacing"].strip("[]").split(",")]
        with Image.open(path) as image:
            field_mm = image.height * pixel_mm[0], image.width * pixel_mm[1]
        possible = all(sources.FIELD_MM[0] <= f <= sources.FIELD_MM[1] for f in field_mm)
        found.append((row, path, pixel_mm, possible))
    return found


WEIGHTING = {"t1": "T1", "t2": "T2", "t2_space": "SPACE"}


def midsagittal(options):
    graded = {}
    with open(options.data / "spider/gradings.csv", newline="") as file:
        for row in csv.DictReader(file):
            graded[row["subject"]] = graded.get(row["subject"], 0) + 1
    studies, other = [], []
    for i, (row, path, pixel_mm, possible) in enumerate(midsagittal_images(options)):
        weighting = WEIGHTING[row["series"]]
        write_sagittal_series(options.work / "midsagittal" / path.stem, [sources.grey(path)], pixel_mm, 4.0, weighting, 73000 + i)
        discs = int(row["num_discs"])
        group = weighting if possible else f"{weighting}, size in the table impossible"
        studies.append({"path": f"midsagittal/{path.stem}", "subject": row["subject"], "group": group, "discs_in_view": discs})
        if graded.get(row["subject"]) != discs:
            other.append(f"{path.stem}: num_discs {discs}, graded {graded.get(row['subject'])}")
    print("gradings.csv says otherwise:", *other, sep="\n  ")
    about = (
        f"SPIDER's mid-sagittal images, one slice each; truth is num_discs of that contrast in series.csv. gradings.csv has another "
        f"number for {'; '.join(other)}. {SPIDER}."
    )
    write(options, "midsagittal", about, studies)


def phantom(options, folder, *flags):
    """Makes a phantom, and keeps of it the sagittal T1 and T2 series and the truth."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([options.binary, "phantom", "--out", str(folder), *map(str, flags)], check=True, capture_output=True)
    for series in folder.iterdir():
        if series.is_dir() and ("axial" in series.name or "localizer" in series.name):
            shutil.rmtree(series)
    return json.loads((folder / "truth.json").read_text())


def phantoms(options):
    def study(seed):
        folder = f"phantoms/{seed}"
        truth = phantom(options, options.work / folder, "--varied", "--seed", seed)
        lumbar = sum(v["name"].startswith("L") for v in truth["vertebrae"])
        group = f"{lumbar} lumbar" + (", transitional" if truth["transitional"] else "")
        return {"path": folder, "subject": str(seed), "group": group, "truth": f"{folder}/truth.json"}

    first, last = options.seeds
    with ThreadPoolExecutor(options.workers) as pool:
        studies = list(pool.map(study, range(first, last + 1)))
    about = f"PHANTOMS, arithmetic and no patients: varied, seeds {first} to {last}, sagittal T1 and T2."
    write(options, "phantoms", about, studies, f"{first}..{last}")


def strips(image, rng):
    """The image cut into strips of rows that are put together in another order."""
    parts = [image[k : k + STRIP_ROWS] for k in range(0, len(image) - STRIP_ROWS + 1, STRIP_ROWS)]
    order = rng.permutation(len(parts))
    return np.concatenate([parts[k] for k in order])


def noise(image, rng):
    """Noise of an image's size, coarse or fine."""
    grain = int(rng.choice([1, 4, 16, 48]))
    rows, columns = (n // grain + 1 for n in image.shape)
    coarse = rng.rayleigh(60, (rows, columns)).clip(0, 255)
    return np.kron(coarse, np.ones((grain, grain)))[: image.shape[0], : image.shape[1]].astype(np.uint8)


def not_lumbar(options):
    """What looks like MRI, or like a spine, and is no lumbar spine lying as its header says."""
    rng = np.random.default_rng(SEED)
    studies = []

    def add(folder, group, subject):
        studies.append({"path": folder, "subject": subject, "group": group, "not_lumbar": True})

    for path in sorted((options.data / "dicom").glob("*.dcm")):
        folder = options.work / "not_lumbar" / path.stem
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.name)
        add(f"not_lumbar/{path.stem}", "sample object", path.stem[:64])
    images = [(row, path, mm) for row, path, mm, possible in midsagittal_images(options) if possible]
    images = [image for image in images if image[1].stem not in sources.STORED_UPSIDE_DOWN]
    made = {
        "noise": (NOISE, noise),
        "upside down": (UPSIDE_DOWN, lambda image, rng: image[::-1]),
        "back to front": (FLIPPED, lambda image, rng: image[:, ::-1]),
        "strips": (STRIPS, strips),
    }
    for group, (count, make) in made.items():
        for k in rng.choice(len(images), count, replace=False):
            row, path, pixel_mm = images[k]
            folder = f"not_lumbar/{group.replace(' ', '_')}_{path.stem}"
            image = np.ascontiguousarray(make(sources.grey(path), rng))
            write_sagittal_series(options.work / folder, [image], pixel_mm, 4.0, WEIGHTING[row["series"]], 74000 + len(studies))
            add(folder, group, row["subject"])
    for seed in range(1, THORAX + 1):
        folder = f"not_lumbar/thorax_{seed}"
        shift = rng.integers(*THORAX_SHIFT_MM)
        phantom(options, options.work / folder, "--seed", 9000 + seed, "--fov", 220, "--matrix", 256, "--shift-up", shift)
        add(folder, "phantom's thorax", f"phantom {9000 + seed}")
    about = (
        "No lumbar spine, or not as its header says: pydicom's sample MR objects; noise; SPIDER's mid-sagittal images upside down, "
        f"back to front, or in shuffled strips; phantoms imaged {THORAX_SHIFT_MM[0]} to {THORAX_SHIFT_MM[1]} mm too high. {SPIDER}."
    )
    write(options, "not_lumbar", about, studies, SEED)


def make(options, name):
    chosen = splits.load()
    if name == "spider_held_out":
        spider(options, name, chosen["spider"]["held_out"], "held-out subjects")
    elif name.startswith("spider_fold_"):
        fold = name.removeprefix("spider_")
        spider(options, name, chosen["spider_folds"][fold], f"cross-validation's {fold.replace('_', ' ')}")
    elif name.startswith("sudirman_cuts"):
        part = name.removeprefix("sudirman_cuts").strip("_") or "held_out"
        sudirman_cuts(options, name, chosen["sudirman"][part], part.replace("_", "-"))
    elif name.startswith("sudirman_"):
        part = name.removeprefix("sudirman_")
        sudirman(options, name, chosen["sudirman"][part], part.replace("_", "-"))
    else:
        {"midsagittal": midsagittal, "phantoms": phantoms, "not_lumbar": not_lumbar}[name](options)


def seeds(text):
    first, last = text.split("..")
    return int(first), int(last)


def main():
    root = Path(__file__).resolve().parents[3]
    parts = [f"sudirman_{cuts}{part}" for cuts in ("", "cuts_") for part in ("held_out", "validation")]
    names = ["spider_held_out", *(f"spider_fold_{k}" for k in range(5)), *parts, "sudirman_cuts"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=[*names, "midsagittal", "phantoms", "not_lumbar"], metavar="SET")
    parser.add_argument("--work", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--binary", default=str(root / "target/release/deepspine"), help="makes the phantoms")
    parser.add_argument("--seeds", type=seeds, default=(1, 100), metavar="A..B", help="seeds of the phantoms")
    parser.add_argument("--workers", type=int, default=1, help="phantoms made at a time")
    options = parser.parse_args()
    if options.work.resolve().is_relative_to(root):
        parser.error(f"--work {options.work} lies in the repository: images and masks do not belong there")
    options.work.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        make(options, name)


if __name__ == "__main__":
    main()
