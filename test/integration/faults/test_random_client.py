"""A client that sends anything: the broker lives, stays small, serves the others, starts again.

BARNABAS_RANDOM_S=N goes on for N seconds (scripts/soak.sh).
"""

import os
import pathlib
import re
import sys
import threading
import time

from harness import places
from harness.group_wire import GroupWire
from harness.wire import batch

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import disk_load  # noqa: E402
from random_client import RandomClient  # noqa: E402

SANITIZED = True
# For long where a wrong access shows at once.
SECONDS = int(os.environ.get("BARNABAS_RANDOM_S", "80" if "asan" in str(places.SERVER) else "10"))
LIMIT_S = (240 + 2 * SECONDS) // places.SLOWNESS + 60
MEMORY_MAX = (1500 if places.SANITIZED else 400) * 1024 * 1024
ANSWER_LIMIT_S = 10 * places.SLOWNESS
REQUESTS_MIN = 10 * SECONDS
# What the watch over loops says; of its two times the thread's own counts, as on a busy machine the
# other one says nothing.
HELD = r" wall_ms=\d+ cpu_ms=(\d+)"
HELD_MAX_MS = 200
SETTINGS = {
    "queued.max.request.bytes": 104_857_600,
    "auto.create.topics.enable": "false",
    # Records carry a time that was.
    "log.retention.ms": -1,
}

# Tests that do not hold yet, and why; BARNABAS_FAULT_ALL=1 runs them all the same.
SWITCHED_OFF = {}


def skip_if_off(case, name):
    if name in SWITCHED_OFF and "BARNABAS_FAULT_ALL" not in os.environ:
        case.skip(f"{name}: {SWITCHED_OFF[name]}")


class HonestClient(threading.Thread):
    """Produces, fetches and commits, and wants each answer soon."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._port = port
        self._stop_wanted = threading.Event()
        self.rounds = 0
        self.slowest_s = 0.0
        self.failure = None

    def run(self):
        try:
            with GroupWire(self._port, 10 * ANSWER_LIMIT_S) as connection:
                connection.find_coordinator("honest")
                while not self._stop_wanted.wait(0.02):
                    began = time.monotonic()
                    self.one_round(connection)
                    self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                    self.rounds += 1
        except Exception as e:  # pylint: disable=broad-except
            self.failure = f"{type(e).__name__}: {e}"

    def one_round(self, connection):
        code, offset = connection.produce("honest", {0: batch([b"honest"])}, acks=-1)[0]
        assert code == 0, f"produce: error {code}"
        code, _, data = connection.fetch("honest", 0, offset)
        assert code == 0 and offset in disk_load.records_of(data), f"fetch {offset}: error {code}"
        code = connection.commit("honest", "honest", 0, offset)
        assert code in (0, 14, 15, 16), f"commit: error {code}"

    def stop(self):
        self._stop_wanted.set()
        self.join(20 * ANSWER_LIMIT_S)
        assert not self.is_alive(), "an honest client waits for ever"
        assert self.failure is None, self.failure


def prepare(broker):
    with GroupWire(broker.port) as connection:
        for topic in ("honest", "t", "u"):
            assert disk_load.create_topic(connection, topic, 3) == 0
        for topic in ("t", "u"):
            for partition in range(3):
                disk_load.wait_until(
                    lambda t=topic, p=partition: connection.produce(t, {p: batch([b"x"] * 5)})[p][0]
                    == 0,
                    30,
                    "a leader",
                )


def attack(case, broker, client, seconds):
    until = time.monotonic() + seconds
    next_look = 0.0
    most = 0
    while time.monotonic() < until:
        client.step()
        if time.monotonic() < next_look:
            continue
        next_look = time.monotonic() + 0.2
        if not broker.running() or client.malformed:
            break
        most = max(most, broker.process.resident_bytes())
    client.close()
    if not broker.running() or client.malformed:
        reproducer = case.path("reproducer.txt")
        client.write_reproducer(reproducer)
        tail = "\n".join(broker.log.lines()[-30:])
        state = "lives" if broker.running() else "has ended"
        raise AssertionError(
            f"the broker {state} after {client.sent} requests; {reproducer}; "
            f"{client.malformed[:3]}\n{tail}"
        )
    return most


def report(client, most, honest):
    known = sum(api.versions.high - api.versions.low + 1 for api in client.apis)
    print(
        f"{client.sent} requests, {client.large} large, {sum(client.answered.values())} answers of "
        f"{len(client.answered)} of {known} versions, {most >> 20} MB, "
        f"{honest.rounds if honest else 0} honest rounds, slowest "
        f"{honest.slowest_s if honest else 0:.1f} s; closed after {dict(client.closed)}"
    )


def test_any_request(case):
    broker = case.single(settings=SETTINGS)
    prepare(broker)
    honest = HonestClient(broker.port)
    honest.start()
    client = RandomClient(broker.port, case.random)
    most = attack(case, broker, client, SECONDS)
    honest.stop()
    report(client, most, honest)
    assert client.sent >= REQUESTS_MIN, "too few requests to prove anything"
    assert len(client.answered) > 60, "too few versions were answered"
    assert honest.rounds > SECONDS, "the honest client did not come along"
    assert honest.slowest_s < ANSWER_LIMIT_S, f"an honest client waited {honest.slowest_s:.1f} s"
    assert most < MEMORY_MAX, f"{most >> 20} MB"
    held = [x for x in broker.log.lines(HELD) if int(re.search(HELD, x)[1]) > HELD_MAX_MS]
    assert not held or places.SANITIZED, "\n".join(held[:10])
    broker.stop()
    # Nothing that came in may be in the way of the next start.
    broker.start()
    broker.stop()


def test_any_request_of_a_controller(case):
    """With epochs that count, topics go and come, and others cannot be served: it lives, it stops,
    and it starts again."""
    skip_if_off(case, "test_any_request_of_a_controller")
    broker = case.single(settings=SETTINGS)
    prepare(broker)
    client = RandomClient(broker.port, case.random, everything_allowed=True)
    client.apis = [
        api
        for api in client.apis
        # Settings of the broker itself may end its service by design, as may partitions by the
        # million.
        if "AlterConfigs" not in api.name and api.name not in ("CreateTopics", "CreatePartitions")
    ]
    most = attack(case, broker, client, SECONDS // 2)
    report(client, most, None)
    broker.terminate(90)
    broker.start()
    broker.stop()
