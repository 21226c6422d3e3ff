"""The parts of bench/footprint: each measures one thing and gives plain numbers."""

import os
import shutil
import time
from pathlib import Path

from appliance import SENTINEL, Appliance, Sampler
from broker import Broker, Subscriber
from measuring import analyze, middle, phantom, run, stages, status_kib

# Slices of the sagittal series; rows and columns are few, so that two hundred are read within a minute.
SLICES, SLICES_MATRIX = (5, 17, 40, 80, 120, 200), 256
IDLE_SECONDS = 5
# A study has thousands of samples; so many show its shape.
SAMPLES_KEPT = 240
CHILDREN_GONE_SECONDS_MAX = 120
REPORT_SECONDS_MAX = 3600
WARM_UP_SECONDS_MAX = 300


def figures(runs):
    """Medians of runs of one thing."""
    times = [stages(r) for r in runs]
    return {
        "wall_s": middle([r.wall_s for r in runs]), "cpu_s": middle([r.cpu_s for r in runs]), "peak_mib": middle([r.peak_mib for r in runs]),
        "stages_ms": {s: middle([t[s] for t in times]) for s in times[0] if all(s in t for t in times)},
    }


def repeated(options, study, threads=None):
    analyze(options, study, threads)
    return figures([analyze(options, study, threads) for _ in range(options.runs)])


def stage_times(options, study, _work):
    return repeated(options, study)


def against_cores(options, study, _work):
    """Held to so many cores, with as many threads."""
    cores, found = sorted(os.sched_getaffinity(0)), {}
    try:
        for n in sorted({1, 2, 4, len(cores)} & set(range(1, len(cores) + 1))):
            os.sched_setaffinity(0, set(cores[:n]))
            found[n] = repeated(options, study, n)
    finally:
        os.sched_setaffinity(0, set(cores))
    return found


def against_slices(options, _study, work):
    found = {}
    for n in SLICES:
        if n <= options.slices_most:
            folder = phantom(options, Path(work) / f"slices-{n}", slices=n, matrix=SLICES_MATRIX)
            found[n] = repeated(options, folder)
            shutil.rmtree(folder)
    return found


def memory_over_a_study(options, study, work):
    """Resident memory of the appliance's `read` child, and of the appliance beside it."""
    template = small_study(options, Path(work) / "small")
    with Broker() as broker, Appliance(options, broker) as service:
        reports = Subscriber(broker, "deepspine/bench/e/report")
        # The first study waits for the self-test, whose child would be sampled too.
        copied(template, service.ingest / "warm-up", "warm-up")
        reports.await_count(1, WARM_UP_SECONDS_MAX)
        before = without_children(service)
        sampler = Sampler(service.children)
        sampler.start()
        service.put(study, "study")
        reports.await_count(2, REPORT_SECONDS_MAX)
        samples = sampler.stop()
        reports.close()
        after = without_children(service)
        first = samples[0][0] if samples else 0.0
        child = [(round(t - first, 3), round(mib, 2)) for t, mib in samples[:: max(1, len(samples) // SAMPLES_KEPT)]]
        return {"child": child, "child_peak_mib": max((m for _, m in samples), default=0.0), "idle_before": before, "idle": after}


def without_children(service):
    """The appliance's own resident memory, MiB, once its children are gone and a while has passed: all of it, and what is no page of a file."""
    until = time.monotonic() + CHILDREN_GONE_SECONDS_MAX
    while service.children() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(IDLE_SECONDS)
    return [status_kib(service.process.pid, key) / 1024 for key in ("VmRSS", "RssAnon")]


def against_backlog(options, _study, work):
    """So many small studies wait in the folder, without a broker; then so many reports wait in the outbox, and the broker comes."""
    template, found = small_study(options, Path(work) / "small-waiting"), {}
    for count in (1, 10, 100, 1000):
        if count > options.backlog_most:
            continue
        with Broker() as broker:
            service = Appliance(options, broker)
            topic = "deepspine/bench/e/report"
            reports = Subscriber(broker, topic)
            tell_apart = lambda k: copied(template, service.ingest / f"study-{k}", f"{count}.{k}")
            with service:
                # The first study pays for the self-test and the caches.
                copied(template, service.ingest / "warm-up", f"{count}.warm-up")
                reports.await_count(1, WARM_UP_SECONDS_MAX)
            service.broker = None
            for k in range(count):
                tell_apart(k)
            with service:
                read_s, reading_mib = read_all(service, count)
            service.broker = broker
            since = time.perf_counter()
            with service:
                deliver_s = reports.await_count(1 + count, REPORT_SECONDS_MAX) - since
                delivering_mib = status_kib(service.process.pid, "VmHWM") / 1024
            reports.close()
        found[count] = {"read_s": read_s / count, "deliver_s": deliver_s / count, "reading_mib": reading_mib, "delivering_mib": delivering_mib}
    return found


def read_all(service, count):
    """Seconds until `count` more studies are read, and the most memory that the appliance itself took."""
    since, out = time.perf_counter(), service.root / "state"
    before = len(list(out.rglob("*.bundle")))
    until = time.monotonic() + REPORT_SECONDS_MAX
    while len(list(out.rglob("*.bundle"))) < before + count:
        if time.monotonic() > until:
            raise SystemExit(f"the appliance did not read {count} studies in time: {(service.root / 'log').read_text()[-500:]}")
        time.sleep(0.05)
    return time.perf_counter() - since, status_kib(service.process.pid, "VmHWM") / 1024


def small_study(options, folder):
    """One sagittal slice of 32 x 32, whose report is a refusal: a report like any other to everything but the reading."""
    import pydicom

    phantom(options, folder, matrix=32, slices=1)
    found = [pydicom.dcmread(p) for p in sorted(folder.rglob("*.dcm"))]
    return next(d for d in found if d.Rows == 32 and "t2" in str(d.SeriesDescription).lower() and abs(d.ImageOrientationPatient[4]) < 0.5)


def copied(template, folder, name):
    """The study under UIDs of its own, whole at once."""
    from pydicom.uid import generate_uid

    beside = folder.parent.parent / f"{folder.name}.part"
    beside.mkdir()
    for level in ("Study", "Series", "SOP"):
        setattr(template, f"{level}InstanceUID", generate_uid(entropy_srcs=[level, name]))
    template.file_meta.MediaStorageSOPInstanceUID = template.SOPInstanceUID
    template.save_as(beside / "IM0001.dcm")
    (beside / SENTINEL).touch()
    beside.rename(folder)


def start(options, _study, _work):
    """Exec to the end of `--version`, and to READY=1 of the appliance."""
    command = [options.deepspine.resolve(), "--version"]
    with Broker() as broker:
        service, ready = Appliance(options, broker), []
        for _ in range(options.runs + 1):
            with service:
                ready.append(service.ready_s)
    return {"version_s": middle([run(command).wall_s for _ in range(options.runs)]), "ready_s": middle(ready[1:])}
