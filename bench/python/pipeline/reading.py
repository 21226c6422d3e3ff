"""One study from files to report, in the order of src/analysis/study.rs; the time of each stage."""

import time
from concurrent.futures import ThreadPoolExecutor

from . import checks, grading, report, segmentation, spine, views
from .chain import NoSpine
from .study import Study, middle_slices


class Clock:
    def __init__(self):
        self.timings, self.since = [], time.perf_counter()

    def stage(self, name):
        """What was done since the last one was `name`."""
        now = time.perf_counter()
        self.timings.append((name, (now - self.since) * 1e3))
        self.since = now


class Reader:
    """Networks and threads, ready for studies."""

    def __init__(self, networks, threads):
        self.networks = networks
        self.pool = ThreadPoolExecutor(threads).map if threads > 1 else map

    def read(self, paths):
        clock = Clock()
        study = Study(paths)
        clock.stage("headers")
        digests = study.pixel_digests()
        clock.stage("digests")
        found, refusal = None, None
        try:
            found = self.spine_of(study, clock)
        except NoSpine as why:
            refusal = {"code": why.code, "text": str(why)}
        return report.build(study, self.networks, found, refusal, digests, clock.timings)

    def spine_of(self, study, clock):
        network, pool = self.networks.segmentation, self.pool
        first, second = study.to_segment()
        if first is None:
            raise NoSpine("no sagittal series to segment")
        volume = first.largest
        for k in range(len(volume.origins)):
            volume.picture(k)
        clock.stage("pixels")
        segmented = segmentation.segment(volume, network, pool)
        clock.stage("segmentation")
        found = spine.read(volume, segmented.mask)
        clock.stage("curve-levels-measurements")
        checks.orientation(volume, found.semantic, segmented, network, pool)
        clock.stage("orientation")
        checks.second_looks(found, volume, segmented, second and middle_slices(second.largest), network, pool)
        clock.stage("second-looks")
        views.assign_axial(found.levels, study)
        views.canal_centres(found.levels, volume, found.semantic)
        clock.stage("axial-slices")
        grading.grade(found.levels, study, self.networks, pool)
        clock.stage("grading")
        return found
