"""Reads the mid-sagittal images of SPIDER and Sudirman with the appliance itself: where each level lies, found as it is found at run time.

    python -m grading.readings --work WORK [--data DATA] [--binary ../../target/release/deepspine]

Writes WORK/readings.jsonl, an image a line: set, subject, contrast, path, pixel_mm [row, column] and the report's levels. An image
that the appliance refuses keeps its refusal. What is there is not read again.
"""

import argparse
import csv
import json
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from evaluation.series import ORIGIN_MM, write_sagittal_series
from segmentation import sources

# Where the table's pixel size can't be right, a lumbar field of this size is assumed, mm.
FIELD_ASSUMED_MM = 280.0
WEIGHTING = {"t1": "T1", "t2": "T2", "t2_space": "SPACE"}


def spider_images(data):
    """(set, subject, contrast, path, pixel_mm) of every mid-sagittal image that lies head up."""
    with open(data / "spider/series.csv", newline="") as file:
        spacing = {(int(r["subject"]), r["series"]): r["PixelSpacing"] for r in csv.DictReader(file)}
    for path in sorted((data / "spider/midsagittal").glob("*.png")):
        if path.stem in sources.STORED_UPSIDE_DOWN:
            continue
        subject, contrast = path.stem.split("_", 1)
        with Image.open(path) as image:
            size = image.height, image.width
        pixel_mm = [float(v) for v in spacing[int(subject), contrast].strip("[]").split(",")]
        if not all(sources.FIELD_MM[0] <= n * mm <= sources.FIELD_MM[1] for n, mm in zip(size, pixel_mm)):
            pixel_mm = [FIELD_ASSUMED_MM / max(size)] * 2
        yield "spider", int(subject), contrast, path, pixel_mm


def sudirman_images(data):
    for contrast in ("t1", "t2"):
        for path in sorted((data / f"sudirman/{contrast}").glob("*.jpg")):
            yield "sudirman", int(path.stem), contrast, path, [sources.SUDIRMAN_PIXEL_MM] * 2


def read(options, k, image):
    """The reading of one image, as a line of the file."""
    name, subject, contrast, path, pixel_mm = image
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        write_sagittal_series(Path(folder), [sources.grey(path)], pixel_mm, 4.0, WEIGHTING[contrast], 76000 + k)
        command = [options.binary, "analyze", folder, "--format", "json", "--threads", "1", "--models", str(options.models)]
        done = subprocess.run(command, capture_output=True, text=True)
    report = json.loads(done.stdout) if done.stdout.startswith("{") else {"refusal": {"code": "failed", "text": done.stderr[-300:]}}
    levels = [
        {"name": level["name"], "ordinal": level["ordinal_from_below"], "confidence": level["confidence"]}
        | {"plane": level["plane"], "measurements": level["measurements"]}
        for level in report.get("levels", [])
    ]
    return {
        "set": name, "subject": subject, "contrast": contrast, "path": str(path.relative_to(options.data)), "pixel_mm": pixel_mm,
        "origin_lps_mm": ORIGIN_MM, "refusal": (report.get("refusal") or {}).get("code"), "levels": levels,
        "vertebrae": [{"name": v["name"], "centre_lps_mm": v["centre_lps_mm"]} for v in report.get("vertebrae", [])],
        "quality": [q["code"] for q in report.get("quality", [])],
    }


def main():
    root = Path(__file__).resolve().parents[3]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--binary", default=str(root / "target/release/deepspine"))
    parser.add_argument("--models", type=Path, default=root / "models")
    parser.add_argument("--workers", type=int, default=2, help="images read at a time")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    out = options.work / "readings.jsonl"
    known = {json.loads(line)["path"] for line in out.open()} if out.exists() else set()
    images = [*spider_images(options.data), *sudirman_images(options.data)]
    todo = [(k, i) for k, i in enumerate(images) if str(i[3].relative_to(options.data)) not in known]
    with out.open("a") as file, ThreadPoolExecutor(options.workers) as pool:
        for done, line in enumerate(pool.map(lambda job: read(options, *job), todo), 1):
            file.write(json.dumps(line) + "\n")
            file.flush()
            if done % 50 == 0:
                print(f"{done} of {len(todo)}", flush=True)


if __name__ == "__main__":
    main()
