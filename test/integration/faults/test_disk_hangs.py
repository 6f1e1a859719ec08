"""A disk that hangs for longer than a session lasts: the session lives, the data too."""

import os
import pathlib
import sys
import threading
import time

from harness import kafka_tools, places, schema_wire
from harness.fault_injector import LIBRARY, FaultInjector
from harness.load import Load, assert_all_there, read_numbers
from harness.process import run
from harness.waiting import wait_until
from harness.wire import Wire, batch
from harness.zkcli import ZkClient

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import disk_load  # noqa: E402

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


def look_up(port, partition):
    """(error, offset) of the first record of any time, which is looked up on the disk."""
    api = schema_wire.apis()["ListOffsets"]
    wanted = {"partition_index": partition, "current_leader_epoch": -1, "timestamp": 1}
    topics = [{"name": "t", "partitions": [wanted]}]
    values = {"replica_id": -1, "isolation_level": 0, "topics": topics}
    with Wire(port, timeout_s=LIMIT_S) as client:
        client.send_frame(schema_wire.request(api, 5, values))
        answer = schema_wire.response(api, 5, client.receive_frame())
    found = answer["topics"][0]["partitions"][0]
    return found["error_code"], found["offset"]


def test_a_directory_that_hangs_holds_up_no_look_ups_in_another(case):
    if not LIBRARY.exists():
        case.skip(f"{LIBRARY} is not built")
    faults = FaultInjector(case.path("faults", "x").parent)
    first, second = case.path("data-a"), case.path("data-b")
    broker = case.broker(
        case.zookeeper(), log_dirs=[first, second], environment=faults.environment
    )
    with Wire(broker.port) as connection:
        assert disk_load.create_topic(connection, "t", 2, {"retention.ms": "-1"}) == 0

    def append(partition):
        with Wire(broker.port) as connection:
            return connection.produce("t", {partition: batch([b"x"])}, timeout_ms=5000)

    for partition in (0, 1):
        wait_until(lambda p=partition: append(p)[p][0] == 0, 30, "the partition has a leader")
    ill, healthy = (0, 1) if (first / "t-0").is_dir() else (1, 0)
    assert (second / f"t-{healthy}").is_dir(), "each directory has a partition"
    delay_s = 10
    faults.rule("read", f"delay:{delay_s * 1000}", prefix=f"{first}/").arm(1)
    waiting = [threading.Thread(target=look_up, args=(broker.port, ill)) for _ in range(12)]
    for thread in waiting:
        thread.start()
    wait_until(faults.events, 30, "reads hang")
    begun = time.monotonic()
    assert look_up(broker.port, healthy) == (0, 0)
    took_s = time.monotonic() - begun
    faults.disarm()
    for thread in waiting:
        thread.join()
    assert took_s < delay_s / 2, f"{took_s} s for a look-up in the healthy directory"
