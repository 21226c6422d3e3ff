"""The report to an MQTT broker: MQTT 5, QoS 1, done when the broker has acknowledged it."""

from urllib.parse import urlsplit

from paho.mqtt import client as mqtt

TOPIC = "deepspine/python/e/report"
SECONDS_MAX = 10


class Publisher:
    """Connected once, for as many reports as there are."""

    def __init__(self, broker):
        at = urlsplit(broker)
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.client.connect(at.hostname, at.port or 1883)
        self.client.loop_start()

    def publish(self, payload):
        message = self.client.publish(TOPIC, payload, qos=1)
        message.wait_for_publish(SECONDS_MAX)
        if not message.is_published():
            raise SystemExit("the broker did not acknowledge the report in time")

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
