"""The sets of crops as training sees them: pictures, truths, who they are of, and which fold judges them."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDS = 5
MANIFEST = Path(__file__).resolve().parents[2] / "manifest.toml"


@dataclass(frozen=True)
class Task:
    """A truth that is learnt as `classes` - 1 thresholds; `weight` is its share of the loss."""

    name: str
    classes: int
    weight: float = 1.0


DISC_TASKS = [
    Task("pfirrmann", 5, 6.0), Task("narrowing", 2), Task("bulging", 2), Task("herniation", 2, 0.5), Task("spondylolisthesis", 2, 0.5),
    Task("modic", 2), Task("endplate_upper", 2), Task("endplate_lower", 2), Task("note_sac", 2), Task("note_root_left", 2, 0.5),
    Task("note_root_right", 2, 0.5), Task("note_bulge", 2, 0.5), Task("box_degenerated", 2, 0.5), Task("box_bulge", 2, 0.5),
    Task("box_stenosis", 2, 0.5), Task("box_slip", 2, 0.25),
]
AXIAL_TASKS = [
    Task("canal", 3, 2.0), Task("left_subarticular", 3), Task("left_foramen", 3, 0.5), Task("right_subarticular", 3), Task("right_foramen", 3, 0.5),
]
FORAMEN_TASKS = [Task("foramen", 3)]


@dataclass
class Crops:
    """`images` [n, channels, rows, columns] of 0 to 255; `truth` [n, tasks], -1 where nothing is known; `part` the fold that judges a
    crop, -1 where its subject is held out of everything. `said` [n, thresholds], where truths are told by thresholds: 1 worse, 0 not
    worse, -1 not known; it then goes before `truth`."""

    images: np.ndarray
    truth: np.ndarray
    tasks: list
    group: np.ndarray
    part: np.ndarray
    said: np.ndarray = None


def fold_of(name):
    """By subject, the same for every set that knows the subject."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % FOLDS


def discs(work):
    held_out = tomllib.loads(MANIFEST.read_text())["held_out"]
    z = np.load(work / "discs.npz")
    names = list(z["names"])
    truth = z["truth"][:, [names.index(t.name) for t in DISC_TASKS]]
    # A disc that was graded Pfirrmann 1 is class 0.
    truth[:, 0] = np.where(truth[:, 0] > 0, truth[:, 0] - 1, -1)
    for k in range(5, 8):  # Modic's type, and an end plate's kind of change, are learnt as any or none
        truth[:, k] = np.minimum(truth[:, k], 1)
    group = np.array([f"{s}-{n}" for s, n in zip(z["set"], z["subject"])])
    part = np.array([-1 if n in held_out[s] else fold_of(g) for s, n, g in zip(z["set"], z["subject"].tolist(), group)])
    return Crops(z["images"], truth, DISC_TASKS, group, part)


def axial(work):
    z = np.load(work / "axial.npz")
    names = list(z["names"])
    group = np.array([f"rsna-{n}" for n in z["study"]])
    return Crops(z["images"], z["truth"][:, [names.index(t.name) for t in AXIAL_TASKS]], AXIAL_TASKS, group, np.array([fold_of(g) for g in group]))


def foramina(work):
    z = np.load(work / "foramina.npz")
    group = np.array([f"rsna-{n}" for n in z["study"]])
    return Crops(z["images"][:, None], z["truth"][:, None], FORAMEN_TASKS, group, np.array([fold_of(g) for g in group]))


LOAD = {"discs": discs, "axial": axial, "foramina": foramina}
