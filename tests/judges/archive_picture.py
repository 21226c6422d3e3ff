"""Draws the segmentation that an archive (Orthanc) gives back over the images that it refers to, also from the archive.

    python tests/judges/archive_picture.py http://127.0.0.1:8042 picture.png

The archive must hold both: the study that was read, and what was made from it. Each segment is laid on the pixels where its own geometry puts it, not
where its frame's number would.
"""

import io
import json
import sys
import urllib.request
from pathlib import Path

import numpy
import pydicom
from PIL import Image

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
SCALE = 3


def get(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def objects(url):
    for instance in json.loads(get(f"{url}/instances")):
        yield pydicom.dcmread(io.BytesIO(get(f"{url}/instances/{instance}/file")))


def colour(item):
    lightness, a, b = (v / 65535 for v in item.RecommendedDisplayCIELabValue)
    lab = numpy.array([lightness * 100, a * 255 - 128, b * 255 - 128])
    y = (lab[0] + 16) / 116
    f = numpy.array([y + lab[1] / 500, y, y - lab[2] / 200])
    xyz = numpy.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.9642, 1.0, 0.8249]
    linear = numpy.array([[3.1339, -1.6169, -0.4906], [-0.9785, 1.9160, 0.0333], [0.0720, -0.2290, 1.4057]]) @ xyz
    return numpy.clip(linear, 0, 1) ** (1 / 2.2) * 255


def draw(url, path):
    found = list(objects(url))
    images = {o.SOPInstanceUID: o for o in found if "ImagePositionPatient" in o and o.SOPClassUID != SEGMENTATION}
    segmentations = [o for o in found if o.SOPClassUID == SEGMENTATION]
    for number, segmentation in enumerate(segmentations):
        to = path if len(segmentations) == 1 else path.with_stem(f"{path.stem}-{number:02}")
        draw_one(segmentation, images, to)


def draw_one(segmentation, images, path):
    colours = {int(item.SegmentNumber): colour(item) for item in segmentation.SegmentSequence}
    frames = list(zip(segmentation.PerFrameFunctionalGroupsSequence, numpy.atleast_3d(segmentation.pixel_array), strict=True))
    by_image = {}
    for groups, mask in frames:
        uid = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        by_image.setdefault(uid, []).append((groups, mask))
    uid = max(by_image, key=lambda u: sum(int(mask.sum()) for _, mask in by_image[u]))
    image = images[uid]
    pixels = image.pixel_array.astype(float)
    grey = numpy.clip(pixels / numpy.percentile(pixels, 99.5), 0, 1) * 255
    rgb = numpy.repeat(grey[:, :, None], 3, axis=2)
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    orientation = numpy.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    assert numpy.allclose(orientation, [float(v) for v in image.ImageOrientationPatient], atol=1e-4), "another orientation"
    off_mm = 0.0
    for groups, mask in by_image[uid]:
        here = numpy.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        off_mm = max(off_mm, float(numpy.linalg.norm(here - numpy.array(image.ImagePositionPatient, float))))
        where = mask.astype(bool)
        shade = colours[int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)]
        rgb[where] = rgb[where] * 0.55 + shade * 0.45
    spacing = [float(v) for v in image.PixelSpacing]
    size = (int(rgb.shape[1] * SCALE * spacing[1] / spacing[0]), rgb.shape[0] * SCALE)
    Image.fromarray(rgb.astype("uint8")).resize(size).save(path)
    print(f"{len(frames)} frames of {len(colours)} segments; on the image that has most of them {len(by_image[uid])}, {off_mm:.4f} mm beside it; {path}")


if __name__ == "__main__":
    draw(sys.argv[1], Path(sys.argv[2]))
