"""Whether what was packed is what was trained: PyTorch beside ONNX Runtime, ONNX Runtime beside the appliance, and the appliance's self-test."""

import subprocess
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from confidence import calibrate

from . import readings
from .problems import Problem

# Most by which a logit of ONNX Runtime may differ from PyTorch's.
LOGIT_TOLERANCE = 1e-3
# Most by which a probability in the report may differ from what ONNX Runtime's logits make: it is written to a thousandth.
PROBABILITY_TOLERANCE = 2e-3
# Levels on which PyTorch and ONNX Runtime are held side by side.
LEVELS_COMPARED = 64
SELF_TEST_SECONDS_MAX = 1800


def session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def logits_of(opened, inputs):
    """[n, thresholds]: the network takes a level at a time."""
    names = [i.name for i in opened.get_inputs()]
    rows = [opened.run(["logits"], {n: values[k : k + 1] for n, values in zip(names, inputs)})[0][0] for k in range(len(inputs[0]))]
    return np.array(rows)


@torch.no_grad()
def beside_torch(learner, whole, path):
    """The most by which ONNX Runtime differs from PyTorch on views that were taught."""
    rows = np.arange(len(learner.data.part))[:LEVELS_COMPARED]
    inputs = learner.shown(rows)
    network = learner.with_gates(whole)
    expected = np.concatenate([network(*(torch.from_numpy(values[k : k + 1]) for values in inputs)).numpy() for k in range(len(rows))])
    worst = float(np.abs(logits_of(session(path), inputs) - expected).max())
    if not worst <= LOGIT_TOLERANCE:
        raise Problem(f"ONNX Runtime differs from PyTorch by {worst:.2e}, more than {LOGIT_TOLERANCE:g}: {path.name} is not the trained network")
    return worst


def beside_tract(config, study, models, path):
    """(most by which a probability that the appliance reports differs from ONNX Runtime's, how many grades were compared)."""
    manifest = tomllib.loads((models / "manifest.toml").read_text())
    heads = next(model for model in manifest["model"] if model["name"] == config.network)["head"]
    with tempfile.TemporaryDirectory(dir=config.work) as folder:
        dicom = study.folder
        if study.make:
            dicom = Path(folder) / "dicom"
            study.make(dicom)
        report = readings.analyze(config.deepspine, dicom, models, Path(folder) / "out")
        levels, views = readings.views_of(Path(folder) / "out")
    by_ordinal = {level["ordinal_from_below"]: level.get("grades", []) for level in report["levels"]}
    opened, far, compared = session(path), 0.0, 0
    names = [i.name for i in opened.get_inputs()]
    for k, level in enumerate(levels):
        present = np.array([[float(view in level["views"]) for view in ("axial", "foramen_left", "foramen_right")]], np.float32)
        inputs = [present if name == "present" else views[name][k : k + 1] for name in names]
        logits = logits_of(opened, inputs)
        for grade in by_ordinal.get(level["ordinal_from_below"], []):
            head = head_for(heads, grade, level["views"])
            if head is not None:
                worst = np.abs(probabilities(head, logits) - grade["probabilities"]).max()
                far, compared = max(far, float(worst)), compared + 1
    if not compared:
        raise Problem(f"the appliance graded nothing of {study.key} with the bundle: its report has no grade of {config.network}")
    if not far <= PROBABILITY_TOLERANCE:
        raise Problem(f"the appliance's probabilities differ from ONNX Runtime's by {far:.4f}, more than {PROBABILITY_TOLERANCE:g}: tract computes another network")
    return far, compared


def head_for(heads, grade, views):
    """The head that speaks for a grade of the report: of those of its finding and side whose views are there, the one that asks for the most."""
    fits = [h for h in heads if h["finding"] == grade["finding"] and h.get("side") == grade.get("side") and set(h["given"]) <= set(views)]
    return max(fits, key=lambda h: len(h["given"]), default=None)


def probabilities(head, logits):
    thresholds = [{"slope": s, "offset": o} for s, o in zip(head["slopes"], head["offsets"])]
    own = logits[:, head["output"] : head["output"] + len(thresholds)].astype(float)
    return calibrate.of_grades(calibrate.worse_than(own, thresholds, head["classes"]))[0]


def judge(config, predicted, card):
    """Writes the figures of the predictions into the card."""
    command = [config.deepspine, "evaluate", "--predictions", str(predicted), "--card", str(card)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Problem(f"`deepspine evaluate` can't judge {predicted.name} ({done.returncode}): {done.stderr}")


def self_test(config, models):
    done = subprocess.run([config.deepspine, "self-test", "--models", str(models)], capture_output=True, text=True, timeout=SELF_TEST_SECONDS_MAX)
    if done.returncode:
        raise Problem(f"the self-test with the bundle fails ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout
