"""Which truth is of which level. A level whose name is doubtful is joined with nothing that hangs on names; every pair that is dropped is counted."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

# As `SURE_ENOUGH` of src/spine/report.rs: names less sure than this are doubtful.
SURE_ENOUGH = 0.8
# A disc's own middle lies within this of the level's, mm, or it is another's.
CENTRE_FAR_MM = 12.0
# A place that was marked at a level lies within this of the disc's plane, along the spine, mm: a foramen lies some 10 above it, a whole level is 30 to 40.
BESIDE_FAR_MM = 18.0
# Of places marked at levels, more than this share beside them says that names are wrong by a whole.
MISPLACED_MOST = 0.2


@dataclass
class Level:
    """A level that is taught: its row in the reading of `study`, and {(finding, side): (low, high)}."""

    study: object
    row: int
    entry: dict
    said: dict


def levels_of(study, reading, why):
    """The levels of a study of which something is said; `why` counts the truths by what became of them."""
    levels = {}
    for truth in study.truths:
        row, reason = row_of(truth, reading.levels)
        why[reason] += 1
        if row is None:
            continue
        level = levels.setdefault(row, Level(study, row, reading.levels[row], {}))
        level.said[truth.finding, truth.side] = (truth.low, truth.high)
    return [levels[row] for row in sorted(levels)]


def row_of(truth, entries):
    """(row of the level, or None; what became of the truth)."""
    if truth.centre_lps_mm is not None:
        return by_centre(truth.centre_lps_mm, entries)
    if truth.ordinal is not None:
        # Counting from below holds only where the lowest disc is the sacrum's.
        lowest = entries[0] if entries else {}
        if not (lowest.get("name") or "").endswith("-S1") or lowest["confidence"] < SURE_ENOUGH:
            return None, "the sacrum is not surely in view"
        rows = [k for k, entry in enumerate(entries) if entry["ordinal_from_below"] == truth.ordinal]
        return (rows[0], "joined") if rows else (None, "no such level was found")
    rows = [k for k, entry in enumerate(entries) if entry["name"] == truth.level]
    if not rows:
        return None, "no such level was found"
    entry = entries[rows[0]]
    if entry["confidence"] < SURE_ENOUGH:
        return None, "the level's name is doubtful"
    if truth.beside_lps_mm is not None and abs(along_mm(truth.beside_lps_mm, entry)) > BESIDE_FAR_MM:
        return None, "marked at another level"
    return rows[0], "joined"


def by_centre(centre, entries):
    far = [np.linalg.norm(np.subtract(centre, entry["centre_lps_mm"])) for entry in entries]
    if not far or min(far) > CENTRE_FAR_MM:
        return None, "no level was found there"
    return int(np.argmin(far)), "joined"


def along_mm(place, entry):
    """How far above the disc's plane a place lies."""
    return float(np.dot(np.subtract(place, entry["centre_lps_mm"]), entry["normal_lps"]))


def joined(studies, readings, log):
    """All levels of all studies that were read."""
    levels, why, beside = [], Counter(), []
    for study in studies:
        reading = readings.get(study.key)
        if reading is None:
            why["its study was not read"] += len(study.truths)
            continue
        levels += levels_of(study, reading, why)
        beside += marks_mm(study, reading)
    log("truths: " + ", ".join(f"{n} {reason}" for reason, n in sorted(why.items())))
    if beside:
        off = np.abs(beside)
        misplaced = float((off > BESIDE_FAR_MM).mean())
        usual = f"{np.median(off):.1f} mm (median; 95 %: {np.percentile(off, 95):.1f})"
        log(f"{len(off)} marks lie {usual} from the plane of the level of their name; {misplaced:.1%} over {BESIDE_FAR_MM:g} mm, dropped")
        if misplaced > MISPLACED_MOST:
            log("WARNING: so many marks beside their levels say that names and marks are not of one counting: look at some studies")
    return levels, dict(why)


def marks_mm(study, reading):
    named = {entry["name"]: entry for entry in reading.levels if entry["confidence"] >= SURE_ENOUGH}
    marked = [t for t in study.truths if t.beside_lps_mm is not None and t.level in named]
    return [along_mm(truth.beside_lps_mm, named[truth.level]) for truth in marked]
