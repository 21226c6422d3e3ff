"""The configuration of a run: TOML, every key known, every value checked before anything is read."""

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from confidence import calibrate

from . import findings
from .problems import Problem

REPOSITORY_MODELS = Path(__file__).resolve().parents[2]
LAYOUTS = ["spider", "rsna", "dicom"]
BUNDLES = ["whole", "addition"]
FOLDS_MAX = 20


@dataclass(frozen=True)
class Source:
    """A set of studies with truths, and the terms under which it may be used."""

    name: str
    layout: str
    path: Path
    terms: str
    attribution: str
    held_out: tuple = ()
    labels: Path = None
    study_key_file: Path = None


@dataclass(frozen=True)
class Config:
    file: Path
    network: str
    version: str
    sources: list
    findings: list
    out: Path
    work: Path
    base: Path
    deepspine: str
    bundle: str = "whole"
    workers: int = 2
    steps: int = 1000
    batch: int = 128
    blocks: int = 9
    learning_rate: float = 1e-3
    ema: float = 0.99
    light: float = 0.4
    folds: int = 5
    seed: int = 1
    start: str = "imagenet"
    start_terms: str = ""
    alphas: tuple = (0.05, 0.1, 0.2)
    text: str = field(default="", repr=False)


# Key of the file: (field, type, least, most). Without a range the type alone is checked.
TOP = {
    "network": ("network", str), "version": ("version", str), "findings": ("findings", list), "out": ("out", str), "work": ("work", str),
    "base": ("base", str), "deepspine": ("deepspine", str), "bundle": ("bundle", str), "workers": ("workers", int, 1, 64),
    "training": ("training", dict), "source": ("sources", list),
}
TRAINING = {
    "steps": ("steps", int, 1, 1_000_000), "batch": ("batch", int, 2, 4096), "blocks": ("blocks", int, 1, 16),
    "learning-rate": ("learning_rate", float, 1e-7, 1.0), "ema": ("ema", float, 0.0, 0.99999),
    "light": ("light", float, 0.0, 2.0), "folds": ("folds", int, 2, FOLDS_MAX), "seed": ("seed", int, 0, 2**31 - 1),
    "start": ("start", str), "start-terms": ("start_terms", str), "alphas": ("alphas", list),
}
SOURCE = {
    "name": ("name", str), "layout": ("layout", str), "path": ("path", str), "terms": ("terms", str), "attribution": ("attribution", str),
    "held-out": ("held_out", list), "labels": ("labels", str), "study-key-file": ("study_key_file", str),
}
NEEDED = ["network", "version", "out", "source"]
NEEDED_OF_SOURCE = ["layout", "path", "terms", "attribution"]


def checked(table, known, where):
    """Fields by their names; a key that is not known, a wrong type or a value out of range is refused."""
    fields = {}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.0)
            raise Problem(f"{where}: unknown key `{key}`; the nearest known one is `{near[0]}`")
        name, kind, *limits = known[key]
        value = float(value) if kind is float and type(value) is int else value
        if type(value) is not kind:
            raise Problem(f"{where}: `{key}` = {value!r} must be a {kind.__name__}")
        if limits and not limits[0] <= value <= limits[1]:
            raise Problem(f"{where}: `{key}` = {value} is outside {limits[0]} to {limits[1]}")
        fields[name] = value
    return fields


def one_of(value, known, where):
    if value not in known:
        raise Problem(f"{where}: {value!r} is none of {', '.join(known)}; the nearest is {difflib.get_close_matches(str(value), known, 1, 0.0)[0]}")
    return value


def needed(table, keys, where):
    for key in keys:
        if not table.get(key):
            raise Problem(f"{where}: `{key}` is missing")


def source_of(table, number, folder, file):
    where = f"{file}: source {number}"
    if type(table) is not dict:
        raise Problem(f"{where}: write [[source]]")
    fields = checked(table, SOURCE, where)
    needed(table, NEEDED_OF_SOURCE, where)
    one_of(fields["layout"], LAYOUTS, f"{where}: `layout`")
    fields.setdefault("name", fields["layout"])
    fields["path"] = folder / fields["path"]
    if not fields["path"].is_dir():
        raise Problem(f"{where}: `path` = {fields['path']} is no folder")
    for key in ("labels", "study_key_file"):
        if key in fields:
            fields[key] = folder / fields[key]
            if not fields[key].is_file():
                raise Problem(f"{where}: `{key.replace('_', '-')}` = {fields[key]} is no file")
    if (fields["layout"] == "dicom") != ("labels" in fields):
        raise Problem(f"{where}: `labels` belongs to the layout `dicom`, and only there; make it by `deepspine labels --format jsonl`")
    fields["held_out"] = tuple(str(subject) for subject in fields.get("held_out", []))
    return Source(**fields)


def start_of(start, folder, where):
    """Empty, `lite0`, or a file."""
    if start in ("none", "imagenet"):
        return {"none": "", "imagenet": "lite0"}[start]
    path = folder / start
    if path.suffix not in (".onnx", ".pt", ".pth") or not path.is_file():
        raise Problem(f"{where}: `start` = {start!r} is neither none, imagenet nor a file .onnx, .pt or .pth")
    return str(path)


def read(file):
    try:
        text = file.read_text()
        table = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise Problem(f"{file}: {error}") from error
    fields, folder = checked(table, TOP, file), file.resolve().parent
    needed(table, NEEDED, file)
    network = one_of(fields["network"], list(findings.NETWORKS), f"{file}: `network`")
    one_of(fields.get("bundle", "whole"), BUNDLES, f"{file}: `bundle`")
    training = checked(fields.pop("training", {}), TRAINING, f"{file}: training")
    training["start"] = start_of(training.get("start", "imagenet"), folder, f"{file}: training")
    alphas = training.pop("alphas", [0.05, 0.1, 0.2])
    if not alphas or not all(type(a) is float and calibrate.ALPHAS[0] <= a <= calibrate.ALPHAS[-1] for a in alphas):
        raise Problem(f"{file}: training: `alphas` are error rates from {calibrate.ALPHAS[0]} to {calibrate.ALPHAS[-1]}")
    names = [finding.name for finding in findings.NETWORKS[network]]
    chosen = [one_of(name, names, f"{file}: `findings`") for name in fields.pop("findings", names)]
    sources = [source_of(table, k, folder, file) for k, table in enumerate(fields.pop("sources"), 1)]
    if len({source.name for source in sources}) < len(sources):
        raise Problem(f"{file}: two sources have one `name`")
    out = folder / fields.pop("out")
    work = folder / fields.pop("work") if "work" in fields else out / "work"
    base = folder / fields.pop("base") if "base" in fields else REPOSITORY_MODELS
    if not (base / "manifest.toml").is_file():
        raise Problem(f"{file}: `base` = {base} holds no manifest.toml")
    fields.setdefault("deepspine", "deepspine")
    binary = folder / fields["deepspine"]
    fields["deepspine"] = str(binary) if binary.is_file() else fields["deepspine"]
    fields["findings"] = [findings.OF_NAME[n] for n in names if n in chosen]
    return Config(file=file, sources=sources, out=out, work=work, base=base, alphas=tuple(alphas), text=text, **fields, **training)
