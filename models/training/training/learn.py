"""Levels to arrays, folds by subject, and the networks of each fold and of all; nothing that stands is made again."""

import hashlib
import json
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch

from grading import fit, networks, sets, start
from grading import levels as stenosis_levels
from grading.progress import save_whole

from .findings import thresholds
from .layouts import dicom
from .problems import Problem

# The views of the stenosis network that may be there, and what is then given to it.
MASKS = {("axial",): (1, 0, 0), ("foramen",): (0, 1, 1), ("axial", "foramen"): (1, 1, 1)}
# Share of a batch that has foramina alone where there are levels with and without axial views.
FORAMINA_SHARE = 0.4
# Parts of the arrays: a fold's number, or one of these.
HELD_OUT = -1
ALL = "all"


@dataclass
class Set:
    """`views` uint8 by input, `present` bool by view, `said` {(finding, side): [n, 2] of low and high, -1 where nothing is known}, a row a level."""

    views: dict
    present: dict
    said: dict
    subject: np.ndarray
    name: np.ndarray
    study: np.ndarray
    first: np.ndarray
    part: np.ndarray


def held_out(config, levels, log):
    """Of each level whether its subject is held out; a name that is no subject's is told."""
    named = {(source.name, subject): subject for source in config.sources for subject in source.held_out}
    # Of DICOM a subject may be named by its PatientID as well.
    of_dicom = {s.name for s in config.sources if s.layout == "dicom"}
    hashed = {(source, dicom.subject_of(source, subject)): subject for source, subject in named if source in of_dicom}
    out = [(l.study.source, l.study.subject) in named | hashed for l in levels]
    used = {(l.study.source, (named | hashed)[l.study.source, l.study.subject]) for l, o in zip(levels, out) if o}
    for source, subject in sorted(set(named) - used):
        log(f"{source}: {subject!r} is to be held out, and no level that is used is of that subject")
    return np.array(out)


def gathered(config, levels, readings, log):
    """The levels that have a view of the network, as arrays."""
    inputs = {"degeneration": ["disc"], "stenosis": ["axial", "foramen_left", "foramen_right"]}[config.network]
    needed = {"t2", "t1"} if config.network == "degeneration" else set(inputs)
    wanted = [(finding.name, side) for finding in config.findings for side in finding.sides]
    levels = [l for l in levels if needed & set(l.entry["views"]) and any(k in l.said for k in wanted)]
    if not levels:
        raise Problem(f"no level has both a view of the network {config.network} and a truth of its findings: the log says what became of the truths")
    pick = lambda name: np.stack([readings[l.study.key].views[name][l.row] for l in levels])
    subject = np.array([f"{l.study.source}/{l.study.subject}" for l in levels])
    out = held_out(config, levels, log)
    return Set(
        views={name: pick(name) for name in inputs},
        present={view: np.array([view in l.entry["views"] for l in levels]) for view in sorted(needed)},
        said={key: np.array([l.said.get(key, (-1, -1)) for l in levels]) for key in wanted},
        subject=subject, name=np.array([l.entry["name"] or str(l.entry["ordinal_from_below"]) for l in levels]),
        study=np.array([l.study.name for l in levels]), first=np.array([l.study.first for l in levels]), part=parts(subject, out, config),
    )


def parts(subject, out, config):
    """The fold that judges each row: subjects dealt in the order of a hash, so that folds are as large as can be; HELD_OUT for those in none."""
    order = sorted(set(subject[~out]), key=lambda s: hashlib.sha256(f"{config.seed}/{s}".encode()).hexdigest())
    if len(order) < config.folds:
        raise Problem(f"{len(order)} subjects can't be {config.folds} folds: give more studies, or fewer `folds`")
    dealt = {name: k % config.folds for k, name in enumerate(order)}
    return np.array([HELD_OUT if o else dealt[s] for s, o in zip(subject, out)])


def there(data, views):
    """Which rows have all these views."""
    return np.all([data.present[view] for view in views], 0) if views else np.ones(len(data.part), bool)


def columns(config, data):
    """What is known of each threshold, [n, thresholds]: 1 worse, 0 not worse, -1 not known."""
    found = []
    for finding in config.findings:
        missing = ~there(data, finding.given)
        for side in finding.sides:
            spans, count = data.said[finding.name, side], len(finding.grades)
            told = [thresholds(low, high, count) if low >= 0 else [-1] * (count - 1) for low, high in spans]
            found.append(np.where(missing[:, None], -1, np.array(told)))
    return np.concatenate(found, 1).astype(np.int8)


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Learner:
    """Trains and judges; `inputs` are those of the exported network, in its order."""

    def __init__(self, config, data, log):
        self.config, self.data, self.log = config, data, log
        self.device = device()
        self.folder = config.work / "fit"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = self.digest()

    def digest(self):
        """What a fit depends on: the same key, the same weights."""
        c = self.config
        settings = [c.network, c.steps, c.batch, c.blocks, c.learning_rate, c.ema, c.light, c.folds, c.seed, [f.name for f in c.findings], torch.__version__]
        digest = hashlib.sha256(json.dumps(settings).encode())
        if c.start and c.start != "lite0":
            digest.update(open(c.start, "rb").read())
        else:
            digest.update(c.start.encode())
        for array in (*self.data.views.values(), *self.data.present.values(), self.columns, self.data.part):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def fold(self, fold):
        """The network that saw every part but `fold` (or all but what is held out), in evaluation mode."""
        path = self.folder / f"{self.key}_{fold}.pt"
        if not path.exists():
            seen = np.flatnonzero((self.data.part != HELD_OUT) & (self.data.part != (fold if fold != ALL else None)))
            checkpoint = path.with_suffix(".checkpoint")
            try:
                network = self.train(seen, lambda text: self.log(f"fold {fold}: {text}"), checkpoint)
            except start.StartError as error:
                raise Problem(str(error)) from error
            save_whole({"name": self.config.network, "blocks": self.config.blocks, "state": network.state_dict()}, path)
            checkpoint.unlink(missing_ok=True)
        network = self.empty()
        network.load_state_dict(torch.load(path, map_location="cpu")["state"])
        return network.eval()


