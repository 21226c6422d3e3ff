"""What the judges share: running the binary, writing a series as DICOM, reading label maps, intervals.

Every judge prints its figures with the data, the seed and the command, and judges only subjects that
models/manifest.toml names as held out."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import nibabel
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP_SEED = 20261123
BODY, POSTERIOR, SACRUM, DISC, CANAL = 49, 41, 26, 100, 61


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


def write_sagittal_series(folder, slices, pixel_mm, spacing_mm, weighting, number):
    """8-bit slices (anterior left, head up) as one DICOM series; slice k lies k * spacing to the right of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    tr_te = {"T1": (600.0, 10.0), "T2": (3500.0, 100.0), "SPACE": (1700.0, 124.0)}[weighting]
    for k, image in enumerate(slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = f"2.25.{number}{k:04d}"
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        ds.StudyInstanceUID, ds.SeriesInstanceUID = f"2.25.{number}9998", f"2.25.{number}9999"
        ds.FrameOfReferenceUID = f"2.25.{number}9997"
        ds.Modality, ds.PatientID, ds.PatientName = "MR", str(number), "Judge^Held-out"
        ds.SeriesNumber, ds.InstanceNumber = 1, k + 1
        ds.SeriesDescription = f"sag {weighting}"
        ds.RepetitionTime, ds.EchoTime = tr_te
        ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        ds.ScanningSequence, ds.SequenceVariant, ds.MRAcquisitionType = "SE", "SK", "3D" if weighting == "SPACE" else "2D"
        ds.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        ds.ImagePositionPatient = [-k * spacing_mm, -100, 150]
        ds.PixelSpacing, ds.SliceThickness = [pixel_mm, pixel_mm], spacing_mm
        ds.SpacingBetweenSlices = spacing_mm
        ds.Rows, ds.Columns = image.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.PixelData = image.astype("<u2").tobytes()
        ds.save_as(folder / f"{k:04d}.dcm", enforce_file_format=True)


def label_map(path, shape):
    """A label map as [slice, row, column] in the order in which `write_sagittal_series` wrote."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    # Canonical RAS+: i to the right, j to the front, k to the head. Ours: slice to the right, row to the feet, column to the back.
    labels = np.asarray(image.dataobj)[:, ::-1, ::-1].transpose(0, 2, 1)
    assert labels.shape == shape, f"{path}: {labels.shape}, expected {shape}"
    return labels


def dice(a, b):
    total = a.sum() + b.sum()
    return float(2 * (a & b).sum() / total) if total else float("nan")


def interval(values):
    """95 % interval of the mean, bootstrapped by subject."""
    values = np.asarray([v for v in values if not np.isnan(v)], float)
    draws = np.random.default_rng(BOOTSTRAP_SEED).choice(values, (2000, len(values)))
    low, high = np.percentile(draws.mean(axis=1), [2.5, 97.5])
    return f"{values.mean():.3f} ({low:.3f}-{high:.3f})"
