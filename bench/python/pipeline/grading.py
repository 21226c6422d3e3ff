"""Crops to grades: the networks, their gates, probabilities and prediction sets (src/analysis/grading, src/analysis/confidence)."""

import numpy as np
from confidence import calibrate
from grading import frames

from .names import UPWARDS
from .views import FORAMEN_SIDE, Cutter

ALPHA, WIDEST = 0.1, 0.01
GRADES = {
    "stenosis": ["normal", "mild", "moderate", "severe"],
    "pfirrmann": ["I", "II", "III", "IV", "V"],
    "presence": ["absent", "present"],
}
ROLES = {"t2": "sag-t2", "t1": "sag-t1", "axial": "ax-t2", "foramen_left": "sag-t1", "foramen_right": "sag-t1"}
SHAPES = {
    "t2": (frames.DISC.rows, frames.DISC.columns), "t1": (frames.DISC.rows, frames.DISC.columns), "axial": (3, frames.AXIAL.rows, frames.AXIAL.columns),
    "foramen_left": (FORAMEN_SIDE, FORAMEN_SIDE), "foramen_right": (FORAMEN_SIDE, FORAMEN_SIDE),
}
LUMBAR_LOWEST = 5
LUMBAR = set(UPWARDS[1:6])


def grade(levels, study, networks, pool):
    cutter = Cutter(study)
    discs = [{v: p for v, p in (("t2", cutter.disc("sag-t2", level)), ("t1", cutter.disc("sag-t1", level))) if p is not None} for level in levels]
    if networks.degeneration:
        for level, grades in zip(levels, pool(lambda pictures: degeneration(networks.degeneration, pictures), discs)):
            level["grades"] += grades
    if not networks.stenosis:
        return
    is_lumbar = lambda level: level["name"].split("-")[0] in LUMBAR if level["name"] else level["ordinal_from_below"] <= LUMBAR_LOWEST
    graded = [level for level in levels if is_lumbar(level)]
    sides = []
    for level in graded:
        pictures = {"axial": cutter.axial(level), "foramen_left": cutter.foramen(level, "left"), "foramen_right": cutter.foramen(level, "right")}
        sides.append({v: p for v, p in pictures.items() if p is not None})
    for level, grades in zip(graded, pool(lambda pictures: stenosis(networks.stenosis, pictures), sides)):
        level["grades"] += grades


def shown(pictures, views, view):
    return pictures[view] if view in views else np.zeros(SHAPES[view], np.float32)


def degeneration(network, pictures):
    """Both contrasts make one picture; where its gate refuses it, each is asked about alone."""
    there = list(pictures)
    for views in [there] + [[one] for one in there if len(there) > 1]:
        if not views:
            return []
        output = network.run({"disc": np.stack([shown(pictures, views, v) for v in ("t2", "t1")])[None]})[0]
        verdict = gate(network, views, output)
        if verdict != "refused":
            return gradings(network, output, views, views if verdict == "strange" else [])
    return []


def stenosis(network, pictures):
    """Each view has its own gate; without those that are refused the network is asked once more."""

    def run(views):
        inputs = {v: shown(pictures, views, v).reshape(1, -1, *SHAPES[v][-2:]) for v in ("axial", "foramen_left", "foramen_right")}
        present = np.array([[v in views for v in inputs]], np.float32)
        return network.run(inputs | {"present": present})[0]

    there = list(pictures)
    if not there:
        return []
    output = run(there)
    verdicts = {v: gate(network, [v], output) for v in there}
    views = [v for v in there if verdicts[v] != "refused"]
    if not views:
        return []
    if len(views) < len(there):
        output = run(views)
    return gradings(network, output, views, [v for v in views if verdicts[v] == "strange"])


def gate(network, views, output):
    """Whether the picture made of `views` is one that the network knows."""
    for entry in network.entry.get("gate", []):
        if set(entry["given"]) == set(views):
            strangeness = output[entry["output"]]
            return "usual" if strangeness <= entry["strange"] else "strange" if strangeness <= entry["refused"] else "refused"
    return "usual"


def gradings(network, output, views, strange):
    chosen = {}
    for head in network.entry["head"]:
        key = head["finding"], head.get("side")
        if set(head["given"]) <= set(views) and (key not in chosen or len(chosen[key]["given"]) < len(head["given"])):
            chosen[key] = head
    inputs = list(dict.fromkeys(ROLES[v] for v in views))
    return [grading(head, output, inputs, bool(strange) and (not head["given"] or bool(set(head["given"]) & set(strange)))) for head in chosen.values()]


def calibration_of(head):
    """As models/training/confidence has it; made once a head."""
    if "made" not in head:
        thresholds = [{"slope": s, "offset": o, "cut": c} for s, o, c in zip(head["slopes"], head["offsets"], head["cuts"])]
        head["made"] = {"class_of_grade": head["classes"], "alphas": head["alphas"], "thresholds": thresholds, "classes": head["calibration"]}
    return head["made"]


def grading(head, output, inputs, is_strange):
    grades = GRADES[head["scale"]]
    logits = output[None, head["output"] : head["output"] + len(grades) - 1].astype(float)
    said = calibrate.apply(calibration_of(head), logits, WIDEST if is_strange else ALPHA)
    found = {
        "finding": head["finding"], "scale": head["scale"], "grade": grades[said["grade"][0]], "probabilities": said["probabilities"][0],
        "set": grades[said["first"][0] : said["last"][0] + 1], "inputs": inputs,
    }
    return found | ({"side": head["side"]} if "side" in head else {}) | ({"set_strange": True} if is_strange else {"set_thin": True} if said["thin"] else {})
