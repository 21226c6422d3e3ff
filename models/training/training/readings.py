"""The appliance reads each study and cuts the views of its levels: what is taught is what is seen at run time.

Kept by study; what is there is not read again.
"""

import hashlib
import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .problems import Problem

INPUTS = ["disc", "axial", "foramen_left", "foramen_right"]
VIEWS_SCHEMA = "deepspine.views/1"
# A study that takes longer is a bad one.
SECONDS_MAX = 1800
# What a log line repeats of a program's complaint.
COMPLAINT_CHARACTERS = 300
# How often the log says how far it is.
TOLD_EVERY = 25


@dataclass
class Reading:
    """`levels` as views.json has them; `views` [levels, ...] of 0 to 255 by network input; `refusal` where there is no spine or no study."""

    levels: list
    views: dict
    refusal: str = None


class Reader:
    def __init__(self, config, log):
        self.config, self.log = config, log
        self.folder = config.work / "readings"
        self.folder.mkdir(parents=True, exist_ok=True)
        made_by = hashlib.sha256((config.base / "manifest.toml").read_bytes())
        made_by.update(version(config.deepspine).encode())
        self.made_by = made_by.hexdigest()

    def read(self, studies):
        """{study's key: reading} of all that could be read; the others are named in the log."""
        readings, refused = {}, []
        with ThreadPoolExecutor(self.config.workers) as pool:
            for done, (study, reading) in enumerate(zip(studies, pool.map(self.one, studies)), 1):
                if reading.refusal:
                    refused.append(study.key)
                    self.log(f"{study.key}: not used: {reading.refusal}")
                else:
                    readings[study.key] = reading
                if done % TOLD_EVERY == 0:
                    self.log(f"{done} of {len(studies)} studies read")
        self.log(f"{len(studies)} studies, {len(readings)} read, {len(refused)} refused")
        return readings

    def one(self, study):
        try:
            kept = self.folder / f"{self.key_of(study)}.npz"
            if kept.exists():
                return loaded(kept)
            reading = self.fresh(study)
        except (OSError, ValueError, KeyError, Problem, subprocess.SubprocessError) as error:
            # One study's fault is told and costs that study alone; it is tried again at the next run.
            return Reading([], {}, f"{type(error).__name__}: {error}")
        save(kept, reading)
        return reading

    def key_of(self, study):
        """By the study, its files, the models under the views and the version that cuts them."""
        digest = hashlib.sha256(f"{self.made_by}\n{study.key}\n".encode())
        for path in study.files:
            state = path.stat()
            digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:32]

    def fresh(self, study):
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            dicom = study.folder
            if study.make:
                dicom = Path(folder) / "dicom"
                study.make(dicom)
            out = Path(folder) / "out"
            report = analyze(self.config.deepspine, dicom, self.config.base, out)
            if report["refusal"]:
                return Reading([], {}, f"{report['refusal']['code']}: {report['refusal']['text']}")
            levels, views = views_of(out)
            return Reading(levels, {name: np.round(255 * values).astype(np.uint8) for name, values in views.items()})


def version(binary):
    try:
        return subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem(f"`deepspine` = {binary} can't be run: {error}") from error


def analyze(binary, dicom, models, out):
    """The report of `deepspine analyze --views` on a study."""
    command = [binary, "analyze", str(dicom), "--format", "json", "--threads", "1", "--models", str(models), "--views", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
    if done.returncode:
        raise Problem(f"deepspine analyze ends with {done.returncode}: {done.stderr.strip()[-COMPLAINT_CHARACTERS:]}")
    return json.loads((out / "report.json").read_text())


def views_of(out):
    """(levels, {input: float32 [levels, ...]}) that `deepspine analyze --views` wrote."""
    index = json.loads((out / "views" / "views.json").read_text())
    if index["schema"] != VIEWS_SCHEMA:
        raise Problem(f"views of {index['schema']} where {VIEWS_SCHEMA} is read: take the deepspine of this version")
    return index["levels"], {array["input"]: np.load(out / "views" / array["file"]) for array in index["arrays"]}


def save(path, reading):
    part = path.with_suffix(f".{os.getpid()}.part")
    with open(part, "wb") as file:
        np.savez_compressed(file, said=json.dumps({"levels": reading.levels, "refusal": reading.refusal}), **reading.views)
    os.replace(part, path)


def loaded(path):
    with np.load(path) as kept:
        said = json.loads(str(kept["said"]))
        return Reading(said["levels"], {name: kept[name] for name in INPUTS if name in kept}, said["refusal"])
