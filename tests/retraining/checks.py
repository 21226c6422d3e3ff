"""What `python -m training` promises besides its three layouts: each check is a function, run by name or all of them.

    python checks.py [NAME...]
"""

import copy
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models/training"))

from grading import fit, networks, progress, release, sets, start  # noqa: E402
from training import config, heads, join, mha, verify  # noqa: E402
from training.findings import Truth, thresholds  # noqa: E402
from training.layouts import dicom, spider  # noqa: E402
from training.problems import Problem  # noqa: E402

GOOD = """
network = "degeneration"
version = "1"
out = "out"
[training]
start = "none"
[[source]]
layout = "spider"
path = "."
terms = "ours"
attribution = "us"
"""


def problem_of(work, *arguments):
    try:
        work(*arguments)
    except Problem as problem:
        return str(problem)
    raise AssertionError("nothing was said")


def a_wrong_configuration_is_refused_with_the_key_and_what_to_do(folder):
    file = folder / "c.toml"
    for change, said in [
        (('version = "1"', 'verison = "1"'), "unknown key `verison`; the nearest known one is `version`"), (('terms = "ours"\n', ""), "`terms` is missing"),
        (('start = "none"', "steps = 0"), "`steps` = 0 is outside"), (('start = "none"', 'start = "nowhere.onnx"'), "neither none, imagenet nor a file"),
        (('path = "."', 'path = "nowhere"'), "is no folder"), (("degeneration", "degenration"), "the nearest is degeneration"),
        (('layout = "spider"', 'layout = "dicom"'), "deepspine labels"), (('out = "out"', 'out = "out"\nfindings = ["disc-bugle"]'), "disc-bulge"),
    ]:
        file.write_text(GOOD.replace(*change))
        assert said in problem_of(config.read, file), (said, problem_of(config.read, file))
    file.write_text(GOOD)
    assert config.read(file).sources[0].terms == "ours"
    file.write_text(GOOD.replace("version", "verison"))
    done = subprocess.run([sys.executable, "-m", "training", "fit", str(file)], cwd=ROOT / "models/training", capture_output=True, text=True)
    assert done.returncode == 1 and "verison" in done.stderr, done


def a_volume_is_turned_by_whole_axes_whatever_their_order(folder):
    rng = np.random.default_rng(1)
    values = rng.integers(0, 900, (4, 5, 6)).astype(np.int16)  # k across, j down, i back
    tilt = np.deg2rad(12)
    across, down, back = np.array([-1.0, 0, 0]), np.array([0, np.sin(tilt), -np.cos(tilt)]), np.array([0, np.cos(tilt), np.sin(tilt)])
    plain = mha.Volume(values, np.array([0.7, 0.5, 4.0]), np.stack([back, down, across]), np.array([30.0, -80, 120]))
    expected = spider.sagittal(plain, "plain")
    for axes in [(0, 1, 2), (2, 0, 1), (1, 2, 0)]:
        for flipped in range(3):
            # Of the index order i, j, k; the values are stored the other way round.
            order = list(axes)
            turned = values.transpose(2, 1, 0).transpose(order)
            turned, directions, spacing = np.flip(turned, flipped), plain.directions[order].copy(), plain.spacing_mm[order]
            origin = plain.origin_lps_mm + (turned.shape[flipped] - 1) * spacing[flipped] * directions[flipped]
            directions[flipped] *= -1
            path = folder / "v.mha"
            mha.write(path, mha.Volume(np.ascontiguousarray(turned.transpose(2, 1, 0)), spacing, directions, origin), packed=flipped == 1)
            slices, places, orientation, pixel_mm, spacing_mm = spider.sagittal(mha.read(path), path)
            assert np.array_equal(slices, expected[0]) and np.allclose(places, expected[1], atol=1e-6)
            assert np.allclose(orientation, expected[2]) and np.allclose(pixel_mm, expected[3]) and np.isclose(spacing_mm, 4.0)
    path.write_bytes(path.read_bytes()[:-9])
    assert "v.mha" in problem_of(mha.read, path)


