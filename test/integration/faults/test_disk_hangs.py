"""A disk that hangs for longer than a session lasts: the session lives, the data too."""

import os
import time

from harness import kafka_tools, places
from harness.load import Load, assert_all_there, read_numbers
from harness.process import run
from harness.waiting import wait_until
from harness.zkcli import ZkClient

LIMIT_S = 300
FROZEN_S = places.sized(10, 30)
SIZE_MB = 600


def mounted_ext4(case):
    """A file system of its own, in a file; skips where that is not permitted."""
    if os.geteuid() != 0:
        case.skip("mounting needs root")
    image = case.path("disk.image")
    with open(image, "wb") as file:
        file.truncate(SIZE_MB * 1024 * 1024)
    made = run(["mkfs.ext4", "-q", "-F", image])
    if made.returncode != 0:
        case.skip(f"mkfs.ext4: {made.stderr.strip()}")
    where = case.path("disk", "x").parent
    mounted = run(["mount", "-o", "loop", image, where])
    if mounted.returncode != 0:
        case.skip(f"mount -o loop: {mounted.stderr.strip()}")
    case.at_end(lambda: run(["umount", "-l", where]))
    return where


def test_frozen_file_system(case):
    where = mounted_ext4(case)
    zookeeper = case.zookeeper()
    broker = case.broker(
        zookeeper, log_dirs=[where / "data"], settings={"zookeeper.session.timeout.ms": 4000}
    )
    kafka_tools.create_topic(broker, "t", partitions=10)
    load = Load(case, broker.address, "t", 10, rate=5500, linger_ms=2, enable_idempotence="true")
    load.wait_acked(5000)
    with ZkClient(zookeeper) as client:
        before = client.exists("/brokers/ids/0").czxid
        frozen = run(["fsfreeze", "-f", where])
        if frozen.returncode != 0:
            case.skip(f"fsfreeze: {frozen.stderr.strip()}")
        case.at_end(lambda: run(["fsfreeze", "-u", where]))
        until = time.monotonic() + FROZEN_S

        def over():
            now = client.exists("/brokers/ids/0")
            assert now and now.czxid == before, "the session has expired"
            return time.monotonic() > until

        at_freeze = load.acked_now()
        wait_until(over, FROZEN_S + 10, "the time of the hang is over", poll_s=0.1)
        assert load.acked_now() - at_freeze < 20_000, "the fault has fired: appends stand still"
        assert run(["fsfreeze", "-u", where]).returncode == 0
        load.wait_more(5000)
        assert client.exists("/brokers/ids/0").czxid == before
    acked = load.stop()
    assert_all_there(acked, read_numbers(broker, "t"), duplicates_allowed=False)
    broker.stop()
