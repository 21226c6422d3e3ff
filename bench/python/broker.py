"""A mosquitto of our own on a free port of this machine, and a subscriber that says when something arrived."""

import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from paho.mqtt import client as mqtt

SECONDS_MAX = 10


class Broker:
    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        configuration = Path(self.folder.name) / "mosquitto.conf"
        configuration.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self.child = subprocess.Popen(["mosquitto", "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + SECONDS_MAX
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                if time.monotonic() > until or self.child.poll() is not None:
                    raise SystemExit("mosquitto does not start: install it, or look whether it may listen") from None
                time.sleep(0.02)

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait()
        self.folder.cleanup()

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"


class Subscriber:
    """Hears `topic`; `arrived` are the times at which messages came."""

    def __init__(self, broker, topic):
        self.arrived, self.new = [], threading.Condition()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.client.on_message = self.heard
        ready = threading.Event()
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        self.client.subscribe(topic, qos=1)
        if not ready.wait(SECONDS_MAX):
            raise SystemExit("the broker does not confirm a subscription")

    def heard(self, *_):
        with self.new:
            self.arrived.append(time.perf_counter())
            self.new.notify_all()

    def await_count(self, count, seconds):
        """When message number `count` arrived."""
        with self.new:
            if not self.new.wait_for(lambda: len(self.arrived) >= count, seconds):
                raise SystemExit(f"{len(self.arrived)} of {count} reports arrived within {seconds} s")
            return self.arrived[count - 1]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
