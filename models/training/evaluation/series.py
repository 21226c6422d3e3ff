"""Writes images as a DICOM series that `deepspine` reads: for sets that come without DICOM."""

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

# Where the first slice's first pixel lies, LPS mm.
ORIGIN_MM = (0.0, -100.0, 150.0)
TR_TE_MS = {"T1": (600.0, 10.0), "T2": (3500.0, 100.0), "SPACE": (1700.0, 124.0)}


def sop_uid(number, k):
    """SOP Instance UID of slice k of the series `number`."""
    return f"2.25.{number}{k:04d}"


def write_sagittal_series(folder, slices, pixel_mm, spacing_mm, weighting, number):
    """8-bit slices (anterior left, head up) as one DICOM series; slice k lies k * spacing to the right of the first.

    `pixel_mm` is one number or [row, column]; `number` names patient and series. Returns the SOP Instance UIDs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    row_mm, column_mm = (float(v) for v in np.broadcast_to(pixel_mm, 2))
    for k, image in enumerate(slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = sop_uid(number, k)
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        ds.StudyInstanceUID, ds.SeriesInstanceUID = f"2.25.{number}9998", f"2.25.{number}9999"
        ds.FrameOfReferenceUID = f"2.25.{number}9997"
        ds.Modality, ds.PatientID, ds.PatientName = "MR", str(number), "Judge^Held-out"
        ds.SeriesNumber, ds.InstanceNumber = 1, k + 1
        ds.SeriesDescription = f"sag {weighting}"
        ds.RepetitionTime, ds.EchoTime = TR_TE_MS[weighting]
        ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        ds.ScanningSequence, ds.SequenceVariant = "SE", "SK"
        ds.MRAcquisitionType = "3D" if weighting == "SPACE" else "2D"
        ds.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        ds.ImagePositionPatient = [ORIGIN_MM[0] - k * spacing_mm, ORIGIN_MM[1], ORIGIN_MM[2]]
        ds.PixelSpacing, ds.SliceThickness = [f"{row_mm:.10g}", f"{column_mm:.10g}"], spacing_mm
        ds.SpacingBetweenSlices = spacing_mm
        ds.Rows, ds.Columns = image.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.PixelData = image.astype("<u2").tobytes()
        ds.save_as(folder / f"{k:04d}.dcm", enforce_file_format=True)
    return [sop_uid(number, k) for k in range(len(slices))]