class Degeneration(Learner):
    def __init__(self, config, data, log):
        self.columns = columns(config, data)
        tasks = [sets.Task(f.name, len(f.grades), f.weight) for f in config.findings]
        self.crops = sets.Crops(data.views["disc"], None, tasks, data.subject, data.part, self.columns)
        self.inputs = [("disc", data.views["disc"].shape[1:])]
        super().__init__(config, data, log)

    def run(self):
        c = self.config
        return fit.DEFAULTS | {
            "set": "discs", "seed": c.seed, "blocks": c.blocks, "start": c.start, "steps": c.steps, "batch": c.batch, "learning_rate": c.learning_rate,
            "ema": c.ema, "light": c.light,
        }

    def empty(self):
        return fit.network_of(self.run(), self.crops)

    def train(self, seen, log, checkpoint):
        return fit.train(self.run(), self.crops, self.device, seen, log, checkpoint)

    def shown(self, rows):
        """The inputs of the exported network, float32, of these rows."""
        return [self.data.views["disc"][rows].astype(np.float32) / 255]

    def heads(self):
        """(finding, side, first column, views that were given, rows) of each head."""
        at = 0
        for finding in self.config.findings:
            yield finding, None, at, finding.given, there(self.data, finding.given)
            at += len(finding.grades) - 1

    def logits(self, network, rows, given):
        return fit.logits_of(self.run(), network.to(self.device), torch.from_numpy(self.data.views["disc"][rows]), self.device)


class OfViews(torch.nn.Module):
    """The stenosis network as the appliance runs it, on one level: without its mid-sagittal branch, which was not taught."""

    def __init__(self, whole):
        super().__init__()
        self.whole = whole
        del whole.disc

    def forward(self, axial, foramen_left, foramen_right, present):
        return self.whole(axial, foramen_left, foramen_right, None, torch.cat([present, torch.zeros(1, 1)], 1))


class Stenosis(Learner):
    # Column of each site among the network's fifteen.
    COLUMN = {
        ("central-canal-stenosis", None): 0, ("subarticular-stenosis", "left"): 3, ("foraminal-stenosis", "left"): 6, ("subarticular-stenosis", "right"): 9,
        ("foraminal-stenosis", "right"): 12,
    }
    # The views that each finding is graded from: a head each.
    GIVEN = {
        "central-canal-stenosis": [("axial",)], "subarticular-stenosis": [("axial",), ("axial", "foramen")], "foraminal-stenosis": list(MASKS),
    }

    def __init__(self, config, data, log):
        n = len(data.part)
        self.columns = np.full((n, 15), -1, np.int8)
        for finding in config.findings:
            for side in finding.sides:
                at = self.COLUMN[finding.name, side]
                spans = data.said[finding.name, side]
                self.columns[:, at : at + 3] = [thresholds(low, high, 4) if low >= 0 else (-1, -1, -1) for low, high in spans]
        index = lambda view, rows: np.where(data.present[view], rows, -1)
        k = np.arange(n)
        self.views = np.stack([index("axial", k), index("foramen_left", k), index("foramen_right", k + n), np.full(n, -1)], 1)
        pictures = {"axial": data.views["axial"], "foramen": np.concatenate([data.views["foramen_left"], data.views["foramen_right"]])}
        self.rows = stenosis_levels.Rows(self.views, self.columns, data.subject, data.part, pictures, device())
        self.inputs = [(name, data.views[name].shape[1:]) for name in data.views] + [("present", (3,))]
        super().__init__(config, data, log)

    def empty(self):
        return networks.Stenosis(self.config.blocks)

    def train(self, seen, log, checkpoint):
        c = self.config
        axial = self.views[seen, 0] >= 0
        foramina = round(c.batch * (FORAMINA_SHARE if axial.any() else 1)) if (~axial).any() else 0
        options = SimpleNamespace(
            seed=c.seed, blocks=c.blocks, start=c.start, counts=(c.batch - foramina, foramina, 0), steps=c.steps, learning_rate=c.learning_rate, ema=c.ema,
            seconds_max=float("inf"),
        )
        return stenosis_levels.train(self.rows, seen, options, self.device, log, checkpoint)

    def shown(self, rows):
        present = np.stack([self.data.present[v][rows] for v in ("axial", "foramen_left", "foramen_right")], 1)
        return [self.data.views[name][rows].astype(np.float32) / 255 for name in self.data.views] + [present.astype(np.float32)]

    def heads(self):
        for finding in self.config.findings:
            for side in finding.sides:
                for given in self.GIVEN[finding.name]:
                    needs = tuple(f"foramen_{side}" if g == "foramen" else g for g in given)
                    yield finding, side, self.COLUMN[finding.name, side], needs, there(self.data, needs)

    def logits(self, network, rows, given):
        """As if no other views than these were there."""
        kinds = tuple(sorted({"foramen" if view.startswith("foramen") else view for view in given}))
        shown = np.where(np.array([*MASKS[kinds], 0]) == 1, self.views[rows], -1)
        return stenosis_levels.logits_of(network.to(self.device), self.rows, shown, self.device)


LEARNERS = {"degeneration": Degeneration, "stenosis": Stenosis}
