"""The role of a series, from timing, then words (src/dicom/series/role.rs, words.rs). Pixels are not asked."""

import re

LOCALIZER_WORDS = {"LOC", "LOCALIZER", "LOCALISER", "LOCA", "SCOUT", "SURVEY", "PILOT", "3PLANE", "3PL", "TRIPLAN", "AAHSCOUT", "PLANSCAN"}
DERIVED_WORDS = {"MPR", "MIP", "ADC", "SUB", "SUBTRACTION", "REFORMAT", "SCREENSHOT", "MYELO"}
FAT_WORDS = {"FS", "FATSAT", "FSAT", "SPIR", "SPAIR", "FATSUPP", "CHESS", "WATER", "TIRM", "STIR", "DIXON", "MDIXON"}
DERIVED_TYPES = {"MPR", "MIP", "PROJECTION IMAGE", "REFORMATTED", "RESAMPLED", "SUBTRACT", "ADC"}
# Most slices of one orientation in a localizer of several planes.
LOCALIZER_SLICES_MAX = 15
T2_ECHO_MS_MIN, T2_REPETITION_MS_MIN = 60.0, 900.0
T1_ECHO_MS_MAX, T1_REPETITION_MS_MAX = 40.0, 1300.0
STIR_INVERSION_MS_MAX = 350.0
SURE, BY_PHYSICS, AGAINST_WORDS, BY_WORDS = 0.97, 0.9, 0.7, 0.75
IN_PLANE = {
    ("sagittal", "t2"): "sag-t2", ("sagittal", "t1"): "sag-t1", ("sagittal", "fat"): "sag-fs",
    ("axial", "t2"): "ax-t2", ("axial", "t2*"): "ax-t2", ("axial", "t1"): "ax-t1",
}


def tokens(header):
    texts = [str(header.get(k, "")) for k in ("SeriesDescription", "ProtocolName", "SequenceName")]
    return [[t for t in re.split(r"[^\w*]+", text.upper()) if t] for text in texts]


def weighting_by_words(words):
    starts = lambda name: any(re.match(rf"{re.escape(name)}(?!\d)", t) for t in words)
    fat = bool(FAT_WORDS & set(words))
    if {"STIR", "TIRM"} & set(words):
        return "fat"
    if starts("T1") == starts("T2"):
        return None
    if starts("T1"):
        return "t1-fat" if fat else "t1"
    return "fat" if fat else "t2*" if any(t.startswith("T2*") for t in words) else "t2"


def weighting_by_timing(header):
    number = lambda key: float(header[key].value) if key in header and header[key].value is not None else None
    te, tr, ti = number("EchoTime"), number("RepetitionTime"), number("InversionTime")
    sequence = header.get("ScanningSequence", "")
    if ti is not None and "IR" in sequence:
        return "fat" if ti <= STIR_INVERSION_MS_MAX else "t1"
    if te is None or tr is None:
        return None
    if te >= T2_ECHO_MS_MIN and tr >= T2_REPETITION_MS_MIN:
        return "t2"
    return "t1" if te <= T1_ECHO_MS_MAX and tr <= T1_REPETITION_MS_MAX else None


def role_of(header, plane, slices_by_plane):
    """(role, confidence) of the series that `header` speaks for, most of whose slices lie in `plane`."""
    words = tokens(header)
    known = {t for text in words for t in text}
    kind = {str(v) for v in header.get("ImageType", [])}
    several = len(slices_by_plane) > 1 and max(slices_by_plane.values()) <= LOCALIZER_SLICES_MAX
    if header.get("Modality", "MR") != "MR":
        return "other", SURE
    if kind & {"LOCALIZER", "SCOUT"} or known & LOCALIZER_WORDS or several:
        return "localizer", BY_PHYSICS
    if kind & DERIVED_TYPES or known & DERIVED_WORDS:
        return "derived", BY_PHYSICS
    timing = weighting_by_timing(header)
    said = next((w for w in map(weighting_by_words, words) if w), None)
    weighting = timing or said
    if timing and said:
        confidence = SURE if timing == said or (timing, said) == ("t2", "fat") else AGAINST_WORDS
        weighting = said if confidence == SURE else timing
    else:
        confidence = BY_PHYSICS if timing else BY_WORDS if said else 0.0
    return IN_PLANE.get((plane, weighting), "coronal" if plane == "coronal" else "other"), confidence
