"""One run from beginning to end. A bundle stands at its end, or a reason why there is none."""

import os
import shutil
import time

from . import bundle, card, heads, join, layouts, learn, verify
from .problems import Problem
from .readings import Reader

BUNDLE_FOLDER = "bundle"
PREDICTIONS_FILE = "predictions.csv"
LOG_FILE = "log.txt"


class Log:
    """Says each line on the terminal and in the log, with the seconds since the start."""

    def __init__(self, path):
        self.file, self.begun = open(path, "a"), time.monotonic()

    def __call__(self, text):
        line = f"[{time.monotonic() - self.begun:8.1f} s] {text}"
        print(line, flush=True)
        print(line, file=self.file, flush=True)


def fit(config):
    config.out.mkdir(parents=True, exist_ok=True)
    config.work.mkdir(parents=True, exist_ok=True)
    log = Log(config.out / LOG_FILE)
    log(f"{config.network} {config.version}: {', '.join(f'{s.name} ({s.layout}, {s.terms})' for s in config.sources)}")
    bundle.terms_of(config)  # Without terms there is no bundle: better said now.
    try:
        made(config, log)
    except Problem as problem:
        log(f"no bundle: {problem}")
        raise


def made(config, log):
    studies = [study for source in config.sources for study in layouts.studies(source, log)]
    found = Reader(config, log).read(studies)
    levels, why = join.joined(studies, found, log)
    data = learn.gathered(config, levels, found, log)
    log(f"{len(data.part)} levels of {len(set(data.subject))} subjects, {len(set(data.subject[data.part < 0]))} of them held out")
    learner = learn.LEARNERS[config.network](config, data, log)
    graded = heads.heads_of(learner, log)
    if not graded:
        raise Problem("the truths calibrate no head: give studies in which the findings are there and are not there")
    heads.write_predictions(config.out / PREDICTIONS_FILE, graded, data, config.seed)
    packed(config, learner, graded, why, studies, log)


def packed(config, learner, graded, why, studies, log):
    part, installed = config.out / f".{BUNDLE_FOLDER}.part", config.work / "installed"
    path = bundle.pack(config, learner, graded, learner.fold(learn.ALL), part)
    said = {"ONNX Runtime beside PyTorch": f"logits differ by at most {verify.beside_torch(learner, learner.fold(learn.ALL), path):.1e}"}
    log(f"ONNX Runtime beside PyTorch: {said['ONNX Runtime beside PyTorch']}")
    gated = [" with ".join(views) for given, _ in learner.gates(learner.fold(learn.ALL)) for views in given]
    said["gates of strange pictures"] = ", ".join(gated) or f"none: fewer than {learn.GATE_LEVELS_LEAST} levels have the views"
    log(f"gates of strange pictures: {said['gates of strange pictures']}")
    models = bundle.as_installed(config, part, installed)
    far, compared = verify.beside_tract(config, most_levels(learner, studies), models, path)
    said["the appliance beside ONNX Runtime"] = f"{compared} grades of one study, probabilities differ by at most {far:.4f}"
    log(f"the appliance beside ONNX Runtime: {said['the appliance beside ONNX Runtime']}")
    log("self-test:\n" + verify.self_test(config, models).strip())
    of_bundle, predicted = part / f"{config.network}.md", config.out / PREDICTIONS_FILE
    of_bundle.write_text(card.card(config, learner, graded, why, said, predicted))
    verify.judge(config, predicted, of_bundle)
    shutil.rmtree(installed, ignore_errors=True)
    final, old = config.out / BUNDLE_FOLDER, config.out / f".{BUNDLE_FOLDER}.old"
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        os.replace(final, old)
    os.replace(part, final)
    shutil.rmtree(old, ignore_errors=True)
    log(f"{final} is ready: `deepspine models install {final}`")


def most_levels(learner, studies):
    """The study of which most levels were taught."""
    names = learner.data.study.tolist()
    return max(studies, key=lambda study: names.count(study.name))
