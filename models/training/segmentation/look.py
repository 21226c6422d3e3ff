"""Pictures to look at: what the network says of an image, in colour over it, or as a plain label image.

    python -m segmentation.look image.png --pixel-mm 0.7 --out seen.png [--labels]
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from . import evaluate, sources

COLOURS = np.array([(0, 0, 0), (230, 60, 60), (240, 150, 30), (60, 200, 80), (70, 110, 255), (230, 60, 220)])


def overlay(image, found):
    grey = np.repeat(image[..., None].astype(float), 3, -1)
    marked = found > 0
    grey[marked] = 0.6 * grey[marked] + 0.4 * COLOURS[found[marked]]
    return grey.clip(0, 255).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("image", type=Path)
    parser.add_argument("--pixel-mm", type=float, nargs="+", required=True, help="one value, or row and column")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=evaluate.MODEL)
    parser.add_argument("--labels", action="store_true", help="write classes 0 to 5 instead of a picture")
    options = parser.parse_args()
    image = sources.grey(options.image)
    found = evaluate.segment(evaluate.session(options.model), image, options.pixel_mm)
    Image.fromarray(found if options.labels else overlay(image, found)).save(options.out)


if __name__ == "__main__":
    main()
