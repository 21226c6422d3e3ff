"""A folder of DICOM studies, a folder each, and what `deepspine labels` made of their reports (jsonl or csv; docs/labelling.md).

A text belongs to the study whose folder has its id for a name, or whose StudyInstanceUID or AccessionNumber it is, or gives as the site's keyed hash.
"""

import csv
import hashlib
import hmac
import json
from collections import defaultdict

import pydicom

from ..findings import STENOSIS, Truth
from ..problems import Problem
from .study import Study

FILES_MAX = 100_000
LEVELS = ["L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"]
# Finding of a label: ours, whether its absence says that ours is absent ("no extrusion" says nothing of a protrusion).
PRESENCE = {
    "height-loss": ("disc-narrowing", True), "bulge": ("disc-bulge", True), "herniation": ("disc-herniation", True), "protrusion": ("disc-herniation", True),
    "extrusion": ("disc-herniation", False), "sequestration": ("disc-herniation", False), "spondylolisthesis": ("spondylolisthesis", True),
    "modic": ("modic-change", True), "sac-compression": ("sac-compression", True), "root-compression": ("root-compression", True),
}
STENOSES = {"canal-stenosis": "central-canal-stenosis", "foraminal-stenosis": "foraminal-stenosis", "lateral-recess-stenosis": "subarticular-stenosis"}
# Degeneration that a text speaks of is Pfirrmann III or more, as `labels --against` takes it.
DEGENERATED = {"present": (2, 4), "absent": (0, 1)}
KEY_BYTES, HASH_HEX, SUBJECT_HEX = 32, 32, 12


def studies(source, log):
    texts = labels_by_id(source.labels)
    key = key_of(source.study_key_file)
    found, silent, used = [], [], defaultdict(list)
    for folder in sorted(p for p in source.path.iterdir() if p.is_dir()):
        files = sorted(p for p in folder.rglob("*") if p.is_file())[:FILES_MAX]
        header = first_header(files)
        if header is None:
            log(f"{source.name}: {folder.name} holds no DICOM image: left out")
            continue
        ids = ids_of(folder.name, header, key)
        known = [i for i in ids if i in texts]
        if not known:
            silent.append(folder.name)
            continue
        used[known[0]].append(folder.name)
        subject = subject_of(source.name, str(getattr(header, "PatientID", "") or folder.name))
        found.append(Study(source.name, folder.name, subject, files, folder=folder, truths=truths_of(texts[known[0]])))
    several = {i: names for i, names in used.items() if len(names) > 1}
    for text, names in several.items():
        log(f"{source.name}: the text {text!r} fits {', '.join(names)}: none of them is used")
    found = [study for study in found if not any(study.name in names for names in several.values())]
    if silent:
        log(f"{source.name}: {len(silent)} studies have no text: {', '.join(silent[:10])}")
    log(f"{source.name}: {len(set(texts) - set(used))} texts have no study")
    if not found:
        raise Problem(f"{source.path}: no study's folder name, UID or accession number is the id of a text in {source.labels}")
    return found


def subject_of(source, patient):
    """Subjects stand in tables of figures: a hash tells them apart and names nobody."""
    return hashlib.sha256(f"{source}/{patient}".encode()).hexdigest()[:SUBJECT_HEX]


def first_header(files):
    for path in files:
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except (OSError, ValueError, pydicom.errors.InvalidDicomError):
            continue
        if hasattr(header, "ImagePositionPatient") or hasattr(header, "SharedFunctionalGroupsSequence"):
            return header
    return None


def key_of(path):
    """The site's key: 32 bytes or 64 hex digits; that of `analyze` where none is named."""
    if path is None:
        return bytes(KEY_BYTES)
    data = path.read_bytes()
    try:
        data = bytes.fromhex(data.decode().strip()) if len(data) != KEY_BYTES else data
    except ValueError:
        data = b""
    if len(data) != KEY_BYTES:
        raise Problem(f"{path} is no key: {KEY_BYTES} bytes or {2 * KEY_BYTES} hex digits")
    return data


def ids_of(name, header, key):
    """Ids of a text that belongs to the study, the folder's name first."""
    ids = [name]
    for purpose, tag in (("study", "StudyInstanceUID"), ("accession", "AccessionNumber")):
        value = str(getattr(header, tag, "") or "").strip(" \0")
        if value:
            # As `src/export/key.rs` makes them.
            ids += [value, hmac.new(key, f"{purpose}\n{value}".encode(), hashlib.sha256).hexdigest()[:HASH_HEX]]
    return ids


def labels_by_id(path):
    """{id of a text: its labels}, each a dict of level, finding, side, presence, extent."""
    texts = defaultdict(list)
    try:
        with open(path, newline="", encoding="utf-8") as file:
            if path.suffix == ".csv":
                for row in csv.DictReader(file):
                    texts[row["id"]].append({k: v or None for k, v in row.items()})
            else:
                for line in file:
                    text = json.loads(line)
                    texts[text["id"]] += text["labels"]
    except (ValueError, KeyError, TypeError) as error:
        raise Problem(f"{path} is not what `deepspine labels --format jsonl` or csv prints: {error!r}") from error
    return texts


def truths_of(labels):
    """What a text says of each level; what names a level goes before what is about the whole spine, the worse before the milder."""
    named, whole = {}, {}
    for label in labels:
        for finding, side, low, high in said(label):
            if label["level"] in LEVELS:
                keep(named, (label["level"], finding, side), low, high)
            elif label["level"] in ("all", "rest"):
                for level in LEVELS:
                    keep(whole, (level, finding, side), low, high)
    return [Truth(finding, *span, side=side, level=level) for (level, finding, side), span in sorted((whole | named).items(), key=str)]


def keep(spans, key, low, high):
    known = spans.get(key, (low, high))
    spans[key] = max(known[0], low), max(known[1], high)


def said(label):
    """(finding, side, low, high) of each statement about a finding of ours; nothing where it is uncertain, past or has no side where it needs one."""
    presence, finding, side = label["presence"], label["finding"], label["side"]
    if presence not in ("present", "absent"):
        return
    if finding == "degeneration":
        yield "disc-degeneration", None, *DEGENERATED[presence]
    elif finding in PRESENCE:
        ours, absence_counts = PRESENCE[finding]
        if presence == "present" or absence_counts:
            grade = int(presence == "present")
            yield ours, None, grade, grade
    elif finding in STENOSES:
        span = (0, 0) if presence == "absent" else extent_of(label["extent"])
        if finding == "canal-stenosis":
            yield STENOSES[finding], None, *span
        else:
            both = side == "both" or (side is None and presence == "absent")
            for one in ["left", "right"] if both else [side] if side else []:
                yield STENOSES[finding], one, *span


def extent_of(extent):
    """`mild`, `mild-moderate` …: grades; without one only that it is worse than normal."""
    words = [w for w in (extent or "").split("-") if w in STENOSIS]
    return (STENOSIS.index(words[0]), STENOSIS.index(words[-1])) if words else (1, 3)
