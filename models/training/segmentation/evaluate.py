"""Judges an ONNX file on subjects it has not seen, on the images' own pixels.

    python -m segmentation.evaluate --part held_out [--model ../segmentation.onnx] [--data ../../../shared/data]

SPIDER: per class the Dice of a whole subject (all voxels of all its slices). Sudirman: Dice of bodies and sacrum where
something is known, and whether counting up from the sacrum, and nothing else, names every body right.
"""

import argparse
import datetime
from pathlib import Path

import numpy as np
import onnxruntime
from scipy import ndimage

from . import BACKGROUND, BODY, CANAL, DISC, POSTERIOR, SACRUM, labels, preprocess, sources, splits
from .targets import NOT_SACRUM

MODEL = Path(__file__).resolve().parents[2] / "segmentation.onnx"
SMALLEST_BODY_MM2 = 150
# How far an outline may have moved from one contrast to the other, pixels.
MOVED = range(-3, 4)


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def probabilities(network, image, pixel_mm):
    x, crop = preprocess.before(image, pixel_mm)
    (logits,) = network.run(["logits"], {"slice": x})
    return preprocess.after(logits, crop, image.shape)


def segment(network, image, pixel_mm):
    return probabilities(network, image, pixel_mm).argmax(0).astype(np.uint8)


def dice(found, truth):
    size = found.sum() + truth.sum()
    return 2.0 * (found & truth).sum() / size if size else float("nan")


def judge_spider(network, data, subjects):
    """subject -> class -> Dice. The sacrum is not outlined in this set and counts as background here."""
    table = {}
    for subject in subjects:
        images, masks = sources.spider_volume(data, subject)
        found = np.stack([segment(network, i, sources.SPACE_PIXEL_MM) for i in images])
        codes = labels.spider_codes(masks)
        table[subject] = {
            "vertebra": dice((found == BODY) | (found == POSTERIOR), masks == labels.SPIDER_VERTEBRA),
            "disc": dice(found == DISC, masks == labels.SPIDER_DISC),
            "canal": dice(found == CANAL, masks == labels.SPIDER_CANAL),
            "body": dice(found == BODY, codes == BODY),
            "posterior": dice(found == POSTERIOR, codes == POSTERIOR),
        }
    return table


def largest(mask):
    parts, count = ndimage.label(mask)
    return parts == 1 + np.argmax(ndimage.sum_labels(mask, parts, range(1, count + 1))) if count else mask


def count_up(found, pixel_mm):
    """Names by counting alone: the largest sacrum is S1, the bodies above it are L5, L4 and so on."""
    sacrum = largest(found == SACRUM)
    if not sacrum.any():
        return {}
    named = {"S1": sacrum}
    bottom = np.argwhere(sacrum).mean(0)[0]
    parts, count = ndimage.label(found == BODY)
    bodies = [parts == i + 1 for i in range(count)]
    bodies = [b for b in bodies if b.sum() * pixel_mm**2 >= SMALLEST_BODY_MM2]
    bodies = [b for b in bodies if np.argwhere(b).mean(0)[0] < bottom]
    bodies.sort(key=lambda b: -np.argwhere(b).mean(0)[0])
    return named | dict(zip(["L5", "L4", "L3", "L2", "L1"], bodies))


def names_right(found, truth_by_name, pixel_mm):
    """How many of L1 to S1 lie, by their middle, in the outline of that name; and how many in one of another name."""
    named = count_up(found, pixel_mm)
    right = shifted = 0
    for name, mask in named.items():
        row, column = np.argwhere(mask).mean(0).round().astype(int)
        hit = [n for n, t in truth_by_name.items() if t[row, column]]
        right += hit == [name]
        shifted += bool(hit) and hit != [name]
    return right, shifted


