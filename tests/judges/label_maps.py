"""Our label maps beside what dcm2niix makes of the same series, both taken to canonical RAS+.

Same shape, affines within 1e-3 mm; and a phantom's scoliosis, convex to the left, must lie on the left in both: in
our labels by the canal's place, in dcm2niix's image by the brightest column of CSF."""

import argparse
import subprocess
import tempfile
from pathlib import Path

import nibabel
import numpy as np

import common


def canonical(path):
    return nibabel.as_closest_canonical(nibabel.load(path))


def dcm2niix(series, out):
    out.mkdir(parents=True, exist_ok=True)
    subprocess.run(["dcm2niix", "-z", "n", "-b", "n", "-f", "%s", "-o", str(out), str(series)], check=True, capture_output=True)
    return sorted(out.glob("*.nii"))


def compare(name, labels_path, candidates):
    ours = canonical(labels_path)
    best = min(candidates, key=lambda p: np.abs(canonical(p).affine - ours.affine).max() if canonical(p).shape == ours.shape else 1e9)
    theirs = canonical(best)
    away = np.abs(ours.affine - theirs.affine).max() if ours.shape == theirs.shape else float("nan")
    good = ours.shape == theirs.shape and away <= 1e-3
    print(f"{name}: ours {ours.shape}, dcm2niix {theirs.shape}, affines differ by at most {away:.6f} mm: {'agree' if good else 'DIFFER'}")
    return ours, theirs, good


def bend_mm(image, weight):
    """How far to the patient's right (RAS+: +x) the middle of the chosen voxels lies from their ends, mm."""
    i, _, k = np.nonzero(weight)
    x = image.affine[0, 0] * i + image.affine[0, 3]
    z = k / image.shape[2]
    low, high = np.quantile(z, [0.05, 0.95])
    span = (z - low) / (high - low)
    middle, ends = np.abs(span - 0.5) < 0.15, (span < 0.15) | (span > 0.85)
    return x[middle].mean() - x[ends].mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    common.add_arguments(parser)
    arguments = parser.parse_args()
    common.header()
    good = True
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.keep or Path(temporary)
        clinical = arguments.data / "rsna/study"
        if clinical.exists():
            common.analyze(arguments, clinical, work / "clinical")
            good &= compare("clinical study", work / "clinical/semantic.nii.gz", dcm2niix(clinical, work / "clinical-nii"))[2]
        phantom = work / "phantom"
        subprocess.run([arguments.binary, "phantom", "--out", str(phantom), "--seed", "7", "--scoliosis", "30"], check=True)
        common.analyze(arguments, phantom, work / "phantom-out")
        ours, theirs, same = compare("phantom", work / "phantom-out/semantic.nii.gz", dcm2niix(next(phantom.glob("3_*")), work / "phantom-nii"))
        image = np.asarray(theirs.dataobj, float)
        canal = np.asarray(ours.dataobj) == common.CANAL
        bright = image > np.median(image[canal])
        bends = bend_mm(ours, canal), bend_mm(theirs, bright & canal)
        overlap, mirrored = image[canal].mean(), image[canal[::-1]].mean()
        # RAS+: the patient's left has the smaller x.
        left = all(b < 0 for b in bends)
        print(f"phantom convex to the left: middle of the canal lies {-bends[0]:.1f} mm left of its ends in our labels, {-bends[1]:.1f} mm in "
              f"dcm2niix's image; mean signal in our canal {overlap:.0f}, in its mirror image {mirrored:.0f}: {'agree' if left else 'DIFFER'}")
        good &= same and left and overlap > 1.2 * mirrored
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
