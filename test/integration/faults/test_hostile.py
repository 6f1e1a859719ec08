"""Hostile input from a thousand connections: the broker lives, stays small, serves the others."""

import pathlib
import sys
import time

from harness import kcat, places
from harness.waiting import wait_until
from harness.wire import Wire

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from hostile import Attacker  # noqa: E402

SANITIZED = True
LIMIT_S = 180
SECONDS = places.sized(10, 60)
ATTACKS_MIN = 3_000 if places.SANITIZED else 10_000
MEMORY_MAX = 200 * 1024 * 1024
LOG_LINES_MAX = 3_000
ANSWER_LIMIT_S = 2


def test_hostile_input(case):
    # With the usual backlog of 50 the kernel would hold the attacker back, not the broker.
    broker = case.single(
        settings={"queued.max.request.bytes": 104_857_600, "socket.listen.backlog.size": 1000}
    )
    kcat.produce(broker, "t", b"before\n", partition=0)
    sockets = broker.process.open_sockets()
    attacker = Attacker(broker.port, case.random, "t")
    case.at_end(attacker.close)
    until = time.monotonic() + SECONDS
    next_look = 0.0
    most, slowest, looks = 0, 0.0, 0
    with Wire(broker.port) as honest:
        while time.monotonic() < until:
            attacker.attack()
            if time.monotonic() < next_look:
                continue
            assert broker.running(), f"the broker is gone: {broker.log.path}"
            began = time.monotonic()
            assert honest.list_offsets("t", 0)[0] == 0
            slowest = max(slowest, time.monotonic() - began)
            most = max(most, broker.process.resident_bytes())
            looks += 1
            next_look = time.monotonic() + 0.1
    print(
        f"{attacker.attacks} attacks, {len(attacker.open)} connections open at the end, "
        f"{most >> 20} MB, slowest answer {slowest * 1000:.0f} ms"
    )
    assert attacker.attacks >= ATTACKS_MIN, "too few attacks to prove anything"
    assert len(attacker.open) > 100 and looks > SECONDS
    attacker.close()
    wait_until(
        lambda: broker.process.open_sockets() <= sockets + 20,
        70 * places.SLOWNESS,
        "connections that are gone are closed here too",
    )
    kcat.produce(broker, "t", b"after\n", partition=0)
    assert kcat.consume(broker, "t").endswith(b"after\n")
    lines = len(broker.log.lines())
    assert lines < LOG_LINES_MAX, f"{lines} lines in the log: limits of rate do not work"
    assert slowest < ANSWER_LIMIT_S * places.SLOWNESS, f"an honest client waited {slowest:.1f} s"
    if not places.SANITIZED:
        assert most < MEMORY_MAX, f"{most >> 20} MB"
    broker.stop()
