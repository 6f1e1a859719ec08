"""What consumer groups cost: many idle ones, and one that many members join at once."""

import time

from process_stats import cpu_ns, memory_mb
from systems import run_loader

IDLE_S = 10
TOPIC = "groups"


def measure(system, quick):
    """(what, value, aim) of one server that has seen no group yet."""
    groups, members = (1_000, 50) if quick else (10_000, 500)
    system.create_topic(TOPIC)
    before_mb = memory_mb(system.pid)[0]
    run_loader(
        "commit", system.port, topic=TOPIC, group="idle", groups=groups, requests=groups
    )
    time.sleep(1)  # a background flush may follow the commits
    after_mb = memory_mb(system.pid)[0]
    cpu_before, began = cpu_ns(system.pid), time.monotonic()
    time.sleep(1 if quick else IDLE_S)
    busy = (cpu_ns(system.pid) - cpu_before) / 1e9 / (time.monotonic() - began)
    joined = run_loader("join", system.port, topic=TOPIC, members=members)
    return [
        (f"{groups:,} idle groups with an offset each, MB more", after_mb - before_mb, 100),
        ("the same, share of a core in %", 100 * busy, 3),
        (f"a group of {members} members joins, s with the initial delay of 3 s",
         joined["elapsed_s"], 8),
    ]
