"""A model set: its manifest, its files verified, and a session for each network (src/inference)."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

import onnxruntime


@dataclass
class Network:
    entry: dict
    session: object

    def run(self, inputs):
        """The first output for inputs by name."""
        return self.session.run(None, inputs)[0]


class Networks:
    """`threads` are the session's own; slices are spread over threads outside it."""

    def __init__(self, folder, threads=1):
        self.entries = entries_of(Path(folder))
        self.by_name = {entry["name"]: Network(entry, session(path, entry, threads)) for entry, path in self.entries}
        self.segmentation = self.by_name["segmentation"]
        self.degeneration, self.stenosis = self.by_name.get("degeneration"), self.by_name.get("stenosis")


def entries_of(folder):
    """(entry, path) of each network; a set may add to the one around it."""
    manifest = tomllib.loads((folder / "manifest.toml").read_text())
    found = [(entry, folder / entry["file"]) for entry in manifest["model"]]
    if manifest.get("adds_to") == "..":
        names = {entry["name"] for entry, _ in found}
        found += [(entry, path) for entry, path in entries_of(folder.resolve().parent) if entry["name"] not in names]
    return found


def session(path, entry, threads):
    weights = path.read_bytes()
    if hashlib.sha256(weights).hexdigest() != entry["sha256"]:
        raise SystemExit(f"{path} is not the file that the manifest names: install the model set again")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