def a_text_says_of_a_level_what_it_says_and_no_more():
    label = lambda finding, level="L4-L5", side=None, presence="present", extent=None: {
        "finding": finding, "level": level, "side": side, "presence": presence, "extent": extent,
    }
    truths = {(t.level, t.finding, t.side): (t.low, t.high) for t in dicom.truths_of([
        label("foraminal-stenosis", side="left", extent="mild-moderate"), label("foraminal-stenosis", extent="severe"),
        label("foraminal-stenosis", "L3-L4", presence="absent"), label("canal-stenosis", "all", presence="absent"), label("canal-stenosis"),
        label("extrusion", presence="absent"), label("protrusion", "L5-S1"), label("bulge", presence="uncertain"), label("degeneration"),
        label("bulge", "several"), label("sac-compression", "L5-S1", presence="past"), label("lateral-recess-stenosis", side="both", extent="severe"),
    ])}
    assert truths.pop(("L4-L5", "foraminal-stenosis", "left")) == (1, 2)
    assert {truths.pop(("L3-L4", "foraminal-stenosis", side)) for side in ("left", "right")} == {(0, 0)}
    assert truths.pop(("L4-L5", "central-canal-stenosis", None)) == (1, 3)
    assert {truths.pop((level, "central-canal-stenosis", None)) for level in ("L1-L2", "L2-L3", "L3-L4", "L5-S1")} == {(0, 0)}
    assert truths.pop(("L5-S1", "disc-herniation", None)) == (1, 1)
    assert truths.pop(("L4-L5", "disc-degeneration", None)) == (2, 4)
    assert {truths.pop(("L4-L5", "subarticular-stenosis", side)) for side in ("left", "right")} == {(3, 3)}
    assert not truths, truths


def a_truth_is_joined_by_place_or_by_sure_names_and_never_by_a_doubtful_one():
    entry = lambda name, ordinal, z, confidence=0.9: {
        "name": name, "confidence": confidence, "ordinal_from_below": ordinal, "centre_lps_mm": [0, 0, z], "normal_lps": [0, 0, 1], "views": ["t2"],
    }
    entries = [entry("L5-S1", 1, 0), entry("L4-L5", 2, 35), entry("L3-L4", 3, 70, 0.5)]
    row = lambda truth, entries=entries: join.row_of(truth, entries)[0]
    assert row(Truth("disc-bulge", 1, 1, centre_lps_mm=(0, 3, 33))) == 1 and row(Truth("disc-bulge", 1, 1, centre_lps_mm=(0, 3, 52))) is None
    assert row(Truth("disc-bulge", 1, 1, ordinal=2)) == 1 and row(Truth("disc-bulge", 1, 1, ordinal=9)) is None
    assert row(Truth("disc-bulge", 1, 1, ordinal=2), entries[1:]) is None, "the sacrum is not in view"
    assert row(Truth("disc-bulge", 1, 1, level="L4-L5")) == 1 and row(Truth("disc-bulge", 1, 1, level="L3-L4")) is None
    assert row(Truth("disc-bulge", 1, 1, level="L4-L5", beside_lps_mm=(20, 30, 44))) == 1
    assert row(Truth("disc-bulge", 1, 1, level="L4-L5", beside_lps_mm=(0, 20, 72))) is None, "marked a level higher"
    study = SimpleNamespace(truths=[Truth("disc-bulge", 1, 1, level="L4-L5"), Truth("disc-bulge", 1, 1, level="L3-L4")])
    why = Counter()
    assert len(join.levels_of(study, SimpleNamespace(levels=entries), why)) == 1 and sum(why.values()) == 2


