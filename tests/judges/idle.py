#!/usr/bin/env python3
"""What the appliance takes at rest: memory, wake-ups, processor time; and how soon it is ready. Standard library only.

    cargo build --release --locked --bins
    tests/judges/idle.py

Measured after a study was read: with 15,000 results waiting and the broker refusing connections, and connected to a
mosquitto by TLS after they drained. The results are that of a real phantom reading under other ids, with a bundle's
name each. Needs mosquitto and openssl."""

import argparse
import contextlib
import itertools
import json
import os
import re
import shutil
import secrets
import signal
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "idle"
WATCHDOG_USEC = 30_000_000  # as the unit has it
STARTS = 10
HOUR_S = 3600
DEADLINE_S = 600
SEEDS = itertools.count(1)


def until(what, done, limit_s=DEADLINE_S):
    since = time.monotonic()
    while not done():
        if time.monotonic() - since > limit_s:
            raise SystemExit(f"gave up waiting until {what}")
        time.sleep(0.1)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Broker:
    """A mosquitto with TLS that asks for no certificate of the device."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.ca = folder / "ca.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                     "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=127.0.0.1",
                     "-keyout", "server.key", "-out", "server.csr")
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        self.openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
                     "-extfile", "names", "-out", "server.pem")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def start(self):
        lines = ["per_listener_settings true", f"listener {self.port} 127.0.0.1", "allow_anonymous true", f"cafile {self.ca}",
                 f"certfile {self.folder}/server.pem", f"keyfile {self.folder}/server.key"]
        if os.geteuid() == 0:
            lines.append("user root")
        (self.folder / "conf").write_text("\n".join(lines) + "\n")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen([program, "-c", str(self.folder / "conf")], stderr=subprocess.DEVNULL)
        until("mosquitto listens", lambda: not socket.socket().connect_ex(("127.0.0.1", self.port)), 20)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class Appliance:
    """`deepspine run` with a state folder, told about by a notify socket as under systemd."""

    def __init__(self, arguments, folder, broker, state=None):
        self.arguments, self.folder = arguments, folder
        for name in ("in", "state", "out", "run"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        if state:
            shutil.copytree(state, folder / "state", dirs_exist_ok=True)
        self.config = folder / "config.toml"
        self.config.write_text(f"""
