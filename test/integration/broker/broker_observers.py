"""What shows that a key of the broker itself is in force."""

import re
import time

from harness.messages import Messages
from harness.waiting import wait_until
from harness.wire import Wire, batch_of, record
from integration.broker.config_scene import HOUR_MS, LIMIT_S, happens, now_ms
from integration.broker.log_observers import dirty

OUT_OF_ORDER_SEQUENCE_NUMBER = 45


def answered(port, count, within_s):
    """How many of that many connections are served, while all are open."""
    opened = []
    served = 0
    try:
        for _ in range(count):
            opened.append(Messages(port, timeout_s=within_s))
            try:
                opened[-1].api_versions()
                served += 1
            except OSError:
                pass
    finally:
        for one in opened:
            one.close()
    return served


def connections(value, open_before, count=6):
    """Fewer of them are served with the limit."""

    def observe(scene, setting):
        port = scene.client_port
        setting.toggles(
            None, value, lambda: answered(port, count, 0.5) - open_before < count, False, True
        )

    return observe


def creation_rate(scene, setting):
    """Fifteen connections at five a second take longer than a moment."""

    def takes_long():
        begun = time.monotonic()
        for _ in range(15):
            with Wire(scene.client_port) as one:
                one.api_versions()
        return time.monotonic() - begun > 1

    setting.toggles(None, 5, takes_long, False, True)


def producer_id_expiration(scene, setting):
    topic = scene.topic()

    def is_forgotten():
        _, producer, epoch = scene.client.init_producer_id()

        def put(sequence):
            data = batch_of(
                record(0, b"x"),
                1,
                timestamp=now_ms(),
                producer=producer,
                epoch=epoch,
                sequence=sequence,
            )
            return scene.client.produce(topic, {0: data})[0][0]

        assert put(0) == 0
        return happens(lambda: put(7) == 0, 0.5)

    setting.toggles(None, 1, is_forgotten, False, True)


def advertised_listeners(scene, setting):
    endpoints = scene.registration()["endpoints"]
    others = [endpoint.replace("127.0.0.1", "localhost") for endpoint in endpoints]
    setting.toggles(
        None, ",".join(others), lambda: scene.registration()["endpoints"], endpoints, others
    )


# The cleaner.


CLEANER_LOOKS_S = 0.3


def is_compacted(scene, topic, within_s):
    since = scene.broker.log.position()
    dirty(scene, topic)

    def lines():
        return scene.broker.log.lines(rf" {topic}-0 compacted", since)

    seen = happens(lines, within_s)
    # A cleaner pauses only after a look that found nothing: the next sample leaves it time for one.
    while happens(lambda count=len(lines()): len(lines()) > count, CLEANER_LOOKS_S):
        pass
    return seen


def slow_cleaner(value):
    """With the value nothing is compacted within a second and a half."""

    def observe(scene, setting):
        topic = scene.topic(
            cleanup_policy="compact", segment_bytes=400, min_cleanable_dirty_ratio=0
        )
        setting.toggles(None, value, lambda: is_compacted(scene, topic, 1.5), True, False)

    return observe


def cleaner_threads(scene, setting):
    setting.toggles(None, 2, lambda: scene.threads("cleaner"), 1, 2)


def cleaner_map(value):
    """Two thousand keys: in several rounds with the file's small map, in one with another."""

    def observe(scene, setting):
        numbers = iter(range(1000))

        def needs_one_round():
            topic = scene.topic(segment_bytes=20_000, min_cleanable_dirty_ratio=0)
            for _ in range(22):
                base = next(numbers) * 100
                records = b"".join(record(i, b"v", b"key %d" % (base + i)) for i in range(100))
                data = batch_of(records, 100, timestamp=now_ms())
                assert scene.client.produce(topic, {0: data})[0][0] == 0
            # All at once: as long as the topic is not compacted nothing is.
            scene.alter(2, topic, "cleanup.policy", "compact")
            line = scene.broker.log.wait_for(rf" {topic}-0 compacted .*keys=", LIMIT_S)
            return int(re.search(r"keys=(\d+)", line).group(1)) > 1000

        setting.toggles(None, value, needs_one_round, False, True)

    return observe


# Our own log.


def log_level(scene, setting):
    def speaks():
        since = scene.broker.log.position()
        with Wire(scene.client_port) as one:
            one.api_versions()
        return happens(lambda: scene.broker.log.lines(" DEBUG connection closed", since), 0.5)

    setting.toggles(None, "debug", speaks, False, True)


def server_logs(scene):
    return [p for p in (scene.broker.directory / "logs").iterdir() if "server.log" in p.name]


def fill_log(scene):
    for _ in range(20):
        scene.alter(4, "0", "unknown.key", "x" * 10)
        scene.alter(4, "0", "unknown.key", "y" * 10)


def log_file_bytes(scene, setting):
    def is_put_aside():
        fill_log(scene)
        return len(server_logs(scene)) > 1

    assert not is_put_aside()
    setting.set(1000)
    wait_until(is_put_aside, LIMIT_S, "server.log is put aside")
    setting.set(None)


def log_files(scene, setting):
    """How many are kept, of small ones."""
    scene.alter(4, "0", "barnabas.log.file.bytes", 500)

    def kept(count):
        fill_log(scene)
        return len(server_logs(scene)) == 1 + count

    for value in (2, 4, 1):
        setting.set(value)
        wait_until(lambda n=value: kept(n), LIMIT_S, f"{value} files are kept")
    setting.set(None)
    scene.alter(4, "0", "barnabas.log.file.bytes", None)


SMALL_MAP = {
    "log.cleaner.dedupe.buffer.size": 2_200_000,
    "log.cleaner.io.buffer.load.factor": 0.01,
}
# Settings of the file beside the usual ones, and the observers that need them.
BROKER_OBSERVERS = {
    "max.connections": connections(4, 0),
    "max.connections.per.ip": connections(4, 0),
    "max.connections.per.ip.overrides": connections("127.0.0.1:4", 0),
    "max.connection.creation.rate": creation_rate,
    "listener.name.client.max.connections": connections(3, 0),
    "listener.name.client.max.connection.creation.rate": creation_rate,
    "producer.id.expiration.ms": producer_id_expiration,
    "advertised.listeners": advertised_listeners,
    "log.cleaner.threads": cleaner_threads,
    "log.cleaner.backoff.ms": slow_cleaner(HOUR_MS),
    "log.cleaner.io.max.bytes.per.second": slow_cleaner(100),
    "log.cleaner.dedupe.buffer.size": cleaner_map(134217728),
    "log.cleaner.io.buffer.load.factor": cleaner_map(0.9),
    "barnabas.log.level": log_level,
    "barnabas.log.file.bytes": log_file_bytes,
    "barnabas.log.files": log_files,
}
