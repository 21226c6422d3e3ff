"""The layout of RSNA 2024: train.csv, train_label_coordinates.csv, train_series_descriptions.csv, train_images/STUDY/SERIES/N.dcm.

`Normal/Mild` is one class of three: normal or mild. A level is known by its name; the place that was marked at it checks the name.
"""

from collections import defaultdict

import numpy as np
import pydicom

from ..findings import Truth
from ..problems import Problem
from . import tables
from .study import Study

CONDITIONS = {
    "spinal_canal_stenosis": ("central-canal-stenosis", None), "left_neural_foraminal_narrowing": ("foraminal-stenosis", "left"),
    "right_neural_foraminal_narrowing": ("foraminal-stenosis", "right"), "left_subarticular_stenosis": ("subarticular-stenosis", "left"),
    "right_subarticular_stenosis": ("subarticular-stenosis", "right"),
}
LEVELS = {"l1_l2": "L1-L2", "l2_l3": "L2-L3", "l3_l4": "L3-L4", "l4_l5": "L4-L5", "l5_s1": "L5-S1"}
GRADES = {"normal/mild": (0, 1), "moderate": (2, 2), "severe": (3, 3)}


def studies(source, log):
    marks = coordinates(source.path / "train_label_coordinates.csv")
    described = descriptions(source.path / "train_series_descriptions.csv")
    found, absent = [], []
    for line, row in tables.rows(source.path / "train.csv", ["study_id"]):
        name = row["study_id"]
        folder = source.path / "train_images" / name
        if not name.isdigit() or not folder.is_dir():
            absent.append(name)
            continue
        truths = truths_of(row, marks.get(name, {}), folder, source.path / "train.csv", line, log)
        files = sorted(p for p in folder.rglob("*.dcm"))
        study = Study(source.name, name, name, files, folder=folder, truths=truths)
        missing = undescribed(files, described.get(name, {}))
        if missing:
            study.make = lambda made, f=files, d=missing: write_described(made, f, d)
        found.append(study)
    if absent:
        log(f"{source.name}: {len(absent)} studies of train.csv have no images: {', '.join(absent[:10])}")
    if not found:
        raise Problem(f"{source.path}: train.csv names no study of train_images")
    return found


def truths_of(row, marks, folder, path, line, log):
    truths = []
    for condition, (finding, side) in CONDITIONS.items():
        for key, level in LEVELS.items():
            said = row.get(f"{condition}_{key}", "")
            if not said:
                continue
            if said.lower() not in GRADES:
                raise Problem(f"{path}:{line}: {condition}_{key} = {said!r} is none of Normal/Mild, Moderate, Severe")
            mark = marks.get((condition, key))
            truths.append(Truth(finding, *GRADES[said.lower()], side=side, level=level, beside_lps_mm=mark and place_of(folder, mark, log)))
    return truths


def coordinates(path):
    """{study: {(condition, level): (series, instance, x, y)}}; a set may come without them."""
    marks = defaultdict(dict)
    if path.is_file():
        for line, row in tables.rows(path, ["study_id", "series_id", "instance_number", "condition", "level", "x", "y"]):
            try:
                mark = row["series_id"], int(float(row["instance_number"])), float(row["x"]), float(row["y"])
            except ValueError as error:
                raise Problem(f"{path}:{line}: {error}") from error
            condition = "_".join(row["condition"].lower().split())
            marks[row["study_id"]][condition, row["level"].lower().replace("/", "_").replace("-", "_")] = mark
    return marks


def descriptions(path):
    """{study: {series: description}}."""
    described = defaultdict(dict)
    if path.is_file():
        for _, row in tables.rows(path, ["study_id", "series_id", "series_description"]):
            described[row["study_id"]][row["series_id"]] = row["series_description"]
    return described


def place_of(folder, mark, log):
    """Where a mark lies, LPS mm; None where its slice can't be read."""
    series, instance, x, y = mark
    path = folder / series / f"{instance}.dcm"
    try:
        slice_ = pydicom.dcmread(path, stop_before_pixels=True)
        along, down = np.array(slice_.ImageOrientationPatient, float).reshape(2, 3)
        row_mm, column_mm = (float(v) for v in slice_.PixelSpacing)
        place = np.array(slice_.ImagePositionPatient, float) + x * column_mm * along + y * row_mm * down
        return tuple(place) if np.isfinite(place).all() else None
    except (OSError, AttributeError, ValueError, pydicom.errors.InvalidDicomError) as error:
        log(f"{path}: the place that was marked on it is not used: {error}")
        return None


def undescribed(files, described):
    """{series: description} of the series whose own objects have none: the appliance goes by it where a header says little."""
    first = {}
    for path in files:
        first.setdefault(path.parent.name, path)
    missing = {}
    for series, path in first.items():
        try:
            has = getattr(pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SeriesDescription"]), "SeriesDescription", "")
        except (OSError, ValueError, pydicom.errors.InvalidDicomError):
            continue
        if not has and described.get(series):
            missing[series] = described[series]
    return missing


def write_described(made, files, described):
    """The study again, each series with the description that the table gives it."""
    for path in files:
        object_ = pydicom.dcmread(path)
        object_.SeriesDescription = described.get(path.parent.name, getattr(object_, "SeriesDescription", ""))
        folder = made / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        object_.save_as(folder / path.name)
