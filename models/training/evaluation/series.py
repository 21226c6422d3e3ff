"""Writes images as a DICOM series that `deepspine` reads: for sets that come without DICOM."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

# Where the first slice's first pixel lies, LPS mm.
ORIGIN_MM = (0.0, -100.0, 150.0)
TR_TE_MS = {"T1": (600.0, 10.0), "T2": (3500.0, 100.0), "SPACE": (1700.0, 124.0)}


def sop_uid(number, k):
    """SOP Instance UID of slice k of the series `number`."""
    return f"2.25.{number}{k:04d}"


@dataclass(frozen=True)
class Identity:
    """Who and what a series is; `sop_uid` gives the UID of slice k."""

    patient: str
    name: str
    study_uid: str
    series_uid: str
    frame_uid: str
    sop_uid: Callable[[int], str]
    series_number: int = 1


def write_series(folder, slices, places_lps_mm, orientation, pixel_mm, spacing_mm, weighting, identity):
    """Unsigned slices as one DICOM series, slice k's first pixel at `places_lps_mm[k]`; `orientation` is that of DICOM: along a row, down a column."""
    folder.mkdir(parents=True, exist_ok=True)
    row_mm, column_mm = (float(v) for v in np.broadcast_to(pixel_mm, 2))
    bits = 12 if max(int(image.max()) for image in slices) < 1 << 12 else 16
    for k, (image, place) in enumerate(zip(slices, places_lps_mm)):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = identity.sop_uid(k)
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        ds.StudyInstanceUID, ds.SeriesInstanceUID = identity.study_uid, identity.series_uid
        ds.FrameOfReferenceUID = identity.frame_uid
        ds.Modality, ds.PatientID, ds.PatientName = "MR", identity.patient, identity.name
        ds.SeriesNumber, ds.InstanceNumber = identity.series_number, k + 1
        ds.SeriesDescription = f"sag {weighting}"
        ds.RepetitionTime, ds.EchoTime = TR_TE_MS[weighting]
        ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        ds.ScanningSequence, ds.SequenceVariant = "SE", "SK"
        ds.MRAcquisitionType = "3D" if weighting == "SPACE" else "2D"
        ds.ImageOrientationPatient = [decimal(v) for v in orientation]
        ds.ImagePositionPatient = [decimal(v) for v in place]
        ds.PixelSpacing, ds.SliceThickness = [decimal(row_mm), decimal(column_mm)], decimal(spacing_mm)
        ds.SpacingBetweenSlices = decimal(spacing_mm)
        ds.Rows, ds.Columns = image.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, bits, bits - 1, 0
        ds.PixelData = image.astype("<u2").tobytes()
        ds.save_as(folder / f"{k:04d}.dcm", enforce_file_format=True)
    return [identity.sop_uid(k) for k in range(len(slices))]


def decimal(value):
    """A decimal string of DICOM: 16 characters at most."""
    return f"{float(value):.9g}" if value >= 0 or abs(value) >= 1e-3 else f"{float(value):.8g}"


def write_sagittal_series(folder, slices, pixel_mm, spacing_mm, weighting, number):
    """8-bit slices (anterior left, head up) as one DICOM series; slice k lies k * spacing to the right of the first.

    `pixel_mm` is one number or [row, column]; `number` names patient and series. Returns the SOP Instance UIDs.
    """
    uid = lambda end: f"2.25.{number}{end}"
    identity = Identity(str(number), "Judge^Held-out", uid(9998), uid(9999), uid(9997), lambda k: sop_uid(number, k))
    places = [(ORIGIN_MM[0] - k * spacing_mm, ORIGIN_MM[1], ORIGIN_MM[2]) for k in range(len(slices))]
    return write_series(folder, slices, places, [0, 1, 0, 0, 0, -1], pixel_mm, spacing_mm, weighting, identity)
