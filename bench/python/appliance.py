"""`deepspine run` in folders of its own, told of studies by a sentinel file, so that no quiet time is waited."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from measuring import ROOT, status_kib

SENTINEL = "export.done"
READY_SECONDS_MAX, END_SECONDS_MAX = 60, 20
SAMPLE_SECONDS = 0.01


def environment_of_unit():
    """What the unit as shipped gives the service."""
    lines = (ROOT / "systemd/deepspine.service").read_text().splitlines()
    given = [word for line in lines if line.startswith("Environment=") for word in line.removeprefix("Environment=").split()]
    return dict(word.split("=", 1) for word in given)


class Appliance:
    """Started by `with`; its folders stay until the object is gone, so that it can be started again."""

    def __init__(self, options, broker=None):
        self.options, self.broker = options, broker
        self.folder = tempfile.TemporaryDirectory(prefix="deepspine-bench-")
        self.root = Path(self.folder.name)
        self.ingest = self.root / "in"
        for name in ("in", "out", "state", "run"):
            (self.root / name).mkdir()

    def command(self):
        keys = {
            "device.id": "bench", "ingest.folder": self.ingest, "ingest.sentinel": SENTINEL, "ingest.quiet-secs": 1,
            "storage.state-dir": self.root / "state", "storage.out-dir": self.root / "out", "reader.threads": self.options.threads,
        }
        if self.broker:
            keys["mqtt.broker"] = self.broker.url
        (self.root / "config.toml").touch()
        words = [w for key, value in keys.items() for w in ("--set", f"{key}={value}")]
        return [str(self.options.deepspine.resolve()), "run", "--config", str(self.root / "config.toml"), "--models", str(self.options.models.resolve()), *words]

    def __enter__(self):
        """Starts it and waits until it tells its service manager that it is ready; `ready_s` is how long that took."""
        place = str(self.root / "run/notify")
        Path(place).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(place)
            manager.settimeout(READY_SECONDS_MAX)
            self.log = open(self.root / "log", "a")
            environment = os.environ | environment_of_unit() | {"NOTIFY_SOCKET": place, "RUNTIME_DIRECTORY": str(self.root / "run")}
            since = time.perf_counter()
            self.process = subprocess.Popen(self.command(), env=environment, stdout=subprocess.DEVNULL, stderr=self.log)
            try:
                while not manager.recv(4096).startswith(b"READY=1"):
                    pass
            except TimeoutError:
                raise SystemExit(f"the appliance does not get ready: {(self.root / 'log').read_text()[-500:]}") from None
            self.ready_s = time.perf_counter() - since
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def put(self, study, name):
        """A copy of a study into the export folder, whole at once; when it was there."""
        beside = self.root / f"{name}.part"
        shutil.copytree(study, beside)
        (beside / SENTINEL).touch()
        beside.rename(self.ingest / name)
        return time.perf_counter()

    def children(self):
        """The processes that read and scan for it."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]


class Sampler(threading.Thread):
    """Every hundredth of a second the resident memory of the children that `pids` names: (seconds, MiB)."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.samples, self.over = pids, [], threading.Event()

    def run(self):
        since = time.perf_counter()
        while not self.over.wait(SAMPLE_SECONDS):
            found = [kib for kib in (status_kib(pid, "VmRSS") for pid in self.pids()) if kib]
            if found:
                self.samples.append((time.perf_counter() - since, max(found) / 1024))

    def stop(self):
        self.over.set()
        self.join()
        return self.samples
