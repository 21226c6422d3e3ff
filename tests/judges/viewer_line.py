"""Twenty studies through an appliance into an archive (Orthanc), each object judged by verifiers and readers of others.

    python tests/judges/viewer_line.py --deepspine target/debug/deepspine [--data ../shared/data] [--studies 20]

Phantoms of varied anatomy and imaging (seeds from 101 on), the same with all geometry turned in space, and T2-SPACE subjects of SPIDER (3-D, real images)
where the data are there. Needs Orthanc, dicom3tools, dcmtk, and a Python with highdicom, pydicom, numpy, pillow and scipy. Prints a line a study, and how many
objects are at fault.
"""

import argparse
import io
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import pydicom

ROOT = Path(__file__).resolve().parents[2]
OBJECTS = ["report.dcm", "segmentation.dcm", "overlay.dcm"]
TURN_DEGREES = (11.0, -7.0, 5.0)
SPACE_SUBJECTS = 4
PATIENCE_S = 1800


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def turned(folder):
    """Turns all geometry of a study in space, as a patient who lies askew would have it."""
    a, b, c = np.radians(TURN_DEGREES)
    about = lambda axis, angle: np.array(
        {"x": [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]],
         "y": [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]],
         "z": [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]}[axis])
    rotation = about("x", a) @ about("y", b) @ about("z", c)
    for path in folder.rglob("*.dcm"):
        image = pydicom.dcmread(path)
        turn = lambda values: [round(float(v), 9) for v in rotation @ np.array(values, float)]
        orientation = image.ImageOrientationPatient
        image.ImageOrientationPatient = turn(orientation[:3]) + turn(orientation[3:])
        image.ImagePositionPatient = turn(image.ImagePositionPatient)
        image.save_as(path)