def grades_that_no_truth_tells_apart_are_one_class():
    subject = np.arange(12)
    of = lambda *spans: np.array(spans * (12 // len(spans)))
    assert heads.grouping(of((0, 1), (2, 2), (3, 3)), 4, subject) == [0, 0, 1, 2]
    assert heads.grouping(of((0, 0), (1, 1), (2, 2), (3, 3)), 4, subject) == [0, 1, 2, 3]
    assert heads.grouping(of((0, 0), (1, 3)), 4, subject) == [0, 1, 1, 1]
    assert heads.grouping(of((1, 1), (1, 1)), 2, subject) is None
    assert heads.grouping(of((0, 0), (1, 1)), 2, np.zeros(12)) is None, "one subject tells nothing"
    assert heads.classes_of(np.array([(0, 1), (2, 3), (-1, -1), (3, 3)]), [0, 0, 1, 2]).tolist() == [0, -1, -1, 2]
    assert thresholds(1, 2, 4) == [1, -1, 0]


def an_interrupted_training_ends_as_an_uninterrupted_one(folder):
    rng = np.random.default_rng(2)
    said = rng.integers(-1, 2, (24, 1)).astype(np.int8)
    crops = sets.Crops(rng.integers(0, 255, (24, 2, 32, 48)).astype(np.uint8), None, [sets.Task("x", 2)], None, np.zeros(24, int), said)
    run = fit.DEFAULTS | {"set": "discs", "steps": 6, "batch": 4, "blocks": 1}
    progress.SAVE_STEPS = 2

    def trained(checkpoint):
        return fit.train(run, crops, torch.device("cpu"), np.arange(24), lambda text: None, checkpoint).state_dict()

    whole = trained(None)
    checkpoint, set_rate, steps = folder / "c.checkpoint", fit.set_rate, []

    def cut(optimizer, most, step, done):
        """Cut off in the fourth step, once: what was saved after the second stays."""
        steps.append(step)
        if len(steps) == 4:
            raise KeyboardInterrupt
        set_rate(optimizer, most, step, done)

    fit.set_rate = cut
    try:
        trained(checkpoint)
        raise AssertionError("it was not cut off")
    except KeyboardInterrupt:
        pass
    rest = trained(checkpoint)
    fit.set_rate = set_rate
    assert steps == [0, 1, 2, 3, 2, 3, 4, 5], steps
    assert all(torch.equal(v, rest[k]) for k, v in whole.items())


def a_network_that_ships_is_where_a_training_begins(folder):
    torch.manual_seed(3)
    network = networks.OneView(2, 3, 2)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    network.eval()
    path = folder / "n.onnx"
    release.export(copy.deepcopy(network), [("disc", (2, 32, 48))], path)
    other = networks.OneView(2, 3, 2).eval()
    assert str(path) in start.begin(other, str(path))
    other.head[4].load_state_dict(network.head[4].state_dict())
    x = torch.rand(2, 2, 32, 48)
    assert torch.allclose(network(x), other(x), atol=1e-3), "weights are stored in half precision"
    start.begin(networks.OneView(2, 9, 11), str(ROOT / "models/degeneration.onnx"))
    start.begin(networks.Stenosis(9), str(ROOT / "models/research/stenosis.onnx"))
    try:
        start.begin(networks.OneView(2, 9, 12), str(ROOT / "models/degeneration.onnx"))
        raise AssertionError("another network was taken")
    except start.StartError as error:
        assert "blocks" in str(error)


def a_network_that_was_changed_after_training_is_no_bundle(folder):
    torch.manual_seed(4)
    network = networks.OneView(2, 3, 1).eval()
    path = folder / "n.onnx"
    release.export(copy.deepcopy(network), [("disc", (2, 32, 48))], path)
    views = np.random.default_rng(4).random((3, 2, 32, 48), np.float32)
    learner = SimpleNamespace(config=SimpleNamespace(network="degeneration"), data=SimpleNamespace(part=np.zeros(3)), shown=lambda rows: [views[rows]], with_gates=lambda whole: whole)
    assert verify.beside_torch(learner, network, path) <= verify.LOGIT_TOLERANCE
    network.head[4].bias.data += 0.01
    assert "is not the trained network" in problem_of(verify.beside_torch, learner, network, path)


def main():
    names = sys.argv[1:] or [
        name for name, what in list(globals().items()) if callable(what) and getattr(what, "__module__", "") == "__main__" and name not in ("main", "problem_of")
    ]
    for name in names:
        check = globals()[name]
        with tempfile.TemporaryDirectory() as folder:
            check(*[Path(folder)][: check.__code__.co_argcount])
        print(f"holds: {name}", flush=True)


if __name__ == "__main__":
    main()