def judge_sudirman(network, data, patients):
    """(patient, contrast) -> Dice and names. Left out: the spine above L1, which nobody outlined."""
    polygons, table = sources.sudirman_polygons(data), {}
    for patient in patients:
        images = {c: sources.sudirman_image(data, patient, c) for c in ("t1", "t2")}
        codes = labels.sudirman_codes(list(images.values()), polygons[patient])
        known = codes != NOT_SACRUM
        truth = {n: sources.fill(codes.shape, p) for n, p in polygons[patient].items()}
        for contrast, image in images.items():
            found = segment(network, image, sources.SUDIRMAN_PIXEL_MM)
            bone, true_bone = (np.isin(labelled, (BODY, SACRUM)) for labelled in (found, codes))
            moved, move = best_moved(bone, true_bone, known)
            right, shifted = names_right(found, truth, sources.SUDIRMAN_PIXEL_MM)
            table[patient, contrast] = {
                "bone": dice(bone & known, true_bone),
                "body": dice((found == BODY) & known, codes == BODY),
                "sacrum": dice(found == SACRUM, codes == SACRUM),
                "moved": moved,
                "move": move,
                "right": right,
                "shifted": shifted,
                "far_mm2": bone[codes == BACKGROUND].sum() * sources.SUDIRMAN_PIXEL_MM**2,
            }
    return table


def best_moved(found, truth, known):
    """Largest Dice of `found` over moves by whole pixels, and the move. Both contrasts share one outline: it fits the one that
    it was drawn on as it lies, and the other as far as the patient lay still."""
    moves = ((rows, columns) for rows in MOVED for columns in MOVED)
    return max((dice(np.roll(found, move, (0, 1)) & known, truth), move) for move in moves)


def print_spider(table):
    for subject, row in table.items():
        print(f"  {subject:>4}", *(f"{c} {v:.3f}" for c, v in row.items()))
    for name in next(iter(table.values())):
        values = np.array([row[name] for row in table.values()])
        print(f"  {name:<9} mean {values.mean():.4f}  worst {values.min():.4f}")


def print_sudirman(table):
    for name in ("bone", "body", "sacrum"):
        values = np.array([row[name] for row in table.values()])
        print(f"  {name:<6} Dice mean {values.mean():.4f}  5 % {np.percentile(values, 5):.4f}  worst {values.min():.4f}")
    for contrast in ("t1", "t2"):
        rows = {p: r for (p, c), r in table.items() if c == contrast}
        right = [r["right"] == 6 for r in rows.values()]
        wrong = [p for p, r in rows.items() if r["right"] < 6]
        silent = [p for p, r in rows.items() if r["shifted"] > 0]
        bone, moved = (np.mean([r[k] for r in rows.values()]) for k in ("bone", "moved"))
        still = sum(r["move"] == (0, 0) for r in rows.values())
        print(f"  {contrast}: bone Dice {bone:.4f}, moved to fit best {moved:.4f}; best where it lies in {still} of {len(rows)}")
        print(f"  {contrast}: all six names right {np.mean(right):.3f}; not: {wrong}; a name on another body: {silent}")
    both = [all(table[p, c]["right"] == 6 for c in ("t1", "t2")) for p in {p for p, _ in table}]
    either = [any(table[p, c]["right"] == 6 for c in ("t1", "t2")) for p in {p for p, _ in table}]
    print(f"  right in both contrasts {np.mean(both):.3f}, in at least one {np.mean(either):.3f}")
    far = np.array([row["far_mm2"] for row in table.values()])
    print(f"  false bone far from the spine: {far.mean():.1f} mm2 an image, over 100 mm2 in {(far > 100).sum()} of {len(far)}")


def judge(model, data, part):
    """Prints the figures of a part of the splits, and returns both tables."""
    network, chosen = session(model), splits.load()
    print(f"{datetime.date.today()} {model.name}, {part}, split seed {chosen['seed']}")
    subjects, patients = (chosen[name][part] for name in ("spider", "sudirman"))
    print(f"SPIDER T2 SPACE, {len(subjects)} subjects, Dice per subject over all its slices, 0.46875 mm pixels")
    spider = judge_spider(network, data, subjects)
    print_spider(spider)
    print(f"Sudirman, {len(patients)} patients, T1 and T2 mid-sagittal, 384 x 384")
    sudirman = judge_sudirman(network, data, patients)
    print_sudirman(sudirman)
    return spider, sudirman


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=sources.DATA)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--part", choices=["validation", "held_out"], default="validation")
    options = parser.parse_args()
    judge(options.model, options.data, options.part)


if __name__ == "__main__":
    main()