def make_studies(options, into):
    made = []
    space = space_studies(options, into)
    for number in range(options.studies - len(space)):
        folder = into / f"phantom{101 + number}"
        command = [options.deepspine, "phantom", "--varied", "--seed", str(101 + number), "--out", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (folder / "truth.json").unlink(missing_ok=True)
        kind = "phantom"
        if number % 3 == 2:
            turned(folder)
            kind = "phantom, turned in space"
        made.append((folder, kind))
    return made + space


def space_studies(options, into):
    if not (options.data / "spider").is_dir():
        return []
    sys.path.insert(0, str(ROOT / "models/training"))
    from evaluation.series import write_sagittal_series
    from segmentation import sources

    folders = sorted({int(p.name.split("_")[0]) for p in (options.data / "spider/t2_space/images").glob("*.png")})
    made = []
    for subject in folders[:SPACE_SUBJECTS]:
        images, _ = sources.spider_volume(options.data, subject)
        folder = into / f"space{subject}"
        spacing_mm = sources.space_spacing_mm(options.data, subject)
        write_sagittal_series(folder, list(images), sources.SPACE_PIXEL_MM, spacing_mm, "SPACE", 71000 + subject)
        made.append((folder, f"SPIDER T2-SPACE subject {subject}"))
    return made


def start_orthanc(work):
    dicom, http = free_port(), free_port()
    configuration = {"StorageDirectory": str(work / "storage"), "IndexDirectory": str(work / "index"), "DicomAet": "ARCHIVE",
                     "DicomPort": dicom, "DicomCheckCalledAet": True, "HttpPort": http, "RemoteAccessAllowed": False,
                     "AuthenticationEnabled": False, "Plugins": []}
    (work / "orthanc.json").write_text(json.dumps(configuration))
    log = open(work / "orthanc.log", "w")
    return subprocess.Popen(["Orthanc", str(work / "orthanc.json")], stdout=log, stderr=log), dicom, f"http://127.0.0.1:{http}"


def get(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def status(options, config):
    said = subprocess.run([options.deepspine, "status", "--config", config, "--format", "json"], capture_output=True, text=True)
    return json.loads(said.stdout) if said.returncode == 0 else None


def wait_for(what, done):
    until = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > until:
            sys.exit(f"gave up waiting for {what}")
        time.sleep(0.5)


def run_appliance(options, work, studies, dicom_port):
    config = work / "config.toml"
    config.write_text(f"""
[ingest]
folder = "{work}/in"
quiet-secs = 1
wanted-wait-secs = 2
[storage]
state-dir = "{work}/state"
out-dir = "{work}/out"
runtime-dir = "{work}/run"
[pacs]
address = "127.0.0.1:{dicom_port}"
ae-title = "ARCHIVE"
""")
    for name in ("in", "state", "out", "run"):
        (work / name).mkdir()
    log = open(work / "deepspine.log", "w")
    service = subprocess.Popen([options.deepspine, "run", "--config", config, "--models", ROOT / "models"], stdout=log, stderr=log)
    for folder, _ in studies:
        shutil.copytree(folder, work / "in" / folder.name)
    folders = lambda: [f for f in (work / "out").glob("*") if (f / "page.html").exists()]

    def finished():
        now = status(options, config)
        return now and now["sendings"] and not now["sendings"]["waiting"] and len(folders()) == len(studies)

    wait_for("readings, files and the archive", finished)
    refused = status(options, config)["sendings"]["set_aside"]
    service.terminate()
    service.wait()
    return folders(), refused


def judge(folder):
    """What others find wrong with the objects of one report."""
    faults, there = [], [folder / name for name in OBJECTS if (folder / name).exists()]
    for path in there:
        # It does not inflate, so that dcmtk does.
        plain = path.with_suffix(".plain")
        subprocess.run(["dcmconv", "+te", path, plain], check=True)
        said = subprocess.run(["dciodvfy", plain], capture_output=True, text=True)
        faults += [f"{path.name}: {line}" for line in (said.stderr + said.stdout).splitlines() if line.startswith("Error")]
    dumped = subprocess.run(["dsrdump", folder / "report.dcm"], capture_output=True, text=True)
    if dumped.returncode or any(line.startswith(("E:", "F:")) for line in dumped.stderr.splitlines()):
        faults.append(f"dsrdump: {dumped.stderr.strip()[:200]}")
    if (folder / "segmentation.dcm").exists():
        read = subprocess.run([sys.executable, ROOT / "tests/judges/viewer_objects.py", folder], capture_output=True, text=True)
        if read.returncode:
            faults.append(f"highdicom: {(read.stderr or read.stdout).strip()[-200:]}")
    return there, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deepspine", type=lambda p: Path(p).resolve(), default=ROOT / "target/debug/deepspine")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--picture", type=Path, help="where to draw a study's segmentation, as the archive gives it back, over its images")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        studies = make_studies(options, work / "studies")
        orthanc, dicom_port, url = start_orthanc(work)
        try:
            wait_for("Orthanc", lambda: socket.socket().connect_ex(("127.0.0.1", dicom_port)) == 0)
            folders, refused = run_appliance(options, work, studies, dicom_port)
            kind_of = {pydicom.dcmread(next(f.rglob("*.dcm")), stop_before_pixels=True).StudyInstanceUID: k for f, k in studies}
            archived = {}
            for instance in json.loads(get(f"{url}/instances")):
                back = pydicom.dcmread(io.BytesIO(get(f"{url}/instances/{instance}/file")))
                archived.setdefault(back.SOPInstanceUID, []).append(back)
            objects, all_faults = 0, 0
            for folder in sorted(folders):
                there, faults = judge(folder)
                for path in there:
                    ours = pydicom.dcmread(path)
                    if archived.get(ours.SOPInstanceUID) != [ours]:
                        faults.append(f"{path.name}: the archive has something else, or nothing")
                objects, all_faults = objects + len(there), all_faults + len(faults)
                kind = kind_of[pydicom.dcmread(folder / "report.dcm").StudyInstanceUID]
                print(f"{kind}: {len(there)} objects, {len(faults)} faults")
                for fault in faults[:5]:
                    print(f"  {fault}")
            print(f"{len(folders)} studies, {objects} objects, {len(archived)} in the archive, {refused} refused, {all_faults} faults")
            if options.picture:
                from archive_picture import draw

                for folder, _ in studies:
                    subprocess.run(["storescu", "-aec", "ARCHIVE", "+sd", "+r", "127.0.0.1", str(dicom_port), folder], check=True)
                draw(url, options.picture)
        finally:
            orthanc.terminate()
            orthanc.wait()
    sys.exit(1 if all_faults or refused or len(archived) != objects else 0)


if __name__ == "__main__":
    main()
