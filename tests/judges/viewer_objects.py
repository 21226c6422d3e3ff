"""Reads the DICOM objects of a folder by highdicom, and lays the segmentation beside the label maps.

    python viewer_objects.py FOLDER

FOLDER holds report.dcm, segmentation.dcm and what `analyze --out` writes beside them. Fails where highdicom can't read an
object, a level of report.json is missing in the structured report or has another number there, or a voxel of a segment
is not where the label map has it."""

import json
import sys
from pathlib import Path

import highdicom
import numpy as np
import pydicom


def fail(why):
    sys.exit(f"FAILED: {why}")


def voxels_lps_mm(origin, orientation, spacing, mask):
    """Centres of the voxels of a frame that are set."""
    rows, columns = np.nonzero(mask)
    along_row, along_column = np.array(orientation[:3]), np.array(orientation[3:])
    return np.array(origin) + np.outer(columns * spacing[1], along_row) + np.outer(rows * spacing[0], along_column)


def segments(path):
    """By segment: its dataset, and where its voxels are, LPS mm."""
    seg = highdicom.seg.segread(path)
    shared = seg.SharedFunctionalGroupsSequence[0]
    orientation = [float(v) for v in shared.PlaneOrientationSequence[0].ImageOrientationPatient]
    spacing = [float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing]
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    if len(frames) != int(seg.NumberOfFrames):
        fail(f"{len(frames)} frames, {seg.NumberOfFrames} said")
    places = {number: [] for number in seg.segment_numbers}
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence):
        origin = [float(v) for v in groups.PlanePositionSequence[0].ImagePositionPatient]
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        if not frame.any():
            fail(f"an empty frame of segment {number}")
        places[number].append(voxels_lps_mm(origin, orientation, spacing, frame))
    return seg, {n: np.concatenate(p) if p else np.empty((0, 3)) for n, p in places.items()}


def label_map(path):
    """The label map's voxels that are set, and what takes LPS mm to (fractional) voxels."""
    import gzip

    raw = gzip.decompress(path.read_bytes())
    dim = np.frombuffer(raw, "<i2", 8, 40)
    affine = np.frombuffer(raw, "<f4", 12, 280).reshape(3, 4).astype(float)
    values = np.frombuffer(raw, "<u2", int(np.prod(dim[1:4])), 352).reshape(dim[1:4], order="F")
    inverse = np.linalg.inv(affine[:, :3])
    return values > 0, lambda lps: (lps * [-1, -1, 1] - affine[:, 3]) @ inverse.T


def check_segmentation(folder):
    seg, places = segments(folder / "segmentation.dcm")
    ours = np.concatenate(list(places.values()))
    theirs, to_voxel = label_map(folder / "semantic.nii.gz")
    at = to_voxel(ours)
    away = np.abs(at - np.round(at)).max()
    if not away <= 0.1:
        fail(f"a voxel is {away:.3f} voxels from where the label map has one")
    where = np.zeros_like(theirs)
    where[tuple(np.round(at).astype(int).T)] = True
    if len(ours) != theirs.sum() or (where != theirs).any():
        fail(f"{len(ours)} voxels are segmented, {theirs.sum()} in the label map, {(where != theirs).sum()} differ")
    labels = [str(s.SegmentLabel) for s in seg.SegmentSequence]
    if len(set(labels)) != len(labels):
        fail(f"labels are there twice: {labels}")
    print(f"segmentation: {len(labels)} segments, {seg.NumberOfFrames} frames, {len(ours)} voxels, at most {away:.4f} voxels from the label map's")


def check_report(folder):
    sr = highdicom.sr.srread(folder / "report.dcm")
    document = json.loads((folder / "report.json").read_text())
    groups = {g.tracking_identifier: g for g in sr.content.get_image_measurement_groups()}
    compared = 0
    for level in document["levels"]:
        name = level["name"] if level["name"] != "unknown" else f"level without a name, {level['ordinal_from_below']} from below"
        if name not in groups:
            fail(f"no measurement group {name}: {sorted(groups)}")
        group = groups[name]
        values = {m.name.value: m.value for m in group.get_measurements()}
        diameter = level["measurements"]["canal_ap_disc_mm"]
        if diameter is not None:
            if values.get("CANAL-AP-DISC") != diameter:
                fail(f"{name}: canal {values.get('CANAL-AP-DISC')}, the report says {diameter}")
            compared += 1
        evaluations = group.get_qualitative_evaluations()
        if len(evaluations) < len(level.get("grades", [])):
            fail(f"{name}: {len(evaluations)} evaluations of {len(level['grades'])} grades")
        if level["snomed_code"] and group.finding_sites[0].value.value != level["snomed_code"]:
            fail(f"{name}: its site is {group.finding_sites[0].value}")
    print(f"report: {len(groups)} measurement groups, {len(document['levels'])} levels, {compared} diameters equal")


def main():
    folder = Path(sys.argv[1])
    check_report(folder)
    if (folder / "segmentation.dcm").exists():
        check_segmentation(folder)
    picture = pydicom.dcmread(folder / "overlay.dcm")
    if picture.pixel_array.shape != (picture.Rows, picture.Columns, 3):
        fail(f"the picture's pixels are {picture.pixel_array.shape}")
    print(f"overlay: {picture.Columns} x {picture.Rows} pixels")


if __name__ == "__main__":
    main()
