"""A running broker whose config is changed, at any level, and what shows what came of it."""

import json
import pathlib
import struct
import time

from harness import places
from harness.messages import Messages
from harness.ports import free_port
from harness.waiting import TimedOut, wait_until
from harness.wire import batch_of, record
from harness.zkcli import ZkClient

TOPIC, BROKER = 2, 4
SET, DELETE = 0, 1
LIMIT_S = 20
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

# Everything that happens in the background happens at once, or, where its disk syncs would be
# counted among others, not at all.
SETTINGS = {
    "log.initial.task.delay.ms": 0,
    "log.retention.check.interval.ms": 100,
    "log.flush.offset.checkpoint.interval.ms": HOUR_MS,
    "log.flush.start.offset.checkpoint.interval.ms": HOUR_MS,
    "replica.high.watermark.checkpoint.interval.ms": HOUR_MS,
    "producer.id.expiration.check.interval.ms": 50,
    "log.cleaner.backoff.ms": 20,
    "zookeeper.session.timeout.ms": 2000,
    # There is nobody to hand a leader to.
    "controlled.shutdown.enable": "false",
}


def now_ms():
    return int(time.time() * 1000)


ABSENT_BROKER = 7


def store_topic(zookeeper, topic, leader, isr):
    """A topic of broker 0 and of one that does not come, as a controller has left it."""
    state = {"controller_epoch": 1, "leader": leader, "version": 1, "leader_epoch": 3, "isr": isr}
    path = f"/brokers/topics/{topic}"
    assignment = {"version": 1, "partitions": {"0": [0, ABSENT_BROKER]}}
    zookeeper.create(path, json.dumps(assignment))
    zookeeper.create(path + "/partitions")
    zookeeper.create(path + "/partitions/0")
    zookeeper.create(path + "/partitions/0/state", json.dumps(state))


class Scene:
    """One broker with two listeners; PLAINTEXT is the brokers' own, CLIENT the clients'."""

    half_synced = "half-synced"

    def __init__(self, case, orphans=(), environment=None, **settings):
        """orphans: topics whose only in-sync replica is the absent broker."""
        own, clients = free_port(), free_port()
        self.client_port = clients
        self.sync_file = case.path("syncs")
        environment = environment or {
            "LD_PRELOAD": str(places.BUILD / "bench" / "libsync_count.so"),
            "SYNC_COUNT_FILE": str(self.sync_file),
        }
        listeners = f"PLAINTEXT://127.0.0.1:{own},CLIENT://127.0.0.1:{clients}"
        protocols = "PLAINTEXT:PLAINTEXT,CLIENT:PLAINTEXT"
        self.zookeeper = case.zookeeper()
        with ZkClient(self.zookeeper) as zookeeper:
            for path in ("/brokers", "/brokers/topics"):
                zookeeper.create(path)
            store_topic(zookeeper, self.half_synced, 0, [0])
            for topic in orphans:
                store_topic(zookeeper, topic, -1, [ABSENT_BROKER])
        self.broker = case.broker(
            self.zookeeper,
            port=own,
            environment=environment,
            settings={
                **SETTINGS,
                "listeners": listeners,
                "listener.security.protocol.map": protocols,
                **settings,
            },
        )
        self._names = 0
        self.client = None
        case.at_end(lambda: self.client.close())
        self.connect()

    def connect(self):
        self.client = Messages(self.broker.port)

    # Configs.

    def describe(self, kind, name, documentation=False):
        """[entry]"""
        resource = {"resource_type": kind, "resource_name": name, "configuration_keys": None}
        request = {"resources": [resource], "include_documentation": documentation}
        result = self.client.ask("DescribeConfigs", 3, request)["results"][0]
        assert result["error_code"] == 0, result
        return result["configs"]

    def alter(self, kind, name, key, value):
        """(error code, message); a value of None deletes."""
        config = {
            "name": key,
            "config_operation": DELETE if value is None else SET,
            "value": None if value is None else str(value),
        }
        resource = {"resource_type": kind, "resource_name": name, "configs": [config]}
        answer = self.client.ask("IncrementalAlterConfigs", 1, {"resources": [resource]})
        return answer["responses"][0]["error_code"], answer["responses"][0]["error_message"]

    # Topics and records.

    def topic(self, **configs):
        self._names += 1
        name = f"t{self._names}"
        entries = [{"name": k.replace("_", "."), "value": str(v)} for k, v in configs.items()]
        topic = {"name": name, "num_partitions": 1, "replication_factor": 1, "configs": entries}

        def is_created():
            answer = self.client.ask("CreateTopics", 2, {"topics": [topic], "timeout_ms": 10000})
            return answer["topics"][0]["error_code"] in (0, 36)

        wait_until(is_created, LIMIT_S, f"{name} is created")
        wait_until(lambda: self.leads(name), LIMIT_S, f"{name} is led")
        return name

    def leads(self, topic):
        return self.client.list_offsets(topic, 0)[0] == 0

    def folder(self, topic):
        return pathlib.Path(self.broker.log_dirs[0], f"{topic}-0")

    def put(self, topic, value, key=None, at=None, acks=1, **batch):
        """Its error code."""
        data = batch_of(record(0, value, key), 1, timestamp=now_ms() if at is None else at, **batch)
        return self.client.produce(topic, {0: data}, acks=acks)[0][0]

    def must_put(self, topic, value, key=None, at=None):
        code = self.put(topic, value, key, at)
        assert code == 0, code

    def segments(self, topic):
        return {path.name for path in self.folder(topic).glob("*.log")}

    def start_offset(self, topic):
        return self.client.list_offsets(topic, 0, -2)[1]

    def last_batch(self, topic):
        """The stored bytes of the newest batch."""
        end = self.client.list_offsets(topic, 0, -1)[1]
        data = self.client.fetch(topic, 0, end - 1)[2]
        while True:
            length = 12 + struct.unpack_from(">i", data, 8)[0]
            if length >= len(data):
                return data
            data = data[length:]

    def syncs(self):
        return struct.unpack("=q", self.sync_file.read_bytes())[0]

    def threads(self, prefix):
        names = pathlib.Path(f"/proc/{self.broker.process.pid}/task").glob("*/comm")
        return sum(path.read_text().startswith(prefix) for path in names)

    def registration(self):
        with ZkClient(self.zookeeper) as client:
            return client.get_json("/brokers/ids/0")


def happens(condition, within_s):
    """Whether it does. Only for what has no end that could be awaited instead."""
    try:
        wait_until(condition, within_s, "")
        return True
    except TimedOut:
        return False


class Setting:
    """A key at one of its levels."""

    def __init__(self, scene, key, kind, name):
        self.scene = scene
        self.key = key
        self.kind = kind
        self.name = name

    def __str__(self):
        return f"{self.key} of {self.name or 'all brokers'}"

    def set(self, value, topic=None):
        name = topic if self.kind == TOPIC else self.name
        code, message = self.scene.alter(self.kind, name, self.key, value)
        assert code == 0, (str(self), value, code, message)

    def toggles(self, topic, value, sample, before, after):
        """sample() shows one thing, with the value another, and the first again without it."""

        def shows(wanted, when):
            seen = []

            def is_so():
                seen[:] = [sample()]
                return seen[0] == wanted

            try:
                wait_until(is_so, LIMIT_S, "")
            except TimedOut:
                raise AssertionError(f"{self} {when}: {seen}, not {wanted}") from None

        shows(before, "not set")
        self.set(value, topic)
        try:
            shows(after, f"= {value}")
        finally:  # the next observer begins without it
            self.set(None, topic)
        shows(before, "deleted")