[device]
id = "{DEVICE}"
[ingest]
folder = "{folder}/in"
wanted = []
quiet-secs = 1
[storage]
state-dir = "{folder}/state"
out-dir = "{folder}/out"
runtime-dir = "{folder}/run"
quota-rows = 1000000
headroom-mib = 0
[mqtt]
broker = "mqtts://127.0.0.1:{broker.port}"
ca-file = "{broker.ca}"
""")
        self.process = None

    def start(self):
        """Starts it; how long until READY=1, ms."""
        path = str(self.folder / "notify")
        Path(path).unlink(missing_ok=True)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(path)
        notify.settimeout(60)
        environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": str(WATCHDOG_USEC), "PATH": os.environ["PATH"]}
        environment |= dict(e.split("=", 1) for e in self.arguments.environment)
        command = [self.arguments.binary, "run", "--config", str(self.config), "--models", self.arguments.models]
        log = open(self.folder / "log", "ab")
        since = time.monotonic()
        self.process = subprocess.Popen(command, env=environment, stderr=log, stdout=subprocess.DEVNULL)
        while not notify.recv(4096).startswith(b"READY=1"):
            pass
        ready_ms = (time.monotonic() - since) * 1000
        self.notify = notify  # kept open: it goes on telling
        return ready_ms

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def status(self):
        command = [self.arguments.binary, "status", "--format", "json", "--config", str(self.config)]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    def read_a_study(self):
        before, seed = self.log().count(", revision 1"), str(next(SEEDS))  # the same seed is the same study
        command = [self.arguments.binary, "phantom", "--out", str(self.folder / "in" / f"study-{seed}"), "--seed", seed]
        subprocess.run(command, check=True, capture_output=True)
        until("the phantom is read", lambda: self.log().count(", revision 1") > before)


def fill(arguments, work, broker):
    """Has one study read without a broker, and puts its result under other ids into the same journal."""
    appliance = Appliance(arguments, work, broker)
    appliance.start()
    appliance.read_a_study()
    appliance.stop()
    state = work / "state"
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as journal, journal:
        (packed,) = journal.execute("SELECT payload FROM outbox WHERE topic = 'e/report'").fetchone()
        report = zlib.decompress(packed, wbits=-15).decode()
        old_study, old_id = (json.loads(report)[name] for name in ("study_key", "report_id"))
        now = int(time.time())
        for _ in range(arguments.results):
            study, report_id = secrets.token_hex(len(old_study) // 2), secrets.token_hex(len(old_id) // 2)
            bundle = f"{report_id}.bundle"
            journal.execute("INSERT INTO studies (study_key, state, revision, changed_at) VALUES (?, 'done', 1, ?)", (study, now))
            journal.execute("INSERT INTO reports (report_id, study_key, revision, produced_at, bundle, exported, committed_at)"
                            " VALUES (?, ?, 1, '2026-01-01T00:00:00.000Z', ?, 1, ?)", (report_id, study, bundle, now))
            packer = zlib.compressobj(6, zlib.DEFLATED, -15)
            text = report.replace(old_study, study).replace(old_id, report_id).encode()
            journal.execute("INSERT INTO outbox (topic, qos, lane, study_key, report_id, enqueued_at, payload)"
                            " VALUES ('e/report', 1, 'live', ?, ?, ?, ?)",
                            (study, report_id, now, packer.compress(text) + packer.flush()))
            (state / "bundles" / bundle).write_bytes(b"a bundle's place")
        journal.execute("UPDATE sqlite_sequence SET seq = (SELECT max(seq) FROM outbox) WHERE name = 'outbox'")
        last = journal.execute("SELECT max(seq) FROM outbox").fetchone()[0]
    print(f"{arguments.results} results; report {len(report)} bytes, {len(packed)} deflated; "
          f"journal {(state / 'journal.db').stat().st_size / 2**20:.1f} MiB; last message {last}")
    return state


def memory_kib(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(kib) for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", text, re.M)}


def mappings_kib(pid):
    """Resident memory by kind of mapping: (resident, of that private and written)."""
    kinds, kind = {}, None
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = re.match(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line)
        if head:
            start, end, rights, name = int(head[1], 16), int(head[2], 16), head[3], head[4]
            if not name:
                name = "anonymous, 64 MiB arenas" if start % (64 << 20) == 0 else f"anonymous {(end - start) >> 10} KiB"
                name = name if "arena" in name else "anonymous, other (stacks)"
            kind = f"{os.path.basename(name) or name} {rights}"
            kinds.setdefault(kind, [0, 0])
        elif line.startswith("Rss:"):
            kinds[kind][0] += int(line.split()[1])
        elif line.startswith("Private_Dirty:"):
            kinds[kind][1] += int(line.split()[1])
    return sorted(kinds.items(), key=lambda k: -k[1][0])


def threads(pid):
    """By thread: name, (voluntary, involuntary) switches, and ns on a processor."""
    told = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            status = (task / "status").read_text()
            on_cpu_ns = int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
        name = re.search(r"^Name:\s+(.*)", status, re.M)[1]
        switches = [int(n) for n in re.findall(r"^(?:non)?voluntary_ctxt_switches:\s+(\d+)", status, re.M)]
        told[task.name] = (name, switches[0], switches[1], on_cpu_ns)
    return told


def at_rest(appliance, what, seconds):
    pid = appliance.process.pid
    time.sleep(20)  # until whatever follows a reading or a connection is over
    before, since = threads(pid), time.monotonic()
    time.sleep(seconds)
    after, took = threads(pid), time.monotonic() - since
    memory = memory_kib(pid)
    print(f"\n== {what}, {took:.0f} s at rest")
    print(f"RSS {memory['Rss']} KiB, PSS {memory['Pss']} KiB (anonymous {memory['Pss_Anon']}, of files {memory['Pss_File']}), "
          f"{len(after)} threads")
    rows = [(name, v - before[t][1], i - before[t][2], (ns - before[t][3]) / 1e9) for t, (name, v, i, ns) in after.items() if t in before]
    wakes, cpu = sum(r[1] for r in rows), sum(r[3] for r in rows)
    print(f"{wakes / took:.2f} wake-ups a second, {sum(r[2] for r in rows) / took:.2f} involuntary switches a second, "
          f"{cpu / took * HOUR_S:.2f} CPU seconds an hour")
    for name, voluntary, involuntary, seconds_on in sorted(rows, key=lambda r: -r[1]):
        if voluntary:
            print(f"  {name:12} {voluntary:4} wake-ups, one in {took / voluntary:.1f} s, {seconds_on * 1000:.1f} ms on a processor")
    for kind, (resident, dirty) in mappings_kib(pid)[: appliance.arguments.mappings]:
        print(f"  {resident:6} KiB resident, {dirty:6} written  {kind}")


def starts(arguments, work, broker, what, state):
    times, appliance = [], Appliance(arguments, work, broker, state)
    for _ in range(arguments.starts):
        times.append(appliance.start())
        appliance.stop()
    rest = times[1:] or times
    print(f"READY=1 after exec, {what}: median of {len(times)} {statistics.median(times):.0f} ms, the first {times[0]:.0f}, "
          f"of the others {min(rest):.0f} to {max(rest):.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "target/release/deepspine"))
    parser.add_argument("--models", default=str(ROOT / "models"))
    parser.add_argument("--results", type=int, default=15_000, help="results that wait")
    parser.add_argument("--seconds", type=int, default=120, help="how long each rest is measured")
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--mappings", type=int, default=12, help="mappings shown, the largest first")
    parser.add_argument("--environment", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--only-connected", action="store_true", help="neither starts nor the rest without a broker")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        (work / "broker").mkdir()
        broker = Broker(work / "broker")
        if not arguments.only_connected:
            starts(arguments, work / "empty", broker, "empty state", None)
        state = fill(arguments, work / "full", broker)
        if not arguments.only_connected:
            starts(arguments, work / "starts", broker, f"{arguments.results} results", state)
        appliance = Appliance(arguments, work / "rest", broker, state)
        appliance.start()
        try:
            appliance.read_a_study()
            waiting = appliance.status()["outbox"]
            count = waiting["live"]["waiting"] + waiting["backlog"]["waiting"]
            if not arguments.only_connected:
                at_rest(appliance, f"{count} messages waiting, the broker refuses connections", arguments.seconds)
            broker.start()
            appliance.process.send_signal(signal.SIGHUP)
            until("everything drained", lambda: appliance.status()["connected"]
                  and not appliance.status()["outbox"]["backlog"]["waiting"])
            appliance.read_a_study()
            at_rest(appliance, f"connected by TLS, {count} messages drained, a study read since", arguments.seconds)
        finally:
            appliance.stop()
            broker.stop()


if __name__ == "__main__":
    main()
