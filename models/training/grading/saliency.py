"""What a grade rests on: a patch of a view is blurred away, and how far the grade moves is drawn where the patch was.

    python -m grading.saliency OUT/views --network ../research/stenosis.onnx --finding central-canal-stenosis [--side left] --out seen.png

OUT/views is what `deepspine analyze --views` writes. A row of the picture is a level, a pair of pictures each input that the network has there: as it is, and with
red where the level's grade is made worse by what is seen, blue where it is made better. The numbers are the mean grade (0 is the best) and how far the
strongest patch moves it. A network's own look at itself, for whoever judges it; no part of a reading.
"""

import argparse
import json
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw
from scipy import ndimage

# Side of the patch and the way from one to the next, pixels of the view.
PATCH, STEP = 12, 6
# What stands for a patch: the view, blurred by so many pixels.
BLUR = 8.0
ENLARGED = 3
TEXT_ROWS = 14
# The strongest colour is a mean grade moved by this.
FULL = 0.5


def entries(network):
    manifest = tomllib.loads((network.parent / "manifest.toml").read_text())
    return next(model for model in manifest["model"] if model["file"] == network.name)


def head_of(entry, finding, side, present):
    """The head of this finding that uses most of the views that are there."""
    heads = [h for h in entry["head"] if h["finding"] == finding and h.get("side") == side and set(h["given"]) <= present]
    return max(heads, key=lambda h: len(h["given"]), default=None)


class Level:
    """One level's inputs, and the mean grade that a head makes of them."""

    def __init__(self, session, head, inputs):
        self.session, self.head, self.inputs = session, head, inputs

    def mean_grade(self, changed=None):
        (logits,) = self.session.run(["logits"], self.inputs | (changed or {}))
        slope, offset = np.array(self.head["slopes"]), np.array(self.head["offsets"])
        at = self.head["output"]
        return float((1 / (1 + np.exp(-(slope * logits[0, at : at + len(slope)] + offset)))).sum())

    def map_of(self, name):
        """[rows, columns]: by how much the mean grade falls without what lies there."""
        picture = self.inputs[name]
        blurred = ndimage.gaussian_filter(picture, (0, 0, BLUR, BLUR))
        rows, columns = picture.shape[2:]
        moved, counted, whole = np.zeros((rows, columns)), np.zeros((rows, columns)), self.mean_grade()
        for y in range(0, rows - PATCH + 1, STEP):
            for x in range(0, columns - PATCH + 1, STEP):
                place = np.s_[..., y : y + PATCH, x : x + PATCH]
                hidden = picture.copy()
                hidden[place] = blurred[place]
                moved[place] += whole - self.mean_grade({name: hidden})
                counted[place] += 1
        return moved / np.maximum(counted, 1)


def drawn(picture, moved):
    """The middle channel as it is, and coloured; uint8 [rows, 2 * columns, 3]."""
    grey = np.repeat(np.clip(picture[len(picture) // 2], 0, 1)[:, :, None], 3, 2)
    strength = np.clip(np.abs(moved) / FULL, 0, 1)[:, :, None]
    colour = np.where(moved[:, :, None] > 0, [1.0, 0.2, 0.1], [0.2, 0.4, 1.0])
    pair = np.concatenate([grey, grey * (1 - 0.7 * strength) + 0.7 * strength * colour], 1)
    return np.round(255 * pair).astype(np.uint8)


def shown(folder, entry, k, level):
    """The network's inputs for this level."""
    inputs = {}
    for given in entry["inputs"]:
        name = given["name"]
        if name == "present":
            order = ["axial", "foramen_left", "foramen_right"]
            inputs[name] = np.array([[view in level["views"] for view in order]], np.float32)
        else:
            inputs[name] = np.load(folder / f"{name}.npy", mmap_mode="r")[k : k + 1].astype(np.float32)
    return inputs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("views", type=Path)
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--finding", required=True)
    parser.add_argument("--side", choices=["left", "right"])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    entry, session = entries(options.network), onnxruntime.InferenceSession(str(options.network))
    rows = []
    for k, level in enumerate(json.loads((options.views / "views.json").read_text())["levels"]):
        head = head_of(entry, options.finding, options.side, set(level["views"]))
        if head is None:
            print(f"{level['name']}: not graded, a view is missing")
            continue
        one, pictures, furthest = Level(session, head, shown(options.views, entry, k, level)), [], 0.0
        for name, picture in one.inputs.items():
            if name != "present" and picture.any():
                moved = one.map_of(name)
                furthest = max(furthest, float(np.abs(moved).max()))
                pictures.append(Image.fromarray(drawn(picture[0], moved)))
        said = f"{level['name']} mean grade {one.mean_grade():.2f}, moved by {furthest:.2f} at most"
        print(said)
        rows.append((said, [p.resize((p.width * ENLARGED, p.height * ENLARGED)) for p in pictures]))
    sheet(rows).save(options.out)


def sheet(rows):
    width = max((sum(p.width for p in pictures) for _, pictures in rows), default=1)
    height = sum(TEXT_ROWS + max(p.height for p in pictures) for _, pictures in rows) or 1
    image, y = Image.new("RGB", (width, height)), 0
    for said, pictures in rows:
        ImageDraw.Draw(image).text((2, y + 1), said)
        x, y = 0, y + TEXT_ROWS
        for picture in pictures:
            image.paste(picture, (x, y))
            x += picture.width
        y += max(p.height for p in pictures)
    return image


if __name__ == "__main__":
    main()
