"""The model card of a retrained network, all of it made from the run: data and terms, what was taught, figures, how it was made."""

import datetime
import platform
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from grading import figures

from .bundle import TRAINED_BY, terms_of
from .heads import classes_of, thin_classes
from .readings import version


def card(config, learner, heads, why, said, predicted):
    """The model card, all of it made from the run; the figures of the file `predicted` have their place in it, and are not there yet."""
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
        f"{config.folds} folds by subject: what a network that had not seen a subject says of it, calibrated on other subjects (`predictions.csv`), as",
        f"`deepspine evaluate --predictions` prints it. Of so few subjects as make a class thin, no figure says much.{seen_at_the_start(config)}", "",
        f"<!-- evaluate: {predicted.stem} -->", "<!-- end -->", "", "By fold; `>k` is AUROC of \"worse than class k\":", "", "```text",
        *(line for head in heads for line in judged(config, data, head)), "```", "", "## Made by", "", "```toml", config.text.strip(), "```", "",
        "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in made_with(config).items()), *(f"| {name} | {value} |" for name, value in said.items()), "",
    ]
    return "\n".join(lines)


def seen_at_the_start(config):
    """A warning where the weights began at a network that may know the subjects."""
    if config.start in ("", "lite0"):
        return ""
    return f" Weights began at `{Path(config.start).name}`: where that was trained on some of these subjects, the figures flatter."


def levels_by_class(head):
    counts = np.bincount(head.truth, minlength=max(head.groups) + 1)
    names = ["/".join(head.finding.grades[g] for g, group in enumerate(head.groups) if group == c) for c in range(len(counts))]
    return ", ".join(f"{name} {count}" for name, count in zip(names, counts))


def judged(config, data, head):
    """What each fold's network says of its own subjects, and that of all of held-out ones."""
    subject = data.subject[head.rows]
    yield " ".join(filter(None, [head.finding.name, head.side, "from", head.group]))
    for fold in range(config.folds):
        mine = data.part[head.rows] == fold
        if mine.any():
            yield f"  fold {fold}: {of_few(head.logits[mine], head.truth[mine], subject[mine], head.groups)}"
    if len(head.late_rows):
        late = classes_of(data.said[head.finding.name, head.side][head.late_rows], head.groups)
        yield f"  held out, judged once: {of_few(head.late_logits, late, data.subject[head.late_rows], head.groups)}"


def of_few(logits, truth, subject, groups):
    """How many, and AUROC of each threshold that they tell."""
    columns = np.flatnonzero(np.diff(groups) == 1)
    areas = [figures.auroc(logits[:, column], truth > k) for k, column in enumerate(columns)]
    said = " ".join(f">{k} " + ("too few" if np.isnan(area) else f"{area:.3f}") for k, area in enumerate(areas))
    return f"{len(set(subject))} subjects, levels by class {np.bincount(truth, minlength=max(groups) + 1).tolist()}, AUROC {said}"


def made_with(config):
    return {
        "made": f"{TRAINED_BY}, {datetime.date.today()}", "deepspine": version(config.deepspine).strip(), "Python": platform.python_version(),
        "PyTorch": torch.__version__, "NumPy": np.__version__, "ONNX": onnx.__version__, "ONNX Runtime": onnxruntime.__version__, "seed": config.seed,
        "repository": repository_state(),
    }


def repository_state():
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True)
    return done.stdout.strip() or "not known"
